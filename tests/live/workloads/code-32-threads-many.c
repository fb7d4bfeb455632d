// build: -m32
// differs: */area/ffffffffff600000-* */count/areas
// threads-many as a 32-bit program.
#include "threads-many.c"

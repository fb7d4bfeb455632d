// build: -m32
// differs: */area/ffffffffff600000-* */count/areas
// stopped as a 32-bit program.
#include "stopped.c"

// build: -m32
// differs: */area/ffffffffff600000-* */count/areas
// shared-everything as a 32-bit program.
#include "shared-everything.c"

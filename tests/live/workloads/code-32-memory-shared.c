// build: -m32
// differs: */area/ffffffffff600000-* */count/areas
// memory-shared as a 32-bit program.
#include "memory-shared.c"

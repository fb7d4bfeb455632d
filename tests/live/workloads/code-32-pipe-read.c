// build: -m32
// differs: */area/ffffffffff600000-* */count/areas
// pipe-read as a 32-bit program.
#include "pipe-read.c"

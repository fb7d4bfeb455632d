// build: -m32
// differs: */area/ffffffffff600000-* */count/areas
// sigsuspend as a 32-bit program.
#include "sigsuspend.c"

// build: -m32
// differs: */area/ffffffffff600000-* */count/areas
// vdso as a 32-bit program.
#include "vdso.c"

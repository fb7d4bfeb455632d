// build: -m32
// differs: */area/ffffffffff600000-* */count/areas
// alternate-stack as a 32-bit program.
#include "alternate-stack.c"

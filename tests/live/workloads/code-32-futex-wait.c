// build: -m32
// differs: */area/ffffffffff600000-* */count/areas
// futex-wait as a 32-bit program.
#include "futex-wait.c"

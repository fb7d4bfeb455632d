// build: -m32
// differs: */area/ffffffffff600000-* */count/areas
// interval-timers as a 32-bit program.
#include "interval-timers.c"

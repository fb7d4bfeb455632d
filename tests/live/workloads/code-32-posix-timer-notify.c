// build: -m32
// differs: */area/ffffffffff600000-* */count/areas
// posix-timer-notify as a 32-bit program.
#include "posix-timer-notify.c"

// build: -m32
// differs: */area/ffffffffff600000-* */count/areas
// epoll-wait as a 32-bit program.
#include "epoll-wait.c"

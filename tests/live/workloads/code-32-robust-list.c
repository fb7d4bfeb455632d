// build: -m32
// differs: */area/ffffffffff600000-* */count/areas
// robust-list as a 32-bit program.
#include "robust-list.c"

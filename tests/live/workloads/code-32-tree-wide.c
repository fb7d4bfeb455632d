// build: -m32
// differs: */area/ffffffffff600000-* */count/areas
// tree-wide as a 32-bit program.
#include "tree-wide.c"

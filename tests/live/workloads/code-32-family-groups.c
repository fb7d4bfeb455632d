// build: -m32
// differs: */area/ffffffffff600000-* */count/areas
// family-groups as a 32-bit program.
#include "family-groups.c"

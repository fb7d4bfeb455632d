// build: -m32
// differs: */area/ffffffffff600000-* */count/areas
// rseq as a 32-bit program.
#include "rseq.c"

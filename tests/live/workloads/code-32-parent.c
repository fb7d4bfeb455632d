// build: -m32
// differs: */area/ffffffffff600000-* */count/areas
// A 32-bit program with a 64-bit child, which is the workload registers-general.
#define OTHER "registers-general"
#include "other-code.h"

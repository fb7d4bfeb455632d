// differs: */area/ffffffffff600000-* */count/areas
// A 64-bit program with a 32-bit child, which is the workload code-32.
#define OTHER "code-32"
#include "other-code.h"

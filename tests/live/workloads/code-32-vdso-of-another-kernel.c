// build: -m32
// modes: other-vdso
// differs: */area/* */count/areas */status/VmSize */status/VmData */stat/vsize */status/VmExe */status/VmLib
// vdso-of-another-kernel as a 32-bit program, which makes its system calls by the vDSO as well.
#include "vdso-of-another-kernel.c"

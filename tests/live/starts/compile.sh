# needs: gcc
# What a compiler driver starts: compiler, assembler, linker, and then the program.
printf '#include <stdio.h>\nint main(void) { return printf("%%zu\\n", sizeof(long)) < 0; }\n' > new.c
gcc -O1 -o new new.c && ./new

# needs: gcc
# A compiler: its driver, the compiler proper and the assembler, one after the other and joined by pipes.
awk 'BEGIN {
    for (i = 0; i < 45; ++i)
        printf "int f%d(const int *p, int n) { int s = %d; for (int i = 0; i < n; ++i) s = s * %d + (p[i] ^ s >> %d);" \
               " switch (s %% 7) { case 0: return s + %d; case 1: return s * 3; case 4: return -s; default: return s; } }\n",
               i, i, i + 3, i % 13, i
    print "int main(void) { int a[3] = {1, 2, 3}; return f7(a, 3) & 127; }"
}' > many.c
for ((times = 0; times < LENGTH; ++times)); do
    for options in "-O2" "-O1 -pipe" "-O3 -funroll-loops"; do
        gcc $options -c many.c -o many.o && cksum < many.o
    done
done
gcc many.o -o many && ./many
echo "ran: $?"

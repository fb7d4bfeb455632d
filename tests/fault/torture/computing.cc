// Workers whose results show whether registers, flags, the red zone and restartable sequences were kept.
#include "torture.h"

#include <cstring>
#include <immintrin.h>
#include <sys/rseq.h>

__attribute__((target("avx2"))) void avx_round()
{
    __m256d a = _mm256_set_pd(1, 2, 3, 4), b = _mm256_set1_pd(1.0000001);
    for (int i = 0; i < 20000; i++)
        a = _mm256_add_pd(_mm256_mul_pd(a, b), _mm256_set1_pd(1e-9));
    static double expected[4];
    double got[4];
    _mm256_storeu_pd(got, a);
    if (expected[0] == 0)
        memcpy(expected, got, sizeof got);
    else if (memcmp(expected, got, sizeof got) != 0)
        fail("AVX registers changed");
    pause_us(300);
}

void x87_round()
{
    static long double expected;
    long double x = 1.5L;
    for (int i = 0; i < 20000; i++)
        asm volatile("fld1\n fadd %%st(1), %%st\n fsqrt\n fstp %%st(1)" : "+t"(x));
    if (expected == 0)
        expected = x;
    else if (memcmp(&expected, &x, 10) != 0)
        fail("x87 registers changed");
    pause_us(300);
}

// Sets the flags, spins without touching them, looks.
void flags_round()
{
    static unsigned pattern;
    pattern = pattern * 1664525 + 1013904223;
    constexpr uint64_t kUser = 0x8d5 | 0x400; // CF PF AF ZF SF OF DF
    uint64_t want = 0x202 | (pattern >> 8 & kUser), got;
    uint64_t count = 20000;
    asm volatile("push %2\n popfq\n"
                 "1: lea -1(%1), %1\n jrcxz 2f\n jmp 1b\n"
                 "2: pushfq\n pop %0\n cld"
                 : "=&r"(got), "+c"(count)
                 : "r"(want)
                 : "cc", "memory");
    if ((got & kUser) != (want & kUser))
        fail("flags were %lx and are %lx", want, got);
    pause_us(300);
}

// Every general register but rsp and the counter holds a pattern; the red zone too.
void registers_round()
{
    uint64_t bad = 0;
    asm volatile("sub $256, %%rsp\n push %%rbp\n push %%rbx\n"
                 "movabs $0x1111111111111111, %%rax\n mov %%rax, -8(%%rsp)\n mov %%rax, -128(%%rsp)\n"
                 "movabs $0x2222222222222222, %%rbx\n movabs $0x3333333333333333, %%rdx\n"
                 "movabs $0x4444444444444444, %%rsi\n movabs $0x5555555555555555, %%rdi\n"
                 "movabs $0x6666666666666666, %%rbp\n movabs $0x7777777777777777, %%r8\n"
                 "movabs $0x8888888888888888, %%r9\n movabs $0x9999999999999999, %%r10\n"
                 "movabs $0xaaaaaaaaaaaaaaaa, %%r11\n movabs $0xbbbbbbbbbbbbbbbb, %%r12\n"
                 "movabs $0xcccccccccccccccc, %%r13\n movabs $0xdddddddddddddddd, %%r14\n"
                 "movabs $0xeeeeeeeeeeeeeeee, %%r15\n mov $20000, %%ecx\n"
                 "1: lea -1(%%rcx), %%rcx\n jrcxz 2f\n jmp 1b\n"
                 // xor with the pattern: all zero, or'ed together, when nothing changed
                 "2: movabs $0x1111111111111111, %%rcx\n"
                 "xor %%rcx, -8(%%rsp)\n xor %%rcx, -128(%%rsp)\n xor %%rcx, %%rax\n"
                 "lea (%%rcx,%%rcx), %%rcx\n xor %%rcx, %%rbx\n or %%rbx, %%rax\n"
                 "movabs $0x3333333333333333, %%rcx\n xor %%rcx, %%rdx\n or %%rdx, %%rax\n"
                 "movabs $0x4444444444444444, %%rcx\n xor %%rcx, %%rsi\n or %%rsi, %%rax\n"
                 "movabs $0x5555555555555555, %%rcx\n xor %%rcx, %%rdi\n or %%rdi, %%rax\n"
                 "movabs $0x6666666666666666, %%rcx\n xor %%rcx, %%rbp\n or %%rbp, %%rax\n"
                 "movabs $0x7777777777777777, %%rcx\n xor %%rcx, %%r8\n or %%r8, %%rax\n"
                 "movabs $0x8888888888888888, %%rcx\n xor %%rcx, %%r9\n or %%r9, %%rax\n"
                 "movabs $0x9999999999999999, %%rcx\n xor %%rcx, %%r10\n or %%r10, %%rax\n"
                 "movabs $0xaaaaaaaaaaaaaaaa, %%rcx\n xor %%rcx, %%r11\n or %%r11, %%rax\n"
                 "movabs $0xbbbbbbbbbbbbbbbb, %%rcx\n xor %%rcx, %%r12\n or %%r12, %%rax\n"
                 "movabs $0xcccccccccccccccc, %%rcx\n xor %%rcx, %%r13\n or %%r13, %%rax\n"
                 "movabs $0xdddddddddddddddd, %%rcx\n xor %%rcx, %%r14\n or %%r14, %%rax\n"
                 "movabs $0xeeeeeeeeeeeeeeee, %%rcx\n xor %%rcx, %%r15\n or %%r15, %%rax\n"
                 "or -8(%%rsp), %%rax\n or -128(%%rsp), %%rax\n"
                 "pop %%rbx\n pop %%rbp\n add $256, %%rsp\n"
                 : "=&a"(bad)
                 :
                 : "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "cc",
                   "memory");
    if (bad)
        fail("general registers or the red zone changed: %lx", bad);
    pause_us(300);
}

// Per-CPU counters by restartable sequences: no increment may be lost or made twice.
void rseq_round()
{
    static uint64_t counters[512], total;
    if (__rseq_size == 0)
        return pause_us(1000);
    auto *area =
        reinterpret_cast<struct rseq *>(static_cast<char *>(__builtin_thread_pointer()) + __rseq_offset);
    for (int i = 0; i < 2000; i++) {
        for (;;) {
            uint32_t cpu = __atomic_load_n(&area->cpu_id_start, __ATOMIC_RELAXED);
            uint64_t done = 0;
            asm volatile(".pushsection __rseq_cs, \"aw\"\n .balign 32\n"
                         "3: .long 0, 0\n .quad 1f, 2f - 1f, 4f\n .popsection\n"
                         "lea 3b(%%rip), %%rax\n mov %%rax, %[cs]\n"
                         "1: cmp %[cpu], %[now]\n jne 5f\n"
                         "mov %[counter], %%rax\n lea 1(%%rax), %%rax\n"
                         "mov $400, %%ecx\n 6: dec %%ecx\n jnz 6b\n" // long enough to be met in here
                         "mov %%rax, %[counter]\n"
                         "2: mov $1, %[done]\n jmp 5f\n"
                         ".long 0x53053053\n"
                         "4: xor %k[done], %k[done]\n"
                         "5: movq $0, %[cs]\n"
                         : [done] "+&r"(done), [cs] "+m"(area->rseq_cs), [counter] "+m"(counters[cpu & 511])
                         : [cpu] "r"(cpu), [now] "m"(area->cpu_id)
                         : "rax", "rcx", "cc", "memory");
            if (done)
                break;
        }
        total++;
    }
    uint64_t sum = 0;
    for (uint64_t c : counters)
        sum += c;
    if (sum != total)
        fail("rseq counters add up to %lu instead of %lu", sum, total);
    pause_us(300);
}

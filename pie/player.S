/* The player: runs a program (ops.h) inside a task.
 *
 * It works wherever it is copied to, and with any stack: the stack pointer is neither used nor changed, so that
 * a thread may be born straight into it, and a signal frame may be put on the original stack at any moment. It
 * only reads the operations; what it writes is what they name. No register outside of the general ones.
 *
 * Argument registers that an operation does not give are zero: the kernel looks at them in some calls.
 * r12 points behind the arguments of the current call, r15 counts the repetitions left. After a failure rbp
 * holds the result of the call that failed, for a tracer that has no record to look at.
 */
#include "ops.h"

#define CODE CR_OP_OFF_CODE(%rbx)
#define FLAGS CR_OP_OFF_FLAGS(%rbx)
#define WORD(n) CR_OP_HEAD + 8 * n(%rbx)

#define NR_futex 202
#define FUTEX_WAIT 0
#define FUTEX_WAKE 1

#ifndef CR_PLAYER_INCLUDED /* inject.S has a player in its own image */
        .section .rodata.cr_player, "a", @progbits
        .globl cr_player_begin, cr_player_end
        .hidden cr_player_begin, cr_player_end
        .balign 16
#endif
cr_player_begin:
step:
        movzbl CODE, %eax
        cmpb $CR_OP_CLONE, %al
        jbe call
        movq WORD(0), %rdi
        movq WORD(1), %rsi /* may be read past the end of an operation of one word: regions end in padding */
        cmpb $CR_OP_COPY8, %al
        jb leave
        je copy
        cmpb $CR_OP_WAIT, %al
        jb add
        je wait
        movq %rdi, %r14 /* SETFAIL */
        movq %rsi, %r13
next:
        movzbl CR_OP_OFF_WORDS(%rbx), %eax
        leaq (%rbx, %rax, 8), %rbx
        jmp step

leave: /* JMP, NATIVE */
        cmpb $CR_OP_NATIVE, %al
        je native
        movq %rdi, %rbx
        jmp step
native:
        jmp *%rdi

copy:
        movq (%rsi), %rax
        movq %rax, (%rdi)
        jmp next

add:
        movl %esi, %eax
        lock xaddl %eax, (%rdi)
        addl %esi, %eax
        cmpl WORD(2), %eax
        jb next
        movl $FUTEX_WAKE, %esi
        movl $0x7fffffff, %edx
        movl $NR_futex, %eax
        syscall
        jmp next

wait:
        movl (%rdi), %edx
        cmpl %esi, %edx
        jae next
        xorl %esi, %esi /* FUTEX_WAIT */
        xorl %r10d, %r10d
        movl $NR_futex, %eax
        syscall
        jmp step

call:
        leaq CR_OP_HEAD(%rbx), %rax
        movzbl CR_OP_OFF_NARGS(%rbx), %ecx
        leaq (%rax, %rcx, 8), %r12
        xorl %edi, %edi
        xorl %esi, %esi
        xorl %edx, %edx
        xorl %r10d, %r10d
        xorl %r8d, %r8d
        xorl %r9d, %r9d
        xorl %r15d, %r15d
        testb $CR_OP_REPEAT, FLAGS
        jz load
        movzbl FLAGS, %r15d
        andl $CR_OP_EXPECT, %r15d
        movq (%r12, %r15, CR_OP_EXPECT_SCALE), %r15
        decq %r15
load: /* adds the words at rax (the arguments, later the steps) to the registers */
        movzbl CR_OP_OFF_NARGS(%rbx), %ecx
        decl %ecx
        js go
        addq (%rax), %rdi
        decl %ecx
        js go
        addq 8(%rax), %rsi
        decl %ecx
        js go
        addq 16(%rax), %rdx
        decl %ecx
        js go
        addq 24(%rax), %r10
        decl %ecx
        js go
        addq 32(%rax), %r8
        decl %ecx
        js go
        addq 40(%rax), %r9
go:
        movl CR_OP_OFF_NR(%rbx), %eax
#ifndef CR_PLAYER_INCLUDED
        testb $CR_OP_CODE32, FLAGS
        jnz go_32
#endif
        syscall
called:
        cmpb $CR_OP_CLONE, CODE
        jne returned
        addq $8, %r12
        testq %rax, %rax
        jnz returned
        movq -8(%r12), %rbx /* the child */
        jmp step
returned:
        movq CR_OP_OFF_RESULT(%rbx), %rcx
        testq %rcx, %rcx
        jz check
        movq %rax, (%rcx)
check:
        testb $CR_OP_EXPECT, FLAGS
        jz must
        cmpq (%r12), %rax
        jne fail
must:
        testb $CR_OP_MUST, FLAGS
        jz again
        cmpq $-4095, %rax
        jae fail
again:
        decq %r15
        js next
        movzbl FLAGS, %eax
        andl $CR_OP_EXPECT, %eax
        leaq 8(%r12, %rax, CR_OP_EXPECT_SCALE), %rax
        jmp load

#ifndef CR_PLAYER_INCLUDED
go_32: /* r8 to r11 may come back as zero */
        movq %rbx, %r12
        movl %edi, %ebx
        movl %esi, %ecx
        movl %r10d, %esi
        movl %r8d, %edi
        movl %r9d, %ebp
        int $0x80
        movq %r12, %rbx
        cltq
        movzbl CR_OP_OFF_NARGS(%rbx), %ecx
        leaq CR_OP_HEAD(%rbx, %rcx, 8), %r12
        jmp called
#endif

fail:
        testq %r14, %r14
        jz unrecorded
        movq %rbx, (%r14)
        movq %rax, 8(%r14)
unrecorded:
        movq %rax, %rbp
        movq %r13, %rbx
        jmp step
cr_player_end:

#ifndef CR_PLAYER_INCLUDED
        .section .note.GNU-stack, "", @progbits
#endif

/* What is put into a stopped task so that its threads run calls for us: a player, and one slot per thread with the
 * ways into the player and back to where the thread was. It lies in the unused end of the vDSO's page, which the
 * task can read and execute but not write.
 *
 * Everything here must end well without a tracer, which may die at any instant: then the kernel lets the thread run
 * from the registers it has at that moment. So each entry leads, through the player or not, to `resume`, which
 * lets pending signals in, puts the signal mask and all registers back and jumps to where the thread was. It needs
 * neither a stack nor rt_sigreturn(2) (which would make an interrupted nanosleep(2) fail).
 *
 * A thread that was in a system call is entered at `enter` or `leave` with that call's -ERESTART* in rax and its
 * number as orig_rax. Then the kernel itself decides, as it does always: when a handler ran and the call is not to
 * be restarted, the thread is here with -EINTR in rax and goes on behind its call. Otherwise the kernel steps back
 * by the length of a system call instruction, to the jump in front. A thread in user mode is entered at that jump.
 */
#include "inject.h"

#define CR_PLAYER_INCLUDED

        .section .rodata.cr_inject, "a", @progbits
        .globl cr_inject_begin, cr_inject_returned, cr_inject_in_syscall, cr_inject_slots, cr_inject_end
        .hidden cr_inject_begin, cr_inject_returned, cr_inject_in_syscall, cr_inject_slots, cr_inject_end
        .balign 16
cr_inject_begin:
#include "player.S"
cr_inject_returned = called

#define NR_ppoll 271
#define NR_rt_sigprocmask 14
#define SIG_SETMASK 2

/* rbx: the slot's words */
main:
        movq CR_SLOT_PROGRAM(%rbx), %rbx
        movq -8(%rbx), %r13 /* where a failure leads stands in front of a program */
        xorl %r14d, %r14d
        jmp step

/* r15: the thread's state. When signals came meanwhile their handlers run in ppoll, the only place where it can be
 * seen that one ran: then a call that such a handler interrupts ends with -EINTR instead of being made again. */
resume:
        xorl %edi, %edi
        xorl %esi, %esi
        leaq no_time(%rip), %rdx
        movq %r15, %r10
        movl $8, %r8d
        movl $NR_ppoll, %eax
        syscall
        movq %rax, %rbp
        movl $SIG_SETMASK, %edi
        movq %r15, %rsi
        xorl %edx, %edx
        movl $8, %r10d
        movl $NR_rt_sigprocmask, %eax
        syscall
        leaq CR_STATE_RAX(%r15), %rsi
        testq %rbp, %rbp
        jz 1f
        addq $CR_STATE_RAX_EINTR - CR_STATE_RAX, %rsi
1:
        movq CR_STATE_FLAGS(%r15), %rdx
        cld
        btl $10, %edx
        jnc 2f
        std
2:
        btl $11, %edx /* overflow: 1 + 0x7f does, 0 + 0x7f does not */
        setc %al
        addb $0x7f, %al
        movb %dl, %ah
        sahf
        movq (%rsi), %rax
        movq 8(%rsi), %rcx
        movq CR_STATE_REGS + 0(%r15), %rbx
        movq CR_STATE_REGS + 8(%r15), %rdx
        movq CR_STATE_REGS + 16(%r15), %rsi
        movq CR_STATE_REGS + 24(%r15), %rdi
        movq CR_STATE_REGS + 32(%r15), %rbp
        movq CR_STATE_REGS + 40(%r15), %r8
        movq CR_STATE_REGS + 48(%r15), %r9
        movq CR_STATE_REGS + 56(%r15), %r10
        movq CR_STATE_REGS + 64(%r15), %r11
        movq CR_STATE_REGS + 72(%r15), %r12
        movq CR_STATE_REGS + 80(%r15), %r13
        movq CR_STATE_REGS + 88(%r15), %r14
        jmp *CR_STATE_NEXT(%r15)

/* One of the two ends. A thread in a system call has rcx to spare, which the call would have clobbered. */
cr_inject_in_syscall:
        movq CR_STATE_R15(%r15), %r15
        jmp *%rcx

        .balign 8
no_time:
        .quad 0, 0

cr_inject_slots:
        .rept CR_SLOT_MAX
1:
        jmp 2f
        .org 1b + CR_SLOT_ENTER
        jmp *1b + CR_SLOT_WORDS + CR_SLOT_RIP(%rip)
        .org 1b + CR_SLOT_LEAVE - 2
        jmp 3f
        .org 1b + CR_SLOT_LEAVE
        jmp *1b + CR_SLOT_WORDS + CR_SLOT_RIP(%rip)
2:
        leaq 1b + CR_SLOT_WORDS(%rip), %rbx
        jmp main
        .org 1b + CR_SLOT_RESUME
3:
        movq 1b + CR_SLOT_WORDS + CR_SLOT_STATE(%rip), %r15
        jmp resume
        .org 1b + CR_SLOT_IN_USER /* the other end: no register to spare */
        movq 1b + CR_SLOT_WORDS + CR_SLOT_R15(%rip), %r15
        jmp *1b + CR_SLOT_WORDS + CR_SLOT_RIP(%rip)
        .org 1b + CR_SLOT_WORDS
        .quad 0, 0, 0, 0
        .endr
cr_inject_end:

        .section .note.GNU-stack, "", @progbits

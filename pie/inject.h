/* Places within the image of inject.S, for its C++ side (libcr/inject/pad.cc). */
#ifndef CR_PIE_INJECT_H
#define CR_PIE_INJECT_H

/* A slot. */
#define CR_SLOT_MAX 8
#define CR_SLOT_SIZE 88
#define CR_SLOT_ENTER 2   /* to run the program; 2 before: the same for a thread in user mode */
#define CR_SLOT_LEAVE 10  /* to go back; 2 before likewise */
#define CR_SLOT_RESUME 28 /* the end of a program */
#define CR_SLOT_IN_USER 40
#define CR_SLOT_WORDS 56
/* words of a slot */
#define CR_SLOT_PROGRAM 0 /* address of the first operation, the address of the failing end 8 before it */
#define CR_SLOT_STATE 8   /* address of the thread's state */
#define CR_SLOT_RIP 16    /* where the thread was (behind its system call when it was in one) */
#define CR_SLOT_R15 24

/* The state of a thread: what `resume` loads. */
#define CR_STATE_MASK 0
#define CR_STATE_FLAGS 8
#define CR_STATE_RAX 16
#define CR_STATE_RCX 24
#define CR_STATE_RAX_EINTR 32
#define CR_STATE_RCX_EINTR 40
#define CR_STATE_NEXT 48 /* cr_inject_in_syscall or the slot's in_user */
#define CR_STATE_REGS 56 /* rbx rdx rsi rdi rbp r8 r9 r10 r11 r12 r13 r14 */
#define CR_STATE_R15 152
#define CR_STATE_SIZE 160

#endif

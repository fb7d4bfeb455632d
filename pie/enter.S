/* long cr_clone_into(const struct clone_args *args, size_t size, const struct { player, entry, fail_record,
 * fail_entry } *start): clone3; the parent returns the result, the child is in the player. The registers of the
 * child's program are loaded before the call, as the child's memory may be anything.
 */
#define NR_clone3 435

        .text
        .globl cr_clone_into
        .hidden cr_clone_into
        .type cr_clone_into, @function
cr_clone_into:
        pushq %rbx
        pushq %r13
        pushq %r14
        movq (%rdx), %r8
        movq 8(%rdx), %rbx
        movq 16(%rdx), %r14
        movq 24(%rdx), %r13
        movl $NR_clone3, %eax
        syscall
        testq %rax, %rax
        jz child
        popq %r14
        popq %r13
        popq %rbx
        ret
child:
        jmp *%r8
        .size cr_clone_into, . - cr_clone_into

        .section .note.GNU-stack, "", @progbits

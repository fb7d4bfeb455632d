/* The language of programs: what the player (player.S) runs inside a task. A program is a flat array of
 * variable-length operations; an operation is a head of 16 bytes followed by 8-byte words. The player uses
 * general registers only: no stack, no memory but what operations name, no floating point.
 *
 * Shared by the player (assembler) and libcr/program (C++); an ABI between the two, not a file format.
 *
 * Registers of the player (rsp and what is not a general register stay as they are; the rest it clobbers):
 *   rbx  the current operation
 *   r13  where to go on when an operation marked MUST fails (address of an operation)
 *   r14  address of a struct cr_fail_record, or 0
 */
#ifndef CR_PIE_OPS_H
#define CR_PIE_OPS_H

/* codes */
#define CR_OP_SYS 1 /* words: args[nargs], then as the flags say; the result goes to *result */
#define CR_OP_CLONE                                                                                          \
    2 /* words: args[nargs], child [, expected]: a clone3 whose child goes on at operation `child` */
#define CR_OP_JMP 3    /* words: target operation */
#define CR_OP_NATIVE 4 /* words: address. Leaves the player by a jump to native code */
#define CR_OP_COPY8 5  /* words: to, from. *(u64 *)to = *(u64 *)from */
#define CR_OP_ADD                                                                                            \
    6 /* words: addr, value, wake_at. Atomically *(u32 *)addr += value; wakes all who wait there if it is    \
         now >= wake_at */
#define CR_OP_WAIT 7    /* words: addr, value. Sleeps (futex) until *(u32 *)addr >= value, unsigned */
#define CR_OP_SETFAIL 8 /* words: fail record, operation. Sets r14 and r13 */

/* flags of CR_OP_SYS and CR_OP_CLONE */
#define CR_OP_MUST 1         /* a result in -4095..-1 is a failure */
#define CR_OP_EXPECT 2       /* one more word: any other result is a failure */
#define CR_OP_EXPECT_SCALE 4 /* times the flag: the size of that word */
#define CR_OP_CODE32 8 /* the call by its 32-bit number and ABI; not with REPEAT, not in inject.S */
#define CR_OP_REPEAT                                                                                         \
    4 /* then count, step[nargs]: the call is made count times, the steps added to the args in between */

/* On a failure: record->op = rbx, record->result = rax when there is a record, rbp = rax, then the player
 * goes on at r13. The player may read one word past the end of an operation: 8 readable bytes must follow the
 * last one. */

#define CR_OP_HEAD 16
#define CR_OP_OFF_CODE 0
#define CR_OP_OFF_NARGS 1
#define CR_OP_OFF_FLAGS 2
#define CR_OP_OFF_WORDS 3 /* length of the whole operation in 8-byte words, head included */
#define CR_OP_OFF_NR 4
#define CR_OP_OFF_RESULT 8

#ifndef __ASSEMBLER__
#include <stdint.h>

struct cr_op_head {
    uint8_t code, nargs, flags, words;
    uint32_t nr;
    uint64_t result; /* address where the result is stored, or 0 */
};

struct cr_fail_record {
    uint64_t op;
    int64_t result;
};

#endif
#endif

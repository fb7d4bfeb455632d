// What the workers of the torture target share. A worker is a function that does one piece of work and checks
// it; it is called for ever. A file of workers per way of being: computing, sleeping, waiting for each other,
// signals.
#pragma once

#include "../board.h"

#include <ctime>

extern board *g_board;
extern bool g_busy;    // no pauses
extern int g_quiet[2]; // a pipe where nothing comes

// Takes note of the failure; the first is told.
void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
// EINTR from a call that any stop of the process may end so.
void interrupted();
uint64_t now(); // ns
void pause_us(long us);
long futex(uint32_t *word, int op, uint32_t value, const timespec *timeout);
void block(int how, int signal); // for this thread

void avx_round();
void x87_round();
void flags_round();
void registers_round();
void rseq_round();

void nanosleep_round();
void abs_sleep_round();
void futex_timeout_round();
void poll_round();
void select_round();
void epoll_round();
void sigtimedwait_round();

void make_pipes(); // before the others
void ping_round();
void pong_round();
void writer_round();
void reader_round();

void suspend_round();
void eintr_round();
void restart_round();
void mask_round();

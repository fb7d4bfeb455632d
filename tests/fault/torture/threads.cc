// Workers that wait for each other without a time limit: by futex and by pipe.
#include "torture.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <linux/futex.h>
#include <unistd.h>

namespace
{

uint32_t g_ball;
int g_pipe[2];

void futex_play(uint32_t mine)
{
    for (int i = 0; i < 20; i++) {
        uint32_t ball;
        while (((ball = __atomic_load_n(&g_ball, __ATOMIC_ACQUIRE)) & 1) != mine)
            if (futex(&g_ball, FUTEX_WAIT_PRIVATE, ball, nullptr) && errno != EAGAIN)
                fail("futex ping-pong: %s", strerror(errno));
        __atomic_store_n(&g_ball, ball + 1, __ATOMIC_RELEASE);
        futex(&g_ball, FUTEX_WAKE_PRIVATE, 1, nullptr);
    }
    if (mine)
        pause_us(300);
}
} // namespace

void ping_round() { futex_play(0); }
void pong_round() { futex_play(1); }

void writer_round()
{
    static uint32_t next;
    uint32_t words[64];
    for (uint32_t &word : words)
        word = next++;
    ssize_t n = write(g_pipe[1], words, sizeof words);
    if (n != sizeof words)
        fail("write to the pipe: %zd %s", n, strerror(errno));
    pause_us(500);
}

void reader_round()
{
    static uint32_t next;
    uint32_t words[64];
    for (size_t had = 0; had < sizeof words;) {
        ssize_t n = read(g_pipe[0], reinterpret_cast<char *>(words) + had, sizeof words - had);
        if (n <= 0)
            return fail("read from the pipe: %zd %s", n, strerror(errno));
        had += static_cast<size_t>(n);
    }
    for (uint32_t word : words)
        if (word != next++)
            return fail("the pipe carried %u instead of %u", word, next - 1);
}

void make_pipes()
{
    if (pipe2(g_pipe, O_CLOEXEC) || pipe2(g_quiet, O_CLOEXEC))
        exit(2);
}

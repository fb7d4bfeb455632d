// without: fdinfo.fd, fdinfo.id
// Threads blocked in read() of an empty pipe and in write() to a full one go on with it.
#include "workload.h"

static int empty[2], full[2];
static char block[4096];

static void reader(void)
{
    char text[16];
    check_equal(read(empty[0], text, sizeof text), 5, "the blocked read");
    check(memcmp(text, "hello", 5) == 0, "what it read");
}

static void writer(void) { check_equal(write(full[1], "last", 4), 4, "the blocked write"); }

int main(void)
{
    size_t there = 0;
    check(pipe(empty) == 0 && pipe(full) == 0, "pipe");
    fcntl(full[1], F_SETFL, O_NONBLOCK);
    for (ssize_t done; (done = write(full[1], block, sizeof block)) > 0;)
        there += done;
    fcntl(full[1], F_SETFL, 0);
    pthread_t first = start_blocked(reader, SYS_read), second = start_blocked(writer, SYS_write);
    ready();
    wait_for_go();
    check(write(empty[1], "hello", 5) == 5, "write");
    for (ssize_t done; there > 0; there -= done)
        check((done = read(full[0], block, there < sizeof block ? there : sizeof block)) > 0, "read");
    join_thread(first);
    join_thread(second);
    check(read(full[0], block, 5) == 4 && memcmp(block, "last", 4) == 0, "what the blocked write wrote");
    pass();
}

// without: sk-queues, sk-queues.scm
// Descriptors on their way in unix sockets: of files, pipes, memory and sockets, several in a message, in the middle of
// a stream; a socket in the queue of another one, with more in its own, and two in each other's queues.
#include "workload.h"
#include <sys/eventfd.h>
#include <sys/socket.h>

enum { kMost = 8 };

static void send_with(int to, const char *bytes, size_t size, const int *fds, size_t count)
{
    char control[CMSG_SPACE(sizeof(int) * kMost)] = {0};
    struct iovec part = {(void *)bytes, size};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (count) {
        message.msg_control = control;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * count);
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int) * count);
        memcpy(CMSG_DATA(header), fds, sizeof(int) * count);
    }
    check(sendmsg(to, &message, MSG_DONTWAIT) == (ssize_t)size, "sendmsg");
}

// Receives one message of that text and so many descriptors.
static void expect(int from, const char *bytes, size_t size, int *fds, size_t count, const char *what)
{
    char control[CMSG_SPACE(sizeof(int) * kMost)] = {0}, text[64] = "";
    struct iovec part = {text, sizeof text};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    check_equal(recvmsg(from, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC), (long)size, what);
    check(memcmp(text, bytes, size) == 0, what);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    check((header != NULL) == (count != 0), what);
    if (!count)
        return;
    check_equal(header->cmsg_type, SCM_RIGHTS, what);
    check_equal(header->cmsg_len, CMSG_LEN(sizeof(int) * count), what);
    memcpy(fds, CMSG_DATA(header), sizeof(int) * count);
}

static void pair(int type, int ends[2])
{
    check(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends) == 0, "socketpair");
}

static void close_all(const int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++)
        check(close(fds[i]) == 0, "close");
}

int main(void)
{
    int stream[2], packets[2], datagrams[2], own[2], ring[2], inner[2], pipes[2], got[kMost];
    pair(SOCK_STREAM, stream);
    pair(SOCK_SEQPACKET, packets);
    pair(SOCK_DGRAM, datagrams);
    pair(SOCK_STREAM, own);
    pair(SOCK_DGRAM, ring);
    pair(SOCK_STREAM, inner);
    check(pipe2(pipes, O_CLOEXEC) == 0 && write(pipes[1], "water", 5) == 5, "pipe");
    int file = open("carried-file", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    int held = open("held-file", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    int memory = memfd_create("carried", MFD_CLOEXEC), event = eventfd(7, EFD_CLOEXEC);
    int self = syscall(SYS_pidfd_open, getpid(), 0);
    check(file >= 0 && held >= 0 && memory >= 0 && event >= 0 && self >= 0, "open");
    check(write(file, "0123456789", 10) == 10 && lseek(file, 4, SEEK_SET) == 4, "write");
    check(write(held, "abcdefgh", 8) == 8 && lseek(held, 2, SEEK_SET) == 2, "write");
    check(write(memory, "memory", 6) == 6, "write");

    // In a stream, with bytes before and behind.
    send_with(stream[0], "plain", 5, NULL, 0);
    send_with(stream[0], "with", 4, (int[]){file, held, file}, 3);
    send_with(stream[0], "next", 4, (int[]){memory}, 1);
    send_with(stream[0], "end", 3, NULL, 0);
    send_with(packets[0], "one", 3, (int[]){pipes[0], pipes[1]}, 2);
    send_with(packets[0], "two", 3, NULL, 0);
    send_with(packets[0], "three", 5, (int[]){event, self}, 2);
    send_with(datagrams[0], "four", 4, (int[]){event}, 1);
    // A socket in another one's queue, which has one in its own.
    send_with(inner[0], "deep", 4, (int[]){event}, 1);
    send_with(datagrams[0], "inner", 5, (int[]){inner[1]}, 1);
    // In its own queue; in each other's queues.
    send_with(own[0], "own", 3, own, 2);
    send_with(ring[0], "a", 1, (int[]){ring[0]}, 1);
    send_with(ring[1], "b", 1, (int[]){ring[1]}, 1);
    close_all((int[]){file, memory, event, self, pipes[0], pipes[1], inner[1], own[0]}, 8);
    ready();
    wait_for_go();

    char byte, text[16] = "";
    uint64_t count;
    for (const char *at = "plain"; *at; at++)
        check(recv(stream[1], &byte, 1, MSG_DONTWAIT) == 1 && byte == *at, "before the descriptors");
    expect(stream[1], "with", 4, got, 3, "the first descriptors of a stream");
    check(read(got[0], text, 3) == 3 && memcmp(text, "456", 3) == 0, "the offset of a file that was on its way");
    check(read(got[2], text, 3) == 3 && memcmp(text, "789", 3) == 0, "two descriptors of one description");
    check(read(got[1], text, 2) == 2 && memcmp(text, "cd", 2) == 0, "a file that the task has, too");
    check_equal(lseek(held, 0, SEEK_CUR), 4, "the description is shared");
    close_all(got, 3);
    expect(stream[1], "next", 4, got, 1, "memory in a stream");
    check(pread(got[0], text, 6, 0) == 6 && memcmp(text, "memory", 6) == 0, "a memfd");
    close_all(got, 1);
    expect(stream[1], "end", 3, got, 0, "behind the descriptors");

    expect(packets[1], "one", 3, got, 2, "a pipe");
    check(read(got[0], text, 5) == 5 && memcmp(text, "water", 5) == 0, "what was in a pipe");
    check(write(got[1], "x", 1) == 1 && read(got[0], text, 1) == 1, "both ends are of one pipe");
    close_all(got, 2);
    expect(packets[1], "two", 3, got, 0, "a packet without descriptors");
    expect(packets[1], "three", 5, got, 2, "an eventfd");
    int kept = got[0];
    check_equal(syscall(SYS_pidfd_send_signal, got[1], 0, NULL, 0), 0, "a pidfd");
    close_all(got + 1, 1);
    expect(datagrams[1], "four", 4, got, 1, "a datagram with a descriptor");
    check(read(got[0], &count, sizeof count) == sizeof count && count == 7, "the count of an eventfd");
    check(write(got[0], &count, sizeof count) == sizeof count, "write");
    close_all(got, 1);

    expect(datagrams[1], "inner", 5, got, 1, "a socket");
    int deep = got[0];
    expect(deep, "deep", 4, got, 1, "a descriptor in a socket in a socket");
    check(read(got[0], &count, sizeof count) == sizeof count && count == 7, "one eventfd in three queues");
    check(write(deep, "up", 2) == 2 && read(inner[0], text, 2) == 2, "the socket is connected");
    close_all((int[]){deep, got[0], kept}, 3);

    expect(own[1], "own", 3, got, 2, "a socket in its own queue");
    check(write(got[0], "y", 1) == 1 && read(got[1], text, 1) == 1, "its two ends");
    close_all(got, 2);
    expect(ring[1], "a", 1, got, 1, "the first of two in each other's queues");
    check(write(got[0], "z", 1) == 1, "write");
    check(read(ring[1], text, 1) == 1 && *text == 'z', "it is the other end");
    expect(ring[0], "b", 1, got + 1, 1, "the second of two in each other's queues");
    close_all(got, 2);
    pass();
}

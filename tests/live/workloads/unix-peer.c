// dump-options: --unix-peer @cr-live-again-*=reconnect --unix-peer @cr-live-ended-*=close --unix-peer @cr-live-null-*=null --unix-peer *=close
// differs: */fd/6/scm_fds */fd/6/target */fd/7/watch/6/6
// modes: plain, rounds, pipeline
// without: files.usk.peer
// Connections to services outside of the tree: one is made again, one comes back ended, with what was not read yet, and
// one becomes /dev/null, which an epoll does not watch any more. One to a socket without a name is ended, too.
#include "workload.h"
#include <poll.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

enum { kAgain, kEnded, kNull, kServices, kMost = 100 };

static struct sockaddr_un names[kServices];
static socklen_t sizes[kServices];
static int line[2], pair[2];

// Greets every client, and answers one of kAgain.
static void outside(void)
{
    struct pollfd all[kMost] = {{.fd = -1}};
    int count = kServices;
    for (int i = 0; i < kServices; i++) {
        all[i] = (struct pollfd){socket(AF_UNIX, SOCK_STREAM, 0), POLLIN, 0};
        check(bind(all[i].fd, (struct sockaddr *)&names[i], sizes[i]) == 0 && listen(all[i].fd, 5) == 0, "listen");
    }
    check(close(pair[0]) == 0 && write(line[1], "r", 1) == 1 && close(line[1]) == 0, "a pipe");
    for (;;) {
        poll(all, (nfds_t)count, -1);
        for (int i = 0; i < count; i++) {
            char byte;
            if (!(all[i].revents & (POLLIN | POLLHUP)))
                continue;
            if (i >= kServices) {
                if (read(all[i].fd, &byte, 1) != 1 || send(all[i].fd, "answer", 6, MSG_NOSIGNAL) < 0)
                    all[i].fd = -1;
                continue;
            }
            int fd = accept(all[i].fd, NULL, NULL);
            check(fd >= 0 && count < kMost && (i == kNull || send(fd, "hello", 5, MSG_NOSIGNAL) == 5), "greet");
            if (i == kAgain)
                all[count++] = (struct pollfd){fd, POLLIN, 0};
        }
    }
}

static int client(int service)
{
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    check(connect(fd, (struct sockaddr *)&names[service], sizes[service]) == 0, "connect");
    return fd;
}

static void expect(int fd, const char *want, const char *what)
{
    char text[32] = "";
    check_equal(recv(fd, text, strlen(want), MSG_WAITALL), (long)strlen(want), what);
    check(memcmp(text, want, strlen(want)) == 0, what);
}

int main(void)
{
    static const char *const kNames[] = {"again", "ended", "null"};
    char byte;
    for (int i = 0; i < kServices; i++) {
        names[i].sun_family = AF_UNIX;
        int n = snprintf(names[i].sun_path + 1, sizeof names[i].sun_path - 1, "cr-live-%s-%d", kNames[i], getpid());
        sizes[i] = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
    }
    check(pipe(line) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0, "pipe");
    start_outside(outside);
    check(close(line[1]) == 0 && close(pair[1]) == 0 && read(line[0], &byte, 1) == 1 && close(line[0]) == 0, "the outside");
    int again = client(kAgain), ended = client(kEnded), null = client(kNull), watch = epoll_create1(0);
    expect(again, "hello", "the greeting");
    check(recv(ended, &byte, 1, MSG_PEEK) == 1, "the greeting of the one that will end");
    struct epoll_event event = {EPOLLIN, {.fd = null}};
    check(epoll_ctl(watch, EPOLL_CTL_ADD, null, &event) == 0, "epoll");
    event.data.fd = ended;
    check(epoll_ctl(watch, EPOLL_CTL_ADD, ended, &event) == 0, "epoll");
    ready();
    wait_for_go();
    struct sockaddr_un is = {0};
    socklen_t length = sizeof is;
    check(getpeername(again, (struct sockaddr *)&is, &length) == 0 && length == sizes[kAgain] &&
              memcmp(&is, &names[kAgain], length) == 0,
          "the name of a peer");
    expect(again, "hello", "the greeting of a new connection");
    check(write(again, "q", 1) == 1, "ask");
    expect(again, "answer", "the answer");
    check(epoll_wait(watch, &event, 1, 0) == 1, "epoll_wait");
    check_equal(event.data.fd, ended, "what has happened");
    expect(ended, "hello", "what came before the end");
    check_equal(read(ended, &byte, 1), 0, "the end");
    check(send(ended, "x", 1, MSG_NOSIGNAL) == -1 && errno == EPIPE, "no more can be sent");
    check_equal(read(pair[0], &byte, 1), 0, "the end of one without a name");
    struct stat st;
    check(fstat(null, &st) == 0 && S_ISCHR(st.st_mode), "what has become /dev/null");
    check(write(null, "x", 1) == 1 && read(null, &byte, 1) == 0, "/dev/null");
    check(epoll_ctl(watch, EPOLL_CTL_DEL, null, NULL) == -1 && (errno == ENOENT || errno == EPERM), "it is not watched");
    pass();
}

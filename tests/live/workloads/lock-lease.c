// without: filelocks, filelocks.type
// dump-options: --file-locks
// Leases: for writing, and for reading; who opens the file breaks them, and their holder gets a signal.
#include "workload.h"

int main(void)
{
    siginfo_t info;
    sigset_t set;
    struct timespec limit = {2, 0};
    sigemptyset(&set), sigaddset(&set, SIGIO), sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    int writing = open("one", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    close(open("two", O_RDWR | O_CREAT | O_CLOEXEC, 0644));
    int reading = open("two", O_RDONLY | O_CLOEXEC);
    check(fcntl(reading, F_SETSIG, SIGUSR1) == 0, "set-up");
    if (fcntl(writing, F_SETLEASE, F_WRLCK) != 0 || fcntl(reading, F_SETLEASE, F_RDLCK) != 0)
        skip("leases: %s\n", strerror(errno));
    ready();
    wait_for_go();
    check_equal(fcntl(writing, F_GETLEASE), F_WRLCK, "the lease for writing");
    check_equal(fcntl(reading, F_GETLEASE), F_RDLCK, "the lease for reading");
    check(open("one", O_RDONLY | O_NONBLOCK | O_CLOEXEC) == -1 && errno == EWOULDBLOCK, "breaking a lease");
    check(sigtimedwait(&set, &info, &limit) == SIGIO, "the signal of a broken lease");
    check(open("two", O_WRONLY | O_NONBLOCK | O_CLOEXEC) == -1 && errno == EWOULDBLOCK, "breaking a lease");
    check(sigtimedwait(&set, &info, &limit) == SIGUSR1 && info.si_fd == reading, "the chosen signal");
    pass();
}

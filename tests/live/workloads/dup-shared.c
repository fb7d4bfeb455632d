// without: fdinfo.id, files.id
// One open file under several numbers and in several tasks has one position; another open of the file has its
// own.
#include "workload.h"

static int file, copy, other;

static void child(void)
{
    child_ready();
    live_go = "moved";
    wait_for_go();
    check_equal(lseek(copy, 0, SEEK_CUR), 40, "the position, in the child");
    check_equal(lseek(file, 50, SEEK_SET), 50, "lseek");
}

int main(void)
{
    file = open("data", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    other = open("data", O_RDWR | O_CLOEXEC);
    copy = dup(file);
    check(ftruncate(file, 1000) == 0 && lseek(file, 30, SEEK_SET) == 30 && lseek(other, 5, SEEK_SET) == 5,
          "set-up");
    pid_t pid = start_child(child);
    close(file);
    check(fcntl(copy, F_DUPFD, 100) == 100, "F_DUPFD");
    ready();
    wait_for_go();
    check_equal(lseek(copy, 0, SEEK_CUR), 30, "the position");
    check_equal(lseek(other, 0, SEEK_CUR), 5, "the position of the other open file");
    check_equal(lseek(100, 40, SEEK_SET), 40, "lseek");
    check_equal(lseek(copy, 0, SEEK_CUR), 40, "the position, after it was moved by a duplicate");
    check(close(open("moved", O_CREAT | O_WRONLY, 0644)) == 0, "open");
    child_passed(pid);
    check_equal(lseek(copy, 0, SEEK_CUR), 50, "the position, after it was moved by the child");
    check_equal(lseek(other, 0, SEEK_CUR), 5, "the position of the other open file");
    pass();
}

// without: files.reg.name
// Files with unusual names: new lines, what is no UTF-8, one that ends in " (deleted)" beside one that does
// not, and the longest that there may be.
#include "workload.h"

static int make(const char *name, const char *text)
{
    int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    check(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text), "set-up");
    return fd;
}

static void expect(int fd, const char *text)
{
    char buffer[32] = "";
    check(pread(fd, buffer, sizeof buffer, 0) == (ssize_t)strlen(text) && strcmp(buffer, text) == 0, text);
}

int main(void)
{
    static const char *const names[] = {"two\nlines", "\xff\x01\xc3",  "plain (deleted)", "plain",
                                        " ",          "back\\040slash"};
    int fds[6], root = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int i = 0; i < 6; ++i)
        fds[i] = make(names[i], names[i]);
    // As deep as a name of PATH_MAX reaches.
    char here[4096], part[251];
    check(getcwd(here, sizeof here) != NULL, "set-up");
    memset(part, 'd', 250);
    part[250] = 0;
    size_t length = strlen(here);
    while (length + 252 + 2 < 4096 - 1) {
        check(mkdir(part, 0755) == 0 && chdir(part) == 0, "set-up");
        length += 251;
    }
    size_t left = 4095 - length - 1 < 255 ? 4095 - length - 1 : 255;
    char last[256];
    memset(last, 'f', left);
    last[left] = 0;
    int deep = make(last, "deep");
    check(fchdir(root) == 0, "set-up");
    ready();
    wait_for_go();
    for (int i = 0; i < 6; ++i)
        expect(fds[i], names[i]);
    expect(deep, "deep");
    pass();
}

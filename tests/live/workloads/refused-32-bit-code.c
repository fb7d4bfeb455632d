// refused: 32-bit
// A child that runs 32-bit code, waiting in a system call of that kind.
#include "workload.h"
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>

static int lines[2];

// read(lines[0], buffer, 1) and exit with what it returned, by i386's numbers.
static uint8_t *make_code(void)
{
    uint8_t *page =
        mmap(0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    if (page == MAP_FAILED)
        skip("mmap: %s\n", strerror(errno));
    static const uint8_t kCode[] = {
        0xb8, 3,    0, 0, 0,             // mov eax, read
        0xbb, 0,    0, 0, 0,             // mov ebx, fd
        0xb9, 0,    0, 0, 0,             // mov ecx, buffer
        0xba, 1,    0, 0, 0, 0xcd, 0x80, // mov edx, 1; int 0x80
        0x89, 0xc3,                      // mov ebx, eax
        0xb8, 1,    0, 0, 0, 0xcd, 0x80, // mov eax, exit; int 0x80
    };
    memcpy(page, kCode, sizeof kCode);
    uint32_t fd = (uint32_t)lines[0], buffer = (uint32_t)(uintptr_t)page + 2048;
    memcpy(page + 6, &fd, 4);
    memcpy(page + 11, &buffer, 4);
    return page;
}

static void run_32_bit(void)
{
    const uint64_t kCode32 = 0x23; // the selector of the segment, which every process has
    __asm__ volatile("push %0; push %1; lretq" : : "r"(kCode32), "r"((uint64_t)(uintptr_t)make_code()));
    __builtin_unreachable();
}

static void wait_until_reading(pid_t pid)
{
    char path[64], text[64] = "";
    snprintf(path, sizeof path, "/proc/%d/syscall", pid);
    for (int tries = 0; tries < 1000 && strncmp(text, "3 ", 2) != 0; tries++) {
        FILE *file = fopen(path, "r");
        if (!file || !fgets(text, sizeof text, file))
            skip("%s: %s\n", path, strerror(errno));
        fclose(file);
        usleep(1000);
    }
    if (strncmp(text, "3 ", 2) != 0)
        skip("no 32-bit system calls here\n");
}

// QEMU 7.2 without KVM takes a far return to such a segment for one within the kernel, and the kernel dies of that.
static int is_emulated(void)
{
    char line[256];
    int found = 0;
    FILE *file = fopen("/proc/cpuinfo", "r");
    while (file && fgets(line, sizeof line, file))
        found |= strncmp(line, "model name", 10) == 0 && strstr(line, "QEMU") != NULL;
    if (file)
        fclose(file);
    return found;
}

int main(void)
{
    if (is_emulated())
        skip("QEMU does not emulate a far return right\n");
    if (pipe(lines) != 0)
        return 1;
    pid_t pid = fork();
    if (pid == 0)
        run_32_bit();
    wait_until_reading(pid);
    ready();
    wait_for_go();
    int status = 0;
    check(write(lines[1], "x", 1) == 1 && waitpid(pid, &status, 0) == pid, "the child");
    check(WIFEXITED(status) && WEXITSTATUS(status) == 1, "the 32-bit read was disturbed");
    pass();
}

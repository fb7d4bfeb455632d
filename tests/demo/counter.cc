// The program of the demonstration: something that would notice if it came back even slightly wrong.
//
// It counts, and for every number
//   - asks its child, through two pipes, for the number's double;
//   - checks one of its 64 MiB of memory against what it wrote there last time, and writes something new;
//   - takes note of how far its three threads have come, each of which keeps a sum of its own in registers;
// and appends "NUMBER SECONDS" to a file. Any mistake is written there instead and ends it.
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fcntl.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace
{

constexpr size_t kSlices = 64;
constexpr size_t kWords = (1 << 20) / sizeof(uint64_t);

int g_file = -1;

[[noreturn]] void broken(const char *what)
{
    dprintf(g_file, "broken: %s (errno %d)\n", what, errno);
    _exit(1);
}

class Child
{
  public:
    Child()
    {
        int to[2], from[2];
        if (pipe2(to, O_CLOEXEC) || pipe2(from, O_CLOEXEC))
            broken("pipe");
        switch (fork()) {
        case -1:
            broken("fork");
        case 0:
            close(to[1]);
            close(from[0]);
            serve(to[0], from[1]);
        }
        close(to[0]);
        close(from[1]);
        ask_ = to[1];
        answer_ = from[0];
    }

    uint64_t twice(uint64_t number)
    {
        if (write(ask_, &number, sizeof number) != sizeof number ||
            read(answer_, &number, sizeof number) != sizeof number)
            broken("the child does not answer");
        return number;
    }

  private:
    [[noreturn]] static void serve(int in, int out)
    {
        for (uint64_t number; read(in, &number, sizeof number) == sizeof number;) {
            number *= 2;
            if (write(out, &number, sizeof number) != sizeof number)
                break;
        }
        _exit(0);
    }
    int ask_, answer_;
};

class Memory
{
  public:
    Memory() : words_(kSlices * kWords), written_(kSlices)
    {
        for (size_t slice = 0; slice < kSlices; slice++)
            fill(slice, 1);
    }

    void check_and_renew(size_t slice, uint64_t number)
    {
        for (size_t i = 0; i < kWords; i++)
            if (words_[slice * kWords + i] != word(slice, written_[slice], i))
                broken("the memory has changed");
        fill(slice, number);
    }

  private:
    static uint64_t word(size_t slice, uint64_t number, size_t i)
    {
        return (number * kSlices + slice + 1) * 0x9e3779b97f4a7c15 ^ i * 0xff51afd7ed558ccd;
    }
    void fill(size_t slice, uint64_t number)
    {
        written_[slice] = number;
        for (size_t i = 0; i < kWords; i++)
            words_[slice * kWords + i] = word(slice, number, i);
    }
    std::vector<uint64_t> words_, written_;
};

// The sum of 1 to n is n (n + 1) / 2: kept in registers, compared with the formula.
void add_up(std::atomic<uint64_t> &progress)
{
    uint64_t n = 0, sum = 0;
    double floating = 0;
    for (;;) {
        n++;
        sum += n;
        floating += 0.5;
        if (n % 65536)
            continue;
        if (sum != n * (n + 1) / 2 || floating != static_cast<double>(n) / 2)
            broken("a thread has added up wrongly");
        progress = n;
        usleep(1000);
    }
}

} // namespace

int main(int argc, char **argv)
{
    if (argc != 2 || (g_file = open(argv[1], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)) < 0)
        return 1;
    static std::atomic<uint64_t> progress[3];
    Child child;
    Memory memory;
    for (auto &one : progress)
        std::thread(add_up, std::ref(one)).detach();
    for (uint64_t number = 1;; number++) {
        if (child.twice(number) != 2 * number)
            broken("the child has answered wrongly");
        memory.check_and_renew(number % kSlices, number);
        timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        dprintf(g_file, "%lu %ld.%03ld\n", number, now.tv_sec, now.tv_nsec / 1000000);
        usleep(5000);
    }
}

// refused: packet|O_DIRECT
// A pipe that keeps what was written apart.
#include "workload.h"

int main(void)
{
    int ends[2];
    char text[16];
    check(pipe2(ends, O_DIRECT) == 0 && write(ends[1], "one", 3) == 3 && write(ends[1], "four", 4) == 4,
          "set-up");
    ready();
    wait_for_go();
    check(read(ends[0], text, sizeof text) == 3 && read(ends[0], text, sizeof text) == 4,
          "packets after a refused dump");
    pass();
}

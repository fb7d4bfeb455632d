// The modes of a terminal as the kernel has them, and as images do. Not for files that include <termios.h>,
// where another struct has that name.
#pragma once

#include "tty.pb.h"

#include <algorithm>
#include <asm/termbits.h>
#include <sys/ioctl.h>

namespace cr::files
{

inline struct termios to_kernel(const img::termios_entry &from)
{
    struct termios modes {
    };
    modes.c_iflag = from.c_iflag();
    modes.c_oflag = from.c_oflag();
    modes.c_cflag = from.c_cflag();
    modes.c_lflag = from.c_lflag();
    modes.c_line = static_cast<cc_t>(from.c_line());
    for (int i = 0; i < std::min<int>(NCCS, from.c_cc_size()); i++)
        modes.c_cc[i] = static_cast<cc_t>(from.c_cc(i));
    return modes;
}

inline struct winsize to_kernel(const img::winsize_entry &from)
{
    auto part = [](uint32_t value) { return static_cast<unsigned short>(value); };
    return {part(from.ws_row()), part(from.ws_col()), part(from.ws_xpixel()), part(from.ws_ypixel())};
}

inline void to_image(const struct termios &from, img::termios_entry &to)
{
    to.set_c_iflag(from.c_iflag);
    to.set_c_oflag(from.c_oflag);
    to.set_c_cflag(from.c_cflag);
    to.set_c_lflag(from.c_lflag);
    to.set_c_line(from.c_line);
    to.set_c_ispeed(from.c_cflag & CBAUD);
    to.set_c_ospeed(from.c_cflag & CBAUD);
    for (unsigned char c : from.c_cc)
        to.add_c_cc(c);
}

} // namespace cr::files

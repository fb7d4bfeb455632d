// Making a pseudo terminal again whose master and slaves are in the images.
//
// The index, which is the name that programs know (/dev/pts/N), is the lowest that is free: others are opened
// until it comes. When somebody else has it, another one has to do, and that is warned of.
//
// What waits in it goes in by the other side. Input would be echoed and cut into lines a second time: so it
// is written under modes that let every character through. For input in lines that is canonical mode without
// any editing characters but those that end a line, so that the lines are cut as they were; echo is on for
// that time, since it is the only sign that the last, unfinished line has arrived. Then come the output, the
// modes, and what the line discipline had not seen yet.
#pragma once

#include "libcr/files/opener.h"
#include "libcr/files/tty.h"

namespace cr::files
{

// Makes the pair and places all its descriptions.
void place_pair(const PtyId &pty, Opener &opener);
// Contents, modes, size, owner, lock.
void settle_pair(const PtyId &pty, Opener &opener);
// A slave that has hung up.
void place_hung_up(const img::file_entry &entry, Opener &opener);

} // namespace cr::files

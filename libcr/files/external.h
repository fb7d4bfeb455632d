// What is not in the images, because the caller of the restore gives it: on dump it is named by --external TYPE[ID], on
// restore by --inherit-fd fd[N]:KEY. Keys are those of CRIU:
//
//   pipe:[4711], socket:[4711]   by inode; of a unix socket unix[4711] on dump, as its other end is meant
//   tty[8803:18], file[1a:2b]    device and its file system's; mount and inode; in hex
//   tmp/x, memfd:name            names of files, with a leading slash or without
#pragma once

#include "libcr/files/facts.h"
#include "libcr/files/kind.h"

#include <string>
#include <string_view>

namespace cr::files
{

// One spelling for all that are understood: "/tmp/x" is "tmp/x", "pipe[4711]:" is "pipe:[4711]", "file[01A:2b]" is
// "file[1a:2b]".
std::string external_key(std::string_view given);
// Whether the caller said so of this key.
bool is_external(std::string_view key, const DumpOptions &options);
// "file[1a:2b]": the key of an open file that has a name.
std::string file_key(const Facts &facts);
// Whether that is one of which the restore gets another: it may be of any kind, and is not looked at.
bool is_external_file(const Facts &facts, const DumpOptions &options);
// Likewise a socket of the internet families.
bool is_external_socket(const Facts &facts, const DumpOptions &options);

} // namespace cr::files

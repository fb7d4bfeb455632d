// What probes are made of: text files, children that may be harmed, questions to netlink. Internal to this
// folder.
//
// All results are 0 or more, or -errno.
#pragma once

#include "libcr/base/fd.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <sys/types.h>

namespace cr::feature
{

// The file's text, all of it up to 64 KiB; empty when it cannot be read.
std::string text_of(const char *path);
// 0 when `path` has `words` somewhere in it, else -ENOENT.
long has_words(const char *path, std::string_view words);
// /proc/self/fdinfo/FD
std::string fdinfo_of(int fd);

// What `trial` returns, run in a child that is gone afterwards, whatever it did to itself. A child that does
// not return in time, or dies, gives -EFAULT.
long in_child(long (*trial)());
// What `look` returns about a child that is traced and stopped, after `prepare` (may be null) ran in it.
long on_traced_child(long (*look)(pid_t child), long (*prepare)() = nullptr, uint64_t options = 0);

Fd socket_of(int family, int type, int protocol);
// One request to a socket of netlink: 0, or the error that the kernel answers with.
long ask_netlink(int protocol, uint16_t type, uint16_t flags, const void *payload, size_t size);

} // namespace cr::feature

// Names of unix sockets on restore: an address is the text that bind(2) was given, and where the file of that
// name is is another matter (detached_root.h). `name` of the images is a path, or 0 and an abstract name.
#pragma once

#include "libcr/files/detached_root.h"
#include "libcr/sys/unix_diag.h"
#include "sk-unix.pb.h"

#include <functional>
#include <optional>
#include <string>
#include <sys/stat.h>
#include <vector>

namespace cr::files
{

bool is_path(const img::unix_sk_entry &socket);
std::string path_of(const img::unix_sk_entry &socket);
// As sockaddr.
std::string address_of(const img::unix_sk_entry &socket);

class UnixNames
{
  public:
    explicit UnixNames(DetachedRoot::Aside aside) : detached_(std::move(aside)) {}

    // Runs `work` where the name of a socket leads to it.
    void where_it_is(const img::unix_sk_entry &socket, const std::function<void()> &work);
    // Runs `work` where the name leads to nothing yet, and to nothing of others.
    void apart(const img::unix_sk_entry &socket, const std::function<void()> &work);
    // Gives a socket its name, and the file of that name its owner and mode.
    void bind(int fd, const img::unix_sk_entry &socket);

  private:
    void make_room(const std::string &path);
    bool is_in_use(const struct stat &st);

    DetachedRoot detached_;
    std::optional<std::vector<sys::UnixSocket>> others_; // of this machine, as we began
};

// Without more.
void bind_here(int fd, const img::unix_sk_entry &socket);

} // namespace cr::files

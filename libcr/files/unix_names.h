// Names of unix sockets on restore: an address is the text that bind(2) was given, and where the file of that
// name is is another matter (detached_root.h). `name` of the images is a path, or 0 and an abstract name.
#pragma once

#include "libcr/files/detached_root.h"
#include "sk-unix.pb.h"

#include <functional>
#include <string>

namespace cr::files
{

bool is_path(const img::unix_sk_entry &socket);
std::string path_of(const img::unix_sk_entry &socket);
// Whether the kernel can have such a name: a path that fills all of sun_path has its zero behind that.
bool is_name(const std::string &name);
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
    // Gives a socket its name, but no file that others see. False: somebody else has that abstract name.
    bool bind_apart(int fd, const img::unix_sk_entry &socket);

  private:
    void make_room(const img::unix_sk_entry &socket);

    DetachedRoot detached_;
};

// Without more.
void bind_here(int fd, const img::unix_sk_entry &socket);

} // namespace cr::files

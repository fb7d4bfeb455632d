// A file system of our own that is mounted nowhere, to bind unix sockets to names in it. The address of a
// socket is the text that bind(2) was given; where the file of that name is, is another matter. So sockets
// get back a name whose file is gone, or belongs to another socket now, without anything being made in the
// file systems that others see. It goes away with the last socket that is bound in it.
#pragma once

#include "libcr/base/fd.h"

#include <functional>
#include <string>

namespace cr::files
{

class DetachedRoot
{
  public:
    using Aside = std::function<Fd(int)>;
    // `aside` moves a descriptor to where it is in nobody's way.
    explicit DetachedRoot(Aside aside) : aside_(std::move(aside)) {}

    // Runs `work` with this file system as the root and working directory of this process, in which the
    // directory of `name` exists. Throws when there can be none (CAP_SYS_ADMIN, CAP_SYS_CHROOT).
    void inside(const std::string &name, const std::function<void()> &work);

  private:
    void make();

    Aside aside_;
    Fd mount_;
};

} // namespace cr::files

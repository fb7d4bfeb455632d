// An image directory, held open: every image is reached from its descriptor, so that a directory renamed or
// replaced under us stays the one that was checked. Names come from the catalog only, links are not followed:
// no image leads out of it.
#pragma once

#include "libcr/base/fd.h"
#include "libcr/image/catalog.h"

#include <string>
#include <vector>

namespace cr::image
{

class Dir
{
  public:
    // Throws when there is none.
    static Dir open(const std::string &path);
    // The same, made (mode 0700) when missing; its parent must be there.
    static Dir create(const std::string &path);
    // Swallows what is written and holds nothing: for a dump that only tries.
    static Dir null();

    int fd() const { return fd_.get(); }
    const std::string &path() const { return path_; }
    bool is_null() const { return null_; }

    // A fresh, empty file open for writing, mode 0600; an older one of the name is removed, never written to.
    Fd create_file(Kind kind, uint64_t id = 0) const;
    // Open for reading; an empty Fd when there is none. Anything but a regular file is refused.
    Fd open_file(Kind kind, uint64_t id = 0) const;
    bool has(Kind kind, uint64_t id = 0) const;

    struct File {
        Kind kind;
        uint64_t id;
        std::string name;
    };
    // The images that are here, in catalog order and by id; other names are left out.
    std::vector<File> files() const;

  private:
    Dir(Fd fd, std::string path, bool null = false) : fd_(std::move(fd)), path_(std::move(path)), null_(null)
    {
    }

    Fd fd_;
    std::string path_;
    bool null_;
};

} // namespace cr::image

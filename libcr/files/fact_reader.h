// The facts of all descriptors of the tasks of one stopped tree, with as few system calls as the kernel
// allows. Where it tells its tables at once (sys/file_objects.h), and there are enough descriptors to be worth
// the question, calls are made only for what these do not tell: stat once for each inode of the tree, fdinfo
// where something in it is needed, owners where there is one.
#pragma once

#include "libcr/files/facts.h"

#include <sys/stat.h>
#include <unordered_map>

namespace cr::files
{

class FactReader
{
  public:
    enum class Want {
        Look, // link, stat, flags: what tells a kind
        All,  // fdinfo and owner as well
    };

    // Those of one task, by ascending numbers.
    std::vector<Facts> read(const TaskFiles &task, Want want);
    // Numbers of the descriptions of a task, by descriptor, when those of other tasks have been told so;
    // empty when not.
    std::unordered_map<int, uint64_t> numbers(pid_t pid) const;

  private:
    struct Inode {
        struct stat st;
        int socket_domain;
    };
    std::optional<std::vector<sys::FileObject>> objects_of(const TaskFiles &task);
    void stat_inodes(const TaskFiles &task, const std::vector<sys::FileObject> &objects);
    std::vector<Facts> by_objects(const TaskFiles &task, Want want, std::vector<sys::FileObject> objects);

    std::optional<sys::FileObjects> source_;
    bool tried_ = false;
    off_t seen_ = 0;                            // descriptors
    std::unordered_map<uint64_t, Inode> inodes_; // by the kernel's number
};

} // namespace cr::files

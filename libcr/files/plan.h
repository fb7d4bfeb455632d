// The plan of the open files of a restore: everything the images say of them, checked as a whole, with the
// number that each description will have in the opener. Made before anything else is; pure but for reading.
//
// A task's descriptor table is built in its own program, by pidfd_getfd from the opener: see table.h.
#pragma once

#include "file-lock.pb.h"
#include "fs.pb.h"
#include "libcr/base/error.h"
#include "libcr/files/bpf_map.h"
#include "libcr/files/ghosts.h"
#include "libcr/files/memfd.h"
#include "libcr/files/opener.h"
#include "libcr/files/pipe_data.h"
#include "libcr/files/socket_queue.h"
#include "libcr/files/terminal_plan.h"

#include <map>
#include <string>
#include <vector>

namespace cr::files
{

struct TaskTable {
    pid_t pid = 0; // as in the images
    uint32_t files_id = 0;
};

class Plan
{
  public:
    // Reads files, fdinfo-*, fs-*, pipes-data and fifo-data. Throws Image or Refused on the first thing that
    // cannot be restored. `images` must outlive the plan.
    Plan(const image::Dir &images, const std::vector<TaskTable> &tasks, RestoreOptions options);

    // The opener's number of a file (an executable, a mapped file or memfd). Throws bad_image when there is
    // none of that id.
    int opener_fd(uint32_t file_id) const;
    // "/usr/bin/x", to tell people; throws likewise.
    const std::string &file_name(uint32_t file_id) const;
    // One line for each description, in the order they are made.
    std::vector<std::string> describe() const;
    // Looks for all files that have names, and opens nothing for good. What is missing or has changed.
    std::vector<Error> look_at_files() const;

    // A descriptor table, by ascending numbers; that of a task that shares it is another's as well.
    const std::vector<img::fdinfo_entry> &table(pid_t pid) const;
    // All of them, by the first task that has each, in the order of the images.
    const std::vector<const std::vector<img::fdinfo_entry> *> &tables() const { return in_order_; }
    const img::fs_entry &fs(pid_t pid) const;
    const std::vector<img::file_lock_entry> &locks(pid_t pid) const { return tasks_.at(pid).locks; }

    // Whether there are descriptions that can be made only when all processes are born.
    bool is_late(const img::file_entry &entry) const { return stage(entry) != Stage::Nobody; }
    bool has_late() const { return has_late_; }
    // Whether some of these need threads, too.
    bool has_of_threads() const { return has_of_threads_; }
    // Whether a kind (but sockets) has to be let go when the tasks are sure to live.
    bool has_last_work() const;

    // For kinds and the opener.
    const RestoreOptions &options() const { return options_; }
    const image::Dir &images() const { return images_; }
    const Ghosts &ghosts() const { return ghosts_; }
    const std::vector<img::file_entry> &entries() const { return entries_; }
    // The file at descriptor `fd` of a task that also has `file` open; null when there is none.
    const img::file_entry *beside(const img::file_entry &file, uint32_t fd) const;
    const std::map<uint32_t, img::memfd_inode_entry> &memfds() const { return memfds_; }
    const TerminalPlan &terminals() const { return terminals_; }
    // Null when there is none.
    const img::file_entry *find(img::fd_types type, uint32_t id) const;
    // Throws when there is none.
    const img::file_entry &get(img::fd_types type, uint32_t id) const;
    // -1: the entry is only a name for another one and is not opened by itself.
    int number(const img::file_entry &entry) const
    {
        return numbers_[static_cast<size_t>(&entry - entries_.data())];
    }
    // All numbers are below.
    int end_number() const { return end_number_; }
    // All descriptions of a pipe.
    const std::vector<const img::file_entry *> &pipe_group(uint32_t pipe_id) const
    {
        return pipes_.at(pipe_id);
    }
    const std::vector<const img::file_entry *> &fifo_group(uint32_t pipe_id) const
    {
        return fifos_.at(pipe_id);
    }
    // Null when there is none of that inode.
    const img::file_entry *unix_socket(uint32_t inode) const;
    const PipeContents &pipe_contents() const { return pipe_contents_; }
    const PipeContents &fifo_contents() const { return fifo_contents_; }
    const BpfMapContents &bpf_maps() const { return bpf_maps_; }
    const Queues &socket_queues() const { return socket_queues_; }
    // The file of a descriptor that a message of socket_queues() carries.
    const img::file_entry &carried(uint32_t id) const { return *carried_.at(id); }
    // Whether the caller gave something under that name.
    bool inherits(const std::string &key) const;
    // Of a regular file, at the dump: without --map-path.
    const std::string &old_name(const img::reg_file_entry &file) const;
    // A new description of what the caller gave under that name (--inherit-fd); empty when he gave nothing.
    Fd inherit(const std::string &key, uint32_t flags) const;
    // The description itself, for what cannot be opened again.
    Fd inherit_as_is(const std::string &key) const;

  private:
    using Groups = std::map<uint32_t, std::vector<const img::file_entry *>>;
    void read_files();
    void read_task(const TaskTable &task);
    const std::vector<img::fdinfo_entry> &read_table(uint32_t files_id);
    void read_locks();
    void read_socket_queues();
    void open_directories_as_paths();
    void assign_numbers();
    void check_needs() const;
    void warn_of_unused_keys() const;
    Stage stage(const img::file_entry &entry) const;

    const image::Dir &images_;
    RestoreOptions options_;
    std::vector<img::file_entry> entries_;
    std::map<uint32_t, std::string> old_names_; // of those that have another one here
    std::vector<int> numbers_; // of entries_
    int end_number_ = 0;
    std::map<std::pair<int, uint32_t>, size_t> by_id_;
    Groups pipes_, fifos_;
    std::map<uint32_t, size_t> unix_sockets_; // by inode, in entries_
    Ghosts ghosts_;
    std::map<uint32_t, img::memfd_inode_entry> memfds_;
    PipeContents pipe_contents_, fifo_contents_;
    BpfMapContents bpf_maps_;
    Queues socket_queues_;
    std::map<uint32_t, const img::file_entry *> carried_; // by id, whatever type it is of
    bool has_late_ = false, has_of_threads_ = false;
    TerminalPlan terminals_;
    using Table = std::vector<img::fdinfo_entry>;
    std::map<uint32_t, Table> tables_; // by files_id: tasks may share one
    std::vector<const Table *> in_order_;
    struct Task {
        const Table *table = nullptr;
        img::fs_entry fs;
        std::vector<img::file_lock_entry> locks;
    };
    std::map<pid_t, Task> tasks_;
};

// "fd 5 (pipe 3)" and the like, for people.
std::string describe(const img::file_entry &entry);

} // namespace cr::files

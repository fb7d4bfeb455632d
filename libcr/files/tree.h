// The open files of a whole stopped tree, as a dump collects them:
//
//   add()      reads the facts of every descriptor of one task, as soon as that task is known
//   capture()  then, with all of them known:
//     carried    what is on its way in unix sockets is found; it is looked at like descriptors of ours
//     identify   descriptors of any task that share one open description become one Description with one id
//     capture    one image entry for each, by its kind
//     finish     what needs them all: contents of pipes, targets of epolls
//   write()    files, fdinfo-*, fs-*; the tree may run again
//
// Nothing here changes a task or its files: copies of descriptors are taken (pidfd_getfd), read and closed
// again at once, so that neither our limit on descriptors nor the life of the target's files depends on the
// dump.
#pragma once

#include "libcr/files/build_id.h"
#include "libcr/files/carried.h"
#include "libcr/files/fact_reader.h"
#include "libcr/files/further_options.h"
#include "libcr/files/kind.h"
#include "libcr/files/known_options.h"
#include "libcr/files/memfd.h"
#include "libcr/files/temporary_links.h"
#include "libcr/files/unnamed.h"
#include "libcr/image/dir.h"
#include "libcr/image/writer.h"

#include <atomic>
#include <map>
#include <mutex>
#include <set>

namespace cr::files
{

void set_no_owner(img::fown_entry &nobody);

struct Description {
    Facts facts;                                // of the first descriptor found to refer to it
    // Every descriptor that refers to it, of whom and its number; ours, when it is on its way in a socket only.
    std::vector<std::pair<pid_t, int>> holders;
    const Kind *kind = nullptr;
    img::file_entry entry;
};

// What kind.capture() fills in.
class Capture
{
  public:
    Capture(Tree &tree, Description &description) : tree(tree), description(description) {}

    const Facts &facts() const { return description.facts; }
    img::file_entry &entry() { return description.entry; }
    uint32_t id() const { return description.entry.id(); }
    uint32_t flags() const { return description.facts.open_flags(); }
    void owner(img::fown_entry &to) const;

    Tree &tree;
    Description &description;
};

class Tree
{
  public:
    Tree(DumpOptions options, const image::Dir &images) : options_(std::move(options)), images_(images) {}

    // `pid` as this machine sees it, `vpid` as the images name it. Of tasks with one `files_id` only the
    // first is asked for its descriptors.
    void add(pid_t pid, pid_t vpid, uint32_t files_id);
    // A file another stage refers to by `id`: opened through `via` with `flags`; `link` is what its link
    // says. Of a socket, which cannot be opened again, the description that a task has gets this id.
    void claim(uint32_t id, pid_t pid, const std::string &via, const std::string &link, uint32_t flags);
    // Everything that needs the tree to be stopped.
    void capture();
    // The rest: files, fdinfo-* and fs-*.
    void write();

    // For kinds.
    const DumpOptions &options() const { return options_; }
    const image::Dir &images() const { return images_; }
    std::vector<Description> &descriptions() { return descriptions_; }
    // A thread of a task in the tree: signals of a descriptor may go to it.
    void add_thread(pid_t tid) { ids_.insert(tid); }
    // Whether the tree has such a process or thread.
    bool has_task(pid_t id) const { return tasks_.count(id) || ids_.count(id); }
    // Whether it is a process of the tree, dead ones included.
    bool has_process(pid_t pid) const { return processes_.count(pid) != 0; }
    void add_process(pid_t pid) { processes_.insert(pid); }
    Fd take(const Facts &facts) const;
    pid_t vpid(pid_t pid) const { return tasks_.at(pid).vpid; }
    int pidfd(pid_t pid) const { return task(pid).pidfd.get(); }
    // The description behind a descriptor; null when there is no such descriptor.
    const Description *find(pid_t pid, int fd) const;
    // Gives a regular-file entry the name by which the file behind `via` is found again, or its contents.
    GhostWriter &ghosts() { return ghosts_; }
    void find_again(img::reg_file_entry &reg, const Facts &facts, const std::string &via);
    // The id of the entry that is the temporary name of the file behind `via`, whose old name is `name`.
    uint32_t temporary_name(const Facts &facts, const std::string &via, const std::string &name);
    // A file of its own that an entry refers to (the name of a FIFO).
    void add_entry(img::file_entry entry);
    MemfdTable &memfds() { return memfds_; }
    BuildIds &build_ids() { return build_ids_; }
    uint32_t new_id() { return next_id_++; }
    const Carried &carried() const { return carried_; }
    OptionDefaults &option_defaults() { return option_defaults_; }
    KnownOptions &known_options() { return known_options_; }
    // Where kinds' finish() put what waits in sockets.
    image::Writer &socket_queues();
    // The id of the file behind a descriptor of ours that is in carried().
    uint32_t carried_file(int fd) const;

  private:
    struct Descriptor {
        int fd;
        bool close_on_exec;
        uint32_t description; // index
    };
    struct Task {
        pid_t pid = 0, vpid = 0;
        uint32_t files_id = 0, umask = 0;
        pid_t table_of = 0; // the task that was asked for the descriptors, itself or another
        Fd pidfd;
        std::vector<Facts> facts; // kRoot, kCwd, then descriptors; given to descriptions by identify()
        std::vector<Descriptor> descriptors;
    };
    const Task &task(pid_t pid) const { return pid == ours_.pid ? ours_ : tasks_.at(pid); }
    // Those whose descriptors are looked at, ours last.
    std::vector<Task *> all_tasks();
    void find_carried();
    uint32_t id_for(const Facts &facts);
    void identify();
    void capture_descriptions();
    void write_files();
    void write_task(const Task &task);

    DumpOptions options_;
    const image::Dir &images_;
    std::map<pid_t, Task> tasks_;
    std::optional<image::Writer> socket_queues_;
    OptionDefaults option_defaults_;
    KnownOptions known_options_;
    Carried carried_;
    Task ours_; // with the descriptors of carried_
    std::map<uint32_t, pid_t> by_files_id_;
    std::set<pid_t> ids_; // of threads
    MemfdTable memfds_;
    std::vector<Description> descriptions_;
    std::vector<img::file_entry> extra_;
    std::mutex mutex_; // of extra_ and link_ids_
    GhostWriter ghosts_;
    TemporaryLinks links_;
    std::map<std::pair<dev_t, ino_t>, uint32_t> link_ids_; // under mutex_
    std::map<ino_t, uint32_t> mapped_sockets_;             // and the ids that they were claimed by
    std::set<pid_t> processes_;
    FactReader reader_;
    BuildIds build_ids_;
    std::atomic<uint32_t> next_id_ = 1;
};

} // namespace cr::files

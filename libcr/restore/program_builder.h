// Builds the programs of a restore (programs.h): one member function for each thing that they do. What
// concerns births, groups and what processes share is in program_births.cc, what concerns threads in
// program_threads.cc.
#pragma once

#include "libcr/restore/programs.h"

#include <linux/sched.h>
#include <set>

namespace cr::restore
{

inline constexpr long kPidfdOpen = 434, kCloseRange = 436;

class Builder
{
  public:
    Builder(const ImageSet &images, const task::BirthPlan &births, const files::Plan &files,
            const MemoryPlan &memory, const task::Host &host, const Surroundings &surroundings, Programs &out)
        : images_(images), births_(births), files_(files), memory_(memory), host_(host),
          surroundings_(surroundings), out_(out)
    {
    }
    void build();

  private:
    // What births wait for: somebody else's group, and that others who share an object are through with what
    // must not meet its being made.
    struct Words {
        program::WordId group_there, group_joined;
        program::WordId cloned, memory_there, descriptors_closed, reaped, privileges_gone; // by the sharers
        uint32_t sharers[std::size(task::kSharedIds)] = {}; // those who have it from this birth on
    };
    struct AdoptionWords {
        program::WordId go, done;
    };
    // What filters all threads of a process have, the oldest first: its leader installs them for all.
    struct CommonFilters {
        size_t count = 0;
        bool for_all = false;
        program::WordId installed;
    };
    void build_task(size_t birth);
    void build_zombie(size_t birth);
    void build_helper(size_t birth);
    void build_intermediate(size_t birth);
    void make_words();
    bool makes(size_t birth, task::Shared kind) const;
    Words &shared_words(size_t birth, task::Shared kind);
    void tell(size_t birth, task::Shared kind, program::WordId Words::*word, program::Program &p);
    void await(size_t birth, task::Shared kind, program::WordId Words::*word, program::Program &p);
    void beget(size_t birth, program::Program &p, task::Build *build = nullptr);
    void foreground(size_t birth, task::Build &build);
    void adopt(size_t birth, program::Program &p);
    program::OpId own_opener(size_t birth, program::Program &p);
    void memory(size_t birth, task::Build &build);
    void files_of(size_t birth, task::Build &build);
    std::unique_ptr<program::Program> start(size_t birth);
    void enter_group(size_t birth, program::Program &p);
    void clone(const std::vector<size_t> &children, program::Program &p);
    bool tables_of_thread(const TaskImage &image, size_t thread, program::Program &p);
    void clone_thread(const TaskImage &image, size_t thread, program::ProgramId id, program::Program &cloner);
    void clone_threads(size_t task, program::Program &p, program::WordId creds_done,
                       const CommonFilters &common);
    void thread_work(const img::core_entry &core, const CommonFilters &common, task::Build &build);
    CommonFilters common_filters(const TaskImage &task);
    void enter_seccomp(const img::core_entry &core, const CommonFilters &common, task::Build &build);
    void reap(size_t birth, program::Program &p);
    void finish(program::Program &p);
    program::OpId settle_root(program::Program &p);
    mm::Sources sources() const;
    void early_memory(size_t birth, const mm::TaskPlan &memory, task::Build &build);
    void wait_for_fill(task::Build &build);

    const ImageSet &images_;
    const task::BirthPlan &births_;
    const files::Plan &files_;
    const MemoryPlan &memory_;
    const task::Host &host_;
    const Surroundings &surroundings_;
    Programs &out_;
    std::vector<program::ProgramId> ids_; // of births
    std::vector<Words> words_;
    std::vector<AdoptionWords> adoptions_;
    program::WordId adopted_; // how many adoptions are over
    std::map<pid_t, size_t> birth_of_;
    std::set<pid_t> foreground_; // groups that a session's leader waits for
};

} // namespace cr::restore

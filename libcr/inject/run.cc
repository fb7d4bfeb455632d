#include "libcr/inject/run.h"

#include "libcr/base/subject.h"
#include "libcr/base/text.h"
#include "libcr/inject/pad.h"
#include "libcr/inject/slot.h"
#include "libcr/inject/tree.h"
#include "libcr/sys/random.h"

#include <algorithm>
#include <map>
#include <optional>
#include <sys/mman.h>
#include <sys/syscall.h>

namespace cr::inject
{

namespace
{

constexpr auto kLimit = std::chrono::seconds(10);
constexpr size_t kAreaSize = 2 * kPageSize; // usual size, so that a leftover fits the next capture
constexpr size_t kNonce = 16;               // the area begins with it

size_t align8(size_t n) { return (n + 7) & ~size_t(7); }

uint64_t random_nonce() { return sys::random_number() | 1; }

// One job on its way. proceed() waits for what it has running and starts what comes next, until it is done.
class TaskRun
{
  public:
    TaskRun(Job &job, const Waiter &waiter);
    void begin();
    void proceed();
    bool done() const { return step_ == Step::Done; }
    pid_t pid() const { return task_.pid; }

  private:
    enum class Step { Mapping, Playing, Unmapping, Done };

    void choose_area();
    void choose_form();
    void write_pad();
    Encoder pad_program(TargetAddr at);
    void mapped();
    void close_transient(Encoder &program) const;
    void start_wave();
    void start_thread(size_t slot, size_t thread);
    void read_answers(Calls &calls, TargetAddr at);
    void write(TargetAddr at, const void *bytes, size_t size);
    void refuse_area();
    void finish();
    void put_back_lent();

    TargetAddr code() const { return pad_.at + sizeof(PadHeader); }
    TargetAddr leader_answers() const { return TargetAddr(header_.area + kNonce); }
    TargetAddr leader_program() const { return leader_answers() + align8(leader_calls().answers().size()); }
    TargetAddr slot_area(size_t slot) const { return slots_at_ + (slot - 1) * slot_size_; }
    Calls &leader_calls() const { return job_.threads.front(); }

    Job &job_;
    FrozenTask &task_;
    const Waiter &waiter_;
    Deadline deadline_;
    Pad pad_;
    PadHeader header_;
    bool short_ = false, took_over_ = false, looked_ = false;
    Step step_ = Step::Mapping;
    size_t slot_count_ = 1;
    TargetAddr slots_at_; // in the area: state, answers and program of slots 1 and up
    size_t slot_size_ = 0;
    std::vector<size_t> waiting_; // threads whose calls have not been made yet, the next one last
    std::optional<Slot> leader_;
    struct Running {
        Slot slot;
        size_t thread;
        TargetAddr answers;
    };
    std::vector<Running> wave_;
    bool leader_plays_ = false;
    // Operations of the pad's program.
    TargetAddr first_, mapped_at_, unmap_at_, end_at_;
};

TaskRun::TaskRun(Job &job, const Waiter &waiter)
    : job_(job), task_(*job.task), waiter_(waiter), deadline_(Clock::now() + kLimit)
{
    if (job_.threads.empty())
        job_.threads.emplace_back();
    for (size_t i = std::min(job_.threads.size(), task_.threads.size()); i-- > 1;)
        if (!job_.threads[i].empty())
            waiting_.push_back(i);
}

void TaskRun::begin()
{
    pad_ = task_.pad.size ? task_.pad : find_pad(task_.reader(), task_.memory);
    choose_form();
    choose_area();
    leader_.emplace(task_, task_.threads.front(), code(), 0);
    write_pad();
    leader_->enter();
    step_ = Step::Mapping;
}

// The short form plays everything out of the pad, in one stop less.
void TaskRun::choose_form()
{
    auto fixed = [&](size_t slots) {
        return sizeof(PadHeader) + CodeImage::size(slots) + CodeImage::kStateSize;
    };
    constexpr size_t kShortProgram = 280; // what pad_program() adds then
    short_ = waiting_.empty() && !leader_calls().has_data() && leader_calls().transient().empty() &&
             fixed(1) + kShortProgram + leader_calls().program_size() <= pad_.size;
    if (short_)
        return;
    slot_count_ = std::min(waiting_.size() + 1, CodeImage::kMaxSlots);
    while (slot_count_ && fixed(slot_count_) + Pad::kProgram > pad_.size)
        slot_count_--;
    if (!slot_count_ || (slot_count_ == 1 && !waiting_.empty()))
        refused(cat("the vDSO has only ", pad_.size, " bytes free, too few to make calls from"));
    for (size_t thread : waiting_) {
        Calls &calls = job_.threads[thread];
        constexpr size_t kAround = 256; // words, block, done and native
        slot_size_ = std::max(slot_size_, align8(CodeImage::kStateSize + align8(calls.answers().size()) +
                                                 calls.program_size() + kAround));
    }
}

void TaskRun::choose_area()
{
    constexpr size_t kAround = 256;
    size_t size = kNonce + align8(leader_calls().answers().size()) + kAround;
    if (!short_)
        size += leader_calls().program_size() + (slot_count_ - 1) * slot_size_;
    size = size <= kAreaSize && !short_ ? kAreaSize : page_up(size);

    PadHeader left = pad_.left;
    took_over_ = left.area && left.area_size >= size && leftover_is_there(task_.reader(), task_.memory, left);
    header_ = {PadHeader::kMagic, random_nonce(), left.area, left.area_size, 1};
    if (!took_over_) {
        header_.area = looked_ ? find_area(task_.reader(), size).value : guess_area(pad_, size).value;
        header_.area_size = static_cast<uint32_t>(size);
    }
    slots_at_ = leader_program() + align8(leader_calls().program_size() + kAround);
}

void TaskRun::write_pad()
{
    std::vector<uint8_t> bytes(sizeof header_);
    memcpy(bytes.data(), &header_, sizeof header_);
    auto append = [&](const auto &some) { bytes.insert(bytes.end(), some.begin(), some.end()); };
    append(CodeImage::bytes(slot_count_));
    TargetAddr state_at = pad_.at + bytes.size();
    append(leader_->state());
    Encoder program = pad_program(pad_.at + bytes.size());
    append(program.bytes());
    if (bytes.size() + 8 > pad_.size) // the player may read 8 bytes more
        refused(cat("the vDSO has only ", pad_.size, " bytes free, ", bytes.size() + 8, " are needed"));
    auto words = leader_->words(first_, state_at);
    memcpy(bytes.data() + (leader_->words_at() - pad_.at), words.data(), sizeof words);
    write(pad_.at, bytes.data(), bytes.size());
}

// What the leader plays out of the pad. `end_at_` is where a failure (of the mmap) leads.
//   short:                 block, mmap, the calls, done, munmap, done, resume
//   long, one thread:      block, mmap, nonce, done, munmap, done, resume
//   long, several threads: block, mmap, nonce, done, resume; apart from that: munmap, done, resume
Encoder TaskRun::pad_program(TargetAddr at)
{
    Encoder out(at);
    out.word(leader_->blocked());
    TargetAddr failing = out.here();
    out.word(0);
    first_ = out.call(leader_->block_call(at));
    Call map;
    map.nr = SYS_mmap;
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE | (took_over_ ? MAP_FIXED : MAP_FIXED_NOREPLACE);
    map.args = {header_.area, header_.area_size, PROT_READ | PROT_WRITE, static_cast<uint64_t>(flags), ~0ull};
    map.expected = static_cast<int64_t>(header_.area);
    out.call(map);
    if (short_)
        leader_calls().encode(out, leader_answers());
    else
        out.copy(TargetAddr(header_.area), pad_.at + offsetof(PadHeader, nonce));
    mapped_at_ = out.call(leader_->done_call());
    if (!waiting_.empty())
        out.native(leader_->resume_at());
    Call unmap;
    unmap.nr = SYS_munmap;
    unmap.args = {header_.area, header_.area_size};
    unmap_at_ = out.call(unmap);
    end_at_ = out.call(leader_->done_call());
    out.native(leader_->resume_at());
    out.set_word(failing, end_at_.value);
    return out;
}

void TaskRun::write(TargetAddr at, const void *bytes, size_t size)
{
    long n = task_.memory.write(at, bytes, size);
    sys::check(n, [&] { return cat("write to its memory at 0x", hex(at.value)); });
    if (static_cast<size_t>(n) != size)
        failed_with(EIO, cat("write to its memory at 0x", hex(at.value)));
}

void TaskRun::read_answers(Calls &calls, TargetAddr at)
{
    auto &bytes = calls.answers();
    if (bytes.empty())
        return;
    long n = sys::read_memory(task_.reader(), at, bytes.data(), bytes.size());
    sys::check(n, "read the answers from its memory");
    if (static_cast<size_t>(n) != bytes.size())
        failed_with(EFAULT, "read the answers from its memory");
}

void TaskRun::proceed()
{
    switch (step_) {
    case Step::Mapping: {
        TargetAddr op = leader_->wait_done(waiter_, deadline_);
        if (op == mapped_at_)
            return mapped();
        return refuse_area();
    }
    case Step::Playing:
        if (leader_plays_) {
            leader_->wait_done(waiter_, deadline_);
            read_answers(leader_calls(), leader_answers());
            leader_plays_ = false;
            if (job_.made)
                job_.made(leader_calls());
        }
        for (Running &running : wave_) {
            running.slot.wait_done(waiter_, deadline_);
            read_answers(job_.threads[running.thread], running.answers);
            running.slot.leave(waiter_, deadline_);
        }
        wave_.clear();
        if (!waiting_.empty())
            return start_wave();
        if (leader_calls().transient().empty())
            leader_->go_on(unmap_at_);
        else
            leader_->go_on();
        step_ = Step::Unmapping;
        return;
    case Step::Unmapping:
        leader_->wait_done(waiter_, deadline_);
        leader_->leave(waiter_, deadline_);
        finish();
        return;
    case Step::Done:
        return;
    }
}

// The memory could not be mapped: something else is at the place that was guessed, or there is no more to be
// had.
void TaskRun::refuse_area()
{
    int64_t result = leader_->failure();
    leader_->leave(waiter_, deadline_);
    put_back_lent();
    if (result != -EEXIST || looked_)
        failed_with(
            static_cast<int>(-result), "map memory in it for the answers of calls",
            result == -ENOMEM
                ? "it has as many areas, or as much memory, as it may: raise vm.max_map_count or its limit"
                : "");
    looked_ = true;
    begin();
}

// All are back and nothing is left but the code.
void TaskRun::finish()
{
    pad_.left = {PadHeader::kMagic, 0, 0, 0, 0};
    write(pad_.at, &pad_.left, sizeof pad_.left);
    put_back_lent();
    task_.pad = pad_;
    step_ = Step::Done;
}

void TaskRun::put_back_lent()
{
    if (pad_.lent.empty())
        return;
    write(pad_.at, pad_.lent.data(), pad_.lent.size());
    pad_.left = {};
}

void TaskRun::mapped()
{
    if (short_) {
        read_answers(leader_calls(), leader_answers());
        leader_->go_on();
        step_ = Step::Unmapping;
        return;
    }
    Encoder program(leader_program());
    leader_calls().encode(program, leader_answers());
    program.call(leader_->done_call());
    close_transient(program);
    if (waiting_.empty())
        program.jump(unmap_at_);
    else
        program.native(leader_->resume_at());
    if (leader_calls().has_data())
        write(leader_answers(), leader_calls().answers().data(), leader_calls().answers().size());
    write(leader_program(), program.bytes().data(), program.bytes().size());
    leader_->go_on(leader_program());
    leader_plays_ = true;
    step_ = Step::Playing;
    start_wave();
}

// A call's argument is only known when the program runs: it is copied into the operation that comes next.
void TaskRun::close_transient(Encoder &program) const
{
    constexpr size_t kCopySize = CR_OP_HEAD + 2 * sizeof(uint64_t);
    for (Calls::Out fd : leader_calls().transient()) {
        program.copy(program.here() + kCopySize + CR_OP_HEAD, leader_answers() + fd.offset);
        Call close;
        close.nr = SYS_close;
        close.args = {0};
        program.call(close);
    }
}

void TaskRun::start_wave()
{
    for (size_t slot = 1; slot < slot_count_ && !waiting_.empty(); slot++) {
        size_t thread = waiting_.back();
        waiting_.pop_back();
        start_thread(slot, thread);
    }
}

// In the area: the thread's state, its answers, then mask, failing end, and program.
void TaskRun::start_thread(size_t index, size_t thread)
{
    Calls &calls = job_.threads[thread];
    Slot slot(task_, task_.threads[thread], code(), index);
    TargetAddr at = slot_area(index), answers = at + CodeImage::kStateSize;
    auto state = slot.state();
    std::vector<uint8_t> bytes(state.begin(), state.end());
    bytes.insert(bytes.end(), calls.answers().begin(), calls.answers().end());
    bytes.resize(align8(bytes.size()));
    Encoder program(at + bytes.size());
    program.word(slot.blocked());
    TargetAddr failing = program.here();
    program.word(0);
    TargetAddr first = program.call(slot.block_call(at + bytes.size()));
    calls.encode(program, answers);
    TargetAddr done = program.call(slot.done_call());
    program.native(slot.resume_at());
    program.set_word(failing, done.value);
    bytes.insert(bytes.end(), program.bytes().begin(), program.bytes().end());
    write(at, bytes.data(), bytes.size());
    auto words = slot.words(first, at);
    write(slot.words_at(), words.data(), sizeof words);
    wave_.push_back({std::move(slot), thread, answers});
    wave_.back().slot.enter();
}

void run_side_by_side(const std::vector<Job *> &jobs, const Waiter &waiter)
{
    std::vector<TaskRun> runs;
    runs.reserve(jobs.size());
    for (Job *job : jobs)
        runs.emplace_back(*job, waiter);
    auto about = [](TaskRun &run, auto &&what) {
        auto describe = [&] { return subject_of(run.pid()); };
        Subject subject(describe);
        what();
    };
    for (TaskRun &run : runs)
        about(run, [&] { run.begin(); });
    for (bool more = true; more;) {
        more = false;
        for (TaskRun &run : runs)
            if (!run.done()) {
                about(run, [&] { run.proceed(); });
                more |= !run.done();
            }
    }
}

} // namespace

void run(std::vector<Job> &jobs, const Waiter &waiter)
{
    // Tasks of one memory have one pad: the n-th of each memory are a round.
    std::vector<std::vector<Job *>> rounds;
    std::map<pid_t, size_t> seen;
    for (Job &job : jobs) {
        if (calls_may_harm(*job.task))
            refused(
                cat("calls made in pid ", job.task->pid,
                    " may kill it: it is under seccomp, handles its system calls itself or runs 32-bit code"),
                "");
        pid_t memory = job.task->memory_of ? job.task->memory_of : job.task->pid;
        size_t round = seen[memory]++;
        rounds.resize(std::max(rounds.size(), round + 1));
        rounds[round].push_back(&job);
    }
    for (const std::vector<Job *> &round : rounds)
        run_side_by_side(round, waiter);
}

void run(Job &job, const Waiter &waiter)
{
    std::vector<Job> jobs;
    jobs.push_back(std::move(job));
    try {
        run(jobs, waiter);
    } catch (...) {
        job = std::move(jobs.front());
        throw;
    }
    job = std::move(jobs.front());
}

} // namespace cr::inject

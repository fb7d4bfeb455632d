#include "libcr/mm/sysv.h"

#include "libcr/base/error.h"
#include "libcr/base/log.h"
#include "libcr/base/subject.h"
#include "libcr/base/text.h"
#include "libcr/image/pages.h"
#include "libcr/image/reader.h"
#include "libcr/mm/shared.h"
#include "libcr/mm/vma.h"
#include "libcr/sys/file.h"
#include "libcr/sys/gate.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>

namespace cr::mm
{

namespace
{

constexpr uint32_t kRemoved = 01000, kLocked = 02000; // of a mode: SHM_DEST, SHM_LOCKED
constexpr uint64_t kLargest = 1ull << 46;

long status_of(uint32_t id, shmid_ds &out) { return sys::call(SYS_shmctl, id, IPC_STAT, &out); }

void ask_for_id(uint32_t id)
{
    const char *path = "/proc/sys/kernel/shm_next_id";
    long fd = sys::try_open_at(AT_FDCWD, path, O_WRONLY);
    if (fd == -ENOENT)
        refused("this kernel has no way to choose the id of a segment",
                "CONFIG_CHECKPOINT_RESTORE is needed");
    Fd owned(static_cast<int>(sys::check(fd, [&] { return cat("open ", path); })));
    std::string text = cat(id);
    long n = sys::call(SYS_write, owned.get(), text.data(), text.size());
    sys::check(n, "choose the id of a segment (needs CAP_CHECKPOINT_RESTORE or CAP_SYS_ADMIN)");
}

// The id of a new segment, or -errno.
long create(const img::ipc_shm_entry &segment, uint32_t key)
{
    ask_for_id(segment.desc().id());
    return sys::call(SYS_shmget, key, segment.size(), IPC_CREAT | IPC_EXCL | (segment.desc().mode() & 0777));
}

void set_owner(const img::ipc_shm_entry &segment)
{
    shmid_ds status{};
    sys::check(status_of(segment.desc().id(), status), "ask for the owner");
    status.shm_perm.uid = segment.desc().uid();
    status.shm_perm.gid = segment.desc().gid();
    status.shm_perm.mode = static_cast<decltype(status.shm_perm.mode)>(segment.desc().mode() & 0777);
    sys::check(sys::call(SYS_shmctl, segment.desc().id(), IPC_SET, &status), "set owner and mode");
}

} // namespace

img::ipc_shm_entry describe_segment(uint32_t id, std::string_view path)
{
    constexpr std::string_view kPrefix = "/SYSV";
    shmid_ds status{};
    sys::check(status_of(id, status), [&] { return cat("ask for System V shared memory ", id); });
    img::ipc_shm_entry out;
    img::ipc_desc_entry &desc = *out.mutable_desc();
    desc.set_key(parse_int<uint32_t>(path.substr(kPrefix.size(), 8), 16).value_or(0));
    desc.set_uid(status.shm_perm.uid);
    desc.set_gid(status.shm_perm.gid);
    desc.set_cuid(status.shm_perm.cuid);
    desc.set_cgid(status.shm_perm.cgid);
    desc.set_mode(status.shm_perm.mode);
    desc.set_id(id);
    out.set_size(status.shm_segsz);
    out.set_in_pagemaps(true);
    return out;
}

std::map<uint32_t, img::ipc_shm_entry> plan_segments(const image::Dir &dir,
                                                     std::span<const img::mm_entry *const> spaces)
{
    std::map<uint32_t, img::ipc_shm_entry> known, used;
    for (auto &segment : image::read_all<img::ipc_shm_entry>(dir, image::Kind::IpcnsShm, kIpcNamespace))
        known[segment.desc().id()] = segment;
    for (const img::mm_entry *space : spaces)
        for (const auto &vma : space->vmas()) {
            if (!has(vma, kVmaSysvIpc))
                continue;
            auto what = [&] { return cat("System V shared memory ", vma.shmid()); };
            Subject subject(what);
            auto segment = known.find(static_cast<uint32_t>(vma.shmid()));
            if (segment == known.end() || vma.shmid() > INT32_MAX)
                bad_image("it is mapped, but nothing tells of it");
            uint64_t size = segment->second.size();
            if (!segment->second.in_pagemaps() || size > kLargest || size == 0)
                bad_image(cat("a size of ", size));
            if (vma.pgoff() + size_of(vma) > page_up(size) || vma.pgoff() > vma.start())
                bad_image("it is mapped beyond its end");
            used[segment->first] = segment->second;
        }
    return used;
}

// Whether there is one of that id already, which then must be the same.
bool Segments::take_over(const img::ipc_shm_entry &segment, bool &in_use)
{
    shmid_ds status{};
    long r = status_of(segment.desc().id(), status);
    if (r == -EINVAL || r == -EIDRM)
        return false;
    sys::check(r, "ask whether it is there");
    bool removed = status.shm_perm.mode & kRemoved;
    auto key = static_cast<uint32_t>(status.shm_perm.__key);
    if (status.shm_segsz != segment.size() || (!removed && key != segment.desc().key()))
        refused("another segment has this id now", "remove it (ipcrm -m)");
    in_use = status.shm_nattch > 0;
    if (in_use)
        log::warning(cat("System V shared memory ", segment.desc().id(),
                         " is used by others, too: it keeps what is in it now"));
    return true;
}

void Segments::make(const image::Dir &dir, const img::ipc_shm_entry &segment)
{
    uint32_t id = segment.desc().id();
    bool in_use = false, there = take_over(segment, in_use), removed = segment.desc().mode() & kRemoved;
    if (!there) {
        long made = create(segment, segment.desc().key());
        if (made == -EEXIST && removed) // it has no key any more anyway
            made = create(segment, IPC_PRIVATE);
        if (made == -EEXIST)
            refused(cat("another segment has its key 0x", hex(segment.desc().key()), " now"),
                    "remove it (ipcrm -M)");
        sys::check(made, [&] { return cat("make it with ", segment.size(), " bytes"); });
        made_.push_back(static_cast<uint32_t>(made));
        if (made != static_cast<long>(id))
            refused("its id cannot be had now: another segment is in its place", "remove that (ipcs, ipcrm)");
    }
    long at = sys::check(sys::call(SYS_shmat, id, nullptr, 0), "attach it");
    attached_.push_back(static_cast<uint64_t>(at));
    if (!there && removed) // now, so that it ends with us whatever happens
        sys::check(sys::call(SYS_shmctl, id, IPC_RMID, nullptr), "remove it, as it was");
    if (!in_use) {
        if (there)
            sys::check(sys::call(SYS_madvise, at, page_up(segment.size()), MADV_REMOVE), "empty it");
        image::Pagemap pagemap = shared_contents(dir, contents_of_segment(id));
        if (!pagemap.runs.empty() && pagemap.runs.back().end() > page_up(segment.size()))
            bad_image("it has contents beyond its end");
        read_shared_contents(dir, pagemap, reinterpret_cast<uint8_t *>(at));
    }
    if (there)
        return;
    set_owner(segment);
    if (segment.desc().mode() & kLocked)
        sys::check(sys::call(SYS_shmctl, id, SHM_LOCK, nullptr), "lock it");
}

Segments::Segments(const image::Dir &dir, const std::map<uint32_t, img::ipc_shm_entry> &plan)
{
    // What is made is undone by the destructor, which a constructor that throws does not get.
    try {
        for (const auto &[id, segment] : plan) {
            auto what = [id = id] { return cat("System V shared memory ", id); };
            Subject subject(what);
            make(dir, segment);
        }
    } catch (...) {
        remove();
        throw;
    }
}

void Segments::detach()
{
    for (uint64_t at : attached_)
        sys::call(SYS_shmdt, at);
    attached_.clear();
}

void Segments::remove()
{
    detach();
    for (uint32_t id : made_)
        sys::call(SYS_shmctl, id, IPC_RMID, nullptr);
    made_.clear();
}

} // namespace cr::mm

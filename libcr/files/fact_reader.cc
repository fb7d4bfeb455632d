#include "libcr/files/fact_reader.h"

#include "libcr/base/parallel.h"
#include "libcr/base/subject.h"
#include "libcr/base/text.h"
#include "libcr/sys/file.h"

namespace cr::files
{

namespace
{

// From this number of descriptors on, the kernel's own tables are worth asking.
constexpr off_t kManyDescriptors = 256;

} // namespace

std::vector<Facts> FactReader::read(const TaskFiles &task, Want want)
{
    if (auto objects = objects_of(task))
        return by_objects(task, want, std::move(*objects));
    std::vector<int> fds = task.candidates();
    std::vector<std::optional<Facts>> found(fds.size());
    parallel_for(fds.size(), [&](size_t i) {
        auto what = [&] { return cat("pid ", task.pid(), ", fd ", fds[i]); };
        Subject subject(what);
        found[i] = want == Want::All ? task.all_facts(fds[i]) : task.facts(fds[i]);
    });
    std::vector<Facts> out;
    for (std::optional<Facts> &facts : found)
        if (facts)
            out.push_back(std::move(*facts));
    return out;
}

std::optional<std::vector<sys::FileObject>> FactReader::objects_of(const TaskFiles &task)
{
    // The size of the directory is the number of descriptors (since Linux 6.2).
    auto st = sys::stat_at(task.proc().fd(), "fd");
    seen_ += st ? st->st_size : 0;
    if (!st || seen_ < kManyDescriptors)
        return std::nullopt;
    if (!std::exchange(tried_, true))
        source_ = sys::FileObjects::make();
    auto objects = source_ ? source_->of(task.pid()) : std::nullopt;
    return objects && objects->size() == static_cast<size_t>(st->st_size) ? std::move(objects) : std::nullopt;
}

// Of a descriptor that stands for all of its inode.
void FactReader::stat_inodes(const TaskFiles &task, const std::vector<sys::FileObject> &objects)
{
    std::vector<std::pair<Inode *, const sys::FileObject *>> unknown;
    for (const sys::FileObject &object : objects)
        if (auto [inode, is_new] = inodes_.try_emplace(object.inode); is_new)
            unknown.emplace_back(&inode->second, &object);
    parallel_for(unknown.size(), [&](size_t i) {
        auto &[inode, object] = unknown[i];
        auto what = [&, object = object] { return cat("pid ", task.pid(), ", fd ", object->fd); };
        Subject subject(what);
        Fd copy = take_copy(task.pidfd(), static_cast<int>(object->fd));
        inode->st = sys::stat_of(copy.get(), "a descriptor");
        bool socket = S_ISSOCK(inode->st.st_mode) && !(object->flags & O_PATH);
        inode->socket_domain = socket ? socket_domain_of(copy.get()) : 0;
    });
}

std::vector<Facts> FactReader::by_objects(const TaskFiles &task, Want want,
                                          std::vector<sys::FileObject> objects)
{
    stat_inodes(task, objects);
    std::vector<Facts> out(objects.size());
    parallel_for(objects.size(), [&](size_t i) {
        sys::FileObject &object = objects[i];
        auto what = [&] { return cat("pid ", task.pid(), ", fd ", object.fd); };
        Subject subject(what);
        const Inode &inode = inodes_.at(object.inode);
        out[i].st = inode.st;
        out[i].socket_domain = inode.socket_domain;
        task.complete(out[i], std::move(object), want == Want::All);
    });
    return out;
}

std::unordered_map<int, uint64_t> FactReader::numbers(pid_t pid) const
{
    std::unordered_map<int, uint64_t> out;
    auto objects = source_ ? source_->of(pid) : std::nullopt;
    if (objects)
        for (const sys::FileObject &object : *objects)
            out[static_cast<int>(object.fd)] = object.number;
    return out;
}

} // namespace cr::files

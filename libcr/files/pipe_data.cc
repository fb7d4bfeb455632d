#include "libcr/files/pipe_data.h"

#include "libcr/base/error.h"
#include "libcr/base/log.h"
#include "libcr/base/subject.h"
#include "libcr/base/text.h"
#include "libcr/sys/descriptor.h"
#include "libcr/sys/file.h"
#include "libcr/sys/gate.h"
#include "pipe-data.pb.h"

#include <algorithm>
#include <sys/ioctl.h>
#include <sys/syscall.h>

namespace cr::files
{

namespace
{

constexpr uint32_t kMaxPipe = 1u << 31; // the kernel's own limit on a pipe's size

// The pipe through which others are looked into.
class Window
{
  public:
    // All `bytes` bytes that are in the pipe behind `in`, whose size is `size`; the lengths of the packets
    // that they are, of which the kernel gives one with each read.
    std::string look(int in, size_t bytes, long size, std::vector<uint32_t> &packets)
    {
        enlarge(size);
        std::string out(bytes, '\0');
        long n = sys::check(sys::call(SYS_tee, in, write_.get(), bytes, 2 /* SPLICE_F_NONBLOCK */),
                            "look into the pipe (tee)");
        size_t got = 0;
        while (got < static_cast<size_t>(n)) {
            long part = sys::call(SYS_read, read_.get(), out.data() + got, static_cast<size_t>(n) - got);
            if (sys::check(part, "read the pipe's contents") == 0)
                break;
            got += static_cast<size_t>(part);
            packets.push_back(static_cast<uint32_t>(part));
        }
        if (got != bytes)
            failed_with(0, cat("look into the pipe: ", got, " of ", bytes, " bytes seen"));
        return out;
    }

  private:
    void enlarge(long size)
    {
        if (!read_) {
            int fds[2];
            sys::check(sys::call(SYS_pipe2, fds, O_CLOEXEC | O_NONBLOCK), "make a pipe");
            read_ = Fd(fds[0]);
            write_ = Fd(fds[1]);
            size_ = sys::check(sys::try_fcntl(write_.get(), F_GETPIPE_SZ), "read a pipe's size");
        }
        if (size > size_)
            size_ = sys::check(sys::try_fcntl(write_.get(), F_SETPIPE_SZ, static_cast<uint64_t>(size)),
                               "enlarge a pipe (F_SETPIPE_SZ)");
    }

    Fd read_, write_;
    long size_ = 0;
};

bool can_read(const Description &end) { return (end.facts.open_flags() & O_ACCMODE) != O_WRONLY; }

// An end of the pipe, for reading when there is one.
const Description &best_end(const Ends &ends)
{
    for (const Description *end : ends)
        if (can_read(*end))
            return *end;
    return *ends.front();
}

void write_one(Tree &tree, image::Writer &writer, Window &window, uint32_t pipe_id, const Ends &ends)
{
    const Description &end = best_end(ends);
    auto what = [&] { return end.facts.subject(); };
    Subject subject(what);
    Fd copy = tree.take(end.facts);
    long size = sys::check(sys::try_fcntl(copy.get(), F_GETPIPE_SZ), "read the pipe's size");
    int bytes = 0;
    sys::check(sys::try_ioctl(copy.get(), FIONREAD, &bytes), "ask how much is in the pipe");

    bool in_packets = std::any_of(ends.begin(), ends.end(),
                                  [](const Description *d) { return d->facts.open_flags() & O_DIRECT; });
    std::vector<uint32_t> packets;
    std::string content;
    if (bytes) {
        if (!can_read(end))
            copy = sys::reopen(copy.get(), O_RDONLY | O_NONBLOCK);
        content = window.look(copy.get(), static_cast<size_t>(bytes), size, packets);
    }
    img::pipe_data_entry record;
    record.set_pipe_id(pipe_id);
    record.set_bytes(static_cast<uint32_t>(bytes));
    record.set_size(static_cast<uint32_t>(size));
    if (in_packets)
        record.mutable_cr_packets()->Assign(packets.begin(), packets.end());
    writer.put(record);
    writer.put_raw(content.data(), content.size());
}

} // namespace

void write_pipe_data(Tree &tree, image::Kind kind, const std::map<uint32_t, Ends> &pipes)
{
    if (pipes.empty())
        return;
    image::Writer writer(tree.images(), kind);
    Window window;
    for (auto &[pipe_id, ends] : pipes)
        write_one(tree, writer, window, pipe_id, ends);
    writer.finish();
}

PipeContents read_pipe_contents(const image::Dir &images, image::Kind kind)
{
    PipeContents out;
    auto reader = image::RecordReader::open(images, kind);
    img::pipe_data_entry record;
    while (reader && reader->next(record)) {
        PipeContent content{reader->offset(),
                            record.bytes(),
                            record.size(),
                            {record.cr_packets().begin(), record.cr_packets().end()}};
        uint64_t sum = 0;
        for (uint32_t packet : content.packets)
            sum += packet;
        if (!content.packets.empty() && sum != content.bytes)
            reader->fail(cat("packets of ", sum, " bytes in all, where there are ", content.bytes));
        if (content.size > kMaxPipe || (content.size && content.bytes > content.size))
            reader->fail(cat(content.bytes, " bytes in a pipe of ", content.size));
        reader->skip(record.bytes());
        if (!out.emplace(record.pipe_id(), content).second)
            reader->fail(cat("pipe ", record.pipe_id(), " comes twice"));
    }
    return out;
}

// A pipe larger than fs.pipe-max-size needs CAP_SYS_RESOURCE: without it a smaller one has to do, if it holds
// what is in it.
static void resize(int write_end, const PipeContent &content)
{
    long size = sys::check(sys::try_fcntl(write_end, F_GETPIPE_SZ), "read the pipe's size");
    if (!content.size || size == static_cast<long>(content.size))
        return;
    long r = sys::try_fcntl(write_end, F_SETPIPE_SZ, content.size);
    for (uint64_t smaller = content.size / 2; r == -EPERM && smaller >= content.bytes && smaller >= 4096;
         smaller /= 2) {
        r = sys::try_fcntl(write_end, F_SETPIPE_SZ, smaller);
        if (r >= 0)
            log::warning("a pipe of ", content.size, " bytes becomes one of ", r,
                         ": larger ones need CAP_SYS_RESOURCE, or "
                         "a larger /proc/sys/fs/pipe-max-size");
    }
    sys::check(r, [&] { return cat("make a pipe of ", content.size, " bytes"); });
}

void fill_pipe(int write_end, const PipeContent &content, const image::Dir &images, image::Kind kind)
{
    resize(write_end, content);
    if (!content.bytes)
        return;
    std::string bytes(content.bytes, '\0');
    Fd image = images.open_file(kind);
    if (sys::pread_up_to(image.get(), bytes.data(), bytes.size(), content.offset, "the pipe's contents") !=
        bytes.size())
        bad_image("the contents of a pipe are missing");
    long flags = sys::check(sys::try_fcntl(write_end, F_GETFL), "read the flags of a pipe");
    sys::check(
        sys::try_fcntl(write_end, F_SETFL,
                       static_cast<uint64_t>(flags | O_NONBLOCK | (content.packets.empty() ? 0 : O_DIRECT))),
        "prepare a pipe");
    size_t at = 0;
    for (uint32_t packet : content.packets) {
        sys::write_all(write_end, bytes.data() + at, packet, "the pipe's contents");
        at += packet;
    }
    if (content.packets.empty())
        sys::write_all(write_end, bytes.data(), bytes.size(), "the pipe's contents");
    sys::check(sys::try_fcntl(write_end, F_SETFL, static_cast<uint64_t>(flags)), "prepare a pipe");
}

} // namespace cr::files

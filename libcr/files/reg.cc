#include "libcr/files/reg.h"

#include "libcr/base/error.h"
#include "libcr/base/log.h"
#include "libcr/base/subject.h"
#include "libcr/base/text.h"
#include "libcr/files/build_id.h"
#include "libcr/files/external.h"
#include "libcr/files/kinds.h"
#include "libcr/files/plan.h"
#include "libcr/files/proc_file.h"
#include "libcr/files/tree.h"
#include "libcr/files/unnamed.h"
#include "libcr/sys/file.h"
#include "libcr/sys/gate.h"

#include <climits>
#include <cstring>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

namespace cr::files
{

namespace
{

constexpr uint32_t kOTmpfile = 020000000; // without the O_DIRECTORY that O_TMPFILE includes

constexpr const char *kSecretMemory = "/secretmem (deleted)";

bool is_memory_device(mode_t mode, dev_t rdev) { return S_ISCHR(mode) && major(rdev) == 1; }

bool claims(const Facts &f)
{
    if (!f.link.starts_with('/') || f.link.starts_with("/memfd:") || f.link.starts_with("/dmabuf:"))
        return false;
    if (f.link == kSecretMemory && f.st.st_nlink) // its own kind of file; a deleted one has no links
        return false;
    return f.is_path_only() || S_ISREG(f.st.st_mode) || S_ISDIR(f.st.st_mode) || S_ISLNK(f.st.st_mode) ||
           is_memory_device(f.st.st_mode, f.st.st_rdev);
}

std::optional<Blocker> blocker(const Facts &facts, const DumpOptions &options)
{
    return name_blocker(facts, options);
}

// Nothing of the file itself is wanted again.
void capture_external(Capture &c)
{
    const Facts &facts = c.facts();
    img::reg_file_entry &reg = *c.entry().mutable_reg();
    fill_reg(reg, c.id(), facts);
    reg.clear_size();
    reg.set_name(facts.link);
    reg.set_ext(true);
    reg.set_cr_external(file_key(facts));
    c.owner(*reg.mutable_fown());
}

void capture(Capture &c)
{
    const Facts &facts = c.facts();
    if (is_external_file(facts, c.tree.options()))
        return capture_external(c);
    std::string build_id;
    if (facts.fd >= 0 && wants_build_id(facts, c.tree.options()))
        build_id = c.tree.build_ids().of(facts.st, [&] { return build_id_of(c.tree.take(facts).get()); });
    fill_reg(*c.entry().mutable_reg(), c.id(), facts, build_id);
    if (S_ISDIR(facts.st.st_mode) && facts.fd >= 0 && facts.owner.pid)
        log::warning(facts.subject(), ": what it may have been told to watch (F_NOTIFY) is not kept");
    if (auto name = parse_proc_name(facts.link))
        capture_proc(c, *name);
    else
        c.tree.find_again(*c.entry().mutable_reg(), facts, via_of(facts));
    c.owner(*c.entry().mutable_reg()->mutable_fown());
}

Common common(const img::file_entry &entry, const Plan &)
{
    return {entry.reg().flags(), &entry.reg().fown()};
}

// The key by which the caller gave it; empty when he did not.
std::string given_as(const img::reg_file_entry &reg, const Plan &plan)
{
    if (reg.ext() && reg.has_cr_external())
        if (std::string key = external_key(reg.cr_external()); plan.inherits(key))
            return key;
    for (const std::string &name : {reg.name(), plan.old_name(reg)})
        if (std::string key = external_key(name); plan.inherits(key))
            return key;
    return {};
}

void check(const img::file_entry &entry, const Plan &plan)
{
    if (!entry.has_reg())
        bad_image("a regular file without its part");
    const img::reg_file_entry &reg = entry.reg();
    check_reg(reg);
    if (!reg.ext() || !given_as(reg, plan).empty())
        return;
    if (reg.has_cr_external())
        refused(cat(printable(reg.name()), " is not in the images (--external)"),
                cat("give it: --inherit-fd fd[N]:", printable(reg.cr_external())));
    refused(cat(printable(reg.name()), " is not in the images: a plugin of the dump knew it"),
            cat("give it: --inherit-fd fd[N]:", printable(reg.name())));
}

Stage stage(const img::file_entry &entry, const Plan &plan)
{
    return entry.has_reg() ? stage_of_proc(entry.reg(), plan) : Stage::Nobody;
}

struct KnownFiles {
    explicit KnownFiles(const Opener &) {}
    BuildIds build_ids;
};

void open(const img::file_entry &entry, Opener &opener)
{
    const img::reg_file_entry &reg = entry.reg();
    std::string key = given_as(reg, opener.plan);
    Fd fd = !key.empty()                          ? opener.plan.inherit(key, reg.flags())
            : parse_proc_name(reg.name())         ? open_proc(reg, opener)
            : opener.plan.ghosts().has(reg.id())  ? opener.open_unnamed(reg, reg.flags())
                                                  : open_reg(reg, reg.flags(), opener.plan.options(),
                                                             &opener.state<KnownFiles>().build_ids);
    long r = reg.pos() && !(reg.flags() & O_PATH) ? sys::call(SYS_lseek, fd.get(), reg.pos(), SEEK_SET) : 0;
    if (r != -ESPIPE || key.empty()) // what was given may be a pipe
        sys::check(r, "set the offset");
    opener.place(entry, std::move(fd));
}

void find(const img::file_entry &entry, const Plan &plan)
{
    const img::reg_file_entry &reg = entry.reg();
    if (given_as(reg, plan).empty() && !parse_proc_name(reg.name()) && !plan.ghosts().has(reg.id()))
        open_reg(reg, reg.flags(), plan.options());
}

bool same_build_id(const img::reg_file_entry &reg, const std::string &id)
{
    // Stored as 32-bit words; as bytes by some writers.
    std::string words;
    for (uint32_t word : reg.build_id())
        words.append(reinterpret_cast<const char *>(&word), sizeof word);
    if (words.size() >= id.size() && words.compare(0, id.size(), id) == 0)
        return true;
    return std::equal(id.begin(), id.end(), reg.build_id().begin(), reg.build_id().end(),
                      [](char a, uint32_t b) { return static_cast<unsigned char>(a) == b; });
}

// "0644"
std::string octal(uint32_t mode)
{
    std::string out = "0";
    for (int shift : {9, 6, 3, 0})
        if (shift < 9 || mode >> 9 & 7)
            out += static_cast<char>('0' + (mode >> shift & 7));
    return out;
}

} // namespace

// The type first, since opening a FIFO or a device has effects.
void check_unchanged(const img::reg_file_entry &reg, const struct stat &st, const RestoreOptions &options)
{
    const char *remedy = "put the file of the dump back";
    if (reg.has_mode()) {
        if ((reg.mode() & S_IFMT) != (st.st_mode & S_IFMT))
            refused("a file of another type has this name now", remedy);
        if (options.check_mode && reg.mode() != st.st_mode)
            refused(cat("the file's mode is ", octal(st.st_mode), ", at the dump it was ", octal(reg.mode())),
                    "change it back, or use --skip-file-rwx-check");
    }
    if (reg.has_size() && S_ISREG(st.st_mode) && reg.size() != static_cast<uint64_t>(st.st_size))
        refused(cat("the file has ", st.st_size, " bytes, at the dump it had ", reg.size()), remedy);
}

std::optional<Blocker> name_blocker(const Facts &facts, const DumpOptions &options)
{
    if (auto name = parse_proc_name(facts.link))
        return proc_blocker(facts, *name);
    return find_name(facts, options).blocker;
}

bool wants_build_id(const Facts &facts, const DumpOptions &options)
{
    constexpr off_t kSmallest = 64; // the header of an ELF file
    return S_ISREG(facts.st.st_mode) && facts.st.st_size >= kSmallest && options.build_id &&
           (facts.open_flags() & (O_ACCMODE | O_PATH)) == O_RDONLY;
}

void fill_reg(img::reg_file_entry &reg, uint32_t id, const Facts &facts, const std::string &build_id)
{
    reg.set_id(id);
    reg.set_flags(facts.open_flags());
    reg.set_pos(facts.info.flags & O_PATH ? 0 : facts.info.pos);
    reg.set_mode(facts.st.st_mode);
    if (!S_ISREG(facts.st.st_mode))
        return;
    reg.set_size(static_cast<uint64_t>(facts.st.st_size));
    std::string build = build_id;
    build.resize((build.size() + 3) & ~size_t{3});
    for (size_t at = 0; at < build.size(); at += 4) {
        uint32_t word;
        std::memcpy(&word, build.data() + at, sizeof word);
        reg.add_build_id(word);
    }
}

void check_reg(const img::reg_file_entry &reg)
{
    const std::string &name = reg.name();
    if (!name.starts_with('/') || name.size() >= PATH_MAX || name.find('\0') != std::string::npos)
        bad_image(cat("\"", printable(name.substr(0, 200)), "\" is no absolute name of a file"));
    if (reg.pos() > INT64_MAX)
        bad_image(cat("offset ", reg.pos(), " of ", printable(name)));
}

Fd open_reg(const img::reg_file_entry &reg, uint32_t flags, const RestoreOptions &options, BuildIds *known)
{
    const char *name = reg.name().c_str();
    Subject subject(reg.name());
    auto st = sys::stat_at(AT_FDCWD, name);
    if (!st)
        failed_with(ENOENT, "open the file",
                    "it was there at the dump: put it back under this name, or tell its new one: --map-path OLD=NEW");
    if (!(flags & O_PATH) && !S_ISREG(st->st_mode) && !S_ISDIR(st->st_mode) && !S_ISLNK(st->st_mode) &&
        !is_memory_device(st->st_mode, st->st_rdev))
        refused("a file of another type has this name now", "put the file of the dump back");
    check_unchanged(reg, *st, options);
    int open_flags = static_cast<int>(flags & ~(O_CREAT | O_EXCL | O_TRUNC | kOTmpfile)) | O_NOCTTY;
    Fd fd(static_cast<int>(sys::check(sys::try_open_at(AT_FDCWD, name, open_flags), "open the file")));
    struct stat opened = sys::stat_of(fd.get(), "the file");
    if (opened.st_dev != st->st_dev || opened.st_ino != st->st_ino)
        refused("the file was replaced while it was being opened");
    auto read = [&] { return build_id_of(fd.get()); };
    if (options.check_build_id && reg.build_id_size() && (flags & (O_ACCMODE | O_PATH)) != O_WRONLY &&
        !(flags & O_PATH) && !same_build_id(reg, known ? known->of(opened, read) : read()))
        refused("the file has another build id than at the dump", "put the file of the dump back");
    return fd;
}

const Kind kReg = {
    .name = "file",
    .type = img::REG,
    .claims = claims,
    .blocker = blocker,
    .capture = capture,
    .common = common,
    .check = check,
    .open = open,
    .stage = stage,
    .find = find,
    .kept = "name, position, flags, owner of its signals; contents of deleted ones",
};

} // namespace cr::files

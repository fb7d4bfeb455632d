#include "libcr/proc/maps.h"

#include "libcr/base/error.h"
#include "libcr/base/text.h"
#include "libcr/sys/file.h"
#include "libcr/sys/gate.h"

#include <iterator>
#include <sys/syscall.h>

namespace cr::proc
{

namespace
{

// In the order of the enumeration.
constexpr char kFlagNames[][3] = {"rd", "wr", "ex", "sh", "mr", "mw", "me", "ms", "gd", "pf",
                                  "dw", "lo", "io", "sr", "rr", "dc", "de", "ac", "nr", "ht",
                                  "sf", "ar", "wf", "dd", "sd", "mm", "hg", "nh", "mg", "um",
                                  "uw", "ui", "bt", "mt", "ss", "sl", "lf", "dp", "nl", "gu"};
static_assert(std::size(kFlagNames) == static_cast<size_t>(VmFlag::Unknown));

// Index by the two letters, so that 30,000 areas of ten flags each are no search.
struct FlagTable {
    uint8_t at[26 * 26];
    constexpr FlagTable() : at()
    {
        for (auto &entry : at)
            entry = static_cast<uint8_t>(VmFlag::Unknown);
        for (size_t i = 0; i < std::size(kFlagNames); i++)
            at[(kFlagNames[i][0] - 'a') * 26 + (kFlagNames[i][1] - 'a')] = static_cast<uint8_t>(i);
    }
    constexpr VmFlag find(std::string_view name) const
    {
        if (name.size() != 2 || name[0] < 'a' || name[0] > 'z' || name[1] < 'a' || name[1] > 'z')
            return VmFlag::Unknown;
        return static_cast<VmFlag>(at[(name[0] - 'a') * 26 + (name[1] - 'a')]);
    }
};
constexpr FlagTable kFlagTable;

template <class Int> bool take_number(std::string_view &rest, int base, char end, Int &out)
{
    auto number = parse_int<Int>(take_until(rest, end), base);
    out = number.value_or(0);
    return number.has_value();
}

// "Anonymous:           123 kB" -> bytes
uint64_t kilobytes(std::string_view text) { return parse_int<uint64_t>(take_word(text)).value_or(0) * 1024; }

// The kernel escapes a newline in a file's name as \012, and nothing else.
std::string unescape(std::string_view path)
{
    std::string out;
    for (size_t at; (at = path.find("\\012")) != std::string_view::npos; path.remove_prefix(at + 4)) {
        out.append(path.data(), at);
        out += '\n';
    }
    out.append(path.data(), path.size());
    return out;
}

} // namespace

VmFlags parse_vm_flags(std::string_view text)
{
    VmFlags out;
    for (std::string_view word; !(word = take_word(text)).empty();) {
        // Older kernels, 6.1 is one, have no name for this flag, which stands beside "lo" only.
        bool lock_on_fault = word == "??" && out.has(VmFlag::lo);
        out.set(lock_on_fault ? VmFlag::lf : kFlagTable.find(word));
    }
    return out;
}

std::optional<VmFlags> vm_flags_of(uint64_t bits)
{
    // From the lowest on, linux/mm.h. These have been so since Linux 3.8 and 5.1; Unknown are those of an
    // architecture and those that were given a new meaning.
    using enum VmFlag;
    static constexpr VmFlag kBits[32] = {rd, wr, ex, sh, mr, mw, me, ms, gd, um,      pf, Unknown, uw, lo, io, sr,
                                         rr, dc, de, lf, ac, nr, ht, sf, Unknown, wf, dd, sd,      mm, hg, nh, mg};
    VmFlags out;
    for (; bits; bits &= bits - 1) {
        auto bit = static_cast<size_t>(__builtin_ctzll(bits));
        if (bit >= std::size(kBits) || kBits[bit] == Unknown)
            return std::nullopt;
        out.set(kBits[bit]);
    }
    return out;
}

std::optional<Area> parse_area(std::string_view line)
{
    Area out;
    if (!take_number(line, 16, '-', out.start.value) || !take_number(line, 16, ' ', out.end.value))
        return std::nullopt;
    std::string_view mode = take_until(line, ' ');
    if (mode.size() != 4)
        return std::nullopt;
    out.read = mode[0] == 'r';
    out.write = mode[1] == 'w';
    out.exec = mode[2] == 'x';
    out.shared = mode[3] == 's';
    if (!take_number(line, 16, ' ', out.offset) || !take_number(line, 16, ':', out.major) ||
        !take_number(line, 16, ' ', out.minor) || !take_number(line, 10, ' ', out.inode))
        return std::nullopt;
    // Names are padded to a column; a name itself may begin with no blank, since it begins with '/' or '['.
    while (!line.empty() && line.front() == ' ')
        line.remove_prefix(1);
    out.path = unescape(line);
    return out;
}

std::vector<Area> parse_maps(std::string_view text)
{
    std::vector<Area> out;
    while (!text.empty()) {
        std::string_view line = take_until(text, '\n');
        auto area = parse_area(line);
        if (!area)
            failed_with(0, cat("understand the line \"", printable(line), "\" of /proc/PID/maps"));
        out.push_back(std::move(*area));
    }
    return out;
}

void SmapsParser::feed(std::string_view text)
{
    if (!rest_.empty()) {
        size_t end = text.find('\n');
        rest_ += text.substr(0, end);
        if (end == std::string_view::npos)
            return;
        text.remove_prefix(end + 1);
        line(rest_);
        rest_.clear();
    }
    for (size_t end; (end = text.find('\n')) != std::string_view::npos; text.remove_prefix(end + 1))
        line(text.substr(0, end));
    rest_ = text;
}

// Lines of an area begin with an address in small letters, its numbers with a capital.
void SmapsParser::line(std::string_view text)
{
    if (text.empty())
        return;
    if (text[0] < 'A' || text[0] > 'Z') {
        auto area = parse_area(text);
        if (!area)
            failed_with(0, cat("understand the line \"", printable(text), "\" of /proc/PID/smaps"));
        areas_.push_back(std::move(*area));
    } else if (areas_.empty()) {
        failed_with(0, "understand /proc/PID/smaps");
    } else if (text[0] == 'V' && starts_with(text, "VmFlags:")) {
        areas_.back().flags = parse_vm_flags(text.substr(8));
    } else if (text[0] == 'A' && starts_with(text, "Anonymous:")) {
        areas_.back().anonymous += kilobytes(text.substr(10));
    } else if (text[0] == 'S' && starts_with(text, "Swap:")) {
        areas_.back().anonymous += kilobytes(text.substr(5));
    }
}

std::vector<Area> SmapsParser::take()
{
    if (!rest_.empty())
        line(rest_);
    rest_.clear();
    return std::move(areas_);
}

std::vector<Area> read_maps(const PidDir &task) { return parse_maps(task.read("maps")); }

SmapsReader::SmapsReader(const PidDir &task) : task_(task), fd_(sys::open_at(task.fd(), "smaps", O_RDONLY)) {}

// The kernel hands out at most a page of text per call here.
bool SmapsReader::read(uint64_t bytes)
{
    char buffer[4096];
    for (uint64_t done = 0; done < bytes;) {
        long n = sys::check(sys::call(SYS_read, fd_.get(), buffer, sizeof buffer),
                            [&] { return cat("read /proc/", task_.pid(), "/smaps"); });
        if (n == 0)
            return true;
        parser_.feed({buffer, static_cast<size_t>(n)});
        done += static_cast<uint64_t>(n);
    }
    return false;
}

std::vector<Area> read_smaps(const PidDir &task)
{
    SmapsReader reader(task);
    reader.read();
    return reader.take();
}

} // namespace cr::proc

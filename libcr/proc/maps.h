// The areas of an address space: /proc/PID/maps and /proc/PID/smaps as values.
//
// maps says where an area is and what backs it; only smaps says how it was advised or locked (VmFlags), and
// how much of a private file area was written to. smaps costs five times as much (it walks page tables and
// prints 25 lines an area: 0.1 ms for a small process, 80 ms for 30,000 areas), so it is parsed as it streams
// in, never held whole.
#pragma once

#include "libcr/base/addr.h"
#include "libcr/proc/pid_dir.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cr::proc
{

// VmFlags by their two letters, Documentation/filesystems/proc.rst. `Unknown` stands for any that we do not
// know.
enum class VmFlag : uint8_t {
    // clang-format off
    rd, wr, ex, sh, mr, mw, me, ms, gd, pf, dw, lo, io, sr, rr, dc, de, ac, nr, ht, sf, ar, wf, dd, sd, mm, hg,
    nh, mg, um, uw, ui, bt, mt, ss, sl, lf, dp, nl, gu, Unknown,
    // clang-format on
};

class VmFlags
{
  public:
    constexpr bool has(VmFlag flag) const { return bits_ >> static_cast<int>(flag) & 1; }
    constexpr void set(VmFlag flag) { bits_ |= uint64_t{1} << static_cast<int>(flag); }
    constexpr void clear(VmFlag flag) { bits_ &= ~(uint64_t{1} << static_cast<int>(flag)); }
    constexpr bool operator==(const VmFlags &) const = default;

  private:
    uint64_t bits_ = 0;
};

// "rd wr mr mw me ac"
VmFlags parse_vm_flags(std::string_view text);
// The same from the kernel's vm_flags; nothing when a bit of them is among those that kernels number as they
// like.
std::optional<VmFlags> vm_flags_of(uint64_t bits);

struct Area {
    TargetAddr start, end;
    bool read = false, write = false, exec = false, shared = false;
    uint64_t offset = 0; // in the file, bytes
    uint32_t major = 0, minor = 0;
    uint64_t inode = 0;
    std::string path; // as the kernel shows it: "[heap]", "/lib/x.so", "/tmp/x (deleted)", or empty
    // From smaps only.
    VmFlags flags;
    uint64_t anonymous = 0; // bytes of pages of its own, swapped ones included

    uint64_t size() const { return end - start; }
};

// One line of maps, without its end.
std::optional<Area> parse_area(std::string_view line);
// The whole text of maps.
std::vector<Area> parse_maps(std::string_view text);

// Takes smaps piece by piece.
class SmapsParser
{
  public:
    void feed(std::string_view text);
    // After the last piece.
    std::vector<Area> take();

  private:
    void line(std::string_view text);

    std::string rest_; // the beginning of a line
    std::vector<Area> areas_;
};

std::vector<Area> read_maps(const PidDir &task);

// Reads /proc/PID/smaps, as far as it is asked to.
class SmapsReader
{
  public:
    explicit SmapsReader(const PidDir &task);
    // Reads until `bytes` more are read; true at the end of the file.
    bool read(uint64_t bytes = UINT64_MAX);
    std::vector<Area> take() { return parser_.take(); }

  private:
    const PidDir &task_;
    Fd fd_;
    SmapsParser parser_;
};
std::vector<Area> read_smaps(const PidDir &task);

} // namespace cr::proc

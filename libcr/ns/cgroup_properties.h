// Which control files of a directory of control groups say something about it that is to be kept: a list for
// each controller, to which --cgroup-props adds.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace cr::ns
{

class CgroupProperties
{
  public:
    // CRIU's lists, and the limits and weights of version 2, of which it has none.
    CgroupProperties();

    // Adds what `text` says, in CRIU's form of YAML:
    //   "memory":
    //     - "strategy": "merge"            (or "replace")
    //     - "properties": ["memory.high"]
    // Line ends may also be written as \n. Throws a usage error for anything else.
    void add(std::string_view text);

    // Of a controller, in the order in which they have to be written.
    const std::vector<std::string> &of(const std::string &controller) const;
    // Of every directory.
    static const std::vector<std::string> &common(bool version_2);

  private:
    std::map<std::string, std::vector<std::string>> lists_;
};

// A limit of version 2 that a restore may have to do without, as its controller is not switched on where it
// is restored.
bool may_be_missing(std::string_view property);

} // namespace cr::ns

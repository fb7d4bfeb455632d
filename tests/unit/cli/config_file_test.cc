#include "libcr/cli/config_file.h"

#include "libcr/base/error.h"
#include "libcr/base/text.h"
#include "libcr/cli/grammar.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>

using namespace cr;
using namespace cr::cli;

namespace
{

std::string shape(const std::vector<Given> &all)
{
    std::string text;
    for (const Given &one : all)
        text += cat(one.negated ? "no-" : "", one.option->name, one.value ? "=" + *one.value : "", " ");
    return text;
}

std::string read(std::string_view text) { return shape(parse_config(tool("cr"), text, "x.conf")); }

class Files
{
  public:
    Files()
    {
        char name[] = "/tmp/cr-config-XXXXXX";
        root_ = mkdtemp(name);
        std::filesystem::create_directories(root_ + "/home/.criu");
    }
    ~Files() { std::filesystem::remove_all(root_); }
    std::string add(const std::string &name, const std::string &text)
    {
        std::ofstream(root_ + "/" + name) << text;
        return root_ + "/" + name;
    }
    std::string path(const std::string &name) { return root_ + "/" + name; }

  private:
    std::string root_;
};

} // namespace

TEST_CASE("a configuration file is options without dashes")
{
    CHECK(read("tcp-established\nwork-dir \"/home/me/my \\\"own\\\" directory\"\n#this is a comment\n"
               "no-restore-sibling   # another\n\n  \t\n\tverbosity 4\ntimeout=7") ==
          "tcp-established work-dir=/home/me/my \"own\" directory no-restore-sibling verbosity=4 timeout=7 ");
    CHECK(read("work-dir \"a # b\"#c\n") == "work-dir=a # b ");
    CHECK(read("--shell-job\r\n") == "shell-job ");
    CHECK(read("log-f x") == "log-file=x ");
    CHECK(read("") == "");
}

TEST_CASE("its mistakes name the file and the line")
{
    CHECK_THROWS_WITH(read("shell-job\nwork-dir a b"), Catch::StartsWith("x.conf, line 2: too many words"));
    CHECK_THROWS_WITH(read("work-dir \"a b"), "x.conf, line 1: a double quote is not closed");
    CHECK_THROWS_WITH(read("\n\nnonsense"),
                      Catch::StartsWith("x.conf, line 3: there is no option --nonsense"));
    CHECK_THROWS_WITH(read("work-dir"), "x.conf, line 1: --work-dir needs a value");
    CHECK_THROWS_WITH(read("shell-job yes"), "x.conf, line 1: --shell-job takes no value");
}

TEST_CASE("the files are read in CRIU's order")
{
    Files files;
    ConfigSources sources;
    sources.system_file = files.add("system", "log-file 1");
    sources.home = files.path("home");
    files.add("home/.criu/default.conf", "log-file 2");
    sources.env_file = files.add("env", "log-file 3");
    std::string named = files.add("named", "log-file 4");
    auto with = [&](const std::vector<std::string> &words) {
        return shape(read_configs(parse_words(tool("cr"), words), sources));
    };

    CHECK(with({"dump"}) == "log-file=1 log-file=2 log-file=3 ");
    CHECK(with({"dump", "--config", named}) == "log-file=3 log-file=4 ");
    CHECK(with({"dump", "--no-default-config"}) == "log-file=3 ");
    CHECK_THROWS_WITH(with({"dump", "--config", files.path("none")}),
                      Catch::StartsWith("cannot read the configuration file"));
    sources.env_file.clear();
    sources.system_file = files.path("none");
    CHECK(with({"dump"}) == "log-file=2 ");
    sources.env_file = files.path("none");
    CHECK_THROWS(with({"dump"}));
}

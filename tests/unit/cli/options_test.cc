#include "libcr/base/json.h"
#include "libcr/cli/options.h"

#include "libcr/base/error.h"
#include "libcr/base/text.h"
#include "libcr/cli/grammar.h"
#include "libcr/cli/report.h"
#include "libcr/cli/rules.h"

#include <catch2/catch.hpp>

using namespace cr;
using namespace cr::cli;

namespace
{

Parsed parse_as(const char *name, std::string_view line)
{
    std::vector<std::string> words;
    while (!(line = trim(line)).empty())
        words.emplace_back(take_word(line));
    Parsed parsed = parse_words(tool(name), words);
    if (parsed.tool->criu)
        choose_command(parsed);
    check_rules(parsed);
    return parsed;
}

DumpOptions dump(std::string_view line) { return dump_options(parse_as("cr", cat("dump ", line))); }
RestoreOptions restore(std::string_view line)
{
    return restore_options(parse_as("cr", cat("restore ", line)));
}

} // namespace

TEST_CASE("a dump's options become values")
{
    auto plain = dump("-t 7");
    CHECK(plain.tree == 7);
    CHECK(plain.images_dir == ".");
    CHECK(plain.work_dir == ".");
    CHECK(plain.log_level == 2);
    CHECK(plain.after == After::Kill);
    CHECK(plain.policy.timeout_s == 10);
    CHECK(plain.policy.ghost_limit == 1 << 20);
    CHECK(plain.policy.ghost_fiemap);
    CHECK(plain.status_fd == -1);

    auto rich =
        dump("-t 7 -D img -W work -o x.log -v4 -R -j --timeout 3 --ghost-limit 2M --pidfile p --status-fd 4 "
             "--action-script a --action-script b -l --link-remap --tcp-established --dry-run --json");
    CHECK(rich.images_dir == "img");
    CHECK(rich.work_dir == "work");
    CHECK(rich.log_file == "x.log");
    CHECK(rich.log_level == 4);
    CHECK(rich.after == After::Run);
    CHECK(rich.policy.shell_job);
    CHECK(rich.policy.timeout_s == 3);
    CHECK(rich.policy.ghost_limit == 2 << 20);
    CHECK(rich.policy.file_locks);
    CHECK(rich.policy.link_remap);
    CHECK(rich.policy.tcp_established);
    CHECK(rich.action_scripts == std::vector<std::string>{"a", "b"});
    CHECK(rich.pidfile == "p");
    CHECK(rich.status_fd == 4);
    CHECK(rich.dry_run);
    CHECK(rich.json);
}

TEST_CASE("what is given last counts")
{
    CHECK(dump("-t 7 -t 8").tree == 8);
    CHECK(dump("-t 7 -R -s").after == After::Stop);
    CHECK(dump("-t 7 -s -R").after == After::Run);
    CHECK_FALSE(dump("-t 7 --shell-job --no-shell-job").policy.shell_job);
    CHECK(dump("-t 7 --no-shell-job -j").policy.shell_job);
    CHECK_FALSE(dump("-t 7 --no-ghost-fiemap").policy.ghost_fiemap);
}

TEST_CASE("verbosity in all its spellings")
{
    CHECK(dump("-t 7 -v").log_level == 3);
    CHECK(dump("-t 7 -vv").log_level == 4);
    CHECK(dump("-t 7 -v -v").log_level == 4);
    CHECK(dump("-t 7 -vvv").log_level == 5);
    CHECK(dump("-t 7 -v0").log_level == 0);
    CHECK(dump("-t 7 -v4").log_level == 4);
    CHECK(dump("-t 7 --verbosity").log_level == 3);
    CHECK(dump("-t 7 --verbosity=1").log_level == 1);
    CHECK(dump("-t 7 -verbosity=4").log_level == 0);
}

TEST_CASE("sizes and inode lists")
{
    CHECK(dump("-t 7 --ghost-limit 4096").policy.ghost_limit == 4096);
    CHECK(dump("-t 7 --ghost-limit 8k").policy.ghost_limit == 8192);
    CHECK(dump("-t 7 --ghost-limit 1G").policy.ghost_limit == 1u << 30);
    CHECK_THROWS(dump("-t 7 --ghost-limit 1T"));
    CHECK_THROWS(dump("-t 7 --ghost-limit K"));
    CHECK_THROWS(dump("-t 7 --ghost-limit 99999999999999G"));
    CHECK_FALSE(dump("-t 7").policy.ext_unix_sk.allowed);
    CHECK(dump("-t 7 -x").policy.ext_unix_sk.inodes.empty());
    CHECK(dump("-t 7 -x5,6 --ext-unix-sk=7").policy.ext_unix_sk.inodes == std::vector<uint32_t>{5, 6, 7});
    CHECK(dump("-t 7 -x5 -x").policy.ext_unix_sk.inodes.empty());
    CHECK(dump("-t 7 --unix-peer /a=b=close --unix-peer @x=null").policy.unix_peers ==
          std::vector<std::string>{"/a=b=close", "@x=null"});
    for (const char *wrong : {"/a", "/a=", "=close", "/a=keep"})
        CHECK_THROWS_AS(dump(std::string("-t 7 --unix-peer ") + wrong), Error);
    CHECK_THROWS(dump("-t 7 -x5,a"));
}

TEST_CASE("a restore's options become values")
{
    auto plain = restore("-D img -d -S -s -j");
    CHECK(plain.detached);
    CHECK(plain.sibling);
    CHECK(plain.leave_stopped);
    CHECK(plain.shell_job);
    CHECK(plain.file_validation == FileValidation::BuildId);
    CHECK(restore("--file-validation filesize").file_validation == FileValidation::FileSize);
    CHECK_THROWS(restore("--file-validation guess"));
    CHECK(restore("--exec-cmd -- ls -l").exec_cmd == std::vector<std::string>{"ls", "-l"});
}

TEST_CASE("options that exclude or need each other")
{
    CHECK_THROWS_WITH(restore("-S"), Catch::Contains("--restore-sibling needs --restore-detached"));
    CHECK_THROWS_WITH(restore("--exec-cmd"), Catch::Contains("--exec-cmd needs a command"));
    CHECK_THROWS_WITH(restore("-d --exec-cmd -- ls"), Catch::Contains("exclude each other"));
    CHECK_THROWS_WITH(restore("ls"), Catch::Contains("a command to become needs --exec-cmd"));
    CHECK_THROWS_WITH(dump("-t 7 --exec-cmd -- ls"), Catch::Contains("ls"));
    CHECK_THROWS_WITH(dump("-t 7 --exec-cmd"), Catch::Contains("for restore only"));
    CHECK_THROWS_WITH(dump("-t 7 --mntns-compat-mode"), Catch::Contains("for restore only"));
    CHECK_THROWS_WITH(dump("-t 7 --empty-ns pid"), Catch::Contains("knows only net"));
    CHECK_THROWS_WITH(restore("--join-ns net:5 --empty-ns net"), Catch::Contains("exclude each other"));
    CHECK_THROWS_WITH(dump(""), Catch::Contains("--tree PID"));
    CHECK_THROWS_WITH(dump("-t 0"), Catch::Contains("a number from 1"));
    CHECK_THROWS_WITH(dump("-t abc"), Catch::Contains("'abc'"));
    CHECK_THROWS_WITH(dump("-t 7 stray"), Catch::Contains("'stray'"));
    CHECK_THROWS_WITH(dump("-t 7 --timeout -1"), Catch::Contains("--timeout"));
    CHECK_THROWS_WITH(dump("-t 7 --network-lock none"), Catch::Contains("iptables,nftables,skip"));
    CHECK_THROWS_WITH(parse_as("cr", ""), Catch::Contains("a command is missing"));
    CHECK_THROWS_WITH(parse_as("cr", "dumb -t 7"), Catch::Contains("no command 'dumb'"));
}

TEST_CASE("what is not supported yet is refused where it would matter, and only there")
{
    for (const Option &option : options()) {
        if (option.status != Status::NotYet || !(option.commands & kDump))
            continue;
        if (option.name == std::string_view("empty-ns") ||
            option.name == std::string_view("mntns-compat-mode"))
            continue; // refused for other reasons, above
        INFO(option.name);
        std::string given = cat("-t 7 --", option.name, option.arg == Arg::Value ? " 1" : "");
        CHECK_THROWS_WITH(dump(given), Catch::Contains("is not supported yet: it needs"));
        if (option.arg == Arg::Bool)
            CHECK_NOTHROW(dump(cat("-t 7 --no-", option.name)));
    }
    CHECK_NOTHROW(dump("-t 7 --manage-cgroups=none"));
    CHECK_NOTHROW(dump("-t 7 --manage-cgroups=ignore"));
    CHECK_NOTHROW(dump("-t 7 --cpu-cap=none"));
    CHECK_NOTHROW(restore("--track-mem"));
    CHECK_NOTHROW(parse_as("cr", "pre-dump -t 7 --pre-dump-mode read"));
    CHECK_THROWS_WITH(parse_as("cr", "pre-dump -t 7 --pre-dump-mode fast"),
                      Catch::Contains("splice or read"));
    CHECK_NOTHROW(parse_as("cr", "swrk 3"));
    CHECK_THROWS_WITH(parse_as("cr", "swrk three"), Catch::Contains("the number of a descriptor"));
    CHECK_THROWS_WITH(parse_as("cr", "cpuinfo"), Catch::Contains("dump,check"));
    // The row of that command counts, not the first of its name.
    CHECK(service_options(parse_as("cr", "--address /x service")).address == "/x");
    CHECK_THROWS_WITH(dump("-t 7 --address 1"), Catch::Contains("is not supported yet"));
}

TEST_CASE("capabilities of the CPU add up or are taken away")
{
    auto caps = [](const char *text) { return dump(cat("-t 7 ", text)).policy.cpu_cap; };
    constexpr uint32_t kAll = kCpuEverything | kCpuImage;
    CHECK(caps("") == kCpuDefault);
    CHECK(caps("--cpu-cap") == kAll);
    CHECK(caps("--cpu-cap=all") == kAll);
    CHECK(caps("--cpu-cap=none") == 0);
    CHECK(caps("--cpu-cap=ins") == (kCpuIns | kCpuImage));
    CHECK(caps("--cpu-cap=fpu,cpu") == (kCpuFpu | kCpuAll | kCpuImage));
    CHECK(caps("--cpu-cap=image") == kCpuImage);
    CHECK(caps("--cpu-cap=^cpu") == (kAll & ~kCpuAll));
    CHECK(caps("--cpu-cap=all,^ins") == (kAll & ~kCpuIns));
    CHECK(caps("--cpu-cap=all,^image") == kCpuEverything);
    CHECK_THROWS_WITH(caps("--cpu-cap=sse"), Catch::Contains("'sse'"));
}

TEST_CASE("one command line becomes those of the stages")
{
    auto parsed = parse_as("cr", "dump -t 7 -D img -R -v4 --no-shell-job --ghost-limit=2M");
    CHECK(parsed.arguments_for(tool("cr-thaw")) == std::vector<std::string>{"cr-thaw", "--verbosity=4"});
}

TEST_CASE("a stage alone gives cr-freeze what it was given")
{
    auto parsed = parse_as("cr-dump-mm", "-t 7 -D img --json");
    CHECK(parsed.arguments_for(tool("cr-freeze")) ==
          std::vector<std::string>{"cr-freeze", "--tree=7", "--images-dir=img", "--json"});
}

TEST_CASE("errors have exit codes and a form for machines")
{
    Error refusal(Error::Kind::Refused, 0, "a \"socket\"\n", "close it");
    CHECK(exit_code(refusal, tool("cr-freeze")) == kRefused);
    CHECK(exit_code(refusal, tool("cr")) == kFailed);
    CHECK(exit_code(Error(Error::Kind::Usage, 0, "x"), tool("cr-freeze")) == kUsage);
    CHECK(exit_code(Error(Error::Kind::Image, 0, "x"), tool("cr-freeze")) == kFailed);
    CHECK(to_json(refusal) == R"({"error":"a \"socket\"\n; close it","subject":"","errno":0,)"
                              R"("remedy":"close it","kind":"refused"})");
    CHECK(cr::json_quoted("\x01\xff\xc3\xa9\xe2\x82") == "\"\\u0001\\ufffd\xc3\xa9\\ufffd\\ufffd\"");
}

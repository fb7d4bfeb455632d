// Plugins: objects of somebody else's making that know kinds of objects which we do not (plugin/criu-plugin.h). They
// are loaded by a program of their own, cr-plugin-host, that answers the calls of their hooks over a socket: what
// they do to their process they do not do to us, and one that crashes or hangs is a failed dump or restore.
//
// In a dump the program is the child of cr-freeze, whose socket the stages take; in a restore that of the coordinator,
// whose socket the opener has, too. Only one process asks at a time: cr-freeze while it captures and after the stages,
// cr-dump-files in between.
#pragma once

#include "libcr/base/fd.h"
#include "libcr/plugin/wire.h"

#include <chrono>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace cr::sys
{
class EndSignals;
}

namespace cr::plugin
{

struct Settings {
    std::string dir;   // empty: the usual one
    bool must = false; // the directory has to be there
    std::chrono::seconds longest{600}; // that one hook may take
    std::set<pid_t> taken = {};        // ids that our process may not have
};

enum class Stage : uint32_t { Dump, PreDump, Restore };

// What a hook gave.
struct Answer {
    int result = 0, b = 0;
    uint64_t u = 0;
    Fd fd;

    bool not_theirs() const; // -ENOTSUP: no plugin has it
};

class Plugins
{
  public:
    // None: no hook is there.
    Plugins() = default;
    // What another process has started.
    Plugins(Fd socket, uint32_t hooks, std::chrono::seconds longest);
    ~Plugins();
    Plugins(const Plugins &) = delete;
    Plugins &operator=(const Plugins &) = delete;

    // Loads what is in the directory; nothing is started where there is none. `needed`: those that the images
    // cannot be restored without. Throws when a plugin cannot be loaded or one of those is not there.
    void start(const Settings &settings, Stage stage, int images, const std::vector<std::string> &needed = {});

    bool any() const { return static_cast<bool>(socket_); }
    bool has(Hook hook) const { return hooks_ >> static_cast<uint32_t>(hook) & 1; }
    pid_t host() const { return host_; }
    int socket() const { return socket_.get(); }
    uint32_t hooks() const { return hooks_; }

    // From now on a hook is not waited for when such a signal has come: that throws, and the plugins are left to
    // themselves, to undo what they did. Null: no longer. Borrowed.
    void heed(const sys::EndSignals *signals) { signals_ = signals; }

    // Throws when the plugin fails, crashes or hangs; not when it is not theirs.
    Answer run(Hook hook, int a = 0, int fd = -1, std::string_view text = {});
    // Those that have said that the images cannot be restored without them.
    std::vector<std::string> added();
    // Tells them what became of it all, and lets them go. Without it they are killed.
    void end(int result);

  private:
    Answer ask(Message question, int fd, Message *whole = nullptr);
    std::string call_text(What what);
    [[noreturn]] void lost(const std::string &plugin, const Message &question, bool in_time);
    void leave();
    void kill();

    const sys::EndSignals *signals_ = nullptr;
    Fd socket_, pidfd_; // the latter of our child
    uint32_t hooks_ = 0;
    std::chrono::seconds longest_{600};
    pid_t host_ = 0, ours_ = 0; // our child, ourselves
    std::mutex mutex_;
};

} // namespace cr::plugin

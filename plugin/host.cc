// The program that has plugins loaded. The tools are static and could not load them; and a plugin is somebody else's
// code, which may crash, hang or close what is not its own: here that is told as a failure of the dump or restore.
//
// It is started with its end of the socket (libcr/plugin/wire.h) as its only argument. When the other end is closed
// before it was told of the end, whoever had it was killed: plugins are told that it all failed. Whoever asks ends us
// when a hook takes too long; if nobody is there to do so, a timer does.
#include "criu-plugin.h"
#include "libcr/plugin/envelope.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <dirent.h>
#include <dlfcn.h>
#include <string>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

using namespace cr::plugin;

namespace
{

static_assert(static_cast<int>(Hook::Count) == CR_PLUGIN_HOOK__MAX);

// Of the older way, by hook; those of files have two.
constexpr const char *kOldNames[CR_PLUGIN_HOOK__MAX] = {
    "cr_plugin_dump_unix_sk",        "cr_plugin_restore_unix_sk",   "cr_plugin_dump_ext_file",
    "cr_plugin_restore_ext_file",    "cr_plugin_dump_ext_mount",    "cr_plugin_restore_ext_mount",
    "cr_plugin_dump_ext_link",       "cr_plugin_handle_device_vma", "cr_plugin_update_vma_map",
    "cr_plugin_resume_devices_late", "cr_plugin_pause_devices",     "cr_plugin_checkpoint_devices",
    "cr_plugin_post_forking",        "cr_plugin_restore_init",      "cr_plugin_dump_devices_late"};

void *old_hook(void *object, size_t hook)
{
    if (void *found = dlsym(object, kOldNames[hook]))
        return found;
    if (hook == CR_PLUGIN_HOOK__DUMP_EXT_FILE)
        return dlsym(object, "cr_plugin_dump_file");
    return hook == CR_PLUGIN_HOOK__RESTORE_EXT_FILE ? dlsym(object, "cr_plugin_restore_file") : nullptr;
}

struct Plugin {
    std::string name;
    int (*init)(int) = nullptr;
    void (*exit)(int, int) = nullptr;
    int (*old_init)() = nullptr;
    void (*old_fini)() = nullptr;
    void *hooks[CR_PLUGIN_HOOK__MAX] = {};
};

int socket_fd = -1, images_fd = -1, stage = 0;
unsigned longest = 600; // seconds for one hook
uint64_t asked = 0;     // the number of the question
bool alone = false;     // nobody is there any more
std::vector<Plugin> plugins;
std::vector<std::string> added, needed;

constexpr unsigned kLater = 10; // seconds: whoever asks comes first
timer_t timer;

// Ends us if it is not set again in time, whatever a plugin does with its signals; 0: not at all.
void end_after(unsigned seconds)
{
    itimerspec when{};
    when.it_value.tv_sec = static_cast<time_t>(seconds);
    timer_settime(timer, 0, &when, nullptr);
}

void put(Message message, int fd = -1)
{
    message.number = asked;
    Envelope envelope(message);
    envelope.put(fd);
    if (!alone && sendmsg(socket_fd, envelope.header(), MSG_NOSIGNAL) != static_cast<ssize_t>(sizeof message))
        alone = true;
}

// -1 in `fd` when none came.
bool get(Message &message, int &fd)
{
    Envelope envelope(message);
    ssize_t n;
    while ((n = recvmsg(socket_fd, envelope.header(), MSG_CMSG_CLOEXEC)) < 0 && errno == EINTR)
        ;
    if (n != static_cast<ssize_t>(sizeof message))
        return false;
    fd = envelope.fd();
    asked = message.number;
    message.text[sizeof message.text - 1] = 0;
    return true;
}

Message text_message(What what, const std::string &text)
{
    Message out{};
    out.what = what;
    std::snprintf(out.text, sizeof out.text, "%s", text.c_str());
    return out;
}

void log(int level, const std::string &text)
{
    Message message = text_message(What::Log, text);
    message.a = level;
    put(message);
}

// Takes a shared object in; a sentence when it cannot be. Without `must` one that is made for another program than
// us, of which it wants more than there is here, is left out.
std::string load(const std::string &path, const std::string &file, bool must)
{
    void *object = dlopen(path.c_str(), RTLD_LAZY);
    if (!object) {
        std::string why = dlerror();
        if (must)
            return why;
        log(2, "a plugin is left out: " + why);
        return {};
    }
    Plugin plugin;
    if (auto desc = static_cast<cr_plugin_desc_t *>(dlsym(object, "CR_PLUGIN_DESC"))) {
        if (desc->version > CRIU_PLUGIN_VERSION)
            return path + ": it is for a newer version of the interface";
        plugin.name = desc->name ? desc->name : file;
        plugin.init = desc->init;
        plugin.exit = desc->exit;
        for (unsigned i = 0; i < std::min<unsigned>(desc->max_hooks, CR_PLUGIN_HOOK__MAX); i++)
            plugin.hooks[i] = desc->hooks[i];
    } else {
        plugin.name = file;
        plugin.old_init = reinterpret_cast<int (*)()>(dlsym(object, "cr_plugin_init"));
        plugin.old_fini = reinterpret_cast<void (*)()>(dlsym(object, "cr_plugin_fini"));
        bool any = plugin.old_init || plugin.old_fini;
        for (size_t i = 0; i < CR_PLUGIN_HOOK__MAX; i++)
            any |= (plugin.hooks[i] = old_hook(object, i)) != nullptr;
        if (!any) {
            log(2, path + " is no plugin");
            dlclose(object);
            return {};
        }
    }
    put(text_message(What::Now, plugin.name));
    int r = plugin.init ? plugin.init(stage) : plugin.old_init ? plugin.old_init() : 0;
    if (r < 0)
        return path + ": it could not begin (" + std::to_string(r) + ")";
    plugins.push_back(plugin);
    return {};
}

Message load_all(const Message &question)
{
    stage = static_cast<int>(question.stage);
    longest = static_cast<unsigned>(question.b);
    end_after(longest + kLater);
    std::string dir = question.text;
    std::vector<std::string> files;
    if (DIR *list = opendir(dir.c_str())) {
        while (dirent *entry = readdir(list)) {
            std::string name = entry->d_name;
            if (name.size() > 3 && name.compare(name.size() - 3, 3, ".so") == 0)
                files.push_back(name);
        }
        closedir(list);
    }
    std::sort(files.begin(), files.end());
    Message answer{};
    answer.what = What::Done;
    for (const std::string &file : files) {
        std::string wrong = load(dir + "/" + file, file, question.a);
        if (!wrong.empty()) {
            answer = text_message(What::Done, wrong);
            answer.a = -1;
            return answer;
        }
    }
    for (const Plugin &plugin : plugins)
        for (int i = 0; i < CR_PLUGIN_HOOK__MAX; i++)
            if (plugin.hooks[i])
                answer.hooks |= 1u << i;
    return answer;
}

// What a hook gives besides its result.
struct Given {
    int fd = -1, b = 0;
    uint64_t u = 0;
};

template <class Function, class... Args> int call_as(void *hook, Args... args)
{
    return reinterpret_cast<Function *>(hook)(args...);
}

int call(Hook which, void *hook, Message &question, int fd, Given &given)
{
    int a = question.a, r;
    switch (which) {
    case Hook::DumpUnixSocket:
    case Hook::DumpFile:
        return call_as<int(int, int)>(hook, fd, a);
    case Hook::RestoreUnixSocket:
        given.fd = call_as<int(int)>(hook, a);
        return std::min(given.fd, 0);
    case Hook::RestoreFile: {
        bool again = false; // the older functions do not look at it
        given.fd = call_as<int(int, bool *)>(hook, a, &again);
        given.b = again;
        return again ? 0 : std::min(given.fd, 0);
    }
    case Hook::DumpMount:
        return call_as<int(char *, int)>(hook, question.text, a);
    case Hook::RestoreMount: {
        // Two texts, one after the other.
        char *second = question.text + std::min(strlen(question.text) + 1, sizeof question.text - 1);
        return call_as<int(int, char *, char *, int *)>(hook, a, question.text, second, &given.b);
    }
    case Hook::DumpLink:
        return call_as<int(int, int, char *)>(hook, a, question.b, question.text);
    case Hook::HandleDeviceArea: {
        struct stat status {};
        if (fstat(fd, &status) != 0)
            return -errno;
        return call_as<int(int, const struct stat *)>(hook, fd, &status);
    }
    case Hook::UpdateArea:
        r = call_as<int(const char *, uint64_t, uint64_t, uint64_t *, int *)>(hook, question.text, question.u[0],
                                                                              question.u[1], &given.u, &given.fd);
        return r;
    case Hook::ResumeDevices:
    case Hook::PauseDevices:
    case Hook::CheckpointDevices:
    case Hook::DumpDevicesLate:
        return call_as<int(int)>(hook, a);
    case Hook::PostForking:
    case Hook::RestoreInit:
        return call_as<int()>(hook);
    case Hook::Count:
        break;
    }
    return -ENOTSUP;
}

// The first plugin that does not say that it is not its own has it.
void run(Message &question, int fd)
{
    Message answer{};
    answer.what = What::Done;
    answer.a = -ENOTSUP;
    Given given;
    for (const Plugin &plugin : plugins) {
        void *hook = question.hook < Hook::Count ? plugin.hooks[static_cast<size_t>(question.hook)] : nullptr;
        if (!hook)
            continue;
        put(text_message(What::Now, plugin.name));
        given = {};
        answer.a = call(question.hook, hook, question, fd, given);
        if (answer.a != -ENOTSUP)
            break;
    }
    answer.b = given.b;
    answer.u[0] = given.u;
    put(answer, answer.a >= 0 ? given.fd : -1);
    if (answer.a >= 0 && given.fd >= 0 && (question.hook == Hook::RestoreFile || question.hook == Hook::RestoreUnixSocket))
        close(given.fd);
}

void end(int result)
{
    for (const Plugin &plugin : plugins) {
        put(text_message(What::Now, plugin.name));
        if (plugin.exit)
            plugin.exit(stage, result);
        else if (plugin.old_fini)
            plugin.old_fini();
    }
}

Message next_of(std::vector<std::string> &names)
{
    Message out = text_message(What::Done, names.empty() ? "" : names.front());
    if (!names.empty())
        names.erase(names.begin());
    return out;
}

} // namespace

extern "C" {

int criu_get_image_dir(void) { return images_fd; }

int add_inventory_plugin(const char *name)
{
    if (std::find(added.begin(), added.end(), name) == added.end())
        added.emplace_back(name);
    return 0;
}

int check_and_remove_inventory_plugin(const char *name, size_t n)
{
    auto found = std::find(needed.begin(), needed.end(), std::string(name, strnlen(name, n)));
    if (found == needed.end())
        return 0;
    needed.erase(found);
    return 1;
}

void print_on_level(unsigned int loglevel, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    log(static_cast<int>(loglevel), text);
}
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 1;
    socket_fd = std::atoi(argv[1]);
    sigevent kill{};
    kill.sigev_notify = SIGEV_SIGNAL;
    kill.sigev_signo = SIGKILL;
    if (timer_create(CLOCK_MONOTONIC, &kill, &timer) != 0)
        return 1;
    Message question;
    int fd = -1;
    while (get(question, fd)) {
        end_after(longest + kLater);
        Message done{};
        done.what = What::Done;
        switch (question.what) {
        case What::Load:
            std::swap(images_fd, fd);
            put(load_all(question));
            break;
        case What::Need:
            needed.emplace_back(question.text);
            put(done);
            break;
        case What::Run:
            run(question, fd);
            break;
        case What::Left:
            put(next_of(needed));
            break;
        case What::Add:
            put(next_of(added));
            break;
        case What::End:
            end(question.a);
            put(done);
            return 0;
        default:
            return 1;
        }
        if (fd >= 0)
            close(fd);
        end_after(0);
    }
    alone = true;
    end_after(longest);
    end(-1);
    return 0;
}

// Requests are carried out in this very process and not in a fork: a restored tree with `rst_sibling` is a
// child of the client, our parent. Each becomes the command line of `cr` that asks for the same
// (rpc_words.h), and is run like it; what that says on its standard streams is caught, since those may be
// descriptors that a restored task is to inherit.
#include "rpc_session.h"

#include "libcr/base/error.h"
#include "libcr/base/fd.h"
#include "libcr/base/log.h"
#include "libcr/base/text.h"
#include "libcr/base/version.h"
#include "libcr/cli/report.h"
#include "libcr/feature/features.h"
#include "libcr/sys/file.h"
#include "libcr/sys/gate.h"
#include "rpc_socket.h"
#include "rpc_streams.h"
#include "rpc_words.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int cr_main(int argc, char **argv);

namespace cr::tools
{

namespace
{

using Words = std::vector<std::string>;
using feature::Id;

int run_cr(Words words)
{
    words.insert(words.begin(), "cr");
    std::vector<char *> argv;
    for (std::string &word : words)
        argv.push_back(word.data());
    argv.push_back(nullptr);
    return cr_main(static_cast<int>(words.size()), argv.data());
}

const char *command_of(img::criu_req_type type)
{
    switch (type) {
    case img::DUMP:
        return "dump";
    case img::PRE_DUMP:
    case img::SINGLE_PRE_DUMP:
        return "pre-dump";
    case img::RESTORE:
        return "restore";
    case img::CPUINFO_DUMP:
    case img::CPUINFO_CHECK:
        return "cpuinfo";
    default:
        return "page-server";
    }
}

bool may_keep_open(img::criu_req_type type)
{
    return type == img::PAGE_SERVER || type == img::PAGE_SERVER_CHLD || type == img::CPUINFO_DUMP ||
           type == img::CPUINFO_CHECK || type == img::FEATURE_CHECK || type == img::VERSION ||
           type == img::WAIT_PID;
}

class Session
{
  public:
    Session(int socket, Served how) : socket_(socket), how_(how) {}
    int run();

  private:
    bool handle(const img::criu_req &request); // true: another may follow
    void carry_out(const img::criu_req &request, img::criu_resp &response);
    void run_command(const img::criu_req &request, img::criu_resp &response);
    void fail(img::criu_resp &response, const Streams::Failure &failure) const;
    int of_client(int number, int flags);
    std::string directory(int number, const std::string &path, const std::string &otherwise);
    void open_log(const img::criu_opts &opts, const std::string &work_dir, const Words &config);
    void become(const img::criu_opts &opts);

    Fd socket_;
    Served how_;
    bool failed_ = false, pre_dumps_ = false;
    std::vector<Fd> opened_; // of the client's
    Fd log_;
};

// A descriptor of the client's, opened once more here.
int Session::of_client(int number, int flags)
{
    ucred peer{};
    socklen_t size = sizeof peer;
    sys::check(sys::call(SYS_getsockopt, socket_.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size),
               "ask who the client is");
    std::string path = cat("/proc/", peer.pid, "/fd/", number);
    long fd = sys::check(sys::call(SYS_openat, AT_FDCWD, path.c_str(), flags | O_CLOEXEC, 0),
                         [&] { return cat("open descriptor ", number, " of the client, pid ", peer.pid); });
    opened_.emplace_back(static_cast<int>(fd));
    return opened_.back().get();
}

std::string Session::directory(int number, const std::string &path, const std::string &otherwise)
{
    if (number >= 0)
        return cat("/proc/self/fd/", of_client(number, O_RDONLY | O_DIRECTORY));
    return path.empty() ? otherwise : path;
}

std::string config_value(const Words &config, std::string_view name)
{
    std::string start = cat("--", name, "="), found;
    for (const std::string &word : config)
        if (word.starts_with(start))
            found = word.substr(start.size());
    return found;
}

// The log of a request is a file of its own; everything that runs in this process writes to it.
void Session::open_log(const img::criu_opts &opts, const std::string &work_dir, const Words &config)
{
    std::string name = opts.has_log_file() ? opts.log_file() : "criu.log";
    if (name.find('/') != name.npos)
        usage("the log file is a name without a slash, in the work directory");
    std::string other = config_value(config, "log-file");
    log::Config to;
    log::speak_as("cr");
    to.level = opts.log_level();
    if (opts.log_to_stderr() && other.empty()) {
        log::configure(to);
        return;
    }
    std::string path = other.starts_with('/') ? other : cat(work_dir, "/", other.empty() ? name : other);
    long fd = sys::check(sys::call(SYS_openat, AT_FDCWD, path.c_str(),
                                   O_WRONLY | O_CREAT | O_APPEND | O_TRUNC | O_CLOEXEC, 0600),
                         [&] { return cat("open the log file ", printable(path)); });
    log_ = Fd(static_cast<int>(fd));
    to.fd = log_.get();
    log::configure(to);
}

void Session::fail(img::criu_resp &response, const Streams::Failure &failure) const
{
    response.set_success(false);
    response.set_cr_errmsg(failure.sentence);
    int err = failure.err;
    if (!err && failure.kind == Error::Kind::Usage)
        err = EBADRQC;
    if (response.type() == img::CPUINFO_CHECK && failure.kind == Error::Kind::Refused)
        err = ENOTSUP;
    response.set_cr_errno(err ? err : EINVAL);
}

void Session::run_command(const img::criu_req &request, img::criu_resp &response)
{
    const img::criu_opts &opts = request.opts();
    img::criu_req_type type = request.type();
    Words config;
    if (opts.has_config_file())
        config = words_of_config(opts.config_file());
    std::string images =
        directory(opts.images_dir_fd(), opts.images_dir(), config_value(config, "images-dir"));
    if (images.empty())
        usage("neither images_dir_fd nor images_dir says where the images are");
    std::string work =
        directory(opts.has_work_dir_fd() ? opts.work_dir_fd() : -1, "",
                  config_value(config, "work-dir").empty() ? images : config_value(config, "work-dir"));
    open_log(opts, work, config);
    Words words = {command_of(type)};
    if (type == img::CPUINFO_DUMP || type == img::CPUINFO_CHECK)
        words.emplace_back(type == img::CPUINFO_DUMP ? "dump" : "check");
    auto descriptor = [this](int number) { return of_client(number, O_WRONLY); };
    for (std::string &word : words_of(opts, type, descriptor))
        words.push_back(std::move(word));
    if (opts.rst_sibling() && how_ == Served::Accepted)
        usage("rst_sibling is for a client that started us");
    if (type == img::DUMP || type == img::PRE_DUMP || type == img::SINGLE_PRE_DUMP) {
        pid_t pid = opts.pid();
        ucred peer{};
        socklen_t size = sizeof peer;
        if (!opts.has_pid() &&
            sys::call(SYS_getsockopt, socket_.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) >= 0)
            pid = peer.pid;
        words.push_back(cat("--tree=", pid));
        if (::kill(pid, 0) && errno == ESRCH)
            failed_with(ESRCH, cat("dump pid ", pid));
    }
    if (opts.notify_scripts())
        words.push_back(cat("--notify-fd=", socket_.get()));
    // Without notifications nobody would take the master.
    if (opts.orphan_pts_master() && (type != img::RESTORE || opts.notify_scripts()))
        words.emplace_back("--orphan-pts-master");
    Streams streams;
    for (const auto &one : opts.inherit_fd())
        words.push_back(cat("--inherit-fd=fd[", streams.number_of(one.fd()), "]:", one.key()));
    words.insert(words.end(), config.begin(), config.end());
    words.push_back(cat("--images-dir=", images));
    words.push_back(cat("--work-dir=", work));
    words.push_back(cat("--verbosity=", log::config().level));
    words.emplace_back("--json");
    int code = run_cr(std::move(words));
    streams.end();
    if (!log_) {
        const std::string &text = streams.standard_error();
        [[maybe_unused]] auto n = ::write(STDERR_FILENO, text.data(), text.size());
    }
    if (code != cli::kOk)
        throw streams.failure(code);
    if (type == img::RESTORE)
        response.mutable_restore()->set_pid(static_cast<int>(streams.number_said("pid")));
    if (type == img::DUMP)
        response.mutable_dump()->set_restored(false);
}

void check_features(const img::criu_features &wanted, img::criu_features &out)
{
    feature::Features features;
    bool lazy = false;
    for (const cli::Command &command : cli::criu_commands())
        lazy |= command.bit == cli::kLazyPages && command.status == cli::Status::Works;
    if (wanted.mem_track())
        out.set_mem_track(features.has(Id::MemDirtyTrack));
    if (wanted.lazy_pages())
        out.set_lazy_pages(lazy && features.has(Id::UffdNoncoop));
    if (wanted.pidfd_store())
        out.set_pidfd_store(features.has(Id::PidfdStore));
}

void put_version(img::criu_version &out)
{
    std::string_view rest = kCriuVersion;
    out.set_major_number(parse_int<int>(take_until(rest, '.')).value_or(0));
    out.set_minor_number(parse_int<int>(take_until(rest, '.')).value_or(0));
}

void Session::carry_out(const img::criu_req &request, img::criu_resp &response)
{
    img::criu_req_type type = request.type();
    bool pre_dump = type == img::PRE_DUMP;
    if (pre_dumps_ && !pre_dump && type != img::DUMP)
        usage("after a PRE_DUMP comes another one, or the DUMP");
    switch (type) {
    case img::VERSION:
        put_version(*response.mutable_version());
        break;
    case img::FEATURE_CHECK:
        check_features(request.features(), *response.mutable_features());
        break;
    case img::CHECK:
        if (feature::judge(feature::Features(), false, false) != feature::Verdict::Good)
            refused("the kernel lacks what every dump needs", "cr check tells what");
        break;
    case img::WAIT_PID: {
        int status = 0;
        long r;
        do
            r = sys::call(SYS_wait4, static_cast<pid_t>(request.pid()), &status, 0, nullptr);
        while (r == -EINTR);
        sys::check(r, [&] { return cat("wait for pid ", request.pid()); });
        response.set_status(status);
        break;
    }
    case img::DUMP:
    case img::PRE_DUMP:
    case img::SINGLE_PRE_DUMP:
    case img::RESTORE:
    case img::CPUINFO_DUMP:
    case img::CPUINFO_CHECK:
    case img::PAGE_SERVER:
    case img::PAGE_SERVER_CHLD:
        if (!request.has_opts())
            usage("the request has no options");
        run_command(request, response);
        break;
    default:
        response.set_type(img::EMPTY);
        usage(cat("there is no request of type ", static_cast<int>(type)));
    }
    pre_dumps_ |= pre_dump;
}

// Where the standard streams of what we become lead: to the log.
void Session::become(const img::criu_opts &opts)
{
    Words words(opts.exec_cmd().begin(), opts.exec_cmd().end());
    std::vector<char *> argv;
    for (std::string &word : words)
        argv.push_back(word.data());
    argv.push_back(nullptr);
    if (log_) {
        ::dup2(log_.get(), STDOUT_FILENO);
        ::dup2(log_.get(), STDERR_FILENO);
    }
    std::signal(SIGPIPE, SIG_DFL);
    ::execvp(argv[0], argv.data());
    failed(cat("become ", printable(words[0]), " (the tree runs)"));
}

bool Session::handle(const img::criu_req &request)
{
    img::criu_resp response;
    response.set_type(request.type());
    response.set_success(true);
    failed_ = false;
    try {
        carry_out(request, response);
    } catch (const Streams::Failure &failure) {
        failed_ = true;
        fail(response, failure);
    } catch (const Error &error) {
        failed_ = true;
        log::error(error.what());
        fail(response, {error.what(), error.err(), error.kind()});
    }
    send_response(socket_.get(), response);
    if (!failed_ && request.type() == img::RESTORE && request.opts().exec_cmd_size())
        become(request.opts());
    opened_.clear();
    if (request.type() == img::PRE_DUMP)
        return !failed_;
    return request.keep_open() && may_keep_open(request.type());
}

int Session::run()
{
    for (;;) {
        std::optional<img::criu_req> request;
        try {
            request = receive_request(socket_.get());
        } catch (const Error &error) {
            if (error.kind() != Error::Kind::Image)
                throw;
            img::criu_resp response;
            response.set_type(img::EMPTY);
            fail(response, {error.what(), error.err(), error.kind()});
            send_response(socket_.get(), response);
            return cli::kFailed;
        }
        // The client has what it wanted, also when no DUMP follows the last PRE_DUMP.
        if (!request)
            return failed_ ? cli::kFailed : cli::kOk;
        if (!handle(*request))
            return failed_ ? cli::kFailed : cli::kOk;
    }
}

} // namespace

int serve(int socket, Served how)
{
    sys::check(sys::call(SYS_fcntl, socket, F_SETFD, FD_CLOEXEC),
               [&] { return cat("use descriptor ", socket); });
    return Session(socket, how).run();
}

} // namespace cr::tools

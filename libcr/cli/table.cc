// The rows. Order is the order of help. See option.h for the meaning of the columns and docs/ADDING.md for
// how an option is added or becomes supported.
#include "libcr/base/text.h"
#include "libcr/cli/option.h"

#include <stdexcept>

namespace cr::cli
{

namespace
{

constexpr uint32_t kDumps = kDump | kPreDump;
constexpr uint32_t kPolicy = kDumps | kFreeze; // what the stages learn from the session
constexpr uint32_t kBoth = kPolicy | kRestore;
constexpr uint32_t kLogging = kAllCommands & ~kShow;
constexpr uint32_t kDaemons = kPageServer | kLazyPages | kService;

constexpr const char *kPermits = "nothing that it permits can be kept yet; such an object is refused by name";

using enum Arg;
using enum Group;
using enum Status;

// clang-format off
constexpr Option kOptions[] = {
    // --- what, where, how much to say ---
    {.name = "tree", .letter = 't', .arg = Value, .value = "PID", .commands = kPolicy | kRestore,
     .help = "the root of the process tree; a restore takes its numbers from the images and ignores this"},
    {.name = "tree", .letter = 't', .arg = Value, .value = "PID", .commands = kStages,
     .help = "work alone instead of in a pipeline: freeze the tree of PID, do this part, let it run on"},
    {.name = "images-dir", .letter = 'D', .arg = Value, .value = "DIR",
     .commands = kAllCommands & ~kStages & ~kThaw,
     .help = "the directory of the images; default is the current one"},
    {.name = "images-dir", .letter = 'D', .arg = Value, .value = "DIR", .commands = kStages,
     .help = "with --tree: the directory of the images; in a pipeline the session says it"},
    {.name = "work-dir", .letter = 'W', .arg = Value, .value = "DIR", .commands = kLogging & ~kStages & ~kThaw,
     .help = "where log, pid and statistics files go; default is the image directory"},
    {.name = "log-file", .letter = 'o', .arg = Value, .value = "FILE", .commands = kLogging & ~kStages & ~kThaw,
     .help = "log to FILE in the work directory, '-' for stdout; default is stderr"},
    {.name = "log-file", .letter = 'o', .arg = Value, .value = "FILE", .commands = kStages | kThaw,
     .help = "add the log to FILE; default is stderr"},
    {.name = "log-pid", .arg = Bool, .commands = kRestore,
     .help = "log of each restored task in a file of its own", .status = NoEffect,
     .note = "restored tasks write no log: what fails in them is reported by the one restorer"},
    {.name = "verbosity", .letter = 'v', .arg = Optional, .value = "NUM", .repeats = true,
     .commands = kLogging,
     .help = "how much to log: 0 messages, 1 errors, 2 warnings (default), 3 information, 4 everything; each -v "
             "without a number adds one"},
    {.name = "json", .arg = Bool, .commands = kAllCommands,
     .help = "report as JSON, errors too", .ours = true},
    {.name = "text", .commands = kShow,
     .help = "show images as text, not as JSON", .ours = true},
    {.name = "display-stats", .arg = Bool, .commands = kDumps | kRestore | kThaw,
     .help = "print times and sizes at the end"},
    {.name = "pidfile", .arg = Value, .value = "FILE", .commands = kDumps | kRestore | kDaemons,
     .help = "write the pid of the restored root task (or of the daemon) to FILE, which must not exist yet"},
    {.name = "action-script", .arg = Value, .value = "PATH", .repeats = true,
     .commands = kDumps | kRestore | kThaw | kService,
     .help = "run PATH at the named points of a dump or restore; the environment tells which one"},
    {.name = "notify-fd", .arg = Value, .value = "FD", .commands = kDumps | kRestore | kThaw,
     .help = "tell the same points by CRIU's RPC on the socket FD, and wait for each answer", .ours = true},
    {.name = "status-fd", .arg = Value, .value = "FD", .commands = kDumps | kRestore | kDaemons,
     .help = "write one NUL byte to descriptor FD when ready"},
    {.name = "close", .arg = Value, .value = "FD", .repeats = true, .commands = kCriuCommands,
     .help = "close descriptor FD before anything else"},
    {.name = "config", .arg = Value, .value = "FILE", .commands = kCriuCommands,
     .help = "read options from FILE, and not from the default configuration files"},
    {.name = "no-default-config", .commands = kCriuCommands,
     .help = "read no default configuration files"},
    {.name = "libdir", .letter = 'L', .arg = Value, .value = "DIR", .commands = kCriuCommands | kFreeze,
     .help = "the directory of plugins; default $CRIU_LIBS_DIR, or /usr/lib/criu if it is there"},
    {.name = "plugin-timeout", .arg = Value, .value = "SEC", .commands = kPolicy | kRestore,
     .help = "what one call of a plugin may take; default 600", .ours = true},
    {.name = "unprivileged", .arg = Bool, .commands = kDumps | kRestore | kCheck,
     .help = "work with CAP_CHECKPOINT_RESTORE instead of all privileges", .status = NoEffect,
     .note = "no capability is asked for beforehand, only what the kernel refuses counts"},
    {.name = "deprecated", .arg = Bool, .commands = kCriuCommands, .help = "permit deprecated options",
     .status = NoEffect, .note = "they need no permission"},

    // --- tree and processes ---
    {.name = "dry-run", .commands = kDump | kFreeze | kRestore,
     .help = "dump: list everything that is in the way, and leave no trace; restore: print the plan, and what "
             "is missing or has changed of the files that it needs",
     .group = Tree, .ours = true},
    {.name = "leave-running", .letter = 'R', .commands = kDumps, .help = "let the tree run on after the dump",
     .group = Tree},
    {.name = "leave-running", .letter = 'R', .commands = kFreeze,
     .help = "the tree will run on (cr-thaw --resume): the stages copy memory while it is frozen and write it "
             "afterwards",
     .group = Tree},
    {.name = "freeze", .arg = Value, .value = "MODE", .commands = kDump | kFreeze,
     .help = "how long a tree stands still that is left running: until its memory is copied (copy, the default), "
             "until it is write-protected (snapshot), or what is faster (auto)",
     .group = Tree, .ours = true},
    {.name = "max-memory", .arg = Value, .value = "SIZE", .commands = kDump | kFreeze,
     .help = "keep at most SIZE bytes (suffix K, M, G) of pages in memory; default: half of what is free",
     .group = Tree, .ours = true},
    {.name = "leave-stopped", .letter = 's', .commands = kDumps | kRestore,
     .help = "leave the tree stopped at the end", .group = Tree},
    {.name = "kill", .commands = kThaw, .help = "seal the images and kill the tree (the default)",
     .group = Tree},
    {.name = "resume", .commands = kThaw, .help = "seal the images and let the tree run on", .group = Tree},
    {.name = "stop", .commands = kThaw, .help = "seal the images and leave the tree stopped", .group = Tree},
    {.name = "restore-detached", .letter = 'd', .arg = Bool, .commands = kRestore | kDaemons,
     .help = "return as soon as the tree runs; otherwise stay its parent and wait for its end", .group = Tree},
    {.name = "restore-sibling", .letter = 'S', .arg = Bool, .commands = kRestore,
     .help = "make the root task a child of our parent; needs --restore-detached", .group = Tree},
    {.name = "shell-job", .letter = 'j', .arg = Bool, .commands = kBoth,
     .help = "the tree belongs to a session or terminal outside of it; after a restore, to ours (which is "
             "assumed where a restore from a terminal needs it)", .group = Tree},
    {.name = "stdio", .arg = Value, .value = "WHAT", .commands = kRestore,
     .help = "what stands for a terminal that was outside of the tree: null, inherit (our own standard "
             "descriptors), or a file that output is added to; implies --shell-job", .group = Tree, .ours = true},
    {.name = "orphan-pts-master", .arg = Bool, .commands = kBoth,
     .help = "a terminal whose master is outside of the tree gets a new one, which a restore gives to the "
             "client of the RPC (--notify-fd)", .group = Tree, .ours = true},
    {.name = "timeout", .arg = Value, .value = "SEC", .commands = kPolicy,
     .help = "give up freezing after SEC seconds, 0 for never; default 10", .group = Tree},
    {.name = "exec-cmd", .commands = kRestore,
     .help = "become the command that follows '--' once the tree runs, as its parent", .group = Tree},
    {.name = "freeze-cgroup", .arg = Value, .value = "PATH", .commands = kPolicy,
     .help = "freeze the whole cgroup at PATH (a directory) until all of the tree is held, so that it cannot grow "
             "meanwhile; one that is frozen already stays so",
     .group = Tree},
    {.name = "cpu-cap", .arg = Optional, .value = "LIST", .commands = kPolicy | kRestore | kCpuinfo,
     .help = "keep what the CPU can do with the images, and compare it on a restore: fpu, ins (what programs can "
             "use), cpu (everything alike), all (the default), none; ^NAME takes one away",
     .group = Tree},
    {.name = "record", .commands = kCpuinfo,
     .help = "write what this CPU can do into the image directory", .group = Tree, .ours = true},
    {.name = "lsm-profile", .arg = Value, .value = "TYPE:NAME", .commands = kRestore,
     .help = "run the restored tasks under another security label", .group = Tree, .status = NotYet,
     .note = "security labels"},
    {.name = "allow-uprobes", .arg = Bool, .commands = kDumps | kRestore,
     .help = "accept tasks that have a [uprobes] area", .group = Tree, .status = NoEffect, .note = kPermits},
    {.name = "manage-cgroups", .arg = Optional, .value = "MODE", .commands = kBoth,
     .help = "how to treat cgroups: ignore them; put the tasks back where they were (none); and set what is there "
             "as it was (props); make what is missing (soft, the default); set everything (full); take only what "
             "is not there yet (strict)",
     .group = Tree},
    {.name = "cgroup-root", .arg = Value, .value = "[CTRL:]/PATH", .repeats = true, .commands = kBoth,
     .help = "where the tree's cgroups begin, in the hierarchy with the controller CTRL or in all; a restore puts "
             "them there",
     .group = Tree},
    {.name = "cgroup-props", .arg = Value, .value = "STRING", .commands = kPolicy,
     .help = "which cgroup properties to keep besides, or instead of, the usual ones, as YAML", .group = Tree},
    {.name = "cgroup-props-file", .arg = Value, .value = "FILE", .commands = kPolicy,
     .help = "the same from FILE", .group = Tree},
    {.name = "cgroup-dump-controller", .arg = Value, .value = "NAME", .repeats = true, .commands = kPolicy,
     .help = "keep properties of this controller only", .group = Tree},
    {.name = "cgroup-yard", .arg = Value, .value = "PATH", .commands = kBoth,
     .help = "where the cgroup controllers are mounted, a directory for each; they are not mounted by ourselves "
             "then",
     .group = Tree},

    // --- memory ---
    {.name = "track-mem", .arg = Bool, .commands = kPolicy,
     .help = "have the kernel note which pages change from now on", .group = Memory},
    {.name = "prev-images-dir", .arg = Value, .value = "DIR", .commands = kPolicy,
     .help = "images of an earlier dump, relative to the image directory; only what changed is written",
     .group = Memory},
    {.name = "memory-only", .commands = kFreeze, .help = "keep nothing but memory, as a pre-dump does",
     .group = Memory, .ours = true},
    {.name = "auto-dedup", .arg = Bool, .commands = kPolicy | kRestore | kPageServer,
     .help = "drop pages from images as soon as they are not needed there", .group = Memory},
    {.name = "share-pages", .arg = Bool, .commands = kDump | kFreeze,
     .help = "store memory that tasks share copy-on-write once; CRIU cannot read such images", .group = Memory,
     .ours = true},
    {.name = "pre-dump-mode", .arg = Value, .value = "MODE", .commands = kPreDump,
     .help = "splice or read: accepted, memory is read in the one way there is", .group = Memory},
    {.name = "lazy-pages", .commands = kDumps | kRestore,
     .help = "send memory when it is first touched", .group = Memory, .status = NotYet,
     .note = "the lazy-pages server"},
    {.name = "page-server", .arg = Bool, .commands = kDumps | kLazyPages,
     .help = "send pages to a page server", .group = Memory, .status = NotYet, .note = "the page server"},
    {.name = "address", .arg = Value, .value = "PATH", .commands = kService,
     .help = "where to listen, relative to the work directory; default criu_service.socket", .group = Memory},
    {.name = "address", .arg = Value, .value = "ADDR", .commands = kDumps | kPageServer | kLazyPages | kRestore,
     .help = "address of the page server", .group = Memory, .status = NotYet,
     .note = "the page server"},
    {.name = "port", .arg = Value, .value = "NUM", .commands = kDumps | kDaemons | kRestore,
     .help = "port of the page server", .group = Memory, .status = NotYet, .note = "the page server"},
    {.name = "ps-socket", .arg = Value, .value = "FD", .commands = kDumps | kPageServer | kLazyPages,
     .help = "a connected socket to use as page server", .group = Memory, .status = NotYet,
     .note = "the page server"},
    {.name = "tls", .arg = Bool, .commands = kDumps | kPageServer | kLazyPages,
     .help = "encrypt the connection to the page server", .group = Memory, .status = NotYet,
     .note = "the page server"},
    {.name = "tls-cacert", .arg = Value, .value = "FILE", .commands = kDumps | kPageServer | kLazyPages,
     .help = "certificates of authorities to trust", .group = Memory, .status = NotYet,
     .note = "the page server"},
    {.name = "tls-cacrl", .arg = Value, .value = "FILE", .commands = kDumps | kPageServer | kLazyPages,
     .help = "list of revoked certificates", .group = Memory, .status = NotYet, .note = "the page server"},
    {.name = "tls-cert", .arg = Value, .value = "FILE", .commands = kDumps | kPageServer | kLazyPages,
     .help = "our certificate", .group = Memory, .status = NotYet, .note = "the page server"},
    {.name = "tls-key", .arg = Value, .value = "FILE", .commands = kDumps | kPageServer | kLazyPages,
     .help = "the key of our certificate", .group = Memory, .status = NotYet, .note = "the page server"},
    {.name = "tls-no-cn-verify", .commands = kDumps | kPageServer | kLazyPages,
     .help = "do not compare the name in the certificate", .group = Memory, .status = NotYet,
     .note = "the page server"},
    {.name = "stream", .arg = Bool, .commands = kDumps | kRestore | kCpuinfo,
     .help = "images go through criu-image-streamer", .group = Memory, .status = NotYet,
     .note = "streaming of images"},

    // --- files ---
    {.name = "file-locks", .letter = 'l', .arg = Bool, .commands = kBoth, .help = "keep file locks; those in images are always taken again",
     .group = Files},
    {.name = "link-remap", .arg = Bool, .commands = kBoth,
     .help = "open files whose name is gone, but which have another one, may be given one for the time of the checkpoint",
     .group = Files},
    {.name = "ghost-limit", .arg = Value, .value = "SIZE", .commands = kPolicy,
     .help = "largest deleted file on disk to keep in the images, with K, M or G; default 1M", .group = Files},
    {.name = "ghost-fiemap", .arg = Bool, .commands = kPolicy,
     .help = "find holes in deleted files by FIEMAP", .group = Files, .status = NoEffect, .note = kPermits},
    {.name = "evasive-devices", .arg = Bool, .commands = kPolicy,
     .help = "a device whose name leads elsewhere now is opened by another name that it has in /dev", .group = Files},
    {.name = "force-irmap", .arg = Bool, .commands = kPolicy,
     .help = "look up the paths of file notifications by their inodes", .group = Files},
    {.name = "irmap-scan-path", .arg = Value, .value = "PATH", .repeats = true, .commands = kPolicy,
     .help = "another directory to look for inodes in", .group = Files},
    {.name = "skip-file-rwx-check", .arg = Bool, .commands = kRestore,
     .help = "accept files whose permission bits have changed", .group = Files},
    {.name = "file-validation", .arg = Value, .value = "METHOD", .commands = kBoth,
     .help = "how to tell that a file is still the same: buildid (default; where there is one) or filesize",
     .group = Files},
    {.name = "allow-loss", .arg = Value, .value = "WHAT,...", .repeats = true, .commands = kPolicy,
     .help = "dump a tree though this part of it cannot be brought back: keyrings (of processes and threads), landlock "
             "(restrictions that tasks put on themselves)",
     .group = Tree, .ours = true},
    {.name = "external", .arg = Value, .value = "TYPE[ID]:VALUE", .repeats = true, .commands = kBoth,
     .help = "a resource that lives outside of the images: file[MOUNT:INODE] (hex), tty[RDEV:DEV] (hex), pipe[INODE], "
             "unix[INODE], socket[INODE] (of the internet families); the restore is given it by --inherit-fd",
     .group = Files},
    {.name = "inherit-fd", .arg = Value, .value = "fd[N]:RESOURCE", .repeats = true, .commands = kRestore,
     .help = "use our descriptor N for that resource: file[MOUNT:INODE], tty[RDEV:DEV], pipe:[INODE], socket:[INODE], "
             "memfd:NAME, or the name of a file",
     .group = Files},
    {.name = "map-path", .arg = Value, .value = "OLD=NEW", .repeats = true, .commands = kRestore,
     .help = "what was the file or directory OLD, and all below it, is NEW here; the longest OLD counts", .group = Files,
     .ours = true},
    {.name = "ext-unix-sk", .letter = 'x', .arg = Optional, .value = "INODE,...", .commands = kBoth,
     .help = "keep connections of Unix sockets to the outside, of these inodes or all", .group = Files},
    {.name = "unix-peer", .arg = Value, .value = "NAME=ACTION", .repeats = true, .commands = kPolicy,
     .help = "what becomes of Unix sockets connected to the outside, to a socket of that name (a path, @NAME for an abstract "
             "one; * and ? stand for anything; the first that fits counts): reconnect (to the same name, without what was "
             "not read yet), close (they come back closed by the other side), null (they become /dev/null)",
     .group = Files, .ours = true},

    // --- network ---
    {.name = "tcp-established", .arg = Bool, .commands = kBoth, 
     .help = "keep open TCP connections", .group = Network},
    {.name = "tcp-close", .arg = Bool, .commands = kBoth, .help = "TCP connections come back closed",
     .group = Network},
    {.name = "skip-in-flight", .arg = Bool, .commands = kPolicy,
     .help = "leave out connections that are only half made", .group = Network},
    {.name = "network-lock", .arg = Value, .value = "METHOD", .commands = kBoth,
     .help = "hold back packets of kept connections until they are restored: nftables (default; iptables is the "
             "same), or skip", .group = Network},
    {.name = "empty-ns", .arg = Value, .value = "net", .repeats = true, .commands = kBoth,
     .help = "do not keep the contents of the network namespace", .group = Network, .status = NotYet,
     .note = "network namespaces"},
    {.name = "join-ns", .letter = 'J', .arg = Value, .value = "NS:WHICH[,OPTS]", .repeats = true,
     .commands = kRestore, .help = "restore into an existing namespace", .group = Network, .status = NotYet,
     .note = "namespaces"},
    {.name = "weak-sysctls", .arg = Bool, .commands = kRestore,
     .help = "only warn about sysctls that this kernel lacks", .group = Network, .status = NoEffect,
     .note = kPermits},
    {.name = "veth-pair", .arg = Value, .value = "IN=OUT[@BRIDGE]", .repeats = true, .commands = kRestore,
     .help = "old form of --external veth[IN]:OUT@BRIDGE", .group = Network, .status = NoEffect, .note = kPermits},

    // --- mounts ---
    {.name = "root", .letter = 'r', .arg = Value, .value = "PATH", .commands = kBoth,
     .help = "the root of the restored mount namespace", .group = Mounts, .status = NotYet,
     .note = "mount namespaces"},
    {.name = "ext-mount-map", .letter = 'M', .arg = Value, .value = "KEY:VALUE", .repeats = true,
     .commands = kBoth, .help = "old form of --external mnt[KEY]:VALUE", .group = Mounts, .status = NoEffect, .note = kPermits},
    {.name = "enable-external-sharing", .commands = kBoth,
     .help = "accept mounts that are shared with others outside", .group = Mounts, .status = NoEffect, .note = kPermits},
    {.name = "enable-external-masters", .commands = kBoth,
     .help = "accept mounts that follow a master outside", .group = Mounts, .status = NoEffect, .note = kPermits},
    {.name = "skip-mnt", .arg = Value, .value = "PATH", .repeats = true, .commands = kBoth,
     .help = "leave out the mount at PATH", .group = Mounts, .status = NoEffect, .note = kPermits},
    {.name = "enable-fs", .arg = Value, .value = "NAME,...", .repeats = true, .commands = kBoth,
     .help = "these file systems can simply be mounted again", .group = Mounts, .status = NoEffect, .note = kPermits},
    {.name = "lsm-mount-context", .arg = Value, .value = "CONTEXT", .commands = kRestore,
     .help = "security context of mounts", .group = Mounts, .status = NoEffect, .note = kPermits},
    {.name = "mntns-compat-mode", .arg = Bool, .commands = kRestore | kDumps, .help = "the old way to restore mounts",
     .group = Mounts, .status = NoEffect, .note = kPermits},

    // --- check ---
    {.name = "extra", .commands = kCheck, .help = "check for what only some trees need, too", .group = Check},
    {.name = "experimental", .commands = kCheck, .help = "check for what is not settled yet, too",
     .group = Check},
    {.name = "all", .commands = kCheck, .help = "check for everything", .group = Check},
    {.name = "descriptors", .commands = kCheck,
     .help = "tell for each kind of descriptor what is kept, lost or refused here", .group = Check, .ours = true},
    {.name = "feature", .arg = Value, .value = "NAME", .repeats = true, .commands = kCheck,
     .help = "check for this only; 'list' shows the names", .group = Check},

    {.name = "help", .letter = 'h', .commands = kAllCommands, .help = "show this text", .group = Help},
    {.name = "version", .letter = 'V', .commands = kAllCommands, .help = "show the version", .group = Help},
};
// clang-format on

constexpr Command kCriuWords[] = {
    {"dump", kDump, "freeze a process tree into images"},
    {"pre-dump", kPreDump, "dump memory only, for a later incremental dump"},
    {"restore", kRestore, "bring a process tree back from images"},
    {"check", kCheck, "tell what this kernel can do"},
    {"page-server", kPageServer, "receive pages from another machine", NotYet, "the page server"},
    {"lazy-pages", kLazyPages, "serve pages as they are touched", NotYet, "the lazy-pages server"},
    {"service", kService, "answer requests on a socket"},
    {"swrk", kSwrk, "answer requests on an inherited socket", Works, nullptr, "FD"},
    {"dedup", kDedup, "drop pages that later images replace"},
    {"cpuinfo", kCpuinfo, "record or check what the CPU can do", Works, nullptr, "dump,check"},
};

constexpr Tool kTools[] = {
    {"cr", kCriuCommands, "checkpoint and restore process trees", "COMMAND %OPTIONS", Operands::Command,
     true},
    {"cr-freeze", kFreeze, "stop a process tree, keep its task state, and begin a pipeline of stages",
     "-t PID %OPTIONS | STAGE ... | cr-thaw"},
    {"cr-dump-mm", kDumpMm, "the stage that keeps memory", "%OPTIONS"},
    {"cr-dump-files", kDumpFiles, "the stage that keeps descriptors and files", "%OPTIONS"},
    {"cr-dump-net", kDumpNet, "the stage that locks the network", "%OPTIONS"},
    {"cr-dump-ns", kDumpNs, "the stage that keeps namespaces", "%OPTIONS"},
    {"cr-thaw", kThaw, "the end of a pipeline: seal the images and let the tree go", "%OPTIONS"},
    {"cr-restore", kRestore, "bring a process tree back from images", "%OPTIONS [-- CMD ARG ...]",
     Operands::Free},
    {"cr-check", kCheck, "tell what this kernel can do", "%OPTIONS"},
    {"cr-check-cpu", kCpuinfo, "tell whether this CPU can run what is in the images", "%OPTIONS"},
    {"cr-service", kService, "answer requests of CRIU's clients on a socket", "%OPTIONS"},
    {"cr-unlock", kUnlock, "let packets of dumped connections pass again", "%OPTIONS"},
    {"cr-show", kShow, "look into images", "%OPTIONS [ps | fds | mems | rss | x DIR VIEW | FILE ...]",
     Operands::Free},
};

} // namespace

std::span<const Option> options() { return kOptions; }
std::span<const Command> criu_commands() { return kCriuWords; }
std::span<const Tool> tools() { return kTools; }

const Tool &tool(std::string_view name)
{
    for (const Tool &one : kTools)
        if (one.name == name)
            return one;
    throw std::logic_error(cat("no tool is called ", name));
}

} // namespace cr::cli

"""Everything that can be seen of a tree of tasks from outside, as one flat dictionary: name of a fact -> its value.

The names are paths, so that a difference says what it is about and a pattern can allow it:
    123/status/Umask                a process's
    123/thread/125/status/SigBlk    a thread's
    123/fd/5/target                 a descriptor's
Numbers that mean nothing but "the same object" (inodes of pipes, kernel pointers) are replaced by the first
place where the object is met, so that sharing is compared and the number is not.
"""

import fcntl
import functools
import os
import re
import struct
import termios

from . import kernel

STAT_FIELDS = (
    "comm state ppid pgrp session tty tpgid flags minflt cminflt majflt cmajflt utime stime cutime cstime priority "
    "nice num_threads itrealvalue starttime vsize rss rsslim startcode endcode startstack kstkesp kstkeip signal "
    "blocked sigignore sigcatch wchan nswap cnswap exit_signal processor rt_priority policy blkio_ticks guest_time "
    "cguest_time start_data end_data start_brk arg_start arg_end env_start env_end exit_code"
).split()

F_GETPIPE_SZ = 1032

# What is left of a task that has ended, for its parent and for those who signal its group.
OF_ZOMBIES = "Name State Tgid PPid comm state ppid pgrp session exit_signal exit_code".split()

# States that a task passes through while it does the same thing.
LIVE_STATES = {"R": "live", "S": "live", "D": "live", "I": "live"}


def read_text(path):
    with open(path, "rb") as file:
        return file.read().decode("latin-1")


def try_text(path):
    """The file's text, or the error in words: that a file can be read is itself a fact to compare."""
    try:
        return read_text(path)
    except OSError as error:
        return f"({error.strerror})"


def try_link(path):
    try:
        return os.readlink(path)
    except OSError as error:
        return f"({error.strerror})"


def attempt(function, *arguments):
    try:
        return str(function(*arguments))
    except OSError as error:
        return f"({error.strerror})"


def children_of(pid):
    """Children of all threads of a process, in no order."""
    found = []
    for tid in threads_of(pid):
        try:
            found += [int(child) for child in read_text(f"/proc/{pid}/task/{tid}/children").split()]
        except OSError:
            pass
    return found


def threads_of(pid):
    try:
        return sorted(int(tid) for tid in os.listdir(f"/proc/{pid}/task"))
    except OSError:
        return []


def tree_of(root):
    """Pids of a tree, parents first."""
    pids, at = [root], 0
    while at < len(pids):
        pids += sorted(children_of(pids[at]))
        at += 1
    return pids


def stat_fields(path):
    text = read_text(path)
    comm = text[text.index("(") + 1 : text.rindex(")")]
    rest = text[text.rindex(")") + 2 :].split()
    fields = dict(zip(STAT_FIELDS, [comm] + rest))
    fields["state"] = LIVE_STATES.get(fields["state"], fields["state"])
    return fields


def status_fields(path):
    fields = {}
    for line in read_text(path).splitlines():
        name, _, value = line.partition(":")
        fields[name] = value.strip()
    state = fields.get("State", "?")[:1]
    fields["State"] = LIVE_STATES.get(state, state)
    return fields


AREA = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) (\S{4}) ([0-9a-f]+) (\S+) (\d+) *(.*)$")


def areas_of(pid, tracked=False):
    """(start, end, description, offset or None) of every mapping, in order; flags that only measure are left out.

    `tracked`: so is the one that shows our noting of writes, between the steps of an incremental dump."""
    areas = []
    for line in try_text(f"/proc/{pid}/smaps").splitlines():
        match = AREA.match(line)
        if match:
            start, end, perms, offset, device, inode, path = match.groups()
            named = path.startswith("/") and not path.startswith(("/dev/zero", "/SYSV", "/memfd:"))
            where = f"{path} {device} {inode}" if named and not path.endswith(" (deleted)") else path
            backed = inode != "0"
            areas.append([int(start, 16), int(end, 16), f"{perms} {where}".strip(), int(offset, 16) if backed else None])
        elif line.startswith("VmFlags:"):
            flags = sorted(set(line.split()[1:]) - {"sd", "uw" if tracked else "sd"})
            areas[-1][2] += " [" + " ".join(flags) + "]"
    return areas


def joined(areas):
    """Neighbours that differ in nothing are one: the kernel joins them or not by their history, and nobody can tell."""
    result = []
    for start, end, what, offset in areas:
        if result:
            last = result[-1]
            follows = offset is None and last[3] is None
            if offset is not None and last[3] is not None:
                follows = offset == last[3] + last[1] - last[0]
            if last[1] == start and last[2] == what and follows:
                last[1] = end
                continue
        result.append([start, end, what, offset])
    return result


class Snapshot:
    """The facts of one tree at one time."""

    def __init__(self, root, ignore_pids=(), tracked=False):
        self.tracked = tracked
        self.facts = {}
        self.objects = {}
        self.pids = [pid for pid in tree_of(root) if pid not in ignore_pids]
        self.files = []
        for pid in self.pids:
            try:
                self.process(pid)
            except (FileNotFoundError, ProcessLookupError):
                self.facts[f"{pid}/gone"] = "while it was looked at"
        self.share_classes()

    def put(self, name, value):
        self.facts[name] = value

    def object_name(self, kind, identity, where):
        return self.objects.setdefault((kind, identity), where)

    def process(self, pid):
        base = f"/proc/{pid}"
        stat, status = stat_fields(f"{base}/stat"), status_fields(f"{base}/status")
        if stat["state"] == "Z":
            stat = {name: stat[name] for name in OF_ZOMBIES if name in stat}
            status = {name: status[name] for name in OF_ZOMBIES if name in status}
        # Older kernels count in each thread, and let the sum know later.
        exact = re.search(r"^Anonymous: +(.*)$", try_text(f"{base}/smaps_rollup"), re.MULTILINE)
        if exact and "RssAnon" in status:
            status["RssAnon"] = exact.group(1)
        for name, value in status.items():
            self.put(f"{pid}/status/{name}", value)
        for name, value in stat.items():
            self.put(f"{pid}/stat/{name}", value)
        if stat["state"] == "Z":
            return
        for name in ("cmdline", "environ", "auxv", "personality", "oom_score_adj", "timers", "cgroup", "loginuid",
                     "coredump_filter", "setgroups", "uid_map", "gid_map", "timens_offsets"):
            self.put(f"{pid}/{name}", try_text(f"{base}/{name}"))
        self.put(f"{pid}/autogroup", try_text(f"{base}/autogroup").partition(" ")[2])  # its number is no fact
        for line in try_text(f"{base}/limits").splitlines()[1:]:
            self.put(f"{pid}/limits/{line[:26].strip()}", " ".join(line[26:].split()))
        for name in ("exe", "cwd", "root"):
            self.put(f"{pid}/{name}", try_link(f"{base}/{name}"))
        for name in os.listdir(f"{base}/ns"):
            self.put(f"{pid}/ns/{name}", try_link(f"{base}/ns/{name}"))
        self.put(f"{pid}/children", " ".join(map(str, sorted(children_of(pid)))))
        tids = threads_of(pid)
        self.put(f"{pid}/threads", " ".join(map(str, tids)))
        areas = areas_of(pid, self.tracked)
        self.put(f"{pid}/count/areas", len(areas))
        self.put(f"{pid}/count/threads", len(tids))
        for start, end, what, offset in joined(areas):
            what = re.sub(r"socket:\[\d+\]", "socket", what)  # the kernel gives out the number
            self.put(f"{pid}/area/{start:x}-{end:x}", what if offset is None else f"{what} at {offset:#x}")
        for tid in tids:
            self.thread(pid, tid)
        self.descriptors(pid)

    def thread(self, pid, tid):
        base, name = f"/proc/{pid}/task/{tid}", f"{pid}/thread/{tid}"
        for field, value in status_fields(f"{base}/status").items():
            if field.startswith(("Sig", "Cap", "Shd", "Uid", "Gid", "Groups", "NoNew", "Seccomp", "State", "Name", "Umask")):
                self.put(f"{name}/status/{field}", value)
        for field, value in stat_fields(f"{base}/stat").items():
            if field in ("priority", "nice", "rt_priority", "policy", "exit_signal", "flags"):
                self.put(f"{name}/stat/{field}", value)
        self.put(f"{name}/syscall", try_text(f"{base}/syscall").split(" 0x")[0].strip())
        self.put(f"{name}/timerslack", try_text(f"/proc/{tid}/timerslack_ns").strip())
        self.put(f"{name}/label", try_text(f"{base}/attr/current").strip())
        self.put(f"{name}/robust_list", attempt(kernel.robust_list, tid))
        self.put(f"{name}/scheduling", attempt(kernel.scheduling, tid))
        self.put(f"{name}/io_priority", attempt(kernel.io_priority, tid))

    def descriptors(self, pid):
        try:
            numbers = sorted(int(fd) for fd in os.listdir(f"/proc/{pid}/fd"))
        except OSError:
            numbers = []
        self.put(f"{pid}/count/descriptors", len(numbers))
        for fd in numbers:
            name = f"{pid}/fd/{fd}"
            target = try_link(f"/proc/{pid}/fd/{fd}")
            match = re.fullmatch(r"(pipe|socket|anon_inode):\[(\d+)\]", target)
            if match:
                target = f"{match[1]} of {self.object_name(match[1], match[2], name)}"
            elif match := re.fullmatch(r"(.*/#)(\d+) \(deleted\)", target):  # made by O_TMPFILE
                target = f"{match[1]} of {self.object_name('file', match[2], name)}"
            self.put(f"{name}/target", target)
            self.files.append((target, pid, fd))
            self.descriptor_info(name, f"/proc/{pid}/fdinfo/{fd}")
            if match and match[1] == "pipe":
                self.pipe_fill(name, pid, fd)

    def pipe_fill(self, name, pid, fd):
        """Bytes that wait in a pipe and its size; a pipe has nothing of this in fdinfo."""
        try:
            pipe = os.open(f"/proc/{pid}/fd/{fd}", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return
        try:
            self.put(f"{name}/bytes", struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, b"\0" * 4))[0])
            self.put(f"{name}/size", fcntl.fcntl(pipe, F_GETPIPE_SZ))
        finally:
            os.close(pipe)

    def descriptor_info(self, name, path):
        for line in try_text(path).splitlines():
            field, _, value = line.partition(":")
            value = value.strip()
            if field == "tfd":
                _, target, _, events, _, data, *_ = line.split()
                field, value = f"watch/{target}/{data}", events
            self.put(f"{name}/{field.strip()}", value)

    def share_classes(self):
        """Which descriptors are one open file description, and which tasks share what; by kcmp's order."""
        groups = {}
        for target, pid, fd in self.files:
            groups.setdefault(target, []).append((pid, fd))
        for members in groups.values():
            for first, member in self.classes(members, kernel.KCMP_FILE):
                self.put(f"{member[0]}/fd/{member[1]}/description", f"that of {first[0]}/fd/{first[1]}")
        tasks = [(pid, 0) for pid in self.pids if self.facts.get(f"{pid}/status/State") != "Z"]
        for word, kind in (("memory", kernel.KCMP_VM), ("descriptors", kernel.KCMP_FILES), ("fs", kernel.KCMP_FS),
                           ("signals", kernel.KCMP_SIGHAND), ("semaphores", kernel.KCMP_SYSVSEM)):
            for first, member in self.classes(tasks, kind):
                self.put(f"{member[0]}/shares/{word}", f"that of {first[0]}")

    @staticmethod
    def classes(members, kind):
        """Pairs (first member of its class, member)."""
        def order(a, b):
            return (0, -1, 1, 0)[kernel.kcmp(a[0], b[0], kind, a[1], b[1])]

        def same(a, b):
            return kernel.kcmp(a[0], b[0], kind, a[1], b[1]) == 0

        try:
            if len(members) > 1:
                members = sorted(sorted(members), key=functools.cmp_to_key(order))
            result, first = [], None
            for member in members:
                if first is None or not same(first, member):
                    first = member
                result.append((first, member))
            return result
        except OSError:
            return []


"""System calls that Python does not wrap, and the few that the harness asks about other tasks."""

import ctypes
import os
import signal
import struct

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long

SYS_UMOUNT2 = 166
SYS_KCMP = 312
SYS_GET_ROBUST_LIST = 274
SYS_SCHED_GETATTR = 315
SYS_IOPRIO_GET = 252
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36

KCMP_FILE, KCMP_VM, KCMP_FILES, KCMP_FS, KCMP_SIGHAND, KCMP_IO, KCMP_SYSVSEM = range(7)


def syscall(number, *arguments):
    """The call's result; raises OSError."""
    result = _libc.syscall(ctypes.c_long(number), *[ctypes.c_ulong(a) if isinstance(a, int) else a for a in arguments])
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


def become_subreaper():
    """Orphans below this process become its children: restored trees, and what they leave behind."""
    if _libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "PR_SET_CHILD_SUBREAPER")


def end_with_parent():
    """SIGTERM when the process that started this one ends."""
    _libc.prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)


def unmount_below(directory):
    """What workloads mounted there that did not come to its end."""
    detach = 2
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        places = [line.split(" ")[4] for line in file]
    for place in reversed(places):
        if place.startswith(directory + "/"):
            try:
                syscall(SYS_UMOUNT2, ctypes.c_char_p(os.fsencode(place)), detach)
            except OSError:  # went with the one above
                pass


def kcmp(pid1, pid2, kind, index1=0, index2=0):
    """0 same object, 1 and 2 its order. 3 (no order) does not happen on one machine."""
    return syscall(SYS_KCMP, pid1, pid2, kind, index1, index2)


def robust_list(tid):
    head, length = ctypes.c_ulong(), ctypes.c_ulong()
    syscall(SYS_GET_ROBUST_LIST, tid, ctypes.byref(head), ctypes.byref(length))
    return f"{head.value:#x}+{length.value}"


def scheduling(tid):
    """Policy, flags, nice, priority of a thread, as text."""
    buffer = ctypes.create_string_buffer(48)
    syscall(SYS_SCHED_GETATTR, tid, buffer, 48, 0)
    size, policy, flags, nice, priority = struct.unpack_from("=IIQiI", buffer.raw)
    del size
    return f"policy {policy} flags {flags:#x} nice {nice} priority {priority}"


def io_priority(tid):
    return syscall(SYS_IOPRIO_GET, 1, tid)

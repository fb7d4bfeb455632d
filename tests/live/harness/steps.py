"""A program that goes so many system calls and instructions far from its exec, and no further: a moment without a clock."""

import os
import signal

from . import kernel

SYS_PTRACE = 101
TRACEME, CONT, SINGLESTEP, DETACH, SYSCALL = 0, 7, 9, 17, 24


def be_traced():
    """For the child, before its exec, at which it then stops."""
    kernel.syscall(SYS_PTRACE, TRACEME, 0, 0, 0)


class Ended(Exception):
    """The program was at its end before."""


def stopped_by(pid):
    """Waits for the next stop; its signal."""
    _, status = os.waitpid(pid, 0)
    if not os.WIFSTOPPED(status):
        raise Ended(status)
    return os.WSTOPSIG(status)


def go(pid, request):
    """To the next stop of this kind; signals on the way reach the program."""
    delivered = 0
    while True:
        kernel.syscall(SYS_PTRACE, request, pid, 0, delivered)
        delivered = stopped_by(pid)
        if delivered == signal.SIGTRAP:
            return


def calls_of(pid):
    """How many stops at system calls the first thread of a traced program makes in all of its life."""
    stopped_by(pid)
    count = 0
    try:
        while True:
            go(pid, SYSCALL)
            count += 1
    except Ended:
        return count


def advance(pid, calls, instructions):
    """From the exec to that many stops at system calls, then that many instructions."""
    stopped_by(pid)
    for _ in range(calls):
        go(pid, SYSCALL)
    for _ in range(instructions):
        go(pid, SINGLESTEP)


def let_go(pid):
    kernel.syscall(SYS_PTRACE, DETACH, pid, 0, 0)


def leave_stopped(pid):
    """Traced no longer, and stopped as by SIGSTOP."""
    os.kill(pid, signal.SIGSTOP)
    delivered = 0
    while delivered != signal.SIGSTOP:
        kernel.syscall(SYS_PTRACE, CONT, pid, 0, 0 if delivered == signal.SIGTRAP else delivered)
        delivered = stopped_by(pid)
    kernel.syscall(SYS_PTRACE, DETACH, pid, 0, signal.SIGSTOP)

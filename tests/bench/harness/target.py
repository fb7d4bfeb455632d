"""A target program (target.c): its start, its page, its end, and whether it is whole.

This process is a child subreaper, so whatever is orphaned below it can be waited for: a pid that nobody has waited for
cannot come back in a restore. Nothing here signals a process that is not below us.
"""

import ctypes
import mmap
import os
import signal
import struct
import subprocess
import time

PR_SET_CHILD_SUBREAPER = 36
WORDS = {"ready": 0, "spin": 8, "reset": 16, "beats": 24, "gap_ns": 32}  # board.h


class Failed(Exception):
    """Something did not work; the text says what, and what it was heard to say."""


def become_subreaper():
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def wait_until(condition, seconds, what):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise Failed(f"{what} within {seconds:g} s")
        time.sleep(0.001)


def tree_of(root):
    """That pid and all below it."""
    found = [root]
    for pid in found:
        try:
            for task in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as file:
                    found += map(int, file.read().split())
        except FileNotFoundError:
            pass
    return found


class Target:
    def __init__(self, program, kind, size, directory):
        path = os.path.join(directory, "board")
        with open(path, "wb") as file:
            file.truncate(mmap.PAGESIZE)
        with open(path, "r+b") as file:
            self.board = mmap.mmap(file.fileno(), mmap.PAGESIZE)
        process = subprocess.Popen(
            [program, path, kind, str(size)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )
        self.pid = process.pid
        process.returncode = 0  # we wait for it ourselves
        if os.sched_getscheduler(0) == os.SCHED_FIFO:
            # Above the tools: equals would make each other wait for as long as they run.
            os.sched_setscheduler(process.pid, os.SCHED_FIFO, os.sched_param(os.sched_getparam(0).sched_priority + 1))
        try:
            wait_until(lambda: self.word("ready"), 60, f"the target {kind} {size} did not come up")
            time.sleep(0.02)  # its tasks get to where they sleep
            self.pids = tree_of(self.pid)
            self.shape = self.measured_shape()
        except Failed:
            self.pids = tree_of(self.pid)
            self.end()
            raise

    def word(self, name):
        return struct.unpack_from("<Q", self.board, WORDS[name])[0]

    def set_word(self, name, value):
        struct.pack_into("<Q", self.board, WORDS[name], value)

    def measured_shape(self):
        """How many of everything: what a restore must give back."""
        with open(f"/proc/{self.pid}/maps", "rb") as file:
            areas = file.read().count(b"\n")
        pids = tree_of(self.pid)
        return {
            "processes": len(pids),
            "threads": sum(len(os.listdir(f"/proc/{pid}/task")) for pid in pids),
            "descriptors": len(os.listdir(f"/proc/{self.pid}/fd")),
            "areas": areas,
        }

    def spin(self):
        before = self.word("beats")
        self.set_word("spin", 1)
        os.kill(self.pid, signal.SIGUSR1)
        wait_until(lambda: self.word("beats") > before, 10, "the target did not go on")

    def forget_gap(self):
        self.set_word("reset", 1)
        wait_until(lambda: not self.word("reset"), 10, "the target did not go on")

    def gap_ms(self):
        """The largest gap so far, once the target has been seen to run again."""
        before = self.word("beats")
        wait_until(lambda: self.word("beats") > before, 10, "the target did not go on")
        return self.word("gap_ns") / 1e6

    def check_whole(self):
        shape = self.measured_shape()
        if shape != self.shape:
            raise Failed(f"the target came back with {shape} instead of {self.shape}")
        self.spin()

    def reap(self):
        """True when none of its pids is taken any more."""
        left = []
        for pid in self.pids:
            try:
                os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                pass  # not handed to us yet, or gone
            if os.path.exists(f"/proc/{pid}"):
                left.append(pid)
        self.pids = left
        return not left

    def wait_gone(self):
        kept = list(self.pids)
        wait_until(self.reap, 20, "the killed tree was not gone")
        self.pids = kept

    def end(self):
        ours = set(tree_of(os.getpid()))
        for pid in self.pids:
            if pid in ours:
                os.kill(pid, signal.SIGKILL)
        self.wait_gone()
        self.board.close()

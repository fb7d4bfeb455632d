"""A tree of tasks under test: start it, wait for it, end it. Nothing here signals a task that is not below us."""

import os
import signal
import subprocess
import time

from . import state


class Stuck(Exception):
    """Something did not come in its time."""


def wait_until(condition, limit, what):
    deadline, pause = time.monotonic() + limit, 0.0005
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise Stuck(f"{what} did not come within {limit:g} s")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.01)


def exit_text(status):
    if os.WIFSIGNALED(status):
        return f"killed by {signal.Signals(os.WTERMSIG(status)).name}"
    return f"exit code {os.WEXITSTATUS(status)}"


class Tree:
    """The root is a child of this process, by birth or, restored, as an orphan."""

    def __init__(self, command, directory, environment, stdio=None, new_session=True, before_exec=None):
        self.directory = directory
        self.ended = {}
        output = os.open(os.path.join(directory, "out"), os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
        null = os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)
        streams = (stdio, stdio, stdio) if stdio is not None else (null, output, output)
        options = {"start_new_session": True} if new_session else {"process_group": 0}
        try:
            process = subprocess.Popen(
                command, cwd=directory, env=environment, stdin=streams[0], stdout=streams[1], stderr=streams[2],
                preexec_fn=before_exec, **options
            )
        finally:
            os.close(output)
            os.close(null)
        self.root = process.pid
        self.seen = {self.root}
        process.returncode = 0  # this class waits, not subprocess

    def reap(self):
        """Waits for everything that has ended, remembering how; true when nothing at all is below this process."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return True
            if pid == 0:
                return False
            self.ended[pid] = status

    def remember(self):
        """Notes the pids that a restore will want."""
        for pid in state.tree_of(self.root):
            self.seen.update([pid, *state.threads_of(pid)])

    def taken_by_others(self):
        """Pids of this tree that tasks of somebody else have now."""
        ours = {tid for pid in state.tree_of(os.getpid()) for tid in state.threads_of(pid)}
        return sorted(pid for pid in self.seen - ours if os.path.exists(f"/proc/{pid}"))

    def has_ended(self):
        self.reap()
        return self.root in self.ended

    def wait_end(self, limit):
        wait_until(self.has_ended, limit, "the end of the root task")
        return self.ended.pop(self.root)

    def wait_gone(self, limit=10.0):
        wait_until(lambda: self.reap() or not below_us(), limit, "the end of all killed tasks")
        self.ended.clear()

    def kill(self, outside=True):
        """Ends what is left of the tree, orphans too: all that is below this process.

        They are stopped first, so that none sees another one end and complains in a file that a restore needs.
        """
        for pid in below_us(outside):
            send(pid, signal.SIGSTOP)
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            self.reap()
            below = below_us(outside)  # the dead that are not reaped yet are there still
            if not below:
                return
            for pid in below:
                send(pid, signal.SIGKILL)
            time.sleep(0.001)
            self.reap()
        raise Stuck("killed tasks did not end within 10 s")

    def output(self):
        try:
            with open(os.path.join(self.directory, "out"), "rb") as file:
                return file.read()
        except OSError:
            return b""


def below_us(outside=False):
    """All that is below this process; what a workload has started to stand for the world outside (start_outside() in
    workload.h) only when asked for."""
    below = state.tree_of(os.getpid())[1:]
    return below if outside else [pid for pid in below if state.try_text(f"/proc/{pid}/comm").strip() != "outside"]


def send(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass



"""Targets of the fault tests: programs that show on a board (board.h) how they are."""

import ctypes
import os
import signal
import struct
import subprocess
import sys
import time


class Board:
    """The file that a target shows itself in: board.h."""

    WORKERS = 48
    HEAD = struct.Struct("<6Q")

    def __init__(self, path):
        self.path = path

    def read(self):
        try:
            with open(self.path, "rb") as f:
                data = f.read()
        except FileNotFoundError:
            data = b""
        names_at = self.HEAD.size + 8 * self.WORKERS
        text_at = names_at + 16 * self.WORKERS
        if len(data) < text_at + 256:
            data = bytes(text_at + 256)
        self.magic, self.pid, self.workers, self.failures, self.interrupted, self.late = self.HEAD.unpack_from(data)
        text = lambda at, n: data[at : at + n].split(b"\0")[0].decode(errors="replace")
        beats = struct.unpack_from(f"<{self.WORKERS}Q", data, self.HEAD.size)
        named = [(text(names_at + 16 * i, 16), beats[i]) for i in range(self.WORKERS)]
        self.beats = {name: n for name, n in named if name}
        self.failure = text(text_at, 256)
        return self


class Target:
    """A program that runs for as long as nobody harms it."""

    def __init__(self, command, work):
        self.board = Board(os.path.join(work, "board"))
        self.command = command
        self.starts = 0
        self.start()

    def start(self):
        self.starts += 1
        if os.path.exists(self.board.path):
            os.unlink(self.board.path)
        program, *rest = self.command
        self.process = subprocess.Popen(
            [program, self.board.path, *rest],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self.pid = self.process.pid
        until(10, lambda: self.board.read().magic, f"{program} does not come up")
        self.goes_on(10)
        self.areas = self.count_areas()

    def stop(self):
        """Ends it, however it came to be."""
        if self.gone():
            return
        os.kill(self.pid, signal.SIGKILL)
        if self.process.poll() is None:
            self.process.wait()
        until(10, self.gone, "the target does not end")

    def waited_for(self):
        """Gone, and its id free."""
        reap_orphans()
        return not os.path.exists(f"/proc/{self.pid}")

    def send(self, number):
        os.kill(self.pid, number)
        if number == signal.SIGSTOP:
            until(10, lambda: not self.held(stopped=True), "the target does not stop")

    def gone(self):
        self.process.poll()
        try:
            with open(f"/proc/{self.pid}/stat", encoding="utf-8", errors="replace") as f:
                return f.read().rpartition(") ")[2][0] in "ZX"
        except OSError:
            return True

    def count_areas(self):
        """All areas, and those where injected calls have their answers written (guess_area in libcr/inject/pad.cc)."""
        with open(f"/proc/{self.pid}/maps", encoding="utf-8", errors="replace") as f:
            lines = [line.split() for line in f]
        starts = [int(words[0].split("-")[0], 16) for words in lines]
        vdso = next((start for start, words in zip(starts, lines) if words[-1] == "[vdso]"), 0)
        return len(lines), sum(1 for start in starts if vdso and 0x200000 <= start - vdso < 0x280000)

    def held(self, stopped=False):
        """Why some thread is traced, or stopped (or, when it should be, is not), or None."""
        for tid in os.listdir(f"/proc/{self.pid}/task"):
            try:
                with open(f"/proc/{self.pid}/task/{tid}/status", encoding="utf-8", errors="replace") as f:
                    fields = dict(line.split(":\t", 1) for line in f if ":\t" in line)
            except OSError:
                continue
            if fields["State"][0] in "tT" and not (stopped and fields["State"][0] == "T"):
                return f"thread {tid} is in state {fields['State'].strip()}"
            if stopped and fields["State"][0] != "T":
                return f"thread {tid} is not stopped any more"
            if fields["TracerPid"].strip() != "0":
                return f"thread {tid} is traced by {fields['TracerPid'].strip()}"
        return None

    def goes_on(self, limit):
        """Waits until each worker has done one more piece of work; the names of those that have not."""
        before = dict(self.board.read().beats)
        deadline = time.monotonic() + limit
        while True:
            now = self.board.read().beats
            late = [name for name in before if now.get(name, 0) <= before[name]]
            if not late or time.monotonic() > deadline or self.gone():
                return late
            time.sleep(0.002)


def become_reaper():
    """Restored targets are orphans: they become children of this process, which can wait for them."""
    set_child_subreaper = 36
    ctypes.CDLL(None).prctl(set_child_subreaper, 1, 0, 0, 0)


def reap_orphans():
    """Takes note of the ends of all children that there are (not while a command runs)."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def until(limit, condition, message):
    deadline = time.monotonic() + limit
    while not condition():
        if time.monotonic() > deadline:
            sys.exit(f"sweep: {message}")
        time.sleep(0.005)

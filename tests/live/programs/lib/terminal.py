"""A program on a pseudo terminal whose master is ours: started, typed to, waited for."""

import os
import pty
import select
import termios

LIMIT = 30  # seconds without any output
HERE = os.getcwd()


class Terminal:
    """`size` is rows and columns; more becomes part of the environment."""

    def __init__(self, *command, size=(24, 80), **environment):
        self.pid, self.fd = pty.fork()
        self.seen = b""
        if self.pid == 0:
            os.environ.update({"TERM": "vt100", **environment})
            termios.tcsetwinsize(0, size)
            os.execvp(command[0], command)

    def until(self, text):
        """What came before `text`, which is to come; both are forgotten."""
        text = text.encode()
        while text not in self.seen:
            if not select.select([self.fd], [], [], LIMIT)[0]:
                raise SystemExit(f"waiting for {text!r}, there is {self.seen[-500:]!r}")
            self.seen += os.read(self.fd, 4096)
        before, _, self.seen = self.seen.partition(text)
        return before.decode(errors="replace").replace("\r", "")

    def send(self, text):
        os.write(self.fd, text.encode())

    def foreground(self, command):
        """Waits until a job of that name is in the foreground, and has the signal actions of its own."""
        while True:
            group = os.tcgetpgrp(self.fd)
            try:
                with open(f"/proc/{group}/comm", encoding="utf-8") as file:
                    if group != self.pid and file.read() == command + "\n":
                        return
            except FileNotFoundError:
                pass
            select.select([], [], [], 0.005)

    def end(self):
        """Reads until it has ended; its exit code."""
        try:
            while os.read(self.fd, 4096):
                pass
        except OSError:
            pass
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def length():
    """How much longer than usual the program shall work."""
    return int(os.environ["LENGTH"])

"""Cases side by side, each in a process of its own.

The parent has one thread only: it forks, and reads what the children say and what their terminals show.
"""

import json
import os
import pty
import selectors
import termios

from . import kernel
from .runner import Result


class Running:
    """A case that was started: its process, the pipe its result comes through, its terminal if it has one."""

    def __init__(self, case):
        self.case = case
        self.text = b""
        self.terminal = None
        reading, writing = os.pipe()
        if case.workload.shell_job:
            self.pid, self.terminal = pty.fork()
        else:
            self.pid = os.fork()
        if self.pid == 0:
            os.close(reading)
            self.be_the_child(writing)
        os.close(writing)
        self.pipe = reading

    def be_the_child(self, writing):
        code = 1
        try:
            kernel.end_with_parent()
            kernel.become_subreaper()
            if self.case.workload.shell_job:
                attributes = termios.tcgetattr(0)
                attributes[3] &= ~(termios.ECHO | termios.TOSTOP)
                termios.tcsetattr(0, termios.TCSANOW, attributes)
            result = json.dumps(self.case.run().__dict__).encode()
            while result:
                result = result[os.write(writing, result) :]
            code = 0
        finally:
            os._exit(code)

    def result(self):
        os.close(self.pipe)
        os.waitpid(self.pid, 0)
        if not self.text:
            return Result(self.case.name, "FAIL", "the case's own process died")
        return Result(**json.loads(self.text))


def run_all(cases, jobs, report):
    """Calls report(result) for each case as it ends."""
    waiting, running = list(reversed(cases)), 0
    selector = selectors.DefaultSelector()

    def start():
        one = Running(waiting.pop())
        selector.register(one.pipe, selectors.EVENT_READ, one)
        if one.terminal is not None:
            selector.register(one.terminal, selectors.EVENT_READ, None)

    while waiting or running:
        while waiting and running < max(1, jobs):
            start()
            running += 1
        for key, _ in selector.select():
            try:
                data = os.read(key.fd, 65536)
            except OSError:  # a terminal whose other side is closed
                data = b""
            if data and key.data:
                key.data.text += data
            if data:
                continue
            selector.unregister(key.fd)
            if key.data:
                report(key.data.result())
                running -= 1
            else:
                os.close(key.fd)

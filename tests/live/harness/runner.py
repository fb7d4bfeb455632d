"""One case from start to end, in a process of its own that is the subreaper of all it starts.

A process per case makes the clean-up certain (all that is below it is the case's) and gives the shell-job mode
its own session with a terminal. Parallel cases need no pid ranges: the kernel gives out pids in a circle, so one
that a dump has freed comes back only after a whole lap.
"""

import errno
import os
import shutil
import tempfile
import time
import traceback
from dataclasses import dataclass, field

from . import compare, kernel, modes
from .tools import PATIENCE, ToolFailed, Tools
from .tree import Stuck, Tree, exit_text, wait_until

READY_LIMIT = 20.0 * PATIENCE
CHECK_LIMIT = 20.0 * PATIENCE
SKIPPED = 77


@dataclass
class Options:
    """What all cases of a run share."""

    bin_dir: str
    workload_dir: str
    allowed: compare.Allowed
    work_dir: str
    rounds: int = modes.ROUNDS
    keep: bool = False
    log_options: list = field(default_factory=list)


@dataclass
class Result:
    name: str
    verdict: str
    reason: str = ""
    seconds: float = 0.0


class Skip(Exception):
    pass


class Failed(Exception):
    pass


class PidTaken(Exception):
    """Somebody else got a pid between the dump that freed it and the restore that wants it."""


class Case:
    """A workload in a mode. `body(context)` does the mode's work; the rest is the same for all."""

    def __init__(self, options, workload, mode, body=None):
        self.options = options
        self.workload = workload
        self.mode = mode
        self.body = body or modes.MODES[mode]
        self.name = f"{workload.name} {mode}"

    def run(self):
        """The result; never raises. A case that lost one of its pids to a stranger begins anew."""
        for _ in range(3):
            result = self.run_once()
            if result.verdict != "AGAIN":
                return result
        result.verdict = "FAIL"
        return result

    def run_once(self):
        begin = time.monotonic()
        directory = tempfile.mkdtemp(prefix=self.name.replace(" ", "."), dir=self.options.work_dir)
        os.chmod(directory, 0o777)
        tools = Tools(self.options.bin_dir, directory, self.options.log_options,
                      self.workload.headers.get("dump-options", "").split(),
                      self.workload.headers.get("restore-options", "").split())
        try:
            self.steps(directory, tools)
            result = Result(self.name, "PASS")
        except PidTaken as taken:
            result = Result(self.name, "AGAIN", f"pids were taken by others: {taken}")
        except Skip as skipped:
            result = Result(self.name, "SKIP", str(skipped))
        except (Failed, ToolFailed, Stuck, modes.Differs) as failure:
            result = Result(self.name, "FAIL", f"{failure}\n{indented(tools.said())}".rstrip())
        except Exception:
            result = Result(self.name, "FAIL", "the harness itself failed:\n" + traceback.format_exc())
        result.seconds = time.monotonic() - begin
        kernel.unmount_below(directory)
        tools.unlock(directory)
        if not self.options.keep:
            shutil.rmtree(directory, ignore_errors=True)
        return result

    def start(self, directory):
        program = os.path.join(self.options.workload_dir, self.workload.name)
        if not os.path.exists(program):
            raise Failed(f"{program} is not built")
        environment = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "LC_ALL": "C",
            "LIVE_READY": os.path.join(directory, "ready"),
            "LIVE_GO": os.path.join(directory, "go"),
        }
        shell = self.workload.shell_job
        try:
            return Tree([program, *self.workload.headers.get("args", "").split()], directory, environment,
                        stdio=0 if shell else None, new_session=not shell)
        except OSError as error:
            if error.errno == errno.ENOEXEC and "-m32" in self.workload.headers.get("build", ""):
                raise Skip("the kernel runs no 32-bit programs") from None
            raise

    def steps(self, directory, tools):
        tree = self.start(directory)
        try:
            ready = os.path.join(directory, "ready")
            wait_until(lambda: os.path.exists(ready) or tree.has_ended(), READY_LIMIT, "the workload's ready()")
            if tree.has_ended() and not os.path.exists(ready):
                self.judge(tree, tree.wait_end(0), "set-up")
                raise Failed("ended before it was ready")
            allowed = self.options.allowed.also(self.workload.words("differs"))
            refusals = self.workload.words("refused")
            self.body(modes.Context(tree, tools, directory, allowed, self.options.rounds, refusals))
            open(os.path.join(directory, "go"), "w").close()
            self.judge(tree, tree.wait_end(CHECK_LIMIT), "check")
        except ToolFailed:
            if taken := tree.taken_by_others():
                raise PidTaken(taken) from None
            raise
        finally:
            tree.kill()

    @staticmethod
    def judge(tree, status, when):
        said = tree.output().decode(errors="replace").strip()
        if os.WIFEXITED(status) and os.WEXITSTATUS(status) == 0:
            return
        if os.WIFEXITED(status) and os.WEXITSTATUS(status) == SKIPPED:
            raise Skip(said or "no reason given")
        raise Failed(f"{when}: {exit_text(status)}: {said[-2000:]}")


def indented(text):
    return "".join(f"    | {line}\n" for line in text.splitlines())

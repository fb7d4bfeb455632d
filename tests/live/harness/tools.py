"""Running the tools under test: where they are, their limits in time, what they said."""

import os
import signal
import subprocess

# All limits grow by this on a machine that is known to be slow.
PATIENCE = float(os.environ.get("LIVE_PATIENCE", "1"))
TIME_LIMIT = 30.0 * PATIENCE
PIPELINE = ("cr-freeze", "cr-dump-ns", "cr-dump-mm", "cr-dump-net", "cr-dump-files", "cr-thaw")


class ToolFailed(Exception):
    """A tool that should have worked did not; the text ends with what it said."""


class Tools:
    """The tools in `bin_dir`, writing what they say to `log`, a file in the case's directory."""

    def __init__(self, bin_dir, case_dir, log_options=(), dump_options=(), restore_options=()):
        self.bin_dir = bin_dir
        self.log = os.path.join(case_dir, "tools.log")
        self.log_options = list(log_options)
        self.dump_options = [*log_options, *dump_options]
        self.restore_options = [*log_options, *restore_options]

    def path(self, name):
        return os.path.join(self.bin_dir, name)

    def said(self, lines=25):
        try:
            with open(self.log, encoding="utf-8", errors="replace") as file:
                return "".join(file.readlines()[-lines:])
        except OSError:
            return ""

    def said_last(self):
        """What the command called last said."""
        return self.said(100000).rpartition("\n$ ")[2]

    def call(self, command):
        """Runs one command to its end; its exit code."""
        with open(self.log, "a", encoding="utf-8") as log:
            log.write("$ " + " ".join(command) + "\n")
            log.flush()
            try:
                process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            except OSError as error:
                raise ToolFailed(f"{command[0]}: {error.strerror}") from None
            try:
                return process.wait(TIME_LIMIT)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                log.write(f"(killed after {TIME_LIMIT} s)\n")
                return -signal.SIGKILL

    def must(self, command):
        code = self.call(command)
        if code != 0:
            raise ToolFailed(f"{os.path.basename(command[0])} {command[1] if len(command) > 1 else ''} ended with {code}")

    def dump(self, pid, images, *options):
        os.makedirs(images, exist_ok=True)
        self.must([self.path("cr"), "dump", "-t", str(pid), "-D", images, *self.dump_options, *options])

    def pre_dump(self, pid, images, *options):
        os.makedirs(images, exist_ok=True)
        self.must([self.path("cr"), "pre-dump", "-t", str(pid), "-D", images, *self.dump_options, *options])

    def try_dump(self, pid, images, *options):
        os.makedirs(images, exist_ok=True)
        return self.call([self.path("cr"), "dump", "-t", str(pid), "-D", images, *self.dump_options, *options])

    def stage_alone(self, stage, pid, images):
        os.makedirs(images, exist_ok=True)
        self.must([self.path(stage), "-t", str(pid), "-D", images])

    def unlock(self, directory):
        """Ends the locks on connections that dumps have left for restores that did not come, or failed."""
        if "--tcp-established" not in self.dump_options:
            return
        for folder, _, files in os.walk(directory):
            if "inventory.img" in files:
                self.call([self.path("cr-unlock"), "-D", folder])

    def restore(self, images, *options):
        self.must([self.path("cr"), "restore", "-D", images, "-d", *self.restore_options, *options])

    def try_restore(self, images, *options):
        return self.call([self.path("cr"), "restore", "-D", images, "-d", *self.restore_options, *options])

    def dump_by_hand(self, pid, images):
        """The chain that a person would type, each stage its own program."""
        os.makedirs(images, exist_ok=True)
        stages = [f"'{self.path(PIPELINE[0])}' -t {pid} -D '{images}' {' '.join(self.dump_options)}"]
        stages += [f"'{self.path(stage)}'" for stage in PIPELINE[1:-1]] + [f"'{self.path(PIPELINE[-1])}' --kill"]
        self.must(["bash", "-o", "pipefail", "-c", " | ".join(stages)])

    def restore_by_hand(self, images):
        self.must([self.path("cr-restore"), "-D", images, "-d"])

    def other_vdso(self, images):
        self.must([self.path("tests/other-vdso"), images])

    def drop_field(self, images, field):
        self.must([self.path("tests/drop-field"), images, field])

"""Real programs, checkpointed over and over while they work; what they print must be what they print in peace.

A program is one file of programs/, and its suffix says how it is built and started. It runs for a second or so, times LENGTH
of its environment. First it runs undisturbed, for its output and its time; then with `rounds` dumps and restores spread over
that time. On a machine whose load changes it may end before there were as many: then it is given more to do.
"""

import fcntl
import os
import re
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass, field

from . import cases, modes, runner
from .tools import ToolFailed
from .tree import Stuck, Tree, exit_text

RUN_LIMIT = 120.0
BUILD_LIMIT = 180
LENGTHS = [1, 2, 4, 8]
PACE = 0.6  # of the time it takes in peace
PATH = "/usr/bin:/bin:/usr/sbin:/sbin"
JAVA_OPTIONS = ["-XX:-UsePerfData", "-XX:+UseG1GC", "-Xmx48m", "-Xms48m", "-XX:ParallelGCThreads=2", "-XX:ConcGCThreads=1"]
INTERPRETERS = {".sh": ["/bin/bash"], ".pl": ["perl"], ".py": ["/usr/bin/python3", "-B"], ".js": ["node"], ".rb": ["ruby"]}


@dataclass
class Program:
    """A source file and how to make it run: `command` starts it, `builder` (may be None) makes `output`."""

    name: str
    source: str
    needs: list
    shell_job: bool = False
    headers: dict = field(default_factory=dict)


def all_programs(folder, prefix):
    folder = os.path.join(cases.HERE, folder)
    found = []
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        if os.path.isdir(path):  # what they share
            continue
        with open(path, encoding="utf-8") as file:
            headers = dict(re.findall(r"^(?:#|//) (needs|dump-options): (.*)$", file.read(), re.MULTILINE))
        found.append(Program(prefix + name.rpartition(".")[0], path, headers.get("needs", "").split(),
                             headers=headers))
    return found


def recipe(source, build_dir):
    """(programs needed, build command or None, the file it makes, command that runs it)."""
    stem, suffix = os.path.splitext(os.path.basename(source))
    made = os.path.join(build_dir, stem)
    if suffix in INTERPRETERS:
        command = INTERPRETERS[suffix]
        return [command[0]], None, None, [*command, source]
    if suffix == ".c":
        with open(source, encoding="utf-8") as file:
            options = re.findall(r"^// build: (.*)$", file.read(), re.MULTILINE)
        return ["gcc"], ["gcc", "-O1", "-pthread", *" ".join(options).split(), "-o", made, source], made, [made]
    if suffix == ".go":
        return ["go"], ["go", "build", "-o", made, source], made, [made]
    if suffix == ".rs":
        return ["rustc"], ["rustc", "-O", "-o", made, source], made, [made]
    if suffix == ".java":
        run = ["java", *JAVA_OPTIONS, "-cp", build_dir, stem]
        return ["javac", "java"], ["javac", "-d", build_dir, source], made + ".class", run
    raise SystemExit(f"{source}: nobody knows how to run '{suffix}'")


class ProgramCase(runner.Case):
    """Ten rounds of dump and restore over the life of a program."""

    def __init__(self, options, program):
        super().__init__(options, program, "plain")
        self.name = f"{program.name} rounds"

    def command(self):
        """What starts the program, which is built if it has to be."""
        build_dir = os.path.join(os.path.dirname(self.options.workload_dir), "programs")
        needs, build, made, command = recipe(self.workload.source, build_dir)
        for name in needs + self.workload.needs:
            if not shutil.which(name, path=PATH) and not (build and shutil.which(name)):
                raise runner.Skip(f"{name} is not installed")
        if build:
            self.build(build, made, build_dir)
        return command

    def steps(self, directory, tools):
        command = self.command()
        for length in LENGTHS:
            wanted, seconds = self.undisturbed(command, directory, length)
            pause = PACE * seconds / (self.options.rounds + 1)
            done = self.disturbed(command, tools, directory, wanted, pause, length)
            if done == self.options.rounds:
                return
        raise runner.Failed(f"it ended after {done} rounds, before there could be {self.options.rounds}")

    def build(self, command, made, build_dir):
        os.makedirs(build_dir, exist_ok=True)
        with open(os.path.join(build_dir, ".lock"), "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not os.path.exists(made) or os.path.getmtime(made) < os.path.getmtime(self.workload.source):
                self.build_anew(command, build_dir)

    @staticmethod
    def build_anew(command, build_dir):
        environment = dict(os.environ, GOCACHE=os.path.join(build_dir, "go-cache"), GO111MODULE="off", CGO_ENABLED="0")
        built = subprocess.run(command, env=environment, cwd=build_dir, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=BUILD_LIMIT, check=False)
        if built.returncode != 0:
            raise runner.Failed("it does not build:\n" + built.stdout.decode(errors="replace")[-2000:])

    @staticmethod
    def start(command, directory, length=1, before_exec=None):
        environment = {"PATH": PATH, "LC_ALL": "C", "HOME": directory, "TMPDIR": directory,
                       "LENGTH": str(length), "PYTHONPATH": os.path.join(cases.HERE, "programs", "lib")}
        return Tree(command, directory, environment, before_exec=before_exec)

    def undisturbed(self, command, directory, length=1):
        inner = tempfile.mkdtemp(prefix="peace", dir=directory)
        begin = time.monotonic()
        tree = self.start(command, inner, length)
        try:
            status = tree.wait_end(RUN_LIMIT)
        finally:
            tree.kill()
        if status != 0:
            raise runner.Failed(f"undisturbed it ends with {exit_text(status)}: {tree.output()[-1000:]!r}")
        return tree.output(), time.monotonic() - begin

    def disturbed(self, command, tools, directory, wanted, pause, length):
        """How many rounds there were before the program ended; raises when anything is wrong."""
        inner = tempfile.mkdtemp(prefix="rounds", dir=directory)
        tree = self.start(command, inner, length)
        context = modes.Context(tree, tools, inner, self.options.allowed)
        done = 0
        try:
            time.sleep(pause)
            while done < self.options.rounds and not tree.has_ended():
                try:
                    context.dump(f"img{done}")
                except ToolFailed:
                    if tree.has_ended():  # by itself, just before: there was nothing to dump
                        break
                    raise
                context.restore(f"img{done}")
                shutil.rmtree(context.images(f"img{done}"), ignore_errors=True)
                done += 1
                time.sleep(pause)
            status = tree.wait_end(RUN_LIMIT)
        except ToolFailed:
            if taken := tree.taken_by_others():
                raise runner.PidTaken(taken) from None
            raise
        except Stuck as stuck:
            raise runner.Failed(f"after {done} rounds: {stuck}; printed so far: {tree.output()[-500:]!r}") from None
        finally:
            tree.kill()
        if status != 0:
            raise runner.Failed(f"after {done} rounds: {exit_text(status)}: {tree.output()[-1000:]!r}")
        if tree.output() != wanted:
            raise runner.Failed(f"after {done} rounds: " + first_difference(wanted, tree.output()))
        return done


def first_difference(wanted, got):
    for number, (left, right) in enumerate(zip(wanted.splitlines(), got.splitlines()), 1):
        if left != right:
            return f"line {number} of the output is {right!r}, in peace it is {left!r}"
    return f"the output has {len(got)} bytes, in peace {len(wanted)}"


def cases_of(options, patterns):
    return [ProgramCase(options, program) for program in cases.matching(all_programs("programs", "program-"), patterns)]

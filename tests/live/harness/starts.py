"""Programs that are dumped while they start: at a moment of their first milliseconds, counted in system calls and
instructions of their first thread. What they print in the end must be what they print in peace.

This is when a program maps, relocates and protects its memory, when its libraries start threads and read their files.
"""

import os
import random
import shutil
import signal
import tempfile
import time
from dataclasses import dataclass

from . import cases, modes, programs, runner, steps
from .tools import ToolFailed
from .tree import Stuck, exit_text

ROUNDS = 5
MOST_INSTRUCTIONS = 3000
LONGEST_DELAY = 0.008


@dataclass
class Moment:
    """When a dump is made. A program that is left stopped is there exactly, one that is let go somewhat behind it."""

    calls: int
    instructions: int
    stopped: bool
    delay: float

    def __str__(self):
        left = "stopped" if self.stopped else f"let go for {self.delay * 1000:.1f} ms"
        return f"after {self.calls} stops at system calls and {self.instructions} instructions, {left}"


def some_moment(seed, calls):
    """Any one of the life of a program that makes that many calls; `seed` decides."""
    dice = random.Random(seed)
    return Moment(calls=dice.randrange(calls), instructions=dice.choice([0, dice.randrange(MOST_INSTRUCTIONS)]),
                  stopped=dice.random() < 0.5, delay=dice.choice([0, dice.random() * LONGEST_DELAY]))


def killed(context):
    context.dump()
    context.restore()


def left_running(context):
    context.tools.dump(context.tree.root, context.images(), "-R")


def in_steps(context):
    context.tools.pre_dump(context.tree.root, context.images("step1"))
    context.tools.pre_dump(context.tree.root, context.images("step2"), "--prev-images-dir", "../step1")
    context.dump("step3", ("--prev-images-dir", "../step2", "--track-mem"))
    context.restore("step3")


def snapshot(context):
    """Runs on while its memory is saved; what is restored is the program of the freeze."""
    if context.tree.output():
        raise steps.Ended()
    context.tree.remember()
    context.tools.dump(context.tree.root, context.images(), "-R", "--freeze", "snapshot")
    context.tree.kill()
    context.tree.ended.clear()
    if context.tree.output():  # that far already: the file is not what it was at the freeze
        raise steps.Ended()
    context.restore()


def rounds(context):
    for number in range(ROUNDS):
        if context.tree.has_ended():
            return
        context.dump(f"img{number}")
        context.restore(f"img{number}")
        shutil.rmtree(context.images(f"img{number}"), ignore_errors=True)


MODES = {"kill": killed, "running": left_running, "pre-dump": in_steps, "snapshot": snapshot, "rounds": rounds}


class StartCase(programs.ProgramCase):
    """`moments` dumps, each of a new run of the program and in the next one of the modes."""

    def __init__(self, options, program, chosen, seed, moments):
        super().__init__(options, program)
        self.name = program.name
        self.chosen = chosen
        self.seed = seed
        self.moments = moments

    def steps(self, directory, tools):
        command = self.command()
        wanted, _ = self.undisturbed(command, directory)
        calls = self.count(command, directory)
        done = 0
        for number in range(self.moments):
            way = self.chosen[number % len(self.chosen)]
            moment = some_moment(f"{self.seed} {self.name} {number}", calls)
            try:
                done += self.one(command, tools, directory, wanted, way, moment)
            except (runner.Failed, ToolFailed, Stuck) as failure:
                raise runner.Failed(f"seed {self.seed}, dump {number} ({way}) {moment}: {failure}") from None
        if not done:
            raise runner.Failed("each time the program ended before it could be dumped")

    def count(self, command, directory):
        tree = self.start(command, tempfile.mkdtemp(prefix="count", dir=directory), before_exec=steps.be_traced)
        try:
            return steps.calls_of(tree.root)
        finally:
            tree.kill()

    def one(self, command, tools, directory, wanted, way, moment):
        """Whether it came to a dump."""
        inner = tempfile.mkdtemp(prefix="start", dir=directory)
        tree = self.start(command, inner, before_exec=steps.be_traced)
        try:
            steps.advance(tree.root, moment.calls, moment.instructions)
            if moment.stopped:
                steps.leave_stopped(tree.root)
            else:
                steps.let_go(tree.root)
                time.sleep(moment.delay)
            MODES[way](modes.Context(tree, tools, inner, self.options.allowed))
            if moment.stopped:
                os.kill(tree.root, signal.SIGCONT)
            status, output = tree.wait_end(programs.RUN_LIMIT), tree.output()
        except steps.Ended:
            return False
        except ToolFailed:
            if taken := tree.taken_by_others():
                raise runner.PidTaken(taken) from None
            if tree.has_ended() and self.ended_well(tree, wanted):  # by itself, before the dump or a later one
                return False
            raise
        finally:
            tree.kill()
            if not self.options.keep:
                shutil.rmtree(inner, ignore_errors=True)
        if status != 0:
            raise runner.Failed(f"{exit_text(status)}: {output[-1000:]!r}")
        if output != wanted:
            raise runner.Failed(programs.first_difference(wanted, output))
        return True

    @staticmethod
    def ended_well(tree, wanted):
        return tree.ended[tree.root] == 0 and tree.output() == wanted


def cases_of(options, patterns, chosen, seed, moments):
    return [StartCase(options, program, chosen, seed, moments)
            for program in cases.matching(programs.all_programs("starts", "start-"), patterns)]

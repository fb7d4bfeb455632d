"""The rounds of a case: each with a fresh target, the programs in turn, the limits of the machine in between."""

import collections
import contextlib
import os
import statistics
import subprocess
import time

from .target import Failed, Target
from .tools import frozen_ms


class Series:
    """Values of one thing over the rounds."""

    def __init__(self):
        self.values = []

    def add(self, value):
        self.values.append(value)

    def __bool__(self):
        return bool(self.values)

    @property
    def median(self):
        return statistics.median(self.values)

    def text(self, spread=True):
        if not self.values:
            return ""
        if not spread or len(self.values) == 1:
            return number(self.median)
        return f"{number(self.median)} ({number(min(self.values))}..{number(max(self.values))})"


def number(value):
    return f"{value:.1f}" if value < 100 else f"{value:.0f}"


class Results:
    """Of one case: series by (name of the program, name of the value); limits have no program. Failures by program."""

    def __init__(self, case):
        self.case = case
        self.series = collections.defaultdict(Series)
        self.failures = {}

    def add(self, program, name, value):
        self.series[program, name].add(value)

    def get(self, program, name):
        return self.series[program, name]


class Rounds:
    def __init__(self, helpers, programs, work_dir):
        self.helpers = helpers
        self.programs = programs
        self.work_dir = work_dir
        self.images = os.path.join(work_dir, "images")

    @contextlib.contextmanager
    def target(self, case):
        target = Target(self.helpers.path("target"), case.kind, case.size, self.work_dir)
        try:
            yield target
        finally:
            target.end()

    def once(self, case, program, results):
        """A target is dumped and killed, comes back, and is whole."""
        with self.target(case) as target:
            cost = program.dump(target.pid, self.images, *case.options)
            target.wait_gone()
            results.add(program.name, "dump", cost.wall_ms)
            results.add(program.name, "dump cpu", cost.cpu_ms)
            results.add(program.name, "dump peak", cost.peak_mib)
            results.add(program.name, "frozen", frozen_ms(self.images))
            cost = program.restore(self.images, *case.options)
            target.check_whole()
            results.add(program.name, "restore", cost.wall_ms)
            results.add(program.name, "restore cpu", cost.cpu_ms)
            results.add(program.name, "restore peak", cost.peak_mib)

    def gaps(self, case, program, runs, results):
        """What a target that is left running sees of its dumps; and, as long, of the machine alone."""
        with self.target(case) as target:
            target.spin()
            for _ in range(runs):
                target.forget_gap()
                cost = program.dump(target.pid, self.images, "-R", *case.options)
                results.add(program.name, "gap", target.gap_ms())
                target.forget_gap()
                time.sleep(cost.wall_ms / 1000)
                results.add(program.name, "quiet", target.gap_ms())
                if case.snapshot and program is self.programs[0]:
                    self.snapshot_gap(target, program, results)

    def snapshot_gap(self, target, program, results):
        target.forget_gap()
        cost = program.dump(target.pid, self.images, "-R", "--freeze", "snapshot")
        results.add(program.name, "snapshot gap", target.gap_ms())
        results.add(program.name, "snapshot dump", cost.wall_ms)
        results.add(program.name, "snapshot peak", cost.peak_mib)
        results.add(program.name, "snapshot frozen", frozen_ms(self.images))

    def limits(self, case, results):
        for name, limit in (("dump", case.dump_limit), ("restore", case.restore_limit)):
            if limit:
                results.add(None, name, self.helpers.limit_ms(limit, self.work_dir))

    def attempt(self, who, results, step, *arguments):
        """Nothing more is asked of one that has failed."""
        if who in results.failures:
            return
        try:
            step(*arguments)
        except (Failed, subprocess.TimeoutExpired) as failure:
            results.failures[who] = str(failure)

    def run(self, case, runs):
        results = Results(case)
        for _ in range(runs):
            self.attempt("limits", results, self.limits, case, results)
            for program in self.programs:
                self.attempt(program.name, results, self.once, case, program, results)
        for program in self.programs:
            self.attempt(program.name, results, self.gaps, case, program, runs, results)
        return results

"""The tests of the tests: a field dropped from an image must be missed, by the restore or by the workload itself.

A workload is dumped once per field it names; the field is cleared in every record of its images, and then the
restore must refuse, or the workload must fail. One that passes does not look at what it claims to look at.
As a control every such workload runs once with nothing dropped, and must pass.
"""

import os

from . import runner
from .tree import Stuck

MISSED_LIMIT = 4.0


class WithoutCase(runner.Case):
    """Passes when the workload fails."""

    def __init__(self, options, workload, field):
        super().__init__(options, workload, "shell-job" if workload.shell_job else "plain")
        self.field = field
        self.body = self.dump_and_spoil
        self.name = f"{workload.name} without {field}"

    def dump_and_spoil(self, context):
        options = ("-j",) if self.workload.shell_job else ()
        context.dump(options=options)
        context.tools.drop_field(context.images(), self.field)
        if context.tools.try_restore(context.images(), *options) != 0:
            raise Missed("the restore refused")
        open(os.path.join(context.directory, "go"), "w").close()
        try:
            status = context.tree.wait_end(MISSED_LIMIT)
        except Stuck:
            raise Missed("it hung") from None
        if os.WIFEXITED(status) and os.WEXITSTATUS(status) == 0:
            raise runner.Failed(f"passes without {self.field}")
        raise Missed("it failed")

    def steps(self, directory, tools):
        try:
            super().steps(directory, tools)
        except Missed:
            pass


class Missed(Exception):
    """What should happen happened."""


def control(options, workload):
    case = runner.Case(options, workload, "shell-job" if workload.shell_job else "plain")
    case.name = f"{workload.name} without nothing"
    return case


def cases_of(options, workload):
    fields = workload.words("without")
    spoilt = [WithoutCase(options, workload, field) for field in fields]
    return [control(options, workload), *spoilt] if spoilt else []



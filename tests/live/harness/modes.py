"""The modes: what is done to a workload between its ready() and the end of its wait_for_go()."""

import os
import re
import shutil
import time

from . import compare, state
from .tree import below_us, exit_text, wait_until

ROUNDS = 10
ALONE = ("cr-dump-ns", "cr-dump-mm", "cr-dump-net", "cr-dump-files")


class Differs(Exception):
    """The tree is not what it was; the text lists the first differences."""


class Context:
    """One running workload and what a mode needs to handle it."""

    def __init__(self, tree, tools, directory, allowed, rounds=ROUNDS, refusals=()):
        self.tree = tree
        self.tools = tools
        self.directory = directory
        self.allowed = allowed
        self.rounds = rounds
        self.refusals = refusals

    def images(self, name="img"):
        return os.path.join(self.directory, name)

    def snapshot(self, tracked=False):
        self.tree.reap()
        return state.Snapshot(self.tree.root, tracked=tracked)

    def same_as(self, before, when, tracked=False):
        """Compares now with `before`; a restored tree may need a moment until all is asleep again."""
        found = []
        for _ in range(20):
            found = compare.differences(before, self.snapshot(tracked), self.allowed)
            if self.tree.has_ended():
                said = self.tree.output().decode(errors="replace")[-1000:]
                raise Differs(f"{when}: the root has ended: {exit_text(self.tree.ended[self.tree.root])}: {said}")
            if not found:
                return
            time.sleep(0.05)
        more = f"\n    ... and {len(found) - 12} more" if len(found) > 12 else ""
        raise Differs(f"{when}:\n    " + "\n    ".join(found[:12]) + more)

    def no_helpers_left(self, when):
        """Only the tree is below us: no tool has left a process behind."""
        def alone():
            self.tree.reap()
            return set(below_us()) <= set(state.tree_of(self.tree.root))
        try:
            wait_until(alone, 5.0, "")
        except Exception:
            extra = set(below_us()) - set(state.tree_of(self.tree.root))
            names = [state.try_text(f"/proc/{pid}/comm").strip() for pid in extra]
            raise Differs(f"{when}: left behind: {sorted(names)}") from None

    def dump(self, name="img", options=()):
        """Dumps and sees the tree gone."""
        self.tree.remember()
        self.tools.dump(self.tree.root, self.images(name), *options)
        self.tree.wait_gone()

    def restore(self, name="img", options=()):
        self.tools.restore(self.images(name), *options)
        self.no_helpers_left("after the restore")


def none(context):
    context.same_as(context.snapshot(), "with nothing done to it")


def plain(context):
    before = context.snapshot()
    context.dump()
    context.restore()
    context.same_as(before, "after the restore")


def running(context):
    before = context.snapshot()
    context.tools.dump(context.tree.root, context.images("first"), "-R")
    context.no_helpers_left("after the dump")
    context.same_as(before, "left running")
    context.dump("second")
    context.restore("second")
    context.same_as(before, "restored after a second dump")


def snapshot(context):
    """Left running, its memory being saved while it runs; what comes back is as it was at the freeze."""
    before = context.snapshot()
    context.tools.dump(context.tree.root, context.images(), "-R", "--freeze", "snapshot")
    context.no_helpers_left("after the dump")
    context.same_as(before, "left running")
    context.tree.remember()
    context.tree.kill(outside=False)
    context.tree.ended.clear()
    context.restore()
    context.same_as(before, "after the restore")


def pre_dump(context):
    """Memory first, in two steps, the tree running on in between; the dump stores what changed since."""
    before = context.snapshot()
    context.tools.pre_dump(context.tree.root, context.images("step1"))
    context.same_as(before, "after the pre-dump", tracked=True)
    context.tools.pre_dump(context.tree.root, context.images("step2"), "--prev-images-dir", "../step1")
    context.same_as(before, "after the second pre-dump", tracked=True)
    context.dump("step3", ("--prev-images-dir", "../step2", "--track-mem"))
    context.restore("step3")
    context.same_as(before, "after the restore")


def thrice(context):
    before = context.snapshot()
    context.dump()
    for number in (1, 2, 3):
        context.restore()
        context.same_as(before, f"after restore {number}")
        if number < 3:
            context.tree.kill(outside=False)
            context.tree.ended.clear()


def rounds(context):
    before = context.snapshot()
    for number in range(context.rounds):
        context.dump(f"img{number}")
        context.restore(f"img{number}")
        shutil.rmtree(context.images(f"img{number}"), ignore_errors=True)
    context.same_as(before, f"after {context.rounds} rounds")


def pipeline(context):
    before = context.snapshot()
    context.tree.remember()
    context.tools.dump_by_hand(context.tree.root, context.images())
    context.tree.wait_gone()
    context.tools.restore_by_hand(context.images())
    context.no_helpers_left("after the restore")
    context.same_as(before, "after the restore")


def shell_job(context):
    before = context.snapshot()
    context.dump(options=("-j",))
    context.restore(options=("-j",))
    context.same_as(before, "after the restore")
    context.dump("second", options=("-j",))
    context.restore("second")  # from a terminal it is assumed
    context.same_as(before, "after the restore without --shell-job")


def other_vdso(context):
    """Restored from images whose vDSO is no kernel's, more than once; then it is one that can be dumped as any."""
    before = context.snapshot()
    for number in (1, 2):
        context.dump(f"img{number}")
        context.tools.other_vdso(context.images(f"img{number}"))
        context.restore(f"img{number}")
        context.same_as(before, f"after restore {number}")
    context.dump("last")
    context.restore("last")
    context.same_as(before, "after the restore with the vDSO of this kernel")


def alone(context):
    """Each stage by itself, with -t: it freezes, writes its part, thaws; and that is no whole checkpoint."""
    before = context.snapshot()
    for stage in ALONE:
        context.tools.stage_alone(stage, context.tree.root, context.images(stage))
        context.no_helpers_left(f"after {stage} -t")
        context.same_as(before, f"after {stage} -t")
        if context.tools.try_restore(context.images(stage)) == 0:
            raise Differs(f"what {stage} -t wrote can be restored as if it were a whole checkpoint")
        context.same_as(before, "after the refused restore")


def dry_run(context):
    before = context.snapshot()
    os.makedirs(context.images(), exist_ok=True)
    context.tools.dump(context.tree.root, context.images(), "--dry-run")
    context.no_helpers_left("after the dry run")
    context.same_as(before, "after the dry run")
    if os.listdir(context.images()):
        raise Differs(f"the dry run left {os.listdir(context.images())}")


def refused(context):
    """The dump names everything that it cannot keep, and nothing has happened to anyone."""
    before = context.snapshot()
    for options in ((), ("--dry-run",)):
        if context.tools.try_dump(context.tree.root, context.images(), "--timeout", "1", *options) == 0:
            raise Differs(f"it was not refused {' '.join(options)}")
        said = context.tools.said_last()
        for pattern in context.refusals:
            if not re.search(pattern, said, re.IGNORECASE):
                raise Differs(f"the refusal does not tell of '{pattern}'")
        context.no_helpers_left("after the refused dump")
        context.same_as(before, "after the refused dump")
        if "inventory.img" in os.listdir(context.images()):
            raise Differs("the refused dump left an inventory")


MODES = {
    "none": none,
    "plain": plain,
    "running": running,
    "snapshot": snapshot,
    "pre-dump": pre_dump,
    "thrice": thrice,
    "rounds": rounds,
    "pipeline": pipeline,
    "other-vdso": other_vdso,
    "shell-job": shell_job,
    "alone": alone,
    "dry-run": dry_run,
    "refused": refused,
}
DEFAULT_MODES = tuple(mode for mode in MODES if mode != "none")

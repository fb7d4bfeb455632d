"""The modes: what is done to a workload between its ready() and the end of its wait_for_go()."""

import os
import shutil
import time

from . import compare, state
from .tree import wait_until

ROUNDS = 10


class Differs(Exception):
    """The tree is not what it was; the text lists the first differences."""


class Context:
    """One running workload and what a mode needs to handle it."""

    def __init__(self, tree, tools, directory, allowed, rounds=ROUNDS):
        self.tree = tree
        self.tools = tools
        self.directory = directory
        self.allowed = allowed
        self.rounds = rounds

    def images(self, name="img"):
        return os.path.join(self.directory, name)

    def snapshot(self):
        self.tree.reap()
        return state.Snapshot(self.tree.root)

    def same_as(self, before, when):
        """Compares now with `before`; a restored tree may need a moment until all is asleep again."""
        found = []
        for _ in range(6):
            found = compare.differences(before, self.snapshot(), self.allowed)
            if not found:
                return
            time.sleep(0.02)
        more = f"\n    ... and {len(found) - 12} more" if len(found) > 12 else ""
        raise Differs(f"{when}:\n    " + "\n    ".join(found[:12]) + more)

    def no_helpers_left(self, when):
        """Only the tree is below us: no tool has left a process behind."""
        def alone():
            self.tree.reap()
            return set(state.tree_of(os.getpid())[1:]) <= set(state.tree_of(self.tree.root))
        try:
            wait_until(alone, 2.0, "")
        except Exception:
            extra = set(state.tree_of(os.getpid())[1:]) - set(state.tree_of(self.tree.root))
            names = [state.try_text(f"/proc/{pid}/comm").strip() for pid in extra]
            raise Differs(f"{when}: left behind: {sorted(names)}") from None

    def dump(self, name="img", options=()):
        """Dumps and sees the tree gone."""
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


def thrice(context):
    before = context.snapshot()
    context.dump()
    for number in (1, 2, 3):
        context.restore()
        context.same_as(before, f"after restore {number}")
        if number < 3:
            context.tree.kill()
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


MODES = {
    "none": none,
    "plain": plain,
    "running": running,
    "thrice": thrice,
    "rounds": rounds,
    "pipeline": pipeline,
    "shell-job": shell_job,
}
DEFAULT_MODES = ("plain", "running", "thrice", "rounds", "pipeline", "shell-job")

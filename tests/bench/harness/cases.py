"""What is measured, how often, and what it is held against."""

import dataclasses
import fnmatch

# Milliseconds of CRIU 4.2 on a machine like the ones that this is developed on, images on tmpfs. Its targets stand
# still for nearly all of a dump, so a gap is held against the time of the dump.
CRIU = {
    "tiny": (13.3, 10.7),
    "64MiB": (55, 52),
    "1GiB": (766, 755),
    "1GiB-zeros": (775, 747),
    "tree-1000": (3759, 2551),
    "threads-1000": (369, 328),
    "fds-10000": (337, 204),
    "vmas-30000": (488, 268),
    "files-2000": (121, 130),
}


@dataclasses.dataclass(frozen=True)
class Case:
    """A target, and the bare work (see limits.c) that no dump and no restore of it can do without."""

    name: str
    kind: str
    size: int
    dump_limit: tuple = None
    restore_limit: tuple = None
    series: str = None
    runs: int = 10
    snapshot: bool = False  # measured with --freeze snapshot as well
    options: tuple = ()  # of each dump and restore

    @property
    def criu(self):
        return CRIU.get(self.name, (None, None))


def memory(name, kind, mib, copied, dump, restore, runs):
    return Case(name, kind, mib, (dump, copied), restore and (restore, copied), runs=runs, snapshot=True)


def series(name, kind, sizes, dump, restore, per_unit=1):
    return [
        Case(f"{name}-{n}", kind, n, (dump, n * per_unit), (restore, n), series=name, runs=10 if n < 1000 else 5)
        for n in sizes
    ]


def slope(name, kind, sizes, *options):
    return [Case(f"{name}-{n}", kind, n, series=name, runs=5, options=options) for n in sizes]


ALL = [
    Case("tiny", "tiny", 0, runs=20),
    *series("tree", "tree", (10, 100, 1000), "stop-tree", "fork"),
    *series("threads", "threads", (10, 100, 1000), "stop-threads", "clone"),
    *series("fds", "fds", (1000, 10000), "fdinfo", "open"),
    *series("pipes", "pipes", (2000, 5000), "fdinfo", "pipe", per_unit=2),
    *slope("files", "files", (200, 2000)),
    *slope("mixed", "mixed", (1000, 10000)),
    *slope("registrations", "registrations", (2000, 20000)),
    *slope("watches", "watches", (1000, 10000)),
    *slope("unix", "unix", (100, 1000)),
    *slope("tcp", "tcp", (100, 1000), "--tcp-established"),
    *series("vmas", "vmas", (1000, 10000, 30000), "smaps", "map"),
    memory("64MiB", "pages", 64, 64, "copy-write", "fill", 10),
    memory("256MiB", "pages", 256, 256, "copy-write", "fill", 5),
    memory("1GiB", "pages", 1024, 1024, "copy-write", "fill", 5),
    memory("1GiB-zeros", "zeros", 1024, 1024, "copy", None, 5),
    memory("1GiB-sparse", "sparse", 1024, 64, "copy-write", "fill", 5),
    memory("1GiB-large", "large", 1024, 1024, "copy-write-large", "fill-large", 5),
]


def matching(patterns):
    return [case for case in ALL if not patterns or any(fnmatch.fnmatch(case.name, p) for p in patterns)]

"""Running the programs under test, through the stopwatch (measure.c), and reading the statistics that they leave."""

import dataclasses
import os
import shutil
import struct
import subprocess

from .target import Failed

TOOL_SECONDS = 60
STATS_MAGICS = struct.pack("<II", 0x55105940, 0x57093306)


@dataclasses.dataclass
class Cost:
    wall_ms: float
    cpu_ms: float
    peak_mib: float


class Helpers:
    """The C programs next to us, built into one directory."""

    def __init__(self, directory):
        self.directory = directory
        for name in ("target", "limits", "measure"):
            if not os.access(self.path(name), os.X_OK):
                raise SystemExit(f"bench: {self.path(name)} is not there: build first")

    def path(self, name):
        return os.path.join(self.directory, name)

    def limit_ms(self, limit, work_dir):
        what, size = limit
        run = subprocess.run([self.path("limits"), what, str(size), work_dir],
                             stdin=subprocess.DEVNULL, capture_output=True, timeout=TOOL_SECONDS, check=False)
        if run.returncode:
            raise Failed(f"limits {what} {size}: {run.stderr.decode(errors='replace').strip()}")
        return float(run.stdout)


def tail_of(path, lines=4):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return " | ".join(line.strip() for line in file.readlines()[-lines:])
    except OSError:
        return ""


class Program:
    """A program with CRIU's command line."""

    def __init__(self, name, binary, helpers):
        self.name = name
        self.binary = binary
        self.measure = helpers.path("measure")

    def run(self, verb, images, *options):
        log = os.path.join(images, f"{verb}.log")
        said = os.path.join(images, f"{verb}.said")
        command = [self.binary, verb, "-D", images, "-o", log, *options]
        with open(said, "wb") as errors:
            run = subprocess.run([self.measure, str(TOOL_SECONDS * 1000), *command], stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE, stderr=errors, timeout=TOOL_SECONDS + 20, check=False)
        code, wall, user, system, peak = map(int, run.stdout.split())
        if code:
            raise Failed(f"{self.name} {verb} ended with {code}: {tail_of(said)} {tail_of(log)}")
        return Cost(wall / 1000, (user + system) / 1000, peak / 1024)

    def dump(self, pid, images, *options):
        shutil.rmtree(images, ignore_errors=True)
        os.mkdir(images)
        return self.run("dump", images, "-t", str(pid), *options)

    def restore(self, images, *options):
        return self.run("restore", images, "-d", *options)


def varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        at += 1
        if not data[at - 1] & 0x80:
            return value, at
        shift += 7


def fields(data):
    """The fields of a message that has only varints and messages in it."""
    at, found = 0, {}
    while at < len(data):
        tag, at = varint(data, at)
        value, at = varint(data, at)
        if tag & 7 == 2:
            value, at = data[at:at + value], at + value
        elif tag & 7:
            raise Failed("stats-dump has a field of an unknown type")
        found[tag >> 3] = value
    return found


def frozen_ms(images):
    """How long the tree stood still, as the dump itself tells: stats_entry.dump.frozen_time."""
    with open(os.path.join(images, "stats-dump"), "rb") as file:
        data = file.read()
    if data[:8] != STATS_MAGICS:
        raise Failed("stats-dump does not begin with its magics")
    size, = struct.unpack_from("<I", data, 8)
    return fields(fields(data[12:12 + size])[1])[2] / 1000

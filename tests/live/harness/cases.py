"""What there is to run: workloads, their header lines, and the cases that come of them and the chosen modes."""

import fnmatch
import os
import re
from dataclasses import dataclass, field

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
HEADER = re.compile(r"^// ([a-z-]+): (.*)$")
KNOWN_HEADERS = {"without", "modes", "args", "needs", "shell-job", "build", "differs", "refused",
                 "dump-options", "restore-options"}


@dataclass
class Workload:
    """One file of workloads/; its header lines by name."""

    name: str
    source: str
    headers: dict = field(default_factory=dict)

    def words(self, header):
        return self.headers.get(header, "").replace(",", " ").split()

    def modes(self, chosen):
        """Those of the chosen modes that this workload runs in."""
        if "refused" in self.headers:
            own = ["refused"]
        elif self.shell_job:
            own = ["shell-job"]
        else:
            # A stage alone knows nothing of a dump's options.
            others = {"refused", "shell-job", "other-vdso", *(["alone"] if "dump-options" in self.headers else [])}
            own = self.words("modes") or [mode for mode in chosen if mode not in others]
        return [mode for mode in chosen if mode in own or mode == "none"]

    @property
    def shell_job(self):
        return self.headers.get("shell-job") == "yes"


def read_workload(path):
    workload = Workload(os.path.splitext(os.path.basename(path))[0], path)
    with open(path, encoding="utf-8") as file:
        for line in file:
            match = HEADER.match(line.rstrip())
            if not match:
                if not line.startswith("//"):
                    break
                continue
            if match[1] not in KNOWN_HEADERS:
                raise SystemExit(f"{path}: unknown header line '{match[1]}'")
            before = workload.headers.get(match[1])
            workload.headers[match[1]] = f"{before}, {match[2]}" if before else match[2]
    return workload


def all_workloads():
    folder = os.path.join(HERE, "workloads")
    names = sorted(name for name in os.listdir(folder) if name.endswith((".c", ".cc")))
    return [read_workload(os.path.join(folder, name)) for name in names]


def matching(items, patterns):
    """Those whose name matches one of the patterns; all when there are none."""
    if not patterns:
        return items
    return [item for item in items if any(fnmatch.fnmatchcase(item.name, pattern) for pattern in patterns)]

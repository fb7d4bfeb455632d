"""Tables out of results, aligned for a terminal or as Markdown."""

import os
import platform
import re

from .rounds import number

# As fractions of CRIU's times; or, for dump and restore, this many times what the machine needs for the bare work.
DUMP, RESTORE, GAP = 1 / 3, 1 / 2, 1 / 5
OF_LIMIT = 1.2


class Goal:
    """The most that a value may be, and whether it is."""

    def __init__(self, series, criu, fraction, limit=None):
        bounds = []
        if criu:
            bounds.append(criu * fraction)
            if limit:
                bounds.append(limit.median * OF_LIMIT)
        self.bound = max(bounds, default=None)
        self.met = None if self.bound is None or not series else series.median <= self.bound

    def text(self):
        if self.bound is None:
            return ""
        verdict = {True: "met", False: "NOT met", None: "?"}[self.met]
        return f"≤ {number(self.bound)} {verdict}"


def goals(results, ours):
    criu_dump, criu_restore = results.case.criu
    return {
        "dump": Goal(results.get(ours, "dump"), criu_dump, DUMP, results.get(None, "dump")),
        "gap": Goal(results.get(ours, "gap"), criu_dump, GAP),
        "restore": Goal(results.get(ours, "restore"), criu_restore, RESTORE, results.get(None, "restore")),
    }


def times(all_results, ours):
    head = ["case", "dump", "goal", "frozen", "gap seen", "goal", "restore", "goal"]
    rows = []
    for results in all_results:
        goal = goals(results, ours)
        get = lambda name, results=results: results.get(ours, name).text()
        rows.append([results.case.name, get("dump"), goal["dump"].text(), get("frozen"), get("gap"), goal["gap"].text(),
                     get("restore"), goal["restore"].text()])
    return head, rows


def costs(all_results, ours):
    head = ["case", "dump: MiB, CPU ms", "restore: MiB, CPU ms", "bare work of a dump", "of a restore",
            "gap without a dump", "CRIU 4.2: dump, restore"]
    rows = []
    for results in all_results:
        case = results.case
        pair = lambda verb, results=results: ", ".join(
            results.get(ours, f"{verb} {what}").text(spread=False) for what in ("peak", "cpu"))
        bare = lambda verb, limit, results=results: (
            f"{results.get(None, verb).text()} {limit[0]}" if limit and results.get(None, verb) else "")
        known = ", ".join(f"{value:g}" for value in case.criu if value)
        rows.append([case.name, pair("dump"), pair("restore"), bare("dump", case.dump_limit),
                     bare("restore", case.restore_limit), results.get(ours, "quiet").text(spread=False), known])
    return head, rows


def slopes(all_results, ours):
    """Microseconds for each further unit, from one size of a series to the next: linear costs stay as they are."""
    head = ["series", "from", "to", "dump: us each", "gap: us each", "restore: us each"]
    rows, last = [], {}
    for results in all_results:
        case = results.case
        before = last.get(case.series)
        if case.series:
            last[case.series] = results
        if not before:
            continue
        row = [case.series, str(before.case.size), str(case.size)]
        for name in ("dump", "gap", "restore"):
            a, b = before.get(ours, name), results.get(ours, name)
            row.append(f"{(b.median - a.median) * 1000 / (case.size - before.case.size):.1f}" if a and b else "")
        rows.append(row)
    return head, rows


def snapshots(all_results, ours):
    """--freeze snapshot: what the target sees, how long it was held, and how both grow with memory in small pages."""
    head = ["case", "gap of a copy", "gap of a snapshot", "held", "dump", "MiB", "snapshot gap: ms per further GiB"]
    rows, before = [], None
    for results in all_results:
        gap = results.get(ours, "snapshot gap")
        if not gap:
            continue
        growth = ""
        if results.case.kind == "pages":
            if before:
                mib = results.case.size - before.case.size
                growth = f"{(gap.median - before.get(ours, 'snapshot gap').median) * 1024 / mib:.1f}"
            before = results
        rows.append([results.case.name, results.get(ours, "gap").text(), gap.text(),
                     results.get(ours, "snapshot frozen").text(), results.get(ours, "snapshot dump").text(),
                     results.get(ours, "snapshot peak").text(spread=False), growth])
    return head, rows


def ratios(all_results, ours, theirs):
    head = ["case", *(f"{name}: {who}" for name in ("dump", "frozen", "gap", "restore")
                      for who in (theirs, "ours / theirs"))]
    rows = []
    for results in all_results:
        row = [results.case.name]
        for name in ("dump", "frozen", "gap", "restore"):
            a, b = results.get(ours, name), results.get(theirs, name)
            row += [b.text(), f"{a.median / b.median:.2f}" if a and b and b.median else ""]
        rows.append(row)
    return head, rows


def aligned(head, rows):
    if not rows:
        return ""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in [head, *rows])


def markdown(head, rows):
    if not rows:
        return ""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        model = re.search(r"^model name\s*: (.*)$", file.read(), re.M)
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return f"{os.cpu_count()} × {model.group(1) if model else platform.machine()}, Linux {platform.release()}, load {load}"


def text(all_results, programs, table, command, about):
    ours = programs[0].name
    parts = [
        f"{about}\nMedians of {command}; milliseconds, in brackets smallest and largest.",
        table(*times(all_results, ours)),
        table(*costs(all_results, ours)),
        table(*slopes(all_results, ours)),
        table(*snapshots(all_results, ours)),
    ]
    parts += [table(*ratios(all_results, ours, other.name)) for other in programs[1:]]
    failures = [f"{results.case.name}: {reason}" for results in all_results for reason in results.failures.values()]
    if failures:
        parts.append("Failed:\n\n" + "\n".join(f"- {failure}" for failure in failures))
    return "\n\n".join(part for part in parts if part) + "\n"


def verdicts(all_results, ours):
    """How many goals are met, and how many are not."""
    found = [goal.met for results in all_results for goal in goals(results, ours).values()]
    return found.count(True), found.count(False)


BEGIN, END = "<!-- bench: written by ./dev bench --markdown -->\n", "<!-- /bench -->\n"


def write_markdown(path, tables):
    """Between the two marks if the file has them; the rest of it is written by people."""
    try:
        with open(path, encoding="utf-8") as file:
            old = file.read()
    except FileNotFoundError:
        old = ""
    begin, end = old.find(BEGIN), old.find(END)
    before, after = (old[:begin], old[end + len(END):]) if 0 <= begin < end else (old, "")
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"{before}{BEGIN}\n{tables}\n{END}{after}")

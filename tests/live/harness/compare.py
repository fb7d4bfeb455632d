"""Two snapshots of a tree and the list of differences that are allowed between them."""

import fnmatch


class Allowed:
    """The checked-in list: pattern, rule, reason."""

    def __init__(self, path=None, rules=()):
        self.rules = list(rules)
        if path:
            self.read(path)

    def read(self, path):
        with open(path, encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                line = line.strip()
                if not line or line.startswith("#"):
                    continue
                parts = [part.strip() for part in line.split(" : ", 2)]
                if len(parts) != 3 or not parts[2]:
                    raise SystemExit(f"{path}:{number}: want FACT : RULE : reason")
                self.rules.append(parts[:2])

    def also(self, patterns):
        """This list and facts that one workload says may change."""
        return Allowed(rules=self.rules + [[pattern, "any"] for pattern in patterns])

    def permits(self, fact, old, new):
        return any(
            fnmatch.fnmatchcase(fact, pattern) and rule_holds(rule, old, new) for pattern, rule in self.rules
        )


def number_of(value):
    try:
        return int(str(value).split()[0])
    except (ValueError, IndexError):
        return None


def rule_holds(rule, old, new):
    if rule == "any":
        return True
    if rule.startswith("not-grown "):
        before, after = number_of(old), number_of(new)
        return before is not None and after is not None and after <= before + int(rule.split()[1])
    wanted_old, _, wanted_new = rule.partition(" -> ")
    return fnmatch.fnmatchcase(str(old), wanted_old) and fnmatch.fnmatchcase(str(new), wanted_new)


def differences(before, after, allowed):
    """Lines that say what differs and may not."""
    found = []
    for fact in sorted(before.facts.keys() | after.facts.keys()):
        old, new = before.facts.get(fact, "(nothing)"), after.facts.get(fact, "(nothing)")
        if old != new and not allowed.permits(fact, old, new):
            found.append(f"{fact}: {shown(old)} -> {shown(new)}")
    return found


def shown(value):
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 200 else f"{text[:200]}... ({len(text)} characters)"

"""docs/reference/preflight.md: what speaks against a cutover, from the table that preflight tries."""

from __future__ import annotations

from collections.abc import Iterator

from converters.fields.catalogue import code_named
from migrate.cutover.preflight import TABLE, Rule

_HEAD = """\
# What preflight looks at

`podlift cutover preview` and `start` try every row. [Codes](codes.md#rows-of-preflight) says what to do about each.

- **refuse**: no run starts. **mitigate**: the run does something about it itself. **warn**: the user is told.
- **rests on**: kinds that are read in the cluster, *what is measured*; the rest comes from plan, engines and settings.
  What may not be read is said as a warning, `unknown`. What is not measured yet says `at start`."""

_MEASURED = {
    "probes": "each node's requests to each legacy endpoint",
    "silent": "nodes from which nothing can be tried",
    "resolved": "what the Service's names resolve to",
    "peers": "who holds connections to legacy endpoints",
    "rates": "new connections a second",
    "skew_s": "clocks",
    "conntrack": "tables of connections",
    "relays": "whether engines relay published ports",
    "timers": "jobs on hosts",
    "callers": "what callers get to",
}


def preflight_page() -> str:
    lines = [_HEAD]
    for title, rules in TABLE:
        lines += ["", f"## {title}", "", "| code | level | what | rests on |", "|---|---|---|---|"]
        lines += [_line(rule) for rule in rules]
    return "\n".join(lines) + "\n"


def _line(rule: Rule) -> str:
    rests = ", ".join(_rests(rule))
    return f"| [{rule.code}](codes.md#{rule.code}) | {rule.level} | {code_named(rule.code).about} | {rests} |"


def _rests(rule: Rule) -> Iterator[str]:
    yield from (f"`{each.split()[0]}`{each[len(each.split()[0]) :]}" for each in rule.needs)
    yield from (f"*{_MEASURED[each]}*" for each in rule.measures)

"""Which facts a verdict speaks of: what its row of the field table says under ``seen_by``, or its code says here.

A pattern is a fact's name with ``*`` for any text; ``{key}`` of a row is the key that the user chose in the verdict's
source (``environ.{key}`` and ``Config.Env[LOG]`` make ``environ.LOG``), ``{KEY}`` the same as a name of a variable.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from converters.fields.container_table import CONTAINER_ROWS
from converters.fields.other_tables import NETWORK_ROWS, VOLUME_ROWS
from converters.fields.row import Row
from converters.fields.verdict import Verdict

OUTSIDE = "outside"

# Codes that say which of the row's facts they mean, or that have no row since no document asked.
BY_CODE: Mapping[str, tuple[str, ...]] = {
    "apparmor": ("apparmor",),
    "check-traffic": ("health.out_of_service",),
    "grace-default": ("stop.grace_s", "stop.delay_s", "stop.end"),
    "no-new-privileges": ("no_new_privs",),
    "probe-default": ("health.starting_interval_s",),
    "request-default": ("cgroup.cpu.shares",),
    "restart-default": ("restart.lasts", "restart.again", "restart.exit_code"),
    "seccomp": ("seccomp",),
    "seccomp-profile": ("seccomp",),
    "selinux": ("apparmor",),
    "system-paths": ("kernel_paths.*",),
}
_ROWS: Mapping[str, tuple[Row, ...]] = {"container": CONTAINER_ROWS, "volume": VOLUME_ROWS, "network": NETWORK_ROWS}
_SPLIT = re.compile(r"\[[a-z]+\]")


def claims(verdict: Verdict) -> tuple[str, ...]:
    """The patterns of the facts that a verdict speaks of. Empty: what it speaks of is seen from outside only."""
    if verdict.code in BY_CODE:
        return BY_CODE[verdict.code]
    if verdict.source is None or not verdict.source.document:
        return ()
    kind = verdict.source.document.split("/")[-2:][0]
    for row in _ROWS.get(kind, ()):
        found = _pattern(row.pattern).fullmatch(verdict.source.path)
        if found is not None:
            if row.seen_by.startswith(OUTSIDE):
                return ()
            return tuple(_filled(each, found.groups()) for each in row.seen_by.split(", "))
    return ()


@cache
def _pattern(pattern: str) -> re.Pattern[str]:
    parts = _SPLIT.split(pattern)
    # a key that a list repeats has a number
    return re.compile(r"\[(.*?)\](?:#\d+)?".join(map(re.escape, parts)))


def _filled(pattern: str, keys: tuple[str, ...]) -> str:
    if "{" not in pattern:
        return pattern
    key = keys[-1]
    if pattern.startswith("capabilities."):
        key = key.upper().removeprefix("CAP_").replace("ALL", "*")
    return pattern.replace("{key}", key).replace("{KEY}", re.sub(r"\W", "_", key.upper()))


def is_of(fact: str, pattern: str) -> bool:
    """Whether a fact is one of a pattern's."""
    return _glob(pattern).fullmatch(fact) is not None


@cache
def _glob(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, pattern.split("*"))), re.DOTALL)

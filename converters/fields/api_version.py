"""Which Engine API a container's document speaks, where no /version stands beside it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from .engine_api import KEYS, NEWEST, OLDEST


def inferred(document: Mapping[str, Any]) -> str:
    """The newest version whose keys are there, taken down to the last one that still has the keys that went.

    Only a lower bound where a version added no key. Below ``1.18``, the oldest that was published with all its keys,
    it is ``1.17``: such documents have no ``Config.Labels`` and no ``ExecIDs``.
    """
    version = next((since for since, keys in _added() if any(_has(document, key) for key in keys)), None)
    if version is None:
        config = document.get("Config")
        labelled = isinstance(config, Mapping) and "Labels" in config
        return OLDEST if labelled or "ExecIDs" in document else "1.17"
    return version


def as_numbers(version: str) -> tuple[int, int]:
    """``1.41`` as numbers that compare: (1, 41). Anything else counts as the newest."""
    major, dot, minor = version.partition(".")
    if dot and major.isdigit() and minor.isdigit():
        return int(major), int(minor)
    return as_numbers(NEWEST)


_Key = tuple[str, ...]


@cache
def _added() -> tuple[tuple[str, tuple[_Key, ...]], ...]:
    """Keys by the version that added them, newest first; those below a key that the user chose stand for any."""
    by_version: dict[str, list[_Key]] = {}
    for key, (since, _) in KEYS["container"].items():
        if since != OLDEST and not key.endswith(".*"):
            # A list counts as there even where it is null or empty.
            names = tuple(key.removesuffix("[]").replace("[]", ".[]").split("."))
            by_version.setdefault(since, []).append(names)
    return tuple((version, tuple(by_version[version])) for version in sorted(by_version, key=as_numbers, reverse=True))


def _has(value: Any, key: _Key) -> bool:
    for at, name in enumerate(key):
        if name in ("*", "[]"):
            inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
            return any(_has(each, key[at + 1 :]) for each in inner)
        if not isinstance(value, dict) or name not in value:
            return False
        value = value[name]
    return True

"""Grouping keys: which containers one finds on a host."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

Matcher = Callable[[str, Mapping[str, Any]], bool]
"""Whether a container of this name, with this ``Config`` of docker inspect, is found."""


def matcher(key: str) -> Matcher:
    """What a grouping key finds: ``label:KEY=VALUE,label:…``, ``env:KEY=VALUE,…`` or ``name:REGEX``; another finds
    nothing."""
    way, _, rest = key.partition(":")
    if way == "name":
        pattern = re.compile(rest)
        return lambda name, _config: pattern.fullmatch(name) is not None
    if way not in ("label", "env"):
        return lambda _name, _config: False
    wanted = [part.partition("=") for part in rest.split(f",{way}:")]

    def matches(_name: str, config: Mapping[str, Any]) -> bool:
        if way == "label":
            said = dict(config.get("Labels") or {})
        else:
            said = dict(entry.partition("=")[::2] for entry in config.get("Env") or ())
        return all(
            re.fullmatch(re.escape(value).replace(r"\*", ".*"), said.get(name, "\0")) for name, _, value in wanted
        )

    return matches

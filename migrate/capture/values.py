"""Where values that may be secret stand in documents, so that they can be taken out and put back.

In what engines print: the entries of the environment, and Podman's own command line, which repeats them. In a config
nothing says which keys are environment before a mapping is applied: there every text may be one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

Change = Callable[[str, str], str]
"""From a name and its value to the value that shall stand there."""

_CONFIGS = ("Config", "ContainerConfig")
_ENV_FLAGS = ("-e", "--env")
_NAMED = re.compile(r"(?P<name>[A-Za-z_]\w*)=")


def with_environment(document: Mapping[str, Any], change: Change) -> Mapping[str, Any]:
    """An engine's document with the values of its environment changed, in the order in which they stand. An entry
    without ``=`` has no value. The same document, if none changed."""
    made: dict[str, Any] | None = None
    for part in _CONFIGS:
        config = document.get(part)
        if not isinstance(config, Mapping):
            continue
        changed: dict[str, list[Any]] = {}
        for key, entries in (("Env", _entries), ("CreateCommand", _command)):
            before = config.get(key)
            if isinstance(before, list) and (after := entries(before, change)) != before:
                changed[key] = after
        if changed:
            made = made or dict(document)
            made[part] = {**config, **changed}
    return made or document


def with_texts(value: Any, change: Change, name: str = "") -> Any:
    """A config's value with its texts changed. A text's name is the key under which it stands, or in a list the NAME
    of ``NAME=value``."""
    if isinstance(value, Mapping):
        return {key: with_texts(below, change, str(key)) for key, below in value.items()}
    if isinstance(value, list):
        return [_item(each, change, name) if isinstance(each, str) else with_texts(each, change) for each in value]
    return change(name, value) if isinstance(value, str) else value


def _item(text: str, change: Change, name: str) -> str:
    if found := _NAMED.match(text):
        return f"{found.group()}{change(found['name'], text[found.end() :])}"
    return change(name, text)


def _entries(entries: list[Any], change: Change) -> list[Any]:
    return [_entry(entry, "", change) if isinstance(entry, str) else entry for entry in entries]


def _command(words: list[Any], change: Change) -> list[Any]:
    made: list[Any] = []
    for before, word in zip([None, *words], words, strict=False):
        if isinstance(word, str) and before in _ENV_FLAGS:
            word = _entry(word, "", change)
        elif isinstance(word, str) and word.startswith("--env="):
            word = _entry(word.removeprefix("--env="), "--env=", change)
        made.append(word)
    return made


def _entry(entry: str, before: str, change: Change) -> str:
    name, given, value = entry.partition("=")
    return f"{before}{name}={change(name, value)}" if given else before + entry

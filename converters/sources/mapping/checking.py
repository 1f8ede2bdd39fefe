"""The checks that every part of a mapping passes: plain types, known keys, expressions, regular expressions."""

from __future__ import annotations

import re
from collections.abc import Iterable
from collections.abc import Mapping as MappingOf
from difflib import get_close_matches
from typing import Any, NoReturn

from ...errors import PodliftError
from .expression import Expression, ExpressionError, parsed
from .nodes import path_text
from .syntax import Where

Path = tuple[str | int, ...]


class Checker:
    """Takes values out of a mapping's plain value, or refuses them with file, line, key and what would be right."""

    def __init__(self, lines: MappingOf[Path, int], name: str) -> None:
        self._lines = lines
        self.name = name

    def map(
        self,
        value: Any,
        path: Path,
        known: Iterable[str],
        *,
        required: tuple[str, ...] = (),
        aliases: MappingOf[str, str] | None = None,
    ) -> dict[str, Any]:
        if not isinstance(value, dict):
            keys = ", ".join(known)
            self.refuse(path, f"a map is due, not {kind_in_words(value)}", f"write a map with {keys}")
        known = tuple(known)
        for key in value:
            if key not in known:
                hint = (aliases or {}).get(str(key), "") or near(str(key), known)
                self.refuse((*path, key), f"the key {key!r} is not known here", hint or f"known: {', '.join(known)}")
        for key in required:
            if key not in value:
                self.refuse(path, f"the key {key!r} is missing", f"add {key}:")
        return value

    def free(self, value: Any, path: Path) -> dict[str, Any]:
        if not isinstance(value, dict):
            self.refuse(path, f"a map is due, not {kind_in_words(value)}", "write KEY: VALUE")
        return {key_text(key): inner for key, inner in value.items()}

    def string(self, value: Any, path: Path) -> str:
        if not isinstance(value, str):
            self.refuse(path, f"a text is due, not {kind_in_words(value)}", "write it in quotes")
        return value

    def strings(self, value: Any, path: Path) -> tuple[str, ...]:
        if isinstance(value, str):
            return (value,)
        if not isinstance(value, list):
            self.refuse(path, f"a text or a list of texts is due, not {kind_in_words(value)}", "write [ONE, TWO]")
        return tuple(self.string(inner, (*path, n)) for n, inner in enumerate(value))

    def choice(self, value: Any, path: Path, choices: tuple[str, ...]) -> str:
        if value not in choices:
            self.refuse(path, f"{value!r} is not one of them", one_of(value, choices))
        return str(value)

    def where(self, path: Path) -> Where:
        return Where(path_text(path), self._line(path))

    def _line(self, path: Path) -> int:
        for end in range(len(path), -1, -1):
            if path[:end] in self._lines:
                return self._lines[path[:end]]
        return 1

    def refuse(self, path: Path, reason: str, next_step: str, cause: Exception | None = None) -> NoReturn:
        key = path_text(path)
        raise PodliftError(
            code="bad-mapping",
            phase="read",
            subject=f"{self.name}:{self._line(path)}",
            reason=f"{key}: {reason}" if key else reason,
            next_step=next_step,
        ) from cause

    def when(self, given: MappingOf[str, Any], path: Path) -> Expression | None:
        return self.expression(given["when"], (*path, "when")) if "when" in given else None

    def expression(self, value: Any, path: Path) -> Expression:
        text = self.string(value, path)
        try:
            return parsed(text)
        except ExpressionError as cause:
            self.refuse(path, str(cause), "see jmespath.org for the language; texts stand in '…'", cause)

    def regex(self, value: Any, path: Path) -> re.Pattern[str]:
        text = self.string(value, path)
        try:
            return re.compile(text)
        except re.error as cause:
            self.refuse(path, f"{text!r} is no regular expression: {cause}", "write \\ before . ( ) [ ] { } $", cause)

    def groups_of(self, pattern: re.Pattern[str], text: str, path: Path) -> None:
        for number, name in re.findall(r"\\(?:(\d)|g<(\w+)>)", text):
            known = int(number) <= pattern.groups if number else name in pattern.groupindex or name.isdigit()
            if not known:
                self.refuse(path, f"the expression has no group {number or name}", "write ( ) around what is to stay")


def key_text(key: Any) -> str:
    return {True: "true", False: "false", None: "null"}.get(key, str(key)) if isinstance(key, bool | None) else str(key)


def kind_in_words(value: Any) -> str:
    names: dict[type, str] = {str: "a text", bool: "true or false", list: "a list", dict: "a map", type(None): "null"}
    return names.get(type(value), "a number")


def near(word: str, known: Iterable[str]) -> str:
    close = get_close_matches(word, list(known), n=1)
    return f"did you mean {close[0]}?" if close else ""


def one_of(value: Any, choices: Iterable[str]) -> str:
    close = near(str(value), choices)
    known = f"write one of {', '.join(choices)}"
    return f"{close} {known}" if close else known

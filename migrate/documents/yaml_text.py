"""YAML text to values and lines, as the file's author meant it.

Scalars follow the core schema of YAML 1.2: ``NO`` is Norway, ``22:22`` two ports and ``1_000`` a name; ``012`` stays
as written too, since its zero was written on purpose. Built from the parser's events, C where libyaml is there:
no constructor may run, no key may vanish behind its double, and aliases may not blow up.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, TypeAlias

import yaml
from yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    StreamEndEvent,
)

from converters.errors import PodliftError

from .marks import Marks, Tree, moved
from .refusals import MAX_DEPTH, block_tags, duplicate_key, refusal, template, template_in_ruins, unknown_tag

# What aliases may add to a document, in values: ten lines of aliases can stand for a billion.
MAX_ALIASED = 1_000_000
# Longer numbers stay text: hardly anything that reads our output could hold them.
MAX_DIGITS = 300

_Parser: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_Found: TypeAlias = tuple[Any, Tree]
_Entries: TypeAlias = dict[str, Any]
_Lines: TypeAlias = dict[str | int, Tree]

_STANDARD = "tag:yaml.org,2002:"
_WORDS: dict[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_MAY_BE_NUMBER = frozenset("0123456789+-.")
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_BEYOND = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_INFINITIES = (float("inf"), float("-inf"))


def plain(text: str) -> Any:
    """What an unquoted scalar stands for."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _MAY_BE_NUMBER or len(text) > MAX_DIGITS:
        return text
    if _INTEGER.fullmatch(text):
        return int(text)
    if _BASED.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        number = float(text)
        return text if number in _INFINITIES else number
    if _BEYOND.fullmatch(text):
        return float(text.replace(".", ""))
    return text


def yaml_values(text: str, *, name: str) -> Iterator[tuple[Any, Marks]]:
    """Each document of the stream that holds anything, with its lines."""
    found = []
    try:
        parser = _Parser(text)
        try:
            found = list(_Stream(parser, text, name).documents())
        finally:
            parser.dispose()
    except yaml.YAMLError as cause:
        raise _broken(text, name, cause) from cause
    except PodliftError:
        # both branches of an {% if %} in comments look like a key that stands twice
        with suppress(yaml.YAMLError):
            _refuse_block_tags(text, name)
        raise
    _refuse_block_tags(text, name)
    for value, tree in found:
        yield value, Marks(tree)


class _Stream:
    """One text's documents. What an anchor names is kept until its document ends."""

    def __init__(self, parser: Any, text: str, name: str) -> None:
        self._next = parser.get_event
        self._text = text
        self._name = name
        self._anchors: dict[str, tuple[Any, Tree, str | None]] = {}
        self._open: set[str] = set()
        self._room = MAX_ALIASED

    def documents(self) -> Iterator[_Found]:
        while True:
            event = self._next()
            if type(event) is StreamEndEvent:
                return
            if type(event) is not DocumentStartEvent:
                continue
            self._anchors, self._open, self._room = {}, set(), MAX_ALIASED
            first = self._next()
            found = self._node(first, 0)
            if type(self._next()) is not DocumentEndEvent:
                raise self._refusal(first, "this is no document of YAML", "correct the file")
            if not (type(first) is ScalarEvent and first.value == "" and first.implicit[0]):
                yield found

    def _node(self, event: Any, depth: int) -> _Found:
        kind = type(event)
        line = event.start_mark.line + 1
        if kind is ScalarEvent:
            value, tree = self._scalar(event), line
            if event.anchor:
                self._anchors[event.anchor] = (value, tree, event.value)
            return value, tree
        if kind is AliasEvent:
            return self._alias(event, depth)
        if depth >= MAX_DEPTH:
            raise self._refusal(event, f"values are nested more than {MAX_DEPTH} deep here", "give a flatter file")
        tag = event.tag
        if tag not in (None, "!", f"{_STANDARD}{'map' if kind is MappingStartEvent else 'seq'}"):
            raise unknown_tag(self._name, line, tag)
        if event.anchor:
            self._open.add(event.anchor)
        value, lines = self._map(depth + 1) if kind is MappingStartEvent else self._list(depth + 1)
        if event.anchor:
            self._open.discard(event.anchor)
            self._anchors[event.anchor] = (value, (line, lines), None)
        return value, (line, lines)

    def _scalar(self, event: Any) -> Any:
        tag, text = event.tag, event.value
        if tag is None:
            return plain(text) if event.implicit[0] else text
        if tag in ("!", f"{_STANDARD}str"):
            return text
        value = plain(text)
        wanted = _TYPES.get(tag)
        if wanted is None:
            raise unknown_tag(self._name, event.start_mark.line + 1, tag)
        if wanted is float and type(value) is int:
            return float(value)
        if type(value) is not wanted:
            written = tag.removeprefix(_STANDARD)
            raise self._refusal(event, f"{text!r} does not fit its tag !!{written}", "correct the value or the tag")
        return value

    def _list(self, depth: int) -> tuple[list[Any], _Lines]:
        values: list[Any] = []
        lines: _Lines = {}
        while True:
            event = self._next()
            if type(event) is SequenceEndEvent:
                return values, lines
            value, lines[len(values)] = self._node(event, depth)
            values.append(value)

    def _map(self, depth: int) -> tuple[_Entries, _Lines]:
        values: _Entries = {}
        lines: _Lines = {}
        merged: list[tuple[_Entries, _Lines]] = []
        merge_line = 0
        while True:
            event = self._next()
            if type(event) is MappingEndEvent:
                break
            line = event.start_mark.line + 1
            key = self._key(event)
            event = self._next()
            if key is None:
                if merge_line:
                    raise duplicate_key(self._name, "<<", merge_line, line)
                merge_line = line
                merged = self._sources(event, depth)
                continue
            if key in values:
                first = lines[key]
                raise duplicate_key(self._name, key, first if isinstance(first, int) else first[0], line)
            value, tree = self._node(event, depth)
            values[key] = value
            # an aliased value is edited where it was written, any other is found by its key
            lines[key] = tree if type(event) is AliasEvent else moved(tree, line)
        return _with_merged(values, lines, merged) if merged else (values, lines)

    def _key(self, event: Any) -> str | None:
        """The key as it was written, so that every path is made of text; None for a merge."""
        line: int = event.start_mark.line + 1
        if type(event) is ScalarEvent:
            text: str = event.value
            if text == "<<" and (event.tag == f"{_STANDARD}merge" or (event.tag is None and event.implicit[0])):
                return None
            if event.tag is not None:
                self._scalar(event)
            if event.anchor:
                self._anchors[event.anchor] = (self._scalar(event), line, text)
            return text
        if type(event) is AliasEvent and event.anchor in self._anchors:
            written = self._anchors[event.anchor][2]
            if written is not None:
                return written
        row = self._text.split("\n")[line - 1]
        if "{{" in row:
            raise template(self._name, line, row)
        raise self._refusal(event, "a key here is a map or a list", "write the key as text")

    def _sources(self, event: Any, depth: int) -> list[tuple[_Entries, _Lines]]:
        """What ``<<`` brings in, the first to win first."""
        value, tree = self._node(event, depth)
        found: list[_Found] = [(value, tree)]
        if isinstance(value, list) and not isinstance(tree, int):
            found = list(zip(value, tree[1].values(), strict=True))
        sources = [(v, t[1]) for v, t in found if isinstance(v, dict) and not isinstance(t, int)]
        if len(sources) != len(found) or not found:
            raise self._refusal(event, "`<<` merges something that is no map", "let it name a map, or a list of maps")
        return sources

    def _alias(self, event: Any, depth: int) -> _Found:
        if event.anchor in self._open:
            step = "write out what the inner one should hold"
            raise self._refusal(event, f"the alias *{event.anchor} stands inside the value that it repeats", step)
        if event.anchor not in self._anchors:
            step = f"write `&{event.anchor}` before the value that it should repeat"
            raise self._refusal(event, f"no value before this line is named &{event.anchor}", step)
        value, tree, _ = self._anchors[event.anchor]
        return self._copy(value, depth, event), tree

    def _copy(self, value: Any, depth: int, event: Any) -> Any:
        """Values form a tree: who changes one place changes no other."""
        self._room -= 1
        if self._room < 0 or depth > MAX_DEPTH:
            reason = f"aliases stand for more than {MAX_ALIASED:,} values here, or nest more than {MAX_DEPTH} deep"
            raise self._refusal(event, reason, "write out what is meant, or leave it away")
        if type(value) is dict:
            return {key: self._copy(below, depth + 1, event) for key, below in value.items()}
        if type(value) is list:
            return [self._copy(below, depth + 1, event) for below in value]
        return value

    def _refusal(self, event: Any, reason: str, next_step: str) -> PodliftError:
        return refusal("bad-yaml", self._name, event.start_mark.line + 1, reason, next_step)


_TYPES: dict[str, type] = {
    f"{_STANDARD}int": int,
    f"{_STANDARD}float": float,
    f"{_STANDARD}bool": bool,
    f"{_STANDARD}null": type(None),
}


def _with_merged(values: _Entries, lines: _Lines, merged: list[tuple[_Entries, _Lines]]) -> tuple[_Entries, _Lines]:
    all_values: _Entries = {}
    all_lines: _Lines = {}
    for source, source_lines in (*reversed(merged), (values, lines)):
        all_values.update(source)
        all_lines.update(source_lines)
    return all_values, all_lines


def _refuse_block_tags(text: str, name: str) -> None:
    """Refuses a template that happens to be YAML. Inside quotes and block scalars such tags are somebody's text."""
    if "{%" not in text and "<%" not in text:
        return
    scalars: list[Any] = [event for event in yaml.parse(text, Loader=_Parser) if type(event) is ScalarEvent]
    quoted = [(scalar.start_mark.index, scalar.end_mark.index) for scalar in scalars if scalar.style]
    for offset, written in block_tags(text):
        if not any(start <= offset < end for start, end in quoted):
            raise template(name, text.count("\n", 0, offset) + 1, written)


def _broken(text: str, name: str, cause: yaml.YAMLError) -> PodliftError:
    if not isinstance(cause, yaml.MarkedYAMLError):
        found = yaml.reader.Reader.NON_PRINTABLE.search(text)
        line = text.count("\n", 0, found.start()) + 1 if found else 0
        character = f" ({ord(found.group()):#04x})" if found else ""
        reason = f"YAML allows no control characters{character}"
        return refusal("bad-yaml", name, line, reason, 'take it out, or write it as an escape in "quotes"')
    line = cause.problem_mark.line + 1 if cause.problem_mark else 0
    problem = cause.problem or "it does not parse"
    context = cause.context_mark.line + 1 if cause.context_mark else line
    templated = template_in_ruins(text, name, (line, line - 1, context), problem)
    if templated:
        return templated
    rows = text.split("\n")
    if 0 < line <= len(rows) and re.match(r" *\t", rows[line - 1]):
        return refusal("bad-yaml", name, line, "a tab indents this line", "indent with spaces: YAML takes no tabs")
    around = f" {cause.context}, from line {context}" if cause.context and context != line else ""
    return refusal("bad-yaml", name, line, f"this is no YAML: {problem}{around}", "correct the file near that line")

"""Bytes to documents: plain values with the lines where they stand. YAML and JSON; knows neither files nor meaning.

Every fault of a file is one :class:`~converters.errors.PodliftError` of phase ``read`` that names file and line.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from converters.errors import PodliftError

from .json_text import json_values
from .marks import Marks, Path
from .refusals import refusal
from .yaml_text import yaml_values

__all__ = ["Document", "Marks", "Path", "parse_documents"]

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_LONE_SURROGATE = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F]"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One document of a file.

    name   the file, as the caller called it
    index  its number among the file's documents that hold anything, from 0
    value  dict, list, str, int, float, bool or None, and plain ones: a tree in which no two places share a value
    marks  paths such as ``("services", "web", "ports", 0)`` to lines
    """

    name: str
    index: int = 0
    value: Any = None
    marks: Marks = field(default_factory=Marks, repr=False, compare=False)

    def line(self, path: Path = ()) -> int:
        """The line to edit for ``path``; for what is not written, that of the innermost value around it."""
        return self.marks.nearest(path)

    def where(self, path: Path = ()) -> str:
        """``FILE:LINE``, the subject of errors and verdicts."""
        return f"{self.name}:{self.line(path)}"


def parse_documents(data: bytes, *, name: str) -> tuple[Document, ...]:
    """The documents in ``data``, at least one.

    What is called ``*.json`` is JSON; anything else may be either.

    >>> document, = parse_documents(b"web:\\n  ports: [22:22]", name="fleet.yml")
    >>> document.value, document.where(("web", "ports", 0))
    ({'web': {'ports': ['22:22']}}, 'fleet.yml:2')
    """
    text = _text(data, name)
    found = list(_values(text, name))
    if not found:
        raise refusal("empty-document", name, 0, "there is nothing in it", "give the file that was meant, or none")
    if _SURROGATE.search(text):
        _refuse_surrogates(text, name, found)
    return tuple(Document(name=name, index=i, value=value, marks=marks) for i, (value, marks) in enumerate(found))


def _values(text: str, name: str) -> Iterator[tuple[Any, Marks]]:
    lower = name.lower()
    if lower.endswith(".json"):
        return json_values(text, name=name)
    if not text.lstrip().startswith(("{", "[")):
        return yaml_values(text, name=name)
    # JSON by another name is read as JSON, which is faster; what is none may still be a flow map of YAML
    try:
        return iter(list(json_values(text, name=name)))
    except PodliftError as not_json:
        if not_json.code != "bad-json":
            raise
        try:
            return iter(list(yaml_values(text, name=name)))
        except PodliftError as not_yaml:
            named_yaml = lower.endswith((".yml", ".yaml"))
            raise (not_yaml if named_yaml or not_yaml.code != "bad-yaml" else not_json) from None


def _text(data: bytes, name: str) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in data[:4]:
        step = "save it as UTF-8 (iconv -f UTF-16 -t UTF-8; in PowerShell: Out-File -Encoding utf8)"
        raise refusal("bad-encoding", name, 0, "this is UTF-16 or binary, and not UTF-8", step)
    try:
        return data.removeprefix(codecs.BOM_UTF8).decode("utf-8")
    except UnicodeDecodeError as cause:
        offset = cause.start + (len(codecs.BOM_UTF8) if data.startswith(codecs.BOM_UTF8) else 0)
        if cause.end == len(cause.object) and "end of data" in cause.reason:
            reason, step = f"the file ends inside a character, at byte {offset}", "fetch the file again: it was cut off"
        else:
            reason = f"byte {offset} (0x{data[offset]:02x}) is not UTF-8"
            step = "save it as UTF-8 (for instance: iconv -f LATIN1 -t UTF-8)"
        raise refusal("bad-encoding", name, data.count(b"\n", 0, offset) + 1, reason, step) from cause


def _refuse_surrogates(text: str, name: str, found: list[tuple[Any, Marks]]) -> None:
    """Half a character can be escaped, and never be written again: nothing that we emit could hold it."""
    try:
        for value, _ in found:
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as cause:
        half = _LONE_SURROGATE.search(text)
        line = text.count("\n", 0, half.start()) + 1 if half else 0
        reason = "a string holds half a character (a lone surrogate)"
        raise refusal("bad-encoding", name, line, reason, "write the whole character") from cause

"""A user's file against its schema: one error with file, line, key and what would be right.

Reads the part of JSON Schema that our own schemas of input files use (type, enum, const, pattern, properties,
required, additionalProperties, items, minItems, anyOf, minimum, maximum, minLength), so that the schema that
``podlift schema`` prints and what podlift accepts are one thing. Written here and not taken from a library because a
library's messages know neither lines nor what was probably meant.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any, NoReturn

from converters.errors import PodliftError

from ..documents import Document, Path

# A value that is longer is cut in messages.
_LONGEST = 80
_TYPES: Mapping[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}
_SAID = {
    "object": "a map",
    "array": "a list",
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "nothing",
}


def check(document: Document, schema: Mapping[str, Any], *, code: str, at: Path = ()) -> None:
    """Raises PodliftError ``code`` for the first value that the schema does not allow. ``at``: where the document's
    value stands in something larger."""
    _Check(document, code).value(document.value, schema, at)


def refuse(document: Document, path: Path, code: str, reason: str, next_step: str) -> NoReturn:
    """The error for what stands at ``path``; the subject names file, line and key."""
    raise PodliftError(
        code=code,
        phase="read",
        subject=" ".join(filter(None, (document.where(path), path_text(path)))),
        reason=reason,
        next_step=next_step,
    )


def path_text(path: Path) -> str:
    """A path as messages and verdicts spell it: ``sites.ams``, ``answers[0].code``."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else str(step)
    return text


def nearest(word: str, known: Iterable[str]) -> str:
    """What was probably meant, as a next step: the close match, else all that there is."""
    listed = list(known)
    close = get_close_matches(word, listed, n=1, cutoff=0.6)
    return f"did you mean {close[0]}?" if close else f"known are: {', '.join(listed)}"


class _Check:
    def __init__(self, document: Document, code: str) -> None:
        self._document = document
        self._code = code

    def value(self, value: Any, schema: Mapping[str, Any], path: Path) -> None:
        if "anyOf" in schema:
            self._any(value, schema["anyOf"], path)
            return
        self._type(value, schema, path)
        if "const" in schema and value != schema["const"]:
            self._refuse(path, f"{_shown(value)} stands here", f"write {schema['const']}")
        if "enum" in schema and value not in schema["enum"]:
            step = nearest(str(value), [str(each) for each in schema["enum"]])
            self._refuse(path, f"{_shown(value)} is not one of what can stand here", step)
        if isinstance(value, str):
            self._text(value, schema, path)
        elif isinstance(value, dict):
            self._map(value, schema, path)
        elif isinstance(value, list):
            if len(value) < schema.get("minItems", 0):
                self._refuse(path, "it is empty", _hint(schema, "a list"))
            for n, each in enumerate(value):
                self.value(each, schema.get("items", {}), (*path, n))
        elif "minimum" in schema and value < schema["minimum"]:
            self._refuse(path, f"{value} is too small", f"write {schema['minimum']} or more")
        elif "maximum" in schema and value > schema["maximum"]:
            self._refuse(path, f"{value} is too large", f"write {schema['maximum']} or less")

    def _type(self, value: Any, schema: Mapping[str, Any], path: Path) -> None:
        types = _types(schema)
        if types and not any(_is(value, name) for name in types):
            due = " or ".join(_SAID[name] for name in types if name != "null")
            self._refuse(path, f"{due} is due, and {_shown(value)} stands here", _hint(schema, due))

    def _text(self, value: str, schema: Mapping[str, Any], path: Path) -> None:
        if "\0" in value:
            self._refuse(path, "a null character stands here", "take it away")
        if "pattern" in schema and not re.search(schema["pattern"], value):
            due = schema.get("description", f"what matches {schema['pattern']}")
            self._refuse(path, f"{_shown(value)} is not what is due here", f"write {due}")
        if len(value) < schema.get("minLength", 0):
            self._refuse(path, "it is empty", _hint(schema, "a text"))

    def _map(self, value: Mapping[str, Any], schema: Mapping[str, Any], path: Path) -> None:
        known = schema.get("properties", {})
        others = schema.get("additionalProperties", True)
        spelled = schema.get("propertyNames", {}).get("pattern", "")
        for key, each in value.items():
            if not re.search(spelled, key):
                self._refuse(
                    (*path, key), f"{_shown(key)} is no key that can stand here", f"write what matches {spelled}"
                )
            if key in known:
                self.value(each, known[key], (*path, key))
            elif others is False:
                self._refuse((*path, key), f"there is no key {_shown(key)} here", nearest(key, known))
            elif isinstance(others, Mapping):
                self.value(each, others, (*path, key))
        for key in schema.get("required", ()):
            if key not in value:
                self._refuse(path, f"the key {key!r} is missing", _hint(known[key], key, verb="add"))

    def _any(self, value: Any, branches: list[Mapping[str, Any]], path: Path) -> None:
        """The error of the branch whose type fits tells more than "none of these"."""
        fitting = [branch for branch in branches if any(_is(value, name) for name in _types(branch))]
        if not fitting:
            due = " or ".join(dict.fromkeys(_SAID[name] for branch in branches for name in _types(branch)))
            self._refuse(path, f"{due} is due, and {_shown(value)} stands here", f"write {due}")
        last: PodliftError | None = None
        for branch in fitting:
            try:
                self.value(value, branch, path)
            except PodliftError as error:
                last = error
            else:
                return
        if last is not None:
            raise last

    def _refuse(self, path: Path, reason: str, next_step: str) -> NoReturn:
        refuse(self._document, path, self._code, reason, next_step)


def _types(schema: Mapping[str, Any]) -> list[str]:
    given = schema.get("type", [])
    return given if isinstance(given, list) else [given]


def _is(value: Any, name: str) -> bool:
    # True is an int to Python and no number to anybody else; nor is YAML's .nan, which nothing is above or below
    if isinstance(value, bool):
        return name == "boolean"
    return isinstance(value, _TYPES[name]) and not (isinstance(value, float) and not math.isfinite(value))


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, dict | list):
        return "a map" if isinstance(value, dict) else "a list"
    if isinstance(value, bool):
        return "true" if value else "false"
    written = repr(value)
    return written if len(written) <= _LONGEST else f"{written[:_LONGEST]}… ({len(written):,} characters)"


def _hint(schema: Mapping[str, Any], due: str, *, verb: str = "write") -> str:
    return f"{verb} {due}: {schema['description']}" if "description" in schema else f"{verb} {due}"

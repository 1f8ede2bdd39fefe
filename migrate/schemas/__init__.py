"""JSON Schemas of every file that podlift reads or writes, as data.

``schema(NAME)`` gives one, ``podlift schema NAME`` prints it. Input files are checked by theirs (checking.py); tests
hold output files to theirs.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

from converters.errors import PodliftError

from .building import DIALECT

# Where each is written: a module beside this one, and a function in it. Imported when asked for.
_WRITTEN = {
    "project": ("inputs", "project"),
    "target": ("inputs", "target"),
    "decisions": ("inputs", "decisions"),
    "hosts": ("inputs", "hosts"),
    "gates": ("cutover", "gates"),
    "mapping": ("mapping", "mapping"),
    "capture": ("captures", "capture"),
    "captured-host": ("captures", "captured_host"),
    "plan": ("outputs", "plan"),
    "objects": ("outputs", "objects"),
    "names": ("outputs", "names"),
    "verdicts": ("outputs", "verdicts"),
    "findings": ("outputs", "findings"),
    "comparison": ("outputs", "comparison"),
    "applied": ("outputs", "applied"),
    "cutover-status": ("cutover_status", "status"),
    "cutover-unreadable": ("cutover_status", "unreadable"),
    "cutover-preview": ("cutover_outputs", "preview"),
    "cutover-outcome": ("cutover_outputs", "outcome"),
}

SCHEMAS = tuple(_WRITTEN)


def schema(name: str) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a kind of file. Raises PodliftError ``no-schema`` for another name."""
    if name not in _WRITTEN:
        raise PodliftError(
            code="no-schema",
            phase="use",
            subject=name,
            reason="there is no schema of this name",
            next_step=f"known are: {', '.join(SCHEMAS)}",
        )
    return {"$schema": DIALECT, "$id": f"https://podlift.dev/schemas/{name}/v1", "title": name, **_body(name)}


@cache
def _body(name: str) -> dict[str, Any]:
    module, function = _WRITTEN[name]
    made: dict[str, Any] = getattr(import_module(f".{module}", __name__), function)()
    return made

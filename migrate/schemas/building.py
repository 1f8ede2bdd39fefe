"""The words in which our schemas are written: JSON Schema fragments with a description each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def text(said: str, **more: Any) -> dict[str, Any]:
    return {"description": said, "type": "string", **more}


def flag(said: str) -> dict[str, Any]:
    return {"description": said, "type": "boolean"}


def whole(said: str, **more: Any) -> dict[str, Any]:
    return {"description": said, "type": "integer", **more}


def choice(said: str, *values: str) -> dict[str, Any]:
    return {**({"description": said} if said else {}), "type": "string", "enum": list(values)}


def array(said: str, items: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {"description": said, "type": "array", "items": dict(items), **more}


def maybe(said: str, items: Mapping[str, Any]) -> dict[str, Any]:
    """A list whose every item may be commented out, which leaves a null."""
    return {**array(said, items), "type": ["array", "null"]}


def texts(said: str, **more: Any) -> dict[str, Any]:
    return array(said, {"type": "string", "minLength": 1, **more})


def keyed(
    said: str,
    properties: Mapping[str, Any],
    *,
    required: tuple[str, ...] = (),
    others: Mapping[str, Any] | bool = False,
    names: str = "",
) -> dict[str, Any]:
    """A map. ``others``: the schema of keys that are not listed; False refuses them. ``names``: a pattern of keys."""
    made: dict[str, Any] = {"description": said, "type": "object"}
    if properties:
        made["properties"] = dict(properties)
    if required:
        made["required"] = list(required)
    if names:
        made["propertyNames"] = {"pattern": names}
    made["additionalProperties"] = dict(others) if isinstance(others, Mapping) else others
    return made


def complete(said: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    """A map in which nothing may be missing."""
    return keyed(said, properties, required=tuple(properties))

"""The shape of what a journal holds, as a schema of its dataclasses. Pure.

People edit a ConfigMap: what they get wrong is said with its place, before anything rests on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import StrEnum
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

from .run import UDP, Original, Run, Spec
from .states import State

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_TEXTS: Schema = {"type": "array", "items": _TEXT}
# The last second that a date can tell; no other number of a run is as large.
_LATEST = 253_402_300_799
_NUMBER: Schema = {"type": "number", "minimum": 0, "maximum": _LATEST}
_COUNT: Schema = {"type": "integer", "minimum": 0, "maximum": _LATEST}
_PORT: Schema = {"type": "integer", "minimum": 1, "maximum": 65535}
_PLAIN: Mapping[Any, Schema] = {
    str: _TEXT,
    bool: {"type": "boolean"},
    int: _COUNT,
    float: _NUMBER,
    Any: {},
}


def _map(known: Mapping[str, Schema], *required: str) -> Schema:
    return {"type": "object", "properties": dict(known), "required": list(required)}


def _each(schema: Schema) -> Schema:
    return {"type": "object", "additionalProperties": schema}


def _some(schema: Schema) -> Schema:
    return {"type": "array", "items": schema, "minItems": 1}


_METADATA = _map({"name": _TEXT, "namespace": _TEXT, "labels": _each(_TEXT), "annotations": _each(_TEXT)}, "name")
_PARTS = {"apiVersion": _TEXT, "kind": _TEXT, "metadata": _METADATA}
_OBJECT = _map(_PARTS, *_PARTS)
_SERVICE_PORT = _map(
    {"port": _PORT, "name": _TEXT, "protocol": _TEXT, "targetPort": _PORT, "nodePort": _COUNT},
    "port",
)
_SERVICE_PARTS = {"ports": _some(_SERVICE_PORT), "selector": _each(_TEXT)}
_SERVICE = _map({**_PARTS, "spec": _map(_SERVICE_PARTS, *_SERVICE_PARTS)}, "metadata", "spec")
_LABELS = _each({"anyOf": [_TEXT, {"type": "null"}]})
_OBJECTS: Schema = {"type": "array", "items": {"type": "object"}}
_ENDPOINTS = _map({"labels": _each(_TEXT), "subsets": _OBJECTS}, "labels", "subsets")
_SLICE = _map({"metadata": _METADATA, "addressType": _TEXT, "ports": _OBJECTS, "endpoints": _OBJECTS}, "metadata")
_ADOPTED_PARTS: Mapping[str, Schema] = {
    "address": _TEXT,
    "ports": _some({"type": "object"}),
    "labels": _LABELS,
    "endpoints": {"anyOf": [_ENDPOINTS, {"type": "null"}]},
    "slices": {"type": "array", "items": _SLICE},
}
_HOST = _map(
    {
        **dict.fromkeys(("url", "address", "site", "ca", "cert", "key", "image"), _TEXT),
        "exec": {"anyOf": [_TEXT, _TEXTS]},
        "probe": _TEXTS,
    }
)
_REQUESTS: Schema = {
    "type": "array",
    "items": _map({"path": _TEXT, "method": _TEXT, "scheme": _TEXT, "headers": _each(_TEXT)}, "path"),
}
_PROBE = _map(
    {
        "requests": _REQUESTS,
        "codes": _TEXT,
        **dict.fromkeys(("success", "worse_by", "p99_s", "slower_by"), _NUMBER),
    }
)
_ASKED = {"timeout_s": _NUMBER, "url": _TEXT, "query": _TEXT, "condition": _TEXT, "headers": _each(_TEXT)}
_GATE = _map(
    {
        "name": _TEXT,
        "probe": _PROBE,
        "prometheus": _map(_ASKED, "timeout_s", "url", "query", "condition"),
        "webhook": _map(_ASKED, "timeout_s", "url"),
        "command": _map({"timeout_s": _NUMBER, "argv": _some(_TEXT)}, "timeout_s", "argv"),
    },
    "name",
)
_PARITY = _map(
    {
        "requests": _REQUESTS,
        "headers": _TEXTS,
        "ignore": _map({"headers": _TEXTS, "json": _TEXTS, "patterns": _TEXTS}),
    }
)
_CHECK = _map(
    {
        "kind": _TEXT,
        "path": _TEXT,
        "scheme": _TEXT,
        "host": _TEXT,
        "port": {"anyOf": [_PORT, {"type": "null"}]},
        "timeout_s": {"anyOf": [_NUMBER, {"type": "null"}]},
    }
)
_SHARE: Schema = {"type": "number", "minimum": 0, "maximum": 1}
_STATES: Schema = {"type": "string", "enum": [each.value for each in State]}
LINE = _map(
    {
        **dict.fromkeys(("event", "text", "step", "gate", "result"), _TEXT),
        "at": _NUMBER,
        "state": _STATES,
        "share": _SHARE,
        "share_since": _NUMBER,
        "figures": _each({"type": "number"}),
    },
    "at",
    "state",
    "event",
    "text",
)
"""Of a line of the history, as history.py has them."""
# Of fields whose type says less than they are.
_CLOSER: Mapping[tuple[type, str], Schema] = {
    (Spec, "services"): _some(_SERVICE),
    (Spec, "steps"): _some(_COUNT),
    (Spec, "fronts"): {"type": "array", "items": _OBJECT},
    (Spec, "later"): {"type": "array", "items": _OBJECT},
    (Spec, "hosts"): _each(_HOST),
    (Spec, "nodes"): _each(_map({"probe": _TEXTS, "image": _TEXT})),
    (Spec, "check"): _CHECK,
    (Spec, "adopted"): _each(_map(_ADOPTED_PARTS, *_ADOPTED_PARTS)),
    (Spec, "gates"): {"type": "array", "items": _GATE},
    (Spec, "parity"): _PARITY,
    (Spec, "approvals"): {"type": "array", "items": _STATES},
    # an engine's own -1 is without an end
    (Original, "stop_s"): {"anyOf": [{"type": "number"}, {"type": "null"}]},
    (Spec, "on_drain_timeout"): {"type": "string", "enum": ["hold", "stop"]},
    (Spec, "udp"): {"type": "string", "enum": ["", *UDP]},
}
# What earlier versions did not write; without any other of its fields a run would go on as another one.
_LATER_FIELDS = frozenset({"intent", "joined", "failures", "restarts", "baked_s", "bakes", "stops", "node_ports"})


def shape_of(kind: Any) -> Schema:
    """Of a dataclass, or of the type of one of its fields, as run_json and spec_json write it: fields that have a
    default may be missing."""
    if kind in _PLAIN:
        return _PLAIN[kind]
    origin, args = get_origin(kind), get_args(kind)
    if origin is UnionType:
        return {"anyOf": [{"type": "null"} if each is NoneType else shape_of(each) for each in args]}
    if origin in (tuple, frozenset):
        return {"type": "array", "items": shape_of(args[0])}
    if is_dataclass(kind):
        return _fields(kind)
    if issubclass(origin or kind, StrEnum):
        return {"type": "string", "enum": [each.value for each in kind]}
    return _each(shape_of(args[1]))


def _fields(kind: Any) -> Schema:
    hints = get_type_hints(kind)
    bare = [each.name for each in fields(kind) if each.default is MISSING and each.default_factory is MISSING]
    return {
        "type": "object",
        "properties": {name: _CLOSER.get((kind, name)) or shape_of(hints[name]) for name in hints},
        "required": [name for name in hints if name not in _LATER_FIELDS] if kind is Run else bare,
        "additionalProperties": False,
    }

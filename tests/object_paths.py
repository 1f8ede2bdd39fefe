"""Paths into Kubernetes objects, as verdicts write them: ``Deployment/web:spec.template.spec.containers[web].image``.

Items of lists are addressed by their merge key (``name``, ``containerPort/protocol``, ``mountPath``, ``ip``), by a
number where they have none, and keys with dots of their own stand in brackets: ``metadata.annotations[a.example/b]``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Path = tuple[str, ...]

_TOKEN = re.compile(r"\[([^\]]*)\]|([^.\[\]]+)")


class AbsentError(LookupError):
    """Nothing stands at a path."""


def named(objects: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Objects by ``Kind/name``. Two of one name are a fault of whoever made them."""
    made: dict[str, Mapping[str, Any]] = {}
    for each in objects:
        name = f"{each['kind']}/{each['metadata']['name']}"
        assert name not in made, f"{name} is made twice"
        made[name] = each
    return made


def tokens(path: str) -> Path:
    """``spec.ports[http].port`` as ``("spec", "ports", "http", "port")``."""
    return tuple(inner or plain for inner, plain in _TOKEN.findall(path))


def value_at(value: Any, path: str) -> Any:
    """What stands there. Raises AbsentError."""
    return _at(value, tokens(path), path)[1]


def canonical(objects: Mapping[str, Mapping[str, Any]], target: str) -> Path | None:
    """A verdict's target as leaves() names it, None where nothing stands there."""
    name, _, path = target.partition(":")
    if name not in objects:
        return None
    try:
        return (name, *_at(objects[name], tokens(path), path)[0])
    except AbsentError:
        return None


def leaves(objects: Mapping[str, Mapping[str, Any]]) -> dict[Path, Any]:
    """Every leaf of the objects by its path; a list of scalars is one leaf, since its order is its meaning."""
    return {(name, *path): leaf for name, each in objects.items() for path, leaf in _leaves(each)}


def _at(value: Any, path: Path, whole: str) -> tuple[Path, Any]:
    walked: list[str] = []
    for token in path:
        if isinstance(value, Mapping) and token in value:
            walked.append(token)
            value = value[token]
        elif isinstance(value, list):
            found = [(key, each) for key, each in _keyed(value) if token == key or token in _merge_keys(each)]
            if not found and token.isdigit() and int(token) < len(value):
                found = [list(_keyed(value))[int(token)]]
            if not found:
                raise AbsentError(whole)
            key, value = found[0]
            walked.append(key)
        else:
            raise AbsentError(whole)
    return tuple(walked), value


def _leaves(value: Any) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            for path, leaf in _leaves(inner):
                yield (key, *path), leaf
    elif isinstance(value, list) and value and all(isinstance(each, Mapping) for each in value):
        for key, inner in _keyed(value):
            for path, leaf in _leaves(inner):
                yield (key, *path), leaf
    else:
        yield (), value


def _keyed(value: list[Any]) -> Iterator[tuple[str, Any]]:
    """Items with the key that tells them apart; a repeated key is numbered."""
    seen: dict[str, int] = {}
    for index, each in enumerate(value):
        key = next(iter(_merge_keys(each)), str(index))
        seen[key] = seen.get(key, 0) + 1
        yield (key if seen[key] == 1 else f"{key}#{seen[key]}"), each


def _merge_keys(each: Any) -> list[str]:
    if not isinstance(each, Mapping):
        return [str(each)]
    keys = []
    if "containerPort" in each:
        keys.append(f"{each['containerPort']}/{each.get('protocol', 'TCP')}")
    keys += [str(each[name]) for name in ("mountPath", "name", "ip", "key", "host", "path") if name in each]
    if "metadata" in each and "name" in each["metadata"]:
        keys.append(str(each["metadata"]["name"]))
    return keys

"""Facets: a workload taken apart into the settings that two instances, or a config and what runs, may disagree on.

A facet's subject is stable and readable (``env SHARD``, ``port 80/tcp``, ``volume /data``), since decisions match on
it. Its value carries no origins, so that equal settings from different documents compare equal.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from ..fields.verdict import Origins
from ..workload import Container, Workload


@dataclass(frozen=True, slots=True)
class Facet:
    value: Any
    origins: Origins

    @property
    def text(self) -> str:
        return shown(self.value)


def shown(value: Any) -> str:
    """A value as a person reads it in a finding."""
    if value is None:
        return "unset"
    if isinstance(value, tuple):
        return " ".join(shown(v) for v in value if v not in ("", None, ()))
    return str(value)


# Attributes that say who an instance is or what became of it, not how it is set up; the image is compared by digest.
_IDENTITY = frozenset({"name", "instances", "grouping_key", "scheduler", "namespace_hint", "containers", "replicas"})
_IDENTITY |= {
    "differences",
    "overruled",
    "findings",
    "references",
    "names",
    "origins",
    "image",
    "inherited",
    "on_every_host",
}

_SUBJECT = {"ports": "port", "mounts": "volume", "labels": "label", "checks": "check", "settings": "setting"}


def facets(workload: Workload) -> dict[str, Facet]:
    """All settings of a workload by subject. With several containers, their subjects bear the container's name."""
    found: dict[str, Facet] = dict(_of(workload, ""))
    several = len(workload.containers) > 1
    for container in workload.containers:
        found.update(_of(container, f"{container.name}: " if several else ""))
    return found


def _of(owner: Workload | Container, prefix: str) -> Iterator[tuple[str, Facet]]:
    for name, default in _ATTRIBUTES[type(owner)]:
        value = getattr(owner, name)
        if value == default:
            continue
        label = _SUBJECT.get(name, name)
        if isinstance(value, tuple) and value and is_dataclass(value[0]):
            seen: dict[str, int] = {}
            for element in value:
                key = _key(element)
                seen[key] = seen.get(key, 0) + 1
                again = f" #{seen[key]}" if seen[key] > 1 else ""
                yield f"{prefix}{label} {key}{again}", Facet(bare(element), origins_within(element))
        elif is_dataclass(value) and not isinstance(value, type):
            yield f"{prefix}{label}", Facet(bare(value), origins_within(value))
        else:
            yield f"{prefix}{label}", Facet(bare(value), owner.origins.get(name, ()))


_ATTRIBUTES: dict[type, tuple[tuple[str, Any], ...]] = {
    kind: tuple((f.name, getattr(kind(name=""), f.name)) for f in fields(kind) if f.name not in _IDENTITY)
    for kind in (Workload, Container)
}


def _key(element: Any) -> str:
    for name in ("target", "key", "container_path", "code", "cron"):
        if hasattr(element, name):
            return str(getattr(element, name))
    if hasattr(element, "container_port"):
        return f"{element.container_port}/{element.protocol}"
    for name in ("name", "value", "site", "attribute", "over", "kind", "host", "driver", "direction"):
        if hasattr(element, name):
            return str(getattr(element, name))
    raise AssertionError(f"{type(element).__name__} has no key to compare it by")


# Of ten thousand instances, millions of values are looked at: what a type is, is asked once.
_PLAIN = frozenset((str, int, float, bool, type(None)))


_FIELD_NAMES: dict[type, tuple[str, ...]] = {}


def _field_names(kind: type) -> tuple[str, ...]:
    """Of a dataclass, without what says where its values come from; ``()`` for another type."""
    names = _FIELD_NAMES.get(kind)
    if names is None:
        every = fields(kind) if is_dataclass(kind) else ()
        names = _FIELD_NAMES[kind] = tuple(f.name for f in every if f.name not in ("origins", "shared_with"))
    return names


def bare(value: Any) -> Any:
    """The value without its origins, hashable."""
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind is tuple or kind is list:
        return tuple([bare(v) for v in value]) if value else ()
    if names := _field_names(kind):
        return tuple([bare(getattr(value, name)) for name in names])
    if isinstance(value, Mapping):
        return tuple((k, bare(value[k])) for k in sorted(value))
    return value


def origins_within(value: Any) -> Origins:
    """All origins of a value and of what it holds, each once, in order."""
    found: dict[Any, None] = {}
    _gather(value, found)
    return tuple(found)


def _gather(value: Any, found: dict[Any, None]) -> None:
    kind = type(value)
    if kind is tuple:
        for element in value:
            if type(element) not in _PLAIN:
                _gather(element, found)
    elif names := _field_names(kind):
        origins = getattr(value, "origins", ())
        for group in origins.values() if isinstance(origins, Mapping) else (origins,):
            for source in group:
                found[source] = None
        for name in names:
            inner = getattr(value, name)
            if inner and type(inner) not in _PLAIN:
                _gather(inner, found)

"""Two JSON-shaped values side by side: what differs, list items told by their merge keys and not by position.

The hot path of every comparison, and so written by hand: equal branches are skipped by ``==``, only what differs is
walked (a general library is some three hundred times slower on equal objects). Knows what Kubernetes means by a
value: amounts are compared by value, sets without order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Any

from converters.errors import PodliftError
from converters.quantity import equal

# Lists by the name of their field: the keys by which the API server merges them. Ports are such lists too.
_MERGED: Mapping[str, tuple[str, ...]] = {
    "containers": ("name",),
    "initContainers": ("name",),
    "ephemeralContainers": ("name",),
    "volumes": ("name",),
    "env": ("name",),
    "volumeMounts": ("mountPath",),
    "volumeDevices": ("devicePath",),
    "hostAliases": ("ip",),
    "imagePullSecrets": ("name",),
    "secrets": ("name",),
    "topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
}
# Lists that it takes as one, whose items are told apart here by these keys. Positional where none is named.
_TOLD: Mapping[str, tuple[str, ...]] = {
    "volumeClaimTemplates": ("metadata.name",),
    "parentRefs": ("name", "namespace", "sectionName"),
    "matchExpressions": ("key", "operator"),
    "items": ("key", "path"),
    "sysctls": ("name",),
}
# Lists without order. HPA metrics: the server sorts them (kubernetes/kubernetes#74099).
_SETS = frozenset(
    ("add", "drop", "accessModes", "metrics", "finalizers", "supplementalGroups", "hostnames", "policyTypes")
)
# Maps that the API server takes as one (``x-kubernetes-map-type: atomic``).
_WHOLE_MAPS = frozenset(
    (
        "selector", "labelSelector", "namespaceSelector", "nodeSelector", "podSelector", "configMapKeyRef",
        "secretKeyRef", "fieldRef", "resourceFieldRef", "dataSource", "requiredDuringSchedulingIgnoredDuringExecution",
    )
)  # fmt: skip
# Fields that hold amounts, and maps of amounts.
_AMOUNTS = frozenset(("sizeLimit", "divisor", "averageValue", "value"))
_MAPS_OF_AMOUNTS = frozenset(("limits", "requests", "hard"))
# Maps whose keys are the user's.
_FREE = frozenset(("data", "labels", "annotations", "matchLabels", "nodeSelector"))
# Whole numbers that may be written as texts.
_COUNTS = frozenset(("maxSurge", "maxUnavailable", "minAvailable"))


class Op(StrEnum):
    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    ORDER = "order"


Step = tuple[str, Any]
"""``("key", name)``, or ``("item", the item)`` of a list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One difference.

    path   as verdicts write targets: ``spec.template.spec.containers[web].image``
    old    on the side compared with, new in the plan; None where nothing stands
    trail  the way, for those who look up owners
    owner     who set the other side's value, where that is known and is not us
    recreate  the server refuses this change of an object that is there: it must be deleted and made again
    """

    op: Op
    path: str
    old: Any = None
    new: Any = None
    trail: tuple[Step, ...] = ()
    owner: str = ""
    recreate: bool = False


def changes(old: Any, new: Any) -> Iterator[Change]:
    """What must change in ``old`` to become ``new``, in order of ``new``'s keys."""
    return _values(old, new, "", (), "")


def in_a_whole(trail: Sequence[Step]) -> bool:
    """Whether a change lies in a list or a map that a server-side apply sets as one: there nobody can have a part of
    their own beside the plan's."""
    return any(_is_whole(field, inner) for (kind, field), (inner, _) in pairwise(trail) if kind == "key")


def _is_whole(field: str, inner: str) -> bool:
    if inner == "item":
        return field not in _MERGED and field != "ports"
    return field in _WHOLE_MAPS


def _values(old: Any, new: Any, path: str, trail: tuple[Step, ...], field: str) -> Iterator[Change]:
    # Python takes True for 1 inside equal branches too; strict schemas keep that out of both sides.
    if type(old) is type(new) and old == new:
        return
    if isinstance(old, dict) and isinstance(new, dict):
        yield from _maps(old, new, path, trail, field)
    elif isinstance(old, list) and isinstance(new, list):
        yield from _lists(old, new, path, trail, field)
    elif not _same(old, new, field, trail):
        yield Change(op=Op.CHANGED, path=path, old=old, new=new, trail=trail)


def _maps(
    old: Mapping[str, Any], new: Mapping[str, Any], path: str, trail: tuple[Step, ...], field: str
) -> Iterator[Change]:
    for key, value in new.items():
        inner, way = _joined(path, key), (*trail, ("key", key))
        if key in old:
            # An amount is told by the map that it lies in (limits: {cpu: 1}); a user's own keys mean nothing.
            known = field if field in _MAPS_OF_AMOUNTS else "" if field in _FREE else key
            yield from _values(old[key], value, inner, way, known)
        elif not _empty(value):
            yield Change(op=Op.ADDED, path=inner, new=value, trail=way)
    for key, value in old.items():
        if key not in new and not _empty(value):
            yield Change(op=Op.REMOVED, path=_joined(path, key), old=value, trail=(*trail, ("key", key)))


def _lists(old: Sequence[Any], new: Sequence[Any], path: str, trail: tuple[Step, ...], field: str) -> Iterator[Change]:
    keys = _keys_of(field, old, new)
    if keys is None and field in _SETS:
        yield from _sets(old, new, path, trail)
        return
    if keys is None:
        if any(isinstance(each, dict | list) for each in (*old, *new)) and len(old) == len(new):
            for n, (before, after) in enumerate(zip(old, new, strict=True)):
                yield from _values(before, after, f"{path}[{n}]", (*trail, ("item", before)), field)
        else:
            yield Change(op=Op.CHANGED, path=path, old=list(old), new=list(new), trail=trail)
        return
    before = {_key(each, keys): each for each in old}
    after = {_key(each, keys): each for each in new}
    for key, value in after.items():
        here = f"{path}[{key}]"
        if key in before:
            yield from _values(before[key], value, here, (*trail, ("item", before[key])), field)
        else:
            yield Change(op=Op.ADDED, path=here, new=value, trail=(*trail, ("item", value)))
    for key, value in before.items():
        if key not in after:
            yield Change(op=Op.REMOVED, path=f"{path}[{key}]", old=value, trail=(*trail, ("item", value)))
    common = [key for key in before if key in after]
    if common != [key for key in after if key in before] and _ordered(field, (*old, *new)):
        yield Change(op=Op.ORDER, path=path, old=list(before), new=list(after), trail=trail)


def _ordered(field: str, items: Sequence[Any]) -> bool:
    """Whether a keyed list's order means something: init containers run one after the other, and a variable sees by
    ``$(NAME)`` only those before it (``$$(NAME)`` is text)."""
    if field == "env":
        return any("$(" in str(each.get("value", "")).replace("$$", "") for each in items)
    return field == "initContainers"


def _sets(old: Sequence[Any], new: Sequence[Any], path: str, trail: tuple[Step, ...]) -> Iterator[Change]:
    rest = list(old)
    for each in new:
        found = next((n for n, other in enumerate(rest) if next(_values(other, each, "", (), ""), None) is None), None)
        if found is None:
            yield Change(op=Op.ADDED, path=f"{path}[{_short(each)}]", new=each, trail=(*trail, ("item", each)))
        else:
            rest.pop(found)
    for each in rest:
        yield Change(op=Op.REMOVED, path=f"{path}[{_short(each)}]", old=each, trail=(*trail, ("item", each)))


def _keys_of(field: str, old: Sequence[Any], new: Sequence[Any]) -> tuple[str, ...] | None:
    """The merge keys of a list, None if it has none or two of its items share them."""
    items = (*old, *new)
    if not items or not all(isinstance(each, dict) for each in items):
        return None
    if field == "ports":
        keys: tuple[str, ...] | None = ("containerPort", "protocol")
        if "containerPort" not in items[0]:
            keys = ("port", "protocol")
    elif field == "rules":
        keys = ("host",) if all("host" in each for each in items) else None
    else:
        keys = _MERGED.get(field) or _TOLD.get(field)
    if keys is not None and any(len({_key(each, keys) for each in side}) < len(side) for side in (old, new)):
        return None
    return keys


def _key(item: Mapping[str, Any], keys: tuple[str, ...]) -> str:
    return "/".join(str(found) for name in keys if (found := _at(item, name)) is not None)


def _at(item: Mapping[str, Any], name: str) -> Any:
    first, _, rest = name.partition(".")
    value = item.get(first, "TCP" if first == "protocol" else None)
    return value.get(rest) if rest and isinstance(value, dict) else value


def _short(value: Any) -> str:
    if isinstance(value, dict):
        kind = value.get("type", "")
        body = value.get(kind[:1].lower() + kind[1:], {}) if isinstance(kind, str) else {}
        named = body.get("name") or (body.get("metric") or {}).get("name") if isinstance(body, dict) else ""
        return str(named or kind or "item")
    return str(value)


def _joined(path: str, key: str) -> str:
    """Keys with dots of their own stand in brackets."""
    if "." in key or "/" in key:
        return f"{path}[{key}]"
    return f"{path}.{key}" if path else key


def _empty(value: Any) -> bool:
    """An empty map, list or null is the same as none to the API server; 0, false and "" are values."""
    return value is None or (isinstance(value, dict | list) and not value)


def _same(old: Any, new: Any, field: str, trail: tuple[Step, ...]) -> bool:
    if _empty(old) and _empty(new):
        return True
    amount = field in _MAPS_OF_AMOUNTS or (field in _AMOUNTS and _is_amount(field, trail))
    if amount and _written(old) and _written(new):
        try:
            return equal(str(old), str(new))
        except PodliftError:
            return bool(old == new)
    if field in _COUNTS and _written(old) and _written(new):
        return str(old) == str(new)
    numbers = all(isinstance(each, int | float) and not isinstance(each, bool) for each in (old, new))
    return bool(old == new) and (type(old) is type(new) or numbers)


def _is_amount(field: str, trail: tuple[Step, ...]) -> bool:
    """``value`` is an amount in an HPA's target, and a text in env."""
    return field != "value" or ("key", "target") in trail


def _written(value: Any) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)

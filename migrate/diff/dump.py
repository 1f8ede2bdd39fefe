"""What ``kubectl get … -o json`` printed: live objects, compared offline."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from converters.errors import PodliftError

from ..documents import Document, parse_documents
from ..input_file import read_bytes
from ..plan.objects import Key


@dataclass(frozen=True, slots=True, kw_only=True)
class Dump:
    """Live objects by kind, namespace and name. ``name``: the file's, for people. ``namespace``: the one where objects
    lie of which the plan names none; None: nobody knows."""

    name: str
    objects: Mapping[Key, Mapping[str, Any]] = field(default_factory=dict, repr=False)
    namespace: str | None = None
    _named: dict[tuple[str, str], list[Key]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def find(self, kind: str, namespace: str, name: str) -> tuple[Key, Mapping[str, Any]] | None:
        """The object. A plan that names no namespace is applied to the current one, which a dump does not tell: then
        the one of this name counts, that in ``default`` if there are several."""
        if namespace or self.namespace is not None:
            key = (kind, namespace or self.namespace or "", name)
            found = self.objects.get(key)
            if found is None and not namespace:
                # a kind that lies in no namespace
                key = (kind, "", name)
                found = self.objects.get(key)
            return None if found is None else (key, found)
        if not self._named:
            for key in self.objects:
                self._named.setdefault((key[0], key[2]), []).append(key)
        named = self._named.get((kind, name), [])
        default = (kind, "default", name)
        chosen = [default] if len(named) > 1 and default in named else named
        return (chosen[0], self.objects[chosen[0]]) if len(chosen) == 1 else None


def read_dump(path: Path | str) -> Dump:
    """The objects in a file (``-`` is not read here): a List, single objects, or several of either.

    Raises PodliftError ``bad-dump`` for what is no Kubernetes object, ``cannot-read``, and what parsing raises.
    """
    return dump_of(read_bytes(path, what="a dump"), name=str(path))


def dump_of(data: bytes, *, name: str) -> Dump:
    """As :func:`read_dump`, from bytes."""
    made: dict[Key, Mapping[str, Any]] = {}
    for document in parse_documents(data, name=name):
        for each in _objects(document, document.value):
            metadata = each["metadata"]
            made[(each["kind"], str(metadata.get("namespace") or ""), str(metadata["name"]))] = each
    return Dump(name=name, objects=made)


def _objects(document: Document, value: Any) -> Iterator[Mapping[str, Any]]:
    if not isinstance(value, dict) or not isinstance(value.get("kind"), str):
        raise _refusal(document, "this is no Kubernetes object: there is no kind in it")
    if value["kind"] == "List" or (value["kind"].endswith("List") and isinstance(value.get("items"), list)):
        # Items of a DeploymentList need not repeat their kind.
        kind = value["kind"].removesuffix("List")
        for item in value.get("items") or ():
            named = item if not kind or not isinstance(item, dict) else {"kind": kind, **item}
            yield from _objects(document, named)
        return
    metadata = value.get("metadata")
    if not isinstance(metadata, dict) or not metadata.get("name"):
        raise _refusal(document, f"a {value['kind']} without metadata.name")
    yield value


def _refusal(document: Document, reason: str) -> PodliftError:
    return PodliftError(
        code="bad-dump",
        phase="diff",
        subject=document.where(),
        reason=reason,
        next_step="give what kubectl get KIND -n NAMESPACE -o json printed, or a plan directory",
    )

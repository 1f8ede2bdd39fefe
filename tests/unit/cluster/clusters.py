"""A cluster that is a dict, for what only reads: inventories, promises, ``init``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from converters.errors import PodliftError
from migrate.cluster.discovery import Resource, group_of

GROUPS = {"apps": ("v1",), "storage.k8s.io": ("v1",), "networking.k8s.io": ("v1",)}


class KnownCluster:
    """``objects``: kind to objects. ``hidden``: kinds that may not be listed, and ``/metrics``."""

    name, server, namespace = "prod", "https://api.example:6443", "default"

    def __init__(
        self,
        objects: Mapping[str, list[dict[str, Any]]] | None = None,
        *,
        version: str = "v1.36.3",
        identity: str = "uid-1",
        groups: Mapping[str, tuple[str, ...]] | None = None,
        metrics: str = "",
        hidden: tuple[str, ...] = (),
    ) -> None:
        self._objects = objects or {}
        self._said = (version, identity)
        self._groups = {**GROUPS, **(groups or {})}
        self._metrics = metrics
        self._hidden = hidden

    def version(self) -> str:
        return self._said[0]

    def identity(self) -> str:
        return self._said[1]

    def groups(self) -> dict[str, tuple[str, ...]]:
        return dict(self._groups)

    def raw(self, path: str) -> str | None:
        return None if path in self._hidden else self._metrics

    def resource(self, api_version: str, kind: str) -> Resource:
        plural = f"{kind.lower()}{'es' if kind.endswith('s') else 's'}"
        return Resource(api_version=api_version, kind=kind, plural=plural, namespaced=False)

    def list(self, api_version: str, kind: str, _namespace: str | None = None) -> Iterator[dict[str, Any]]:
        self._refuse(api_version, kind)
        yield from self._objects.get(kind, ())

    def get(self, api_version: str, kind: str, namespace: str, name: str) -> dict[str, Any] | None:
        self._refuse(api_version, kind)
        for each in self._objects.get(kind, ()):
            if (each["metadata"].get("namespace", ""), each["metadata"]["name"]) == (namespace, name):
                return each
        return None

    def _refuse(self, api_version: str, kind: str) -> None:
        if kind in self._hidden:
            raise PodliftError(
                code="cluster-forbidden", phase="cluster", subject="prod", reason=f"may not list {kind}", next_step="-"
            )
        if kind == "Gateway" and group_of(api_version) not in self._groups:
            raise PodliftError(
                code="kind-not-served", phase="cluster", subject="prod", reason=f"no {kind}", next_step="-"
            )


def made(name: str, *, labels: Any = None, annotations: Any = None, namespace: str = "", **more: Any) -> dict[str, Any]:
    metadata = {"name": name, **({"labels": labels} if labels else {})}
    metadata |= {"annotations": annotations} if annotations else {}
    metadata |= {"namespace": namespace} if namespace else {}
    return {"metadata": metadata, **more}

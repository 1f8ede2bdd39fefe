"""target.yaml: what the destination cluster can do, as its file says it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from converters.quantity import parse
from converters.target import (
    NEWEST_VERSION,
    OLDEST_VERSION,
    Exposure,
    MetricNames,
    Site,
    StorageClass,
    Target,
)

from .documents import Document
from .input_file import body, read_checked
from .schemas.checking import refuse

CODE = "bad-target"

# Keys whose value the target takes as it is, but for the spelling of the name.
_PLAIN = {
    "identity": "identity",
    "podSecurity": "pod_security",
    "ingressClass": "ingress_class",
    "gateway": "gateway",
    "namespace": "namespace",
    "writeNamespaces": "write_namespaces",
    "mergeSites": "merge_sites",
    "hostLabels": "host_labels",
    "nodes": "nodes",
    "shares": "shares_policy",
    "isolation": "isolation",
    "gpuResource": "gpu_resource",
    "runtimeClasses": "runtime_classes",
}
_LISTS = {"unsafeSysctls": "unsafe_sysctls", "pullSecrets": "pull_secrets", "logDrivers": "log_drivers"}
_SETS = {"gates": "gates", "crds": "crds"}


def load_target(path: Path | str, *, name_as: str = "") -> Target:
    """The target that a file describes; what it leaves out is as :class:`Target` has it.

    Raises PodliftError ``bad-target`` with file, line and key, ``cannot-read``, and what parsing raises.
    """
    return target_of(read_checked(path, "target", code=CODE, name_as=name_as))


def target_of(document: Document) -> Target:
    """The target that a checked document describes."""
    given = body(document)
    made: dict[str, Any] = {attribute: given[key] for key, attribute in _PLAIN.items() if key in given}
    made |= {attribute: tuple(given[key]) for key, attribute in _LISTS.items() if key in given}
    made |= {attribute: frozenset(given[key]) for key, attribute in _SETS.items() if key in given}
    if "version" in given:
        made["version"] = _version(document, given["version"])
    if "storageClasses" in given:
        made["storage_classes"] = _storage_classes(document, given["storageClasses"])
    if "sites" in given:
        made["sites"] = tuple(Site(name=site, node_labels=labels) for site, labels in given["sites"].items())
    if "exposure" in given:
        made["exposure"] = _exposure(given["exposure"])
    if "images" in given:
        made["image_rewrites"] = tuple(given["images"].items())
    if "metrics" in given:
        made["metrics"] = MetricNames(**given["metrics"])
    requests = given.get("requests", {})
    if "cpu" in requests:
        made["cpu_request_m"] = int(parse(requests["cpu"]) * 1000)
    if "memory" in requests:
        made["memory_request_bytes"] = int(parse(requests["memory"]))
    if given.get("sites") and given.get("mergeSites"):
        refuse(document, ("mergeSites",), CODE, "sites are listed and merged at once", "keep one of the two")
    return Target(**made, stated=True)


def _version(document: Document, text: str) -> tuple[int, int]:
    major, minor = (int(part) for part in text.split(".")[:2])
    if not OLDEST_VERSION <= (major, minor) <= NEWEST_VERSION:
        oldest, newest = (".".join(map(str, each)) for each in (OLDEST_VERSION, NEWEST_VERSION))
        reason = f"podlift knows Kubernetes {oldest} to {newest}, not {text}"
        refuse(document, ("version",), CODE, reason, f'write the nearest one that it knows, for example "{newest}"')
    return major, minor


def _storage_classes(document: Document, given: Any) -> tuple[StorageClass, ...]:
    rows: list[Mapping[str, Any]] = given if isinstance(given, list) else [{"name": k, **v} for k, v in given.items()]
    made = tuple(
        StorageClass(
            name=row["name"],
            access_modes=tuple(row.get("accessModes", ("ReadWriteOnce",))),
            default=row.get("default", False),
        )
        for row in rows
    )
    defaults = [each.name for each in made if each.default]
    if len(defaults) > 1:
        reason = f"{' and '.join(defaults)} are both the default"
        refuse(document, ("storageClasses",), CODE, reason, "let one of them be the default")
    return made


def _exposure(given: Any) -> tuple[Exposure, ...]:
    pairs = given.items() if isinstance(given, dict) else ((row["match"], row["become"]) for row in given)
    return tuple(Exposure(match=match, become=become) for match, become in pairs)

"""What every object module needs to know beside the workload: names, target, decisions, and where the pod stands.

Metadata is made here and nowhere else, so that no object can lack the labels by which ``diff`` and ``cutover`` find
what is ours.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..decisions import Decisions
from ..names import NameMap
from ..target import Target

MANAGED_BY = "app.kubernetes.io/managed-by"
WORKLOAD = "podlift.dev/workload"
ESTATE = "podlift.dev/estate"
SITE = "podlift.dev/site"
SOURCE_WORKLOAD = "podlift.dev/source-workload"

LABEL_LIMIT = 63
_LABEL_VALUE = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """
    estate  name of the estate, for the label ``podlift.dev/estate``
    pods    where the pod templates of the workload at hand stand, as prefixes of targets:
            ``Deployment/web:spec.template``, ``CronJob/web:spec.jobTemplate.spec.template``; one for each controller
            (several where sites or instances are split)
    """

    names: NameMap
    target: Target = field(default_factory=Target)
    decisions: Decisions = field(default_factory=Decisions)
    estate: str = "default"
    pods: tuple[str, ...] = ()

    def name(self, workload: str) -> str:
        """The Kubernetes name of a workload: what its controller, ConfigMap, Secret and HPA bear."""
        return self.names.workloads[workload]

    def namespace(self, workload: str) -> str:
        """``""``: no namespace is written, kubectl's current one counts."""
        return self.names.namespaces.get(workload, "")

    def labels(self, workload: str, site: str = "") -> dict[str, str]:
        """The labels that every object and every pod of a workload carries."""
        labels = {
            MANAGED_BY: "podlift",
            ESTATE: label_value(self.estate),
            WORKLOAD: label_value(self.name(workload)),
        }
        if site:
            labels[SITE] = label_value(site)
        return labels

    def selector(self, workload: str, site: str = "") -> dict[str, str]:
        """What a Service selects by; with ``site`` also a controller's matchLabels where sites are split."""
        selector = {WORKLOAD: label_value(self.name(workload))}
        if site:
            selector[SITE] = label_value(site)
        return selector

    def metadata(
        self,
        workload: str,
        suffix: str = "",
        *,
        name: str = "",
        site: str = "",
        annotations: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Metadata of an object: ``name`` where one is given, else the workload's with ``suffix`` (``-env``)."""
        made: dict[str, Any] = {"name": name or suffixed(self.name(workload), suffix)}
        if namespace := self.namespace(workload):
            made["namespace"] = namespace
        made["labels"] = self.labels(workload, site)
        made["annotations"] = {SOURCE_WORKLOAD: workload, **dict(sorted((annotations or {}).items()))}
        return made

    def in_pod(self, path: str) -> tuple[str, ...]:
        """Targets of a path in the pod template, in each controller: ``spec.containers[web].image``."""
        return tuple(f"{pod}.{path}" for pod in self.pods)


def label_value(text: str) -> str:
    """A legal label value (at most 63 of letters, digits, ``-_.``): ``text`` itself where it is one. Else it is made
    one and gets a hash of the original, so that different texts stay different."""
    if len(text) <= LABEL_LIMIT and _LABEL_VALUE.fullmatch(text):
        return text
    legal = re.sub(r"[^A-Za-z0-9_.-]+", "-", text).strip("-_.")
    return suffixed(legal or "x", "-" + short_hash(text))


def suffixed(name: str, suffix: str, limit: int = LABEL_LIMIT) -> str:
    """``name`` and ``suffix`` within ``limit`` characters; where the name must be cut, a hash keeps it apart from
    others that are cut to the same."""
    if len(name) + len(suffix) <= limit:
        return name + suffix
    tail = "-" + short_hash(name) + suffix
    return name[: limit - len(tail)].rstrip("-_.") + tail


def short_hash(*texts: str) -> str:
    """Eight hexadecimal digits that follow from the texts alone."""
    return hashlib.sha256("\0".join(texts).encode("utf-8", "surrogatepass")).hexdigest()[:8]


def unique(wanted: Iterable[str], limit: int = LABEL_LIMIT) -> list[str]:
    """The wanted names in order, repeats numbered (``data``, ``data-2``), each at most ``limit`` characters."""
    given: set[str] = set()
    result = []
    for name in wanted:
        candidate, n = name[:limit].rstrip("-"), 1
        while candidate in given:
            n += 1
            tail = f"-{n}"
            candidate = name[: limit - len(tail)].rstrip("-") + tail
        given.add(candidate)
        result.append(candidate)
    return result

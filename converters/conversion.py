"""One workload's conversion, whole, in order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .fields.verdict import Finding, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """
    objects         Kubernetes objects as plain JSON-shaped dicts, in the order of application; empty if withheld
    secrets         Secret objects (with data): they are no manifests and lie apart
    extras          files beside the manifests: name to text (a prometheus-adapter rule)
    blocked         codes of the blocking verdicts for which the workload is withheld
    answers_used    lines of decisions.yaml that took effect
    """

    workload: str
    objects: tuple[dict[str, Any], ...] = ()
    secrets: tuple[dict[str, Any], ...] = ()
    extras: dict[str, str] = field(default_factory=dict)
    verdicts: tuple[Verdict, ...] = ()
    findings: tuple[Finding, ...] = ()
    blocked: tuple[str, ...] = ()
    controller: str = ""
    replicas: tuple[tuple[str, int], ...] = ()
    answers_used: frozenset[int] = frozenset()

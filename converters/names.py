"""Names: from what the legacy side allowed to what Kubernetes allows, injective over the estate and deterministic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class NameMap:
    """
    workloads   workload to the name that its controller, ConfigMap, Secret, HPA … bear
    namespaces  workload to namespace (``""``: none written, kubectl's current one)
    services    (workload, legacy name) to Service name, for every name that something may use
    hosts       legacy host name to the DNS name to use instead, where the legacy name is no Service name
    claims      (workload, volume as ``kind:name``) to PersistentVolumeClaim name; shared volumes map to one name
    """

    workloads: Mapping[str, str] = field(default_factory=dict)
    namespaces: Mapping[str, str] = field(default_factory=dict)
    services: Mapping[tuple[str, str], str] = field(default_factory=dict)
    hosts: Mapping[str, str] = field(default_factory=dict)
    claims: Mapping[tuple[str, str], str] = field(default_factory=dict)

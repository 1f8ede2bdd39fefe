"""The target: what the destination cluster can do and how podlift uses it. Never "desired state": that is the plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

OLDEST_VERSION = (1, 31)
NEWEST_VERSION = (1, 37)


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageClass:
    """``access_modes``: ReadWriteOnce, ReadWriteMany, ReadWriteOncePod, ReadOnlyMany."""

    name: str
    access_modes: tuple[str, ...] = ("ReadWriteOnce",)
    default: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """What a public port becomes: ClusterIP, NodePort, LoadBalancer, hostPort or route. ``match``: ``*``, a port
    (``443``, ``53/udp``), or ``workload`` and port joined by a slash and a colon (``web:443/tcp``)."""

    match: str
    become: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """How a legacy site stands in the cluster: node labels that tie its controller to it."""

    name: str
    node_labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricNames:
    """Where autoscaling finds its numbers. ``source``: ``prometheus-adapter`` or ``""`` (none said). ``requests``
    and ``latency``: a query template with ``{service}``, ``{namespace}``, ``{percentile}`` (0.95)."""

    source: str = ""
    requests: str = ""
    latency: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """
    version            (major, minor)
    gates              feature gates known to be on
    pod_security       the level that namespaces enforce: privileged, baseline or restricted
    crds               groups that are installed: ``gateway.networking.k8s.io`` …
    gateway            ``namespace/name`` of the Gateway that routes attach to
    unsafe_sysctls     what the kubelets allow, ``net.core.*`` patterns
    namespace          where objects go: a name, or ``{group}`` for the legacy group's
    write_namespaces   write Namespace objects
    sites              empty and not merged: undecided where a workload has several
    merge_sites        one controller for all sites
    host_labels        legacy host label to node label; ``host``: the node label that holds a legacy host's name
    nodes              legacy host name to node name
    image_rewrites     prefix to prefix, the longest match wins
    pull_secrets       names of Secrets that exist
    cpu_request_m      default request where nothing is said; memory_request_bytes: None leaves it out
    shares_policy      ``ignore`` or ``proportional`` (1024 shares are one CPU)
    isolation          ``none`` or ``networkpolicy``
    gpu_resource       resource name of GPUs
    identity           the UID of the cluster's namespace kube-system; ``""``: not said which cluster it is
    stated             False: no target file, defaults of this module
    """

    version: tuple[int, int] = OLDEST_VERSION
    gates: frozenset[str] = frozenset()
    storage_classes: tuple[StorageClass, ...] = ()
    pod_security: str = "baseline"
    crds: frozenset[str] = frozenset()
    ingress_class: str = ""
    gateway: str = ""
    unsafe_sysctls: tuple[str, ...] = ()
    namespace: str = ""
    write_namespaces: bool = False
    sites: tuple[Site, ...] = ()
    merge_sites: bool = False
    host_labels: Mapping[str, str] = field(default_factory=dict)
    nodes: Mapping[str, str] = field(default_factory=dict)
    exposure: tuple[Exposure, ...] = ()
    image_rewrites: tuple[tuple[str, str], ...] = ()
    pull_secrets: tuple[str, ...] = ()
    metrics: MetricNames = field(default_factory=MetricNames)
    cpu_request_m: int = 100
    memory_request_bytes: int | None = None
    shares_policy: str = "ignore"
    isolation: str = "none"
    gpu_resource: str = "nvidia.com/gpu"
    runtime_classes: Mapping[str, str] = field(default_factory=dict)
    log_drivers: tuple[str, ...] = ()
    identity: str = ""
    stated: bool = False

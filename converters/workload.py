"""The neutral model: what one application is, in no scheduler's words.

Every attribute that came from a document names its origins, so that the converter can say what became of each:
scalars in ``origins`` of the value that owns them (attribute name to atoms), elements of lists in an ``origins`` of
their own. Durations are seconds (float), sizes bytes, CPU millicores; ``None`` means "nobody said".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from .fields.verdict import Finding, Origins


class Protocol(StrEnum):
    TCP = "tcp"
    UDP = "udp"
    SCTP = "sctp"


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretRef:
    """A reference to a value kept elsewhere: ``name`` of the secret, ``key`` in it (``""``: the variable's name)."""

    name: str
    key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Env:
    """One environment variable. ``value`` None with no ``ref`` and no ``runtime``: the image's variable is unset here.

    secret     the value is secret (see secrecy.py): it goes to a Secret, never to a manifest
    withheld   the value was redacted in the capture: its Secret key must be filled by hand
    runtime    a value that only the running pod knows: ``pod_ip``, ``host_ip``, ``node_name``, ``pod_name``,
               ``container_port(NAME)``
    """

    name: str
    value: str | None = None
    ref: SecretRef | None = None
    runtime: str = ""
    secret: bool = False
    withheld: bool = False
    origins: Origins = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A host address and port on which a container port answers. ``host_port`` 0: the engine chooses one."""

    host_ip: str = ""
    host_port: int = 0
    origins: Origins = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """A port of a container. ``name`` as the legacy config called it, ``""`` if nobody named it."""

    container_port: int
    protocol: Protocol = Protocol.TCP
    name: str = ""
    published: tuple[Published, ...] = ()
    origins: Origins = ()


class MountKind(StrEnum):
    BIND = "bind"
    VOLUME = "volume"
    ANONYMOUS = "anonymous"
    TMPFS = "tmpfs"
    IMAGE = "image"
    NPIPE = "npipe"
    CLUSTER = "cluster"
    SECRET = "secret"
    CONFIG = "config"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """Something mounted into a container.

    source       host path, volume name or image reference, by kind
    size_bytes   of a tmpfs (0: unlimited), or of a volume where it was measured or configured (None: unknown)
    mode         of a tmpfs, as an octal number (0o1777); None: the engine's default
    driver, driver_options   of the volume
    options      what else was said, by Docker's names: propagation, nocopy, z, Z, non-recursive, subpath, …
    content      for a volume whose image has files at the target: the volume starts as a copy of them (copy-up)
    file         for a bind: the source is a file (True), a directory (False), unknown (None)
    """

    kind: MountKind
    target: str
    source: str = ""
    read_only: bool = False
    size_bytes: int | None = None
    mode: int | None = None
    driver: str = ""
    driver_options: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)
    content: bool | None = None
    file: bool | None = None
    shared_with: tuple[str, ...] = ()
    origins: Origins = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A ulimit. -1 is unlimited."""

    name: str
    soft: int
    hard: int
    origins: Origins = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    host_path: str
    container_path: str
    permissions: str = "rwm"
    origins: Origins = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceRequest:
    """GPUs and the like. ``count`` -1 is all."""

    driver: str = ""
    count: int = 0
    device_ids: tuple[str, ...] = ()
    capabilities: tuple[tuple[str, ...], ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)
    origins: Origins = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One string of a set: a capability, a group, a DNS server, a security option."""

    value: str
    origins: Origins = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One entry of a map: a sysctl, a label, an extra host, a log option."""

    key: str
    value: str
    origins: Origins = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A present field for which the model has no attribute of its own: ``code`` says what it is (codes.py), and the
    converter says what became of it. Unknown fields arrive as code ``unknown-field``."""

    code: str
    value: Any
    origins: Origins


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A network that the container is on.

    options    static addresses, MAC, driver and its options, by Docker's names
    isolation  what said that it is internal, or that its containers do not reach each other (icc)
    """

    name: str
    aliases: tuple[Item, ...] = ()
    options: tuple[Pair, ...] = ()
    links: tuple[Pair, ...] = ()
    internal: bool = False
    icc: bool = True
    driver: str = ""
    isolation: tuple[Pair, ...] = ()
    origins: Origins = ()


class CheckKind(StrEnum):
    EXEC = "exec"
    HTTP = "http"
    TCP = "tcp"
    GRPC = "grpc"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A health check.

    argv            of an exec check, as it is executed (a shell string is already ``[shell…, string]``)
    port            container port of the others; None: not known
    host_port       the port was given on the host's side: it is to be translated
    codes           accepted HTTP codes, as text (``200-299,301``); ``""``: the scheduler's default
    gates_traffic   an instance gets requests only while it passes
    restarts        the scheduler replaces an instance that fails it
    failures        consecutive failures until unhealthy
    start_period_s  failures within it do not count
    disabled        the image has a check and this container turned it off
    """

    kind: CheckKind = CheckKind.EXEC
    argv: tuple[str, ...] = ()
    port: int | None = None
    host_port: bool = False
    scheme: str = "http"
    path: str = "/"
    host: str = ""
    headers: tuple[Pair, ...] = ()
    codes: str = ""
    body: str = ""
    service: str = ""
    interval_s: float | None = None
    timeout_s: float | None = None
    failures: int | None = None
    successes: int | None = None
    start_period_s: float | None = None
    start_interval_s: float | None = None
    gates_traffic: bool = True
    restarts: bool = False
    disabled: bool = False
    origins: Mapping[str, Origins] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """What a container runs.

    reference    as it was asked for (``reg.example/web:4.2``)
    digest       the index digest that the registry knows (``sha256:…``), from RepoDigests; ``""``: none
    repository   repository of that digest
    local_only   the engine has it and no registry does, as far as can be seen
    id           the image ID on the instance's host: differs by architecture
    platforms    ``linux/amd64`` …, of all instances
    """

    reference: str = ""
    digest: str = ""
    repository: str = ""
    local_only: bool = False
    id: str = ""
    platforms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """One container of a workload, with the image's own defaults already subtracted.

    entrypoint, args    what the pod must say: None = the image's own; ``()`` = cleared. Both are execution lists.
    user, group         numbers where they could be resolved, else the name as it was
    cpu_limit_m         millicores; cpu_shares: Docker's weight
    seccomp             ``default``, ``unconfined`` or a profile's JSON/path; apparmor likewise
    settings            see Setting
    inherited           what the image gives where the document says nothing of its own: entrypoint, args, working_dir,
                        user, and ``env NAME`` for each variable. A config that spells it out agrees with it; nothing
                        of it enters an object
    """

    name: str
    image: Image = field(default_factory=Image)
    entrypoint: tuple[str, ...] | None = None
    args: tuple[str, ...] | None = None
    working_dir: str | None = None
    env: tuple[Env, ...] = ()
    ports: tuple[Port, ...] = ()
    publish_all: bool = False
    mounts: tuple[Mount, ...] = ()
    checks: tuple[Check, ...] = ()
    user: str | None = None
    group: str | None = None
    groups: tuple[Item, ...] = ()
    tty: bool = False
    stdin: bool = False
    stdin_once: bool = False
    privileged: bool = False
    cap_add: tuple[Item, ...] = ()
    cap_drop: tuple[Item, ...] = ()
    seccomp: str = "default"
    apparmor: str = ""
    selinux: tuple[Pair, ...] = ()
    no_new_privileges: bool = False
    unmasked_paths: bool = False
    read_only_root: bool = False
    cpu_limit_m: float | None = None
    cpu_request_m: float | None = None
    cpu_shares: int | None = None
    memory_limit_bytes: int | None = None
    memory_request_bytes: int | None = None
    shm_bytes: int | None = None
    init: bool = False
    ulimits: tuple[Limit, ...] = ()
    devices: tuple[Device, ...] = ()
    device_requests: tuple[DeviceRequest, ...] = ()
    log_driver: str = ""
    log_options: tuple[Pair, ...] = ()
    labels: tuple[Pair, ...] = ()
    annotations: tuple[Pair, ...] = ()
    settings: tuple[Setting, ...] = ()
    inherited: Mapping[str, Any] = field(default_factory=dict)
    origins: Mapping[str, Origins] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteCount:
    """Instances at a site; ``""`` is the one site of an estate that has none."""

    site: str
    count: int
    origins: Origins = ()


class Controller(StrEnum):
    """What keeps a workload's pods alive. UNKNOWN: no document says, the converter's table decides by evidence."""

    UNKNOWN = "unknown"
    DEPLOYMENT = "deployment"
    STATEFULSET = "statefulset"
    DAEMONSET = "daemonset"
    JOB = "job"
    CRONJOB = "cronjob"


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A cron schedule of five fields. ``concurrency``: Allow, Forbid or Replace."""

    cron: str
    time_zone: str = ""
    concurrency: str = ""
    starting_deadline_s: float | None = None
    origins: Mapping[str, Origins] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Restart:
    """``policy``: ``no``, ``always``, ``unless-stopped``, ``on-failure``; attempts of on-failure (0: no end)."""

    policy: str = "no"
    attempts: int = 0
    origins: Origins = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Termination:
    """``grace_s`` None: Docker's ten seconds. ``drain_s``: time between leaving discovery and the stop signal."""

    grace_s: float | None = None
    signal: str = ""
    drain_s: float | None = None
    pre_stop: tuple[str, ...] = ()
    origins: Mapping[str, Origins] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """How new instances replace old ones.

    max_surge, max_unavailable   count as text (``1``) or per cent (``25%``)
    order                        start-first or stop-first
    failure_action               pause, continue, rollback
    """

    max_surge: str = ""
    max_unavailable: str = ""
    parallelism: int | None = None
    order: str = ""
    delay_s: float | None = None
    monitor_s: float | None = None
    min_healthy_s: float | None = None
    deadline_s: float | None = None
    failure_action: str = ""
    max_failure_ratio: float | None = None
    origins: Mapping[str, Origins] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One autoscaling rule.

    kind        cpu, memory, requests (a second), latency, query
    per         instance or total
    target      cpu and memory: fraction of ``basis`` (0.7); requests: a second; latency: seconds; query: its own
    basis       what the fraction is of: request, limit, host, share
    percentile  of latency
    query       of kind query: the query or metric name as the legacy side had it
    """

    kind: str
    target: float
    per: str = "instance"
    basis: str = "request"
    percentile: float | None = None
    query: str = ""
    origins: Origins = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """How far one scaling action may go: ``direction`` up or down, ``amount`` of pods or per cent, each period."""

    direction: str
    amount: int
    unit: str = "pods"
    period_s: float | None = None
    origins: Origins = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaling:
    min: tuple[SiteCount, ...] = ()
    max: tuple[SiteCount, ...] = ()
    metrics: tuple[Metric, ...] = ()
    cooldown_out_s: float | None = None
    cooldown_in_s: float | None = None
    steps: tuple[Step, ...] = ()
    origins: Mapping[str, Origins] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraint:
    """Where instances may run: ``attribute`` (host, site, arch or a host label), ``operator`` in, not-in, exists,
    not-exists, like; ``values``; a ``weight`` of 1 to 100 makes it a wish."""

    attribute: str
    operator: str = "in"
    values: tuple[str, ...] = ()
    weight: int | None = None
    origins: Origins = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Instances spread over ``over`` (host, site, or a host label): at most ``max_per`` on each (None: evenly)."""

    over: str
    max_per: int | None = None
    required: bool = True
    origins: Origins = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """HTTP traffic from outside by host name and path."""

    host: str = ""
    path: str = "/"
    port: str = ""
    tls: bool = False
    origins: Origins = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """A name by which others reach the workload: container name, alias, service name, link. ``network`` it is on."""

    name: str
    network: str = ""
    kind: str = "alias"
    origins: Origins = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A machine with an engine. ``address``: by which the cluster can reach it."""

    name: str
    url: str = ""
    address: str = ""
    site: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """One running copy of a workload on the legacy side.

    name      the container's; id its ID (never in a plan)
    state     running, restarting, exited, created, paused, dead
    image_id  on its host; platform ``linux/arm64``
    exit_code, started_s_ago, restarts   evidence for the controller table
    """

    name: str
    host: str
    site: str = ""
    id: str = ""
    document: str = ""
    state: str = "running"
    image_id: str = ""
    platform: str = ""
    exit_code: int = 0
    uptime_s: float | None = None
    restarts: int = 0
    listening: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A field in which a workload's instances differ, by instance.

    subject  the atom, as decisions name it (``port 80/tcp``, ``env SHARD``, ``volume /data``, ``hostname``)
    values   ``(instance, value as text)``, in order of instance
    origins  the atoms on each side
    ordinal  the value as a template in which ``{n}`` stands for a number that grows by one from instance to
             instance (``shard-{n}``, ``{n}``, ``data-{n}``); ``own`` for a named volume that each instance has of its
             own on its own host; ``""`` where the value does not follow from the pod's index
    first    what ``{n}`` is for the first instance (StatefulSet's ordinals.start)
    """

    subject: str
    values: tuple[tuple[str, str], ...]
    origins: Origins = ()
    ordinal: str = ""
    first: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Overruled:
    """A value that lost: config against running. ``by``: what won, as text."""

    attribute: str
    value: str
    by: str
    origins: Origins = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """One application as the legacy scheduler knew it.

    name            as the legacy side knew it (not yet a Kubernetes name)
    namespace_hint  group, project or path it stood under
    grouping_key    ``label:KEY=VALUE``, ``env:KEY=VALUE`` or ``name:REGEX``: finds its instances again
    controller      what the config said, else UNKNOWN
    network_mode    ``bridge``, ``host``, ``none`` or a user-defined network's; pid_mode, ipc_mode, uts_mode,
                    userns_mode: ``""``, ``host``, ``shared`` (with another container of the workload), …
    scheduler       who owned it: docker, compose, swarm, marathon, nomad, …, a mapping's name
    on_every_host   exactly one instance runs on each host that was read, and there are several hosts
    references      other workloads whose names stand in its environment, arguments or checks
    """

    name: str
    namespace_hint: str = ""
    grouping_key: str = ""
    scheduler: str = ""
    controller: Controller = Controller.UNKNOWN
    containers: tuple[Container, ...] = ()
    replicas: tuple[SiteCount, ...] = ()
    schedule: Schedule | None = None
    restart: Restart = field(default_factory=Restart)
    termination: Termination = field(default_factory=Termination)
    rollout: Rollout | None = None
    scaling: Scaling | None = None
    constraints: tuple[Constraint, ...] = ()
    spread: tuple[Spread, ...] = ()
    routes: tuple[Route, ...] = ()
    names: tuple[Name, ...] = ()
    networks: tuple[Network, ...] = ()
    network_mode: str = "bridge"
    pid_mode: str = ""
    ipc_mode: str = ""
    uts_mode: str = ""
    userns_mode: str = ""
    hostname: str = ""
    domainname: str = ""
    sysctls: tuple[Pair, ...] = ()
    extra_hosts: tuple[Pair, ...] = ()
    dns: tuple[Item, ...] = ()
    dns_search: tuple[Item, ...] = ()
    dns_options: tuple[Item, ...] = ()
    runtime: str = ""
    auto_remove: bool = False
    on_every_host: bool = False
    references: tuple[str, ...] = ()
    instances: tuple[Instance, ...] = ()
    differences: tuple[Difference, ...] = ()
    overruled: tuple[Overruled, ...] = ()
    settings: tuple[Setting, ...] = ()
    findings: tuple[Finding, ...] = ()
    origins: Mapping[str, Origins] = field(default_factory=dict)

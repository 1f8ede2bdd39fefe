"""The words of a mapping: each section, the attributes it takes, and what each must be.

Data that the validator, the reader, the draft and the reference all read; nothing about a clause stands anywhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

SCHEMA = "podlift.dev/mapping/v1"

KINDS = {
    "text": "a text or a number",
    "image": "an image reference",
    "bool": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "bytes": "a size",
    "cpu": "an amount of CPU",
    "seconds": "a duration",
    "words": "a list of texts",
    "map": "a map of texts",
    "port": "a port's number or name",
    "any": "anything",
}


@dataclass(frozen=True, slots=True)
class Attribute:
    """``kind`` is one of KINDS; ``to`` the model's attribute where it is called otherwise (it bears its unit);
    ``least``, ``most`` and ``positive`` bound a number of an element."""

    kind: str = "text"
    to: str = ""
    choices: tuple[str, ...] = ()
    least: int | None = None
    most: int | None = None
    positive: bool = False


@dataclass(frozen=True, slots=True)
class Element:
    """An element of a list.

    main        the attribute that ``from:`` fills where no transform says otherwise
    transforms  kinds of transforms that fill several attributes of it
    required    attributes without which it is nothing
    whole       attributes that take a transform of several fields beside ``from`` (``target`` of a check)
    """

    name: str
    attributes: Mapping[str, Attribute]
    main: str = ""
    transforms: frozenset[str] = frozenset({"fields"})
    required: tuple[str, ...] = ()
    whole: tuple[str, ...] = ()


PORTS, COUNTS = 65535, (1 << 31) - 1


def _bools(*names: str) -> dict[str, Attribute]:
    return {name: Attribute("bool") for name in names}


def _texts(*names: str) -> dict[str, Attribute]:
    return {name: Attribute() for name in names}


_PAIR = Element(
    "pair", _texts("name", "value"), main="value", transforms=frozenset({"fields", "pairs"}), required=("name",)
)
_ITEM = Element("item", _texts("value"), main="value", required=("value",))

ENV = Element(
    "env",
    {**_texts("name", "value", "secret_name", "secret_key", "runtime"), **_bools("secret")},
    main="value",
    transforms=frozenset({"fields", "pairs", "env"}),
    required=("name",),
)
PORT = Element(
    "port",
    {
        **_texts("name", "host_ip"),
        "container_port": Attribute("integer", least=1, most=PORTS),
        # 0: one that the scheduler chose
        "host_port": Attribute("integer", least=0, most=PORTS),
        "protocol": Attribute(choices=("tcp", "udp", "sctp")),
    },
    main="container_port",
    transforms=frozenset({"fields", "ports"}),
    required=("container_port",),
)
MOUNT = Element(
    "mount",
    {
        **_texts("target", "source", "mode", "driver"),
        "kind": Attribute(choices=("bind", "volume", "anonymous", "tmpfs", "image", "secret", "config")),
        "read_only": Attribute("bool"),
        "size": Attribute("bytes", to="size_bytes"),
        "options": Attribute("map"),
        "driver_options": Attribute("map"),
    },
    transforms=frozenset({"fields", "mounts"}),
    required=("target",),
)
LIMIT = Element(
    "ulimit",
    {"name": Attribute(), "soft": Attribute("integer"), "hard": Attribute("integer")},
    main="soft",
    transforms=frozenset({"fields", "ulimits"}),
    required=("name", "soft"),
)
DEVICE = Element(
    "device",
    _texts("host_path", "container_path", "permissions"),
    transforms=frozenset({"fields", "devices"}),
    required=("host_path",),
)
DEVICE_REQUEST = Element(
    "device request",
    {"driver": Attribute(), "count": Attribute("integer"), "device_ids": Attribute("words")},
    main="count",
)
CHECK = Element(
    "check",
    {
        **_texts("scheme", "path", "host", "codes", "body", "service"),
        **_bools("host_port", "gates_traffic", "restarts"),
        "kind": Attribute(choices=("exec", "http", "tcp", "grpc")),
        "argv": Attribute("words"),
        "port": Attribute("port"),
        "port_index": Attribute("integer"),
        "headers": Attribute("map"),
        "interval": Attribute("seconds", to="interval_s"),
        "timeout": Attribute("seconds", to="timeout_s"),
        "failures": Attribute("integer"),
        "successes": Attribute("integer"),
        "start_period": Attribute("seconds", to="start_period_s"),
        "start_interval": Attribute("seconds", to="start_interval_s"),
        "container": Attribute(),
    },
    required=("kind",),
    whole=("target",),
)
SITE = Element(
    "count of a site",
    {"site": Attribute(), "count": Attribute("integer", least=0, most=COUNTS), "name": Attribute()},
    main="count",
)
METRIC = Element(
    "metric",
    {
        "kind": Attribute(choices=("cpu", "memory", "requests", "latency", "query")),
        "target": Attribute("number", positive=True),
        "per": Attribute(choices=("instance", "total")),
        "basis": Attribute(choices=("request", "limit", "host", "share")),
        "percentile": Attribute("number"),
        "query": Attribute(),
    },
    main="target",
    required=("kind", "target"),
)
STEP = Element(
    "step",
    {
        "direction": Attribute(choices=("up", "down")),
        "amount": Attribute("integer", least=1, most=COUNTS),
        "unit": Attribute(choices=("pods", "percent")),
        "period": Attribute("seconds", to="period_s"),
    },
    main="amount",
    required=("direction", "amount"),
)
CONSTRAINT = Element(
    "constraint",
    {
        "attribute": Attribute(),
        "operator": Attribute(choices=("in", "not-in", "exists", "not-exists", "like")),
        "values": Attribute("words"),
        "weight": Attribute("integer"),
    },
    main="values",
    required=("attribute",),
)
SPREAD = Element(
    "spread",
    {"over": Attribute(), "max_per": Attribute("integer"), "required": Attribute("bool")},
    main="over",
    required=("over",),
)
ROUTE = Element("route", {**_texts("host", "path", "port"), "tls": Attribute("bool")}, main="host")
NAME = Element("name", _texts("name", "network", "kind"), main="name", required=("name",))
NETWORK = Element(
    "network",
    {"name": Attribute(), "aliases": Attribute("words"), "internal": Attribute("bool"), "driver": Attribute()},
    main="name",
    required=("name",),
)

CONTAINER: Mapping[str, Attribute] = {
    "name": Attribute(),
    "image": Attribute("image"),
    "entrypoint": Attribute("words"),
    "args": Attribute("words"),
    **_texts("working_dir", "user", "group", "seccomp", "apparmor", "log_driver"),
    **_bools("tty", "stdin", "privileged", "init", "read_only_root", "no_new_privileges", "publish_all"),
    "cpu_limit": Attribute("cpu", to="cpu_limit_m"),
    "cpu_request": Attribute("cpu", to="cpu_request_m"),
    "cpu_shares": Attribute("integer"),
    "memory_limit": Attribute("bytes", to="memory_limit_bytes"),
    "memory_request": Attribute("bytes", to="memory_request_bytes"),
    "shm": Attribute("bytes", to="shm_bytes"),
}
CONTAINER_LISTS: Mapping[str, Element] = {
    "env": ENV,
    "ports": PORT,
    "mounts": MOUNT,
    "checks": CHECK,
    "ulimits": LIMIT,
    "devices": DEVICE,
    "device_requests": DEVICE_REQUEST,
    "groups": _ITEM,
    "cap_add": _ITEM,
    "cap_drop": _ITEM,
    "labels": _PAIR,
    "annotations": _PAIR,
    "log_options": _PAIR,
    "selinux": _PAIR,
}
WORKLOAD: Mapping[str, Attribute] = {
    **_texts("network_mode", "pid_mode", "ipc_mode", "uts_mode", "userns_mode", "hostname", "domainname", "runtime"),
    "auto_remove": Attribute("bool"),
}
WORKLOAD_LISTS: Mapping[str, Element] = {
    "constraints": CONSTRAINT,
    "spread": SPREAD,
    "routes": ROUTE,
    "names": NAME,
    "networks": NETWORK,
    "sysctls": _PAIR,
    "extra_hosts": _PAIR,
    "dns": _ITEM,
    "dns_search": _ITEM,
    "dns_options": _ITEM,
}


@dataclass(frozen=True, slots=True)
class Group:
    """A section that is one value: its attributes and its lists. ``needs``: without one of these it is nothing (a
    least count alone is no autoscaling)."""

    attributes: Mapping[str, Attribute]
    lists: Mapping[str, Element] = field(default_factory=dict)
    needs: tuple[str, ...] = ()


GROUPS: Mapping[str, Group] = {
    "restart": Group(
        {
            "policy": Attribute(choices=("no", "always", "unless-stopped", "on-failure")),
            "attempts": Attribute("integer"),
        },
        needs=("policy",),
    ),
    "schedule": Group(
        {
            "cron": Attribute(),
            "time_zone": Attribute(),
            "concurrency": Attribute(choices=("Allow", "Forbid", "Replace")),
            "starting_deadline": Attribute("seconds", to="starting_deadline_s"),
        },
        needs=("cron",),
    ),
    "termination": Group(
        {
            "grace": Attribute("seconds", to="grace_s"),
            "signal": Attribute(),
            "drain": Attribute("seconds", to="drain_s"),
            "pre_stop": Attribute("words"),
        }
    ),
    "rollout": Group(
        {
            "max_surge": Attribute(),
            "max_unavailable": Attribute(),
            "parallelism": Attribute("integer"),
            "order": Attribute(choices=("start-first", "stop-first")),
            "delay": Attribute("seconds", to="delay_s"),
            "monitor": Attribute("seconds", to="monitor_s"),
            "min_healthy": Attribute("seconds", to="min_healthy_s"),
            "deadline": Attribute("seconds", to="deadline_s"),
            "failure_action": Attribute(choices=("pause", "continue", "rollback")),
            "max_failure_ratio": Attribute("number"),
        }
    ),
    "scaling": Group(
        {
            "cooldown_out": Attribute("seconds", to="cooldown_out_s"),
            "cooldown_in": Attribute("seconds", to="cooldown_in_s"),
        },
        lists={"min": SITE, "max": SITE, "metrics": METRIC, "steps": STEP},
        needs=("max", "metrics"),
    ),
}

CONTROLLERS = ("deployment", "statefulset", "daemonset", "job", "cronjob")

SETTINGS = (
    "blkio", "cgroup-parent", "cpu-realtime", "cpuset", "device-cgroup-rule", "kernel-memory", "mac-address",
    "memory-swap", "memory-swappiness", "oom-kill-disable", "oom-score", "pids-limit", "security-option",
    "storage-option", "umask", "volumes-from",
)  # fmt: skip
"""What the model has no attribute for, by its code: ``settings: {cpuset: resources.cpuset}``."""

RUNTIME = ("pod_ip", "host_ip", "node_name", "pod_name")
"""What a placeholder may stand for, beside ``container_port(NAME)``."""

TOP = (
    "schema", "scheduler", "documents", "joins", "workloads", "instances", "placeholders", "containers", "checks",
    "ignore", *WORKLOAD, *WORKLOAD_LISTS, *GROUPS,
)  # fmt: skip

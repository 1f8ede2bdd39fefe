"""A running container and a running pod in one form: what the process in it gets, whoever said it.

Pure: a container's inspect document with its image's, or a pod's object with that image's, to a Normal. Values are
effective ones: what an image gives where nobody says otherwise is filled in on both sides, and what either side injects
by itself (a scheduler's variables, the service account's mount) is left out on both.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from converters.errors import PodliftError
from converters.objects.storage import DOCKER_SHM_BYTES
from converters.quantity import parse
from converters.sources.inspect_process import Accounts

from .walk import Change, Op, changes

Document = Mapping[str, Any]

# What Docker and containerd both give a process that asks for nothing.
_CAPABILITIES = frozenset(
    (
        "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "NET_RAW",
        "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
    )
)  # fmt: skip
_ACCOUNT_MOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
_SHM = "/dev/shm"  # noqa: S108
_KINDS = {"bind": "host", "volume": "volume", "tmpfs": "memory", "cluster": "volume", "image": "image"}
_SOURCES = {
    "hostPath": "host",
    "persistentVolumeClaim": "volume",
    "nfs": "volume",
    "csi": "volume",
    "ephemeral": "volume",
    "iscsi": "volume",
    "configMap": "file",
    "secret": "file",
    "projected": "file",
    "downwardAPI": "file",
    "image": "image",
}
_NANOSECONDS = 1e9
_REFERENCE = re.compile(r"\$\$|\$\(([A-Za-z_.\-][A-Za-z0-9_.\-]*)\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """A value that cannot be read here. ``why``: for people."""

    why: str


Look = Callable[[str, str, str], str | Unknown | None]
"""Kind (ConfigMap, Secret), name and key to the value; None where there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Normal:
    """
    image         digests by which its content is known: of the registry's index, of the configuration
    ports         ``80/tcp``; mounts: target to kind (host, volume, memory, file, image) and whether it is read-only
    limits        cpu in millicores, memory in bytes; absent: none
    user          uid, gid, groups: numbers where the image's accounts tell them
    checks        what is asked, how often (seconds) and how many failures count; one: that which gates traffic, else
                  that which restarts
    unknown       variables whose value cannot be read here, with the reason
    secret        variables whose values are shown to nobody
    """

    image: frozenset[str] = frozenset()
    argv: tuple[str, ...] = ()
    working_dir: str = "/"
    env: Mapping[str, str] = field(default_factory=dict)
    ports: Mapping[str, bool] = field(default_factory=dict)
    mounts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    limits: Mapping[str, int] = field(default_factory=dict)
    user: Mapping[str, Any] = field(default_factory=dict)
    capabilities: Mapping[str, bool] = field(default_factory=dict)
    privileged: bool = False
    read_only_root: bool = False
    checks: Mapping[str, Any] = field(default_factory=dict)
    unknown: Mapping[str, str] = field(default_factory=dict)
    secret: frozenset[str] = frozenset()


def normal_changes(container: Normal, pod: Normal) -> tuple[Change, ...]:
    """What is otherwise in the pod. A variable that one side cannot read is left out of both."""
    left = {*container.unknown, *pod.unknown}
    one, other = _body(container, left), _body(pod, left)
    if one["checks"] and other["checks"]:
        # what nobody said of the legacy check is not known to differ
        other["checks"] = {name: each for name, each in other["checks"].items() if name in one["checks"]}
    for side in (one, other):
        if not side["checks"]:
            del side["checks"]
    found = list(changes(one, other))
    if container.image and pod.image and not container.image & pod.image:
        found.append(Change(op=Op.CHANGED, path="image", old=min(container.image), new=min(pod.image)))
    return tuple(found)


def _body(normal: Normal, left: Collection[str]) -> dict[str, Any]:
    made = asdict(normal)
    for name in ("image", "unknown", "secret"):
        del made[name]
    made["env"] = {name: value for name, value in normal.env.items() if name not in left}
    made["argv"] = list(normal.argv)
    made["workingDir"], made["readOnlyRoot"] = made.pop("working_dir"), made.pop("read_only_root")
    return made


# ---------------------------------------------------------------- a container of an engine


def normal_container(
    document: Document,
    image: Document | None,
    *,
    accounts: Accounts | None = None,
    injected: Collection[str] = (),
    checks: Sequence[Document] = (),
) -> Normal:
    """
    document  as the engine's inspect gives it, with what the image gives merged in
    injected  variables that the legacy scheduler writes into each instance
    checks    what the plan knows of checks that the scheduler made, where the container has none of its own
    """
    config, host = document.get("Config") or {}, document.get("HostConfig") or {}
    known = accounts or Accounts()
    own = _health(config)
    return Normal(
        image=_digests(document, image),
        argv=_argv(document, config),
        working_dir=config.get("WorkingDir") or "/",
        env={name: value for name, value in _pairs(config.get("Env")).items() if name not in injected},
        ports=dict.fromkeys(sorted({*(config.get("ExposedPorts") or ()), *(host.get("PortBindings") or ())}), True),
        mounts=_mounts_of(document, host),
        limits=_limits_of(host),
        user=_user(str(config.get("User") or ""), known, host.get("GroupAdd") or ()),
        capabilities=_capabilities(host.get("CapAdd"), host.get("CapDrop"), bool(host.get("Privileged"))),
        privileged=bool(host.get("Privileged")),
        read_only_root=bool(host.get("ReadonlyRootfs")),
        checks=own if own is not None else _planned(checks),
    )


def _argv(document: Document, config: Document) -> tuple[str, ...]:
    path, args = document.get("Path"), document.get("Args")
    if path or args:
        return (*((str(path),) if path else ()), *map(str, args or ()))
    entrypoint, command = config.get("Entrypoint") or (), config.get("Cmd") or ()
    entrypoint = (entrypoint,) if isinstance(entrypoint, str) else entrypoint
    return (*map(str, entrypoint), *map(str, command))


def _digests(document: Document, image: Document | None) -> frozenset[str]:
    found = {str(document.get("Image") or "")}
    for each in (image or {}).get("RepoDigests") or ():
        found.add(str(each).rpartition("@")[2])
    found.add(str((image or {}).get("Id") or ""))
    found.add(str((document.get("Config") or {}).get("Image") or "").partition("@")[2])
    return frozenset(each for each in found if each.startswith("sha256:"))


def _pairs(entries: Any) -> dict[str, str]:
    made: dict[str, str] = {}
    for each in entries or ():
        name, given, value = str(each).partition("=")
        if given:
            made[name] = value
        else:
            made.pop(name, None)
    return made


def _mounts_of(document: Document, host: Document) -> dict[str, Mapping[str, Any]]:
    made: dict[str, Mapping[str, Any]] = {
        str(each.get("Destination")).rstrip("/") or "/": {
            "kind": _KINDS.get(str(each.get("Type")), str(each.get("Type"))),
            "readOnly": not each.get("RW", True),
        }
        for each in document.get("Mounts") or ()
    }
    for target, options in (host.get("Tmpfs") or {}).items():
        made.setdefault(target.rstrip("/"), {"kind": "memory", "readOnly": "ro" in str(options).split(",")})
    if host.get("ShmSize") not in (None, 0, DOCKER_SHM_BYTES) and host.get("IpcMode") in (
        None,
        "",
        "private",
        "shareable",
    ):
        made.setdefault(_SHM, {"kind": "memory", "readOnly": False})
    return made


def _limits_of(host: Document) -> dict[str, int]:
    made: dict[str, int] = {}
    if host.get("NanoCpus"):
        made["cpu"] = round(host["NanoCpus"] / 1e6)
    elif (host.get("CpuQuota") or 0) > 0:
        made["cpu"] = round(host["CpuQuota"] * 1000 / (host.get("CpuPeriod") or 100_000))
    if (host.get("Memory") or 0) > 0:
        made["memory"] = int(host["Memory"])
    return made


def _health(config: Document) -> dict[str, Any] | None:
    """None where the container has no check of its own; empty where it turned one off."""
    check = config.get("Healthcheck") or {}
    test = check.get("Test") or ()
    if not test:
        return None
    if test[0] == "NONE":
        return {}
    shell = config.get("Shell") or ["/bin/sh", "-c"]
    argv = list(test[1:]) if test[0] == "CMD" else [*shell, *test[1:]]
    return {
        "asks": {"exec": argv},
        "interval": (check.get("Interval") or 30 * _NANOSECONDS) / _NANOSECONDS,
        "timeout": (check.get("Timeout") or 30 * _NANOSECONDS) / _NANOSECONDS,
        "failures": check.get("Retries") or 3,
    }


def _planned(checks: Sequence[Document]) -> dict[str, Any]:
    """A check of plan.json: that which gates traffic, else the first."""
    live = [each for each in checks if not each.get("disabled")]
    check = next((each for each in live if each.get("gates_traffic")), live[0] if live else None)
    if check is None:
        return {}
    kind = str(check["kind"])
    asks: Any = list(check.get("argv", ())) if kind == "exec" else {"port": check.get("port")}
    if kind == "http":
        asks["path"] = check.get("path", "/")
    made = {"interval": check.get("interval_s"), "timeout": check.get("timeout_s"), "failures": check.get("failures")}
    return {"asks": {kind: asks}, **{name: value for name, value in made.items() if value is not None}}


# ---------------------------------------------------------------- a container of a pod


def normal_pod(
    pod: Document, name: str, image: Document | None, *, accounts: Accounts | None = None, look: Look | None = None
) -> Normal:
    """The container ``name`` of a pod. ``image``: the image's document as an engine has it, whose defaults count where
    the pod says nothing. ``look`` reads what the pod takes from ConfigMaps and Secrets.

    Raises KeyError where the pod has no such container.
    """
    spec = pod["spec"]
    container = next((each for each in spec.get("containers", ()) if each["name"] == name), None)
    if container is None:
        raise KeyError(name)
    own = (image or {}).get("Config") or {}
    security, shared = container.get("securityContext") or {}, spec.get("securityContext") or {}
    env = _Environment(pod, container, own, look)
    user = _first("runAsUser", security, shared)
    group = _first("runAsGroup", security, shared)
    text = str(own.get("User") or "") if user is None else str(user)
    text = f"{text.partition(':')[0] or '0'}:{group}" if group is not None else text
    privileged = bool(security.get("privileged"))
    capabilities = security.get("capabilities") or {}
    return Normal(
        image=_digests_of(pod, container),
        argv=tuple(expanded(word, env.values) for word in _words(container, own)),
        working_dir=container.get("workingDir") or own.get("WorkingDir") or "/",
        env=env.values,
        ports={
            f"{each['containerPort']}/{str(each.get('protocol', 'TCP')).lower()}": True
            for each in container.get("ports", ())
        },
        mounts=_mounts_in(spec, container),
        limits=_limits_in(container),
        user=_user(text, accounts or Accounts(), shared.get("supplementalGroups") or ()),
        capabilities=_capabilities(capabilities.get("add"), capabilities.get("drop"), privileged),
        privileged=privileged,
        read_only_root=bool(security.get("readOnlyRootFilesystem")),
        checks=_probe(container),
        unknown=env.unknown,
        secret=frozenset(env.secret),
    )


def _first(key: str, *places: Document) -> Any:
    return next((place[key] for place in places if place.get(key) is not None), None)


def _words(container: Document, own: Document) -> tuple[str, ...]:
    """As a kubelet has it: a command of the pod's own leaves the image's arguments out."""
    command, args = container.get("command"), container.get("args")
    first = command or own.get("Entrypoint") or ()
    second = args or (() if command else own.get("Cmd") or ())
    return (*map(str, first), *map(str, second))


def expanded(text: str, values: Mapping[str, str]) -> str:
    """``$(NAME)`` as its value where there is one, ``$$`` as one dollar."""

    def one(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        return values.get(match[1], match[0])

    return _REFERENCE.sub(one, text)


class _Environment:
    """A pod's variables, in their order, as a kubelet gives them. What it injects for Services is not of the pod."""

    def __init__(self, pod: Document, container: Document, own: Document, look: Look | None) -> None:
        self.values = _pairs(own.get("Env"))
        self.unknown: dict[str, str] = {}
        self.secret: set[str] = set()
        self._pod = pod
        self._container = container
        self._look = look
        for each in container.get("env", ()):
            self._take(str(each["name"]), each)

    def _take(self, name: str, each: Document) -> None:
        source = each.get("valueFrom")
        value: str | Unknown | None
        if source is None:
            value = expanded(str(each.get("value", "")), self.values)
        elif "fieldRef" in source:
            value = self._field(str(source["fieldRef"]["fieldPath"]))
        elif "secretKeyRef" in source:
            self.secret.add(name)
            value = self._kept("Secret", source["secretKeyRef"])
        elif "configMapKeyRef" in source:
            value = self._kept("ConfigMap", source["configMapKeyRef"])
        else:
            value = Unknown(why="it follows from the pod's resources")
        self.values.pop(name, None)
        self.unknown.pop(name, None)
        if isinstance(value, Unknown):
            self.unknown[name] = value.why
        elif value is not None:
            self.values[name] = value

    def _kept(self, kind: str, reference: Document) -> str | Unknown | None:
        if self._look is None:
            return Unknown(why=f"{kind}s are not read here")
        return self._look(kind, str(reference["name"]), str(reference["key"]))

    def _field(self, path: str) -> str | Unknown:
        match = re.fullmatch(r"metadata\.(labels|annotations)\['([^']+)'\]", path)
        if match:
            return str(((self._pod["metadata"].get(match[1])) or {}).get(match[2], ""))
        value: Any = self._pod
        for part in path.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        return Unknown(why=f"the pod has no {path} yet") if value is None else str(value)


def _digests_of(pod: Document, container: Document) -> frozenset[str]:
    found = {str(container.get("image", "")).partition("@")[2]}
    for status in (pod.get("status") or {}).get("containerStatuses") or ():
        if status.get("name") == container["name"]:
            found |= {str(status.get(key, "")).rpartition("@")[2] for key in ("imageID", "image")}
    return frozenset(each.removeprefix("docker-pullable://") for each in found if each.startswith("sha256:"))


def _mounts_in(spec: Document, container: Document) -> dict[str, Mapping[str, Any]]:
    volumes = {each["name"]: each for each in spec.get("volumes", ())}
    made: dict[str, Mapping[str, Any]] = {}
    for mount in container.get("volumeMounts", ()):
        target = str(mount["mountPath"]).rstrip("/") or "/"
        if target == _ACCOUNT_MOUNT:
            continue
        kind, fixed = _source(volumes.get(mount["name"], {}))
        made[target] = {"kind": kind, "readOnly": bool(mount.get("readOnly", False)) or fixed}
    return made


def _source(volume: Document) -> tuple[str, bool]:
    """The kind of a volume, and whether it can be read only, whatever its mount says."""
    if "emptyDir" in volume:
        return ("memory" if (volume["emptyDir"] or {}).get("medium") == "Memory" else "volume"), False
    name = next((each for each in volume if each in _SOURCES), "")
    kind = _SOURCES.get(name, "volume")
    return kind, kind in ("file", "image") or bool((volume.get(name) or {}).get("readOnly"))


def _limits_in(container: Document) -> dict[str, int]:
    limits = (container.get("resources") or {}).get("limits") or {}
    made: dict[str, int] = {}
    for name, factor in (("cpu", 1000), ("memory", 1)):
        if name in limits:
            try:
                made[name] = round(parse(str(limits[name])) * factor)
            except PodliftError:
                continue
    return made


def _probe(container: Document) -> dict[str, Any]:
    probe = container.get("readinessProbe") or container.get("livenessProbe")
    if not probe:
        return {}
    asks: dict[str, Any] = {}
    if "exec" in probe:
        asks["exec"] = list(probe["exec"].get("command", ()))
    elif "httpGet" in probe:
        asks["http"] = {"port": _port(container, probe["httpGet"]["port"]), "path": probe["httpGet"].get("path", "/")}
    elif "tcpSocket" in probe:
        asks["tcp"] = {"port": _port(container, probe["tcpSocket"]["port"])}
    elif "grpc" in probe:
        asks["grpc"] = {"port": probe["grpc"]["port"]}
    return {
        "asks": asks,
        "interval": probe.get("periodSeconds", 10),
        "timeout": probe.get("timeoutSeconds", 1),
        "failures": probe.get("failureThreshold", 3),
    }


def _port(container: Document, port: Any) -> Any:
    """The number of a port that a probe calls by its name."""
    named = {each.get("name"): each["containerPort"] for each in container.get("ports", ())}
    return named.get(port, port)


# ---------------------------------------------------------------- both


def _user(text: str, accounts: Accounts, groups: Sequence[Any]) -> dict[str, Any]:
    """``text`` as Docker writes a user: ``app``, ``1000``, ``1000:1000``, empty for root."""
    user, _, group = text.partition(":")
    user = user or "0"
    if not user.isdigit():
        found = accounts.user(user)
        if found is not None:
            user, primary = found
            group = group or primary
    elif not group:
        group = _primary(user, accounts)
    if group and not group.isdigit():
        group = accounts.gid(group) or group
    named = [str(each) if str(each).isdigit() else accounts.gid(str(each)) or str(each) for each in groups]
    return {"uid": user, "gid": group or "0", "groups": dict.fromkeys(sorted(set(named)), True)}


def _primary(uid: str, accounts: Accounts) -> str:
    for line in accounts.passwd.splitlines():
        parts = line.split(":")
        if len(parts) > 3 and parts[2] == uid:
            return parts[3]
    return "0"


def _capabilities(add: Any, drop: Any, privileged: bool) -> dict[str, bool]:
    added, dropped = ({str(each).upper().removeprefix("CAP_") for each in side or ()} for side in (add, drop))
    if privileged or ("ALL" in added and not dropped - {"ALL"}):
        return {"ALL": True}
    kept = set() if "ALL" in dropped else set(_CAPABILITIES)
    if "ALL" in added:
        return dict.fromkeys(("ALL", *(f"not {each}" for each in sorted(dropped - {"ALL"}))), True)
    return dict.fromkeys(sorted((kept | added) - (dropped - added)), True)

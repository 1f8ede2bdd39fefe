"""Host paths: what a bind becomes is the user's to say, but for paths whose meaning is known."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from ..errors import PodliftError
from ..workload import Mount, MountKind
from .claims import claim, existing, object_name
from .pod_security import refused
from .volumes import RECURSION_OPTIONS, Group, Place, Volume, reads_recursively, remarks

SHM = "/dev/shm"  # noqa: S108 (a mount path in a pod, not a file of ours)
HOST_PATH, HOST_PATH_PINNED = "hostPath", "hostPath+pin"
RECURSIVE_SINCE = (1, 31)
_NFS = re.compile(r"(?P<server>\[[0-9a-fA-F:.]+\]|[^:/\s]+):(?P<path>/.*)")
_KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}", re.ASCII)
_BIDIRECTIONAL = frozenset({"shared", "rshared"})
_HOST_TO_CONTAINER = frozenset({"slave", "rslave"})


@dataclass(frozen=True, slots=True)
class _Known:
    """``become``: drop, host (where the target admits it), lost (host where admitted, else dropped), memory, ask."""

    paths: tuple[str, ...]
    become: str
    why: str
    below: bool = False


_SOCKET = "the socket of the container engine: nodes of a cluster may have none, and who has it is root on its node"
_KNOWN = (
    _Known(
        ("/etc/localtime", "/etc/timezone"),
        "lost",
        "the host's time zone: set TZ in the environment if local time matters",
    ),
    _Known(
        ("/etc/hosts", "/etc/hostname"), "drop", "a pod's own file in place of the host's, with the pod's host aliases"
    ),
    _Known(("/etc/resolv.conf",), "drop", "a pod's own file in place of the host's, with the cluster's name servers"),
    _Known((SHM,), "memory", "memory of the pod's own: processes of the node outside it do not share it"),
    _Known(
        (
            "/var/run/docker.sock", "/run/docker.sock", "/run/containerd/containerd.sock",
            "/var/run/containerd/containerd.sock", "/run/podman/podman.sock", "/var/run/podman/podman.sock",
        ),
        "ask",
        _SOCKET,
    ),
    _Known(("/proc", "/sys", "/dev"), "host", "the node's own kernel files", below=True),
    _Known(("/lib/modules", "/usr/lib/modules", "/usr/src"), "host", "the node's own kernel modules", below=True),
    _Known(("/",), "host", "the node's whole file system"),
    _Known(
        ("/var/lib/docker", "/var/lib/containerd"),
        "ask",
        "the engine's own data: on a node it lies elsewhere and looks different",
        below=True,
    ),
    _Known(
        ("/var/log",), "ask", "the host's logs: a node keeps its own there, and pods' under /var/log/pods", below=True
    ),
    _Known(
        (
            "/etc/ssl", "/etc/pki", "/etc/ca-certificates", "/usr/share/ca-certificates",
            "/usr/local/share/ca-certificates", "/etc/letsencrypt",
        ),
        "ask",
        "certificates of the host: a ConfigMap or Secret can hold them, or the image has its own",
        below=True,
    ),
)  # fmt: skip


def known_path(source: str) -> _Known | None:
    """The rule for a host path, by its spelling: links are the host's and not known here."""
    path = source.rstrip("/") or "/"
    for known in _KNOWN:
        if path in known.paths or (known.below and any(path.startswith(f"{each}/") for each in known.paths)):
            return known
    return None


def bind(group: Group, *, place: Place, name: str) -> Volume | None:
    """What a host path becomes; None where nothing is mounted, and the ledger was told why.

    Raises PodliftError ``answer-unfit`` for an answer that is none of the code's options.
    """
    mount = group.first.mount
    answer = place.ledger.ask("bind", group.origins, group.first.subject)
    if answer is not None:
        return _answered(group, answer, place, name)
    known = known_path(mount.source)
    admitted = place.context.target.pod_security == "privileged"
    if known is None or known.become == "ask":
        what = f"{mount.source}: {known.why}" if known else f"{mount.source}: a path of the host"
        place.ledger.undecided(group.origins, "bind", why=what, subject=group.first.subject)
        return None
    if known.become == "drop" or (known.become == "lost" and not admitted):
        place.ledger.dropped(group.origins, "bind-known", why=f"{mount.source}: {known.why}")
        return None
    if known.become == "memory":
        return Volume(source={"emptyDir": {"medium": "Memory"}}, wanted="shm", code="bind-known", why=(known.why,))
    made = _host_path(group, place)
    return None if made is None else replace(made, code="bind-known", why=(known.why, *made.why))


def bind_of(mount: Mount) -> Mount | None:
    """The mount as a bind: it is one, or a volume of the local driver that is nothing but a host path
    (``type=none,o=bind,device=PATH``)."""
    if mount.kind is MountKind.BIND:
        return mount
    options = mount.driver_options
    words = options.get("o", "").split(",")
    local = mount.kind is MountKind.VOLUME and mount.driver in ("", "local")
    if local and options.get("device", "").startswith("/") and ("bind" in words or "rbind" in words):
        read_only = mount.read_only or "ro" in words
        return replace(mount, kind=MountKind.BIND, source=options["device"], read_only=read_only, content=False)
    return None


def _answered(group: Group, answer: str, place: Place, name: str) -> Volume | None:
    mount = group.first.mount
    kind, _, rest = answer.partition(":")
    decided = f"{mount.source}: {answer}, as decided"
    left = tuple(remarks(mount))
    if answer == "drop":
        place.ledger.dropped(group.origins, "bind", why=f"{mount.source}: left out, as decided")
        return None
    if answer in (HOST_PATH, HOST_PATH_PINNED):
        on_node = _host_path(group, place)
        return None if on_node is None else replace(on_node, persistent=True)
    if answer == "emptyDir":
        return Volume(source={"emptyDir": {}}, wanted=name, code="bind", why=(decided, *left))
    if kind in ("configmap", "secret") and rest:
        source, sub_path = object_volume(kind, rest, mount, code="bind")
        why = (decided, *left, *(("a file mounted alone never changes in a running pod",) if sub_path else ()))
        return Volume(source=source, wanted=name, code="bind", why=why, sub_path=sub_path, read_only=True)
    if kind == "claim" and rest:
        return Volume(source=existing(rest, "bind"), wanted=name, code="bind", why=(decided, *left), persistent=True)
    if kind == "pvc" and rest:
        made = claim(group, place=place, volume=name, size=rest)
        if made is None:
            return None
        why = (decided, "the path's content must be copied", *made.why, *left)
        return Volume(source=made.source, wanted=name, code="bind", why=why, targets=made.targets, persistent=True)
    export = _NFS.fullmatch(rest) if kind == "nfs" else None
    if export is not None:
        return nfs_volume(
            group, place, name, code="bind", server=export["server"], path=export["path"], why=(decided, *left)
        )
    raise PodliftError(
        code="answer-unfit",
        phase="convert",
        subject=f"bind {mount.source}",
        reason=f"{answer!r} is not what a host path can become",
        next_step="answer with one of the options that podlift explain bind lists",
    )


def nfs_volume(
    group: Group, place: Place, name: str, *, code: str, server: str, path: str, why: tuple[str, ...]
) -> Volume | None:
    what = f"the NFS export {server}:{path}"
    if refused(
        "baseline", group.origins, what=what, context=place.context, ledger=place.ledger, subject=group.first.subject
    ):
        return None
    export: dict[str, Any] = {"server": server.strip("[]"), "path": path}
    if group.read_only:
        export["readOnly"] = True
    return Volume(source={"nfs": export}, wanted=name, code=code, why=why, persistent=True)


def object_volume(kind: str, answer: str, mount: Mount, *, code: str) -> tuple[dict[str, Any], str]:
    """The volume of an existing ConfigMap or Secret, ``NAME`` or ``NAME/KEY``; and the key that is mounted alone, for
    a file: as answered, else the file's own name."""
    name, _, key = answer.partition("/")
    object_name(name, code)
    if not key and mount.file:
        key = (mount.source or mount.target).rstrip("/").rpartition("/")[2]
    if key and (_KEY.fullmatch(key) is None or key.startswith("..") or key == "."):
        raise PodliftError(
            code="answer-unfit",
            phase="convert",
            subject=f"{code} {mount.source or mount.target}",
            reason=f"{key!r} is no key of a ConfigMap or Secret",
            next_step=f"answer {kind}:NAME/KEY with the key that holds the file",
        )
    mode = {"defaultMode": mount.mode & 0o777} if mount.mode else {}
    if kind == "secret":
        return {"secret": {"secretName": name, **mode}}, key
    return {"configMap": {"name": name, **mode}}, key


def _host_path(group: Group, place: Place) -> Volume | None:
    mount = group.first.mount
    if refused(
        "privileged",
        group.origins,
        what=f"the host path {mount.source}",
        context=place.context,
        ledger=place.ledger,
        subject=group.first.subject,
    ):
        return None
    propagation, said = _propagation(group)
    why = [f"{mount.source} of the node: its content must lie on every node that runs the pod", *said]
    known = ("propagation", "create-mountpoint", *RECURSION_OPTIONS)
    why += [text.replace("the runtime's matter", "not set on a host path") for text in remarks(mount, known=known)]
    host_path: dict[str, Any] = {"path": mount.source, "type": _type(mount)}
    recursive = place.context.target.version >= RECURSIVE_SINCE and reads_recursively(mount)
    if mount.read_only and recursive:
        why.append("mounts below it are read-only too where the node can")
    return Volume(
        source={"hostPath": host_path},
        wanted=mount.target.strip("/") or "root",
        code="bind",
        why=tuple(why),
        propagation=propagation,
        recursive=recursive,
    )


def _type(mount: Mount) -> str:
    """The kubelet's check before it mounts; ``""`` is none."""
    if "create-mountpoint" in mount.options:
        return "DirectoryOrCreate"
    if mount.source.endswith(".sock"):
        return "Socket"
    return {True: "File", False: "Directory", None: ""}[mount.file]


def _propagation(group: Group) -> tuple[str, list[str]]:
    """``mountPropagation`` and what is not the same. The API server takes Bidirectional of privileged containers
    only."""
    asked = group.first.mount.options.get("propagation", "")
    if asked in _BIDIRECTIONAL:
        if all(use.container.privileged for use in group.uses):
            return "Bidirectional", []
        return "HostToContainer", [f"{asked}: mounts made in the container do not reach the node, it is not privileged"]
    if asked in _HOST_TO_CONTAINER:
        return "HostToContainer", []
    return "", []

"""The volumes of a pod as they are gathered: what mounts them, under which names, and what is said of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ..fields.ledger import Ledger
from ..fields.verdict import Origins
from ..names import legal
from ..workload import Container, Controller, Mount, Workload
from .context import Context, unique

_SAID_ELSEWHERE = frozenset({"subpath", "nocopy", "propagation", "size"})
_OF_READING = frozenset({"read-only-non-recursive", "read-only-force-recursive"})
_NO_COUNTERPART = {
    "z": "the SELinux label is the runtime's matter (z)",
    "Z": "the SELinux label is the runtime's matter (Z)",
    "consistency": "consistency means nothing on Linux",
    "non-recursive": "mounts below it come along (non-recursive)",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """A mount of one container. ``claim`` is its key in NameMap.claims."""

    container: Container
    mount: Mount
    claim: str

    @property
    def subject(self) -> str:
        """How decisions name it where no document asks."""
        return mount_subject(self.container, self.mount)


def mount_subject(container: Container, mount: Mount) -> str:
    return f"{container.name}: mount {mount.target}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """All uses of one thing in the pod: containers of a pod that mounted one volume still share it."""

    key: str
    uses: tuple[Use, ...]

    @property
    def first(self) -> Use:
        return self.uses[0]

    @property
    def origins(self) -> Origins:
        return tuple(dict.fromkeys(source for use in self.uses for source in use.mount.origins))

    @property
    def read_only(self) -> bool:
        return all(use.mount.read_only for use in self.uses)


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """What a group becomes.

    source      the pod's volume without its name, ``{"emptyDir": {}}``; None: each pod's own claim, by a template
    wanted      from which its name is made
    code, why   of the verdict; ``why`` is a list of what is not quite the same, empty for exact
    todo        what to do about it; ``""``: the code's own
    targets     beside the volume and its mounts
    fresh       it starts empty, where the engine copies the image's files into it
    sub_path    of the mounts: a key of a ConfigMap or Secret that stands for a file
    recursive   ``recursiveReadOnly`` of read-only mounts
    read_only   it cannot be written, whatever the mount says
    persistent  its content outlives the pod and is written by the workload
    """

    source: dict[str, Any] | None
    wanted: str
    code: str
    why: tuple[str, ...] = ()
    todo: str = ""
    targets: tuple[str, ...] = ()
    fresh: bool = False
    sub_path: str = ""
    propagation: str = ""
    recursive: bool = False
    read_only: bool = False
    persistent: bool = False


@dataclass(slots=True, kw_only=True)
class Place:
    """Where storage is made: the workload, and what is known of its surroundings."""

    workload: Workload
    controller: Controller
    context: Context
    ledger: Ledger
    claims: list[dict[str, Any]] = field(default_factory=list)
    templates: list[dict[str, Any]] = field(default_factory=list)
    single_writer: bool = False


@dataclass(slots=True)
class PodVolumes:
    """Volumes in order of their first mount, names unique and legal; mounts by container."""

    place: Place
    volumes: list[dict[str, Any]] = field(default_factory=list)
    mounts: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    _taken: list[str] = field(default_factory=list)

    def name(self, wanted: str) -> str:
        """A legal name for a volume (an RFC 1123 label), not given before."""
        name = unique([*self._taken, legal(wanted)])[-1]
        self._taken.append(name)
        return name

    def add(self, name: str, source: dict[str, Any]) -> None:
        self.volumes.append({"name": name, **source})

    def mount(self, use: Use, name: str, volume: Volume) -> tuple[str, ...]:
        """Adds the mount; its targets."""
        made: dict[str, Any] = {"name": name, "mountPath": use.mount.target}
        read_only = use.mount.read_only or volume.read_only
        if read_only:
            made["readOnly"] = True
            if volume.recursive and not volume.propagation:
                forced = "read-only-force-recursive" in use.mount.options
                made["recursiveReadOnly"] = "Enabled" if forced else "IfPossible"
        if sub_path := volume.sub_path or use.mount.options.get("subpath", ""):
            made["subPath"] = sub_path
        if volume.propagation:
            made["mountPropagation"] = volume.propagation
        self.mounts.setdefault(use.container.name, []).append(made)
        return self.place.context.in_pod(f"spec.containers[{use.container.name}].volumeMounts[{use.mount.target}]")


def remarks(mount: Mount, *, known: Sequence[str] = ()) -> list[str]:
    """What a mount's options say that its volume does not, in words. ``known``: options that the caller heeds."""
    said = []
    for key, value in sorted(mount.options.items()):
        if key in _SAID_ELSEWHERE or key in known:
            continue
        if key.startswith("label:"):
            continue
        spelled = key if value == "true" else f"{key}={value}"
        said.append(_NO_COUNTERPART.get(key) or f"the option {spelled} has no counterpart")
    if mount.options.get("propagation") and "propagation" not in known:
        said.append(f"mounts do not propagate ({mount.options['propagation']}) but from a host path")
    return said


def reads_recursively(mount: Mount) -> bool:
    """Docker makes mounts below a read-only bind read-only too where the kernel can, since engine 25."""
    return "read-only-non-recursive" not in mount.options


RECURSION_OPTIONS = tuple(sorted(_OF_READING))

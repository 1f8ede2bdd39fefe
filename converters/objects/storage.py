"""Storage: what the mounts of a workload's containers become, as volumes of the pod and claims."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field, replace
from typing import Any

from .. import quantity
from ..fields.ledger import Ledger
from ..workload import Container, Controller, Mount, MountKind, Workload
from .binds import SHM, bind, bind_of, nfs_volume, object_volume
from .claims import EMPTY_DIR, Claimed, claim, existing, is_size, several_pods
from .context import Context
from .copy_up import ask_content, copy_up
from .image import full_name, rewrite, split_reference
from .volumes import Group, Place, PodVolumes, Use, Volume, remarks

DOCKER_SHM_BYTES = 64 << 20
# Beta and on by default since 1.35 (kubernetes, pkg/features: ImageVolume); before that by gate, since 1.31.
IMAGE_VOLUME_SINCE = (1, 35)
IMAGE_VOLUME_GATE = "ImageVolume"
_OPEN_MODES = (None, 0o777, 0o1777)
# Where images keep what may be made anew; a volume that an image declares anywhere else may hold data.
_SCRATCH = re.compile(r"/(?:tmp|run|var/(?:tmp|run|cache|log|lock|spool))(?:/.*)?")
_DATA = re.compile(
    r"/(?:data|db|srv|bitnami|backups?|uploads?|var/(?:lib|opt|www|backups?))(?:/.*)?|/.*/(?:data|db|storage|uploads)"
)
_NFS_TYPES = ("nfs", "nfs4")
_CIFS_TYPES = ("cifs", "smb3", "smb")


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """
    volumes          of the pod, in order of their first mount
    mounts           container name to its volumeMounts
    init_containers  that fill empty volumes
    claims           PersistentVolumeClaim objects; one that workloads share is made alike by each
    claim_templates  of a StatefulSet: ``metadata`` and ``spec``
    single_writer    two pods at once could spoil the data, or could not both mount it
    """

    volumes: list[dict[str, Any]] = field(default_factory=list)
    mounts: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    init_containers: list[dict[str, Any]] = field(default_factory=list)
    claims: list[dict[str, Any]] = field(default_factory=list)
    claim_templates: list[dict[str, Any]] = field(default_factory=list)
    single_writer: bool = False


def storage(workload: Workload, *, controller: Controller, context: Context, ledger: Ledger) -> Storage:
    """Volumes, mounts and claims, and the verdicts on every mount and on ``/dev/shm``."""
    place = Place(workload=workload, controller=controller, context=context, ledger=ledger)
    pod = PodVolumes(place)
    filling: list[dict[str, Any]] = []
    single = not several_pods(workload, controller, context)
    for group in _groups(workload, ledger):
        name = pod.name(_wanted(group))
        made = _volume(group, place, name)
        if made is None:
            continue
        filler, unclear = copy_up(group, place=place, volume=name) if made.fresh else (None, False)
        _mount(group, made, name, pod, filler)
        if filler is not None:
            filling.append(filler)
        if unclear:
            ask_content(group, place=place)
        # One that others use too is no exception: that they share it does not say that two copies of this one may.
        if made.persistent and single and not group.read_only:
            place.single_writer = True
    _shared_memory(workload, pod)
    return Storage(
        volumes=pod.volumes,
        mounts=pod.mounts,
        init_containers=filling,
        claims=place.claims,
        claim_templates=place.templates,
        single_writer=place.single_writer,
    )


def _groups(workload: Workload, ledger: Ledger) -> list[Group]:
    """Mounts by what they mount, in order; a path is mounted once in a container."""
    found: dict[str, list[Use]] = {}
    for container in workload.containers:
        taken: set[str] = set()
        for mount in container.mounts:
            place = mount.target.rstrip("/") or "/"
            if place in taken:
                why = f"{mount.target} is mounted already: the first mount counts"
                ledger.dropped(mount.origins, "mount-twice", why=why)
                continue
            taken.add(place)
            use = Use(
                container=container,
                mount=bind_of(mount) or mount,
                claim=f"{mount.kind}:{mount.source or mount.target}",
            )
            found.setdefault(_key(use), []).append(use)
    return [Group(key=key, uses=tuple(uses)) for key, uses in found.items()]


def _key(use: Use) -> str:
    """Binds of one path may become different things, by decision, and memory is each mount's own."""
    mount = use.mount
    if mount.kind in (MountKind.VOLUME, MountKind.ANONYMOUS, MountKind.CLUSTER) and mount.source:
        return f"{mount.kind}:{mount.source}"
    return f"{mount.kind}:{use.container.name}:{mount.target}"


def _wanted(group: Group) -> str:
    mount = group.first.mount
    named = mount.kind in (MountKind.VOLUME, MountKind.CLUSTER) and mount.source
    return mount.source if named else mount.target.strip("/") or "root"


def _mount(group: Group, made: Volume, name: str, pod: PodVolumes, filler: dict[str, Any] | None) -> None:
    place = pod.place
    targets = list(made.targets)
    if made.source is not None:
        pod.add(name, made.source)
        targets += place.context.in_pod(f"spec.volumes[{name}]")
    code, why = made.code, list(made.why)
    if filler is not None:
        code = "copy-up"
        why.append("an init container copies the image's files into it while it is empty, by sh and cp of the image")
        targets += place.context.in_pod(f"spec.initContainers[{filler['name']}]")
    for use in group.uses:
        at = (*targets, *pod.mount(use, name, made))
        if any(".VolumesFrom" in source.path for source in use.mount.origins):
            code, said = "volumes-from", ["the other container's volume, mounted here too", *why]
        else:
            said = why
        if said:
            place.ledger.approximated(use.mount.origins, code, *at, why="; ".join(said), todo=made.todo)
        else:
            place.ledger.exact(use.mount.origins, code, *at)


def _volume(group: Group, place: Place, name: str) -> Volume | None:
    """What a group becomes; None where nothing is mounted, and the ledger was told why."""
    kind = group.first.mount.kind
    if kind is MountKind.TMPFS:
        return _tmpfs(group.first.mount, group.first.mount.size_bytes)
    if kind is MountKind.BIND:
        return bind(group, place=place, name=name)
    if kind is MountKind.VOLUME:
        return _named(group, place, name)
    if kind is MountKind.ANONYMOUS:
        return _anonymous(group, place, name)
    if kind is MountKind.IMAGE:
        return _image(group, place, name)
    if kind in (MountKind.SECRET, MountKind.CONFIG):
        return _secret(group, place, name)
    return _unsupported(group, place, name, f"a mount of kind {kind}")


def _tmpfs(mount: Mount, size_bytes: int | None) -> Volume:
    """tmpfs of Docker is noexec, nosuid and nodev unless it is told otherwise (moby, daemon/oci_linux.go); an
    emptyDir is none of these, is 0777, and lives as long as the pod."""
    empty: dict[str, Any] = {"medium": "Memory"}
    if size_bytes:
        empty["sizeLimit"] = quantity.memory(size_bytes)
    why = ["it keeps its content when the container restarts, and programs can be run from it"]
    if mount.mode not in _OPEN_MODES:
        why.append(f"its mode was {mount.mode:o}, an emptyDir's is 777")
    if "size" in mount.options:
        why.append(f"a size of {mount.options['size']} cannot be said, it is not limited")
    return Volume(
        source={"emptyDir": empty},
        wanted=mount.target,
        code="tmpfs",
        why=(*why, *remarks(mount, known=("exec", "noexec", "suid", "nosuid", "dev", "nodev"))),
    )


def _named(group: Group, place: Place, name: str) -> Volume | None:
    mount = group.first.mount
    options = mount.driver_options
    kind = options.get("type", "")
    left = tuple(remarks(mount))
    if mount.driver in ("", "local"):
        if not options:
            return _claimed(group, place, name, claim(group, place=place, volume=name), "volume")
        if kind == "tmpfs":
            size = re.search(r"size=(\d+)([kmg]?)(?:,|$)", options.get("o", ""), re.IGNORECASE)
            size_bytes = int(size[1]) << {"": 0, "k": 10, "m": 20, "g": 30}[size[2].lower()] if size else None
            return _tmpfs(mount, size_bytes)
        if kind in _NFS_TYPES and (export := _export(options)) is not None:
            server, path, others = export
            why = (f"mount options {','.join(others)} are the node's own",) if others else ()
            return nfs_volume(group, place, name, code="volume-nfs", server=server, path=path, why=(*why, *left))
        if kind in _CIFS_TYPES:
            answer = place.ledger.ask("volume-cifs", group.origins, group.first.subject)
            if answer is None:
                open_ = f"{mount.source}: {options.get('device', 'a share')} on CIFS needs a CSI driver and a claim"
                place.ledger.undecided(group.origins, "volume-cifs", why=open_, subject=group.first.subject)
                return None
            decided = (f"{mount.source}: the claim {answer}, as decided", *left)
            return Volume(
                source=existing(answer, "volume-cifs"), wanted=name, code="volume-cifs", why=decided, persistent=True
            )
    return _driven(group, place, name, mount.driver if mount.driver not in ("", "local") else f"local ({kind})")


def _export(options: Any) -> tuple[str, str, list[str]] | None:
    """Server, path and further mount options of an NFS volume: the server stands in ``device`` or in ``o``'s addr."""
    server, path = re.fullmatch(r"(\[[^\]]*\]|[^:/]*):?(/.*)?", options.get("device", "")).groups()  # type: ignore[union-attr]
    words = [word for word in options.get("o", "").split(",") if word]
    address = next((word.removeprefix("addr=") for word in words if word.startswith("addr=")), "")
    if not path or not (server or address):
        return None
    return (
        address or server,
        path,
        [word for word in words if not word.startswith("addr=") and word not in ("rw", "ro")],
    )


def _driven(group: Group, place: Place, name: str, driver: str) -> Volume | None:
    answer = place.ledger.ask("volume-driver", group.origins, group.first.subject)
    what = f"{group.first.mount.source or group.first.mount.target}: a volume of the driver {driver}"
    if answer is None:
        place.ledger.undecided(group.origins, "volume-driver", why=what, subject=group.first.subject)
        return None
    decided = f"{what}: {answer}, as decided"
    left = remarks(group.first.mount)
    if answer == EMPTY_DIR:
        return Volume(source={"emptyDir": {}}, wanted=name, code="volume-driver", why=(decided, *left), fresh=True)
    if is_size(answer):
        made = claim(group, place=place, volume=name, size=answer)
        return _claimed(group, place, name, made, "volume-driver", decided)
    source = existing(answer, "volume-driver")
    return Volume(source=source, wanted=name, code="volume-driver", why=(decided, *left), persistent=True)


def _claimed(
    group: Group, place: Place, name: str, made: Claimed | None, code: str, decided: str = ""
) -> Volume | None:
    if made is None:
        return None
    why = [decided] if decided else []
    if not made.empty:
        hosts = sorted({instance.host for instance in place.workload.instances})
        why.append(f"a new claim is empty: its data lies on {', '.join(hosts)}" if hosts else "a new claim is empty")
    user = group.first.container.user
    if user not in (None, "", "0", "root"):
        why.append(f"it belongs to root, and the container runs as {user}")
    return Volume(
        source=made.source,
        wanted=name,
        code=code,
        why=(*why, *made.why, *remarks(group.first.mount)),
        todo="" if made.empty else "copy the data into the claim before the traffic moves",
        targets=made.targets,
        fresh=True,
        persistent=not made.empty and not made.template,
    )


def _anonymous(group: Group, place: Place, name: str) -> Volume | None:
    mount = group.first.mount
    if mount.driver not in ("", "local"):
        return _driven(group, place, name, mount.driver)
    left = remarks(mount)
    if not _may_hold_data(group):
        why = ("it lives as long as the pod, and is new in the next one", *left)
        return Volume(source={"emptyDir": {}}, wanted=name, code="anonymous-volume", why=why, fresh=True)
    answer = place.ledger.ask("anonymous-volume-data", group.origins, group.first.subject)
    if answer is not None and answer != EMPTY_DIR:
        made = claim(group, place=place, volume=name, size=answer)
        return _claimed(group, place, name, made, "anonymous-volume-data", f"{answer}, as decided")
    if answer is None:
        place.ledger.undecided(
            group.origins,
            "anonymous-volume-data",
            *place.context.in_pod(f"spec.volumes[{name}]"),
            why=f"{mount.target} may hold data worth keeping; an emptyDir for now, which goes with the pod",
            subject=group.first.subject,
        )
    why = ("its content goes with the pod", *left)
    return Volume(source={"emptyDir": {}}, wanted=name, code="anonymous-volume", why=why, fresh=True)


def _may_hold_data(group: Group) -> bool:
    mount = group.first.mount
    if mount.size_bytes == 0 or _SCRATCH.fullmatch(mount.target):
        return False
    declared = any(source.path.startswith("Config.Volumes") for source in group.origins)
    return bool(mount.size_bytes) or declared or _DATA.fullmatch(mount.target) is not None


def _image(group: Group, place: Place, name: str) -> Volume | None:
    target = place.context.target
    mount = group.first.mount
    if target.version < IMAGE_VOLUME_SINCE and IMAGE_VOLUME_GATE not in target.gates:
        return _unsupported(group, place, name, f"the image {mount.source} as a volume, which the target does not know")
    repository, tag, digest = split_reference(mount.source)
    reference = f"{full_name(repository)}@{digest}" if digest else f"{full_name(repository)}:{tag or 'latest'}"
    reference = rewrite(reference, target.image_rewrites)
    why = [] if digest else [f"{mount.source} is not pinned by a digest"]
    return Volume(
        source={"image": {"reference": reference, "pullPolicy": "IfNotPresent"}},
        wanted=name,
        code="mount-image",
        why=(*why, *remarks(mount)),
        read_only=True,
    )


def _secret(group: Group, place: Place, name: str) -> Volume | None:
    mount = group.first.mount
    answer = place.ledger.ask("secret-mount", group.origins, group.first.subject)
    if answer == "drop":
        place.ledger.dropped(group.origins, "secret-mount", why=f"{mount.source}: left out, as decided")
        return None
    kind, _, rest = (answer or "").partition(":")
    if answer is None or kind not in ("secret", "configmap") or not rest:
        what = f"{mount.source or mount.target}: a {mount.kind} of the old scheduler, mounted as a file"
        place.ledger.undecided(group.origins, "secret-mount", why=what, subject=group.first.subject)
        return None
    source, key = object_volume(kind, rest, replace(mount, file=True), code="secret-mount")
    why = (f"{answer}, as decided; a file mounted alone never changes in a running pod", *remarks(mount))
    return Volume(source=source, wanted=name, code="secret-mount", why=why, sub_path=key, read_only=True)


def _unsupported(group: Group, place: Place, name: str, what: str) -> Volume | None:
    answer = place.ledger.ask("mount-unsupported", group.origins, group.first.subject)
    if answer is None:
        place.ledger.undecided(group.origins, "mount-unsupported", why=what, subject=group.first.subject)
        return None
    if answer == "drop":
        place.ledger.dropped(group.origins, "mount-unsupported", why=f"{what}: left out, as decided")
        return None
    why = (f"{what}: the claim {answer}, as decided", *remarks(group.first.mount))
    source = existing(answer, "mount-unsupported")
    return Volume(source=source, wanted=name, code="mount-unsupported", why=why, persistent=True)


def _shared_memory(workload: Workload, pod: PodVolumes) -> None:
    """``/dev/shm``. Docker's and the container runtimes' default is 64 MiB; more of it counts against the memory limit,
    on both sides."""
    ledger, context = pod.place.ledger, pod.place.context
    joined = workload.ipc_mode == "shared"
    wanted = [c for c in workload.containers if c.shm_bytes not in (None, 0, DOCKER_SHM_BYTES)]
    largest = max((c.shm_bytes or 0 for c in wanted), default=0)
    common = ""
    for container in workload.containers:
        origins = container.origins.get("shm_bytes", ())
        if container not in wanted:
            ledger.exact(origins, "shm-size", why="64 MiB, as a pod has it")
        elif workload.ipc_mode == "host":
            ledger.exact(origins, "shm-size", why="without effect beside the host's IPC namespace, there as here")
        elif _covered(container, pod):
            why = "something else is mounted at /dev/shm: without effect, there as here"
            ledger.dropped(origins, "mount-twice", why=why)
        else:
            size = largest if joined else container.shm_bytes or 0
            name = common if joined and common else pod.name("shm")
            if name != common:
                pod.add(name, {"emptyDir": {"medium": "Memory", "sizeLimit": quantity.memory(math.ceil(size))}})
                common = name
            pod.mounts.setdefault(container.name, []).append({"name": name, "mountPath": SHM})
            targets = (
                *context.in_pod(f"spec.volumes[{name}]"),
                *context.in_pod(f"spec.containers[{container.name}].volumeMounts[{SHM}]"),
            )
            why = "programs can be run from it"
            if size != container.shm_bytes:
                why = f"containers share /dev/shm: the largest size of them, {quantity.memory(size)}; {why}"
            ledger.approximated(origins, "shm-size", *targets, why=why)


def _covered(container: Container, pod: PodVolumes) -> bool:
    return any(mount["mountPath"].rstrip("/") == SHM for mount in pod.mounts.get(container.name, ()))

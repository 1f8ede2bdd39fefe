"""Mounts of a container: asked for by Binds, Mounts, Tmpfs, Volumes and VolumesFrom, seen in the top-level Mounts.

What was asked for makes the mount; what is seen names anonymous volumes, shows what VolumesFrom brought, and stands
in where nothing else tells.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..fields.verdict import Origins
from ..secrecy import without_secrets
from ..workload import Mount, MountKind, Setting
from .inspect_document import Document, chosen

_VOLUMES = (MountKind.VOLUME, MountKind.ANONYMOUS)
_ANONYMOUS = re.compile(r"[0-9a-f]{64}")
_PROPAGATION = frozenset({"private", "rprivate", "shared", "rshared", "slave", "rslave"})
_USUAL_PROPAGATION = frozenset({"", "private", "rprivate"})
_CONSISTENCY = frozenset({"consistent", "cached", "delegated"})
_UNITS = {"": 1, "b": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}
_SIZE = re.compile(r"(?P<number>\d+)(?P<unit>[bkmgt]?)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """What a volume's own document says: its present driver and options with their atoms, its measured size."""

    driver: str = ""
    options: Mapping[str, str] | None = None
    anonymous: bool = False
    size_bytes: int | None = None
    origins: Origins = ()


def target_key(target: str) -> str:
    """Targets are compared without a slash at their end."""
    return target.rstrip("/") or "/"


def read_mounts(
    document: Document, image_volumes: frozenset[str], volumes: Mapping[str, Volume]
) -> tuple[tuple[Mount, ...], tuple[Setting, ...]]:
    """Mounts by target, each once, and what concerns no mount.

    image_volumes  the targets that the image declares as VOLUME: it may well have files there
    """
    seen = _seen(document)
    made: dict[str, Mount] = {}
    for _, bind, origins in document.texts("HostConfig.Binds[bind]"):
        _add(made, _bind(bind, origins))
    for _, value, origins in document.objects("HostConfig.Mounts[mount]"):
        _add(made, _mount(document, value, origins))
    for found, options, origins in document.texts("HostConfig.Tmpfs[map]"):
        _add(made, _tmpfs(chosen(found.path), options, origins))
    for found, origins in document.each("Config.Volumes[map]"):
        target = chosen(found.path)
        if (there := made.get(target_key(target))) is not None:
            made[target_key(target)] = replace(there, origins=there.origins + origins)
        else:
            _add(made, Mount(kind=MountKind.ANONYMOUS, target=target, origins=origins))
    left = _others(document, seen, made)
    driver, of_driver = _volume_driver(document)
    driven = False
    for key, mount in made.items():
        known = _with_evidence(mount, seen.get(key), volumes)
        if of_driver and known.kind in _VOLUMES:
            driven = True
            known = replace(known, driver=known.driver or driver, origins=known.origins + of_driver)
        made[key] = _with_content(known, image_volumes)
    if of_driver and not driven:
        left = (*left, Setting(code="volume-driver-unused", value=driver, origins=of_driver))
    return tuple(made[key] for key in sorted(made)), left


def shared_anonymous(mounts: Iterable[Sequence[Mount]]) -> frozenset[str]:
    """Names of anonymous volumes that several containers of a host mount, by VolumesFrom or by name: an emptyDir in
    each would part them."""
    every = [mount for each in mounts for mount in each if mount.kind in _VOLUMES and mount.source]
    users = Counter(mount.source for mount in every)
    return frozenset(mount.source for mount in every if mount.kind is MountKind.ANONYMOUS and users[mount.source] > 1)


def with_shared(mounts: Sequence[Mount], shared: frozenset[str]) -> tuple[Mount, ...]:
    """The mounts, those of shared anonymous volumes as of a volume with a name."""
    return tuple(
        replace(mount, kind=MountKind.VOLUME) if mount.kind is MountKind.ANONYMOUS and mount.source in shared else mount
        for mount in mounts
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """One entry of the top-level Mounts, or of Volumes and VolumesRW before API 1.20."""

    target: str
    kind: str = ""
    name: str = ""
    source: str = ""
    driver: str = ""
    mode: str = ""
    propagation: str = ""
    writable: bool = True


def _seen(document: Document) -> dict[str, _Seen]:
    found: dict[str, _Seen] = {}
    mounts = document.part("Mounts")
    for value in mounts if isinstance(mounts, list) else ():
        if isinstance(value, dict) and isinstance(value.get("Destination"), str):
            found[target_key(value["Destination"])] = _Seen(
                target=value["Destination"],
                kind=str(value.get("Type") or ""),
                name=str(value.get("Name") or ""),
                source=str(value.get("Source") or ""),
                driver=str(value.get("Driver") or ""),
                mode=str(value.get("Mode") or ""),
                propagation=str(value.get("Propagation") or ""),
                writable=value.get("RW") is not False,
            )
    old, writable = document.part("Volumes") or {}, document.part("VolumesRW") or {}
    if isinstance(old, dict) and isinstance(writable, dict):
        for target, source in old.items():
            where = str(source or "")
            volume = re.search(r"/(?:volumes|vfs/dir)/([0-9a-f]{64})(?:/_data)?/?$", where)
            found.setdefault(
                target_key(target),
                _Seen(
                    target=target,
                    name=volume[1] if volume else "",
                    source=where,
                    writable=writable.get(target) is not False,
                ),
            )
    return found


def _others(document: Document, seen: Mapping[str, _Seen], made: dict[str, Mount]) -> tuple[Setting, ...]:
    """Mounts that only the top level shows: VolumesFrom brought them; without it, what is seen is what counts."""
    from_others = tuple(
        source
        for pattern in ("HostConfig.VolumesFrom[item]", "Config.VolumesFrom")
        for _, origins in document.each(pattern)
        for source in origins
    )
    apart = [entry for key, entry in seen.items() if key not in made]
    if from_others:
        for entry in apart:
            _add(made, _of_seen(entry, from_others))
        if not apart:
            names = [source.path for source in from_others]
            return (Setting(code="volumes-from", value=names, origins=from_others),)
    for pattern in ("Mounts[mount]", "Volumes[map]", "VolumesRW[map]"):
        for found, origins in document.each(pattern):
            key = target_key(chosen(found.path))
            if (there := made.get(key)) is not None:
                made[key] = replace(there, origins=there.origins + origins)
            elif key in seen:
                made[key] = _of_seen(seen[key], origins)
            else:
                made[key] = Mount(kind=MountKind.ANONYMOUS, target=chosen(found.path), origins=origins)
    return ()


def _of_seen(entry: _Seen, origins: Origins) -> Mount:
    kinds = {kind.value: kind for kind in MountKind}
    kind = kinds.get(entry.kind) or (MountKind.VOLUME if entry.name else MountKind.BIND)
    if kind is MountKind.VOLUME and _ANONYMOUS.fullmatch(entry.name):
        kind = MountKind.ANONYMOUS
    mount = Mount(
        kind=kind,
        target=entry.target,
        source=entry.name if kind in _VOLUMES else entry.source,
        read_only=not entry.writable,
        origins=origins,
    )
    options = dict(_mode_options(entry.mode))
    if entry.propagation not in _USUAL_PROPAGATION:
        options["propagation"] = entry.propagation
    return replace(mount, options=options)


def _volume_driver(document: Document) -> tuple[str, Origins]:
    for pattern in ("HostConfig.VolumeDriver", "Config.VolumeDriver"):
        driver, origins = document.text(pattern)
        if origins:
            return driver, origins
    return "", ()


def _bind(bind: str, origins: Origins) -> Mount:
    """``SOURCE:TARGET[:OPTIONS]``; a source that is no path is a volume's name, a bare target an anonymous volume."""
    source, colon, rest = bind.partition(":")
    if not colon:
        return Mount(kind=MountKind.ANONYMOUS, target=source, origins=origins)
    target, _, mode = rest.partition(":")
    path = source.startswith(("/", "~", "."))
    kind = MountKind.BIND if path else MountKind.ANONYMOUS if _ANONYMOUS.fullmatch(source) else MountKind.VOLUME
    words = mode.split(",")
    return Mount(
        kind=kind,
        target=target,
        source=source,
        read_only="ro" in words,
        options=_mode_options(mode),
        content=False if "nocopy" in words else None,
        origins=origins,
    )


# Podman prints what it mounts with as if it had been asked for.
_PLAIN_MODES = frozenset({"", "ro", "rw", "rbind", "nosuid", "nodev"})


def _mode_options(mode: str) -> dict[str, str]:
    options: dict[str, str] = {}
    for word in mode.split(","):
        if word in _PLAIN_MODES or word in _USUAL_PROPAGATION:
            continue
        if word in _PROPAGATION:
            options["propagation"] = word
        elif word in _CONSISTENCY:
            options["consistency"] = word
        else:
            key, _, value = word.partition("=")
            options[key] = value or "true"
    return options


def _mount(document: Document, value: Mapping[str, Any], origins: Origins) -> Mount:
    """One entry of HostConfig.Mounts. Labels of a volume that it would have made stand as ``label:KEY`` options."""
    target = value.get("Target")
    if not isinstance(target, str) or not target:
        raise document.malformed("HostConfig.Mounts", "an object with Target", value)
    kind = str(value.get("Type") or "volume")
    if kind not in {known.value for known in MountKind}:
        raise document.malformed(f"HostConfig.Mounts[{target}].Type", "a kind of mount", kind)
    source = str(value.get("Source") or "")
    volume = _object(document, value, "VolumeOptions")
    tmpfs = _object(document, value, "TmpfsOptions")
    driver = _object(document, volume, "DriverConfig")
    name = str(driver.get("Name") or "")
    mode, size = tmpfs.get("Mode"), tmpfs.get("SizeBytes")
    if not isinstance(mode or 0, int) or not isinstance(size or 0, int):
        raise document.malformed(f"HostConfig.Mounts[{target}].TmpfsOptions", "whole numbers", tmpfs)
    return Mount(
        kind=MountKind.ANONYMOUS if kind == "volume" and not source else MountKind(kind),
        target=target,
        source=source,
        read_only=bool(value.get("ReadOnly")),
        size_bytes=(size or 0) if kind == "tmpfs" else None,
        mode=mode or None,
        driver="" if name == "local" else name,
        driver_options={
            str(k): without_secrets(str(k), str(v)) for k, v in _object(document, driver, "Options").items()
        },
        options=_mount_options(document, value, volume, tmpfs),
        content=False if volume.get("NoCopy") else None,
        origins=origins,
    )


_SWITCHES = (
    ("NonRecursive", "non-recursive"),
    ("CreateMountpoint", "create-mountpoint"),
    ("ReadOnlyNonRecursive", "read-only-non-recursive"),
    ("ReadOnlyForceRecursive", "read-only-force-recursive"),
)


def _mount_options(
    document: Document, value: Mapping[str, Any], volume: Mapping[str, Any], tmpfs: Mapping[str, Any]
) -> dict[str, str]:
    bind = _object(document, value, "BindOptions")
    options = {name: "true" for key, name in _SWITCHES if bind.get(key)}
    if bind.get("Propagation") not in (None, *_USUAL_PROPAGATION):
        options["propagation"] = str(bind["Propagation"])
    if value.get("Consistency") not in (None, "", "default", "consistent"):
        options["consistency"] = str(value["Consistency"])
    if volume.get("NoCopy"):
        options["nocopy"] = "true"
    for settings in (volume, _object(document, value, "ImageOptions")):
        if settings.get("Subpath"):
            options["subpath"] = str(settings["Subpath"])
    for key, label in sorted(_object(document, volume, "Labels").items()):
        options[f"label:{key}"] = str(label)
    for pair in tmpfs.get("Options") or ():
        if isinstance(pair, list) and pair and pair not in (["rw"], ["exec"]):
            options[str(pair[0])] = str(pair[1]) if len(pair) > 1 else "true"
    return options


def _object(document: Document, value: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    inner = value.get(key)
    if inner is None:
        return {}
    if not isinstance(inner, dict):
        raise document.malformed(f"HostConfig.Mounts.{key}", "an object", inner)
    return inner


def _tmpfs(target: str, text: str, origins: Origins) -> Mount:
    """``size=64m,mode=1777,noexec``: size in bytes or with k, m, g; a size in per cent stays an option."""
    size, mode, options = 0, None, {}
    for word in filter(None, text.split(",")):
        key, _, value = word.partition("=")
        amount = _SIZE.fullmatch(value)
        if key == "size" and amount:
            size = int(amount["number"]) * _UNITS[amount["unit"].lower()]
        elif key == "mode" and re.fullmatch("[0-7]+", value):
            mode = int(value, 8)
        elif word not in ("rw", "ro"):
            options[key] = value or "true"
    return Mount(
        kind=MountKind.TMPFS,
        target=target,
        read_only="ro" in text.split(","),
        size_bytes=size,
        mode=mode,
        options=options,
        origins=origins,
    )


def _add(made: dict[str, Mount], mount: Mount) -> None:
    """The engine refuses a target twice, save by VOLUME; should a document have one, both atoms stand behind it."""
    key = target_key(mount.target)
    before = made.get(key)
    made[key] = mount if before is None else replace(before, origins=before.origins + mount.origins)


def _with_evidence(mount: Mount, entry: _Seen | None, volumes: Mapping[str, Volume]) -> Mount:
    """Names an anonymous volume, and joins what a volume's own document says."""
    if mount.kind is MountKind.ANONYMOUS and entry is not None and entry.name:
        named = not _ANONYMOUS.fullmatch(entry.name) and not volumes.get(entry.name, Volume()).anonymous
        mount = replace(mount, kind=MountKind.VOLUME if named else mount.kind, source=entry.name)
    elif mount.kind is MountKind.ANONYMOUS and entry is not None and entry.kind == "bind":
        mount = replace(mount, kind=MountKind.BIND, source=entry.source)
    if mount.kind not in _VOLUMES:
        return mount
    volume = volumes.get(mount.source)
    if volume is None:
        driver = entry.driver if entry is not None and entry.driver != "local" else ""
        return replace(mount, driver=mount.driver or driver)
    return replace(
        mount,
        driver=volume.driver or mount.driver,
        driver_options=volume.options or mount.driver_options,
        size_bytes=volume.size_bytes if mount.size_bytes is None else mount.size_bytes,
        origins=mount.origins + volume.origins,
    )


def _with_content(mount: Mount, image_volumes: frozenset[str]) -> Mount:
    """Copy-up: an image that declares a VOLUME there may have files there; of other targets nothing is known."""
    if mount.kind in _VOLUMES and mount.content is None:
        return replace(mount, content=True if target_key(mount.target) in image_volumes else None)
    return mount

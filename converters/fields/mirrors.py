"""Whether a mirror agrees with what it repeats: Mounts, published ports, Path and Args, old limits in Config."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .defaults import Surroundings
from .walk import Field, bind_target

_ANY_ADDRESS = frozenset({"", "0.0.0.0", "::"})  # noqa: S104 (compared with, never bound)


def agrees(found: Field, around: Surroundings) -> bool:
    """True: the mirror says what its primary says, or nothing."""
    assert found.row is not None
    rule = _RULES.get(found.row.pattern)
    if rule is not None:
        return rule(found, around)
    return _old(found, around)


def has_primary(found: Field, around: Surroundings) -> bool:
    """False for a key of Config that only later engines keep in HostConfig: here it is the one that counts."""
    assert found.row is not None
    section, _, key = found.row.mirror_of.partition(".")
    return key.partition("[")[0] in around.part(section)


def argv(document: Mapping[str, Any]) -> list[str] | None:
    """What runs, by Config: entrypoint, then command. None where they are no lists of strings (Podman prints its
    entrypoint as one string, which cannot be taken apart)."""
    config = document.get("Config")
    config = config if isinstance(config, Mapping) else {}
    words: list[str] = []
    for key in ("Entrypoint", "Cmd"):
        part = config.get(key) or []
        if not isinstance(part, list) or not all(isinstance(word, str) for word in part):
            return None
        words += part
    return words


def _path(found: Field, around: Surroundings) -> bool:
    words = argv(around.document)
    return not found.value or words is None or words[:1] == [found.value]


def _args(found: Field, around: Surroundings) -> bool:
    words = argv(around.document)
    return not found.value or words is None or words[1:] == found.value


def _mount(found: Field, around: Surroundings) -> bool:
    value = found.value
    if not isinstance(value, dict):
        return value is None
    name = str(value.get("Name") or "") if value.get("Type") != "bind" else ""
    writable = value.get("RW")
    return _mounted(
        around, str(value.get("Destination") or ""), name or str(value.get("Source") or ""), writable=writable
    )


def _old_volume(found: Field, around: Surroundings) -> bool:
    return _mounted(around, _key(found.path), str(found.value or ""), writable=None)


def _old_volume_rw(found: Field, around: Surroundings) -> bool:
    return _mounted(around, _key(found.path), "", writable=found.value)


def _mounted(around: Surroundings, target: str, source: str, *, writable: object) -> bool:
    """Whether something asks for a mount there: a bind, a mount, another container's volumes, a VOLUME."""
    host, config = around.part("HostConfig"), around.part("Config")
    for bind in _list(host.get("Binds")):
        if isinstance(bind, str) and _same_path(bind_target(bind), target):
            parts = bind.split(":")
            asked = parts[0] if len(parts) > 1 else ""
            read_only = len(parts) > 2 and "ro" in parts[2].split(",")
            return _same_source(asked, source) and (writable is None or writable == (not read_only))
    for mount in _list(host.get("Mounts")):
        if isinstance(mount, dict) and _same_path(str(mount.get("Target") or ""), target):
            asked = str(mount.get("Source") or "")
            return _same_source(asked, source) and (writable is None or writable != bool(mount.get("ReadOnly")))
    if host.get("VolumesFrom") or config.get("VolumesFrom"):
        return True
    declared = [*_keys(config.get("Volumes")), *_keys(host.get("Tmpfs"))]
    return any(_same_path(path, target) for path in declared)


def _same_path(one: str, other: str) -> bool:
    return one.rstrip("/") == other.rstrip("/")


def _same_source(asked: str, is_there: str) -> bool:
    """Nothing asked, the same, or a volume of that name below the engine's own folder."""
    if not asked or not is_there or _same_path(asked, is_there):
        return True
    return not asked.startswith("/") and f"/{asked}/" in f"{is_there}/"


def _ports(found: Field, around: Surroundings) -> bool:
    """Each address that answers was asked for: a binding of that host port, one that leaves the port to the engine or
    names a range, or PublishAllPorts."""
    host = around.part("HostConfig")
    if host.get("PublishAllPorts"):
        return True
    if not isinstance(found.value, dict):
        return found.value is None
    port = found.path.partition("[")[2].partition("]")[0]
    bindings = host.get("PortBindings")
    bindings = bindings if isinstance(bindings, dict) else {}
    asked = [*_list(bindings.get(port)), *_list(bindings.get(port.removesuffix("/tcp")))]
    address, number = str(found.value.get("HostIp") or ""), str(found.value.get("HostPort") or "")
    for binding in asked:
        if not isinstance(binding, dict):
            continue
        wanted, at = str(binding.get("HostPort") or ""), str(binding.get("HostIp") or "")
        same_port = wanted in ("", "0", number) or _within(number, wanted)
        if same_port and (at == address or (at in _ANY_ADDRESS and address in _ANY_ADDRESS)):
            return True
    return False


def _within(number: str, span: str) -> bool:
    low, dash, high = span.partition("-")
    return bool(dash) and all(n.isdigit() for n in (low, high, number)) and int(low) <= int(number) <= int(high)


def _old(found: Field, around: Surroundings) -> bool:
    """A limit in Config beside the same in HostConfig: equal, or not said."""
    assert found.row is not None
    section, _, key = found.row.mirror_of.partition(".")
    primary = around.part(section).get(key.partition("[")[0])
    if isinstance(primary, list):
        return found.value in primary
    return not found.value or found.value == primary


def _key(path: str) -> str:
    return path.partition("[")[2].removesuffix("]")


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _keys(value: Any) -> list[str]:
    return list(value) if isinstance(value, dict) else []


_RULES: dict[str, Callable[[Field, Surroundings], bool]] = {
    "Path": _path,
    "Args": _args,
    "Mounts[mount]": _mount,
    "Volumes[map]": _old_volume,
    "VolumesRW[map]": _old_volume_rw,
    "NetworkSettings.Ports[map][port]": _ports,
}

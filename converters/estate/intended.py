"""A container as a config intends it, against the one that runs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..fields.verdict import Origins
from ..objects.image import split_reference
from ..workload import Check, Container, Env, Image, Mount, MountKind, Port, Published, Setting
from .disagreements import Disagreements
from .facets import origins_within

_PROCESS = (
    "entrypoint", "args", "working_dir", "user", "group", "tty", "stdin", "stdin_once", "privileged", "seccomp",
    "apparmor", "no_new_privileges", "unmasked_paths", "read_only_root", "cpu_limit_m", "cpu_request_m", "cpu_shares",
    "memory_limit_bytes", "memory_request_bytes", "shm_bytes", "init", "log_driver", "publish_all",
)  # fmt: skip
# Where nothing bounds what runs, the config's word stands: the legacy scheduler may have enforced it by itself.
_RESOURCES = ("cpu_request_m", "cpu_limit_m", "memory_request_bytes", "memory_limit_bytes")
_PROCESS_LISTS = (
    "groups", "cap_add", "cap_drop", "selinux", "ulimits", "devices", "device_requests", "log_options", "labels",
    "annotations",
)  # fmt: skip


# What a container runs with where its document says nothing: a config that spells it out agrees with it.
_UNSAID = {"cpu_shares": 1024, "shm_bytes": 64 * 1024 * 1024}
_PUBLIC = ("0.0.0.0", "::")  # noqa: S104 (compared with, never bound)


def intended(running: Container, config: Container, told: Disagreements) -> Container:
    """Both as one, by who wins."""
    agreed = _agreeing_with_the_image(running, config)
    config = replace(
        config,
        env=tuple(e for e in config.env if f"env {e.name}" not in agreed),
        origins={name: said for name, said in config.origins.items() if name not in agreed},
    )
    changes: dict[str, Any] = {
        "name": config.name or running.name,
        "env": _env(running.env, config.env, told),
        "ports": _ports(running.ports, config.ports, told),
        "mounts": _mounts(running.mounts, config.mounts, told),
        "checks": _checks(running.checks, config.checks, told),
        "settings": (*running.settings, *config.settings, *agreed.values()),
    }
    origins = dict(running.origins)
    for name, said in config.origins.items():
        if name not in _PROCESS and name != "image":
            origins[name] = origins.get(name, ()) + said
    for name in _PROCESS:
        changes[name] = _process(name, running, config, told, origins)
    for name in _PROCESS_LISTS:
        changes[name] = told.elements(name, getattr(running, name), getattr(config, name))
    changes["image"] = _image(running, config, told, origins)
    return replace(running, **changes, origins=origins)


def _agreeing_with_the_image(running: Container, config: Container) -> dict[str, Setting]:
    """What the config spells out and the running container has from its image: both say the same, and the pod has it
    from the image too. By attribute, or ``env NAME``."""
    agreed: dict[str, Any] = {}
    for name in ("working_dir", "user", "group"):
        if getattr(running, name) is None and getattr(config, name) == running.inherited.get(name, ...):
            agreed[name] = config.origins.get(name, ())
    spelled = {name: config.origins[name] for name in ("entrypoint", "args") if config.origins.get(name)}
    if (
        running.entrypoint is None
        and running.args is None
        and spelled
        and _argv(config, running) == _argv(running, running)
    ):
        agreed |= spelled
    ours = {env.name for env in running.env}
    for env in config.env:
        known = running.inherited.get(f"env {env.name}")
        if env.name not in ours and env.value is not None and env.value == known:
            agreed[f"env {env.name}"] = env.origins
    return {name: Setting(code="agrees", value=name, origins=said) for name, said in agreed.items() if said}


def _argv(container: Container, running: Container) -> tuple[str, ...]:
    """What it would execute, the image's own where it says nothing: an entrypoint of its own discards the image's
    arguments."""
    own = running.inherited.get("args", ()) if container.entrypoint is None else ()
    entrypoint = running.inherited.get("entrypoint", ()) if container.entrypoint is None else container.entrypoint
    return (*entrypoint, *(own if container.args is None else container.args))


def _image(running: Container, config: Container, told: Disagreements, origins: dict[str, Origins]) -> Any:
    theirs = config.origins.get("image", ())
    if not config.image.reference or _same_image(running.image, config.image.reference):
        origins["image"] = running.origins.get("image", ()) + theirs
        return running.image
    if told.winner("image", config.image.reference, running.image.reference, by="running") == "config":
        told.lost("image", running.image.reference, config.image.reference, running.origins.get("image", ()))
        origins["image"] = theirs
        return config.image
    told.lost("image", config.image.reference, running.image.reference, theirs)
    return running.image


def _same_image(running: Image, wanted: str) -> bool:
    """By digest where the config pins one; by repository and tag; by repository alone where what runs was started by
    its digest and no tag is known."""
    theirs, their_tag, their_digest = split_reference(wanted)
    ours, our_tag, our_digest = split_reference(running.reference)
    if their_digest and (running.digest or our_digest):
        return their_digest == (running.digest or our_digest)
    same_tag = (our_tag or "latest") == (their_tag or "latest") or bool(our_digest and not our_tag)
    return _familiar(ours) == _familiar(theirs) and same_tag


def _familiar(repository: str) -> str:
    return repository.removeprefix("docker.io/").removeprefix("index.docker.io/").removeprefix("library/")


def _process(name: str, running: Container, config: Container, told: Disagreements, origins: dict[str, Origins]) -> Any:
    ours, theirs = getattr(running, name), getattr(config, name)
    said = config.origins.get(name, ())
    if not said:
        return ours
    if ours is None and theirs == _UNSAID.get(name, ...):
        origins[name] = said
        return theirs
    if ours is None and name in _RESOURCES:
        # An engine knows no CPU request, so that there is nothing to disagree on.
        if name != "cpu_request_m" and told.winner(name, theirs, ours, by="config") == "running":
            told.lost(name, theirs, ours, said)
            return ours
        origins[name] = said
        return theirs
    if ours == theirs or (name == "args" and _words(running) == _words(config)):
        origins[name] = running.origins.get(name, ()) + said
        return ours
    if told.winner(name, theirs, ours, by="running") == "config":
        told.lost(name, ours, theirs, running.origins.get(name, ()))
        origins[name] = said
        return theirs
    told.lost(name, theirs, ours, said)
    return ours


def _words(container: Container) -> tuple[str, ...]:
    return (container.entrypoint or ()) + (container.args or ())


def _env(running: tuple[Env, ...], config: tuple[Env, ...], told: Disagreements) -> tuple[Env, ...]:
    """Values come from what runs, references to secrets from the config: a reference against a running value is no
    difference, it is where the value came from."""
    ours = {env.name: env for env in running}
    named = {env.name for env in config}
    for extra in (env for env in running if config and env.name not in named and not env.runtime):
        value = "a secret value" if extra.secret else extra.value
        if told.winner(f"env {extra.name}", None, value, by="running") == "config":
            told.lost(f"env {extra.name}", value, None, extra.origins)
            del ours[extra.name]
    for wanted in config:
        found = ours.get(wanted.name)
        if wanted.ref is not None:
            if found is not None:
                ours[wanted.name] = replace(wanted, origins=found.origins + wanted.origins)
            else:
                ours[wanted.name] = wanted
        elif wanted.runtime:
            origins = (found.origins if found else ()) + wanted.origins
            ours[wanted.name] = replace(wanted, origins=origins)
        elif found is not None and (found.value == wanted.value or found.withheld or found.runtime):
            ours[wanted.name] = replace(found, origins=found.origins + wanted.origins)
        else:
            secret = wanted.secret or (found is not None and found.secret)
            sides = ("a secret value", "another") if secret else (wanted.value, found.value if found else None)
            if told.winner(f"env {wanted.name}", *sides, by="running") == "config":
                told.lost(f"env {wanted.name}", sides[1], sides[0], found.origins if found else ())
                ours[wanted.name] = wanted
            else:
                told.lost(f"env {wanted.name}", sides[0], sides[1], wanted.origins)
    return tuple(ours.values())


def _ports(running: tuple[Port, ...], config: tuple[Port, ...], told: Disagreements) -> tuple[Port, ...]:
    """The config's ports, by container port and protocol; what runs beside them stays, for something may use it."""
    if not config:
        return running
    ours = {(p.container_port, p.protocol): p for p in running}
    made = []
    for port in config:
        found = ours.pop((port.container_port, port.protocol), None)
        subject = f"port {port.container_port}/{port.protocol}"
        if found is not None:
            made.append(_port(port, found, subject, told))
        elif told.winner(subject, "intended", "not there", by="config") == "running":
            told.lost(subject, "intended", "not there", origins_within(port))
        else:
            made.append(port)
    for port in ours.values():
        subject = f"port {port.container_port}/{port.protocol}"
        if port.published and told.winner(subject, "not intended", "published", by="running") == "config":
            told.lost(subject, "published", "not intended", origins_within(port))
            continue
        made.append(port)
    return tuple(made)


def _port(wanted: Port, found: Port, subject: str, told: Disagreements) -> Port:
    """One port on both sides. A host port that the config leaves to the scheduler agrees with any."""
    fixed, seen = _places(wanted), _places(found)
    origins = wanted.origins + found.origins
    dealt = [p for p in found.published if not p.host_port]
    if set(fixed) == set(seen) or (not fixed and wanted.published):
        left = tuple(s for p in dealt for s in p.origins)
        joined = [replace(p, origins=p.origins + _at(seen, p)) for p in wanted.published]
        if not fixed and joined:
            left += tuple(s for p in seen.values() for s in p.origins)
            joined[0] = replace(joined[0], origins=joined[0].origins + left)
            left = ()
        return replace(wanted, published=tuple(joined), origins=origins + left)
    intended_at, runs_at = (", ".join(sorted(map(_spelled, places))) or "not published" for places in (fixed, seen))
    if told.winner(subject, intended_at, runs_at, by="config") == "running":
        told.lost(subject, intended_at, runs_at, tuple(s for p in wanted.published for s in p.origins))
        return replace(found, name=wanted.name or found.name, origins=origins)
    told.lost(subject, runs_at, intended_at, tuple(s for p in found.published for s in p.origins))
    return replace(wanted, origins=origins)


def _places(port: Port) -> dict[tuple[str, int], Published]:
    return {("" if p.host_ip in _PUBLIC else p.host_ip, p.host_port): p for p in port.published if p.host_port}


def _at(places: dict[tuple[str, int], Published], published: Published) -> Origins:
    found = places.get(("" if published.host_ip in _PUBLIC else published.host_ip, published.host_port))
    return found.origins if found is not None else ()


def _spelled(place: tuple[str, int]) -> str:
    return f"{place[0]}:{place[1]}".lstrip(":")


def _mounts(running: tuple[Mount, ...], config: tuple[Mount, ...], told: Disagreements) -> tuple[Mount, ...]:
    ours = {m.target.rstrip("/"): m for m in running}
    for wanted in config:
        key = wanted.target.rstrip("/")
        found = ours.get(key)
        subject = f"volume {wanted.target}"
        intended_source, runs_with = _source(wanted), None if found is None else _source(found)
        if found is not None and _same_mount(found, wanted):
            size = found.size_bytes if found.size_bytes is not None else wanted.size_bytes
            ours[key] = replace(found, size_bytes=size, origins=found.origins + wanted.origins)
        elif told.winner(subject, intended_source, runs_with, by="config" if found is None else "running") == "config":
            if found is not None:
                told.lost(subject, runs_with, intended_source, found.origins)
            ours[key] = wanted
        else:
            told.lost(subject, intended_source, runs_with, wanted.origins)
    return tuple(ours.values())


def _source(mount: Mount) -> str:
    parts = [mount.source or mount.kind.value, "read-only" if mount.read_only else ""]
    if mount.kind is MountKind.TMPFS and mount.size_bytes:
        parts.append(f"{mount.size_bytes} bytes")
    return " ".join(filter(None, parts))


def _same_mount(found: Mount, wanted: Mount) -> bool:
    if (found.kind, found.source, found.read_only) != (wanted.kind, wanted.source, wanted.read_only):
        return False
    # Of a volume the size is measured on one side and asked for on the other; of a tmpfs it is a limit.
    limits = wanted.kind is MountKind.TMPFS and wanted.size_bytes is not None
    return not limits or (found.size_bytes or 0) == wanted.size_bytes


def _checks(running: tuple[Check, ...], config: tuple[Check, ...], told: Disagreements) -> tuple[Check, ...]:
    """The scheduler's checks decide; the image's HEALTHCHECK beside them loses, and says so."""
    if not config:
        return running
    theirs, sides = "the config's check", [" ".join(c.argv) or "a check" for c in running if not c.disabled]
    if sides and told.winner("check", theirs, "; ".join(sides), by="config") == "running":
        for check in config:
            told.lost("check", theirs, sides[0], origins_within(check))
        return running
    for check in running:
        own = "disabled in the container" if check.disabled else check.argv
        told.lost("check", own, theirs, origins_within(check))
    return config

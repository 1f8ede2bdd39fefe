"""Intent: what a config says against what runs, and who wins.

What runs wins for what a process sees: image digest, argv, environment. The config wins for what a scheduler does:
count, checks, ports, scaling, rollout, placement, and references to secrets. A decision turns either round. The value
that loses is not forgotten: its atoms get a verdict, and a finding shows both sides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ..decisions import Decisions
from ..fields.verdict import Finding, Origins
from ..workload import Check, Container, Controller, Env, Mount, Name, Network, Overruled, Port, Workload
from .facets import bare, origins_within, shown

_CONFIG_WINS = ("schedule", "rollout", "scaling", "constraints", "spread", "routes")
_RUNNING_FIRST = (
    "network_mode",
    "pid_mode",
    "ipc_mode",
    "uts_mode",
    "userns_mode",
    "hostname",
    "domainname",
    "runtime",
)
_RUNNING_FIRST_LISTS = ("sysctls", "extra_hosts", "dns", "dns_search", "dns_options")
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


class Disagreements:
    """Gathers findings and losing values while a config and what runs are put together."""

    def __init__(self, workload: str, decisions: Decisions) -> None:
        self.workload = workload
        self._decisions = decisions
        self.findings: list[Finding] = []
        self.overruled: list[Overruled] = []

    def winner(self, subject: str, config: Any, running: Any, *, by: str) -> str:
        """``config`` or ``running``: ``by`` unless a decision says otherwise."""
        answered = self._decisions.answer(self.workload, "config-differs", subject)
        side = answered.answer if answered else by
        self.findings.append(
            Finding(
                workload=self.workload,
                code="config-differs",
                subject=subject,
                reason=f"the config and what runs disagree on {subject}; {side} is taken",
                sides=(("config", shown(config)), ("running", shown(running))),
                answer=answered.answer if answered else "",
            )
        )
        return side

    def lost(self, attribute: str, value: Any, by: Any, origins: Origins) -> None:
        if origins:
            self.overruled.append(Overruled(attribute=attribute, value=shown(value), by=shown(by), origins=origins))


def with_intent(running: Workload, config: Workload, decisions: Decisions) -> Workload:
    """What runs and what the config intends of it, as one workload."""
    told = Disagreements(running.name, decisions)
    containers = _containers(running, config, told)
    attributes: dict[str, Any] = {
        **{name: getattr(config, name) or getattr(running, name) for name in _CONFIG_WINS},
        **{name: _scalar(name, running, config, told) for name in _RUNNING_FIRST},
        **{name: _list(name, getattr(running, name), getattr(config, name), told) for name in _RUNNING_FIRST_LISTS},
    }
    made = replace(
        running,
        containers=containers,
        scheduler=config.scheduler or running.scheduler,
        namespace_hint=config.namespace_hint or running.namespace_hint,
        controller=config.controller if config.controller is not Controller.UNKNOWN else running.controller,
        origins={**config.origins, **{k: v + config.origins.get(k, ()) for k, v in running.origins.items()}},
        names=_names(running.names, config.names),
        networks=_networks(running.networks, config.networks, told),
        auto_remove=running.auto_remove or config.auto_remove,
        settings=running.settings + config.settings,
        **attributes,
    )
    made = _count(made, config, told)
    made = _restart(made, running, config, told)
    made = _termination(made, running, config, told)
    return replace(
        made,
        overruled=running.overruled + tuple(told.overruled),
        findings=running.findings + config.findings + tuple(told.findings),
    )


def _containers(running: Workload, config: Workload, told: Disagreements) -> tuple[Container, ...]:
    """The config's containers beside the running ones by name, or by place where each side has one."""
    if len(running.containers) == 1 and len(config.containers) == 1:
        return (_container(running.containers[0], config.containers[0], told),)
    by_name = {c.name: c for c in config.containers}
    made = []
    for container in running.containers:
        intended = by_name.pop(container.name, None)
        made.append(_container(container, intended, told) if intended else container)
    return tuple(made) + tuple(by_name.values())


def _container(running: Container, config: Container, told: Disagreements) -> Container:
    changes: dict[str, Any] = {
        "name": config.name or running.name,
        "env": _env(running.env, config.env, told),
        "ports": _ports(running.ports, config.ports, told),
        "mounts": _mounts(running.mounts, config.mounts, told),
        "checks": _checks(running.checks, config.checks, told),
        "settings": running.settings + config.settings,
    }
    origins = dict(running.origins)
    for name, said in config.origins.items():
        if name not in _PROCESS and name != "image":
            origins[name] = origins.get(name, ()) + said
    for name in _PROCESS:
        changes[name] = _process(name, running, config, told, origins)
    for name in _PROCESS_LISTS:
        changes[name] = _list(name, getattr(running, name), getattr(config, name), told)
    changes["image"] = _image(running, config, told, origins)
    return replace(running, **changes, origins=origins)


def _image(running: Container, config: Container, told: Disagreements, origins: dict[str, Origins]) -> Any:
    theirs = config.origins.get("image", ())
    if not config.image.reference or _same_image(running.image.reference, config.image.reference):
        origins["image"] = running.origins.get("image", ()) + theirs
        return running.image
    if told.winner("image", config.image.reference, running.image.reference, by="running") == "config":
        told.lost("image", running.image.reference, config.image.reference, running.origins.get("image", ()))
        origins["image"] = theirs
        return config.image
    told.lost("image", config.image.reference, running.image.reference, theirs)
    return running.image


def _same_image(one: str, other: str) -> bool:
    def normal(reference: str) -> str:
        name = reference.partition("@")[0]
        return name if ":" in name.rpartition("/")[2] else f"{name}:latest"

    return normal(one) == normal(other)


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


def _scalar(name: str, running: Workload, config: Workload, told: Disagreements) -> Any:
    ours, theirs = getattr(running, name), getattr(config, name)
    if not config.origins.get(name) or ours == theirs:
        return ours
    if told.winner(name, theirs, ours, by="running") == "config":
        return theirs
    return ours


def _list(name: str, running: Sequence[Any], config: Sequence[Any], told: Disagreements) -> tuple[Any, ...]:
    """What runs; what the config says more is a disagreement that it loses."""
    ours = {bare(element): element for element in running}
    for element in config:
        same = ours.get(bare(element))
        if same is not None:
            ours[bare(element)] = replace(same, origins=same.origins + element.origins)
            continue
        subject = f"{name} {shown(bare(element))}"
        if told.winner(subject, bare(element), None, by="running") == "config":
            ours[bare(element)] = element
        else:
            told.lost(name, bare(element), None, element.origins)
    return tuple(ours.values())


def _env(running: tuple[Env, ...], config: tuple[Env, ...], told: Disagreements) -> tuple[Env, ...]:
    """Values come from what runs, references to secrets from the config: a reference against a running value is no
    difference, it is where the value came from."""
    ours = {env.name: env for env in running}
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
        fixed = {p.host_port for p in port.published if p.host_port}
        seen = {p.host_port for p in found.published if p.host_port} if found else set()
        subject = f"port {port.container_port}/{port.protocol}"
        if found is None:
            if told.winner(subject, "intended", "not there", by="config") == "running":
                told.lost(subject, "intended", "not there", origins_within(port))
                continue
        elif (
            fixed
            and seen
            and fixed != seen
            and told.winner(subject, sorted(fixed), sorted(seen), by="config") == "running"
        ):
            told.lost(subject, sorted(fixed), sorted(seen), origins_within(replace(port, origins=())))
            made.append(replace(found, name=port.name, origins=found.origins + port.origins))
            continue
        theirs = origins_within(found) if found else ()
        made.append(replace(port, origins=port.origins + theirs))
    for port in ours.values():
        subject = f"port {port.container_port}/{port.protocol}"
        if port.published and told.winner(subject, "not intended", "published", by="running") == "config":
            told.lost(subject, "published", "not intended", origins_within(port))
            continue
        made.append(port)
    return tuple(made)


def _names(running: tuple[Name, ...], config: tuple[Name, ...]) -> tuple[Name, ...]:
    """Names of both sides: what somebody may call a workload by costs nothing to keep."""
    ours = {name.name: name for name in running}
    for wanted in config:
        found = ours.get(wanted.name)
        ours[wanted.name] = wanted if found is None else replace(found, origins=found.origins + wanted.origins)
    return tuple(ours.values())


def _networks(running: tuple[Network, ...], config: tuple[Network, ...], told: Disagreements) -> tuple[Network, ...]:
    """The networks that a container is on, and the config's names of it there."""
    ours = {network.name: network for network in running}
    for wanted in config:
        found = ours.get(wanted.name)
        if found is None:
            subject = f"network {wanted.name}"
            if running and told.winner(subject, "intended", "not there", by="running") == "running":
                told.lost("networks", wanted.name, None, origins_within(wanted))
            else:
                ours[wanted.name] = wanted
            continue
        aliases = {alias.value: alias for alias in found.aliases}
        for alias in wanted.aliases:
            known = aliases.get(alias.value)
            aliases[alias.value] = alias if known is None else replace(known, origins=known.origins + alias.origins)
        ours[wanted.name] = replace(found, aliases=tuple(aliases.values()), origins=found.origins + wanted.origins)
    return tuple(ours.values())


def _mounts(running: tuple[Mount, ...], config: tuple[Mount, ...], told: Disagreements) -> tuple[Mount, ...]:
    ours = {m.target: m for m in running}
    for wanted in config:
        found = ours.get(wanted.target)
        subject = f"volume {wanted.target}"
        if found is None:
            if told.winner(subject, wanted.source or wanted.kind, None, by="config") == "config":
                ours[wanted.target] = wanted
            else:
                told.lost(subject, wanted.source or wanted.kind, None, wanted.origins)
        elif (found.kind, found.source, found.read_only) == (wanted.kind, wanted.source, wanted.read_only):
            size = found.size_bytes if found.size_bytes is not None else wanted.size_bytes
            ours[wanted.target] = replace(found, size_bytes=size, origins=found.origins + wanted.origins)
        elif told.winner(subject, wanted.source or wanted.kind, found.source or found.kind, by="running") == "config":
            told.lost(subject, found.source or found.kind, wanted.source or wanted.kind, found.origins)
            ours[wanted.target] = wanted
        else:
            told.lost(subject, wanted.source or wanted.kind, found.source or found.kind, wanted.origins)
    return tuple(ours.values())


def _checks(running: tuple[Check, ...], config: tuple[Check, ...], told: Disagreements) -> tuple[Check, ...]:
    """The scheduler's checks decide; the image's HEALTHCHECK beside them loses, and says so."""
    if not config:
        return running
    for check in running:
        if check.disabled:
            told.lost("check", "disabled in the container", "the config's check", origins_within(check))
        else:
            told.winner("check", "the config's check", " ".join(check.argv), by="config")
            told.lost("check", check.argv, "the config's check", origins_within(check))
    return config


def _count(made: Workload, config: Workload, told: Disagreements) -> Workload:
    if not config.replicas:
        return made
    runs = {c.site: c.count for c in made.replicas}
    wants = {c.site: c.count for c in config.replicas}
    if set(wants) == {""}:
        runs = {"": sum(runs.values())}
    if runs == wants:
        return replace(made, replicas=config.replicas)
    if told.winner("replicas", _counted(wants), _counted(runs), by="config") == "running":
        told.lost("replicas", _counted(wants), _counted(runs), origins_within(config.replicas))
        return made
    return replace(made, replicas=config.replicas)


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{site}: {n}" if site else str(n) for site, n in sorted(counts.items()))


def _restart(made: Workload, running: Workload, config: Workload, told: Disagreements) -> Workload:
    """The container's restart policy is what the scheduler passed down; one of its own speaks for the instance."""
    if not config.restart.origins:
        return made
    if config.restart.policy == running.restart.policy:
        return replace(made, restart=replace(running.restart, origins=running.restart.origins + config.restart.origins))
    if told.winner("restart", config.restart.policy, running.restart.policy, by="config") == "running":
        told.lost("restart", config.restart.policy, running.restart.policy, config.restart.origins)
        return made
    told.lost("restart", running.restart.policy, config.restart.policy, running.restart.origins)
    return replace(made, restart=config.restart)


def _termination(made: Workload, running: Workload, config: Workload, told: Disagreements) -> Workload:
    ours, theirs = running.termination, config.termination
    changes: dict[str, Any] = {}
    origins = dict(ours.origins)
    for name in ("grace_s", "signal", "drain_s", "pre_stop"):
        said = theirs.origins.get(name, ())
        mine, wanted = getattr(ours, name), getattr(theirs, name)
        if not said:
            continue
        if mine == wanted or not ours.origins.get(name):
            changes[name] = wanted
            origins[name] = ours.origins.get(name, ()) + said
        elif told.winner(name, wanted, mine, by="config") == "running":
            told.lost(name, wanted, mine, said)
        else:
            told.lost(name, mine, wanted, ours.origins.get(name, ()))
            changes[name], origins[name] = wanted, said
    return replace(made, termination=replace(ours, **changes, origins=origins))

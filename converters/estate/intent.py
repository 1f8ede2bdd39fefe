"""Intent: what a config says against what runs, and who wins.

What runs wins for what a process sees: image digest, argv, environment. The config wins for what a scheduler does:
count, checks, ports, scaling, rollout, placement, and references to secrets. A decision turns either round. The value
that loses is not forgotten: its atoms get a verdict, and a finding shows both sides.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..decisions import Decisions
from ..fields.verdict import Origins
from ..workload import Container, Controller, Difference, Name, Network, Restart, Workload
from .disagreements import Disagreements
from .facets import origins_within
from .intended import intended

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


def with_intent(running: Workload, config: Workload, decisions: Decisions) -> Workload:
    """What runs and what the config intends of it, as one workload."""
    told = Disagreements(running.name, decisions, (running, config))
    containers = _containers(running, config, told)
    origins = {**config.origins, **{k: v + config.origins.get(k, ()) for k, v in running.origins.items()}}
    attributes: dict[str, Any] = {
        **{name: getattr(config, name) or getattr(running, name) for name in _CONFIG_WINS},
        **{name: _scalar(name, running, config, told, origins) for name in _RUNNING_FIRST},
        **{name: told.elements(name, getattr(running, name), getattr(config, name)) for name in _RUNNING_FIRST_LISTS},
    }
    made = replace(
        running,
        containers=containers,
        scheduler=config.scheduler or running.scheduler,
        namespace_hint=config.namespace_hint or running.namespace_hint,
        controller=config.controller if config.controller is not Controller.UNKNOWN else running.controller,
        origins=origins,
        differences=_differences(running.differences, config.differences, told),
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
        return (intended(running.containers[0], config.containers[0], told),)
    by_name = {c.name: c for c in config.containers}
    made = []
    for container in running.containers:
        wanted = by_name.pop(container.name, None)
        made.append(intended(container, wanted, told) if wanted else container)
    return tuple(made) + tuple(by_name.values())


def _scalar(name: str, running: Workload, config: Workload, told: Disagreements, origins: dict[str, Origins]) -> Any:
    ours, theirs = getattr(running, name), getattr(config, name)
    said = config.origins.get(name, ())
    if not said or ours == theirs:
        return ours
    if told.winner(name, theirs, ours, by="running") == "config":
        told.lost(name, ours, theirs, running.origins.get(name, ()))
        origins[name] = said
        return theirs
    told.lost(name, theirs, ours, said)
    origins[name] = running.origins.get(name, ())
    return ours


def _differences(
    running: tuple[Difference, ...], config: tuple[Difference, ...], told: Disagreements
) -> tuple[Difference, ...]:
    """Where instances differ as they run; a config that tells its instances apart there agrees, and elsewhere loses."""
    ours = {difference.subject: difference for difference in running}
    for wanted in config:
        found = ours.get(wanted.subject)
        if found is not None:
            ours[wanted.subject] = replace(found, origins=found.origins + wanted.origins)
            continue
        values = "; ".join(f"{who}: {value}" for who, value in wanted.values[:5])
        told.winner(wanted.subject, values, "the same in all instances", by="running")
        told.lost(wanted.subject, values, "the same in all instances", wanted.origins)
    return tuple(ours.values())


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


def _count(made: Workload, config: Workload, told: Disagreements) -> Workload:
    if not config.replicas:
        return made
    runs = {c.site: c.count for c in made.replicas}
    wants = {c.site: c.count for c in config.replicas}
    # A config without sites counts all instances, and so do engines of which nobody said where they stand.
    if set(wants) == {""} or (set(runs) == {""} and runs[""] == sum(wants.values())):
        runs, wants = {"": sum(runs.values())}, {"": sum(wants.values())}
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
    ours, theirs = _spelled(running.restart), _spelled(config.restart)
    if ours == theirs:
        return replace(made, restart=replace(running.restart, origins=running.restart.origins + config.restart.origins))
    if told.winner("restart", theirs, ours, by="config") == "running":
        told.lost("restart", theirs, ours, config.restart.origins)
        return made
    told.lost("restart", ours, theirs, running.restart.origins)
    return replace(made, restart=config.restart)


def _spelled(restart: Restart) -> str:
    return f"{restart.policy or 'no'}{f':{restart.attempts}' if restart.attempts else ''}"


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

"""Pods: workloads whose containers share a namespace, or a task of their scheduler, become one workload.

A pod has one address, one host name, one restart policy and one set of kernel settings; where its containers said
different things, one of them counts and the others are overruled, with a finding that asks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..decisions import Decisions
from ..fields.catalogue import code_named
from ..fields.codes import Answer
from ..fields.verdict import Finding, Origins
from ..workload import Overruled, Restart, SiteCount, Termination, Workload
from .facets import bare, origins_within, shown
from .grouping import Group
from .instances import containers_of

DEFAULT_GRACE_S = 10.0
_MODES = ("network_mode", "pid_mode", "ipc_mode")
_SCALARS = ("hostname", "domainname", "runtime", "uts_mode", "userns_mode", "auto_remove", "controller")
_WHOLE = ("schedule", "rollout", "scaling")
_KEYED = ("sysctls", "extra_hosts")
_LISTS = ("dns", "dns_search", "dns_options", "names", "constraints", "spread", "routes")
_TOGETHER = ("settings", "overruled", "differences")
_POLICIES = ("always", "unless-stopped", "on-failure")
_JOINS = "container:"


def with_groups_joined(groups: Sequence[Group], excluded: Sequence[Workload]) -> list[Group]:
    """The groups, their members' ``container:ID`` modes by the name of the group that the container is of: which
    container it is differs from instance to instance, which application does not. The namespace of a container that
    is excluded (a pause container) is the member's own."""
    owner = {key: "" for workload in excluded for key in _keys(workload)}
    for group in groups:
        for member in group.members:
            owner.update(dict.fromkeys(_keys(member), group.name))
    return [replace(g, members=tuple(_by_group(m, owner) for m in g.members)) for g in groups]


def _keys(workload: Workload) -> list[str]:
    instance = workload.instances[0]
    return [key for key in (instance.id, instance.id[:12], f"{instance.host}/{instance.name}") if key]


def _by_group(member: Workload, owner: Mapping[str, str]) -> Workload:
    changes: dict[str, Any] = {}
    for name in _MODES:
        mode: str = getattr(member, name)
        if mode.startswith(_JOINS):
            other = mode.removeprefix(_JOINS)
            group = owner.get(other, owner.get(f"{member.instances[0].host}/{other}"))
            if group is not None:
                changes[name] = _JOINS + group if group else "bridge" if name == "network_mode" else ""
    return replace(member, **changes) if changes else member


def joined(workloads: Sequence[Workload], pods: Mapping[str, Sequence[str]], decisions: Decisions) -> list[Workload]:
    """``pods``: workload name to what names the pods that its instances are parts of."""
    head: dict[str, str] = {w.name: w.name for w in workloads}

    def find(name: str) -> str:
        while head[name] != name:
            name = head[name]
        return name

    wanted: set[str] = set()
    for workload in workloads:
        for other in _joins(workload):
            if other in head:
                wanted.add(other)
                head[find(workload.name)] = find(other)
    first: dict[str, str] = {}
    for workload in workloads:
        for pod in pods.get(workload.name, ()):
            head[find(workload.name)] = find(first.setdefault(pod, workload.name))
    together: dict[str, list[Workload]] = {}
    for workload in workloads:
        together.setdefault(find(workload.name), []).append(workload)
    made = []
    for parts in together.values():
        if len(parts) == 1:
            made.append(parts[0])
            continue
        parts.sort(key=lambda w: (not (w.name in wanted and not _joins(w)), *_weight(w), w.name))
        made.append(one_pod(parts, decisions))
    return made


def one_pod(parts: Sequence[Workload], decisions: Decisions) -> Workload:
    """Several workloads as one, which bears the name of the first."""
    return _Pod(parts, decisions).made()


def _joins(workload: Workload) -> list[str]:
    modes = (getattr(workload, name) for name in _MODES)
    return [mode.removeprefix(_JOINS) for mode in modes if mode.startswith(_JOINS)]


def _weight(workload: Workload) -> tuple[bool, bool, bool]:
    """Which part of a task the others are there for: what is published, else what has ports, else what always runs."""
    ports = [port for c in workload.containers for port in c.ports]
    published = any(port.published for port in ports)
    return not published, not ports, workload.restart.policy not in _POLICIES[:2]


class _Pod:
    """What is made of the parts, attribute by attribute."""

    def __init__(self, parts: Sequence[Workload], decisions: Decisions) -> None:
        self.parts = parts
        self.first, self.rest = parts[0], parts[1:]
        self.decisions = decisions
        self.origins: dict[str, Origins] = {}
        self.lost: list[Overruled] = []
        self.conflicts: list[str] = []

    def made(self) -> Workload:
        containers = containers_of(self.parts)
        changes: dict[str, Any] = {name: self._mode(name) for name in _MODES}
        changes |= {name: self._scalar(name) for name in _SCALARS}
        changes |= {name: self._whole(name) for name in _WHOLE}
        changes |= {name: self._list(name, keyed=name in _KEYED) for name in (*_KEYED, *_LISTS)}
        changes["networks"] = self._networks()
        changes["replicas"] = self._replicas()
        changes["restart"] = self._restart()
        changes["termination"] = self._termination()
        self._ports()
        for name in _TOGETHER:
            changes[name] = tuple(dict.fromkeys(each for part in self.parts for each in getattr(part, name)))
        changes["overruled"] += tuple(self.lost)
        known = {s for value in (changes, containers) for s in _sources(value)} | {
            s for origins in self.origins.values() for s in origins
        }
        others = {
            name: tuple(s for p in self.parts for s in p.origins.get(name, ()) if s not in known)
            for p in self.parts
            for name in p.origins
            if name not in self.origins
        }
        return replace(
            self.first,
            containers=containers,
            origins={**others, **self.origins},
            findings=(*(self._owned(f) for p in self.parts for f in p.findings), self._finding()),
            **changes,
        )

    def _owned(self, finding: Finding) -> Finding:
        """A finding of a part is the pod's, or no workload of the plan would show it. A question was asked of the part,
        and is answered under its name; what a document alone tells is asked of the pod, when that is converted."""
        asked = code_named(finding.code).answer is not Answer.NONE and finding.code != "secret-in-argv"
        return finding if asked else replace(finding, workload=self.first.name)

    def _said(self, name: str) -> list[tuple[Workload, Any, Origins]]:
        """What the parts say of an attribute, those that say nothing left out."""
        every = [(p, getattr(p, name), p.origins.get(name, ())) for p in self.parts]
        default = getattr(Workload(name=""), name)
        return [(p, value, origins) for p, value, origins in every if origins or value != default]

    def _overrule(self, name: str, value: Any, by: Any, origins: Origins, *, ask: bool = True) -> None:
        if origins:
            self.lost.append(Overruled(attribute=name, value=shown(value), by=shown(by), origins=origins))
        if ask:
            self.conflicts.append(f"{name.replace('_', ' ')} {shown(value)} gives way to {shown(by)}")

    def _mode(self, name: str) -> str:
        """The mode of who owns the namespace. In a pod the network is shared anyway."""
        own = [part for part in self.parts if not getattr(part, name).startswith(_JOINS)]
        joins = [part for part in self.parts if getattr(part, name).startswith(_JOINS)]
        taken: str = getattr((own or self.parts)[0], name)
        kept = [origins for p in self.parts if p in joins or getattr(p, name) == taken
                for origins in (p.origins.get(name, ()),)]  # fmt: skip
        self.origins[name] = tuple(source for origins in kept for source in origins)
        for part in own:
            if getattr(part, name) != taken:
                self._overrule(name, getattr(part, name), taken, part.origins.get(name, ()))
        if name == "network_mode":
            return taken if own else "bridge"
        return "shared" if joins and taken != "host" else taken

    def _scalar(self, name: str) -> Any:
        said = self._said(name)
        if not said:
            return getattr(self.first, name)
        taken = said[0][1]
        self.origins[name] = tuple(s for _, value, origins in said if value == taken for s in origins)
        for _, value, origins in said:
            if value != taken:
                self._overrule(name, value, taken, origins)
        return taken

    def _whole(self, name: str) -> Any:
        said = self._said(name)
        for part, value, _ in said[1:]:
            self._overrule(name, part.name, said[0][0].name, origins_within(value))
        return said[0][1] if said else None

    def _list(self, name: str, *, keyed: bool) -> tuple[Any, ...]:
        """Each element once, with all origins; of a key that has two values the first counts."""
        made: dict[Any, Any] = {}
        for element in (e for part in self.parts for e in getattr(part, name)):
            key = element.key if keyed else bare(element)
            before = made.get(key)
            if before is None:
                made[key] = element
            elif bare(before) == bare(element):
                made[key] = replace(before, origins=tuple(dict.fromkeys(before.origins + element.origins)))
            else:
                self._overrule(f"{name} {key}", element.value, before.value, element.origins)
        return tuple(made.values())

    def _networks(self) -> tuple[Any, ...]:
        made: dict[str, Any] = {}
        for network in (n for part in self.parts for n in part.networks):
            before = made.get(network.name)
            if before is None:
                made[network.name] = network
                continue
            made[network.name] = replace(
                before,
                origins=tuple(dict.fromkeys(before.origins + network.origins)),
                **{
                    name: tuple(dict.fromkeys(getattr(before, name) + getattr(network, name)))
                    for name in ("aliases", "options", "links", "isolation")
                },
            )
        return tuple(made.values())

    def _replicas(self) -> tuple[SiteCount, ...]:
        made = {count.site: count for count in self.first.replicas}
        for part in self.rest:
            for count in part.replicas:
                before = made.get(count.site)
                if before is not None and before.count == count.count:
                    made[count.site] = replace(before, origins=before.origins + count.origins)
                    continue
                at = f" at {count.site}" if count.site else ""
                mine = before.count if before else 0
                self.conflicts.append(
                    f"{part.name} has {count.count} instance(s){at}, {self.first.name} {mine}: each pod has both"
                )
                self._overrule(f"replicas of {part.name}", count.count, mine, count.origins, ask=False)
        return tuple(made.values())

    def _restart(self) -> Restart:
        """The pod is kept alive as the part is that is kept alive most."""
        rank = {policy: n for n, policy in enumerate(_POLICIES)}
        best = min((p.restart for p in self.parts), key=lambda r: rank.get(r.policy, len(rank)))
        origins: Origins = ()
        for part in self.parts:
            theirs = part.restart
            if (theirs.policy or "no", theirs.attempts) == (best.policy or "no", best.attempts):
                origins += theirs.origins
            else:
                self._overrule(f"restart policy of {part.name}", theirs.policy or "no", best.policy, theirs.origins)
        return replace(best, origins=origins)

    def _termination(self) -> Termination:
        """The longest grace; signal and hook of the first that has one."""
        origins: dict[str, Origins] = {}
        values: dict[str, Any] = {}
        for name in ("grace_s", "signal", "drain_s", "pre_stop"):
            said = [(getattr(p.termination, name), p.termination.origins.get(name, ())) for p in self.parts]
            if name == "grace_s":
                taken: Any = max((v for v, _ in said), key=lambda v: DEFAULT_GRACE_S if v is None else v)
            else:
                taken = next((v for v, _ in said if v), said[0][0])
            values[name] = taken
            origins[name] = tuple(s for v, every in said if v == taken for s in every)
            for value, every in said:
                if value != taken and every:
                    self._overrule(name, value, taken, every, ask=name in ("signal", "pre_stop"))
        return Termination(**values, origins={name: every for name, every in origins.items() if every})

    def _ports(self) -> None:
        """Two containers of one pod cannot listen on one port; with networks of their own they could."""
        users: dict[str, list[str]] = {}
        for part in self.parts:
            if part.network_mode.startswith(_JOINS):
                continue
            for port in (port for c in part.containers for port in c.ports):
                users.setdefault(f"{port.container_port}/{port.protocol}", []).append(part.name)
        for number, names in sorted(users.items()):
            if len(set(names)) > 1:
                self.conflicts.append(f"{' and '.join(names)} each have port {number}, and a pod has one address")

    def _finding(self) -> Finding:
        name = self.first.name
        answered = self.decisions.answer(name, "joined-namespace", "pod")
        others = ", ".join(c.name if p.name == name else p.name for p in self.rest for c in p.containers[:1])
        reason = f"{others} and {name} share a namespace, a task or a config's workload: one pod"
        return Finding(
            workload=name,
            code="joined-namespace",
            subject="pod",
            reason="; ".join((reason, *self.conflicts)),
            sides=tuple((p.name, p.instances[0].name if p.instances else "") for p in self.parts),
            options=code_named("joined-namespace").options if self.conflicts else (),
            open=bool(self.conflicts) and answered is None,
            answer=answered.answer if answered else "",
        )


def _sources(value: Any) -> Iterable[Any]:
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from _sources(inner)
    elif value is not None and not isinstance(value, str | bool | int | float):
        yield from origins_within(value)

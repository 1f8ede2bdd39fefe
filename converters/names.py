"""Names: from what the legacy side allowed to what Kubernetes allows, injective over the estate and deterministic.

Docker lets a name hold capitals, dots and underscores; a Service must be an RFC 1035 label. Two legacy names may
therefore fall together: the one that was legal all along keeps it, the others bear a hash of what they were called,
whatever else the estate holds.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from .decisions import Decisions, Override
from .errors import PodliftError
from .fields.catalogue import code_named
from .fields.verdict import Finding
from .links import links_of
from .rewriting import Rewrite, rewriter, words_of
from .target import Target
from .texts import texts_of
from .workload import MountKind, Workload

# 52, not 63: a CronJob appends eleven characters to the names of its Jobs, and controllers a hash to their pods'.
WORKLOAD_NAME_LIMIT = 52
LABEL_LIMIT = 63
_LABEL = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class NameMap:
    """
    workloads   workload to the name that its controller, ConfigMap, Secret, HPA … bear
    namespaces  workload to namespace (``""``: none written, kubectl's current one)
    services    (workload, legacy name) to Service name, for every name that something may use; names that belong to
                another workload's Service are left out
    hosts       legacy host name to the DNS name to use instead, where the legacy name does not resolve in the cluster
    hosts_of    the same for one workload, of names that mean another workload on its networks or by its links
    own_names   workload to the legacy names that lead to itself
    links       (workload, alias of one of its links) to the Service of the workload that it is linked to
    claims      (workload, ``kind:source`` or ``kind:target``) to PersistentVolumeClaim name; shared volumes map to one
    findings    names that had to be told apart
    """

    workloads: Mapping[str, str] = field(default_factory=dict)
    namespaces: Mapping[str, str] = field(default_factory=dict)
    services: Mapping[tuple[str, str], str] = field(default_factory=dict)
    hosts: Mapping[str, str] = field(default_factory=dict)
    hosts_of: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    own_names: Mapping[str, frozenset[str]] = field(default_factory=dict)
    links: Mapping[tuple[str, str], str] = field(default_factory=dict)
    claims: Mapping[tuple[str, str], str] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()

    def hosts_for(self, workload: str) -> Mapping[str, str]:
        """Legacy host name to DNS name, as this workload's texts mean it."""
        own = self.hosts_of.get(workload)
        return {**self.hosts, **own} if own else self.hosts

    def rewrite_for(self, workload: str) -> Rewrite:
        """Rewrites a text of this workload's."""
        return rewriter(self.hosts_for(workload), self.own_names.get(workload, ()))


def assign_names(workloads: Sequence[Workload], *, target: Target, decisions: Decisions) -> NameMap:
    """Names for everything in the estate.

    Raises PodliftError ``bad-name`` for an override that is no RFC 1035 label of at most 52 characters, ``name-taken``
    where two overrides give one name.
    """
    overrides = {w.name: _override(w.name, decisions) for w in workloads}
    spaces = {w.name: _namespace(w, overrides[w.name], target, decisions) for w in workloads}
    findings: list[Finding] = []
    bases = _bases(workloads, overrides, spaces, decisions, findings)
    services = _services(workloads, bases, spaces, decisions, findings)
    links = _links(workloads, services)
    hosts, hosts_of = _hosts(workloads, services, links, spaces)
    made = NameMap(
        workloads=bases,
        namespaces=spaces,
        services=services,
        hosts=hosts,
        hosts_of=hosts_of,
        own_names={w.name: frozenset(n.name for n in w.names if (w.name, n.name) in services) for w in workloads},
        links={place: service for place, (_, service) in links.items()},
        claims=_claims(workloads, bases),
    )
    for workload in workloads if hosts or hosts_of else ():
        findings += _old_names(workload, made)
    return replace(made, findings=tuple(findings))


def legal(name: str, limit: int = LABEL_LIMIT) -> str:
    """The RFC 1035 label nearest to ``name``; a name that must be cut bears a hash of the whole.

    >>> legal("My_App.v2")
    'my-app-v2'
    >>> legal("2fa")
    'w-2fa'
    """
    label = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    if not label or not label[0].isalpha():
        label = f"w-{label}" if label else f"w-{_hash(name)}"
    return label if len(label) <= limit else _marked(label, name, limit)


def _marked(label: str, name: str, limit: int) -> str:
    return f"{label[: limit - 7].rstrip('-')}-{_hash(name)}"


def _hash(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:6]


def _override(workload: str, decisions: Decisions) -> Override | None:
    """Name and namespace as decided, be it by one override or by two."""
    given = [o for o in decisions.overrides_of(workload) if o.name or o.namespace]
    if not given:
        return None
    name = next((o.name for o in given if o.name), "")
    return replace(given[0], name=name, namespace=next((o.namespace for o in given if o.namespace), ""))


def _namespace(workload: Workload, override: Override | None, target: Target, decisions: Decisions) -> str:
    if override is not None and override.namespace:
        _check(override.namespace, LABEL_LIMIT, override, decisions_file=decisions.file)
        return override.namespace
    if "{group}" in target.namespace:
        return legal(target.namespace.replace("{group}", workload.namespace_hint or "default"))
    return target.namespace


def _bases(
    workloads: Sequence[Workload],
    overrides: Mapping[str, Override | None],
    spaces: Mapping[str, str],
    decisions: Decisions,
    findings: list[Finding],
) -> dict[str, str]:
    given: dict[str, str] = {}
    taken: dict[tuple[str, str], str] = {}
    for workload in workloads:
        override = overrides[workload.name]
        if override is not None and override.name:
            _check(override.name, WORKLOAD_NAME_LIMIT, override, decisions_file=decisions.file)
            place = (spaces[workload.name], override.name)
            if place in taken:
                raise PodliftError(
                    code="name-taken",
                    phase="convert",
                    subject=f"{decisions.file}:{override.line}",
                    reason=f"{taken[place]} and {workload.name} would both be named {override.name}",
                    next_step="give one of them another name",
                )
            taken[place] = workload.name
            given[workload.name] = override.name
    wanted: dict[tuple[str, str], list[str]] = {}
    for workload in workloads:
        if workload.name not in given:
            name = legal(workload.name, WORKLOAD_NAME_LIMIT)
            wanted.setdefault((spaces[workload.name], name), []).append(workload.name)
    for (space, name), owners in sorted(wanted.items()):
        for owner in sorted(owners):
            keeps = (len(owners) == 1 or owner == name) and (space, name) not in taken
            given[owner] = name if keeps else _marked(name, owner, WORKLOAD_NAME_LIMIT)
            taken[(space, given[owner])] = owner
            if not keeps:
                others = sorted({*owners, taken.get((space, name), name)} - {owner})
                findings.append(
                    Finding(
                        workload=owner,
                        code="name-collision",
                        subject="name",
                        reason=f"{owner} and {', '.join(others)} would both be named {name}: it is {given[owner]}",
                    )
                )
    return given


def _check(name: str, limit: int, override: Override, *, decisions_file: str) -> None:
    if len(name) > limit or not _LABEL.fullmatch(name):
        raise PodliftError(
            code="bad-name",
            phase="convert",
            subject=f"{decisions_file}:{override.line}",
            reason=f"{name!r} is no name for a Kubernetes object here",
            next_step=f"use a letter first, then lower-case letters, digits and dashes, {limit} at most",
        )


def _services(
    workloads: Sequence[Workload],
    bases: Mapping[str, str],
    spaces: Mapping[str, str],
    decisions: Decisions,
    findings: list[Finding],
) -> dict[tuple[str, str], str]:
    """Service names of all legacy names.

    Docker resolves a name on each network by itself, a namespace has one Service of a name: the same name of another
    workload on another network gets a Service under another name, and what names it there is rewritten (``_hosts``).
    """
    services: dict[tuple[str, str], str] = {}
    taken: dict[tuple[str, str], str] = {(spaces[w.name], bases[w.name]): w.name for w in workloads}
    by_name = {w.name: w for w in workloads}
    # Names that are legal as they stand come first, so that they keep themselves whatever else wants them.
    asked = [(n.name, w) for w in workloads for n in w.names]
    for legacy, workload in sorted(asked, key=lambda pair: (legal(pair[0]) != pair[0], pair[0], pair[1].name)):
        if (workload.name, legacy) in services:
            continue
        space = spaces[workload.name]
        name = bases[workload.name] if legacy == workload.name else legal(legacy)
        owner = taken.setdefault((space, name), workload.name)
        if owner != workload.name:
            theirs, ours = _networks(by_name[owner], legacy), _networks(workload, legacy)
            if theirs & ours:
                # One name on one network: Docker answers with either, which the estate's findings say.
                continue
            name = _marked(name, f"{workload.name}/{legacy}", LABEL_LIMIT)
            taken[(space, name)] = workload.name
            if legacy in by_name or theirs:
                findings.append(_elsewhere(legacy, workload.name, owner, name, sorted(ours), decisions))
        services[(workload.name, legacy)] = name
    return services


def _networks(workload: Workload, legacy: str) -> set[str]:
    """The networks on which this workload has the name for everybody: a link is one container's alone, and the
    workload's own name is podlift's."""
    return {name.network for name in workload.names if name.name == legacy and name.kind not in ("workload", "link")}


def _elsewhere(
    legacy: str, workload: str, owner: str, name: str, networks: Sequence[str], decisions: Decisions
) -> Finding:
    subject = f"name {legacy}"
    where = f"on {', '.join(networks)}" if networks else "by link"
    answered = decisions.answer(workload, "alias-ambiguous", subject)
    return Finding(
        workload=workload,
        code="alias-ambiguous",
        subject=subject,
        reason=f"{legacy} is {workload} {where} and {owner} "
        f"elsewhere; in one namespace it leads to {owner}, {workload} is {name}, and the environment, commands and "
        "checks that mean it are rewritten",
        todo="look for the name in configuration files; namespace: '{group}' in target.yaml keeps projects apart",
        options=code_named("alias-ambiguous").options,
        open=answered is None,
        answer=answered.answer if answered else "",
    )


def _links(
    workloads: Sequence[Workload], services: Mapping[tuple[str, str], str]
) -> dict[tuple[str, str], tuple[str, str]]:
    """(workload, alias) to the workload that the link leads to and its Service."""
    return {
        (workload.name, link.key): (linked, services[(linked, link.key)])
        for workload, _, link, linked in links_of(workloads)
        if (linked, link.key) in services
    }


def _hosts(
    workloads: Sequence[Workload],
    services: Mapping[tuple[str, str], str],
    links: Mapping[tuple[str, str], tuple[str, str]],
    spaces: Mapping[str, str],
) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    """Host names that must be written differently: by all, and by single workloads where a name means several."""
    several = len(set(spaces.values())) > 1

    def placed(workload: str, service: str) -> str:
        return f"{service}.{spaces[workload]}" if several and spaces[workload] else service

    meant = _meant(workloads, services, placed)

    def written(legacy: str, address: str) -> bool:
        # DNS does not tell capitals apart, so a name that only lost them still resolves.
        return several or address != legacy.lower()

    hosts = {
        legacy: address
        for legacy, addresses in sorted(meant.items())
        for address in addresses
        if len(addresses) == 1 and written(legacy, address)
    }
    shared = {legacy: addresses for legacy, addresses in sorted(meant.items()) if len(addresses) > 1}
    hosts_of: dict[str, dict[str, str]] = {}
    for workload in workloads if shared else ():
        near = {legacy: address for legacy, address in _near(workload, shared) if written(legacy, address)}
        if near:
            hosts_of[workload.name] = near
    for workload in workloads:
        for word, address in _searched(workload, {**hosts, **hosts_of.get(workload.name, {})}).items():
            if word not in meant:
                hosts_of.setdefault(workload.name, {})[word] = address
    for (name, alias), (linked, service) in links.items():
        address = placed(linked, service)
        if hosts.get(alias, alias) != address:
            hosts_of.setdefault(name, {})[alias] = address
    return hosts, hosts_of


def _meant(
    workloads: Sequence[Workload],
    services: Mapping[tuple[str, str], str],
    placed: Callable[[str, str], str],
) -> dict[str, dict[str, set[str]]]:
    """Legacy host name to the addresses that it means, each with the networks on which it means that."""
    used = {word for workload in workloads for word in _words(workload)}
    meant: dict[str, dict[str, set[str]]] = {}
    for workload in workloads:
        for legacy in {name.name for name in workload.names if name.kind not in ("workload", "link")}:
            service = services.get((workload.name, legacy))
            if service is None:
                continue
            address, networks = placed(workload.name, service), _networks(workload, legacy)
            meant.setdefault(legacy, {}).setdefault(address, set()).update(networks)
            # Docker also resolves a name with its network behind it.
            for network in networks:
                if f"{legacy}.{network}" in used:
                    meant.setdefault(f"{legacy}.{network}", {}).setdefault(address, set()).add(network)
    return meant


def _near(workload: Workload, shared: Mapping[str, Mapping[str, set[str]]]) -> Iterator[tuple[str, str]]:
    """What names of several addresses mean to a workload: the one on its own networks."""
    on = {network.name for network in workload.networks}
    for legacy, addresses in shared.items():
        near = [address for address, networks in sorted(addresses.items()) if networks & on]
        if len(near) == 1:
            yield legacy, near[0]


def _searched(workload: Workload, hosts: Mapping[str, str]) -> dict[str, str]:
    """Words of its texts that one of its search domains makes a legacy name, which the cluster's DNS does not know."""
    found: dict[str, str] = {}
    for word in _words(workload) if workload.dns_search else ():
        for domain in workload.dns_search:
            address = hosts.get(f"{word}.{domain.value.strip('.')}")
            if address is not None:
                found.setdefault(word, address)
    return found


def _old_names(workload: Workload, names: NameMap) -> list[Finding]:
    """Old host names in this workload's texts: those that are rewritten, and those that may be words like others."""
    rewrite, hosts = names.rewrite_for(workload.name), names.hosts_for(workload.name)
    places: dict[tuple[str, str], dict[str, None]] = {}
    for place, text in texts_of(workload):
        found = rewrite(text)
        for pair in (*found.done, *((old, "") for old in found.seen)):
            places.setdefault(pair, {})[place] = None
    return [
        Finding(
            workload=workload.name,
            code="legacy-name-used",
            subject=f"name {old}",
            reason=f"{old} stands in {', '.join(where)}: "
            + (f"it is written {new}" if new else f"it is left, and may mean the host that is {hosts[old]} now"),
            sides=tuple(("written" if new else "left", place) for place in where),
        )
        for (old, new), where in sorted(places.items())
    ]


def _words(workload: Workload) -> set[str]:
    return {word for _, text in texts_of(workload) for word in words_of(text)}


def _claims(workloads: Sequence[Workload], bases: Mapping[str, str]) -> dict[tuple[str, str], str]:
    claims: dict[tuple[str, str], str] = {}
    taken: dict[str, tuple[str, ...]] = {}
    for workload in sorted(workloads, key=lambda w: w.name):
        for container in workload.containers:
            for mount in container.mounts:
                if mount.kind in (MountKind.TMPFS, MountKind.NPIPE, MountKind.IMAGE):
                    continue
                volume = f"{mount.kind}:{mount.source or mount.target}"
                users: tuple[str, ...]
                if mount.shared_with:
                    users = tuple(sorted({workload.name, *mount.shared_with}))
                    name = legal(mount.source)
                else:
                    users = (workload.name, volume)
                    stem = mount.source if mount.kind is MountKind.VOLUME else mount.target
                    name = legal(f"{bases[workload.name]}-{stem}")
                if taken.setdefault(name, users) != users:
                    name = _marked(name, "/".join((*users, volume)), LABEL_LIMIT)
                    taken[name] = users
                claims[(workload.name, volume)] = name
    return claims

"""Tries, before a run starts, what preflight can only know by trying. It changes nothing: nodes ask the legacy
endpoints, hosts are asked for what stands in their kernel and their timetables."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from converters.errors import PodliftError

from ..hosts.outbound import Process, ends_of
from ..hosts.outbound import script as outbound_script
from .checks import answered, request_of
from .containers import in_host_network, name_in
from .edges import Backend, CallingPods, Clock, Connections, Nodes, Peer, PodNetwork
from .outbound import End, Outbound, gathered
from .preflight import Measured, Seen
from .preflight.seen import name_of

Shell = Callable[[str], str]
"""Runs a script by a shell of a host and gives what it prints; raises PodliftError."""

_MARK = "--"
PRUNES = r"^[^#]*(docker|podman)[^#]*((system|container) +prune|rm .*(docker|podman) ps)"
_TABLES = "/etc/crontab /etc/cron.d /etc/cron.hourly /etc/cron.daily /etc/cron.weekly /etc/cron.monthly /var/spool/cron"
_UNITS = "/etc/systemd/system /usr/lib/systemd/system"
# how long the kernel keeps a closed connection in its table, by default
_TIME_WAIT_S = 120


def script(ports: tuple[int, ...]) -> str:
    """What a host's shell is to run. Each part may fail, and is empty then."""
    flows = "; ".join(
        f"echo {port} $(conntrack -L -p tcp --state TIME_WAIT --orig-port-dst {port} 2>/dev/null | wc -l)"
        for port in ports
    )
    return f"; echo {_MARK}; ".join(
        (
            "cat /proc/sys/net/netfilter/nf_conntrack_count /proc/sys/net/netfilter/nf_conntrack_max 2>/dev/null",
            "date +%s",
            "cat /proc/[0-9]*/comm 2>/dev/null | grep -cx docker-proxy",
            f"grep -rlE '{PRUNES}' {_TABLES} {_UNITS} 2>/dev/null",
            f"conntrack -C >/dev/null 2>&1 && {{ {flows or ':'}; }}",
            ":",
        )
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class HostFacts:
    """
    conntrack  (entries, most); None where the kernel keeps no table
    clock      seconds since 1970, whole
    relays     processes by which the engine relays published ports
    timers     files of cron and systemd that remove containers
    closed     port to connections that were closed within the last 2 minutes; empty where it is not known
    """

    conntrack: tuple[int, int] | None
    clock: int
    relays: int
    timers: tuple[str, ...]
    closed: Mapping[int, int]


def facts_of(printed: str) -> HostFacts:
    """The script's output. Raises ValueError for what is none."""
    table, clock, relays, timers, closed, _ = re.split(rf"^{_MARK}\n", printed, flags=re.MULTILINE)
    numbers = [int(each) for each in table.split()]
    return HostFacts(
        conntrack=(numbers[0], numbers[1]) if len(numbers) == 2 else None,
        clock=int(clock),
        relays=int(relays or 0),
        timers=tuple(sorted(timers.split("\n")[:-1])),
        closed={int(port): int(count) for port, count in (line.split() for line in closed.splitlines())},
    )


def try_out(
    seen: Seen,
    *,
    clock: Clock,
    nodes: Nodes | None = None,
    connections: Connections | None = None,
    pods: PodNetwork | None = None,
    shells: Mapping[str, Shell] | None = None,
    check: Mapping[str, Any] | None = None,
    callers: Sequence[CallingPods] = (),
) -> Measured:
    """
    callers as which pods it is tried whether instances are reached
    shells  host to how its shell is asked
    check   how an instance is asked, as in Spec.check; None: a connection is opened

    What is not given is not measured. A host that gives no answer is left out.
    """
    probes, silent = _asked(seen, nodes, check or {}) if nodes else (None, None)
    facts = _facts(seen, shells, clock) if shells else {}
    return Measured(
        probes=probes,
        silent=silent,
        resolved=None if pods is None else _resolved(seen, pods),
        peers=None if connections is None else _peers(seen, connections),
        rates=_rates(seen, facts) if shells else None,
        skew_s={host: skew for host, (_, skew) in facts.items()} if shells else None,
        conntrack={host: each.conntrack for host, (each, _) in facts.items() if each.conntrack} if shells else None,
        relays=_relays(seen, facts) if shells else None,
        timers={host: each.timers for host, (each, _) in facts.items()} if shells else None,
        outbound=None if shells is None else _outbound(seen, shells),
        callers=None if pods is None else _called(seen, pods, callers),
    )


def _asked(seen: Seen, nodes: Nodes, check: Mapping[str, Any]) -> tuple[dict[str, dict[Backend, str]], dict[str, str]]:
    backends = list(seen.tcp_backends)
    answers = nodes.ask([request_of(check, backend) for backend in backends])
    probes = {
        node: {
            backend: "" if answered(one, str(check.get("codes") or "")) else one.error or f"it answers {one.status}"
            for backend, one in zip(backends, responses, strict=True)
        }
        for node, responses in answers.items()
    }
    return probes, dict(nodes.silent())


def _resolved(seen: Seen, pods: PodNetwork) -> Mapping[str, tuple[str, ...]] | None:
    """Of the Services that do not stand yet: a name of one that does is that one's."""
    standing = {name_of(each) for each in seen.here("Service")}
    return pods.resolve(seen.namespace, sorted({name_of(each) for each in seen.services} - standing))


def _called(seen: Seen, pods: PodNetwork, callers: Sequence[CallingPods]) -> dict[str, Mapping[str, str] | str]:
    """A Service sends them to the instances' own addresses, by which policies judge."""
    found = pods.call(callers, list(seen.tcp_backends))
    return {str(caller): each for caller, each in zip(callers, found, strict=True)}


def _peers(seen: Seen, connections: Connections) -> dict[Backend, tuple[Peer, ...]]:
    made = {}
    for backend, container in seen.tcp_backends.items():
        try:
            found = connections.established(container.host, backend)
        except PodliftError:
            continue
        if found is not None:
            made[backend] = found
    return made


def _facts(seen: Seen, shells: Mapping[str, Shell], clock: Clock) -> dict[str, tuple[HostFacts, float]]:
    """With how far each host's clock is from ours, in whole seconds."""
    made = {}
    for host, shell in sorted(shells.items()):
        ports = sorted({backend.port for backend, container in seen.tcp_backends.items() if container.host == host})
        before = clock.now()
        try:
            facts = facts_of(shell(script(tuple(ports))))
        except (PodliftError, ValueError):
            continue
        made[host] = facts, _outside(facts.clock, before, clock.now())
    return made


def _outside(said: int, before: float, after: float) -> float:
    """Zero where a clock of whole seconds may be right."""
    if said + 1 < before:
        return said + 1 - before
    return max(0.0, said - after)


def _rates(seen: Seen, facts: Mapping[str, tuple[HostFacts, float]]) -> dict[tuple[str, Backend], float]:
    """By connections that were closed, of all callers together: so many would come from one node at worst."""
    return {
        ("all callers", backend): facts[container.host][0].closed[backend.port] / _TIME_WAIT_S
        for backend, container in seen.tcp_backends.items()
        if container.host in facts and backend.port in facts[container.host][0].closed
    }


def _relays(seen: Seen, facts: Mapping[str, tuple[HostFacts, float]]) -> dict[str, bool]:
    """Of hosts on which a port of the workload is published: elsewhere there is nothing to relay."""
    publishing = {each.host for each in seen.running if each.ports and not in_host_network(seen.document(each))}
    return {host: each.relays > 0 for host, (each, _) in facts.items() if host in publishing}


def _outbound(seen: Seen, shells: Mapping[str, Shell]) -> Outbound:
    """Where the running instances connect to."""
    found: dict[str, tuple[End, ...]] = {}
    unseen: dict[str, str] = {}
    inside: dict[str, dict[str, str]] = {}
    for host in sorted({each.host for each in seen.running}):
        here = {f"{each.name} on {host}": each for each in seen.running if each.host == host}
        processes = [
            Process(container=each.id, pid=pid, shared=in_host_network(document))
            for each in here.values()
            if (pid := int(((document := seen.document(each)).get("State") or {}).get("Pid") or 0))
        ]
        ends: Mapping[str, tuple[End, ...]] = {}
        why = "nothing could be read of its connections there"
        if host not in shells:
            why = "no command can be run there"
        elif processes:
            try:
                ends = ends_of(shells[host](outbound_script(processes)), processes)
            except PodliftError as error:
                why = error.reason
            except ValueError:
                why = "what its shell printed is not understood"
        addresses = _addresses(seen, host)
        for name, each in here.items():
            if each.id in ends:
                found[name], inside[name] = ends[each.id], addresses
            else:
                unseen[name] = why
    remotes, more = gathered(found, inside=inside, own={each.name for each in seen.running})
    return Outbound(looked=tuple(found), unseen=unseen, remotes=remotes, more=more)


def _addresses(seen: Seen, name: str) -> dict[str, str]:
    """Those that an engine gave to its containers, with the containers' names."""
    host, made = seen.host(name), {}
    for document in host.documents.values() if host else ():
        for network in ((document.get("NetworkSettings") or {}).get("Networks") or {}).values():
            for key in ("IPAddress", "GlobalIPv6Address"):
                if network.get(key):
                    made[str(network[key])] = name_in(document)
    return made

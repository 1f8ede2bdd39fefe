"""Rows on callers and on the way there: who calls past the Service, what is measured before a start, and what the
settings of the run allow to be seen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from converters.texts import addresses_in

from ..schedule import shares
from .files import called_as
from .policies import node_addresses
from .row import Notice, Rule, mitigate, refuse, warn
from .seen import Seen, name_of

# New connections a second from one masqueraded address to one endpoint, above which ports come round again while the
# server still holds them in TIME_WAIT: SYNs are then sent twice, a second apart.
MOST_NEW = 100.0
COARSE = 1 / 3
_MOST_SKEW_S = 2.0
_MOST_FULL = 0.75
_SHOWN = 10


def _unreachable(seen: Seen) -> Iterator[Notice]:
    for node, answers in (seen.measured.probes or {}).items():
        for backend, reason in sorted(answers.items()):
            if reason:
                yield Notice(subject=f"Node/{node}", reason=f"{backend} does not answer from there: {reason}")


def _cut_off(seen: Seen) -> Iterator[Notice]:
    for who, found in (seen.measured.callers or {}).items():
        if isinstance(found, str):
            yield Notice(
                subject=who,
                reason=f"whether they get to the instances cannot be tried: {found}",
                next_step="give probe_image, and the right to make pods there (create, get and delete pods, get "
                "pods/log and configmaps); or take them out of callers in podlift.yaml",
            )
            continue
        for backend, why in sorted(found.items()):
            yield Notice(subject=who, reason=f"they do not get to {backend}, where the Service sends them: {why}")


def _silent(seen: Seen) -> Iterator[Notice]:
    for node, reason in ({} if seen.means.accept_floor else seen.measured.silent or {}).items():
        yield Notice(subject=f"Node/{node}", reason=f"nothing can be tried from there: {reason}")


def _floor(seen: Seen) -> Iterator[Notice]:
    for node, reason in ((seen.measured.silent or {}) if seen.means.accept_floor else {}).items():
        yield Notice(
            subject=f"Node/{node}",
            reason=f"nothing can be tried from there ({reason}): that its proxy follows is taken on trust after "
            f"{seen.means.settle_s:g} s",
        )


def _no_freeze(seen: Seen) -> Iterator[Notice]:
    if "freeze" not in seen.means.hooks:
        yield Notice(
            subject=seen.entry["name"],
            reason="no freeze hook: its scheduler may move, scale or restart instances, and the run ends at STANDBY",
        )


def _no_commands(seen: Seen) -> Iterator[Notice]:
    used = {each.host for each in seen.found.containers}
    for host in seen.hosts:
        if host.name in used and not host.commands:
            yield Notice(
                subject=host.name,
                reason="no command can be run there: who still holds connections stays unknown, and the run holds "
                "before STANDBY",
            )


def _coarse(seen: Seen) -> Iterator[Notice]:
    legacy = len(seen.running)
    if seen.means.steps and legacy:
        first = shares(seen.means.steps, legacy)[0]
        if first >= COARSE:
            yield Notice(
                subject=seen.entry["name"],
                reason=f"the first step gives pods {first:.0%} of new connections: {seen.means.steps[0]} beside "
                f"{legacy}, and a Service knows no other weights",
            )


def _rates(seen: Seen) -> Iterator[Notice]:
    for (node, backend), rate in (seen.measured.rates or {}).items():
        if rate > MOST_NEW:
            yield Notice(
                subject=str(backend),
                reason=f"{rate:.0f} new connections a second from {node}: above {MOST_NEW:.0f} from one masqueraded "
                "address some wait a second and more",
            )


def _conntrack(seen: Seen) -> Iterator[Notice]:
    for who, (entries, most) in (seen.measured.conntrack or {}).items():
        if most and entries > _MOST_FULL * most:
            yield Notice(
                subject=who,
                reason=f"its table of connections holds {entries} of {most}: the Service adds one for each, and a full "
                "table drops new ones",
            )


def _skew(seen: Seen) -> Iterator[Notice]:
    for who, skew in (seen.measured.skew_s or {}).items():
        if abs(skew) > _MOST_SKEW_S:
            yield Notice(
                subject=who, reason=f"its clock is {abs(skew):.1f} s {'ahead of' if skew > 0 else 'behind'} ours"
            )


def _direct(seen: Seen) -> Iterator[Notice]:
    through = set(node_addresses(seen))
    for backend, peers in (seen.measured.peers or {}).items():
        past = sorted((each for each in peers if each.address not in through), key=lambda each: -each.count)
        if past:
            said = ", ".join(f"{each.address} ({each.count})" for each in past[:_SHOWN])
            more = f" and {len(past) - _SHOWN} more" if len(past) > _SHOWN else ""
            yield Notice(subject=str(backend), reason=f"it is called directly, past the Service, by {said}{more}")


def _by_address(seen: Seen) -> Iterator[Notice]:
    """Other workloads of the estate in whose settings a legacy address and port stand."""
    wanted = set(called_as(seen))
    for other in seen.estate:
        found = {address for text in _texts(other["workload"]) for address in addresses_in(text)}
        for called, port in sorted(wanted & found):
            yield Notice(
                subject=other["name"],
                reason=f"{called}:{port} stands in its settings: it calls past the Service until that is changed",
            )


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)


def _mutual(seen: Seen) -> Iterator[Notice]:
    for other in seen.estate:
        if other["name"] in seen.entry["references"] and seen.entry["name"] in other["references"]:
            yield Notice(
                subject=other["name"],
                reason="the two call each other: neither may stop while the other still calls it directly",
                next_step=f"start both as one group: podlift cutover start PLAN {seen.entry['name']} {other['name']}",
            )


def _unbridged(seen: Seen) -> Iterator[Notice]:
    standing = {name_of(each) for each in seen.here("Service")}
    for other in seen.estate:
        near = (other["namespace"] or seen.namespace) == seen.namespace
        if other["name"] in seen.entry["references"] and near and other["kubernetesName"] not in standing:
            yield Notice(
                subject=other["name"],
                reason="pods will call it by name, and no Service of that name is in the cluster yet",
            )


RULES: tuple[Rule, ...] = (
    refuse("endpoint-unreachable", _unreachable, measures=("probes",)),
    refuse("caller-cut-off", _cut_off, measures=("callers",)),
    refuse("node-silent", _silent, measures=("silent",)),
    warn("node-on-trust", _floor, measures=("silent",)),
    warn("no-freeze-hook", _no_freeze),
    warn("no-commands-on-host", _no_commands),
    warn("schedule-coarse", _coarse),
    warn("many-new-connections", _rates, measures=("rates",)),
    warn("conntrack-full", _conntrack, measures=("conntrack",)),
    warn("clock-skew", _skew, measures=("skew_s",)),
    warn("called-directly", _direct, "Node", measures=("peers",)),
    warn("called-by-address", _by_address),
    mitigate("mutual-callers", _mutual),
    warn("peer-unbridged", _unbridged, "Service"),
)

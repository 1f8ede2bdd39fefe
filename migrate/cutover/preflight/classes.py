"""Rows on what the workload is: which classes a cutover serves, and whether the plan says enough of it."""

from __future__ import annotations

from collections.abc import Iterator

from ...plan.objects import JOURNAL, title
from ...plan.stages import AT_REST, FINALIZED
from ..run import CUT, DATAGRAMS, SESSIONS
from .row import Notice, Rule, refuse, warn
from .seen import CONTROLLERS, Object, Seen, is_headless, labels_of, name_of

_ONE_WRITER = frozenset({"ReadWriteOnce", "ReadWriteOncePod"})


def _not_on_legacy(seen: Seen) -> Iterator[Notice]:
    if not seen.entry["instances"]:
        yield Notice(subject=seen.entry["name"], reason="the plan knows no instance of it on the legacy side")


def _nothing_planned(seen: Seen) -> Iterator[Notice]:
    open_codes = ", ".join(seen.entry["withheld"])
    if open_codes or not seen.planned(*CONTROLLERS, "CronJob", "Job"):
        reason = f"the plan holds nothing of it: {open_codes} is not decided" if open_codes else "it has no controller"
        yield Notice(subject=seen.entry["name"], reason=reason)


def _hosts_unread(seen: Seen) -> Iterator[Notice]:
    for host in seen.unread_hosts:
        yield Notice(subject=host, reason="the plan was made without this host, which may run instances of it")


def _run_under_way(seen: Seen) -> Iterator[Notice]:
    for each in seen.here("ConfigMap"):
        state = (each.get("data") or {}).get("state", "")
        if JOURNAL in labels_of(each) and seen.selector.items() <= labels_of(each).items():
            if state == FINALIZED:
                yield Notice(
                    subject=name_of(each),
                    reason="a cutover of it was finalized",
                    next_step="apply takes the workload over; there is nothing left to cut over",
                )
            elif state not in AT_REST:
                yield Notice(subject=name_of(each), reason=f"a cutover of it is under way: {state}")


def _class(wanted: str, reason: str) -> Rule:
    def look(seen: Seen) -> Iterator[Notice]:
        stateful = wanted == "single-writer" and seen.entry["controller"] == "statefulset"
        if seen.entry["class"] == wanted and not stateful:
            yield Notice(subject=seen.entry["name"], reason=reason)

    return refuse(f"class-{wanted}", look)


def _stateful(seen: Seen) -> Iterator[Notice]:
    for each in seen.planned("StatefulSet"):
        yield Notice(
            subject=title(each),
            reason="its pods have identities or data of their own, and a container and a pod would hold one at once",
        )


def _one_writer_claims(seen: Seen) -> Iterator[Notice]:
    """A claim that one node alone may write to, of a workload that the plan does not call single-writer."""
    for _, claim, modes in _volumes(seen):
        if modes and modes <= _ONE_WRITER and seen.entry["class"] == "stateless":
            yield Notice(
                subject=f"PersistentVolumeClaim/{claim}",
                reason=f"{', '.join(sorted(modes))}: containers and pods would write its data at once, or it is split",
            )


def _acts_unasked_open(seen: Seen) -> Iterator[Notice]:
    if "acts-unasked" in seen.open_findings:
        yield Notice(
            subject=seen.entry["name"],
            reason="nobody said whether a copy of it starts work by itself, which pods would do before any is admitted",
        )


def _no_client_service(seen: Seen) -> Iterator[Notice]:
    having = [each for each in seen.services if each["spec"].get("ports")]
    if seen.entry["class"] != "stateless" or any(not is_headless(each) for each in having):
        return
    if not having:
        yield Notice(subject=seen.entry["name"], reason="the plan has no Service with ports for it")
    for each in having:
        yield Notice(
            subject=title(each),
            reason="it is headless, and there is no other with ports: its callers ask for endpoints themselves, and "
            "nothing would lead them from containers to pods",
            next_step="give callers a Service with an address (take clusterIP: None out of the override), and plan "
            "again",
        )


def _no_tcp(seen: Seen) -> Iterator[Notice]:
    protocols = _protocols(seen)
    if protocols and "TCP" not in protocols:
        said = " and ".join(sorted(protocols))
        yield Notice(subject=seen.entry["name"], reason=f"it takes {said} only, which no probe of ours speaks")


def _udp_undecided(seen: Seen) -> Iterator[Notice]:
    said = _beside_tcp(seen)
    if "SCTP" in said and seen.means.udp not in ("", CUT):
        yield Notice(
            subject=seen.entry["name"],
            reason="it takes SCTP, whose flows nobody counts, and nobody said that they may be cut",
            next_step="say udp: cut if both may be; else move it by hand in a quiet hour",
        )
    elif said and not seen.means.udp:
        yield Notice(
            subject=seen.entry["name"],
            reason=f"nobody said what may become of its {said} flows{_quic(seen)}: when containers leave the slices, "
            "what a client sends next goes to a pod, which knows nothing of the flow",
        )


def _udp_beside(seen: Seen) -> Iterator[Notice]:
    said, decided = _beside_tcp(seen), seen.means.udp
    if not said or not decided:
        return
    then = {
        CUT: "those to a container stay there through STANDBY and BAKING, and are cut as it leaves the slices and "
        "stops; what they send then goes to pods, which know nothing of them",
        DATAGRAMS: "those to a container stay there through STANDBY and BAKING, and move to pods as it leaves the "
        "slices; it is stopped when no datagram has come for udp_quiet",
        SESSIONS: "those to a container stay there, and it leaves the slices when no datagram has come for udp_quiet; "
        "one that is silent for longer is taken for ended",
    }[decided]
    yield Notice(
        subject=seen.entry["name"],
        reason=f"new {said} flows{_quic(seen)} go to containers and pods alike from SHIFT on; {then}. Gates see TCP "
        "only",
    )


def _udp_unheard(seen: Seen) -> Iterator[Notice]:
    """Where nobody can tell whether datagrams still come: the drain holds."""
    if seen.means.udp in ("", CUT) or "UDP" not in _protocols(seen):
        return
    blind = {each.name for each in seen.hosts if not each.commands}
    for each in seen.running:
        if each.shares_host or each.host in blind:
            yield Notice(
                subject=f"{each.name} on {each.host}",
                reason="it is in its host's network, where flows are not told from others'"
                if each.shares_host
                else "no command can be run on its host",
            )


def _quic(seen: Seen) -> str:
    """By its port, which is HTTPS's own (RFC 9114, 3.1.1), or by HTTPS beside it."""
    for each in seen.services:
        ports = each["spec"].get("ports") or ()
        https = {443} | {port["port"] for port in ports if port.get("appProtocol") == "https"}
        for port in ports:
            if port.get("protocol") == "UDP" and not https.isdisjoint({port["port"], port.get("targetPort")}):
                return f" (QUIC, by port {port['port']}: sessions, whose clients may fall back to TCP)"
    return ""


def _beside_tcp(seen: Seen) -> str:
    protocols = _protocols(seen)
    return " and ".join(sorted(protocols - {"TCP"})) if "TCP" in protocols else ""


def _protocols(seen: Seen) -> set[str]:
    return {port.get("protocol", "TCP") for each in seen.services for port in each["spec"].get("ports") or ()}


def _writable_data(seen: Seen) -> Iterator[Notice]:
    """What both sides can write to while both serve."""
    for volume, claim, modes in _volumes(seen):
        path = (volume.get("hostPath") or {}).get("path", "")
        if _written(seen, volume["name"]) and (path or modes - _ONE_WRITER - {"ReadOnlyMany"}):
            yield Notice(
                subject=path or f"PersistentVolumeClaim/{claim}",
                reason="pods write there from the first one on; what containers wrote elsewhere is not copied",
            )


def _volumes(seen: Seen) -> Iterator[tuple[Object, str, frozenset[str]]]:
    """With the claim of each, and the access modes that the plan gives it."""
    claims = {name_of(each): each["spec"].get("accessModes") or () for each in seen.planned("PersistentVolumeClaim")}
    for template in seen.templates:
        for volume in template["spec"].get("volumes") or ():
            claim = (volume.get("persistentVolumeClaim") or {}).get("claimName", "")
            yield volume, claim, frozenset(claims.get(claim, ()))


def _written(seen: Seen, volume: str) -> bool:
    return any(
        mount["name"] == volume and not mount.get("readOnly")
        for template in seen.templates
        for container in template["spec"]["containers"]
        for mount in container.get("volumeMounts") or ()
    )


def _no_readiness(seen: Seen) -> Iterator[Notice]:
    for each in seen.controllers:
        containers = each["spec"]["template"]["spec"]["containers"]
        if not any(one.get("readinessProbe") for one in containers):
            yield Notice(
                subject=title(each),
                reason="no container has a readiness probe: a pod counts as ready as soon as it has started",
            )


def _fewer_pods(seen: Seen) -> Iterator[Notice]:
    legacy = len(seen.running) or len(seen.entry["instances"])
    if 0 < seen.replicas < legacy:
        yield Notice(
            subject=seen.entry["name"], reason=f"{seen.replicas} pods are to take over from {legacy} instances"
        )


RULES: tuple[Rule, ...] = (
    refuse("not-on-legacy", _not_on_legacy),
    refuse("nothing-planned", _nothing_planned),
    refuse("hosts-unread", _hosts_unread),
    refuse("run-under-way", _run_under_way, "ConfigMap"),
    _class("worker", "it has no ports, so there are no callers to move: what moves is the number of consumers"),
    _class("cron", "it runs by a clock: the legacy entry must end before the CronJob begins, or a run is done twice"),
    _class("job", "it works once and ends: there are no callers to move"),
    _class("daemon", "it runs on every host: a pod beside it would do its host's work twice"),
    _class("singleton", "two copies at once do harm (acts-unasked: exclusive), and a cutover runs both"),
    _class("single-writer", "its data has one writer, and a cutover runs containers and pods at once"),
    refuse("class-stateful", _stateful),
    refuse("claim-of-one-writer", _one_writer_claims),
    refuse("acts-unasked-open", _acts_unasked_open),
    refuse("no-client-service", _no_client_service),
    refuse("no-tcp", _no_tcp),
    refuse("udp-undecided", _udp_undecided),
    warn("udp-beside-tcp", _udp_beside),
    warn("udp-unheard", _udp_unheard),
    warn("writable-data", _writable_data),
    warn("no-readiness-probe", _no_readiness),
    warn("fewer-pods", _fewer_pods),
)

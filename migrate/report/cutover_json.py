"""A run's status as data: ``podlift schema cutover-status``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..cutover.history import GateLine, Span
from ..cutover.listing import Unreadable
from ..cutover.status import Held, ServiceStatus, Status
from .times import rfc3339

SCHEMA = "podlift.dev/cutover-status/v1"
UNREADABLE = "podlift.dev/cutover-unreadable/v1"


def status_json(status: Status) -> dict[str, Any]:
    """Times are RFC 3339 in UTC, durations seconds, shares 0 to 1."""
    waiting = status.waiting
    return {
        "schema": SCHEMA,
        "at": rfc3339(status.now),
        "workload": status.workload,
        "name": status.name,
        "namespace": status.namespace,
        "run": status.run,
        "plan": status.plan,
        "state": status.state,
        "direction": status.direction,
        "ended": status.ended,
        "epoch": status.epoch,
        "share": None if status.pods_share is None else _share(status.pods_share),
        "paused": status.paused,
        "waiting": None
        if waiting is None
        else {
            "what": waiting.what,
            "since": rfc3339(waiting.since),
            "until": None if waiting.until is None else rfc3339(waiting.until),
        },
        "approvals": list(status.approvals),
        "lastWrite": status.act,
        "driver": _held(status.lock),
        "keeper": _held(status.keeper),
        "keeperAway": status.keeper_away,
        "seen": status.seen,
        "unread": dict(status.unread),
        "services": [_service(each) for each in status.services],
        "pods": [
            {
                "name": each.name,
                "node": each.node,
                "ready": each.ready,
                "admitted": each.admitted,
                "ending": each.ending,
                "restarts": each.restarts,
            }
            for each in status.pods
        ],
        "containers": [
            {
                "host": each.host,
                "name": each.name,
                "state": each.state,
                "wanted": each.wanted,
                "restart": each.restart,
                "originalRestart": each.original,
                "known": each.known,
            }
            for each in status.containers
        ],
        "steps": [
            {"pods": each.pods, "standingBy": each.standing_by, "share": _share(each.share), "done": each.done}
            for each in status.steps
        ],
        "evidence": dict(status.evidence),
        "reusedConnections": status.claim,
        "gates": [_gate(each) for each in status.gates],
        "left": None if status.left is None else list(status.left),
        "states": [_span(each) for each in status.spans],
        "shares": [{"at": rfc3339(at), "share": _share(share)} for at, share in status.share],
        "pauses": [_span(each) for each in status.pauses],
        "history": [_line(each) for each in status.history],
        "cut": status.cut,
        "torn": status.torn,
    }


def listed_json(listed: Status | Unreadable) -> dict[str, Any]:
    """The same of one of several, whose journal may be none: ``podlift schema cutover-unreadable``."""
    if isinstance(listed, Status):
        return status_json(listed)
    error = listed.error
    return {
        "schema": UNREADABLE,
        "name": listed.name,
        "namespace": listed.namespace,
        "code": error.code,
        "subject": error.subject,
        "reason": error.reason,
        "next": error.next_step,
    }


def _share(share: float) -> float:
    return round(share, 4)


def _held(lock: Held | None) -> dict[str, Any] | None:
    if lock is None:
        return None
    return {
        "holder": lock.holder,
        "age": round(lock.age_s, 3),
        "lease": lock.lease_s,
        "over": lock.over,
        "note": lock.note,
    }


def _service(each: ServiceStatus) -> dict[str, Any]:
    endpoints = [
        {
            "source": one.source,
            "endpoint": one.backend,
            "condition": one.condition,
            "share": _share(one.share),
            "of": one.of,
        }
        for one in each.takers
    ]
    return {"name": each.name, "address": each.address, "selects": each.selects, "endpoints": endpoints}


def _gate(each: GateLine) -> dict[str, Any]:
    return {
        "at": rfc3339(each.at),
        "step": each.step,
        "gate": each.gate,
        "result": each.result,
        "said": each.text,
        "figures": dict(each.figures),
    }


def _span(each: Span) -> dict[str, Any]:
    ended = None if each.ended is None else rfc3339(each.ended)
    return {"state": each.state, "began": rfc3339(each.began), "ended": ended}


def _line(line: Mapping[str, Any]) -> dict[str, Any]:
    return {"at": rfc3339(line["at"]), "state": line["state"], "event": line["event"], "text": line["text"]}

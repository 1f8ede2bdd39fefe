"""The schema of what podlift cutover status prints with -o json."""

from __future__ import annotations

from typing import Any

from ..cutover.run import Condition, Direction
from ..cutover.states import FORWARD, State
from .building import array, choice, complete, flag, keyed, text, texts, whole

_STATES = tuple(each.value for each in (*FORWARD, State.ROLLING_BACK, State.ROLLED_BACK))
_WHEN = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"


def status() -> dict[str, Any]:
    span = {
        "state": text("a state; paused of pauses"),
        "began": _time("when"),
        "ended": _or_null(_time("null: it lasts")),
    }
    return complete(
        "what podlift cutover status -o json prints, of several a list: times in UTC, durations in seconds",
        {
            "schema": {"const": "podlift.dev/cutover-status/v1"},
            "at": _time("when it was looked at"),
            "workload": text("as the plan calls it"),
            "name": text("its name in Kubernetes"),
            "namespace": text("where it lies"),
            "run": text("the run's ID"),
            "plan": text("the plan's hash"),
            "state": choice("where it stands", *_STATES),
            "direction": choice("whether it goes on or back", *(each.value for each in Direction)),
            "ended": flag("it is FINALIZED or ROLLED_BACK"),
            "epoch": whole("how many drivers it has had", minimum=0),
            "share": _or_null(_share("of new connections that pods take; null: not known")),
            "paused": text("why it stands: a code, a colon and the reason; empty: it does not"),
            "waiting": _or_null(_waiting()),
            "approvals": array("states before which it will still wait for a word", choice("", *_STATES)),
            "lastWrite": text(
                "what was journaled last as about to be done; empty: nothing since its state was reached"
            ),
            "driver": _or_null(_lease("who drives it; null: nobody")),
            "keeper": _or_null(_lease("who keeps the slices; null: nobody")),
            "keeperAway": flag("nobody keeps the legacy slices true, though callers depend on them"),
            "seen": flag("cluster and engines were read; else what rests on them is empty"),
            "unread": keyed("engines that were not read, to why", {}, others=text("why")),
            **_seen(),
            "steps": array("the schedule", complete("a step", _step())),
            "evidence": keyed("state to what it rests on", {}, others=text("what was seen")),
            "reusedConnections": text("what is claimed of connections that are used again; nothing: not known yet"),
            "gates": array("what gates said of windows, the newest last", _gate()),
            "left": _or_null(texts("what of the run is still there; null: not looked at")),
            "states": array("states in order", complete("a state", span)),
            "shares": array(
                "when the share of pods changed",
                complete("a change", {"at": _time("when"), "share": _share("to what")}),
            ),
            "pauses": array("when it stood", complete("a pause", span)),
            "history": array("lines of the journal, the newest last", _line()),
            "cut": flag("older lines are gone"),
            "torn": whole("lines of the journal that cannot be read, and are left out", minimum=0),
        },
    )


def unreadable() -> dict[str, Any]:
    return complete(
        "what podlift cutover status -o json prints of several runs in place of one whose journal cannot be read",
        {
            "schema": {"const": "podlift.dev/cutover-unreadable/v1"},
            "name": text("its name in Kubernetes"),
            "namespace": text("where it lies"),
            "code": text("which podlift explain takes"),
            "subject": text("the journal, and the place in it"),
            "reason": text("what is wrong"),
            "next": text("what to do"),
        },
    )


def _waiting() -> dict[str, Any]:
    until = _or_null(_time("when it is over; null: that is no matter of time"))
    body = {"what": text("what it waits for"), "since": _time("since when"), "until": until}
    return complete("what it waits for; null: it has ended", body)


def _lease(said: str) -> dict[str, Any]:
    body = {
        "holder": text("user, machine, process"),
        "age": _seconds("since it was last heard of"),
        "lease": _seconds("how long it may be silent"),
        "over": flag("it was silent for longer"),
        "note": text("what a keeper has to tell: whom it holds down, what it cannot read"),
    }
    return complete(said, body)


def _seen() -> dict[str, Any]:
    endpoint = {
        "source": choice("who it is", "legacy", "pod"),
        "endpoint": text("address and port"),
        "condition": choice("standby: used only where none is ready; down: never used", "ready", "standby", "down"),
        "share": _share("of the Service's new connections"),
        "of": text("the pod, or the container and its host"),
    }
    service = {
        "name": text("its name"),
        "address": text("its address and port; empty: it has none"),
        "selects": choice("empty: it is not there", "all", "admitted", "other", ""),
        "endpoints": array("the merged view of its slices, by its first port", complete("an endpoint", endpoint)),
    }
    pod = {
        "name": text("its name"),
        "node": text("its node"),
        "ready": flag("it is ready"),
        "admitted": flag("it may take callers"),
        "ending": flag("it is on its way out"),
        "restarts": whole("of its containers", minimum=0),
    }
    container = {
        "host": text("its host"),
        "name": text("its name"),
        "state": choice("unknown: its engine was not read", "running", "stopped", "gone", "unknown"),
        "wanted": choice("what its endpoint is to be", *(each.value for each in Condition)),
        "restart": text("its restart policy; empty: not known"),
        "originalRestart": text("as it was when the run began"),
        "known": flag("it is of the run"),
    }
    return {
        "services": array("Services of the run", complete("a Service", service)),
        "pods": array("pods of the workload", complete("a pod", pod)),
        "containers": array("containers of the workload", complete("a container", container)),
    }


def _step() -> dict[str, Any]:
    return {
        "pods": whole("pods that are admitted", minimum=0),
        "standingBy": whole("legacy instances that take no new callers", minimum=0),
        "share": _share("of new connections that pods get by that"),
        "done": flag("it is behind"),
    }


def _gate() -> dict[str, Any]:
    number = {"description": "percent, seconds (_s) or a count; legacy_: of the legacy side", "type": "number"}
    body = {
        "at": _time("when"),
        "step": text("what was judged"),
        "gate": text("its name"),
        "result": text("passed, failed, inconclusive or error"),
        "said": text("why"),
        "figures": keyed("name to number", {}, others=number),
    }
    return complete("a gate", body)


def _line() -> dict[str, Any]:
    body = {"at": _time("when"), "state": choice("then", *_STATES), "event": text("its kind"), "text": text("what")}
    return complete("a line", body)


def _time(said: str) -> dict[str, Any]:
    return text(said, format="date-time", pattern=_WHEN)


def _seconds(said: str) -> dict[str, Any]:
    return {"description": said, "type": "number", "minimum": 0}


def _share(said: str) -> dict[str, Any]:
    return {"description": said, "type": "number", "minimum": 0, "maximum": 1}


def _or_null(each: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [each, {"type": "null"}]}

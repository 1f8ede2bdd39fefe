"""The schemas of what podlift cutover prints with -o json."""

from __future__ import annotations

from typing import Any

from ..cutover.driver import Outcome
from ..cutover.preflight import Level, Status
from ..cutover.states import FORWARD, State
from .building import array, choice, complete, flag, keyed, text, texts, whole

_COUNT = {"type": "integer", "minimum": 0}


def preview() -> dict[str, Any]:
    finding = {"subject": text("what it is about"), "reason": text("what is wrong"), "nextStep": text("what to do")}
    row = {
        "code": text("as podlift explain has it"),
        "level": choice("what it does", *(each.value for each in Level)),
        "status": choice("what became of it", *(each.value for each in Status)),
        "findings": array("what was found", complete("a finding", finding)),
        "unknown": texts("what may not be read"),
    }
    body: dict[str, Any] = {
        "schema": {"const": "podlift.dev/cutover-preview/v1"},
        "workload": text("as the plan calls it"),
        "name": text("its name in Kubernetes"),
        "namespace": text("where it lies"),
        "plan": text("the plan's hash"),
        "class": text("how a cutover must treat it: stateless, worker, …"),
        "controllers": array(
            "what makes its pods",
            complete("a controller", {"kind": text("its kind"), "name": text("its name"), "pods": _COUNT}),
        ),
        "services": texts("names of Services that take callers"),
        "legacy": array(
            "running instances",
            complete("a container", {"host": text("its host"), "name": text("its name"), "id": text("its ID")}),
        ),
        "schedule": array(
            "the steps: pods that are admitted, legacy instances that take new callers, the pods' share of these",
            complete(
                "a step",
                {
                    "state": choice("the state that it belongs to", State.SHIFT, State.STANDBY),
                    "admitted": _COUNT,
                    "legacy": _COUNT,
                    "share": {"type": "number", "minimum": 0, "maximum": 1},
                },
            ),
        ),
        "approvals": texts("states before which it waits for a word"),
        "preflight": complete(
            "what speaks against it",
            {"refused": flag("no run may start"), "rows": array("rows", complete("a row", row))},
        ),
        "durations": keyed(
            "state to the seconds that it takes at least from the one before",
            {},
            others={"type": "number", "minimum": 0},
        ),
        "endsAt": choice("as far as it goes by itself", State.STANDBY, State.STOPPED),
        "irreversible": texts("what cannot be taken back"),
        "bypassing": {
            "description": "who holds connections past the Service; null where nobody was asked",
            "type": ["array", "null"],
            "items": complete(
                "a caller",
                {
                    "instance": text("address and port"),
                    "peer": text("the caller's address"),
                    "connections": whole("how many", minimum=0),
                },
            ),
        },
        "overlap": _overlap(),
    }
    return complete("what podlift cutover preview -o json prints; of several a list", body)


def _overlap() -> dict[str, Any]:
    limit = {"description": "what a user says that there are; null: nobody said", "type": ["integer", "null"]}
    connection = {
        "to": text("address, port and protocol; a container of the same engine by its name too"),
        "what": text("what usually listens at such a port, or nothing", minLength=0),
        "now": _COUNT,
        "both": _COUNT,
        "limit": limit,
    }
    unknown = {"instance": text("name and host"), "reason": text("why it is not known")}
    return complete(
        "what runs twice while both sides run",
        {
            "legacy": _COUNT,
            "copies": _COUNT,
            "asked": flag("hosts were asked"),
            "connections": array(
                "that instances hold now, and about how many there are once pods run beside them",
                complete("connections to one place", connection),
            ),
            "more": _COUNT,
            "unknown": array("instances of whose connections nothing is known", complete("an instance", unknown)),
            "settings": array(
                "variables that seem to say how much one copy takes",
                complete("a variable", {"name": text("its name"), "perCopy": _COUNT}),
            ),
            "actsUnasked": text("what was decided about work that a copy starts by itself", minLength=0),
            "consumes": texts("what shows that it consumes something"),
        },
    )


def outcome() -> dict[str, Any]:
    return complete(
        "what podlift cutover start, resume, abort and finalize print with -o json; start of several prints a list",
        {
            "schema": {"const": "podlift.dev/cutover-outcome/v1"},
            "workload": text("its name in Kubernetes"),
            "namespace": text("where it lies"),
            "run": text("the run's ID"),
            "outcome": choice(
                "how it ended; error: of one of several; detached: the cluster drives it",
                *(each.value for each in Outcome),
                "error",
                "detached",
            ),
            "state": choice("where it stands", *(each.value for each in (*FORWARD, *_BACK)), ""),
            "why": text("why; for paused and error: a code, a colon and the reason"),
        },
    )


_BACK = (State.ROLLING_BACK, State.ROLLED_BACK)

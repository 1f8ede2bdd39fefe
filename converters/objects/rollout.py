"""How new pods replace old ones.

Without a word from the legacy side: no pod goes before its successor is ready (maxUnavailable 0, maxSurge 1) and has
been so for ten seconds. Where two copies must not run at once, the old one goes first: a volume that one pod at a time
may write (Recreate), a port of the node, or the node's network (maxSurge 0).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..errors import PodliftError
from ..fields.ledger import Ledger
from ..fields.verdict import Origins
from ..workload import Controller, Rollout

READY_S = 10
DEADLINE_S = 600
_AMOUNT = re.compile(r"(?:0|[1-9]\d{0,8})|(?:100|\d{1,2})%", re.ASCII)
_STRATEGY = {
    Controller.DEPLOYMENT: "strategy",
    Controller.DAEMONSET: "updateStrategy",
    Controller.STATEFULSET: "updateStrategy",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Footing:
    """What a rollout must respect.

    single_writer  a volume of which two pods at once could spoil the data
    on_node        ports of the node, or its network: two pods do not fit on one
    """

    single_writer: bool = False
    on_node: bool = False


def rollout_spec(
    rollout: Rollout | None,
    kind: Controller,
    *,
    footing: Footing,
    at: Callable[[str], tuple[str, ...]],
    ledger: Ledger,
) -> dict[str, Any]:
    """``strategy`` (or ``updateStrategy``), ``minReadySeconds`` and, if needed, ``progressDeadlineSeconds``, and the
    verdicts on all of the rollout.

    at  a path below ``spec`` to targets in every controller
    """
    wanted = _Told(rollout or Rollout(), kind, footing, at, ledger)
    if kind not in _STRATEGY:
        wanted.unfit()
        return {}
    made = wanted.strategy()
    ready = wanted.ready()
    made["minReadySeconds"] = ready
    made.update(wanted.deadline(ready))
    wanted.failure()
    return made


@dataclass(frozen=True, slots=True)
class _Told:
    rollout: Rollout
    kind: Controller
    footing: Footing
    at: Callable[[str], tuple[str, ...]]
    ledger: Ledger

    def origins(self, attribute: str) -> Origins:
        return self.rollout.origins.get(attribute, ())

    def unfit(self) -> None:
        for attribute in sorted(self.rollout.origins):
            why = f"{attribute}: a job ends and is not replaced by a rollout"
            self.ledger.dropped(self.origins(attribute), "rollout-unfit", why=why)

    def strategy(self) -> dict[str, Any]:
        key = _STRATEGY[self.kind]
        if self.kind is Controller.DEPLOYMENT and self.footing.single_writer:
            why = "Recreate: a volume that one pod at a time may write"
            self._overruled(why, key)
            self._default(f"{key}.type", why)
            return {key: {"type": "Recreate"}}
        surge, unavailable = self._amounts()
        if self.kind is Controller.STATEFULSET:
            why = "a StatefulSet replaces one pod at a time, each before its successor"
            self._overruled(why, key)
            self._default(f"{key}.type", why)
            return {key: {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}}
        return {
            key: {
                "type": "RollingUpdate",
                "rollingUpdate": {"maxSurge": _amount(surge), "maxUnavailable": _amount(unavailable)},
            }
        }

    def _overruled(self, why: str, key: str) -> None:
        for attribute, code in _AMOUNT_CODES.items():
            self.ledger.approximated(self.origins(attribute), code, *self.at(key), why=why)

    def _default(self, path: str, why: str) -> None:
        for target in self.at(path):
            self.ledger.defaulted("strategy-default", target, why=why)

    def _amounts(self) -> tuple[str, str]:
        """maxSurge and maxUnavailable. What is stated in these words counts before order and parallelism."""
        rollout, key = self.rollout, _STRATEGY[self.kind]
        surging, missing = self.at(f"{key}.rollingUpdate.maxSurge"), self.at(f"{key}.rollingUpdate.maxUnavailable")
        if self.kind is Controller.STATEFULSET:
            return "0", "1"
        at_once = "100%" if rollout.parallelism == 0 else str(rollout.parallelism or 1)
        stop_first = rollout.order == "stop-first" or (self.kind is Controller.DAEMONSET and rollout.order == "")
        surge, unavailable = ("0", at_once) if stop_first else (at_once, "0")
        said_surge, said_unavailable = rollout.max_surge, rollout.max_unavailable
        for value in (said_surge, said_unavailable):
            if value and not _AMOUNT.fullmatch(value):
                self._illegible(value)
        said_surge = said_surge if _AMOUNT.fullmatch(said_surge) else ""
        said_unavailable = said_unavailable if _AMOUNT.fullmatch(said_unavailable) else ""
        if said_surge or said_unavailable:
            surge, unavailable = said_surge or "0", said_unavailable or "0"
        legal_surge, legal_unavailable = self._within_bounds(surge, unavailable)
        self._tell("max_surge", "rollout-surge", surging, kept=legal_surge == surge and bool(said_surge))
        self._tell(
            "max_unavailable", "rollout-unavailable", missing,
            kept=legal_unavailable == unavailable and bool(said_unavailable),
        )  # fmt: skip
        chosen = not (said_surge or said_unavailable) and (surge, unavailable) == (legal_surge, legal_unavailable)
        self._tell("order", "rollout-order", surging + missing, kept=chosen)
        self._tell("parallelism", "rollout-parallelism", missing if stop_first else surging, kept=chosen)
        if not any(self.origins(attribute) for attribute in _AMOUNT_CODES):
            for path in ("maxSurge", "maxUnavailable"):
                self._default(
                    f"{key}.rollingUpdate.{path}",
                    "no pod goes before its successor is ready"
                    if legal_unavailable == "0"
                    else "two pods do not fit on one node",
                )
        return legal_surge, legal_unavailable

    def _within_bounds(self, surge: str, unavailable: str) -> tuple[str, str]:
        if self.footing.on_node:
            return "0", unavailable if not _zero(unavailable) else "1"
        if self.kind is Controller.DAEMONSET and not _zero(surge):
            # the API server takes one or the other
            return surge, "0"
        if _zero(surge) and _zero(unavailable):
            return "1", unavailable
        return surge, unavailable

    def _tell(self, attribute: str, code: str, targets: tuple[str, ...], *, kept: bool) -> None:
        origins = self.origins(attribute)
        value = getattr(self.rollout, attribute)
        if kept:
            self.ledger.exact(origins, code, *targets)
            return
        if self.footing.on_node:
            why = "two pods do not fit on one node: the old one goes first"
        elif attribute in ("order", "parallelism") and (self.rollout.max_surge or self.rollout.max_unavailable):
            why = "how many may run more and fewer is stated beside it, and counts"
        elif attribute in ("max_surge", "max_unavailable") and self.kind is not Controller.DAEMONSET:
            why = "no pod more and none fewer lets nothing be replaced: one more"
        else:
            why = "a DaemonSet takes one of a surge and an unavailable number"
        self.ledger.approximated(origins, code, *targets, why=f"{value}: {why}")

    def _illegible(self, value: str) -> None:
        raise PodliftError(
            code="rollout-amount",
            phase="convert",
            subject=f"{self.ledger.workload}: rollout",
            reason=f"{value!r} is no number of instances",
            next_step="let the mapping give a whole number (2) or per cent (25%)",
        )

    def ready(self) -> int:
        """minReadySeconds: the longest of the times that an instance must do well before the next is replaced."""
        rollout, targets = self.rollout, self.at("minReadySeconds")
        times = {"min_healthy_s": rollout.min_healthy_s, "delay_s": rollout.delay_s, "monitor_s": rollout.monitor_s}
        said = {attribute: value for attribute, value in times.items() if value is not None}
        if not said:
            self._default("minReadySeconds", "time for a fault to show before the next pod is replaced")
            return READY_S
        ready = max(math.ceil(round(value, 6)) for value in said.values())
        for attribute, value in said.items():
            code = _TIME_CODES[attribute]
            if value != ready:
                why = f"{value:g} s: {ready} s, in whole seconds the longest of what is asked for"
                self.ledger.approximated(self.origins(attribute), code, *targets, why=why)
            elif attribute == "min_healthy_s":
                self.ledger.exact(self.origins(attribute), code, *targets)
            else:
                why = f"{value:g} s: a pod must be ready for so long before the next is replaced"
                self.ledger.approximated(self.origins(attribute), code, *targets, why=why)
        return ready

    def deadline(self, ready: int) -> dict[str, int]:
        origins, stated = self.origins("deadline_s"), self.rollout.deadline_s
        if self.kind is not Controller.DEPLOYMENT:
            self.ledger.dropped(origins, "rollout-unfit", why="only a Deployment has a deadline for its rollouts")
            return {}
        targets = self.at("progressDeadlineSeconds")
        if stated is None:
            # the API server refuses a deadline that is not above minReadySeconds, and its default is 600
            return {"progressDeadlineSeconds": ready + DEADLINE_S} if ready >= DEADLINE_S else {}
        deadline = max(math.ceil(round(stated, 6)), ready + 1)
        if deadline != stated:
            why = f"{stated:g} s: {deadline} s, whole seconds and more than the time a pod must be ready"
            self.ledger.approximated(origins, "rollout-deadline", *targets, why=why)
        else:
            why = "counted anew whenever a pod makes progress; the rollout is then marked failed, not undone"
            self.ledger.approximated(origins, "rollout-deadline", *targets, why=why)
        return {"progressDeadlineSeconds": deadline}

    def failure(self) -> None:
        action, origins = self.rollout.failure_action, self.origins("failure_action")
        if action == "pause":
            why = "pause: a rollout whose pods do not become ready stops there by itself"
            self.ledger.approximated(origins, "rollout-failure", why=why)
        else:
            why = f"{action}: a rollout whose pods do not become ready stops and waits"
            self.ledger.dropped(origins, "rollout-failure", why=why)
        ratio = self.rollout.max_failure_ratio
        why = f"{ratio}: a rollout stops at the first pod that does not become ready"
        self.ledger.dropped(self.origins("max_failure_ratio"), "rollout-failure", why=why)


_AMOUNT_CODES = {
    "max_surge": "rollout-surge",
    "max_unavailable": "rollout-unavailable",
    "order": "rollout-order",
    "parallelism": "rollout-parallelism",
}
_TIME_CODES = {"min_healthy_s": "rollout-min-healthy", "delay_s": "rollout-delay", "monitor_s": "rollout-monitor"}


def _zero(amount: str) -> bool:
    return amount.rstrip("%").strip("0") == ""


def _amount(text: str) -> int | str:
    return text if text.endswith("%") else int(text)

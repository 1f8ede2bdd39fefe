"""Health checks as probes.

Readiness first: an unhealthy container loses its traffic, as it does behind most schedulers' proxies, and nothing
else. Liveness, which restarts, only where the legacy scheduler restarts what fails. The numbers are always written,
since Kubernetes' defaults (every 10 s, timeout 1 s) are not Docker's (every 30 s, timeout 30 s).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from ..fields.ledger import Ledger
from ..fields.verdict import Origins
from ..rewriting import Rewrite
from ..workload import Check, CheckKind, Container, Workload
from .context import Context
from .handlers import Question, handler

INTERVAL_S = 30.0
TIMEOUT_S = 30.0
FAILURES = 3
START_INTERVAL_S = 5.0


@dataclass(frozen=True, slots=True)
class _Times:
    """A check's numbers with Docker's defaults; 0 is "the default" as well (moby daemon/health.go)."""

    interval_s: float
    timeout_s: float
    failures: int
    start_period_s: float
    start_interval_s: float

    @classmethod
    def of(cls, check: Check) -> _Times:
        return cls(
            check.interval_s or INTERVAL_S,
            check.timeout_s or TIMEOUT_S,
            check.failures or FAILURES,
            check.start_period_s or 0.0,
            check.start_interval_s or START_INTERVAL_S,
        )


def probes(
    workload: Workload,
    container: Container,
    *,
    context: Context,
    ledger: Ledger,
    name: str = "",
    rewrite: Rewrite | None = None,
) -> dict[str, Any]:
    """``readinessProbe``, ``livenessProbe`` and ``startupProbe`` of the pod's container ``name``, as far as the checks
    ask for them, and the verdicts on all checks."""
    rewrite = rewrite or context.names.rewrite_for(workload.name)
    enabled = [check for check in container.checks if not check.disabled]
    readiness = next((check for check in enabled if check.gates_traffic), None)
    liveness = next((check for check in enabled if check.restarts), None)
    made: dict[str, Any] = {}
    for index, check in enumerate(container.checks):
        at = f"spec.containers[{name or container.name}]"
        if check.disabled:
            ledger.exact(check.origins.get("disabled", ()), "check-disabled", *context.in_pod(f"{at}.readinessProbe"))
            rest = tuple(source for source in _all_origins(check) if source not in ledger.covered())
            ledger.dropped(rest, "check-extra", why="a part of a check that is turned off")
            continue
        roles = [role for role, of in (("readinessProbe", readiness), ("livenessProbe", liveness)) if of is check]
        if not roles:
            idle = not check.gates_traffic and not check.restarts
            why = "it neither gates traffic nor restarts" if idle else "another check has its probe already"
            ledger.dropped(_all_origins(check), "check-extra", why=f"{check.kind} check: {why}")
            continue
        question = Question(f"{container.name}: check {index}", check, workload, container, context, ledger, rewrite)
        written = [*roles, "startupProbe"] if "livenessProbe" in roles else roles
        handled = handler(question, tuple(t for role in written for t in context.in_pod(f"{at}.{role}")))
        if handled is None:
            continue
        made.update(_Written(check, handled, roles, at, context, ledger).probes())
    return made


def _all_origins(check: Check) -> Origins:
    return tuple(dict.fromkeys(source for origins in check.origins.values() for source in origins))


@dataclass(frozen=True, slots=True)
class _Written:
    """One check, written as one or two probes and a startup probe beside liveness."""

    check: Check
    handler: dict[str, Any]
    roles: list[str]
    at: str
    context: Context
    ledger: Ledger

    def probes(self) -> dict[str, Any]:
        times = self._times
        made: dict[str, Any] = {}
        for role in self.roles:
            made[role] = {
                **self.handler,
                "periodSeconds": _whole(times.interval_s),
                "timeoutSeconds": _whole(times.timeout_s),
                "failureThreshold": _whole(times.failures),
                # the API server takes no other for liveness
                "successThreshold": max(1, self.check.successes or 1) if role == "readinessProbe" else 1,
            }
        if "livenessProbe" in self.roles:
            period = _whole(times.start_interval_s)
            lasts = times.start_period_s + times.failures * times.interval_s
            made["startupProbe"] = {
                **self.handler,
                "periodSeconds": period,
                "timeoutSeconds": _whole(times.timeout_s),
                "failureThreshold": _whole(lasts / period),
                "successThreshold": 1,
            }
        self._tell_what()
        self._tell_numbers(made)
        self._tell_start(made)
        return made

    def _targets(self, key: str = "", *, start: bool = False) -> tuple[str, ...]:
        roles = [*self.roles, "startupProbe"] if start and "livenessProbe" in self.roles else self.roles
        dotted = f".{key}" if key else ""
        return tuple(target for role in roles for target in self.context.in_pod(f"{self.at}.{role}{dotted}"))

    def _origins(self, attribute: str) -> Origins:
        return self.check.origins.get(attribute, ())

    def _tell_what(self) -> None:
        """The test itself, and whom it serves. Where no config says that the check gates traffic, it is an engine's
        HEALTHCHECK, which on its own takes nothing out of service."""
        healthcheck = self.check.kind is CheckKind.EXEC and not self._origins("gates_traffic")
        if "readinessProbe" in self.roles and healthcheck:
            why = "the engine only marks an unhealthy container; a probe takes it out of Services, and rollouts wait"
            for attribute in ("kind", "argv"):
                self.ledger.approximated(self._origins(attribute), "check-traffic", *self._targets(), why=why)
        for attribute in ("kind", "disabled"):
            self.ledger.exact(self._origins(attribute), "check", *self._targets())
        for attribute, probes in (
            ("gates_traffic", ("readinessProbe",)),
            ("restarts", ("livenessProbe", "startupProbe")),
        ):
            targets = tuple(t for probe in probes for t in self.context.in_pod(f"{self.at}.{probe}"))
            code = "check-liveness" if attribute == "restarts" and self.check.restarts else "check"
            self.ledger.exact(self._origins(attribute), code, *(targets if probes[0] in self.roles else ()))

    def _tell_numbers(self, made: dict[str, Any]) -> None:
        numbers: tuple[tuple[str, str, float | None], ...] = (
            ("interval_s", "periodSeconds", self.check.interval_s),
            ("timeout_s", "timeoutSeconds", self.check.timeout_s),
            ("failures", "failureThreshold", self.check.failures),
        )
        for attribute, key, value in numbers:
            targets = self._targets(key, start=key == "timeoutSeconds")
            if attribute in ("interval_s", "failures") and "startupProbe" in made:
                targets += self.context.in_pod(f"{self.at}.startupProbe.failureThreshold")
            if not value:
                self.ledger.exact(self._origins(attribute), "check", *targets, why="0: Docker's default")
                if not self._origins(attribute):
                    self._default(targets)
            elif value != _whole(value):
                why = f"{value:g}: a probe takes whole seconds and numbers, {_whole(value)}"
                self.ledger.approximated(self._origins(attribute), "check-rounded", *targets, why=why)
            else:
                self.ledger.exact(self._origins(attribute), "check", *targets)
        origins, successes = self._origins("successes"), self.check.successes or 1
        if successes > 1 and "readinessProbe" not in self.roles:
            why = f"{successes} successes in a row: a liveness probe takes one"
            self.ledger.approximated(origins, "check", *self._targets("successThreshold"), why=why)
        else:
            self.ledger.exact(origins, "check", *self._targets("successThreshold"))

    def _tell_start(self, made: dict[str, Any]) -> None:
        period, interval = self._origins("start_period_s"), self._origins("start_interval_s")
        if "startupProbe" in made:
            probe = f"{self.at}.startupProbe"
            lasts = made["startupProbe"]["failureThreshold"] * made["startupProbe"]["periodSeconds"]
            whole = (self.check.start_period_s or 0.0) + self._times.failures * self._times.interval_s
            at_failures = self.context.in_pod(f"{probe}.failureThreshold")
            if lasts != whole:
                why = f"{whole:g} s with the failures that count: {lasts} s in whole periods of the startup probe"
                self.ledger.approximated(period, "check-rounded", *at_failures, why=why)
            self.ledger.exact(period, "check-startup", *at_failures)
            targets = self.context.in_pod(f"{probe}.periodSeconds") + self.context.in_pod(f"{probe}.failureThreshold")
            every = self.check.start_interval_s or START_INTERVAL_S
            if every != _whole(every):
                why = f"{every:g} s: a probe takes whole seconds"
                self.ledger.approximated(interval, "check-rounded", *targets, why=why)
            self.ledger.exact(interval, "check-startup", *targets)
            if not interval:
                self._default(targets[:1])
            return
        why = "a failure while it starts restarts nothing, and the first success ends the start, there as here"
        self.ledger.exact(period, "check", *self._targets(), why=why)
        own, every = self.check.start_interval_s, self._times.interval_s
        if own and self.check.start_period_s and own != every:
            why = f"every {own:g} s until the first success: the readiness probe keeps its {every:g} s"
            self.ledger.dropped(interval, "check-start-interval", why=why)
            return
        self.ledger.exact(interval, "check", why="while it starts it is checked at its usual interval, there as here")
        if self.check.start_period_s and not own and every != START_INTERVAL_S:
            why = f"engines since 25.0 check every {START_INTERVAL_S:g} s until the first success of a start period"
            self._default(self._targets("periodSeconds"), why=why)

    @property
    def _times(self) -> _Times:
        return _Times.of(self.check)

    def _default(self, targets: tuple[str, ...], why: str = "Docker's default, which is not Kubernetes'") -> None:
        for target in targets:
            self.ledger.defaulted("probe-default", target, why=why)


def _whole(amount: float) -> int:
    """Whole, rounded up, since a probe takes no part of a second and no 0; and of 32 bits."""
    return min(max(1, math.ceil(round(amount, 6))), (1 << 31) - 1)

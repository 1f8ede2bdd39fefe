"""Asks the gates that are others' programs, all at once, while the driver goes on looking."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

from converters.errors import PodliftError

from ...unsaid import Hide
from .command import ask_command
from .outcome import Outcome, Result
from .prometheus import ask_prometheus
from .webhook import ask_webhook

KINDS = ("prometheus", "webhook", "command")
# Each ends by itself when its time is over; so much later it is given up.
_SLACK_S = 2.0


class Asking:
    """One round. ``words``: what commands find as PODLIFT_WORD and queries as {word}; ``known``: what the probes of
    the same window said, for webhooks; ``hide``: what of others' words is not repeated."""

    def __init__(
        self,
        gates: Sequence[Mapping[str, Any]],
        words: Mapping[str, str],
        known: Sequence[Outcome] = (),
        *,
        hide: Hide,
    ) -> None:
        self._gates = gates
        self._words = words
        self._hide = hide
        self._figures = {each.gate: {"result": each.result.value, **each.figures} for each in known}
        self._found: dict[str, Outcome] = {}
        self._ended = threading.Event()
        longest = max((float(_settings(gate)["timeout_s"]) for gate in gates), default=0.0)
        self._end = time.monotonic() + longest + _SLACK_S
        self._threads = [threading.Thread(target=self._one, args=(gate,), daemon=True) for gate in gates]
        for thread in self._threads:
            thread.start()

    def outcomes(self) -> tuple[Outcome, ...] | None:
        """What they say, in their order; None while one may still say something."""
        if any(thread.is_alive() for thread in self._threads) and time.monotonic() < self._end:
            return None
        given_up = {
            gate["name"]: Outcome(gate=gate["name"], result=Result.ERROR, reason="it did not end, and was given up")
            for gate in self._gates
        }
        return tuple((given_up | self._found)[gate["name"]] for gate in self._gates)

    def cancel(self) -> None:
        """Commands are ended; what the others say does not count any more."""
        self._ended.set()

    def _one(self, gate: Mapping[str, Any]) -> None:
        try:
            self._found[gate["name"]] = self._ask(gate, gate["name"], _settings(gate))
            return
        except PodliftError as error:
            reason = f"{error.subject}: {error.reason}"
        except Exception as error:  # noqa: BLE001 - a thread's traceback is nobody's answer, and may show what was sent
            reason = f"it cannot be asked: {type(error).__name__}"
        self._found[gate["name"]] = Outcome(gate=gate["name"], result=Result.ERROR, reason=reason)

    def _ask(self, gate: Mapping[str, Any], name: str, settings: Mapping[str, Any]) -> Outcome:
        if "prometheus" in gate:
            return ask_prometheus(name, settings, self._words, self._hide)
        if "webhook" in gate:
            return ask_webhook(name, settings, {**self._words, "gates": self._figures}, self._hide)
        variables = {f"PODLIFT_{word.upper()}": value for word, value in self._words.items()}
        return ask_command(name, settings, variables, self._hide, interrupted=self._ended.is_set)


def _settings(gate: Mapping[str, Any]) -> Mapping[str, Any]:
    settings: Mapping[str, Any] = next(gate[kind] for kind in KINDS if kind in gate)
    return settings

"""Disagreements: what a config and the running containers say differently, who wins, and what the loser's atoms become.

A value that holds a secret is shown on no side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ..decisions import Decisions
from ..fields.verdict import Finding, Origins
from ..secrecy import secrets_within
from ..workload import Overruled, Workload
from .facets import bare, shown

_HIDDEN = "a secret value"


class Disagreements:
    """Gathers findings and losing values while a config and what runs are put together."""

    def __init__(self, workload: str, decisions: Decisions, sides: Sequence[Workload] = ()) -> None:
        self.workload = workload
        self._decisions = decisions
        every = (e for side in sides for c in side.containers for e in c.env)
        self._secrets = {e.name: e.value for e in every if e.secret and e.value}
        self.findings: list[Finding] = []
        self.overruled: list[Overruled] = []

    def winner(self, subject: str, config: Any, running: Any, *, by: str) -> str:
        """``config`` or ``running``: ``by`` unless a decision says otherwise."""
        answered = self._decisions.answer(self.workload, "config-differs", subject)
        side = answered.answer if answered else by
        self.findings.append(
            Finding(
                workload=self.workload,
                code="config-differs",
                subject=subject,
                reason=f"the config and what runs disagree on {subject}; {side} is taken",
                sides=(("config", self._shown(config)), ("running", self._shown(running))),
                answer=answered.answer if answered else "",
            )
        )
        return side

    def lost(self, attribute: str, value: Any, by: Any, origins: Origins) -> None:
        if origins:
            lost = Overruled(attribute=attribute, value=self._shown(value), by=self._shown(by), origins=origins)
            self.overruled.append(lost)

    def _shown(self, value: Any) -> str:
        text = shown(value)
        return _HIDDEN if secrets_within(text, self._secrets) else text

    def elements(self, name: str, running: Sequence[Any], config: Sequence[Any]) -> tuple[Any, ...]:
        """What runs; what the config says more or otherwise is a disagreement that it loses. Of a key (a sysctl, a
        ulimit, a label) only one value stands."""
        ours = {_place(element): element for element in running}
        for element in config:
            place = _place(element)
            found = ours.get(place)
            if found is not None and bare(found) == bare(element):
                ours[place] = replace(found, origins=found.origins + element.origins)
                continue
            subject = f"{name} {shown(bare(element))}"
            theirs = None if found is None else bare(found)
            if self.winner(subject, bare(element), theirs, by="running") == "config":
                if found is not None:
                    self.lost(name, theirs, bare(element), found.origins)
                ours[place] = element
            else:
                self.lost(name, bare(element), theirs, element.origins)
        return tuple(ours.values())


def _place(element: Any) -> Any:
    """What there can be only one of."""
    for attribute in ("key", "container_path"):
        if hasattr(element, attribute):
            return getattr(element, attribute)
    return getattr(element, "name", None) or bare(element)

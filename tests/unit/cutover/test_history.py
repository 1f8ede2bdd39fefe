"""The history of a run that gates judge: what they saw of windows stays in the journal, where status finds it."""

from __future__ import annotations

import pytest

from migrate.cutover.evidence import Judged
from migrate.cutover.gates.outcome import Outcome, Result
from migrate.cutover.history import gate_lines, gates_of
from migrate.cutover.run import Spec
from migrate.cutover.world import World
from tests.cutover import model
from tests.cutover.killing import finished, wrongs

PROBE = Outcome(
    gate="probe",
    result=Result.PASSED,
    reason="all well",
    figures={"success": 99.5, "p99_s": 0.0123456789, "samples": 200},
)
PODS = Outcome(gate="pods", result=Result.PASSED, reason="2 pods kept ready", figures={"pods": 2, "lost": 0})
HOOK = Outcome(gate="hook", result=Result.ERROR, reason="refused")


class Windows(model.Pass):
    """Gates that pass after two windows, and tell of each once."""

    def __init__(self) -> None:
        self.seen: dict[str, int] = {}

    def judge(self, what: str, spec: Spec, world: World) -> Judged:  # noqa: ARG002
        self.seen[what] = self.seen.get(what, 0) + 1
        number = self.seen[what]
        if number in (2, 4):
            return Judged(outcome="passed" if number == 4 else "going", said=what, window=(PODS, PROBE))
        return Judged(outcome="going", said=what)


def test_a_journal_keeps_what_gates_saw_of_each_window(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two windows of each step, each told once, with the step, the state and the figures; the run is not held up."""
    monkeypatch.setattr(model, "Pass", Windows)
    world = finished(model.Model(pods=2, legacy=1), [])
    entry = world.journal.read()
    assert entry is not None
    assert not wrongs(world)
    lines = list(gates_of(entry.history))
    steps = [each.step for each in lines]
    assert steps[:8:2] == steps[1:8:2] == ["shift-0", "shift-1", "promoted", "standby-0"]
    assert len(steps) == 2 * len(set(steps))
    assert {(each.gate, each.result, each.text) for each in lines} == {("probe", "passed", "probe: all well")}
    assert lines[0].figures == {"success": 99.5, "p99_s": 0.012346, "samples": 200}
    assert lines[0].at < lines[1].at


def test_what_a_journal_keeps_of_a_window() -> None:
    """Requests in any case; of others only what did not pass."""
    lost = Outcome(gate="pods", result=Result.FAILED, reason="web-1 restarted", figures={"pods": 2, "lost": 1})
    assert [more["gate"] for _, more in gate_lines("baked", (PODS, PROBE))] == ["probe"]
    assert [(text, more["result"]) for text, more in gate_lines("baked", (lost, PROBE, HOOK))] == [
        ("pods: web-1 restarted", "failed"),
        ("probe: all well", "passed"),
        ("hook: refused", "error"),
    ]
    assert not list(gate_lines("baked", ()))


def test_gates_do_not_crowd_out_what_was_done() -> None:
    """After a bake of many windows, half of the room at least is for everything else, and the newest windows stay."""
    world = model.Model(pods=1, legacy=1)
    world.begin()
    entry = world.journal.read()
    assert entry is not None
    for number in range(250):
        event, more = ("note", {}) if number % 5 == 0 else ("gate", {"step": f"bake-{number}"})
        entry = world.journal.commit(entry, entry.run, at=float(number), event=event, text=str(number), more=more)
    assert [each["event"] for each in entry.history].count("note") == 50
    assert entry.history[0]["event"] == "begin"
    assert [each.step for each in gates_of(entry.history)][-1] == "bake-249"
    assert len(list(gates_of(entry.history))) == 100

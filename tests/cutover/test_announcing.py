"""Events on the Service and a file of lines, beside a run, and never in its way."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from migrate.cutover.announcing import announced
from migrate.cutover.driver import Driver
from tests.cutover.model import Model, error


def driver(world: Model) -> Driver:
    world.begin()
    return world.driver()


def events_in(world: Model) -> list[dict[str, object]]:
    return [each for (kind, _), each in world.store.items() if kind == "Event"]


def test_what_others_want_to_know_stands_on_the_service(tmp_path: Path) -> None:
    world = Model()
    told = list(announced(driver(world).events(), world, world.spec(), record=tmp_path / "deep" / "run.jsonl"))
    made = events_in(world)
    assert [each["involvedObject"]["name"] for each in made] == ["web"] * len(made)  # type: ignore[index]
    messages = [str(each["message"]) for each in made]
    assert any(each.startswith("PROMOTED") for each in messages)
    assert not any("settles" in each for each in messages)
    lines = [json.loads(line) for line in (tmp_path / "deep" / "run.jsonl").read_text().splitlines()]
    assert {line["run"] for line in lines} == {"run1"}
    assert [line["text"] for line in lines] == [each.text for each in told if each.kind not in ("wait", "measure")]


def test_a_line_that_was_torn_stays_alone(tmp_path: Path) -> None:
    file = tmp_path / "run.jsonl"
    file.write_text('{"run": "run1", "te')
    world = Model()
    next(announced(driver(world).events(), world, world.spec(), record=file))
    first, second, *_ = file.read_text().splitlines()
    assert first == '{"run": "run1", "te'
    assert json.loads(second)["kind"] == "take-over"


def test_on_a_full_disk_the_run_goes_on() -> None:
    """It is said once."""
    world = Model()
    running = driver(world)
    told = [
        each.text
        for each in announced(running.events(), world, world.spec(), record=Path("/dev/full"))
        if each.kind == "record"
    ]
    assert told == ["/dev/full: no space left on device; no more is added to it"]
    assert running.outcome == "rest"


def test_without_the_right_to_the_run_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    world = Model()
    running = driver(world)
    create = world.create

    def refused(obj: dict[str, object], *, manager: str = "") -> dict[str, object]:
        if obj["kind"] == "Event":
            raise error("cluster-forbidden", "events")
        return create(obj, manager=manager)

    monkeypatch.setattr(world, "create", refused)
    assert list(announced(running.events(), world, world.spec()))
    assert (running.outcome, events_in(world)) == ("rest", [])

"""``podlift cutover`` with several workloads: each event and result has its workload, and one exit code tells of all.
The group is the library's own; what each of its cutovers does is a script."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import migrate.cli.cutover.options
import migrate.cli.cutover.runs
import migrate.cutover.cutover
from converters.errors import PodliftError
from migrate.cli.cutover.driving import worst
from migrate.cutover.driver import Event, Outcome
from migrate.cutover.journal import Journal
from migrate.cutover.outbound import Overlap
from migrate.cutover.preflight import Preflight
from migrate.cutover.previewing import Preview
from migrate.cutover.run import Run, Spec
from migrate.cutover.states import State
from migrate.plan.directory import write_plan
from migrate.schemas import schema
from tests.plans import plan, web
from tests.unit.cli.test_cutover import CLEAR, REFUSED, SPEC, FakeCluster, run

LOST = PodliftError(code="cluster-unreachable", phase="cluster", subject="lab", reason="it is away", next_step="wait")
UNDERWAY = PodliftError(code="cutover-underway", phase="cutover", subject="orders", reason="runs", next_step="abort")
BOTH = ("start", "plan", "web", "orders", "--yes")


@dataclass
class Scripted:
    """A Cutover. ``ends``: its outcome and why, or an error that is raised."""

    workload: str
    record: Path | None
    ends: tuple[Outcome, str] | PodliftError = (Outcome.REST, "all is stopped")
    preflight: Preflight = CLEAR
    refuses: PodliftError | None = None
    during: Callable[[], None] = lambda: None
    begun: Spec | None = None
    outcome: Outcome = Outcome.REST
    why: str = ""

    @property
    def id(self) -> str:
        return f"r-{self.workload}"

    def preview(self, *, probe: bool = True) -> Preview:  # noqa: ARG002
        spec = replace(SPEC, workload=self.workload, name=self.workload)
        alone = Overlap(legacy=1, copies=2, asked=False)
        return Preview(spec=spec, preflight=self.preflight, shares=(1.0,), durations={}, bypassing=(), overlap=alone)

    def check(self) -> Spec:
        if self.refuses:
            raise self.refuses
        return self.preview().spec

    def begin(self, spec: Spec) -> str:
        self.begun = spec
        return "lock"

    def drive(self, _spec: Spec, _lock: str, *, interrupted: Callable[[], bool], no_wait: bool) -> Iterator[Event]:
        yield Event(at=1.0, kind="state", state="STOPPED", text="reached")
        for number in range(3):
            yield Event(at=1.0, kind="wait", state="STOPPED", text=f"{number} of 3, no_wait {no_wait}")
        self.during()
        if isinstance(self.ends, PodliftError):
            raise self.ends
        self.outcome, self.why = self.ends
        while self.during is not Scripted.during and not interrupted():
            time.sleep(0.01)
        if interrupted():
            self.outcome, self.why = Outcome.PAUSED, "interrupted: podlift cutover resume goes on"


@dataclass
class Scripts:
    """Stands for the class Cutover. ``of``: what differs of a workload's; ``made``: those that were made."""

    of: dict[str, dict[str, Any]] = field(default_factory=dict)
    made: dict[str, Scripted] = field(default_factory=dict)

    def __call__(self, _plan: Any, workload: str, *, record: Path | None, **_more: Any) -> Scripted:
        self.made[workload] = Scripted(workload=workload, record=record, **self.of.get(workload, {}))
        return self.made[workload]


@pytest.fixture
def scripts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scripts:
    """Beside a plan of two workloads."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PODLIFT_TRACEBACK", "1")
    write_plan(plan(web("web"), web("orders")), tmp_path / "plan")
    made = Scripts()
    monkeypatch.setattr(migrate.cutover.cutover, "Cutover", made)
    monkeypatch.setattr(migrate.cli.cutover.options, "cluster_of", lambda _reach: FakeCluster())
    return made


# ---------------------------------------------------------------- start


def test_each_result_is_a_line(scripts: Scripts) -> None:
    """In the order of the command line, each with its own way on; all of them know their group."""
    done = run(*BOTH, "--no-wait", "--at-once", "1", "--record", "run.jsonl")
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [
        "web: STOPPED, as far as it goes: all is stopped",
        "orders: STOPPED, as far as it goes: all is stopped",
    ]
    assert "podlift cutover finalize web -n shop" in done.stderr
    assert "podlift cutover finalize orders -n shop" in done.stderr
    for each in scripts.made.values():
        assert each.record == Path("run.jsonl")
        assert each.begun is not None
        assert (each.begun.group, each.begun.at_once) == (("shop/web", "shop/orders"), 1)


@pytest.mark.usefixtures("scripts")
def test_events_are_told_with_their_workload() -> None:
    """Aligned; of each one's waits, numbers that change make no line, whatever the others say between them."""
    done = run(*BOTH)
    told = [line for line in done.stderr.splitlines() if "STOPPED" in line]
    assert sorted(told) == [
        "orders  STOPPED       state      reached",
        "orders  STOPPED       wait       0 of 3, no_wait False",
        "web     STOPPED       state      reached",
        "web     STOPPED       wait       0 of 3, no_wait False",
    ]


@pytest.mark.usefixtures("scripts")
def test_results_as_json_are_a_list() -> None:
    """Whose entries keep the schema of one; progress as JSON names the workload."""
    done = run(*BOTH, "-o", "json", "--progress", "json")
    bodies = json.loads(done.stdout)
    for each in bodies:
        jsonschema.validate(each, schema("cutover-outcome"))
    assert [(each["workload"], each["run"], each["outcome"]) for each in bodies] == [
        ("web", "r-web", "rest"),
        ("orders", "r-orders", "rest"),
    ]
    events = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    assert sorted(each["workload"] for each in events) == ["orders"] * 4 + ["web"] * 4


@pytest.mark.parametrize(
    ("ends", "code", "said", "next_step"),
    [
        ((Outcome.PAUSED, "cutover-not-drained: 3"), 1, "paused: cutover-not-drained: 3", "resume orders"),
        ((Outcome.PAUSED, "cutover-inconclusive: few"), 4, "paused: cutover-inconclusive: few", "resume orders"),
        ((Outcome.APPROVAL, "SHIFT: first"), 4, "waits for approval: SHIFT: first", "approve orders SHIFT"),
        ((Outcome.APPROVAL, "it waits for web of its group"), 4, "it waits for web of its group", "resume orders"),
        ((Outcome.ROLLED_BACK, ""), 5, "callers are back where they were", "finalize web"),
        (LOST, 1, "ended by an error: cluster-unreachable: it is away", "resume orders"),
    ],
)
def test_one_that_does_not_come_to_rest(
    scripts: Scripts, ends: tuple[Outcome, str] | PodliftError, code: int, said: str, next_step: str
) -> None:
    """Gives the exit code, and the other one goes as far as it can."""
    scripts.of["orders"] = {"ends": ends}
    done = run(*BOTH)
    assert done.exit_code == code
    assert done.stdout.splitlines() == ["web: STOPPED, as far as it goes: all is stopped", f"orders: STOPPED, {said}"]
    assert f"next: podlift cutover {next_step}" in done.stderr
    assert ("error: lab: it is away [cluster-unreachable]" in done.stderr) == isinstance(ends, PodliftError)


def test_an_error_in_a_list_keeps_the_schema(scripts: Scripts) -> None:
    """With its code before the reason, as of what paused."""
    scripts.of["web"] = {"ends": LOST}
    first = json.loads(run(*BOTH, "-o", "json").stdout)[0]
    jsonschema.validate(first, schema("cutover-outcome"))
    assert (first["outcome"], first["why"]) == ("error", "cluster-unreachable: it is away")


def test_the_exit_code_is_the_worst() -> None:
    """Who waits for an approval, or for another one, hides no failure; who was paused by one that went back hides not
    that; an interruption is what ended all."""
    assert [worst(each) for each in ((0, 0), (0, 4), (4, 1), (1, 5), (5, 130))] == [0, 4, 1, 5, 130]


def test_where_one_cannot_begin_none_does(scripts: Scripts) -> None:
    """An error as of one workload."""
    scripts.of["orders"] = {"refuses": UNDERWAY}
    done = run(*BOTH)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "[cutover-underway]" in done.stderr
    assert [each.begun for each in scripts.made.values()] == [None, None]


def test_an_interrupt_pauses_all(scripts: Scripts) -> None:
    """And each says how it goes on."""
    scripts.of["orders"] = {"during": lambda: None}
    scripts.of["web"] = {"during": lambda: os.kill(os.getpid(), signal.SIGINT)}
    done = run(*BOTH)
    assert done.exit_code == 130
    assert done.stdout.count("paused: interrupted") == 2
    assert "next: podlift cutover resume web" in done.stderr
    assert "next: podlift cutover resume orders" in done.stderr


@pytest.mark.parametrize("refused", [False, True])
def test_start_shows_all_and_asks_once(scripts: Scripts, monkeypatch: pytest.MonkeyPatch, refused: bool) -> None:
    """Not where one is refused: the library says so then."""
    monkeypatch.setattr("migrate.cli.cutover.agreeing._terminal", lambda: True)
    if refused:
        scripts.of["orders"] = {"preflight": REFUSED, "refuses": UNDERWAY}
    done = run("start", "plan", "web", "orders", stdin="y\n")
    assert done.exit_code == int(refused)
    assert done.stderr.count("Preview: ") == 2
    assert done.stderr.count("Begin them on lab") == int(not refused)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("start", "plan", "web", "web", "--yes"), "web is named more than once"),
        (("preview", "plan", "web", "web"), "web is named more than once"),
        (("start", "plan", "web", "orders", "--yes", "--at-once", "0"), "0 is not in the range x>=1"),
        (("status", "--history"), "history and reports are of one run"),
        (("status", "web", "orders", "-o", "html"), "history and reports are of one run"),
        (("status", "--for", "SHIFT"), "--for waits for runs that are named"),
    ],
)
def test_wrong_usage(scripts: Scripts, args: tuple[str, ...], said: str) -> None:
    """2, before anything is read."""
    done = run(*args)
    assert done.exit_code == 2
    assert said in done.stderr
    assert scripts.made == {}


# ---------------------------------------------------------------- preview


@pytest.mark.parametrize("output", ["table", "markdown"])
def test_previews_stand_one_after_the_other(scripts: Scripts, output: str) -> None:
    """1 where one of them refuses."""
    done = run("preview", "plan", "orders", "web", "-o", output)
    assert done.exit_code == 0
    assert 0 < done.stdout.index("Preview: orders can") < done.stdout.index("Preview: web can")
    scripts.of["web"] = {"preflight": REFUSED}
    assert run("preview", "plan", "orders", "web", "-o", output).exit_code == 1


@pytest.mark.usefixtures("scripts")
def test_previews_as_json_are_a_list() -> None:
    bodies = json.loads(run("preview", "plan", "orders", "web", "-o", "json").stdout)
    for each in bodies:
        jsonschema.validate(each, schema("cutover-preview"))
    assert [each["workload"] for each in bodies] == ["orders", "web"]


# ---------------------------------------------------------------- status


class Journals(FakeCluster):
    """A cluster with nothing but ConfigMaps and, for what is driven, a Lease."""

    def __init__(self) -> None:
        super().__init__()
        self.maps: dict[str, dict[str, Any]] = {}
        self.driven: set[str] = set()

    def begin(self, name: str, made: Run, at: float) -> None:
        Journal(self, "shop", name).begin(replace(SPEC, workload=name, name=name), made, at=at)

    def create(self, obj: Mapping[str, Any], *, manager: str = "") -> dict[str, Any]:  # noqa: ARG002
        self.maps[obj["metadata"]["name"]] = {**obj, "metadata": {**obj["metadata"], "resourceVersion": "1"}}
        return self.maps[obj["metadata"]["name"]]

    def get(self, _version: str, kind: str, _namespace: str, name: str) -> dict[str, Any] | None:
        if kind == "ConfigMap":
            return self.maps.get(name)
        if name not in {f"cutover-{each}" for each in self.driven}:
            return None
        spec = {"holderIdentity": "me", "renewTime": "2100-01-01T00:00:00.000000Z", "leaseDurationSeconds": 15}
        return {"metadata": {}, "spec": spec}

    def list(
        self, _version: str, kind: str, namespace: str | None = None, *, labels: str = "", fields: str = ""
    ) -> Iterator[dict[str, Any]]:
        assert (kind, namespace, labels, fields) == ("ConfigMap", "shop", "podlift.dev/journal", "")
        return iter(self.maps.values())

    def patch(self, *_given: Any, **_more: Any) -> dict[str, Any]:
        raise AssertionError("a look writes nothing")

    def delete(self, *_given: Any, **_more: Any) -> None:
        raise AssertionError("a look writes nothing")


@pytest.fixture
def journals(monkeypatch: pytest.MonkeyPatch) -> Journals:
    made = Journals()
    monkeypatch.setattr(migrate.cli.cutover.runs, "cluster_of", lambda _reach: made)
    monkeypatch.setattr("migrate.cutover.clock.SystemClock.now", lambda _self: 1000.0)
    monkeypatch.setattr("migrate.cli.cutover.status._EVERY_S", 0.01)
    return made


def test_status_of_all_is_a_table(journals: Journals) -> None:
    """By name: where each stands since when, and what holds it."""
    journals.begin("web", Run(state=State.SHIFT, paused="cutover-not-drained: 3 are held"), 910.0)
    journals.begin("orders", Run(state=State.DEPLOYED), 940.0)
    journals.begin("api", Run(state=State.ROLLED_BACK), 400.0)
    journals.driven = {"orders"}
    done = run("status")
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [
        "WORKLOAD  STATE        FOR    PODS TAKE  WAITS FOR",
        "api       ROLLED_BACK  10m",
        "orders    DEPLOYED     1m                podlift cutover approve orders, before SHIFT",
        "web       SHIFT        1m30s             paused: cutover-not-drained: 3 are held",
    ]


def test_status_of_some(journals: Journals) -> None:
    """As JSON each keeps the schema of one; a name without a run is an error. A broken journal of another one is
    not in their way."""
    for name in ("web", "orders", "api"):
        journals.begin(name, Run(state=State.SHIFT), 910.0)
    bodies = json.loads(run("status", "web", "orders", "-o", "json").stdout)
    for each in bodies:
        jsonschema.validate(each, schema("cutover-status"))
    assert [each["name"] for each in bodies] == ["orders", "web"]
    journals.maps["cutover-api"]["data"]["run"] = "{}"
    assert run("status", "web", "orders").exit_code == 0
    done = run("status", "web", "wbe")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "wbe: there is no journal" in done.stderr


WRONG = "ConfigMap/cutover-orders in shop: run: a map is due, and a list stands here"


def test_status_of_all_where_a_journal_is_none(journals: Journals) -> None:
    """It is a line, and an error on stderr; the others are shown."""
    for name in ("web", "orders"):
        journals.begin(name, Run(state=State.SHIFT), 910.0)
    journals.maps["cutover-orders"]["data"]["run"] = "[]"
    done = run("status")
    assert done.exit_code == 1
    assert done.stdout.splitlines()[1:] == [
        f"orders    unreadable                    bad-journal: {WRONG}",
        "web       SHIFT       1m30s             a driver: podlift cutover resume web",
    ]
    assert f"{WRONG} [bad-journal]" in done.stderr
    assert "use that one" in done.stderr
    bad, good = json.loads(run("status", "-o", "json").stdout)
    jsonschema.validate(bad, schema("cutover-unreadable"))
    jsonschema.validate(good, schema("cutover-status"))
    assert (bad["name"], bad["code"], good["name"]) == ("orders", "bad-journal", "web")
    assert run("status", "web", "orders", "--for", "STOPPED").exit_code == 1
    journals.begin("api", Run(state=State.FINALIZED), 910.0)
    del journals.maps["cutover-web"]
    assert run("status", "-w").exit_code == 1


@pytest.mark.usefixtures("journals")
def test_status_where_no_run_is() -> None:
    """Is said, and no error; nor is there anything to watch."""
    done = run("status", "-w")
    assert (done.exit_code, done.stdout) == (0, "")
    assert "No run is in this namespace" in done.stderr


@pytest.mark.parametrize(
    ("first", "second", "code"),
    [
        (Run(state=State.STOPPED), Run(state=State.SHIFT), 0),
        (Run(state=State.BRIDGED), Run(state=State.BRIDGED, paused="cutover-bypassed: 10.0.0.9"), 1),
        (Run(state=State.BRIDGED), Run(state=State.ROLLED_BACK), 5),
    ],
)
def test_status_waits_for_several(journals: Journals, first: Run, second: Run, code: int) -> None:
    """Until all are there, or one of them does not come there by itself."""
    journals.begin("web", first, 1.0)
    journals.begin("orders", second, 1.0)
    assert run("status", "web", "orders", "--for", "SHIFT").exit_code == code

"""``podlift cutover``: what its verbs ask of the library, and how runs that end in each way are told. The library is a
fake: what a run does is tested in tests/cutover and tests/cluster."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner, Result

import migrate.cli.cutover.options
import migrate.cli.cutover.runs
import migrate.cutover.cutover
from converters.errors import PodliftError
from migrate.cli.main import cli
from migrate.cutover.driver import Event, Outcome
from migrate.cutover.edges import Container
from migrate.cutover.journal import Entry
from migrate.cutover.outbound import Overlap, Twice
from migrate.cutover.preflight import Level, Notice, Preflight, Row, Status
from migrate.cutover.previewing import Preview
from migrate.cutover.removal import agreed
from migrate.cutover.replanning import Change
from migrate.cutover.run import Controller, Direction, Original, Run, Spec, Timings
from migrate.cutover.settings import Settings
from migrate.cutover.states import State
from migrate.cutover.status import Status as RunStatus
from migrate.cutover.status import status_of
from migrate.plan.directory import write_plan
from migrate.schemas import schema
from tests.plans import plan

SPEC = Spec(
    id="r1",
    workload="web",
    name="web",
    namespace="shop",
    plan="a" * 64,
    services=({"metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}], "selector": {"app": "web"}}},),
    controllers=(Controller(kind="Deployment", name="web", count=2),),
    originals=(Original(host="h1", id="c1", name="web"),),
    steps=(1, 2),
    approvals=("SHIFT",),
)
OVERLAP = Overlap(
    legacy=1,
    copies=3,
    asked=True,
    lines=(
        Twice(to="10.0.0.5:5432", what="PostgreSQL", now=10, both=30, limit=25),
        Twice(to="10.0.0.6:443", what="", now=1, both=3),
    ),
    settings=(("DB_POOL_SIZE", 10),),
    unasked="idempotent",
    consumes=("env AMQP_URL: a message broker",),
    unseen={"web-1 on h2": "no command can be run there"},
)
CLEAR = Preflight(rows=(Row(code="class-worker", level=Level.REFUSE, status=Status.CLEAR),))
REFUSED = Preflight(
    rows=(
        Row(
            code="class-worker",
            level=Level.REFUSE,
            status=Status.FOUND,
            notices=(Notice(subject="web", reason="it takes no callers", next_step="wait"),),
        ),
        Row(code="endpoint-unreachable", level=Level.REFUSE, status=Status.AT_START),
        Row(code="freeze-missing", level=Level.WARN, status=Status.UNKNOWN, unknown=("not allowed to list pods",)),
    )
)
VERBS = ("preview", "start", "status", "approve", "pause", "resume", "abort", "keep", "finalize")
TOLD = (
    ("state", "begun"),
    ("wait", "1 of 2 pods"),
    ("wait", "2 of 2 pods"),
    ("intent", f"stop Container/h1/{'c0de' * 16}: nobody calls it"),
    ("done", "halted"),
)
LOCKED = PodliftError(code="cutover-locked", phase="cutover", subject="web", reason="another", next_step="wait")


@dataclass
class Library:
    """Stands for both Cutover and Attached. ``ways``: how the next drives end; an error is raised. ``states``: what the
    next looks show; ``journals``: what the next readings of the journal do."""

    ways: list[tuple[Outcome, str] | PodliftError] = field(default_factory=lambda: [(Outcome.REST, "all is stopped")])
    preflight: Preflight = CLEAR
    state: State = State.STOPPED
    states: list[State] = field(default_factory=list)
    journals: list[State] = field(default_factory=list)
    spec: Spec = SPEC
    run_: Run = field(default_factory=Run)
    asked: list[Any] = field(default_factory=list)
    overlap: Overlap = OVERLAP
    last: dict[str, Any] = field(default_factory=lambda: {"event": "begin", "text": "run r1"})
    settings: Settings = field(default_factory=Settings)
    during: Callable[[], None] = lambda: None
    outcome: Outcome = Outcome.REST
    why: str = ""
    id: str = "r1"
    record: Path | None = None
    changed: tuple[Change, ...] = ()
    there: tuple[Container, ...] = (
        Container(host="h1", id="c0de" * 16, name="web-1", image="web:1", running=False, volumes=("data at /data",)),
        Container(host="h1", id="beef" * 16, name="web-2", image="web:1", running=False),
    )

    def __call__(self, *_given: Any, **more: Any) -> Library:
        self.settings, self.record = more.get("settings", self.settings), more.get("record")
        return self

    def _drive(self, interrupted: Callable[[], bool]) -> Iterator[Event]:
        yield from (Event(at=1.0, kind=kind, state=self.state.value, text=text) for kind, text in TOLD)
        self.during()
        way = self.ways.pop(0)
        if isinstance(way, PodliftError):
            raise way
        self.outcome, self.why = way
        if interrupted():
            self.outcome, self.why = Outcome.PAUSED, "interrupted: podlift cutover resume goes on"

    def preview(self, *, probe: bool = True) -> Preview:
        self.asked.append(("preview", probe))
        return Preview(
            spec=SPEC,
            preflight=self.preflight,
            shares=(0.5, 2 / 3, 1.0),
            durations={"BRIDGED": 10.0, "SHIFT": 380.0, "STANDBY": 190.0, "DRAINED": 1800.0},
            bypassing=(("10.0.0.1:8080", "10.0.0.9", 3),) if probe else (),
            overlap=self.overlap if probe else replace(OVERLAP, asked=False, lines=(), unseen={}),
        )

    def run(self, *, interrupted: Callable[[], bool], no_wait: bool) -> Iterator[Event]:
        self.asked.append(("run", no_wait))
        return self._drive(interrupted)

    def changes(self) -> tuple[Change, ...]:
        return self.changed

    def resume(
        self, *, take_over: bool, replan: Iterable[str], interrupted: Callable[[], bool], no_wait: bool
    ) -> Iterator[Event]:
        self.asked.append(("resume", take_over, no_wait, *replan))
        return self._drive(interrupted)

    def abort(self, *, interrupted: Callable[[], bool]) -> Iterator[Event]:
        self.asked.append("abort")
        return self._drive(interrupted)

    def removable(self) -> tuple[Container, ...]:
        return self.there

    def finalize(self, *, remove: Iterable[str], interrupted: Callable[[], bool]) -> Iterator[Event]:
        self.asked.append(("finalize", *remove))
        return self._drive(interrupted)

    def approve(self, *states: str) -> None:
        self.asked.append(("approve", *states))

    def pause(self, reason: str) -> None:
        self.asked.append(("pause", reason))

    def keep(self, interrupted: Callable[[], bool], *, drive: bool) -> Iterator[Event]:
        self.asked.append(("keep", drive))
        yield Event(at=1.0, kind="keeper", state="SHIFT", text="web on h1 answers")
        self.during()
        while not interrupted():
            yield Event(at=2.0, kind="wait", state="SHIFT", text="nothing changes")

    def status(self) -> RunStatus:
        self.asked.append("status")
        if self.states:
            self.state = self.states.pop(0)
        return status_of(self.entry(), None, now=100.0)

    def entry(self) -> Entry:
        line = {"at": 1.0, "state": self.state.value, **self.last}
        if self.journals:
            self.state = self.journals.pop(0)
        made = replace(self.run_, state=self.state)
        if self.state is State.ROLLING_BACK:
            made = replace(made, state=State.SHIFT, direction=Direction.BACK)
        return Entry(spec=self.spec, run=made, version=self.state.value, history=(line,))

    def stopped(self) -> Entry:
        return self.entry()


@dataclass
class FakeCluster:
    name: str = "lab"
    server: str = "https://lab:6443"
    namespace: str = "shop"


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Library:
    """In place of the real one, beside a plan of one workload."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PODLIFT_TRACEBACK", "1")
    write_plan(plan(), tmp_path / "plan")
    made = Library()
    monkeypatch.setattr(migrate.cutover.cutover, "Cutover", made)
    monkeypatch.setattr(migrate.cutover.cutover, "Attached", made)
    for module in (migrate.cli.cutover.options, migrate.cli.cutover.runs):
        monkeypatch.setattr(module, "cluster_of", lambda _reach: FakeCluster())
    return made


def run(*args: str, stdin: str | None = None) -> Result:
    done = CliRunner().invoke(cli, ["cutover", *args], input=stdin)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exc_info
    return done


# ---------------------------------------------------------------- how it ends


@pytest.mark.parametrize(
    ("outcome", "why", "code", "next_step"),
    [
        (Outcome.REST, "all is stopped", 0, "podlift cutover finalize web -n shop"),
        (Outcome.ENDED, "", 0, ""),
        (Outcome.PAUSED, "cutover-not-drained: web holds 3", 1, "podlift cutover resume web -n shop"),
        (Outcome.PAUSED, "cutover-inconclusive: too few samples", 4, "podlift explain cutover-inconclusive"),
        (Outcome.PAUSED, "interrupted: goes on", 130, "podlift cutover resume web -n shop"),
        (Outcome.APPROVAL, "SHIFT: the first pods", 4, "podlift cutover approve web SHIFT -n shop"),
        (Outcome.LOST, "another process", 1, "podlift cutover status web -w -n shop"),
        (Outcome.ROLLED_BACK, "", 5, ""),
    ],
)
def test_a_run_ends(library: Library, outcome: Outcome, why: str, code: int, next_step: str) -> None:
    """The result is one line of data; what comes next is talk."""
    library.ways = [(outcome, why)]
    done = run("start", "plan", "web", "--yes")
    assert done.exit_code == code
    assert done.stdout.count("\n") == 1
    assert done.stdout.startswith("web: STOPPED, ")
    assert why in done.stdout
    assert next_step in done.stderr
    assert ("next:" in done.stderr) == bool(next_step)


@pytest.mark.usefixtures("library")
def test_a_result_as_json_keeps_its_schema() -> None:
    """For scripts, which get progress as JSON too."""
    done = run("start", "plan", "web", "--yes", "-o", "json", "--progress", "json")
    body = json.loads(done.stdout)
    jsonschema.validate(body, schema("cutover-outcome"))
    assert body["run"] == "r1"
    assert (body["outcome"], body["state"], body["why"]) == ("rest", "STOPPED", "all is stopped")
    events = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    assert [each["kind"] for each in events] == ["state", "wait", "wait", "intent", "done"]
    assert "c0de" * 16 in events[3]["text"]


def test_plain_progress_tells_each_thing_once(library: Library) -> None:
    """Numbers that change in a wait make no line, what was done makes one under -v, and IDs are short."""
    done = run("start", "plan", "web", "--yes")
    assert "1 of 2 pods" in done.stderr
    assert "2 of 2 pods" not in done.stderr
    assert "h1/c0dec0dec0de: nobody calls it" in done.stderr
    assert "halted" not in done.stderr
    library.ways = [(Outcome.REST, "")] * 2
    assert "halted" in run("resume", "web", "-v").stderr
    assert run("resume", "web", "-q").stderr == ""


@pytest.mark.parametrize("verb", [("start", "plan", "web", "--yes"), ("resume", "web"), ("abort", "web")])
def test_a_record_is_kept_where_it_is_asked_for(library: Library, verb: tuple[str, ...]) -> None:
    """By the library."""
    run(*verb, "--record", "run.jsonl")
    assert library.record == Path("run.jsonl")


def test_the_first_interrupt_pauses_the_run(library: Library) -> None:
    """The driver hears of it and ends by itself; 130, with the way on."""
    library.during = lambda: os.kill(os.getpid(), signal.SIGINT)
    done = run("resume", "web", "--take-over", "--no-wait")
    assert done.exit_code == 130
    assert "then the run pauses" in done.stderr
    assert library.asked == [("resume", True, True)]
    assert "next: podlift cutover resume web -n shop" in done.stderr
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_second_interrupt_ends_at_once(library: Library) -> None:
    """Which is safe, and what somebody wants who presses it twice."""

    def twice() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    library.during = twice
    done = run("resume", "web")
    assert (done.exit_code, done.stdout) == (130, "")


# ---------------------------------------------------------------- start and preview


def test_start_asks_nobody_where_nobody_is(library: Library) -> None:
    """Without a terminal it wants --yes, and has done nothing."""
    done = run("start", "plan", "web")
    assert done.exit_code == 1
    assert "[yes-needed]" in done.stderr
    assert "--yes" in done.stderr
    assert library.asked == []


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 130)])
def test_start_shows_and_asks(library: Library, monkeypatch: pytest.MonkeyPatch, answer: str, code: int) -> None:
    """On a terminal: what would be done, then the question; the first step still waits for an approval."""
    monkeypatch.setattr("migrate.cli.cutover.agreeing._terminal", lambda: True)
    done = run("start", "plan", "web", stdin=answer)
    assert done.exit_code == code
    assert "Preview: web can be cut over" in done.stderr
    assert "https://lab:6443" in done.stderr
    assert (("run", False) in library.asked) == (code == 0)
    assert library.settings.approvals == ("SHIFT",)


def test_flags_come_over_the_projects_settings(library: Library) -> None:
    """--yes approves the first step."""
    Path("gates.yaml").write_text("gates: [{name: lag, command: {argv: [check-lag]}}]\n")
    Path("podlift.yaml").write_text("cutover: {timings: {bake: 2h, window: 90s}, probe_image: probe:1}\n")
    flags = ("--schedule", "1,50%", "--bake", "1h30m", "--gates", "gates.yaml", "--accept-floor")
    assert run("start", "plan", "web", "--yes", "--no-wait", *flags, "--on-drain-timeout", "stop").exit_code == 0
    assert ("run", True) in library.asked
    found = library.settings
    assert (found.schedule, found.timings.bake_s, found.timings.window_s) == (("1", "50%"), 5400.0, 90.0)
    assert [each["name"] for each in found.gates] == ["probe", "lag"]
    assert (found.accept_floor, found.on_drain_timeout, found.approvals) == (True, "stop", ())
    library.ways = [(Outcome.REST, "")]
    run("start", "plan", "web", "--yes", "--hold-before", "standby", "--hold-before", "DRAINED")
    assert library.settings.approvals == ("STANDBY", "DRAINED")


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("start", "plan"), "Missing argument 'WORKLOAD...'"),
        (("start", "plan", "web", "--hold-before", "PROMOTED"), "'PROMOTED' is not one of"),
        (("start", "plan", "web", "--schedule", "2,1"), "do not rise"),
        (("start", "plan", "web", "--bake", "soon"), "is no duration"),
        (("approve", "web", "STOPPED"), "'STOPPED' is not one of"),
        (("abort", "shop/web"), "'shop/web' is no name that a workload has"),
        (("status", "web", "Web"), "'Web' is no name that a workload has"),
        (("resume", "web", "--record", "nowhere/run.jsonl"), "nowhere/run.jsonl: no such file or directory"),
        (("resume", "web", "--record", "."), ".: is a directory"),
        (("start", "plan", "web", "--bake", "-5m"), "'-5m' is no duration"),
        (("start", "plan", "web", "--schedule", "101%"), "'101%' is no step"),
        (("approve", "web", "10.1.2.3/16"), "'10.1.2.3/16' is not one of"),
        (("approve", "web", "10.1.2.3:db"), "'10.1.2.3:db' is not one of"),
        (("approve", "web", "App_1.lan/0123"), "'App_1.lan/0123' is not one of"),
        (("status", "web", "-w", "-o", "html"), "a report is not watched"),
        (("resume", "web", "--record", "missing/run.jsonl"), "missing/run.jsonl: no such file"),
    ],
)
def test_wrong_usage(library: Library, args: tuple[str, ...], said: str) -> None:
    """2, before anything is read."""
    done = run(*args)
    assert done.exit_code == 2
    assert said in done.stderr
    assert library.asked == []


def test_an_entry_of_no_workload_of_the_plan(library: Library) -> None:
    """It would count for nobody: preview and start refuse it, by file, line and key."""
    Path("podlift.yaml").write_text("cutover:\n  workloads:\n    wbe: {profile: lab}\n")
    for args in (("preview", "plan", "web"), ("start", "plan", "web", "--yes")):
        done = run(*args)
        assert done.exit_code == 1
        assert "podlift.yaml:3 cutover.workloads.wbe: the plan has no workload 'wbe' [bad-project]" in done.stderr
        assert "did you mean web?" in done.stderr
    assert library.asked == []


def test_a_workload_that_the_plan_has_not(library: Library) -> None:
    """Said with where to look, and nothing is begun, no record either."""
    done = run("start", "plan", "wbe", "--yes", "--record", "run.jsonl")
    assert done.exit_code == 1
    assert "[no-workload]" in done.stderr
    assert library.asked == []
    assert not Path("run.jsonl").exists()


@pytest.mark.parametrize("output", ["table", "markdown"])
def test_a_preview_has_every_section(library: Library, output: str) -> None:
    """For people and reviews; 1 where a row refuses."""
    library.preflight = REFUSED
    done = run("preview", "plan", "web", "--probe", "-o", output)
    assert done.exit_code == 1
    assert library.asked == [("preview", True)]
    for said in (
        "What is moved", "stateless", "1 running instance", "up to 3 copies in place of 1",
        "Schedule", "50 %", "67 %", "100 %",
        "Preflight", "it takes no callers; wait", "endpoint-unreachable", "not allowed to list pods",
        "How long it takes", "6m20s", "before SHIFT", "no freeze hook",
        "What is irreversible", "finalize",
        "Who calls past the Service today", "10.0.0.9",
        "zero loss is claimed only where a pod",
        "What runs twice meanwhile", "10.0.0.5:5432", "PostgreSQL", "30, too many", "not said",
        "DB_POOL_SIZE=10: up to 30 in place of 10", "starts work by itself, idempotent", "env AMQP",
        "connections of web-1 on h2: unknown: no command can be run there",
        "Preview: web cannot be cut over; 1 row refuses, 0 mitigate, 0 warn, 1 unknown, 1 at start.",
    ):  # fmt: skip
        assert said in done.stdout
    assert "BAKING" not in done.stdout, "it ends at STANDBY"


def test_of_many_places_those_that_matter_are_shown(library: Library) -> None:
    """All of them are in the JSON."""
    lines = tuple(
        Twice(to=f"10.0.1.{at}:443", what="", now=60 - at, both=90, limit=1 if at == 59 else None) for at in range(60)
    )
    library.overlap = replace(OVERLAP, lines=lines, more=5)
    done = run("preview", "plan", "web", "--probe")
    assert [f"10.0.1.{at}:443" in done.stdout for at in (39, 40, 58, 59)] == [True, False, False, True]
    assert "and 24 others to which fewer connections stand" in done.stdout
    body = json.loads(run("preview", "plan", "web", "--probe", "-o", "json").stdout)
    assert (len(body["overlap"]["connections"]), body["overlap"]["more"]) == (60, 5)


def test_a_preview_that_asked_nobody(library: Library) -> None:
    """Says so, and ends with 0 where nothing refuses."""
    done = run("preview", "plan", "web")
    assert done.exit_code == 0
    assert library.asked == [("preview", False)]
    assert "not asked; --probe" in done.stdout


@pytest.mark.usefixtures("library")
def test_a_preview_as_json_keeps_its_schema() -> None:
    """Nobody asked is null, nobody seen is empty."""
    body = json.loads(run("preview", "plan", "web", "-o", "json").stdout)
    jsonschema.validate(body, schema("cutover-preview"))
    assert body["bypassing"] is None
    assert body["schedule"] == [
        {"state": "SHIFT", "admitted": 1, "legacy": 1, "share": 0.5},
        {"state": "SHIFT", "admitted": 2, "legacy": 1, "share": 0.6667},
        {"state": "STANDBY", "admitted": 2, "legacy": 0, "share": 1.0},
    ]
    assert (body["class"], body["endsAt"], body["durations"]) == (
        "stateless",
        "STANDBY",
        {"BRIDGED": 10.0, "SHIFT": 380.0, "STANDBY": 190.0},
    )
    probed = json.loads(run("preview", "plan", "web", "--probe", "-o", "json").stdout)
    assert probed["bypassing"] == [{"instance": "10.0.0.1:8080", "peer": "10.0.0.9", "connections": 3}]
    jsonschema.validate(probed, schema("cutover-preview"))
    assert (body["overlap"]["asked"], probed["overlap"]["asked"]) == (False, True)
    assert probed["overlap"]["connections"][0] == {
        "to": "10.0.0.5:5432", "what": "PostgreSQL", "now": 10, "both": 30, "limit": 25
    }  # fmt: skip


# ---------------------------------------------------------------- verbs on a run


@pytest.mark.parametrize(
    ("run_", "state", "given", "approved"),
    [
        (Run(), State.DEPLOYED, (), ("approve", "SHIFT")),
        (Run(), State.DEPLOYED, ("standby",), ("approve", "STANDBY")),
        (Run(done=frozenset({"approve:SHIFT"})), State.DEPLOYED, (), None),
        (Run(), State.PROMOTED, (), None),
        (Run(), State.BRIDGED, ("203.0.113.9",), ("approve", "203.0.113.9")),
        (Run(), State.BRIDGED, ("2001:DB8::/32",), ("approve", "2001:db8::/32")),
        (Run(), State.FRONTED, ("shop/orders",), ("approve", "shop/orders")),
        (Run(), State.FRONTED, ("10.0.0.5:5432",), ("approve", "10.0.0.5:5432")),
        (Run(), State.FRONTED, ("[2001:db8::5]:5432",), ("approve", "[2001:db8::5]:5432")),
        (Run(), State.BAKING, ("App_1.lan/0123456789ab",), ("approve", "App_1.lan/0123456789ab")),
    ],
)
def test_approve(library: Library, run_: Run, state: State, given: tuple[str, ...], approved: Any) -> None:
    """The state that is named, else the next one that it waits before; none is an error. Clients and members of the
    group are named by their address and name."""
    library.run_, library.state = run_, state
    done = run("approve", "web", *given)
    assert done.exit_code == (0 if approved else 1)
    assert library.asked == ([approved] if approved else [])
    assert ("[cutover-unasked]" in done.stderr) == (approved is None)


@pytest.mark.parametrize("asked", ["STANDBY", "203.0.113.9", "shop/orders"])
def test_approve_what_a_driver_asks_for(library: Library, asked: str) -> None:
    """A state also where the run was not told to hold before it; all else is to be named, since it is lost by that."""
    library.state = State.PROMOTED
    library.last = {"event": "approval", "text": f"{asked}: it calls web-0", "approval": asked}
    done = run("approve", "web")
    assert library.asked == ([("approve", "STANDBY")] if asked == "STANDBY" else [])
    if asked != "STANDBY":
        assert (done.exit_code, "[cutover-unasked]" in done.stderr) == (1, True)
        assert f"podlift cutover approve web {asked}" in done.stderr


def test_pause(library: Library) -> None:
    """With a reason that others see, and the way on with the cluster that was given."""
    done = run("pause", "web", "--reason", "lunch", "--context", "lab")
    assert done.exit_code == 0
    assert library.asked == [("pause", "lunch")]
    assert "next: podlift cutover resume web -n shop --context lab" in done.stderr


def test_abort_becomes_the_driver(library: Library) -> None:
    """Its success is 5, as for every run that went back."""
    library.ways = [(Outcome.ROLLED_BACK, "")]
    done = run("abort", "web")
    assert done.exit_code == 5
    assert "callers are back where they were" in done.stdout


def test_abort_waits_for_the_driver_that_lives(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """It asks once, and tells what the other does until callers are back."""
    monkeypatch.setattr("migrate.cli.cutover.abort._EVERY_S", 0.01)
    library.ways, library.journals = [LOCKED], [State.SHIFT, State.ROLLING_BACK, State.ROLLED_BACK]
    done = run("abort", "web")
    assert done.exit_code == 5
    assert library.asked == ["abort"]
    assert "ROLLING_BACK  run r1" in done.stderr
    assert done.stdout.startswith("web: ROLLED_BACK, callers are back")


def test_abort_goes_the_way_of_a_driver_that_died_on_it(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whose journal stands still for as long as its lease lasts."""
    monkeypatch.setattr("migrate.cli.cutover.abort._EVERY_S", 0.01)
    library.ways, library.state = [LOCKED, (Outcome.ROLLED_BACK, "")], State.SHIFT
    library.spec = replace(SPEC, timings=Timings(lease_s=0.05))
    done = run("abort", "web")
    assert done.exit_code == 5
    assert library.asked == ["abort", "abort"]


def test_abort_comes_too_late(library: Library) -> None:
    """The driver had finalized it: nothing goes back."""
    library.ways, library.journals = [LOCKED], [State.FINALIZED]
    done = run("abort", "web")
    assert done.exit_code == 1
    assert "FINALIZED before" in done.stdout
    library.ways = [(Outcome.ENDED, "the run is FINALIZED")]
    assert run("abort", "web").exit_code == 1


def test_what_else_stops_an_abort(library: Library) -> None:
    """Is an error like any other."""
    library.ways = [PodliftError(code="bad-journal", phase="cutover", subject="web", reason="torn", next_step="see")]
    done = run("abort", "web")
    assert done.exit_code == 1
    assert "[bad-journal]" in done.stderr


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 130)])
def test_replan_shows_what_it_takes_up(
    library: Library, monkeypatch: pytest.MonkeyPatch, answer: str, code: int
) -> None:
    """Before it asks; just that is asked of the run. Where nothing changed it is a resume."""
    assert run("resume", "web", "--replan").exit_code == 0
    assert library.asked.pop() == ("resume", False, False)
    library.ways = [(Outcome.REST, "")]
    library.changed = (Change(token="template web d1", said="the template of Deployment web"),)
    refused = run("resume", "web", "--replan")
    assert "[yes-needed]" in refused.stderr
    assert "podlift cutover resume web --replan --yes -n shop" in refused.stderr
    monkeypatch.setattr("migrate.cli.cutover.agreeing._terminal", lambda: True)
    done = run("resume", "web", "--replan", stdin=answer)
    assert done.exit_code == code
    assert "It takes up the template of Deployment web." in done.stderr.partition("Take it up")[0]
    assert library.asked == ([("resume", False, False, "template web d1")] if code == 0 else [])


def test_finalize_asks(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one verb that cannot be taken back: a terminal's yes, or --yes."""
    refused = run("finalize", "web")
    assert refused.exit_code == 1
    assert "podlift cutover finalize web --yes -n shop" in refused.stderr
    assert library.asked == []
    monkeypatch.setattr("migrate.cli.cutover.agreeing._terminal", lambda: True)
    assert run("finalize", "web", stdin="n\n").exit_code == 130
    assert library.asked == []
    library.ways = [(Outcome.ENDED, ""), (Outcome.ENDED, "")]
    assert run("finalize", "web", stdin="y\n").exit_code == 0
    assert run("finalize", "web", "--yes").exit_code == 0
    assert library.asked == [("finalize",), ("finalize",)]


BOTH = ("h1/" + "c0de" * 16, "h1/" + "beef" * 16)


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 130)])
def test_finalize_names_what_it_removes(
    library: Library, monkeypatch: pytest.MonkeyPatch, answer: str, code: int
) -> None:
    """Each container with its host and what stays of it, before the question; what was agreed to is what is asked."""
    asked = run("finalize", "web", "--remove-legacy")
    assert "podlift cutover finalize web --remove-legacy --yes -n shop" in asked.stderr
    monkeypatch.setattr("migrate.cli.cutover.agreeing._terminal", lambda: True)
    done = run("finalize", "web", "--remove-legacy", stdin=answer)
    assert done.exit_code == code
    before, _, _ = done.stderr.partition("remove these 2 containers?")
    assert "web-1 on h1 (c0dec0dec0de, web:1); its volumes stay: data at /data." in before
    assert "web-2 on h1 (beefbeefbeef, web:1)." in before
    assert "Containers stay" not in before
    assert library.asked == ([("finalize", *BOTH)] if code == 0 else [])


def test_finalize_goes_on_with_what_was_agreed_to(library: Library) -> None:
    """A removal that was cut short; what was not agreed to stays."""
    library.run_ = Run(done=frozenset({"finalize", agreed(BOTH[1])}))
    library.spec = replace(SPEC, originals=tuple(Original(host="h1", id=each[3:], name="web") for each in BOTH))
    done = run("finalize", "web", "--yes")
    assert "It removes the container web-2 on h1" in done.stderr
    assert "web-1" not in done.stderr
    assert library.asked == [("finalize", BOTH[1])]
    library.ways.append((Outcome.ENDED, ""))
    assert "It removes the container web-1 on h1" in run("finalize", "web", "--yes", "--remove-legacy").stderr
    assert library.asked[1:] == [("finalize", *BOTH)]


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ((), "web: STOPPED"),
        (("-o", "json"), '"state": "STOPPED"'),
        (("-o", "markdown"), "# Cutover of web"),
        (("-o", "html"), "<svg"),
        (("--history",), "run r1"),
    ],
)
def test_status_once(library: Library, args: tuple[str, ...], said: str) -> None:
    """In each format."""
    done = run("status", "web", *args)
    assert done.exit_code == 0
    assert said in done.stdout
    assert library.asked == ["status"]


@pytest.mark.parametrize(
    ("until", "states", "paused", "code"),
    [
        ("SHIFT", [State.BRIDGED, State.PROMOTED], "", 0),
        ("rolled_back", [State.SHIFT, State.ROLLING_BACK, State.ROLLED_BACK], "", 0),
        ("STOPPED", [State.SHIFT, State.ROLLING_BACK, State.ROLLED_BACK], "", 5),
        ("STOPPED", [State.SHIFT], "cutover-not-drained: web", 1),
        ("ROLLED_BACK", [State.STOPPED, State.FINALIZED], "", 1),
    ],
)
def test_status_waits_for_a_state(
    library: Library, monkeypatch: pytest.MonkeyPatch, until: str, states: list[State], paused: str, code: int
) -> None:
    """Quietly, and shows at the end where it stands; a run that will not come there by itself ends it."""
    monkeypatch.setattr("migrate.cli.cutover.status._EVERY_S", 0.01)
    library.states, library.run_ = list(states), Run(paused=paused)
    done = run("status", "web", "--for", until)
    assert done.exit_code == code
    assert library.asked == ["status"] * len(states)
    assert done.stdout.startswith(f"web: {states[-1]}")


def test_status_is_watched_until_the_end(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """As JSON a line each time, for programs."""
    monkeypatch.setattr("migrate.cli.cutover.status._EVERY_S", 0.01)
    library.states = [State.BAKING, State.STOPPED, State.FINALIZED]
    done = run("status", "web", "-w", "-o", "json")
    assert done.exit_code == 0
    assert [json.loads(line)["state"] for line in done.stdout.splitlines()] == ["BAKING", "STOPPED", "FINALIZED"]


def test_keep_lasts_until_it_is_interrupted(library: Library) -> None:
    """It drives nothing; being told to end is how it ends."""
    library.during = lambda: os.kill(os.getpid(), signal.SIGTERM)
    done = run("keep", "web", "--drive")
    assert done.exit_code == 0
    assert library.asked == [("keep", True)]
    assert "web on h1 answers" in done.stderr


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(verb: str) -> None:
    """Each option too, and none of them loads a client."""
    done = run(verb, "--help")
    assert done.exit_code == 0
    command = cli.get_command(None, "cutover").commands[verb]  # type: ignore[arg-type,union-attr]
    assert [p.name for p in command.params if p.param_type_name == "option" and not getattr(p, "help", "")] == []

"""``podlift cutover start`` and ``resume`` with --detach: what they refuse, ask of the library, and tell."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import migrate.cli.cutover.options
import migrate.cli.cutover.runs
import migrate.cutover.cutover
from converters.errors import PodliftError
from migrate.cutover.detached import Detachment
from migrate.cutover.run import Run, Spec
from migrate.plan.directory import write_plan
from migrate.schemas import schema
from tests.plans import plan, web
from tests.unit.cli.test_cutover import SPEC, FakeCluster, run

POD = "podlift@cutover-web-r1-6f7-x2x:1:abc"
SILENT = PodliftError(code="detach-silent", phase="cutover", subject="it", reason="no image", next_step="mend it")
REFUSED = PodliftError(code="detach-refused", phase="cutover", subject="web", reason="a socket", next_step="a URL")


@dataclass
class Library:
    """A Cutover and an Attached. ``found``: who drives, or what is raised, by workload."""

    workload: str = "web"
    files: Path | None = None
    found: dict[str, str | PodliftError] = field(default_factory=dict)
    refuses: PodliftError | None = None
    asked: list[Any] = field(default_factory=list)

    def __call__(self, *given: Any, **more: Any) -> Library:
        name = next((each for each in given if isinstance(each, str) and each in ("web", "orders")), "web")
        return replace(self, workload=name, files=more.get("files"))

    @property
    def id(self) -> str:
        return "r1"

    def entry(self) -> Any:
        return type("Entry", (), {"spec": self._spec(), "run": Run()})

    def detachable(self, by: Detachment) -> Spec:
        self.asked.append(("detachable", self.workload, by))
        if self.refuses:
            raise self.refuses
        return self._spec()

    def check(self) -> Spec:
        return self._spec()

    def begin(self, spec: Spec) -> Library:
        self.asked.append(("begin", spec.name))
        return self

    def release(self) -> None:
        self.asked.append(("let begin", self.workload))

    def leave(self, spec: Spec, lock: Library, by: Detachment) -> None:
        assert lock.workload == self.workload
        self.asked.append(("leave", spec.name, by.image))

    def awaited(self, spec: Spec) -> str:
        who = self.found.get(spec.name, POD)
        if isinstance(who, PodliftError):
            raise who
        return who

    def detach(self, by: Detachment, **more: Any) -> str:
        self.asked.append(("detach", self.workload, by, more))
        return self.awaited(self._spec())

    def _spec(self) -> Spec:
        return replace(SPEC, workload=self.workload, name=self.workload, hooks={"freeze": ("hooks/scheduler",)})


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Library:
    monkeypatch.chdir(tmp_path)
    write_plan(plan(web(), web("orders")), tmp_path / "plan")
    made = Library()
    monkeypatch.setattr(migrate.cutover.cutover, "Cutover", made)
    monkeypatch.setattr(migrate.cutover.cutover, "Attached", made)
    for module in (migrate.cli.cutover.options, migrate.cli.cutover.runs):
        monkeypatch.setattr(module, "cluster_of", lambda _reach: FakeCluster())
    return made


START = ("start", "plan", "web", "--yes", "--detach", "--image", "podlift:1")


def test_it_exits_as_soon_as_a_pod_drives(library: Library) -> None:
    done = run(*START, "--secret", "engines")
    assert done.exit_code == 0, done.output
    assert done.stdout == f"web: left to the cluster: {POD} drives it\n"
    by = Detachment(image="podlift:1", secret="engines", account="podlift")
    assert library.asked == [("detachable", "web", by), ("detach", "web", by, {})]
    assert "hooks/scheduler (hook freeze)" in done.stderr
    assert "next: podlift cutover status web -w -n shop" in done.stderr


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("verb", ["start", "resume"])
def test_as_json_it_keeps_its_schema(verb: str) -> None:
    words = START if verb == "start" else ("resume", "web", "--detach", "--image", "podlift:1")
    body = json.loads(run(*words, "-o", "json").stdout)
    jsonschema.validate(body, schema("cutover-outcome"))
    assert (body["outcome"], body["run"], body["workload"]) == ("detached", "r1", "web")


def test_resume_leaves_it_there_too(library: Library) -> None:
    words = ("resume", "web", "--take-over", "--detach", "--image", "podlift:1", "--service-account", "mover")
    done = run(*words)
    assert (done.exit_code, done.stdout) == (0, f"web: left to the cluster: {POD} drives it\n")
    by = Detachment(image="podlift:1", account="mover")
    assert library.asked == [("detach", "web", by, {"take_over": True, "replan": ()})]


def test_it_may_have_ended_meanwhile(library: Library) -> None:
    library.found["web"] = ""
    assert run(*START).stdout == "web: left to the cluster: the run has ended by now\n"


def test_several_begin_together_and_one_pod_is_silent(library: Library) -> None:
    library.found["orders"] = SILENT
    done = run("start", "plan", "web", "orders", "--yes", "--detach", "--image", "podlift:1")
    assert done.exit_code == 1
    assert (
        done.stdout
        == f"web: left to the cluster: {POD} drives it\norders: ended by an error: detach-silent: no image\n"
    )
    assert "error: it: no image [detach-silent]" in done.stderr
    assert [each[:2] for each in library.asked if each[0] != "detachable"] == [
        ("begin", "web"),
        ("begin", "orders"),
        ("leave", "web"),
        ("leave", "orders"),
        ("let begin", "web"),
        ("let begin", "orders"),
    ]


def test_what_a_pod_cannot_do_is_refused_before_anybody_is_asked(library: Library) -> None:
    library.refuses = REFUSED
    done = run("start", "plan", "web", "--detach", "--image", "podlift:1")
    assert done.exit_code == 1
    assert "error: web: a socket [detach-refused]" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--detach",), "--detach needs --image"),
        (("--image", "podlift:1"), "--image is for --detach"),
        (("--secret", "engines"), "--secret is for --detach"),
        (("--detach", "--image", "podlift:1", "--no-wait"), "--no-wait is for a command that stays"),
        (("--detach", "--image", "podlift:1", "--record", "told.jsonl"), "--record is for a command that stays"),
    ],
)
def test_what_does_not_go_together(library: Library, words: tuple[str, ...], said: str) -> None:
    for verb in (("start", "plan", "web", "--yes"), ("resume", "web")):
        done = run(*verb, *words)
        assert done.exit_code == 2
        assert said in done.stderr
    assert not library.asked

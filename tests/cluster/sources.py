"""Everything that lies here to convert, and what is made of it: with its questions open, and with each option answered.

Sources are the cases, the fixtures, the rows of the field table on their stages, and the public inspect files, which
lie outside of the repository and may be absent.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from converters.capture import Capture, HostDocuments
from converters.decisions import Answered, Decisions
from converters.errors import PodliftError
from converters.fields.row import Role
from converters.sources.mapping import Mapping as ConfigMapping
from converters.target import Target
from converters.workload import Host
from migrate.capture import read_capture
from migrate.config_files import expanded, load_documents, load_mapping
from migrate.decisions_file import load_decisions
from migrate.inspect_files import load_inspects
from migrate.plan.making import make_plan
from migrate.plan.model import Plan
from migrate.project import load_project
from migrate.report.questions import Question, questions
from migrate.target_file import load_target
from tests.cases import answers, harness
from tests.mappings import FIXTURES as MAPPINGS
from tests.mappings import fixture
from tests.proof import DOCUMENTS, TYPED_ANSWERS, staged, worded
from tests.proof_stages import stages

ROOT = Path(__file__).resolve().parents[2]
CASES = ROOT / "tests" / "cases"
ESTATE = ROOT / "fixtures" / "edge-estate"
INSPECT = ROOT / "fixtures" / "inspect"
PUBLIC = ROOT.parent / "shared" / "data" / "inspect"

# Of which a target is that says none. A target that says one keeps it: what is made for it is accepted here too.
VERSION = (1, 36)
# Answers of a type, where the question lists no option or not this one.
_TYPED = {
    **TYPED_ANSWERS,
    "constraint-label": ("edge.example/disk",),
    "schedule-unfit": ("15 3 * * *",),
    "time-zone": ("America/Los_Angeles",),
    "check-port": ("8080",),
    "route-port": ("8080",),
    "scale-max": ("6",),
    "scale-metric-name": ("web_requests",),
    "scale-basis": ("2",),
    "scale-request": ("250m",),
    "env-secret-ref": ("web-secrets/password",),
    "env-runtime-unclear": ("1",),
    "secret-mount": ("secret:web-secrets",),
    "two-digests": ("reg.example/web@sha256:" + "e" * 64,),
    "bind": (),
    "anonymous-volume-data": ("2Gi",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    name: str
    capture: Capture
    target: Target
    mapping: ConfigMapping | None = None
    decisions: Decisions = field(default_factory=Decisions)
    estate: str = "default"

    def plan(self, decisions: Decisions) -> Plan:
        return make_plan(
            self.capture, mapping=self.mapping, target=self.target, decisions=decisions, estate=self.estate
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A plan of a source. ``name`` tells the answers too: ``case mounts``, ``case mounts, answers 2``."""

    name: str
    target: Target
    plan: Plan

    @property
    def objects(self) -> tuple[tuple[str, Mapping[str, Any]], ...]:
        """Secrets too, as they would be applied."""
        return (*self.plan.objects, *self.plan.secrets)


def batches() -> Iterator[Batch]:
    """What is made of every source. One that ends in an error makes nothing: cases and unit tests hold which."""
    for source in sources():
        yield from _of(source)


def sources() -> Iterator[Source]:
    yield from _cases()
    yield edge_estate()
    yield from _mappings()
    yield from _rows()
    files = [str(path) for path in sorted(INSPECT.glob("*.json"))]
    yield Source(name="fixtures/inspect", capture=Capture(hosts=load_inspects(files)), target=Target(version=VERSION))
    yield from _public()


def _cases() -> Iterator[Source]:
    for folder in sorted(path.parent for path in CASES.glob("*/case.yaml")):
        case = harness.load(folder)
        target = answers.target(case.body.get("target"))
        yield Source(
            name=f"case {case.name}",
            capture=harness.capture(case),
            mapping=harness.mapping_of(case),
            target=target if "version" in (case.body.get("target") or {}) else replace(target, version=VERSION),
            decisions=answers.decisions(case.body.get("decisions")),
        )


def edge_estate() -> Source:
    project = load_project(ESTATE)
    assert project.capture
    assert project.mapping
    assert project.target
    assert project.decisions
    files = expanded(project.configs, root=ESTATE, subject=project.name)
    return Source(
        name="edge-estate",
        capture=replace(read_capture(project.capture), configs=load_documents(files, root=ESTATE)),
        mapping=load_mapping(project.mapping),
        target=load_target(project.target),
        decisions=load_decisions(project.decisions),
        estate=project.estate,
    )


def _mappings() -> Iterator[Source]:
    for folder in sorted(path for path in MAPPINGS.iterdir() if path.is_dir()):
        mapping, documents = fixture(folder.name)
        target = Target(version=VERSION)
        yield Source(name=f"mapping {folder.name}", capture=Capture(configs=documents), mapping=mapping, target=target)


def _rows() -> Iterator[Source]:
    for kind, rows in DOCUMENTS.items():
        for row in rows:
            for n, stage in enumerate(stages(kind, row.pattern) if row.role is Role.CONFIG else ()):
                answered = tuple(
                    Answered(code=code, answer=text, line=line)
                    for line, (code, text) in enumerate(stage.answers.items(), 1)
                )
                yield Source(
                    name=f"{kind} {row.pattern} on stage {n + 1}",
                    capture=staged(kind, row, stage),
                    target=replace(stage.target, version=min(stage.target.version, VERSION)),
                    decisions=Decisions(answers=answered),
                )


def _public() -> Iterator[Source]:
    for path in sorted(PUBLIC.glob("*.json")):
        found = json.loads(path.read_text(encoding="utf-8"))
        containers = tuple(found) if isinstance(found, list) else (found,)
        capture = Capture(hosts=(HostDocuments(host=Host(name="h1"), containers=containers),))
        yield Source(name=f"public {path.stem}", capture=capture, target=Target(version=VERSION))


# ---------------------------------------------------------------- with answers


def _of(source: Source) -> Iterator[Batch]:
    try:
        plan = source.plan(source.decisions)
    except PodliftError:
        return
    yield Batch(name=source.name, target=source.target, plan=plan)
    most = max((len(_choices(question)) for question in questions(plan)), default=0)
    for nth in range(most):
        answered = _answered(source, plan, nth)
        yield Batch(name=f"{source.name}, answers {nth + 1}", target=source.target, plan=answered)


def _answered(source: Source, plan: Plan, nth: int) -> Plan:
    """The plan with each question answered by its nth option, and what these answers ask as well."""
    given: dict[tuple[str, str, str], Answered] = {}
    while asked := [each for each in questions(plan) if _choices(each) and _key(each) not in given]:
        for question in asked:
            workload, code, about = _key(question)
            choices = _choices(question)
            given[workload, code, about] = Answered(
                workload=workload or "*",
                code=code,
                about=about if about == "*" else about.replace("*", "?"),
                answer=choices[nth % len(choices)],
                line=1000 + len(given),
            )
        every = (*source.decisions.answers, *given.values())
        try:
            plan = source.plan(replace(source.decisions, answers=every, _by_code={}))
        except PodliftError as error:
            raise AssertionError(f"{source.name}: an answer that it lists ends in an error") from error
    return plan


def _key(question: Question) -> tuple[str, str, str]:
    return question.workload, question.code.name, question.about


def _choices(question: Question) -> tuple[str, ...]:
    listed = tuple(worded(value) for value, _ in question.options if value)
    return (*listed, *(text for text in _TYPED.get(question.code.name, ()) if text not in listed))

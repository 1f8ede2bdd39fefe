"""Answers and overrides that nothing asked for are named, and answers to fields outside every workload count."""

from __future__ import annotations

from typing import Any

from converters.capture import Capture, ConfigDocument, HostDocuments
from converters.decisions import Answered, Decisions, Override
from converters.fields.verdict import Level
from converters.sources.mapping import parse_mapping
from converters.target import Target
from converters.workload import Host
from migrate.plan.making import make_plan
from migrate.plan.model import Plan
from tests.inspect_documents import ENGINE, container, image

MAPPING: dict[str, Any] = {
    "schema": "podlift.dev/mapping/v1",
    "documents": {"fleet": {"files": "fleet.yml"}},
    "workloads": {"each": "items(fleet.services)", "name": "key()"},
    "containers": [{"image": "image"}],
}
FLEET = {"owner": "team-a", "services": {"api": {"image": "reg.example/api:1"}}}


def planned(decisions: Decisions, *, config: bool = False) -> Plan:
    host = HostDocuments(host=Host(name="h1"), engine=ENGINE, containers=(container(),), images=(image(),))
    configs = (ConfigDocument(name="fleet.yml", value=FLEET),) if config else ()
    mapping = parse_mapping(MAPPING, {}, name="m.yaml") if config else None
    capture = Capture(hosts=(host,), configs=configs)
    return make_plan(capture, mapping=mapping, target=Target(), decisions=decisions)


def test_what_took_effect_is_not_named() -> None:
    """A finding's answer and an override of an object that is there are used."""
    decisions = Decisions(
        answers=(Answered(workload="web", code="acts-unasked", answer="no", line=2),),
        overrides=(Override(workload="web", object="Deployment/web", patch={"spec": {"paused": True}}, line=5),),
    )
    assert planned(decisions).unused_answers == ()


def test_what_nothing_asked_for_is_named_with_its_line() -> None:
    """A misspelt workload, a code that never came up, an object that is not there."""
    decisions = Decisions(
        answers=(
            Answered(workload="wbe", code="acts-unasked", answer="no", line=2),
            Answered(code="ulimit", answer="drop", line=3),
        ),
        overrides=(
            Override(workload="web", object="Deployment/wbe", patch={"spec": {}}, line=5),
            Override(workload="wbe", name="x", line=6),
        ),
    )
    assert planned(decisions).unused_answers == (
        "decisions.yaml:2 acts-unasked of wbe (*)",
        "decisions.yaml:3 ulimit of * (*)",
        "decisions.yaml:5 override of web Deployment/wbe",
        "decisions.yaml:6 override of wbe name",
    )


def test_a_field_outside_every_workload_can_be_answered() -> None:
    """The config's own head is nobody's; an answer drops it, and is used."""
    (asked,) = [v for v in planned(Decisions(), config=True).verdicts if v.workload == "" and v.code == "not-mapped"]
    assert asked.source is not None
    assert (asked.level, asked.source.path) == (Level.UNDECIDED, "owner")
    answer = Decisions(answers=(Answered(code="not-mapped", about="owner", answer="drop", line=2),))
    plan = planned(answer, config=True)
    (told,) = [v for v in plan.verdicts if v.workload == "" and v.code == "not-mapped"]
    assert (told.level, told.decided) == (Level.DROPPED, True)
    assert plan.unused_answers == ()

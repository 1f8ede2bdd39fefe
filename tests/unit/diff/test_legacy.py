"""A plan against the legacy side as it is now: must one plan again?"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest

from converters.decisions import Answered, Decisions
from converters.errors import PodliftError
from converters.fields.verdict import Level, Source, Verdict
from converters.target import Exposure, Target
from migrate.diff import Comparison, State, diff_plan
from migrate.plan.making import make_plan
from migrate.plan.model import Plan
from tests.plans import capture, web

KEY = b"k" * 32
TARGET = Target(namespace="x", exposure=(Exposure(match="*", become="NodePort"),), version=(1, 36))
DECISIONS = Decisions(answers=(Answered(code="acts-unasked", answer="no", line=3),), secrets=("LICENSE",))


def made(*containers: dict[str, Any]) -> Plan:
    return make_plan(capture(*containers), target=TARGET, decisions=DECISIONS)


def against(given: Plan, *containers: dict[str, Any], **more: Any) -> Comparison:
    return diff_plan(given, capture(*containers), hmac_key=KEY, **more)


def numbered(name: str, identity: str = "", **config: Any) -> dict[str, Any]:
    each = web(name, Hostname=(identity or "1" * 64)[:12], **config)
    return each | {"Id": identity or "1" * 64}


def test_nothing_changed() -> None:
    """By the plan's own target and decisions, which are read back from it."""
    found = against(made(web(Env=["LICENSE=abc-def-1"])), web(Env=["LICENSE=abc-def-1"]))
    assert (found.differs, found.objects) == (False, ())
    assert found.answer == "Must you plan again? No: the legacy side is what the plan was made from."
    assert found.compared == 1


def test_a_new_id_alone_is_noise() -> None:
    """The same container made anew: another ID, and the host name that follows from it."""
    given = made(numbered("web", "1" * 64))
    assert not against(given, numbered("web", "2" * 64)).differs


def test_another_name_on_the_same_host_is_no_difference() -> None:
    """It is told, for who looks for it."""
    labels = {"com.docker.compose.project": "p", "com.docker.compose.service": "web"}
    given = made(web("p-web-1-aaa", Labels=labels))
    found = against(given, web("p-web-1-bbb", Labels=labels))
    assert not found.differs
    ((extra,),) = [each.extras for each in found.objects]
    assert (extra.path, extra.value) == ("instances[h1/p-web-1-aaa]", "p-web-1-bbb")


@pytest.mark.parametrize(
    ("config", "path"),
    [
        ({"Env": ["MODE=slow"]}, "containers[web].env[MODE].value"),
        ({"Env": ["MODE=fast"], "WorkingDir": "/x"}, "containers[web].working_dir"),
        ({"Env": ["MODE=fast"], "Image": "reg.example/web:9"}, "containers[web].image.reference"),
    ],
)
def test_a_setting_that_differs(config: dict[str, Any], path: str) -> None:
    """By its path in the workload's normal form: then, and now."""
    found = against(made(web(Env=["MODE=fast"])), web(**config))
    assert found.answer.startswith("Must you plan again? Yes: 1 workload changed")
    (each,) = found.objects
    assert (each.name, each.state) == ("workload/web", State.CHANGED)
    assert path in [change.path for change in each.changes]


def test_workloads_and_instances_that_are_new_or_gone() -> None:
    """A workload as a whole, or one of its instances."""
    given = made(web("front-1"), web("front-2"), web("store"))
    found = against(given, web("front-1"), web("shop"))
    states = {each.name: each.state for each in found.objects}
    assert states == {
        "workload/front": State.CHANGED,
        "workload/store": State.REMOVED,
        "workload/shop": State.ADDED,
    }
    assert found.answer == "Must you plan again? Yes: 1 workload changed, 1 workload new, 1 workload gone."
    front = next(each for each in found.objects if each.name == "workload/front")
    assert "instances[h1/front-2]" in [change.path for change in front.changes]
    narrowed = against(given, web("front-1"), web("shop"), workloads=["store"])
    assert [each.name for each in narrowed.objects] == ["workload/store"]


def test_a_secret_that_changed() -> None:
    """Told by hashes; without the plan's values it is not compared, and says so."""
    given = made(web(Env=["LICENSE=abc-def-1"]))
    found = against(given, web(Env=["LICENSE=abc-def-2"]))
    ((change,),) = [each.changes for each in found.objects]
    assert change.path == "secrets[web-env/LICENSE]"
    assert {str(each)[:5] for each in (change.old, change.new)} == {"hmac:"}
    assert "abc-def" not in repr(found)
    blind = against(replace(given, secrets=()), web(Env=["LICENSE=abc-def-2"]))
    assert not blind.differs
    assert blind.uncompared


def test_a_host_that_was_not_read() -> None:
    """It may run anything: nothing is compared, which counts as 2."""
    given = made(web())
    found = diff_plan(given, capture(web(), error="timed out"))
    assert found.exit_code == 2
    assert "h2 could not be read (timed out)" in found.not_compared
    there = capture(web())
    elsewhere = replace(there, hosts=(replace(there.hosts[0], host=replace(there.hosts[0].host, name="h9")),))
    assert "h1 has instances in the plan" in diff_plan(given, elsewhere).not_compared


def test_a_plan_made_with_configs_needs_them() -> None:
    """Or other workloads would come out."""
    said = Verdict(
        workload="web", level=Level.EXACT, code="command", source=Source(document="fleet/web.yml", path="cmd"), why=""
    )
    with pytest.raises(PodliftError) as caught:
        against(replace(made(web()), verdicts=(said,)), web())
    assert caught.value.code == "mapping-missing"


def test_a_redacted_plan_is_held_against_a_redacted_capture() -> None:
    """What it withheld is no difference now that it is seen."""
    from migrate.capture import redact

    then = redact(capture(web(Env=["MODE=fast"])))
    given = make_plan(then, target=TARGET, decisions=DECISIONS)
    assert not diff_plan(given, capture(deepcopy(web(Env=["MODE=fast"])))).differs

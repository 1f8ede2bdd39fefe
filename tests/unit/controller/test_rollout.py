"""How new pods replace old ones: legal amounts, what the footing overrules, and a verdict for each word."""

from __future__ import annotations

from typing import Any

import pytest

from converters.decisions import Decisions
from converters.errors import PodliftError
from converters.fields.ledger import Ledger
from converters.objects.rollout import Footing, rollout_spec
from converters.workload import Controller, Rollout
from tests.workloads import atom

ROLLING = {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}}


def made(
    kind: Controller = Controller.DEPLOYMENT, footing: Footing | None = None, **rollout: Any
) -> tuple[dict[str, Any], dict[str, tuple[str, str]]]:
    """The spec's part, and code and level of the verdict on each attribute that was given."""
    ledger = Ledger("web", Decisions())
    given = Rollout(**rollout, origins={name: atom("fleet.yml", name) for name in rollout}) if rollout else None
    spec = rollout_spec(
        given, kind, footing=footing or Footing(), at=lambda path: (f"Kind/web:spec.{path}",), ledger=ledger
    )
    said = {v.source.path: (v.code, v.level.value) for v in ledger.verdicts() if v.source is not None}
    assert said.keys() == rollout.keys()
    return spec, said


def amounts(spec: dict[str, Any], key: str = "strategy") -> tuple[Any, Any]:
    rolling = spec[key]["rollingUpdate"]
    return rolling["maxSurge"], rolling["maxUnavailable"]


def test_nothing_said_keeps_all_pods() -> None:
    """No pod goes before its successor has been ready for ten seconds."""
    spec, _ = made()
    assert spec == {**ROLLING, "minReadySeconds": 10}


@pytest.mark.parametrize(
    ("rollout", "wanted"),
    [
        ({"order": "stop-first", "parallelism": 2}, (0, 2)),
        ({"order": "start-first", "parallelism": 3}, (3, 0)),
        ({"parallelism": 0}, ("100%", 0)),
        ({"max_surge": "25%", "max_unavailable": "1"}, ("25%", 1)),
        ({"max_surge": "2", "max_unavailable": "0"}, (2, 0)),
    ],
)
def test_stated_amounts_are_taken(rollout: dict[str, Any], wanted: tuple[Any, Any]) -> None:
    """Order and parallelism, or surge and unavailable, are exact where they are legal."""
    spec, said = made(**rollout)
    assert amounts(spec) == wanted
    assert {level for _, level in said.values()} == {"exact"}


def test_nothing_more_and_nothing_less_is_refused() -> None:
    """Marathon's 1.0 and 0.0: nothing could be replaced. One more, and the verdict says so."""
    spec, said = made(max_surge="0", max_unavailable="0")
    assert amounts(spec) == (1, 0)
    assert said["max_surge"] == ("rollout-surge", "approximated")


def test_a_single_writer_is_recreated() -> None:
    """Two pods on one volume could spoil its data, whatever the order was."""
    spec, said = made(footing=Footing(single_writer=True), order="start-first")
    assert spec["strategy"] == {"type": "Recreate"}
    assert said["order"] == ("rollout-order", "approximated")


def test_two_pods_do_not_fit_on_one_node() -> None:
    """A port of the node is taken until the old pod is gone."""
    spec, said = made(footing=Footing(on_node=True), max_surge="2")
    assert amounts(spec) == (0, 1)
    assert said["max_surge"] == ("rollout-surge", "approximated")


def test_the_longest_time_is_min_ready() -> None:
    """Delay, monitor and healthy time all come to one field; a part of a second is rounded up."""
    spec, said = made(min_healthy_s=5.0, delay_s=20.5, monitor_s=7.0)
    assert spec["minReadySeconds"] == 21
    assert {code for code, _ in said.values()} == {"rollout-min-healthy", "rollout-delay", "rollout-monitor"}
    assert {level for _, level in said.values()} == {"approximated"}
    assert made(min_healthy_s=30.0)[1]["min_healthy_s"] == ("rollout-min-healthy", "exact")


def test_the_deadline_is_above_min_ready() -> None:
    """The API server refuses another one, its own default of 600 s among them."""
    assert made(min_healthy_s=90.0, deadline_s=60.0)[0]["progressDeadlineSeconds"] == 91
    assert made(min_healthy_s=900.0)[0]["progressDeadlineSeconds"] == 1500
    assert "progressDeadlineSeconds" not in made()[0]


def test_failure_is_no_rollback() -> None:
    """A Deployment stops and waits; what was to happen instead is dropped by name."""
    assert made(failure_action="pause")[1]["failure_action"] == ("rollout-failure", "approximated")
    said = made(failure_action="rollback", max_failure_ratio=0.2)[1]
    assert set(said.values()) == {("rollout-failure", "dropped")}


def test_daemon_sets_surge_or_miss() -> None:
    """One of the two numbers is 0 and the other is not."""
    assert amounts(made(Controller.DAEMONSET)[0], "updateStrategy") == (0, 1)
    spec, said = made(Controller.DAEMONSET, max_surge="1", max_unavailable="1")
    assert amounts(spec, "updateStrategy") == (1, 0)
    assert said["max_unavailable"] == ("rollout-unavailable", "approximated")


def test_stateful_sets_go_one_by_one() -> None:
    """A StatefulSet has no surge."""
    spec, said = made(Controller.STATEFULSET, max_surge="2")
    assert spec["updateStrategy"] == {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}
    assert said["max_surge"] == ("rollout-surge", "approximated")


def test_jobs_have_no_rollout() -> None:
    """All of it is dropped by name."""
    spec, said = made(Controller.JOB, order="start-first", delay_s=1.0)
    assert spec == {}
    assert set(said.values()) == {("rollout-unfit", "dropped")}


def test_an_amount_that_is_none_is_refused() -> None:
    """One clear error for what a mapping gave."""
    with pytest.raises(PodliftError, match="'half' is no number of instances"):
        made(max_surge="half")

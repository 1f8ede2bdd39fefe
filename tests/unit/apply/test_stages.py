"""What of a plan a stage sends: decided without a cluster."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from converters.errors import PodliftError
from migrate.plan.model import Plan
from migrate.plan.stages import Stage, Staged, stage_plan
from tests.apply_plans import claim, config, cron, deployment, everything, of, planned, service, stateful, workload

SPACE = "shop"


def names(staged: Staged) -> set[str]:
    return {f"{each['kind']}/{each['metadata']['name']}" for _, each in staged.objects}


def refusal(plan: Plan, **how: Any) -> PodliftError:
    with pytest.raises(PodliftError) as raised:
        stage_plan(plan, **how)
    return raised.value


def test_legacy_instances_make_it_gated() -> None:
    """One workload has some, another has none: each has its own stage unless one is asked for."""
    plan = planned(SPACE, workload("web", deployment("web")), workload("new", deployment("new"), legacy=0))
    assert stage_plan(plan).stages == {"web": Stage.GATED, "new": Stage.FINAL}
    assert stage_plan(plan, stage=Stage.GATED).stages == {"web": Stage.GATED, "new": Stage.GATED}
    assert stage_plan(plan, never_cut_over=["web"]).stages == {"web": Stage.FINAL, "new": Stage.FINAL}


def test_the_plan_itself_is_left_as_it_is() -> None:
    plan = planned(SPACE, everything())
    before = plan.hash
    staged = stage_plan(plan)
    assert plan.hash == before
    held = {each["metadata"]["name"]: each["spec"] for _, each in staged.objects if "spec" in each}
    assert held["web"]["replicas"] == held["web-store"]["replicas"] == 0
    assert held["web-nightly"]["suspend"] is True


def test_final_is_every_object() -> None:
    plan = planned(SPACE, everything(legacy=0))
    assert list(stage_plan(plan).objects) == list(plan.objects)
    assert stage_plan(plan).withheld == ()


def test_a_governing_service_goes_with_its_stateful_set() -> None:
    """Of its own namespace and name alone: any other headless Service is withheld."""
    web = workload("web", stateful("web", governing="web"), service("web", headless=True), service("b", headless=True))
    staged = stage_plan(planned(SPACE, web))
    assert names(staged) == {"StatefulSet/web", "Service/web"}
    assert [each.name for each in staged.withheld] == ["Service/b"]


@pytest.mark.parametrize("kind", ["Service", "Ingress", "HTTPRoute", "HorizontalPodAutoscaler", "PodDisruptionBudget"])
def test_whatever_is_withheld_says_why(kind: str) -> None:
    staged = stage_plan(planned(SPACE, workload("web", of("v1", kind, "web", spec={"scaleTargetRef": {}}))))
    assert staged.objects == ()
    (only,) = staged.withheld
    assert (only.name, only.namespace) == (f"{kind}/web", SPACE)
    assert only.why


@pytest.mark.parametrize("state", ["PREFLIGHT", "BRIDGED", "SHIFT", "PAUSED", "BAKING", "ROLLING_BACK", "what is new"])
def test_a_run_that_is_under_way_stops_it(state: str) -> None:
    """Whatever is asked for, and a state that nobody knows is one too."""
    plan = planned(SPACE, workload("web", deployment("web")))
    for stage in (None, *Stage):
        error = refusal(plan, states={"web": state}, stage=stage, never_cut_over=["web"])
        assert (error.code, error.subject) == ("cutover-underway", "web")
        assert state in error.reason


def test_finalized_is_final() -> None:
    plan = planned(SPACE, workload("web", deployment("web")))
    assert stage_plan(plan, states={"web": "FINALIZED"}).stages == {"web": Stage.FINAL}
    assert stage_plan(plan, states={"web": "FINALIZED"}, stage=Stage.FINAL).stages == {"web": Stage.FINAL}
    assert refusal(plan, states={"web": "ROLLED_BACK"}, stage=Stage.FINAL).code == "not-cut-over"


def test_names_that_nobody_knows() -> None:
    plan = planned(SPACE, workload("web", deployment("web")))
    assert refusal(plan, workloads=["wep"]).code == "no-workload"
    assert refusal(plan, never_cut_over=["wep"]).code == "no-workload"


@pytest.mark.parametrize(
    ("host", "legacy", "accepted", "refused"),
    [
        # nobody accepted it: any workload with instances may run there
        ("h1", 1, (), True),
        ("h1", 0, (), False),
        # accepted: only what is known to run there
        ("h1", 1, ("h2",), False),
        ("h2", 1, ("h2",), True),
    ],
)
def test_a_host_that_was_not_read(host: str, legacy: int, accepted: tuple[str, ...], refused: bool) -> None:
    web = workload("web", deployment("web"), host=host, legacy=legacy)
    plan = planned(SPACE, web, unread=("h2",), accepted_unread=accepted)
    if not refused:
        assert names(stage_plan(plan)) == {"Deployment/web"}
        return
    error = refusal(plan)
    assert (error.code, error.subject) == ("plan-incomplete", "web")
    assert "h2" in error.reason


def test_what_is_shared_goes_with_those_who_share_it() -> None:
    """A claim of two workloads, and a namespace; another's are left where they are."""
    api, web = workload("api", deployment("api")), workload("web", deployment("web"))
    plan = planned(
        SPACE, api, web, workload("db", deployment("db")), shared=[claim("media"), of("v1", "Namespace", SPACE)]
    )
    claims = [{"workload": name, "volume": "media", "claim": "media"} for name in ("api", "web")]
    plan = replace(plan, names={**plan.names, "claims": claims})
    assert names(stage_plan(plan, workloads=["web"])) == {
        "Deployment/web", "PersistentVolumeClaim/media", f"Namespace/{SPACE}",
    }  # fmt: skip
    assert names(stage_plan(plan, workloads=["db"])) == {"Deployment/db", f"Namespace/{SPACE}"}
    # of whom nobody knows whose it is, it goes with everybody
    unknown = planned(SPACE, web, shared=[config("for-all")])
    assert names(stage_plan(unknown, workloads=["web"])) == {"Deployment/web", "ConfigMap/for-all"}


def test_what_is_undecided_has_no_stage() -> None:
    plan = planned(SPACE, workload("web", cron("web")), workload("db", withheld=("volume-size", "bind")))
    staged = stage_plan(plan)
    assert dict(staged.undecided) == {"db": ("volume-size", "bind")}
    assert set(staged.stages) == {"web"}
    error = refusal(plan, workloads=["web", "db"])
    assert (error.code, error.subject) == ("workload-undecided", "db")
    assert "volume-size, bind" in error.reason

"""What happens to the rest when something fails, and what a run says of itself: with a cluster of the test's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jsonschema
import pytest

from converters.errors import PodliftError
from migrate.apply import Action, Applied, Outcome, Waiting, Withheld, applied_json, summary
from migrate.apply.deciding import Step
from migrate.apply.sending import Sender
from migrate.plan.model import Plan
from migrate.plan.stages import Stage
from migrate.report.apply_views import applied_names, applied_table
from migrate.schemas import schema
from tests.apply_plans import config, deployment, job, of, planned, service, workload

SPACE = "shop"


class Fake:
    """Takes objects, and refuses those that it is told to. ``sent``: names, in order."""

    def __init__(self, **refusals: str) -> None:
        self.refusals = refusals
        self.sent: list[str] = []

    def apply(self, each: Mapping[str, Any], **_how: Any) -> dict[str, Any]:
        name = each["metadata"]["name"]
        self.sent.append(f"{each['kind']}/{name}")
        code = self.refusals.get(f"{each['kind']}_{name}")
        if code:
            raise PodliftError(code=code, phase="cluster", subject=name, reason="it will not", next_step="do else")
        return {}


def steps(plan: Plan, **errors: PodliftError) -> list[Step]:
    return [
        Step(
            item=item,
            namespace="" if item[1]["kind"] == "Namespace" else SPACE,
            action=Action.FAILED if f"{item[1]['kind']}_{item[1]['metadata']['name']}" in errors else Action.CREATED,
            error=errors.get(f"{item[1]['kind']}_{item[1]['metadata']['name']}"),
        )
        for item in plan.objects
    ]


def sent(plan: Plan, cluster: Fake, made: Sequence[Step] | None = None, **how: Any) -> dict[str, Outcome]:
    given: dict[str, Any] = {"dry_run": "", "force": False, **how}
    sender = Sender(cluster, plan, **given)  # type: ignore[arg-type]
    return {each.name: each for each in sender.send(made or steps(plan))}


def both(*shared: dict[str, Any]) -> Plan:
    parts = [workload(name, config(name), service(name), deployment(name)) for name in ("web", "api")]
    return planned(SPACE, *parts, shared=shared)


def test_what_fails_holds_back_its_own_workload() -> None:
    found = sent(both(), Fake(Service_web="object-denied"))
    assert found["Service/web"].action is Action.FAILED
    assert found["Deployment/web"].action is Action.UNSENT
    assert found["Deployment/web"].note == "not sent: Service/web failed"
    assert {found[f"{kind}/api"].action for kind in ("ConfigMap", "Service", "Deployment")} == {Action.CREATED}


def test_what_is_known_to_fail_holds_back_all_of_its_workload() -> None:
    """Also what would have come before it."""
    error = PodliftError(code="object-immutable", phase="apply", subject="", reason="", next_step="")
    plan, cluster = both(), Fake()
    found = sent(plan, cluster, steps(plan, Deployment_web=error))
    assert found["ConfigMap/web"].action is Action.UNSENT
    assert not [each for each in cluster.sent if each.endswith("web")]
    assert found["Deployment/api"].action is Action.CREATED


def test_what_is_shared_holds_back_who_shares_it() -> None:
    """A namespace: all that lies in it. Of what nobody knows whose it is: everything."""
    found = sent(both(of("v1", "Namespace", SPACE)), Fake(Namespace_shop="cluster-forbidden"))
    assert {name: each.action for name, each in found.items() if each.action is not Action.UNSENT} == {
        "Namespace/shop": Action.FAILED
    }
    found = sent(both(config("for-all")), Fake(**{"ConfigMap_for-all": "object-denied"}))
    assert found["Deployment/api"].action is Action.UNSENT


@pytest.mark.parametrize("code", ["cluster-gone", "cluster-unauthorized", "cluster-busy"])
def test_a_cluster_that_is_gone_ends_the_run(code: str) -> None:
    """No time is lost on what cannot succeed."""
    cluster = Fake(ConfigMap_web=code)
    found = sent(both(), cluster)
    assert found["ConfigMap/web"].action is Action.FAILED
    assert found["Deployment/api"].note == "not sent: the cluster had failed before"
    assert not [each for each in cluster.sent if each.startswith("Deployment")]


@pytest.mark.parametrize(("dry_run", "told"), [("", "apply"), ("server", "dry-run"), ("client", "")])
def test_progress_counts_what_is_sent(dry_run: str, told: str) -> None:
    """What is only asked is not told as sent, and where nothing is asked there is nothing to tell."""
    events: list[tuple[str, int, int]] = []
    cluster = Fake()
    sent(both(), cluster, dry_run=dry_run, on_event=lambda *each: events.append(each))
    assert events == ([(told, done, 6) for done in range(1, 7)] if told else [])
    assert len(cluster.sent) == len(events)


def test_a_job_that_goes_after_its_end_is_warned_of() -> None:
    """It is not there any more when the plan is applied again, and would run again."""
    once = job("once")
    once["spec"]["ttlSecondsAfterFinished"] = 3600
    found = sent(planned(SPACE, workload("once", once)), Fake())
    assert "3600 s after its end" in found["Job/once"].note


# ---------------------------------------------------------------- what is said of it


def outcome(name: str, action: Action, error: PodliftError | None = None, note: str = "") -> Outcome:
    return Outcome(workload="web", name=name, namespace=SPACE, action=action, error=error, note=note)


REFUSED = PodliftError(
    code="object-denied", phase="cluster", subject="s", reason="the policy says no", next_step="ask it"
)
APPLIED = Applied(
    plan="0" * 64,
    cluster="prod",
    version="v1.36.3",
    stages={"web": Stage.GATED},
    outcomes=(
        outcome("ConfigMap/web", Action.CREATED),
        outcome("ServiceAccount/web", Action.UNCHANGED),
        outcome("Deployment/web", Action.FAILED, REFUSED),
        outcome("Deployment/other", Action.FAILED, REFUSED),
        outcome("CronJob/web", Action.UNSENT, note="not sent: Deployment/web failed"),
    ),
    withheld=(
        Withheld(workload="web", name="Service/web", namespace=SPACE, why="w"),
        Withheld(workload="web", name="Ingress/web", namespace=SPACE, why="w"),
    ),
    undecided={"db": ("volume-size",)},
    waiting=(Waiting(workload="web", name="Deployment/web", namespace=SPACE, why="0 of 2 ready"),),
)


def test_the_summary_is_one_line_of_all_counts() -> None:
    """Scripts rely on it: every count, always, in this order."""
    assert summary(APPLIED) == (
        "apply: 1 created, 0 changed, 1 unchanged, 2 failed, 1 unsent, 0 unchecked, 2 withheld, 1 undecided, "
        "1 not ready"
    )
    assert summary(Applied(plan="", cluster="", version="", dry_run="server")).startswith("dry run by the server: 0 ")


def test_the_table() -> None:
    """What is as it was has no line; what is withheld has one a workload; what to do next is said once."""
    text = applied_table(APPLIED, lambda text, _kind: text)
    assert text == (
        "ACTION     OBJECT                 WORKLOAD  WHY\n"
        "created    shop/ConfigMap/web     web\n"
        "failed     shop/Deployment/web    web       the policy says no [object-denied]\n"
        "failed     shop/Deployment/other  web       the policy says no [object-denied]\n"
        "unsent     shop/CronJob/web       web       not sent: Deployment/web failed\n"
        "withheld                          web       until its cutover: Service/web, Ingress/web\n"
        "undecided                         db        nothing of it is in the plan: volume-size\n"
        "not ready  shop/Deployment/web    web       0 of 2 ready\n"
        "next: shop/Deployment/web and 1 more: ask it\n"
        f"{summary(APPLIED)}\n"
    )
    assert applied_names(APPLIED) == "ConfigMap/web\n"


def test_the_json() -> None:
    body = applied_json(APPLIED)
    jsonschema.validate(body, schema("applied"))
    assert body["summary"] == summary(APPLIED)
    assert body["complete"] is False
    assert body["objects"][2]["error"] == {
        "code": "object-denied", "subject": "s", "reason": "the policy says no", "next": "ask it",
    }  # fmt: skip
    assert body["undecided"] == [{"workload": "db", "codes": ["volume-size"]}]

"""``podlift apply`` on a real API server: what is sent at which stage, in which order, and what never is."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from converters.errors import PodliftError
from migrate.apply import Action, Applied, Stage, apply_plan, summary
from migrate.cluster import Cluster
from migrate.plan.model import Plan
from tests.apply_plans import (
    NOWHERE,
    autoscaler,
    claim,
    config,
    cron,
    deployment,
    everything,
    job,
    of,
    planned,
    service,
    stateful,
    workload,
)
from tests.cluster_proxy import ClusterProxy
from tests.engine_proxy import Fault, answer
from tests.lab.cluster import GivenCluster

KINDS = "serviceaccount,configmap,secret,pvc,service,deployment,statefulset,daemonset,job,cronjob,hpa,pdb,ingress"
READS = {"get", "list", "watch"}


def standing(cluster: GivenCluster, space: str) -> dict[str, Any]:
    """Kind/name to the object, of what somebody applied."""
    found = cluster.get(KINDS, "-n", space)["items"]
    own = {"ServiceAccount/default", "ConfigMap/kube-root-ca.crt"}
    return {name: each for each in found if (name := f"{each['kind']}/{each['metadata']['name']}") not in own}


def versions(cluster: GivenCluster, space: str) -> dict[str, str]:
    return {name: each["metadata"]["resourceVersion"] for name, each in standing(cluster, space).items()}


@contextmanager
def writes(edge: Cluster) -> Iterator[list[tuple[str, str]]]:
    """What was sent meanwhile that is no reading; what only asks for rights is none."""
    before = edge.requests.copy()
    made: list[tuple[str, str]] = []
    yield made
    made += [
        (verb, plural)
        for verb, plural in (edge.requests - before)
        if verb not in READS and plural != "selfsubjectaccessreviews"
    ]


def actions(applied: Applied) -> dict[str, Action]:
    return {each.name: each.action for each in applied.outcomes}


def failure(applied: Applied) -> PodliftError:
    """The one that there is."""
    (found,) = [each.error for each in applied.outcomes if each.error is not None]
    return found


def refusal(plan: Plan, edge: Cluster, **how: Any) -> PodliftError:
    """Of a run that sends nothing."""
    with writes(edge) as sent, pytest.raises(PodliftError) as raised:
        apply_plan(plan, edge, **how)
    assert sent == []
    return raised.value


# ---------------------------------------------------------------- stages


def test_gated_opens_nothing_and_starts_nothing(cluster: GivenCluster, edge: Cluster, space: str) -> None:
    """What takes callers, starts or scales work is not there; controllers have no replicas; a StatefulSet's governing
    Service is there."""
    applied = apply_plan(planned(space, everything()), edge)
    found = standing(cluster, space)
    assert set(found) == {
        "ServiceAccount/web", "ConfigMap/web-files", "Secret/web-env", "PersistentVolumeClaim/web-data",
        "Service/web-members", "Deployment/web", "StatefulSet/web-store", "CronJob/web-nightly",
    }  # fmt: skip
    assert found["Deployment/web"]["spec"]["replicas"] == 0
    assert found["StatefulSet/web-store"]["spec"]["replicas"] == 0
    assert found["CronJob/web-nightly"]["spec"]["suspend"] is True
    assert {each.name for each in applied.withheld} == {
        "Service/web", "DaemonSet/web-agent", "Job/web-once", "HorizontalPodAutoscaler/web-store",
        "PodDisruptionBudget/web", "Ingress/web",
    }  # fmt: skip
    time.sleep(2)
    assert cluster.get("pods", "-n", space)["items"] == []


def test_what_nobody_runs_is_final_at_once(cluster: GivenCluster, edge: Cluster, space: str) -> None:
    """A workload without legacy instances; the one beside it that has some is gated."""
    plan = planned(space, everything(), workload("new", deployment("new"), service("new"), legacy=0))
    applied = apply_plan(plan, edge)
    assert applied.stages == {"web": Stage.GATED, "new": Stage.FINAL}
    found = standing(cluster, space)
    assert found["Deployment/new"]["spec"]["replicas"] == 1
    assert "Service/new" in found
    assert "Service/web" not in found


def test_final_is_the_plan_as_it_is(cluster: GivenCluster, edge: Cluster, space: str) -> None:
    """After a gated apply too: everything comes, numbers and schedules are the plan's."""
    plan = planned(space, everything())
    apply_plan(plan, edge)
    applied = apply_plan(plan, edge, stage="final", never_cut_over=["web"])
    assert applied.withheld == ()
    found = standing(cluster, space)
    assert {f"{each['kind']}/{each['metadata']['name']}" for _, each in plan.objects} <= set(found)
    assert found["Deployment/web"]["spec"]["replicas"] == 2
    assert found["CronJob/web-nightly"]["spec"]["suspend"] is False


def test_final_waits_for_the_cutover(edge: Cluster, space: str) -> None:
    """Nothing is sent of what still runs on the legacy side."""
    assert refusal(planned(space, everything()), edge, stage="final").code == "not-cut-over"


@pytest.mark.parametrize(
    ("state", "stage"), [("FINALIZED", Stage.FINAL), ("ROLLED_BACK", Stage.GATED), ("PLANNED", Stage.GATED)]
)
def test_the_journal_says_whether_it_was_cut_over(
    cluster: GivenCluster, edge: Cluster, space: str, state: str, stage: Stage
) -> None:
    journal(cluster, space, "web", state)
    applied = apply_plan(planned(space, everything()), edge)
    assert applied.stages == {"web": stage}


def test_a_cutover_under_way_is_let_be(cluster: GivenCluster, edge: Cluster, space: str) -> None:
    """Whatever is asked for; another workload by name is applied."""
    journal(cluster, space, "web", "SHIFT")
    plan = planned(space, everything(), workload("api", deployment("api")))
    assert refusal(plan, edge).code == "cutover-underway"
    assert refusal(plan, edge, stage="final", never_cut_over=["web"]).code == "cutover-underway"
    assert actions(apply_plan(plan, edge, workloads=["api"])) == {"Deployment/api": Action.CREATED}


def journal(cluster: GivenCluster, space: str, name: str, state: str) -> None:
    made = config(f"journal-{name}", state=state)
    labels = {"podlift.dev/journal": "", "podlift.dev/workload": name}
    made["metadata"] |= {"namespace": space, "labels": labels}
    cluster.apply(made)


def test_gated_stops_nothing_that_runs(edge: Cluster, space: str) -> None:
    """A workload that is on the cluster already, and a schedule that is active."""
    plan = planned(space, workload("web", deployment("web", replicas=2)), workload("nightly", cron("nightly")))
    apply_plan(plan, edge, stage="final", never_cut_over=["web", "nightly"])
    error = refusal(plan, edge, workloads=["web"])
    assert (error.code, error.subject) == ("already-running", "web")
    assert "runs 2 pods" in error.reason
    assert "is not suspended" in refusal(plan, edge, workloads=["nightly"]).reason


def test_workloads_by_name(cluster: GivenCluster, edge: Cluster, space: str) -> None:
    plan = planned(space, workload("web", deployment("web")), workload("api", deployment("api")))
    apply_plan(plan, edge, workloads=["api"])
    assert set(standing(cluster, space)) == {"Deployment/api"}
    assert refusal(plan, edge, workloads=["apj"]).code == "no-workload"


def test_workloads_by_label(cluster: GivenCluster, edge: Cluster, space: str) -> None:
    """One object that bears the label stands for its whole workload; beside names, both narrow."""
    api, web = (workload(name, deployment(name), config(name)) for name in ("api", "web"))
    api.objects[0]["metadata"]["labels"] = {"tier": "back"}
    plan = planned(space, api, web)
    assert refusal(plan, edge, labels="tier=front").code == "no-workload"
    assert refusal(plan, edge, labels="tier=back", workloads=["web"]).code == "no-workload"
    assert refusal(plan, edge, labels="tier=back", workloads=["api", "apj"]).subject == "apj"
    assert refusal(plan, edge, labels="tier in back").code == "bad-selector"
    apply_plan(plan, edge, labels="tier=back", workloads=["api", "web"])
    assert set(standing(cluster, space)) == {"Deployment/api", "ConfigMap/api"}
    assert set(apply_plan(plan, edge, labels="podlift.dev/workload in (api,web)").stages) == {"api", "web"}


def test_what_is_undecided_is_told(cluster: GivenCluster, edge: Cluster, space: str) -> None:
    """The plan holds nothing of it: the rest is applied; named, it is refused."""
    plan = planned(space, workload("web", deployment("web")), workload("db", withheld=("volume-size",)))
    applied = apply_plan(plan, edge)
    assert dict(applied.undecided) == {"db": ("volume-size",)}
    assert set(standing(cluster, space)) == {"Deployment/web"}
    assert refusal(plan, edge, workloads=["db"]).code == "workload-undecided"


# ---------------------------------------------------------------- again, and dry


@pytest.mark.parametrize("stage", ["gated", "final"])
def test_the_same_again_sends_nothing(edge: Cluster, space: str, stage: str) -> None:
    """At once, and when the controllers have written what they write."""
    plan = planned(space, everything())
    how: dict[str, Any] = {"stage": stage, "never_cut_over": ["web"] if stage == "final" else []}
    apply_plan(plan, edge, **how)
    for pause_s in (0, 4):
        time.sleep(pause_s)
        with writes(edge) as sent:
            applied = apply_plan(plan, edge, **how)
        assert sent == []
        assert set(actions(applied).values()) == {Action.UNCHANGED}
        assert applied.complete


@pytest.mark.parametrize("dry_run", ["client", "server"])
def test_a_dry_run_changes_nothing(cluster: GivenCluster, edge: Cluster, space: str, dry_run: str) -> None:
    """It says what would be created and changed, and a server's is the server's word."""
    plan = planned(space, everything())
    assert set(actions(apply_plan(plan, edge, dry_run=dry_run)).values()) == {Action.CREATED}
    assert standing(cluster, space) == {}
    apply_plan(plan, edge)
    before = versions(cluster, space)
    later = planned(space, everything(), workload("api", deployment("api")))
    later.objects[1][1]["data"]["greeting"] = "good evening"
    applied = apply_plan(later, edge, dry_run=dry_run)
    assert actions(applied)["ConfigMap/web-files"] is Action.CHANGED
    assert actions(applied)["Deployment/api"] is Action.CREATED
    assert actions(applied)["Deployment/web"] is Action.UNCHANGED
    assert versions(cluster, space) == before
    assert summary(applied).startswith(f"dry run by the {dry_run}: 1 created, 1 changed, 7 unchanged")


def test_a_servers_dry_run_finds_what_the_server_refuses(edge: Cluster, space: str) -> None:
    plan = planned(space, workload("web", config("Not_A_Name")))
    assert apply_plan(plan, edge, dry_run="client").complete
    assert failure(apply_plan(plan, edge, dry_run="server")).code == "object-refused"


def test_a_dry_run_before_the_namespace_is_there(edge: Cluster) -> None:
    """Nobody can check what lies in a namespace that the plan makes."""
    name = f"apply-{uuid.uuid4().hex[:8]}"
    plan = planned(name, workload("web", deployment("web")), shared=[of("v1", "Namespace", name)])
    applied = apply_plan(plan, edge, dry_run="server")
    assert actions(applied) == {f"Namespace/{name}": Action.CREATED, "Deployment/web": Action.UNCHECKED}
    assert edge.get("v1", "Namespace", "", name) is None


# ---------------------------------------------------------------- the number of replicas


@contextmanager
def watched(edge: Cluster, space: str, kind: str) -> Iterator[list[tuple[int, int]]]:
    """(spec.replicas, status.replicas) of every state that the only controller passes through."""
    (found,) = edge.list("apps/v1", kind, space)
    seen: list[tuple[int, int]] = []
    began, done = threading.Event(), threading.Event()

    def watch() -> None:
        began.set()
        version = found["metadata"]["resourceVersion"]
        while not done.is_set():
            for _, each in edge.watch("apps/v1", kind, space, resource_version=version, timeout_s=1):
                version = each["metadata"]["resourceVersion"]
                if "spec" in each and "replicas" in each["spec"]:
                    seen.append((each["spec"]["replicas"], each["status"].get("replicas", 0)))

    thread = threading.Thread(target=watch)
    thread.start()
    began.wait()
    try:
        yield seen
    finally:
        done.set()
        thread.join()


def until(check: Callable[[], bool], *, deadline_s: float = 30) -> None:
    end = time.monotonic() + deadline_s
    while not check():
        assert time.monotonic() < end, "it does not come to pass"
        time.sleep(0.2)


MAKES: Mapping[str, Callable[..., dict[str, Any]]] = {"Deployment": deployment, "StatefulSet": stateful}


@pytest.mark.parametrize("kind", MAKES)
def test_the_number_never_dips_when_an_autoscaler_takes_over(edge: Cluster, space: str, kind: str) -> None:
    """A plan that says 4, then one that leaves it to an autoscaler: a watch sees 4 all the way."""
    policy = {} if kind == "Deployment" else {"podManagementPolicy": "Parallel"}
    fixed, free = (MAKES[kind]("web", replicas=count) for count in (4, None))
    for each in (fixed, free):
        each["spec"] |= policy
    apply_plan(planned(space, workload("web", fixed, legacy=0)), edge)
    until(lambda: next(edge.list("apps/v1", kind, space))["status"].get("replicas") == 4)
    later = planned(space, workload("web", free, autoscaler("web", kind=kind), legacy=0, replicas={"web": 4}))
    with watched(edge, space, kind) as seen:
        apply_plan(later, edge)
        # the server's record of who owns what goes with the second write
        until(lambda: bool(seen))
        time.sleep(8)
    assert set(seen) == {(4, 4)}
    with writes(edge) as sent:
        apply_plan(later, edge)
    assert sent == []


@pytest.mark.parametrize("writes_done", [1, 2])
def test_a_hand_over_that_is_cut_off_is_finished(
    cluster: GivenCluster, edge: Cluster, space: str, tmp_path: Path, writes_done: int
) -> None:
    """After each of its writes: the number stays, and the run after it ends what was begun."""
    apply_plan(planned(space, workload("web", deployment("web", replicas=4), legacy=0)), edge)
    plan = planned(space, workload("web", deployment("web", replicas=None), autoscaler("web"), legacy=0))
    seen: list[str] = []

    def fault(asked: str) -> Fault | None:
        if not asked.startswith("PATCH"):
            return None
        seen.append(asked)
        return answer(500, {"message": "no"}) if len(seen) >= writes_done else None

    with watched(edge, space, "Deployment") as states:
        with ClusterProxy(cluster, fault=fault) as proxy:
            assert failure(apply_plan(plan, proxy.edge(tmp_path))).code == "cluster-failed"
        assert len(seen) == writes_done
        assert apply_plan(plan, edge).complete
        until(lambda: bool(states))
    assert {spec for spec, _ in states} == {4}
    with writes(edge) as sent:
        apply_plan(plan, edge)
    assert sent == []


def test_what_is_scaled_meanwhile_stays(cluster: GivenCluster, edge: Cluster, space: str) -> None:
    """Somebody scaled it before the autoscaler's plan came, and the autoscaler after it."""
    apply_plan(planned(space, workload("web", deployment("web", replicas=2), legacy=0)), edge)
    cluster.kubectl("scale", "deployment/web", "-n", space, "--replicas=4")
    later = planned(space, workload("web", deployment("web", replicas=None), autoscaler("web"), legacy=0))
    with watched(edge, space, "Deployment") as seen:
        apply_plan(later, edge)
        cluster.kubectl("scale", "deployment/web", "-n", space, "--replicas=5")
        apply_plan(later, edge)
        until(lambda: any(spec == 5 for spec, _ in seen))
    assert {spec for spec, _ in seen} <= {4, 5}


@pytest.mark.parametrize("gated", [True, False])
def test_an_autoscaled_controller_begins_with_the_planned_number(edge: Cluster, space: str, gated: bool) -> None:
    """Not with the server's 1, and not with a gated 0, at which an autoscaler does nothing."""
    web = workload("web", deployment("web", replicas=None), autoscaler("web"), replicas={"web": 3})
    plan = planned(space, web)
    if gated:
        apply_plan(plan, edge)
        with watched(edge, space, "Deployment") as seen:
            apply_plan(plan, edge, stage="final", never_cut_over=["web"])
            until(lambda: (3, 3) in seen)
        assert {spec for spec, _ in seen} <= {0, 3}
    else:
        apply_plan(plan, edge, stage="final", never_cut_over=["web"])
    assert next(edge.list("apps/v1", "Deployment", space))["spec"]["replicas"] == 3
    with writes(edge) as sent:
        apply_plan(plan, edge, stage="final", never_cut_over=["web"])
    assert sent == []


# ---------------------------------------------------------------- others' fields and objects


def test_a_conflict_names_owner_and_field(cluster: GivenCluster, edge: Cluster, space: str) -> None:
    """Its workload stays as it is from there on, another goes on; forced, it is the plan's again."""
    parts = [workload(name, deployment(name, replicas=0), service(name), legacy=0) for name in ("web", "api")]
    apply_plan(planned(space, *parts), edge)
    cluster.kubectl("set", "image", "deployment/web", f"web={NOWHERE}", "-n", space, "--field-manager=by-hand")
    later = [
        workload(name, deployment(name, replicas=0, env=[{"name": "A", "value": "1"}]), service(name), legacy=0)
        for name in ("web", "api")
    ]
    plan = planned(space, *later)
    dry = apply_plan(plan, edge, dry_run="client")
    assert "is owned by by-hand" in next(each.note for each in dry.outcomes if each.name == "Deployment/web")
    applied = apply_plan(plan, edge)
    error = failure(applied)
    assert error.code == "apply-conflict"
    assert "by-hand" in error.reason
    assert "image" in error.reason
    assert actions(applied)["Deployment/api"] is Action.CHANGED
    assert not applied.complete
    assert (
        cluster.get("deployment", "web", "-n", space)["spec"]["template"]["spec"]["containers"][0]["image"] == NOWHERE
    )
    assert apply_plan(plan, edge, force_conflicts=True).complete
    assert actions(apply_plan(plan, edge))["Deployment/web"] is Action.UNCHANGED


def test_a_number_that_an_autoscaler_owns_is_a_conflict(cluster: GivenCluster, edge: Cluster, space: str) -> None:
    """The plan says 3 where an autoscaler of somebody says otherwise."""
    plan = planned(space, workload("web", deployment("web", replicas=3), legacy=0))
    apply_plan(plan, edge)
    theirs = autoscaler("web", least=5, most=6)
    theirs["metadata"]["namespace"] = space
    cluster.apply(theirs)
    until(lambda: next(edge.list("apps/v1", "Deployment", space))["spec"]["replicas"] == 5)
    error = failure(apply_plan(plan, edge))
    assert error.code == "apply-conflict"
    assert ".spec.replicas" in error.reason
    assert "kube-controller-manager" in error.reason


@pytest.mark.parametrize("estate", ["", "another-estate"])
def test_an_object_of_others_is_not_taken_over(cluster: GivenCluster, edge: Cluster, space: str, estate: str) -> None:
    """Two estates may know a workload of one name; and somebody may have put one there by hand."""
    theirs = config("web-files", greeting="theirs")
    theirs["metadata"] |= {"namespace": space}
    if estate:
        theirs["metadata"]["labels"] = {"app.kubernetes.io/managed-by": "podlift", "podlift.dev/estate": estate}
    cluster.apply(theirs)
    plan = planned(space, workload("web", config("web-files", more="ours"), deployment("web")))
    applied = apply_plan(plan, edge)
    error = failure(applied)
    assert error.code == "object-foreign"
    assert (estate or "lab") in error.reason
    assert actions(applied)["Deployment/web"] is Action.UNSENT
    assert standing(cluster, space)["ConfigMap/web-files"]["data"] == {"greeting": "theirs"}
    assert apply_plan(plan, edge, force_conflicts=True).complete


def test_what_cannot_be_changed_must_be_recreated(cluster: GivenCluster, edge: Cluster, space: str) -> None:
    """Found before anything of the workload is sent; other workloads are applied."""
    was = [
        workload("once", config("once", a="1"), job("once"), legacy=0),
        workload("store", stateful("store", replicas=0, governing="a"), legacy=0),
        workload("data", claim("data"), legacy=0),
        workload("web", deployment("web", replicas=0), legacy=0),
    ]
    apply_plan(planned(space, *was), edge)
    will = [
        workload("once", config("once", a="2"), job("once", args=["other"]), legacy=0),
        workload("store", stateful("store", replicas=0, governing="b"), legacy=0),
        workload("data", claim("data", storage_class="other"), legacy=0),
        workload("web", deployment("web", replicas=0, args=["other"]), legacy=0),
    ]
    applied = apply_plan(planned(space, *will), edge)
    errors = {each.name: each.error for each in applied.outcomes if each.error}
    assert set(errors) == {"Job/once", "StatefulSet/store", "PersistentVolumeClaim/data"}
    assert {error.code for error in errors.values()} == {"object-immutable"}
    assert "must be recreated: spec.template" in errors["Job/once"].reason
    assert "spec.serviceName" in errors["StatefulSet/store"].reason
    assert "spec.storageClassName" in errors["PersistentVolumeClaim/data"].reason
    assert actions(applied)["Deployment/web"] is Action.CHANGED
    assert actions(applied)["ConfigMap/once"] is Action.UNSENT
    assert standing(cluster, space)["ConfigMap/once"]["data"] == {"a": "1"}


# ---------------------------------------------------------------- secrets


def test_secrets_are_sent_with_their_values(cluster: GivenCluster, edge: Cluster, space: str) -> None:
    apply_plan(planned(space, workload("web", deployment("web"), secrets={"web-env": {"KEY": "value"}})), edge)
    assert standing(cluster, space)["Secret/web-env"]["data"] == {"KEY": "dmFsdWU="}


def test_a_secret_that_is_nowhere_stops_the_run(cluster: GivenCluster, edge: Cluster, space: str) -> None:
    """Once it is on the cluster, with all its keys, nothing is missing."""
    web = workload("web", deployment("web"), secrets={"web-env": {"KEY": "value", "OTHER": "value"}})
    plan = planned(space, web, without_values=True)
    assert refusal(plan, edge).code == "secret-missing"
    cluster.kubectl("create", "secret", "generic", "web-env", "-n", space, "--from-literal=KEY=1")
    error = refusal(plan, edge)
    assert "the keys OTHER of" in error.reason
    cluster.kubectl("delete", "secret", "web-env", "-n", space)
    cluster.kubectl(
        "create", "secret", "generic", "web-env", "-n", space, "--from-literal=KEY=1", "--from-literal=OTHER=2"
    )
    assert apply_plan(plan, edge).complete
    assert standing(cluster, space)["Secret/web-env"]["data"] == {"KEY": "MQ==", "OTHER": "Mg=="}

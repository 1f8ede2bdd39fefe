"""``podlift apply`` where the cluster refuses, fails or goes away: one clear error, nothing half-claimed.

The run after it finishes what is left.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from converters.errors import PodliftError
from migrate.apply import Action, Applied, apply_plan
from migrate.cluster import Cluster
from migrate.plan.model import Plan
from tests.apply_plans import autoscaler, config, deployment, everything, of, planned, service, workload
from tests.cluster_proxy import ClusterProxy
from tests.engine_proxy import LOST, Fault, answer
from tests.lab.cluster import GivenCluster
from tests.plan_directories import podlift

MANY = tuple(f"web-{n:02}" for n in range(20))


def many(space: str) -> Plan:
    """Twenty workloads that are final at once, three objects each."""
    parts = [workload(n, config(n, a="1"), deployment(n, replicas=0), service(n), legacy=0) for n in MANY]
    return planned(space, *parts)


def counts(applied: Applied) -> dict[Action, int]:
    return dict(applied.counts)


def made_once(edge: Cluster, space: str) -> None:
    """Everything of ``many`` is there, and nothing was written twice: its generation is the first."""
    for api_version, kind in (("apps/v1", "Deployment"), ("v1", "Service"), ("v1", "ConfigMap")):
        found = [each["metadata"] for each in edge.list(api_version, kind, space)]
        names = [each["name"] for each in found if each["name"] in MANY]
        assert sorted(names) == sorted(MANY)
        assert {each.get("generation", 1) for each in found} == {1}


# ---------------------------------------------------------------- the server goes, or is busy


def test_the_server_goes_in_the_middle(cluster: GivenCluster, edge: Cluster, space: str, tmp_path: Path) -> None:
    """What was sent is told, and what was not; the run after it does only the rest."""
    proxy: ClusterProxy
    patches = threading.Semaphore(25)

    def fault(asked: str) -> Fault | None:
        if asked.startswith("PATCH") and not patches.acquire(blocking=False):
            # in a thread: the proxy's own must be free to close its connections
            threading.Thread(target=proxy.down).start()
            time.sleep(0.2)
        return None

    with ClusterProxy(cluster, fault=fault) as proxy:
        applied = apply_plan(many(space), proxy.edge(tmp_path, writes_per_s=500))
    errors = {each.error.code for each in applied.outcomes if each.error}
    assert errors <= {"cluster-gone", "cluster-unreachable"}
    assert errors
    found = counts(applied)
    assert not applied.complete
    assert found[Action.UNSENT] > 0
    assert sum(found.values()) == 60
    there = {
        f"{kind}/{each['metadata']['name']}"
        for api_version, kind in (("apps/v1", "Deployment"), ("v1", "Service"), ("v1", "ConfigMap"))
        for each in edge.list(api_version, kind, space)
    }
    claimed = {each.name for each in applied.outcomes if each.stands}
    unsent = {each.name for each in applied.outcomes if each.action is Action.UNSENT}
    assert claimed <= there
    assert not unsent & there
    again = apply_plan(many(space), edge)
    assert again.complete
    assert counts(again).get(Action.UNCHANGED, 0) >= len(claimed)
    made_once(edge, space)


def test_the_server_is_gone_before_the_first_write(cluster: GivenCluster, space: str, tmp_path: Path) -> None:
    """An error, not a report of sixty failures."""
    with ClusterProxy(cluster) as proxy:
        edge = proxy.edge(tmp_path)
        edge.version()
        proxy.down()
        with pytest.raises(PodliftError) as raised:
            apply_plan(many(space), edge)
    assert raised.value.code == "cluster-gone"


def test_an_answer_that_is_lost_is_asked_for_again(
    cluster: GivenCluster, edge: Cluster, space: str, tmp_path: Path
) -> None:
    """Each third write is done, and its answer does not come back: server-side apply twice is as good as once."""
    seen: list[str] = []

    def fault(asked: str) -> Fault | None:
        if not asked.startswith("PATCH"):
            return None
        seen.append(asked)
        return LOST if len(seen) % 3 == 0 else None

    with ClusterProxy(cluster, fault=fault) as proxy:
        applied = apply_plan(many(space), proxy.edge(tmp_path, writes_per_s=500))
    assert applied.complete
    assert len(seen) > 60
    made_once(edge, space)


def test_a_server_that_is_busy_is_waited_for(cluster: GivenCluster, edge: Cluster, space: str, tmp_path: Path) -> None:
    """429 with Retry-After, for each object the first time."""
    refused: set[str] = set()
    when: list[float] = []
    busy = Fault(b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n")

    def fault(asked: str) -> Fault | None:
        if asked.startswith("PATCH") and asked not in refused:
            refused.add(asked)
            when.append(time.monotonic())
            return busy
        return None

    began = time.monotonic()
    with ClusterProxy(cluster, fault=fault) as proxy:
        applied = apply_plan(many(space), proxy.edge(tmp_path, writes_per_s=500))
    assert applied.complete
    # as often as there are ranks, one after the other
    assert time.monotonic() - began > 3
    made_once(edge, space)


def test_writes_keep_to_the_rate(cluster: GivenCluster, space: str, tmp_path: Path) -> None:
    """Twenty a second: sixty objects take three seconds, several at once within a rank."""
    with ClusterProxy(cluster, latency_s=0.2) as proxy:
        edge = proxy.edge(tmp_path, writes_per_s=20)
        began = time.monotonic()
        assert apply_plan(many(space), edge).complete
        assert time.monotonic() - began > 59 / 20
        assert edge.requests["patch", "deployments"] == 20
        assert proxy.most_connections > 2


def test_kinds_come_in_their_order(cluster: GivenCluster, tmp_path: Path) -> None:
    """The namespace before what lies in it, a config before the pods that read it, their names before them, an
    autoscaler after them."""
    name = f"apply-{uuid.uuid4().hex[:8]}"
    web = workload(
        "web", autoscaler("web"), deployment("web", replicas=2), service("web"), config("web", a="1"), legacy=0
    )
    plan = planned(name, web, shared=[of("v1", "Namespace", name)])
    try:
        with ClusterProxy(cluster) as proxy:
            assert apply_plan(plan, proxy.edge(tmp_path)).complete
            sent = [each.split("?")[0].split("/")[-2] for each in proxy.requests if each.startswith("PATCH")]
    finally:
        cluster.kubectl("delete", "namespace", name, "--wait=false", "--ignore-not-found")
    order = list(dict.fromkeys(sent))
    assert order == ["namespaces", "configmaps", "services", "deployments", "horizontalpodautoscalers"]


# ---------------------------------------------------------------- the cluster refuses


def test_a_namespace_that_is_missing(edge: Cluster) -> None:
    """Nothing is asked of a namespace that is not there; once it is, the run finishes."""
    name = f"apply-{uuid.uuid4().hex[:8]}"
    error = refusal(many(name), edge)
    assert (error.code, error.subject) == ("namespace-missing", name)
    assert f"kubectl create namespace {name}" in error.next_step


def test_a_namespace_that_ends(cluster: GivenCluster, edge: Cluster, space: str) -> None:
    held = config("held", a="1")
    held["metadata"] |= {"namespace": space, "finalizers": ["example.com/held"]}
    cluster.apply(held)
    cluster.kubectl("delete", "namespace", space, "--wait=false")
    try:
        assert refusal(many(space), edge).code == "namespace-ending"
    finally:
        cluster.kubectl(
            "patch", "configmap", "held", "-n", space, "--type=merge", "-p", '{"metadata":{"finalizers":null}}'
        )


def refusal(plan: Plan, edge: Cluster) -> PodliftError:
    """Of a run that sends nothing."""
    with pytest.raises(PodliftError) as raised:
        apply_plan(plan, edge)
    assert not [verb for verb, _ in edge.requests if verb in {"patch", "delete"}]
    return raised.value


def test_a_kind_that_is_not_served(edge: Cluster, space: str) -> None:
    """Nothing is sent of a plan whose CRDs are not installed."""
    route = of("gateway.example.com/v1", "HTTPRoute", "web", spec={})
    error = refusal(planned(space, workload("web", deployment("web"), route, legacy=0)), edge)
    assert error.code == "kind-not-served"
    assert "gateway.example.com" in error.reason


def test_a_token_without_rights(cluster: GivenCluster, edge: Cluster, space: str, tmp_path: Path) -> None:
    """All that is lacking is said at once, before anything is sent; with it, the run finishes."""
    reads = {"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list"]}
    config_maps = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["create", "patch"]}
    token = token_of(cluster, space, [reads, config_maps])
    with ClusterProxy(cluster, anonymous=True) as proxy:
        error = refusal(many(space), as_user(proxy, tmp_path, token))
        assert error.code == "cluster-forbidden"
        for said in ("patch or create deployments.apps", "patch or create services", f"in namespace {space}"):
            assert said in error.reason
        assert "configmaps" not in error.reason
        assert "podlift-apply of podlift explain --roles" in error.next_step
        # reading is a right of its own
        token = token_of(cluster, space, [config_maps])
        error = refusal(many(space), as_user(proxy, tmp_path, token))
        assert error.code == "cluster-forbidden"
        assert "may not" in error.reason
        rest = [{"apiGroups": ["", "apps"], "resources": ["services", "deployments"], "verbs": ["create", "patch"]}]
        token = token_of(cluster, space, [reads, config_maps, *rest])
        assert apply_plan(many(space), as_user(proxy, tmp_path, token)).complete
    made_once(edge, space)


def test_the_role_that_ships_is_enough(cluster: GivenCluster, space: str, tmp_path: Path) -> None:
    """Bound in the namespace alone: everything that podlift makes is applied, waited for and applied again."""
    printed = podlift("explain", "--roles", cwd=tmp_path).stdout
    (rules,) = [each["rules"] for each in yaml.safe_load_all(printed) if each["metadata"]["name"] == "podlift-apply"]
    token = token_of(cluster, space, rules)
    plan = planned(space, everything(legacy=0))
    with ClusterProxy(cluster, anonymous=True) as proxy:
        edge = as_user(proxy, tmp_path, token)
        applied = apply_plan(plan, edge, wait=True, timeout_s=1)
        assert [each for each in applied.outcomes if each.action is not Action.CREATED] == []
        assert len(applied.outcomes) == len(plan.objects) + len(plan.secrets)
        assert not any("not known" in each.why for each in applied.waiting)
        assert [each for each in apply_plan(plan, edge).outcomes if each.action is not Action.UNCHANGED] == []


def as_user(proxy: ClusterProxy, folder: Path, token: str) -> Cluster:
    return Cluster("proxied", proxy.kubeconfig(folder, token=token), writes_per_s=500)


def token_of(cluster: GivenCluster, space: str, rules: list[dict[str, Any]]) -> str:
    """The token of an account with these rights in the namespace, when the API server has taken note of them."""
    name = f"user-{uuid.uuid4().hex[:6]}"
    binding = {
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": space}],
    }
    made = [
        of("v1", "ServiceAccount", name),
        of("rbac.authorization.k8s.io/v1", "Role", name, rules=rules),
        of("rbac.authorization.k8s.io/v1", "RoleBinding", name, **binding),
    ]
    for each in made:
        each["metadata"]["namespace"] = space
    cluster.apply(*made)
    until(lambda: _is_allowed(cluster, space, name, rules[0]))
    return cluster.kubectl("create", "token", name, "-n", space).strip()


def _is_allowed(cluster: GivenCluster, space: str, name: str, rule: dict[str, Any]) -> bool:
    resource = ".".join(filter(None, (rule["resources"][0], rule["apiGroups"][0])))
    user = f"--as=system:serviceaccount:{space}:{name}"
    try:
        return "yes" in cluster.kubectl("auth", "can-i", rule["verbs"][0], resource, "-n", space, user)
    except RuntimeError:
        return False


@pytest.fixture
def denied(cluster: GivenCluster, space: str) -> Iterator[str]:
    """A policy of the namespace denies Deployments named web-07: this is what it says."""
    name = f"deny-{space}"
    said = "web-07 is not to be run"
    policy = {
        "failurePolicy": "Fail",
        "matchConstraints": {
            "resourceRules": [
                {"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["*"], "resources": ["deployments"]}
            ]
        },
        "validations": [{"expression": "object.metadata.name != 'web-07'", "message": said}],
    }
    selector = {"matchLabels": {"kubernetes.io/metadata.name": space}}
    binding = {
        "policyName": name,
        "validationActions": ["Deny"],
        "matchResources": {"namespaceSelector": selector},
    }
    group = "admissionregistration.k8s.io/v1"
    cluster.apply(
        of(group, "ValidatingAdmissionPolicy", name, spec=policy),
        of(group, "ValidatingAdmissionPolicyBinding", name, spec=binding),
    )
    probe = of("apps/v1", "Deployment", "web-07", spec=deployment("web-07")["spec"])
    probe["metadata"]["namespace"] = space
    until(lambda: _is_denied(cluster, probe))
    yield said
    cluster.kubectl("delete", "validatingadmissionpolicy,validatingadmissionpolicybinding", name, "--ignore-not-found")


def _is_denied(cluster: GivenCluster, probe: dict[str, Any]) -> bool:
    try:
        cluster.kubectl("apply", "--server-side", "--dry-run=server", "-f", "-", stdin=json.dumps(probe))
    except RuntimeError:
        return True
    return False


def until(check: Callable[[], bool], *, deadline_s: float = 30) -> None:
    end = time.monotonic() + deadline_s
    while not check():
        assert time.monotonic() < end, "it does not come to pass"
        time.sleep(0.2)


def test_admission_denies_an_object(cluster: GivenCluster, edge: Cluster, space: str, denied: str) -> None:
    """One workload of twenty: the policy's words stand in the error, and the others are applied."""
    applied = apply_plan(many(space), edge)
    (failed,) = [each for each in applied.outcomes if each.error]
    assert failed.name == "Deployment/web-07"
    assert failed.error is not None
    assert failed.error.code == "object-denied"
    assert denied in failed.error.reason
    assert counts(applied) == {Action.CREATED: 59, Action.FAILED: 1}
    cluster.kubectl("delete", "validatingadmissionpolicybinding", f"deny-{space}")
    until(lambda: apply_plan(many(space), edge).complete)
    made_once(edge, space)


def test_a_webhook_denies_an_object(cluster: GivenCluster, edge: Cluster, space: str, tmp_path: Path) -> None:
    """As an API server says it: the webhook is named with its words."""
    said = 'admission webhook "guard.example.com" denied the request: images come from our registry'
    status = {"kind": "Status", "status": "Failure", "message": said, "reason": "Forbidden", "code": 403}

    def fault(asked: str) -> Fault | None:
        return answer(403, status) if asked.startswith("PATCH") and "/deployments/web-07?" in asked else None

    with ClusterProxy(cluster, fault=fault) as proxy:
        applied = apply_plan(many(space), proxy.edge(tmp_path, writes_per_s=500))
    (failed,) = [each.error for each in applied.outcomes if each.error]
    assert failed.code == "object-denied"
    assert "webhook guard.example.com" in failed.reason
    assert "images come from our registry" in failed.reason
    assert counts(apply_plan(many(space), edge)) == {Action.UNCHANGED: 59, Action.CREATED: 1}
    made_once(edge, space)


@pytest.mark.parametrize("size", [1_500_000, 4_000_000])
def test_an_object_that_is_too_large(edge: Cluster, space: str, size: int) -> None:
    """The rest of its workload waits, other workloads do not."""
    large = workload("large", config("large", text="x" * size), deployment("large", replicas=0), legacy=0)
    applied = apply_plan(planned(space, large, workload("web", deployment("web", replicas=0), legacy=0)), edge)
    found = {each.name: each for each in applied.outcomes}
    error = found["ConfigMap/large"].error
    assert error is not None
    assert error.code == "object-too-large"
    assert len(str(error)) < 1000
    assert found["Deployment/large"].note == "not sent: ConfigMap/large failed"
    assert found["Deployment/web"].action is Action.CREATED

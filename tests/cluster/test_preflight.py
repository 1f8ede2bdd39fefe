"""Preflight before a real API server: what it serves reads as the rows expect it, with all rights and with few."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from converters.decisions import Answered, Decisions
from converters.target import Exposure, Target
from migrate.apply import apply_plan
from migrate.cluster import Cluster
from migrate.cutover.edges import Backend, Container, Found
from migrate.cutover.preflight import Means, Measured, Preflight, Status, preflight
from migrate.cutover.survey import survey
from migrate.plan.model import Plan
from tests.apply_plans import IMAGE, of
from tests.cluster.test_cluster_edge import ROLES, account, as_token
from tests.lab.cluster import GivenCluster
from tests.plans import plan, web

MEANS = Means(hooks=frozenset({"freeze"}), steps=(1,))
# Far from every lab's own networks.
FOUND = Found(
    containers=(
        Container(
            host="h1", id="1" * 64, name="web", image=IMAGE, running=True, ports={"80/tcp": Backend("192.0.2.11", 8080)}
        ),
    )
)


@pytest.fixture
def applied(edge: Cluster, space: str) -> Plan:
    """A plan of a web container, applied gated."""
    answers = (
        Answered(code="acts-unasked", answer="no", line=1),
        Answered(code="image-local-only", answer=IMAGE, line=2),
    )
    made = plan(
        web(Env=["LICENSE=abc-def-1"]),
        target=Target(namespace=space, exposure=(Exposure(match="*", become="ClusterIP"),), version=(1, 36)),
        decisions=Decisions(answers=answers, secrets=("LICENSE",)),
    )
    apply_plan(made, edge)
    return made


@pytest.fixture
def bound(cluster: GivenCluster, space: str, tmp_path: Path) -> Callable[[], Cluster]:
    """An account that has the roles for cutovers and comparing, in this namespace alone."""
    token = account(cluster, space)
    rules = [yaml.safe_load((ROLES / f"podlift-{each}.yaml").read_text())["rules"] for each in ("cutover", "diff")]
    rbac = "rbac.authorization.k8s.io"
    cluster.apply(
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "Role",
            "metadata": {"name": "mover", "namespace": space},
            "rules": [rule for each in rules for rule in each],
        },
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "RoleBinding",
            "metadata": {"name": "mover", "namespace": space},
            "roleRef": {"apiGroup": rbac, "kind": "Role", "name": "mover"},
            "subjects": [{"kind": "ServiceAccount", "name": "reader", "namespace": space}],
        },
    )

    def make() -> Cluster:
        made = as_token(cluster, tmp_path, token)
        # the API server hears of a new role a moment later
        for _ in range(100):
            if made.can("patch", "", "services", space) and made.can("list", "", "pods", space):
                return made
            time.sleep(0.1)
        raise AssertionError("the role has no effect")

    return make


def looked(given: Plan, cluster: Cluster) -> Preflight:
    return preflight(survey(given, "web", cluster, found=FOUND, measured=Measured(), means=MEANS))


def found(made: Preflight) -> set[str]:
    return {each.code for each in made.rows if each.status is Status.FOUND}


def test_after_a_gated_apply_nothing_refuses(edge: Cluster, applied: Plan) -> None:
    """All that is read may be read, and a few requests are enough."""
    before = edge.requests.total()
    made = looked(applied, edge)
    assert [(each.code, each.notices) for each in made.refused] == []
    assert [each.code for each in made.rows if each.unknown] == []
    asked = edge.requests.total() - before
    # one a kind, one a named object, one a right
    assert asked < 120
    assert {verb for verb, plural in edge.requests if plural == "secrets"} <= {"get", "patch", "list"}


def test_what_stands_in_the_way_is_seen(edge: Cluster, cluster: GivenCluster, space: str, applied: Plan) -> None:
    """As the API server gives it, with what its controllers add."""

    def here(api_version: str, kind: str, name: str, **body: Any) -> dict[str, Any]:
        made = of(api_version, kind, name, **body)
        labels = body.pop("labels", None)
        made.pop("labels", None)
        made["metadata"] |= {"namespace": space, **({"labels": labels} if labels else {})}
        return made

    name = applied.workloads[0]["kubernetesName"]
    label = {"podlift.dev/workload": name}
    ports = [{"name": "http", "port": 80, "targetPort": 80}]
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
    container = {"name": "x", "image": IMAGE, "imagePullPolicy": "IfNotPresent"}
    slices = {"kubernetes.io/service-name": name, "endpointslice.kubernetes.io/managed-by": "nobody.test.example"}
    cluster.apply(
        here("v1", "Service", "alias", spec={"selector": label, "ports": ports}),
        here("autoscaling/v2", "HorizontalPodAutoscaler", "x", spec={"scaleTargetRef": target, "maxReplicas": 3}),
        here("v1", "ResourceQuota", "x", spec={"hard": {"count/services": "1"}}),
        here("v1", "Pod", "stray", labels=label, spec={"containers": [container]}),
        here("discovery.k8s.io/v1", "EndpointSlice", "left", labels=slices, addressType="IPv4", endpoints=[], ports=[]),
        here(
            "networking.k8s.io/v1",
            "NetworkPolicy",
            "callers",
            spec={
                "podSelector": {"matchLabels": {"app": "shop"}},
                "policyTypes": ["Egress"],
                "egress": [{"to": [{"podSelector": {"matchLabels": label}}]}],
            },
        ),
        here(
            "networking.k8s.io/v1",
            "NetworkPolicy",
            "guard",
            spec={"podSelector": {"matchLabels": label}, "policyTypes": ["Ingress"]},
        ),
    )
    assert found(looked(applied, edge)) >= {
        "other-service-matches",
        "autoscaler-on-target",
        "quota-short",
        "stray-pods",
        "slices-left",
        "policy-callers",
        "policy-pods",
    }
    cluster.kubectl("-n", space, "scale", "deployment", name, "--replicas=1")
    cluster.kubectl("-n", space, "delete", "secret", "--all")
    assert found(looked(applied, edge)) >= {"controller-at-work", "objects-missing", "foreign-manager"}


def test_who_has_the_role_for_one_namespace(edge: Cluster, applied: Plan, bound: Callable[[], Cluster]) -> None:
    """It may do all that a run does; what lies beyond is unknown, and nothing refuses for that."""
    narrow = bound()
    made = looked(applied, narrow)
    assert {each.code for each in made.refused} <= {"rights-missing"}
    (rights,) = [each for each in made.rows if each.code == "rights-missing"]
    # nodes belong to the cluster as a whole
    assert [each.subject for each in rights.notices] == ["list nodes"]
    unknown = {each.code for each in made.rows if each.status is Status.UNKNOWN}
    assert unknown >= {"node-not-ready", "endpoints-readers", "policy-callers", "mesh-ambient"}
    assert "stray-pods" not in unknown
    assert preflight(survey(replace(applied, unread=("h9",)), "web", edge, found=FOUND, means=MEANS)).refused

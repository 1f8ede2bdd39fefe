"""What a survey keeps of a plan, a capture and a cluster, before a cluster that forbids what it is told to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import replace
from importlib.resources import files
from typing import Any, cast

import pytest
import yaml

from converters.decisions import Answered, Decisions
from converters.errors import PodliftError
from converters.fields.verdict import Finding
from converters.target import Exposure, Target
from migrate.cluster import Cluster, Resource
from migrate.cutover.containers import container_of
from migrate.cutover.edges import Found
from migrate.cutover.preflight import Level, Means, Measured, Right, Seen, Status, preflight
from migrate.cutover.rights import rights_of_a_run
from migrate.cutover.survey import survey
from migrate.plan.model import Plan
from migrate.plan.stages import stage_plan
from tests.apply_plans import of
from tests.plans import capture, plan, web
from tests.preflight.seen import PROXY, node, placed

SPACE = "shop"
PLURALS = {"NetworkPolicy": "networkpolicies", "Ingress": "ingresses", "Endpoints": "endpoints"}
# What an engine adds to the document of one that runs.
RUNNING = {
    "State": {"Status": "running", "Running": True},
    "NetworkSettings": {"Ports": {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}]}, "Networks": {}},
}


class Held:
    """A cluster that holds these objects and forbids some kinds, each with the verb: ``list pods``. ``everywhere``:
    only lists of all namespaces."""

    namespace = SPACE

    def __init__(self, *objects: dict[str, Any], forbidden: Collection[str] = (), everywhere: bool = False) -> None:
        self.objects = objects
        self.forbidden = forbidden
        self.everywhere = everywhere
        self.served: dict[str, tuple[str, ...]] = {"argoproj.io": ("v1alpha1",)}
        self.requests: Counter[str] = Counter()

    def version(self) -> str:
        return "v1.36.3"

    def groups(self) -> dict[str, tuple[str, ...]]:
        return self.served

    def resource(self, api_version: str, kind: str) -> Resource:
        if kind == "Rollout":
            raise PodliftError(code="kind-not-served", phase="cluster", subject=kind, reason="x", next_step="x")
        plural = PLURALS.get(kind, f"{kind.lower()}s")
        return Resource(api_version=api_version, kind=kind, plural=plural, namespaced=True)

    def list(self, api_version: str, kind: str, namespace: str | None = None, *, labels: str = "") -> Iterator[Any]:
        self._ask("list", api_version, kind, everywhere=namespace is None)
        for each in self.objects:
            near = namespace is None or each["metadata"].get("namespace") == namespace
            if each["kind"] == kind and near and labels in ("", *(each["metadata"].get("labels") or {})):
                yield each

    def get(self, api_version: str, kind: str, namespace: str, name: str) -> dict[str, Any] | None:
        self._ask("get", api_version, kind, everywhere=False)
        for each in self.objects:
            place = each["metadata"].get("namespace", ""), each["metadata"]["name"]
            if each["kind"] == kind and place == (namespace, name):
                return each
        return None

    def can(self, verb: str, _group: str, plural: str, _namespace: str = "") -> bool:
        return f"{verb} {plural}" not in self.forbidden

    def _ask(self, verb: str, api_version: str, kind: str, *, everywhere: bool) -> None:
        asked = f"{verb} {self.resource(api_version, kind).plural}"
        self.requests[asked] += 1
        if asked in self.forbidden and (everywhere or not self.everywhere):
            raise PodliftError(code="cluster-forbidden", phase="cluster", subject=kind, reason="x", next_step="x")


DECISIONS = Decisions(
    answers=(
        Answered(code="acts-unasked", answer="no", line=1),
        Answered(code="image-local-only", answer="x/y:1", line=2),
    ),
    secrets=("LICENSE",),
)
TARGET = Target(namespace=SPACE, exposure=(Exposure(match="*", become="ClusterIP"),), version=(1, 36))


def made() -> Plan:
    return plan(web(Env=["LICENSE=abc-def-1"]), target=TARGET, decisions=DECISIONS)


def cluster_of(given: Plan, *more: dict[str, Any], **how: Any) -> Held:
    """After a gated apply."""
    proxy = of("v1", "ConfigMap", "kube-proxy", data={"config.conf": PROXY})
    proxy["metadata"]["namespace"] = "kube-system"
    sent = [dict(each) for _, each in (*stage_plan(given).objects, *given.secrets) if each["kind"] != "Namespace"]
    return Held(*sent, of("v1", "Namespace", SPACE), node("n1", 1), proxy, *more, **how)


def surveyed(given: Plan, held: Held, **more: Any) -> Seen:
    documents = capture(web(Env=["LICENSE=abc-def-1"]) | RUNNING)
    legacy = replace(documents.hosts[0].host, address="192.0.2.11")
    found = container_of(legacy, documents.hosts[0].containers[0])
    assert found is not None
    at = replace(documents, hosts=(replace(documents.hosts[0], host=legacy),))
    return survey(
        given, "web", cast(Cluster, held), found=Found(containers=(found,)), capture=at, commands=("h1",), **more
    )


def test_a_plan_that_was_applied_may_start() -> None:
    """A real plan of a plain container: what is left is measured at the start, but for what its decisions leave."""
    given = made()
    means = Means(hooks=frozenset({"freeze"}), steps=(1,))
    found = preflight(surveyed(given, cluster_of(given), means=means))
    assert found.refused == ()
    told = {each.code: each.level for each in found.told if each.status is not Status.AT_START}
    # one container, of which nothing is known but that it runs: half of all callers at the first step, and no check
    assert told == {
        "schedule-coarse": Level.WARN,
        "no-readiness-probe": Level.WARN,
        "restart-revives": Level.MITIGATE,
    }


def test_no_secret_is_kept() -> None:
    given = made()
    seen = surveyed(given, cluster_of(given))
    (secret,) = seen.here("Secret")
    assert secret["data"] == {"LICENSE": ""}
    refused = {each.code for each in preflight(seen).refused}
    assert "objects-missing" not in refused


def test_what_is_forbidden_is_told_and_no_error() -> None:
    """Kind by kind, with the verb; what may be read is judged."""
    given = made()
    forbidden = ("list pods", "get secrets", "list deployments", "get namespaces", "create services")
    seen = surveyed(given, cluster_of(given, forbidden=forbidden))
    assert seen.cluster.unread == {
        "Pod": "list pods in namespace shop",
        "Secret": "get secrets in namespace shop",
        "Deployment": "list deployments.apps in namespace shop",
        "Deployment of all namespaces": "list deployments.apps",
        "Namespace": "get namespaces",
    }
    found = {each.code: each for each in preflight(seen).rows}
    assert found["stray-pods"].unknown == ("not allowed to list pods in namespace shop",)
    assert found["objects-missing"].status is Status.UNKNOWN
    assert found["controller-missing"].status is Status.UNKNOWN
    assert [each.subject for each in found["rights-missing"].notices] == [
        "create services in namespace shop",
        "list deployments.apps in namespace shop",
        "list pods in namespace shop",
    ]


def test_who_may_read_one_namespace_only_sees_its_controllers() -> None:
    given = made()
    held = cluster_of(given, forbidden=("list deployments",), everywhere=True)
    seen = surveyed(given, held)
    assert seen.cluster.unread == {"Deployment of all namespaces": "list deployments.apps"}
    found = {each.code: each.status for each in preflight(seen).rows}
    assert (found["controller-missing"], found["endpoints-readers"]) == (Status.CLEAR, Status.UNKNOWN)


def test_kinds_of_groups_that_are_not_there_are_not_asked_for() -> None:
    """Nor is a kind of a group that lacks it an error."""
    given = made()
    held = cluster_of(given, placed(of("argoproj.io/v1alpha1", "Application", "x", spec={}), namespace="argocd"))
    seen = surveyed(given, held)
    assert [each["metadata"]["name"] for each in seen.of("Application.argoproj.io")] == ["x"]
    assert "list canarys" not in held.requests
    assert max(held.requests.values()) <= 2
    assert sum(held.requests.values()) < 35


def test_a_kind_of_a_groups_other_version_is_found() -> None:
    """Of policies that nobody here reads it is told that they are there, of any namespace."""

    class Versions(Held):
        def resource(self, api_version: str, kind: str) -> Resource:
            if "policy.networking" in api_version and (api_version.endswith("2") != (kind == "ClusterNetworkPolicy")):
                raise PodliftError(code="kind-not-served", phase="cluster", subject=kind, reason="x", next_step="x")
            return super().resource(api_version, kind)

    given, group = made(), "policy.networking.k8s.io"
    held = Versions(
        *cluster_of(given).objects,
        of(f"{group}/v1alpha2", "ClusterNetworkPolicy", "deny"),
        of(f"{group}/v1alpha1", "AdminNetworkPolicy", "allow"),
        placed(of("cilium.io/v2", "CiliumNetworkPolicy", "x", spec={}), namespace="other"),
    )
    held.served = {group: ("v1alpha2", "v1alpha1"), "cilium.io": ("v2",)}
    found = {each.code: each for each in preflight(surveyed(given, held)).rows}
    assert [each.subject.partition(".")[0] for each in found["policies-not-read"].notices] == [
        "AdminNetworkPolicy",
        "CiliumNetworkPolicy",
        "ClusterNetworkPolicy",
    ]


def test_another_failure_is_an_error() -> None:
    class Broken(Held):
        def get(self, *_: str) -> None:
            raise PodliftError(code="cluster-gone", phase="cluster", subject="x", reason="x", next_step="x")

    with pytest.raises(PodliftError) as caught:
        surveyed(made(), Broken())
    assert caught.value.code == "cluster-gone"


def test_what_comes_from_the_plan() -> None:
    """Open findings and unread hosts of this workload alone, and the objects that it shares."""
    given = made()
    findings = (
        Finding(workload="web", code="acts-unasked", open=True),
        Finding(workload="web", code="closed"),
        Finding(workload="db", code="other", open=True),
    )
    seen = surveyed(replace(given, findings=findings, unread=("h9",)), cluster_of(given))
    assert (seen.open_findings, seen.unread_hosts) == (frozenset({"acts-unasked"}), ("h9",))
    assert {each["kind"] for each in seen.objects} >= {"Deployment", "Service"}
    assert (seen.hosts[0].address, seen.hosts[0].commands) == ("192.0.2.11", True)
    assert list(seen.hosts[0].documents) == [each.id for each in seen.found.containers]
    assert surveyed(given, cluster_of(given), measured=Measured(silent={})).measured.silent == {}
    with pytest.raises(PodliftError) as caught:
        survey(given, "wep", cast(Cluster, Held()), found=Found(containers=()))
    assert caught.value.code == "no-workload"


def test_rights_follow_what_the_run_makes() -> None:
    """Late objects and probe pods need more. A pod is ended and watched in any run (``ending``)."""
    plain = set(rights_of_a_run(SPACE, probes=False))
    assert {(each.verb, each.plural) for each in plain} >= {("create", "endpointslices"), ("patch", "services")}
    assert {each.namespace for each in plain} == {SPACE, ""}
    more = set(rights_of_a_run(SPACE, kinds=["Ingress"])) - plain
    assert {str(each) for each in more if each.group} == {
        f"{verb} ingresses.networking.k8s.io in namespace {SPACE}" for verb in ("get", "create", "patch", "delete")
    }
    assert {each.verb for each in plain if each.plural == "pods"} == {"get", "list", "patch", "delete"}
    assert {each.verb for each in more if each.plural == "pods"} == {"create"}


def test_the_role_that_ships_is_what_a_run_needs() -> None:
    """No more and no less, in a namespace; nodes are in podlift-target."""
    text = (files("migrate") / "cluster" / "roles" / "podlift-cutover.yaml").read_text(encoding="utf-8")
    given = {
        Right(verb=verb, group=group, plural=plural, namespace=SPACE)
        for rule in yaml.safe_load(text)["rules"]
        for group in rule["apiGroups"]
        for plural in rule["resources"]
        for verb in rule["verbs"]
    }
    late = ("HorizontalPodAutoscaler", "PodDisruptionBudget", "Ingress", "HTTPRoute", "Endpoints")
    needed = set(rights_of_a_run(SPACE, kinds=late))
    assert given == {each for each in needed if each.namespace}
    assert {str(each) for each in needed - given} == {"list nodes"}

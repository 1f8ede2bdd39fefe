"""A plan against what kubectl get -o json prints."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from converters.decisions import Answered, Decisions
from converters.errors import PodliftError
from converters.target import Exposure, Target
from migrate.diff import Comparison, Dump, State, diff_plan, read_dump
from migrate.diff.defaults import with_defaults
from migrate.plan.model import Plan
from tests.plans import plan, web

SERVER = {
    "uid": "0b1e",
    "resourceVersion": "77",
    "generation": 3,
    "creationTimestamp": "2026-11-25T06:00:00Z",
    "namespace": "default",
}


def live(planned: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    """The object as an API server returns it: defaults filled in, its own fields beside, empty values not stored."""
    made = with_defaults(json.loads(json.dumps(planned)))
    made["metadata"] |= {**SERVER, **metadata}
    made["metadata"].setdefault("annotations", {})["deployment.kubernetes.io/revision"] = "4"
    made["status"] = {"replicas": 1}
    if made["kind"] == "Service":
        made["spec"] |= {"clusterIP": "10.0.0.9", "clusterIPs": ["10.0.0.9"], "ipFamilies": ["IPv4"]}
        for n, port in enumerate(made["spec"]["ports"]):
            port["nodePort"] = 30000 + n
    return made


Objects = dict[tuple[str, str, str], dict[str, Any]]


def objects_of(made: Plan) -> Objects:
    objects = [live(deepcopy(dict(each))) for _, each in made.objects]
    return {(o["kind"], "default", o["metadata"]["name"]): o for o in objects}


def dump_of(made: Plan) -> Dump:
    return Dump(name="live.json", objects=objects_of(made))


def compare(made: Plan, dump: Dump) -> Comparison:
    return diff_plan(made, dump)


DEPLOYMENT = ("Deployment", "default", "web")


@pytest.fixture
def made() -> Plan:
    return plan(web(Env=["MODE=fast", "LOG=info"]), target=Target(exposure=(Exposure(match="*", become="NodePort"),)))


def test_what_the_server_adds_is_no_difference(made: Plan) -> None:
    """Status, defaults, assigned addresses and node ports."""
    found = compare(made, dump_of(made))
    assert (found.objects, found.differs) == ((), False)
    assert found.compared == len(made.objects)


def test_a_changed_field(made: Plan) -> None:
    """By its path, with both values."""
    dump = dump_of(made)
    container = dump.objects[DEPLOYMENT]["spec"]["template"]["spec"]["containers"][0]
    container["image"] = "web:old"
    (found,) = compare(made, dump).objects
    assert (found.name, found.state) == ("Deployment/web", State.CHANGED)
    assert [(c.path, c.old) for c in found.changes] == [("spec.template.spec.containers[web].image", "web:old")]


def test_a_field_that_was_taken_away_shows(made: Plan) -> None:
    """Defaults are filled in on the planned side only."""
    dump = dump_of(made)
    spec = dump.objects[DEPLOYMENT]["spec"]["template"]["spec"]
    del spec["terminationGracePeriodSeconds"]
    spec["containers"][0]["env"].pop()
    (found,) = compare(made, dump).objects
    assert {c.path for c in found.changes} == {
        "spec.template.spec.terminationGracePeriodSeconds",
        "spec.template.spec.containers[web].env[LOG]",
    }


def test_what_others_set_is_told_with_its_owner(made: Plan) -> None:
    """A sidecar and an annotation of somebody else: no difference."""
    dump = dump_of(made)
    each = dump.objects[DEPLOYMENT]
    each["spec"]["template"]["spec"]["containers"].append({"name": "mesh", "image": "mesh:1"})
    each["metadata"]["annotations"]["mesh.example/on"] = "yes"
    each["metadata"]["managedFields"] = [
        {
            "manager": "mesh-injector",
            "fieldsV1": {
                "f:metadata": {"f:annotations": {"f:mesh.example/on": {}}},
                "f:spec": {"f:template": {"f:spec": {"f:containers": {'k:{"name":"mesh"}': {".": {}, "f:name": {}}}}}},
            },
        }
    ]
    found = compare(made, dump)
    (only,) = found.objects
    assert not found.differs
    assert only.state is State.EXTRA
    assert {(e.path, e.owner) for e in only.extras} == {
        ("metadata.annotations[mesh.example/on]", "mesh-injector"),
        ("spec.template.spec.containers[mesh]", "mesh-injector"),
    }


@pytest.mark.parametrize(
    ("kind", "put", "path"),
    [
        ("Service", lambda spec: spec["selector"].update(tier="front"), "spec.selector.tier"),
        (
            "Deployment",
            lambda spec: spec["selector"]["matchLabels"].update({"mesh.example/on": "yes"}),
            "spec.selector.matchLabels[mesh.example/on]",
        ),
        (
            "Deployment",
            lambda spec: spec["selector"].update(matchExpressions=[{"key": "tier", "operator": "Exists"}]),
            "spec.selector.matchExpressions",
        ),
        (
            "Deployment",
            lambda spec: spec["template"]["spec"]["nodeSelector"].update(disk="ssd"),
            "spec.template.spec.nodeSelector.disk",
        ),
        (
            "Deployment",
            lambda spec: spec["template"]["spec"]["containers"][0]["securityContext"]["capabilities"]["add"].append(
                "SYS_ADMIN"
            ),
            "spec.template.spec.containers[web].securityContext.capabilities.add[SYS_ADMIN]",
        ),
    ],
)
@pytest.mark.parametrize("owners", [True, False])
def test_what_others_add_to_a_whole_is_a_difference(
    kind: str, put: Callable[[dict[str, Any]], None], path: str, owners: bool
) -> None:
    """An apply sets a selector, or a list that has no merge keys, as one: it would take away what somebody added."""
    exposed = (Exposure(match="*", become="NodePort"),)
    made = plan(web(host={"CapAdd": ["NET_ADMIN"]}), target=Target(pod_security="privileged", exposure=exposed))
    for _, each in made.objects:
        if each["kind"] == "Deployment":
            each["spec"]["template"]["spec"]["nodeSelector"] = {"site": "a"}
    dump = dump_of(made)
    each = dump.objects[kind, "default", "web"]
    put(each["spec"])
    if owners:
        each["metadata"]["managedFields"] = [{"manager": "by-hand", "fieldsV1": {"f:spec": {}}}]
    found = compare(made, dump)
    (only,) = found.objects
    assert only.state is State.CHANGED
    assert [(change.path, change.owner) for change in only.changes] == [(path, "by-hand" if owners else "")]


@pytest.mark.parametrize("by", ["managed", "applied"])
def test_our_own_field_that_the_plan_no_longer_has(made: Plan, by: str) -> None:
    """What podlift or kubectl set and the plan dropped is a difference, by managedFields or by last-applied."""
    dump = dump_of(made)
    each = dump.objects[DEPLOYMENT]
    each["spec"]["template"]["spec"]["containers"][0]["env"].append({"name": "OLD", "value": "1"})
    if by == "managed":
        owned: dict[str, Any] = {"f:containers": {'k:{"name":"web"}': {"f:env": {'k:{"name":"OLD"}': {"f:value": {}}}}}}
        fields = {"f:spec": {"f:template": {"f:spec": owned}}}
        each["metadata"]["managedFields"] = [{"manager": "podlift", "fieldsV1": fields}]
    else:
        applied = {"spec": {"template": {"spec": {"containers": [{"name": "web", "env": [{"name": "OLD"}]}]}}}}
        annotation = "kubectl.kubernetes.io/last-applied-configuration"
        each["metadata"]["annotations"][annotation] = json.dumps(applied)
    found = compare(made, dump)
    assert found.differs
    assert [c.path for c in found.objects[0].changes] == ["spec.template.spec.containers[web].env[OLD]"]


def test_missing_and_extra_objects(made: Plan) -> None:
    """What the plan has and the cluster has not; what is ours by its labels and not in the plan."""
    objects = objects_of(made)
    old = deepcopy(objects.pop(DEPLOYMENT))
    old["metadata"]["name"] = "web-old"
    foreign = deepcopy(old)
    foreign["metadata"] |= {"name": "theirs", "labels": {}}
    pod = deepcopy(old)
    pod["metadata"] |= {"name": "web-old-1", "ownerReferences": [{"kind": "ReplicaSet"}]}
    objects[("Deployment", "default", "web-old")] = old
    objects[("Deployment", "default", "theirs")] = foreign
    objects[("Pod", "default", "web-old-1")] = {**pod, "kind": "Pod"}
    found = compare(made, Dump(name="x", objects=objects))
    assert {(o.name, o.state) for o in found.objects} == {
        ("Deployment/web", State.ADDED),
        ("Deployment/web-old", State.REMOVED),
    }


def test_a_kind_that_was_not_dumped(made: Plan) -> None:
    """Missing, with the question whether it was dumped at all."""
    dump = dump_of(made)
    objects = {key: each for key, each in dump.objects.items() if key[0] != "ServiceAccount"}
    (found,) = compare(made, Dump(name="x", objects=objects)).objects
    assert found.state is State.ADDED
    assert "was this kind dumped?" in found.note


def test_replicas_belong_to_the_autoscaler() -> None:
    """Where the plan has an HPA for it, the live number is no difference."""
    base = plan(web())
    scaler = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web"},
        "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "web"}, "maxReplicas": 9},
    }
    objects = []
    for workload, each in base.objects:
        body = deepcopy(dict(each))
        if body["kind"] == "Deployment":
            del body["spec"]["replicas"]
        objects.append((workload, body))
    from dataclasses import replace

    scaled = replace(base, objects=(*objects, ("web", scaler)))
    dump = dump_of(scaled)
    dump.objects[DEPLOYMENT]["spec"]["replicas"] = 7
    assert not compare(scaled, dump).differs


def test_secrets_are_not_compared() -> None:
    """A plan has no values; a live Secret of a workload is neither missing nor extra."""
    made = plan(web(Env=["DB_PASSWORD=hunter2-of-mine"]))
    dump = dump_of(made)
    labels = dict(dump.objects[DEPLOYMENT]["metadata"]["labels"])
    secret: dict[str, Any] = {
        "kind": "Secret",
        "metadata": {"name": "web-env", "labels": labels},
        "data": {"DB_PASSWORD": "aHVudGVyMg=="},
    }
    stale: dict[str, Any] = deepcopy(secret)
    stale["metadata"]["name"] = "web-older"
    objects = {**dump.objects, ("Secret", "default", "web-env"): secret, ("Secret", "default", "web-older"): stale}
    found = compare(made, Dump(name="x", objects=objects))
    assert found.uncompared == ("1 Secret: a plan holds no secret values",)
    (extra,) = found.objects
    assert extra.name == "Secret/web-older"
    assert "aHVudGVyMg" not in repr(extra.old)


def test_workloads_narrow_the_comparison() -> None:
    """Only what belongs to them; an unknown one is an error."""
    made = plan(web("front"), web("store"))
    dump = Dump(name="x", objects={})
    found = diff_plan(made, dump, workloads=["store"])
    assert {o.workload for o in found.objects} == {"store"}
    with pytest.raises(PodliftError) as caught:
        diff_plan(made, dump, workloads=["sture"])
    assert caught.value.code == "no-workload"


def test_a_dump_in_all_its_shapes(tmp_path: Path) -> None:
    """A List, a typed list whose items bear no kind, one object, and YAML of several."""
    one = {"kind": "Service", "metadata": {"name": "a", "namespace": "x"}}
    file = tmp_path / "dump.json"
    for body in (
        {"kind": "List", "items": [one]},
        {"kind": "ServiceList", "items": [{"metadata": one["metadata"]}]},
        one,
    ):
        file.write_text(json.dumps(body))
        assert list(read_dump(file).objects) == [("Service", "x", "a")]
    several = tmp_path / "dump.yaml"
    several.write_text("kind: Service\nmetadata: {name: a}\n---\nkind: Service\nmetadata: {name: b}\n")
    assert [key[2] for key in read_dump(several).objects] == ["a", "b"]


@pytest.mark.parametrize("text", ["[]", "{}", '{"kind": "Pod"}', '{"kind": "List", "items": [1]}', '{"kind": 3}'])
def test_what_is_no_dump(tmp_path: Path, text: str) -> None:
    """Refused with the command that makes one."""
    file = tmp_path / "dump.json"
    file.write_text(text)
    with pytest.raises(PodliftError) as caught:
        read_dump(file)
    assert caught.value.code == "bad-dump"
    assert "kubectl get" in caught.value.next_step


def test_two_objects_of_one_name_in_several_namespaces(made: Plan) -> None:
    """A plan without a namespace is the current one's: default counts before any other."""
    dump = dump_of(made)
    other = deepcopy(dump.objects[DEPLOYMENT])
    other["metadata"]["namespace"] = "other"
    other["spec"]["template"]["spec"]["containers"][0]["image"] = "x"
    objects = {("Deployment", "other", "web"): other, **dump.objects}
    changed = [o for o in compare(made, Dump(name="x", objects=objects)).objects if o.state is State.CHANGED]
    assert changed == []


def test_plans_with_their_verdicts() -> None:
    """An answer changes objects, its verdict and its finding; lines of configs that moved change nothing."""
    old = plan(web())
    new = plan(
        web(),
        decisions=Decisions(
            answers=(
                Answered(code="exposure", answer="NodePort", line=1),
                Answered(code="acts-unasked", answer="no", line=2),
            )
        ),
    )
    found = diff_plan(new, old)
    (service,) = found.objects
    assert (service.name.split("/")[0], service.state) == ("Service", State.ADDED)
    (verdict,) = [s for s in found.said if s.kind == "verdict" and "PortBindings" in s.about]
    assert verdict.old == "undecided exposure"
    assert verdict.new.endswith("(decided)")
    (finding,) = [s for s in found.said if s.kind == "finding"]
    assert (finding.code, finding.old.split(":")[0], finding.new.split(":")[0]) == (
        "acts-unasked",
        "open",
        "answered no",
    )
    assert not diff_plan(new, new).differs


def test_what_neither_side_says_is_no_difference() -> None:
    """Manifests that no server has filled in are a dump too; a field that the plan writes must be there."""
    made = plan(web())
    bare = {(o["kind"], "", o["metadata"]["name"]): json.loads(json.dumps(o)) for _, o in made.objects}
    assert not compare(made, Dump(name="bare.json", objects=bare)).differs
    del bare["Deployment", "", "web"]["spec"]["strategy"]
    (difference,) = compare(made, Dump(name="bare.json", objects=bare)).objects
    assert [change.path for change in difference.changes] == ["spec.strategy"]


def test_what_the_server_adds_to_a_route_and_a_namespace() -> None:
    """As an API server returned them: the defaults of Gateway API's CRD, a namespace's label and finalizer."""
    target = Target(
        crds=frozenset({"gateway.networking.k8s.io"}), gateway="infra/public", namespace="edge", write_namespaces=True
    )
    routed = Plan(
        estate="default",
        objects=(
            *plan(target=target).objects,
            (
                "web",
                {
                    "apiVersion": "gateway.networking.k8s.io/v1",
                    "kind": "HTTPRoute",
                    "metadata": {"name": "web", "namespace": "edge"},
                    "spec": {
                        "parentRefs": [{"name": "public", "namespace": "infra"}],
                        "rules": [{"backendRefs": [{"name": "web", "port": 80}]}],
                    },
                },
            ),
        ),
    )
    stored = json.loads(json.dumps([each for _, each in routed.objects]))
    (route,) = (each for each in stored if each["kind"] == "HTTPRoute")
    route["spec"]["parentRefs"][0] |= {"group": "gateway.networking.k8s.io", "kind": "Gateway"}
    route["spec"]["rules"][0]["backendRefs"][0] |= {"group": "", "kind": "Service", "weight": 1}
    (namespace,) = (each for each in stored if each["kind"] == "Namespace")
    namespace["metadata"]["labels"]["kubernetes.io/metadata.name"] = "edge"
    namespace["spec"] = {"finalizers": ["kubernetes"]}
    dump = Dump(
        name="live.json",
        objects={(o["kind"], o["metadata"].get("namespace", ""), o["metadata"]["name"]): o for o in stored},
    )
    assert compare(routed, dump).objects == ()
    route["spec"]["rules"][0]["backendRefs"][0]["weight"] = 0
    (found,) = compare(routed, dump).objects
    assert [change.path for change in found.changes] == ["spec.rules[0].backendRefs[0].weight"]

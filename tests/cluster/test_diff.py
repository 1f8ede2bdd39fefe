"""``podlift diff`` on a real API server: nothing where nothing differs, each change is found, nothing is written."""

from __future__ import annotations

import copy
import json
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from converters.errors import PodliftError
from converters.objects.context import ESTATE, MANAGED_BY, WORKLOAD
from converters.target import Exposure, Target
from migrate import Cluster, diff_plan
from migrate.apply import Stage, apply_plan
from migrate.cluster import JSON_PATCH
from migrate.diff import Comparison, State, changes
from migrate.diff.walk import Step, in_a_whole
from migrate.plan.model import Plan
from tests import apply_plans
from tests.cluster.acceptance import GATEWAY, Court, NoGatewayError, gateway_crds
from tests.cluster.sources import Batch, batches
from tests.cluster.test_cluster_edge import ROLES, account, as_token
from tests.lab.cluster import GivenCluster
from tests.plans import plan, web

KEY = b"k" * 32
# Of cluster-wide objects only namespaces are made, each batch's own.
SPREAD = ("case ", "edge-estate", "mapping ", "fixtures/inspect")


@dataclass(frozen=True, kw_only=True)
class Lacks:
    routes: bool
    gates: frozenset[str]


@pytest.fixture
def space(cluster: GivenCluster) -> Iterator[str]:
    """A namespace of the test's own, in which no pod comes to be."""
    name = f"diff-{uuid.uuid4().hex[:8]}"
    _make_spaces(cluster, [name])
    yield name
    cluster.kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture(scope="module")
def lacks(cluster: GivenCluster) -> Iterator[Lacks]:
    """What the cluster has not: routes, where the CRDs that Gateway API publishes cannot be had, and feature gates.
    What a gate guards is lost where the server has it off, which is why the target must name it."""
    with Court(cluster.api, suffix=f"diff-{uuid.uuid4().hex[:6]}") as court:
        if not court.serves(GATEWAY):
            try:
                court.install(gateway_crds())
            except NoGatewayError:
                yield Lacks(routes=True, gates=court.gates_off())
                return
        yield Lacks(routes=False, gates=court.gates_off())


def _make_spaces(cluster: GivenCluster, names: list[str]) -> None:
    """A quota keeps the pods away: the API server and the controllers are what is asked here."""
    for start in range(0, len(names), 200):
        some = names[start : start + 200]
        cluster.apply(*({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in some))
        cluster.apply(
            *(
                {
                    "apiVersion": "v1",
                    "kind": "ResourceQuota",
                    "metadata": {"name": "no-pods", "namespace": name},
                    "spec": {"hard": {"pods": "0"}},
                }
                for name in some
            )
        )


def moved(given: Plan, space: str) -> Plan:
    """The plan in one namespace, for a cluster that promises nothing."""

    def there(each: Mapping[str, Any]) -> dict[str, Any]:
        metadata = {**each["metadata"], "namespace": space}
        if each["kind"] == "Namespace":
            metadata = {**each["metadata"], "name": space}
        return {**each, "metadata": metadata}

    return replace(
        given,
        objects=tuple((workload, there(each)) for workload, each in given.objects if each["kind"] != "Namespace"),
        secrets=tuple((workload, there(each)) for workload, each in given.secrets),
        workloads=tuple({**entry, "namespace": space} for entry in given.workloads),
        target={},
    )


def apply(edge: Cluster, given: Plan) -> None:
    with ThreadPoolExecutor(max_workers=8) as pool:
        list(pool.map(lambda item: edge.apply(item[1]), (*given.secrets, *given.objects)))


def told(found: Comparison) -> list[str]:
    """Every difference, and whatever stands beside the plan, which is nothing either as long as nobody came by."""
    return [
        f"{each.namespace} {each.name} {each.state}: {change}"
        for each in found.objects
        for change in (each.changes + each.extras or ("",))
    ]


# ---------------------------------------------------------------- nothing where nothing is


@dataclass(frozen=True)
class Applied:
    plans: tuple[Plan, ...]
    batches: Mapping[str, str]
    at_once: tuple[Comparison, ...]


@pytest.fixture(scope="module")
def everything(cluster: GivenCluster, lacks: Lacks) -> Iterator[Applied]:
    """Every object of every fixture and case, its questions open and answered, each batch in a namespace of its own;
    compared as soon as it was applied. What is alike in several batches is applied once."""
    wanted = (each for each in batches() if each.name.startswith(SPREAD) and not each.target.gates & lacks.gates)
    given = list(_distinct(wanted))
    suffix = uuid.uuid4().hex[:6]
    spaces = {f"diff-{suffix}-{n}": batch for n, batch in enumerate(given)}
    _make_spaces(cluster, list(spaces))
    merged: dict[str, Plan] = {}
    for space, batch in spaces.items():
        made = moved(batch.plan, space)
        if lacks.routes:
            made = replace(made, objects=tuple(o for o in made.objects if not o[1]["apiVersion"].startswith(GATEWAY)))
        known = merged.get(made.estate, Plan(estate=made.estate))
        merged[made.estate] = replace(known, objects=known.objects + made.objects, secrets=known.secrets + made.secrets)
    edge = Cluster(cluster.context, cluster.kubeconfig, writes_per_s=1000)
    taken: set[int] = set()
    plans = tuple(_without_taken_ports(each, taken) for each in merged.values())
    # before the server gives such a port to somebody else
    for each in plans:
        apply(edge, replace(each, objects=tuple(filter(_wants_port, each.objects)), secrets=()))
    for each in plans:
        apply(edge, each)
    at_once = tuple(diff_plan(each, edge, hmac_key=KEY) for each in plans)
    yield Applied(plans, {space: batch.name for space, batch in spaces.items()}, at_once)
    edge.close()
    cluster.kubectl("delete", "namespace", *spaces, "--wait=false", timeout_s=600)


def _distinct(given: Iterable[Batch]) -> Iterator[Batch]:
    seen: set[str] = set()

    def new(item: tuple[str, Mapping[str, Any]]) -> bool:
        text = json.dumps(item[1], sort_keys=True)
        known = text in seen
        seen.add(text)
        return not known

    for batch in given:
        made = batch.plan
        objects, secrets = tuple(filter(new, made.objects)), tuple(filter(new, made.secrets))
        if objects or secrets:
            yield replace(batch, plan=replace(made, objects=objects, secrets=secrets))


def _wants_port(item: tuple[str, Mapping[str, Any]]) -> bool:
    return any("nodePort" in port for port in item[1].get("spec", {}).get("ports", ()))


def _without_taken_ports(given: Plan, taken: set[int]) -> Plan:
    """A node has each port once, and several answers to one question may want the same."""
    objects = []
    for workload, each in given.objects:
        if each["kind"] == "Service":
            each = copy.deepcopy(dict(each))
            for port in each["spec"].get("ports", ()):
                if port.get("nodePort") in taken:
                    del port["nodePort"]
                taken |= {port["nodePort"]} if "nodePort" in port else set()
        objects.append((workload, each))
    return replace(given, objects=tuple(objects))


def test_what_was_just_applied_is_no_difference(everything: Applied) -> None:
    """Before any controller has come by, and while they do."""
    assert [line for found in everything.at_once for line in told(found)] == []
    assert sum(found.compared for found in everything.at_once) > 400


def test_what_controllers_add_is_no_difference(edge: Cluster, everything: Applied) -> None:
    """After they have settled: status, revisions, claims of StatefulSets, jobs, what autoscalers note down."""
    _settle(edge, everything)
    found = [diff_plan(each, edge, hmac_key=KEY) for each in everything.plans]
    assert [line for each in found for line in told(each)] == []
    kinds = Counter(each["kind"] for made in everything.plans for _, each in (*made.objects, *made.secrets))
    assert {"Deployment", "StatefulSet", "DaemonSet", "CronJob", "Job", "Secret", "Service"} <= set(kinds)
    assert sum(each.compared for each in found) == kinds.total()


def _settle(edge: Cluster, everything: Applied, *, deadline_s: float = 120) -> None:
    until = time.monotonic() + deadline_s
    for kind in ("Deployment", "StatefulSet", "DaemonSet"):
        while True:
            waiting = [
                each["metadata"]["name"]
                for each in edge.list("apps/v1", kind)
                if each["metadata"]["namespace"] in everything.batches
                and each.get("status", {}).get("observedGeneration") != each["metadata"]["generation"]
            ]
            if not waiting:
                break
            assert time.monotonic() < until, f"{kind}s are not seen by their controller: {waiting[:5]}"
            time.sleep(0.5)


def test_what_the_server_sets_as_one(edge: Cluster, everything: Applied) -> None:
    """The walk has each list and map as the server has it, by what it notes down of an apply: of one that it sets as
    one no part has an owner."""
    alike: Counter[bool] = Counter()
    otherwise = set()
    for version, kind in {(each["apiVersion"], each["kind"]) for made in everything.plans for _, each in made.objects}:
        for live in edge.list(version, kind):
            if live["metadata"].get("namespace") not in everything.batches:
                continue
            for entry in live["metadata"].get("managedFields", ()):
                for trail, whole in _taken(live, {} if entry.get("subresource") else entry["fieldsV1"], ()):
                    alike[whole] += in_a_whole(trail) is whole
                    if in_a_whole(trail) is not whole:
                        otherwise.add((kind, ".".join(step for of, step in trail[:-1] if of == "key")))
    # these of a pod are merged, and whoever adds one to an account's is told as if it were so there too
    assert otherwise <= {("ServiceAccount", "imagePullSecrets")}
    assert min(alike[True], alike[False]) > 100


def _taken(value: Any, fields: Mapping[str, Any], trail: tuple[Step, ...]) -> Iterator[tuple[tuple[Step, ...], bool]]:
    """The way into each list and map of which an owner is noted down, and whether as one."""
    for name, below in fields.items():
        step: Step
        if name.startswith("f:") and name[2:] in value:
            step, inner = ("key", name[2:]), value[name[2:]]
        elif name.startswith("k:"):
            keys = json.loads(name[2:])
            inner = next(item for item in value if all(item.get(key) == said for key, said in keys.items()))
            step = ("item", inner)
        else:
            continue
        here = (*trail, step)
        if isinstance(inner, dict | list) and inner:
            if step[0] == "key":
                yield (*here, ("item" if isinstance(inner, list) else "key", None)), not below
            yield from _taken(inner, below, here)


# ---------------------------------------------------------------- each change, and none else


Pointer = tuple[str | int, ...]
_OTHERS = {
    "ClusterIP": ("NodePort",),
    "RollingUpdate": ("Recreate", "OnDelete"),
    "IfNotPresent": ("Always",),
    "TCP": ("UDP",),
    "Allow": ("Forbid",),
    "Forbid": ("Allow",),
    "None": ("ClientIP",),
    "ClusterFirst": ("Default",),
    "RuntimeDefault": ("Unconfined",),
    "Always": ("Never",),
}


def sample() -> Plan:
    """An object of each kind that podlift makes, that of a Deployment with much to say."""
    made = rich()
    kinds = {each["kind"] for _, each in made.objects}
    for batch in batches():
        for workload, each in batch.plan.objects:
            if each["kind"] not in kinds | {"Namespace", "HTTPRoute"}:
                kinds.add(each["kind"])
                made = replace(made, objects=(*made.objects, (workload, each)))
    return made


def rich() -> Plan:
    """Containers with much to say, and what a plan makes of them."""
    said = {
        "Env": ["MODE=fast", "LEVEL=3"],
        "WorkingDir": "/srv",
        "User": "1000:1000",
        "Cmd": ["serve", "--port", "80"],
        "Healthcheck": {"Test": ["CMD", "true"], "Interval": 5_000_000_000, "Retries": 2},
    }
    limits = {
        "Memory": 64 << 20,
        "NanoCpus": 500_000_000,
        "CapAdd": ["NET_ADMIN"],
        "CapDrop": ["MKNOD"],
        "ReadonlyRootfs": True,
        "Tmpfs": {"/scratch": "size=16m"},
        "ExtraHosts": ["db:10.0.0.9"],
        "Dns": ["10.0.0.53"],
        "Sysctls": {"net.ipv4.ip_unprivileged_port_start": "0"},
    }
    target = Target(version=(1, 36), pod_security="privileged", exposure=(Exposure(match="*", become="NodePort"),))
    return plan(web("front-1", host=limits, **said), web("front-2", host=limits, **said), target=target)


def leaves(planned: Any, live: Any, at: Pointer = ()) -> Iterator[tuple[Pointer, Any]]:
    """What the plan says, where it stands in the live object."""
    if isinstance(planned, dict) and isinstance(live, dict):
        for key, value in planned.items():
            if key in live:
                yield from leaves(value, live[key], (*at, key))
    elif isinstance(planned, list) and isinstance(live, list) and len(planned) == len(live):
        for n, (one, other) in enumerate(zip(planned, live, strict=True)):
            yield from leaves(one, other, (*at, n))
    elif not isinstance(live, dict | list):
        yield at, live


def others(value: Any) -> tuple[Any, ...]:
    """Values that a server may take in its place."""
    if isinstance(value, bool):
        return (not value,)
    if isinstance(value, int):
        return (value + 1, value + 7)
    if isinstance(value, str):
        number = value.rstrip("MGKimk%")
        grown = (f"{int(number) + 1}{value[len(number) :]}",) if number.isdigit() else ()
        return (*_OTHERS.get(value, ()), *grown, f"{value}x", f"{value}.x")
    return ()


def test_each_field_that_somebody_changes_is_found(edge: Cluster, space: str) -> None:
    """Every field that the plan says, changed by hand in turn: that field is told, and no other object. A field of
    which the server takes no other value cannot drift."""
    made = moved(sample(), space)
    # one estate: what the batches came from is not asked here
    made = replace(made, objects=tuple((workload, _of(each, made.estate)) for workload, each in made.objects))
    assert len({each["kind"] for _, each in made.objects}) > 12
    apply(edge, made)
    assert told(diff_plan(made, edge)) == []
    tried = found = 0
    fixed = []
    for _, planned in made.objects:
        version, kind, name = planned["apiVersion"], planned["kind"], planned["metadata"]["name"]
        before = edge.get(version, kind, space, name)
        assert before is not None
        for at, value in leaves({k: planned[k] for k in planned if k in ("spec", "data")}, before):
            tried += 1
            after = _changed(edge, before, at, value)
            if after is None:
                fixed.append((kind, at))
                continue
            _check(diff_plan(made, edge), before, after, at)
            found += 1
            part = [{"op": "replace", "path": f"/{at[0]}", "value": before[str(at[0])]}]
            edge.patch(version, kind, space, name, part, content_type=JSON_PATCH, manager="by-hand")
            before = edge.get(version, kind, space, name)
            assert before is not None
    assert told(diff_plan(made, edge)) == []
    assert found > 120
    assert found + len(fixed) == tried
    # the specs of jobs, claims and StatefulSets, selectors, names that references must bear
    assert len(fixed) < tried / 2, fixed


def _of(each: Mapping[str, Any], estate: str) -> dict[str, Any]:
    metadata = each["metadata"]
    return {**each, "metadata": {**metadata, "labels": {**metadata["labels"], ESTATE: estate}}}


def _changed(edge: Cluster, before: Mapping[str, Any], at: Pointer, value: Any) -> dict[str, Any] | None:
    """The object with another value there; None where the server takes none."""
    metadata = before["metadata"]
    pointer = "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in at)
    for other in others(value):
        body = [{"op": "replace", "path": pointer, "value": other}]
        try:
            after = edge.patch(
                before["apiVersion"],
                before["kind"],
                metadata["namespace"],
                metadata["name"],
                body,
                content_type=JSON_PATCH,
                manager="by-hand",
            )
        except PodliftError as error:
            if error.code not in ("object-refused", "object-immutable", "object-denied"):
                raise
            continue
        if _part(after, at) != value:
            return after
    return None


def _part(value: Any, at: Pointer) -> Any:
    for step in at:
        try:
            value = value[step]
        except (KeyError, IndexError):
            return None
    return value


def _check(found: Comparison, before: Mapping[str, Any], after: Mapping[str, Any], at: Pointer) -> None:
    kind, name = after["kind"], after["metadata"]["name"]
    assert found.differs, (kind, at)
    assert [each.name for each in found.objects] == [f"{kind}/{name}"], (kind, at)
    (each,) = found.objects
    really = {
        change.path
        for part in ("spec", "data")
        for change in changes({part: before.get(part)}, {part: after.get(part)})
    }
    said = {change.path for change in each.changes} | {extra.path for extra in each.extras}
    assert said, (kind, at)
    # nothing but what the server changed: it may itself fill in or take away what belongs to a changed field
    assert all(any(_meets(one, other) for other in really) for one in said), (kind, at, said, really)


def _meets(one: str, other: str) -> bool:
    short, long = sorted((one, other), key=len)
    return long == short or long.startswith((f"{short}.", f"{short}["))


# ---------------------------------------------------------------- what else is told


def test_objects_that_are_missing_or_too_many(cluster: GivenCluster, edge: Cluster, space: str) -> None:
    """Gone from the cluster; ours there and not in the plan; somebody else's is nobody's business. An object that lost
    our labels is still the plan's."""
    made = moved(plan(web(), target=Target(version=(1, 36))), space)
    apply(edge, made)
    labels = {MANAGED_BY: "podlift", ESTATE: "default", WORKLOAD: "web"}
    for name, each in (("ours", labels), ("theirs", {})):
        edge.create(
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": space, "labels": each}}
        )
    edge.delete("v1", "ServiceAccount", space, "web")
    cluster.kubectl("label", "deployment", "web", f"{MANAGED_BY}-", "-n", space)
    found = diff_plan(made, edge)
    assert {(each.name, each.state, tuple(c.path for c in each.changes)) for each in found.objects} == {
        ("ServiceAccount/web", State.ADDED, ()),
        ("ConfigMap/ours", State.REMOVED, ()),
        ("Deployment/web", State.CHANGED, (f"metadata.labels[{MANAGED_BY}]",)),
    }


def test_what_a_gated_apply_holds_back_is_named_so(cluster: GivenCluster, edge: Cluster, space: str) -> None:
    """It differs until the cutover and says why; what somebody changed besides does not hide behind it."""
    made = moved(plan(web(host={"RestartPolicy": {"Name": "always"}}), target=Target(version=(1, 36))), space)
    assert made.workloads[0]["instances"]
    apply_plan(made, edge, stage=Stage.GATED)
    found = diff_plan(made, edge)
    assert found.differs
    assert {each.gated for each in found.objects} == {True}
    assert {each.note for each in found.objects} == {"gated: waits for cutover"}
    assert "Deployment/web" in {each.name for each in found.objects}
    cluster.kubectl("set", "env", "deployment/web", "A=1", "-n", space)
    cluster.kubectl("set", "image", "deployment/web", "web=other:1", "-n", space)
    (mixed,) = [each for each in diff_plan(made, edge).objects if each.name == "Deployment/web"]
    assert not mixed.gated
    assert [change.owner for change in mixed.changes if change.path.endswith(".image")] == ["kubectl-set"]


@pytest.mark.parametrize("server", [False, True])
def test_a_field_that_nobody_can_change(edge: Cluster, space: str, server: bool) -> None:
    """It says that the object must be recreated, asked or not."""
    made = moved(plan(web(), target=Target(version=(1, 36))), space)
    apply(edge, made)
    objects = copy.deepcopy([(workload, dict(each)) for workload, each in made.objects])
    for _, each in objects:
        if each["kind"] == "Deployment":
            each["spec"]["selector"]["matchLabels"]["tier"] = "front"
            each["spec"]["template"]["metadata"]["labels"]["tier"] = "front"
    (found,) = diff_plan(replace(made, objects=tuple(objects)), edge, server=server).objects
    assert found.recreate
    assert [change.path for change in found.changes if change.recreate] == ["spec.selector.matchLabels.tier"]
    assert ("the server refuses" in found.note) is server


def test_the_servers_dry_run_decides(cluster: GivenCluster, edge: Cluster, space: str) -> None:
    """Its answer stands in place of the local guess, a conflict names the owner, and nothing is written."""
    made = moved(plan(web(Env=["MODE=fast"]), target=Target(version=(1, 36))), space)
    apply(edge, made)
    cluster.kubectl("set", "env", "deployment/web", "MODE=slow", "-n", space)
    before = edge.get("apps/v1", "Deployment", space, "web")
    (found,) = diff_plan(made, edge, server=True).objects
    assert "kubectl-set" in found.note
    edge.delete("apps/v1", "Deployment", space, "web", uid=before["metadata"]["uid"] if before else None)
    (found,) = diff_plan(made, edge, server=True).objects
    assert found.state is State.ADDED
    # as the server would store it
    assert found.new is not None
    assert found.new["spec"]["progressDeadlineSeconds"] == 600
    assert edge.get("apps/v1", "Deployment", space, "web") is None


@pytest.mark.parametrize("server", [False, True])
def test_a_number_is_its_autoscalers(cluster: GivenCluster, edge: Cluster, space: str, server: bool) -> None:
    """A plan that said a number, then one that leaves it to an autoscaler: the number is no difference, whoever is
    asked and whatever else differs; nor when somebody has scaled it."""
    apply_plan(
        apply_plans.planned(space, apply_plans.workload("web", apply_plans.deployment("web", replicas=4), legacy=0)),
        edge,
    )
    free = apply_plans.deployment("web", replicas=None)
    free["spec"]["minReadySeconds"] = 3
    later = apply_plans.planned(
        space, apply_plans.workload("web", free, apply_plans.autoscaler("web"), legacy=0, replicas={"web": 4})
    )

    def told_now() -> dict[str, list[str]]:
        found = diff_plan(later, edge, server=server)
        return {each.name: [change.path for change in each.changes] for each in found.objects}

    expected = {"Deployment/web": ["spec.minReadySeconds"], "HorizontalPodAutoscaler/web": []}
    assert told_now() == expected
    cluster.kubectl("scale", "deployment/web", "-n", space, "--replicas=3")
    assert told_now() == expected


def test_secrets_are_compared_by_their_hashes(edge: Cluster, space: str) -> None:
    """Each key by a hash that the project's key makes; without values or without a key they are not compared."""
    secret = "hunter2-of-mine"
    made = moved(plan(web(Env=[f"DB_PASSWORD={secret}"]), target=Target(version=(1, 36))), space)
    apply(edge, made)
    assert told(diff_plan(made, edge, hmac_key=KEY)) == []
    assert diff_plan(made, edge, hmac_key=KEY).uncompared == ()
    name = made.secrets[0][1]["metadata"]["name"]
    edge.patch("v1", "Secret", space, name, {"stringData": {"DB_PASSWORD": "another-one"}})
    found = diff_plan(made, edge, hmac_key=KEY)
    ((change,),) = [each.changes for each in found.objects]
    assert change.path == "data.DB_PASSWORD"
    assert change.old.startswith("hmac:")
    assert change.old != change.new
    assert secret not in repr(found)
    for blind in (diff_plan(made, edge), diff_plan(replace(made, secrets=()), edge, hmac_key=KEY)):
        assert not blind.differs
        assert blind.uncompared[0].startswith("1 Secret: ")


def test_a_selector_narrows(edge: Cluster, space: str) -> None:
    """-l: only what it finds, on both sides, Secrets among it."""
    env = ["DB_PASSWORD=hunter2-of-mine"]
    made = moved(plan(web("front", Env=env), web("store", Env=env), target=Target(version=(1, 36))), space)
    found = diff_plan(made, edge, labels=f"{WORKLOAD}=store")
    assert {each.workload for each in found.objects} == {"store"}
    objects = sum(workload == "store" for workload, _ in made.objects)
    assert found.compared == objects
    assert [each.partition(":")[0] for each in found.uncompared] == ["1 Secret"]
    found = diff_plan(made, edge, labels=f"{WORKLOAD}=store", hmac_key=KEY)
    assert (found.compared, found.uncompared) == (objects + 1, ())
    assert diff_plan(made, edge, labels=f"{WORKLOAD}=none").uncompared == ()


# ---------------------------------------------------------------- what it takes


def test_it_asks_for_pages_and_nothing_else(cluster: GivenCluster, space: str) -> None:
    """As many requests for 600 objects as for 6, but for the second page."""
    counts = []
    for number in (6, 600):
        objects = tuple(
            (
                "web",
                {
                    "apiVersion": "v1",
                    "kind": "ConfigMap",
                    "metadata": {
                        "name": f"many-{n}",
                        "namespace": space,
                        "labels": {MANAGED_BY: "podlift", ESTATE: "default", WORKLOAD: "web"},
                    },
                    "data": {"n": str(n)},
                },
            )
            for n in range(number)
        )
        made = Plan(estate="default", objects=objects)
        writer = Cluster(cluster.context, cluster.kubeconfig, writes_per_s=1000)
        apply(writer, made)
        writer.close()
        reader = Cluster(cluster.context, cluster.kubeconfig)
        assert told(diff_plan(made, reader)) == []
        counts.append(reader.requests)
        reader.close()
    few, many = counts
    assert many - few == Counter({("list", "configmaps"): 1})
    assert few["list", "configmaps"] == 1
    assert {verb for verb, plural in many if plural} == {"list"}
    assert set(few.values()) - {1} <= {value for (_, plural), value in few.items() if not plural}


@pytest.fixture
def reader(cluster: GivenCluster, space: str, tmp_path: Path) -> Callable[..., Cluster]:
    """A user who may only what a role that ships says, in this namespace alone."""

    def make(*, secrets: bool = True) -> Cluster:
        token = account(cluster, space)
        rules = yaml.safe_load((ROLES / "podlift-diff.yaml").read_text(encoding="utf-8"))["rules"]
        if not secrets:
            rules = [rule for rule in rules if rule["resources"] != ["secrets"]]
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"}
        cluster.apply(
            {
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": "Role",
                "metadata": {"name": "reader", "namespace": space},
                "rules": rules,
            },
            {
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": "RoleBinding",
                "metadata": {"name": "reader", "namespace": space},
                "roleRef": role,
                "subjects": [{"kind": "ServiceAccount", "name": "reader", "namespace": space}],
            },
        )
        return as_token(cluster, tmp_path, token)

    return make


@pytest.mark.parametrize("secrets", [True, False])
def test_whoever_may_get_and_list_may_compare(
    edge: Cluster, space: str, reader: Callable[..., Cluster], secrets: bool
) -> None:
    """In one namespace, with the role that ships; without the right to Secrets these are not compared, the rest is."""
    made = moved(plan(web(Env=["DB_PASSWORD=hunter2-of-mine"]), target=Target(version=(1, 36))), space)
    apply(edge, made)
    narrow = reader(secrets=secrets)
    found = diff_plan(made, narrow, hmac_key=KEY)
    assert told(found) == []
    assert found.compared == len(made.objects) + (1 if secrets else 0)
    assert any(line.startswith("1 Secret: ") for line in found.uncompared) is not secrets
    with pytest.raises(PodliftError) as caught:
        diff_plan(moved(made, "default"), narrow, hmac_key=KEY)
    assert caught.value.code == "cluster-forbidden"
    assert "podlift explain --roles" in str(caught.value.next_step)


def test_another_cluster_is_refused(edge: Cluster, space: str) -> None:
    """By the identity that the target names."""
    made = replace(moved(plan(web()), space), target={"identity": "0000"})
    with pytest.raises(PodliftError) as caught:
        diff_plan(made, edge)
    assert caught.value.code == "wrong-cluster"


def test_the_command(cluster: GivenCluster, edge: Cluster, space: str, tmp_path: Path) -> None:
    """Head, sections and exit codes; a cluster that cannot be reached leaves the other sides compared."""
    from tests.plan_directories import podlift
    from tests.plans import inspect_file

    (tmp_path / "target.yaml").write_text(json.dumps({"version": "1.36", "namespace": space}), encoding="utf-8")
    file = inspect_file(tmp_path, web(Env=["DB_PASSWORD=hunter2-of-mine"]))
    done = podlift("plan", str(file), "--target", "target.yaml", "--out", "plan", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    reach = ["--context", cluster.context]
    reach += ["--kubeconfig", str(cluster.kubeconfig)] if cluster.kubeconfig else []
    done = podlift("diff", "plan", *reach, cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    assert f"Cluster {cluster.context}, {edge.version()}." in done.stdout
    assert "+ Deployment/web" in done.stdout
    assert "hunter2" not in done.stdout
    assert (tmp_path / ".podlift" / "hmac.key").stat().st_mode & 0o777 == 0o600
    done = podlift("diff", "plan", "--against", "cluster", "--against", "plan", "--context", "nobody", cwd=tmp_path)
    assert done.returncode == 2
    assert "Not compared with cluster: " in done.stdout
    assert "compared with plan " in done.stdout

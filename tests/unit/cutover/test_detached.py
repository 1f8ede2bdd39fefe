"""A run that is left to the cluster: what is made there, what is refused before, and why no pod begins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

import kubernetes_validate
import pytest
import yaml

from converters.errors import PodliftError
from converters.objects.context import WORKLOAD
from migrate.cli.cutover.keep import command as keep
from migrate.cluster import Cluster
from migrate.cutover.connecting import hosts_of
from migrate.cutover.cutover import Attached, Cutover
from migrate.cutover.detached import FOLDER, Detachment, called, check_reach, deployment, deployment_name
from migrate.cutover.detaching import awaited, check_detachment
from migrate.cutover.rights import rights_of_a_run
from migrate.cutover.run import Original, Spec
from tests.cutover.model import SPACE, Model, ended, error
from tests.plans import plan, web

LEASE = {"metadata": {"name": "cutover-web-keeper", "uid": "u1"}}
BY = Detachment(image="registry.example/podlift:1", secret="engines")
SSH = {"url": "ssh://deploy@ams1", "address": "203.0.113.11"}


@pytest.fixture
def spec() -> Spec:
    made = Model(legacy=2).spec()
    slow = Original(host="h1", id="c1", name="web-1", stop_s=90)
    return replace(made, originals=(made.originals[0], slow), hosts={"h0": SSH, "h1": SSH})


def pod_of(spec: Spec, by: Detachment = BY) -> dict[str, Any]:
    pod: dict[str, Any] = deployment(spec, by, LEASE)["spec"]["template"]["spec"]
    return pod


@pytest.mark.parametrize("secret", ["", "engines"])
def test_an_api_server_takes_it(spec: Spec, secret: str) -> None:
    sent = replace(spec, parity={"requests": [{"headers": {"authorization": "Bearer ${TOKEN}"}}]} if secret else {})
    made = deployment(sent, replace(BY, secret=secret), LEASE)
    kubernetes_validate.validate(made, "1.34", strict=True)


def test_never_two_at_a_time_and_no_caller_is_led_there(spec: Spec) -> None:
    made = deployment(spec, BY, LEASE)
    assert (made["spec"]["replicas"], made["spec"]["strategy"]) == (1, {"type": "Recreate"})
    labels = made["spec"]["template"]["metadata"]["labels"]
    assert WORKLOAD not in labels
    assert made["spec"]["selector"]["matchLabels"].items() <= labels.items()
    # as long as the longest stop and a hook take
    assert pod_of(spec)["terminationGracePeriodSeconds"] == 90 + spec.timings.hook_timeout_s


def test_no_stop_without_an_end_is_waited_for(spec: Spec) -> None:
    made = replace(spec, originals=tuple(replace(each, stop_s=-1) for each in spec.originals))
    assert pod_of(made)["terminationGracePeriodSeconds"] == spec.timings.hook_timeout_s


def test_it_goes_with_the_keepers_lease(spec: Spec) -> None:
    (owner,) = deployment(spec, BY, LEASE)["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["uid"]) == ("Lease", "cutover-web-keeper", "u1")


@pytest.mark.parametrize("secret", ["", "engines"])
def test_it_runs_a_command_that_there_is(spec: Spec, secret: str) -> None:
    (container,) = pod_of(spec, replace(BY, secret=secret))["containers"]
    assert container["args"][:2] == ["cutover", "keep"]
    given = keep.make_context("keep", container["args"][2:]).params
    assert (given["workload"], given["namespace"], given["drive"]) == (spec.name, spec.namespace, True)
    assert given["files"] == (Path(FOLDER) if secret else None)


def test_the_roles_that_are_asked_for_allow_what_a_run_does() -> None:
    rules = [
        rule
        for name in ("podlift-cutover", "podlift-target")
        for rule in yaml.safe_load((files("migrate") / "cluster" / "roles" / f"{name}.yaml").read_text())["rules"]
    ]
    kinds = ("HorizontalPodAutoscaler", "PodDisruptionBudget", "Ingress", "HTTPRoute", "Endpoints")
    for right in rights_of_a_run("shop", kinds=kinds):
        assert any(
            right.group in rule.get("apiGroups", ())
            and right.plural in rule.get("resources", ())
            and right.verb in rule["verbs"]
            for rule in rules
        ), right


def test_what_the_secret_holds_is_found_by_name(spec: Spec) -> None:
    """Files beside each other in one folder, wherever they lie here; variables that are sent, and no other key."""
    tls = {"url": "tcp://ams2:2376", "ca": "/home/me/tls/ca.pem", "cert": "tls/ams2.pem", "key": "tls/ams2.key"}
    gates = ({"name": "rate", "prometheus": {"headers": {"x-scope": "${SCOPE}"}}},)
    sent = replace(spec, hosts={"h0": SSH, "h1": tls}, gates=gates)
    pod = pod_of(sent)
    (volume,) = [each for each in pod["volumes"] if "secret" in each]
    assert volume["secret"] == {"secretName": "engines", "defaultMode": 0o440}
    (container,) = pod["containers"]
    (mount,) = [each for each in container["volumeMounts"] if each["name"] == volume["name"]]
    assert (mount["mountPath"], mount["readOnly"]) == (FOLDER, True)
    assert [each["name"] for each in container["env"]] == ["SCOPE"]
    assert container["env"][0]["valueFrom"] == {"secretKeyRef": {"name": "engines", "key": "SCOPE"}}
    plain, found = hosts_of(sent.hosts, files=Path(FOLDER))
    assert (plain.entry.ca, plain.entry.cert, plain.entry.key) == ("", "", "")
    assert (found.entry.ca, found.entry.cert) == (f"{FOLDER}/ca.pem", f"{FOLDER}/ams2.pem")
    assert found.entry.key == f"{FOLDER}/ams2.key"


TLS = {"url": "tcp://ams2:2376", "ca": "a/ca.pem"}
REFUSED: Mapping[str, tuple[dict[str, Any], Detachment, str]] = {
    "socket": ({"h0": {"url": "unix:///run/docker.sock"}}, BY, "is an engine of this machine alone"),
    "tunnel": ({"h0": {"url": "tcp://127.0.0.1:2375"}}, BY, "is an engine of this machine alone"),
    "name of itself": ({"h0": {"url": "ssh://localhost"}}, BY, "is an engine of this machine alone"),
    "nothing": ({"h0": {"address": "203.0.113.1"}}, BY, "it has no URL"),
    "context": ({"h0": {"url": "context://ams1"}}, BY, "is a Docker context of this machine"),
    "certificates of the environment": ({"h0": {"url": "tcp://ams1:2376"}}, BY, "are found by DOCKER_CERT_PATH"),
    "ssh without its key": ({"h0": SSH}, replace(BY, secret=""), "whose key a pod has not"),
    "tls without its files": ({"h0": TLS}, replace(BY, secret=""), "a pod has it not"),
    "one name twice": ({"h0": TLS, "h1": {**TLS, "ca": "b/ca.pem"}}, BY, "a/ca.pem and b/ca.pem have the same name"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_a_pod_would_not_reach_is_refused(spec: Spec, case: str) -> None:
    hosts, by, said = REFUSED[case]
    environment = {"DOCKER_CERT_PATH": "/home/me/certs"}
    with pytest.raises(PodliftError) as caught:
        check_reach(replace(spec, hosts=hosts), by, environment)
    assert caught.value.code == "detach-refused"
    assert said in caught.value.reason


def test_a_value_that_is_sent_needs_the_secret(spec: Spec) -> None:
    parity = {"requests": [{"headers": {"authorization": "Bearer ${TOKEN}"}}]}
    bare = replace(spec, hosts={"h0": {"url": "tcp://ams1:2375"}}, parity=parity)
    with pytest.raises(PodliftError, match=r"\$\{TOKEN\}"):
        check_reach(bare, replace(BY, secret=""), {})
    check_reach(bare, BY, {})


def test_what_is_started_has_to_be_in_the_image(spec: Spec) -> None:
    hosts: dict[str, dict[str, Any]] = {
        "h0": {**SSH, "exec": "ssh"},
        "h1": {**SSH, "exec": ["sudo", "nsenter"]},
        "h2": {**SSH, "exec": "container"},
        "h3": {**SSH, "exec": "doas -n"},
    }
    gates = ({"name": "slo", "command": {"argv": ["check-slo", "web"]}}, {"name": "up", "webhook": {}})
    nodes: dict[str, dict[str, Any]] = {
        "n0": {"probe": ["ssh", "n0", "podlift-probe"]},
        "n1": {"probe": ["/opt/probe"]},
        "*": {"image": "probe:1"},
    }
    hooks = {"freeze": ("hooks/scheduler", "freeze"), "front": ()}
    assert called(replace(spec, hooks=hooks, gates=gates, hosts=hosts, nodes=nodes)) == (
        ("hooks/scheduler", "hook freeze"),
        ("check-slo", "gate slo"),
        ("sudo", "exec of host h1"),
        ("doas", "exec of host h3"),
        ("/opt/probe", "probe of node n1"),
    )


class Asked:
    """A cluster that is asked before. ``denied``: rights of this user; ``lacking``: of the account."""

    def __init__(self, *, secret: tuple[str, ...] | None = (), account: bool = True) -> None:
        self.denied: set[str] = set()
        self.lacking: set[str] = set()
        self.secret = secret
        self.account = account
        self.reviewed: list[tuple[str, str]] = []

    def can(self, verb: str, _group: str, plural: str, _namespace: str = "") -> bool:
        return f"{verb} {plural}" not in self.denied

    def account_can(self, account: tuple[str, str], verb: str, _group: str, plural: str, _namespace: str) -> bool:
        self.reviewed.append(account)
        return f"{verb} {plural}" not in self.lacking

    def get(self, _version: str, kind: str, _namespace: str, name: str) -> dict[str, Any] | None:
        assert f"get {kind.lower()}s" not in self.denied
        if kind == "Secret":
            return None if self.secret is None else {"data": dict.fromkeys(self.secret, "")}
        return {"metadata": {"name": name}} if self.account else None


def asked(spec: Spec, cluster: Asked) -> None:
    check_detachment(cast("Cluster", cluster), spec, BY)


def test_all_is_there(spec: Spec) -> None:
    cluster = Asked()
    asked(spec, cluster)
    assert set(cluster.reviewed) == {(SPACE, "podlift")}


def test_what_is_missing_is_said_before_anything_is_written(spec: Spec) -> None:
    denied, lacking = Asked(), Asked()
    denied.denied.add("create deployments")
    lacking.lacking.add("create endpointslices")
    cases = {
        "you may not create deployments.apps": denied,
        "it is not there, and podlift's pod would be it": Asked(account=False),
        "it may not create endpointslices.discovery.k8s.io in namespace shop": lacking,
        "it is not there": Asked(secret=None),
        "it holds no ca.pem, which the run needs": Asked(secret=("key.pem",)),
    }
    for said, cluster in cases.items():
        with pytest.raises(PodliftError) as caught:
            asked(replace(spec, hosts={"h0": TLS} if "ca.pem" in said else spec.hosts), cluster)
        assert caught.value.code == "detach-refused"
        assert said in caught.value.reason


def test_what_may_not_be_read_is_left_to_the_pod(spec: Spec) -> None:
    cluster = Asked(secret=None, account=False)
    cluster.denied |= {"get secrets", "get serviceaccounts", "create subjectaccessreviews"}
    asked(spec, cluster)
    assert not cluster.reviewed


class Detached:
    """The model's world, with what a Deployment of podlift shows. ``pods``: of it; ``log``: of their last."""

    def __init__(self, world: Model) -> None:
        self.world = world
        self.made: list[dict[str, Any]] = []
        self.pods: list[dict[str, Any]] = []
        self.log: str | None = ""
        self.refuses: PodliftError | None = None

    def can(self, *_right: str) -> bool:
        return True

    def account_can(self, *_right: Any) -> bool:
        return True

    def get(self, version: str, kind: str, namespace: str, name: str) -> dict[str, Any] | None:
        if kind in ("Secret", "ServiceAccount"):
            return {"data": {}}
        return self.world.get(version, kind, namespace, name)

    def list(self, version: str, kind: str, namespace: str | None = None, *, labels: str = "") -> Iterator[Any]:
        if kind == "Pod" and labels.startswith("podlift.dev/run="):
            return iter(self.pods)
        return self.world.list(version, kind, namespace, labels=labels)

    def apply(self, obj: dict[str, Any], *, manager: str) -> dict[str, Any]:
        assert manager == "podlift-cutover"
        if self.refuses:
            raise self.refuses
        self.made.append(obj)
        return obj

    def raw(self, path: str) -> str | None:
        assert path.endswith("/pods/p1/log?previous=true&tailLines=5")
        return self.log

    def __getattr__(self, name: str) -> Any:
        return getattr(self.world, name)


@pytest.fixture
def world() -> Model:
    made = Model()
    made.begin(hosts={"h0": SSH})
    return made


def as_pod(world: Model, spec: Spec) -> Any:
    """Who drives it there: what ``keep --drive`` is."""
    lock = world.lock(f"podlift@{deployment_name(spec)}-6f7-x2x:1:abc")
    return world.lone_keeper(lock.holder, driver=lambda: world.driver_of(lock) if lock.attempt() else None)


def test_left_to_the_cluster_it_is_driven_to_the_end_there(world: Model) -> None:
    """A run that paused here goes on there; and it takes the Lease away at its end, with which the Deployment goes."""
    cluster = Detached(world)
    here = world.driver("me@here:1:a", interrupted=lambda: True)
    here.drive()
    entry = world.journal.read()
    assert entry is not None
    assert entry.run.paused
    attached = Attached(cast("Cluster", cluster), SPACE, "web", clock=world)
    with pytest.raises(PodliftError, match="no pod of it drives the run after 120 s: there is none"):
        attached.detach(BY)
    (made,) = cluster.made
    lease = world.get("coordination.k8s.io/v1", "Lease", SPACE, "cutover-web-keeper")
    assert lease is not None
    assert made["metadata"]["ownerReferences"][0]["uid"] == lease["metadata"]["uid"]
    assert world.get("coordination.k8s.io/v1", "Lease", SPACE, "cutover-web") is None, "the pod may begin"
    events = as_pod(world, entry.spec).events()
    for _ in events:
        if world.state == "BRIDGED":
            break
    assert awaited(cast("Cluster", cluster), entry.spec, world).startswith("podlift@cutover-web-")
    for _ in events:
        if world.state == "STOPPED":
            world.journal.ask(lambda before: replace(before, finalize=True))
            break
    list(events)
    assert ended(world)
    assert world.state == "FINALIZED"
    assert world.get("coordination.k8s.io/v1", "Lease", SPACE, "cutover-web-keeper") is None
    assert awaited(cast("Cluster", cluster), entry.spec, world) == ""
    with pytest.raises(PodliftError, match="the run has ended: FINALIZED"):
        attached.detach(BY)


def test_what_cannot_be_left_there_does_not_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    world = Model()
    cluster = Detached(world)
    cluster.refuses = error("webhook-failed", "Deployment/cutover-web-run1")
    cutover = Cutover(plan(web()), "web", cluster=cast("Cluster", cluster), hosts=(), clock=world)
    monkeypatch.setattr(cutover, "check", lambda: world.spec(hosts={"h0": SSH}))
    monkeypatch.setattr(cutover, "detachable", lambda _by: None)
    with pytest.raises(PodliftError, match="webhook-failed"):
        cutover.detach(BY)
    assert world.state == "ROLLED_BACK"
    assert not [key for key in world.store if key[0] == "Lease"]
    entry = world.journal.read()
    assert entry is not None
    assert entry.history[-1]["text"] == "it could not be left to the cluster"


WAITS = {"state": {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}}}
CRASHES = {"restartCount": 2, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}
UNMOUNTED = {"type": "PodScheduled", "status": "False", "message": "0/2 nodes are available"}


@pytest.mark.parametrize(
    ("status", "log", "said"),
    [
        ({"containerStatuses": [WAITS]}, "", "ImagePullBackOff: Back-off pulling image"),
        ({"containerStatuses": [CRASHES]}, "error: no\nnext: yes\n", "error: no; next: yes"),
        ({"containerStatuses": [CRASHES]}, None, "it ends, and its log may not be read"),
        ({"conditions": [UNMOUNTED]}, "", "0/2 nodes are available"),
        ({"phase": "Pending"}, "", "it is Pending"),
    ],
)
def test_why_no_pod_begins_is_told(world: Model, status: dict[str, Any], log: str | None, said: str) -> None:
    cluster = Detached(world)
    cluster.pods = [{"metadata": {"name": "p1"}, "status": status}]
    cluster.log = log
    entry = world.journal.read()
    assert entry is not None
    with pytest.raises(PodliftError) as caught:
        awaited(cast("Cluster", cluster), entry.spec, world, limit_s=3)
    assert caught.value.code == "detach-silent"
    assert caught.value.reason == f"no pod of it drives the run after 3 s: {said}"

"""The Kubernetes edge before a real API server, with and without faults: each ends in one error that helps."""

from __future__ import annotations

import json
import threading
import time
import uuid
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from converters.conversion import ORDER
from converters.errors import PodliftError
from converters.target import Target
from migrate import Cluster
from migrate.cluster.inventory import read_inventory
from migrate.cluster.pace import Patience
from migrate.cluster.promises import check_target
from migrate.plan.model import jsonable
from tests.cluster_proxy import ClusterProxy, kubeconfig_text
from tests.engine_proxy import CUT, DROP, LOST, RESET, Fault, answer
from tests.lab import cluster as lab
from tests.lab.cluster import GivenCluster
from tests.plans import plan, web

# Waits as short as a test may be; how long the real ones are, tests/unit/cluster says.
HASTY = Patience(new=(0.05,), broken=(0.05, 0.1, 0.2), busy=(0.1, 0.1, 0.1))
ROLES = Path(__file__).parents[2] / "migrate" / "cluster" / "roles"


@pytest.fixture
def edge(cluster: GivenCluster) -> Iterator[Cluster]:
    made = Cluster(cluster.context, cluster.kubeconfig)
    yield made
    made.close()


@pytest.fixture
def namespace(cluster: GivenCluster) -> Iterator[str]:
    name = f"edge-{uuid.uuid4().hex[:8]}"
    cluster.kubectl("create", "namespace", name)
    yield name
    cluster.kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture
def proxied(cluster: GivenCluster, tmp_path: Path) -> Iterator[Callable[..., tuple[ClusterProxy, Cluster]]]:
    """A proxy with a fault before the cluster, and the edge that speaks to it."""
    opened: list[ClusterProxy] = []

    def make(fault: Callable[[str], Fault | None] = lambda _asked: None) -> tuple[ClusterProxy, Cluster]:
        proxy = ClusterProxy(cluster, fault=fault)
        opened.append(proxy.__enter__())
        return proxy, proxy.edge(tmp_path, patience=HASTY)

    yield make
    for each in opened:
        each.__exit__()


def deployment(namespace: str, name: str = "web", **spec: Any) -> dict[str, Any]:
    """One without pods."""
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "web", "image": "web:1"}]}},
            **spec,
        },
    }


def settings(namespace: str, name: str, **data: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace},
        "data": data,
    }


def refused(code: str, work: Callable[[], object]) -> PodliftError:
    """The error, which must be of this code."""
    with pytest.raises(PodliftError) as caught:
        work()
    assert caught.value.code == code, caught.value
    assert caught.value.phase == "cluster"
    return caught.value


def once(fault: Fault, *starts: str) -> Callable[[str], Fault | None]:
    """Fails the first request that begins so."""
    done = threading.Event()

    def decide(asked: str) -> Fault | None:
        if done.is_set() or not asked.startswith(starts):
            return None
        done.set()
        return fault

    return decide


# ---------------------------------------------------------------- what works


def test_what_a_cluster_says_of_itself(edge: Cluster, cluster: GivenCluster) -> None:
    """Version, identity, name and server, as kubectl has them."""
    assert edge.version() == json.loads(cluster.kubectl("version", "-o", "json"))["serverVersion"]["gitVersion"]
    assert edge.identity() == cluster.get("namespace", "kube-system")["metadata"]["uid"]
    assert edge.name == cluster.context
    assert edge.server.startswith("https://")


def test_an_object_lives_its_life(edge: Cluster, namespace: str) -> None:
    """Applied, read, patched, scaled, watched and deleted; each call is one request."""
    made = edge.apply(deployment(namespace))
    assert (made["spec"]["replicas"], made["metadata"]["managedFields"][0]["manager"]) == (0, "podlift")
    edge.patch("apps/v1", "Deployment", namespace, "web", {"metadata": {"labels": {"a": "b"}}})
    edge.patch("apps/v1", "Deployment", namespace, "web", {"spec": {"replicas": 0}}, subresource="scale")
    found = edge.get("apps/v1", "Deployment", namespace, "web")
    assert found is not None
    assert found["metadata"]["labels"] == {"a": "b"}
    seen = []
    for event, each in edge.watch("apps/v1", "Deployment", namespace, timeout_s=20):
        seen.append((event, each["metadata"].get("name")))
        if event == "ADDED":
            edge.delete("apps/v1", "Deployment", namespace, "web", uid=found["metadata"]["uid"])
        if event == "DELETED":
            break
    assert seen[0] == ("ADDED", "web")
    assert seen[-1] == ("DELETED", "web")
    edge.delete("apps/v1", "Deployment", namespace, "web")
    assert edge.get("apps/v1", "Deployment", namespace, "web") is None
    sent = edge.requests
    assert (sent["patch", "deployments"], sent["get", "deployments"], sent["delete", "deployments"]) == (2, 2, 2)


def test_a_list_takes_as_many_requests_as_pages(edge: Cluster, namespace: str) -> None:
    """And its items say what they are; labels are asked of the server."""
    for number in range(7):
        edge.apply(settings(namespace, f"s{number}"))
    found = list(edge.list("v1", "ConfigMap", namespace, limit=3))
    # kube-root-ca.crt may be there too
    assert {f"s{number}" for number in range(7)} <= {each["metadata"]["name"] for each in found}
    assert {(each["apiVersion"], each["kind"]) for each in found} == {("v1", "ConfigMap")}
    assert edge.requests["list", "configmaps"] == 3
    assert list(edge.list("v1", "ConfigMap", namespace, labels="none=such")) == []


def test_all_namespaces_and_things_without_one(edge: Cluster) -> None:
    """None lists all of them; of what lies in no namespace, none is asked for."""
    assert {"kube-system"} <= {each["metadata"]["namespace"] for each in edge.list("v1", "ConfigMap")}
    assert "kube-system" in {each["metadata"]["name"] for each in edge.list("v1", "Namespace", "ignored")}


def test_a_dry_run_changes_nothing(edge: Cluster, namespace: str) -> None:
    """The server says what would be, defaults and all."""
    would = edge.apply(deployment(namespace), dry_run=True)
    assert would["spec"]["strategy"]["type"] == "RollingUpdate"
    assert edge.get("apps/v1", "Deployment", namespace, "web") is None


def test_what_one_may_do(edge: Cluster, namespace: str) -> None:
    """Asked, not tried."""
    assert edge.can("patch", "apps", "deployments", namespace)


def test_many_threads_share_it(edge: Cluster, namespace: str) -> None:
    """Writes from eight threads at once, each done once."""
    threads = [
        threading.Thread(target=edge.apply, args=(settings(namespace, f"s{number}", a="b"),)) for number in range(8)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert edge.requests["patch", "configmaps"] == 8
    assert len([each for each in edge.list("v1", "ConfigMap", namespace) if each["metadata"]["name"][0] == "s"]) == 8


# ---------------------------------------------------------------- what the server refuses


def test_a_conflict_names_field_and_owner(edge: Cluster, namespace: str) -> None:
    """And is overcome by force alone."""
    edge.apply(deployment(namespace), manager="somebody-else")
    mine = deployment(namespace, replicas=1)
    error = refused("apply-conflict", lambda: edge.apply(mine, dry_run=True))
    assert error.reason == ".spec.replicas is owned by somebody-else"
    assert error.subject == f"Deployment/web in {namespace}"
    assert edge.apply(mine, dry_run=True, force=True)["spec"]["replicas"] == 1


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        ({"metadata": {"namespace": "no-such-place"}}, "namespace-missing", "no such namespace"),
        ({"spec": {"colour": "red"}}, "object-refused", "colour"),
        ({"spec": {"replicas": -1}}, "object-refused", "spec.replicas"),
        ({"kind": "Deploiment"}, "kind-not-served", "has no Deploiment"),
        ({"apiVersion": "apps/v1beta1"}, "kind-not-served", "serves apps in v1 only"),
        ({"apiVersion": "example.com/v1"}, "kind-not-served", "API group example.com"),
    ],
)
def test_an_object_that_cannot_be(edge: Cluster, namespace: str, change: Any, code: str, said: str) -> None:
    """Refused as what it is, with the field or the name."""
    obj = deployment(namespace)
    for key, value in change.items():
        obj[key] = {**obj[key], **value} if isinstance(value, dict) else value
    error = refused(code, lambda: edge.apply(obj))
    assert said in error.reason
    assert error.next_step


def test_an_immutable_field(edge: Cluster, namespace: str) -> None:
    """The object must be made anew, and the error says so."""
    edge.apply(deployment(namespace))
    obj = deployment(namespace)
    obj["spec"]["selector"]["matchLabels"] = obj["spec"]["template"]["metadata"]["labels"] = {"app": "other"}
    error = refused("object-immutable", lambda: edge.apply(obj))
    assert error.reason.startswith("spec.selector")
    assert "delete it" in error.next_step


@pytest.mark.parametrize("size", [1_600_000, 2_200_000, 3_500_000])
def test_an_object_too_large(edge: Cluster, namespace: str, size: int) -> None:
    """For etcd, for the server's own message to etcd, for the server's reader: one error."""
    obj = deployment(namespace)
    obj["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "LARGE", "value": "x" * size}]
    refused("object-too-large", lambda: edge.apply(obj))


def test_a_settings_object_too_large(edge: Cluster, namespace: str) -> None:
    """A ConfigMap has a limit of its own."""
    refused("object-too-large", lambda: edge.apply(settings(namespace, "large", a="x" * 1_100_000)))


def test_a_policy_that_denies(edge: Cluster, cluster: GivenCluster, namespace: str) -> None:
    """With the policy's name and words."""
    name = f"no-latest-{namespace}"
    meta = {"name": name}
    rule = {"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["*"], "resources": ["deployments"]}
    scope = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}}
    cluster.apply(
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicy",
            "metadata": meta,
            "spec": {
                "matchConstraints": {"resourceRules": [rule]},
                "validations": [{"expression": "has(object.metadata.labels)", "message": "say who owns it"}],
            },
        },
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": meta,
            "spec": {"policyName": name, "validationActions": ["Deny"], "matchResources": scope},
        },
    )
    try:
        error = refused("object-denied", lambda: until_refused(lambda: edge.apply(deployment(namespace))))
    finally:
        for kind in ("validatingadmissionpolicybinding", "validatingadmissionpolicy"):
            cluster.kubectl("delete", kind, name)
    assert f"policy {name}" in error.reason
    assert "say who owns it" in error.reason


def test_a_webhook_that_is_not_there(edge: Cluster, cluster: GivenCluster, namespace: str) -> None:
    """With the webhook's name, and that it is not the object's fault."""
    name = f"{namespace}.example.com"
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["*"], "resources": ["configmaps"]}
    cluster.apply(
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": name},
            "webhooks": [
                {
                    "name": name,
                    "clientConfig": {"url": "https://127.0.0.1:9/"},
                    "rules": [rule],
                    "sideEffects": "None",
                    "admissionReviewVersions": ["v1"],
                    "timeoutSeconds": 1,
                    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
                }
            ],
        }
    )
    try:
        error = refused("webhook-failed", lambda: until_refused(lambda: edge.apply(settings(namespace, "s"))))
    finally:
        cluster.kubectl("delete", "validatingwebhookconfiguration", name)
    assert name in error.reason


def until_refused(work: Callable[[], object]) -> None:
    """Admission takes a moment to know of a new rule."""
    for _ in range(100):
        work()
        time.sleep(0.1)


def test_a_namespace_that_ends(edge: Cluster, cluster: GivenCluster) -> None:
    """It takes nothing new, which is not a matter of rights."""
    name = f"edge-{uuid.uuid4().hex[:8]}"
    cluster.kubectl("create", "namespace", name)
    held = settings(name, "held")
    held["metadata"]["finalizers"] = ["example.com/held"]
    edge.apply(held)
    cluster.kubectl("delete", "namespace", name, "--wait=false")
    try:
        error = refused("namespace-ending", lambda: until_refused(lambda: edge.apply(settings(name, "s"))))
    finally:
        cluster.kubectl("patch", "configmap", "held", "-n", name, "-p", '{"metadata":{"finalizers":null}}')
    assert error.subject == name


def test_somebody_was_faster(edge: Cluster, namespace: str) -> None:
    """What is there is not made, what has another UID is not deleted, what is not there is not patched."""
    edge.create(settings(namespace, "s"))
    refused("object-exists", lambda: edge.create(settings(namespace, "s")))
    refused("object-changed", lambda: edge.delete("v1", "ConfigMap", namespace, "s", uid=str(uuid.uuid4())))
    refused("object-missing", lambda: edge.patch("v1", "ConfigMap", namespace, "none", {"data": {}}))


# ---------------------------------------------------------------- who asks


def account(cluster: GivenCluster, namespace: str, name: str = "reader") -> str:
    """A token of a new ServiceAccount."""
    cluster.kubectl("create", "serviceaccount", name, "-n", namespace)
    return cluster.kubectl("create", "token", name, "-n", namespace).strip()


def as_token(cluster: GivenCluster, folder: Path, token: str) -> Cluster:
    """The edge straight to the server, with a token."""
    body = yaml.safe_load(cluster.kubectl("config", "view", "--raw", "--minify"))["clusters"][0]["cluster"]
    file = folder / "token.kubeconfig"
    file.write_text(kubeconfig_text(body["server"], cluster=body, token=token))
    return Cluster(kubeconfig=file, patience=HASTY)


def test_a_token_without_rights(cluster: GivenCluster, namespace: str, tmp_path: Path) -> None:
    """Which verb on which resource where, and the role that would do."""
    edge = as_token(cluster, tmp_path, account(cluster, namespace))
    error = refused("cluster-forbidden", lambda: list(edge.list("apps/v1", "Deployment", namespace)))
    assert f"may not list deployments.apps in namespace {namespace}" in error.reason
    assert f"{namespace}:reader" in error.reason
    assert f"create role podlift --verb=list --resource=deployments.apps -n {namespace}" in error.next_step
    error = refused("cluster-forbidden", lambda: list(edge.list("v1", "Node")))
    assert "clusterrole" in error.next_step
    refused("cluster-forbidden", lambda: edge.apply(settings(namespace, "s")))
    assert edge.identity() == ""
    assert not edge.can("list", "apps", "deployments", namespace)


def test_a_token_that_nobody_issued(cluster: GivenCluster, tmp_path: Path) -> None:
    """Not known, which a person can tell from not allowed."""
    error = refused("cluster-unauthorized", as_token(cluster, tmp_path, "made-up").version)
    assert "does not know the token of user u" in error.reason


def test_a_certificate_that_ended(lab_cluster: lab.Cluster, tmp_path: Path) -> None:
    """It is named, with the day."""
    certificate, key = lab_cluster._authority.issue_late("late", "/O=system:masters/CN=late")
    authority = {"certificate-authority": str(lab_cluster._authority.certificate)}
    file = tmp_path / "late.kubeconfig"
    pair = {"client-certificate": str(certificate), "client-key": str(key)}
    file.write_text(kubeconfig_text(lab_cluster.server, cluster=authority, **pair))
    error = refused("cluster-unauthorized", Cluster(kubeconfig=file).identity)
    assert "the client certificate of user u ended on 20" in error.reason


def test_an_authority_that_is_not_its(cluster: GivenCluster, tmp_path: Path) -> None:
    """TLS is refused by us, and the error says by which setting that is mended."""
    server = Cluster(cluster.context, cluster.kubeconfig).server
    file = tmp_path / "untrusted.kubeconfig"
    file.write_text(kubeconfig_text(server))
    error = refused("cluster-tls", Cluster(kubeconfig=file).version)
    assert "certificate-authority" in error.next_step


def test_a_certificate_that_nobody_is_to_look_at(cluster: GivenCluster, tmp_path: Path) -> None:
    """The kubeconfig says so: nothing is said to it, as kubectl says nothing."""
    body = yaml.safe_load(cluster.kubectl("config", "view", "--raw", "--minify"))
    where = {"insecure-skip-tls-verify": True}
    file = tmp_path / "unverified.kubeconfig"
    file.write_text(
        kubeconfig_text(body["clusters"][0]["cluster"]["server"], cluster=where, **body["users"][0]["user"])
    )
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        assert Cluster(kubeconfig=file).identity()
    assert said == []


def test_the_name_in_the_certificate(cluster: GivenCluster, tmp_path: Path) -> None:
    """Where it is not the URL's, tls-server-name says it."""
    body = yaml.safe_load(cluster.kubectl("config", "view", "--raw", "--minify"))
    file = tmp_path / "named.kubeconfig"

    def named(name: str) -> Cluster:
        where = {**body["clusters"][0]["cluster"], "tls-server-name": name}
        file.write_text(kubeconfig_text(where["server"], cluster=where, **body["users"][0]["user"]))
        return Cluster(kubeconfig=file)

    assert named("kubernetes.default.svc").identity()
    assert "other.example" in refused("cluster-tls", named("other.example").version).reason


# ---------------------------------------------------------------- what breaks

Proxied = Callable[..., tuple[ClusterProxy, Cluster]]


def test_a_server_that_is_not_there(proxied: Proxied) -> None:
    """Never answered: where it was looked for."""
    proxy, edge = proxied()
    proxy.down()
    error = refused("cluster-unreachable", edge.version)
    assert error.reason == f"{proxy.server}: connection refused"


def test_a_server_that_goes_in_the_middle(proxied: Proxied, namespace: str) -> None:
    """It had answered: nothing is claimed, and a rerun finishes."""
    proxy, edge = proxied()
    edge.apply(settings(namespace, "first"))
    proxy.down()
    error = refused("cluster-gone", lambda: edge.apply(settings(namespace, "second")))
    assert "answered before" in error.reason
    assert "run it again" in error.next_step
    proxy.up()
    edge.apply(settings(namespace, "second"))
    assert edge.get("v1", "ConfigMap", namespace, "second")


def test_a_server_that_comes_back_in_time(proxied: Proxied, namespace: str) -> None:
    """A short absence is not noticed."""
    proxy, edge = proxied()
    edge.apply(settings(namespace, "first"))
    proxy.down()
    threading.Timer(0.1, proxy.up).start()
    edge.apply(settings(namespace, "second"))
    assert edge.get("v1", "ConfigMap", namespace, "second")


@pytest.mark.parametrize("fault", [DROP, RESET, LOST, CUT], ids=["dropped", "reset", "lost", "cut"])
@pytest.mark.parametrize("start", ["GET /api/v1/namespaces", "PATCH"])
def test_a_connection_that_breaks_once(proxied: Proxied, namespace: str, fault: Fault, start: str) -> None:
    """What may be sent twice is; the caller sees nothing of it."""
    proxy, edge = proxied(once(fault, start))
    edge.apply(settings(namespace, "s", a="b"))
    assert [each["data"] for each in edge.list("v1", "ConfigMap", namespace) if each["metadata"]["name"] == "s"]
    assert len([each for each in proxy.requests if each.startswith(start)]) == 2


def test_what_may_have_been_done_is_not_sent_twice(proxied: Proxied, namespace: str) -> None:
    """A create whose answer is lost: it was done, it is not tried again, and the error says what is not known."""
    proxy, edge = proxied(once(LOST, "POST"))
    edge.version()
    error = refused("cluster-gone", lambda: edge.create(settings(namespace, "s")))
    assert "whether it was done is not known" in error.reason
    assert len([each for each in proxy.requests if each.startswith("POST")]) == 1
    assert edge.get("v1", "ConfigMap", namespace, "s")


def test_a_list_whose_token_expires(proxied: Proxied, namespace: str) -> None:
    """It is read anew from its first page, and each object comes once."""
    gone = answer(
        410, {"kind": "Status", "code": 410, "reason": "Expired", "message": "The provided continue is too old"}
    )
    fault = once(gone, f"GET /api/v1/namespaces/{namespace}/configmaps?limit=2&continue=")
    proxy, edge = proxied(fault)
    for number in range(5):
        edge.apply(settings(namespace, f"s{number}"))
    before = len(proxy.requests)
    names = [each["metadata"]["name"] for each in edge.list("v1", "ConfigMap", namespace, limit=2)]
    assert [name for name in names if name[0] == "s"] == [f"s{number}" for number in range(5)]
    assert ["continue" in each for each in proxy.requests[before:]][:3] == [False, True, False]


def test_a_list_whose_token_expires_every_time(proxied: Proxied, namespace: str) -> None:
    """Three times, and then it is an error; nothing of the list was given."""
    gone = answer(410, {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"})
    proxy, edge = proxied(lambda asked: gone if "continue=" in asked else None)
    for number in range(3):
        edge.apply(settings(namespace, f"s{number}"))
    refused("list-expired", lambda: next(edge.list("v1", "ConfigMap", namespace, limit=1)))
    assert len([each for each in proxy.requests if "continue=" in each]) == 3


def test_a_version_that_is_too_old_to_watch(proxied: Proxied, namespace: str) -> None:
    """The server says it in the middle of the stream."""
    status = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version"}
    line = json.dumps({"type": "ERROR", "object": status}).encode() + b"\n"
    _, edge = proxied(lambda asked: answer(200, line) if "watch=true" in asked else None)
    refused("list-expired", lambda: list(edge.watch("v1", "ConfigMap", namespace, resource_version="1")))


def test_a_watch_whose_connection_breaks(proxied: Proxied, namespace: str) -> None:
    """The caller is told, and may watch again."""
    proxy, edge = proxied()
    edge.apply(settings(namespace, "s"))

    def follow() -> None:
        for _ in edge.watch("v1", "ConfigMap", namespace, timeout_s=20):
            proxy.down()

    refused("cluster-gone", follow)
    proxy.up()


def test_a_server_that_is_busy(proxied: Proxied, namespace: str) -> None:
    """429 with Retry-After is waited for, and what was refused so was not done: even a create goes again."""
    busy = Fault(b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n")
    proxy, edge = proxied(once(busy, "POST"))
    edge.version()
    began = time.monotonic()
    edge.create(settings(namespace, "s"))
    assert time.monotonic() - began >= 1
    assert len([each for each in proxy.requests if each.startswith("POST")]) == 2


def test_a_server_that_stays_busy(proxied: Proxied, namespace: str) -> None:
    """It ends, and says so."""
    status = {"kind": "Status", "message": "the server is currently unable to handle the request"}
    _, edge = proxied(lambda asked: answer(503, status) if asked.startswith("PATCH") else None)
    error = refused("cluster-busy", lambda: edge.apply(settings(namespace, "s")))
    assert "unable to handle" in error.reason


# ---------------------------------------------------------------- what a target promises


def test_the_target_of_a_cluster(edge: Cluster, cluster: GivenCluster, namespace: str) -> None:
    """What it is and what it has, as far as it shows; and the cluster holds what its own target promises."""
    cluster.kubectl("label", "namespace", namespace, "pod-security.kubernetes.io/enforce=restricted")
    classes = {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": f"fast-{namespace}"},
        "provisioner": "nfs.csi.k8s.io",
    }
    cluster.apply(classes)
    try:
        target = edge.target()
        promised = check_target(plan(web(), target=target), edge)
    finally:
        cluster.kubectl("delete", "storageclass", f"fast-{namespace}")
    assert target.identity == edge.identity()
    assert edge.version().startswith(f"v{target.version[0]}.{target.version[1]}.")
    assert target.pod_security == "restricted"
    assert "ReadWriteMany" in {each.name: each for each in target.storage_classes}[f"fast-{namespace}"].access_modes
    assert promised
    error = refused("target-unmet", lambda: check_target(plan(web(), target=target), edge))
    assert f"storage class fast-{namespace}" in error.reason
    assert not check_target(plan(web(), target=Target()), edge)


def test_another_cluster_is_refused(edge: Cluster) -> None:
    """By its identity, whatever else it has."""
    error = refused("wrong-cluster", lambda: check_target(plan(web(), target=Target(identity="another")), edge))
    assert edge.identity() in error.reason
    assert jsonable(Target(identity="another"))["identity"] == "another"


# ---------------------------------------------------------------- roles


@pytest.fixture
def granted(cluster: GivenCluster, namespace: str, tmp_path: Path) -> Iterator[Callable[..., Cluster]]:
    """The edge of an account that has roles that ship, cluster-wide and nothing else."""
    made: list[tuple[str, str]] = []

    def grant(*roles: str) -> Cluster:
        token = account(cluster, namespace)
        for role in roles:
            rules = yaml.safe_load((ROLES / f"{role}.yaml").read_text())
            # two runs on one cluster stay apart
            rules["metadata"]["name"] = name = f"{role}-{namespace}"
            binding = {
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": "ClusterRoleBinding",
                "metadata": {"name": name},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
                "subjects": [{"kind": "ServiceAccount", "name": "reader", "namespace": namespace}],
            }
            made.extend([("clusterrolebinding", name), ("clusterrole", name)])
            cluster.apply(rules, binding)
        return as_token(cluster, tmp_path, token)

    yield grant
    for kind, name in made:
        cluster.kubectl("delete", kind, name)


# What lies in namespaces: kind to group and plural.
WRITTEN = {
    "ConfigMap": ("", "configmaps"),
    "CronJob": ("batch", "cronjobs"),
    "DaemonSet": ("apps", "daemonsets"),
    "Deployment": ("apps", "deployments"),
    "HTTPRoute": ("gateway.networking.k8s.io", "httproutes"),
    "HorizontalPodAutoscaler": ("autoscaling", "horizontalpodautoscalers"),
    "Ingress": ("networking.k8s.io", "ingresses"),
    "Job": ("batch", "jobs"),
    "NetworkPolicy": ("networking.k8s.io", "networkpolicies"),
    "PersistentVolumeClaim": ("", "persistentvolumeclaims"),
    "PodDisruptionBudget": ("policy", "poddisruptionbudgets"),
    "Secret": ("", "secrets"),
    "Service": ("", "services"),
    "ServiceAccount": ("", "serviceaccounts"),
    "StatefulSet": ("apps", "statefulsets"),
}
ALL_VERBS = {"get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"}
OTHERS = [
    ("create", "", "pods"),
    ("create", "", "pods/exec"),
    ("create", "", "serviceaccounts/token"),
    ("create", "rbac.authorization.k8s.io", "clusterrolebindings"),
    ("delete", "", "namespaces"),
    ("get", "", "pods/exec"),
    ("list", "", "replicationcontrollers"),
    ("list", "rbac.authorization.k8s.io", "roles"),
    ("patch", "", "nodes"),
]


def verbs(edge: Cluster, namespace: str) -> dict[str, set[str]]:
    """What an account may do with each kind."""
    return {
        kind: {verb for verb in ALL_VERBS if edge.can(verb, group, plural, namespace)}
        for kind, (group, plural) in WRITTEN.items()
    }


def test_the_roles_are_held_against_all_kinds() -> None:
    """A kind that comes is a rule that comes. A PersistentVolume is read and never written."""
    assert set(WRITTEN) == set(ORDER) - {"Namespace", "PersistentVolume"}


def test_the_role_for_diff(granted: Callable[..., Cluster], namespace: str) -> None:
    """Lists all kinds that podlift writes, and may do nothing but get and list."""
    edge = granted("podlift-target", "podlift-diff")
    for api_version, kind in (("apps/v1", "Deployment"), ("v1", "Secret"), ("v1", "Pod"), ("batch/v1", "CronJob")):
        list(edge.list(api_version, kind, namespace))
    assert verbs(edge, namespace) == {kind: {"get", "list"} for kind in WRITTEN}
    assert [each for each in OTHERS if edge.can(*each, namespace)] == []
    refused("cluster-forbidden", lambda: edge.apply(deployment(namespace), dry_run=True))


def test_the_role_for_reading_a_target(granted: Callable[..., Cluster], edge: Cluster) -> None:
    """It reads all that an administrator reads, and checks all that a target may promise."""
    bound = granted("podlift-target")
    found = read_inventory(bound)
    assert found.unread == ()
    assert found.target == edge.target()
    unread: list[str] = []
    assert check_target(plan(web(), target=found.target), bound, on_unread=unread.append)
    assert unread == []
    refused("cluster-forbidden", lambda: list(bound.list("v1", "ConfigMap")))


def test_the_role_for_apply(granted: Callable[..., Cluster], namespace: str) -> None:
    """Makes and changes all kinds that podlift writes, and deletes none."""
    edge = granted("podlift-apply")
    edge.apply(deployment(namespace))
    edge.apply(deployment(namespace, paused=True))
    edge.apply(settings(namespace, "s"))
    assert verbs(edge, namespace) == {kind: {"get", "list", "create", "patch"} for kind in WRITTEN}
    assert [each for each in OTHERS if edge.can(*each, namespace)] == []


def test_without_roles_a_target_is_what_anybody_sees(cluster: GivenCluster, namespace: str, tmp_path: Path) -> None:
    """Version and API groups; the rest is listed as not read, and a plan with an identity is held against nothing."""
    edge = as_token(cluster, tmp_path, account(cluster, namespace))
    found = read_inventory(edge)
    assert {"get namespaces/kube-system", "list storageclasses.storage.k8s.io", "list nodes"} <= set(found.unread)
    assert (found.target.identity, found.target.pod_security) == ("", "baseline")
    refused("cluster-forbidden", lambda: check_target(plan(web(), target=Target(identity="x")), edge))
    unread: list[str] = []
    promised = Target(nodes={"ams1": "node-a"})
    assert not check_target(plan(web(), target=promised), edge, on_unread=unread.append)
    assert any("list nodes" in each for each in unread)

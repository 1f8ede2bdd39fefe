"""A plan meets a cluster: another is refused, and so is one that lacks what the target promises."""

from __future__ import annotations

from typing import Any

import pytest

from converters.errors import PodliftError
from converters.target import Site, StorageClass, Target
from migrate.cluster.inventory import LEVEL_LABEL
from migrate.cluster.promises import check_target
from tests.plans import plan, web
from tests.unit.cluster.clusters import KnownCluster, made


def check(target: Target, cluster: KnownCluster, unread: list[str] | None = None) -> bool:
    on_unread = None if unread is None else unread.append
    return check_target(plan(web(), target=target), cluster, on_unread=on_unread)  # type: ignore[arg-type]


def refused(target: Target, cluster: KnownCluster) -> PodliftError:
    with pytest.raises(PodliftError) as caught:
        check(target, cluster)
    assert caught.value.subject == "context prod"
    return caught.value


PROMISES = Target(
    identity="uid-1",
    version=(1, 34),
    gates=frozenset({"ImageVolume"}),
    storage_classes=(StorageClass(name="fast"),),
    pod_security="baseline",
    crds=frozenset({"gateway.networking.k8s.io"}),
    ingress_class="nginx",
    gateway="infra/public",
    runtime_classes={"runsc": "gvisor"},
    nodes={"ams1": "node-a"},
    sites=(Site(name="ams", node_labels={"zone": "ams"}),),
    stated=True,
)
HAS: dict[str, Any] = {
    "StorageClass": [made("fast")],
    "IngressClass": [made("nginx")],
    "Gateway": [made("public", namespace="infra")],
    "RuntimeClass": [made("gvisor")],
    "Node": [made("node-a", labels={"zone": "ams", "more": "labels"})],
    "Namespace": [made("default", labels={LEVEL_LABEL: "baseline"})],
}
GROUPS = {"gateway.networking.k8s.io": ("v1",)}
METRICS = 'kubernetes_feature_enabled{name="ImageVolume",stage="BETA"} 1\n'


def test_all_is_kept() -> None:
    """The plan's own cluster, with all that it promised; it may be newer, and have more."""
    assert check(PROMISES, KnownCluster(HAS, groups=GROUPS, metrics=METRICS))


def test_nothing_is_promised() -> None:
    """A target that names no cluster is held against any, and the caller is told so."""
    assert check(Target(), KnownCluster()) is False


def test_all_is_lacking() -> None:
    """In one error, so that a person mends it in one go."""
    strict = [made("default", labels={LEVEL_LABEL: "restricted"})]
    cluster = KnownCluster({"Namespace": strict}, version="v1.33.9")
    error = refused(PROMISES, cluster)
    assert error.code == "target-unmet"
    for said in (
        "Kubernetes 1.34: it is v1.33.9",
        "API group gateway.networking.k8s.io",
        "feature gate ImageVolume",
        "storage class fast",
        "ingress class nginx",
        "RuntimeClass gvisor",
        "node node-a",
        "a node of site ams (zone=ams)",
        "pod security baseline: namespace default enforces restricted",
    ):
        assert said in error.reason
    # its group is named, and that is enough
    assert "Gateway infra" not in error.reason


def test_a_gateway_that_is_not_there() -> None:
    """Though its CRD is."""
    cluster = KnownCluster({**HAS, "Gateway": []}, groups=GROUPS, metrics=METRICS)
    assert "Gateway infra/public" in refused(PROMISES, cluster).reason


def test_another_cluster() -> None:
    """Before anything else is looked at: what it lacks does not matter."""
    error = refused(PROMISES, KnownCluster(identity="uid-2", version="v1.20.0"))
    assert error.code == "wrong-cluster"
    assert "uid-2" in error.reason
    assert "uid-1" in error.reason


def test_a_cluster_that_hides_which_it_is() -> None:
    """A target that names one is held against no other, so it must be known."""
    error = refused(PROMISES, KnownCluster(identity=""))
    assert error.code == "cluster-forbidden"
    assert "kube-system" in error.reason


def test_what_may_not_be_looked_at() -> None:
    """It is no reason to refuse, and the caller is told."""
    unread: list[str] = []
    hidden = ("StorageClass", "IngressClass", "Node", "RuntimeClass", "Namespace", "/metrics")
    assert check(PROMISES, KnownCluster({"Gateway": HAS["Gateway"]}, groups=GROUPS, hidden=hidden), unread)
    kinds = ("StorageClass", "IngressClass", "RuntimeClass", "Node", "Namespace")
    assert unread == ["may not get /metrics, where feature gates stand", *(f"may not list {kind}" for kind in kinds)]


@pytest.mark.parametrize(
    ("promised", "enforced", "kept"),
    [
        ("privileged", "baseline", False),
        ("restricted", "restricted", True),
        ("baseline", "privileged", True),
        ("privileged", "", True),
    ],
)
def test_pod_security(promised: str, enforced: str, kept: bool) -> None:
    """A namespace may enforce less than was promised, and not more."""
    labels = {LEVEL_LABEL: enforced} if enforced else {}
    cluster = KnownCluster({"Namespace": [made("default", labels=labels)]})
    target = Target(pod_security=promised)
    if kept:
        assert not check(target, cluster)
    else:
        assert "pod security privileged: namespace default enforces baseline" in refused(target, cluster).reason

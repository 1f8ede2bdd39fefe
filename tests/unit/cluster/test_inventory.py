"""What a cluster shows becomes a target, and the file that says it is read as that target again."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import pytest

from converters import objects
from converters.target import StorageClass, Target
from migrate.cluster.inventory import GATES, LEVEL_LABEL, Inventory, read_inventory, version_of
from migrate.cluster.target_draft import target_text
from migrate.target_file import load_target
from tests.unit.cluster.clusters import KnownCluster, made

DEFAULT = {"storageclass.kubernetes.io/is-default-class": "true"}
METRICS = """\
# TYPE kubernetes_feature_enabled gauge
kubernetes_feature_enabled{name="ImageVolume",stage="BETA"} 1
kubernetes_feature_enabled{name="ProcMountType",stage=""} 0
kubernetes_feature_enabled{name="UnrelatedGate",stage=""} 1
"""


def read(objects: Any = None, **more: Any) -> Inventory:
    return read_inventory(KnownCluster(objects, **more))  # type: ignore[arg-type]


def notes(found: Inventory) -> dict[str, str]:
    return dict(found.notes)


def test_a_whole_cluster(tmp_path: Path) -> None:
    """Everything that is visible, and the draft brings it back to the letter."""
    found = read(
        {
            "StorageClass": [
                made("slow", provisioner="example.com/unknown"),
                made("fast", provisioner="ebs.csi.aws.com", annotations=DEFAULT),
            ],
            "Namespace": [made("shop", labels={LEVEL_LABEL: "baseline"}), made("kube-system")],
            "IngressClass": [made("nginx")],
            "Gateway": [made("public", namespace="infra")],
            "ValidatingWebhookConfiguration": [made("owners")],
            "ValidatingAdmissionPolicy": [made("no-latest")],
            "RuntimeClass": [made("gvisor", handler="runsc")],
            "Node": [made("n1", labels={"topology.kubernetes.io/zone": "ams"})],
        },
        groups={"gateway.networking.k8s.io": ("v1",), "metrics.k8s.io": ("v1beta1",)},
        metrics=METRICS,
    )
    assert found.target == Target(
        identity="uid-1",
        version=(1, 36),
        gates=frozenset({"ImageVolume"}),
        storage_classes=(
            StorageClass(name="fast", access_modes=("ReadWriteOnce", "ReadWriteOncePod"), default=True),
            StorageClass(name="slow"),
        ),
        pod_security="baseline",
        crds=frozenset({"gateway.networking.k8s.io", "metrics.k8s.io"}),
        ingress_class="nginx",
        gateway="infra/public",
        stated=True,
    )
    assert (found.assumed, found.unread) == (frozenset({"slow"}), ())
    text = target_text(found, context="prod")
    (tmp_path / "target.yaml").write_text(text)
    assert load_target(tmp_path / "target.yaml") == found.target
    for said in ("owners", "no-latest", "gvisor", "ams", "Nothing shows how volumes of slow", "v1.36.3"):
        assert said in text


def test_an_empty_cluster(tmp_path: Path) -> None:
    """A draft of it can be loaded too, and what only its user knows stands in it as comments that hold good."""
    found = read(identity="")
    assert found.target == Target(version=(1, 36), pod_security="privileged", stated=True)
    assert found.unread == ("get namespaces/kube-system",)
    text = target_text(found, context="prod")
    assert "identity:" not in text
    (tmp_path / "target.yaml").write_text(text)
    assert load_target(tmp_path / "target.yaml") == found.target
    yours = text.partition("yours to say")[2].splitlines()
    lines = [line.removeprefix("# ") for line in yours if line.startswith("# ") and line[2].islower()]
    (tmp_path / "target.yaml").write_text(text + "\n".join(lines) + "\n")
    filled = load_target(tmp_path / "target.yaml")
    assert (filled.namespace, filled.sites[0].name, filled.pull_secrets) == ("{group}", "ams", ("registry",))


def test_what_may_not_be_read() -> None:
    """It is listed and left at its default: nothing is claimed of it."""
    found = read(hidden=("StorageClass", "Namespace", "Node", "/metrics"))
    assert found.target.pod_security == Target().pod_security
    assert set(found.unread) == {
        "list storageclasses.storage.k8s.io", "list namespaces", "list nodes", "get /metrics",
    }  # fmt: skip
    assert "list namespaces" in target_text(found, context="prod")


@pytest.mark.parametrize(
    ("levels", "level"),
    [
        ({}, "privileged"),
        ({"a": "baseline", "b": "restricted"}, "restricted"),
        ({"a": "baseline", "kube-system": "restricted"}, "baseline"),
        ({"a": "nonsense"}, "privileged"),
    ],
)
def test_the_strictest_level_counts(levels: dict[str, str], level: str) -> None:
    """Of namespaces that are not the system's."""
    found = read({"Namespace": [made(name, labels={LEVEL_LABEL: each}) for name, each in levels.items()]})
    assert found.target.pod_security == level


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("v1.33.4-gke.1006000", (1, 33)),
        ("v1.31.0+rke2r1", (1, 31)),
        ("1.35", (1, 35)),
        ("v1.99.0", (1, 37)),
        ("v1.20.1", (1, 31)),
    ],
)
def test_versions(said: str, version: tuple[int, int]) -> None:
    """As distributions write them; one that podlift does not know becomes the nearest, which is said."""
    found = read(version=said)
    assert found.target.version == version
    assert ("version" in notes(found)) is (version_of(said) != version)


@pytest.mark.parametrize(
    ("provisioner", "shown", "modes"),
    [
        ("rook-ceph.cephfs.csi.ceph.com", (), ("ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod")),
        ("rancher.io/local-path", (), ("ReadWriteOnce",)),
        ("example.com/unknown", ("ReadWriteMany",), ("ReadWriteMany",)),
        ("rancher.io/local-path", ("ReadWriteMany",), ("ReadWriteOnce", "ReadWriteMany")),
    ],
)
def test_access_modes(provisioner: str, shown: tuple[str, ...], modes: tuple[str, ...]) -> None:
    """Of known provisioners, and of volumes of the class that exist; another class's volumes say nothing."""
    volumes = [made("v", spec={"storageClassName": "c", "accessModes": list(shown)})] if shown else []
    volumes.append(made("w", spec={"storageClassName": "other", "accessModes": ["ReadOnlyMany"]}))
    found = read({"StorageClass": [made("c", provisioner=provisioner)], "PersistentVolume": volumes})
    assert found.target.storage_classes == (StorageClass(name="c", access_modes=modes),)
    assert not found.assumed


def test_one_default_of_several(tmp_path: Path) -> None:
    """The one made last counts, as for Kubernetes itself; a target file takes one."""
    classes = [made(name, provisioner="p", annotations=DEFAULT) for name in ("a", "b", "c")]
    for each, day in zip(classes, ("02", "03", "01"), strict=True):
        each["metadata"]["creationTimestamp"] = f"2026-01-{day}T00:00:00Z"
    found = read({"StorageClass": classes})
    assert [each.name for each in found.target.storage_classes if each.default] == ["b"]
    (tmp_path / "target.yaml").write_text(target_text(found, context="prod"))
    load_target(tmp_path / "target.yaml")


def test_several_ways_in() -> None:
    """Of several Ingress classes the default, and none without one; of several Gateways none: they are named."""
    default = {"ingressclass.kubernetes.io/is-default-class": "true"}
    both = {"IngressClass": [made("a"), made("b", annotations=default)]}
    assert read(both).target.ingress_class == "b"
    found = read(
        {"IngressClass": [made("a"), made("b")], "Gateway": [made("x", namespace="i"), made("y", namespace="i")]},
        groups={"gateway.networking.k8s.io": ("v1",)},
    )
    assert (found.target.ingress_class, found.target.gateway) == ("", "")
    text = target_text(found, context="prod")
    assert "There are a, b." in text
    assert "There are i/x, i/y." in text


def test_names_cannot_leave_their_comment(tmp_path: Path) -> None:
    """A context may be called anything."""
    text = target_text(read(), context="a\nexposure: {'*': LoadBalancer}")
    (tmp_path / "target.yaml").write_text(text)
    assert load_target(tmp_path / "target.yaml").exposure == ()


def test_the_gates_that_are_looked_for() -> None:
    """Each that a conversion knows by a name of its own, and the one that it spells out."""
    modules = [import_module(f"converters.objects.{each.name}") for each in iter_modules(objects.__path__)]
    named = {value for module in modules for name, value in vars(module).items() if name.endswith("_GATE")}
    assert named | {"ProcMountType"} == set(GATES)

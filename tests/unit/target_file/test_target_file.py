"""target.yaml to a Target."""

from __future__ import annotations

from pathlib import Path

import pytest

from converters.errors import PodliftError
from converters.target import Exposure, Site, StorageClass, Target
from migrate.target_file import load_target


def target(folder: Path, text: str) -> Target:
    file = folder / "target.yaml"
    file.write_text(text)
    return load_target(file)


EVERYTHING = """\
schema: podlift.dev/target/v1
identity: 0f3e9f5c-5a2e-4e44-93f8-137ef5c7f8bd
version: "1.34"
gates: [InPlacePodVerticalScaling]
storageClasses: [{name: fast, accessModes: [ReadWriteOnce, ReadWriteMany], default: true}, {name: slow}]
podSecurity: restricted
crds: [gateway.networking.k8s.io]
ingressClass: nginx
gateway: infra/public
unsafeSysctls: ["net.core.*"]
namespace: "{group}"
writeNamespaces: true
sites: {ams: {topology.kubernetes.io/zone: a}, syd: {topology.kubernetes.io/zone: s}}
hostLabels: {disk: example.com/disk}
nodes: {ams1: node-1}
exposure: {"80": LoadBalancer, "web:443/tcp": route}
images: {reg.example/: mirror.example/}
pullSecrets: [pull]
metrics: {source: prometheus-adapter, requests: "rate({service})", latency: "p{percentile}"}
requests: {cpu: 250m, memory: 64Mi}
shares: proportional
isolation: networkpolicy
gpuResource: amd.com/gpu
runtimeClasses: {runsc: gvisor}
logDrivers: [json-file]
"""


def test_every_key_reaches_the_target(tmp_path: Path) -> None:
    """Each key of the file sets one attribute, and none keeps its default."""
    found = target(tmp_path, EVERYTHING)
    assert found.version == (1, 34)
    assert found.storage_classes == (
        StorageClass(name="fast", access_modes=("ReadWriteOnce", "ReadWriteMany"), default=True),
        StorageClass(name="slow"),
    )
    assert found.sites[1] == Site(name="syd", node_labels={"topology.kubernetes.io/zone": "s"})
    assert found.exposure == (
        Exposure(match="80", become="LoadBalancer"),
        Exposure(match="web:443/tcp", become="route"),
    )
    assert (found.cpu_request_m, found.memory_request_bytes) == (250, 64 * 1024 * 1024)
    unset = {
        name
        for name in Target.__dataclass_fields__
        if getattr(found, name) == getattr(Target(), name) and name != "merge_sites"
    }
    assert unset == set()


def test_two_ways_to_write_lists(tmp_path: Path) -> None:
    """Storage classes as a map by name, exposure as a list of rules."""
    found = target(
        tmp_path,
        'storageClasses: {fast: {accessModes: [ReadWriteMany]}}\nexposure: [{match: "*", become: NodePort}]\n',
    )
    assert found.storage_classes == (StorageClass(name="fast", access_modes=("ReadWriteMany",)),)
    assert found.exposure == (Exposure(match="*", become="NodePort"),)
    assert found.stated


@pytest.mark.parametrize(
    ("text", "where", "reason"),
    [
        ("podSecurty: baseline\n", ":1 podSecurty", "did you mean podSecurity?"),
        ("version: 1.30\n", ":1 version", "a text is due, and 1.3 stands here"),
        ('version: "1.30"\n', ":1 version", "1.31 to 1.37"),
        ('version: "two"\n', ":1 version", "'two' is not what is due here"),
        ("namespace: a\npodSecurity: strict\n", ":2 podSecurity", "restricted"),
        ("storageClasses:\n- {name: a, accessModes: [RWO]}\n", ":2 storageClasses[0].accessModes[0]", "ReadWriteOnce"),
        ("storageClasses: [{name: a, default: true}, {name: b, default: true}]\n", ":1 storageClasses", "a and b"),
        ("exposure: {80: loadbalancer}\n", ":1 exposure.80", "LoadBalancer"),
        ("requests: {cpu: lots}\n", ":1 requests.cpu", "an amount of CPU"),
        ("sites: {ams: {zone: a}}\nmergeSites: true\n", ":2 mergeSites", "keep one"),
        ("gateway: public\n", ":1 gateway", "NAMESPACE/NAME"),
        ("writeNamespaces: maybe\n", ":1 writeNamespaces", "true or false is due"),
        ("sites: [ams]\n", ":1 sites", "a map is due, and a list"),
        ("namespace: a\nnamespace: b\n", ":2", "stands twice"),
        ("namespace: A B\n", ":1 namespace", "'A B' is not what is due here"),
        ("pullSecrets: [A B]\n", ":1 pullSecrets[0]", "'A B' is not what is due here"),
        ("hostLabels: {disk: a b}\n", ":1 hostLabels.disk", "the key of a node label"),
        ("sites: {ams: {'bad key': a}}\n", ":1 sites.ams.bad key", "'bad key' is no key"),
        ("sites: {ams: {zone: a b}}\n", ":1 sites.ams.zone", "a label's value"),
        ("storageClasses: [{name: Local SSD}]\n", ":1 storageClasses[0].name", "the class's name"),
        ("runtimeClasses: {runc: '!'}\n", ":1 runtimeClasses.runc", "a RuntimeClass"),
        ("ingressClass: A B\n", ":1 ingressClass", "IngressClass"),
        ("images: {docker.io/: mirror example/}\n", ":1 images.docker.io/", "a prefix"),
    ],
)
def test_a_wrong_target_is_refused(tmp_path: Path, text: str, where: str, reason: str) -> None:
    """With file, line, key and what would be right."""
    with pytest.raises(PodliftError) as caught:
        target(tmp_path, text)
    assert caught.value.subject.endswith(f"target.yaml{where}")
    assert reason in f"{caught.value.reason} {caught.value.next_step}"

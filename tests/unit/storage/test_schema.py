"""What is made of mounts of every kind passes the strict schemas, and none of them goes unsaid."""

from __future__ import annotations

from dataclasses import replace

import kubernetes_validate
import pytest

from converters.fields.verdict import Level
from converters.target import NEWEST_VERSION, OLDEST_VERSION, Target
from converters.workload import Mount, MountKind
from tests.storage import a_box, a_mount, store

ANSWERS = {
    "bind": "hostPath", "secret-mount": "secret:tls", "mount-unsupported": "old", "volume-cifs": "share",
    "anonymous-volume-data": "1Gi", "volume-driver": "2Gi",
}  # fmt: skip


def mounts() -> tuple[Mount, ...]:
    every = (
        a_mount(MountKind.BIND, "/bind", read_only=True, file=False),
        a_mount(MountKind.TMPFS, "/tmpfs", size_bytes=100),
        a_mount(MountKind.VOLUME, "/volume", size_bytes=1 << 30, content=True, options={"subpath": "a"}),
        a_mount(MountKind.VOLUME, "/nfs", source="n", driver_options={"type": "nfs", "device": "a:/b", "o": "ro"}),
        a_mount(MountKind.VOLUME, "/cifs", source="c", driver_options={"type": "cifs", "device": "//a/b"}),
        a_mount(MountKind.VOLUME, "/driver", source="d", driver="flocker"),
        a_mount(MountKind.ANONYMOUS, "/var/lib/db"),
        a_mount(MountKind.IMAGE, "/image", source="assets:1"),
        a_mount(MountKind.SECRET, "/run/secrets/key", source="key", mode=0o400),
        a_mount(MountKind.NPIPE, "/pipe", source="p"),
    )
    return tuple(replace(m, origins=(replace(m.origins[0], path=f"mount {m.target}"),)) for m in every)


@pytest.mark.parametrize("version", [OLDEST_VERSION, NEWEST_VERSION])
def test_mounts_of_every_kind_are_legal(version: tuple[int, int]) -> None:
    """Pod and claims with everything at once; each mount has its verdict and its place."""
    target = Target(version=version, pod_security="privileged", gates=frozenset({"ImageVolume"}))
    made = store(boxes=(a_box(*mounts(), shm_bytes=1 << 30),), target=target, answers=ANSWERS)
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web"},
        "spec": {
            "initContainers": made.storage.init_containers,
            "containers": [{"name": "web", "image": "a", "volumeMounts": made.storage.mounts["web"]}],
            "volumes": made.storage.volumes,
        },
    }
    for obj in (pod, *made.storage.claims):
        kubernetes_validate.validate(obj, f"{version[0]}.{version[1]}", strict=True)
    assert len(made.storage.claims) == 3
    assert [m["name"] for m in made.storage.mounts["web"]] == [v["name"] for v in made.storage.volumes]
    assert {source.path for source in made.ledger.covered()} >= {f"mount {m.target}" for m in mounts()}


def test_no_mount_goes_unsaid_while_it_is_open() -> None:
    """Without an answer each has a question or a verdict."""
    made = store(*mounts())
    said = {v.source.path: v.level for v in made.ledger.verdicts() if v.source is not None}
    assert said.keys() >= {f"mount {m.target}" for m in mounts()}
    assert said["mount /bind"] is Level.UNDECIDED

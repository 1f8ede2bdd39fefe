"""Host paths, drivers, secrets, images and what the engine copies into empty volumes."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from converters.errors import PodliftError
from converters.target import Target
from converters.workload import MountKind
from tests.storage import OPEN, RWX, a_box, a_mount, store

BIND = MountKind.BIND


def test_a_host_path_is_asked_about() -> None:
    """Nobody else knows what it is for."""
    made = store(a_mount(BIND, "/site"))
    assert made.ledger.blocked() == ("bind",)
    assert made.said() == "undecided bind"
    assert made.storage.mounts == {}


@pytest.mark.parametrize(
    ("file", "source", "options", "kind"),
    [
        (True, "/srv/a", {}, "File"),
        (False, "/srv/a", {}, "Directory"),
        (None, "/srv/a", {}, ""),
        (None, "/run/a.sock", {}, "Socket"),
        (None, "/srv/a", {"create-mountpoint": "true"}, "DirectoryOrCreate"),
    ],
)
def test_a_host_path_has_the_type_that_is_known(
    file: bool | None, source: str, options: dict[str, str], kind: str
) -> None:
    """The kubelet checks it before it mounts."""
    mount = a_mount(BIND, "/site", source=source, file=file, options=options)
    made = store(mount, answers={"bind": "hostPath"}, target=OPEN)
    assert made.volume == {"hostPath": {"path": source, "type": kind}}
    assert made.said() == "approximated bind"


def test_a_host_path_is_no_answer_where_the_target_refuses_it() -> None:
    """The API server would refuse the pods."""
    made = store(a_mount(BIND, "/site"), answers={"bind": "hostPath"})
    assert made.ledger.blocked() == ("pod-security",)
    assert made.storage.volumes == []
    dropped = store(a_mount(BIND, "/site"), answers={"bind": "hostPath", "pod-security": "drop"})
    assert dropped.said() == "dropped pod-security"


@pytest.mark.parametrize(
    ("answer", "volume", "mount"),
    [
        ("emptyDir", {"emptyDir": {}}, {}),
        ("configmap:site", {"configMap": {"name": "site"}}, {"readOnly": True}),
        ("configmap:site/app.ini", {"configMap": {"name": "site"}}, {"readOnly": True, "subPath": "app.ini"}),
        ("secret:site", {"secret": {"secretName": "site"}}, {"readOnly": True}),
        ("claim:site", {"persistentVolumeClaim": {"claimName": "site"}}, {}),
        ("nfs:10.0.0.1:/export", {"nfs": {"server": "10.0.0.1", "path": "/export"}}, {}),
        ("nfs:[2001:db8::1]:/export", {"nfs": {"server": "2001:db8::1", "path": "/export"}}, {}),
        ("pvc:5Gi", {"persistentVolumeClaim": {"claimName": "web-site"}}, {}),
    ],
)
def test_what_a_host_path_can_become(answer: str, volume: dict[str, Any], mount: dict[str, Any]) -> None:
    """Each option of the question."""
    made = store(a_mount(BIND, "/site"), answers={"bind": answer})
    assert made.volume == volume
    assert made.mount == {"mountPath": "/site", **mount}
    assert made.said() == "approximated bind"
    assert made.verdict("mount").decided


def test_a_host_path_can_be_left_out() -> None:
    """Then nothing is mounted."""
    made = store(a_mount(BIND, "/site"), answers={"bind": "drop"})
    assert made.said() == "dropped bind"
    assert made.storage.mounts == {}


@pytest.mark.parametrize(
    "answer", ["configmap:", "configmap:Not_A_Name", "configmap:a/..", "nfs:server", "something", "pvc:12parsecs"]
)
def test_an_answer_that_is_no_option_is_refused(answer: str) -> None:
    """With what to answer instead."""
    with pytest.raises(PodliftError):
        store(a_mount(BIND, "/site"), answers={"bind": answer})


def test_a_file_becomes_one_key() -> None:
    """By its own name; such a mount never changes in a running pod."""
    mount = a_mount(BIND, "/etc/app/app.ini", source="/srv/conf/app.ini", file=True)
    made = store(mount, answers={"bind": "configmap:conf"})
    assert made.mount["subPath"] == "app.ini"
    assert "never changes" in made.why()


def test_a_new_claim_for_a_host_path_is_written_by_one() -> None:
    """A single instance with data is replaced, not doubled."""
    assert store(a_mount(BIND, "/site"), answers={"bind": "pvc:5Gi"}).storage.single_writer
    assert store(a_mount(BIND, "/site"), answers={"bind": "claim:site"}).storage.single_writer
    assert store(a_mount(BIND, "/site"), answers={"bind": "nfs:a:/b"}).storage.single_writer
    assert not store(a_mount(BIND, "/site", read_only=True), answers={"bind": "claim:site"}).storage.single_writer
    assert not store(a_mount(BIND, "/site"), answers={"bind": "claim:site"}, replicas=2).storage.single_writer


@pytest.mark.parametrize("source", ["/etc/localtime", "/etc/timezone", "/etc/hosts", "/etc/resolv.conf/"])
def test_host_files_that_a_pod_has_by_itself_are_left_out(source: str) -> None:
    """Each with the reason."""
    made = store(a_mount(BIND, source.rstrip("/"), source=source, read_only=True))
    assert made.said() == "dropped bind-known"
    assert made.storage.mounts == {}


def test_the_time_zone_stays_where_the_target_admits_it() -> None:
    """There the node's file is what the host's was."""
    made = store(a_mount(BIND, "/etc/localtime", source="/etc/localtime", read_only=True, file=True), target=OPEN)
    assert made.volume["hostPath"]["path"] == "/etc/localtime"
    assert made.said() == "approximated bind-known"


@pytest.mark.parametrize("source", ["/", "/proc", "/sys/fs/cgroup", "/dev/snd", "/lib/modules"])
def test_the_hosts_own_trees_are_the_nodes(source: str) -> None:
    """Without a question, where the target admits them; else the pod's security level is the question."""
    mount = a_mount(BIND, "/host", source=source, read_only=True)
    made = store(mount, target=OPEN)
    assert made.volume["hostPath"]["path"] == source
    assert made.said() == "approximated bind-known"
    assert not made.storage.single_writer
    assert store(mount).ledger.blocked() == ("pod-security",)


@pytest.mark.parametrize(
    ("source", "word"),
    [
        ("/var/run/docker.sock", "socket"),
        ("/run/containerd/containerd.sock", "socket"),
        ("/var/lib/docker/containers", "engine's own data"),
        ("/var/log", "logs"),
        ("/etc/ssl/certs", "certificates"),
    ],
)
def test_paths_that_mean_something_else_on_a_node_are_asked_about(source: str, word: str) -> None:
    """With what is known of them."""
    made = store(a_mount(BIND, "/x", source=source), target=OPEN)
    assert made.said() == "undecided bind"
    assert word in made.why()


def test_a_path_beside_a_known_one_is_not_known() -> None:
    """Names are compared by whole parts."""
    assert "a path of the host" in store(a_mount(BIND, "/x", source="/var/logistics")).why()
    assert "a path of the host" in store(a_mount(BIND, "/x", source="/etc/hosts.d")).why()


def test_the_hosts_shared_memory_is_the_pods_own() -> None:
    """Memory all the same."""
    made = store(a_mount(BIND, "/dev/shm", source="/dev/shm"))
    assert made.volume == {"emptyDir": {"medium": "Memory"}}
    assert made.said() == "approximated bind-known"


def test_a_decision_wins_over_what_is_known() -> None:
    """Whoever answers knows more."""
    made = store(a_mount(BIND, "/etc/hosts", source="/etc/hosts"), answers={"bind": "configmap:hosts/hosts"})
    assert made.volume == {"configMap": {"name": "hosts"}}


@pytest.mark.parametrize(
    ("asked", "privileged", "made"),
    [
        ("rshared", True, "Bidirectional"),
        ("rshared", False, "HostToContainer"),
        ("rslave", False, "HostToContainer"),
        ("", False, None),
    ],
)
def test_propagation_of_host_paths(asked: str, privileged: bool, made: str | None) -> None:
    """The API server takes the two-way kind of privileged containers only."""
    options = {"propagation": asked} if asked else {}
    box = a_box(a_mount(BIND, "/x", options=options), privileged=privileged)
    found = store(boxes=(box,), answers={"bind": "hostPath"}, target=OPEN)
    assert found.mount.get("mountPropagation") == made
    assert ("not privileged" in found.why()) is (asked == "rshared" and not privileged)


@pytest.mark.parametrize(
    ("options", "version", "recursive"),
    [
        ({}, (1, 31), "IfPossible"),
        ({"read-only-force-recursive": "true"}, (1, 31), "Enabled"),
        ({"read-only-non-recursive": "true"}, (1, 31), None),
        ({}, (1, 30), None),
        ({"propagation": "rslave"}, (1, 31), None),
    ],
)
def test_read_only_reaches_mounts_below(options: dict[str, str], version: tuple[int, int], recursive: str) -> None:
    """As with engines since 25, where the target knows it and nothing propagates."""
    mount = a_mount(BIND, "/x", read_only=True, options=options)
    target = Target(pod_security="privileged", version=version)
    made = store(mount, answers={"bind": "hostPath"}, target=target)
    assert made.mount.get("recursiveReadOnly") == recursive
    assert made.mount["readOnly"] is True


def test_options_of_a_bind_that_do_nothing_are_named() -> None:
    """Relabelling is not done on host paths."""
    made = store(a_mount(BIND, "/x", options={"Z": "true"}), answers={"bind": "hostPath"}, target=OPEN)
    assert "not set on a host path" in made.why()


def test_a_volume_that_is_a_host_path_is_a_bind() -> None:
    """The local driver can do no more than bind."""
    mount = a_mount(driver_options={"type": "none", "o": "bind,ro", "device": "/srv/data"})
    assert store(mount).said() == "undecided bind"
    made = store(mount, answers={"bind": "hostPath"}, target=OPEN)
    assert made.volume["hostPath"]["path"] == "/srv/data"
    assert made.mount["readOnly"] is True


@pytest.mark.parametrize(
    ("options", "server", "said"),
    [
        ({"type": "nfs", "o": "addr=10.0.0.1,rw", "device": ":/export"}, "10.0.0.1", "exact volume-nfs"),
        ({"type": "nfs4", "o": "nfsvers=4.1", "device": "10.0.0.2:/export"}, "10.0.0.2", "approximated volume-nfs"),
    ],
)
def test_a_volume_on_nfs_is_that_export(options: dict[str, str], server: str, said: str) -> None:
    """Mount options are the node's, and named."""
    made = store(a_mount(driver_options=options))
    assert made.volume == {"nfs": {"server": server, "path": "/export"}}
    assert made.said() == said


def test_a_restricted_target_refuses_nfs() -> None:
    """Its pods may mount claims only."""
    mount = a_mount(driver_options={"type": "nfs", "o": "addr=10.0.0.1", "device": ":/export"}, read_only=True)
    assert store(mount, target=Target(pod_security="restricted")).ledger.blocked() == ("pod-security",)
    assert store(mount).volume["nfs"]["readOnly"] is True


def test_an_nfs_volume_without_a_server_is_a_driver_of_its_own() -> None:
    """Nothing is made up."""
    assert store(a_mount(driver_options={"type": "nfs", "device": ":/export"})).said() == "undecided volume-driver"


def test_a_volume_of_type_tmpfs_is_memory() -> None:
    """With the size that its options name."""
    made = store(a_mount(driver_options={"type": "tmpfs", "o": "size=100m,uid=1000", "device": "tmpfs"}))
    assert made.volume == {"emptyDir": {"medium": "Memory", "sizeLimit": "100Mi"}}


def test_a_volume_on_cifs_needs_a_claim() -> None:
    """By its name."""
    mount = a_mount(driver_options={"type": "cifs", "device": "//10.0.0.1/x"})
    assert store(mount).ledger.blocked() == ("volume-cifs",)
    made = store(mount, answers={"volume-cifs": "share"})
    assert made.volume == {"persistentVolumeClaim": {"claimName": "share"}}


@pytest.mark.parametrize(
    ("answer", "volume"),
    [
        ("emptyDir", {"emptyDir": {}}),
        ("10Gi", {"persistentVolumeClaim": {"claimName": "web-data"}}),
        ("old-claim", {"persistentVolumeClaim": {"claimName": "old-claim"}}),
    ],
)
def test_a_volume_of_a_foreign_driver(answer: str, volume: dict[str, Any]) -> None:
    """Is what the user says."""
    mount = a_mount(driver="flocker", driver_options={"profile": "gold"}, content=False)
    assert store(mount).ledger.blocked() == ("volume-driver",)
    made = store(mount, answers={"volume-driver": answer})
    assert made.volume == volume
    assert made.said() == "approximated volume-driver"


def test_an_anonymous_volume_of_a_foreign_driver_is_asked_about() -> None:
    """It may hold data somewhere."""
    assert store(a_mount(MountKind.ANONYMOUS, driver="flocker")).said() == "undecided volume-driver"


def test_an_image_is_a_volume_where_the_target_knows_it() -> None:
    """By version or by gate; else it is asked about."""
    mount = a_mount(MountKind.IMAGE, source="assets:1", options={"subpath": "www"})
    assert store(mount).ledger.blocked() == ("mount-unsupported",)
    for target in (Target(version=(1, 35)), Target(version=(1, 33), gates=frozenset({"ImageVolume"}))):
        made = store(mount, target=target)
        assert made.volume == {"image": {"reference": "docker.io/library/assets:1", "pullPolicy": "IfNotPresent"}}
        assert made.mount == {"mountPath": "/data", "readOnly": True, "subPath": "www"}
        assert made.said() == "approximated mount-image"
    pinned = store(a_mount(MountKind.IMAGE, source="r.example/a@sha256:" + "b" * 64), target=Target(version=(1, 36)))
    assert pinned.said() == "exact mount-image"


@pytest.mark.parametrize("kind", [MountKind.NPIPE, MountKind.CLUSTER])
def test_kinds_without_a_counterpart(kind: MountKind) -> None:
    """Are left out, or an existing claim, as decided."""
    mount = a_mount(kind, source="x")
    assert store(mount).ledger.blocked() == ("mount-unsupported",)
    assert store(mount, answers={"mount-unsupported": "drop"}).said() == "dropped mount-unsupported"
    assert store(mount, answers={"mount-unsupported": "site"}).volume == {
        "persistentVolumeClaim": {"claimName": "site"}
    }


@pytest.mark.parametrize("kind", [MountKind.SECRET, MountKind.CONFIG])
def test_a_secret_file_of_the_old_scheduler(kind: MountKind) -> None:
    """Is a key of an existing object, with the mode it had."""
    mount = a_mount(kind, "/run/secrets/tls.key", source="tls.key", mode=0o400)
    assert store(mount).ledger.blocked() == ("secret-mount",)
    made = store(mount, answers={"secret-mount": "secret:tls"})
    assert made.volume == {"secret": {"secretName": "tls", "defaultMode": 0o400}}
    assert made.mount == {"mountPath": "/run/secrets/tls.key", "readOnly": True, "subPath": "tls.key"}
    assert store(mount, answers={"secret-mount": "configmap:tls/key"}).mount["subPath"] == "key"
    assert store(mount, answers={"secret-mount": "drop"}).said() == "dropped secret-mount"
    assert store(mount, answers={"secret-mount": "tls"}).said() == "undecided secret-mount"


def test_an_empty_volume_is_filled_as_the_engine_fills_it() -> None:
    """From the image, with owners, and only while it is empty."""
    made = store(a_mount(size_bytes=1 << 30, content=True))
    (init,) = made.storage.init_containers
    assert init["name"] == "copy-up-data"
    assert init["image"].startswith("reg.example/web@sha256:")
    assert init["command"][-2:] == ["/data", "/podlift/copy-up"]
    assert init["volumeMounts"] == [{"name": "data", "mountPath": "/podlift/copy-up"}]
    assert init["securityContext"]["runAsUser"] == 0
    assert made.said() == "approximated copy-up"
    assert "Deployment/web:spec.template.spec.initContainers[copy-up-data]" in made.verdict("mount").targets


def test_a_restricted_target_copies_as_the_containers_user() -> None:
    """Root is refused there."""
    box = a_box(a_mount(size_bytes=1 << 30, content=True), user="1000")
    made = store(boxes=(box,), target=Target(pod_security="restricted"))
    (init,) = made.storage.init_containers
    assert init["securityContext"]["runAsUser"] == 1000
    assert init["securityContext"]["runAsNonRoot"] is True
    assert "add" not in init["securityContext"]["capabilities"]


def test_what_the_image_has_there_may_not_be_known() -> None:
    """Then the volume starts empty for now; either answer settles it."""
    mount = a_mount(size_bytes=1 << 30)
    asked = store(mount)
    assert asked.said() == "undecided copy-up-unclear"
    assert asked.ledger.blocked() == ()
    assert asked.storage.init_containers == []
    assert len(store(mount, answers={"copy-up-unclear": "copy"}).storage.init_containers) == 1
    settled = store(mount, answers={"copy-up-unclear": "no-copy"})
    assert settled.said() == "approximated volume"
    assert settled.storage.init_containers == []


def test_a_blocking_question_is_not_hidden_by_a_smaller_one() -> None:
    """Of two questions about one mount, the one that withholds the workload comes first."""
    assert store(a_mount()).said() == "undecided volume-size"


def test_nothing_is_copied_into_what_holds_data_already() -> None:
    """An existing claim, a host path, and nocopy."""
    for made in (
        store(a_mount(content=True, driver="x"), answers={"volume-driver": "old"}),
        store(a_mount(content=True, size_bytes=1 << 30, options={"nocopy": "true"})),
        store(a_mount(BIND, content=True), answers={"bind": "emptyDir"}),
    ):
        assert made.storage.init_containers == []


def test_shared_claims_are_filled_once_a_pod() -> None:
    """The first container that has the files fills it."""
    boxes = (
        a_box(a_mount(size_bytes=1 << 30, content=None, path="one"), name="web"),
        a_box(a_mount(target="/in", content=True, path="two", size_bytes=1 << 30), name="side"),
    )
    made = store(boxes=boxes, target=Target(storage_classes=(RWX,)), replicas=2)
    (init,) = made.storage.init_containers
    assert init["command"][-2] == "/in"


def test_the_copying_keeps_what_is_there(tmp_path: Path) -> None:
    """The script as it runs: files come over, hidden ones too; a volume with content stays, lost+found is none."""
    image, empty, used = tmp_path / "image", tmp_path / "empty", tmp_path / "used"
    for folder in (image, empty / "lost+found", used):
        folder.mkdir(parents=True)
    (image / "a").write_text("new")
    (image / ".hidden").write_text("")
    (used / ".b").write_text("old")
    (init,) = store(a_mount(size_bytes=1 << 30, content=True)).storage.init_containers
    for volume in (empty, used):
        subprocess.run([*init["command"][:-2], str(image), str(volume)], check=True)
    assert sorted(p.name for p in empty.iterdir()) == [".hidden", "a", "lost+found"]
    assert [p.name for p in used.iterdir()] == [".b"]

"""Memory, named and anonymous volumes."""

from __future__ import annotations

import pytest

from converters.errors import PodliftError
from converters.target import Target
from converters.workload import Controller, Instance, MountKind, Scaling, SiteCount
from tests.storage import RWO, RWX, a_box, a_mount, store
from tests.workloads import atom


def test_a_tmpfs_is_memory_of_the_same_size() -> None:
    """Its size becomes the limit; that it is kept over restarts is said."""
    made = store(a_mount(MountKind.TMPFS, "/run", size_bytes=64 << 20))
    assert made.volume == {"emptyDir": {"medium": "Memory", "sizeLimit": "64Mi"}}
    assert made.mount == {"mountPath": "/run"}
    assert made.said() == "approximated tmpfs"
    assert made.verdict("mount").targets == (
        "Deployment/web:spec.template.spec.volumes[run]",
        "Deployment/web:spec.template.spec.containers[web].volumeMounts[/run]",
    )


def test_what_an_empty_dir_cannot_say_of_a_tmpfs_is_said_in_the_verdict() -> None:
    """Mode, relative size and ownership have no counterpart."""
    made = store(
        a_mount(
            MountKind.TMPFS, "/run", size_bytes=0, mode=0o700, options={"size": "50%", "uid": "7", "noexec": "true"}
        )
    )
    assert made.volume == {"emptyDir": {"medium": "Memory"}}
    for part in ("mode was 700", "50%", "uid=7"):
        assert part in made.why()
    assert "noexec" not in made.why()


@pytest.mark.parametrize("mode", [None, 0o777, 0o1777])
def test_open_modes_need_no_word(mode: int | None) -> None:
    """An emptyDir is open to all, as Docker's default is."""
    assert "mode" not in store(a_mount(MountKind.TMPFS, "/run", mode=mode)).why()


def test_shared_memory_of_its_own_size_is_a_memory_volume() -> None:
    """And counts as it did."""
    made = store(boxes=(a_box(shm_bytes=128 << 20, origins={"shm_bytes": atom("d", "ShmSize")}),))
    assert made.volume == {"emptyDir": {"medium": "Memory", "sizeLimit": "128Mi"}}
    assert made.mount == {"mountPath": "/dev/shm"}
    assert made.said("ShmSize") == "approximated shm-size"
    assert made.why("ShmSize") == "programs can be run from it"


@pytest.mark.parametrize(("size", "mode"), [(64 << 20, ""), (128 << 20, "host")])
def test_shared_memory_that_a_pod_has_anyway_makes_nothing(size: int, mode: str) -> None:
    """The default size, and any beside the host's IPC namespace."""
    made = store(boxes=(a_box(shm_bytes=size, origins={"shm_bytes": atom("d", "ShmSize")}),), ipc_mode=mode)
    assert made.storage.volumes == []
    assert made.said("ShmSize") == "exact shm-size"


def test_a_mount_at_dev_shm_wins_over_its_size() -> None:
    """As in Docker, where a mount replaces the default one."""
    box = a_box(a_mount(MountKind.TMPFS, "/dev/shm/"), shm_bytes=128 << 20, origins={"shm_bytes": atom("d", "ShmSize")})
    made = store(boxes=(box,))
    assert len(made.storage.volumes) == 1
    assert made.said("ShmSize") == "dropped mount-twice"


def test_containers_that_share_ipc_share_dev_shm() -> None:
    """One volume as large as the largest asks for."""
    boxes = (
        a_box(name="web", shm_bytes=128 << 20, origins={"shm_bytes": atom("d", "small")}),
        a_box(name="side", shm_bytes=256 << 20, origins={"shm_bytes": atom("d", "large")}),
    )
    made = store(boxes=boxes, ipc_mode="shared")
    assert made.volume == {"emptyDir": {"medium": "Memory", "sizeLimit": "256Mi"}}
    assert {name: mounts[0]["name"] for name, mounts in made.storage.mounts.items()} == {"web": "shm", "side": "shm"}
    assert made.said("small") == "approximated shm-size"
    assert made.said("large") == "approximated shm-size"
    assert len(store(boxes=boxes).storage.volumes) == 2


def test_the_size_of_a_claim_is_never_guessed() -> None:
    """Without one the workload is withheld."""
    made = store(a_mount())
    assert made.ledger.blocked() == ("volume-size",)
    assert made.storage.claims == []
    assert made.storage.volumes == []


def test_a_measured_volume_is_a_claim() -> None:
    """Rounded up to whole mebibytes; with a single writer, since a disk is mounted on one node."""
    made = store(a_mount(size_bytes=(5 << 30) + 1, content=False), instances=(Instance(name="web", host="ams-1"),))
    assert made.claim["spec"] == {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "5121Mi"}},
    }
    assert made.claim["metadata"]["name"] == "web-data"
    assert made.claim["metadata"]["labels"]["podlift.dev/workload"] == "web"
    assert made.volume == {"persistentVolumeClaim": {"claimName": "web-data"}}
    assert made.storage.single_writer
    assert made.said() == "approximated volume"
    assert "ams-1" in made.why()
    assert "PersistentVolumeClaim/web-data:spec" in made.verdict("mount").targets


def test_a_decided_size_wins_over_a_measured_one() -> None:
    """The user knows how it grows."""
    made = store(a_mount(size_bytes=1), answers={"volume-size": "10Gi"})
    assert made.claim["spec"]["resources"]["requests"]["storage"] == "10Gi"
    assert made.verdict("mount").decided


def test_a_volume_may_become_scratch_space() -> None:
    """Where the user says that its content may go."""
    made = store(a_mount(content=False), answers={"volume-size": "emptyDir"})
    assert made.volume == {"emptyDir": {}}
    assert made.storage.claims == []
    assert not made.storage.single_writer


@pytest.mark.parametrize("size", ["10", "1Ki"])
def test_a_size_too_small_is_refused(size: str) -> None:
    """Most likely a unit was forgotten."""
    with pytest.raises(PodliftError, match="too small"):
        store(a_mount(), answers={"volume-size": size})


def test_several_pods_need_a_class_that_many_can_write() -> None:
    """Which is asked for where the target names none."""
    asked = store(a_mount(size_bytes=1 << 30), replicas=2)
    assert asked.ledger.blocked() == ("volume-access",)
    made = store(a_mount(size_bytes=1 << 30), replicas=2, target=Target(storage_classes=(RWO, RWX)))
    assert made.claim["spec"]["accessModes"] == ["ReadWriteMany"]
    assert made.claim["spec"]["storageClassName"] == "files"
    assert not made.storage.single_writer


@pytest.mark.parametrize(("answer", "single"), [("ReadWriteMany", False), ("ReadWriteOnce", True)])
def test_access_can_be_decided(answer: str, single: bool) -> None:
    """One that only one node can mount makes rollouts replace pods one after the other."""
    made = store(a_mount(size_bytes=1 << 30), replicas=2, answers={"volume-access": answer})
    assert made.claim["spec"]["accessModes"] == [answer]
    assert made.storage.single_writer is single


def test_what_else_makes_several_pods() -> None:
    """A daemon set, autoscaling, and a controller for each site."""
    scaling = Scaling(max=(SiteCount(site="", count=3),))
    for made in (
        store(a_mount(size_bytes=1 << 30), controller=Controller.DAEMONSET),
        store(a_mount(size_bytes=1 << 30), scaling=scaling),
        store(a_mount(size_bytes=1 << 30), pods=("Deployment/web-a:spec.template", "Deployment/web-b:spec.template")),
    ):
        assert made.ledger.blocked() == ("volume-access",)


def test_a_default_class_is_preferred_where_it_can() -> None:
    """Else the first that offers the access; a target whose classes offer it not is asked about."""
    assert (
        store(a_mount(size_bytes=1 << 30), target=Target(storage_classes=(RWX, RWO))).claim["spec"]["storageClassName"]
        == "disks"
    )
    assert store(a_mount(size_bytes=1 << 30), target=Target(storage_classes=(RWX,))).ledger.blocked() == (
        "volume-access",
    )


def test_a_stateful_set_gives_each_pod_a_claim() -> None:
    """By a template; no pod volume stands beside it."""
    made = store(
        a_mount(size_bytes=1 << 30, content=False),
        controller=Controller.STATEFULSET,
        replicas=3,
        pods=("StatefulSet/web:spec.template",),
    )
    (template,) = made.storage.claim_templates
    assert template["metadata"]["name"] == "data"
    assert template["spec"]["accessModes"] == ["ReadWriteOnce"]
    assert made.storage.volumes == []
    assert made.storage.claims == []
    assert made.storage.mounts["web"] == [{"name": "data", "mountPath": "/data"}]
    assert not made.storage.single_writer
    assert "StatefulSet/web:spec.volumeClaimTemplates[data]" in made.verdict("mount").targets


def test_workloads_that_share_a_volume_make_one_claim() -> None:
    """It has no workload's label, so that none owns it, and looks the same from each."""
    shared = a_mount(size_bytes=1 << 30, shared_with=("api",), content=False)
    target = Target(storage_classes=(RWX,))
    made = store(shared, target=target)
    assert made.claim["metadata"]["name"] == "data"
    assert made.claim["metadata"]["labels"] == {
        "app.kubernetes.io/managed-by": "podlift",
        "podlift.dev/estate": "default",
        "podlift.dev/shared": "true",
    }
    assert made.claim["metadata"]["annotations"] == {"podlift.dev/shared-by": "api,web"}
    assert made.claim["spec"]["accessModes"] == ["ReadWriteMany"]
    assert "one claim with api" in made.why()
    in_set = store(shared, target=target, controller=Controller.STATEFULSET, pods=("StatefulSet/web:spec.template",))
    assert in_set.storage.claims == made.storage.claims


def test_containers_of_a_pod_share_a_named_volume() -> None:
    """One volume, mounted twice."""
    boxes = (
        a_box(a_mount(size_bytes=1 << 30, path="one"), name="web"),
        a_box(a_mount(target="/in", path="two", read_only=True), name="side"),
    )
    made = store(boxes=boxes)
    assert len(made.storage.claims) == 1
    assert made.storage.mounts["side"] == [{"name": "data", "mountPath": "/in", "readOnly": True}]
    assert {made.verdict("one").code, made.verdict("two").code} == {"copy-up-unclear"}


def test_labels_and_options_of_a_mount_are_kept_or_named() -> None:
    """Labels as annotations of the claim, the sub path in the mount, the rest in the verdict."""
    options = {"label:team": "edge", "subpath": "web", "consistency": "cached", "z": "true", "nocopy": "true"}
    made = store(a_mount(size_bytes=1 << 30, options=options))
    assert made.claim["metadata"]["annotations"]["team"] == "edge"
    assert made.mount["subPath"] == "web"
    assert "consistency means nothing" in made.why()
    assert "SELinux" in made.why()


def test_an_anonymous_volume_lives_as_long_as_the_pod() -> None:
    """Scratch space needs no question."""
    made = store(a_mount(MountKind.ANONYMOUS, "/var/cache/web", content=False))
    assert made.volume == {"emptyDir": {}}
    assert made.said() == "approximated anonymous-volume"


@pytest.mark.parametrize(
    ("target", "path", "size"),
    [
        ("/var/lib/postgresql/data", "mount", None),
        ("/opt/app/uploads", "mount", None),
        ("/somewhere", "Config.Volumes[/somewhere]", None),
        ("/somewhere", "mount", 4096),
    ],
)
def test_an_anonymous_volume_that_may_hold_data_is_asked_about(target: str, path: str, size: int | None) -> None:
    """By its path, by the image's word, or because something was measured in it; scratch space for now."""
    made = store(a_mount(MountKind.ANONYMOUS, target, path, size_bytes=size, content=False))
    assert made.said(path) == "undecided anonymous-volume-data"
    assert made.ledger.blocked() == ()
    assert made.volume == {"emptyDir": {}}


@pytest.mark.parametrize(("target", "size"), [("/tmp/x", None), ("/data", 0)])
def test_an_anonymous_volume_that_holds_nothing_is_not_asked_about(target: str, size: int | None) -> None:
    """A scratch path, or measured and empty."""
    made = store(a_mount(MountKind.ANONYMOUS, target, size_bytes=size, content=False))
    assert made.said() == "approximated anonymous-volume"


def test_an_anonymous_volume_can_become_a_claim() -> None:
    """Or stay scratch space, as decided."""
    mount = a_mount(MountKind.ANONYMOUS, "/var/lib/mysql", source="f" * 64, content=False)
    made = store(mount, answers={"anonymous-volume-data": "20Gi"})
    assert made.claim["metadata"]["name"] == "web-var-lib-mysql"
    assert made.said() == "approximated anonymous-volume-data"
    kept = store(mount, answers={"anonymous-volume-data": "emptyDir"})
    assert kept.volume == {"emptyDir": {}}
    assert kept.said() == "approximated anonymous-volume"


def test_a_path_is_mounted_once() -> None:
    """The first counts, and the second is not lost silently."""
    made = store(
        a_mount(MountKind.TMPFS, "/run", "one"), a_mount(MountKind.TMPFS, "/run/", "two"),
    )  # fmt: skip
    assert len(made.storage.mounts["web"]) == 1
    assert made.said("two") == "dropped mount-twice"


def test_volume_names_are_legal_and_unique() -> None:
    """Whatever the legacy side called them."""
    made = store(
        a_mount(MountKind.TMPFS, "/a/b", "1"), a_mount(MountKind.TMPFS, "/a-b", "2"),
        a_mount(MountKind.TMPFS, "/" + "x" * 80, "3"), a_mount(MountKind.TMPFS, "/", "4"),
    )  # fmt: skip
    names = [volume["name"] for volume in made.storage.volumes]
    assert names[:2] == ["a-b", "a-b-2"]
    assert len(set(names)) == 4
    assert all(len(name) <= 63 for name in names)
    assert [mount["name"] for mount in made.storage.mounts["web"]] == names


def test_a_volume_of_another_container_says_so() -> None:
    """VolumesFrom arrives as mounts."""
    made = store(a_mount(path="HostConfig.VolumesFrom[data:ro]", size_bytes=1 << 30, content=False, read_only=True))
    assert made.said("HostConfig.VolumesFrom[data:ro]") == "approximated volumes-from"
    assert made.mount["readOnly"] is True


def test_a_claim_says_whose_it_is() -> None:
    """A new claim belongs to root, and no group is guessed."""
    made = store(boxes=(a_box(a_mount(size_bytes=1 << 30, content=False), user="1000"),))
    assert "runs as 1000" in made.why()


def test_sharing_a_volume_makes_one_writer_no_two() -> None:
    """A database whose files another workload reads still must not run twice at once; one that only reads may."""
    target = Target(storage_classes=(RWX,))
    shared = a_mount(size_bytes=1 << 30, shared_with=("report",), content=False)
    assert store(shared, target=target).storage.single_writer
    assert not store(shared, target=target, replicas=2).storage.single_writer
    reads = a_mount(size_bytes=1 << 30, shared_with=("db",), content=False, read_only=True)
    assert not store(reads, target=target).storage.single_writer

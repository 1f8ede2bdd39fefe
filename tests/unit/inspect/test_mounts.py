"""Mounts: asked for in five places, seen in one."""

from typing import Any

import pytest

from converters.sources.inspect import read_inspect
from converters.workload import Host, Mount, MountKind
from tests.inspect_documents import VOLUME_ID, container, image, read, read_container


def mounts(
    config: dict[str, Any] | None = None, host: dict[str, Any] | None = None, seen: Any = (), **beside: Any
) -> tuple[Mount, ...]:
    return read_container(container(config, host, Mounts=list(seen)), **beside).mounts


def only(*args: Any, **more: Any) -> Mount:
    (mount,) = mounts(*args, **more)
    return mount


@pytest.mark.parametrize(
    ("bind", "kind", "source", "target", "read_only", "options"),
    [
        ("/srv:/site", MountKind.BIND, "/srv", "/site", False, {}),
        ("/srv:/site:ro", MountKind.BIND, "/srv", "/site", True, {}),
        ("/srv:/site:rw,rprivate", MountKind.BIND, "/srv", "/site", False, {}),
        ("/srv:/site:ro,z,rshared", MountKind.BIND, "/srv", "/site", True, {"z": "true", "propagation": "rshared"}),
        ("/srv:/site:cached", MountKind.BIND, "/srv", "/site", False, {"consistency": "cached"}),
        ("data:/data", MountKind.VOLUME, "data", "/data", False, {}),
        ("data:/data:nocopy", MountKind.VOLUME, "data", "/data", False, {"nocopy": "true"}),
        ("/data", MountKind.ANONYMOUS, "", "/data", False, {}),
        (f"{VOLUME_ID}:/data", MountKind.ANONYMOUS, VOLUME_ID, "/data", False, {}),
    ],
)
def test_a_bind_is_a_path_or_a_volume(
    bind: str, kind: MountKind, source: str, target: str, *, read_only: bool, options: dict[str, str]
) -> None:
    """With what stands behind the second colon."""
    found = only(host={"Binds": [bind]})
    assert (found.kind, found.source, found.target, found.read_only) == (kind, source, target, read_only)
    assert found.options == options


@pytest.mark.parametrize(
    ("mount", "expected"),
    [
        (
            {
                "Type": "bind",
                "Source": "/a",
                "Target": "/b",
                "BindOptions": {"Propagation": "rslave", "NonRecursive": True},
            },
            {"kind": MountKind.BIND, "options": {"propagation": "rslave", "non-recursive": "true"}},
        ),
        (
            {
                "Type": "bind",
                "Source": "/a",
                "Target": "/b",
                "ReadOnly": True,
                "BindOptions": {"ReadOnlyNonRecursive": True},
            },
            {"read_only": True, "options": {"read-only-non-recursive": "true"}},
        ),
        (
            {
                "Type": "volume",
                "Source": "v",
                "Target": "/b",
                "VolumeOptions": {"NoCopy": True, "Subpath": "a", "Labels": {"k": "x"}},
            },
            {"kind": MountKind.VOLUME, "content": False, "options": {"nocopy": "true", "subpath": "a", "label:k": "x"}},
        ),
        (
            {
                "Type": "volume",
                "Source": "v",
                "Target": "/b",
                "VolumeOptions": {"DriverConfig": {"Name": "local", "Options": {"type": "nfs"}}},
            },
            {"driver": "", "driver_options": {"type": "nfs"}},
        ),
        ({"Type": "volume", "Target": "/b"}, {"kind": MountKind.ANONYMOUS}),
        (
            {
                "Type": "tmpfs",
                "Target": "/b",
                "TmpfsOptions": {"SizeBytes": 65536, "Mode": 448, "Options": [["noexec"], ["nr_inodes", "9"]]},
            },
            {
                "kind": MountKind.TMPFS,
                "size_bytes": 65536,
                "mode": 0o700,
                "options": {"noexec": "true", "nr_inodes": "9"},
            },
        ),
        (
            {"Type": "image", "Source": "reg.example/a:1", "Target": "/b", "ImageOptions": {"Subpath": "s"}},
            {"kind": MountKind.IMAGE, "source": "reg.example/a:1", "options": {"subpath": "s"}},
        ),
        ({"Type": "cluster", "Source": "c", "Target": "/b"}, {"kind": MountKind.CLUSTER}),
    ],
)
def test_a_mount_is_kept_with_all_its_options(mount: dict[str, Any], expected: dict[str, Any]) -> None:
    """By Docker's names for them."""
    found = only(host={"Mounts": [mount]})
    assert {name: getattr(found, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("options", "size", "mode", "others"),
    [
        ("", 0, None, {}),
        ("size=64m,mode=1777", 64 * 2**20, 0o1777, {}),
        ("rw,size=1024,noexec,uid=5", 1024, None, {"noexec": "true", "uid": "5"}),
        ("size=10%", 0, None, {"size": "10%"}),
    ],
)
def test_a_tmpfs_has_a_size_a_mode_and_other_options(
    options: str, size: int, mode: int | None, others: dict[str, str]
) -> None:
    """As mount(8) writes them."""
    found = only(host={"Tmpfs": {"/run": options}})
    assert (found.kind, found.size_bytes, found.mode, found.options) == (MountKind.TMPFS, size, mode, others)


def test_a_volume_that_the_image_declares_is_anonymous_and_may_have_files() -> None:
    """Its name is seen in Mounts, and its data is a copy of the image's."""
    seen = [{"Type": "volume", "Name": VOLUME_ID, "Destination": "/data", "Driver": "local", "RW": True}]
    found = only({"Volumes": {"/data": {}}}, seen=seen, images=(image(Volumes={"/data": {}}),))
    assert (found.kind, found.source, found.content) == (MountKind.ANONYMOUS, VOLUME_ID, True)
    unknown = only({"Volumes": {"/data": {}}}, seen=seen)
    assert unknown.content is None


def test_a_declared_volume_that_a_bind_covers_is_the_bind() -> None:
    """Both atoms stand behind one mount."""
    found = only({"Volumes": {"/data/": {}}}, {"Binds": ["/srv:/data"]})
    assert found.kind is MountKind.BIND
    assert {source.path for source in found.origins} == {"HostConfig.Binds[/data]", "Config.Volumes[/data/]"}


def test_what_another_container_brought_is_only_seen() -> None:
    """VolumesFrom stands behind each of them."""
    seen = [
        {"Type": "bind", "Source": "/a", "Destination": "/b", "RW": False, "Mode": "ro,z"},
        {"Type": "volume", "Name": "data", "Source": "/x/data/_data", "Destination": "/data", "RW": True},
    ]
    bind, volume = mounts(host={"VolumesFrom": ["other:ro"]}, seen=seen)
    assert (bind.kind, bind.source, bind.read_only, bind.options) == (MountKind.BIND, "/a", True, {"z": "true"})
    assert (volume.kind, volume.source, volume.target) == (MountKind.VOLUME, "data", "/data")
    assert {s.path for mount in (bind, volume) for s in mount.origins} == {"HostConfig.VolumesFrom[other:ro]"}


def test_an_anonymous_volume_that_two_containers_use_is_a_volume_with_a_name() -> None:
    """An emptyDir in each would part what they share."""
    seen = [{"Type": "volume", "Name": VOLUME_ID, "Destination": "/data", "RW": True}]
    first = container({"Volumes": {"/data": {}}}, Mounts=seen)
    second = container(host={"VolumesFrom": ["web"]}, Mounts=seen, Name="/other", Id="f" * 64)
    reading = read_inspect([first, second], host=Host(name="h1"))
    kinds = [workload.containers[0].mounts[0].kind for workload in reading.workloads]
    assert kinds == [MountKind.VOLUME, MountKind.VOLUME]


def test_what_is_seen_and_nobody_asked_for_is_mounted() -> None:
    """It runs with it; the finding says that nobody knows why."""
    found = only(seen=[{"Source": "/a", "Destination": "/b", "Mode": "", "RW": False}])
    assert (found.kind, found.source, found.read_only) == (MountKind.BIND, "/a", True)
    assert [source.path for source in found.origins] == ["Mounts[/b]"]


def test_old_documents_show_mounts_as_volumes() -> None:
    """Before API 1.20, a path by target and whether it can be written."""
    where = f"/var/lib/docker/volumes/{VOLUME_ID}/_data"
    document = container({"Volumes": {"/d": {}}}, Volumes={"/d": where}, VolumesRW={"/d": True})
    del document["Mounts"]
    (found,) = read_container(document).mounts
    assert (found.kind, found.source) == (MountKind.ANONYMOUS, VOLUME_ID)


def test_a_volumes_own_document_wins_over_what_the_mount_would_have_made() -> None:
    """Driver and options count when a volume is made."""
    asked = {"Type": "volume", "Source": "v", "Target": "/d", "VolumeOptions": {"DriverConfig": {"Name": "other"}}}
    volume = {"Name": "v", "Driver": "flocker", "Options": {"size": "9"}, "Labels": {"team": "edge"}}
    reading = read(container(host={"Mounts": [asked]}), volumes=(volume,), volume_bytes={"v": 4096})
    (found,) = reading.workloads[0].containers
    (mount,) = found.mounts
    assert (mount.driver, mount.driver_options, mount.size_bytes) == ("flocker", {"size": "9"}, 4096)
    assert [(s.code, s.origins[0].document) for s in found.settings] == [("volume-label", "h1/volume/v")]


def test_a_volume_that_nobody_uses_is_named_and_not_counted() -> None:
    """It says nothing of any workload."""
    reading = read(container(), volumes=({"Name": "v", "Driver": "flocker"},))
    assert reading.excluded == (("h1/volume/v", "no container here uses it"),)
    assert "h1/volume/v" not in {tally.document for tally in reading.tallies}


@pytest.mark.parametrize(
    ("host", "driver", "codes"),
    [
        ({"VolumeDriver": "flocker", "Binds": ["v:/d"]}, "flocker", set()),
        ({"VolumeDriver": "flocker", "Binds": ["/a:/d"]}, "", {"volume-driver-unused"}),
    ],
)
def test_a_volume_driver_counts_for_volumes(host: dict[str, Any], driver: str, codes: set[str]) -> None:
    """Without one it has no effect."""
    found = read_container(container(host=host))
    assert found.mounts[0].driver == driver
    assert {setting.code for setting in found.settings} == codes

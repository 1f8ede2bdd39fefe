"""The class of a field: observed, mirror, unset, inherited or present, the first that fits."""

from dataclasses import replace
from typing import Any

import pytest

from converters.fields.api_version import as_numbers, inferred
from converters.fields.engine_api import NEWEST
from tests.inspect_documents import DIGEST, ENGINE, INFO, PATH, container, image, read


def present(document: dict[str, Any], **beside: Any) -> set[str]:
    return set(read(document, **beside).tallies[-1].atoms) - {"Config.Image"}


def disagreeing(document: dict[str, Any], **beside: Any) -> set[str]:
    (workload,) = read(document, **beside).workloads
    return {finding.subject for finding in workload.findings if finding.code == "mirror-disagrees"}


@pytest.mark.parametrize(
    ("config", "defaults", "expected"),
    [
        ({"WorkingDir": "/srv"}, {"WorkingDir": "/srv"}, set()),
        ({"WorkingDir": "/srv"}, {"WorkingDir": "/app"}, {"Config.WorkingDir"}),
        ({"WorkingDir": "/"}, {"WorkingDir": "/app"}, {"Config.WorkingDir"}),
        ({"WorkingDir": "/"}, {}, set()),
        ({"StopSignal": "SIGTERM"}, {"StopSignal": "SIGQUIT"}, {"Config.StopSignal"}),
        ({"StopSignal": "SIGTERM"}, {}, set()),
        ({"Env": [PATH, "A=1"]}, {"Env": [PATH, "A=1"]}, set()),
        ({"Env": [PATH, "A=2"]}, {"Env": [PATH, "A=1"]}, {"Config.Env[A]"}),
        ({"Env": [PATH, "A"]}, {"Env": [PATH, "A=1"]}, {"Config.Env[A]"}),
        ({"Env": [PATH, "A"]}, {}, set()),
        ({"Env": [PATH, "A="]}, {}, {"Config.Env[A]"}),
        ({"User": "app"}, {"User": "app"}, set()),
        ({"Labels": {"a": "b"}}, {"Labels": {"a": "b"}}, {"Config.Labels[a]"}),
        ({"ExposedPorts": {"80/tcp": {}}}, {"ExposedPorts": {"80/tcp": {}}}, {"Config.ExposedPorts[80/tcp]"}),
        ({"Healthcheck": {"Test": ["CMD", "a"]}}, {"Healthcheck": {"Test": ["CMD", "a"]}}, {"Config.Healthcheck.Test"}),
    ],
)
def test_what_equals_the_image_is_inherited_save_what_a_pod_takes_from_no_image(
    config: dict[str, Any], defaults: dict[str, Any], expected: set[str]
) -> None:
    """A default that overrides the image's own value is present."""
    assert present(container(config), images=(image(**defaults),)) == expected


def test_without_the_image_everything_is_kept_and_said() -> None:
    """The image may be gone from the host."""
    reading = read(container(), images=())
    assert set(reading.tallies[-1].atoms) == {"Config.Image", "Config.Cmd", "Config.Entrypoint", "Config.Env[PATH]"}
    assert "image-unread" in {finding.code for finding in reading.workloads[0].findings}


@pytest.mark.parametrize(
    ("host", "info", "expected"),
    [
        ({"Runtime": "runc"}, None, {"HostConfig.Runtime"}),
        ({"Runtime": "runc"}, {"DefaultRuntime": "runc"}, set()),
        ({"Runtime": "io.containerd.runc.v2"}, {"DefaultRuntime": "runc"}, set()),
        ({"Runtime": "runc"}, {"DefaultRuntime": "kata"}, {"HostConfig.Runtime"}),
        (
            {"LogConfig": {"Type": "json-file", "Config": {}}},
            {"LoggingDriver": "journald"},
            {"HostConfig.LogConfig.Type"},
        ),
        ({"CgroupnsMode": "private"}, {"CgroupVersion": "2"}, set()),
        ({"CgroupnsMode": "private"}, {"CgroupVersion": "1"}, {"HostConfig.CgroupnsMode"}),
        ({"UsernsMode": "host"}, {"SecurityOptions": ["name=seccomp"]}, set()),
        ({"UsernsMode": "host"}, {"SecurityOptions": ["name=userns"]}, {"HostConfig.UsernsMode"}),
    ],
)
def test_a_default_of_info_counts_only_where_info_is_known(
    host: dict[str, Any], info: dict[str, Any] | None, expected: set[str]
) -> None:
    """Each engine has its own; without its /info such values count as present."""
    engine = None if info is None else replace(ENGINE, info=INFO | info)
    (key,) = host
    found = {path for path in present(container(host=host), engine=engine) if path.startswith(f"HostConfig.{key}")}
    assert found == expected


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ({"Memory": 100, "MemorySwap": 200}, {"HostConfig.Memory"}),
        ({"Memory": 100, "MemorySwap": 100}, {"HostConfig.Memory", "HostConfig.MemorySwap"}),
        ({"Memory": 100, "MemorySwap": -1}, {"HostConfig.Memory", "HostConfig.MemorySwap"}),
        ({"MemorySwap": -1}, set()),
        ({"Privileged": True, "SecurityOpt": ["label=disable"], "MaskedPaths": None}, {"HostConfig.Privileged"}),
        ({"SecurityOpt": ["label=disable"]}, {"HostConfig.SecurityOpt[label]"}),
        ({"MaskedPaths": [], "ReadonlyPaths": []}, {"HostConfig.MaskedPaths", "HostConfig.ReadonlyPaths"}),
        ({"MaskedPaths": ["/proc/kcore"]}, {"HostConfig.MaskedPaths"}),
        ({"RestartPolicy": {"Name": "", "MaximumRetryCount": 0}}, set()),
        ({"IpcMode": "shareable"}, set()),
        ({"NetworkMode": "bridge"}, set()),
        ({"Ulimits": [{}]}, set()),
        ({"OomKillDisable": None}, set()),
        ({"New": None}, set()),
        ({"New": 0}, {"HostConfig.New"}),
        ({"New": ""}, {"HostConfig.New"}),
    ],
)
def test_what_the_engine_writes_unasked_is_unset(host: dict[str, Any], expected: set[str]) -> None:
    """What nobody asked for wants no verdict; a key that the table lacks does, unless it is null."""
    assert present(container(host=host)) == expected


@pytest.mark.parametrize(
    ("config", "host", "expected"),
    [
        ({"Hostname": "c1ff7385093b"}, {}, set()),
        ({"Hostname": "web-7"}, {}, {"Config.Hostname"}),
        ({"Hostname": "edge-1"}, {"NetworkMode": "host"}, {"HostConfig.NetworkMode"}),
        ({"Hostname": "aabbccddeeff"}, {"NetworkMode": "container:aabbccddeeff0011"}, {"HostConfig.NetworkMode"}),
    ],
)
def test_a_hostname_that_the_engine_gave_is_unset(
    config: dict[str, Any], host: dict[str, Any], expected: set[str]
) -> None:
    """The short ID, or the name of the host whose network it shares."""
    found = present(container(config, host))
    assert {path for path in found if not path.startswith("NetworkSettings")} == expected


@pytest.mark.parametrize(
    ("host", "top", "expected"),
    [
        ({"Binds": ["/a:/d"]}, {"Mounts": [{"Type": "bind", "Source": "/a", "Destination": "/d", "RW": True}]}, set()),
        (
            {"Binds": ["/a:/d:ro"]},
            {"Mounts": [{"Type": "bind", "Source": "/a", "Destination": "/d", "RW": True}]},
            {"Mounts[/d]"},
        ),
        (
            {"Binds": ["/a:/d"]},
            {"Mounts": [{"Type": "bind", "Source": "/b", "Destination": "/d", "RW": True}]},
            {"Mounts[/d]"},
        ),
        (
            {"Binds": ["v:/d"]},
            {"Mounts": [{"Type": "volume", "Name": "v", "Source": "/x/v/_data", "Destination": "/d", "RW": True}]},
            set(),
        ),
        (
            {"Mounts": [{"Type": "tmpfs", "Target": "/t"}]},
            {"Mounts": [{"Type": "tmpfs", "Destination": "/t", "RW": True}]},
            set(),
        ),
        ({"VolumesFrom": ["x"]}, {"Mounts": [{"Source": "/a", "Destination": "/d", "RW": True}]}, set()),
        ({}, {"Mounts": [{"Source": "/a", "Destination": "/d", "RW": True}]}, {"Mounts[/d]"}),
        ({"Binds": ["/a:/d"]}, {"Volumes": {"/d": "/a"}, "VolumesRW": {"/d": True}}, set()),
        ({"Binds": ["/a:/d"]}, {"VolumesRW": {"/d": False}}, {"VolumesRW[/d]"}),
        ({}, {"Path": "/bin/other"}, {"Path"}),
        ({}, {"Args": ["other"]}, {"Args"}),
    ],
)
def test_a_mirror_that_disagrees_is_present_and_a_finding(
    host: dict[str, Any], top: dict[str, Any], expected: set[str]
) -> None:
    """One that agrees wants nothing."""
    document = container(host=host, **top)
    assert disagreeing(document) == expected
    assert expected <= present(document)


@pytest.mark.parametrize(
    ("asked", "answers", "agrees"),
    [
        ({"HostIp": "", "HostPort": "8080"}, {"HostIp": "0.0.0.0", "HostPort": "8080"}, True),
        ({"HostIp": "", "HostPort": "8080"}, {"HostIp": "::", "HostPort": "8080"}, True),
        ({"HostIp": "127.0.0.1", "HostPort": "8080"}, {"HostIp": "0.0.0.0", "HostPort": "8080"}, False),
        ({"HostIp": "", "HostPort": ""}, {"HostIp": "0.0.0.0", "HostPort": "49153"}, True),
        ({"HostIp": "", "HostPort": "8000-8010"}, {"HostIp": "0.0.0.0", "HostPort": "8003"}, True),
        ({"HostIp": "", "HostPort": "8000-8010"}, {"HostIp": "0.0.0.0", "HostPort": "9000"}, False),
    ],
)
def test_a_port_that_answers_agrees_with_the_one_asked_for(
    asked: dict[str, str], answers: dict[str, str], agrees: bool
) -> None:
    """Ports that the engine chose, and the two addresses that mean all."""
    document = container(host={"PortBindings": {"80/tcp": [asked]}})
    document["NetworkSettings"]["Ports"] = {"80/tcp": [answers], "81/tcp": None}
    assert (disagreeing(document) == set()) is agrees


def test_published_by_publish_all_agrees() -> None:
    """PublishAllPorts asks for every exposed port."""
    document = container({"ExposedPorts": {"80/tcp": {}}}, {"PublishAllPorts": True})
    document["NetworkSettings"]["Ports"] = {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "49153"}]}
    assert disagreeing(document) == set()


def test_an_old_limit_counts_where_host_config_has_none() -> None:
    """Before API 1.18 limits stood in Config; from then to 1.19 in both."""
    document = container({"Memory": 100})
    assert disagreeing(document) == {"Config.Memory"}
    del document["HostConfig"]["Memory"]
    assert disagreeing(document) == set()
    assert present(document) == {"Config.Memory"}
    agreeing = container({"Memory": 100}, {"Memory": 100})
    assert present(agreeing) == {"HostConfig.Memory"}


@pytest.mark.parametrize(
    ("document", "version"),
    [
        ({"HostConfig": {"CgroupnsMode": "host"}}, "1.41"),
        ({"NetworkSettings": {"Networks": {"b": {"DNSNames": None}}}}, "1.44"),
        ({"HostConfig": {"Mounts": [{"VolumeOptions": {"Subpath": "a"}}]}}, "1.45"),
        ({"Mounts": []}, "1.18"),
        ({"Mounts": [{"Destination": "/a"}], "Config": {"Labels": {}}}, "1.20"),
        ({"Config": {"Labels": {}}}, "1.18"),
        ({"Config": {}}, "1.17"),
    ],
)
def test_a_document_names_its_api_by_its_newest_key(document: dict[str, Any], version: str) -> None:
    """An inspect file says no version."""
    if document == {"Mounts": []}:
        document = document | {"ExecIDs": None}
    assert inferred(document) == version


def test_versions_compare_as_numbers() -> None:
    """1.9 is older than 1.41, and a word is the newest."""
    assert as_numbers("1.9") < as_numbers("1.41")
    assert as_numbers("auto") == as_numbers(NEWEST)


def test_the_reading_says_which_version_it_took() -> None:
    """Spoken, inferred or given."""
    document = container()
    assert read(document).api_versions == (("h1/container/web", "1.41"),)
    assert read(document, engine=None).api_versions == (("h1/container/web", "1.41"),)
    assert read(document, api_version="1.30").api_versions == (("h1/container/web", "1.30"),)


def test_the_digest_is_the_index_digest_of_the_images_repository() -> None:
    """RepoDigests may name several repositories."""
    digests = [f"other.example/a@sha256:{'1' * 64}", f"reg.example/web@{DIGEST}"]
    (workload,) = read(container(), images=(image() | {"RepoDigests": digests},)).workloads
    assert workload.containers[0].image.digest == DIGEST

"""The keys of Docker's documents by API version: the facts that the field table leans on."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from converters.fields import engine_api

ROOT = Path(__file__).resolve().parents[3]
INSPECT = ROOT.parent / "shared" / "data" / "inspect"

CONTAINER = engine_api.KEYS["container"]

# Keys of API 1.17 and earlier, of no Docker engine, or damaged on purpose.
OLDER_THAN_THE_TABLE = re.compile(
    r"Config\.(Dns|VolumesFrom|SecurityOpt\[\]|Ulimits\[\]\.\w+)"
    r"|State\.Ghost|SysInitPath|NetworkSettings\.Ip(Address|PrefixLen)"
    r"|HostConfig\.(SizeRw|SizeRootFs)|Node\.Addra|HostConfig\.AutoRe +ove"
)
NOT_AN_INSPECT_OF_DOCKER = {"podfather__podman_container_inspect.json", "prometheus__dockeripv6_containers_json.json"}


def minor(version: str) -> int:
    return int(version.removeprefix("1."))


def folded(value: object, path: str, keys: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    """The leaves of a document, their paths written as the table writes them."""
    if isinstance(value, dict) and value:
        free = any(key.startswith(f"{path}.*") for key in keys)
        for name, below in value.items():
            yield from folded(below, f"{path}.*" if free else f"{path}.{name}".lstrip("."), keys)
    elif isinstance(value, list) and value:
        for below in value:
            yield from folded(below, f"{path}[]", keys)
    else:
        yield path, value


def unknown(document: object, keys: Mapping[str, object]) -> set[str]:
    return {
        path
        for path, value in folded(document, "", keys)
        if path not in keys
        # an empty list or object, or null, stands for what would lie below it
        and not (value in (None, "", [], {}) and any(key.startswith((f"{path}.", f"{path}[")) for key in keys))
    }


@pytest.mark.parametrize(
    ("key", "since", "until"),
    [
        ("Config.Cmd[]", "1.18", None),
        ("Config.Cpuset", "1.18", "1.19"),
        ("Config.Healthcheck.StartInterval", "1.44", None),
        ("Config.Healthcheck.StartPeriod", "1.29", None),
        ("Config.MacAddress", "1.18", "1.51"),
        ("Config.StopTimeout", "1.25", None),
        ("Config.VolumeDriver", "1.18", "1.20"),
        ("HostConfig.Annotations.*", "1.43", None),
        ("HostConfig.Capabilities[]", "1.40", "1.40"),
        ("HostConfig.CgroupnsMode", "1.41", None),
        ("HostConfig.DeviceRequests[].Capabilities[][]", "1.40", None),
        ("HostConfig.Init", "1.25", None),
        ("HostConfig.KernelMemory", "1.21", "1.41"),
        ("HostConfig.KernelMemoryTCP", "1.40", "1.51"),
        ("HostConfig.LxcConf[].Key", "1.18", "1.21"),
        ("HostConfig.Mounts[].BindOptions.ReadOnlyNonRecursive", "1.44", None),
        ("HostConfig.Mounts[].ImageOptions.Subpath", "1.48", None),
        ("HostConfig.Mounts[].VolumeOptions.Subpath", "1.45", None),
        ("HostConfig.NanoCpus", "1.25", None),
        ("HostConfig.PortBindings.*[].HostPort", "1.18", None),
        ("HostConfig.Umask", "1.56", None),
        ("ImageManifestDescriptor.platform.os.version", "1.48", None),
        ("Mounts[].Type", "1.25", None),
        ("NetworkSettings.IPAddress", "1.18", "1.51"),
        ("NetworkSettings.Networks.*.Aliases[]", "1.22", None),
        ("NetworkSettings.Networks.*.DNSNames[]", "1.44", None),
        ("NetworkSettings.Networks.*.GwPriority", "1.48", None),
        ("NetworkSettings.Ports.*[].HostIp", "1.18", None),
        ("Storage.RootFS.Snapshot.Name", "1.52", None),
        ("VolumesRW.*", "1.18", "1.19"),
    ],
)
def test_a_key_of_a_container_has_its_versions(key: str, since: str, until: str | None) -> None:
    assert CONTAINER[key] == (since, until)


@pytest.mark.parametrize(
    ("document", "key", "since", "until"),
    [
        ("image", "ContainerConfig.Cmd[]", "1.18", "1.44"),
        ("image", "Config.Hostname", "1.21", "1.49"),
        ("image", "RepoDigests[]", "1.21", None),
        ("image", "Manifests[].Descriptor.digest", "1.48", None),
        ("volume", "Options.*", "1.25", None),
        ("volume", "ClusterVolume.Info.CapacityBytes", "1.42", None),
        ("network", "IPAM.Config[].AuxiliaryAddresses.*", "1.21", None),
        ("network", "Internal", "1.23", None),
        ("network", "EnableIPv4", "1.48", None),
    ],
)
def test_a_key_of_another_document_has_its_versions(document: str, key: str, since: str, until: str | None) -> None:
    assert engine_api.KEYS[document][key] == (since, until)


@pytest.mark.parametrize(
    "key",
    [
        "Config.Volumes.additionalProperties",
        "HostConfig.NanoCPUs",
        "HostConfig.PortBindings.*.HostPort",
        "NetworkSettings.Ports[].PrivatePort",
    ],
)
def test_what_a_reference_got_wrong_is_no_key(key: str) -> None:
    assert key not in CONTAINER


def test_every_version_between_the_oldest_and_the_newest_was_read() -> None:
    minors = range(minor(engine_api.OLDEST), minor(engine_api.NEWEST) + 1)
    assert [f"v1.{number}" for number in minors] == [name.rpartition(".")[0] for name in engine_api.PATHS]


@pytest.mark.parametrize("document", sorted(engine_api.KEYS))
def test_a_key_lives_within_the_versions_read(document: str) -> None:
    for key, (since, until) in engine_api.KEYS[document].items():
        last = minor(until or engine_api.NEWEST)
        assert minor(engine_api.OLDEST) <= minor(since) <= last <= minor(engine_api.NEWEST), key
        assert until != engine_api.NEWEST, key


@pytest.mark.parametrize("document", sorted(engine_api.KEYS))
def test_the_keys_are_sorted(document: str) -> None:
    assert list(engine_api.KEYS[document]) == sorted(engine_api.KEYS[document])


@pytest.mark.parametrize("document", sorted(engine_api.KEYS))
def test_a_free_form_map_is_a_key_itself(document: str) -> None:
    keys = engine_api.KEYS[document]
    assert [key for key in keys if ".*" in key and key[: key.index(".*")] not in keys] == []


@pytest.mark.skipif(not INSPECT.is_dir(), reason="the captured inspect files lie outside of the repository")
@pytest.mark.parametrize(
    "path",
    [path for path in sorted(INSPECT.glob("*.json")) if path.name not in NOT_AN_INSPECT_OF_DOCKER],
    ids=lambda path: path.stem,
)
def test_a_captured_container_has_no_unknown_key(path: Path) -> None:
    documents = json.loads(path.read_text(encoding="utf-8"))
    for document in documents if isinstance(documents, list) else [documents]:
        assert {key for key in unknown(document, CONTAINER) if not OLDER_THAN_THE_TABLE.fullmatch(key)} == set()

"""Every public inspect file that we have: converted whole, or refused with one clear error."""

import json
from pathlib import Path
from typing import Any

import pytest

from converters.errors import PodliftError
from converters.fields.catalogue import CATALOGUE
from converters.fields.walk import leaves
from converters.sources.inspect import read_inspect
from converters.workload import Host, Workload
from tests.origins import sources_in

ROOT = Path(__file__).resolve().parents[3]
FILES = ROOT.parent / "shared" / "data" / "inspect"
HERE = Host(name="h1")

pytestmark = pytest.mark.skipif(not FILES.is_dir(), reason="the public inspect files lie outside of the repository")

# What becomes of each: the error's code, or the codes of its settings and findings beside image-unread.
EXPECTED: dict[str, tuple[str, set[str]]] = {
    "docker-java__inspectContainerResponse_empty": ("", {"mirror-disagrees"}),
    "docker-java__inspectContainerResponse_full_1_21": ("", set()),
    "docker-java__inspectContainerResponse_full_1_26b": ("", {"unknown-field"}),
    "go-dockerclient__inspect_3": ("", {"shell-unused", "cgroup-parent", "oom-score", "unknown-field"}),
    "moby__api_v1.10_inspect": ("", set()),
    "moby__api_v1.14_inspect": ("", set()),
    "moby__api_v1.16_inspect": ("", set()),
    "moby__api_v1.18_inspect": ("", set()),
    "moby__api_v1.20_inspect": ("", {"mirror-disagrees"}),
    "moby__api_v1.21_inspect": ("", {"mirror-disagrees"}),
    "moby__api_v1.22_inspect": ("", {"mirror-disagrees", "oom-score"}),
    "moby__api_v1.24_inspect": ("", {"mirror-disagrees", "oom-score", "windows-option"}),
    "podfather__podman_container_inspect": ("", set()),
    "prometheus__dockeripv6_containers_json": ("inspect-list", set()),
    "serverspec__docker_container": ("", set()),
    "serverspec__docker_container_pre_1_8": ("", set()),
    "spotify-docker-client__containerInfo_1.22": ("", set()),
    "spotify-docker-client__containerInfo_1.24": ("", set()),
    "telegraf__testdata_inspect_b7dfbb9478a6ae55e237d4d74f8bbb753f0817192b5081334dc78476296e2173": (
        "inspect-incomplete",
        set(),
    ),
    "telegraf__testdata_inspect_e2173b9478a6ae55e237d4d74f8bbb753f0817192b5081334dc78476296b7dfb": (
        "inspect-incomplete",
        set(),
    ),
    "telegraf__testdata_inspect_e8a713dd90604f5a257b97c15945e047ab60ed5b2c4397c5a6b5bf40e1bd2791": (
        "inspect-incomplete",
        set(),
    ),
}
CONVERTED = [stem for stem, (code, _) in EXPECTED.items() if not code]


def documents(stem: str) -> list[Any]:
    found = json.loads((FILES / f"{stem}.json").read_text(encoding="utf-8"))
    return found if isinstance(found, list) else [found]


def workload(stem: str) -> Workload:
    (found,) = read_inspect(documents(stem), host=HERE).workloads
    return found


def test_every_file_has_an_expected_outcome() -> None:
    """A file that is added must be looked at."""
    assert {path.stem for path in FILES.glob("*.json")} == set(EXPECTED)


@pytest.mark.parametrize("stem", EXPECTED)
def test_a_file_ends_as_expected(stem: str) -> None:
    """Converted with these settings and findings, or refused with this one error."""
    code, codes = EXPECTED[stem]
    if code:
        with pytest.raises(PodliftError) as refused:
            read_inspect(documents(stem), host=HERE)
        assert refused.value.code == code
        assert code in CATALOGUE
    else:
        found = workload(stem)
        settings = {setting.code for setting in found.containers[0].settings}
        assert settings | {finding.code for finding in found.findings} == codes | {"image-unread"}


@pytest.mark.parametrize("stem", CONVERTED)
def test_the_classes_partition_the_leaves_and_each_present_atom_is_behind_something(stem: str) -> None:
    """The invariant of fields and verdicts, as far as reading goes."""
    (document,) = documents(stem)
    reading = read_inspect([document], host=HERE)
    (tally,) = reading.tallies
    assert tally.leaves == leaves(document)
    assert tally.leaves == tally.present + tally.inherited + tally.unset + tally.observed + tally.mirror
    assert len(set(tally.atoms)) == len(tally.atoms)
    assert {source.path for source in sources_in(reading.workloads[0])} == set(tally.atoms)


@pytest.mark.parametrize("stem", CONVERTED)
def test_reading_twice_gives_the_same(stem: str) -> None:
    """Reading changes no document."""
    found = documents(stem)
    before = json.dumps(found)
    assert read_inspect(found, host=HERE) == read_inspect(found, host=HERE)
    assert json.dumps(found) == before


def test_the_oldest_document_is_read_as_the_newest_are() -> None:
    """API 1.10 has no Name, no State.Status, and limits in Config."""
    found = workload("moby__api_v1.10_inspect")
    (container,) = found.containers
    assert found.name == "4fa6e0f0c678"
    assert found.instances[0].state == "exited"
    assert (container.entrypoint, container.args) == ((), ("date",))
    assert [(p.container_port, p.published[0].host_port) for p in container.ports] == [(80, 49153)]


def test_podmans_entrypoint_signal_and_injected_variables_are_understood() -> None:
    """A string, a number, and what the engine adds to the environment."""
    found = workload("podfather__podman_container_inspect")
    (container,) = found.containers
    assert container.entrypoint == ("/docker-entrypoint.sh",)
    assert container.args == ("nginx", "-g", "daemon off;")
    assert found.termination.signal == "3"
    assert {"container", "HOME", "HOSTNAME"} & {env.name for env in container.env} == set()
    assert [(mount.kind, mount.source, mount.read_only) for mount in container.mounts] == [
        ("volume", "podfather_jellyfin-config", True)
    ]

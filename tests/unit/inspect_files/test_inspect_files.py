"""Inspect files as the documents of hosts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from converters.errors import PodliftError
from converters.workload import Host
from migrate.inspect_files import inspects_of, load_inspects, split_name, with_api_version
from tests.inspect_documents import container, image

NETWORK = {"Name": "edge", "Driver": "bridge", "IPAM": {}, "Containers": {}}
VOLUME = {"Name": "data", "Driver": "local", "Mountpoint": "/var/lib/docker/volumes/data/_data"}
INFO = {"ServerVersion": "20.10.24", "LoggingDriver": "json-file", "Containers": 3}
SERVER = {"Version": "20.10.24", "ApiVersion": "1.41"}


def write(folder: Path, name: str, *documents: Any) -> str:
    file = folder / name
    file.write_text("\n".join(json.dumps(each) for each in documents))
    return str(file)


def test_documents_are_told_by_their_keys(tmp_path: Path) -> None:
    """Containers, images, networks, volumes, docker version and docker info, in arrays or one after the other."""
    file = write(
        tmp_path, "ams1.json", [container(), image()], NETWORK, [VOLUME], {"Client": {}, "Server": SERVER}, INFO
    )
    (found,) = load_inspects([file])
    assert found.host == Host(name="ams1")
    assert [len(each) for each in (found.containers, found.images, found.networks, found.volumes)] == [1, 1, 1, 1]
    assert found.engine is not None
    assert (found.engine.api_version, found.engine.info["Containers"]) == ("1.41", 3)


def test_a_file_names_its_host_or_is_told(tmp_path: Path) -> None:
    """By HOST=FILE or by its stem; several files of one host join, and what is known of the host is kept."""
    one, two = write(tmp_path, "a.json", container()), write(tmp_path, "b.json", container(Id="2", Name="/b"))
    known = Host(name="ams1", site="ams", address="192.0.2.1")
    found = load_inspects([f"ams1={one}", f"ams1={two}", two], hosts=[known])
    assert [(each.host, len(each.containers)) for each in found] == [(known, 2), (Host(name="b"), 1)]


def test_a_file_without_containers_serves_every_host(tmp_path: Path) -> None:
    """The images' inspect beside the containers' own."""
    images = write(tmp_path, "images.json", image(), SERVER)
    found = load_inspects([write(tmp_path, "a.json", container()), write(tmp_path, "b.json", container()), images])
    assert [each.host.name for each in found] == ["a", "b"]
    assert all(each.images and each.engine for each in found)


def test_an_existing_file_with_an_equals_sign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Is a file, and no host's."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "a=b.json", container())
    assert split_name("a=b.json") == ("a=b", "a=b.json")
    assert split_name("a=c.json") == ("a", "c.json")


def test_the_api_version_can_be_told() -> None:
    """With an engine or without one."""
    alone = inspects_of(json.dumps([container()]).encode(), name="stdin", host="h")
    assert alone.engine is None
    told = with_api_version(alone, "1.24")
    assert told.engine is not None
    assert told.engine.api_version == "1.24"
    again = with_api_version(told, "1.30")
    assert again.engine is not None
    assert again.engine.api_version == "1.30"


@pytest.mark.parametrize("text", ["null", "[1]", '"x"', "{}", '{"Name": "/web"}'])
def test_what_is_nothing_known_stays_for_its_reader_to_refuse(text: str) -> None:
    """So that nothing is skipped in silence."""
    assert len(inspects_of(text.encode(), name="stdin", host="h").containers) == 1


def test_an_empty_file(tmp_path: Path) -> None:
    """Is an error and no empty host."""
    with pytest.raises(PodliftError) as caught:
        load_inspects([write(tmp_path, "a.json")])
    assert caught.value.code == "empty-document"

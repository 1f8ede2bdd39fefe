"""Captures to share: names of environment entries and none of their values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from converters.capture import Capture, ConfigDocument, HostDocuments
from converters.workload import Host
from migrate.capture import read_capture, redact, write_capture


def redacted(*containers: dict[str, Any], **more: Any) -> HostDocuments:
    made = redact(Capture(hosts=(HostDocuments(host=Host(name="a"), containers=containers, **more),)))
    assert made.redacted
    return made.hosts[0]


def test_names_stay_and_values_go() -> None:
    """Every entry of an environment keeps its name, whether it looks secret or not; an unset one has no value."""
    host = redacted({"Config": {"Env": ["LOG=info", "EMPTY=", "UNSET", "A=b=c"], "Cmd": ["run"]}})
    assert host.containers[0]["Config"] == {
        "Env": ["LOG=podlift:withheld", "EMPTY=podlift:withheld", "UNSET", "A=podlift:withheld"],
        "Cmd": ["run"],
    }


def test_images_are_redacted_too() -> None:
    """An image's environment, also that of the container it was built in."""
    host = redacted(images=({"Id": "i", "Config": {"Env": ["A=1"]}, "ContainerConfig": {"Env": ["B=2"]}},))
    assert host.images[0]["Config"]["Env"] == ["A=podlift:withheld"]
    assert host.images[0]["ContainerConfig"]["Env"] == ["B=podlift:withheld"]


def test_podmans_command_line_is_redacted() -> None:
    """Podman keeps the line that made a container, which repeats its environment."""
    command = ["podman", "run", "-e", "A=hidden", "--env=B=hidden", "--env", "C", "-p", "80:80", "web"]
    host = redacted({"Config": {"Env": ["A=hidden"], "CreateCommand": command}})
    assert host.containers[0]["Config"]["CreateCommand"] == [
        "podman", "run", "-e", "A=podlift:withheld", "--env=B=podlift:withheld", "--env", "C", "-p", "80:80", "web",
    ]  # fmt: skip


def test_odd_documents_stay_as_they_are() -> None:
    """Documents of other shapes are somebody else's error."""
    documents: tuple[dict[str, Any], ...] = ({}, {"Config": None}, {"Config": {"Env": None}}, {"Config": {"Env": [1]}})
    assert redacted(*documents).containers == documents


def test_secrets_of_configs_are_withheld() -> None:
    """In a config what looks secret goes, and the rest stays: before a mapping nobody knows what is environment."""
    value = {
        "web": {"env": {"DB_PASSWORD": "wave-41", "LOG": "info"}, "urls": ["http://u:p-41@db/", "http://db/"]},
        "run": ["serve", "API_TOKEN=wave-41", "-v"],
        "count": 3,
    }
    made = redact(Capture(configs=(ConfigDocument(name="f.yml", value=value, lines={("web",): 1}),)))
    assert made.configs[0].value == {
        "web": {
            "env": {"DB_PASSWORD": "podlift:withheld", "LOG": "info"},
            "urls": ["podlift:withheld", "http://db/"],
        },
        "run": ["serve", "API_TOKEN=podlift:withheld", "-v"],
        "count": 3,
    }


def test_no_value_reaches_the_disk(tmp_path: Path) -> None:
    """A redacted capture has nothing in secrets/, and reads back as it is."""
    document = {"Id": "1", "Name": "/w", "Config": {"Env": ["DB_PASSWORD=wave-41", "LOG=chatty"]}, "HostConfig": {}}
    made = redact(Capture(hosts=(HostDocuments(host=Host(name="a"), containers=(document,)),)))
    write_capture(made, tmp_path / "c")
    written = b"".join(f.read_bytes() for f in (tmp_path / "c").rglob("*") if f.is_file())
    assert b"wave-41" not in written
    assert b"chatty" not in written
    assert [f.name for f in (tmp_path / "c/secrets").iterdir()] == [".gitignore"]
    assert read_capture(tmp_path / "c") == made

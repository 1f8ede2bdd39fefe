"""Captures to share: names of environment entries and none of their values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from converters.capture import Capture, ConfigDocument, HostDocuments
from converters.sources.inspect import read_inspect
from converters.sources.mapping import parse_mapping, read_config
from converters.workload import Host
from migrate.capture import left_in_clear, read_capture, redact, write_capture


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


def test_what_the_image_has_too_is_told_apart() -> None:
    """A value that is the image's own is no setting of the container, and stays none after redaction."""
    image = {"Id": "i", "Config": {"Env": ["PATH=/bin", "LOG=info"]}}
    host = redacted({"Image": "i", "Config": {"Env": ["PATH=/bin", "LOG=debug"]}}, images=(image,))
    assert host.containers[0]["Config"]["Env"] == ["PATH=podlift:withheld-as-image", "LOG=podlift:withheld"]
    assert host.images[0]["Config"]["Env"] == ["PATH=podlift:withheld", "LOG=podlift:withheld"]
    again = redact(Capture(hosts=(host,))).hosts[0]
    assert again == host


def test_podmans_command_line_is_redacted() -> None:
    """Podman keeps the line that made a container, which repeats its environment."""
    command = ["podman", "run", "-e", "A=hidden", "--env=B=hidden", "--env", "C", "-p", "80:80", "web"]
    host = redacted({"Config": {"Env": ["A=hidden"], "CreateCommand": command}})
    assert host.containers[0]["Config"]["CreateCommand"] == [
        "podman", "run", "-e", "A=podlift:withheld", "--env=B=podlift:withheld", "--env", "C", "-p", "80:80", "web",
    ]  # fmt: skip


def test_what_redaction_leaves_in_clear_is_named() -> None:
    """The password of a variable in argv and in a label, a URL with a password; never the value, nor what is none."""
    config = {
        "Env": ["DB_PASSWORD=hunter2zz", "LOG=info-level"],
        "Cmd": ["run", "--pw", "hunter2zz", "info-level"],
        "Labels": {"note": "hunter2zz", "store": "postgres://u:else-where@db/x", "plain": "info-level"},
        "CreateCommand": ["podman", "run", "-e", "DB_PASSWORD=hunter2zz"],
    }
    odd: dict[str, Any] = {"Id": "i", "Config": {"Env": [1]}}
    hosts = (HostDocuments(host=Host(name="a"), containers=({"Name": "/web-1", "Config": config}, odd)),)
    assert left_in_clear(Capture(hosts=hosts)) == (
        ("a/web-1", "Config.Cmd"),
        ("a/web-1", "Config.Labels.note"),
        ("a/web-1", "Config.Labels.store"),
    )


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


def test_a_redacted_capture_can_be_planned() -> None:
    """Its own values become required keys of a Secret, of containers and of configs; the image's stay the image's."""
    image = {"Id": "i", "Config": {"Env": ["PATH=/bin"], "Cmd": ["serve"]}, "RepoDigests": ["r.example/w@sha256:1"]}
    env = ["PATH=/bin", "LOG=info", "DB_PASSWORD=wave-41"]
    document = {"Id": "1", "Name": "/w", "Image": "i", "Config": {"Env": env, "Image": "w"}, "HostConfig": {}}
    capture = redact(Capture(hosts=(HostDocuments(host=Host(name="a"), containers=(document,), images=(image,)),)))
    (found,) = read_inspect(capture.hosts[0].containers, images=capture.hosts[0].images, host=Host(name="a")).workloads
    assert [(e.name, e.value, e.withheld) for e in found.containers[0].env] == [
        ("LOG", None, True),
        ("DB_PASSWORD", None, True),
    ]
    mapping = parse_mapping(
        {
            "schema": "podlift.dev/mapping/v1",
            "documents": {"f": {"files": "*.yml"}},
            "workloads": {"each": "items(f)", "name": "key()"},
            "containers": [{"image": "image", "env": {"each": "items(env)", "name": "key()", "from": "@"}}],
        },
        {},
        name="m.yml",
    )
    config = ConfigDocument(name="f.yml", value={"w": {"image": "w:1", "env": {"DB_PASSWORD": "wave-41"}}})
    (intended,) = read_config(redact(Capture(configs=(config,))).configs, mapping).workloads
    assert [(e.name, e.value, e.withheld) for e in intended.containers[0].env] == [("DB_PASSWORD", None, True)]

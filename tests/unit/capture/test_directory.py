"""Captures on disk: read back equal, whole or refused, the same bytes for the same documents."""

from __future__ import annotations

import json
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from converters.capture import Capture, ConfigDocument, Engine, HostDocuments
from converters.errors import PodliftError
from converters.workload import Host
from migrate.capture import read_capture, write_capture
from migrate.documents import parse_documents

SECRET = "wave-harbour-41"


def container(name: str, *env: str, **more: Any) -> dict[str, Any]:
    return {"Id": f"id-of-{name}", "Name": f"/{name}", "Config": {"Env": list(env)}, "HostConfig": {}, **more}


def capture(**more: Any) -> Capture:
    """One of everything."""
    host = HostDocuments(
        host=Host(name="ams1", url="unix:///run/docker.sock", address="10.0.0.1", site="ams", labels={"disk": "ssd"}),
        engine=Engine(api_version="1.41", version={"ApiVersion": "1.41"}, info={"Driver": "overlay2", "Plugins": {}}),
        containers=(
            container("web", "PATH=/bin", f"DB_PASSWORD={SECRET}", "UNSET", f"URL=amqp://u:{SECRET}@mq/"),
            container(
                "api",
                Mounts=[{"Type": "volume", "Name": "data"}],
                SizeRw=2**60,
                Rate=0.5,
                Note="\u00e9\n\U0001f600\ud800",
            ),
        ),
        images=({"Id": "sha256:" + "a" * 64, "Config": {"Env": [f"TOKEN={SECRET}"]}},),
        volumes=({"Name": "data", "Driver": "local"},),
        networks=({"Name": "bridge", "Id": "n1"},),
        accounts={"sha256:" + "a" * 64: ("app:x:1:1::/:/bin/sh\n", "")},
        volume_bytes={"data": 4096},
        vanished=(("gone", "it was gone"),),
        error="not read within 5 s",
        read_at="2026-11-25T06:00:00Z",
    )
    (document,) = parse_documents(
        b"web:\n  env: {DB_PASSWORD: wave-harbour-41, LOG: info}\n  run: [a, 'API_TOKEN=wave-harbour-41', 1, null]\n",
        name="fleet/web.yml",
    )
    config = ConfigDocument(name="fleet/web.yml", index=2, value=document.value, lines=document.marks)
    return Capture(hosts=(host, HostDocuments(host=Host(name="syd1"), error="down")), configs=(config,), **more)


def files(directory: Path) -> dict[str, bytes]:
    return {str(f.relative_to(directory)): f.read_bytes() for f in sorted(directory.rglob("*")) if f.is_file()}


def refused(path: Path) -> PodliftError:
    with pytest.raises(PodliftError) as raised:
        read_capture(path)
    return raised.value


def test_reads_back_equal(tmp_path: Path) -> None:
    """Every part of a capture comes back as it was, in its order, secrets and lines of configs included."""
    write_capture(capture(), tmp_path / "c")
    assert read_capture(tmp_path / "c") == capture()


def test_same_documents_same_bytes(tmp_path: Path) -> None:
    """Two captures of the same documents differ by the times of reading in capture.json, and nowhere else."""
    other = capture()
    other = replace(other, hosts=tuple(replace(h, read_at="2027-01-01T00:00:00Z") for h in other.hosts))
    write_capture(capture(), tmp_path / "a")
    write_capture(other, tmp_path / "b")
    a, b = files(tmp_path / "a"), files(tmp_path / "b")
    assert {name for name in a.keys() | b.keys() if a.get(name) != b.get(name)} == {"capture.json"}


def test_secrets_lie_apart(tmp_path: Path) -> None:
    """No document holds a secret's value; those who do are the owner's alone and no part of a repository."""
    write_capture(capture(), tmp_path / "c")
    holding = {name for name, data in files(tmp_path / "c").items() if SECRET.encode() in data}
    assert holding == {"secrets/hosts/ams1.json", "secrets/configs.json"}
    assert b"DB_PASSWORD=podlift:apart" in (tmp_path / "c/hosts/ams1/containers/web.json").read_bytes()
    for path in [tmp_path / "c/secrets", *(tmp_path / "c/secrets").rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
    assert "*" in (tmp_path / "c/secrets/.gitignore").read_text().splitlines()


def test_digests_tell_no_secret(tmp_path: Path) -> None:
    """Another password changes no byte outside secrets/, so that none can be guessed by trying."""
    write_capture(
        Capture(hosts=(HostDocuments(host=Host(name="a"), containers=(container("w", "PASSWORD=aaaaaa"),)),)),
        tmp_path / "a",
    )
    write_capture(
        Capture(hosts=(HostDocuments(host=Host(name="a"), containers=(container("w", "PASSWORD=bbbbbb"),)),)),
        tmp_path / "b",
    )
    a, b = files(tmp_path / "a"), files(tmp_path / "b")
    assert {name for name in a if a[name] != b[name]} == {"secrets/hosts/a.json"}


def test_a_value_like_the_placeholder(tmp_path: Path) -> None:
    """An entry that really holds the placeholder's text, or stands twice, comes back as it was."""
    document = container("w", "X=podlift:apart", "TOKEN=abcdef", "TOKEN=podlift:apart", "Y=podlift:withheld")
    made = Capture(hosts=(HostDocuments(host=Host(name="a"), containers=(document,)),))
    write_capture(made, tmp_path / "c")
    assert read_capture(tmp_path / "c") == made


def test_without_secrets_values_are_withheld(tmp_path: Path) -> None:
    """A capture that is handed on without secrets/ can be read, and says that values are missing."""
    write_capture(capture(), tmp_path / "c")
    for file in (tmp_path / "c/secrets").rglob("*.json"):
        file.unlink()
    (tmp_path / "c/secrets/.gitignore").unlink()
    (tmp_path / "c/secrets/hosts").rmdir()
    (tmp_path / "c/secrets").rmdir()
    read = read_capture(tmp_path / "c")
    assert read.redacted
    assert read.hosts[0].containers[0]["Config"]["Env"] == [
        "PATH=/bin", "DB_PASSWORD=podlift:withheld", "UNSET", "URL=podlift:withheld",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["web", "web/../../x", "..", ".hidden", "a" * 300, "\u00fc b", ""])
def test_names_stay_in_their_directory(tmp_path: Path, name: str) -> None:
    """Whatever a host, container or config is called, its file lies in the capture and is found again."""
    made = Capture(
        hosts=(HostDocuments(host=Host(name=name), containers=(container(name), container(name, "A=1"))),),
        configs=(ConfigDocument(name=name, value={"a": 1}), ConfigDocument(name=name, index=1, value=2)),
    )
    write_capture(made, tmp_path / "c")
    assert read_capture(tmp_path / "c") == made
    assert [f.name for f in tmp_path.iterdir()] == ["c"]


@pytest.mark.parametrize(
    "name",
    [
        "capture.json",
        "hosts/ams1/host.json",
        "hosts/ams1/engine.json",
        "hosts/ams1/containers/web.json",
        "hosts/ams1/accounts/aaaaaaaaaaaa.json",
        "configs/fleet%2Fweb.yml%232.json",
        "secrets/hosts/ams1.json",
        "secrets/configs.json",
    ],
)
@pytest.mark.parametrize("fault", ["cut", "gone", "binary"])
def test_a_broken_file_is_one_error(tmp_path: Path, name: str, fault: str) -> None:
    """A file that is cut off, gone or garbled is one error with its path, never a smaller capture."""
    write_capture(capture(), tmp_path / "c")
    file = tmp_path / "c" / name
    data = file.read_bytes()
    file.unlink()
    if fault != "gone":
        file.write_bytes(data[: len(data) // 2] if fault == "cut" else b"\xff\xfe" + data)
    error = refused(tmp_path / "c")
    if (name, fault) == ("capture.json", "gone"):
        assert error.code == "no-capture"
    else:
        assert (error.code, error.subject) == ("capture-broken", str(file))


def test_an_edit_is_refused(tmp_path: Path) -> None:
    """A document that was changed is no longer what the engine said."""
    write_capture(capture(), tmp_path / "c")
    file = tmp_path / "c/hosts/ams1/containers/api.json"
    file.write_bytes(file.read_bytes().replace(b"/api", b"/ape"))
    error = refused(tmp_path / "c")
    assert (error.code, error.subject) == ("capture-broken", str(file))


def test_a_stranger_is_refused(tmp_path: Path) -> None:
    """A document that was put there by hand is not passed over without a word."""
    write_capture(capture(), tmp_path / "c")
    file = tmp_path / "c/hosts/ams1/containers/mine.json"
    file.write_text("{}")
    assert refused(tmp_path / "c").subject == str(file)


@pytest.mark.parametrize("said", ['{"schema": "podlift.dev/capture/v9"}', "[]", "{}"])
def test_another_schema_is_refused(tmp_path: Path, said: str) -> None:
    """A capture of another version is told apart from a broken one."""
    (tmp_path / "capture.json").write_text(said)
    assert refused(tmp_path).code == "capture-schema"


@pytest.mark.parametrize("listed", ["null", "[1]", '[{"folder": "x"}]'])
def test_a_wrong_list_is_refused(tmp_path: Path, listed: str) -> None:
    """A capture.json that lists something else is broken, and no traceback."""
    body = f'{{"schema": "podlift.dev/capture/v1", "redacted": false, "configs": [], "hosts": {listed}}}'
    (tmp_path / "capture.json").write_text(body)
    assert refused(tmp_path).code == "capture-broken"


def test_nothing_is_no_capture(tmp_path: Path) -> None:
    """A directory that holds something else is no capture."""
    assert refused(tmp_path).code == "no-capture"
    assert refused(tmp_path / "missing").code == "no-capture"


def test_foreign_directories_are_left_alone(tmp_path: Path) -> None:
    """A capture is never mixed into what is there; an empty directory is free."""
    (tmp_path / "c").mkdir()
    write_capture(capture(), tmp_path / "c")
    before = files(tmp_path / "c")
    (tmp_path / "other").mkdir()
    (tmp_path / "other/notes").write_text("mine")
    (tmp_path / "file").write_text("mine")
    for there, replaced in (("c", False), ("other", False), ("other", True), ("file", True)):
        with pytest.raises(PodliftError) as raised:
            write_capture(capture(), tmp_path / there, replace=replaced)
        assert raised.value.code == "capture-foreign"
    assert files(tmp_path / "c") == before
    assert files(tmp_path / "other") == {"notes": b"mine"}


def test_a_capture_is_replaced_when_asked(tmp_path: Path) -> None:
    """A capture of ours gives way to the next, whole."""
    write_capture(capture(), tmp_path / "c")
    write_capture(Capture(), tmp_path / "c", replace=True)
    assert read_capture(tmp_path / "c") == Capture()
    assert [f.name for f in tmp_path.iterdir()] == ["c"]


def test_a_failed_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk in the middle is one error, and no half-written capture stays."""
    from migrate.capture import directory

    written = []

    def full(data: bytes) -> str:
        written.append(data)
        if len(written) == 3:
            raise OSError(28, "No space left on device")
        return "0" * 64

    monkeypatch.setattr(directory, "digest", full)
    with pytest.raises(PodliftError) as raised:
        write_capture(capture(), tmp_path / "c")
    assert raised.value.code == "cannot-write"
    assert "no space left" in raised.value.reason
    assert list(tmp_path.iterdir()) == []


def test_one_setting_a_line(tmp_path: Path) -> None:
    """A change of one setting is a change of one line, for review."""
    documents = [container("w", HostConfig={"Memory": n, "CpuShares": 0, "Dns": []}) for n in (1, 2)]
    texts = []
    for n, document in enumerate(documents):
        made = Capture(hosts=(HostDocuments(host=Host(name="a"), containers=(document,)),))
        write_capture(made, tmp_path / str(n))
        texts.append((tmp_path / str(n) / "hosts/a/containers/w.json").read_text())
    before, after = (text.splitlines() for text in texts)
    assert [(a, b) for a, b in zip(before, after, strict=True) if a != b] == [('    "Memory": 1,', '    "Memory": 2,')]
    assert json.loads(texts[0]) == documents[0]

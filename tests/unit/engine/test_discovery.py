"""Discovery against engines that fail in every way: it ends in time, names them, and loses nothing of the others."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from converters.capture import HostDocuments
from converters.errors import PodliftError
from converters.workload import Host
from migrate.engine import discover
from tests.engine_proxy import DROP, HANG, EngineProxy, Fault, answer, trickle

VERSION = {"ApiVersion": "1.41", "Version": "20.10.24"}


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the user's own docker is told is not for these engines."""
    for name in ("DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"):
        monkeypatch.delenv(name, raising=False)


def engine(answers: dict[str, Any]) -> Any:
    """A made-up engine: paths without their version to what is answered; a list of containers by name."""
    names: list[str] = answers.pop("containers", [])
    known: dict[str, Any] = {
        "/version": VERSION,
        "/info": {"Driver": "overlay2"},
        "/containers/json?all=1": [{"Id": name, "Names": [f"/{name}"]} for name in names],
        **{f"/containers/{name}/json": {"Id": name, "Name": f"/{name}", "Config": {}} for name in names},
        **answers,
    }

    def fault(path: str) -> Fault:
        found = known.get(path.removeprefix("/v1.41"), answer(404, {"message": f"no such thing: {path}"}))
        return found if isinstance(found, Fault) else answer(200, found)

    return fault


@contextmanager
def read(tmp_path: Path, answers: dict[str, Any], **options: Any) -> Iterator[tuple[HostDocuments, EngineProxy]]:
    with EngineProxy(tmp_path / "s", fault=engine(answers)) as proxy:
        (host,) = discover([Host(name="a", url=proxy.url)], **options).hosts
        yield host, proxy
    assert_nothing_runs()


def assert_nothing_runs() -> None:
    left = [thread.name for thread in threading.enumerate() if thread.name.startswith("podlift")]
    end = time.monotonic() + 2
    while left and time.monotonic() < end:
        time.sleep(0.01)
        left = [thread.name for thread in threading.enumerate() if thread.name.startswith("podlift")]
    assert left == []


def test_the_calls_are_counted(tmp_path: Path) -> None:
    """One call for each thing, however many containers share it, and never more at once than was allowed."""
    names = [f"c{n:02}" for n in range(30)]
    document = {
        "Image": "sha256:1",
        "Config": {"User": "app"},
        "Mounts": [{"Type": "volume", "Name": "data"}, {"Type": "bind", "Source": "/srv"}],
        "NetworkSettings": {"Networks": {"front": {"NetworkID": "n1"}, "back": {"NetworkID": ""}}},
    }
    answers = {f"/containers/{n}/json": {"Id": n, "Name": f"/{n}", **document} for n in names}
    answers |= {"/images/sha256%3A1/json": {"Id": "sha256:1"}, "/volumes/data": {"Name": "data"}}
    answers |= {"/networks/n1": {"Id": "n1", "Name": "front"}, "/networks/back": {"Id": "n2", "Name": "back"}}
    with read(tmp_path, {"containers": names, **answers}, calls_per_host=4) as (host, proxy):
        assert host.error == ""
        assert [c["Id"] for c in host.containers] == names
        assert ([i["Id"] for i in host.images], [v["Name"] for v in host.volumes]) == (["sha256:1"], ["data"])
        assert [n["Name"] for n in host.networks] == ["back", "front"]
        assert len(proxy.requests) == len(set(proxy.requests)) == 3 + 30 + 1 + 1 + 2 + 2
        assert len(proxy.gets) == len(proxy.requests)
        assert proxy.most_connections <= 4


def test_gone_and_sick_containers_are_findings(tmp_path: Path) -> None:
    """What happened to each container that was listed and not read stands beside those that were."""
    answers = {
        "containers": ["fine", "gone", "hangs", "odd", "sick"],
        "/containers/gone/json": answer(404, {"message": "No such container"}),
        "/containers/hangs/json": HANG,
        "/containers/odd/json": answer(200, b"<html>"),
        "/containers/sick/json": answer(500, {"message": "dead or marked for removal"}),
    }
    with read(tmp_path, answers, call_timeout_s=0.3) as (host, _):
        assert [c["Id"] for c in host.containers] == ["fine"]
        assert host.vanished == (
            ("gone", "it was gone when it was to be inspected"),
            ("hangs", "its inspect gave no answer within 0.3 s"),
            ("odd", "its inspect was answered with something that is no JSON"),
            ("sick", "its inspect was answered with 500: dead or marked for removal"),
        )
        assert host.error == ""


@pytest.mark.parametrize(
    ("version", "code"),
    [
        (HANG, "engine-silent"),
        (trickle(b"HTTP/1.1 200 OK\r\nX: y\r\n"), "engine-silent"),
        (trickle(b"HTTP/1.1 200 OK\r\n\r\n{"), "engine-silent"),
        (DROP, "engine-lost"),
        (Fault(b"SSH-2.0-OpenSSH_9.2\r\n", end=True), "engine-lost"),
        (Fault(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{", end=True), "engine-lost"),
        (answer(200, b"<html>"), "no-engine"),
        (answer(200, {"gitVersion": "v1.36"}), "no-engine"),
        (answer(200, {"ApiVersion": "x"}), "no-engine"),
        (answer(200, []), "no-engine"),
        (answer(404, {"message": "no"}), "no-engine"),
        (answer(403, {"message": "authz"}), "engine-unreachable"),
        (answer(400, b"Client sent an HTTP request to an HTTPS server.\n"), "tls-refused"),
        (answer(200, {"ApiVersion": "1.18"}), "engine-too-old"),
    ],
)
def test_what_is_no_working_engine_is_one_error(tmp_path: Path, version: Fault, code: str) -> None:
    """Whatever answers, or does not, the host is unread for one reason, and in time."""
    began = time.monotonic()
    with read(tmp_path, {"/version": version}, call_timeout_s=0.5) as (host, _):
        assert f"[{code}]" in host.error
        assert host.containers == ()
    assert time.monotonic() - began < 3


def test_an_old_engine_is_told_how_to_make_inspect_files(tmp_path: Path) -> None:
    """The two lines of shell stand in the message, ready to be pasted."""
    with read(tmp_path, {"/version": {"ApiVersion": "1.18"}}) as (host, _):
        assert "for id in $(docker ps -aq); do docker inspect" in host.error


def test_a_host_has_its_own_deadline(tmp_path: Path) -> None:
    """Many slow answers, each in time, cannot hold a host for longer than it may take; what was read stays."""
    names = [f"c{n:02}" for n in range(40)]
    hanging = {f"/containers/{name}/json": HANG for name in names[1:]}
    began = time.monotonic()
    with read(tmp_path, {"containers": names, **hanging}, call_timeout_s=0.4, host_timeout_s=1, calls_per_host=2) as (
        host,
        _,
    ):
        assert "[host-timeout]" in host.error
        assert "1 of 40 containers were read" in host.error
        assert [c["Id"] for c in host.containers] == ["c00"]
    assert time.monotonic() - began < 3


def test_a_socket_that_nobody_serves(tmp_path: Path) -> None:
    """A socket that accepts into its backlog and never answers ends with its deadline."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "s"))
        listening.listen()
        (host,) = discover([f"a=unix://{tmp_path}/s"], call_timeout_s=0.3).hosts
    assert "[engine-silent]" in host.error
    assert_nothing_runs()


def test_one_bad_host_among_good_ones(tmp_path: Path) -> None:
    """A host that cannot be reached is named with its reason, and the others are whole, in the order given."""
    with EngineProxy(tmp_path / "s", fault=engine({"containers": ["web"]})) as proxy:
        events: list[tuple[str, int, int]] = []
        capture = discover(
            [f"one={proxy.url}", f"two=unix://{tmp_path}/missing", f"three={proxy.url}"],
            hosts_at_once=2,
            on_event=lambda *event: events.append(event),
        )
    assert [h.host.name for h in capture.hosts] == ["one", "two", "three"]
    assert capture.unread == ("two",)
    assert "no such file or directory [engine-unreachable]" in capture.hosts[1].error
    assert [len(h.containers) for h in capture.hosts] == [1, 0, 1]
    assert events == [("discover", n, 3) for n in (1, 2, 3)]


def test_a_refused_connection() -> None:
    """A port where nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (host,) = discover([f"a=tcp://127.0.0.1:{port}"]).hosts
    assert "connection refused [engine-unreachable]" in host.error


def test_a_name_server_that_hangs_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even what no deadline reaches holds a discovery only for the host's time."""
    from migrate.engine import discovery

    released = threading.Event()
    monkeypatch.setattr(discovery, "_GRACE_S", 0.1)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_a, **_k: released.wait(5) and [])
    began = time.monotonic()
    (host,) = discover(["a=tcp://nowhere.example:2375"], host_timeout_s=0.3).hosts
    assert "[host-timeout]" in host.error
    assert time.monotonic() - began < 2
    released.set()
    assert_nothing_runs()


def test_two_hosts_of_one_name_are_refused() -> None:
    """Instances are counted by host: two under one name would be one."""
    with pytest.raises(PodliftError) as raised:
        discover(["a=unix:///1", "a=unix:///2"])
    assert raised.value.code == "bad-hosts"


def test_interrupted(tmp_path: Path) -> None:
    """Ctrl-C passes at once, and nothing is left running."""

    def interrupt(*_event: object) -> None:
        raise KeyboardInterrupt

    with EngineProxy(tmp_path / "s", fault=engine({})) as good, EngineProxy(tmp_path / "t") as hanging:
        began = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            discover([f"a={good.url}", f"b={hanging.url}"], on_event=interrupt)
    assert time.monotonic() - began < 2
    assert_nothing_runs()


def test_accounts_are_read_by_way_of_links(tmp_path: Path) -> None:
    """/etc/passwd may be a link within the image; a missing file is an empty one."""
    import base64
    import io
    import json
    import tarfile

    def archive(name: str, text: str = "", link: str = "") -> Fault:
        made = io.BytesIO()
        with tarfile.open(fileobj=made, mode="w") as tar:
            member = tarfile.TarInfo(name)
            member.size = len(text)
            if link:
                member.type, member.linkname = tarfile.SYMTYPE, link
            tar.addfile(member, io.BytesIO(text.encode()))
        stat = base64.b64encode(json.dumps({"name": name, "linkTarget": link}).encode()).decode()
        data = made.getvalue()
        head = f"HTTP/1.1 200 OK\r\nX-Docker-Container-Path-Stat: {stat}\r\nContent-Length: {len(data)}\r\n\r\n"
        return Fault(head.encode() + data)

    answers = {
        "containers": ["web"],
        "/containers/web/json": {"Id": "web", "Name": "/web", "Image": "i", "Config": {"User": "app"}},
        "/containers/web/archive?path=%2Fetc%2Fpasswd": archive("passwd", link="../data/passwd"),
        "/containers/web/archive?path=%2Fdata%2Fpasswd": archive("passwd", "app:x:7:8::/:/bin/sh\n"),
    }
    with read(tmp_path, answers) as (host, _):
        assert host.accounts == {"i": ("app:x:7:8::/:/bin/sh\n", "")}


def test_measured_volumes(tmp_path: Path) -> None:
    """Sizes of the volumes in use, by GET; what a driver cannot tell stays out."""
    mounts = [{"Type": "volume", "Name": name} for name in ("data", "nfs")]
    used = [{"Name": name, "UsageData": {"Size": size}} for name, size in (("data", 4096), ("nfs", -1), ("other", 1))]
    answers = {
        "containers": ["web"],
        "/containers/web/json": {"Id": "web", "Name": "/web", "Mounts": mounts},
        "/system/df": {"Volumes": used},
    }
    with read(tmp_path, answers, measure_volumes=True) as (host, proxy):
        assert host.volume_bytes == {"data": 4096}
        assert len(proxy.gets) == len(proxy.requests)

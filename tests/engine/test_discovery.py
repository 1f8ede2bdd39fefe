"""Discovery of real engines, by every way to reach one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from converters.capture import HostDocuments
from converters.workload import Host
from migrate.capture import read_capture, write_capture
from migrate.engine import discover
from migrate.engine.refusals import INSPECT_LOOP
from migrate.hosts_file import HostEntry
from migrate.inspect_files import load_inspects
from tests.engine_proxy import DROP, HANG, EngineProxy, Fault, answer
from tests.lab.engine import Engine, Lab
from tests.lab.pki import Authority
from tests.lab.ssh import SshServer
from tests.lab.tls import TlsEngine

ROOT = Path(__file__).parents[2]
ACCOUNTS = {"etc/passwd": "root:x:0:0::/:/bin/sh\napp:x:7:8::/:/bin/sh\n", "etc/group": "root:x:0:\napp:x:8:\n"}


@pytest.fixture
def socket(engine: Engine) -> Path:
    """The socket of an engine that is ours alone."""
    if os.environ.get("PODLIFT_TEST_DOCKER_HOST"):
        pytest.skip("PODLIFT_TEST_DOCKER_HOST (needs an engine of its own)")
    return Path(engine.url.removeprefix("unix://"))


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the user's own docker is told is not for these engines."""
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def fleet(engine: Engine) -> Iterator[dict[str, str]]:
    """Containers that use a bit of everything: names to IDs. No test changes them."""
    with engine.clean():
        engine.import_image("lab/app:1", files=ACCOUNTS, config={"Cmd": ["sleep", "600"], "User": "app:app"})
        engine.import_image("lab/plain:1", config={"Cmd": ["sleep", "600"], "User": "7"})
        client = engine.client
        client.networks.create("front")
        mount = {"lab-data": {"bind": "/data", "mode": "rw"}}
        running = client.containers.run("lab/app:1", name="lab-web", detach=True, network="front", volumes=mount)
        made = [
            running,
            client.containers.create("lab/app:1", name="lab-idle", network="front", volumes=mount),
            client.containers.create("lab/plain:1", name="lab-plain", environment={"DB_PASSWORD": "wave-41"}),
        ]
        yield {str(container.name): str(container.id) for container in made}


def read(url: str, **options: Any) -> HostDocuments:
    (host,) = discover([f"host={url}"], **options).hosts
    return host


def ours(host: HostDocuments) -> dict[str, Any]:
    """The fleet's documents; the engine may have others."""
    return {c["Name"].lstrip("/"): c for c in host.containers if c["Name"].startswith("/lab-")}


def test_documents_are_those_of_docker_inspect(engine: Engine, fleet: dict[str, str]) -> None:
    """What is captured is the engine's answer, key by key, for containers and all that stands beside them."""
    host = read(engine.url, measure_volumes=True)
    api = engine.client.api
    assert host.error == ""
    assert set(ours(host)) == set(fleet)
    for name in ("lab-idle", "lab-plain"):
        assert ours(host)[name] == api.inspect_container(name)
    app = engine.client.images.get("lab/app:1").attrs
    assert [i for i in host.images if i["Id"] == app["Id"]] == [app]
    assert {"front", "bridge"} <= {n["Name"] for n in host.networks}
    assert [v["Driver"] for v in host.volumes if v["Name"] == "lab-data"] == ["local"]
    assert host.volume_bytes["lab-data"] == 0
    assert host.accounts[app["Id"]] == (ACCOUNTS["etc/passwd"], ACCOUNTS["etc/group"])
    assert host.engine is not None
    assert host.engine.version["ApiVersion"] == host.engine.api_version == api.version()["ApiVersion"]
    assert host.engine.info["ID"] == api.info()["ID"]


def test_only_gets_and_each_once(socket: Path, fleet: dict[str, str], tmp_path: Path) -> None:
    """/version, /info, one list, one inspect a container, one a distinct image, volume and network in use, and two
    archives for the one image whose user is a name; nothing twice, and no method but GET."""
    with EngineProxy(tmp_path / "s", upstream=socket) as proxy:
        host = read(proxy.url)
    assert host.error == ""
    assert len(host.containers) == len(fleet)
    assert [each for each in proxy.requests if not each.startswith("GET ")] == []
    kinds = [path.removeprefix(f"/v{host.engine.api_version if host.engine else ''}") for path in proxy.gets]
    assert len(kinds) == len(set(kinds))
    counts = {
        prefix: sum(path.startswith(prefix) for path in kinds)
        for prefix in ("/version", "/info", "/containers/json", "/images/", "/volumes/", "/networks/")
    }
    assert counts == {"/version": 1, "/info": 1, "/containers/json": 1, "/images/": 2, "/volumes/": 1, "/networks/": 2}
    assert sum("/archive?" in path for path in kinds) == 2
    assert len(kinds) == 8 + 3 + 2
    assert proxy.most_connections <= 8


def test_a_container_that_vanishes_and_one_that_hangs(socket: Path, fleet: dict[str, str], tmp_path: Path) -> None:
    """Both are findings beside the documents of the others."""

    def fault(path: str) -> Fault | None:
        if path.endswith(f"/{fleet['lab-idle']}/json"):
            return answer(404, {"message": "No such container"})
        return HANG if path.endswith(f"/{fleet['lab-web']}/json") else None

    with EngineProxy(tmp_path / "s", upstream=socket, fault=fault) as proxy:
        host = read(proxy.url, call_timeout_s=2)
    assert (set(ours(host)), host.error) == ({"lab-plain"}, "")
    assert host.vanished == (
        ("lab-idle", "it was gone when it was to be inspected"),
        ("lab-web", "its inspect gave no answer within 2 s"),
    )


def test_an_engine_that_dies_in_between(socket: Path, fleet: dict[str, str], tmp_path: Path) -> None:
    """No container is taken for gone because its engine is."""
    with EngineProxy(tmp_path / "s", upstream=socket, fault=lambda p: DROP if p.endswith("/json") else None) as proxy:
        host = read(proxy.url)
    assert fleet
    assert "[engine-lost]" in host.error
    assert host.vanished == ()


def test_tcp(socket: Path, fleet: dict[str, str]) -> None:
    """The same documents over tcp."""
    with EngineProxy(("127.0.0.1", 0), upstream=socket) as proxy:
        host = read(proxy.url)
    assert (host.error, set(ours(host))) == ("", set(fleet))


def test_docker_host_and_contexts(
    engine: Engine, fleet: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host without a URL is the engine that docker itself would use."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.delenv("DOCKER_CONTEXT", raising=False)
    monkeypatch.setenv("DOCKER_HOST", engine.url)
    assert set(ours(discover([Host(name="here")]).hosts[0])) == set(fleet)
    monkeypatch.delenv("DOCKER_HOST")
    command = ["docker", "context", "create", "there", "--docker", f"host={engine.url}"]
    subprocess.run(command, check=True, capture_output=True)
    assert set(ours(read("context://there"))) == set(fleet)


def test_a_capture_of_it_reads_back(engine: Engine, fleet: dict[str, str], tmp_path: Path) -> None:
    """From a real engine to disk and back, equal."""
    capture = discover([f"host={engine.url}"])
    write_capture(capture, tmp_path / "c")
    assert read_capture(tmp_path / "c") == capture
    assert b"wave-41" not in (tmp_path / "c/hosts/host/containers/lab-plain.json").read_bytes()
    assert fleet


def test_the_shell_loop_for_old_engines(engine: Engine, fleet: dict[str, str], tmp_path: Path) -> None:
    """What the message tells to paste makes inspect files that hold the same documents, and their images."""
    environment = {**os.environ, "DOCKER_HOST": engine.url}
    subprocess.run(["sh", "-ec", INSPECT_LOOP], check=True, cwd=tmp_path, env=environment, timeout=60)
    (host,) = load_inspects([f"host={tmp_path}/HOST.json"])
    direct = read(engine.url)
    assert ours(host)["lab-idle"] == ours(direct)["lab-idle"]
    assert set(ours(host)) == set(fleet)
    assert {i["Id"] for i in host.images} == {i["Id"] for i in direct.images}


# ---------------------------------------------------------------- TLS


def test_tls(lab: Lab) -> None:
    """An engine that wants certificates: it is read with the right ones, and each wrong one is one clear error."""
    tls = TlsEngine(lab, "edge-t1")
    engine, url = tls.engine, tls.url
    engine.import_image("lab/app:1", config={"Cmd": ["true"]})
    engine.client.containers.create("lab/app:1", name="lab-web")
    other = Authority(lab.folder / "others-certificates")
    cert, key = other.issue("stranger", "/CN=stranger")

    def over(url: str, **files: Path | None) -> HostDocuments:
        """With a client's files, but for those that are given; None: without it."""
        began = time.monotonic()
        ca, cert, key = (str(files.get(part, path) or "") for part, path in tls.files.items())
        entry = HostEntry(host=Host(name="t1", url=url), ca=ca, cert=cert, key=key)
        (host,) = discover([entry], call_timeout_s=10).hosts
        assert time.monotonic() - began < 8
        return host

    assert (over(url).error, set(ours(over(url)))) == ("", {"lab-web"})
    for host, why in (
        (over(url, ca=other.certificate), "the certificate of tcp://"),
        (over(f"tcp://{lab.network.gateway}:2376"), "connection refused"),
        (over(url, cert=None, key=None), "refuses the certificate"),
        (over(url, cert=cert, key=key), "refuses the certificate"),
        (over(url, ca=None), "the certificate of tcp://"),
        (read(url), "speaks TLS, and no TLS settings are given"),
        (over(url, key=key), "key values mismatch"),
    ):
        assert why in host.error
        assert host.containers == ()
    with EngineProxy(("127.0.0.1", 0), upstream=engine.socket) as plain:
        assert "[tls-refused]" in over(plain.url).error


# ---------------------------------------------------------------- ssh


@pytest.fixture
def ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SshServer]:
    """A server, and a client on PATH that knows it."""
    with SshServer(tmp_path) as server:
        server.client(tmp_path / "bin")
        monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
        monkeypatch.setenv("TMPDIR", str(tmp_path))
        yield server


def forwards(folder: Path) -> list[str]:
    """ssh clients that run with the config in a folder, those of jumps too."""
    found = subprocess.run(["ps", "-wweo", "args"], capture_output=True, text=True, check=True).stdout
    return [line for line in found.splitlines() if f"-F {folder}/ssh_config" in line]


@pytest.mark.parametrize("name", ["edge-a1", "behind"])
def test_ssh(ssh: SshServer, socket: Path, fleet: dict[str, str], tmp_path: Path, name: str) -> None:
    """One forward for all calls, with the user's own config: keys, known hosts, ports and jump hosts."""
    host = read(f"ssh://{name}{socket}")
    assert (host.error, set(ours(host))) == ("", set(fleet))
    assert len([call for call in ssh.calls if "-L" in call]) == 1
    assert forwards(tmp_path) == []


def test_ssh_that_would_ask_or_is_refused(ssh: SshServer, socket: Path, tmp_path: Path) -> None:
    """Nothing is asked; the error holds ssh's own last line and the line to try."""
    for url, said in (
        (f"ssh://unknown{socket}", "Host key verification failed."),
        (f"ssh://stranger{socket}", "Permission denied (publickey)."),
        ("ssh://edge-a1/run/no.sock", "open failed: connect failed"),
        (f"ssh://root@127.0.0.1:1{socket}", "Connection refused"),
    ):
        host = read(url, call_timeout_s=10)
        assert "[ssh-failed]" in host.error, host.error
        assert said in host.error
        assert "try ssh " in host.error
    assert len(ssh.calls) == 4
    assert forwards(tmp_path) == []
    assert not list(tmp_path.glob("podlift-*"))


def test_ssh_that_never_logs_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that hangs ends with the call's time."""
    (tmp_path / "ssh").write_text("#!/bin/sh\nexec sleep 60\n")
    (tmp_path / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    began = time.monotonic()
    host = read("ssh://ops@edge-a1", call_timeout_s=0.5)
    assert "[engine-silent]" in host.error
    assert time.monotonic() - began < 5


def test_no_ssh_client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without ssh is told so."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "there is no ssh client on this machine [ssh-failed]" in read("ssh://ops@edge-a1").error


def test_interrupted(ssh: SshServer, socket: Path, tmp_path: Path) -> None:
    """Ctrl-C in the middle of a discovery by ssh ends the process at once, with its ssh and its folder."""
    with EngineProxy(tmp_path / "s", upstream=socket, fault=lambda p: HANG if "/info" in p else None) as proxy:
        code = f"from migrate.engine import discover; discover(['a=ssh://edge-a1{tmp_path}/s', 'b={proxy.url}'])"
        process = subprocess.Popen(
            [sys.executable, "-c", code], cwd=ROOT, stderr=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)}
        )
        end = time.monotonic() + 20
        while sum("/info" in path for path in proxy.gets) < 2 and time.monotonic() < end:
            time.sleep(0.05)
        assert len(forwards(tmp_path)) == 1
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=10)
        assert time.monotonic() - began < 3
    assert b"KeyboardInterrupt" in said
    assert ssh.calls
    assert forwards(tmp_path) == []
    assert not list(tmp_path.glob("podlift-*"))


def test_unreachable_among_good_ones(engine: Engine, fleet: dict[str, str], tmp_path: Path) -> None:
    """The good hosts are read whole, and the bad one is named; no thread is left."""
    capture = discover([f"good={engine.url}", f"bad=unix://{tmp_path}/none", "worse=ssh://-x@h"])
    assert capture.unread == ("bad", "worse")
    assert set(ours(capture.hosts[0])) == set(fleet)
    time.sleep(0.1)
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("podlift")] == []

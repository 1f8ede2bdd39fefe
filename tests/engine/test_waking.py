"""Real engines wake who waits for their containers, by each way that an engine is reached."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from converters.workload import Host
from migrate.cutover.legacy import HostsLegacy
from migrate.hosts_file import HostEntry
from tests.engine_proxy import EngineProxy, Fault, answer
from tests.lab.engine import Engine, Lab
from tests.lab.ssh import SshServer
from tests.lab.tls import TlsEngine

KEY = "label:lab=web"
# Longer than any look by time alone would take.
LONG_S = 20.0


@pytest.fixture
def socket(clean_engine: Engine) -> Path:
    """The socket of an engine that is ours alone."""
    if os.environ.get("PODLIFT_TEST_DOCKER_HOST"):
        pytest.skip("PODLIFT_TEST_DOCKER_HOST (needs an engine of its own)")
    return Path(clean_engine.url.removeprefix("unix://"))


def run(engine: Engine, name: str, label: str = "web") -> None:
    engine.import_image("lab/app:1", config={"Cmd": ["sleep", "600"]})
    engine.client.containers.run("lab/app:1", name=name, labels={"lab": label}, detach=True)


@contextmanager
def looked(url: str, *, ca: str = "", cert: str = "", key: str = "") -> Iterator[HostsLegacy]:
    """At one host once, and it listens. Afterwards nothing of it is left that runs."""
    before = set(threading.enumerate())
    host = Host(name="edge-a1", url=url, address="192.0.2.21")
    legacy = HostsLegacy([HostEntry(host=host, ca=ca, cert=cert, key=key)], KEY)
    assert legacy.find().unread == {}
    # for what happened before it listened
    assert legacy.wait(LONG_S)
    try:
        yield legacy
    finally:
        legacy.close()
        left = [each.name for each in threading.enumerate() if each not in before and each.name.startswith("podlift")]
        assert left == []


def woken(legacy: HostsLegacy, act: Callable[[], object]) -> bool:
    """Whether it was by what is done, and at once."""
    assert not legacy.wait(1)
    began = time.monotonic()
    act()
    return legacy.wait(LONG_S) and time.monotonic() - began < LONG_S / 2


def follows(engine: Engine, legacy: HostsLegacy) -> None:
    """A death, a start, and a new one; others wake nobody, and neither does what changes nothing."""
    web = engine.client.containers.get("lab-web")
    assert woken(legacy, web.kill)
    assert [each.running for each in legacy.find().containers] == [False]
    assert woken(legacy, web.start)
    assert woken(legacy, lambda: run(engine, "lab-more"))
    assert len(legacy.find().containers) == 2
    run(engine, "lab-other", "other")
    web.exec_run(["true"])
    assert not legacy.wait(1)


def test_by_a_socket(clean_engine: Engine, socket: Path, tmp_path: Path) -> None:
    """By GET alone."""
    run(clean_engine, "lab-web")
    with EngineProxy(tmp_path / "s", upstream=socket) as proxy:
        with looked(proxy.url) as legacy:
            follows(clean_engine, legacy)
        assert proxy.requests == [f"GET {path}" for path in proxy.gets]
        assert len([path for path in proxy.gets if "/events" in path]) == 1
        end = time.monotonic() + 5
        while proxy.connections and time.monotonic() < end:
            time.sleep(0.01)
        assert proxy.connections == 0


def test_by_tls(lab: Lab) -> None:
    tls = TlsEngine(lab, "edge-t1")
    run(tls.engine, "lab-web")
    with looked(tls.url, **{part: str(path) for part, path in tls.files.items()}) as legacy:
        follows(tls.engine, legacy)


def test_by_ssh(clean_engine: Engine, socket: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One login serves looks and events, and ends with them."""
    run(clean_engine, "lab-web")
    with SshServer(tmp_path) as server:
        server.client(tmp_path / "bin")
        monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
        monkeypatch.setenv("TMPDIR", str(tmp_path))
        with looked(f"ssh://edge-a1{socket}") as legacy:
            follows(clean_engine, legacy)
        assert len([call for call in server.calls if "-L" in call]) == 1
    assert not list(tmp_path.glob("podlift-*"))


def test_an_engine_that_goes_and_comes_back(clean_engine: Engine, socket: Path, tmp_path: Path) -> None:
    """It is listened to again by itself, once a look has got through, and wakes for what it did not tell."""
    run(clean_engine, "lab-web")
    with EngineProxy(tmp_path / "s", upstream=socket) as proxy, looked(proxy.url) as legacy:
        proxy.down()
        assert not legacy.wait(1)
        assert set(legacy.find().unread) == {"edge-a1"}
        proxy.up()
        clean_engine.client.containers.get("lab-web").kill()
        assert not legacy.wait(0)
        assert legacy.find().unread == {}
        assert legacy.wait(LONG_S)
        assert woken(legacy, clean_engine.client.containers.get("lab-web").start)


@pytest.mark.parametrize(
    "fault", [answer(403, {"message": "no events here"}), Fault(), answer(200, b"no JSON\n"), Fault(end=True)]
)
def test_an_engine_that_tells_nothing(clean_engine: Engine, socket: Path, tmp_path: Path, fault: Fault) -> None:
    """It is looked at all the same, and lets go at once."""
    run(clean_engine, "lab-web")
    with EngineProxy(tmp_path / "s", upstream=socket, fault=lambda p: fault if "/events" in p else None) as proxy:
        legacy = HostsLegacy([HostEntry(host=Host(name="edge-a1", url=proxy.url, address="192.0.2.21"))], KEY)
        assert legacy.find().unread == {}
        legacy.wait(0.2)
        assert [each.running for each in legacy.find().containers] == [True]
        began = time.monotonic()
        legacy.close()
        assert time.monotonic() - began < 1
        assert not [each for each in threading.enumerate() if each.name.startswith("podlift-events")]

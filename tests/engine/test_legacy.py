"""A workload's containers found on real engines, and changed there."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from docker.models.containers import Container

from converters.errors import PodliftError
from converters.workload import Host
from migrate.cutover.edges import Backend, Found
from migrate.cutover.legacy import HostsLegacy
from migrate.hosts_file import HostEntry
from tests.engine_proxy import HANG, EngineProxy
from tests.lab.engine import Engine

ADDRESS = "192.0.2.21"
KEY = "label:lab=web"


def entry(url: str, name: str = "edge-a1", address: str = ADDRESS) -> HostEntry:
    return HostEntry(host=Host(name=name, url=url, address=address))


def run(engine: Engine, name: str, *, ours: bool = True, **options: Any) -> Container:
    engine.import_image("lab/app:1", config={"Cmd": ["sleep", "600"], "ExposedPorts": {"80/tcp": {}}})
    labels = {"lab": "web" if ours else "other"}
    made: Container = engine.client.containers.run("lab/app:1", name=name, labels=labels, detach=True, **options)
    made.reload()
    return made


def port_of(container: Container) -> int:
    container.reload()
    bindings = container.attrs["NetworkSettings"]["Ports"]["80/tcp"]
    # an engine may give another number in IPv6
    (port,) = [int(each["HostPort"]) for each in bindings if each["HostIp"] == "0.0.0.0"]
    return port


def names(found: Found) -> list[str]:
    return [each.name for each in found.containers]


@pytest.fixture
def socket(clean_engine: Engine) -> Path:
    """The socket of an engine that is ours alone."""
    if os.environ.get("PODLIFT_TEST_DOCKER_HOST"):
        pytest.skip("PODLIFT_TEST_DOCKER_HOST (needs an engine of its own)")
    return Path(clean_engine.url.removeprefix("unix://"))


def test_a_workload_on_a_real_engine(clean_engine: Engine) -> None:
    """By its grouping key and by name, running and stopped; the engine's ports are the host's, loopback gives none;
    the others are strangers where they answer."""
    web = run(clean_engine, "lab-web", ports={"80/tcp": None}, restart_policy={"Name": "always"})
    inside = run(clean_engine, "lab-inside", ports={"80/tcp": ("127.0.0.1", None)})
    known = run(clean_engine, "lab-known", ours=False, network_mode="host")
    other = run(clean_engine, "lab-other", ours=False, ports={"80/tcp": None})
    hosted = run(clean_engine, "lab-hosted", ours=False, network_mode="host")
    legacy = HostsLegacy([entry(clean_engine.url)], KEY, known=[("edge-a1", "lab-known"), ("edge-b1", "lab-other")])
    found = legacy.find()
    assert found.unread == {}
    assert names(found) == ["lab-inside", "lab-known", "lab-web"]
    by_name = {each.name: each for each in found.containers}
    assert by_name["lab-inside"].ports == {}
    assert by_name["lab-known"].ports == {"80/tcp": Backend(ADDRESS, 80)}
    seen = by_name["lab-web"]
    assert (seen.id, seen.image, seen.running) == (web.id, "lab/app:1", True)
    assert seen.ports == {"80/tcp": Backend(ADDRESS, port_of(web))}
    assert seen.restart == {"Name": "always", "MaximumRetryCount": 0}
    # where one of ours answers, no other is believed to
    assert {each: found.strangers[each] for each in found.strangers if each.port in (80, port_of(other))} == {
        Backend(ADDRESS, port_of(other)): other.id
    }
    known.stop(timeout=0)
    assert legacy.find().strangers[Backend(ADDRESS, 80)] == hosted.id

    legacy.set_restart("edge-a1", str(web.id), {"Name": "no"})
    legacy.stop("edge-a1", str(web.id), 0)
    (stopped,) = [each for each in legacy.find().containers if each.name == "lab-web"]
    assert (stopped.running, stopped.ports, stopped.exit_code, stopped.restart["Name"]) == (False, {}, 137, "no")
    legacy.start("edge-a1", str(web.id))
    inside.pause()
    state = {each.name: each for each in legacy.find().containers}
    # a dynamic port may be another one now
    assert state["lab-web"].ports == {"80/tcp": Backend(ADDRESS, port_of(web))}
    assert (state["lab-web"].running, state["lab-inside"].running) == (True, False)
    legacy.close()


def test_only_the_workload_is_inspected_again(clean_engine: Engine, socket: Path, tmp_path: Path) -> None:
    """A list and an inspect of each of its containers; another one is inspected when it is first seen. What comes,
    goes, is renamed or takes another's port is seen all the same."""
    web = run(clean_engine, "lab-web", ports={"80/tcp": 18080})
    others = [run(clean_engine, f"lab-other-{n}", ours=False, ports={"80/tcp": None}) for n in range(3)]
    with EngineProxy(tmp_path / "s", upstream=socket) as proxy:
        legacy = HostsLegacy([entry(proxy.url)], "name:lab-web(-[0-9])?")

        def inspects() -> list[str]:
            asked = [path.split("/")[3] for path in proxy.gets if path.endswith("/json") and "all=" not in path]
            proxy.requests.clear()
            return sorted(asked)

        assert len(legacy.find().strangers) == 3
        assert inspects() == sorted(str(each.id) for each in [web, *others])
        assert names(legacy.find()) == ["lab-web"]
        assert inspects() == [web.id]
        web.remove(force=True)
        others[0].rename("lab-web-2")
        late = run(clean_engine, "lab-late", ours=False, ports={"80/tcp": 18080})
        found = legacy.find()
        assert names(found) == ["lab-web-2"]
        assert found.strangers[Backend(ADDRESS, 18080)] == late.id
        assert inspects() == sorted([str(late.id), str(others[0].id)])
        legacy.close()


def test_hosts_that_cannot_be_read(clean_engine: Engine, socket: Path, tmp_path: Path) -> None:
    """Each is named with the reason, in its time, and the others are read; when one comes back it is read too."""
    web = run(clean_engine, "lab-web", ports={"80/tcp": None})
    hung = [HANG]
    with EngineProxy(tmp_path / "s", upstream=socket, fault=lambda _: hung[0] if hung else None) as proxy:
        hosts: Sequence[HostEntry] = [
            entry(clean_engine.url),
            entry(f"unix://{tmp_path}/none", "edge-a2"),
            entry(proxy.url, "edge-a3"),
            entry(clean_engine.url, "edge-b1", ""),
            entry("context://nowhere", "edge-b2"),
        ]
        legacy = HostsLegacy(hosts, KEY, call_timeout_s=1, host_timeout_s=5)
        began = time.monotonic()
        found = legacy.find()
        assert time.monotonic() - began < 4
        assert [(each.host, each.id) for each in found.containers] == [("edge-a1", web.id)]
        codes = {host: why.partition("[")[2].partition("]")[0] for host, why in found.unread.items()}
        assert codes == {
            "edge-a2": "engine-unreachable",
            "edge-a3": "engine-silent",
            "edge-b1": "host-address",
            "edge-b2": "no-context",
        }
        assert "edge-b1" in found.unread["edge-b1"]
        # the time of the host, where many calls would each have theirs
        short = HostsLegacy([hosts[2]], KEY, call_timeout_s=30, host_timeout_s=0.3)
        assert "not read within 0.3 s [host-timeout]" in short.find().unread["edge-a3"]
        hung.clear()
        found = legacy.find()
        assert {each.host for each in found.containers} == {"edge-a1", "edge-a3"}
        assert "edge-a3" not in found.unread
        legacy.close()
    with pytest.raises(PodliftError) as raised:
        legacy.stop("edge-c1", str(web.id), 1)
    assert (raised.value.code, raised.value.subject) == ("bad-hosts", "edge-c1")


STUBBORN = ["sh", "-c", "trap '' TERM; while :; do sleep 0.05; done"]


def test_a_container_that_takes_long_to_stop(clean_engine: Engine, socket: Path, tmp_path: Path) -> None:
    """Nobody waits for it; it is told once, stops though who asked has let go, and what went wrong is raised later."""
    web = run(clean_engine, "lab-web", command=STUBBORN)
    time.sleep(0.3)

    def running() -> list[bool]:
        return [each.running for each in legacy.find().containers]

    with EngineProxy(tmp_path / "s", upstream=socket) as proxy:
        legacy = HostsLegacy([entry(proxy.url)], KEY)
        began = time.monotonic()
        for _ in range(2):
            legacy.stop("edge-a1", str(web.id), 5)
        assert time.monotonic() - began < 3
        assert running() == [True]
        assert len([each for each in proxy.requests if "/stop" in each]) == 1
        legacy.close()
    # its connection is gone, too
    web.wait(timeout=20)
    assert time.monotonic() - began < 9
    web.start()
    time.sleep(0.3)
    with EngineProxy(tmp_path / "t", upstream=socket) as lost:
        legacy = HostsLegacy([entry(lost.url)], KEY)
        legacy.stop("edge-a1", str(web.id), 60)
    time.sleep(0.5)
    with pytest.raises(PodliftError) as raised:
        legacy.stop("edge-a1", str(web.id), 60)
    assert raised.value.code == "engine-lost"
    legacy.close()

"""Containers of a real engine stopped, started and updated; each change is sent once, whatever becomes of its
answer."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from docker.models.containers import Container

from converters.errors import PodliftError
from converters.workload import Host
from migrate.engine.control import EngineControl
from migrate.hosts_file import HostEntry
from tests.engine_proxy import HANG, LOST, RESET, EngineProxy, Fault, answer
from tests.lab.engine import Engine
from tests.lab.ssh import SshServer

# Ends by its own signal alone, with a status of its own.
POLITE = "trap 'exit 7' USR1; trap '' TERM; while :; do sleep 0.05; done"
STUBBORN = "trap '' TERM; while :; do sleep 0.05; done"
SLOW = "trap 'sleep 1.5; exit 0' TERM; while :; do sleep 0.05; done"


@pytest.fixture
def socket(clean_engine: Engine) -> Path:
    """The socket of an engine that is ours alone."""
    if os.environ.get("PODLIFT_TEST_DOCKER_HOST"):
        pytest.skip("PODLIFT_TEST_DOCKER_HOST (needs an engine of its own)")
    return Path(clean_engine.url.removeprefix("unix://"))


@pytest.fixture
def control(clean_engine: Engine) -> Iterator[EngineControl]:
    made = control_of(clean_engine.url)
    yield made
    made.close()


def control_of(url: str, **options: Any) -> EngineControl:
    return EngineControl(HostEntry(host=Host(name="edge-a1", url=url)), **options)


def run(engine: Engine, script: str = STUBBORN, **options: Any) -> Container:
    engine.import_image("lab/app:1", config={"Cmd": ["sleep", "600"]})
    made: Container = engine.client.containers.run("lab/app:1", ["sh", "-c", script], detach=True, **options)
    return made


def state(container: Container) -> dict[str, Any]:
    container.reload()
    found: dict[str, Any] = container.attrs["State"]
    return found


def restart(container: Container) -> tuple[str, int]:
    container.reload()
    policy = container.attrs["HostConfig"]["RestartPolicy"]
    # the engine shows no name until one is given
    return policy["Name"] or "no", policy["MaximumRetryCount"]


def posts(proxy: EngineProxy) -> list[str]:
    return [each for each in proxy.requests if not each.startswith("GET ")]


def refused(change: Callable[[], object]) -> PodliftError:
    with pytest.raises(PodliftError) as raised:
        change()
    return raised.value


def test_the_restart_policy(clean_engine: Engine, control: EngineControl) -> None:
    """Taken off and given back as it was; a count that means nothing for a policy is not sent with it."""
    container = run(clean_engine, restart_policy={"Name": "on-failure", "MaximumRetryCount": 3})
    assert container.id is not None
    container.reload()
    original = container.attrs["HostConfig"]["RestartPolicy"]
    for policy, then in (
        ({"Name": "no"}, ("no", 0)),
        (original, ("on-failure", 3)),
        ({"Name": "unless-stopped", "MaximumRetryCount": 3}, ("unless-stopped", 0)),
        ({}, ("no", 0)),
    ):
        control.set_restart(container.id, policy)
        assert restart(container) == then
    assert state(container)["Running"]


def test_stop_sends_the_containers_own_signal(clean_engine: Engine, control: EngineControl) -> None:
    """It returns as soon as the container has stopped, and is harmless where it has; nothing is removed."""
    container = run(clean_engine, POLITE, stop_signal="SIGUSR1")
    assert container.id is not None
    time.sleep(0.3)
    began = time.monotonic()
    control.stop(container.id, 20)
    assert time.monotonic() - began < 5
    assert (state(container)["Status"], state(container)["ExitCode"]) == ("exited", 7)
    control.stop(container.id, 20)
    control.start(container.id)
    pid = state(container)["Pid"]
    control.start(container.id)
    assert (state(container)["Running"], state(container)["Pid"]) == (True, pid)


def test_stop_kills_after_the_grace(clean_engine: Engine, control: EngineControl) -> None:
    container = run(clean_engine, STUBBORN)
    assert container.id is not None
    time.sleep(0.3)
    began = time.monotonic()
    control.stop(container.id, 1.2)
    assert 2 <= time.monotonic() - began < 8
    assert state(container)["ExitCode"] == 137


def test_a_stop_may_last_longer_than_other_calls(clean_engine: Engine) -> None:
    """Its deadline counts from the grace; a look that hangs meanwhile ends by its own, and not the stop."""
    container = run(clean_engine, SLOW)
    assert container.id is not None
    time.sleep(0.3)
    control = control_of(clean_engine.url, call_timeout_s=0.5)
    control.stop(container.id, 10)
    control.close()
    assert state(container)["ExitCode"] == 0


def test_a_restarting_container_stays_down(clean_engine: Engine, control: EngineControl) -> None:
    """One that waits for its next try is stopped too, and does not come back."""
    container = run(clean_engine, "sleep 0.2; exit 3", restart_policy={"Name": "always"})
    assert container.id is not None
    end = time.monotonic() + 20
    while not state(container)["Restarting"] and time.monotonic() < end:
        time.sleep(0.02)
    control.set_restart(container.id, {"Name": "no"})
    control.stop(container.id, 1)
    time.sleep(2)
    assert (state(container)["Running"], state(container)["Restarting"]) == (False, False)


def test_remove_takes_what_is_stopped_and_no_volume(clean_engine: Engine, control: EngineControl) -> None:
    """One that runs or is paused is refused with the engine's words; named volumes stay and those without a name; one
    that is gone is gone."""
    clean_engine.client.volumes.create("lab-data")
    container = run(clean_engine, volumes=["lab-data:/data", "/scratch"])
    identity = str(container.id)
    container.reload()
    names = {each["Name"] for each in container.attrs["Mounts"]}
    assert len(names) == 2
    assert refused(lambda: control.remove(identity)).code == "engine-refused"
    container.pause()
    assert "paused" in refused(lambda: control.remove(identity)).reason
    container.unpause()
    control.stop(identity, 0)
    control.remove(identity)
    assert control.inspected([identity]) == {}
    assert names <= {each.name for each in clean_engine.client.volumes.list()}
    control.remove(identity)


def test_what_the_engine_refuses(clean_engine: Engine, control: EngineControl) -> None:
    """Its own words come through."""
    own = run(clean_engine, auto_remove=True)
    assert own.id is not None
    error = refused(lambda: control.set_restart(str(own.id), {"Name": "always"}))
    assert (error.code, error.subject) == ("engine-refused", "edge-a1")
    assert "AutoRemove" in error.reason
    first = run(clean_engine, ports={"80/tcp": None})
    first.reload()
    port = first.attrs["NetworkSettings"]["Ports"]["80/tcp"][0]["HostPort"]
    second = clean_engine.client.containers.create("lab/app:1", ports={"80/tcp": int(port)})
    error = refused(lambda: control.start(str(second.id)))
    assert error.code == "engine-refused"
    assert "already allocated" in error.reason


def test_a_container_that_is_gone(clean_engine: Engine, control: EngineControl) -> None:
    container = run(clean_engine)
    identity = str(container.id)
    assert set(control.inspected([identity])) == {identity}
    container.remove(force=True)
    assert control.inspected([identity]) == {}
    for change in (
        lambda: control.set_restart(identity, {"Name": "no"}),
        lambda: control.stop(identity, 1),
        lambda: control.start(identity),
    ):
        error = refused(change)
        assert (error.code, error.subject) == ("container-gone", "edge-a1")
        assert identity in error.reason


@pytest.mark.parametrize("verb", ["update", "stop", "start"])
def test_a_lost_answer(clean_engine: Engine, socket: Path, tmp_path: Path, verb: str) -> None:
    """What was asked is done, the error says that no answer came, and nothing was sent twice; then calls go on."""
    container = run(clean_engine)
    identity = str(container.id)
    if verb == "start":
        container.kill()
        container.wait()

    def fault(path: str) -> Fault | None:
        return LOST if f"/{verb}" in path else None

    with EngineProxy(tmp_path / "s", upstream=socket, fault=fault) as proxy:
        control = control_of(proxy.url)
        assert identity in {each["Id"] for each in control.listing()}
        error = refused(lambda: change(control, verb, identity))
        assert error.code == "engine-lost"
        assert [path.split("/")[-1].partition("?")[0] for path in posts(proxy)] == [verb]
        assert state(container)["Running"] == (verb != "stop")
        assert restart(container)[0] == ("unless-stopped" if verb == "update" else "no")
        assert identity in control.inspected([identity])
        control.close()


def change(control: EngineControl, verb: str, identity: str) -> None:
    if verb == "update":
        control.set_restart(identity, {"Name": "unless-stopped"})
    elif verb == "stop":
        control.stop(identity, 1)
    else:
        control.start(identity)


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (RESET, "engine-unreachable"),
        (HANG, "engine-silent"),
        (Fault(end=True), "engine-lost"),
        (answer(409, {"message": "it is being removed"}), "engine-refused"),
        (answer(500, {"message": "no space left"}), "engine-refused"),
        (answer(403, {"message": "authorization denied"}), "engine-refused"),
        (Fault(b"HTTP/1.1 307 Moved\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n"), "engine-refused"),
        (Fault(b"HTTP/1.1 503 Busy\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n"), "engine-refused"),
    ],
)
def test_one_change_is_one_request(clean_engine: Engine, socket: Path, fault: Fault, code: str) -> None:
    """Neither we nor the library below asks again; the container is as it was."""
    container = run(clean_engine)
    with EngineProxy(
        ("127.0.0.1", 0), upstream=socket, fault=lambda p: fault if p.endswith("/update") else None
    ) as proxy:
        control = control_of(proxy.url, call_timeout_s=1)
        # over a connection that was used before
        control.listing()
        began = time.monotonic()
        error = refused(lambda: control.set_restart(str(container.id), {"Name": "always"}))
        control.close()
        assert time.monotonic() - began < 5
    assert error.code == code
    assert len(posts(proxy)) == 1
    assert restart(container)[0] == "no"


def test_an_engine_that_goes_and_comes_back(clean_engine: Engine, socket: Path, tmp_path: Path) -> None:
    """A stop under way ends with an error and is not sent again; while the engine is away each call says so; then the
    same object goes on, and asks for the engine's version anew."""
    container = run(clean_engine, SLOW)
    identity = str(container.id)
    time.sleep(0.3)
    failed: list[PodliftError] = []
    with EngineProxy(tmp_path / "s", upstream=socket) as proxy:
        control = control_of(proxy.url)
        control.listing()
        stopping = threading.Thread(target=lambda: failed.append(refused(lambda: control.stop(identity, 10))))
        stopping.start()
        end = time.monotonic() + 10
        while not posts(proxy) and time.monotonic() < end:
            time.sleep(0.01)
        # the engine has the request before the proxy takes the connection away
        time.sleep(0.2)
        proxy.down()
        stopping.join(10)
        assert [error.code for error in failed] == ["engine-lost"]
        assert refused(lambda: control.start(identity)).code == "engine-unreachable"
        proxy.up()
        assert container.wait(timeout=20)["StatusCode"] == 0
        assert identity in {each["Id"] for each in control.listing()}
        control.close()
    assert len(posts(proxy)) == 1
    assert sum(path == "/version" for path in proxy.gets) == 2


def test_a_look_that_hangs_does_not_end_a_stop(clean_engine: Engine, socket: Path, tmp_path: Path) -> None:
    """The connection that broke is left to the calls that are still on it."""
    container = run(clean_engine, SLOW)
    identity = str(container.id)
    time.sleep(0.3)
    with EngineProxy(tmp_path / "s", upstream=socket, fault=lambda p: HANG if p.endswith("/json") else None) as proxy:
        control = control_of(proxy.url, call_timeout_s=0.3)
        stopping = threading.Thread(target=lambda: control.stop(identity, 10))
        stopping.start()
        end = time.monotonic() + 10
        while not posts(proxy) and time.monotonic() < end:
            time.sleep(0.01)
        assert refused(lambda: control.inspected([identity])).code == "engine-silent"
        assert stopping.is_alive()
        stopping.join(10)
        control.close()
    assert state(container)["ExitCode"] == 0


def test_ssh_logs_in_once(clean_engine: Engine, socket: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One forward for all calls; when it has ended, one call fails and the next has a new one."""
    container = run(clean_engine)
    with SshServer(tmp_path) as server:
        server.client(tmp_path / "bin")
        monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
        monkeypatch.setenv("TMPDIR", str(tmp_path))
        control = control_of(f"ssh://edge-a1{socket}")
        control.listing()
        control.set_restart(str(container.id), {"Name": "always"})
        assert restart(container)[0] == "always"
        assert len(logins(server)) == 1
        for pid in clients(tmp_path):
            os.kill(pid, signal.SIGTERM)
        end = time.monotonic() + 10
        while clients(tmp_path) and time.monotonic() < end:
            time.sleep(0.05)
        assert refused(control.listing).code in ("engine-lost", "engine-unreachable")
        control.set_restart(str(container.id), {"Name": "no"})
        assert restart(container)[0] == "no"
        assert len(logins(server)) == 2
        control.close()
        assert clients(tmp_path) == []
    assert not list(tmp_path.glob("podlift-*"))


def logins(server: SshServer) -> list[str]:
    return [call for call in server.calls if "-L" in call]


def clients(folder: Path) -> list[int]:
    """ssh clients that run, not those that ended and are not waited for, with the config in a folder."""
    found = subprocess.run(["ps", "-wweo", "pid,stat,args"], capture_output=True, text=True, check=True).stdout
    rows = [line.split(None, 2) for line in found.splitlines() if f"-F {folder}/ssh_config" in line]
    return [int(pid) for pid, stat, _ in rows if not stat.startswith("Z")]

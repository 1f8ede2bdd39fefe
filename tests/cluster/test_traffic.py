"""That no request can be lost unseen: the load, the server and the ledgers, against real servers that fail."""

from __future__ import annotations

import http.client
import signal
import socket
import struct
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import traffic
from tests.cluster.traffic import IMAGE, Load, Report, Traffic, TrafficError, exactly_once
from tests.lab.cluster import Cluster
from tests.lab.engine import Engine

ALL = Load(new=150, keep=10, keep_rate=10, poll=5, poll_for_s=0.5, post=50, timeout_s=3)
# What a request may meet when its server is killed; anything else is a fault of the load.
ENDINGS = {"refused", "reset", "closed", "truncated", "timeout", "unreachable"}


def run(to: str, load: Load, *, for_s: float, meanwhile: Callable[[], object] = lambda: None) -> Report:
    """The report of a load from here; half-way something else is done."""
    with Traffic(traffic.here(), to, load) as running:
        time.sleep(for_s / 2)
        meanwhile()
        time.sleep(for_s / 2)
        return running.stop()


# ---------------------------------------------------------------- containers and pods


@pytest.fixture
def app(clean_engine: Engine) -> tuple[Any, str]:
    """The server in a container, and where it answers."""
    traffic.make_image(clean_engine)
    container = clean_engine.client.containers.run(IMAGE, ["app"], detach=True, ports={"8080/tcp": None})
    container.reload()
    published = container.attrs["NetworkSettings"]["Ports"]["8080/tcp"][0]
    address = f"{clean_engine.address}:{published['HostPort']}"
    await_health(address)
    return container, address


def await_health(address: str) -> None:
    end = time.monotonic() + 10
    while True:
        try:
            assert get(address, "/health") == b"ok\n"
            return
        except (OSError, http.client.HTTPException):
            assert time.monotonic() < end, f"{address} does not answer"
            time.sleep(0.05)


def get(address: str, path: str) -> bytes:
    with closing(http.client.HTTPConnection(address, timeout=5)) as connection:
        connection.request("GET", path)
        return connection.getresponse().read()


def test_a_container_that_stays_loses_nothing_of_any_kind(app: tuple[Any, str]) -> None:
    _, address = app
    report = run(address, ALL, for_s=3)
    assert not report.failed, report.told()
    assert all(set(kind.backends) == {backend(report)} for kind in report.kinds.values())
    for name, rate in {"new": 150, "keep": 100, "poll": 5, "post": 50}.items():
        assert report.kinds[name].sent == pytest.approx(rate * report.seconds, rel=0.1, abs=2)
    assert report.kinds["keep"].connections == 10
    assert report.kinds["new"].connections == report.kinds["new"].sent
    # the series holds every answer once
    told = sum(count for second in report.series for moment in second.values() for count in moment["backends"].values())
    assert told == report.sent
    orders = exactly_once(report, {"app": get(address, "/ledger").decode().split()})
    assert (orders.exact, orders.acknowledged, orders.unacknowledged) == (True, report.kinds["post"].ok, [])


def backend(report: Report) -> str:
    """The one that answered."""
    (only,) = {name for kind in report.kinds.values() for name in kind.backends}
    return only


def test_a_killed_container_is_seen_by_every_kind(app: tuple[Any, str]) -> None:
    container, address = app
    report = run(address, ALL, for_s=3, meanwhile=container.kill)
    assert set(report.reasons) <= ENDINGS, report.told()
    for name, kind in report.kinds.items():
        assert 0 < kind.ok < kind.sent, f"{name}\n{report.told()}"
        assert kind.ok + sum(kind.failed.values()) == kind.sent
        assert not kind.unfinished
        # nothing failed before
        assert all(failure["at_s"] > 1 for failure in kind.failures), report.told()


def test_pods_and_nodes_can_load_too(lab_cluster: Cluster, clean_engine: Engine, space: str) -> None:
    traffic.make_image(clean_engine)
    lab_cluster.load(clean_engine, IMAGE)
    containers = [{"name": "app", "image": IMAGE, "imagePullPolicy": "Never", "args": ["app"]}]
    pods = [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "namespace": space},
            "spec": {"containers": containers, "terminationGracePeriodSeconds": 0},
        }
        for name in ("server", "caller")
    ]
    lab_cluster.apply(*pods)
    lab_cluster.kubectl("wait", "-n", space, "--for=condition=Ready", "pod", "--all", "--timeout=30s")
    address = f"{lab_cluster.get('pod', 'server', '-n', space)['status']['podIP']}:8080"
    places = [(traffic.in_pod(lab_cluster, space, "caller"), ALL)]
    # one of the nodes is the server's own
    for node in lab_cluster.nodes:
        load = replace(ALL, sources=traffic.pod_addresses(node, count=2))
        places.append((traffic.on_host(node.host), load))
    for place, load in places:
        with Traffic(place, address, load) as running:
            time.sleep(1.5)
            report = running.stop()
        assert not report.failed, report.told()
        assert min(kind.ok for kind in report.kinds.values()) > 0
        assert backend(report).startswith("server/")


# ---------------------------------------------------------------- a server that fails


@dataclass
class Stub:
    """Answers as the app does, but for what `fault` does to the request of a number on its connection; the fault is
    given the connection and the good answer."""

    fault: Callable[[socket.socket, bytes], None]
    at: int = 2
    seen: list[bytes] = field(default_factory=list)
    address: str = ""

    def serve(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=self._talk, args=(listener.accept()[0],), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            number = 0
            while request := connection.recv(4096):
                number += 1
                self.seen.append(request)
                if number == self.at:
                    self.fault(connection, ANSWER)
                    return
                connection.sendall(ANSWER)
                if b"Connection: close" in request:
                    return


BODY = (b"traffic-app stub/1\n" + b"0123456789abcdefghijklmnopqrstuvwxyz\n" * 30)[:1024]
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 1024\r\n\r\n" + BODY


@contextmanager
def stub(fault: Callable[[socket.socket, bytes], None], at: int = 2) -> Iterator[Stub]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        made = Stub(fault, at, address=f"127.0.0.1:{listener.getsockname()[1]}")
        server = threading.Thread(target=made.serve, args=(listener,), daemon=True)
        server.start()
        yield made
        # a listener that another thread waits on wakes by this alone
        listener.shutdown(socket.SHUT_RDWR)
        server.join()


def reset(connection: socket.socket, _answer: bytes) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def silent(connection: socket.socket, _answer: bytes) -> None:
    connection.recv(1)


FAULTS: dict[str, Callable[[socket.socket, bytes], None]] = {
    "closed": lambda _connection, _answer: None,
    "reset": reset,
    "timeout": silent,
    "truncated": lambda connection, answer: connection.sendall(answer[:-1]),
    "truncated in the header": lambda connection, answer: connection.sendall(answer[:20]),
    "truncated, of no length": lambda connection, answer: connection.sendall(
        answer[:-1].replace(b"Content-Length: 1024", b"Connection: close")
    ),
    "status 503": lambda connection, answer: connection.sendall(answer.replace(b"200 OK", b"503 No")),
    "foreign": lambda connection, answer: connection.sendall(answer.replace(b"xyz", b"xyy")),
    "truncated in its first word": lambda connection, answer: connection.sendall(answer[:3]),
    "foreign, not HTTP": lambda connection, _answer: connection.sendall(b"SSH-2.0-OpenSSH\r\n\r\n"),
}


@pytest.mark.parametrize("what", FAULTS)
def test_a_request_on_a_reused_connection_that_fails_is_counted_and_not_sent_again(what: str) -> None:
    with stub(FAULTS[what]) as server:
        report = run(server.address, Load(keep=2, keep_rate=10, timeout_s=0.3), for_s=1)
    kind, reason = report.kinds["keep"], what.partition(",")[0].partition(" in ")[0]
    # each second request of a connection meets the fault
    assert set(kind.failed) == {reason}, report.told()
    assert kind.failed[reason] >= 4
    assert kind.ok - kind.failed[reason] in (0, 1, 2)
    assert len(server.seen) == kind.sent == kind.ok + kind.failed[reason]
    assert all(failure["reused"] and failure["backend"] == "stub/1" for failure in kind.failures)


@pytest.mark.parametrize("what", ["closed", "reset"])
def test_a_request_on_a_new_connection_that_fails_is_not_sent_again(what: str) -> None:
    with stub(FAULTS[what], at=1) as server:
        report = run(server.address, Load(new=20), for_s=0.5)
    assert report.reasons == {what: report.sent}, report.told()
    assert len(server.seen) == report.sent


@pytest.mark.parametrize("how", ["closed", "reset"])
def test_a_connection_that_ends_between_requests_loses_none(how: str) -> None:
    def answer_and_end(connection: socket.socket, answer: bytes) -> None:
        connection.sendall(answer)
        if how == "reset":
            # the answer must have been read: what is left of it goes with a reset
            time.sleep(0.02)
            reset(connection, answer)

    with stub(answer_and_end) as server:
        report = run(server.address, Load(keep=2, keep_rate=10), for_s=1)
    kind = report.kinds["keep"]
    assert not report.failed, report.told()
    assert set(kind.idle) == {how}
    assert kind.connections - kind.idle[how] in (0, 1, 2)
    assert len(server.seen) == kind.sent


def test_a_busy_machine_does_not_hold_the_load_up() -> None:
    """Where the load may go first: as root, and not everywhere then."""
    with server() as address, busy(processes=6):
        report = run(address, Load(new=200), for_s=1.5)
    if not report.realtime:
        pytest.skip("this machine lets no process go first")
    assert report.kinds["new"].lag.p50 < 5, report.told()
    assert report.kinds["new"].lag.p99 < 20, report.told()


@contextmanager
def busy(processes: int) -> Iterator[None]:
    spinning = [subprocess.Popen(["sh", "-c", "while :; do :; done"]) for _ in range(processes)]
    try:
        yield
    finally:
        for process in spinning:
            process.kill()
            process.wait()


def test_nobody_listening_is_refused_and_the_rate_stays() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
    report = run(address, Load(new=100), for_s=1)
    assert report.reasons == {"refused": report.sent}
    assert report.sent == pytest.approx(100 * report.seconds, rel=0.1)
    assert len(report.kinds["new"].failures) == 20


def test_a_slow_server_slows_no_request() -> None:
    """The load is open: requests are sent when they are due, however long the answers take."""
    with server("-delay=800ms") as address:
        report = run(address, Load(new=50, keep=1, keep_rate=10), for_s=2)
    new, keep = report.kinds["new"], report.kinds["keep"]
    assert new.sent == pytest.approx(50 * report.seconds, rel=0.1)
    assert new.from_due.p50 == pytest.approx(800, abs=150)
    # on one connection they wait for each other, and that counts
    assert keep.from_due.max > 1500
    assert keep.from_sent.p50 == pytest.approx(800, abs=150)
    assert keep.over_1_s > 0
    assert new.over_1_s == 0


def test_connections_come_from_the_addresses_that_are_named() -> None:
    with server() as address:
        report = run(address, Load(new=40, sources=("127.0.0.2", "127.0.0.3")), for_s=0.5)
    assert not report.failed, report.told()
    with stub(FAULTS["closed"], at=1) as failing:
        report = run(failing.address, Load(new=40, sources=("127.0.0.2", "127.0.0.3")), for_s=0.5)
    assert {failure["from"].partition(":")[0] for failure in report.kinds["new"].failures} == {"127.0.0.2", "127.0.0.3"}


@pytest.mark.parametrize("ending", [["-for=400ms"], []])
def test_a_load_ends_by_its_time_and_by_a_signal_and_waits_for_answers(ending: list[str]) -> None:
    with server("-delay=300ms") as address:
        command = [*traffic.here(), "load", f"-to={address}", "-new=50", *ending]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as load:
            if not ending:
                time.sleep(0.5)
                load.send_signal(signal.SIGTERM)
            output, _ = load.communicate(timeout=5)
    report = Report.parse(output)
    assert report.kinds["new"].ok == report.sent > 10
    assert report.kinds["new"].unfinished == 0


def test_a_load_that_cannot_start_says_why() -> None:
    with pytest.raises(TrafficError, match=r"-to: .*missing port"), Traffic(traffic.here(), "127.0.0.1", ALL):
        pass


# ---------------------------------------------------------------- the app


@contextmanager
def server(*flags: str, process: list[subprocess.Popen[str]] | None = None, **env: str) -> Iterator[str]:
    """The app in a process of this machine; yields where it answers."""
    command = [*traffic.here(), "app", "-port=0", *flags]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=env) as started:
        assert started.stdout is not None
        try:
            if process is not None:
                process.append(started)
            yield f"127.0.0.1:{started.stdout.readline().strip().rpartition(':')[2]}"
        finally:
            started.kill()


BAD = {
    "-errors=0.3": ({"status 500"}, 0.3),
    "-wrong=0.3": ({"foreign"}, 0.3),
    "-fail-after=40": ({"status 500"}, 0.6),
    "-slow=0.3 -slow-by=5s": ({"timeout"}, 0.3),
    "-crash=1s": (ENDINGS, 0.5),
}


@pytest.mark.parametrize("flags", BAD)
def test_a_bad_app_is_bad_in_its_own_way(flags: str) -> None:
    reasons, share = BAD[flags]
    with server(APP=flags) as address:
        report = run(
            address,
            Load(new=50, timeout_s=0.5),
            for_s=2,
            meanwhile=lambda: None if "crash" in flags else await_health(address),
        )
    assert report.reasons
    assert set(report.reasons) <= reasons, report.told()
    assert report.failed / report.sent == pytest.approx(share, abs=0.17)


def test_an_app_can_refuse_and_look_ready() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        ready = listener.getsockname()[1]
    with server(f"-health-port={ready}", "-refuse=700ms") as address:
        report = run(address, Load(new=50), for_s=1.5)
        await_health(f"127.0.0.1:{ready}")
    assert report.kinds["new"].ok > 0
    assert set(report.reasons) <= {"refused", "reset", "closed"}
    assert report.reasons["refused"] > 10


def test_an_app_that_leaves_ends_what_it_has_begun() -> None:
    process: list[subprocess.Popen[str]] = []
    with server("-lag=500ms", process=process) as address:
        kept, polled = (http.client.HTTPConnection(address, timeout=5) for _ in range(2))
        with closing(kept), closing(polled):
            kept.request("GET", "/")
            answer = kept.getresponse()
            assert not answer.will_close
            answer.read()
            polled.request("GET", "/poll?s=1.2")
            time.sleep(0.1)
            process[0].send_signal(signal.SIGTERM)
            time.sleep(0.1)
            kept.request("GET", "/")
            answer = kept.getresponse()
            assert answer.will_close
            assert answer.read().startswith(b"traffic-app ")
            get(address, "/")  # the listener is still there
            assert polled.getresponse().read().startswith(b"traffic-app ")
            assert process[0].wait(5) == 0
        with pytest.raises(ConnectionRefusedError):
            get(address, "/")


def test_an_abrupt_app_cuts_what_it_has_begun() -> None:
    process: list[subprocess.Popen[str]] = []
    with (
        server("-abrupt", process=process) as address,
        closing(http.client.HTTPConnection(address, timeout=5)) as polled,
    ):
        polled.request("GET", "/poll?s=3")
        time.sleep(0.1)
        process[0].send_signal(signal.SIGTERM)
        with pytest.raises((ConnectionError, http.client.HTTPException)):
            polled.getresponse()
        assert process[0].wait(5) == 128 + signal.SIGTERM


# ---------------------------------------------------------------- ledgers


def test_ledgers_tell_of_lost_and_doubled_orders(tmp_path: Path) -> None:
    """Two servers write into one folder, one after the other, each under its own name."""
    reports = []
    for _ in range(2):
        with server(LEDGER=str(tmp_path)) as address:
            reports.append(run(address, Load(post=50), for_s=0.6))
    found = traffic.ledgers(tmp_path)
    assert len(found) == 2
    for report in reports:
        assert exactly_once(report, found).exact
        assert exactly_once(report, found).acknowledged == report.kinds["post"].ok > 10
        assert exactly_once(report, found).unacknowledged == []
    first, second = found
    lost = found[first].pop(3)
    doubled = found[second][5]
    found[first].append(doubled)
    untold = f"{reports[0].run}-untold"
    found[second] += [untold, f"{uuid.uuid4()}-another-load's"]
    orders = [exactly_once(report, found) for report in reports]
    assert [order for each in orders for order in each.lost] == [lost]
    assert [order for each in orders for order in each.doubled] == [doubled]
    assert [order for each in orders for order in each.unacknowledged] == [untold]
    # which of the files is whose depends on chance
    assert not all(each.exact for each in orders)


def test_an_order_whose_answer_is_lost_is_not_acknowledged() -> None:
    with server("-delay=400ms") as address:
        report = run(address, Load(post=20, timeout_s=0.2), for_s=1)
        time.sleep(0.5)
        orders = exactly_once(report, {"app": get(address, "/ledger").decode().split()})
    assert report.reasons == {"timeout": report.sent}
    assert (orders.exact, orders.acknowledged, len(orders.unacknowledged)) == (True, 0, report.sent)

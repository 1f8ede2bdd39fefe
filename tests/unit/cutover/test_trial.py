"""What is tried before a run starts, and what is made of the answers."""

from __future__ import annotations

import subprocess
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from converters.errors import PodliftError
from migrate.cutover.edges import Backend, Caller, CallingPods, Draw, Flows, Peer, Reached, Request, Response
from migrate.cutover.outbound import Remote
from migrate.cutover.preflight import Measured, Status, preflight
from migrate.cutover.run import Spec
from migrate.cutover.trial import PRUNES, HostFacts, facts_of, script, try_out
from tests.preflight.cluster_cases import TCP, udp
from tests.preflight.seen import BACKENDS, good, instance, live, service, spoilt, told

NOW = 1_795_860_700.5
PRINTED = "60000\n65536\n--\n1795860700\n--\n4\n--\n/etc/cron.d/tidy\n--\n18080 24000\n18081 0\n--\n"


class Still:
    """A clock that stands."""

    def now(self) -> float:
        return NOW

    def boot(self) -> float:
        return NOW

    def sleep(self, seconds: float) -> None:
        raise AssertionError(f"nobody waits here, not even {seconds}")


class Answering:
    """Nodes of which one answers as it is told and another not at all."""

    def __init__(self, *responses: Response) -> None:
        self.responses = responses
        self.requests: tuple[Request, ...] = ()

    def silent(self) -> Mapping[str, str]:
        return {"n2": "no pod may run there"}

    def draw(self, target: Backend, times: int) -> Mapping[str, Draw]:
        raise AssertionError(f"there is no Service yet, and nothing to draw {times} times from {target}")

    def ask(self, requests: Sequence[Request]) -> Mapping[str, tuple[Response, ...]]:
        self.requests = tuple(requests)
        return {"n1": self.responses}


class Counted:
    def established(self, host: str, backend: Backend) -> tuple[Peer, ...] | None:
        if host == "a2":
            raise PodliftError(code="ssh-failed", phase="cutover", subject=host, reason="x", next_step="x")
        return (Peer("198.51.100.9", 12),) if backend.port == 18080 else None

    def callers(self, host: str, backend: Backend, *, but: Collection[str] = ()) -> frozenset[Caller] | None:
        raise AssertionError(f"a preview does not watch {host} {backend} {but}")

    def flows(self, host: str, backend: Backend, within: Collection[Backend]) -> Flows | str:
        raise AssertionError(f"a preview does not listen at {host} {backend} {within}")


class Counting(Counted):
    def established(self, host: str, backend: Backend) -> tuple[Peer, ...] | None:
        return (Peer(host, backend.port),)


def lost(_: str) -> str:
    raise PodliftError(code="ssh-failed", phase="cutover", subject="a2", reason="x", next_step="x")


def test_nothing_is_measured_that_nobody_can_ask() -> None:
    assert try_out(good(), clock=Still()) == Measured()


def test_each_node_asks_each_endpoint() -> None:
    """By the workload's own check, with the codes that it takes."""
    nodes = Answering(Response(status=200), Response(status=503), Response(error="timed out"))
    check = {"kind": "http", "path": "/ready", "codes": "200-299"}
    made = try_out(good(), clock=Still(), nodes=nodes, check=check)
    assert [(each.backend, each.path) for each in nodes.requests] == [(each, "/ready") for each in sorted(BACKENDS)]
    assert made.probes == {"n1": dict(zip(sorted(BACKENDS), ("", "it answers 503", "timed out"), strict=True))}
    assert made.silent == {"n2": "no pod may run there"}
    refused = {each.code for each in preflight(replace(good(), measured=made)).refused}
    assert refused == {"endpoint-unreachable", "node-silent"}


class Names:
    """Pods for which each name has an address, and which get to one port alone."""

    def reach(self, spec: Spec, nodes: Collection[str], remotes: Sequence[Backend]) -> Reached:
        raise AssertionError(f"a preview does not try {remotes} from {nodes} for {spec.id}")

    def call(self, callers: Sequence[CallingPods], remotes: Sequence[Backend]) -> tuple[Mapping[str, str] | str, ...]:
        return tuple({str(each): "refused" for each in remotes if each.port != 18080} for _ in callers)

    def resolve(self, namespace: str, names: Sequence[str]) -> Mapping[str, tuple[str, ...]] | None:
        return {f"{each}.{namespace}": ("198.51.100.7",) for each in names}


def test_callers_that_a_user_names_are_tried_at_each_instance() -> None:
    front = CallingPods(namespace="front", labels={"tier": "web", "app": "front"})
    made = try_out(good(), clock=Still(), pods=Names(), callers=[front])
    assert made.callers == {"pods of front with app=front, tier=web": {"192.0.2.11:18081": "refused"}}
    found = {row.code: row.status for row in preflight(replace(good(), measured=made)).rows}
    assert found["caller-cut-off"] is Status.FOUND
    assert try_out(good(), clock=Still(), pods=Names()).callers == {}


def test_a_port_of_udp_is_asked_nothing() -> None:
    """No request of ours would be answered there, and connections are none."""
    dns = Backend("192.0.2.11", 8053)
    both = spoilt(udp(TCP), instance(ports={"8080/tcp": BACKENDS[0], "8053/udp": dns}))
    assert dns in both.backends
    nodes = Answering(*(Response(status=200) for _ in both.tcp_backends))
    front = CallingPods(namespace="front", labels={"tier": "web"})
    made = try_out(both, clock=Still(), nodes=nodes, connections=Counting(), pods=Names(), callers=[front])
    assert made.peers is not None
    asked = [each.backend for each in nodes.requests], *(made.probes or {}).values(), made.peers
    assert [dns in each for each in asked] == [False] * 3
    assert all(str(dns) not in each for each in (made.callers or {}).values())


def test_what_the_services_names_are_before_they_stand() -> None:
    """A Service that stands already is left out: its name is its own."""
    made = try_out(good(), clock=Still(), pods=Names())
    assert made.resolved == {"web.shop": ("198.51.100.7",)}
    found = {row.code: row.status for row in preflight(replace(good(), measured=made)).rows}
    assert found["name-resolves"] is Status.FOUND
    assert try_out(spoilt(live(service())), clock=Still(), pods=Names()).resolved == {}


def test_who_calls_now() -> None:
    """Of what cannot be counted nothing is said, not that there is nobody."""
    made = try_out(good(), clock=Still(), connections=Counted())
    assert made.peers == {BACKENDS[0]: (Peer("198.51.100.9", 12),)}


def test_what_hosts_say() -> None:
    """A host that gives no answer, or one that is none, is left out."""
    made = try_out(good(), clock=Still(), shells={"a1": lambda _: PRINTED, "a2": lost})
    assert made.conntrack == {"a1": (60000, 65536)}
    assert made.timers == {"a1": ("/etc/cron.d/tidy",)}
    assert made.relays == {"a1": True}
    assert made.skew_s == {"a1": 0.0}
    assert made.rates == {("all callers", BACKENDS[0]): 200.0, ("all callers", BACKENDS[1]): 0.0}
    told_of = {row.code for row in preflight(replace(good(), measured=made)).rows if row.status is Status.FOUND}
    assert told_of == {"conntrack-full", "prune-timer", "many-new-connections"}
    assert try_out(good(), clock=Still(), shells={"a1": lambda _: "motd\n"}).timers == {}


def test_where_instances_connect_to() -> None:
    """By the process that an engine names; of a host without commands it is said that nothing is known."""
    identity = good().running[0].id
    table = f"-- {identity}\n-- tcp\n  sl  local_address\n0: 020011AC:9C40 0500000A:1538 01 0 0 0 0 0 7\n"
    asked: list[str] = []

    def shell(given: str) -> str:
        asked.append(given)
        return table if identity in given else PRINTED

    seen = spoilt(told(identity, State={"Running": True, "Pid": 4711}))
    made = try_out(seen, clock=Still(), shells={"a1": shell}).outbound
    assert made is not None
    assert made.remotes == (Remote(address="10.0.0.5", port=5432, count=1),)
    assert made.looked == ("web-1 on a1",)
    assert made.unseen == {
        "web-2 on a1": "nothing could be read of its connections there",
        "web-3 on a2": "no command can be run there",
    }
    assert "/proc/4711/net/tcp " in asked[-1]
    broken = try_out(seen, clock=Still(), shells={"a1": lost}).outbound
    assert broken is not None
    assert (broken.looked, broken.unseen["web-1 on a1"]) == ((), "x")


@pytest.mark.parametrize(("said", "skew"), [(1795860700, 0.0), (1795860697, -2.5), (1795860705, 4.5)])
def test_how_far_a_clock_is(said: int, skew: float) -> None:
    """As far as whole seconds show."""
    printed = PRINTED.replace("1795860700", str(said))
    assert try_out(good(), clock=Still(), shells={"a1": lambda _: printed}).skew_s == {"a1": skew}


def test_an_engine_relays_only_what_is_published() -> None:
    """Where nothing is, that no process relays says nothing."""
    idle = PRINTED.replace("\n4\n", "\n0\n")
    assert try_out(good(), clock=Still(), shells={"a1": lambda _: idle}).relays == {"a1": False}
    both = [told(f"{number:064x}", HostConfig={"NetworkMode": "host"}) for number in (1, 2)]
    assert try_out(spoilt(*both), clock=Still(), shells={"a1": lambda _: idle}).relays == {}


def test_the_script_runs_in_a_plain_shell() -> None:
    """Here, whatever this machine has; each part is read, the empty ones too."""
    done = subprocess.run(["sh"], input=script((18080,)), capture_output=True, text=True, check=True)
    made = facts_of(done.stdout)
    assert made.clock > NOW - 10 * 365 * 86400
    assert set(made.closed) in ({18080}, set())
    assert facts_of("--\n5\n--\n0\n--\n--\n--\n") == HostFacts(conntrack=None, clock=5, relays=0, timers=(), closed={})


@pytest.mark.parametrize(
    ("line", "prunes"),
    [
        ("0 3 * * * root docker system prune -af", True),
        ("ExecStart=/usr/bin/docker container prune --force", True),
        ("@daily root docker rm $(docker ps -aq -f status=exited)", True),
        ("# 0 3 * * * root docker system prune -af", False),
        ("0 3 * * * root docker image prune -af", False),
        ("ExecStartPre=-/usr/bin/docker rm -f web", False),
    ],
)
def test_what_removes_stopped_containers(line: str, prunes: bool, tmp_path: Path) -> None:
    """As grep of the host reads it."""
    (tmp_path / "crontab").write_text(f"{line}\n")
    done = subprocess.run(["grep", "-lE", PRUNES, str(tmp_path / "crontab")], capture_output=True, check=False)
    assert (done.returncode == 0) is prunes

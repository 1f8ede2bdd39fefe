"""Flows of UDP as a real kernel has them, by the conntrack program and by the probe: a client, a host, and a container
that the host's rule leads to, each a network namespace."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

import pytest

from migrate.cutover.datagrams import SLACK_S
from migrate.cutover.edges import Backend, Flow, Flows
from migrate.hosts import Command, HostConnections, probe
from tests.lab import programs
from tests.lab.engine import say

HOST, PORT, BOX = "10.200.1.1", 18053, Backend("10.200.2.2", 8053)
ECHO = """\
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("0.0.0.0", 8053))
while True:
    data, who = s.recvfrom(99)
    s.sendto(data, who)
"""
# each line that it reads is sent, from one port; what comes back is printed
SEND = """\
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("0.0.0.0", 40000))
s.settimeout(5)
for line in sys.stdin:
    s.sendto(line.strip().encode(), (sys.argv[1], int(sys.argv[2])))
    print(s.recv(99).decode(), flush=True)
"""


@dataclass
class Net:
    name: str

    def words(self, *argv: str) -> list[str]:
        return ["ip", "netns", "exec", self.name, *argv]

    def run(self, line: str) -> None:
        subprocess.run(self.words("sh", "-ec", line), check=True, capture_output=True)


@dataclass
class Sender:
    process: subprocess.Popen[str]

    def send(self, text: str = "x") -> None:
        """Returns when it is answered."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{text}\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == f"{text}\n"


@pytest.fixture
def nets() -> Iterator[tuple[Net, Net, Net]]:
    if os.geteuid() or not shutil.which("iptables") or not shutil.which("conntrack"):
        pytest.skip("network namespaces take root, iptables and conntrack")
    tag = uuid.uuid4().hex[:6]
    client, host, box = (Net(f"flows-{each}-{tag}") for each in ("client", "host", "box"))
    with ExitStack() as stack:
        for each in (client, host, box):
            subprocess.run(["ip", "netns", "add", each.name], check=True)
            stack.callback(subprocess.run, ["ip", "netns", "delete", each.name], check=True)
            each.run("ip link set lo up")
        for number, each in ((1, client), (2, box)):
            host.run(f"ip link add v{number} type veth peer name eth0 netns {each.name}")
            host.run(f"ip address add 10.200.{number}.1/24 dev v{number}; ip link set v{number} up")
            each.run(f"ip address add 10.200.{number}.2/24 dev eth0; ip link set eth0 up")
            each.run(f"ip route add default via 10.200.{number}.1")
        host.run("echo 1 >/proc/sys/net/ipv4/ip_forward")
        echo = stack.enter_context(subprocess.Popen(box.words(sys.executable, "-c", ECHO)))
        stack.callback(echo.kill)
        yield client, host, box


@pytest.fixture(params=["conntrack", "probe"])
def connections(nets: tuple[Net, Net, Net], request: pytest.FixtureRequest) -> HostConnections:
    command = Command(name="h", prefix=tuple(nets[1].words()))
    if request.param == "conntrack":
        return HostConnections({"h": command})
    asked = partial(probe, command, [str(programs.ensure_probe(say))], timeout_s=10)
    return HostConnections({}, {"h": asked})


def listened(connections: HostConnections) -> dict[str, Flow]:
    """Client to its flow."""
    found = connections.flows("h", Backend(HOST, PORT), [BOX])
    assert isinstance(found, Flows)
    assert found.kept_s == 30
    return {each.address: each for each in found.flows}


def sender(stack: ExitStack, net: Net, *to: object) -> Sender:
    words = net.words(sys.executable, "-c", SEND, *map(str, to))
    process = stack.enter_context(subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
    stack.callback(process.kill)
    return Sender(process)


def test_each_datagram_of_a_flow_is_noticed(nets: tuple[Net, Net, Net], connections: HostConnections) -> None:
    """And nothing else moves its end: neither time nor other flows."""
    client, host, _ = nets
    assert connections.flows("h", Backend(HOST, PORT), [BOX]) == "its host's kernel tracks no connections"
    host.run(f"iptables -t nat -A PREROUTING -p udp --dport {PORT} -j DNAT --to {BOX}")
    with ExitStack() as stack:
        talking = sender(stack, client, HOST, PORT)
        talking.send()
        first = listened(connections)
        assert set(first) == {"10.200.1.2"}
        time.sleep(2 * SLACK_S)
        # one from the host itself to where the engine's proxy would relay it
        sender(stack, host, BOX.address, BOX.port).send()
        then = listened(connections)
        assert set(then) == {"10.200.1.2", "10.200.2.1"}
        assert abs(moved(first, then)) < SLACK_S
        talking.send()
        last = listened(connections)
        assert moved(then, last) > SLACK_S


def moved(before: dict[str, Flow], after: dict[str, Flow]) -> float:
    one, other = before["10.200.1.2"], after["10.200.1.2"]
    assert one.ends == other.ends
    assert one.lasts_s is not None
    assert other.lasts_s is not None
    return other.lasts_s - one.lasts_s

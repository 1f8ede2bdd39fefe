"""A workload that takes datagrams beside TCP is moved under a stream of them: each has an ID, and each is answered."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from migrate.cutover.driver import Outcome
from migrate.cutover.states import State
from tests.cluster.cutover.gated import GRACEFUL
from tests.cluster.served import Served, several
from tests.lab.cluster import Cluster
from tests.lab.engine import LabEngine

# Two clients take turns: one that sends from one port for as long as it lives, and one that takes a new port each time.
# It ends with its input, and prints each ID with who answered it, "" where nobody did within a second.
STREAM = """\
import json, select, socket, sys, time
to, told, number = (sys.argv[1], int(sys.argv[2])), {"lasting": [], "fresh": []}, 0
def made():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(1)
    s.connect(to)
    return s
def asked(s, text):
    s.send(text.encode())
    try:
        while True:
            said, _, who = s.recv(1500).decode().partition(" ")
            if said == text:
                return who
    except OSError:
        return ""
lasting = made()
while not select.select([sys.stdin], [], [], 0.01)[0]:
    number += 1
    told["lasting"].append((number, asked(lasting, str(number))))
    with made() as fresh:
        told["fresh"].append((number, asked(fresh, str(number))))
print(json.dumps(told))
"""


@dataclass
class Stream:
    """Who answered each datagram, in order, once it is over."""

    lasting: list[str] = field(default_factory=list)
    fresh: list[str] = field(default_factory=list)


@contextmanager
def streaming(web: Served) -> Iterator[Stream]:
    """From a node, to the Service's address."""
    spec = web.lab.get("service", web.name, "-n", web.space)["spec"]
    (port,) = [each["port"] for each in spec["ports"] if each["protocol"] == "UDP"]
    words = web.lab.nodes[0].host.enter(sys.executable, "-c", STREAM, spec["clusterIP"], str(port))
    made = Stream()
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield made
        finally:
            printed, _ = process.communicate()
    told = json.loads(printed)
    made.lasting, made.fresh = ([who for _, who in told[each]] for each in ("lasting", "fresh"))


@pytest.mark.prove
@pytest.mark.parametrize("udp", ["datagrams", "cut"])
def test_each_datagram_is_answered(
    lab_cluster: Cluster, lab_engines: dict[str, LabEngine], space: str, tmp_path: Path, udp: str
) -> None:
    """Also of the client that never changes its port, whose flow to a container of two on one host has to move."""
    hosts = [lab_engines["edge-a1"]]
    with several(lab_cluster, hosts, space, tmp_path, names=["web"], flags=GRACEFUL, datagrams=True) as found:
        web = found["web"]
        cutover = web.cutover(on_drain_timeout="hold", udp=udp)
        events = cutover.run()
        for event in events:
            if event.kind == "state" and event.state == State.BRIDGED:
                break
        with streaming(web) as stream:
            for _ in events:
                pass
        assert cutover.outcome is Outcome.REST, cutover.why
        assert web.running() == []
        pods = set(web.pods())
        for answers in (stream.lasting, stream.fresh):
            assert len(answers) > 500
            assert "" not in answers, f"{answers.count('')} of {len(answers)} had no answer"
            assert answers[-1].partition("/")[0] in pods
        # until STANDBY, and past it, the lasting one was a container's
        assert stream.lasting[0].partition("/")[0] not in pods
        evidence = web.attached().entry().run.evidence
        said = "flows of UDP may be cut" if udp == "cut" else "no datagram for 3 s by conntrack"
        assert said in evidence[State.STOPPED.value]

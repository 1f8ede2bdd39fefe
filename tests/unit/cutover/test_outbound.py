"""Where instances connect to: read from a host's tables, kept for the run, and what of it is there twice."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from contextlib import closing

import pytest

from migrate.cutover.edges import Backend
from migrate.cutover.outbound import MOST_REMOTES, End, Outbound, Remote, gathered, outbound_of, overlap
from migrate.cutover.run import spec_json, spec_of
from migrate.hosts.outbound import Process, ends_of, script
from tests.cutover.model import Model

WEB, BARE = "a" * 64, "b" * 64
HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode"
DATABASE = Backend("10.0.0.5", 5432)


def row(local: str, remote: str, state: str, inode: int = 7) -> str:
    return f"   0: {local} {remote} {state} 00000000:00000000 00:00000000 00000000     0        0 {inode} 1 0"


# 172.17.0.2:8080 and 172.17.0.2:40000 here, 10.0.0.5:5432 there
LISTENER, SERVES, CALLS = "00000000:1F90", "020011AC:1F90", "020011AC:9C40"
ELSEWHERE = "0500000A:1538"


def test_what_a_container_called_and_not_who_called_it() -> None:
    """Established or ended lately; neither what it listens for, nor what is being tried, nor its own loopback."""
    printed = "\n".join(
        [
            f"-- {WEB}", "-- tcp", HEAD,
            row(LISTENER, "00000000:0000", "0A"), row(SERVES, "0900000A:C350", "01"),
            row(CALLS, ELSEWHERE, "01"), row("020011AC:9C41", ELSEWHERE, "06", 0),
            row("020011AC:9C42", "0600000A:0050", "02"), row("0100007F:9C43", "0100007F:1F91", "01"),
            "-- tcp6", HEAD,
            row("0000000000000000FFFF0000020011AC:9C44", "0000000000000000FFFF00000700000A:18EB", "01"),
            "-- udp", HEAD, row("00000000:1FBD", "00000000:0000", "07"), row("020011AC:9C45", "0800000A:1FBD", "01"),
            "-- udp6", HEAD,
            f"-- {BARE}", "",
        ]
    )  # fmt: skip
    found = ends_of(printed, [Process(container=WEB, pid=4), Process(container=BARE, pid=5)])
    assert found == {
        WEB: (
            End("tcp", DATABASE, True),
            End("tcp", DATABASE, False),
            End("tcp", Backend("10.0.0.7", 6379), True),
            End("udp", Backend("10.0.0.8", 8125), True),
        )
    }


def test_in_the_hosts_network_sockets_are_told_by_who_holds_them() -> None:
    lines = [f"-- {WEB}", "-- tcp", HEAD, row(CALLS, ELSEWHERE, "01", 11), row(CALLS, "0600000A:0050", "01", 12)]
    lines += ["-- held", "lrwx------ 1 root root 64 Nov 28 3 -> 'socket:[11]'"]
    assert ends_of("\n".join(lines), [Process(container=WEB, pid=4, shared=True)]) == {
        WEB: (End("tcp", DATABASE, True),)
    }


def test_the_script_reads_this_process() -> None:
    """In a plain shell; a process whose mounts do not name the container is another's."""
    with open("/proc/self/mountinfo") as mounts:  # noqa: PTH123
        word = mounts.readline().split()[4].strip("/") or "proc"
    listener = socket.create_server(("0.0.0.0", 0))
    with closing(listener), closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as caller:
        own = _own_address()
        caller.connect((own, listener.getsockname()[1]))
        processes = [Process(container=word, pid=os.getpid(), shared=True), Process(container=BARE, pid=os.getpid())]
        done = subprocess.run(["sh"], input=script(processes), capture_output=True, text=True, check=True)
        found = ends_of(done.stdout, processes)
        assert BARE not in found
        assert End("tcp", Backend(own, listener.getsockname()[1]), True) in found[word]


def _own_address() -> str:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as any_:
        any_.connect(("192.0.2.1", 9))
        return str(any_.getsockname()[0])


def test_instances_together() -> None:
    """Summed by place; a container of the same engine by its name, the workload's own not at all."""
    database, cache = End("tcp", DATABASE, True), End("tcp", Backend("172.17.0.9", 6379), True)
    found = {
        "web-0 on a1": (database, database, cache, End("tcp", Backend("172.17.0.3", 8080), True)),
        "web-1 on a2": (database, End("tcp", DATABASE, False), cache),
    }
    remotes, more = gathered(
        found, inside={"web-0 on a1": {"172.17.0.9": "cache", "172.17.0.3": "web-1"}}, own={"web-1"}
    )
    assert (remotes[0], more) == (Remote(address="10.0.0.5", port=5432, count=3, instances=2), 0)
    assert [each.address for each in remotes] == ["10.0.0.5", "172.17.0.9"]


def test_a_journal_keeps_the_most_used_and_counts_the_rest() -> None:
    ends = tuple(End("tcp", Backend("10.0.0.9", number), number == 7) for number in range(1, MOST_REMOTES + 6))
    remotes, more = gathered({"web": ends}, inside={}, own=())
    assert (len(remotes), more, remotes[0].port) == (MOST_REMOTES, 5, 7)
    spec = Model().spec(outbound=Outbound(looked=("web",), remotes=remotes, more=more, unneeded=("10.0.0.0/8",)))
    assert spec_of(json.loads(json.dumps(spec_json(spec)))) == spec
    # a Service's annotations hold 256 KiB, and the run's other parts stand there too
    assert len(json.dumps(spec_json(spec)["outbound"])) < 64 * 1024


@pytest.mark.parametrize(
    ("unneeded", "needed"),
    [
        ((), [5432, 6379]),
        (("10.0.0.5",), [6379]),
        (("10.0.0.5:6379",), [5432, 6379]),
        (("10.0.0.5:5432", "10.0.0.6/31"), []),
    ],
)
def test_what_pods_must_reach(unneeded: tuple[str, ...], needed: list[int]) -> None:
    remotes = (
        Remote(address="10.0.0.5", port=5432),
        Remote(address="10.0.0.6", port=6379),
        Remote(address="10.0.0.8", port=8125, protocol="udp"),
        Remote(address="172.17.0.9", port=80, inside="cache"),
    )
    found = Outbound(remotes=remotes, unneeded=unneeded)
    assert [each.port for each in found.needed] == needed
    assert [str(each) for each in found.untried] == ["10.0.0.8:8125/udp", "172.17.0.9:80"]


def test_what_runs_twice() -> None:
    """As many for a pod as for an instance on average, those at which nobody could look too."""
    found = outbound_of(
        {
            "looked": ["web-0", "web-1"],
            "unseen": {"web-2": "no command can be run there"},
            "remotes": [{"address": "10.0.0.5", "port": 5432, "count": 7}, {"address": "10.0.0.6", "port": 80}],
            "limits": {"10.0.0.5:5432": 20},
        }
    )
    made = overlap(found, legacy=3, pods=3, asked=True)
    assert [(each.to, each.what, each.now, each.both, each.over) for each in made.lines] == [
        ("10.0.0.5:5432", "PostgreSQL", 7, 21, True),
        ("10.0.0.6:80", "", 0, 0, False),
    ]
    assert (made.copies, dict(made.unseen)) == (6, {"web-2": "no command can be run there"})
    assert overlap(Outbound(), legacy=2, pods=2, asked=False).lines == ()

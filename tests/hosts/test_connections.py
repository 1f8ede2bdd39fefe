"""What a host prints of its connections, counted; tests/cluster/test_probe.py shows that real hosts print it so."""

from __future__ import annotations

from pathlib import Path

import pytest

from converters.errors import PodliftError
from migrate.cutover.edges import Backend, Caller, Flow, Flows, Peer
from migrate.hosts.command import Command
from migrate.hosts.connections import HostConnections, flows_in, peers

PORT = Backend("10.99.0.2", 18080)

TRIE = """\
Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
Local:
     |-- 10.99.0.2
        /32 host LOCAL
     |-- 172.17.0.1
        /32 host LOCAL
     |-- 172.17.255.255
        /32 link BROADCAST
"""
SIX = "fd000000000000000000000000000002 02 40 00 80     eth0\n"


def flow(source: str, goal: str, source_port: int, *, by: str = "172.17.0.2", port: int = 8080) -> str:
    return (
        f"tcp      6 431999 ESTABLISHED src={source} dst={goal} sport={source_port} dport=18080 "
        f"src={by} dst={source} sport={port} dport={source_port} [ASSURED] mark=0 use=1\n"
    )


def socket(local: str, remote: str) -> str:
    return f"   4: {local}:46A0 {remote} 01 00000000:00000000 00:00000000 00000000     0        0 1 1 0 20 4 30 10 -1\n"


def printed(flows: str = "", sockets: str = "", six: str = SIX) -> str:
    return f"{flows}--\n{TRIE}--\n{six}--\n{sockets}"


def test_nothing() -> None:
    assert peers(printed(), PORT) == ()
    assert peers(printed(six=""), PORT) == ()


def test_flows_by_the_engines_rule_are_counted_by_source() -> None:
    flows = "".join(flow("10.99.0.1", "10.99.0.2", port) for port in (40000, 40001)) + flow("10.1.2.3", "10.99.0.2", 9)
    assert peers(printed(flows), PORT) == (Peer("10.1.2.3", 1), Peer("10.99.0.1", 2))


def test_flows_that_only_pass_through_are_not_its_own() -> None:
    """A host may be the router of others, which publish the same port."""
    assert peers(printed(flow("10.99.0.1", "10.99.0.3", 40000)), PORT) == ()


def test_other_addresses_of_the_host_count() -> None:
    flows = flow("172.17.0.3", "172.17.0.1", 1) + flow("127.0.0.1", "127.0.0.1", 2) + flow("fd00::9", "fd00::2", 3)
    assert peers(printed(flows), PORT) == (Peer("127.0.0.1", 1), Peer("172.17.0.3", 1), Peer("fd00::9", 1))


def test_a_socket_that_conntrack_knows_too_counts_once() -> None:
    """127.0.0.1:40000 to 127.0.0.1:18080, and 10.99.0.1:40001 to a listener of IPv6 that takes IPv4 as well."""
    sockets = socket("0100007F", "0100007F:9C40") + socket(
        "0000000000000000FFFF00000200630A", "0000000000000000FFFF00000100630A:9C41"
    )
    known = flow("127.0.0.1", "127.0.0.1", 40000) + flow("10.99.0.1", "10.99.0.2", 40001)
    expected = (Peer("10.99.0.1", 1), Peer("127.0.0.1", 1))
    assert peers(printed(known, sockets), PORT) == expected
    assert peers(printed("", sockets), PORT) == expected


def on_host(folder: Path, conntrack: str) -> HostConnections:
    """A host whose conntrack program is this script."""
    program = folder / "conntrack"
    program.write_text(f"#!/bin/sh\n{conntrack}\n")
    program.chmod(0o755)
    return HostConnections({"a1": Command(name="a1", prefix=("env", f"PATH={folder}:/usr/bin:/bin"))})


def test_callers_come_without_those_that_are_left_out(tmp_path: Path) -> None:
    """By whoever opened a connection: an instance's own answers have the host's address too."""
    flows = flow("10.1.2.3", "10.99.0.2", 1) + flow("10.99.0.1", "10.99.0.2", 2, by="10.1.2.3")
    flows += flow("10.1.2.33", "10.99.0.2", 3).replace("ESTABLISHED", "TIME_WAIT")
    (tmp_path / "flows").write_text(flows)
    host = on_host(tmp_path, f'case "$*" in *ipv4*) cat {tmp_path}/flows ;; esac')
    every = frozenset({Caller("10.1.2.3", 1), Caller("10.99.0.1", 2), Caller("10.1.2.33", 3)})
    assert host.callers("a1", PORT) == every
    assert host.callers("a1", PORT, but=("10.1.2.3", "fd00::1")) == every - {Caller("10.1.2.3", 1)}


@pytest.mark.parametrize("but", [(), ("10.1.2.3",)])
def test_a_list_that_is_cut_short_is_told(tmp_path: Path, but: tuple[str, ...]) -> None:
    """That no flow is in it is no proof that there is none."""
    host = on_host(tmp_path, 'case "$*" in *ipv6*) exit 1 ;; esac')
    with pytest.raises(PodliftError) as raised:
        host.callers("a1", PORT, but=but)
    assert (raised.value.code, raised.value.subject) == ("command-failed", "a1")


INNER = Backend("172.17.0.2", 8053)


def datagram(source: str, goal: str, port: int, *, lasts: str = "29 ", to: int = 18080, by: str = "172.17.0.2") -> str:
    return (
        f"udp      17 {lasts}src={source} dst={goal} sport={port} dport={to} [UNREPLIED] "
        f"src={by} dst={source} sport=8053 dport={port} mark=0 use=1\n"
    )


def listened(flows: str = "", tracked: str = "tcp      6 299 ESTABLISHED src=10.0.0.1\n") -> Flows | None:
    return flows_in(f"1000.50 1900.00\n30\n{tracked}--\n{flows}--\n{TRIE}--\n{SIX}--\n", PORT, [INNER])


def test_flows_last_until_the_kernel_forgets_them() -> None:
    """By the host's own clock; of what a flow table forwards nobody is told."""
    found = listened(datagram("10.1.2.3", "10.99.0.2", 5) + datagram("10.1.2.4", "10.99.0.2", 6, lasts=""))
    assert found is not None
    assert found.kept_s == 30
    assert found.flows == {
        Flow("10.1.2.3 5 10.99.0.2 18080", "10.1.2.3", 1029.5),
        Flow("10.1.2.4 6 10.99.0.2 18080", "10.1.2.4", None),
    }


def test_flows_that_the_engines_proxy_relays_are_seen_where_they_go_on() -> None:
    """What comes to it by IPv6 is tracked by few hosts; listed twice, a flow is one."""
    relayed = datagram("172.17.0.1", "172.17.0.2", 7, to=8053)
    found = listened(relayed * 2 + datagram("10.99.0.2", "10.99.0.7", 8, by="10.99.0.7"))
    assert found is not None
    assert [each.address for each in found.flows] == ["172.17.0.1"]


def test_a_kernel_that_tracks_nothing_tells_nothing() -> None:
    assert listened(tracked="") is None


def test_flows_are_told_by_the_program(tmp_path: Path) -> None:
    """A list that is cut short is an error, an empty table none."""
    kept = tmp_path / "cat"
    kept.write_text('#!/bin/sh\ncase "$1" in *udp_timeout) echo 30 ;; *) exec /bin/cat "$@" ;; esac\n')
    kept.chmod(0o755)
    host = on_host(tmp_path, 'case "$*" in "-L -f ipv4") echo "tcp 6" ;; esac')
    assert host.flows("a1", PORT, [INNER]) == Flows(flows=frozenset(), kept_s=30)
    host = on_host(tmp_path, "true")
    assert host.flows("a1", PORT, [INNER]) == "its host's kernel tracks no connections"
    host = on_host(tmp_path, 'case "$*" in "-L -f ipv4") echo "tcp 6" ;; *ipv6*) exit 1 ;; esac')
    with pytest.raises(PodliftError):
        host.flows("a1", PORT, [INNER])
    assert HostConnections({}).flows("a1", PORT, [INNER]) == "no command can be run on its host"

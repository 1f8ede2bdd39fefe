"""What a host prints of its connections, counted; tests/cluster/test_probe.py shows that real hosts print it so."""

from __future__ import annotations

from migrate.cutover.edges import Backend, Peer
from migrate.hosts.connections import peers

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

"""Containers, and where they answer from outside, from an engine's documents."""

from __future__ import annotations

from typing import Any

import pytest

from converters.errors import PodliftError
from converters.workload import Host
from migrate.cutover.containers import backends_of, container_of
from migrate.cutover.edges import Backend, Container

HOST = Host(name="edge-a1", address="10.0.0.21")
SIX = Host(name="edge-a6", address="2001:db8::21")
NAMELESS = Host(name="edge-b1")

V4 = {"HostIp": "0.0.0.0", "HostPort": "32768"}
V6 = {"HostIp": "::", "HostPort": "32768"}


def document(
    ports: dict[str, Any] | None = None,
    *,
    state: dict[str, Any] | None = None,
    config: dict[str, Any] | None = None,
    settings: dict[str, Any] | None = None,
) -> dict[str, Any]:
    return {
        "Id": "c1",
        "Name": "/web-1",
        "State": {"Status": "running", "Running": True, "ExitCode": 0, **(state or {})},
        "Config": {"Image": "shop/web:7", **(config or {})},
        "HostConfig": {"NetworkMode": "bridge", **(settings or {})},
        "NetworkSettings": {"Ports": ports or {}},
    }


def made(given: dict[str, Any], host: Host = HOST, **options: Any) -> Container:
    found = container_of(host, given, **options)
    assert found is not None
    return found


def at(*bindings: tuple[str, int], host: Host = HOST) -> str:
    """Where a port of these bindings answers."""
    rows = [{"HostIp": address, "HostPort": str(port)} for address, port in bindings]
    return str(made(document({"80/tcp": rows}), host).ports.get("80/tcp", ""))


def test_a_container_in_full() -> None:
    """Each of its attributes, of a running and of a stopped one."""
    given = document(
        {"80/tcp": [V4, V6], "81/udp": [{"HostIp": "0.0.0.0", "HostPort": "9001"}], "443/tcp": None},
        state={"Health": {"Status": "healthy"}},
        config={"StopTimeout": 25},
        settings={"RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 3}, "AutoRemove": True},
    )
    given["Mounts"] = [
        {"Type": "volume", "Name": "data", "Destination": "/data"},
        {"Type": "bind", "Source": "/etc/web", "Destination": "/etc/web"},
    ]
    given["NetworkSettings"]["Networks"] = {
        "shop": {"IPAddress": "172.18.0.3", "GlobalIPv6Address": "fd00::3"},
        "bridge": {"IPAddress": "172.17.0.3", "GlobalIPv6Address": ""},
    }
    assert made(given) == Container(
        host="edge-a1",
        id="c1",
        name="web-1",
        image="shop/web:7",
        running=True,
        ports={"80/tcp": Backend("10.0.0.21", 32768), "81/udp": Backend("10.0.0.21", 9001)},
        restart={"Name": "on-failure", "MaximumRetryCount": 3},
        stop_s=25,
        auto_remove=True,
        health="healthy",
        volumes=("data at /data",),
        addresses=("172.17.0.3", "172.18.0.3", "fd00::3"),
    )
    assert made(document(settings={"NetworkMode": "host"})).shares_host
    stopped = document(
        state={"Status": "exited", "Running": False, "ExitCode": 137, "Health": {"Status": "none"}},
        settings={"RestartPolicy": {"Name": ""}},
    )
    assert made(stopped) == Container(
        host="edge-a1",
        id="c1",
        name="web-1",
        image="shop/web:7",
        running=False,
        restart={"Name": "no", "MaximumRetryCount": 0},
        exit_code=137,
    )


@pytest.mark.parametrize(
    ("state", "running", "answers", "exit_code"),
    [
        ({"Status": "paused", "Paused": True}, False, True, None),
        ({"Status": "restarting", "Restarting": True, "ExitCode": 1}, True, False, None),
        ({"Status": "exited", "Running": False, "ExitCode": 0}, False, False, 0),
        ({"Status": "created", "Running": False, "ExitCode": 0}, False, False, None),
    ],
)
@pytest.mark.parametrize("network", ["bridge", "host"])
def test_containers_that_do_not_just_run(
    state: dict[str, Any], running: bool, answers: bool, exit_code: int | None, network: str
) -> None:
    """A paused one holds its port and does not run; one between two tries is to be stopped and has no port."""
    config: dict[str, Any] = {"ExposedPorts": {"80/tcp": {}}}
    found = made(document({"80/tcp": [V4]}, state=state, config=config, settings={"NetworkMode": network}))
    assert (found.running, "80/tcp" in found.ports, found.exit_code) == (running, answers, exit_code)


@pytest.mark.parametrize("status", ["dead", "removing"])
def test_one_that_is_being_removed_is_gone(status: str) -> None:
    assert container_of(HOST, document(state={"Status": status, "Running": False})) is None


def test_wildcards_are_the_hosts_address_of_their_kind() -> None:
    both = [("0.0.0.0", 32768), ("::", 32769)]
    assert at(*both) == at(*reversed(both)) == "10.0.0.21:32768"
    assert at(*both, host=SIX) == "[2001:db8::21]:32769"
    assert at(("::", 32769)) == at(("0.0.0.0", 1), host=SIX) == ""
    assert at(("", 32768)) == "10.0.0.21:32768"
    assert at(("", 32768), host=SIX) == "[2001:db8::21]:32768"


def test_bindings_to_one_address() -> None:
    """That address, unless nobody outside gets there; of several the one that the cluster reaches most surely."""
    assert at(("10.9.0.4", 80)) == at(("10.9.0.4", 80), host=NAMELESS) == "10.9.0.4:80"
    for inside in ("127.0.0.1", "127.0.1.1", "::1", "169.254.1.1", "fe80::1"):
        assert at((inside, 80)) == at((inside, 80), host=NAMELESS) == ""
        assert at((inside, 80), ("10.9.0.4", 81)) == "10.9.0.4:81"
    assert at(("10.0.0.1", 80), ("10.0.0.21", 81)) == "10.0.0.21:81"
    assert at(("10.0.0.1", 80), ("0.0.0.0", 81)) == "10.0.0.21:81"
    assert at(("2001:db8::4", 80), ("10.9.0.4", 81)) == "10.9.0.4:81"
    assert at(("2001:db8::4", 80)) == "[2001:db8::4]:80"
    assert at(("0.0.0.0", 9002), ("0.0.0.0", 9001)) == at(("0.0.0.0", 9001), ("0.0.0.0", 9002)) == "10.0.0.21:9001"


def test_the_hosts_network() -> None:
    """What the image exposes and what the workload is known to have, at the host's address; nothing is published."""
    given = document({}, config={"ExposedPorts": {"80/tcp": {}}}, settings={"NetworkMode": "host"})
    assert made(given, container_ports=["9100/tcp", "80/tcp"]).ports == {
        "80/tcp": Backend("10.0.0.21", 80),
        "9100/tcp": Backend("10.0.0.21", 9100),
    }
    assert made(document(config={"ExposedPorts": {"80/tcp": {}}}), container_ports=["80/tcp"]).ports == {}
    assert made(document(settings={"NetworkMode": "host"}), NAMELESS).ports == {}


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("", "none is given"),
        ("edge-a1.example", "'edge-a1.example' is no IP address that others get to"),
        ("127.0.0.1", "'127.0.0.1' is no IP address that others get to"),
        ("0.0.0.0", "'0.0.0.0' is no IP address that others get to"),
    ],
)
def test_a_host_without_an_address(address: str, said: str) -> None:
    """It is asked for, by the host's name, where the workload answers at it, and nowhere else."""
    host = Host(name="edge-b1", address=address)
    exposing = document(config={"ExposedPorts": {"80/tcp": {}}}, settings={"NetworkMode": "host"})
    for given in (document({"80/tcp": [V4, V6]}), exposing):
        with pytest.raises(PodliftError) as raised:
            container_of(host, given)
        assert (raised.value.code, raised.value.subject) == ("host-address", "edge-b1")
        assert said in raised.value.reason
        assert "edge-b1" in raised.value.next_step
    stopped = document(state={"Running": False, "Status": "exited"}, settings={"NetworkMode": "host"})
    assert made(stopped, host).ports == {}
    assert at(("0.0.0.0", 80), ("10.9.0.4", 81), host=host) == "10.9.0.4:81"


def listed(*ports: tuple[str, int], state: str = "running", network: str = "bridge") -> dict[str, Any]:
    rows = [{"IP": ip, "PrivatePort": 80, "PublicPort": port, "Type": "tcp"} for ip, port in ports]
    return {
        "Id": "s1",
        "State": state,
        "HostConfig": {"NetworkMode": network},
        "Ports": [*rows, {"PrivatePort": 443, "Type": "tcp"}],
    }


def test_where_others_answer() -> None:
    """All their places, from the engine's list: published ports of those that hold them, paused ones too; in the
    host's network what they expose."""
    entry = listed(("0.0.0.0", 9001), ("::", 9001), ("127.0.0.1", 9002), ("10.9.0.4", 9003))
    assert set(backends_of(HOST, entry, ["443/tcp"])) == {Backend("10.0.0.21", 9001), Backend("10.9.0.4", 9003)}
    assert set(backends_of(NAMELESS, entry, [])) == {Backend("10.9.0.4", 9003)}
    assert len(list(backends_of(HOST, {**entry, "State": "paused"}, []))) == 2
    for state in ("exited", "created", "restarting", "dead"):
        assert list(backends_of(HOST, {**entry, "State": state}, [])) == []
    hosted = listed(network="host")
    assert list(backends_of(HOST, hosted, ["443/tcp", "53/udp"])) == [
        Backend("10.0.0.21", 443),
        Backend("10.0.0.21", 53),
    ]
    assert list(backends_of(NAMELESS, hosted, ["443/tcp"])) == []

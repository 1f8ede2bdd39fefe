"""Ports, networks, names, links and hosts."""

from typing import Any

import pytest

from converters.workload import Network, Port, Workload
from tests.inspect_documents import container, image, read, read_container, workload

ID = "7d86d31b1478e7cca9ebed7e73aa0fdeec46c5ca29497431d3007d2d9e15ed99"


def on(ends: dict[str, Any], mode: str = "backend", host: dict[str, Any] | None = None, **beside: Any) -> Workload:
    document = container(host={"NetworkMode": mode} | (host or {}))
    document["NetworkSettings"]["Networks"] = ends
    return workload(document, **beside)


def ports(bindings: dict[str, Any], exposed: dict[str, Any] | None = None) -> tuple[Port, ...]:
    return read_container(container({"ExposedPorts": exposed or {}}, {"PortBindings": bindings})).ports


def published(port: Port) -> list[tuple[str, int]]:
    return [(p.host_ip, p.host_port) for p in port.published]


@pytest.mark.parametrize(
    ("bindings", "expected"),
    [
        ([{"HostIp": "", "HostPort": "8080"}], [("", 8080)]),
        ([{"HostIp": "0.0.0.0", "HostPort": "8080"}, {"HostIp": "::", "HostPort": "8080"}], [("", 8080)]),
        ([{"HostIp": "127.0.0.1", "HostPort": "8080"}], [("127.0.0.1", 8080)]),
        ([{"HostIp": "", "HostPort": ""}], [("", 0)]),
        ([{"HostIp": "", "HostPort": "0"}], [("", 0)]),
        ([{"HostIp": "", "HostPort": "8000-8010"}], [("", 0)]),
        ([{"HostPort": "81"}, {"HostPort": "80"}], [("", 80), ("", 81)]),
        (None, []),
    ],
)
def test_a_published_port_has_an_address_and_a_port(bindings: Any, expected: list[tuple[str, int]]) -> None:
    """Addresses that mean all are one; what is left to the engine is 0."""
    (port,) = ports({"80/tcp": bindings}, {"80/tcp": {}})
    assert published(port) == expected


def test_both_entries_of_a_dual_address_stand_behind_one_port() -> None:
    """Each atom has its verdict."""
    (port,) = ports({"80": [{"HostIp": "0.0.0.0", "HostPort": "1"}, {"HostIp": "::", "HostPort": "1"}]})
    assert len(port.published[0].origins) == 2


def test_ports_of_two_protocols_and_ranges_are_apart() -> None:
    """53/tcp is not 53/udp."""
    found = ports({"53/udp": [{"HostPort": "53"}]}, {"53/tcp": {}, "53/udp": {}, "8000-8002/tcp": {}})
    assert [(p.container_port, p.protocol.value) for p in found] == [
        (53, "tcp"),
        (53, "udp"),
        (8000, "tcp"),
        (8001, "tcp"),
        (8002, "tcp"),
    ]


def test_the_network_that_the_mode_names_and_others_are_told_apart_by_origin() -> None:
    """NetworkMode names the first; joined ones stand in NetworkSettings alone."""
    found = on({"backend": {"NetworkID": ID}, "front": {"NetworkID": "f" * 64}})
    assert found.network_mode == "backend"
    assert [(n.name, n.origins[0].path) for n in found.networks] == [
        ("backend", "HostConfig.NetworkMode"),
        ("front", "NetworkSettings.Networks[front].NetworkID"),
    ]


def test_a_network_may_be_named_by_its_id() -> None:
    """Swarm and old compose do so."""
    found = on({"backend": {"NetworkID": ID}}, mode=ID)
    assert (found.network_mode, [network.name for network in found.networks]) == ("backend", ["backend"])


@pytest.mark.parametrize("mode", ["host", "none", "container:abc"])
def test_a_mode_that_is_no_network_makes_none(mode: str) -> None:
    """It is the mode of the workload alone."""
    found = on({}, mode=mode)
    assert (found.network_mode, found.networks) == (mode, ())


def test_a_disabled_network_is_none() -> None:
    """An old spelling of it."""
    assert workload(container({"NetworkDisabled": True})).network_mode == "none"


def test_names_are_those_that_others_can_resolve() -> None:
    """The container's and its aliases; the short ID and its own name as an alias are the engine's doing."""
    found = on({"backend": {"NetworkID": ID, "Aliases": ["api", "web", "c1ff7385093b"]}})
    assert [(n.name, n.network, n.kind) for n in found.names] == [
        ("api", "backend", "alias"),
        ("web", "backend", "container"),
    ]
    (network,) = found.networks
    assert [alias.value for alias in network.aliases] == ["api"]


def test_the_default_bridge_resolves_no_names() -> None:
    """Only links work there."""
    found = workload(container(host={"Links": ["/database:/web/db"]}))
    assert found.names == ()
    (network,) = found.networks
    assert [(link.key, link.value) for link in network.links] == [("db", "database")]


def test_addresses_and_driver_options_of_an_endpoint_are_options() -> None:
    """By Docker's names."""
    end = {"NetworkID": ID, "IPAMConfig": {"IPv4Address": "10.9.0.3", "LinkLocalIPs": ["169.254.1.1"]}}
    (network,) = on({"backend": end | {"DriverOpts": {"a.b": "c"}, "GwPriority": 5}}).networks
    assert [(option.key, option.value) for option in network.options] == [
        ("IPv4Address", "10.9.0.3"),
        ("LinkLocalIPs", "169.254.1.1"),
        ("a.b", "c"),
        ("GwPriority", "5"),
    ]


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"Internal": True}, Network(name="backend", internal=True, driver="bridge")),
        (
            {"Options": {"com.docker.network.bridge.enable_icc": "false"}},
            Network(name="backend", icc=False, driver="bridge"),
        ),
        ({"Driver": "macvlan"}, Network(name="backend", driver="macvlan")),
    ],
)
def test_a_networks_own_document_says_what_it_parts(facts: dict[str, Any], expected: Network) -> None:
    """Isolation that pods do not have."""
    document = {"Name": "backend", "Id": ID, "Driver": "bridge"} | facts
    (network,) = on({"backend": {"NetworkID": ID}}, networks=(document,)).networks
    assert (network.internal, network.icc, network.driver) == (expected.internal, expected.icc, expected.driver)
    parts = (*network.options, *network.isolation)
    assert [source.document for part in parts for source in part.origins] == ["h1/network/backend"]


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("db:10.0.0.5", ("db", "10.0.0.5")),
        ("db=10.0.0.5", ("db", "10.0.0.5")),
        ("db:fd00::1", ("db", "fd00::1")),
        ("gw:host-gateway", ("gw", "host-gateway")),
    ],
)
def test_an_extra_host_is_a_name_and_an_address(entry: str, expected: tuple[str, str]) -> None:
    """IPv6 has colons of its own."""
    (pair,) = workload(container(host={"ExtraHosts": [entry]})).extra_hosts
    assert (pair.key, pair.value) == expected


def test_namespaces_resolver_and_sysctls_belong_to_the_workload() -> None:
    """A pod has one of each."""
    found = workload(
        container(
            {"Hostname": "web-7", "Domainname": "edge.example"},
            {
                "PidMode": "host",
                "IpcMode": "container:abc",
                "UTSMode": "host",
                "UsernsMode": "host",
                "Runtime": "runsc",
                "Dns": ["192.0.2.1"],
                "DnsSearch": ["a.example"],
                "DnsOptions": ["ndots:2"],
                "Sysctls": {"net.core.somaxconn": "100"},
            },
        )
    )
    assert (found.hostname, found.domainname, found.runtime) == ("web-7", "edge.example", "runsc")
    assert (found.pid_mode, found.ipc_mode, found.uts_mode, found.userns_mode) == (
        "host",
        "container:abc",
        "host",
        "host",
    )
    assert [item.value for item in (*found.dns, *found.dns_search, *found.dns_options)] == [
        "192.0.2.1",
        "a.example",
        "ndots:2",
    ]
    assert [(pair.key, pair.value) for pair in found.sysctls] == [("net.core.somaxconn", "100")]


@pytest.mark.parametrize(
    ("labels", "env", "owner"),
    [
        ({"com.docker.compose.project": "p"}, [], "compose"),
        ({"com.docker.swarm.service.name": "s", "com.docker.compose.project": "p"}, [], "swarm"),
        ({}, ["MARATHON_APP_ID=/a", "MESOS_TASK_ID=1"], "marathon"),
        ({}, ["NOMAD_ALLOC_ID=1"], "nomad"),
        ({}, [], "docker"),
    ],
)
def test_the_owner_is_told_by_labels_or_injected_variables(labels: dict[str, str], env: list[str], owner: str) -> None:
    """The one who would start it again."""
    assert workload(container({"Labels": labels, "Env": env})).scheduler == owner


def test_evidence_of_the_instance_is_kept() -> None:
    """State, time by the engine's own clock, platform of the image."""
    (instance,) = workload(container(RestartCount=3)).instances
    assert (instance.state, instance.restarts, instance.platform) == ("running", 3, "linux/arm64/v8")
    assert instance.uptime_s == pytest.approx(437.25, abs=0.01)
    assert instance.document == "h1/container/web"
    (unknown,) = workload(container(), engine=None, images=()).instances
    assert (unknown.uptime_s, unknown.platform) == (None, "")


@pytest.mark.parametrize(
    ("started", "ended", "uptime"),
    [
        ("2024-02-28T23:59:59Z", "2024-03-01T00:00:00Z", 86401.0),
        ("2023-12-31T23:00:00.5Z", "2024-01-01T01:00:00+01:00", 3599.5),
        ("2024-01-01T00:00:00-05:30", "2024-01-01T06:00:00Z", 1800.0),
        ("2024-01-01T00:00:00Z", "2023-01-01T00:00:00Z", None),
        ("2013-05-07T14:51:42.087658+02:01360", "2013-05-07T15:00:00Z", None),
        ("0001-01-01T00:00:00Z", "2024-01-01T00:00:00Z", None),
    ],
)
def test_an_ended_container_ran_from_its_start_to_its_end(started: str, ended: str, uptime: float | None) -> None:
    """Leap days, zones and broken times included."""
    state = {"Status": "exited", "Running": False, "StartedAt": started, "FinishedAt": ended}
    (instance,) = workload(container(State=state)).instances
    assert instance.uptime_s == uptime


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ({"Running": True, "Paused": True}, "paused"),
        ({"Restarting": True, "Running": True}, "restarting"),
        ({"Running": False, "StartedAt": "0001-01-01T00:00:00Z"}, "created"),
        ({"Running": False, "StartedAt": "2015-01-06T15:47:32Z"}, "exited"),
    ],
)
def test_before_api_121_flags_tell_the_state(state: dict[str, Any], expected: str) -> None:
    """There is no Status."""
    (instance,) = workload(container(State=state)).instances
    assert instance.state == expected


@pytest.mark.parametrize(
    ("digests", "digest", "local"),
    [([], "", True), ([f"reg.example/web@sha256:{'d' * 64}"], f"sha256:{'d' * 64}", False)],
)
def test_an_image_without_a_digest_is_local_only(digests: list[str], digest: str, *, local: bool) -> None:
    """No registry has it, as far as can be seen."""
    found = read_container(container(), images=(image() | {"RepoDigests": digests},)).image
    assert (found.digest, found.local_only) == (digest, local)


def test_a_reference_by_digest_is_pinned_without_the_image() -> None:
    """It says it itself."""
    reference = f"reg.example:5000/web@sha256:{'a' * 64}"
    found = read_container(container({"Image": reference}), images=()).image
    assert (found.repository, found.digest, found.local_only) == ("reg.example:5000/web", f"sha256:{'a' * 64}", False)


def test_the_hosts_own_network_is_in_use_by_those_who_are_on_it() -> None:
    """A container is on host or none by its mode, and the network's document is no stranger to it."""
    document = container(host={"NetworkMode": "host"})
    reading = read(document, networks=({"Name": "host", "Driver": "host"}, {"Name": "none", "Driver": "null"}))
    assert reading.excluded == (("h1/network/none", "no container here uses it"),)

"""Services, routes and NetworkPolicies: every name, every port, and what was public."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from converters.decisions import Answered, Decisions
from converters.fields.ledger import Ledger
from converters.fields.verdict import Level, Verdict
from converters.names import assign_names
from converters.objects.context import Context
from converters.objects.network_policy import network_policies
from converters.objects.routes import routes
from converters.objects.service import service_ports, services
from converters.target import Exposure, Target
from converters.workload import Controller, Name, Network, Pair, Port, Protocol, Published, Route, Workload
from tests.workloads import atom, running

AT = atom("h1/container/web", "HostConfig.PortBindings[80/tcp][:8080]")


def made(
    workload: Workload, *, target: Target | None = None, decisions: Decisions | None = None,
    controller: Controller = Controller.DEPLOYMENT,
) -> tuple[list[dict[str, Any]], tuple[Verdict, ...]]:  # fmt: skip
    target, decisions = target or Target(), decisions or Decisions()
    names = assign_names([workload], target=target, decisions=decisions)
    context = Context(names=names, target=target, decisions=decisions, pods=("Deployment/web:spec.template",))
    ledger = Ledger(workload.name, decisions)
    objects = services(workload, controller=controller, context=context, ledger=ledger)
    objects += routes(workload, context=context, ledger=ledger)
    objects += network_policies(workload, context=context, ledger=ledger)
    return objects, ledger.verdicts()


def published(host_ip: str = "", host_port: int = 8080, protocol: Protocol = Protocol.TCP) -> Workload:
    port = Port(
        container_port=80,
        protocol=protocol,
        published=(Published(host_ip=host_ip, host_port=host_port, origins=AT),),
    )
    return running("web", container={"ports": (port,)})


def level(verdicts: tuple[Verdict, ...], code: str) -> Level:
    (found,) = [v for v in verdicts if v.code == code]
    return found.level


def test_a_fixed_published_port_stands_beside_the_containers() -> None:
    """Callers on the network use 80, callers of the host used 8080: both work, and both lead to 80."""
    (service,), _ = made(published(), target=Target(exposure=(Exposure(match="*", become="ClusterIP"),)))
    assert [(p["port"], p["targetPort"]) for p in service["spec"]["ports"]] == [(80, 80), (8080, 80)]
    assert len({p["name"] for p in service["spec"]["ports"]}) == 2


def test_an_unstated_public_port_is_a_question_that_does_not_block() -> None:
    """ClusterIP for now, and the verdict says what else it could be."""
    objects, verdicts = made(published())
    (verdict,) = [v for v in verdicts if v.code == "exposure"]
    assert verdict.level is Level.UNDECIDED
    assert verdict.chosen == "ClusterIP"
    assert [o["spec"]["type"] for o in objects] == ["ClusterIP"]


@pytest.mark.parametrize("become", ["NodePort", "LoadBalancer"])
def test_exposure_makes_a_service_of_its_own(become: str) -> None:
    """What is public is a second Service, so that internal names never depend on it."""
    objects, verdicts = made(published(), target=Target(exposure=(Exposure(match="8080", become=become),)))
    assert [o["spec"]["type"] for o in objects] == ["ClusterIP", become]
    assert objects[1]["spec"]["externalTrafficPolicy"] == "Cluster"
    assert [p["port"] for p in objects[1]["spec"]["ports"]] == [8080]
    assert level(verdicts, "port-published") is (Level.EXACT if become == "LoadBalancer" else Level.APPROXIMATED)


def test_a_node_port_in_range_keeps_its_number() -> None:
    """30080 may be a node port, so it is one."""
    objects, verdicts = made(
        published(host_port=30080), target=Target(exposure=(Exposure(match="*", become="NodePort"),))
    )
    assert objects[1]["spec"]["ports"][0]["nodePort"] == 30080
    assert level(verdicts, "port-published") is Level.EXACT


def test_the_most_particular_exposure_wins() -> None:
    """web:8080/tcp over 8080 over the star; a decision over all."""
    stated = (
        Exposure(match="*", become="ClusterIP"),
        Exposure(match="8080", become="NodePort"),
        Exposure(match="web:8080/tcp", become="LoadBalancer"),
    )
    objects, _ = made(published(), target=Target(exposure=stated))
    assert objects[-1]["spec"]["type"] == "LoadBalancer"
    answer = Decisions(
        answers=(Answered(workload="web", code="exposure", about=AT[0].path, answer="ClusterIP", line=1),)
    )
    objects, verdicts = made(published(), target=Target(exposure=stated), decisions=answer)
    assert [o["spec"]["type"] for o in objects] == ["ClusterIP"]
    assert any(v.decided for v in verdicts)


@pytest.mark.parametrize(
    ("match", "kind"),
    [("web:8080/*", "LoadBalancer"), ("w*:80?0/tcp", "LoadBalancer"), ("808?", "LoadBalancer"), ("8080/udp", "")],
)
def test_exposure_may_be_wild(match: str, kind: str) -> None:
    """A star in one part stands for that part, not for another form of match."""
    objects, _ = made(published(), target=Target(exposure=(Exposure(match=match, become="LoadBalancer"),)))
    assert [o["spec"]["type"] for o in objects][1:] == ([kind] if kind else [])


def test_loopback_is_not_public() -> None:
    """127.0.0.1 was reachable on the host only: no exposure, whatever the target says."""
    objects, verdicts = made(
        published("127.0.0.1"), target=Target(exposure=(Exposure(match="*", become="LoadBalancer"),))
    )
    assert [o["spec"]["type"] for o in objects] == ["ClusterIP"]
    assert level(verdicts, "port-loopback") is Level.APPROXIMATED


def test_udp_stays_udp() -> None:
    """One number on both protocols is two ports with two names."""
    both = tuple(
        Port(container_port=53, protocol=p, published=(Published(host_port=53),)) for p in (Protocol.TCP, Protocol.UDP)
    )
    ports = service_ports(running("dns", container={"ports": both}))
    assert [(p.name, p.protocol) for p in ports] == [("tcp-53", "TCP"), ("udp-53", "UDP")]


def test_an_old_name_that_is_none_is_a_service_and_says_so() -> None:
    """my_db becomes the Service my-db and the verdict is no longer exact."""
    workload = replace(
        running("web", ports={80: 0}),
        names=(Name(name="web", kind="workload"), Name(name="my_db", network="n", origins=atom("d", "Aliases[my_db]"))),
    )
    objects, verdicts = made(workload)
    assert [o["metadata"]["name"] for o in objects] == ["web", "my-db"]
    assert level(verdicts, "alias") is Level.APPROXIMATED


def test_a_name_without_ports_is_headless() -> None:
    """Docker resolves a name whatever is published."""
    workload = replace(running("web"), names=(Name(name="queue", network="n", origins=atom("d", "Aliases[queue]")),))
    (service,), _ = made(workload)
    assert service["spec"]["clusterIP"] == "None"
    assert "ports" not in service["spec"]


def test_neither_port_nor_name_makes_no_service() -> None:
    """A worker on the default bridge is reached by nobody."""
    objects, _ = made(replace(running("web"), names=(Name(name="web", kind="workload"),)))
    assert objects == []


def test_a_statefulset_gets_a_governing_service() -> None:
    """Names for each pod, before they are ready."""
    objects, _ = made(published("127.0.0.1"), controller=Controller.STATEFULSET)
    assert objects[1]["metadata"]["name"] == "web-pods"
    assert objects[1]["spec"]["publishNotReadyAddresses"] is True


def test_long_or_doubled_port_names_stay_legal_and_unique() -> None:
    """At most fifteen characters, a letter, none twice."""
    ports = (
        Port(container_port=1, name="administration-interface"),
        Port(container_port=2, name="administration-interfere"),
        Port(container_port=3, name="8080"),
        Port(container_port=4, name="a--b_"),
    )
    names = [p.name for p in service_ports(running("web", container={"ports": ports}))]
    assert len(set(names)) == 4
    assert names == ["administration", "tcp-2", "tcp-3", "a-b"]


def test_routes_are_an_ingress_or_an_httproute() -> None:
    """What the target has decides; host, path and port are the same."""
    route = Route(host="www.example", path="/api", port="80", tls=True, origins=atom("c.yml", "route"))
    workload = replace(published("127.0.0.1"), routes=(route,))
    objects, verdicts = made(workload, target=Target(ingress_class="nginx"))
    ingress = objects[-1]
    assert ingress["spec"]["rules"][0]["host"] == "www.example"
    assert ingress["spec"]["tls"][0]["hosts"] == ["www.example"]
    assert level(verdicts, "route") is Level.APPROXIMATED
    plain = replace(workload, routes=(replace(route, tls=False),))
    assert level(made(plain, target=Target(ingress_class="nginx"))[1], "route") is Level.EXACT
    gateway = Target(crds=frozenset({"gateway.networking.k8s.io"}), gateway="infra/public")
    http = made(workload, target=gateway)[0][-1]
    assert http["kind"] == "HTTPRoute"
    assert http["spec"]["parentRefs"] == [{"name": "public", "namespace": "infra"}]
    assert http["spec"]["rules"][0]["backendRefs"] == [{"name": "web", "port": 80}]


def test_hosts_with_other_paths_have_their_own_httproute() -> None:
    """All hosts of an HTTPRoute answer on all of its paths: /admin of one host must not appear on the other."""
    routes = (
        Route(host="www.example", path="/", port="80"),
        Route(host="old.example", path="/", port="80"),
        Route(host="in.example", path="/admin", port="80"),
    )
    target = Target(crds=frozenset({"gateway.networking.k8s.io"}))
    objects, _ = made(replace(published("127.0.0.1"), routes=routes), target=target)
    found = {
        tuple(o["spec"]["hostnames"]): [m["path"]["value"] for r in o["spec"]["rules"] for m in r["matches"]]
        for o in objects
        if o["kind"] == "HTTPRoute"
    }
    assert found == {("old.example", "www.example"): ["/"], ("in.example",): ["/admin"]}
    assert len({o["metadata"]["name"] for o in objects if o["kind"] == "HTTPRoute"}) == 2


def test_a_route_names_a_port_as_the_config_does() -> None:
    """The Service's port bears a legal name; the config's own leads to it."""
    workload = running("web", container={"ports": (Port(container_port=80, name="http_main"), Port(container_port=81))})
    objects, _ = made(replace(workload, routes=(Route(host="www.example", port="http_main"),)))
    backend = objects[-1]["spec"]["rules"][0]["http"]["paths"][0]["backend"]
    assert backend["service"]["port"]["number"] == 80


def test_a_route_to_no_port_blocks() -> None:
    """A route that leads nowhere would be a 503 for everyone."""
    route = Route(host="www.example", port="9999", origins=atom("c.yml", "route"))
    objects, verdicts = made(replace(published("127.0.0.1"), routes=(route,)))
    assert [o["kind"] for o in objects] == ["Service"]
    assert level(verdicts, "route-port") is Level.UNDECIDED


def test_no_network_denies_all() -> None:
    """network none: no traffic in or out."""
    workload = replace(
        running("web"), network_mode="none", origins={"network_mode": atom("d", "HostConfig.NetworkMode")}
    )
    (policy,), verdicts = made(workload)
    assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in policy["spec"]
    assert level(verdicts, "network-none") is Level.APPROXIMATED


def test_isolation_is_asked_for() -> None:
    """Lost isolation is always said; policies come on request, and keep published ports open to all."""
    closed = (Pair(key="internal", value="true", origins=atom("n", "Internal")),)
    network = Network(name="backend", internal=True, isolation=closed, origins=atom("d", "HostConfig.NetworkMode"))
    workload = replace(published(), networks=(network,))
    objects, verdicts = made(workload)
    assert "NetworkPolicy" not in {o["kind"] for o in objects}
    assert level(verdicts, "network-isolation") is Level.DROPPED
    policy = made(workload, target=Target(isolation="networkpolicy"))[0][-1]
    assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert {"ports": [{"port": 80, "protocol": "TCP"}]} in policy["spec"]["ingress"]


def test_a_port_of_the_hosts_loopback_is_opened_to_nobody() -> None:
    """Only what was public may be called from outside the network."""
    for address, rules in (("127.0.0.1", 1), ("", 2)):
        workload = replace(published(address), networks=(Network(name="backend"),))
        objects, _ = made(workload, target=Target(isolation="networkpolicy"))
        (policy,) = [o for o in objects if o["kind"] == "NetworkPolicy"]
        assert len(policy["spec"]["ingress"]) == rules


def test_members_of_a_network_in_other_namespaces_may_call() -> None:
    """A peer without a namespace selector is a pod of the policy's own namespace."""
    members = [
        replace(published(), networks=(Network(name="backend"),), namespace_hint="a"),
        replace(running("db"), networks=(Network(name="backend"),), namespace_hint="b"),
    ]
    target = Target(isolation="networkpolicy", namespace="{group}")
    names = assign_names(members, target=target, decisions=Decisions())
    context = Context(names=names, target=target)
    (policy,) = network_policies(members[1], context=context, ledger=Ledger("db", Decisions()))
    (peer,) = policy["spec"]["ingress"][0]["from"]
    assert peer["namespaceSelector"] == {}

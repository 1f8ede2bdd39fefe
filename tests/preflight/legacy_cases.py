"""What triggers each row on NetworkPolicies, the legacy side, callers and evidence; and what nearly does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from migrate.cutover.edges import Backend, Found, Peer
from migrate.cutover.preflight import Seen
from tests.apply_plans import of
from tests.preflight.cluster_cases import Case
from tests.preflight.seen import (
    BACKENDS,
    INSTANCES,
    LABELS,
    Change,
    at,
    entry,
    host,
    instance,
    live,
    means,
    measured,
    placed,
    planned,
    seen_as,
    service,
    told,
)

LEGACY = [{"ipBlock": {"cidr": "192.0.2.0/24"}}]
PODS = [{"podSelector": {"matchLabels": {"podlift.dev/workload": "web"}}}]


def policy(name: str = "callers", selector: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    chosen = {"matchLabels": {"app": "shop"}} if selector is None else selector
    return placed(of("networking.k8s.io/v1", "NetworkPolicy", name, spec={"podSelector": chosen, **spec}))


def egress(*rules: dict[str, Any], name: str = "callers", selector: dict[str, Any] | None = None) -> dict[str, Any]:
    return policy(name, selector, policyTypes=["Egress"], egress=list(rules))


def ingress(*rules: dict[str, Any]) -> dict[str, Any]:
    return policy("guard", {"matchLabels": LABELS}, policyTypes=["Ingress"], ingress=list(rules))


POLICIES: tuple[Case, ...] = (
    ("policy-callers", "and not 192.0.2.11:18080", (live(egress({"to": PODS})),)),
    ("policy-callers", "and not pods on 8080/tcp", (live(egress({"to": LEGACY})),)),
    ("policy-callers", "and not 192.0.2.11:18081", (
        live(egress({"to": PODS}, {"to": LEGACY, "ports": [{"port": 18080}]})),
    )),
    ("policy-callers", "and not 192.0.2.12:18080", (
        live(egress({"to": PODS}, {"to": [{"ipBlock": {"cidr": "192.0.2.0/24", "except": ["192.0.2.12/32"]}}]})),
    )),
    ("policy-pods", "192.0.2.1, 192.0.2.2", (live(ingress({"from": PODS})),)),
    ("policy-pods", "192.0.2.1, 192.0.2.2", (planned(ingress({"from": PODS})),)),
    ("policy-pods", "192.0.2.1, 192.0.2.2", (live(ingress({"ports": [{"port": 9090}]})),)),
    ("policies-not-read", "CiliumNetworkPolicy.cilium.io: shop/callers stand", (
        live(placed(of("cilium.io/v2", "CiliumNetworkPolicy", "callers")), group="cilium.io"),
    )),
    ("policies-not-read", "GlobalNetworkPolicy.crd.projectcalico.org: p0, p1, p2, p3, p4 and 2 more", (
        live(*(of("x/v1", "GlobalNetworkPolicy", f"p{n}") for n in range(7)), group="crd.projectcalico.org"),
    )),
)  # fmt: skip


def stranger(**more: Any) -> Change:
    return told("f" * 64, **{"Name": "/other", "State": {"Running": True}, **more})


def host_config(**more: Any) -> Change:
    return told(HostConfig={"NetworkMode": "default", **more})


RESTARTING = {"Running": True, "Status": "restarting", "Restarting": True}
STOPPED = {"Running": False, "Status": "exited"}
CLAIMING = {"PortBindings": {"80/tcp": [{"HostPort": "18080"}]}}
NO_FREEZE = means(hooks=frozenset())


def as_node(name: str = "a1") -> Change:
    return host(name, address="192.0.2.1")


def nothing_runs(seen: Seen) -> Seen:
    stopped = tuple(replace(each, running=False, ports={}) for each in seen.found.containers)
    return replace(seen, found=Found(containers=stopped))


SIDE: tuple[Case, ...] = (
    ("engine-unread", "no route", (seen_as(found=Found(containers=INSTANCES, unread={"a2": "no route to host"})),)),
    ("instances-changed", "3 instances run", (entry(instances=[{"name": "web-1", "host": "a1"}]),)),
    ("image-differs", "web:4.3", (told(Config={"Image": "registry.example/web:4.3"}),)),
    ("no-instance-runs", "none of its instances", (nothing_runs,)),
    ("no-instance-runs", "none of its instances", tuple(instance(n, health="unhealthy") for n in range(3))),
    ("instance-down", "does not run", (instance(running=False, ports={}),)),
    ("instance-down", "unhealthy", (instance(health="unhealthy"),)),
    ("instance-down", "again and again", (told(State=RESTARTING),)),
    ("address-refused", "loopback", (at("127.0.0.1"),)),
    ("address-refused", "link-local", (at("169.254.7.1"),)),
    ("address-refused", "link-local", (at("fe80::1"),)),
    ("address-refused", "unspecified", (at("0.0.0.0"),)),
    ("address-refused", "multicast", (at("224.0.0.5"),)),
    ("address-refused", "no IP address", (at("a1.edge.example"),)),
    ("address-refused", "written as IPv6", (at("::ffff:192.0.2.11"),)),
    ("address-refused", "no address", (at(""),)),
    ("address-of-the-cluster", "Services", (at("10.96.3.4"),)),
    ("address-of-the-cluster", "pods", (at("10.244.1.9"),)),
    ("address-of-the-cluster", "a Service", (
        at("10.7.0.1"), live(service("db", selector={"app": "db"}, clusterIPs=["10.7.0.1"])),
    )),
    ("family-differs", "IPv4", (at("2001:db8::11"),)),
    ("family-differs", "IPv6", (planned(service(ipFamilies=["IPv6"])),)),
    ("port-shared", "answer at one address", (instance(1, ports={"8080/tcp": BACKENDS[0]}),)),
    ("port-contested", "container abcdef", (
        seen_as(found=Found(containers=INSTANCES, strangers={BACKENDS[0]: "abcdef0123456789"})),
    )),
    ("port-claimed", "port 18080 too", (stranger(State=STOPPED, HostConfig=CLAIMING),)),
    ("port-unpublished", "8080/tcp is not published", (instance(ports={}),)),
    ("port-unpublished", "several addresses", (
        planned(service(ports=[
            {"name": "a", "port": 80, "targetPort": 8080}, {"name": "b", "port": 81, "targetPort": 8081},
        ])),
        instance(ports={"8080/tcp": BACKENDS[0], "8081/tcp": Backend("192.0.2.12", 9)}),
    )),
    ("container-address", "172.17.0.2", (at("172.17.0.2", 8080),)),
    ("dynamic-ports", "8080/tcp", (NO_FREEZE, host_config(PortBindings={"8080/tcp": [{"HostPort": "0"}]}))),
    ("dynamic-ports", "8080/tcp", (NO_FREEZE, host_config(PortBindings={"8080/tcp": None}))),
    ("dynamic-ports", "8080/tcp", (NO_FREEZE, host_config(PublishAllPorts=True))),
    ("removed-on-stop", "--rm", (instance(auto_remove=True),)),
    ("cleaner-runs", "watchtower", (stranger(Config={"Image": "containrrr/watchtower:1.7"}),)),
    ("cleaner-runs", "docker:cli", (
        stranger(Config={"Image": "docker:cli", "Cmd": ["sh", "-c", "docker system prune -f"]}),
    )),
    ("prune-timer", "docker-prune.timer", (measured(timers={"a1": ("docker-prune.timer",)}),)),
    ("scheduler-collects", "Swarm", (told(Config={"Labels": {"com.docker.swarm.task.id": "x"}}),)),
    ("scheduler-collects", "Mesos", (told(Config={"Env": ["MESOS_TASK_ID=web.1"]}),)),
    ("stop-cut-short", "24.0.2", (host("a1", info={"ServerVersion": "24.0.2"}),)),
    ("stop-cut-short", "23.0.6", (host("a1", info={"ServerVersion": "23.0.6+azure"}),)),
    ("restart-revives", "always", (instance(restart={"Name": "always"}),)),
    ("host-is-node", "node n1", (as_node(),)),
    ("host-is-node", "node n1", (host("a1", info={"Name": "n1"}),)),
    ("no-userland-proxy", "refused", (as_node(), measured(relays={"a1": False}))),
    ("userland-proxy-unknown", "not known", (as_node(), measured(relays=None))),
)  # fmt: skip


def other(name: str, *, references: tuple[str, ...] = (), value: str = "") -> dict[str, Any]:
    env = [{"name": "PEER", "value": value}]
    workload = {"containers": [{"name": name, "env": env}]}
    return {"name": name, "kubernetesName": name, "namespace": "", "references": list(references), "workload": workload}


def estate(*others: dict[str, Any], references: tuple[str, ...] = ()) -> tuple[Change, ...]:
    return seen_as(estate=others), entry(references=list(references))


def in_file(name: str, text: str) -> tuple[Change, ...]:
    return (seen_as(caller_files={name: text}),)


CALLERS: tuple[Case, ...] = (
    ("endpoint-unreachable", "timed out", (measured(probes={"n2": {BACKENDS[0]: "timed out"}}),)),
    ("caller-cut-off", "they do not get to 192.0.2.11:18080, where", (
        measured(callers={"pods of shop with app=front": {"192.0.2.11:18080": "timed out"}}),
    )),
    ("caller-cut-off", "cannot be tried: no node is ready", (
        measured(callers={"pods of shop with app=front": "no node is ready"}),
    )),
    ("node-silent", "no pod", (measured(silent={"n2": "no pod may run there"}),)),
    ("node-on-trust", "on trust", (measured(silent={"n2": "no pod may run there"}), means(accept_floor=True))),
    ("no-freeze-hook", "STANDBY", (NO_FREEZE,)),
    ("no-commands-on-host", "holds before STANDBY", (host("a2", commands=False),)),
    ("schedule-coarse", "50% of new", (
        seen_as(found=Found(containers=INSTANCES[:1])), means(steps=(1, 3)),
    )),
    ("many-new-connections", "180 new connections", (measured(rates={("n1", BACKENDS[0]): 180.4}),)),
    ("conntrack-full", "60000 of 65536", (measured(conntrack={"n1": (60000, 65536)}),)),
    ("clock-skew", "3.5 s behind", (measured(skew_s={"a1": -3.5}),)),
    ("called-directly", "198.51.100.9 (12)", (measured(peers={BACKENDS[0]: (Peer("198.51.100.9", 12),)}),)),
    ("called-by-address", "192.0.2.11:18080", estate(other("shop", value="http://192.0.2.11:18080/"))),
    ("called-by-address", "a2:18080", estate(other("shop", value="http://a2:18080"))),
    ("called-by-address", "node-7:18080", (
        host("a2", info={"Name": "node-7"}), *estate(other("shop", value="http://node-7:18080")),
    )),
    ("called-in-file", "nginx.conf:3: it leads to 192.0.2.11:18080, which is web-1 on a1", in_file(
        "nginx.conf", "upstream web {\n  # server 192.0.2.11:18080;\n  server 192.0.2.11:18080;\n}\n",
    )),
    ("called-in-file", "haproxy.cfg:1: it leads to 192.0.2.12:18080", in_file(
        "haproxy.cfg", "  server one a2:18080 check\n",
    )),
    ("called-in-file", "nginx.conf:1: it leads to [2001:db8::11]:18080", (
        at("2001:db8::11"), *in_file("nginx.conf", "server [2001:db8::11]:18080;\n"),
    )),
    ("called-in-file", "consul.json:2: it leads to 192.0.2.11:18081, which is web-2 on a1", in_file(
        "consul.json", '{"service": {"name": "web",\n  "address": "192.0.2.11",\n  "tags": [],\n  "port": 18081}}\n',
    )),
    ("mutual-callers", "call each other", estate(other("db", references=("web",)), references=("db",))),
    ("peer-unbridged", "no Service of that name", estate(other("db"), references=("db",))),
)  # fmt: skip

CASES = (*POLICIES, *SIDE, *CALLERS)

BOTH = ({"to": PODS}, {"to": LEGACY})
NEAR = [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "shop"}}, **PODS[0]}]
NODES = [{"ipBlock": {"cidr": "192.0.2.0/30"}}]

QUIET: tuple[Case, ...] = (
    ("policy-callers", "both", (live(egress(*BOTH)),)),
    ("policy-callers", "both, in two policies of the same pods", (
        live(egress(BOTH[0]), egress(BOTH[1], name="more")),
    )),
    ("policy-callers", "one of two for all pods", (live(egress(BOTH[0]), egress(*BOTH, name="all", selector={})),)),
    ("policy-callers", "neither: they are no callers", (live(egress({"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}],
                                                                     "ports": [{"port": 53, "protocol": "UDP"}]})),)),
    ("policy-callers", "everywhere", (live(egress({})),)),
    ("policy-callers", "by namespace, by the port's name, by a range", (
        live(egress({"to": NEAR, "ports": [{"port": "http"}]},
                    {"to": LEGACY, "ports": [{"port": 18000, "endPort": 18999}]})),
    )),
    ("policy-pods", "nodes are let in", (live(ingress({"from": NODES, "ports": [{"port": 8080}]})),)),
    ("policy-pods", "of other pods", (live(policy("x", policyTypes=["Ingress"])),)),
    ("policy-pods", "by the plan; the cluster's of the same name counts", (
        planned(ingress({"from": PODS})), live(ingress({})),
    )),
    ("image-differs", "which of the other container it is", (told("f" * 64, Config={"Image": "other:1"}),)),
    ("port-claimed", "on another host", (
        told("f" * 64, host="a2", State=STOPPED, HostConfig={"PortBindings": {"80/tcp": [{"HostPort": "18081"}]}}),
    )),
    ("port-unpublished", "it shares another's network", (
        instance(ports={}), told(HostConfig={"NetworkMode": "container:abc"}),
    )),
    ("container-address", "in the host's network", (
        at("172.17.0.2", 8080), host_config(NetworkMode="host"),
    )),
    ("dynamic-ports", "with a freeze hook", (host_config(PortBindings={"8080/tcp": [{"HostPort": ""}]}),)),
    ("scheduler-collects", "a user says that it keeps them", (
        told(Config={"Env": ["MESOS_TASK_ID=web.1"]}), means(keeps_stopped=True),
    )),
    ("cleaner-runs", "a stopped one", (stranger(State=STOPPED, Config={"Image": "containrrr/watchtower"}),)),
    ("stop-cut-short", "later, and before it came", (
        host("a1", info={"ServerVersion": "24.0.20"}), host("a2", info={"ServerVersion": "20.10.24"}),
    )),
    ("userland-proxy-unknown", "it is known", (as_node(),)),
    ("schedule-coarse", "a quarter", (means(steps=(1, 3)),)),
    ("caller-cut-off", "they get everywhere", (measured(callers={"pods of shop with app=front": {}}),)),
    ("node-silent", "the floor is accepted", (measured(silent={"n2": "x"}), means(accept_floor=True))),
    ("called-directly", "by nodes", (measured(peers={BACKENDS[0]: (Peer("192.0.2.2", 12),)}),)),
    ("called-by-address", "a longer port", estate(other("shop", value="http://192.0.2.11:180801/"))),
    ("called-by-address", "a longer address", estate(other("shop", value="http://3192.0.2.11:18080/"))),
    ("called-in-file", "other ports, other addresses", in_file(
        "nginx.conf", "server 192.0.2.11:9090;\nserver 192.0.2.111:18080;\nserver xa2:18080;\n",
    )),
    ("called-in-file", "a port far from the address", in_file(
        "consul.json", '"address": "192.0.2.11",\n\n\n\n"port": 18080\n',
    )),
    ("mutual-callers", "one way only", estate(other("db"), references=("db",))),
    ("peer-unbridged", "its Service stands", (
        *estate(other("db"), references=("db",)), live(service("db", selector={"app": "db"})),
    )),
)  # fmt: skip

"""The probe on real nodes and a real legacy host: who takes connections to a Service, and who still holds some."""

from __future__ import annotations

import hashlib
import json
import socket
import struct
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import pytest
from docker.models.containers import Container

from converters.errors import PodliftError
from converters.workload import Host
from migrate import cluster
from migrate.cutover.edges import Backend, Caller, Draw, Peer, Request
from migrate.cutover.outbound import End
from migrate.cutover.probe_pods import PodNodes
from migrate.cutover.propagation import ProbedNodes, draws_needed
from migrate.hosts import Access, Command, HostConnections, connections_for
from migrate.hosts.outbound import Process, ends_of, script
from migrate.hosts_file import HostEntry
from tests.cluster.traffic import program
from tests.lab import programs
from tests.lab.cluster import Cluster
from tests.lab.engine import LabEngine, say
from tests.lab.probing import probe_command, probe_commands, probe_image
from tests.lab.traces import until

PUBLISHED = 18080
SERVE = "mkdir /tmp/w; echo {name} >/tmp/w/index.html; exec httpd -f -p {port} -h /tmp/w"


@dataclass
class Mixed:
    """A Service before a container of a legacy host and a pod."""

    cluster: Cluster
    engine: LabEngine
    container: Container
    namespace: str
    service: Backend
    legacy: Backend
    pod: Backend
    nodes: ProbedNodes

    def slice(self, name: str, *backends: Backend) -> None:
        """Lists backends of one port for the Service."""
        self.cluster.apply(
            {
                "apiVersion": "discovery.k8s.io/v1",
                "kind": "EndpointSlice",
                "metadata": {
                    "name": name,
                    "namespace": self.namespace,
                    "labels": {"kubernetes.io/service-name": "web", "endpointslice.kubernetes.io/managed-by": "lab"},
                },
                "addressType": "IPv4",
                "ports": [{"name": "http", "port": backends[0].port}] if backends else [],
                "endpoints": [
                    {"addresses": [one.address], "conditions": {"ready": True, "serving": True, "terminating": False}}
                    for one in backends
                ],
            }
        )

    def drawn(self, true: Callable[[Draw], bool], times: int = 40) -> dict[str, Draw]:
        """The draws of all nodes, as soon as each is as it is to be."""
        found: dict[str, Draw] = {}

        def seen() -> bool:
            found.update(self.nodes.draw(self.service, times))
            return all(map(true, found.values()))

        until(seen, 20)
        return found


@pytest.fixture(scope="module")
def mixed(lab_cluster: Cluster, lab_engines: dict[str, LabEngine]) -> Iterator[Mixed]:
    engine, namespace = lab_engines["edge-a1"], f"probe-{uuid.uuid4().hex[:6]}"
    with engine.clean():
        engine.import_image("probed:1")
        lab_cluster.load(engine, "probed:1")
        serve = ["sh", "-c", SERVE.format(name="legacy", port=80)]
        container = engine.client.containers.run("probed:1", serve, detach=True, ports={"80/tcp": PUBLISHED})
        lab_cluster.kubectl("create", "namespace", namespace)
        lab_cluster.apply(
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": "web", "namespace": namespace},
                "spec": {
                    "nodeName": lab_cluster.nodes[1].name,
                    "terminationGracePeriodSeconds": 0,
                    "containers": [
                        {
                            "name": "main",
                            "image": "probed:1",
                            "imagePullPolicy": "Never",
                            "command": ["sh", "-c", SERVE.format(name="pod", port=8080)],
                        }
                    ],
                },
            },
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": "web", "namespace": namespace},
                "spec": {"ports": [{"name": "http", "port": 80}]},
            },
        )
        lab_cluster.kubectl("wait", "-n", namespace, "--for=condition=Ready", "pod/web", "--timeout=30s")
        made = Mixed(
            cluster=lab_cluster,
            engine=engine,
            container=container,
            namespace=namespace,
            service=Backend(lab_cluster.get("service", "web", "-n", namespace)["spec"]["clusterIP"], 80),
            legacy=Backend(engine.address, PUBLISHED),
            pod=Backend(lab_cluster.get("pod", "web", "-n", namespace)["status"]["podIP"], 8080),
            nodes=ProbedNodes(probe_commands(lab_cluster)),
        )
        made.slice("web-legacy", made.legacy)
        made.slice("web-pods", made.pod)
        yield made
        lab_cluster.kubectl("delete", "namespace", namespace, "--wait=false")


def test_every_node_tells_which_backends_take_connections(mixed: Mixed) -> None:
    times = draws_needed(2)
    found = mixed.drawn(lambda one: set(one.backends) == {mixed.legacy, mixed.pod}, times)
    assert set(found) == {node.name for node in mixed.cluster.nodes}
    assert mixed.nodes.silent() == {}
    for draw in found.values():
        assert sum(draw.backends.values()) == times
        assert not draw.failed


def test_a_draw_leaves_no_socket_behind(mixed: Mixed) -> None:
    mixed.drawn(lambda one: bool(one.backends))
    for node in mixed.cluster.nodes:
        assert node.run("ss", "-Htan", "dst", mixed.service.address) == ""


def test_a_backend_that_refuses_counts_as_failed(mixed: Mixed) -> None:
    mixed.slice("web-dead", Backend(mixed.pod.address, 1))
    try:
        found = mixed.drawn(lambda one: set(one.failed) == {"refused"})
    finally:
        mixed.cluster.kubectl("delete", "endpointslice", "-n", mixed.namespace, "web-dead")
        mixed.drawn(lambda one: not one.failed)
    for draw in found.values():
        assert set(draw.failed) == {"refused"}
        assert set(draw.backends) == {mixed.legacy, mixed.pod}
        assert sum(draw.backends.values()) + draw.failed["refused"] == 40


def test_what_no_rule_turns_is_its_own_backend(mixed: Mixed) -> None:
    for draw in mixed.nodes.draw(mixed.pod, 3).values():
        assert draw.backends == {mixed.pod: 3}


def test_answers_come_with_status_headers_and_body(mixed: Mixed) -> None:
    requests = [
        Request(backend=mixed.legacy),
        Request(backend=mixed.pod, path="/none", headers={"Host": "web.example.com"}),
        Request(backend=mixed.pod, kind="tcp"),
        Request(backend=Backend(mixed.pod.address, 1), timeout_s=1),
    ]
    for answers in mixed.nodes.ask(requests).values():
        found, missing, opened, refused = answers
        assert (found.status, found.body, found.error) == (200, "legacy\n", "")
        assert found.headers["Content-Length"] == "7"
        assert found.body_sha256 == hashlib.sha256(b"legacy\n").hexdigest()
        assert 0 < found.seconds < 2
        assert missing.status == 404
        assert (opened.status, opened.error) == (0, "")
        assert (refused.status, refused.error) == (0, "refused")


def test_a_node_whose_probe_fails_is_silent(mixed: Mixed) -> None:
    first, second = mixed.cluster.nodes
    commands = {first.name: probe_command(first.host), second.name: ["sh", "-c", "echo no way >&2; exit 3"]}
    nodes = ProbedNodes(commands, there=lambda: dict.fromkeys((first.name, second.name, "node-c"), True))
    assert set(nodes.draw(mixed.service, 5)) == {first.name}
    assert nodes.silent()[second.name].endswith("ended with 3: no way")
    assert nodes.silent()["node-c"] == "no probe is given for this node"


def test_a_node_that_may_not_see_its_backends_is_silent(mixed: Mixed) -> None:
    """Its connections are opened all the same, and prove nothing."""
    node = mixed.cluster.nodes[0]
    command = probe_command(node.host)
    bare = [*command[:-1], "setpriv", "--bounding-set=-net_admin", "--inh-caps=-all", command[-1]]
    nodes = ProbedNodes({node.name: bare})
    assert nodes.draw(mixed.service, 5) == {}
    assert nodes.silent()[node.name] == (
        "of 5 connections it is not known who took them: conntrack cannot be read: operation not permitted"
    )


def test_pods_ask_where_no_command_can(mixed: Mixed, edge: cluster.Cluster) -> None:
    """One pod a node in the node's network; none is left."""
    image = probe_image(mixed.engine)
    mixed.cluster.load(mixed.engine, image)
    names = {node.name for node in mixed.cluster.nodes}
    nodes = PodNodes(edge, mixed.namespace, image, lambda: dict.fromkeys(names, True))
    found = nodes.draw(mixed.service, 40)
    assert nodes.silent() == {}
    assert {name: set(draw.backends) for name, draw in found.items()} == {
        name: {mixed.legacy, mixed.pod} for name in names
    }
    for (answer,) in nodes.ask([Request(backend=mixed.legacy)]).values():
        assert answer.body == "legacy\n"
    left = mixed.cluster.get("pods", "-n", mixed.namespace, "-l", "app.kubernetes.io/name=podlift-probe")["items"]
    assert [one for one in left if "deletionTimestamp" not in one["metadata"]] == []


def test_a_node_where_the_pod_cannot_run_is_silent(mixed: Mixed, edge: cluster.Cluster) -> None:
    (name,) = [node.name for node in mixed.cluster.nodes[:1]]
    nodes = PodNodes(edge, mixed.namespace, "Not:An:Image", lambda: {name: True})
    assert nodes.draw(mixed.service, 1) == {}
    assert nodes.silent()[name].startswith("its probe's pod cannot run: InvalidImageName")


@pytest.fixture(params=["conntrack", "probe", "container"])
def connections(mixed: Mixed, request: pytest.FixtureRequest) -> HostConnections:
    """What the host's own conntrack program says; what the probe says where there is none, and in a container."""
    entry, host = entry_of(mixed.engine), mixed.engine.host
    if request.param == "conntrack":
        return connections_for([Access(entry=entry, how=host.enter())])
    if request.param == "probe":
        # a folder that has sh, and no conntrack
        how = ["nsenter", f"--net=/proc/{host.process.pid}/ns/net", "--", "env", "PATH=/bin"]
        return connections_for([Access(entry=entry, how=how, probe=(str(programs.ensure_probe(say)),))])
    return connections_for([Access(entry=entry, how="container", image=probe_image(mixed.engine))])


def test_a_host_tells_who_holds_connections(mixed: Mixed, connections: HostConnections) -> None:
    """From outside by the engine's rule; from the host itself and from a container beside by the engine's proxy."""
    name = mixed.engine.name

    def held() -> tuple[Peer, ...] | None:
        return connections.established(name, mixed.legacy)

    until(lambda: held() == ())
    with ExitStack() as stack:
        sockets = [stack.enter_context(closing(_opened(mixed.legacy))) for _ in range(3)]
        outside = Peer(sockets[0].getsockname()[0], 3)
        until(lambda: held() == (outside,))
        stack.enter_context(_holding(mixed.engine, "127.0.0.1"))
        until(lambda: held() == tuple(sorted([outside, Peer("127.0.0.1", 1)])))
        stack.enter_context(_holding(mixed.engine, mixed.engine.address))
        own = Peer(mixed.engine.address, 1)
        until(lambda: held() == tuple(sorted([outside, Peer("127.0.0.1", 1), own])))
        beside = mixed.engine.client.containers.run(
            "probed:1", ["sh", "-c", f"sleep 600 | nc {mixed.engine.address} {PUBLISHED}"], detach=True
        )
        stack.callback(beside.remove, force=True)
        beside.reload()
        (network,) = beside.attrs["NetworkSettings"]["Networks"].values()
        until(lambda: held() == tuple(sorted([outside, Peer("127.0.0.1", 1), own, Peer(network["IPAddress"], 1)])))
        # a port beside it is another's
        assert connections.established(name, Backend(mixed.legacy.address, PUBLISHED + 1)) == ()
    until(lambda: held() == ())


def test_a_host_remembers_short_connections(mixed: Mixed, connections: HostConnections) -> None:
    """Of a client that closed, and of one that reset; not of those that are left out."""
    name = mixed.engine.name
    with closing(_opened(mixed.legacy)) as stands, closing(_opened(mixed.legacy)) as closes:
        opened = {Caller(*each.getsockname()[:2]) for each in (stands, closes)}
        closes.close()
        assert opened <= (connections.callers(name, mixed.legacy) or set())
        (outside,) = {each.address for each in opened}
        assert connections.callers(name, Backend(mixed.legacy.address, PUBLISHED + 1)) == frozenset()
        found = connections.callers(name, mixed.legacy, but=(outside,))
        assert found is not None
        assert outside not in {each.address for each in found}
    with closing(_opened(mixed.legacy)) as resets:
        resets.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        reset = Caller(*resets.getsockname()[:2])
    assert reset in (connections.callers(name, mixed.legacy) or set())


@pytest.mark.parametrize("network", ["bridge", "host"])
def test_a_host_tells_where_a_container_connects_to(mixed: Mixed, network: str) -> None:
    """Also in the host's network, where the table is everybody's."""
    container = mixed.engine.client.containers.run(
        "probed:1", ["sh", "-c", f"sleep 600 | nc {mixed.engine.address} {PUBLISHED}"], detach=True, network=network
    )
    with ExitStack() as stack:
        stack.callback(container.remove, force=True)
        container.reload()
        process = Process(container=str(container.id), pid=container.attrs["State"]["Pid"], shared=network == "host")
        command = Command(name=mixed.engine.name, prefix=tuple(mixed.engine.host.enter()))

        def seen() -> tuple[End, ...]:
            return ends_of(command.run(["sh"], stdin=script([process])), [process]).get(process.container, ())

        until(lambda: seen() == (End("tcp", mixed.legacy, True),))


def test_of_a_host_without_commands_nothing_is_known(mixed: Mixed) -> None:
    name, bare = mixed.engine.name, ["env", "PATH=/bin"]
    assert HostConnections({}).established(name, mixed.legacy) is None
    assert HostConnections({}).callers(name, mixed.legacy) is None
    by_tcp = HostEntry(host=Host(name=name, url="tcp://10.0.0.1:2375"))
    assert connections_for([Access(entry=by_tcp)]).established(name, mixed.legacy) is None
    assert connections_for([Access(entry=by_tcp, how=bare)]).established(name, mixed.legacy) is None


def test_a_host_where_the_probe_may_not_look_is_told(mixed: Mixed) -> None:
    """That no flow is seen is no proof that there is none."""
    probe = ("/usr/bin/setpriv", "--bounding-set=-net_admin", "--inh-caps=-all", str(programs.ensure_probe(say)))
    asked = connections_for([Access(entry=entry_of(mixed.engine), how=["env", "PATH=/bin"], probe=probe)])
    with pytest.raises(PodliftError, match="cannot read the kernel's connections: operation not permitted"):
        asked.established(mixed.engine.name, mixed.legacy)


@pytest.mark.parametrize(
    ("image", "said"),
    [
        ("", "needs the image of podlift-probe"),
        ("none:1", "No such image: none:1"),
        ("probed:1", "is no answer of podlift-probe"),
    ],
)
def test_a_container_that_is_no_probe(mixed: Mixed, image: str, said: str) -> None:
    """It is told, and removed."""
    before = mixed.engine.client.containers.list(all=True)
    with pytest.raises(PodliftError, match=said):
        connections_for([Access(entry=entry_of(mixed.engine), how="container", image=image)]).established(
            mixed.engine.name, mixed.legacy
        )
    assert mixed.engine.client.containers.list(all=True) == before


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("", "there is no input"),
        ("{", "not understood"),
        ('{"draw": []}', 'unknown field "draw"'),
        ('{"draws": [{"address": "web", "port": 80, "times": 1}]}', 'draws[0]: address "web" is no IP address'),
        ('{"draws": [{"address": "10.96.0.7", "port": 0, "times": 1}]}', "draws[0]: port 0 is none"),
        ('{"asks": [{"address": "10.96.0.7", "port": 80, "kind": "udp"}]}', 'asks[0]: kind "udp"'),
        ('{"ends": [{"address": "10.96.0.7", "port": 80, "connections": 99}]}', "ends[0]: connections 99"),
        ('{"ends": [{"address": "10.96.0.7", "port": 80, "method": "PUT"}]}', "ends[0]: only GET of HTTP"),
        ('{"names": [{"name": ""}]}', "names[0]: there is no name"),
        ("{} {}", "more than one document"),
    ],
)
def test_the_probe_refuses_input_that_is_wrong(mixed: Mixed, given: str, said: str) -> None:
    command = probe_command(mixed.cluster.nodes[0].host)
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_connections_that_a_program_tells_of_its_end_lose_nothing() -> None:
    """It needs no cluster."""
    seen = _ended(["-lag=1s"])
    assert (seen["told"], seen["lost"], seen["open"], seen["unopened"]) == (4, {}, 0, {})
    assert seen["answers"] > 10


def test_connections_that_a_program_cuts() -> None:
    """On one half a request is under way, and is lost; the other is idle, and loses one only if it just sent it, which
    happens to both at once at some tries of a busy machine, and not at all of them."""
    idle_ended_well = False
    for _ in range(10):
        seen = _ended(["-abrupt"])
        assert (seen["told"], seen["open"], seen["unopened"]) == (0, 0, {})
        assert set(seen["lost"]) <= {"ended early", "reset"}
        lost, ended_well = sum(seen["lost"].values()), seen["closed"] + seen["reset"]
        assert lost >= 2
        assert lost + ended_well == 4
        if idle_ended_well := ended_well == 2:
            break
    assert idle_ended_well


def _ended(flags: list[str]) -> dict[str, Any]:
    """What the probe tells of four connections to a program that is told to end."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    task = {"ends": [{"address": "127.0.0.1", "port": port, "connections": 4, "seconds": 60, "timeout_s": 10}]}
    app = subprocess.Popen([program(), "app", f"-port={port}", *flags], stdout=subprocess.DEVNULL)
    with ExitStack() as stack:
        stack.callback(app.wait)
        stack.callback(app.kill)
        until(lambda: _listens(port))
        probe = stack.enter_context(
            subprocess.Popen([programs.ensure_probe(say)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        )
        assert probe.stdin is not None
        probe.stdin.write(json.dumps(task))
        probe.stdin.close()
        time.sleep(2)
        app.terminate()
        assert probe.stdout is not None
        (seen,) = json.loads(probe.stdout.read())["ends"]
    return dict(seen)


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def entry_of(engine: LabEngine) -> HostEntry:
    return HostEntry(host=Host(name=engine.name, url=engine.url))


def _opened(to: Backend) -> socket.socket:
    return socket.create_connection((to.address, to.port), timeout=5)


@contextmanager
def _holding(engine: LabEngine, address: str) -> Iterator[None]:
    """Holds a connection from the host itself."""
    words = engine.host.enter("busybox", "nc", address, str(PUBLISHED))
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.kill()

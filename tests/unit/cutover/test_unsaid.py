"""The value of a ``${NAME}`` is sent and never said, whoever repeats it: a library, a server, a program."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, cast
from urllib.parse import quote

import pytest

from converters.errors import PodliftError
from converters.workload import Host
from migrate.cluster import Cluster
from migrate.cutover.connecting import edges_of
from migrate.cutover.driver import Edges
from migrate.cutover.edges import Backend, Container, Found, Request
from migrate.cutover.endpoints import Member
from migrate.cutover.environment import filled, filled_headers
from migrate.cutover.gates.asking import Asking
from migrate.cutover.gates.live import LiveGates
from migrate.cutover.gates.outcome import Outcome
from migrate.cutover.history import gate_lines
from migrate.cutover.run import LAB, Spec
from migrate.cutover.world import SeenPod, SeenService, World
from migrate.hosts import Access
from migrate.hosts_file import HostEntry
from migrate.unsaid import as_said, hiding

CANARY = 'c4n"ary/of-mine+=%Zz'
BEARER = {"Authorization": "Bearer ${CANARY}"}
# the probe of a node: it repeats what it was given in all that it says, each time with another number
PROBE = """
import json, sys, time
task = json.load(sys.stdin)
def said(ask): return f"malformed answer {ask['headers']['Authorization']!r} {time.monotonic_ns()}"
def as_json(text): return json.dumps({text[:50]: time.monotonic_ns(), "by": text})
asks = [{"status": 0, "error": said(each)} if ERROR else {"status": 200, "headers": {"content-type": said(each)},
         "body": said(each) if each["path"] != "/two" else as_json(said(each))
        } for each in task.get("asks", [])]
ends = [{"lost": {said(each): 1}, "unopened": {said(each): 1}} for each in task.get("ends", [])]
print(json.dumps({"conntrack": {}, "asks": asks, "ends": ends}))
"""
# where no more than the end of what it says is read, that begins in the middle of the value
SAYS_ALL = (
    "import os, sys; c = os.environ['CANARY']; sys.stdin.close(); last = f'{c} {c!r} {c.upper()} ' + 'x' * 200 + c; "
    "print('x' * 4000, c + 'x' * (4096 - 14 - 2 - len(last)), file=sys.stderr); sys.exit(last)"
)


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


@pytest.fixture
def canary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Any], None]]:
    """Asserts that no five characters of its middle stand anywhere in what was said."""
    monkeypatch.setenv("CANARY", CANARY)

    def unsaid(said: Any) -> None:
        text = json.dumps(str(said)).lower()
        for spelled in ("ary/of", "f-mine", "%2fof-mine", quote(CANARY).lower()):
            assert spelled not in text, text

    yield unsaid
    unsaid("what a test says itself")


@pytest.fixture
def parrot() -> Iterator[str]:
    """A server that answers with what it was asked: the path says how."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            said = f"no {self.headers['Authorization']!r} for {self.path}"
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if "redirect" in self.path:
                self.send_response(302)
                self.send_header("Location", f"{quote(CANARY)}/{self.path}")
            else:
                self.send_response(422)
            # the value is cut off in the middle where a reason ends
            body = json.dumps({"error": said + "." * (196 - len(said)) + CANARY}).encode()
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def gates_of(url: str, **more: Any) -> list[dict[str, Any]]:
    given = {"url": url, "headers": BEARER, "timeout_s": 5.0, **more}
    return [
        {"name": "query", "prometheus": {**given, "query": "q", "condition": "result < 1"}},
        {"name": "webhook", "webhook": given},
    ]


def ask(gates: Sequence[Mapping[str, Any]]) -> tuple[Outcome, ...]:
    asking = Asking(gates, {}, hide=hiding(["CANARY", "BASE"]))
    while (found := asking.outcomes()) is None:
        time.sleep(0.01)
    return found


@pytest.mark.parametrize("path", ["", "/redirect", "/p?token=${CANARY}"])
def test_who_is_asked_repeats_it(parrot: str, canary: Callable[[Any], None], path: str) -> None:
    """In an answer, an error of the query API, and where a redirect leads to."""
    for outcome in ask(gates_of(parrot + path)):
        assert outcome.reason.startswith(("status 422: ", "it redirects (302)")), outcome.reason
        canary(list(gate_lines("shift-1", [outcome])))


@pytest.mark.parametrize(
    "fault",
    [
        ValueError, OSError, RuntimeError, http.client.InvalidURL, http.client.BadStatusLine, ssl.SSLError,
        ssl.SSLCertVerificationError, socket.gaierror, UnicodeError, http.client.UnknownProtocol,
    ],
)  # fmt: skip
def test_a_library_repeats_it(
    canary: Callable[[Any], None], monkeypatch: pytest.MonkeyPatch, fault: type[Exception]
) -> None:
    """Whatever it raises, and whether that was expected."""

    def raises(*_: object, **__: object) -> None:
        raise fault(f"invalid header value b'Bearer {CANARY}'")

    monkeypatch.setattr(http.client.HTTPConnection, "connect", raises)
    for outcome in ask(gates_of("http://127.0.0.1:9")):
        assert outcome.reason
        assert "was given up" not in outcome.reason
        canary(outcome)


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("http://prom:ary/of-mine", "its URL is none"),
        ("http://[::1/ary/of-mine", "its URL is none"),
        ("prom:9090/ary/of-mine", "its URL is none"),
        ("ftp://prom/ary/of-mine", "its URL is none"),
        ("http://" + "ary-of-mine" * 9, "its URL or a header holds what cannot be sent"),
        ("http://127.0.0.1:9/ary/of-mine x", "cannot be"),
        ("http://127.0.0.1:9/\nary/of-mine", "${BASE}: its value holds a line break"),
    ],
)
def test_a_url_that_is_none(
    canary: Callable[[Any], None],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    value: str,
    why: str,
) -> None:
    """It is told at once, and no thread prints where it happened."""
    monkeypatch.setenv("BASE", value)
    for outcome in ask(gates_of("${BASE}")):
        assert why in outcome.reason
        canary(outcome)
    assert capfd.readouterr() == ("", "")


def test_what_no_header_may_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line break at the end, as keys of Secrets have it, is left out; another one would begin a header of its own."""
    for value in ("t0ken-of-mine\n", "t0ken-of-mine\r\n"):
        monkeypatch.setenv("CANARY", value)
        assert filled_headers(BEARER) == {"Authorization": "Bearer t0ken-of-mine"}
    unfit = dict.fromkeys(("t0ken\nX-Admin: 1", "t0ken\x1b"), "variable-unfit")
    for value, code in (unfit | {"\n": "variable-missing"}).items():
        monkeypatch.setenv("CANARY", value)
        with pytest.raises(PodliftError) as caught:
            filled("${CANARY}")
        assert (caught.value.code, "t0ken" in str(caught.value)) == (code, False)


class ReadyNodes:
    def list(self, *_: str) -> Iterator[dict[str, Any]]:
        yield {"metadata": {"name": "node-a"}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}}


REQUEST = Request(backend=Backend("10.1.0.1", 8080), headers=BEARER)
SERVICE = {"metadata": {"name": "web"}, "spec": {"ports": [{"name": "http", "port": 80, "targetPort": 8080}]}}
SPEC = Spec(
    id="r1", workload="web", name="web", namespace="shop", plan="h", services=(SERVICE,), controllers=(), originals=(),
    steps=(1,), check={"kind": "http", "path": "/healthz", "port": 8080}, timings=LAB,
    gates=({"name": "own", "command": {"argv": python(SAYS_ALL), "timeout_s": 5.0}},),
    parity={"requests": [{"path": "/one", "headers": BEARER}, {"path": "/two", "headers": BEARER}], "headers": ["*"]},
    hooks=dict.fromkeys(("freeze", "frozen"), tuple(python(SAYS_ALL))),
)  # fmt: skip


def edges(probe: str, spec: Spec = SPEC) -> Edges:
    host = Access(entry=HostEntry(host=Host(name="ams1", url="tcp://ams1:2376")), how=python(SAYS_ALL))
    spec = replace(spec, nodes={"node-a": {"probe": python(probe)}})
    return edges_of(spec, cast("Cluster", ReadyNodes()), [host])


def failure(work: Callable[[], object]) -> str:
    with pytest.raises(PodliftError) as caught:
        work()
    assert "podlift:withheld" in caught.value.reason
    return str(caught.value)


def test_a_command_repeats_it(canary: Callable[[Any], None]) -> None:
    """A gate, a hook, one that starts the probe, one that runs something on a host: each has podlift's environment."""
    made = edges(SAYS_ALL)
    for outcome in ask(SPEC.gates):
        assert "podlift:withheld" in outcome.reason
        canary(outcome)
    canary(failure(lambda: made.hooks.run("freeze", {})))
    while (refused := made.hooks.refuses("frozen", {})) is None:
        pass
    assert "podlift:withheld" in refused
    canary(refused)
    canary(failure(lambda: made.measuring.connections.established("ams1", Backend("10.0.0.21", 80))))
    assert made.measuring.nodes.ask([REQUEST]) == {}
    assert "podlift:withheld" in made.measuring.nodes.silent()["node-a"]
    canary(made.measuring.nodes.silent())


def world() -> World:
    pod = SeenPod(
        name="web-1", uid="u1", version="7", address="10.1.0.1", node="node-a", controller="web", template="t1",
        ready=True, available=True, admitted="1", restarts=0, ending=False,
    )  # fmt: skip
    member = Member(
        backend=Backend(pod.address, 8080), source="pod", of=pod.uid, ready=True, serving=True, terminating=False
    )
    service = SeenService(
        name="web", uid="s", version="1", address="10.96.0.7", port=80, selector={}, epoch=1, run="r1",
        members=(member,),
    )  # fmt: skip
    container = Container(
        host="ams1", id="c1", name="web-1", image="web", running=True,
        ports={"8080/tcp": Backend("10.0.0.21", 18080)},
    )  # fmt: skip
    return World(
        services={"web": service}, slices=(), controllers={}, pods=(pod,), found=Found(containers=(container,))
    )


def test_who_is_probed_repeats_it(canary: Callable[[Any], None]) -> None:
    """In errors of requests and of held connections; and in what two sides answered, which is compared whole."""
    failing, answering = edges(f"ERROR = True\n{PROBE}").measuring, edges(f"ERROR = False\n{PROBE}").measuring
    (said,) = failing.nodes.ask([REQUEST])["node-a"]
    assert "malformed answer 'Bearer podlift:withheld'" in said.error
    canary(said)
    held = cast(Any, failing.nodes).hold(REQUEST, connections=1, seconds=1, near="node-a", begun=lambda: None)
    assert all("withheld" in why for each in ("lost", "unopened") for why in held[each])
    canary(held)
    for measuring in (failing, answering):
        compared = cast(LiveGates, measuring.gates).compare(SPEC, world())
        assert (compared.outcome, "podlift:withheld" in compared.said) == ("inconclusive", True)
        canary(compared)


def test_it_is_compared_though_it_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """A value may be short, and stand in other words."""
    monkeypatch.setenv("CANARY", "abc")
    hide = hiding(["CANARY", "NOT_SET"])
    assert hide("abc: no abcess, 'ABC'") == "podlift:withheld: no abcess, 'podlift:withheld'"
    assert hiding([])("abc") == as_said("abc") == "abc"


@pytest.mark.parametrize(
    "said",
    [
        "hook-0f-mine", "/HOOK-0f-mine/", "services%2Fhook-0f-mine", "b'Bearer t0ken-of-mine\\n'", "p4ssw0rd",
        "u:p4ssw0rd", "http://u:p4ssw0rd@hooks.example:9/services/hook-0f-mine?key=k3y-of-mine", "k3y-of-mine",
        "t0ken-of-mine", "hooks.example",
    ],
)  # fmt: skip
def test_a_part_of_it_is_enough(monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    """A server says the path that it was asked for, a library the header without its name."""
    monkeypatch.setenv("URL", "http://u:p4ssw0rd@hooks.example:9/services/hook-0f-mine?key=k3y-of-mine")
    monkeypatch.setenv("TOKEN", "Bearer t0ken-of-mine\n")
    found = hiding(["URL", "TOKEN"])(f"<{said}>").lower()
    assert not any(each in found for each in ("hook-0f", "t0ken", "p4ss", "k3y", "hooks."))

"""Calls over a real socket to a server of canned answers: what is sent again, what is shown, and what is not an API."""

from __future__ import annotations

import json
import stat
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from converters.errors import PodliftError
from migrate import Cluster
from migrate.cluster.pace import Patience
from tests.cluster_proxy import kubeconfig_text
from tests.engine_proxy import DROP, HANG, EngineProxy, Fault, answer

HASTY = Patience(new=(0.01,), broken=(0.01, 0.01), busy=(0.01, 0.01))
VERSION = {"gitVersion": "v1.36.3"}
UNAUTHORIZED = {"kind": "Status", "code": 401, "message": "Unauthorized"}

Serve = Callable[..., tuple[EngineProxy, Cluster]]


@pytest.fixture
def serve(tmp_path: Path) -> Any:
    """A server that answers as the function of the path says, and the edge that asks it."""
    servers: list[EngineProxy] = []

    def start(decide: Callable[[str], Fault | None], **user: Any) -> tuple[EngineProxy, Cluster]:
        server = EngineProxy(("127.0.0.1", 0), fault=decide).__enter__()
        servers.append(server)
        file = tmp_path / "kubeconfig"
        file.write_text(kubeconfig_text(server.url.replace("tcp:", "http:"), **user))
        return server, Cluster(kubeconfig=file, patience=HASTY)

    yield start
    for each in servers:
        each.__exit__()


def in_turn(*faults: Fault) -> Callable[[str], Fault]:
    """One after the other; the last again and again."""
    left = list(faults)
    return lambda _path: left.pop(0) if len(left) > 1 else left[0]


def refused(code: str, work: Callable[[], object]) -> PodliftError:
    with pytest.raises(PodliftError) as caught:
        work()
    assert caught.value.code == code, caught.value
    return caught.value


def test_a_connection_that_breaks_is_tried_again(serve: Serve) -> None:
    """As often as patience has it, and each try is counted."""
    server, edge = serve(in_turn(DROP, answer(200, VERSION)))
    assert edge.version() == "v1.36.3"
    assert len(server.requests) == edge.requests["get", ""] == 2
    # it is asked once
    assert edge.version() == "v1.36.3"
    assert len(server.requests) == 2


def test_a_connection_that_stays_broken(serve: Serve) -> None:
    """Tries end, and the address is named."""
    server, edge = serve(in_turn(DROP))
    assert edge.server in refused("cluster-unreachable", edge.version).reason
    assert len(server.requests) == 2


def test_a_server_that_is_gone_is_waited_for_once(serve: Serve) -> None:
    """Who comes after a call that waited in vain tries once; an answer makes it the server that it was."""
    server, edge = serve(in_turn(answer(200, VERSION), *[DROP] * 4, answer(200, {"groups": []}), DROP, answer(200, {})))
    edge.version()
    refused("cluster-gone", edge.groups)
    assert len(server.requests) == 4
    refused("cluster-gone", edge.groups)
    assert len(server.requests) == 5
    assert edge.groups() == {}
    assert edge.raw("/metrics") == "{}"
    assert len(server.requests) == 8


def test_a_server_that_does_not_answer_in_time(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hang ends."""
    monkeypatch.setattr("migrate.cluster.wire._READ_S", 0.05)
    _, edge = serve(in_turn(HANG))
    assert "no answer in time" in refused("cluster-unreachable", edge.version).reason


def test_a_busy_server_is_waited_for(serve: Serve) -> None:
    """And what it says in the end counts."""
    busy = answer(429, {"message": "too many"})
    server, edge = serve(in_turn(busy, busy, answer(200, VERSION)))
    assert edge.version() == "v1.36.3"
    assert len(server.requests) == 3


@pytest.mark.parametrize("body", [b"<html>Please log in</html>", b"", b"[]"])
def test_what_is_no_api_server(serve: Serve, body: bytes) -> None:
    """A login page in the way is told from a cluster."""
    _, edge = serve(in_turn(answer(200, body)))
    assert "is no API server" in refused("cluster-failed", edge.version).reason


def test_a_server_without_tls(serve: Serve, tmp_path: Path) -> None:
    """Where https is written."""
    server, _ = serve(in_turn(answer(200, VERSION)))
    file = tmp_path / "tls"
    file.write_text(kubeconfig_text(server.url.replace("tcp:", "https:")))
    error = refused("cluster-tls", Cluster(kubeconfig=file, patience=HASTY).version)
    assert "does not speak TLS" in error.reason


@pytest.mark.parametrize("key", ["client-certificate-data", "certificate-authority-data"])
def test_certificates_that_are_none(tmp_path: Path, key: str) -> None:
    """The kubeconfig is named, not the connection."""
    nonsense = {key: "bm9uZQ=="}
    file = tmp_path / "kubeconfig"
    file.write_text(
        kubeconfig_text("https://127.0.0.1:9", cluster=nonsense)
        if "authority" in key
        else kubeconfig_text("https://127.0.0.1:9", **nonsense)
    )
    refused("bad-kubeconfig", Cluster(kubeconfig=file, patience=HASTY).version)


def test_a_proxy_that_speaks_socks(tmp_path: Path) -> None:
    """Named without its password."""
    file = tmp_path / "kubeconfig"
    file.write_text(kubeconfig_text("https://api.example", cluster={"proxy-url": "socks5://u:secret@proxy.example:1"}))
    error = refused("bad-kubeconfig", Cluster(kubeconfig=file).version)
    assert "socks5://proxy.example:1 speaks SOCKS" in error.reason


def test_the_environments_proxy(serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked for the whole URL; and not where NO_PROXY names the server's network."""
    proxy, _ = serve(in_turn(answer(200, VERSION)))
    monkeypatch.setenv("HTTP_PROXY", proxy.url.replace("tcp:", "http:"))
    file = tmp_path / "behind"
    file.write_text(kubeconfig_text("http://192.0.2.7:6443"))
    monkeypatch.setenv("NO_PROXY", "198.51.100.0/24")
    assert Cluster(kubeconfig=file, patience=HASTY).version() == "v1.36.3"
    assert proxy.requests == ["GET http://192.0.2.7:6443/version"]
    monkeypatch.setenv("NO_PROXY", "192.0.2.0/24")
    monkeypatch.setattr("migrate.cluster.wire._CONNECT_S", 0.05)
    refused("cluster-unreachable", Cluster(kubeconfig=file, patience=HASTY).version)
    assert len(proxy.requests) == 1


def plugin(folder: Path, *tokens: str) -> dict[str, Any]:
    """A credential plugin that gives one token after the other, as kubeconfigs name it."""
    script = folder / "plugin"
    script.write_text(
        f"""#!{sys.executable}
import json, os, pathlib
count = pathlib.Path({str(folder / "count")!r})
number = int(count.read_text()) if count.exists() else 0
count.write_text(str(number + 1))
status = {{"token": {list(tokens)!r}[number]}}
info = json.loads(os.environ["KUBERNETES_EXEC_INFO"])
print(json.dumps({{"apiVersion": info["apiVersion"], "kind": "ExecCredential", "status": status}}))
"""
    )
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "./plugin"}}


def test_a_plugin_gives_the_token(serve: Serve, tmp_path: Path) -> None:
    """Once, and anew where the server takes the old one no longer."""
    user = plugin(tmp_path, "first", "second")
    server, edge = serve(in_turn(answer(401, UNAUTHORIZED), answer(200, VERSION)), **user)
    assert edge.version() == "v1.36.3"
    assert len(server.requests) == 2
    assert (tmp_path / "count").read_text() == "2"


def test_a_plugin_whose_tokens_are_never_taken(serve: Serve, tmp_path: Path) -> None:
    """It is asked twice and not for ever."""
    server, edge = serve(in_turn(answer(401, UNAUTHORIZED)), **plugin(tmp_path, "a", "b", "c"))
    refused("cluster-unauthorized", edge.version)
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("command", "said"),
    [("./none", "No such file"), ("false", "returned 1"), ("echo", "decode")],
)
def test_a_plugin_that_fails(serve: Serve, command: str, said: str) -> None:
    """What it said, and whose it is."""
    user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": command, "args": ["x"]}}
    _, edge = serve(in_turn(answer(200, VERSION)), **user)
    error = refused("credential-failed", edge.version)
    assert "the plugin of user u" in error.reason
    assert said in error.reason


def test_a_watch_shows_a_new_token(serve: Serve, tmp_path: Path) -> None:
    """As any other call does."""
    resources = answer(200, {"resources": [{"name": "pods", "kind": "Pod", "namespaced": True, "verbs": []}]})
    event = json.dumps({"type": "ADDED", "object": {"metadata": {"name": "p"}}}).encode() + b"\n"
    user = plugin(tmp_path, "first", "second")
    _, edge = serve(in_turn(resources, answer(401, UNAUTHORIZED), answer(200, event)), **user)
    assert [kind for kind, _ in edge.watch("v1", "Pod")] == ["ADDED"]
    assert (tmp_path / "count").read_text() == "2"


def test_a_token_file_is_read_anew(serve: Serve, tmp_path: Path) -> None:
    """A rotated token is found when the old one is refused; without a file that is said."""
    (tmp_path / "token").write_text("old\n")

    def decide(_path: str) -> Fault:
        taken = (tmp_path / "token").read_text() == "new"
        (tmp_path / "token").write_text("new")
        return answer(200, VERSION) if taken else answer(401, UNAUTHORIZED)

    _, edge = serve(decide, tokenFile="token")
    assert edge.version() == "v1.36.3"
    (tmp_path / "token").unlink()
    _, edge = serve(decide, tokenFile="token")
    assert "no such file" in refused("credential-failed", edge.version).reason


@pytest.mark.parametrize("token", ["s3cr3t\nX-Admin: 1", "s3cr3t\n", "s3cr3t€"])
def test_a_token_that_no_header_may_hold(serve: Serve, tmp_path: Path, token: str) -> None:
    """Of a kubeconfig or a plugin: it is not sent, and not shown."""
    for user in ({"token": token}, plugin(tmp_path, token)):
        server, edge = serve(in_turn(answer(200, VERSION)), **user)
        error = refused("credential-failed", edge.version)
        assert ("no header may hold" in error.reason, "s3cr3t" in str(error), server.requests) == (True, False, [])


def test_an_auth_provider_without_a_token(serve: Serve) -> None:
    """Of a kind that is no longer, or without its config."""
    _, edge = serve(in_turn(answer(200, VERSION)), **{"auth-provider": {"name": "azure"}})
    assert "auth-provider of user u" in refused("credential-failed", edge.version).reason


def test_an_auth_provider_with_a_token(serve: Serve) -> None:
    """One that a provider keeps in the kubeconfig is shown."""
    token = "e30.eyJleHAiOjk5OTk5OTk5OTl9.c2ln"
    provider = {"name": "oidc", "config": {"id-token": token, "idp-issuer-url": "https://idp.example"}}
    _, edge = serve(in_turn(answer(200, VERSION)), **{"auth-provider": provider})
    assert edge.version() == "v1.36.3"


def test_secrets_are_on_no_command_line_and_in_no_message(serve: Serve) -> None:
    """A password that is refused is not repeated."""
    _, edge = serve(in_turn(answer(401, UNAUTHORIZED)), username="ann", password="hunter2")
    assert "hunter2" not in str(refused("cluster-unauthorized", edge.version))


def test_discovery_is_asked_once(serve: Serve) -> None:
    """For eight threads that come at once, too."""
    resources = [
        {"name": "deployments", "kind": "Deployment", "namespaced": True, "verbs": ["get"]},
        {"name": "deployments/scale", "kind": "Scale", "namespaced": True, "verbs": ["get"]},
    ]
    server, edge = serve(in_turn(answer(200, {"resources": resources})))
    threads = [threading.Thread(target=edge.resource, args=("apps/v1", "Deployment")) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    found = edge.resource("apps/v1", "Deployment")
    assert (found.plural, found.namespaced, found.group) == ("deployments", True, "apps")
    assert server.requests == ["GET /apis/apps/v1"]


def test_warnings_are_kept_once(serve: Serve) -> None:
    """As the server words them."""
    body = json.dumps(VERSION).encode()
    head = f"HTTP/1.1 200 OK\r\nWarning: 299 - deprecated\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    _, edge = serve(in_turn(Fault(head + body)))
    edge.version()
    edge.raw("/metrics")
    assert edge.warnings == ("299 - deprecated",)


def test_nothing_is_read_before_the_first_call(tmp_path: Path) -> None:
    """A cluster can be named before its kubeconfig is there."""
    edge = Cluster("nowhere", tmp_path / "none", namespace="edge")
    edge.close()
    refused("bad-kubeconfig", lambda: edge.name)

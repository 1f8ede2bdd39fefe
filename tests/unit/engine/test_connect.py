"""Where an engine is: what docker itself would take, and one error for what cannot be one."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from converters.errors import PodliftError
from converters.workload import Host
from migrate.engine import Endpoint, Tls, endpoint_of
from migrate.engine.forward import command
from migrate.hosts_file import HostEntry


def found(url: str = "", *, tls: Any = None, **environment: str) -> Endpoint:
    return endpoint_of(HostEntry(host=Host(name="a", url=url), **(tls or {})), environment=environment)


def code(*arguments: Any, **environment: Any) -> str:
    with pytest.raises(PodliftError) as raised:
        found(*arguments, **environment)
    assert raised.value.subject == "a"
    return raised.value.code


def make_context(config: Path, name: str, endpoint: dict[str, Any], *files: str) -> Path:
    identity = hashlib.sha256(name.encode()).hexdigest()
    meta = config / "contexts/meta" / identity
    meta.mkdir(parents=True)
    (meta / "meta.json").write_text(json.dumps({"Name": name, "Metadata": {}, "Endpoints": {"docker": endpoint}}))
    tls = config / "contexts/tls" / identity / "docker"
    for file in files:
        tls.mkdir(parents=True, exist_ok=True)
        (tls / file).write_text("")
    return tls


@pytest.mark.parametrize(
    ("url", "socket"),
    [
        ("unix:///var/run/docker.sock", "/var/run/docker.sock"),
        ("unix://var/run/docker.sock", "/var/run/docker.sock"),
        ("unix:///run/with%20space", "/run/with space"),
    ],
)
def test_unix(url: str, socket: str) -> None:
    """A path from the root, however many slashes were written."""
    assert found(url).socket == socket


@pytest.mark.parametrize(
    ("url", "host", "port", "tls"),
    [
        ("tcp://h:2375", "h", 2375, False),
        ("tcp://h", "h", 2375, False),
        ("http://h", "h", 80, False),
        ("https://h:8443", "h", 8443, True),
        ("tcp://[::1]:99", "::1", 99, False),
    ],
)
def test_tcp(url: str, host: str, port: int, tls: bool) -> None:
    """Host and port, TLS where the scheme says so."""
    made = found(url)
    assert (made.host, made.port, made.tls is not None) == (host, port, tls)


def test_tls_of_the_hosts_file_counts(tmp_path: Path) -> None:
    """TLS settings of a host make tcp speak TLS, on its own port where none is given, whatever the environment says."""
    paths: dict[str, Any] = {part: str(tmp_path / part) for part in ("ca", "cert", "key")}
    for path in paths.values():
        Path(path).write_text("")
    made = found("tcp://h", tls=paths, DOCKER_TLS_VERIFY="1", DOCKER_CERT_PATH="/elsewhere")
    assert (made.port, made.tls) == (2376, Tls(**paths))


def test_tls_of_the_environment(tmp_path: Path) -> None:
    """DOCKER_TLS_VERIFY and DOCKER_CERT_PATH count for tcp, as for docker -H; the path alone does not verify."""
    (tmp_path / "ca.pem").write_text("")
    assert found("tcp://h", DOCKER_TLS_VERIFY="1", DOCKER_CERT_PATH=str(tmp_path)).tls == Tls(ca=f"{tmp_path}/ca.pem")
    unverified = found("tcp://h", DOCKER_TLS_VERIFY="", DOCKER_CERT_PATH=str(tmp_path)).tls
    assert unverified == Tls(ca=f"{tmp_path}/ca.pem", verify=False)


@pytest.mark.parametrize(
    ("url", "ssh", "port", "socket"),
    [
        ("ssh://ops@edge-a1", "ops@edge-a1", 0, "/var/run/docker.sock"),
        ("ssh://edge-a1:2222/", "edge-a1", 2222, "/var/run/docker.sock"),
        ("ssh://ops@edge-a1/run/user/1000/docker.sock", "ops@edge-a1", 0, "/run/user/1000/docker.sock"),
    ],
)
def test_ssh(url: str, ssh: str, port: int, socket: str) -> None:
    """Where ssh goes, and the socket there; without a port, ssh's own config says which."""
    made = found(url)
    assert (made.ssh, made.ssh_port, made.socket) == (ssh, port, socket)


def test_ssh_never_asks() -> None:
    """One forward in batch mode, over a connection of its own; the destination can be no option."""
    line = command(found("ssh://ops@edge-a1:2222"), "/tmp/s")
    assert line[0] == "ssh"
    assert line[-4:] == ["-L", "/tmp/s:/var/run/docker.sock", "--", "ops@edge-a1"]
    assert line[line.index("-p") : line.index("-p") + 2] == ["-p", "2222"]
    assert "-N" in line
    assert {"BatchMode=yes", "ControlPath=none"} <= set(line)


def test_docker_host(tmp_path: Path) -> None:
    """Without a URL, DOCKER_HOST comes before any context."""
    make_context(tmp_path, "prod", {"Host": "tcp://c:1"})
    environment = {"DOCKER_CONFIG": str(tmp_path), "DOCKER_CONTEXT": "prod", "DOCKER_HOST": "tcp://h:2"}
    assert found(**environment).host == "h"


def test_the_local_socket_is_what_is_left(tmp_path: Path) -> None:
    """With nothing said anywhere, and for the context that is called default."""
    assert found(DOCKER_CONFIG=str(tmp_path)).socket == "/var/run/docker.sock"
    assert found("context://default", DOCKER_CONFIG=str(tmp_path), DOCKER_HOST="tcp://h:2").socket.endswith("r.sock")
    (tmp_path / "config.json").write_text('{"auths": {}}')
    assert found(DOCKER_CONFIG=str(tmp_path)).socket == "/var/run/docker.sock"


def test_contexts(tmp_path: Path) -> None:
    """By URL, by DOCKER_CONTEXT, or the current one; with the certificates that docker keeps for it."""
    tls = make_context(tmp_path, "prod", {"Host": "tcp://c:2376"}, "ca.pem", "cert.pem", "key.pem")
    make_context(tmp_path, "lab", {"Host": "ssh://ops@lab", "SkipTLSVerify": False})
    (tmp_path / "config.json").write_text('{"currentContext": "lab"}')
    config = {"DOCKER_CONFIG": str(tmp_path)}
    of_prod = Tls(ca=f"{tls}/ca.pem", cert=f"{tls}/cert.pem", key=f"{tls}/key.pem")
    assert found("context://prod", **config).tls == of_prod
    assert found(DOCKER_CONTEXT="prod", **config).tls == of_prod
    assert found(**config).ssh == "ops@lab"


def test_a_context_that_does_not_verify(tmp_path: Path) -> None:
    """SkipTLSVerify is docker's word for it."""
    make_context(tmp_path, "lax", {"Host": "tcp://c:2376", "SkipTLSVerify": True}, "ca.pem")
    tls = found("context://lax", DOCKER_CONFIG=str(tmp_path)).tls
    assert tls is not None
    assert not tls.verify


def test_broken_contexts(tmp_path: Path) -> None:
    """A context that is missing, or that says nothing, is one error."""
    config = {"DOCKER_CONFIG": str(tmp_path)}
    assert code("context://none", **config) == "no-context"
    make_context(tmp_path, "odd", {})
    assert code("context://odd", **config) == "bad-context"
    (tmp_path / "config.json").write_text("{")
    assert code(**config) == "bad-context"


@pytest.mark.parametrize(
    "url",
    ["tcp://", "tcp://h:port", "ftp://h", "ssh://", "ssh://-oProxyCommand=x", "ssh://-l@h", "tcp://u:pw@h:1", "h:1"],
)
def test_what_is_no_url(url: str) -> None:
    """Nothing is guessed, no option reaches ssh, and no password is kept."""
    assert code(url) == "bad-hosts"


@pytest.mark.parametrize("tls", [{"ca": "/missing"}, {"cert": __file__}, {"key": __file__}])
def test_incomplete_tls(tls: dict[str, str]) -> None:
    """Files that are not there, and half a pair, are named before anything is dialled."""
    assert code("tcp://h:1", tls=tls) == "bad-tls"

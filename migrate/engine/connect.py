"""Where an engine is, and by which TLS: a URL, DOCKER_HOST, or a Docker context, as docker itself would find it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from converters.errors import PodliftError

from ..hosts_file import HostEntry

DEFAULT_SOCKET = "/var/run/docker.sock"
_PORTS = {"tcp": 2375, "http": 80, "https": 443}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """Paths of the CA, the client's certificate and its key, ``""`` for none; without a CA, the system's count."""

    ca: str = ""
    cert: str = ""
    key: str = ""
    verify: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """
    name    the host, for messages
    url     as it was found
    socket  path of a unix socket: on this machine, or with ``ssh`` on the other one
    host, port   of tcp, with or without TLS
    ssh     the destination for the ssh client, ``USER@HOST``; ssh_port 0: what its config says
    """

    name: str
    url: str
    socket: str = ""
    host: str = ""
    port: int = 0
    tls: Tls | None = None
    ssh: str = ""
    ssh_port: int = 0


def endpoint_of(entry: HostEntry, *, environment: Mapping[str, str] | None = None) -> Endpoint:
    """Where a host's engine is. Without a URL: DOCKER_HOST, then DOCKER_CONTEXT, then the current context, then the
    local socket, which is docker's own order.

    Raises PodliftError ``bad-hosts``, ``no-context``, ``bad-context``, ``bad-tls``.
    """
    environment = os.environ if environment is None else environment
    given = Tls(ca=entry.ca, cert=entry.cert, key=entry.key) if entry.ca or entry.cert or entry.key else None
    name, url = entry.host.name, entry.host.url
    config = Path(environment.get("DOCKER_CONFIG") or Path.home() / ".docker")
    if url.startswith("context://"):
        url, of_context = _context(url.removeprefix("context://").rstrip("/"), config, name)
        return _endpoint(name, url, given or of_context)
    if not url and not (url := environment.get("DOCKER_HOST", "")):
        context = environment.get("DOCKER_CONTEXT") or _current(config, name)
        if not context or context == "default":
            return _endpoint(name, f"unix://{DEFAULT_SOCKET}", None)
        url, of_context = _context(context, config, name)
        return _endpoint(name, url, given or of_context)
    if given is None and url.startswith("tcp://"):
        given = _tls_of_environment(environment, config)
    return _endpoint(name, url, given)


def _endpoint(name: str, url: str, tls: Tls | None) -> Endpoint:
    try:
        parts = urlsplit(url)
        port = parts.port or 0
    except ValueError as error:
        raise _bad(name, url, str(error)) from error
    if parts.password:
        raise PodliftError(
            code="bad-hosts",
            phase="connect",
            subject=name,
            reason="the engine's URL carries a password",
            next_step="leave it out: ssh uses keys or an agent, tcp uses TLS certificates",
        )
    if parts.scheme == "unix":
        # unix://run/docker.sock is written too; docker reads it as a path from the root
        return Endpoint(name=name, url=url, socket="/" + unquote(parts.netloc + parts.path).lstrip("/"))
    if not parts.hostname:
        raise _bad(name, url, "there is no host in it")
    if parts.scheme == "ssh":
        # what begins with a dash would be an option of ssh
        if parts.hostname.startswith("-") or (parts.username or "").startswith("-"):
            raise _bad(name, url, "neither user nor host can begin with a dash")
        destination = f"{unquote(parts.username)}@{parts.hostname}" if parts.username else parts.hostname
        socket = unquote(parts.path) if parts.path.strip("/") else DEFAULT_SOCKET
        return Endpoint(name=name, url=url, ssh=destination, ssh_port=port, socket=socket)
    if parts.scheme not in _PORTS:
        raise _bad(name, url, f"{parts.scheme or 'nothing'} is no way to reach an engine")
    if parts.scheme == "https" and tls is None:
        tls = Tls()
    return Endpoint(
        name=name,
        url=url,
        host=parts.hostname,
        port=port or (2376 if tls and parts.scheme == "tcp" else _PORTS[parts.scheme]),
        tls=_checked(tls, name) if tls else None,
    )


def _checked(tls: Tls, name: str) -> Tls:
    for what, path in (("CA", tls.ca), ("certificate", tls.cert), ("key", tls.key)):
        if path and not Path(path).is_file():
            raise PodliftError(
                code="bad-tls",
                phase="connect",
                subject=name,
                reason=f"the {what} {path} is no file",
                next_step="give the paths of ca, cert and key in the hosts file under tls:",
            )
    if bool(tls.cert) != bool(tls.key):
        raise PodliftError(
            code="bad-tls",
            phase="connect",
            subject=name,
            reason="of a client's certificate and its key only one is given",
            next_step="give both cert and key under tls:, or neither",
        )
    return tls


def _tls_of_environment(environment: Mapping[str, str], config: Path) -> Tls | None:
    """DOCKER_TLS_VERIFY and DOCKER_CERT_PATH; the first without a value does not verify, as docker has it."""
    verify = bool(environment.get("DOCKER_TLS_VERIFY"))
    folder = environment.get("DOCKER_CERT_PATH", "")
    return _tls_in(Path(folder) if folder else config, verify=verify) if verify or folder else None


def _tls_in(folder: Path, *, verify: bool) -> Tls:
    found = {part: folder / f"{part}.pem" for part in ("ca", "cert", "key")}
    return Tls(verify=verify, **{part: str(path) for part, path in found.items() if path.is_file()})


def _current(config: Path, name: str) -> str:
    file = config / "config.json"
    if not file.is_file():
        return ""
    try:
        current = json.loads(file.read_bytes()).get("currentContext", "")
    except (OSError, ValueError, AttributeError) as error:
        raise PodliftError(
            code="bad-context",
            phase="connect",
            subject=name,
            reason=f"{file} cannot be read, and it says which context is the current one",
            next_step="correct that file, or give the engine's URL",
        ) from error
    return str(current)


def _context(context: str, config: Path, name: str) -> tuple[str, Tls | None]:
    """URL and TLS of a context, from where ``docker context create`` keeps them."""
    if context == "default":
        return f"unix://{DEFAULT_SOCKET}", None
    identity = hashlib.sha256(context.encode()).hexdigest()
    file = config / "contexts" / "meta" / identity / "meta.json"
    if not file.is_file():
        raise PodliftError(
            code="no-context",
            phase="connect",
            subject=name,
            reason=f"there is no Docker context called {context!r}",
            next_step="docker context ls lists them; DOCKER_CONFIG says where they are kept",
        )
    try:
        meta = json.loads(file.read_bytes())["Endpoints"]["docker"]
        url, skip = str(meta["Host"]), bool(meta.get("SkipTLSVerify", False))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise PodliftError(
            code="bad-context",
            phase="connect",
            subject=name,
            reason=f"the Docker context {context!r} does not say where its engine is ({file})",
            next_step="make the context again, or give the engine's URL",
        ) from error
    certificates = config / "contexts" / "tls" / identity / "docker"
    return url, _tls_in(certificates, verify=not skip) if certificates.is_dir() else None


def _bad(name: str, url: str, why: str) -> PodliftError:
    return PodliftError(
        code="bad-hosts",
        phase="connect",
        subject=name,
        reason=f"{url!r} is no URL of an engine: {why}",
        next_step="write unix:///var/run/docker.sock, tcp://HOST:2376, ssh://USER@HOST or context://NAME",
    )

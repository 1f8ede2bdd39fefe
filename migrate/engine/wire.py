"""One host's session: docker-py's client over connections of ours, whose every call ends by its deadline.

Documents are read raw over those connections. docker-py's own way of a call costs 2 ms of processor time through
`requests`, which with 300 containers is more than all waiting for an engine 5 ms away.
"""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import docker
import docker.constants
import docker.errors
import requests.adapters
import urllib3
import urllib3.connection

from .connect import Endpoint, Tls
from .deadline import Deadlines, Watch

OLDEST_API: str = docker.constants.MINIMUM_DOCKER_API_VERSION

# The deadline's own thread ends a call; a socket's time-out, which cannot tell whose time is over, only stands by.
_AFTER_S = 1.0

Dial = Callable[[Watch], socket.socket]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Of one call: the status, and the body as it came."""

    status: int
    body: bytes

    @property
    def message(self) -> str:
        """What the engine says of a failure."""
        try:
            said = json.loads(self.body)
        except ValueError:
            said = None
        text = said.get("message", "") if isinstance(said, dict) else self.body[:200].decode("utf-8", "replace")
        return " ".join(str(text).split()) or f"HTTP {self.status}"


class Session:
    """Calls to one engine, from any number of threads."""

    def __init__(self, endpoint: Endpoint, deadlines: Deadlines, *, connections: int) -> None:
        """Opens no connection yet. Raises ssl.SSLError or OSError for TLS files that cannot be used."""
        self.endpoint = endpoint
        self._deadlines = deadlines
        self._pool = _Pool(
            "localhost" if endpoint.socket else endpoint.host,
            endpoint.port or None,
            maxsize=connections,
            dial=_dialer(endpoint),
            deadlines=deadlines,
        )
        self._client: docker.APIClient | None = None

    def speak(self, api_version: str) -> None:
        """Says which API version docker-py's calls are made in. Raises docker.errors.DockerException for a config file
        of docker's that it cannot use."""
        host = f"[{self.endpoint.host}]" if ":" in self.endpoint.host else self.endpoint.host
        self._client = docker.APIClient(
            base_url=f"unix://{self.endpoint.socket}" if self.endpoint.socket else f"tcp://{host}:{self.endpoint.port}",
            version=api_version,
        )
        self._client.mount(self._client.base_url, _Adapter(self._pool))

    def get(self, path: str, *, timeout_s: float) -> Answer:
        """One GET. Raises CallTimeoutError when its time is over, CancelledError, and what the connection raises
        (OSError, urllib3's HTTPError)."""
        with self._deadlines.watch(timeout_s) as watch:
            try:
                return self._send("GET", path, watch)
            except (urllib3.exceptions.ProtocolError, OSError) as error:
                # an engine may close a connection that stood idle; a GET can be sent again
                if not isinstance(error.__cause__ or error, (ConnectionResetError, BrokenPipeError)) or watch.over:
                    raise
            return self._send("GET", path, watch)

    def post(self, path: str, body: Any = None, *, timeout_s: float) -> Answer:
        """One POST, with a body of JSON if any. It is sent once: after an error nobody but the engine knows whether it
        was done. Raises what ``get`` raises."""
        with self._deadlines.watch(timeout_s) as watch:
            return self._send("POST", path, watch, body)

    def delete(self, path: str, *, timeout_s: float) -> Answer:
        """One DELETE, sent once. Raises what ``get`` raises."""
        with self._deadlines.watch(timeout_s) as watch:
            return self._send("DELETE", path, watch)

    @contextmanager
    def stream(self, path: str, *, timeout_s: float, lasts_s: float) -> Iterator[Iterator[bytes]]:
        """The lines of an answer as they come. It has to begin within ``timeout_s``, and is over ``lasts_s`` later.

        Raises ConnectionError for another status than 200, and what ``get`` raises, in the block too.
        """
        with self._deadlines.watch(timeout_s) as watch:
            answer = self._asked("GET", path, watch, preload_content=False)
            under = watch.attached
        try:
            if answer.status != 200 or under is None:
                raise ConnectionError(f"answered with {answer.status}")
            with self._deadlines.watch(lasts_s) as watch:
                under.settimeout(lasts_s + _AFTER_S)
                watch.attach(under)
                yield _lines(answer.stream())
        finally:
            # its rest is not waited for
            answer.close()

    def _send(self, method: str, path: str, watch: Watch, body: Any = None) -> Answer:
        answer = self._asked(method, path, watch, body)
        return Answer(status=answer.status, body=answer.data)

    def _asked(
        self, method: str, path: str, watch: Watch, body: Any = None, *, preload_content: bool = True
    ) -> urllib3.BaseHTTPResponse:
        headers = {"User-Agent": docker.constants.DEFAULT_USER_AGENT}
        if body is not None:
            headers["Content-Type"] = "application/json"
        return self._pool.urlopen(
            method,
            path,
            body=None if body is None else json.dumps(body).encode(),
            headers=headers,
            retries=False,
            redirect=False,
            preload_content=preload_content,
            timeout=urllib3.Timeout(watch.left() + _AFTER_S),
        )

    def archive(self, container: str, path: str, *, timeout_s: float) -> tuple[bytes, Mapping[str, Any]]:
        """The tar of a path in a container, and the engine's stat of it. Raises FileNotFoundError where there is none,
        docker.errors.APIError for another answer, and what ``get`` raises."""
        assert self._client is not None
        with self._deadlines.watch(timeout_s):
            try:
                stream, stat = self._client.get_archive(container, path)
                return b"".join(stream), stat or {}
            except docker.errors.NotFound as error:
                raise FileNotFoundError(path) from error

    def close(self) -> None:
        self._pool.close()
        if self._client is not None:
            self._client.close()


def quoted(part: str) -> str:
    """A name as one step of a path."""
    return quote(part, safe="")


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        yield from whole


class _Connection(urllib3.connection.HTTPConnection):
    """A connection that the deadline of the call can cut, from the first packet on."""

    def __init__(self, *arguments: Any, dial: Dial, deadlines: Deadlines, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._dial = dial
        self._deadlines = deadlines

    def connect(self) -> None:
        self.sock = self._dial(self._deadlines.current)

    def request(self, *arguments: Any, **options: Any) -> None:
        if self.sock is not None:
            self._deadlines.current.attach(self.sock)
        try:
            super().request(*arguments, **options)
        except ssl.SSLEOFError as error:
            # an engine that refuses our certificate says so and hangs up: urllib3 then still reads what it said
            raise BrokenPipeError from error


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Connection


class _Adapter(requests.adapters.HTTPAdapter):
    """Takes docker-py's own calls over the same connections."""

    def __init__(self, pool: _Pool) -> None:
        super().__init__()
        self._pool = pool

    def get_connection_with_tls_context(self, *_arguments: Any, **_options: Any) -> _Pool:
        return self._pool

    def request_url(self, request: requests.PreparedRequest, _proxies: Mapping[str, str] | None) -> str:
        return request.path_url

    def cert_verify(self, *_arguments: Any, **_options: Any) -> None:
        """TLS is the connection's own."""


def _dialer(endpoint: Endpoint) -> Dial:
    if endpoint.socket:
        return lambda watch: _dial_unix(endpoint.socket, watch)
    context = _context(endpoint.tls) if endpoint.tls else None
    return lambda watch: _dial_tcp(endpoint, context, watch)


def _dial_unix(path: str, watch: Watch) -> socket.socket:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    return _connected(made, path, watch)


def _dial_tcp(endpoint: Endpoint, context: ssl.SSLContext | None, watch: Watch) -> socket.socket:
    failed: OSError | None = None
    for family, kind, protocol, _, address in socket.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM):
        made = socket.socket(family, kind, protocol)
        try:
            _connected(made, address, watch)
        except OSError as error:
            failed = error
            continue
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return _with_tls(made, endpoint.host, context, watch) if context else made
    raise failed or OSError(f"no address for {endpoint.host}")


def _connected(made: socket.socket, address: Any, watch: Watch) -> socket.socket:
    try:
        made.settimeout(watch.left() + _AFTER_S)
        watch.attach(made)
        made.connect(address)
    except BaseException:
        made.close()
        raise
    return made


def _with_tls(raw: socket.socket, host: str, context: ssl.SSLContext, watch: Watch) -> socket.socket:
    made = context.wrap_socket(raw, server_hostname=host, do_handshake_on_connect=False)
    try:
        watch.attach(made)
        made.do_handshake()
    except BaseException:
        made.close()
        raise
    return made


def _context(tls: Tls) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=tls.ca or None)
    # Python 3.13 refuses what docker accepts, such as a CA without key usage
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if not tls.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if tls.cert:
        # a key with a passphrase is refused: nothing here may ask
        context.load_cert_chain(tls.cert, tls.key or None, password="")
    return context

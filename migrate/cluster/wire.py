"""HTTP to one API server: one pool of connections, used from any number of threads; tries again where that is safe."""

from __future__ import annotations

import json
import os
import ssl
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import urllib3

from .access import Access
from .answer import Answer, Call
from .credentials import Credential, Credentials
from .pace import Bucket, Patience
from .proxies import proxy_for
from .refusals import bad_access, below, broken, refused, tls_trouble

_CONNECT_S = 10.0
# The server itself ends a call, but for a watch, after 60 s.
_READ_S = 65.0
# A connection is made when one is needed; those above this number are closed after their call.
_KEPT = 64
_AGENT = "podlift"
_READS = frozenset({"GET"})
# What may have come through although no answer did is not sent again, unless twice is as good as once.
_NEVER_SENT = (
    urllib3.exceptions.NewConnectionError,
    urllib3.exceptions.ConnectTimeoutError,
    urllib3.exceptions.NameResolutionError,
)


class Wire:
    """``requests`` counts what was sent, by verb and plural, each try by itself; ``warnings`` are the server's."""

    def __init__(self, access: Access, *, writes_per_s: float, patience: Patience | None = None) -> None:
        self.access = access
        self.requests: Counter[tuple[str, str]] = Counter()
        self.warnings: dict[str, None] = {}
        self._patience = patience or Patience()
        self._bucket = Bucket(writes_per_s)
        self._credentials = Credentials(access)
        self._lock = threading.Lock()
        self._pool: urllib3.PoolManager | None = None
        self._pool_of: Credential | None = None
        self._known = False
        # one call waited in vain: of many that wait for their turn not each has to
        self._gone = False

    def send(self, call: Call) -> Answer:
        """The answer, of whatever status but those that ask to come again. Raises PodliftError for a connection that
        stays broken and for credentials that are not taken."""
        if call.method not in _READS and not call.free:
            self._bucket.take()
        tries, renewed = 0, False
        while True:
            tries += 1
            credential = self._credentials.current()
            sent = True
            try:
                answer = self._once(call, credential)
            except (urllib3.exceptions.HTTPError, OSError) as error:
                sent = not isinstance(_cause(error), _NEVER_SENT)
                wait = self._patience.after_break(tries, sent=sent, idempotent=call.idempotent, known=self._known)
                if wait is None or self._gone or _hopeless(error, known=self._known):
                    self._gone = self._gone or tries > 1
                    raise broken(self.access, call, error, known=self._known, sent=sent) from error
                time.sleep(wait)
                continue
            self._known, self._gone = True, False
            if answer.status == 401:
                if not renewed and self._credentials.refused(credential):
                    renewed = True
                    continue
                raise refused(self.access, call, answer, credential)
            wait = self._patience.after_answer(tries, answer.status, answer.retry_after, idempotent=call.idempotent)
            if wait is None:
                return answer
            time.sleep(wait)

    @contextmanager
    def stream(self, call: Call, *, timeout_s: float) -> Iterator[Iterator[bytes]]:
        """The lines of an answer that goes on. It is opened as ``send`` does; what breaks it later raises
        PodliftError ``cluster-gone``."""
        response, credential = self._opened(call, timeout_s)
        if response.status == 401 and self._credentials.refused(credential):
            response.close()
            response, credential = self._opened(call, timeout_s)
        try:
            if response.status != 200:
                raise refused(self.access, call, _answer(response, response.read()), credential)
            yield self._lines(response, call)
        finally:
            # the rest is not wanted, and a connection with a rest cannot be used again
            response.close()
            response.release_conn()

    def close(self) -> None:
        with self._lock:
            if self._pool is not None:
                self._pool.clear()
                self._pool = None

    def _opened(self, call: Call, timeout_s: float) -> tuple[urllib3.BaseHTTPResponse, Credential]:
        credential = self._credentials.current()
        try:
            response = self._request(call, credential, read_s=timeout_s, preload=False)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise broken(self.access, call, error, known=self._known, sent=True) from error
        self._known, self._gone = True, False
        return response, credential

    def _lines(self, response: urllib3.BaseHTTPResponse, call: Call) -> Iterator[bytes]:
        rest = b""
        try:
            for piece in response.stream(amt=None):
                *lines, rest = (rest + piece).split(b"\n")
                yield from (line for line in lines if line)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise broken(self.access, call, error, known=True, sent=True) from error

    def _once(self, call: Call, credential: Credential) -> Answer:
        response = self._request(call, credential, read_s=_READ_S, preload=True)
        answer = _answer(response, response.data)
        for each in answer.warnings:
            self.warnings[each] = None
        return answer

    def _request(self, call: Call, credential: Credential, *, read_s: float, preload: bool) -> urllib3.BaseHTTPResponse:
        headers = {"User-Agent": _AGENT, "Accept": "application/json"}
        if preload:
            headers["Accept-Encoding"] = "gzip"
        if credential.authorization:
            headers["Authorization"] = credential.authorization
        body = None
        if call.body is not None:
            body = json.dumps(call.body, separators=(",", ":")).encode()
            headers["Content-Type"] = call.content_type
        query = f"?{urlencode(call.query)}" if call.query else ""
        with self._lock:
            self.requests[call.verb, call.plural] += 1
        return self._pooled(credential).request(
            call.method,
            f"{self.access.server}{call.path}{query}",
            body=body,
            headers=headers,
            retries=False,
            redirect=False,
            timeout=urllib3.Timeout(connect=_CONNECT_S, read=read_s),
            preload_content=preload,
        )

    def _pooled(self, credential: Credential) -> urllib3.PoolManager:
        """One pool as long as the client's certificate stays the same."""
        with self._lock:
            held = self._pool_of
            same = held is not None and (held.certificate, held.key) == (credential.certificate, credential.key)
            if self._pool is None or not same:
                self._pool = _pool(self.access, credential)
                self._pool_of = credential
            return self._pool


def quoted(part: str) -> str:
    """A name as one step of a path."""
    return quote(part, safe="")


def _pool(access: Access, credential: Credential) -> urllib3.PoolManager:
    options: dict[str, Any] = {"maxsize": _KEPT, "block": False}
    if not access.verify:
        # the kubeconfig says so, and kubectl says nothing to it either
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    if access.server.startswith("https://"):
        options["ssl_context"] = _context(access, credential)
        if access.server_name:
            options["server_hostname"] = access.server_name
    proxy = proxy_for(access.server, os.environ, said=access.proxy)
    if not proxy:
        return urllib3.PoolManager(**options)
    if proxy.startswith("socks"):
        raise bad_access(access, f"the proxy {_without_password(proxy)} speaks SOCKS", "give an HTTP proxy")
    parts = urllib3.util.parse_url(proxy)
    headers = urllib3.make_headers(proxy_basic_auth=parts.auth) if parts.auth else None
    return urllib3.ProxyManager(proxy, proxy_headers=headers, **options)


def _context(access: Access, credential: Credential) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cadata=access.ca.decode("ascii") if access.ca else None)
    except (ssl.SSLError, ValueError) as error:
        raise bad_access(access, "its certificate-authority is no certificate", "see kubectl config view") from error
    # Python 3.13 refuses authorities that clusters are made with, such as one without a key's usage
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if not access.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if credential.certificate:
        _load_pair(context, access, credential)
    return context


def _load_pair(context: ssl.SSLContext, access: Access, credential: Credential) -> None:
    """Python takes a certificate from a file alone: it is there, for this user only, while it is read."""
    with tempfile.TemporaryDirectory(prefix="podlift-") as folder:
        file = Path(folder) / "pair.pem"
        file.touch(mode=0o600)
        file.write_bytes(credential.certificate + b"\n" + credential.key)
        try:
            # a key with a passphrase is refused: nothing here may ask
            context.load_cert_chain(file, password="")
        except (ssl.SSLError, ValueError) as error:
            reason = "its client-certificate and client-key are no pair of certificate and key without passphrase"
            raise bad_access(access, reason, "see kubectl config view, and log in again") from error


def _answer(response: urllib3.BaseHTTPResponse, body: bytes) -> Answer:
    return Answer(
        status=response.status,
        body=body,
        retry_after=response.headers.get("Retry-After", ""),
        warnings=tuple(response.headers.getlist("Warning")) if "Warning" in response.headers else (),
    )


def _cause(error: BaseException) -> BaseException:
    """Below what urllib3 wraps it in."""
    inner = error
    while isinstance(inner, (urllib3.exceptions.MaxRetryError, urllib3.exceptions.ProxyError)):
        reason = getattr(inner, "reason", None) or getattr(inner, "original_error", None)
        if not isinstance(reason, BaseException):
            break
        inner = reason
    return inner


def _hopeless(error: BaseException, *, known: bool) -> bool:
    """What another try cannot better: certificates, names that are none, and an address where nothing ever was."""
    impossible = (urllib3.exceptions.LocationValueError, urllib3.exceptions.InvalidHeader)
    cause = _cause(error)
    nowhere = isinstance(cause, urllib3.exceptions.ConnectTimeoutError) and not known
    return nowhere or isinstance(cause, impossible) or tls_trouble(below(error))


def _without_password(url: str) -> str:
    parts = urllib3.util.parse_url(url)
    return f"{parts.scheme}://{parts.host}" + (f":{parts.port}" if parts.port else "")

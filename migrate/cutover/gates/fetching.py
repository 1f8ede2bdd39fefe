"""One request of HTTP to whoever judges: no redirect, no retry, and over when its time is, whatever is still coming."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

_MOST_BYTES = 1 << 20


class UnansweredError(Exception):
    """Nobody answered as due; the message says why, in words for a user."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: str


def fetch(method: str, url: str, *, headers: Mapping[str, str], body: bytes | None = None, timeout_s: float) -> Answer:
    """The answer, whatever its status but a redirect. ``timeout_s`` is for all of it. Raises UnansweredError."""
    parts = urlsplit(url)
    end = time.monotonic() + timeout_s
    connection = _connection(parts, timeout_s)
    late = threading.Event()
    try:
        connection.connect()
        # a socket's own time-out begins anew with every byte: what trickles would never end
        timer = threading.Timer(max(0.0, end - time.monotonic()), _shut, (connection.sock, late))
        timer.daemon = True
        timer.start()
        try:
            answer = _exchange(connection, method, parts, headers, body)
        finally:
            timer.cancel()
    except (OSError, http.client.HTTPException, ValueError) as error:
        if late.is_set() or isinstance(error, TimeoutError):
            raise UnansweredError(f"no answer within {timeout_s:g} s") from error
        raise UnansweredError(_why(error)) from error
    finally:
        connection.close()
    if late.is_set():
        raise UnansweredError(f"no answer within {timeout_s:g} s")
    return answer


def _exchange(
    connection: http.client.HTTPConnection,
    method: str,
    parts: SplitResult,
    headers: Mapping[str, str],
    body: bytes | None,
) -> Answer:
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection.request(method, target, body=body, headers={**headers, "Connection": "close"})
    response = connection.getresponse()
    if 300 <= response.status < 400:
        place = urlsplit(response.getheader("Location") or "")
        led = f" to {place.scheme}://{place.hostname}" if place.hostname else f" to {place.path}"
        raise UnansweredError(f"it redirects ({response.status}{led}); give the URL that answers itself")
    data = response.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        raise UnansweredError("the answer is larger than 1 MiB")
    if response.length:
        # a read with a bound gives what came, and does not complain
        raise http.client.IncompleteRead(data, response.length)
    return Answer(response.status, data.decode("utf-8", "replace"))


def _connection(parts: SplitResult, timeout_s: float) -> http.client.HTTPConnection:
    host = parts.hostname or ""
    if parts.scheme == "https":
        context = ssl.create_default_context()
        return http.client.HTTPSConnection(host, parts.port, timeout=timeout_s, context=context)
    return http.client.HTTPConnection(host, parts.port, timeout=timeout_s)


def _shut(waiting_in: socket.socket | None, late: threading.Event) -> None:
    late.set()
    if waiting_in is not None:
        # not SSLSocket.shutdown, which takes the TLS state away under the thread that reads with it
        with suppress(OSError):
            socket.socket.shutdown(waiting_in, socket.SHUT_RDWR)


def _why(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return f"TLS failed: {error.reason or error}"
    if isinstance(error, socket.gaierror):
        return "its name cannot be resolved"
    if isinstance(error, http.client.RemoteDisconnected | http.client.IncompleteRead):
        return "the connection ended before the answer did"
    if isinstance(error, http.client.HTTPException):
        return "what answers speaks no HTTP"
    return f"it cannot be reached: {(getattr(error, 'strerror', None) or str(error)).lower()}"

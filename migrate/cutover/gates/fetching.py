"""One request of HTTP to whoever judges: no redirect, no retry, and over when its time is, whatever is still coming."""

from __future__ import annotations

import http.client
import os
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from ...unsaid import Hide

_MOST_BYTES = 1 << 20


class UnansweredError(Exception):
    """Nobody answered as due; the message says why, in words for a user."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: str


def fetch(
    method: str, url: str, *, headers: Mapping[str, str], body: bytes | None = None, timeout_s: float, hide: Hide
) -> Answer:
    """The answer, whatever its status but a redirect. ``timeout_s`` is for all of it. Raises UnansweredError, in whose
    words nothing stands of what is sent: what a library says may repeat it. ``hide``: what is not repeated of where a
    redirect leads."""
    end = time.monotonic() + timeout_s
    try:
        parts = urlsplit(url)
        connection = _connection(parts, timeout_s)
    except (ValueError, http.client.InvalidURL) as error:
        raise UnansweredError("its URL is none of http:// or https://, or names no host and port") from error
    late = threading.Event()
    try:
        connection.connect()
        # a socket's own time-out begins anew with every byte: what trickles would never end
        timer = threading.Timer(max(0.0, end - time.monotonic()), _shut, (connection.sock, late))
        timer.daemon = True
        timer.start()
        try:
            answer = _exchange(connection, method, parts, headers, body, hide)
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
    hide: Hide,
) -> Answer:
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection.request(method, target, body=body, headers={**headers, "Connection": "close"})
    response = connection.getresponse()
    if 300 <= response.status < 400:
        place = urlsplit(response.getheader("Location") or "")
        led = f" to {place.scheme}://{hide(place.hostname)}" if place.hostname else ""
        raise UnansweredError(f"it redirects ({response.status}{led}); give the URL that answers itself")
    data = response.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        raise UnansweredError("the answer is larger than 1 MiB")
    if response.length:
        # a read with a bound gives what came, and does not complain
        raise http.client.IncompleteRead(data, response.length)
    return Answer(response.status, data.decode("utf-8", "replace"))


def _connection(parts: SplitResult, timeout_s: float) -> http.client.HTTPConnection:
    """Raises ValueError and http.client.InvalidURL."""
    host = parts.hostname
    if not host or parts.scheme not in ("http", "https"):
        raise ValueError
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
        return f"TLS failed: {error.reason or type(error).__name__}"
    if isinstance(error, socket.gaierror):
        return "its name cannot be resolved"
    if isinstance(error, http.client.RemoteDisconnected | http.client.IncompleteRead):
        return "the connection ended before the answer did"
    if isinstance(error, ValueError | http.client.InvalidURL):
        return "its URL or a header holds what cannot be sent"
    if isinstance(error, http.client.HTTPException):
        return "what answers speaks no HTTP"
    number = error.errno if isinstance(error, OSError) else None
    return f"it cannot be reached: {os.strerror(number).lower() if number else type(error).__name__}"

"""How an instance is asked whether it answers, and whether what it said is an answer. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from .edges import Backend, Request, Response

TIMEOUT_S = 2.0
# What a kubelet takes for an answer.
ANSWERS = "200-399"


def request_of(check: Mapping[str, Any], backend: Backend) -> Request:
    """The check's request to one backend. ``check``: {kind, scheme, path, host, headers, timeout_s} as in Spec.check;
    of whatever is not HTTP (an exec check, gRPC, none at all) only the connection is tried."""
    timeout_s = float(check.get("timeout_s") or TIMEOUT_S)
    if check.get("kind") != "http":
        return Request(backend=backend, kind="tcp", timeout_s=timeout_s)
    headers = {str(name): str(value) for name, value in dict(check.get("headers") or {}).items()}
    if check.get("host"):
        headers["Host"] = str(check["host"])
    return Request(
        backend=backend,
        scheme=str(check.get("scheme") or "http").lower(),
        path=str(check.get("path") or "/"),
        headers=headers,
        timeout_s=timeout_s,
    )


def requests_of(given: Sequence[Mapping[str, Any]], check: Mapping[str, Any], backend: Backend) -> tuple[Request, ...]:
    """The requests that a user gives ({method, path, scheme, headers}), with the check's headers, scheme and time where
    they say nothing; without any the check's alone."""
    plain = request_of(check, backend)
    made = (
        replace(
            plain,
            kind="http",
            scheme=str(each.get("scheme", plain.scheme)),
            method=str(each.get("method", "GET")),
            path=str(each["path"]),
            headers={**plain.headers, **each.get("headers", {})},
        )
        for each in given
    )
    return tuple(made) or (plain,)


def answered(response: Response, codes: str = "") -> bool:
    """Whether it is an answer: for HTTP one of ``codes`` (``200-299,301``); a connection of TCP has status 0."""
    if response.error:
        return False
    return response.status == 0 or any(low <= response.status <= high for low, high in ranges(codes or ANSWERS))


def ranges(codes: str) -> tuple[tuple[int, int], ...]:
    """
    >>> ranges("200-299,301")
    ((200, 299), (301, 301))

    Raises ValueError.
    """
    made = []
    for part in codes.split(","):
        low, dash, high = part.strip().partition("-")
        if not low.isdecimal() or not (high if dash else low).isdecimal():
            raise ValueError(f"{part.strip()!r} is no code of HTTP and no range of them; write 200-299,301")
        first, last = int(low), int(high or low)
        if not 100 <= first <= last <= 599:
            raise ValueError(f"{part.strip()!r} holds no code of HTTP; write the lower one first, from 100 to 599")
        made.append((first, last))
    return tuple(made)

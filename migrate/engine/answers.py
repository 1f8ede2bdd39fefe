"""What an engine's answers mean, the same for who reads and for who changes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from .connect import Endpoint
from .refusals import no_engine, refusal, too_old
from .wire import OLDEST_API, Answer


def parsed(answer: Answer) -> Any:
    """The JSON in it, None where there is none."""
    try:
        return json.loads(answer.body)
    except (ValueError, RecursionError):
        return None


def needed(answer: Answer, what: str, endpoint: Endpoint) -> Any:
    """The JSON without which the host cannot be read. Raises PodliftError ``engine-unreachable``, ``tls-refused``,
    ``no-engine``."""
    if answer.status in (401, 403):
        step = "let the engine's authorization allow GET requests"
        raise refusal("engine-unreachable", endpoint.name, f"the engine refuses: {answer.message}", step)
    if answer.status == 400 and "HTTPS server" in answer.message:
        step = "give ca, cert and key under tls: in the hosts file"
        reason = f"{endpoint.url} speaks TLS, and no TLS settings are given"
        raise refusal("tls-refused", endpoint.name, reason, step)
    found = parsed(answer) if answer.status == 200 else None
    if found is None:
        raise no_engine(endpoint.name, f"{what} was answered with {answer.status}: {answer.message}")
    return found


def spoken(version: Any, endpoint: Endpoint) -> str:
    """The API's version in what /version answered. Raises PodliftError ``no-engine``, ``engine-too-old``."""
    said = version.get("ApiVersion") if isinstance(version, Mapping) else None
    if not number(said):
        raise no_engine(endpoint.name, f"{endpoint.url} answers, but not as a Docker engine does")
    if number(said) < number(OLDEST_API):
        raise too_old(endpoint.name, str(said), OLDEST_API)
    return str(said)


def listed(found: Any, endpoint: Endpoint) -> Sequence[Mapping[str, Any]]:
    """The entries in what a list of containers was answered with. Raises PodliftError ``no-engine``."""
    if not isinstance(found, list):
        raise no_engine(endpoint.name, "where a list of containers is due stands something else")
    return found


def name_of(entry: Mapping[str, Any]) -> str:
    """The name of a container in the list."""
    names = entry.get("Names") or [entry["Id"]]
    # a link's name has a second slash
    own = [name for name in names if name.count("/") <= 1]
    return str((own or names)[0]).lstrip("/")


def number(version: Any) -> tuple[int, ...]:
    """A version to compare by; empty where it is none."""
    parts = version.split(".") if isinstance(version, str) else []
    return tuple(map(int, parts)) if len(parts) == 2 and all(part.isdecimal() for part in parts) else ()

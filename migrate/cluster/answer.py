"""A call to the API server, and what it answered."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """
    verb        as roles spell it: get, list, watch, create, patch, delete
    group, plural, namespace, name    what it is about; an empty group is the core's
    about       for messages: ``Deployment/web in shop``
    idempotent  sending it twice is as good as once
    free        not held to the rate of writes: it changes nothing
    """

    method: str
    path: str
    verb: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    content_type: str = "application/json"
    group: str = ""
    plural: str = ""
    namespace: str = ""
    name: str = ""
    about: str = ""
    idempotent: bool = True
    free: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """``retry_after`` and ``warnings``: the headers of these names, as they came."""

    status: int
    body: bytes
    retry_after: str = ""
    warnings: tuple[str, ...] = ()

    def json(self) -> dict[str, Any]:
        """The object in it; ``{}`` where there is none, as of a proxy's page."""
        try:
            found = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def said(self) -> str:
        """What the server says of a failure, in one line."""
        message = self.json().get("message") or self.body[:300].decode("utf-8", "replace")
        return " ".join(str(message).split()) or f"HTTP {self.status}"

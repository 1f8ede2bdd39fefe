"""A capture: documents as they were read, with their hosts; in memory here, on disk in migrate.capture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .workload import Host


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """What an engine says of itself: the bodies of /version and /info; ``api_version`` that was spoken."""

    api_version: str
    version: Mapping[str, Any] = field(default_factory=dict)
    info: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class HostDocuments:
    """All that was read of one host. Every document is the JSON body as the engine sent it; documents of a capture on
    disk are read when they are gone through, so that those of one host at a time lie in memory.

    error         why the host could not be read whole; ``""``: it was
    accounts      image ID to the texts of its /etc/passwd and /etc/group, for images whose users are names
    volume_bytes  volume name to measured size
    vanished      containers that were listed and gone (or hung) when inspected: (name, what happened)
    read_at       RFC 3339, evidence only: it enters no plan
    """

    host: Host
    engine: Engine | None = None
    containers: Sequence[Mapping[str, Any]] = ()
    images: Sequence[Mapping[str, Any]] = ()
    volumes: Sequence[Mapping[str, Any]] = ()
    networks: Sequence[Mapping[str, Any]] = ()
    accounts: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    volume_bytes: Mapping[str, int] = field(default_factory=dict)
    vanished: tuple[tuple[str, str], ...] = ()
    error: str = ""
    read_at: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigDocument:
    """One document of a bespoke config. ``name``: file as the project names it; ``index``: in a YAML stream;
    ``lines``: path (keys and indexes) to line."""

    name: str
    index: int = 0
    value: Any = None
    lines: Mapping[tuple[str | int, ...], int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """``redacted``: environment values were withheld, they become required keys of Secrets. In place of each stands
    secrecy.WITHHELD (``NAME=podlift:withheld``), or WITHHELD_AS_IMAGE where the image has the same; in configs it
    stands for the texts that look secret."""

    hosts: tuple[HostDocuments, ...] = ()
    configs: tuple[ConfigDocument, ...] = ()
    redacted: bool = False

    @property
    def unread(self) -> tuple[str, ...]:
        return tuple(h.host.name for h in self.hosts if h.error)

"""What a run does is also told as Events on its Service, and kept in a file on this machine. Neither holds it up."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

from converters.errors import PodliftError
from converters.objects.context import MANAGED_BY, WORKLOAD

from .clock import rfc3339
from .driver import Event
from .edges import Api
from .endpoints import MANAGER
from .run import Spec

# Of all that a driver tells, what others want to know who look at the Service.
_PUBLIC = frozenset({"state", "pause", "take-over", "keeper"})
_WARNING = frozenset({"pause", "keeper"})
# What only passes by, many times a second.
_PASSING = frozenset({"wait", "measure", "approval"})


def announced(events: Iterator[Event], api: Api, spec: Spec, *, record: Path | None = None) -> Iterator[Event]:
    """The same events. ``record``: a file of JSON lines that each is added to, on the disk before the next is given;
    what an earlier process left half-written stays a line of its own. Where it cannot be written, an event ``record``
    says so, and no more is added."""
    begun = False
    for event in events:
        if record is not None and event.kind not in _PASSING:
            try:
                _kept(record, spec, event, begun=begun)
                begun = True
            except OSError as error:
                why = (error.strerror or str(error)).lower()
                yield replace(event, kind="record", text=f"{record}: {why}; no more is added to it")
                record = None
        if event.kind in _PUBLIC:
            _told(api, spec, event)
        yield event


def _whole(record: Path) -> None:
    record.parent.mkdir(parents=True, exist_ok=True)
    if record.exists() and record.stat().st_size and not record.read_bytes().endswith(b"\n"):
        with record.open("ab") as file:
            file.write(b"\n")


def _kept(record: Path, spec: Spec, event: Event, *, begun: bool) -> None:
    if not begun:
        _whole(record)
    line = {"run": spec.id, "workload": spec.workload, **asdict(event)}
    with record.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line, ensure_ascii=False) + "\n")
        file.flush()
        os.fsync(file.fileno())


def _told(api: Api, spec: Spec, event: Event) -> None:
    """Without the right to, or without the server, nothing is told: the journal has it."""
    service = spec.services[0]["metadata"]["name"]
    at = rfc3339(event.at, "seconds")
    made = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "name": f"{service}.{uuid.uuid4().hex[:16]}",
            "namespace": spec.namespace,
            "labels": {MANAGED_BY: "podlift", WORKLOAD: spec.name},
        },
        "involvedObject": {"apiVersion": "v1", "kind": "Service", "name": service, "namespace": spec.namespace},
        "type": "Warning" if event.kind in _WARNING else "Normal",
        "reason": "CutoverPaused" if event.kind == "pause" else "Cutover",
        "message": f"{event.state}: {event.text}"[:1000],
        "firstTimestamp": at,
        "lastTimestamp": at,
        "count": 1,
        "source": {"component": MANAGER},
        "reportingComponent": MANAGER,
        "reportingInstance": spec.id,
    }
    try:
        api.create(made, manager=MANAGER)
    except PodliftError:
        return

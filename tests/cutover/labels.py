"""Names of writes that two runs of the same workload share, on the model and on real engines and clusters.

    STATE: patch Service/web
    STATE: stop h0/c0
    STATE: hook freeze
    STATE: patch ConfigMap/cutover-web intent patch Pod      the journal's, with what is written there

Pods have names that no two runs share, and instances are told apart only where they are written to.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

_INSTANCE = re.compile(r"\S+ on \S+")
_SECONDS = re.compile(r"[\d.]+ s\b")


def object_label(verb: str, kind: str, name: str, workload: str, body: Any = None) -> str:
    """Of a write to the API server; ``body``: what is sent."""
    if kind == "Pod":
        name = f"{workload}-pod"
    if kind == "EndpointSlice":
        # its end is made of the ports
        name = name[: -len("-00000000")]
    said = _journaled(body) if kind == "ConfigMap" and verb == "patch" else ""
    return f"{verb} {kind}/{name}{said}"


def _journaled(body: Mapping[str, Any]) -> str:
    lines = body.get("data", {}).get("history", "")
    if not lines:
        # a user's request
        return " ask"
    line = json.loads(lines.split("\n")[-1])
    event, text = line["event"], line["text"]
    if event == "intent":
        what, _, _ = text.partition(": ")
        verb, _, of = what.partition(" ")
        kind, _, name = of.partition("/")
        return f" intent {verb} {kind}" + ("" if kind in ("Pod", "Container") else f"/{name}")
    if event in ("note", "request", "done"):
        return f" {event} " + _SECONDS.sub("some s", _INSTANCE.sub("INSTANCE", text))
    return f" {event}"

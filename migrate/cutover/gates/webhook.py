"""A gate that is a webhook: it gets the run's names and figures as JSON, and any 2xx passes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from converters.secrecy import masked

from ...unsaid import Hide
from ..environment import filled, filled_headers
from .fetching import UnansweredError, fetch
from .outcome import Outcome, Result

# Said by what stands before the webhook, or of the way it was asked, and not of the pods.
_NOT_THE_PODS = frozenset({401, 403, 404, 405, 407, 408, 411, 413, 414, 415, 421, 426, 429, 431})
_LONGEST = 200


def ask_webhook(name: str, gate: Mapping[str, Any], told: Mapping[str, Any], hide: Hide) -> Outcome:
    """``gate``: {url, headers, timeout_s}. A 4xx that speaks of the pods (400, 409, 412, 422 …) fails; an answer
    that says that the webhook itself is wrong or down, and none, are errors."""
    body = json.dumps(told, sort_keys=True).encode()
    headers = {"Content-Type": "application/json", **filled_headers(gate.get("headers", {}))}
    try:
        url, timeout_s = filled(gate["url"]), gate["timeout_s"]
        answer = fetch("POST", url, headers=headers, body=body, timeout_s=timeout_s, hide=hide)
    except UnansweredError as error:
        return Outcome(gate=name, result=Result.ERROR, reason=str(error))
    said = " ".join(masked(hide(answer.body), ()).split())[:_LONGEST]
    reason = f"status {answer.status}" + (f": {said}" if said else "")
    if 200 <= answer.status < 300:
        return Outcome(gate=name, result=Result.PASSED, reason=reason)
    if answer.status >= 500 or answer.status in _NOT_THE_PODS:
        return Outcome(gate=name, result=Result.ERROR, reason=reason)
    return Outcome(gate=name, result=Result.FAILED, reason=reason)

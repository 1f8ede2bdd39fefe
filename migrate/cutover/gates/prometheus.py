"""A gate that is a query to Prometheus, or to what speaks its API."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from ...unsaid import Hide
from ..environment import filled, filled_headers
from .condition import condition
from .fetching import Answer, UnansweredError, fetch
from .outcome import Outcome, Result

_LONGEST = 200


def ask_prometheus(name: str, gate: Mapping[str, Any], words: Mapping[str, str], hide: Hide) -> Outcome:
    """``gate``: {url, query, condition, headers, timeout_s}; ``words``: what stands for {workload} and others in the
    query. What cannot be asked or makes no sense is an error."""
    query = gate["query"]
    for word, value in words.items():
        query = query.replace(f"{{{word}}}", value)
    url = f"{filled(gate['url']).rstrip('/')}/api/v1/query?{urlencode({'query': query})}"
    headers = {"Accept": "application/json", **filled_headers(gate.get("headers", {}))}
    try:
        values = _values(fetch("GET", url, headers=headers, timeout_s=gate["timeout_s"], hide=hide), hide)
    except UnansweredError as error:
        return Outcome(gate=name, result=Result.ERROR, reason=str(error))
    result, reason = condition(gate["condition"]).judge(values)
    # JSON has no number for what is none
    figures = {"value": values[0]} if values and math.isfinite(values[0]) else {}
    return Outcome(gate=name, result=result, reason=reason, figures=figures)


def _values(answer: Answer, hide: Hide) -> list[float]:
    """One number a series: of a vector, or the one of a scalar. Raises UnansweredError."""
    try:
        said = json.loads(answer.body)
    except (ValueError, RecursionError) as error:
        raise UnansweredError(f"status {answer.status}, and the answer is no JSON") from error
    if not isinstance(said, dict) or said.get("status") != "success" or answer.status != 200:
        why = said.get("error") if isinstance(said, dict) else None
        why = hide(str(why))[:_LONGEST] if why else "no answer of the query API"
        raise UnansweredError(f"status {answer.status}: {why}")
    try:
        data = said["data"]
        if data["resultType"] == "scalar":
            return [float(data["result"][1])]
        if data["resultType"] == "vector":
            return [float(series["value"][1]) for series in data["result"]]
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise UnansweredError("the answer is not as the query API's are") from error
    kind = hide(str(data["resultType"]))[:_LONGEST]
    raise UnansweredError(f"the query gives a {kind}; it has to give a scalar or a vector")

"""Codes of errors: bad input and what to do about it."""

from __future__ import annotations

from .codes import Code, error

ERROR_CODES: tuple[Code, ...] = (
    error("decisions-tie", "two answers are equally specific and say different things", "make one more specific"),
    error("workload-twice", "two configs define a workload of one name", "let the mapping's name: tell them apart"),
    error(
        "name-taken", "two workloads would bear one name in one namespace", "override the name of one in decisions.yaml"
    ),
    error(
        "bad-name", "an override's name is no Kubernetes name", "use lower-case letters, digits and dashes, 63 at most"
    ),
    error(
        "quantity",
        "an amount is not written as Kubernetes writes amounts",
        "write a number with an optional suffix: m, k, M, G, T, Ki, Mi, Gi, Ti (500m, 256Mi)",
    ),
    error(
        "answer-unfit",
        "an answer in the decisions does not fit its question",
        "see podlift explain CODE for what the question takes",
    ),
)

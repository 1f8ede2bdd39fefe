"""Codes of cutovers: what keeps one from going on."""

from __future__ import annotations

from .codes import Code, error

CUTOVER_CODES: tuple[Code, ...] = (
    error(
        "hook-failed",
        "a hook did not start, did not end in time, or did not end with 0; the message has its last lines",
        "mend it or what it asks, then resume the run: it is run again",
    ),
    error(
        "variable-missing",
        "a header or URL names an environment variable that is not set where podlift runs",
        "set the variable and run it again",
    ),
    error("bad-gates", "a gates file is not what its schema says", "correct the line; podlift schema gates prints it"),
)

"""Amounts as configs write them: durations, sizes, CPU. A bare number has no unit, and none is guessed.

Durations follow Go's ParseDuration (``1m30s``), as Docker, Compose and Nomad do; sizes Docker's RAMInBytes, in which
``256m`` and ``256MB`` are both 256 MiB; CPU is in cores, thousandths, 1024ths (ECS) or MHz (Nomad).
"""

from __future__ import annotations

import re
from typing import Any

SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
BYTES = {
    "B": 1,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
    "TiB": 2**40,
    "kB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
}
CORES = {"cores": 1000.0, "core/1024": 1000 / 1024, "millicores": 1.0, "nanocores": 1e-6}

_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h|d)")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgtp]?)(i?)b?", re.IGNORECASE)
_CPU = re.compile(r"(\d+(?:\.\d+)?)m")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_MHZ = re.compile(r"MHz/(\d+(?:\.\d+)?)")


class AmountError(ValueError):
    """An amount that cannot be read; the message says what would be right."""


def number(value: Any) -> float | int | None:
    """A number, or a text that is one; None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        text = value.strip()
        return int(text) if re.fullmatch(r"[+-]?\d+", text) else float(text)
    return None


def seconds(value: Any, unit: str = "") -> float:
    """
    >>> seconds("1m30s"), seconds(250, "ms")
    (90.0, 0.25)
    """
    amount = number(value)
    if amount is not None:
        if amount == 0:
            return 0.0
        return round(float(amount) * _factor(SECONDS, unit, value, "s, ms or ns"), 9)
    text = str(value).strip().replace("μ", "µ")
    parts = _PART.findall(text)
    if not parts or "".join(n + u for n, u in parts) != text:
        raise AmountError(f"{value!r} is no duration; write a number with s, m, h, ms, us or ns (90s, 1m30s)")
    return round(sum(float(n) * SECONDS[u] for n, u in parts), 9)


def size(value: Any, unit: str = "") -> int:
    """
    >>> size("256m"), size(512, "MiB")
    (268435456, 536870912)
    """
    amount = number(value)
    if amount is not None:
        return round(float(amount) * _factor(BYTES, unit, value, "B, MiB or MB")) if amount else 0
    match = _SIZE.fullmatch(str(value).strip())
    if not match:
        raise AmountError(f"{value!r} is no size; write a number with b, k, m, g or t (256m, 2g)")
    power = " kmgtp".index(match[2].lower() or " ")
    return round(float(match[1]) * float(1024**power))


def millicores(value: Any, unit: str = "") -> float:
    """``unit`` may be ``MHz/N``: N is what the operator counts as one core.

    >>> millicores(512, "core/1024"), millicores("250m"), millicores(1200, "MHz/2400")
    (500.0, 250.0, 500.0)
    """
    amount = number(value)
    if amount is not None:
        mhz = _MHZ.fullmatch(unit)
        factor = 1000 / float(mhz[1]) if mhz else _factor(CORES, unit, value, "cores, core/1024 or MHz/2400")
        return round(float(amount) * factor, 6) if amount else 0.0
    match = _CPU.fullmatch(str(value).strip())
    if not match:
        raise AmountError(f"{value!r} is no amount of CPU; write a number, with the unit in the mapping, or 250m")
    return float(match[1])


def _factor(table: dict[str, Any], unit: str, value: Any, examples: str) -> float:
    if not unit:
        raise AmountError(f"{value!r} has no unit; add unit: to the mapping ({examples})")
    return float(table[unit])


def unit_fault(kind: str, unit: str) -> str:
    """Why ``unit`` fits no amount of this kind, ``""`` if it does."""
    known: dict[str, tuple[str, ...]] = {"seconds": (*SECONDS,), "bytes": (*BYTES,), "cpu": (*CORES,)}
    if kind not in known:
        return "takes no unit"
    table = known[kind]
    if unit in table or (kind == "cpu" and (mhz := _MHZ.fullmatch(unit)) and float(mhz[1]) > 0):
        return ""
    more = ", MHz/N (N: megahertz that count as one core)" if kind == "cpu" else ""
    return f"knows the units {', '.join(table)}{more}"

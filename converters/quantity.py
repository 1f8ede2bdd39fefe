"""Quantities: Kubernetes' way to write amounts (``500m``, ``256Mi``, ``1e3``), read and written exactly.

Two spellings of one amount are equal by value: ``1000m`` and ``1``, ``1024Mi`` and ``1Gi``. Source of the grammar:
apimachinery/pkg/api/resource/quantity.go.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal

from .errors import PodliftError

_QUANTITY = re.compile(r"([+-]?(?:\d+(?:\.\d*)?|\.\d+))(?:([KMGTPE]i)|([numkMGTPE])|[eE]([+-]?\d{1,4}))?", re.ASCII)
_DECIMAL = {
    suffix: Decimal(10) ** power for suffix, power in zip("numkMGTPE", (-9, -6, -3, 3, 6, 9, 12, 15, 18), strict=True)
}
_BINARY = {f"{letter}i": Decimal(1024) ** power for power, letter in enumerate("KMGTPE", start=1)}


def parse(text: str) -> Decimal:
    """The amount. ``E`` followed by digits is an exponent, ``E`` alone is exa. Raises PodliftError ``quantity``."""
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise PodliftError(
            code="quantity",
            phase="convert",
            subject=repr(text),
            reason="this is no quantity",
            next_step="write a number with an optional suffix: m, k, M, G, T, Ki, Mi, Gi, Ti (500m, 256Mi)",
        )
    number, binary, decimal, exponent = match.groups()
    amount = Decimal(number)
    if binary:
        return amount * _BINARY[binary]
    if decimal:
        return amount * _DECIMAL[decimal]
    return amount.scaleb(int(exponent)) if exponent else amount


def equal(one: str, other: str) -> bool:
    """Whether two spellings are one amount."""
    return parse(one) == parse(other)


def cpu(millicores: float) -> str:
    """CPU as Kubernetes writes it: whole millicores rounded up and at least one, since Docker takes finer limits than
    Kubernetes does and none may become 0, which is "no limit"."""
    whole = max(1, math.ceil(round(millicores, 6)))
    return str(whole // 1000) if whole % 1000 == 0 else f"{whole}m"


def memory(size_bytes: int) -> str:
    """Bytes in the largest binary unit that is exact (``256Mi``), else plain bytes."""
    for suffix, factor in reversed(_BINARY.items()):
        whole, rest = divmod(size_bytes, int(factor))
        if whole and not rest:
            return f"{whole}{suffix}"
    return str(size_bytes)

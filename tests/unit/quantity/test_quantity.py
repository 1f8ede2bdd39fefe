"""Quantities are read as Kubernetes reads them and written without loss."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kubernetes.utils.quantity import parse_quantity

from converters.errors import PodliftError
from converters.quantity import cpu, equal, memory, parse

NUMBERS = st.from_regex(r"\A[+-]?(\d{1,9}(\.\d{0,6})?|\.\d{1,6})\Z").map(
    lambda text: "".join(c for c in text if c.isascii())
)
SUFFIXES = st.sampled_from(
    ["", "n", "u", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei", "e3", "E3", "e-2"]
)


@given(NUMBERS.filter(lambda text: any(c.isdigit() for c in text)), SUFFIXES)
def test_reads_what_the_kubernetes_client_reads(number: str, suffix: str) -> None:
    """Every number with every suffix is worth what the Kubernetes client says."""
    assert parse(number + suffix) == parse_quantity(number + suffix)  # type: ignore[no-untyped-call]


@pytest.mark.parametrize(
    "text", ["", "Mi", "1 Gi", "1gi", "1mi", "1K", "0x10", "1e", "1Ki3", "--1", "1.2.3", "NaN", "inf", "\uff11"]
)
def test_refuses_what_is_no_quantity(text: str) -> None:
    """What the API server would refuse is one clear error."""
    with pytest.raises(PodliftError) as error:
        parse(text)
    assert error.value.code == "quantity"


def test_equality_is_by_value() -> None:
    """Two spellings of one amount are equal, near ones are not."""
    assert equal("1000m", "1")
    assert equal("1Gi", "1024Mi")
    assert equal("1e3", "1k")
    assert not equal("1G", "1Gi")


@pytest.mark.parametrize(
    ("millicores", "text"),
    [
        (500, "500m"),
        (2000, "2"),
        (0.1, "1m"),
        (0, "1m"),
        (250.2, "251m"),
        (999.5, "1"),
        (1500, "1500m"),
        (100.0000000001, "100m"),
    ],
)
def test_cpu(millicores: float, text: str) -> None:
    """CPU rounds up to whole millicores and is never 0; float noise is no reason to round."""
    assert cpu(millicores) == text


@given(st.floats(min_value=0, max_value=1e6))
def test_cpu_is_never_less_than_asked(millicores: float) -> None:
    """The written limit is at least the legacy one and less than one millicore above it."""
    written = Fraction(parse(cpu(millicores))) * 1000
    assert written >= Fraction(millicores) - Fraction(1, 10**6)
    assert written < Fraction(millicores) + 1 or written == 1


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (268435456, "256Mi"),
        (1 << 30, "1Gi"),
        (1 << 40, "1Ti"),
        (1536 << 20, "1536Mi"),
        (1000, "1000"),
        (1024, "1Ki"),
        (0, "0"),
    ],
)
def test_memory(size: int, text: str) -> None:
    """Memory stands in the largest binary unit that is exact."""
    assert memory(size) == text


@given(st.integers(min_value=0, max_value=1 << 70))
def test_memory_is_exact(size: int) -> None:
    """No byte is lost, whatever the size, and no plain number is shorter than what is written."""
    assert parse(memory(size)) == Decimal(size)
    assert len(memory(size)) <= len(str(size)) + 1

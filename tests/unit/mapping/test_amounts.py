"""Durations, sizes and CPU as configs write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from converters.amounts import AmountError, millicores, number, seconds, size, unit_fault


@pytest.mark.parametrize(
    ("text", "amount"),
    [("1m30s", 90), ("500ms", 0.5), ("1h", 3600), ("1.5s", 1.5), ("2d", 172800), ("100us", 1e-4), ("0", 0), (0, 0)],
)
def test_durations_are_gos(text: str | int, amount: float) -> None:
    """Docker, Compose and Nomad write durations as Go does; zero needs no unit."""
    assert seconds(text) == amount


@given(st.integers(0, 10**6), st.sampled_from([("ns", 1e-9), ("ms", 1e-3), ("s", 1.0), ("m", 60.0)]))
def test_a_bare_duration_takes_its_unit(amount: int, unit: tuple[str, float]) -> None:
    """A number is so many of the unit that the mapping names, as a number or as a text."""
    assert seconds(amount, unit[0]) == pytest.approx(amount * unit[1], abs=1e-9)
    assert seconds(str(amount), unit[0]) == seconds(amount, unit[0])


@given(st.integers(0, 23), st.integers(0, 59), st.integers(1, 59))
def test_a_durations_parts_add_up(hours: int, minutes: int, rest: int) -> None:
    """Every part counts, in hours, minutes and seconds."""
    assert seconds(f"{hours}h{minutes}m{rest}s") == hours * 3600 + minutes * 60 + rest


@pytest.mark.parametrize(
    ("text", "amount"),
    [("256m", 2**28), ("256MB", 2**28), ("256MiB", 2**28), ("1.5g", 3 * 2**29), ("12b", 12), ("4 k", 4096), (0, 0)],
)
def test_sizes_are_dockers(text: str | int, amount: int) -> None:
    """Docker reads every suffix as a power of 1024 (units.RAMInBytes)."""
    assert size(text) == amount


@pytest.mark.parametrize(("unit", "factor"), [("B", 1), ("MiB", 2**20), ("MB", 10**6), ("GiB", 2**30)])
def test_a_bare_size_takes_its_unit(unit: str, factor: int) -> None:
    """MB and MiB differ where the mapping says which."""
    assert size(3, unit) == 3 * factor


@pytest.mark.parametrize(
    ("value", "unit", "amount"),
    [("250m", "", 250), (0.5, "cores", 500), (512, "core/1024", 500), (300, "millicores", 300), (1200, "MHz/2400", 500),
     ("2", "cores", 2000), (10**9, "nanocores", 1000)],
)  # fmt: skip
def test_cpu_by_unit(value: str | float, unit: str, amount: float) -> None:
    """Cores, thousandths, 1024ths, and megahertz by what the operator counts as a core."""
    assert millicores(value, unit) == amount


@pytest.mark.parametrize("of", [seconds, size, millicores])
@pytest.mark.parametrize("value", [5, "5", 2.5])
def test_no_unit_is_guessed(of: object, value: object) -> None:
    """A bare number is refused, and the message says what to add."""
    with pytest.raises(AmountError, match="has no unit; add unit:"):
        of(value)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("of", "value"),
    [(seconds, "5 parsecs"), (seconds, "s"), (seconds, ""), (seconds, True), (seconds, "-5s"), (size, "12 apples"),
     (size, None), (size, "1e3x"), (millicores, "many"), (millicores, "5%"), (millicores, True)],
)  # fmt: skip
def test_what_is_no_amount_is_refused(of: object, value: object) -> None:
    """The message quotes what stands there."""
    with pytest.raises(AmountError, match="is no"):
        of(value)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("kind", "unit", "fault"),
    [("seconds", "ms", ""), ("seconds", "MiB", "knows the units"), ("bytes", "MiB", ""), ("cpu", "MHz/2400", ""),
     ("cpu", "MHz", "MHz/N"), ("cpu", "MHz/0", "MHz/N"), ("text", "s", "takes no unit")],
)  # fmt: skip
def test_a_unit_must_fit_its_kind(kind: str, unit: str, fault: str) -> None:
    """Known before any value is read."""
    assert (fault in unit_fault(kind, unit)) if fault else unit_fault(kind, unit) == ""


@pytest.mark.parametrize(("value", "amount"), [(True, None), ("1e3", 1000.0), ("012", 12), (" 7 ", 7), ("0x1", None)])
def test_texts_that_are_numbers(value: object, amount: float | None) -> None:
    """A config may quote its numbers; true is none."""
    assert number(value) == amount

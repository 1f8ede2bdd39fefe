"""The pages of docs/reference that are data are what the data give."""

from __future__ import annotations

from pathlib import Path

import pytest

from converters.fields.catalogue import CATALOGUE
from converters.fields.container_table import CONTAINER_ROWS
from converters.fields.defaults import RULES
from docs import generate


def test_generated_pages_are_current() -> None:
    """Run python -m docs.generate where this fails."""
    assert generate.stale() == []


def test_a_page_that_was_edited_is_stale(tmp_path: Path) -> None:
    """Neither a missing nor an edited page goes unnoticed."""
    for name, text in generate.pages().items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert generate.stale(tmp_path) == []
    (tmp_path / "fields.md").write_text("edited", encoding="utf-8")
    assert generate.stale(tmp_path) == ["fields.md"]


def test_every_row_and_every_code_is_on_a_page() -> None:
    """Nothing is left out."""
    fields, codes = generate.fields_page(), generate.codes_page()
    for row in CONTAINER_ROWS:
        assert row.pattern.partition("[")[0] in fields
    assert all(f"### {name}\n" in codes for name in CATALOGUE)
    assert set(generate._RULES) == set(RULES)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("HostConfig.Memory", "all"),
        ("HostConfig.NanoCpus", "from 1.25"),
        ("HostConfig.KernelMemory", "1.21 to 1.41"),
        ("Config.Healthcheck.StartInterval", "from 1.44"),
        ("NetworkSettings.Networks[map].GwPriority", "from 1.48"),
        ("Config.Ulimits[ulimit]", "before 1.18"),
    ],
)
def test_the_versions_that_have_a_field(pattern: str, expected: str) -> None:
    """As moby's references say."""
    row = next(row for row in CONTAINER_ROWS if row.pattern == pattern)
    assert generate.versions(row, "container") == expected

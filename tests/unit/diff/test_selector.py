"""Label selectors, as kubectl's -l takes them."""

from __future__ import annotations

import pytest

from converters.errors import PodliftError
from migrate.diff.selector import selects

LABELS = {"app": "web", "podlift.dev/site": "ams", "empty": ""}


@pytest.mark.parametrize(
    "selector",
    [
        "app=web", "app==web", "app!=db", "tier!=db", "app", "!tier", "app in (web, db)", "app notin (db)",
        "tier notin (db)", "podlift.dev/site=ams,app=web", "app in (web,db),!tier", "empty=", " app = web ",
    ],
)  # fmt: skip
def test_selected(selector: str) -> None:
    """By each kind of term, and by several."""
    assert selects(selector, LABELS)


@pytest.mark.parametrize("selector", ["app=db", "app!=web", "tier", "!app", "app in (db)", "app=web,tier=db", "tier="])
def test_not_selected(selector: str) -> None:
    """One term that does not hold is enough."""
    assert not selects(selector, LABELS)


@pytest.mark.parametrize("selector", ["app=web,,", "=", "app in web", "!app=web", "app>1", "a b"])
def test_what_is_no_selector(selector: str) -> None:
    """Refused, with an example."""
    with pytest.raises(PodliftError) as caught:
        selects(selector, LABELS)
    assert caught.value.code == "bad-selector"

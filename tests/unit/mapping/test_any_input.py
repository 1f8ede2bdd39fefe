"""Whatever stands in a config or a mapping: every field accounted for, or one clear error, never a traceback."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from converters.capture import ConfigDocument
from converters.errors import PodliftError
from converters.sources.mapping import draft_mapping, parse_mapping, read_config
from tests.mappings import FIXTURES, assert_accounted, documents, fixture, mapping

KINDS = ("edge", "helios", "singularity", "maestro-ng")
GIVEN = {kind: fixture(kind) for kind in KINDS}
LANGUAGES = {kind: documents((FIXTURES / kind / "mapping.yaml").read_bytes(), "m.yaml")[0] for kind in KINDS}

_SCALARS = (
    st.none() | st.booleans() | st.integers(-3, 70000) | st.sampled_from(["", "a", "80", "1m", "a:b", "x/y:1", "1.5"])
)
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["a", "image", "id"]), inner, max_size=2)
    ),
    max_leaves=4,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield from places(each, (*path, key))


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    made = copy.deepcopy(value)
    at = made
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = new
    return made


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(data=st.data())
def test_any_value_anywhere_in_a_config(kind: str, data: st.DataObject) -> None:
    """A config with one value replaced by anything is read with every field accounted for, or refused."""
    the_mapping, found = GIVEN[kind]
    number = data.draw(st.integers(0, len(found) - 1))
    value = found[number].value
    path = data.draw(st.sampled_from(list(places(value))))
    changed = ConfigDocument(name=found[number].name, value=replaced(value, path, data.draw(_VALUES)))
    given_documents = (*found[:number], changed, *found[number + 1 :])
    try:
        reading = read_config(given_documents, the_mapping)
    except PodliftError as error:
        refused = error.code
    else:
        assert_accounted(reading, given_documents)
        return
    assert refused in ("config-unfit", "workload-twice")


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(data=st.data())
def test_any_value_anywhere_in_a_mapping(kind: str, data: st.DataObject) -> None:
    """A mapping with one value replaced by anything is refused with its line, or accounts for every field."""
    language = LANGUAGES[kind]
    path = data.draw(st.sampled_from(list(places(language.value))))
    changed = replaced(language.value, path, data.draw(_VALUES))
    found = GIVEN[kind][1]
    try:
        reading = read_config(found, parse_mapping(changed, language.lines, name="m.yaml"))
    except PodliftError as error:
        refused = error
    else:
        assert_accounted(reading, found)
        return
    assert refused.code in ("bad-mapping", "config-unfit", "workload-twice")
    assert refused.code != "bad-mapping" or refused.subject.startswith("m.yaml:")


@settings(max_examples=40, deadline=None)
@given(value=_VALUES | st.dictionaries(st.sampled_from(["services", "web", "image"]), _VALUES))
def test_a_draft_of_anything_parses(value: Any) -> None:
    """Whatever a config holds, the draft is a mapping."""
    mapping(draft_mapping([ConfigDocument(name="fleet/web.yml", value=value)]))

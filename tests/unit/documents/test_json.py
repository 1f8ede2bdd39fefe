"""JSON documents: read as the engine sent them, refused with the line that is wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converters.errors import PodliftError
from migrate.documents import parse_documents

strings = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), strings),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(strings, inner, max_size=4)),
    max_leaves=12,
)


def refused(data: bytes, *, name: str = "web.json") -> PodliftError:
    with pytest.raises(PodliftError) as caught:
        parse_documents(data, name=name)
    assert caught.value.phase == "read"
    assert caught.value.next_step
    return caught.value


def paths(value: Any, path: tuple[str | int, ...] = ()) -> set[tuple[str | int, ...]]:
    """Every path of a value, found without the marks."""
    below: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return {path}.union(*(paths(inner, (*path, step)) for step, inner in below))


@settings(deadline=None)
@given(values, st.sampled_from([None, 0, 2]), st.booleans())
def test_every_json_value_is_read_and_marked_whole(value: Any, indent: int | None, escaped: bool) -> None:
    """However it is laid out; and each path of it has a line of its own."""
    text = json.dumps(value, indent=indent, ensure_ascii=escaped)
    (document,) = parse_documents(text.encode(), name="web.json")
    assert document.value == value
    assert set(document.marks) == paths(value)
    assert all(1 <= line <= text.count("\n") + 1 for line in document.marks.values())


def test_lines_of_keys_items_and_values() -> None:
    """An entry has its key's line, also where the value starts further down."""
    (document,) = parse_documents(
        b'[\n {"Id": "x", "Env":\n  ["A=1",\n   "B=2"]\n },\n {}\n]\n',
        name="web.json",
    )
    assert dict(document.marks) == {
        (): 1,
        (0,): 2,
        (0, "Id"): 2,
        (0, "Env"): 2,
        (0, "Env", 0): 3,
        (0, "Env", 1): 4,
        (1,): 6,
    }
    assert document.where((0, "Env", 1)) == "web.json:4"
    assert document.line((0, "HostConfig", "Memory")) == 2


def test_numbers_keep_their_size() -> None:
    """Memory limits and cgroup counters exceed 64 bits where "unlimited" is meant."""
    (document,) = parse_documents(b'{"a": 18446744073709551616, "b": 1e300, "c": -0.5}', name="-")
    assert document.value == {"a": 2**64, "b": 1e300, "c": -0.5}


def test_several_values_in_a_row() -> None:
    """As `docker inspect --format '{{json .}}'` writes them, a line a container."""
    first, second = parse_documents(b'{"a": 1}\n\n{"a": 2}\n', name="web.json")
    assert (first.index, first.value, second.index, second.value) == (0, {"a": 1}, 1, {"a": 2})
    assert second.where(("a",)) == "web.json:3"


def test_byte_order_mark_is_no_part_of_the_text() -> None:
    """PowerShell and some editors write one before UTF-8."""
    (document,) = parse_documents(b'\xef\xbb\xbf{"a": "\xc3\xa9"}', name="web.json")
    assert document.value == {"a": "é"}


@pytest.mark.parametrize(
    ("data", "code", "subject", "words"),
    [
        (b'{"a": 1,\n "b": {"c": 1,\n  "d": 2, "c": 3}}', "duplicate-key", "web.json:3", "'c' stands twice"),
        (b'{"a": 1,\n "\\u0061": 2}', "duplicate-key", "web.json:2", "lines 1 and 2"),
        (b'{"a": 1}\n{"b": 1,\n"b": 2}', "duplicate-key", "web.json:3", "lines 2 and 3"),
        (b'{"a":\n NaN}', "bad-json", "web.json:2", "NaN"),
        (b'{"a": "NaN",\n "b": -Infinity}', "bad-json", "web.json:2", "-Infinity"),
        (b'{"a": 1e999}', "bad-json", "web.json:1", "1e999"),
        (b'{"a": ' + b"9" * 5000 + b"}", "bad-json", "web.json", "digits"),
        (b'[{"Id": "x"},\n {"Id": "y', "bad-json", "web.json:2", "ends in the middle"),
        (b'[{"Id": "x"},\n', "bad-json", "web.json:", "ends in the middle"),
        (b'{"a": 1,\n}', "bad-json", "web.json:", "no JSON"),
        (b'{"a": 1 // one\n}', "bad-json", "web.json:1", "no JSON"),
        (b'{"a": 1}\n}', "bad-json", "web.json:2", "no JSON"),
        (b"a: 1\n", "bad-json", "web.json:1", "no JSON"),
        (b"[" * 100_000, "bad-json", "web.json", "deep"),
        (b"", "empty-document", "web.json", "nothing"),
        (b" \n\t\n", "empty-document", "web.json", "nothing"),
        (b'{"a":\n "\xe9t\xe9"}', "bad-encoding", "web.json:2", "byte 8 (0xe9)"),
        (b'\xef\xbb\xbf{"a":\n "\xe9t\xe9"}', "bad-encoding", "web.json:2", "byte 11 (0xe9)"),
        (b'{"a": "\xc3', "bad-encoding", "web.json:1", "ends inside a character"),
        ('{"a": 1}'.encode("utf-16"), "bad-encoding", "web.json", "UTF-16"),
        ('{"a": 1}'.encode("utf-16-be"), "bad-encoding", "web.json", "UTF-16"),
        (b'{"ok": "\\ud83d\\ude00",\n "a": "\\ud83d"}', "bad-encoding", "web.json:2", "half a character"),
        (b'{"a": {{ port }}}', "templated-yaml", "web.json:1", "Jinja2"),
        (b'{\n{% if x %}\n"a": 1}', "templated-yaml", "web.json:2", "Jinja2"),
        (b'{"a":\n <%= port %>}', "templated-yaml", "web.json:2", "ERB"),
        (b'{"a": {{ .Values.port }}}', "templated-yaml", "web.json:1", "a Go template"),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_what_is_wrong_is_refused_with_its_line(data: bytes, code: str, subject: str, words: str) -> None:
    """Each fault gives one error, which says where."""
    error = refused(data)
    assert error.code == code
    assert error.subject.startswith(subject)
    assert words in error.reason


def test_a_fault_of_json_under_another_name_is_called_by_it() -> None:
    """What comes through a pipe and starts as JSON is complained of as JSON, a .yml as YAML."""
    assert refused(b'[{"a": 1},', name="-").code == "bad-json"
    assert refused(b'[{"a": 1},', name="a.yml").code == "bad-yaml"
    assert refused(b'{"a": 1, "a": 2}', name="a.yml").code == "duplicate-key"


def test_templates_inside_strings_are_text() -> None:
    """ECS and Swarm carry templates that are filled in when the container starts."""
    (document,) = parse_documents(b'{"a": "{{ must_env `X` }}", "b": "<% x %>", "c": "{% x %}"}', name="td.json")
    assert document.value == {"a": "{{ must_env `X` }}", "b": "<% x %>", "c": "{% x %}"}

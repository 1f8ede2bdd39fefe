"""JMESPath with origins: the library's values, and the fields they came from."""

from __future__ import annotations

import json
from typing import Any

import jmespath
import jmespath.exceptions
import pytest
from hypothesis import given
from hypothesis import strategies as st

from converters.capture import ConfigDocument
from converters.sources.mapping.evaluation import evaluate
from converters.sources.mapping.expression import ExpressionError, Scope, UnfitError, parsed
from converters.sources.mapping.nodes import Node, leaves, plain, wrapped

DOCUMENT: dict[str, Any] = {
    "name": "web",
    "on": True,
    "off": False,
    "none": None,
    "zero": 0,
    "size": {"cpu": 512, "mem": "256m"},
    "ports": [{"n": 80, "name": "http"}, {"n": 90, "name": "admin"}, {"n": 70, "name": None}],
    "tags": ["b", "a", "c"],
    "numbers": [3, 1, 2],
    "nested": [[1, 2], [3], 4],
    "empty": {},
    "no": [],
    "envs": {"a": {"v": 1}, "b": {"v": 2}},
}

# One for each rule of the grammar and each function of the library.
EXPRESSIONS = [
    "name", "size.cpu", "size.nothing", "nothing.at.all", "name.cpu", '"name"', "@", "@.size", "ports[0].n",
    "ports[-1].n", "ports[9]", "name[0]", "tags[0:2]", "tags[::-1]", "name[0:2]", "ports[*].n", "ports[].name",
    "ports[*].[n, name]", "nested[]", "nested[][]", "size.*", "envs.*.v", "name.*", "empty.*", "no[*]",
    "ports[?n > `75`].name", "ports[?name == 'http']", "ports[?name]", "ports[?n == `80` && name]", "ports[?!name]",
    "tags[?@ < 'b']", "name[?@]", "ports | [0].n", "ports[*].n | [0]", "[name, size.cpu]", "{a: name, b: size.cpu}",
    "none.[name]", "none.{a: name}", "on && name", "off && name", "off || name", "zero || name",
    "none || empty || name",
    "!on", "!none", "!zero", "!empty", "name == 'web'", "size == `{\"cpu\": 512, \"mem\": \"256m\"}`", "on == `1`",
    "none == `null`", "size.cpu >= `512`", "size.cpu <= `1`", "size.cpu != `1`", "`[1, 2]`", "'raw'", "`\"json\"`",
    "abs(`-1`)", "avg(numbers)", "avg(no)", "ceil(`1.2`)", "floor(`1.7`)", "sum(numbers)", "contains(tags, 'a')",
    "contains(name, 'we')", "ends_with(name, 'b')", "starts_with(name, 'w')", "join('-', tags)", "keys(size)",
    "values(size)", "length(tags)", "length(name)", "length(size)", "length(empty)", "map(&n, ports)",
    "map(&nothing, ports)", "max(numbers)", "min(tags)", "max(no)", "max_by(ports, &n).name", "min_by(ports, &n).name",
    "merge(size, envs)", "not_null(none, nothing, name)", "not_null(none)", "reverse(tags)", "reverse(name)",
    "sort(numbers)", "sort(tags)", "sort_by(ports, &n)[*].n", "to_array(name)", "to_array(tags)", "to_number('1.5')",
    "to_number('x')", "to_string(size)", "to_string(name)", "type(name)", "type(none)", "type(ports)", "type(on)",
    "ports[?contains(['http', 'admin'], name || '')].n", "sort_by(ports, &n)[0].n", "numbers[?@ > `1`] | length(@)",
]  # fmt: skip

FAULTS = [
    "abs(name)", "length(zero)", "join(name, name)", "sort(ports)", "keys(name)", "sort_by(name, &n)",
    "max_by(tags, &n)",
    "sort_by(ports, &name)", "reverse(zero)", "contains(zero, name)", "map(&n, name)",
]  # fmt: skip


def document(value: Any) -> Node:
    return wrapped(ConfigDocument(name="c.yml", value=value))


def result(text: str, value: Any = DOCUMENT, scope: Scope | None = None) -> Node:
    return evaluate(parsed(text), document(value), scope or Scope())


def taken(text: str, value: Any = DOCUMENT) -> list[str]:
    return [leaf.path for leaf in leaves(result(text, value))]


def decided(text: str, value: Any = DOCUMENT) -> list[str]:
    scope = Scope()
    result(text, value, scope)
    return sorted(leaf.path for leaf in scope.decided)


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_values_are_the_librarys(text: str) -> None:
    """Whatever the library's interpreter gives for an expression, ours gives."""
    assert plain(result(text)) == jmespath.search(text, DOCUMENT)


@pytest.mark.parametrize("text", ["merge(size, name)", "contains(name, zero)", "items(name)", "split(zero, name)"])
def test_what_the_library_breaks_on_is_refused(text: str) -> None:
    """Where the library's own functions end in a Python error, and for functions of ours, the user gets a reason."""
    with pytest.raises(UnfitError):
        result(text)


def test_a_number_and_a_text_have_no_order() -> None:
    """Comparing them is null, as the language's specification has it; the library fails there."""
    assert plain(result("size.cpu < name")) is None


@pytest.mark.parametrize("text", FAULTS)
def test_what_the_library_refuses_is_refused(text: str) -> None:
    """A function that does not take its argument refuses it, as in the library."""
    with pytest.raises(jmespath.exceptions.JMESPathError):
        jmespath.search(text, DOCUMENT)
    with pytest.raises(UnfitError):
        result(text)


_SCALARS = st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["", "a", "b"])
_VALUES = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
)


@given(
    value=_VALUES,
    text=st.sampled_from(
        [
            "a", "a.b", "a[0]", "a[*].b", "a[].b", "*.a", "a[?b].c", "a[?b == `1`]", "a || b", "a && b.c", "!a",
            "a == b", "[a, b]", "{x: a}", "a | b", "a[1:]", "a[?c || b]", "not_null(a, b)", "to_array(a)", "type(a)",
            "@",
        ]
    ),
)  # fmt: skip
def test_values_are_the_librarys_on_any_document(value: Any, text: str) -> None:
    """The same holds for documents of any shape: null, empty, lists in maps and maps in lists."""
    assert json.dumps(plain(result(text, value))) == json.dumps(jmespath.search(text, value))


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("name", ["name"]),
        ("size", ["size.cpu", "size.mem"]),
        ("ports[?n > `75`].name", ["ports[0].name", "ports[1].name"]),
        ("ports[*].n | [0]", ["ports[0].n"]),
        ("{a: name, b: size.cpu}", ["name", "size.cpu"]),
        ("join('-', tags)", ["tags[0]", "tags[1]", "tags[2]"]),
        ("off || name", ["name"]),
        ("off && name", ["off"]),
        ("name == 'web'", ["name"]),
        ("!on", ["on"]),
        ("merge(size, envs)", ["size.cpu", "size.mem", "envs.a.v", "envs.b.v"]),
        ("sort_by(ports, &n)[0].name", ["ports[2].name"]),
        ("split(name, 'e')", ["name"]),
        ("`1`", []),
        ("type(size)", []),
        ("length(ports)", []),
        ("length(tags)", ["tags[0]", "tags[1]", "tags[2]"]),
        ("keys(size)", []),
        ("keys(@)", ["none", "empty", "no"]),
    ],
)
def test_what_reaches_the_result_is_taken(text: str, paths: list[str]) -> None:
    """Fields that are in the result, or that it was computed from, are its origins, and no others."""
    assert taken(text) == paths


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("ports[?n > `75`].name", ["ports[0].n", "ports[1].n", "ports[2].n"]),
        ("on && name", ["on"]),
        ("size && name", []),
        ("off || name", ["off"]),
        ("name || off", []),
        ("sort_by(ports, &n)[0].name", ["ports[0].n", "ports[1].n", "ports[2].n"]),
        ("not_null(none, name)", ["none"]),
        ("ports[*].name", ["ports[2].name"]),
    ],
)
def test_what_a_choice_turns_on_is_remembered(text: str, paths: list[str]) -> None:
    """Fields that decide a filter, a truth or an order are noted, though they are not in the result."""
    assert decided(text) == paths


def test_a_second_choice_that_was_not_needed_is_passed_over() -> None:
    """Of ``a || b`` the value of b is said and has no effect: it is noted as such, even where it cannot be computed."""
    scope = Scope()
    result("name || size.cpu", DOCUMENT, scope)
    assert {leaf.path for leaf in scope.passed_over} == {"size.cpu"}
    assert plain(result("name || abs(name)")) == "web"


def test_items_bind_the_key() -> None:
    """Each of the values that items() gives knows its key, through filters and pipes."""
    found = result("items(envs)[?v > `1`] | [0]")
    assert plain(evaluate(parsed("key()"), found, Scope())) == "b"
    assert leaves(evaluate(parsed("key()"), found, Scope())) == ()


def test_a_key_with_nothing_under_it_is_a_field() -> None:
    """Where an entry's value is null or an empty map, the key is all that it says, and taking the key takes it."""
    found = result("items(@)", {"http": {}, "admin": None})
    keys = [evaluate(parsed("key()"), each, Scope()) for each in found.value]
    assert [[leaf.path for leaf in leaves(each)] for each in keys] == [["http"], ["admin"]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a.", "ends too early"),
        ("a[?b", "ends too early"),
        ("a b", "character 3"),
        ("item(a)", "takes 0 arguments"),
        ("lenght(a)", "did you mean length"),
        ("join(a)", "takes 2 arguments"),
        ("'a", "cannot be read"),
    ],
)
def test_an_expression_that_cannot_be_read_says_why(text: str, message: str) -> None:
    """What is wrong is said at parsing, before any config is there."""
    with pytest.raises(ExpressionError, match=message.replace("(", r"\(")):
        parsed(text)

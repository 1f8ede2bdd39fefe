"""Response parity: what is compared, what is left out, and what a difference looks like."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from migrate.cutover.checks import requests_of
from migrate.cutover.edges import Backend, Draw, Request, Response
from migrate.cutover.json_paths import json_path
from migrate.cutover.parity import Compared, Parity, compare, held, rules_of, title_of
from migrate.cutover.parity_asking import asked

LEGACY, POD = Backend("legacy", 1), Backend("pod", 2)
PLAIN = Request(backend=LEGACY)
ASKED = title_of(replace(PLAIN, path="/orders?token=hunter2-of-mine"))


def answer(body: Any = "", status: int = 200, **headers: str) -> Response:
    text = body if isinstance(body, str) else json.dumps(body)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(
        status=status, headers=named, body=text[: 64 * 1024], body_sha256=hashlib.sha256(text.encode()).hexdigest()
    )


def differences(legacy: Any, pod: Any, **ignore: Sequence[str]) -> list[str]:
    one, other = (each if isinstance(each, Response) else answer(each) for each in (legacy, pod))
    return [str(each) for each in compare(ASKED, one, other, rules_of({"ignore": ignore})).differences]


@pytest.mark.parametrize(
    ("legacy", "pod", "found"),
    [
        ("same", "same", []),
        ({"a": 1, "b": [1, 2]}, '{"b": [1.0, 2],   "a": 1}', []),
        ({"a": 1}, {"a": True}, ["$.a: legacy 1, pod true"]),
        ({"a": 1}, {"a": "1"}, ['$.a: legacy 1, pod "1"']),
        ({"a": {"b c": [0, 1]}}, {"a": {"b c": [0, 2]}}, ["$.a['b c'][1]: legacy 1, pod 2"]),
        ({"a": 1}, {"b": 1}, ["$.a: legacy 1, pod has none", "$.b: legacy has none, pod 1"]),
        ([1, 2], [1], ["$ (length): legacy 2, pod 1"]),
        ({"a": {}}, {"a": [1]}, ["$.a: legacy has a map of 0, pod has a list of 1"]),
        ('{"a": NaN}', '{"a": NaN, "b": 0}', ["$.b: legacy has none, pod 0"]),
        ("a\nb\nc", "a\nx\nc", ['line 2: legacy "b", pod "x"']),
        ("a\nb", "a\nb\nc", ['line 3: legacy has none, pod "c"']),
        ('{"a": 1}', "{broken", ['line 1: legacy "{\\"a\\": 1}", pod "{broken"']),
        ("[" * 5000, "[" * 5000 + "]", None),
        (answer("x", 200), answer("x", 404), ["status: legacy 200, pod 404"]),
        (answer(content_type="text/html; charset=utf-8"), answer(Content_Type='text/html;charset="UTF-8"'), []),
        (
            answer(content_type="text/html"),
            answer(),
            ['header content-type: legacy "text/html", pod has none'],
        ),
        (answer(server="nginx"), answer(server="envoy"), []),
    ],
)
def test_what_is_compared(legacy: Any, pod: Any, found: list[str] | None) -> None:
    """JSON by value, texts by lines, the type of the content; order of keys and spelling of numbers are nothing."""
    seen = differences(legacy, pod)
    assert seen == found or (found is None and len(seen) == 1)


@pytest.mark.parametrize(
    ("legacy", "pod", "ignore"),
    [
        ({"at": 1, "x": [{"id": 1, "v": 2}]}, {"at": 2, "x": [{"id": 9, "v": 2}]}, {"json": ["$.at", "x[*].id"]}),
        ({"a": {"b": [{"time": 1}]}, "time": 3}, {"a": {"b": [{"time": 2}]}}, {"json": ["..time"]}),
        ({"a b": 1, "c": [1, 2]}, {"c": [1, 3]}, {"json": ["$['a b']", "$.c[1]"]}),
        ({"m": {"k": 1}}, {"m": {"j": 2}}, {"json": ["m.*"]}),
        ("served by web-1\nok", "served by web-2\nok", {"patterns": ["web-[0-9]+"]}),
        ({"url": "http://h1/x"}, {"url": "http://h2/x"}, {"patterns": ["//[^/]+"]}),
        (answer(content_type="a; b=1"), answer(content_type="a; b=2"), {"patterns": ["b=."]}),
    ],
)
def test_what_may_differ(legacy: Any, pod: Any, ignore: Mapping[str, Sequence[str]]) -> None:
    """With the rules equal, without them not."""
    assert differences(legacy, pod, **ignore) == []
    assert differences(legacy, pod) != []


def test_a_rule_hides_no_more_than_it_names() -> None:
    """A list's elements keep their number; what is beside stays."""
    assert differences({"x": [1, 2, 3]}, {"x": [9, 2, 4]}, json=["$.x[0]"]) == ["$.x[2]: legacy 3, pod 4"]
    assert differences({"id": 1, "a": {"id": 2}}, {"id": 2, "a": {"id": 3}}, json=["$.id"]) == [
        "$.a.id: legacy 2, pod 3"
    ]


def test_all_headers_can_be_compared() -> None:
    """But those of the connection and the moment, and those that are ignored; a cookie's value is shown to nobody."""
    rules = rules_of({"headers": ["*"], "ignore": {"headers": ["Server"]}})
    legacy = answer(date="1", server="a", content_length="3", x_cache="hit", set_cookie="session=of-somebody")
    pod = answer(date="2", server="b", content_length="4", x_cache="miss")
    found = compare(ASKED, legacy, pod, rules)
    assert [str(each) for each in found.differences] == [
        "header set-cookie: legacy podlift:withheld, pod has none",
        'header x-cache: legacy "hit", pod "miss"',
    ]


def test_bodies_beyond_what_is_held_count_too() -> None:
    """By their sums, whatever rules there are: none reaches there, and what one leaves out elsewhere tells nothing of
    it. Of a letter that was cut in two up to three bytes are held by neither side."""
    for long in ("x" * 70_000, "é" * 40_000, "x" + "é" * 40_000):
        for ignore in ({}, {"patterns": ["[0-9]"]}, {"json": ["$.at"]}):
            whole = [each + long + each for each in ("1", "2")] if "patterns" in ignore else [long + "a", long + "b"]
            found = differences(*map(held_of, map(str.encode, whole)), **ignore)
            assert [each.partition(":")[0] for each in found] == ["body after its first 64 KiB"]
    for one, other in ((b"\xff1", b"\xff2"), (b'{"a": 1}', b'{"a": 1}\xff'), (b"", b"\xff")):
        for ignore in ({}, {"patterns": ["[0-9]"]}, {"json": ["$.at"]}):
            (line,) = differences(held_of(one), held_of(other), **ignore)
            assert line.startswith("body, which is no text: legacy sha256 ")


def test_line_ends_are_of_the_body() -> None:
    """Unless a rule leaves them out."""
    (found,) = differences("a\nb", "a\r\nb", json=["$.at"])
    assert found.startswith("body, in its line ends: ")
    assert differences("a\nb", "a\r\nb", patterns=["\\r"]) == []


def held_of(body: bytes) -> Response:
    """As the probe holds it (probe/ask.go, textOf)."""
    first, text = body[: 64 * 1024], ""
    for cut in range(4):
        try:
            text = first[: len(first) - cut].decode()
            break
        except UnicodeDecodeError:
            continue
    return Response(status=200, body=text, body_sha256=hashlib.sha256(body).hexdigest())


@pytest.mark.parametrize(
    ("legacy", "pod"),
    [
        ({"password": "hunter2-of-mine"}, {"password": "other"}),
        ({"credentials": [{"key": "hunter2-of-mine"}]}, {"credentials": [{"key": "other"}]}),
        ({"pin_token": 12345678}, {"pin_token": 1}),
        ({"db": "postgres://u:hunter2-of-mine@db/x"}, {"db": ""}),
        ("api_token=hunter2-of-mine", "api_token=other"),
        ('not json: "client_secret": "hunter2-of-mine"', "x"),
        ({"deep": {"env": "API_TOKEN=hunter2-of-mine"}}, {"deep": {"env": 1}}),
    ],
)
def test_a_difference_shows_no_secret(legacy: Any, pod: Any) -> None:
    """By their names, in maps, lines and URLs; the request's own path too."""
    found = compare(ASKED, answer(legacy), answer(pod), rules_of({}))
    assert found.parity is Parity.DIFFERENT
    lines = " ".join(held([found]))
    assert "hunter2" not in lines
    assert "12345678" not in lines
    assert "GET /orders?token=podlift:withheld" in lines


def test_of_many_differences_the_first_are_shown() -> None:
    """And how many more there are; a long value is cut."""
    found = compare(ASKED, answer({str(n): "x" * 500 for n in range(9)}), answer({}), rules_of({}))
    lines = held([found])
    assert len(lines) == 6
    assert lines[-1].endswith("4 more differences")
    assert all(len(line) < 300 for line in lines)


def test_no_answer_is_no_difference() -> None:
    """But it holds a run as well."""
    found = compare(ASKED, answer("x"), Response(error="refused"), rules_of({}))
    assert found.parity is Parity.UNANSWERED
    assert held([found]) == ("GET /orders?token=podlift:withheld: the pod gives no answer: refused",)


def test_where_legacy_differs_from_itself_is_said() -> None:
    """What changes with each answer is a rule that is missing, and no fault of the pod's."""
    legacy, again, pod = ({"at": n, "v": v} for n, v in ((1, 1), (2, 1), (3, 2)))
    found = compare(ASKED, answer(legacy), answer(pod), rules_of({}), again=answer(again))
    assert [str(each) for each in found.differences] == [
        "$.at: legacy 1, pod 3 (legacy's own answers differ here too: ignore it)",
        "$.v: legacy 1, pod 2",
    ]


def test_what_is_asked() -> None:
    """Without requests the check; one that is no HTTP is a connection. With them, what the check says of all."""
    check = {"kind": "http", "path": "/up", "host": "a.example", "headers": [["X-Via", "lb"]], "timeout_s": 3}
    headers = {"Host": "a.example", "X-Via": "lb"}
    (found,) = requests_of((), check, LEGACY)
    assert found == Request(backend=LEGACY, path="/up", headers=headers, timeout_s=3)
    (given,) = requests_of(({"path": "/a", "method": "HEAD", "headers": {"X-Via": "me"}},), check, LEGACY)
    assert given == replace(found, path="/a", method="HEAD", headers={"Host": "a.example", "X-Via": "me"})
    (found,) = requests_of((), {"kind": "exec"}, LEGACY)
    assert (found.kind, title_of(found)) == ("tcp", "a connection")
    assert compare(title_of(found), Response(), Response(), rules_of({})).parity is Parity.EQUAL
    (given,) = requests_of(({"path": "/a"},), {"kind": "exec"}, LEGACY)
    assert (given.kind, given.path) == ("http", "/a")


@pytest.mark.parametrize("text", ["", "$", "a..", "a[", "a[x]", "a b", "a[-1]"])
def test_what_is_no_path(text: str) -> None:
    """Refused where it is read."""
    with pytest.raises(ValueError, match="no path"):
        json_path(text)


def test_what_is_no_pattern() -> None:
    """Refused where it is read."""
    with pytest.raises(ValueError, match="no regular expression"):
        rules_of({"ignore": {"patterns": ["a("]}})


class Nodes:
    def __init__(self, *names: str, **bodies: str) -> None:
        self._names = names
        self._bodies = bodies
        self.asked: list[Request] = []

    def silent(self) -> Mapping[str, str]:
        return {} if self._names else {"n9": "no probe"}

    def draw(self, target: Backend, times: int) -> Mapping[str, Draw]:
        raise NotImplementedError

    def ask(self, requests: Sequence[Request]) -> Mapping[str, tuple[Response, ...]]:
        self.asked += requests
        return {
            name: tuple(answer(self._bodies.get(f"{name}_{each.backend.address}", "same")) for each in requests)
            for name in self._names
        }


def results(nodes: Nodes, *requests: Request) -> tuple[Compared, ...]:
    return asked(requests, LEGACY, POD, rules_of({}), nodes)


def test_both_sides_get_the_same_from_every_node() -> None:
    """A difference that one node sees is one."""
    request = replace(PLAIN, method="POST", path="/quote", headers={"Authorization": "Bearer ${SHOP_TOKEN}"})
    nodes = Nodes("n1", "n2", n2_pod="other")
    first, second = results(nodes, request, PLAIN)
    assert (first.parity, second.parity) == (Parity.DIFFERENT, Parity.DIFFERENT)
    assert nodes.asked == [replace(each, backend=of) for each in (request, PLAIN) for of in (LEGACY, POD, LEGACY)]
    assert [each.parity for each in results(Nodes("n1"), PLAIN)] == [Parity.EQUAL]


def test_no_node_is_no_parity() -> None:
    """Nothing was seen, so nothing is equal; why is said."""
    (found,) = results(Nodes(), PLAIN)
    assert (found.parity, found.reason) == (Parity.UNANSWERED, "no node could ask: n9: no probe")

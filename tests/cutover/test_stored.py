"""A journal that somebody edited: every verb reads it, or says what in it is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from converters.errors import PodliftError
from migrate.cutover.announcing import announced
from migrate.cutover.connecting import hosts_of, legacy_of
from migrate.cutover.detached import Detachment, called, deployment, variables_of
from migrate.cutover.endpoints import SPEC
from migrate.cutover.gates.live import _gates
from migrate.cutover.journal import Entry
from migrate.cutover.listing import Unreadable, listed
from migrate.cutover.observing import observe
from migrate.cutover.parity import rules_of
from migrate.cutover.recovering import recovered
from migrate.cutover.removal import removable
from migrate.cutover.replanning import changes
from migrate.cutover.states import State
from migrate.cutover.status import status_of
from migrate.report.cutover_html import status_html
from migrate.report.cutover_json import status_json
from migrate.report.cutover_markdown import status_markdown
from migrate.report.cutover_views import history_table, listed_table, status_table
from tests.cutover.model import NAME, SPACE, TIMINGS, Model

JOURNAL = "ConfigMap", f"cutover-{NAME}"
GONE = object()
WRONG: tuple[Any, ...] = (GONE, None, True, -3, 1.5, 10**30, float("nan"), "x", [None], {"x": 1})
EVENTS = 12
HEADERS = {"headers": {"X-Token": "${TOKEN}"}}
REQUEST = {"path": "/", "method": "GET", "scheme": "http", **HEADERS}
ASKED = {"url": "http://10.0.0.1", "timeout_s": 5, **HEADERS}
FULL: dict[str, Any] = {
    "approvals": (State.SHIFT.value,),
    "hosts": {
        "h0": {"url": "ssh://h0", "address": "10.99.0.2", "exec": ["ssh", "h0"], "probe": ["podlift-probe"]},
        "h1": {"url": "tcp://h1:2376", "exec": "ssh", "ca": "/ca.pem", "image": "probe:1"},
    },
    "nodes": {"node-a": {"probe": ["ssh", "node-a"]}, "*": {"image": "probe:1"}},
    "gates": (
        {"name": "probe", "probe": {"requests": [REQUEST], "codes": "200-299", "success": 99.5, "p99_s": 0.5}},
        {"name": "errors", "prometheus": {**ASKED, "query": "up", "condition": "result < 1"}},
        {"name": "hook", "webhook": ASKED},
        {"name": "check", "command": {"argv": ["true"], "timeout_s": 5}},
    ),
    "parity": {
        "requests": [REQUEST],
        "headers": ["content-type"],
        "ignore": {"headers": ["date"], "json": ["$.at"], "patterns": ["[0-9]+"]},
    },
    "fronts": (
        {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": NAME, "namespace": SPACE}},
    ),
}


@cache
def world() -> Model:
    """A run whose first pods take callers, with all that a journal can hold."""
    made = Model(pods=2, legacy=2)
    made.begin(**FULL)
    made.journal.ask(lambda asked: asked.__class__(approve=(State.SHIFT.value,)))
    driver = made.driver()
    for event in driver.events():
        if event.state == State.SHIFT:
            break
    driver.let_go()
    return made


def body_of(key: str) -> Any:
    return json.loads(world().store[JOURNAL]["data"][key])


def paths(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    yield path
    for key, each in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from paths(each, (*path, key))


def edited(body: Any, path: tuple[str | int, ...], wrong: Any) -> Any:
    if not path:
        return {} if wrong is GONE else wrong
    made = deepcopy(body)
    place = made
    for step in path[:-1]:
        place = place[step]
    if wrong is GONE:
        del place[path[-1]]
    else:
        place[path[-1]] = wrong
    return made


def with_data(key: str, text: str) -> Model:
    made = deepcopy(world())
    made.store[JOURNAL]["data"][key] = text
    return made


def entry_of(made: Model) -> Entry:
    entry = made.journal.read()
    assert entry is not None
    return entry


def read_by_all(made: Model) -> str:
    """What each verb makes of it, without one write; the error's code, or ``""``."""
    (first,) = seen = listed(made, SPACE, made.now())
    listed_table(seen)
    if isinstance(first, Unreadable):
        assert first.error.subject.startswith("ConfigMap/cutover-web in shop")
        assert refused(made.journal.read) == first.error.code
        return first.error.code
    entry = entry_of(made)
    there = observe(made, made, entry.spec, made)
    for look in (None, there):
        status = status_of(entry, look, now=made.now())
        json.dumps(status_json(status), allow_nan=False)
        for view in (status_table, history_table, status_markdown, status_html):
            view(status)
    changes(entry.spec, entry.run, there)
    legacy_of(entry.spec, hosts_of(entry.spec.hosts))
    rules_of(entry.spec.parity)
    _gates(entry.spec)
    called(entry.spec)
    variables_of(entry.spec)
    lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "x", "uid": "y"}}
    deployment(entry.spec, Detachment(image="podlift:1"), lease)
    return refused(lambda: removable(NAME, entry.spec.originals, there.found))


def driven(made: Model) -> str:
    """A driver's first steps with it, from the next process on."""

    def drive() -> None:
        made.time += 100
        driver = made.driver("two")
        for number, _ in enumerate(announced(driver.events(), made, entry_of(made).spec)):
            if number == EVENTS:
                break

    return refused(drive)


def refused(act: Callable[[], Any]) -> str:
    try:
        act()
    except PodliftError as error:
        return error.code
    return ""


def inner(key: str) -> list[tuple[str, tuple[str | int, ...]]]:
    return [(key, path) for path in paths(body_of(key))]


def named(value: Any) -> str | None:
    return ".".join(map(str, value)) if isinstance(value, tuple) else None


@pytest.mark.parametrize(("key", "path"), [*inner("spec"), *inner("run"), *inner("requests")], ids=named)
def test_a_wrong_value_anywhere(key: str, path: tuple[str | int, ...]) -> None:
    """It is refused as a journal, with its place, or nothing trips over it."""
    for wrong in WRONG:
        if not path and wrong is GONE:
            continue
        made = with_data(key, json.dumps(edited(body_of(key), path, wrong)))
        if read_by_all(made) != "bad-journal":
            driven(made)


@pytest.mark.parametrize(
    ("key", "path", "wrong", "subject", "reason", "step"),
    [
        ("run", ("epoch",), "3", "run.epoch", "a whole number is due, and '3' stands here", "write a whole number; if"),
        ("run", ("evidence",), [], "run.evidence", "a map is due, and a list stands here", "write a map; if"),
        ("run", ("state",), "SHFT", "run.state", "'SHFT' is not one of what can stand here", "did you mean SHIFT?; if"),
        ("run", ("since",), GONE, "run", "the key 'since' is missing", "add since; if"),
        ("run", ("step",), 9, "run.step", "it is 9, and spec.steps has 2", "write how many steps of SHIFT are done"),
        ("run", ("nex",), 9, "run.nex", "there is no key 'nex' here", "another version of podlift: use that one"),
        ("run", ("wanted", "h0/x"), "up", "run.wanted.h0/x", "'up' is not one of", "known are: ready, standby, absent"),
        ("spec", ("timings", "lease_s"), "60s", "spec.timings.lease_s", "a number is due", "write a number"),
        ("spec", ("approvals", 0), "NOPE", "spec.approvals[0]", "'NOPE' is not one of", "known are: PLANNED, "),
        ("spec", ("name",), "other", "spec.name", "'other' is another workload's", "write that of this object"),
        ("spec", ("namespace",), "other", "spec.namespace", "'other' is not where this object lies", "write that"),
        (
            "spec",
            ("parity", "ignore", "patterns", 0),
            "(",
            "spec.parity.ignore",
            "'(' is no regular",
            "as podlift.yaml",
        ),
        ("spec", ("gates", 0, "probe", "codes"), "x", "spec.gates[0].probe.codes", "'x' is no code", "as podlift.yaml"),
        ("requests", ("abort",), "no", "requests.abort", "true or false is due", "write true or false"),
        ("requests", ("approve",), "SHIFT", "requests.approve", "a list is due", "write a list"),
    ],
)
def test_what_is_said_of_a_wrong_value(
    key: str, path: tuple[str | int, ...], wrong: Any, subject: str, reason: str, step: str
) -> None:
    """Where in which object, what is wrong there, and what to do."""
    made = with_data(key, json.dumps(edited(body_of(key), path, wrong)))
    with pytest.raises(PodliftError) as caught:
        made.journal.read()
    error = caught.value
    assert (error.code, error.subject) == ("bad-journal", f"ConfigMap/cutover-web in shop: {subject}")
    assert error.reason.startswith(reason)
    assert step in error.next_step


@pytest.mark.parametrize("text", ["", "{", "[" * 5000, "NaN"])
def test_a_part_that_is_no_json(text: str) -> None:
    """Nor is one that is missing altogether."""
    with pytest.raises(PodliftError, match=r"cutover-web in shop: run: .*\[bad-journal\]"):
        with_data("run", text).journal.read()
    made = deepcopy(world())
    del made.store[JOURNAL]["data"]["spec"]
    with pytest.raises(PodliftError, match=r"cutover-web in shop: the key 'spec' is missing"):
        made.journal.read()


def test_lines_of_the_history_that_cannot_be_read() -> None:
    """They are counted, and hold nothing up: the run goes on, and they stay as they are."""
    torn = ['{"at":1,"state"', "5", '{"at":1}', "null", '{"at":"x","event":"note","state":"SHIFT","text":"t"}']
    made = with_data("history", "\n".join((torn[0], world().store[JOURNAL]["data"]["history"], *torn[1:])))
    entry = entry_of(made)
    assert (entry.torn, entry.history) == (tuple(torn), entry_of(world()).history)
    assert read_by_all(made) != "bad-journal"
    status = status_of(entry, None, now=made.now())
    assert status_json(status)["torn"] == 5
    assert "history     5 lines of it cannot be read\n" in status_table(status)
    assert "5 lines of it cannot be read.\n" in history_table(status)
    assert driven(made) == ""
    after = entry_of(made)
    assert after.torn == entry.torn
    assert len(after.history) > len(entry.history)


def test_what_could_not_be_read_again_is_not_written() -> None:
    """Whatever a library's user gives."""
    made = Model(pods=2, legacy=1)
    assert refused(lambda: made.begin(timings=replace(TIMINGS, bake_s=1e30))) == "bad-journal"
    assert not made.begun


def test_a_reason_may_hold_any_line_end() -> None:
    """Those that JSON does not escape do not end a line of the history."""
    made = deepcopy(world())
    entry = entry_of(made)
    text = "a\u2028b\x85c\x0bd"
    after = made.journal.commit(entry, entry.run, at=made.now(), event="note", text=text)
    assert (after.torn, after.history[-1]["text"]) == ((), text)


def test_one_bad_journal_hides_no_other_run() -> None:
    """It is a line of its own."""
    made = deepcopy(world())
    other = deepcopy(made.store[JOURNAL])
    other["metadata"]["name"] = "cutover-aaa"
    other["metadata"]["labels"]["podlift.dev/workload"] = "aaa"
    other["data"]["run"] = "{}"
    made.store["ConfigMap", "cutover-aaa"] = other
    found = listed(made, SPACE, made.now())
    assert [each.name for each in found] == ["aaa", NAME]
    assert isinstance(found[0], Unreadable)
    assert found[0].error.subject.startswith("ConfigMap/cutover-aaa in shop: ")


def test_what_a_slice_says_of_a_run_is_read_as_a_journal() -> None:
    """An abort without a journal rests on it."""
    made = deepcopy(world())
    del made.store[JOURNAL]
    for (kind, _), each in made.store.items():
        if kind in ("EndpointSlice", "Service"):
            each["metadata"].setdefault("annotations", {})[SPEC] = '{"id": 5}'
    with pytest.raises(PodliftError) as caught:
        recovered(made, SPACE, NAME, now=made.time)
    assert caught.value.code == "bad-journal"
    assert caught.value.subject.startswith("EndpointSlice/web-legacy")

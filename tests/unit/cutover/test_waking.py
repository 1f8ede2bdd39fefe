"""Who waits is woken by what engines tell; a stream that breaks is listened to again, and nothing of it is an error."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import accumulate
from queue import SimpleQueue
from typing import Any

import pytest

from converters.estate.keys import matcher
from migrate.cutover import waking
from migrate.cutover.hearing import concerns, pause_after
from migrate.cutover.waking import Alarm, Listener

Event = Mapping[str, Any]
OURS: Event = {"Action": "die", "Actor": {"ID": "c0", "Attributes": {"name": "web-0"}}}
OTHER: Event = {"Action": "die", "Actor": {"ID": "x", "Attributes": {"name": "db"}}}


class FakeEngine:
    """What it tells is put in; None ends a stream, an error breaks it. ``refuses``: errors that come first."""

    def __init__(self, *refuses: Exception) -> None:
        self.told: SimpleQueue[Event | Exception | None] = SimpleQueue()
        self.refuses = list(refuses)
        self.listened = 0
        self.open = 0

    @contextmanager
    def listen(self) -> Iterator[Iterator[Event]]:
        self.listened += 1
        if self.refuses:
            raise self.refuses.pop()
        self.open += 1
        try:
            yield self._events()
        finally:
            self.open -= 1

    def _events(self) -> Iterator[Event]:
        while (event := self.told.get()) is not None:
            if isinstance(event, Exception):
                raise event
            yield event

    def cut(self) -> None:
        self.told.put(None)


class CountedAlarm(Alarm):
    def __init__(self) -> None:
        super().__init__()
        self.rings = 0

    def ring(self) -> None:
        self.rings += 1
        super().ring()


@contextmanager
def listening(engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> Iterator[CountedAlarm]:
    monkeypatch.setattr(waking, "pause_after", lambda _before, _lasted: 0.01)
    alarm = CountedAlarm()
    listener = Listener("edge-a1", engine.listen, engine.cut, lambda event: event is OURS, alarm)
    listener.start()
    try:
        yield alarm
    finally:
        listener.stop()
        listener.join(5)
        assert not [each for each in threading.enumerate() if each.name == "podlift-events-edge-a1"]
        assert engine.open == 0


def soon(holds: Callable[[], bool]) -> bool:
    end = time.monotonic() + 5
    while not holds() and time.monotonic() < end:
        time.sleep(0.005)
    return holds()


def test_it_wakes_once_when_it_listens_and_by_what_concerns(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = FakeEngine()
    with listening(engine, monkeypatch) as alarm:
        assert soon(lambda: alarm.rings == 1)
        for event, rings in ((OTHER, 1), (OURS, 2), (OTHER, 2), (OURS, 3)):
            engine.told.put(event)
            assert soon(engine.told.empty)
            assert soon(lambda rings=rings: alarm.rings == rings)  # type: ignore[misc]
    assert engine.listened == 1


def test_what_breaks_is_listened_to_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it breaks with; each time it wakes once, for what came meanwhile, and never while it cannot listen."""
    engine = FakeEngine(ConnectionError("nobody"), ValueError("403"))
    with listening(engine, monkeypatch) as alarm:
        assert soon(lambda: (engine.listened, alarm.rings) == (3, 1))
        for number, how in enumerate((None, ConnectionResetError(), ValueError("no JSON")), start=2):
            engine.told.put(how)
            assert soon(lambda number=number: alarm.rings == number)  # type: ignore[misc]
        engine.told.put(OURS)
        assert soon(lambda: alarm.rings == 5)
    assert engine.listened == 6


def test_a_wait_ends_when_it_is_rung() -> None:
    """Also where that was before the wait; what rings again at once is not looked at more often than twice a second."""
    alarm = Alarm()
    began = time.monotonic()
    assert not alarm.wait(0.05)
    alarm.ring()
    assert alarm.wait(10)
    assert time.monotonic() - began < 0.4
    ringing = threading.Timer(0.05, alarm.ring)
    ringing.start()
    assert alarm.wait(10)
    assert 0.5 <= time.monotonic() - began < 5
    alarm.ring()
    short = time.monotonic()
    assert alarm.wait(0.1)
    assert time.monotonic() - short < 0.4
    assert not alarm.wait(0)


def test_how_long_until_it_is_listened_to_again() -> None:
    """Longer each time as long as none lasts; at once, nearly, after one that did."""
    assert list(accumulate([0.0] * 9, pause_after)) == [
        0, 0.5, 1, 2, 4, 8, 16, 30, 30,
    ]  # fmt: skip
    assert pause_after(30, 29) == 30
    assert pause_after(30, 300) == 0.5


def event(name: str, identity: str = "new", **attributes: str) -> Event:
    return {"Actor": {"ID": identity, "Attributes": {"name": name, "image": "shop/web:1", **attributes}}}


@pytest.mark.parametrize(
    ("key", "told", "expected"),
    [
        ("label:lab=web", event("a", lab="web"), True),
        ("label:lab=web", event("a", lab="other"), False),
        ("label:lab=web", event("a", "seen"), True),
        ("name:web-[0-9]", event("web-1"), True),
        ("name:web-[0-9]", event("web-10"), False),
        ("name:web-[0-9]", event("gone", oldName="/web-1"), True),
        ("name:web-[0-9]", event("known"), True),
        ("env:APP=web", event("a"), False),
        ("env:APP=web", event("a", "seen"), True),
        ("label:lab=web", {"Type": "container"}, False),
    ],
)
def test_which_events_are_worth_a_look(key: str, told: Event, expected: bool) -> None:
    seen = {"seen": {"Labels": {"lab": "web"}, "Env": ["APP=web"]}}
    assert concerns(told, matcher(key), {"known"}, seen.get) == expected

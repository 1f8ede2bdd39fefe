"""Looks at one host's containers again and again, stops and starts them, and removes those that have stopped; none is
ever made.

The connection stays for later calls. One that broke is made anew at the next call; calls of other threads over the
old one come to their end.
"""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from typing import Any

import urllib3

from converters.errors import PodliftError

from ..hosts_file import HostEntry
from .answers import listed, needed, spoken
from .connect import Endpoint, endpoint_of
from .deadline import CallTimeoutError, Deadlines
from .fanout import fan_out
from .forward import forwarded
from .refusals import container_gone, late, of_connection, refused
from .wire import Answer, Session, quoted

Document = Mapping[str, Any]

# After the grace the engine kills, and waits for that too.
_AFTER_GRACE_S = 30.0

_BROKEN = frozenset({"engine-lost", "engine-silent", "engine-unreachable"})


class EngineControl:
    """Calls to one engine, from any number of threads. Each raises PodliftError: why the engine cannot be reached as
    reading one does, ``container-gone``, ``engine-refused`` with what the engine says. After ``engine-lost``,
    ``engine-silent`` and ``engine-unreachable`` a change may have been made or not: nothing is sent twice, and who
    asked looks again."""

    def __init__(
        self, entry: HostEntry, *, call_timeout_s: float = 30, change_timeout_s: float = 60, calls_at_once: int = 4
    ) -> None:
        """Opens no connection yet. ``change_timeout_s``: for a start, which waits for networks and volumes, or a
        removal, from when it is asked for."""
        self.host = entry.host
        self._entry = entry
        self._call_timeout_s = call_timeout_s
        self._change_timeout_s = max(change_timeout_s, call_timeout_s)
        self._calls_at_once = calls_at_once
        self._lock = threading.Lock()
        self._open: _Open | None = None

    def listing(self) -> Sequence[Document]:
        """The entries of the list of all containers, running or not: one call."""
        what = "the list of containers"
        answer, endpoint = self._get("/containers/json?all=1", what)
        return listed(needed(answer, what, endpoint), endpoint)

    @contextmanager
    def events(self, named: Sequence[str], deadlines: Deadlines, *, lasts_s: float) -> Iterator[Iterator[Document]]:
        """What happens to containers from now on, for ``lasts_s`` at most: Docker's events of these names, with Action
        and Actor (ID; Attributes: its labels, ``name``, ``image``).

        It goes the way that other calls have made (one login of ssh serves both), and leaves that as it is when it
        breaks; ``deadlines``: of its own, and closing them ends it from any thread. Raises ConnectionError where no
        call has connected, and what Session.stream raises.
        """
        filters = quoted(json.dumps({"type": ["container"], "event": list(named)}))
        with (
            self._opened(make=False) as opened,
            closing(Session(opened.session.endpoint, deadlines, connections=1)) as session,
            session.stream(
                opened.versioned(f"/events?filters={filters}"), timeout_s=self._call_timeout_s, lasts_s=lasts_s
            ) as lines,
        ):
            yield (json.loads(line) for line in lines)

    def inspected(self, containers: Sequence[str]) -> dict[str, Document]:
        """ID to what inspect says; those that are gone are left out."""
        found: dict[str, Document | None] = {}
        fan_out(self._inspect, containers, at_once=self._calls_at_once, results=found)
        return {identity: document for identity, document in found.items() if document is not None}

    def set_restart(self, container: str, policy: Mapping[str, Any]) -> None:
        """``policy`` as inspect spells it: Name, and MaximumRetryCount, which counts for ``on-failure`` alone."""
        # without a name the engine would change nothing, and mean no
        name = policy.get("Name") or "no"
        retries = policy.get("MaximumRetryCount", 0) if name == "on-failure" else 0
        body = {"RestartPolicy": {"Name": name, "MaximumRetryCount": retries}}
        what = f"the restart policy {name} of the container {container}"
        self._change(container, "update", what, body=body, timeout_s=self._call_timeout_s)

    def stop(self, container: str, grace_s: float) -> None:
        """Sends the container's own stop signal, kills after ``grace_s`` (whole seconds, rounded up), and returns when
        it has stopped; harmless where it has."""
        grace = math.ceil(grace_s)
        what = f"stopping the container {container}"
        self._change(container, f"stop?t={grace}", what, timeout_s=grace + _AFTER_GRACE_S)

    def start(self, container: str) -> None:
        """Harmless where it runs."""
        what = f"starting the container {container}"
        self._change(container, "start", what, timeout_s=self._change_timeout_s)

    def remove(self, container: str) -> None:
        """Removes one that does not run (the engine refuses any other); harmless where it is gone. Its volumes stay,
        those without a name too."""
        what = f"removing the container {container}"
        path = f"/containers/{quoted(container)}?v=false&force=false"
        answer = self._sent(
            what,
            self._change_timeout_s,
            lambda opened, left_s: opened.session.delete(opened.versioned(path), timeout_s=left_s),
        )
        if answer.status not in (204, 404):
            raise refused(self.host.name, what, answer.message)

    def close(self) -> None:
        """Lets go of the connection, when those who use it are done."""
        with self._lock:
            current, self._open = self._open, None
            done = current is not None and current.users == 0
        if current is not None and done:
            current.stack.close()

    def _inspect(self, container: str) -> Document | None:
        what = f"inspect of the container {container}"
        answer, endpoint = self._get(f"/containers/{quoted(container)}/json", what)
        if answer.status == 404:
            return None
        document: Document = needed(answer, what, endpoint)
        return document

    def _get(self, path: str, what: str) -> tuple[Answer, Endpoint]:
        seconds = self._call_timeout_s
        return self._call(what, seconds, lambda opened: opened.session.get(opened.versioned(path), timeout_s=seconds))

    def _change(self, container: str, verb: str, what: str, *, timeout_s: float, body: Any = None) -> None:
        path = f"/containers/{quoted(container)}/{verb}"
        answer = self._sent(
            what, timeout_s, lambda opened, left_s: opened.session.post(opened.versioned(path), body, timeout_s=left_s)
        )
        if answer.status == 404:
            raise container_gone(self.host.name, container, answer.message)
        # 304: it is so already
        if answer.status not in (200, 204, 304):
            raise refused(self.host.name, what, answer.message)

    def _sent(self, what: str, timeout_s: float, send: Callable[[_Open, float], Answer]) -> Answer:
        """A change, whose time goes on while it is connected: who asked is allowed to for no longer. Nothing is sent
        where that took as long as a call may take."""
        asked = time.monotonic()

        def in_time(opened: _Open) -> Answer:
            waited_s = time.monotonic() - asked
            if waited_s >= self._call_timeout_s:
                raise CallTimeoutError
            return send(opened, timeout_s - waited_s)

        answer, _ = self._call(what, timeout_s, in_time)
        return answer

    def _call(self, what: str, timeout_s: float, send: Callable[[_Open], Answer]) -> tuple[Answer, Endpoint]:
        with self._opened() as opened:
            endpoint = opened.session.endpoint
            return _told(endpoint, what, timeout_s, lambda: send(opened)), endpoint

    @contextmanager
    def _opened(self, *, make: bool = True) -> Iterator[_Open]:
        with self._lock:
            if self._open is None:
                if not make:
                    raise ConnectionError(f"nothing is connected with {self.host.name}")
                self._open = self._connected()
            current = self._open
            current.users += 1
        broken = False
        try:
            yield current
        except PodliftError as error:
            broken = error.code in _BROKEN
            raise
        finally:
            with self._lock:
                current.users -= 1
                if broken and self._open is current:
                    self._open = None
                done = current.users == 0 and self._open is not current
            if done:
                current.stack.close()

    def _connected(self) -> _Open:
        seconds = self._call_timeout_s
        endpoint = endpoint_of(self._entry)
        with ExitStack() as stack:
            if endpoint.ssh:
                endpoint = stack.enter_context(forwarded(endpoint, timeout_s=seconds, stop=threading.Event()))
            deadlines = Deadlines()
            stack.callback(deadlines.close)
            try:
                session = Session(endpoint, deadlines, connections=self._calls_at_once)
            except OSError as error:
                raise of_connection(endpoint, error) from error
            stack.callback(session.close)
            what = "the engine's version"
            answer = _told(endpoint, what, seconds, lambda: session.get("/version", timeout_s=seconds), first=True)
            api = spoken(needed(answer, what, endpoint), endpoint)
            return _Open(session=session, api=api, stack=stack.pop_all())


@dataclass(slots=True)
class _Open:
    """A connection that calls are made over; ``users``: how many calls now."""

    session: Session
    api: str
    stack: ExitStack
    users: int = 0

    def versioned(self, path: str) -> str:
        return f"/v{self.api}{path}"


def _told(endpoint: Endpoint, what: str, seconds: float, send: Callable[[], Answer], *, first: bool = False) -> Answer:
    """The answer, or why there is none."""
    try:
        return send()
    except CallTimeoutError as error:
        raise late(endpoint.name, what, seconds) from error
    except (OSError, urllib3.exceptions.HTTPError) as error:
        raise of_connection(endpoint, error, first=first) from error

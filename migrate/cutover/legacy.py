"""The engines of a workload's hosts: what of it is there now, and the few changes that a cutover makes there."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from converters.errors import PodliftError
from converters.estate.keys import Matcher, matcher

from ..hosts_file import HostEntry
from .containers import backends_of, container_of, exposed_by
from .decision import Verb
from .edges import Backend, Container, Found
from .hearing import HEARD, concerns
from .waking import Alarm, Listener

if TYPE_CHECKING:
    from ..engine.control import EngineControl

# What no deadline of a call reaches is a name server that hangs.
_GRACE_S = 2.0
# An engine that was slow is waited for so many times longer than its last look took.
_SLOWER = 2
# One that is gone without a word is not listened to for longer.
_LISTENS_S = 300.0
# Most changes are made at once, and an engine that refuses says so.
_PROMPT_S = 1.0


class HostsLegacy:
    """Keeps ``edges.Legacy`` over real engines, whose connections stay until ``close``."""

    def __init__(
        self,
        hosts: Sequence[HostEntry],
        grouping_key: str,
        *,
        known: Collection[tuple[str, str]] = (),
        container_ports: Collection[str] = (),
        call_timeout_s: float = 10,
        change_timeout_s: float = 60,
        host_timeout_s: float = 20,
    ) -> None:
        """
        known             (host, name) of containers that are the workload's whatever its grouping key says
        container_ports   ports like ``8080/tcp`` at which it answers where it is in its host's network
        change_timeout_s  for a start, or a removal, from when it is asked for
        host_timeout_s    for a look at a host, or twice as long as its last one took
        """
        matches = matcher(grouping_key)
        self._calls: dict[tuple[Verb, str, str], _Call] = {}
        self._alarm = Alarm()
        self._listeners: tuple[Listener, ...] = ()
        self._hosts = {
            entry.host.name: _LegacyHost(
                entry,
                matches,
                {name for host, name in known if host == entry.host.name},
                container_ports,
                call_timeout_s=call_timeout_s,
                change_timeout_s=change_timeout_s,
                look_s=host_timeout_s,
            )
            for entry in hosts
        }

    def find(self) -> Found:
        """All hosts at once; one that cannot be read now, or not in its time, is in ``unread``. That look goes on, and
        no other begins meanwhile; what it tells is of too long ago, but the next one is waited for again. Never
        raises."""
        began = time.monotonic()
        for host in self._hosts.values():
            host.begin()
        told = {name: host.told(began) for name, host in self._hosts.items()}
        read = [one for one in told.values() if isinstance(one, _Read)]
        containers = tuple(each for one in read for each in one.containers)
        held = {backend for each in containers for backend in each.ports.values()}
        return Found(
            containers=containers,
            unread={name: why for name, why in told.items() if isinstance(why, str)},
            strangers={
                backend: identity
                for one in read
                for backend, identity in one.strangers.items()
                # a port that a stranger is only known to expose, or has of another protocol
                if backend not in held
            },
        )

    def set_restart(self, host: str, container: str, policy: Mapping[str, Any]) -> None:
        control = self._control(host)
        self._ask(Verb.RESTART, host, container, lambda: control.set_restart(container, policy))

    def stop(self, host: str, container: str, grace_s: float) -> None:
        control = self._control(host)
        self._ask(Verb.STOP, host, container, lambda: control.stop(container, grace_s))

    def start(self, host: str, container: str) -> None:
        control = self._control(host)
        self._ask(Verb.START, host, container, lambda: control.start(container))

    def remove(self, host: str, container: str) -> None:
        control = self._control(host)
        self._ask(Verb.REMOVE, host, container, lambda: control.remove(container))

    def under_way(self) -> frozenset[tuple[str, str, str]]:
        return frozenset(
            (verb.value, host, container) for (verb, host, container), call in self._calls.items() if call.goes_on
        )

    def _ask(self, verb: Verb, host: str, container: str, send: Callable[[], None]) -> None:
        before = self._calls.pop((verb, host, container), None)
        call = before if before is not None and (before.goes_on or before.error) else None
        if call is None:
            call = _Call(send, f"podlift-{verb}-{container[:12]}")
            call.start()
        call.join(_PROMPT_S)
        if call.goes_on:
            self._calls[verb, host, container] = call
        elif call.error is not None:
            raise call.error

    def wait(self, seconds: float) -> bool:
        """Waits so long, or until an engine tells that something has happened to one of the workload's containers:
        whether one did. The first call begins to listen to them."""
        if not self._listeners:
            self._listeners = tuple(host.listener(self._alarm) for host in self._hosts.values())
            for each in self._listeners:
                each.start()
        return self._alarm.wait(seconds)

    def close(self) -> None:
        """Lets go of all engines."""
        listeners, self._listeners = self._listeners, ()
        for each in listeners:
            each.stop()
        for each in listeners:
            each.join(_GRACE_S)
        # one that is just being connected with is let go of when that has ended, which nobody waits for
        closing = [_Call(host.control.close, f"podlift-close-{name}") for name, host in self._hosts.items()]
        for call in closing:
            call.start()
        end = time.monotonic() + _GRACE_S
        for call in closing:
            call.join(max(0.0, end - time.monotonic()))

    def _control(self, host: str) -> EngineControl:
        if host not in self._hosts:
            raise PodliftError(
                code="bad-hosts",
                phase="connect",
                subject=host,
                reason="a container of the run is on this host, and the hosts do not name it",
                next_step=f"give {host} in the hosts of podlift.yaml or with --host {host}=URL",
            )
        return self._hosts[host].control


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """Of one host; ``strangers``: where the other containers answer, to their IDs."""

    containers: tuple[Container, ...]
    strangers: Mapping[Backend, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lasting:
    """What never changes of a container, so that it is inspected once: what it is found by, and what it exposes."""

    config: Mapping[str, Any] = field(repr=False)
    exposed: tuple[str, ...]


class _LegacyHost:
    """One host, read again and again: a list, an inspect of each container of the workload, and one inspect of each
    other container, when it is first seen."""

    def __init__(
        self,
        entry: HostEntry,
        matches: Matcher,
        known: Collection[str],
        container_ports: Collection[str],
        *,
        call_timeout_s: float,
        change_timeout_s: float,
        look_s: float,
    ) -> None:
        from ..engine.control import EngineControl

        self.name = entry.host.name
        self.control = EngineControl(entry, call_timeout_s=call_timeout_s, change_timeout_s=change_timeout_s)
        self._host = entry.host
        self._matches = matches
        self._known = known
        self._container_ports = container_ports
        self._seen: dict[str, _Lasting] = {}
        self._look_s = look_s
        # for which the next look is waited for
        self._patience_s = look_s
        self._look: _Look
        self._late = False
        self._why = ""

    def listener(self, alarm: Alarm) -> Listener:
        from ..engine.deadline import Deadlines

        deadlines = Deadlines()
        return Listener(
            self.name,
            lambda: self.control.events(HEARD, deadlines, lasts_s=_LISTENS_S),
            deadlines.close,
            self._concerns,
            alarm,
        )

    def _concerns(self, event: Mapping[str, Any]) -> bool:
        return concerns(event, self._matches, self._known, self._config_of)

    def _config_of(self, identity: str) -> Mapping[str, Any] | None:
        lasting = self._seen.get(identity)
        return None if lasting is None else lasting.config

    def begin(self) -> None:
        """A look, unless one goes on that came too late."""
        if self._late:
            if self._look.goes_on:
                return
            self._ended()
            self._late = False
        self._look = _Look(self.name, self._read)
        self._look.start()

    def told(self, began: float) -> _Read | str:
        """What it tells that began then, or why there is nothing."""
        if not self._late:
            self._look.join(max(0.0, began + self._patience_s - time.monotonic()))
            if not self._look.goes_on:
                return self._ended() or self._why
            self._late = True
            if self._patience_s:
                self._why = self._look.late(self._patience_s)
            self._patience_s = 0
        return self._why

    def _ended(self) -> _Read | None:
        look = self._look
        if look.result is None:
            # a host that hangs is not waited for again until it answers; one that refuses at once is no such
            self._why = look.error
            return None
        self._patience_s = max(self._look_s, _SLOWER * look.took_s)
        return look.result

    def _read(self) -> _Read:
        from ..engine.answers import name_of

        listed = {str(entry["Id"]): entry for entry in self.control.listing()}
        self._seen = {identity: lasting for identity, lasting in self._seen.items() if identity in listed}
        documents = self.control.inspected(sorted(listed.keys() - self._seen.keys()))
        for identity, document in documents.items():
            self._seen[identity] = _Lasting(config=document.get("Config") or {}, exposed=exposed_by(document))
        ours = {
            identity
            for identity, lasting in self._seen.items()
            if (name := name_of(listed[identity])) in self._known or self._matches(name, lasting.config)
        }
        documents |= self.control.inspected(sorted(ours - documents.keys()))
        found = [
            container_of(self._host, documents[identity], container_ports=self._container_ports)
            for identity in ours & documents.keys()
        ]
        strangers = {
            backend: identity
            for identity in sorted(self._seen.keys() - ours)
            for backend in backends_of(self._host, listed[identity], self._seen[identity].exposed)
        }
        containers = sorted((each for each in found if each is not None), key=lambda each: (each.name, each.id))
        return _Read(containers=tuple(containers), strangers=strangers)


class _Look:
    """One reading of one host in a thread of its own, which never keeps the process."""

    def __init__(self, host: str, read: Callable[[], _Read]) -> None:
        self.result: _Read | None = None
        self.error = ""
        self.took_s = 0.0
        self._host = host
        self._read = read
        self._thread = threading.Thread(target=self._run, name=f"podlift-{host}", daemon=True)

    @property
    def goes_on(self) -> bool:
        return self._thread.is_alive()

    def start(self) -> None:
        self._thread.start()

    def join(self, seconds: float) -> None:
        self._thread.join(seconds)

    def late(self, seconds: float) -> str:
        from ..engine.refusals import refusal, sentence

        why = f"not read within {seconds:g} s"
        return sentence(refusal("host-timeout", self._host, why, "see whether docker ps answers on the host"))

    def _run(self) -> None:
        from ..engine.refusals import refusal, sentence

        began = time.monotonic()
        try:
            self.result = self._read()
        except PodliftError as error:
            self.error = sentence(error)
        except Exception as error:  # noqa: BLE001 - one host's surprise must not hide the others
            reason = f"reading it failed: {type(error).__name__}: {error}"
            self.error = sentence(refusal("host-failed", self._host, reason, "report this"))
        self.took_s = time.monotonic() - began


class _Call:
    """One call in a thread of its own, which never keeps the process: an engine goes on without who asked."""

    def __init__(self, send: Callable[[], None], name: str) -> None:
        self.error: Exception | None = None
        self._send = send
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @property
    def goes_on(self) -> bool:
        return self._thread.is_alive()

    def start(self) -> None:
        self._thread.start()

    def join(self, seconds: float) -> None:
        self._thread.join(seconds)

    def _run(self) -> None:
        try:
            self._send()
        except Exception as error:  # noqa: BLE001 - raised where it is asked for
            self.error = error

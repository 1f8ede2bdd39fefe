"""The engines of a workload's hosts: what of it is there now, and the few changes that a cutover makes there."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from converters.errors import PodliftError
from converters.estate.keys import Matcher, matcher

from ..hosts_file import HostEntry
from .containers import backends_of, container_of, exposed_by
from .edges import Backend, Container, Found
from .hearing import HEARD, concerns
from .waking import Alarm, Listener

if TYPE_CHECKING:
    from ..engine.control import EngineControl

# What no deadline of a call reaches is a name server that hangs.
_GRACE_S = 2.0
# One that is gone without a word is not listened to for longer.
_LISTENS_S = 300.0
# Most containers stop at once, and an engine that refuses says so.
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
        host_timeout_s: float = 20,
    ) -> None:
        """
        known            (host, name) of containers that are the workload's whatever its grouping key says
        container_ports  ports like ``8080/tcp`` at which it answers where it is in its host's network
        """
        matches = matcher(grouping_key)
        self._stops: dict[tuple[str, str], _Stop] = {}
        self._alarm = Alarm()
        self._listeners: tuple[Listener, ...] = ()
        self._host_timeout_s = host_timeout_s
        self._hosts = {
            entry.host.name: _LegacyHost(
                entry,
                matches,
                {name for host, name in known if host == entry.host.name},
                container_ports,
                call_timeout_s,
            )
            for entry in hosts
        }

    def find(self) -> Found:
        """All hosts at once; one that cannot be read now, or not in its time, is in ``unread``. Never raises."""
        end = time.monotonic() + self._host_timeout_s
        looks = [_Look(host, end) for host in self._hosts.values()]
        for look in looks:
            look.start()
        for look in looks:
            look.join(max(0.0, end + _GRACE_S - time.monotonic()))
        # taken once: one that is late may end at any moment
        results = [(look, look.result) for look in looks]
        read = [result for _, result in results if result is not None]
        containers = tuple(each for one in read for each in one.containers)
        held = {backend for each in containers for backend in each.ports.values()}
        return Found(
            containers=containers,
            unread={
                look.host.name: look.error or look.late(self._host_timeout_s)
                for look, result in results
                if result is None
            },
            strangers={
                backend: identity
                for one in read
                for backend, identity in one.strangers.items()
                # a port that a stranger is only known to expose, or has of another protocol
                if backend not in held
            },
        )

    def set_restart(self, host: str, container: str, policy: Mapping[str, Any]) -> None:
        self._control(host).set_restart(container, policy)

    def stop(self, host: str, container: str, grace_s: float) -> None:
        before = self._stops.pop((host, container), None)
        stop = before if before is not None and (before.goes_on or before.error) else None
        if stop is None:
            stop = _Stop(self._control(host), container, grace_s)
            stop.start()
        stop.join(_PROMPT_S)
        if stop.goes_on:
            self._stops[host, container] = stop
        elif stop.error is not None:
            raise stop.error

    def start(self, host: str, container: str) -> None:
        self._control(host).start(container)

    def remove(self, host: str, container: str) -> None:
        self._control(host).remove(container)

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
        for host in self._hosts.values():
            host.control.close()

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
        call_timeout_s: float,
    ) -> None:
        from ..engine.control import EngineControl

        self.name = entry.host.name
        self.control = EngineControl(entry, call_timeout_s=call_timeout_s)
        self._host = entry.host
        self._matches = matches
        self._known = known
        self._container_ports = container_ports
        self._seen: dict[str, _Lasting] = {}
        self._lock = threading.Lock()

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

    def read(self, end: float) -> _Read:
        """One reading at a time. Raises PodliftError."""
        if not self._lock.acquire(timeout=max(0.0, end - time.monotonic())):
            raise _late(self.name, "a look that began before has not ended")
        try:
            return self._read()
        finally:
            self._lock.release()

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

    def __init__(self, host: _LegacyHost, end: float) -> None:
        self.host = host
        self.result: _Read | None = None
        self.error = ""
        self._end = end
        self._thread = threading.Thread(target=self._run, name=f"podlift-{host.name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def join(self, seconds: float) -> None:
        self._thread.join(seconds)

    def late(self, seconds: float) -> str:
        from ..engine.refusals import sentence

        return sentence(_late(self.host.name, f"not read within {seconds:g} s"))

    def _run(self) -> None:
        from ..engine.refusals import refusal, sentence

        try:
            self.result = self.host.read(self._end)
        except PodliftError as error:
            self.error = sentence(error)
        except Exception as error:  # noqa: BLE001 - one host's surprise must not hide the others
            reason = f"reading it failed: {type(error).__name__}: {error}"
            self.error = sentence(refusal("host-failed", self.host.name, reason, "report this"))


class _Stop:
    """One call in a thread of its own, which never keeps the process: an engine goes on without who asked."""

    def __init__(self, control: EngineControl, container: str, grace_s: float) -> None:
        self.error: Exception | None = None
        self._control = control
        self._container = container
        self._grace_s = grace_s
        self._thread = threading.Thread(target=self._run, name=f"podlift-stop-{container[:12]}", daemon=True)

    @property
    def goes_on(self) -> bool:
        return self._thread.is_alive()

    def start(self) -> None:
        self._thread.start()

    def join(self, seconds: float) -> None:
        self._thread.join(seconds)

    def _run(self) -> None:
        try:
            self._control.stop(self._container, self._grace_s)
        except Exception as error:  # noqa: BLE001 - raised where it is asked for
            self.error = error


def _late(host: str, why: str) -> PodliftError:
    from ..engine.refusals import refusal

    return refusal("host-timeout", host, why, "see whether docker ps answers on the host")

"""All calls to one host's engine, every one a GET, and what becomes of an answer that is none.

/version · /info · one list of all containers · one inspect a container · one a distinct image, volume and network
in use · one archive each of /etc/passwd and /etc/group for an image whose user or groups are names
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import docker.errors

from converters.capture import Engine, HostDocuments
from converters.workload import Host

from .accounts import FILES, link_target, sources_of_accounts, text_in
from .answers import listed, name_of, needed, number, parsed, spoken
from .deadline import CallTimeoutError, CancelledError
from .fanout import fan_out
from .refusals import late, of_connection
from .wire import Answer, Session, quoted

# From this API on, /system/df can be asked for volumes alone.
_TYPED_DISK_USAGE = (1, 42)
_LINKS = 5


class HostReader:
    """Reads one host; what has been read so far can be taken at any time, from any thread."""

    def __init__(self, session: Session, host: Host, *, at_once: int, call_timeout_s: float, end: float) -> None:
        """``end``: of the host's time, on the monotonic clock."""
        self._session = session
        self._host = host
        self._at_once = at_once
        self._call_timeout_s = call_timeout_s
        self._end = end
        self._engine: Engine | None = None
        self._inspects: dict[str, Mapping[str, Any] | str] = {}
        self._names: dict[str, str] = {}
        self._beside: dict[tuple[str, str], Mapping[str, Any] | None] = {}
        self._accounts: dict[str, tuple[str, str]] = {}
        self._volume_bytes: dict[str, int] = {}

    def read(self, *, measure_volumes: bool) -> None:
        """Raises PodliftError for what ends the reading of this host, CancelledError if it was called off."""
        self._know_engine()
        entries = listed(self._json("/containers/json?all=1", "the list of containers"), self._session.endpoint)
        self._names = {str(entry["Id"]): name_of(entry) for entry in entries}
        fan_out(self._inspect, sorted(self._names), at_once=self._at_once, results=self._inspects)
        containers = self._containers()
        wanted = sorted(_in_use(containers))
        fan_out(self._read_beside, wanted, at_once=self._at_once, results=self._beside)
        of_image = sources_of_accounts(containers)
        texts: dict[tuple[str, str], str | None] = {}
        files = [(identity, path) for identity in sorted(set(of_image.values())) for path in FILES]
        fan_out(self._account_file, files, at_once=self._at_once, results=texts)
        for image, identity in of_image.items():
            passwd, group = (texts[identity, path] for path in FILES)
            if passwd is not None or group is not None:
                self._accounts[image] = (passwd or "", group or "")
        if measure_volumes:
            self._measure({name for kind, name in wanted if kind == "volumes"})

    def documents(self, *, error: str, read_at: str) -> HostDocuments:
        """What has been read so far, each kind in order of its names."""
        inspects = dict(self._inspects)
        vanished = sorted((self._names[key], said) for key, said in inspects.items() if isinstance(said, str))
        beside = {key: value for key, value in dict(self._beside).items() if value is not None}

        def of_kind(kind: str, key: str) -> tuple[Mapping[str, Any], ...]:
            found = [value for (each, _), value in sorted(beside.items(), key=lambda one: one[0]) if each == kind]
            return tuple(sorted(_distinct(found), key=lambda value: str(value.get(key))))

        return HostDocuments(
            host=self._host,
            engine=self._engine,
            containers=self._containers(),
            images=of_kind("images", "Id"),
            volumes=of_kind("volumes", "Name"),
            networks=of_kind("networks", "Name"),
            accounts=dict(sorted(self._accounts.items())),
            volume_bytes=dict(sorted(self._volume_bytes.items())),
            vanished=tuple(vanished),
            error=error,
            read_at=read_at,
        )

    def progress(self) -> str:
        """How far it came, for the message of a host whose time is over."""
        read = sum(not isinstance(value, str) for value in dict(self._inspects).values())
        return f"{read} of {len(self._names)} containers were read" if self._names else "nothing was read"

    def _containers(self) -> tuple[Mapping[str, Any], ...]:
        found = [value for value in dict(self._inspects).values() if not isinstance(value, str)]
        return tuple(sorted(found, key=lambda value: (str(value.get("Name")), str(value.get("Id")))))

    def _know_engine(self) -> None:
        version = self._json("/version", "the engine's version", versioned=False)
        api = spoken(version, self._session.endpoint)
        self._engine = Engine(api_version=api, version=version)
        self._session.speak(api)
        info = self._json("/info", "the engine's info")
        self._engine = Engine(api_version=api, version=version, info=info if isinstance(info, Mapping) else {})

    def _inspect(self, identity: str) -> Mapping[str, Any] | str:
        """The document, or what happened to the container since it was listed."""
        try:
            answer = self._get(f"/containers/{quoted(identity)}/json")
        except CallTimeoutError:
            return f"its inspect gave no answer within {self._call_timeout_s:g} s"
        if answer.status == 404:
            return "it was gone when it was to be inspected"
        if answer.status != 200:
            return f"its inspect was answered with {answer.status}: {answer.message}"
        document = parsed(answer)
        return document if isinstance(document, Mapping) else "its inspect was answered with something that is no JSON"

    def _read_beside(self, wanted: tuple[str, str]) -> Mapping[str, Any] | None:
        """An image, volume or network; None where the engine no longer has it, which its readers can do without."""
        kind, name = wanted
        path = f"/images/{quoted(name)}/json" if kind == "images" else f"/{kind}/{quoted(name)}"
        try:
            answer = self._get(path)
        except CallTimeoutError:
            return None
        document = parsed(answer) if answer.status == 200 else None
        return document if isinstance(document, Mapping) else None

    def _account_file(self, wanted: tuple[str, str]) -> str | None:
        """The text of a file in a container, by way of links. ``""``: there is none; None: it could not be read."""
        identity, path = wanted
        for _ in range(_LINKS):
            try:
                archive, stat = self._session.archive(identity, path, timeout_s=self._call_time())
            except FileNotFoundError:
                return ""
            except (CallTimeoutError, docker.errors.APIError):
                return None
            except CancelledError:
                raise
            except Exception as error:
                raise of_connection(self._session.endpoint, error) from error
            target = link_target(path, stat)
            if not target or target == path:
                return text_in(archive)
            path = target
        return None

    def _measure(self, volumes: set[str]) -> None:
        """Sizes of the volumes in use. The engine walks their files for it, so the host's whole time counts."""
        assert self._engine is not None
        typed = "?type=volume" if number(self._engine.api_version) >= _TYPED_DISK_USAGE else ""
        used = self._json(f"/system/df{typed}", "the size of its volumes", timeout_s=self._left())
        for volume in (used.get("Volumes") or ()) if isinstance(used, Mapping) else ():
            size = (volume.get("UsageData") or {}).get("Size", -1)
            # -1: a driver that cannot tell
            if volume.get("Name") in volumes and isinstance(size, int) and size >= 0:
                self._volume_bytes[volume["Name"]] = size

    def _json(self, path: str, what: str, *, versioned: bool = True, timeout_s: float | None = None) -> Any:
        """A document without which the host cannot be read."""
        timeout_s = timeout_s or self._call_time()
        try:
            answer = self._get(path, versioned=versioned, timeout_s=timeout_s)
        except CallTimeoutError as error:
            raise late(self._host.name, what, timeout_s) from error
        return needed(answer, what, self._session.endpoint)

    def _get(self, path: str, *, versioned: bool = True, timeout_s: float | None = None) -> Answer:
        seconds = timeout_s or self._call_time()
        prefix = f"/v{self._engine.api_version}" if versioned and self._engine else ""
        try:
            return self._session.get(prefix + path, timeout_s=seconds)
        except (CallTimeoutError, CancelledError):
            # of the two deadlines it may be the host's
            self._left()
            raise
        except Exception as error:
            raise of_connection(self._session.endpoint, error, first=self._engine is None) from error

    def _call_time(self) -> float:
        return min(self._call_timeout_s, self._left())

    def _left(self) -> float:
        left = self._end - time.monotonic()
        if left <= 0:
            raise HostTimeoutError
        return left


class HostTimeoutError(Exception):
    """The time for a host is over."""


def _in_use(containers: Iterable[Mapping[str, Any]]) -> set[tuple[str, str]]:
    """What the containers refer to, as (kind, name or ID)."""
    found: set[tuple[str, str]] = set()
    networks: dict[str, str] = {}
    for container in containers:
        if image := container.get("Image"):
            found.add(("images", str(image)))
        for mount in container.get("Mounts") or ():
            if mount.get("Type") == "volume" and mount.get("Name"):
                found.add(("volumes", str(mount["Name"])))
        for name, attached in ((container.get("NetworkSettings") or {}).get("Networks") or {}).items():
            # a container that never ran has no ID there
            networks[name] = (attached or {}).get("NetworkID") or networks.get(name) or ""
    return found | {("networks", identity or name) for name, identity in networks.items()}


def _distinct(documents: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Each once: a network may have been asked for by name and by ID."""
    return list({str(each.get("Id") or each.get("Name")): each for each in documents}.values())

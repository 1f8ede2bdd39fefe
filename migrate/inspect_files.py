"""What ``docker inspect`` printed, as the documents of hosts: files in, no engine needed.

A file's documents may be containers, and beside them images, volumes and networks, and what ``docker version`` and
``docker info`` print as JSON; each is told by its keys. ``HOST=FILE`` says whose they are; without it the file's stem
does. A file without containers serves every host: an image is the same wherever it runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from converters.capture import Engine, HostDocuments
from converters.errors import PodliftError
from converters.sources.refusals import refuse_unless_container
from converters.workload import Host

from .documents import Document, parse_documents
from .input_file import read_bytes

_NAMED = re.compile(r"(?P<host>[\w.-]+)=(?P<file>.+)", re.DOTALL)


@dataclass(slots=True)
class _Found:
    containers: list[Any] = field(default_factory=list)
    images: list[Mapping[str, Any]] = field(default_factory=list)
    volumes: list[Mapping[str, Any]] = field(default_factory=list)
    networks: list[Mapping[str, Any]] = field(default_factory=list)
    version: Mapping[str, Any] = field(default_factory=dict)
    info: Mapping[str, Any] = field(default_factory=dict)

    def add(self, other: _Found) -> None:
        self.containers += other.containers
        self.images += other.images
        self.volumes += other.volumes
        self.networks += other.networks
        self.version = self.version or other.version
        self.info = self.info or other.info


def load_inspects(files: Iterable[str], *, hosts: Sequence[Host] = ()) -> tuple[HostDocuments, ...]:
    """The documents in inspect files, by host, in order of name.

    files  ``FILE`` or ``HOST=FILE``
    hosts  what is known of hosts: site, address, labels

    Raises PodliftError ``cannot-read``, ``container-twice``, what parsing raises, and for documents that are none of a
    container what reading them raises. Beside a container's, what is none is refused by reading.
    """
    by_host: dict[str, _Found] = {}
    shared = _Found()
    seen: dict[tuple[str, str], str] = {}
    path = ""
    for given in files:
        host, path = split_name(given)
        found = sorted_out(parse_documents(read_bytes(path, what="an inspect file"), name=path))
        _refuse_twice(found.containers, host, path, seen)
        if found.containers:
            by_host.setdefault(host, _Found()).add(found)
        else:
            shared.add(found)
    if not by_host:
        _refuse_others(shared, path)
    known = {host.name: host for host in hosts}
    return tuple(
        _host_documents(known.get(name, Host(name=name)), found, shared) for name, found in sorted(by_host.items())
    )


def inspects_of(data: bytes, *, name: str, host: str) -> HostDocuments:
    """The documents of one text, for example of stdin. Raises what parsing raises."""
    found = sorted_out(parse_documents(data, name=name))
    _refuse_twice(found.containers, host, name, {})
    if not found.containers:
        _refuse_others(found, name)
    return _host_documents(Host(name=host), found, _Found())


def _refuse_twice(containers: Sequence[Any], host: str, file: str, seen: dict[tuple[str, str], str]) -> None:
    """One container in two readings would count as two instances, and nobody could say which reading is true."""
    for each in containers:
        identity = each.get("Id") if isinstance(each, Mapping) else None
        if not isinstance(identity, str) or not identity:
            continue
        before = seen.get((host, identity))
        if before is not None:
            name = str(each.get("Name") or identity[:12]).lstrip("/")
            raise PodliftError(
                code="container-twice",
                phase="read",
                subject=file,
                reason=f"container {name} of host {host} stands in {before} already, by its ID",
                next_step="give each container once; HOST=FILE tells hosts apart",
            )
        seen[(host, identity)] = file


def _refuse_others(found: _Found, file: str) -> None:
    """Documents that are given and describe no container: refused, not planned as nothing."""
    for document in (*found.images, *found.networks, *found.volumes):
        refuse_unless_container(document, file)
    if found.version or found.info:
        raise PodliftError(
            code="no-input",
            phase="read",
            subject=file,
            reason="what docker version or docker info printed stands here, and no container's inspect",
            next_step="give what docker inspect CONTAINER prints, and this beside it",
        )


def split_name(given: str) -> tuple[str, str]:
    """Host and file of ``HOST=FILE`` or ``FILE``.

    >>> split_name("ams1=web.json"), split_name("dumps/web.json")
    (('ams1', 'web.json'), ('web', 'dumps/web.json'))
    """
    named = _NAMED.fullmatch(given)
    if named and not Path(given).exists():
        return named["host"], named["file"]
    return Path(given).stem, given


def sorted_out(documents: Iterable[Document]) -> _Found:
    """Documents by what they describe. What is none of these stays a container, and is refused by its reader."""
    found = _Found()
    for each in _each(documents):
        keys = set(each) if isinstance(each, Mapping) else set()
        if not keys or keys & {"HostConfig", "State", "Names"}:
            found.containers.append(each)
        elif keys & {"RootFS", "RepoTags", "ContainerConfig"}:
            found.images.append(each)
        elif "IPAM" in keys:
            found.networks.append(each)
        elif "Mountpoint" in keys:
            found.volumes.append(each)
        elif "ServerVersion" in keys:
            found.info = each
        elif _version(each):
            found.version = _version(each)
        else:
            found.containers.append(each)
    return found


def _each(documents: Iterable[Document]) -> Iterator[Any]:
    for document in documents:
        if isinstance(document.value, list):
            yield from document.value
        else:
            yield document.value


def _version(each: Mapping[str, Any]) -> Mapping[str, Any]:
    """The body of /version, or the Server of what ``docker version --format json`` prints."""
    server = each.get("Server", each)
    return server if isinstance(server, Mapping) and "ApiVersion" in server else {}


def _host_documents(host: Host, found: _Found, shared: _Found) -> HostDocuments:
    version = found.version or shared.version
    engine = None
    if version:
        info = found.info or shared.info
        engine = Engine(api_version=str(version["ApiVersion"]), version=version, info=info)
    return HostDocuments(
        host=host,
        engine=engine,
        containers=tuple(found.containers),
        images=(*found.images, *shared.images),
        volumes=(*found.volumes, *shared.volumes),
        networks=(*found.networks, *shared.networks),
    )


def with_api_version(documents: HostDocuments, api_version: str) -> HostDocuments:
    """The same documents, read as those of this API version whatever their engine says."""
    engine = documents.engine or Engine(api_version=api_version)
    return replace(documents, engine=replace(engine, api_version=api_version))

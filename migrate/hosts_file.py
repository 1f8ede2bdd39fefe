"""Hosts to read, as a user names them: a hosts file, podlift.yaml, or ``--host [NAME=]URL``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any
from urllib.parse import urlsplit

from converters.errors import PodliftError
from converters.workload import Host

from .documents import Document
from .documents import Path as Place
from .input_file import body, read_bytes, read_checked
from .schemas.checking import refuse

CODE = "bad-hosts"
SCHEMES = ("unix", "tcp", "http", "https", "ssh", "context")
_URL_LINE = re.compile(r"^\s*(?:[\w.-]+=)?(?:unix|tcp|https?|ssh|context)://\S+\s*$")
_NAMED = re.compile(r"(?P<name>[\w.-]+)=(?P<url>.+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class HostEntry:
    """A host, the TLS files to reach its engine by (paths of the CA, the certificate and its key, ``""`` for none),
    and how commands are run on it, as hosts.Access has it: ``exec`` is its ``how``."""

    host: Host
    ca: str = ""
    cert: str = ""
    key: str = ""
    exec: str | tuple[str, ...] = ""
    probe: tuple[str, ...] = ()
    image: str = ""


def load_hosts(path: Path | str, *, name_as: str = "") -> tuple[HostEntry, ...]:
    """The hosts in a file: YAML with name, url, address, site, labels and tls, or text with one URL a line.

    Raises PodliftError ``bad-hosts`` with file and line, ``cannot-read``, and what parsing raises.
    """
    name = name_as or str(path)
    data = read_bytes(path, what="a hosts file")
    lines = [line for line in data.decode("utf-8", "replace").splitlines() if not _is_comment(line)]
    if lines and all(_URL_LINE.match(line) for line in lines):
        return _distinct(tuple(entry_of(line.strip(), subject=name) for line in lines), name)
    document = read_checked(path, "hosts", code=CODE, name_as=name)
    return hosts_of(document, body(document)["hosts"], ("hosts",), folder=Path(path).parent)


def hosts_of(document: Document, rows: list[Any], place: Place, *, folder: Path) -> tuple[HostEntry, ...]:
    """Checked entries of a file; ``folder`` is where its paths count from."""
    made = []
    seen: dict[str, int] = {}
    for n, row in enumerate(rows):
        here: Place = (*place, n)
        if isinstance(row, dict):
            _commands(document, here, row)
        entry = entry_of(row, subject=document.where(here)) if isinstance(row, str) else _entry(row, folder)
        if entry.host.url:
            _scheme(entry.host.url, document.where(here))
        if entry.host.name in seen:
            reason = f"{entry.host.name} is a host already, on line {seen[entry.host.name]}"
            refuse(document, here, CODE, reason, "give each host a name of its own")
        seen[entry.host.name] = document.line(here)
        made.append(entry)
    return tuple(made)


def entry_of(text: str, *, subject: str = "--host") -> HostEntry:
    """``NAME=URL`` or ``URL``, whose host (or socket) then gives the name. Raises PodliftError ``bad-hosts``."""
    named = _NAMED.fullmatch(text)
    name, url = (named["name"], named["url"]) if named else ("", text)
    _scheme(url, subject)
    parts = urlsplit(url)
    return HostEntry(host=Host(name=name or parts.hostname or parts.netloc or "local", url=url))


def _entry(row: Mapping[str, Any], folder: Path) -> HostEntry:
    tls = row.get("tls", {})
    return HostEntry(
        host=Host(
            name=row["name"],
            url=row.get("url", ""),
            address=row.get("address", ""),
            site=row.get("site", ""),
            labels=row.get("labels", {}),
        ),
        **{part: str(folder / tls[part]) for part in ("ca", "cert", "key") if part in tls},
        exec=_started(row.get("exec", ""), folder),
        probe=tuple(row.get("probe", ())),
        image=row.get("image", ""),
    )


def _started(said: str | list[str], folder: Path) -> str | tuple[str, ...]:
    """A program that is named by a relative path lies below the file's folder: a run goes on from any other."""
    if isinstance(said, str):
        return said
    program = str(PurePath(folder.absolute()) / said[0]) if "/" in said[0] else said[0]
    return (program, *said[1:])


def _commands(document: Document, here: Place, row: Mapping[str, Any]) -> None:
    """What the schema cannot say of them."""
    said = row.get("exec", "")
    if said == []:
        refuse(document, (*here, "exec"), CODE, "there is no command in it", "write its words: [ssh, ams1]")
    if said == "ssh" and not row.get("url", "").startswith("ssh://"):
        step = "write exec: [ssh, HOST] with the host to log in to"
        refuse(document, (*here, "exec"), CODE, "exec: ssh is for hosts whose url is ssh://", step)
    if said == "container" and not row.get("image"):
        step = "build it from probe/Dockerfile, load it on the host, and name it: image: podlift-probe"
        refuse(document, here, CODE, "exec: container needs the image of podlift-probe", step)
    if said == "container" and "probe" in row:
        step = "leave probe out: a container of the image is started each time"
        refuse(document, (*here, "probe"), CODE, "exec: container and probe both stand here", step)


def _scheme(url: str, subject: str) -> None:
    scheme, separator, rest = url.partition("://")
    if not separator or not rest or scheme not in SCHEMES or not _splits(url):
        raise PodliftError(
            code=CODE,
            phase="read",
            subject=subject,
            reason=f"{url!r} is no URL of an engine",
            next_step="write unix:///var/run/docker.sock, tcp://HOST:2376, ssh://USER@HOST or context://NAME",
        )


def _splits(url: str) -> bool:
    try:
        return urlsplit(url).port is None or bool(url)
    except ValueError:
        return False


def _distinct(entries: tuple[HostEntry, ...], name: str) -> tuple[HostEntry, ...]:
    names = [entry.host.name for entry in entries]
    twice = next((each for each in names if names.count(each) > 1), None)
    if twice is not None:
        raise PodliftError(
            code=CODE,
            phase="read",
            subject=name,
            reason=f"two URLs lead to a host called {twice}",
            next_step="name them apart: one=URL, two=URL",
        )
    return entries


def _is_comment(line: str) -> bool:
    return not line.strip() or line.lstrip().startswith("#")

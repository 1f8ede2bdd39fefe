"""What a probe does: an exec, an HTTP, a TCP or a gRPC check as the handler of a probe."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from ..errors import PodliftError
from ..fields.ledger import Ledger
from ..fields.verdict import Origins
from ..rewriting import Rewrite, renamed
from ..workload import Check, CheckKind, Container, Protocol, Workload
from .context import Context
from .expansion import escape

PROBE_CODES = frozenset(range(200, 400))
_CODES = re.compile(r"\d{3}(-\d{3})?|[1-5]xx", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Question:
    """A check to be handled; ``subject`` names it where no document asks what it asks."""

    subject: str
    check: Check
    workload: Workload
    container: Container
    context: Context
    ledger: Ledger
    rewrite: Rewrite

    def origins(self, *attributes: str) -> Origins:
        found = (source for attribute in attributes for source in self.check.origins.get(attribute, ()))
        return tuple(dict.fromkeys(found))

    def all_origins(self) -> Origins:
        return self.origins(*self.check.origins)


def handler(at: Question, targets: tuple[str, ...]) -> dict[str, Any] | None:
    """The handler, and the verdicts on what makes it (command, port, path, headers, codes …). None where it is not
    known: then every origin of the check has its verdict already."""
    check, ledger = at.check, at.ledger
    if check.kind is CheckKind.EXEC:
        if not check.argv:
            _unclear(at)
            return None
        # The kubelet expands the command of an exec probe as it does the container's own.
        words = [at.rewrite(word) for word in check.argv]
        made: dict[str, Any] = {"exec": {"command": [escape(word.text) for word in words]}}
        if why := renamed(words):
            ledger.approximated(at.origins("argv"), "check", *targets, why=why, todo="check that the new name is right")
        ledger.exact(at.origins("argv"), "check", *targets)
        _idle(at, "port", "host_port", "scheme", "path", "host", "codes", "body", "service")
        return made
    port = _port(at, targets)
    if port is None:
        return None
    if check.kind is CheckKind.HTTP:
        return _http(at, port, targets)
    _idle(at, "path", "host", "codes", "body", "argv")
    if check.kind is CheckKind.TCP:
        _idle(at, "scheme", "service")
        return {"tcpSocket": {"port": port}}
    if check.scheme == "https":
        why = "a gRPC probe speaks plain text only"
        ledger.approximated(at.origins("scheme"), "check", *targets, why=why, todo="offer the health service in plain")
    ledger.exact(at.origins("scheme", "service"), "check", *targets)
    return {"grpc": {"port": port, "service": check.service} if check.service else {"port": port}}


def _idle(at: Question, *attributes: str) -> None:
    """What was said of a check and is no part of its kind: it had no effect on the legacy side."""
    why = f"no part of a check of kind {at.check.kind}: without effect there as here"
    at.ledger.dropped(at.origins(*attributes), "check-extra", why=why)
    if "host" in attributes:
        for pair in at.check.headers:
            at.ledger.dropped(pair.origins, "check-extra", why=why)


def _unclear(at: Question) -> None:
    origins = at.all_origins()
    if at.ledger.ask("check-unclear", origins, at.subject) == "drop":
        at.ledger.dropped(origins, "check-unclear", why="left out, as decided")
    else:
        at.ledger.undecided(origins, "check-unclear", why="the check names no command", subject=at.subject)


def _port(at: Question, targets: tuple[str, ...]) -> int | None:
    """The container port that the check means; None if that is not known, which blocks."""
    check, ledger = at.check, at.ledger
    origins = at.origins("port", "host_port")
    if check.port is not None and not check.host_port:
        ledger.exact(origins, "check", *targets)
        return check.port
    why = "the check names no port"
    if check.port is not None:
        # with the host's network a port of the host is the container's
        found = [check.port] if at.workload.network_mode == "host" else _published_at(at.container, check.port)
        if len(found) == 1:
            ledger.exact(
                origins, "check", *targets, why=f"port {check.port} of the host is {found[0]} of the container"
            )
            return found[0]
        why = f"the check names port {check.port} of the host, and no port of the container is published there"
    else:
        ports = sorted({port.container_port for port in at.container.ports if port.protocol is Protocol.TCP})
        if len(ports) == 1:
            told = f"the check names no port; {ports[0]} is the container's only one"
            ledger.approximated(origins or at.origins("kind"), "check", *targets, why=told)
            return ports[0]
    answer = ledger.ask("check-port", at.all_origins(), at.subject)
    if answer is None:
        ledger.undecided(at.all_origins(), "check-port", *targets, why=why, subject=at.subject)
        return None
    if not answer.isascii() or not answer.isdigit() or not 1 <= int(answer) <= 65535:
        raise PodliftError(
            code="answer-unfit",
            phase="convert",
            subject=f"check-port of {at.workload.name}",
            reason=f"{answer!r} is no port",
            next_step="answer with a number from 1 to 65535",
        )
    ledger.exact(origins, "check-port", *targets, why=f"port {answer} of the container, as decided")
    return int(answer)


def _published_at(container: Container, host_port: int) -> list[int]:
    return sorted(
        {
            port.container_port
            for port in container.ports
            for published in port.published
            if published.host_port == host_port and port.protocol is Protocol.TCP
        }
    )


def _http(at: Question, port: int, targets: tuple[str, ...]) -> dict[str, Any]:
    check, ledger = at.check, at.ledger
    _idle(at, "service", "argv")
    if check.body:
        ledger.dropped(at.origins("body"), "check-body", why=f"the body {check.body!r}: a probe reads only the code")
    ledger.exact(at.origins("body"), "check")
    accepted = accepted_codes(check.codes)
    if accepted is not None and not accepted & PROBE_CODES:
        why = f"the check wants {check.codes}, which a probe takes for failure: the probe only connects"
        ledger.approximated(at.origins("codes", "path", "scheme", "host", "headers"), "check-codes", *targets, why=why)
        _headers(at, targets, kept=False)
        return {"tcpSocket": {"port": port}}
    if accepted is not None and accepted != PROBE_CODES:
        outside = accepted - PROBE_CODES
        why = f"the check takes {check.codes}, a probe takes 200 to 399"
        if outside:
            why += f": {', '.join(map(str, sorted(outside)[:5]))} now counts as failure"
        ledger.approximated(at.origins("codes"), "check-codes", *targets, why=why)
    ledger.exact(at.origins("codes", "path", "scheme"), "check", *targets)
    action: dict[str, Any] = {"path": check.path if check.path.startswith("/") else f"/{check.path}", "port": port}
    action["scheme"] = check.scheme.upper()
    # A Host header, and not the action's `host`: that one is where the kubelet connects, and pod security refuses it.
    headers = [{"name": "Host", "value": check.host}] if check.host else []
    headers += [{"name": pair.key, "value": pair.value} for pair in check.headers]
    if headers:
        action["httpHeaders"] = headers
    ledger.exact(at.origins("host", "headers"), "check", *targets)
    _headers(at, targets, kept=True)
    return {"httpGet": action}


def _headers(at: Question, targets: tuple[str, ...], *, kept: bool) -> None:
    for pair in at.check.headers:
        if kept:
            at.ledger.exact(pair.origins, "check", *targets)
        else:
            at.ledger.approximated(pair.origins, "check-codes", *targets, why="the probe only connects")


def accepted_codes(text: str) -> frozenset[int] | None:
    """HTTP codes from text (``200-299,301``, ``2xx``); None for the scheduler's own default. Raises PodliftError
    ``http-codes`` for anything else."""
    if not text.strip():
        return None
    codes: set[int] = set()
    for part in re.split(r"[,\s]+", text.strip()):
        if not _CODES.fullmatch(part):
            raise PodliftError(
                code="http-codes",
                phase="convert",
                subject=repr(text),
                reason=f"{part!r} is no HTTP code and no range of codes",
                next_step="write codes as 200-299,301 or 2xx",
            )
        if part.lower().endswith("xx"):
            codes.update(range(int(part[0]) * 100, int(part[0]) * 100 + 100))
        else:
            first, _, last = part.partition("-")
            codes.update(range(int(first), int(last or first) + 1))
    return frozenset(codes)

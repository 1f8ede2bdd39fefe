"""What stands in a journal, read: a part that is not as podlift writes it is refused by its place. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from ipaddress import ip_address
from typing import Any, NoReturn

from converters.errors import PodliftError

from ..documents import Document, Path
from ..schemas.checking import check, refuse
from .checks import ranges
from .gates.condition import condition
from .parity import rules_of
from .run import Run, Spec, run_of, spec_of
from .shape import LINE, Schema, shape_of

CODE = "bad-journal"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part(Document):
    """``name``: the object in which it stands, whose text has no lines that anybody sees."""

    def where(self, path: Path = ()) -> str:  # noqa: ARG002
        return f"{self.name}:"


# it does not change while a run lasts, and is read at every look
@lru_cache(maxsize=32)
def spec_in(text: str | None, where: str, key: str = "spec") -> Spec:
    """``where``: the object; ``key``: where in it. Raises PodliftError ``bad-journal``."""
    body = part_in(text, Spec, where, key)
    spec = spec_of(body)
    for path, read in _phrases(spec):
        try:
            read()
        except ValueError as error:
            bad(where, (key, *path), str(error), "write it as podlift.yaml has it")
    return spec


def run_in(text: str | None, where: str, spec: Spec) -> Run:
    """As :func:`spec_in`, beside the spec."""
    run = run_of(part_in(text, Run, where, "run"))
    if run.step > len(spec.steps):
        reason = f"it is {run.step}, and spec.steps has {len(spec.steps)}"
        bad(where, ("run", "step"), reason, "write how many steps of SHIFT are done")
    return run


def part_in(text: str | None, kind: type, where: str, key: str) -> dict[str, Any]:
    """A dataclass's JSON, checked. Raises PodliftError ``bad-journal``."""
    if text is None:
        bad(where, (), f"the key {key!r} is missing", "put it back")
    try:
        body: dict[str, Any] = json.loads(text)
    except (ValueError, RecursionError) as error:
        bad(where, (key,), f"it is no JSON: {error}", "correct it")
    try:
        check(_Part(name=where, value=body), _shape(kind), code=CODE, at=(key,))
    except PodliftError as error:
        _refuse(error)
    return body


@lru_cache(maxsize=1024)
def line_in(text: str) -> Mapping[str, Any] | None:
    """A line of the history; None: it is none."""
    try:
        line: Mapping[str, Any] = json.loads(text)
        check(_Part(name="", value=line), LINE, code=CODE)
    except (PodliftError, ValueError, RecursionError):
        return None
    return line


def bad(where: str, path: Path, reason: str, step: str) -> NoReturn:
    """Raises PodliftError ``bad-journal``."""
    try:
        refuse(_Part(name=where), path, CODE, reason, step)
    except PodliftError as error:
        _refuse(error)


def _refuse(error: PodliftError) -> NoReturn:
    raise PodliftError(
        code=CODE,
        phase="cutover",
        subject=error.subject.removesuffix(":"),
        reason=error.reason,
        next_step=f"{error.next_step}; if nobody edited it, it is of another version of podlift: use that one",
    ) from error


@cache
def _shape(kind: type) -> Schema:
    return shape_of(kind)


def _phrases(spec: Spec) -> Iterator[tuple[Path, Callable[[], Any]]]:
    """Texts in a grammar of ours."""
    yield ("parity", "ignore"), partial(rules_of, spec.parity)
    for n, remote in enumerate(spec.outbound.remotes):
        yield ("outbound", "remotes", n, "address"), partial(ip_address, remote.address)
    for n, gate in enumerate(spec.gates):
        if codes := gate.get("probe", {}).get("codes"):
            yield ("gates", n, "probe", "codes"), partial(ranges, codes)
        if said := gate.get("prometheus", {}).get("condition"):
            yield ("gates", n, "prometheus", "condition"), partial(condition, said)

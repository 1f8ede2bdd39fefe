"""What a cutover would do and what speaks against it, for people, reviews and scripts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..cutover.outbound import Overlap
from ..cutover.preflight import Preflight, Row, Status, preflight_json
from ..cutover.run import Spec
from ..cutover.states import FORWARD, State
from .cutover_sections import percent
from .plan_markdown import cell
from .table import count, one_line, table
from .times import spelled

if TYPE_CHECKING:
    from ..cutover.previewing import Preview

SCHEMA = "podlift.dev/cutover-preview/v1"
IRREVERSIBLE = (
    "Nothing before podlift cutover finalize: from every state until then, podlift cutover abort leads callers back.",
    "finalize takes away the legacy side's slices and what the run marked.",
    "Containers stay, stopped; with finalize --remove-legacy they go too. No volume or image is ever removed.",
)


REUSED = (
    "zero loss is claimed only where a pod, told to end before any is admitted, answers what is under way and closes, "
    "or a drain hook is given"
)
# Places, as far as no user said anything of them.
_MOST_SHOWN = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class _Section:
    """``lines`` stand above the rows."""

    title: str
    lines: tuple[str, ...] = ()
    head: tuple[str, ...] = ()
    rows: Sequence[Sequence[str]] = ()


def preview_table(preview: Preview, kind: str, *, probed: bool) -> str:
    """``kind``: the workload's class; ``probed``: nodes and hosts were asked. The last line sums it up."""
    parts = []
    for each in _sections(preview, kind, probed):
        lines = "".join(f"  {one_line(line)}\n" for line in each.lines)
        rows = table(each.head, each.rows)
        parts.append(f"{each.title}\n{lines}" + "".join(f"  {line}\n" for line in rows.splitlines()))
    return "\n".join([*parts, f"{summary(preview)}\n"])


def preview_markdown(preview: Preview, kind: str, *, probed: bool) -> str:
    lines = [f"# Cutover of {cell(preview.spec.workload)}", "", f"**{cell(summary(preview))}**"]
    for each in _sections(preview, kind, probed):
        lines += ["", f"## {each.title}", ""]
        lines += [f"{cell(line)}  " for line in each.lines]
        if each.rows:
            lines += [""] if each.lines else []
            lines += [_cells(each.head), "|" + "---|" * len(each.head)]
            lines += [_cells([cell(one) for one in row]) for row in each.rows]
    return "\n".join(lines) + "\n"


def preview_json(preview: Preview, kind: str, *, probed: bool) -> dict[str, Any]:
    """``bypassing`` is null where nobody was asked."""
    spec = preview.spec
    return {
        "schema": SCHEMA,
        "workload": spec.workload,
        "name": spec.name,
        "namespace": spec.namespace,
        "plan": spec.plan,
        "class": kind,
        "controllers": [{"kind": each.kind, "name": each.name, "pods": each.count} for each in spec.controllers],
        "services": [each["metadata"]["name"] for each in spec.services],
        "legacy": [{"host": each.host, "name": each.name, "id": each.id} for each in spec.originals],
        "schedule": [
            {"state": state, "admitted": admitted, "legacy": legacy, "share": round(share, 4)}
            for state, admitted, legacy, share in _schedule(preview)
        ],
        "approvals": list(spec.approvals),
        "preflight": preflight_json(preview.preflight),
        "durations": {state: seconds for state, seconds in preview.durations.items() if state in _ahead(spec)},
        "endsAt": _end(spec).value,
        "irreversible": list(IRREVERSIBLE),
        "bypassing": [
            {"instance": instance, "peer": peer, "connections": number} for instance, peer, number in preview.bypassing
        ]
        if probed
        else None,
        "overlap": _overlap_json(preview.overlap),
    }


def summary(preview: Preview) -> str:
    """One line.

    Preview: web can be cut over; 0 rows refuse, 2 mitigate, 3 warn, 1 unknown, 9 at start.
    """
    spec, tally = preview.spec, _tally(preview.preflight)
    can = "cannot be cut over" if preview.preflight.refused else "can be cut over"
    noun = "row refuses" if tally["refuse"] == 1 else "rows refuse"
    rest = ", ".join(f"{tally[word]} {word.replace('-', ' ')}" for word in ("mitigate", "warn", "unknown", "at-start"))
    return f"Preview: {spec.workload} {can}; {tally['refuse']} {noun}, {rest}."


def _sections(preview: Preview, kind: str, probed: bool) -> Iterator[_Section]:
    spec = preview.spec
    yield _Section(title="What is moved", lines=tuple(_moved(spec, kind)))
    yield _Section(
        title="Schedule",
        lines=("A Service gives each endpoint the same share of new connections; no other can be had.",),
        head=("STEP", "PODS", "LEGACY", "SHARE OF PODS"),
        rows=[
            (state, str(admitted), str(legacy), percent(share)) for state, admitted, legacy, share in _schedule(preview)
        ],
    )
    yield _preflight(preview.preflight)
    yield _durations(preview)
    yield _Section(title="What is irreversible", lines=IRREVERSIBLE)
    yield _bypassing(preview, probed)
    yield _overlap(preview.overlap)


def _moved(spec: Spec, kind: str) -> Iterator[str]:
    by_host = sorted(Counter(each.host for each in spec.originals).items())
    services = ", ".join(each["metadata"]["name"] for each in spec.services)
    legacy = ", ".join(f"{number} on {host}" for host, number in by_host)
    yield f"{spec.workload} ({kind}), in namespace {spec.namespace}, by plan {spec.plan[:12]}"
    yield f"legacy: {count(len(spec.originals), 'running instance')}" + (f" ({legacy})" if legacy else "")
    yield "pods: " + (", ".join(f"{each.count} of {each.kind}/{each.name}" for each in spec.controllers) or "none")
    yield f"callers: by {services}" if services else "callers: no Service takes any"
    yield f"connections that are used again: {REUSED}"


def _schedule(preview: Preview) -> Iterator[tuple[str, int, int, float]]:
    """State, pods that are admitted, legacy instances that take callers, the pods' share."""
    spec = preview.spec
    steps, legacy = spec.steps, len(spec.originals)
    for number, share in enumerate(preview.shares):
        if number < len(steps):
            yield State.SHIFT.value, steps[number], legacy, share
        else:
            yield State.STANDBY.value, steps[-1], max(0, legacy - 1 - (number - len(steps))), share


def _preflight(preflight: Preflight) -> _Section:
    rows = [
        (row.level.value, row.code, one.subject, f"{one.reason}; {one.next_step}")
        for row in preflight.rows
        if row.status is Status.FOUND
        for one in row.notices
    ]
    rows += [
        ("unknown", row.code, "", ", ".join(row.unknown)) for row in preflight.rows if row.status is Status.UNKNOWN
    ]
    later = [row.code for row in preflight.rows if row.status is Status.AT_START]
    clear = sum(row.status is Status.CLEAR for row in preflight.rows)
    lines: tuple[str, ...] = (f"{count(clear, 'row')} clear of {len(preflight.rows)}; podlift explain CODE says more",)
    if later:
        lines += (f"at start (--probe tries it now): {', '.join(later)}",)
    head = ("LEVEL", "CODE", "SUBJECT", "WHY, AND WHAT TO DO")
    return _Section(title="Preflight", lines=lines, head=head, rows=rows)


def _durations(preview: Preview) -> _Section:
    spec = preview.spec
    known = {state: seconds for state, seconds in preview.durations.items() if state in _ahead(spec)}
    lines = []
    if spec.approvals:
        lines.append(f"it waits for podlift cutover approve before {', '.join(spec.approvals)}")
    if not spec.frozen:
        lines.append("it ends at STANDBY, and stops nothing: no freeze hook keeps the legacy scheduler from it")
    rows = [(state, spelled(seconds)) for state, seconds in known.items()]
    rows.append(("all", spelled(sum(known.values()))))
    return _Section(title="How long it takes", lines=tuple(lines), head=("STATE", "AT LEAST"), rows=rows)


def _bypassing(preview: Preview, probed: bool) -> _Section:
    lines: tuple[str, ...] = ()
    if not probed:
        lines = ("not asked; --probe asks nodes and hosts now",)
    elif not preview.bypassing:
        lines = ("nobody was seen",)
    return _Section(
        title="Who calls past the Service today",
        lines=lines,
        head=("INSTANCE", "CALLER", "CONNECTIONS"),
        rows=[(instance, peer, str(number)) for instance, peer, number in preview.bypassing],
    )


def _overlap(overlap: Overlap) -> _Section:
    """Of many places those with most connections, and those of which a user said how many there may be."""
    copies, legacy = overlap.copies, overlap.legacy
    lines = [f"both run at once: up to {copies} copies in place of {legacy}, with connections, licences and consumers"]
    lines += [
        f"{name}={number}: up to {copies * number} in place of {legacy * number}, if it counts for each copy"
        for name, number in overlap.settings
    ]
    lines.append(_consumers(overlap))
    if not overlap.asked:
        lines.append("connections: unknown; --probe asks hosts now")
    lines += [f"connections of {name}: unknown: {why}" for name, why in sorted(overlap.unseen.items())]
    if overlap.asked and not overlap.unseen and not overlap.lines:
        lines.append("connections: none was seen")
    shown = [each for number, each in enumerate(overlap.lines) if number < _MOST_SHOWN or each.limit is not None]
    if more := overlap.more + len(overlap.lines) - len(shown):
        lines.append(f"and {count(more, 'other')} to which fewer connections stand")
    return _Section(
        title="What runs twice meanwhile",
        lines=tuple(lines),
        head=("TO", "WHAT", "CONNECTIONS", "WITH PODS", "LIMIT"),
        rows=[
            (
                each.to,
                each.what,
                str(each.now),
                f"{each.both}, too many" if each.over else str(each.both),
                "not said" if each.limit is None else str(each.limit),
            )
            for each in shown
        ],
    )


def _consumers(overlap: Overlap) -> str:
    said = f" ({', '.join(overlap.consumes)})" if overlap.consumes else ""
    if overlap.unasked == "no":
        return f"consumers: none, as was decided{said}"
    answer = f"it starts work by itself, {overlap.unasked}, as was decided" if overlap.unasked else "unknown"
    return f"consumers: {answer}{said}"


def _overlap_json(overlap: Overlap) -> dict[str, Any]:
    return {
        "legacy": overlap.legacy,
        "copies": overlap.copies,
        "asked": overlap.asked,
        "connections": [
            {"to": each.to, "what": each.what, "now": each.now, "both": each.both, "limit": each.limit}
            for each in overlap.lines
        ],
        "more": overlap.more,
        "unknown": [{"instance": name, "reason": why} for name, why in sorted(overlap.unseen.items())],
        "settings": [{"name": name, "perCopy": number} for name, number in overlap.settings],
        "actsUnasked": overlap.unasked,
        "consumes": list(overlap.consumes),
    }


def _tally(preflight: Preflight) -> Counter[str]:
    return Counter(_word(row) for row in preflight.told)


def _word(row: Row) -> str:
    return row.level.value if row.status is Status.FOUND else row.status.value


def _end(spec: Spec) -> State:
    return State.STOPPED if spec.frozen else State.STANDBY


def _ahead(spec: Spec) -> frozenset[str]:
    """The states that the run comes through."""
    return frozenset(each.value for each in FORWARD if each.reached <= _end(spec).reached)


def _cells(row: Sequence[str]) -> str:
    return "| " + " | ".join(row) + " |"

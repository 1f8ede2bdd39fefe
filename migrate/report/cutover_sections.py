"""What is told of a run, whatever it is shown on: facts, and tables with a title. Texts are as they were found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..cutover.history import Span
from ..cutover.listing import Unreadable
from ..cutover.status import ContainerStatus, Held, PodStatus, Status
from .table import count
from .times import moment, spelled

SELECTS: Mapping[str, str] = {
    "all": "every pod of the workload",
    "admitted": "admitted pods",
    "other": "what somebody else wrote",
    "": "it is not there",
}
_BLOCK = "\u2588"
_FIGURES = ("samples", "success", "p50_s", "p99_s", "legacy_success", "legacy_p99_s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """``rows`` below ``head``; ``none``: what is said where there are none, ``""``: then there is no section."""

    title: str
    head: tuple[str, ...]
    rows: Sequence[Sequence[str]]
    none: str = ""


def facts(status: Status) -> Iterator[tuple[str, str]]:
    """Label and value, without those that have none."""
    if status.paused:
        yield "paused", status.paused
    if status.waiting is not None:
        waiting = status.waiting
        until = f", {spelled(waiting.until - status.now)} to go" if waiting.until is not None else ""
        yield "waits for", f"{waiting.what} (for {_ago(status, waiting.since)}{until})"
    if status.act and not status.ended:
        yield "last write", status.act
    if status.approvals:
        yield "approvals", f"still to come before {', '.join(status.approvals)}"
    if not status.ended:
        yield "driver", _held(status.lock)
        if status.keeper_needed:
            yield "keeper", _keeper(status)
    if status.claim:
        yield "reused", f"of connections that are used again {status.claim}"
    for host, why in sorted(status.unread.items()):
        yield "unread", f"{host}: {why}"
    if status.torn:
        yield "history", f"{count(status.torn, 'line')} of it cannot be read"
    if not status.seen:
        yield "unread", "cluster and engines: what follows is the journal's"
    yield "run", f"{status.run}, epoch {status.epoch}, in namespace {status.namespace}, by plan {status.plan[:12]}"


def headline(status: Status) -> str:
    """``web: SHIFT, pods take 33 % of new connections``"""
    share = status.pods_share
    parts = [status.state, *(["paused"] if status.paused and not status.ended else [])]
    parts += [f"pods take {percent(share)} of new connections"] if share is not None else []
    return f"{status.workload}: {', '.join(parts)}"


def listed(found: Iterable[Status | Unreadable]) -> Section:
    """Several runs, a row each."""
    rows = []
    for each in found:
        if isinstance(each, Unreadable):
            rows.append(
                (each.name, "unreadable", "", "", f"{each.error.code}: {each.error.subject}: {each.error.reason}")
            )
            continue
        since = _ago(each, each.spans[-1].began) if each.spans else ""
        waits = (
            f"paused: {each.paused}" if each.paused and not each.ended else each.waiting.what if each.waiting else ""
        )
        share = "" if each.pods_share is None else percent(each.pods_share)
        rows.append((each.name, each.state, since, share, waits))
    return Section(title="Runs", head=("WORKLOAD", "STATE", "FOR", "PODS TAKE", "WAITS FOR"), rows=rows)


def present(status: Status) -> Iterator[Section]:
    """Who takes callers now, and how far it is."""
    yield Section(
        title="Endpoints",
        head=("SERVICE", "SOURCE", "ENDPOINT", "CONDITION", "SHARE", "WHOSE"),
        rows=[
            (service.name, each.source, each.backend, each.condition, percent(each.share), each.of)
            for service in status.services
            for each in service.takers
        ],
    )
    yield Section(
        title="Services",
        head=("SERVICE", "ADDRESS", "SELECTS"),
        rows=[(each.name, each.address, SELECTS[each.selects]) for each in status.services],
    )
    yield Section(
        title="Pods",
        head=("POD", "STATE", "ADMITTED", "RESTARTS", "NODE"),
        rows=[
            (each.name, _pod(each), "yes" if each.admitted else "no", str(each.restarts), each.node)
            for each in status.pods
        ],
    )
    yield Section(
        title="Containers",
        head=("CONTAINER", "HOST", "STATE", "WANTED", "RESTART"),
        rows=[(each.name, each.host, each.state, _wanted(each), _restart(each)) for each in status.containers],
    )
    yield Section(
        title="Schedule",
        head=("STEP", "PODS", "STANDING BY", "SHARE OF PODS", "DONE"),
        rows=[
            (str(number), str(each.pods), str(each.standing_by), percent(each.share), "yes" if each.done else "no")
            for number, each in enumerate(status.steps, 1)
        ],
    )
    last = {each.gate: each for each in status.gates}
    yield Section(
        title="Gates",
        head=("GATE", "STEP", "RESULT", "AGO", "SAID"),
        rows=[(each.gate, each.step, each.result, _ago(status, each.at), each.text) for each in last.values()],
    )
    yield Section(title="Evidence", head=("STATE", "RESTS ON"), rows=sorted(status.evidence.items()))


def past(status: Status) -> Iterator[Section]:
    """How it came to be so: for the run's report."""
    yield Section(
        title="States",
        head=("STATE", "REACHED", "LASTED", "OF WHICH PAUSED", "RESTS ON"),
        rows=[_span(each, status) for each in status.spans],
        none="The journal has no history.",
    )
    yield Section(
        title="Share of pods",
        head=("SINCE", "STATE", "SHARE", ""),
        rows=[
            (moment(at), state_at(status, at), percent(share), "\u2588" * round(20 * share))
            for at, share in status.share
        ],
        none="The journal does not say when pods took which share.",
    )
    yield Section(
        title="What the gates said",
        head=("WHEN", "STEP", "GATE", "RESULT", "SAMPLES", "SUCCESS", "P50", "P99", "LEGACY SUCCESS", "LEGACY P99"),
        rows=[
            (moment(each.at), each.step, each.gate, each.result, *(_figure(name, each.figures) for name in _FIGURES))
            for each in status.gates
        ],
        none="The journal has no figures of gates.",
    )
    yield Section(
        title="What was left",
        head=("WHAT",),
        rows=[(each,) for each in status.left or ()],
        none="Nothing." if status.left is not None else "Not looked at: cluster and engines could not be read.",
    )


def lines(status: Status) -> Section:
    """The history, line by line."""
    title = "History, whose older lines are gone" if status.cut else "History"
    return Section(
        title=title,
        head=("WHEN", "STATE", "EVENT", "WHAT"),
        rows=[(moment(each["at"]), each["state"], each["event"], str(each["text"])) for each in status.history],
    )


def took(status: Status) -> str:
    """``FINALIZED after 42m10s, 1m of it paused``, ``""`` without any history."""
    if not status.spans:
        return ""
    began, end = status.spans[0].began, status.spans[-1].began if status.ended else status.now
    paused = sum(_overlap(each, began, end) for each in status.pauses)
    more = f", {spelled(paused)} of it paused" if paused else ""
    return f"{status.state} after {spelled(end - began)}{more}; {count(len(status.history), 'line')} of history."


def state_at(status: Status, at: float) -> str:
    return next((each.state for each in reversed(status.spans) if each.began <= at), "")


def percent(share: float) -> str:
    """
    >>> percent(1 / 3), percent(0.001), percent(1)
    ('33 %', '0.1 %', '100 %')
    """
    return f"{100 * share:.1f} %" if 0 < share < 0.01 else f"{100 * share:.0f} %"


def _held(lock: Held | None) -> str:
    if lock is None:
        return "none"
    over = ", which is too long" if lock.over else ""
    return f"{lock.holder}, last heard of {spelled(lock.age_s)} ago{over}"


def _keeper(status: Status) -> str:
    held = _held(status.keeper)
    if status.keeper_away:
        return f"{held}: nobody keeps the legacy slices true; podlift cutover resume or keep does"
    return f"{held}; {status.keeper.note}" if status.keeper and status.keeper.note else held


def _ago(status: Status, at: float) -> str:
    return spelled(max(0.0, status.now - at))


def _pod(pod: PodStatus) -> str:
    if pod.ending:
        return "ending"
    return "ready" if pod.ready else "not ready"


def _wanted(each: ContainerStatus) -> str:
    return each.wanted if each.known else "not the run's"


def _restart(each: ContainerStatus) -> str:
    return each.restart if each.restart in (each.original, "") else f"{each.restart} (was {each.original})"


def _span(span: Span, status: Status) -> tuple[str, ...]:
    end = status.now if span.ended is None else span.ended
    paused = sum(_overlap(each, span.began, end) for each in status.pauses)
    lasts = "lasts" if not status.ended else ""
    lasted = lasts if span.ended is None else spelled(end - span.began)
    rests = status.evidence.get(span.state, "")
    return span.state, moment(span.began), lasted, spelled(paused) if paused else "", rests


def _overlap(pause: Span, began: float, end: float) -> float:
    return max(0.0, min(end, end if pause.ended is None else pause.ended) - max(began, pause.began))


def _figure(name: str, figures: Mapping[str, float]) -> str:
    if name not in figures:
        return ""
    value = figures[name]
    if name.endswith("_s"):
        return f"{1000 * value:.0f} ms"
    return f"{value:.2f} %" if name.endswith("success") else f"{value:g}"

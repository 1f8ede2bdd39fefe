"""Runs a model's cutover through kills: before a write, after it with its answer lost, or with it arriving late."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from migrate.cutover.driver import Outcome
from migrate.cutover.endpoints import MARKS
from migrate.cutover.outbound import Outbound
from migrate.cutover.recovering import recovered
from tests.cutover.model import NAME, SPACE, Killed, Model

_DRIVERS = 60


@dataclass(frozen=True)
class Kill:
    """At the ``nth`` write of this label. ``abort``: a user asks for it before the next driver comes.

    fate   ``before``: nothing is done. ``after``: it is done, and its answer lost. ``late``: it arrives when the next
           driver has begun; ``last``: when the run is over
    """

    label: str
    nth: int
    fate: str
    abort: bool = False

    def __str__(self) -> str:
        return f"{self.fate} {self.label} #{self.nth}" + (", then abort" if self.abort else "")


def labels_of(make: Callable[[], Model], *, abort_at: Kill | None = None) -> list[tuple[str, int]]:
    """The writes of a run without kills (or with one that is followed by an abort): label and how often before."""
    world = make()
    finished(world, [abort_at] if abort_at else [])
    return numbered(world.labels)


def as_in_the_lab() -> Model:
    """A run as tests/cluster/cutover has them of real engines and pods, begun: one instance that becomes two pods, with
    nobody who calls past the Service, no check of HTTP, and nothing that comes later."""
    world = Model(pods=2, legacy=1)
    world.direct = {}
    world.begin(later=(), resolved_before=False, outbound=Outbound(), check={"kind": "tcp"})
    return world


def straight_labels() -> frozenset[str]:
    """What its driver writes on the straight way."""
    return frozenset(each for each in finished(as_in_the_lab(), []).labels if not each.endswith(" ask"))


def numbered(labels: Sequence[str]) -> list[tuple[str, int]]:
    seen: dict[str, int] = {}
    made = []
    for label in labels:
        seen[label] = seen.get(label, 0) + 1
        made.append((label, seen[label]))
    return made


def finished(world: Model, kills: Sequence[Kill]) -> Model:
    """Drives a run to its end, through kills, each of them once, in order."""
    left = list(kills)
    counts: dict[str, int] = {}

    def at(label: str) -> Kill | None:
        counts[label] = counts.get(label, 0) + 1
        return left.pop(0) if left and (left[0].label, left[0].nth) == (label, counts[label]) else None

    return driven(world, at)


def driven(world: Model, at: Callable[[str], Kill | None]) -> Model:
    """Drives a run to its end. ``at`` is asked at each write, and tells whether the driver is killed there."""
    late_after: int | None = None
    killed: Kill

    def on_write(label: str) -> str:
        nonlocal late_after, killed
        if world.delayed and late_after is not None:
            # a patch that was under way arrives when the next driver has written once, or some times
            late_after -= 1
            if late_after < 0:
                world.arrive()
        kill = at(label)
        if kill is None:
            return ""
        killed = kill
        return kill.fate

    world.on_write = on_write
    if not world.begun:
        world.begin()
    for number in range(_DRIVERS):
        try:
            outcome, why = world.driver(f"driver-{number}").drive(resume=True)
        except Killed:
            late_after = None if killed.fate == "last" else 2
            if not killed.label.split(": ")[1].startswith("patch"):
                # what no version holds back arrives before the dead driver's lease is over
                world.arrive()
            if killed.abort:
                asked(world, abort=True)
            continue
        if outcome is Outcome.REST or (outcome is Outcome.PAUSED and not world.containers):
            # where they have been removed there is no way back
            finalize(world)
            continue
        if outcome in (Outcome.ENDED, Outcome.ROLLED_BACK):
            world.arrive()
            world.sleep(3)
            return world
        raise AssertionError(f"driver {number} ended as {outcome}: {why}")
    raise AssertionError("it does not end")


def chained(world: Model) -> tuple[Model, set[str]]:
    """Drives a run to its end; each driver is killed after its first write of a label that was not killed at yet. The
    labels at which one was."""
    killed: set[str] = set()

    def on_write(label: str) -> str:
        if label in killed:
            return ""
        killed.add(label)
        return "after"

    world.begin()
    world.on_write = on_write
    for number in range(10 * _DRIVERS):
        try:
            outcome, why = world.driver(f"driver-{number}").drive(resume=True)
        except Killed:
            continue
        if outcome is Outcome.REST:
            finalize(world)
            continue
        assert outcome is Outcome.ENDED, why
        return world, killed
    raise AssertionError("it does not end")


def finalize(world: Model) -> None:
    """As the model's user does it."""
    asked(world, finalize=True, remove=tuple(each.key for each in world.spec().originals) if world.removes else ())


def brought(world: Model, state: str) -> None:
    """A driver has brought it to a state and has let go: nobody drives it."""
    driver = world.driver()
    next(event for event in driver.events() if event.state == state)
    driver.let_go()


def asked(world: Model, **what: Any) -> None:
    """A user's request, which no test interrupts."""
    watching, world.on_write = world.on_write, lambda _label: ""
    world.journal.ask(lambda requests: replace(requests, **what))
    world.on_write = watching


def abort_without_journal(world: Model) -> None:
    """It is made again from what stands, as by the verb; nobody drives yet."""
    world.store.pop(("ConfigMap", f"cutover-{NAME}"), None)
    found = recovered(world, SPACE, NAME, now=world.time)
    assert found is not None
    world.journal.begin(*found, at=world.time)
    asked(world, abort=True)


def wrongs(world: Model) -> list[str]:
    """What is not as it must be at the end, and every moment at which a caller would have been failed."""
    found = list(world.wrongs)
    state = world.state
    service = world.get("v1", "Service", SPACE, "web")
    slices = [name for kind, name in world.store if kind == "EndpointSlice" and "legacy" in name]
    deployment = world.get("apps/v1", "Deployment", SPACE, "web")
    pods = [each for (kind, _), each in world.store.items() if kind == "Pod"]
    gated = service is not None and "podlift.dev/admitted" in (service["spec"].get("selector") or {})
    journal = world.get("v1", "ConfigMap", SPACE, "cutover-web")
    assert deployment is not None
    assert journal is not None

    def marked(each: Mapping[str, Any]) -> bool:
        return not {*MARKS}.isdisjoint(each["metadata"].get("annotations", {}))

    lasting = {
        "the journal has no finalizer left": "finalizers" not in journal["metadata"],
        "the Deployment is not paused": not deployment["spec"].get("paused"),
        "no pod bears the gate": not any("podlift.dev/admitted" in each["metadata"]["labels"] for each in pods),
        "no container was stopped twice": all(each.stops <= 1 for each in world.containers) or state == "ROLLED_BACK",
        "no mark is left on the Deployment": not marked(deployment),
        "nobody holds the lock": ("Lease", "cutover-web") not in world.store,
    }
    if state == "FINALIZED":
        lasting |= {
            "the Service is wide": service is not None and not gated and not marked(service),
            "no slice of ours is left": not slices,
            "the containers are stopped": not any(each.running for each in world.containers),
            "the containers are there, or removed": not (world.containers if world.removes else world.gone),
            "the pods are there": len(pods) == world.count,
            "the HPA is there": ("HorizontalPodAutoscaler", "web") in world.store,
        }
    else:
        lasting |= {
            "it is rolled back": state == "ROLLED_BACK",
            "the containers run": all(each.running for each in world.containers),
            "the engines look after them": all(each.restart["Name"] == "always" for each in world.containers),
            "there are no pods": not pods,
            "there is no HPA": ("HorizontalPodAutoscaler", "web") not in world.store,
            "the Deployment is held": deployment["spec"]["replicas"] == 0,
            "the Service is gated, gone or as it stood": service is None
            or gated
            or not service["spec"].get("selector"),
            "slices are there with a Service of the run alone": bool(slices) == gated,
            "the scheduler looks after it": not world.frozen,
        }
    return found + [f"not so: {said}" for said, holds in lasting.items() if not holds]


def points(make: Callable[[], Model], *, abort_at: Kill | None = None) -> list[tuple[str, int]]:
    """All writes of a run, but what users write: the journal's beginning, and requests."""
    labels = labels_of(make, abort_at=abort_at)
    return [each for each in labels if "create ConfigMap" not in each[0] and not each[0].endswith(" ask")]


def failures(
    make: Callable[[], Model], kills: Sequence[Sequence[Kill]], wrongs: Callable[[Model], list[str]] = wrongs
) -> list[str]:
    """What is wrong after each of them, one line each."""
    found = []
    for each in kills:
        if wrong := wrongs(finished(make(), each)):
            found.append(f"{', '.join(map(str, each))}: {wrong[0]} (and {len(wrong) - 1} more)")
    return found

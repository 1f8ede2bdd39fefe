"""The legacy containers of a run that has ended go, each of which a user agreed to. Pure.

Nothing but a container that the run itself stopped, by its ID, goes, and no volume with it. All that is to be removed
has to stand still first, pods have to serve, and the scheduler has to keep off, which would make new ones.
"""

from __future__ import annotations

from collections.abc import Iterable

from converters.errors import PodliftError

from . import conditions, freezing
from .decision import Act, Action, Pause, Verb
from .edges import Container, Found
from .endpoints import instance_key
from .moment import Moment, Steps
from .run import Original


def agreed(key: str) -> str:
    """Among Run.done, where a user agreed to the removal of an instance's container."""
    return f"remove {key}"


def removed(m: Moment) -> Steps:
    there = {key: m.world.container(key) for key in m.keys if agreed(key) in m.run.done}
    left = {key: container for key, container in there.items() if container is not None}
    if not left:
        return
    for key, container in left.items():
        if container.running:
            yield Pause(code="cutover-legacy-runs", reason=f"{m.name(key)} runs again, and is not removed")
    yield from conditions.enough_pods(m)
    for key, container in left.items():
        yield from freezing.keeps_off(m)
        stay = f"; its volumes stay: {', '.join(container.volumes)}" if container.volumes else ""
        yield Act(
            action=Action(verb=Verb.REMOVE, kind="Container", name=key), why=f"a user agreed to its removal{stay}"
        )


def removable(workload: str, known: Iterable[Original], found: Found) -> tuple[Container, ...]:
    """Those of the run's containers that are still there. Raises PodliftError ``cutover-legacy-runs``,
    ``cutover-legacy-unread``."""
    keys = {each.key: each for each in known}
    for host in sorted({each.host for each in keys.values()} & found.unread.keys()):
        raise PodliftError(
            code="cutover-legacy-unread",
            phase="cutover",
            subject=workload,
            reason=f"what is on {host} cannot be read: {found.unread[host]}",
            next_step="run it again when its engine answers; or finalize without --remove-legacy",
        )
    there = tuple(each for each in found.containers if instance_key(each) in keys)
    for each in there:
        if each.running:
            raise PodliftError(
                code="cutover-legacy-runs",
                phase="cutover",
                subject=workload,
                reason=f"{each.name} on {each.host} runs again, and none that runs is removed",
                next_step="see who started it and stop it; or finalize without --remove-legacy",
            )
    return there

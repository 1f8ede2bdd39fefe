"""What podlift applied to the end without a cutover, with pods that take the Services' callers: whether a run may take
it over where it stands."""

from __future__ import annotations

from collections.abc import Iterator

from converters.objects.context import WORKLOAD

from ...diff.defaults import with_defaults
from ...diff.live import without_server_fields
from ...diff.walk import Op, changes
from ...plan.objects import title
from ..endpoints import RUN, SLICE_BY, SLICE_OF, SLICES_OF_PODS, wide_selector
from ..world import ports_asked
from .row import Notice
from .seen import Object, Seen, annotations_of, is_headless, labels_of, name_of

_SHOWN = 3


def serves(seen: Seen) -> bool:
    """Whether all of the plan's Services that take callers stand with its pods behind them, and may be taken over."""
    return bool(_leading(seen)) and not why_not(seen)


def why_not(seen: Seen) -> str:
    """The first thing that speaks against it; ``""``: nothing. Whose pods a selector matches, and who scales them, are
    rows of their own."""
    return next(_against(seen), "")


def serving(seen: Seen) -> Iterator[Notice]:
    """The row."""
    for each in _leading(seen) if serves(seen) else ():
        yield Notice(
            subject=title(each),
            reason=f"it stands as the plan has it, and its callers are with {seen.replicas} pods of the plan's: there "
            "they stay, beside the legacy side from BRIDGED to STANDBY, and without it after an abort",
        )


def _leading(seen: Seen) -> tuple[Object, ...]:
    return tuple(each for each in seen.services if each["spec"].get("selector") and not is_headless(each))


def _against(seen: Seen) -> Iterator[str]:
    there = {name_of(each): each for each in seen.here("Service")}
    for each in _leading(seen):
        live = there.get(name_of(each))
        if live is None:
            yield f"{title(each)} is not there beside it"
        else:
            yield from _of_service(each, live, seen)
    for each in seen.controllers:
        live = next((one for one in seen.here(each["kind"]) if name_of(one) == name_of(each)), None)
        if live is None:
            yield f"{title(each)} is not there"
        else:
            yield from _of_controller(each, live, seen)


def _of_service(planned: Object, live: Object, seen: Seen) -> Iterator[str]:
    name = name_of(planned)
    if labels_of(live).get(WORKLOAD) != seen.selector[WORKLOAD]:
        yield f"Service/{name} is not one that podlift applied for this workload"
    if RUN in annotations_of(live):
        yield f"Service/{name} bears the mark of a run"
    if (live["spec"].get("selector") or {}) != wide_selector(planned):
        yield f"the selector of Service/{name} is not the plan's"
    if ports_asked(live) != ports_asked(planned):
        yield f"the ports of Service/{name} are not the plan's"
    for each in seen.here("EndpointSlice"):
        if labels_of(each).get(SLICE_OF) == name and labels_of(each).get(SLICE_BY) != SLICES_OF_PODS:
            yield f"{title(each)} is of the Service too, and not of its pods"


def _of_controller(planned: Object, live: Object, seen: Seen) -> Iterator[str]:
    count = seen.entry["replicas"].get(name_of(planned), planned["spec"].get("replicas", 1))
    has = live["spec"].get("replicas", 1)
    if has != count:
        yield f"{title(live)} has {has} replicas, and the plan {count}: scale it to these"
    if live["spec"].get("paused"):
        yield f"{title(live)} is paused, and a run could not tell that from its own pause"
    if unlike := list(_unlike(planned, live)):
        yield f"the template of {title(live)} is not the plan's ({', '.join(unlike[:_SHOWN])}): apply the plan first"
    status = live.get("status") or {}
    whole = all(status.get(key, 0) == count for key in ("replicas", "updatedReplicas", "availableReplicas"))
    # as kubectl rollout status has it (pkg/polymorphichelpers/rollout_status.go)
    if not whole or status.get("observedGeneration", 0) < live["metadata"].get("generation", 0):
        yield f"{title(live)} has not all of its {count} pods of its present template available"


def _unlike(planned: Object, live: Object) -> Iterator[str]:
    """Where the template of pods is not the plan's; what others set beside it does not count."""
    said = planned["spec"]["template"]
    wanted, there = (
        each["spec"]["template"] for each in (with_defaults(planned), without_server_fields(live, planned))
    )
    # what neither side says is no difference
    unsaid = {each.path for each in changes(said, wanted) if each.op is Op.ADDED}
    for each in changes(there, wanted):
        if each.op is Op.CHANGED or (each.op is Op.ADDED and each.path not in unsaid):
            yield each.path

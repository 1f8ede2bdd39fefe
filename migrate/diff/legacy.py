"""A plan held against the legacy side as it is now: must one plan again?

The capture is planned once more, with the plan's own target and decisions, and what the two plans know of the legacy
side is compared. So what a container's new ID, address or uptime would be is no difference, and whatever would change
the plan is one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from converters.capture import Capture
from converters.decisions import Decisions
from converters.errors import PodliftError
from converters.sources.mapping import Mapping as ConfigMapping
from converters.target import Target

from ..plan.making import make_plan
from ..plan.model import Plan, jsonable
from ..report.table import count
from .comparison import Comparison, Extra, Leg, ObjectDifference, State
from .rebuilding import rebuilt
from .secret_values import sealed
from .walk import Change, Op, changes

Event = Callable[[str, int, int], None]
Entry = Mapping[str, Any]

AGAINST = "the legacy side"
# What a plan's entry knows of the legacy side beside the workload itself.
_TOLD_ELSEWHERE = frozenset({"instances", "references"})
# Lists of a workload without merge keys of Kubernetes' own: what tells their items apart.
_KEYS: Mapping[str, tuple[str, ...]] = {
    "ports": ("container_port", "protocol"),
    "published": ("host_ip", "host_port"),
    "mounts": ("target",),
    "ulimits": ("name",),
    "devices": ("container_path",),
    "networks": ("name",),
    "names": ("name", "network", "kind"),
    "replicas": ("site",),
    "min": ("site",),
    "max": ("site",),
    "differences": ("subject",),
}
_DOCKER = frozenset({"container", "image", "volume", "network", "engine"})


def compare_legacy(
    plan: Plan,
    capture: Capture,
    chosen: Collection[str] = (),
    *,
    mapping: ConfigMapping | None = None,
    key: bytes = b"",
    on_event: Event | None = None,
) -> Comparison:
    """A workload each. Not compared: where a host that counts was not read.

    Raises PodliftError ``mapping-missing`` where the plan was made with configs and none are given, and what planning
    raises.
    """
    unread = unread_hosts(plan, capture)
    if unread:
        return Comparison(leg=Leg.LEGACY, against=AGAINST, not_compared=unread)
    if not capture.configs:
        _refuse_without_configs(plan)
    if plan.redacted and not capture.redacted:
        from ..capture import redact

        capture = redact(capture)
    now = make_plan(
        capture,
        mapping=mapping,
        target=_again(Target, plan.target),
        decisions=_again(Decisions, plan.decisions),
        estate=plan.estate,
        on_event=on_event,
    )
    found = tuple(_workloads(plan, now, chosen, key))
    compared = sum(not chosen or entry["name"] in chosen for entry in plan.workloads)
    secrets = sum(len(entry["secrets"]) for entry in plan.workloads if not chosen or entry["name"] in chosen)
    uncompared = (f"{count(secrets, 'Secret')}: {_why(plan, key)}",) if secrets and not (key and plan.secrets) else ()
    return Comparison(
        leg=Leg.LEGACY,
        against=AGAINST,
        answer=_answer(found),
        objects=found,
        compared=compared,
        uncompared=uncompared,
    )


def unread_hosts(plan: Plan, capture: Capture) -> str:
    """Why nothing can be said, ``""`` if it can. A host that did not answer may run anything."""
    failed = [f"{each.host.name} could not be read ({each.error})" for each in capture.hosts if each.error]
    read = {each.host.name for each in capture.hosts}
    planned = {instance["host"] for entry in plan.workloads for instance in entry["instances"]}
    failed += [f"{host} has instances in the plan and is none of the hosts read" for host in sorted(planned - read)]
    return "; ".join(failed)


def _refuse_without_configs(plan: Plan) -> None:
    for verdict in plan.verdicts:
        parts = verdict.source.document.split("/") if verdict.source is not None else ()
        if parts and not (len(parts) > 2 and parts[1] in _DOCKER):
            raise PodliftError(
                code="mapping-missing",
                phase="diff",
                subject="/".join(parts),
                reason="the plan was made with configs of the scheduler, and without them other workloads come out",
                next_step="name configs and mapping in podlift.yaml, or give --mapping FILE and --config FILE",
            )


def _again(kind: type[Any], body: Mapping[str, Any]) -> Any:
    made = rebuilt(kind, body)
    if jsonable(made) != body:
        raise PodliftError(
            code="plan-broken",
            phase="diff",
            subject=f"plan.json: {kind.__name__.lower()}",
            reason="it cannot be read back as it was written",
            next_step="plan again with this version",
        )
    return made


def _why(plan: Plan, key: bytes) -> str:
    return "secrets/ of the plan is not here" if key or not plan.secrets else "there is no key to compare them by"


def _answer(found: Sequence[ObjectDifference]) -> str:
    told = [
        f"{count(number, 'workload')} {what}"
        for state, what in ((State.CHANGED, "changed"), (State.ADDED, "new"), (State.REMOVED, "gone"))
        if (number := sum(each.state is state for each in found))
    ]
    if told:
        return f"Must you plan again? Yes: {', '.join(told)}."
    return "Must you plan again? No: the legacy side is what the plan was made from."


def _workloads(plan: Plan, now: Plan, chosen: Collection[str], key: bytes) -> Iterable[ObjectDifference]:
    fresh = {entry["name"]: entry for entry in now.workloads}
    for entry in plan.workloads:
        name = entry["name"]
        if chosen and name not in chosen:
            continue
        if name not in fresh:
            yield _one(name, State.REMOVED, note=_places(entry), old=_sides(entry))
            continue
        other = fresh[name]
        extras = tuple(_renamed(entry, other))
        found = (
            *changes(_sides(entry), _sides(other)),
            *_instances(entry, other),
            *_secrets(name, plan, now, key),
        )
        if found or extras:
            state = State.CHANGED if found else State.EXTRA
            yield _one(name, state, found, extras, old=_sides(entry), new=_sides(other))
    known = {entry["name"] for entry in plan.workloads}
    for name, entry in fresh.items():
        if name not in known and not chosen:
            yield _one(name, State.ADDED, note=_places(entry), new=_sides(entry))


def _one(
    workload: str,
    state: State,
    found: tuple[Change, ...] = (),
    extras: tuple[Extra, ...] = (),
    *,
    note: str = "",
    old: Mapping[str, Any] | None = None,
    new: Mapping[str, Any] | None = None,
) -> ObjectDifference:
    return ObjectDifference(
        workload=workload,
        name=f"workload/{workload}",
        state=state,
        changes=found,
        extras=extras,
        note=note,
        old=old,
        new=new,
    )


def _places(entry: Entry) -> str:
    hosts = sorted({each["host"] for each in entry["instances"]})
    return f"{count(len(entry['instances']), 'instance')} on {', '.join(hosts)}" if hosts else "no instance"


def _sides(entry: Entry) -> dict[str, Any]:
    """What the plan knows of a workload's legacy side, with every list by what tells its items apart."""
    made: dict[str, Any] = {key: _keyed(key, each) for key, each in entry["workload"].items() if key != "name"}
    for key in _TOLD_ELSEWHERE:
        made.pop(key, None)
    if "differences" in made:
        # by value alone: which instance has which is another instance's name away
        made["differences"] = {
            subject: sorted({value for _, value in each["values"]}) for subject, each in made["differences"].items()
        }
    return made


def _keyed(field: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _keyed(key, each) for key, each in value.items()}
    if not isinstance(value, list) or not value or not all(isinstance(each, Mapping) for each in value):
        return value
    names = set().union(*value)
    if names in ({"key", "value"}, {"key"}):
        return {each["key"]: each.get("value", "") for each in value}
    if names == {"value"}:
        return [each["value"] for each in value]
    keys = _KEYS.get(field)
    items = [_keyed("", each) for each in value]
    if keys is None:
        return items
    keyed = {"/".join(str(each[key]) for key in keys if key in each): each for each in items}
    return keyed if len(keyed) == len(items) else items


def _instances(entry: Entry, other: Entry) -> Iterable[Change]:
    """Instances that are gone or new; one that a host has in place of another is no difference."""
    gone, new, _ = _matched(entry, other)
    for host, name in gone:
        yield Change(op=Op.REMOVED, path=f"instances[{host}/{name}]", old=name)
    for host, name in new:
        yield Change(op=Op.ADDED, path=f"instances[{host}/{name}]", new=name)


def _renamed(entry: Entry, other: Entry) -> Iterable[Extra]:
    for host, before, after in _matched(entry, other)[2]:
        yield Extra(path=f"instances[{host}/{before}]", value=after, owner="")


Placed = list[tuple[str, str]]


def _matched(entry: Entry, other: Entry) -> tuple[Placed, Placed, list[tuple[str, str, str]]]:
    """Host and name of what is gone and what is new, and of what runs on its host under another name."""
    then = [(each["host"], each["name"]) for each in entry["instances"]]
    now = [(each["host"], each["name"]) for each in other["instances"]]
    gone, new = [each for each in then if each not in now], [each for each in now if each not in then]
    renamed = []
    for place in list(gone):
        found = next((each for each in new if each[0] == place[0]), None)
        if found is not None:
            gone.remove(place)
            new.remove(found)
            renamed.append((*place, found[1]))
    return gone, new, renamed


def _secrets(workload: str, plan: Plan, now: Plan, key: bytes) -> Iterable[Change]:
    """Values of secret variables, by their hashes."""
    if not key or not plan.secrets:
        return ()
    before, after = (
        {
            f"{each['metadata']['name']}/{name}": value
            for owner, each in side.secrets
            if owner == workload
            for name, value in sealed(each, key)["data"].items()
        }
        for side in (plan, now)
    )
    return changes({"secrets": before}, {"secrets": after})

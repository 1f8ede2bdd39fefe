"""A Service without a selector that leads to the legacy side, by Endpoints or slices of hand: a run takes it over where
it stands, and gives it back as it was. Pure.

While a Service has a selector, the endpoints controller writes Endpoints of its name, with its labels, and the
mirroring controller removes the slices that it made of them. Without one it is the other way round: Endpoints are
mirrored as they are, and slices of the endpointslice controller stay for ever (kubernetes/kubernetes:
pkg/controller/endpoint, endpointslicemirroring, endpointslice). Slices of hand are nobody's. So slices of the run stand
before the selector comes, and go when what stood before serves again. The Service bears the run's marks until then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from converters.objects.context import WORKLOAD

from .decision import Act, Action, Verb, Wait
from .edges import Container
from .endpoints import (
    ADMITTED,
    MARKS,
    TRIGGER,
    Place,
    address_of,
    gated_selector,
    marks,
    places_of_endpoints,
    places_of_slice,
    ports_of,
    wide_selector,
)
from .moment import Moment, Steps
from .run import Condition
from .world import SeenService, SeenSlice

Object = Mapping[str, Any]

_SLICES = "discovery.k8s.io/v1"
# what leads callers, beside the ports; with what the API server takes where nothing is said
_LEADING: Mapping[str, Any] = {
    "type": "ClusterIP",
    "sessionAffinity": "None",
    "internalTrafficPolicy": "Cluster",
    "externalTrafficPolicy": "Cluster",
    "trafficDistribution": "",
    "publishNotReadyAddresses": False,
}


def recorded(live: Object, endpoints: Object | None, slices: Iterable[Object], planned: Object) -> dict[str, Any]:
    """What a run has to know to give it back: the Service's ``address``, ``ports``, and its ``labels`` where the plan's
    Service has others, with None for those that are not there; ``endpoints``: labels and subsets, None: there are none;
    ``slices``: those of hand, as they are created."""
    labels = live["metadata"].get("labels") or {}
    wanted = planned["metadata"].get("labels") or {}
    return {
        "address": live["spec"].get("clusterIP", ""),
        "ports": live["spec"]["ports"],
        "labels": {key: labels.get(key) for key, value in wanted.items() if labels.get(key) != value},
        "endpoints": None
        if endpoints is None
        else {"labels": endpoints["metadata"].get("labels") or {}, "subsets": endpoints.get("subsets") or []},
        "slices": [_bare(each) for each in slices],
    }


def _bare(live: Object) -> dict[str, Any]:
    metadata = {key: live["metadata"][key] for key in ("name", "labels", "annotations") if live["metadata"].get(key)}
    return {
        "metadata": metadata,
        **{key: live[key] for key in ("addressType", "ports", "endpoints") if live.get(key) is not None},
    }


def strange(live: Object, stood: Object, planned: Object, containers: Iterable[Container]) -> str:
    """Why it cannot be taken over, ``""`` where it can: everything that it leads to is a running instance, by the
    ports that the plan's Service has. ``stood``: as :func:`recorded` makes it."""
    owner = (live["metadata"].get("labels") or {}).get(WORKLOAD)
    if owner not in (None, planned["metadata"].get("labels", {}).get(WORKLOAD)):
        return f"the Service is {owner}'s"
    if live["spec"].get("clusterIP") in ("", "None", None):
        return "the Service has no address"
    for key, usual in _LEADING.items():
        there, asked = (one["spec"].get(key) or usual for one in (live, planned))
        if there != asked:
            return f"the Service has {key} {there}, and the plan's {asked}"
    asked_ports, there_ports = (
        sorted((each.get("name", ""), each.get("protocol", "TCP"), each["port"]) for each in one["spec"]["ports"])
        for one in (planned, live)
    )
    if asked_ports != there_ports:
        return "the Service has other ports than the plan's"
    if any(isinstance(each.get("targetPort"), str) for each in planned["spec"]["ports"]):
        return "the plan's Service names its target ports, which no container of an engine has"
    led = _places(stood)
    if not led:
        return "it leads nowhere"
    others = sorted({f"{place.address}:{place.port}" for place in led - _of(planned, containers)})
    return f"it leads to {', '.join(others)} too, where no instance of the workload answers" if others else ""


def _of(planned: Object, containers: Iterable[Container]) -> frozenset[Place]:
    return frozenset(
        Place(name=name, protocol=protocol, address=address_of(planned, each), port=number)
        for each in containers
        if each.running
        for name, protocol, number in ports_of(planned, each) or ()
    )


def _places(stood: Object) -> frozenset[Place]:
    """All that it led to."""
    endpoints = stood["endpoints"] or {"subsets": []}
    return places_of_endpoints(endpoints).union(*(places_of_slice(each) for each in stood["slices"]))


# ---------------------------------------------------------------- forward


def waits(m: Moment, seen: SeenService) -> bool:
    """Whether it stands as it did before the run, and is to be taken over."""
    return seen.name in m.spec.adopted and not seen.run and not seen.selector


def taken(m: Moment, planned: Object, seen: SeenService) -> Steps:
    """Slices of the run lead where it does, and every node has been seen to follow."""
    yield from m.observed()
    yield _gated(m, planned, seen, "the Service is taken over; the run's slices lead where it did")


def _gated(m: Moment, planned: Object, seen: SeenService, why: str) -> Act:
    gated = gated_selector(planned, m.run.gate)
    selector: dict[str, str | None] = {key: None for key in seen.selector if key not in gated}
    change = {
        "metadata": {"labels": planned["metadata"].get("labels") or {}, "annotations": marks(m.spec, m.run.epoch)},
        "spec": {"selector": selector | gated, "ports": planned["spec"]["ports"]},
    }
    return m.patch(seen, change, why)


def former_gone(m: Moment) -> Steps:
    """What led there before the run leads there no more: legacy instances could not stand by else."""
    for _, seen in m.services:
        if seen is None or seen.name not in m.spec.adopted:
            continue
        named = {each["metadata"]["name"] for each in m.spec.adopted[seen.name]["slices"]}
        for each in seen.others:
            if each.name in named:
                yield _deleted(each, "the run's slices lead there")
        if seen.mirrored:
            why = f"the cluster takes away what it made of the Endpoints of {seen.name}"
            yield Wait(why=why, timeout_s=m.spec.timings.observe_timeout_s)


# ---------------------------------------------------------------- back


def stand(m: Moment) -> bool:
    """Whether all of them lead by themselves, as before the run: its slices are nobody's need."""
    return bool(m.spec.adopted) and all(seen is not None and _stands(m, each, seen) for each, seen in m.services)


def _stands(m: Moment, planned: Object, seen: SeenService) -> bool:
    if seen.run != m.spec.id:
        # what others changed meanwhile is theirs, as long as it leads somewhere; from a selector of the run's a driver
        # that finalized may have taken the marks off
        theirs = {key: value for key, value in seen.selector.items() if key != ADMITTED} != wide_selector(planned)
        return theirs if seen.selector else bool(seen.by_hand)
    stood, there = m.spec.adopted[seen.name], m.world.endpoints.get(seen.name)
    endpoints = None if there is None else {"labels": there.labels, "subsets": there.subsets}
    return not seen.selector and endpoints == stood["endpoints"] and _places(stood) <= seen.by_hand


def regated(m: Moment, planned: Object, seen: SeenService) -> Steps:
    """On the way back it selects no pod. What has no selector any more stays so, as long as what stood before can be
    put back."""
    if seen.selector != gated_selector(planned, m.run.gate) and not _stands(m, planned, seen):
        if seen.selector:
            yield _gated(m, planned, seen, "no pod is admitted any more")
        elif not _can_be_given_back(m):
            yield _gated(m, planned, seen, "what stood before would lead nowhere")


def _can_be_given_back(m: Moment) -> bool:
    return all(
        _places(m.spec.adopted[each["metadata"]["name"]]) <= _of(each, m.running)
        for each, seen in m.services
        if seen is not None
    )


def kept(m: Moment) -> tuple[str, ...]:
    """Those that stay the run's at the end of the way back, with its slices."""
    return tuple(seen.name for _, seen in m.services if seen is not None and m.spec.adopted and seen.run == m.spec.id)


def given_back(m: Moment) -> Steps:
    """Pods are behind none of them any more. Where instances answer elsewhere now, what stood before would lead
    nowhere: then the run's slices stay, as behind every Service that callers hold."""
    if not stand(m) and not _can_be_given_back(m):
        return
    ours = [seen for _, seen in m.services if seen is not None and seen.run == m.spec.id]
    for planned, seen in m.services:
        if seen is not None and not _stands(m, planned, seen):
            yield from _restored(m, seen)
    if ours:
        yield from m.observed()
    yield from m.want(dict.fromkeys(m.keys, Condition.ABSENT), "the Services lead there by themselves")
    yield from m.follows()
    if ours:
        yield from m.observed()
    for seen in ours:
        for each in seen.of_pods:
            yield _deleted(each, "without a selector nobody keeps the slice true")
        yield from m.leaves()
        stood = m.spec.adopted[seen.name]
        change = {
            "metadata": {"labels": stood["labels"], "annotations": dict.fromkeys(MARKS)},
            "spec": {"ports": stood["ports"]},
        }
        yield m.patch(seen, change, "the Service is as before the run")
    yield from m.leave(seen for _, seen in m.services)


def _restored(m: Moment, seen: SeenService) -> Steps:
    stood = m.spec.adopted[seen.name]
    if seen.selector:
        yield m.patch(seen, {"spec": {"selector": None}}, "the Service has no selector, as before the run")
    yield from _endpoints_restored(m, seen.name, stood["endpoints"])
    there = {each.name for each in seen.others}
    for each in stood["slices"]:
        if each["metadata"]["name"] not in there:
            metadata = {**each["metadata"], "namespace": m.spec.namespace}
            body = {**each, "apiVersion": _SLICES, "kind": "EndpointSlice", "metadata": metadata}
            action = Action(
                verb=Verb.CREATE, kind="EndpointSlice", api_version=_SLICES, name=metadata["name"], body=body
            )
            yield Act(action=action, why="it leads there, as before the run")
    if not _places(stood) <= seen.by_hand:
        yield Wait(why=f"the cluster mirrors the Endpoints of {seen.name}", timeout_s=m.spec.timings.observe_timeout_s)


def _endpoints_restored(m: Moment, name: str, stood: Object | None) -> Steps:
    """The endpoints controller wrote over their subsets and labels, and the time of its change."""
    there = m.world.endpoints.get(name)
    if there is None and stood is not None:
        metadata: dict[str, Any] = {"name": name, "namespace": m.spec.namespace, "labels": stood["labels"]}
        body: dict[str, Any] = {"apiVersion": "v1", "kind": "Endpoints", "metadata": metadata}
        action = Action(verb=Verb.CREATE, kind="Endpoints", name=name, body={**body, "subsets": stood["subsets"]})
        yield Act(action=action, why="Endpoints lead there, as before the run")
    elif there is not None and stood is None:
        action = Action(verb=Verb.DELETE, kind="Endpoints", name=name, uid=there.uid, version=there.version)
        yield Act(action=action, why="there were none before the run")
    elif (
        there is not None and stood is not None and (there.labels, there.subsets) != (stood["labels"], stood["subsets"])
    ):
        metadata = {
            "resourceVersion": there.version,
            "uid": there.uid,
            "labels": dict.fromkeys(there.labels) | stood["labels"],
            "annotations": {TRIGGER: None},
        }
        action = Action(
            verb=Verb.PATCH,
            kind="Endpoints",
            name=name,
            body={"metadata": metadata, "subsets": stood["subsets"]},
            uid=there.uid,
            version=there.version,
        )
        yield Act(action=action, why="Endpoints lead there, as before the run")


def _deleted(each: SeenSlice, why: str) -> Act:
    action = Action(
        verb=Verb.DELETE,
        kind="EndpointSlice",
        api_version=_SLICES,
        name=each.name,
        uid=each.uid,
        version=each.version,
    )
    return Act(action=action, why=why)

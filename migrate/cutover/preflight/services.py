"""Rows on the Services: those of the plan, and what already bears their names or takes their pods."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from converters.objects.context import WORKLOAD

from ...plan.objects import title
from ..adopting import recorded, strange
from ..endpoints import (
    RUN,
    SLICE_BY,
    SLICE_OF,
    SLICES_OF_ENDPOINTS,
    SLICES_OF_HAND,
    SLICES_OF_PODS,
    places_of_endpoints,
    places_of_slice,
)
from .row import Notice, Rule, mitigate, refuse, warn
from .seen import CONTROLLERS, Object, Seen, annotations_of, is_headless, labels_of, matches, name_of, target_of
from .serving import serves, serving, why_not

PROXY_NAME = "service.kubernetes.io/service-proxy-name"
_MOST_PORTS = 100
_TOPOLOGY = ("service.kubernetes.io/topology-mode", "service.kubernetes.io/topology-aware-hints")
# By them a balancer sends to addresses of pods, past kube-proxy, and knows none but pods: annotation to what its value
# holds then.
_IP_MODE = (
    ("service.beta.kubernetes.io/aws-load-balancer-nlb-target-type", "ip"),
    ("service.beta.kubernetes.io/aws-load-balancer-target-type", "ip"),
    ("service.beta.kubernetes.io/aws-load-balancer-type", "nlb-ip"),
    ("alb.ingress.kubernetes.io/target-type", "ip"),
    ("cloud.google.com/neg", '"ingress":true'),
    ("cloud.google.com/neg", "exposed_ports"),
    ("service.beta.kubernetes.io/backend-type", "eni"),
)
_IP_MODE_CLASS = "azure/application-gateway"
# Kubernetes 1.33 and newer: the endpoints controller puts it on what it writes.
_ENDPOINTS_BY = "endpoints.kubernetes.io/managed-by"
_BINDING = "TargetGroupBinding.elbv2.k8s.aws"


def standing(seen: Seen) -> Iterator[tuple[Object, Object | None]]:
    """The plan's Services, each with what bears its name in the cluster. What an earlier run left is its own."""
    live = {name_of(each): each for each in seen.here("Service")}
    for each in seen.services:
        found = live.get(name_of(each))
        left = found is not None and RUN in annotations_of(found) and _is_own(found, seen)
        yield each, None if left else found


def _is_own(service: Object, seen: Seen) -> bool:
    return labels_of(service).get(WORKLOAD) == seen.selector[WORKLOAD]


def adopted(seen: Seen) -> dict[str, dict[str, Any]]:
    """The Services that a run takes over as they stand, each with what it gives back: all of the plan's, or none."""
    found = [(each, live) for each, live in standing(seen) if not is_headless(each)]
    if not found or any(_unadopted(seen, each, live) for each, live in found):
        return {}
    return {name_of(each): _recorded(seen, each, live) for each, live in found if live is not None}


def _unadopted(seen: Seen, planned: Object, live: Object | None) -> str:
    """Why one is not taken over; ``""``: it is, if all are."""
    if live is None:
        return "no Service stands there with them"
    if live["spec"].get("selector"):
        return "the Service has a selector"
    for each in (live, *(one for one in [_endpoints(seen, name_of(live))] if one), *_slices_by_hand(seen, live)):
        if owner := _tended_by(each):
            return f"{owner} looks after {title(each)}"
    for each in _slices(seen, live):
        by = labels_of(each).get(SLICE_BY)
        if by not in (*SLICES_OF_HAND, SLICES_OF_ENDPOINTS, SLICES_OF_PODS) or (
            by == SLICES_OF_PODS and each.get("endpoints")
        ):
            return f"{title(each)}, of {by}, is of the Service too"
    stood = _recorded(seen, planned, live)
    mirrored = [each for each in _slices(seen, live) if labels_of(each).get(SLICE_BY) == SLICES_OF_ENDPOINTS]
    if stood["endpoints"] and not places_of_endpoints(stood["endpoints"]) <= frozenset().union(
        *map(places_of_slice, mirrored)
    ):
        return "the cluster has not made slices of the Endpoints, so that no proxy follows them"
    return strange(live, stood, planned, seen.running)


def _tended_by(each: Object) -> str:
    """What writes an object anew when somebody changes it; ``""``: nothing does."""
    owner: Object = next(iter(each["metadata"].get("ownerReferences") or ()), {})
    return f"{owner['kind']} {owner['name']}" if owner else labels_of(each).get(_ENDPOINTS_BY, "")


def _recorded(seen: Seen, planned: Object, live: Object) -> dict[str, Any]:
    return recorded(live, _endpoints(seen, name_of(live)), _slices_by_hand(seen, live), planned)


def _endpoints(seen: Seen, name: str) -> Object | None:
    return next((each for each in seen.here("Endpoints") if name_of(each) == name), None)


def _slices(seen: Seen, service: Object) -> list[Object]:
    return [each for each in seen.here("EndpointSlice") if labels_of(each).get(SLICE_OF) == name_of(service)]


def _slices_by_hand(seen: Seen, service: Object) -> list[Object]:
    return [each for each in _slices(seen, service) if labels_of(each).get(SLICE_BY) in SLICES_OF_HAND]


def _adopted(seen: Seen) -> Iterator[Notice]:
    taken = adopted(seen)
    for each in seen.services:
        if name_of(each) in taken:
            yield Notice(subject=title(each), reason="it has no selector, and leads to running instances alone")


def _name_taken(seen: Seen) -> Iterator[Notice]:
    taken = adopted(seen)
    for each, live in standing(seen):
        if live is not None and not _is_own(live, seen) and name_of(each) not in taken:
            yield Notice(subject=title(each), reason="another Service has the name, and is not this workload's")


def _has_selector(seen: Seen) -> Iterator[Notice]:
    for each, live in () if serves(seen) else standing(seen):
        selector = (live or {}).get("spec", {}).get("selector")
        if selector:
            said = ", ".join(f"{key}={value}" for key, value in sorted(selector.items()))
            yield Notice(
                subject=title(each),
                reason=f"it stands already and selects pods ({said}), and is not taken over, since {why_not(seen)}",
            )


def _has_endpoints(seen: Seen) -> Iterator[Notice]:
    taken = adopted(seen)
    there = {name_of(each) for each in seen.here("Service")}
    for each, live in standing(seen):
        name = name_of(each)
        endpoints = _endpoints(seen, name)
        made = [one for one in [endpoints] if one and one.get("subsets")]
        made += _slices_by_hand(seen, each) if live is not None else []
        # what an earlier run left is the cluster's
        if name in taken or (live is None and name in there) or (live is not None and live["spec"].get("selector")):
            continue
        why = _unadopted(seen, each, live) or "another of the plan's Services does not stand so"
        for one in made or ([live] if live is not None and _is_own(live, seen) else []):
            yield Notice(
                subject=title(one),
                reason="it stands there by hand, and once the Service has a selector, who is served by it is cut off; "
                f"it is not taken over, since {why}",
            )


def _slices_left(seen: Seen) -> Iterator[Notice]:
    standing_names = {name_of(each) for each in seen.here("Service")}
    wanted = {name_of(each) for each in seen.services}
    for each in seen.here("EndpointSlice"):
        service = labels_of(each).get(SLICE_OF, "")
        if service in wanted and service not in standing_names:
            owner = labels_of(each).get(SLICE_BY, "nobody")
            yield Notice(
                subject=title(each),
                reason=f"it is of Service {service}, which is not there, and managed by {owner}: its endpoints would "
                "take callers as soon as the Service stands",
            )


def _name_resolves(seen: Seen) -> Iterator[Notice]:
    taken = adopted(seen)
    for name, addresses in (seen.measured.resolved or {}).items():
        if addresses and name not in taken:
            yield Notice(
                subject=name,
                reason=f"it already resolves in the cluster ({', '.join(addresses)}): pods that use it go through the "
                "Service as soon as it stands",
            )


def _name_awaited(seen: Seen) -> Iterator[Notice]:
    wanted = {name_of(each) for each in seen.services}
    for kind in ("Ingress", "HTTPRoute.gateway.networking.k8s.io"):
        for each in seen.here(kind):
            for name in sorted(wanted & set(_backends(each))):
                yield Notice(
                    subject=title(each),
                    reason=f"it already routes to Service {name}: its callers come as soon as the Service stands",
                )


def _backends(route: Object) -> Iterator[str]:
    spec = route.get("spec") or {}
    for rule in spec.get("rules") or ():
        for path in (rule.get("http") or {}).get("paths") or ():
            yield str((path["backend"].get("service") or {}).get("name", ""))
        yield from (str(each["name"]) for each in rule.get("backendRefs") or ())
    yield str(((spec.get("defaultBackend") or {}).get("service") or {}).get("name", ""))


def _headless(seen: Seen) -> Iterator[Notice]:
    live = {name_of(each) for each in seen.here("Service")}
    for each in seen.services:
        if is_headless(each) and not list(_differing(each, seen)):
            until = "who uses the one that stands keeps what it names" if name_of(each) in live else "it is not there"
            yield Notice(
                subject=title(each),
                reason=f"it is headless, and a run leads nobody by it: until the run is finalized {until}; then apply "
                "makes it name pods, and nobody's connection is led from the one side to the other",
            )


def _headless_ports(seen: Seen) -> Iterator[Notice]:
    for each in seen.services:
        for reason in _differing(each, seen) if is_headless(each) else ():
            yield Notice(subject=title(each), reason=reason)


def _differing(service: Object, seen: Seen) -> Iterator[str]:
    for port in service["spec"].get("ports") or ():
        for container in seen.running:
            backend = container.ports.get(target_of(port))
            if backend is not None and backend.port != port.get("targetPort", port["port"]):
                yield (
                    f"it is headless, and {container.name} answers at {backend.port} where pods answer at "
                    f"{port.get('targetPort', port['port'])}: names carry no ports"
                )


def _of_each(reasons: Callable[[Object], Iterator[str]]) -> Callable[[Seen], Iterator[Notice]]:
    """Looks at each of the plan's Services by itself."""

    def look(seen: Seen) -> Iterator[Notice]:
        for each in seen.services:
            for reason in reasons(each):
                yield Notice(subject=title(each), reason=reason)

    return look


@_of_each
def _external_name(service: Object) -> Iterator[str]:
    if service["spec"].get("type") == "ExternalName":
        yield "it is an ExternalName: a name has no endpoints to move"


@_of_each
def _not_ready(service: Object) -> Iterator[str]:
    if service["spec"].get("publishNotReadyAddresses"):
        yield "publishNotReadyAddresses: pods would get callers unready"


@_of_each
def _local_policy(service: Object) -> Iterator[str]:
    for key in ("internalTrafficPolicy", "externalTrafficPolicy"):
        if service["spec"].get(key) == "Local":
            yield f"{key}: Local, and a legacy endpoint is on no node: callers would get pods alone, or nobody"


@_of_each
def _affinity(service: Object) -> Iterator[str]:
    if service["spec"].get("sessionAffinity") == "ClientIP":
        yield (
            "sessionAffinity: ClientIP: callers stay with their legacy instance until it is on standby, so shares are "
            "lower than said and gates get few samples"
        )


@_of_each
def _dual_stack(service: Object) -> Iterator[str]:
    spec = service["spec"]
    if spec.get("ipFamilyPolicy") in ("PreferDualStack", "RequireDualStack") or len(spec.get("ipFamilies", ())) > 1:
        yield "it is dual-stack, and a legacy host has one address: callers of the other family get pods or nobody"


@_of_each
def _topology(service: Object) -> Iterator[str]:
    annotations = annotations_of(service)
    said = service["spec"].get("trafficDistribution") or next(
        (annotations[key] for key in _TOPOLOGY if annotations.get(key, "Disabled") != "Disabled"), ""
    )
    if said:
        yield (
            f"traffic is kept near ({said}): that is off while a legacy endpoint is listed, and comes on, with other "
            "latencies and loads, when the last one goes"
        )


@_of_each
def _proxy_name(service: Object) -> Iterator[str]:
    if PROXY_NAME in labels_of(service):
        yield (
            f"{labels_of(service)[PROXY_NAME]} and not kube-proxy serves it: slices get the label too, and only probes "
            "tell whether it follows them"
        )


@_of_each
def _external_ips(service: Object) -> Iterator[str]:
    addresses = service["spec"].get("externalIPs") or ()
    if addresses:
        yield f"externalIPs ({', '.join(addresses)}) are deprecated since Kubernetes 1.36"


@_of_each
def _target_named(service: Object) -> Iterator[str]:
    for port in service["spec"].get("ports") or ():
        if isinstance(port.get("targetPort", 0), str):
            yield f"targetPort {port['targetPort']} is a name, which no container of an engine has"


@_of_each
def _many_ports(service: Object) -> Iterator[str]:
    number = len(service["spec"].get("ports") or ())
    if number > _MOST_PORTS:
        yield f"it has {number} ports, and a slice takes {_MOST_PORTS}"


def _ip_mode(seen: Seen) -> Iterator[Notice]:
    names = {name_of(each) for each in seen.services}
    routed = [each for each in seen.here("Ingress") if names & set(_backends(each))]
    for each in (*seen.services, *seen.planned("Ingress"), *routed):
        said = annotations_of(each)
        for key, part in _IP_MODE:
            if part in said.get(key, "").replace(" ", ""):
                reason = f"{key}: its balancer sends to addresses of pods and to no other"
                yield Notice(subject=title(each), reason=reason)
        if _IP_MODE_CLASS in (said.get("kubernetes.io/ingress.class"), each["spec"].get("ingressClassName")):
            reason = f"{_IP_MODE_CLASS} sends to addresses of pods and to no other"
            yield Notice(subject=title(each), reason=reason)
    for each in seen.here(_BINDING):
        if each["spec"].get("targetType") == "ip" and each["spec"].get("serviceRef", {}).get("name") in names:
            yield Notice(subject=title(each), reason="targetType: ip registers pods alone")


def _external_loop(seen: Seen) -> Iterator[Notice]:
    taken = {(backend.address, backend.port) for backend in seen.backends}
    for each in seen.services:
        for address in each["spec"].get("externalIPs") or ():
            for port in each["spec"].get("ports") or ():
                if (address, port["port"]) in taken:
                    yield Notice(
                        subject=title(each),
                        reason=f"it takes {address}:{port['port']}, which is a legacy endpoint of its own: a loop",
                    )


def _port_names(seen: Seen) -> Iterator[Notice]:
    for each, live in standing(seen):
        ports = each["spec"].get("ports") or ()
        names = [port.get("name", "") for port in ports]
        if len(set(names)) < len(names):
            yield Notice(subject=title(each), reason="two of its ports have one name, or none")
        there = {port.get("name", "") for port in (live or {}).get("spec", {}).get("ports") or ()}
        if there and there != set(names):
            lacking = ", ".join(sorted(there ^ set(names))) or "none"
            yield Notice(
                subject=title(each),
                reason=f"the Service in the cluster names its ports otherwise ({lacking}): a slice whose names differ "
                "has no effect",
            )


def _selector(seen: Seen) -> Iterator[Notice]:
    for each in seen.services:
        selector = each["spec"].get("selector") or {}
        if each["spec"].get("type") != "ExternalName" and not seen.selector.items() <= selector.items():
            yield Notice(
                subject=title(each),
                reason=f"its selector lacks {WORKLOAD}={seen.selector[WORKLOAD]}: what it would admit is not this "
                "workload alone",
            )


def _others_match(seen: Seen) -> Iterator[Notice]:
    planned = {name_of(each) for each in seen.planned("Service")}
    for each in seen.here("Service"):
        selector = each["spec"].get("selector")
        if name_of(each) in planned or not selector:
            continue
        if any(selector.items() <= labels_of(template).items() for template in seen.templates):
            yield Notice(
                subject=title(each),
                reason="it is not of the plan and selects this workload's pods: they would get its callers as soon as "
                "they are ready, admitted or not",
            )


def _strays(seen: Seen) -> Iterator[Notice]:
    own = {(each["kind"], name_of(each)) for each in seen.controllers}
    sets = {
        name_of(each): (owner["kind"], owner["name"])
        for each in seen.here("ReplicaSet")
        for owner in each["metadata"].get("ownerReferences") or ()
    }
    for each in seen.here("Pod"):
        if not matches({"matchLabels": seen.selector}, labels_of(each)):
            continue
        owners = each["metadata"].get("ownerReferences") or ()
        owner: Object = next((one for one in owners if one.get("controller")), {})
        of = sets.get(owner.get("name", ""), ()) if owner.get("kind") == "ReplicaSet" else ()
        if of not in own and (owner.get("kind"), owner.get("name")) not in own:
            who = f"{owner['kind']}/{owner['name']}" if owner else "no controller"
            yield Notice(
                subject=title(each),
                reason=f"it bears the workload's label and belongs to {who}: promoting would admit it",
            )


RULES: tuple[Rule, ...] = (
    refuse("service-name-taken", _name_taken, "Service", "Endpoints", "EndpointSlice"),
    refuse("service-has-selector", _has_selector, "Service", *CONTROLLERS[:2], "EndpointSlice"),
    mitigate("service-serves-pods", serving, "Service", *CONTROLLERS[:2], "EndpointSlice"),
    refuse("service-has-endpoints", _has_endpoints, "Service", "Endpoints", "EndpointSlice"),
    mitigate("service-adopted", _adopted, "Service", "Endpoints", "EndpointSlice"),
    refuse("slices-left", _slices_left, "Service", "EndpointSlice"),
    mitigate("name-resolves", _name_resolves, measures=("resolved",)),
    warn("name-awaited", _name_awaited, "Ingress", "HTTPRoute.gateway.networking.k8s.io"),
    refuse("headless-ports-differ", _headless_ports),
    warn("headless-service", _headless, "Service"),
    refuse("external-name", _external_name),
    refuse("publish-not-ready", _not_ready),
    refuse("traffic-policy-local", _local_policy),
    warn("session-affinity", _affinity),
    refuse("dual-stack", _dual_stack),
    warn("traffic-distribution", _topology),
    mitigate("service-proxy-name", _proxy_name),
    refuse("ip-mode-balancer", _ip_mode, "Ingress", _BINDING),
    warn("external-ips", _external_ips),
    refuse("external-ip-loop", _external_loop),
    refuse("port-names", _port_names, "Service"),
    refuse("target-port-named", _target_named),
    refuse("many-ports", _many_ports),
    refuse("selector-not-own", _selector),
    refuse("other-service-matches", _others_match, "Service"),
    refuse("stray-pods", _strays, "Pod", "ReplicaSet"),
)

"""Rows on NetworkPolicies. They act after kube-proxy chose an endpoint: a caller must be let through to legacy
addresses and to pods alike, and the pods must let nodes in, from which callers outside come masqueraded."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..edges import Backend
from .row import Notice, Rule, refuse, warn
from .seen import EVERYWHERE, Object, Seen, labels_of, matches, name_of

_KIND = "NetworkPolicy"
OF_THE_CLUSTER = (
    "CiliumClusterwideNetworkPolicy.cilium.io",
    "GlobalNetworkPolicy.crd.projectcalico.org",
    "GlobalNetworkPolicy.projectcalico.org",
    "AdminNetworkPolicy.policy.networking.k8s.io",
    "BaselineAdminNetworkPolicy.policy.networking.k8s.io",
    "ClusterNetworkPolicy.policy.networking.k8s.io",
)
UNREAD_POLICIES = (
    "CiliumNetworkPolicy.cilium.io",
    "NetworkPolicy.crd.projectcalico.org",
    "NetworkPolicy.projectcalico.org",
    *OF_THE_CLUSTER,
)
"""Kinds that rule who may call whom as well, each in a language of its own, which nothing here understands."""
_SHOWN = 5


def _callers(seen: Seen) -> Iterator[Notice]:
    policies = [each for each in seen.of(_KIND) if _has(each, "Egress")]
    done = set()
    for each in policies:
        space, selector = each["metadata"]["namespace"], each["spec"].get("podSelector") or {}
        group = space, json.dumps(selector, sort_keys=True)
        if group in done or (selector and _selects_own(selector, space, seen)):
            continue
        done.add(group)
        # what another policy of the same pods, or of all, allows is allowed
        rules = [
            rule
            for one in policies
            if one["metadata"]["namespace"] == space and (one["spec"].get("podSelector") or {}) in ({}, selector)
            for rule in one["spec"].get("egress") or ()
        ]
        yield from _one_side(each, rules, space, seen)


def _one_side(policy: Object, rules: Iterable[Object], space: str, seen: Seen) -> Iterator[Notice]:
    subject = f"NetworkPolicy/{policy['metadata']['namespace']}/{name_of(policy)}"
    for backend, port in sorted(_ports(seen)):
        legacy = any(_port_allowed(rule, str(backend.port), (), port) and _to(rule, backend.address) for rule in rules)
        number, protocol = port.split("/")
        pods = any(
            _port_allowed(rule, number, _names_of(number, seen), port) and _to_pods(rule, space, seen) for rule in rules
        )
        if legacy != pods:
            there, lacking = (str(backend), f"pods on {port}") if legacy else (f"pods on {port}", str(backend))
            yield Notice(
                subject=subject,
                reason=f"its pods may call {there} and not {lacking}, and the Service sends them to both ({protocol})",
            )


def _ports(seen: Seen) -> set[tuple[Backend, str]]:
    wanted = seen.ports
    return {(backend, port) for each in seen.running for port, backend in each.ports.items() if port in wanted}


def _names_of(number: str, seen: Seen) -> tuple[str, ...]:
    """What pods call a port."""
    return tuple(
        str(port["name"])
        for template in seen.templates
        for container in template["spec"]["containers"]
        for port in container.get("ports") or ()
        if port.get("name") and str(port["containerPort"]) == number
    )


def _has(policy: Object, direction: str) -> bool:
    types = policy["spec"].get("policyTypes")
    if types is None:
        return direction == "Ingress" or bool(policy["spec"].get("egress"))
    return direction in types


def _selects_own(selector: Mapping[str, Any], space: str, seen: Seen) -> bool:
    return space == seen.namespace and any(matches(selector, labels_of(each)) for each in seen.templates)


def _port_allowed(rule: Object, number: str, names: tuple[str, ...], port: str) -> bool:
    said = rule.get("ports")
    if not said:
        return True
    protocol = port.rpartition("/")[2].upper()
    return any(
        one.get("protocol", "TCP") == protocol
        and (
            "port" not in one
            or str(one["port"]) in (number, *names)
            or ("endPort" in one and int(one["port"]) <= int(number) <= int(one["endPort"]))
        )
        for one in said
    )


def _to(rule: Object, address: str, key: str = "to") -> bool:
    """An address outside the cluster is allowed by a block, or where the rule names nobody."""
    peers = rule.get(key)
    return not peers or any(_in_block(one["ipBlock"], address) for one in peers if "ipBlock" in one)


def _in_block(block: Mapping[str, Any], address: str) -> bool:
    try:
        where = ipaddress.ip_address(address)
    except ValueError:
        return False
    outside = any(where in ipaddress.ip_network(each, strict=False) for each in block.get("except") or ())
    return where in ipaddress.ip_network(block["cidr"], strict=False) and not outside


def _to_pods(rule: Object, space: str, seen: Seen) -> bool:
    peers = rule.get("to")
    if not peers:
        return True
    own = next((labels_of(each) for each in seen.of("Namespace") if name_of(each) == seen.namespace), {})
    for one in peers:
        if "ipBlock" in one:
            if all(_covers(one["ipBlock"], each) for each in _pod_ranges(seen)):
                return True
            continue
        near = matches(one["namespaceSelector"], own) if "namespaceSelector" in one else space == seen.namespace
        if near and any(matches(one.get("podSelector") or {}, labels_of(each)) for each in seen.templates):
            return True
    return False


def _pod_ranges(seen: Seen) -> tuple[str, ...]:
    """Addresses of pods; where nodes do not say, any of IPv4."""
    return tuple(cidr for each in seen.of("Node") for cidr in pod_cidrs(each)) or ("0.0.0.0/0",)


def pod_cidrs(node: Object) -> tuple[str, ...]:
    spec = node.get("spec") or {}
    return tuple(spec.get("podCIDRs") or ([spec["podCIDR"]] if spec.get("podCIDR") else ()))


def _covers(block: Mapping[str, Any], cidr: str) -> bool:
    wide, narrow = ipaddress.ip_network(block["cidr"], strict=False), ipaddress.ip_network(cidr, strict=False)
    if isinstance(wide, ipaddress.IPv4Network) and isinstance(narrow, ipaddress.IPv4Network):
        return narrow.subnet_of(wide)
    return isinstance(wide, ipaddress.IPv6Network) and isinstance(narrow, ipaddress.IPv6Network) and (
        narrow.subnet_of(wide)
    )  # fmt: skip


def _pods(seen: Seen) -> Iterator[Notice]:
    """Ingress of the pods, by the cluster's policies and those that the plan brings."""
    standing = {name_of(each): each for each in seen.here(_KIND)}
    planned = {name_of(each): each for each in seen.planned(_KIND)}
    guards = [
        each
        for each in {**planned, **standing}.values()
        if _has(each, "Ingress")
        and any(matches(each["spec"].get("podSelector") or {}, labels_of(template)) for template in seen.templates)
    ]
    if not guards:
        return
    rules = [rule for each in guards for rule in each["spec"].get("ingress") or ()]
    for port in sorted(seen.ports):
        number = port.split("/")[0]
        shut = sorted(
            address
            for address in node_addresses(seen)
            if not any(
                _port_allowed(r, number, _names_of(number, seen), port) and _to(r, address, "from") for r in rules
            )
        )
        if shut:
            yield Notice(
                subject=", ".join(sorted(f"NetworkPolicy/{name_of(each)}" for each in guards)),
                reason=f"nodes ({', '.join(shut)}) may not reach the pods on {port}: callers from outside come by "
                "them, and so do the probes that are the run's evidence",
            )


def _not_understood(seen: Seen) -> Iterator[Notice]:
    for kind in UNREAD_POLICIES:
        names = sorted(
            "/".join(filter(None, (each["metadata"].get("namespace"), name_of(each)))) for each in seen.of(kind)
        )
        if names:
            more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
            yield Notice(
                subject=kind,
                reason=f"{', '.join(names[:_SHOWN])}{more} stand there, and what they allow is not read: whether "
                "callers get to legacy addresses, and nodes to pods, is known by trying alone",
            )


def node_addresses(seen: Seen) -> tuple[str, ...]:
    return tuple(
        each["address"]
        for node in seen.of("Node")
        for each in (node.get("status") or {}).get("addresses") or ()
        if each["type"] == "InternalIP"
    )


RULES: tuple[Rule, ...] = (
    refuse("policy-callers", _callers, f"{_KIND}{EVERYWHERE}", "Namespace", "Node"),
    refuse("policy-pods", _pods, _KIND, "Node"),
    warn(
        "policies-not-read",
        _not_understood,
        *(each if each in OF_THE_CLUSTER else f"{each}{EVERYWHERE}" for each in UNREAD_POLICIES),
    ),
)

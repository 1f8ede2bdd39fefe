"""NetworkPolicies: for a container without a network, and, where the target asks for it, one that keeps a network's
members among themselves. They hold only where the cluster's network enforces them."""

from __future__ import annotations

from typing import Any

from ..fields.ledger import Ledger
from ..workload import Workload
from .context import Context, label_value
from .exposure import is_loopback

NETWORK_LABEL = "network.podlift.dev/"


def network_policies(workload: Workload, *, context: Context, ledger: Ledger) -> list[dict[str, Any]]:
    name = context.name(workload.name)
    if workload.network_mode == "none":
        ledger.approximated(
            workload.origins.get("network_mode", ()), "network-none", f"NetworkPolicy/{name}:spec.policyTypes",
            why="no traffic in or out, if the cluster enforces NetworkPolicies; the pod still has an address",
        )  # fmt: skip
        return [_policy(workload, {"policyTypes": ["Ingress", "Egress"]}, context)]
    networks = [n for n in workload.networks if n.driver != "host"]
    if context.target.isolation != "networkpolicy" or not networks:
        return []
    # Without icc the members of a network do not even reach each other.
    peers: list[dict[str, Any]] = [
        {"podSelector": {"matchLabels": {network_label(n.name): "member"}}} for n in networks if n.icc
    ]
    if len(set(context.names.namespaces.values())) > 1:
        # Without it a peer is a pod of the same namespace; a network's members may stand in several.
        peers = [{"namespaceSelector": {}, **peer} for peer in peers]
    spec: dict[str, Any] = {"policyTypes": ["Ingress"], "ingress": [{"from": peers}] if peers else []}
    published = [
        {"port": port.container_port, "protocol": port.protocol.upper()}
        for container in workload.containers
        for port in container.ports
        if any(not is_loopback(published) for published in port.published)
    ]
    if published:
        # What was published could be called from anywhere, whatever network the container was on.
        spec["ingress"].append({"ports": published})
    if all(n.internal for n in networks):
        dns = {"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]}
        spec["policyTypes"].append("Egress")
        spec["egress"] = [*([{"to": peers}] if peers else []), dns]
    if not spec["ingress"]:
        del spec["ingress"]
    return [_policy(workload, spec, context)]


def network_label(network: str) -> str:
    """The pod label that makes its bearer a member of a legacy network."""
    return NETWORK_LABEL + label_value(network)


def network_labels(workload: Workload, context: Context) -> dict[str, str]:
    """Labels that a pod needs where networks are kept apart."""
    if context.target.isolation != "networkpolicy":
        return {}
    return {network_label(n.name): "member" for n in sorted(workload.networks, key=lambda n: n.name)}


def _policy(workload: Workload, spec: dict[str, Any], context: Context) -> dict[str, Any]:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": context.metadata(workload.name),
        "spec": {"podSelector": {"matchLabels": context.selector(workload.name)}, **spec},
    }

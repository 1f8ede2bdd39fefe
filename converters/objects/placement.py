"""Placement: on which nodes the pods may run, would rather run, and how they spread.

A site's own controller is tied to its nodes where controllers are written (sites.py); here is what the workload says.
"""

from __future__ import annotations

import re
from typing import Any

from ..fields.ledger import Ledger
from ..workload import Constraint, Controller, Spread, Workload
from .binds import HOST_PATH_PINNED, bind_of
from .context import Context
from .node_terms import ARCHITECTURES, HOSTNAME, Terms, node_label, site_key, terms_of, translated
from .volumes import mount_subject

REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
_NODES = "spec.affinity.nodeAffinity"
_PODS = "spec.affinity.podAntiAffinity"
_SPREAD = "spec.topologySpreadConstraints"
# Beta and on since (kubernetes, pkg/features: MatchLabelKeysInPodAffinity).
MATCH_LABEL_KEYS_SINCE = (1, 31)
_ARCHITECTURE = re.compile(r"[a-z0-9]{1,63}", re.ASCII)


def placement(
    workload: Workload, *, site: str, controller: Controller, context: Context, ledger: Ledger
) -> dict[str, Any]:
    """``affinity`` and ``topologySpreadConstraints`` of the pod, and the verdicts on constraints and spread."""
    affinity: dict[str, Any] = {}
    if nodes := _node_affinity(workload, context, ledger):
        affinity["nodeAffinity"] = nodes
    spreading = _Spreading(workload, site, controller, context, ledger)
    for spread in workload.spread:
        spreading.tell(spread)
    if spreading.apart:
        affinity["podAntiAffinity"] = spreading.apart
    made: dict[str, Any] = {}
    if affinity:
        made["affinity"] = affinity
    if spreading.evenly:
        made["topologySpreadConstraints"] = spreading.evenly
    return made


def _node_affinity(workload: Workload, context: Context, ledger: Ledger) -> dict[str, Any]:
    required: Terms = [[]]
    preferred: list[dict[str, Any]] = []
    if architectures := _architectures(workload, context, ledger):
        required = _both(required, [[{"key": ARCHITECTURES, "operator": "In", "values": architectures}]])
    required = _both(required, _pinned(workload, context, ledger))
    for constraint in workload.constraints:
        terms = terms_of(constraint, context=context, ledger=ledger)
        if terms is None:
            continue
        if constraint.weight is None:
            required = _both(required, terms.any)
        elif constraint.weight == 0:
            ledger.dropped(constraint.origins, "constraint-idle", why=f"{constraint.attribute}: a wish of no weight")
            continue
        else:
            weight = min(100, abs(constraint.weight))
            preferred += [{"weight": weight, "preference": {"matchExpressions": term}} for term in terms.any]
        _tell(constraint, terms.why, context, ledger)
    nodes: dict[str, Any] = {}
    if any(required):
        nodes[REQUIRED] = {"nodeSelectorTerms": [{"matchExpressions": term} for term in required]}
    if preferred:
        nodes[PREFERRED] = preferred
    return nodes


def _tell(constraint: Constraint, why: str, context: Context, ledger: Ledger) -> None:
    weight = constraint.weight
    at = context.in_pod(f"{_NODES}.{REQUIRED if weight is None else PREFERRED}")
    said = [why] if why else []
    if weight is not None and abs(weight) > 100:
        said.append(f"{constraint.attribute}: a weight of {weight}, cut to 100")
    if said:
        ledger.approximated(constraint.origins, "constraint", *at, why="; ".join(said))
    ledger.exact(constraint.origins, "constraint", *at)


def _both(one: Terms, other: Terms) -> Terms:
    """Alternatives of which one of each side must hold."""
    return [[*left, *(each for each in right if each not in left)] for left in one for right in other]


def _architectures(workload: Workload, context: Context, ledger: Ledger) -> list[str]:
    """What all images of the pod can run on, as far as instances showed; a pod on another node would not start."""
    known = [
        {arch for platform in container.image.platforms if (arch := platform.partition("/")[2].partition("/")[0])}
        for container in workload.containers
    ]
    # What is no label's value is no node's architecture.
    known = [legal for each in known if (legal := {arch for arch in each if _ARCHITECTURE.fullmatch(arch)})]
    if not known:
        return []
    common = set.intersection(*known) or set.union(*known)
    for target in context.in_pod(f"{_NODES}.{REQUIRED}"):
        why = f"its images were seen to run on {', '.join(sorted(common))}"
        ledger.defaulted("architecture", target, why=why)
    return sorted(common)


def _pinned(workload: Workload, context: Context, ledger: Ledger) -> Terms:
    """The nodes that hold a host path's content, where the user wants the pods there."""
    hosts = sorted({instance.host for instance in workload.instances})
    for container in workload.containers:
        for mount in container.mounts:
            subject = mount_subject(container, mount)
            if bind_of(mount) is None or ledger.ask("bind", mount.origins, subject) != HOST_PATH_PINNED:
                continue
            if context.target.pod_security != "privileged":
                continue
            if not hosts or any(host not in context.target.nodes for host in hosts):
                lacking = ", ".join(host for host in hosts if host not in context.target.nodes) or "its hosts"
                why = f"{mount.source}: the target names no node for {lacking}, under nodes:"
                ledger.undecided(mount.origins, "bind", why=why, subject=subject)
                continue
            nodes = sorted({context.target.nodes[host] for host in hosts})
            ledger.exact(mount.origins, "data-on-host", *context.in_pod(f"{_NODES}.{REQUIRED}"))
            return [[{"key": HOSTNAME, "operator": "In", "values": nodes}]]
    return [[]]


class _Spreading:
    """Gathers anti-affinity and spread constraints; the API server takes one of the latter for each key and way."""

    def __init__(self, workload: Workload, site: str, controller: Controller, context: Context, ledger: Ledger) -> None:
        self.controller = controller
        self.context = context
        self.ledger = ledger
        self.selector = {"matchLabels": context.selector(workload.name, site)}
        self.apart: dict[str, list[dict[str, Any]]] = {}
        self.evenly: list[dict[str, Any]] = []

    def tell(self, spread: Spread) -> None:
        if self.controller is Controller.DAEMONSET and spread.over == "host":
            why = "a DaemonSet runs one pod on each node as it is"
            self.ledger.approximated(spread.origins, "spread", why=why)
            return
        key = self._key(spread)
        if key is None:
            return
        if spread.max_per == 1:
            self._keep_apart(spread, key)
        else:
            self._spread(spread, key)

    def _key(self, spread: Spread) -> str | None:
        if spread.over == "host":
            return HOSTNAME
        if spread.over == "site":
            return site_key(self.context.target)
        found = translated(spread.over, self.context.target)
        if found is not None:
            return found
        subject = f"spread {spread.over}"
        answer = self.ledger.ask("constraint-label", spread.origins, subject)
        if answer == "drop":
            self.ledger.dropped(spread.origins, "constraint-label", why=f"{spread.over}: left out, as decided")
            return None
        if answer is None:
            why = f"instances spread over {spread.over}, which target.yaml does not translate"
            self.ledger.undecided(spread.origins, "constraint-label", why=why, subject=subject)
            return None
        return node_label(answer.partition("=")[0], subject)

    def _keep_apart(self, spread: Spread, key: str) -> None:
        term: dict[str, Any] = {"labelSelector": self.selector, "topologyKey": key}
        at = REQUIRED if spread.required else PREFERRED
        targets = self.context.in_pod(f"{_PODS}.{at}")
        revised = self.controller is Controller.DEPLOYMENT and self.context.target.version >= MATCH_LABEL_KEYS_SINCE
        if revised:
            # Else a rollout that starts new pods first waits for ever where each node has one already.
            term["matchLabelKeys"] = ["pod-template-hash"]
        terms = self.apart.setdefault(at, [])
        if spread.required:
            terms.append(term)
        else:
            terms.append({"weight": 100, "podAffinityTerm": term})
        if revised:
            why = f"one on each {spread.over}; in a rollout a new instance may stand beside an old one"
            self.ledger.approximated(spread.origins, "spread", *targets, why=why)
        self.ledger.exact(spread.origins, "spread", *targets)

    def _spread(self, spread: Spread, key: str) -> None:
        way = "DoNotSchedule" if spread.required else "ScheduleAnyway"
        targets = self.context.in_pod(f"{_SPREAD}[{key}]")
        made: dict[str, Any] = {
            "maxSkew": 1, "topologyKey": key, "whenUnsatisfiable": way, "labelSelector": self.selector,
        }  # fmt: skip
        if self.controller is Controller.DEPLOYMENT:
            made["matchLabelKeys"] = ["pod-template-hash"]
        if made not in self.evenly:
            self.evenly.append(made)
        if spread.max_per is not None:
            why = f"at most {spread.max_per} on each {spread.over}: pods spread evenly, and no number bounds them"
            self.ledger.approximated(spread.origins, "spread", *targets, why=why)
        self.ledger.exact(spread.origins, "spread", *targets)

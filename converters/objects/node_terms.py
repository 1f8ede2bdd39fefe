"""Constraints of the legacy side in the node labels of the target: which node label stands for a host, a site, an
architecture or a host label, and what its values are called."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import product
from typing import Any

from ..errors import PodliftError
from ..fields.ledger import Ledger
from ..target import Target
from ..workload import Constraint
from .context import Context

HOSTNAME = "kubernetes.io/hostname"
ARCHITECTURES = "kubernetes.io/arch"
OPERATING_SYSTEMS = "kubernetes.io/os"
ZONE = "topology.kubernetes.io/zone"
_ARCHITECTURE_NAMES = {
    "x86_64": "amd64", "x86-64": "amd64", "x64": "amd64", "aarch64": "arm64", "armv8": "arm64", "arm64v8": "arm64",
    "armv7l": "arm", "armhf": "arm", "i386": "386", "i686": "386",
}  # fmt: skip
_KNOWN_ARCHITECTURES = ("386", "amd64", "arm", "arm64", "ppc64le", "riscv64", "s390x")
_PREFIX = r"(?:[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*/)?"
_KEY = re.compile(_PREFIX + r"[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_VALUE = re.compile(r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
_OPERATORS = {"in": "In", "not-in": "NotIn", "exists": "Exists", "not-exists": "DoesNotExist", "like": "In"}
_OPPOSITE = {"In": "NotIn", "NotIn": "In", "Exists": "DoesNotExist", "DoesNotExist": "Exists"}

Terms = list[list[dict[str, Any]]]
"""Alternatives; in each, expressions that must all hold."""


@dataclass(frozen=True, slots=True)
class Found:
    """``any``: alternatives; ``why``: what is not quite the same."""

    any: Terms
    why: str = ""


class Unresolved(Exception):  # noqa: N818 (a question for the user, not an error)
    """What is missing for a constraint to be translated."""


def node_label(text: str, subject: str) -> str:
    """A node label as it was answered. Raises PodliftError ``answer-unfit``."""
    if _KEY.fullmatch(text) is None:
        raise PodliftError(
            code="answer-unfit",
            phase="convert",
            subject=subject,
            reason=f"{text!r} is no node label",
            next_step="answer LABEL, LABEL=VALUE,VALUE or drop",
        )
    return text


def translated(attribute: str, target: Target) -> str | None:
    """The node label that stands for a host label: as the target says, or itself where it is a label of Kubernetes."""
    if attribute in target.host_labels:
        return target.host_labels[attribute]
    prefix = attribute.rpartition("/")[0]
    return attribute if re.fullmatch(r"(.*\.)?kubernetes\.io", prefix) else None


def site_key(target: Target) -> str:
    """The one label that tells sites apart, where the target names one; else the zone."""
    keys = {key for site in target.sites for key in site.node_labels}
    alone = all(len(site.node_labels) == 1 for site in target.sites)
    return keys.pop() if len(keys) == 1 and alone else ZONE


def terms_of(constraint: Constraint, *, context: Context, ledger: Ledger) -> Found | None:
    """A constraint as alternatives of node expressions; None where it is asked about or left out, and the ledger was
    told. A wish of negative weight is its opposite."""
    subject = f"constraint {constraint.attribute}"
    operator = _OPERATORS[constraint.operator]
    if constraint.weight is not None and constraint.weight < 0:
        operator = _OPPOSITE[operator]
    answer = ledger.ask("constraint-label", constraint.origins, subject)
    if answer == "drop":
        ledger.dropped(constraint.origins, "constraint-label", why=f"{constraint.attribute}: left out, as decided")
        return None
    try:
        return _answered(constraint, operator, answer, subject) if answer else _terms(constraint, operator, context)
    except Unresolved as missing:
        ledger.undecided(constraint.origins, "constraint-label", why=str(missing), subject=subject)
        return None


def _answered(constraint: Constraint, operator: str, answer: str, subject: str) -> Found:
    key, given, values = answer.partition("=")
    node_label(key, subject)
    if not given and constraint.operator == "like":
        raise Unresolved(f"{constraint.attribute}: nodes have no patterns; answer {key}=VALUE,VALUE")
    wanted = values.split(",") if given else constraint.values
    return Found([[_expression(constraint.attribute, key, operator, wanted)]])


def _terms(constraint: Constraint, operator: str, context: Context) -> Found:
    target, attribute = context.target, constraint.attribute
    if attribute == "site":
        return _sites(constraint, operator, target)
    if attribute == "host":
        return _hosts(constraint, operator, target)
    if attribute == "arch":
        plain = [_ARCHITECTURE_NAMES.get(value, value) for value in constraint.values]
        values, why = _expanded(constraint, plain, _KNOWN_ARCHITECTURES)
        return Found([[_expression(attribute, ARCHITECTURES, operator, values)]], why)
    key = OPERATING_SYSTEMS if attribute == "os" else translated(attribute, target)
    if key is None:
        raise Unresolved(f"{attribute}: target.yaml translates no host label of this name")
    if constraint.operator == "like":
        raise Unresolved(f"{attribute}: nodes have no patterns ({', '.join(constraint.values)}); answer {key}=VALUE")
    return Found([[_expression(attribute, key, operator, constraint.values)]])


def _hosts(constraint: Constraint, operator: str, target: Target) -> Found:
    label = target.host_labels.get("host", "")
    if operator in ("Exists", "DoesNotExist"):
        return Found([[_expression("host", label or HOSTNAME, operator, ())]])
    if label and constraint.operator != "like":
        return Found([[_expression("host", label, operator, constraint.values)]])
    hosts, why = _expanded(constraint, constraint.values, target.nodes)
    if label:
        return Found([[_expression("host", label, operator, hosts)]], why)
    unknown = [host for host in hosts if host not in target.nodes]
    if unknown:
        raise Unresolved(f"host: target.yaml names no node for {', '.join(unknown)} under nodes:")
    return Found([[_expression("host", HOSTNAME, operator, [target.nodes[host] for host in hosts])]], why)


def _sites(constraint: Constraint, operator: str, target: Target) -> Found:
    labels = {site.name: site.node_labels for site in target.sites}
    if operator in ("Exists", "DoesNotExist"):
        return Found([[_expression("site", site_key(target), operator, ())]])
    names, why = _expanded(constraint, constraint.values, labels)
    unknown = [name for name in names if not labels.get(name)]
    if unknown or not names:
        raise Unresolved(f"site: target.yaml says nothing of {', '.join(unknown) or 'no site'} under sites:")
    if len({tuple(labels[name]) for name in names}) == 1 and len(labels[names[0]]) == 1:
        (key,) = labels[names[0]]
        return Found([[_expression("site", key, operator, [labels[name][key] for name in names])]], why)
    each = [[_expression("site", k, operator, [v]) for k, v in sorted(labels[name].items())] for name in names]
    if operator == "In":
        return Found(each, why)
    # Not at a site: one of its labels differs; at none of several: that for each of them.
    return Found([list(chosen) for chosen in product(*each)], why)


def _expanded(constraint: Constraint, values: Iterable[str], known: Collection[str]) -> tuple[list[str], str]:
    """Values as they are; patterns as the known names that they match, taken as a glob and as an expression."""
    if constraint.operator != "like":
        return list(values), ""
    found = sorted({name for name in known for pattern in values if _matches(pattern, name)})
    if not found:
        raise Unresolved(
            f"{constraint.attribute}: nothing that the target knows matches {', '.join(constraint.values)}"
        )
    return (
        found,
        f"{constraint.attribute}: {', '.join(constraint.values)} matches {', '.join(found)} of those known now",
    )


def _matches(pattern: str, name: str) -> bool:
    if fnmatchcase(name, pattern):
        return True
    try:
        return re.fullmatch(pattern, name) is not None
    except re.error:
        return False


def _expression(attribute: str, key: str, operator: str, values: Iterable[str]) -> dict[str, Any]:
    if operator in ("Exists", "DoesNotExist"):
        return {"key": key, "operator": operator}
    wanted = list(dict.fromkeys(values))
    if not wanted or any(_VALUE.fullmatch(value) is None for value in wanted):
        raise Unresolved(f"{attribute}: {', '.join(wanted) or 'no value'} cannot be the value of a node label")
    return {"key": key, "operator": operator, "values": wanted}

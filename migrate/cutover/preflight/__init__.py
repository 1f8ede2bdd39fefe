"""Preflight: what speaks against a cutover, as a table of rules over what was seen. Pure.

preflight(seen).refused      the rows for which no run may start
"""

from __future__ import annotations

from . import callers, classes, cluster, files, legacy, owners, policies, services
from .row import Level, Notice, Preflight, Row, Rule, Status, preflight_json
from .seen import ClusterSeen, HostSeen, Means, Measured, Right, Seen

TABLE: tuple[tuple[str, tuple[Rule, ...]], ...] = (
    ("The workload", classes.RULES),
    ("Its Services", services.RULES),
    ("The cluster", cluster.RULES),
    ("Others who write", owners.RULES),
    ("Network policies", policies.RULES),
    ("The legacy side", legacy.RULES),
    ("Callers and evidence", (*callers.RULES, *files.RULES)),
)
"""The rules by subject."""


def preflight(seen: Seen) -> Preflight:
    """Every rule tried, in the table's order."""
    return Preflight(rows=tuple(rule.row(seen) for _, rules in TABLE for rule in rules))


__all__ = [
    "TABLE",
    "ClusterSeen",
    "HostSeen",
    "Level",
    "Means",
    "Measured",
    "Notice",
    "Preflight",
    "Right",
    "Row",
    "Rule",
    "Seen",
    "Status",
    "preflight",
    "preflight_json",
]

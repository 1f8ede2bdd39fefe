"""Who owns ``spec.replicas``. Server-side apply resets a field that its only owner leaves out: three replicas would
become one at the moment when an autoscaler takes the number over. So a second manager owns the number first.

Pure: objects in, objects out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MANAGER = "podlift"
SECOND = "podlift-cutover"


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """``count``: what the second manager owns; ``set_first``: podlift itself must set it before."""

    count: int
    set_first: bool


def handover(live: Mapping[str, Any] | None, planned: int) -> Handover | None:
    """How the number of a controller passes to its autoscaler; None: it is not podlift's alone, so that podlift may
    leave it out. A new controller, and one that a gated apply holds at 0, begins with the planned number: an autoscaler
    does not act on one that has none."""
    if live is None:
        return Handover(count=planned, set_first=True)
    if not owns_replicas(live):
        return None
    count: int = live["spec"].get("replicas", 1)
    return Handover(count=count or planned, set_first=not count)


def owns_replicas(live: Mapping[str, Any]) -> bool:
    """Whether podlift's applied fields of a live object hold ``spec.replicas``."""
    return any(
        entry.get("manager") == MANAGER
        and entry.get("operation") == "Apply"
        and not entry.get("subresource")
        and "f:replicas" in ((entry.get("fieldsV1") or {}).get("f:spec") or {})
        for entry in live["metadata"].get("managedFields") or ()
    )


def with_replicas(each: Mapping[str, Any], count: int) -> dict[str, Any]:
    """The object with a number of replicas, as it is created."""
    return {**each, "spec": {**each["spec"], "replicas": count}}


def number_alone(each: Mapping[str, Any], count: int) -> dict[str, Any]:
    """What the second manager applies: the number and nothing else."""
    metadata = {key: value for key, value in each["metadata"].items() if key in ("name", "namespace")}
    return {
        "apiVersion": each["apiVersion"],
        "kind": each["kind"],
        "metadata": metadata,
        "spec": {"replicas": count},
    }

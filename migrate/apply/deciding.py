"""What is to be done with each object, from what the plan wants and what stands.

Pure: objects in, steps out. What cannot be done is found here, before anything is sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from converters.errors import PodliftError
from converters.objects.context import ESTATE, MANAGED_BY

from ..diff.comparison import ObjectDifference, State
from ..diff.holding import compare
from ..plan.objects import Item, key_of, title
from .applied import Action
from .handover import Handover, handover

# Often made by others beforehand: a plan joins them. Anything else of the same name is another thing.
_JOINED = frozenset({"Namespace", "PersistentVolume", "PersistentVolumeClaim", "Secret", "ServiceAccount"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """
    action    what is to become of the object; ``failed`` with ``error`` where it cannot be
    found     what stands, None where nothing does
    owned     fields that differ and that another manager has, with its name: it would be a conflict
    handover  how the number of replicas passes to an autoscaler first
    """

    item: Item
    namespace: str
    action: Action
    found: Mapping[str, Any] | None = None
    error: PodliftError | None = None
    owned: str = ""
    handover: Handover | None = None

    @property
    def writes(self) -> bool:
        return self.action in (Action.CREATED, Action.CHANGED)


def decide(
    item: Item,
    found: Mapping[str, Any] | None,
    *,
    namespace: str,
    autoscaled: bool = False,
    count: int = 1,
    force: bool = False,
) -> Step:
    """
    found       what stands under the object's name
    autoscaled  an autoscaler of the plan decides the number, and the object leaves it out
    count       how many replicas a controller begins with
    force       the user takes over what is others'
    """
    _, each = item
    passing = handover(found, count) if autoscaled else None
    if found is None:
        return Step(item=item, namespace=namespace, action=Action.CREATED, handover=passing)
    difference = compare("", key_of(each), each, found, scaled=autoscaled)
    differs = difference is not None and difference.state is not State.EXTRA
    if not differs and passing is None:
        return Step(item=item, namespace=namespace, action=Action.UNCHANGED, found=found)
    error = _obstacle(each, found, difference, force=force)
    return Step(
        item=item,
        namespace=namespace,
        action=Action.CHANGED if error is None else Action.FAILED,
        found=found,
        error=error,
        owned="" if force or difference is None else _owned(difference),
        handover=passing,
    )


def _obstacle(
    each: Mapping[str, Any], found: Mapping[str, Any], difference: ObjectDifference | None, *, force: bool
) -> PodliftError | None:
    kind = each["kind"]
    if found["metadata"].get("deletionTimestamp"):
        return _refusal(
            "object-ending", each, "it is being deleted, and a change would go with it", "run it again when it is gone"
        )
    if not force and kind not in _JOINED and not _of_estate(each, found):
        return _refusal(
            "object-foreign",
            each,
            f"another {kind} of this name is there, of {_whose(found)}",
            f"give the workload another name by an override in decisions.yaml, remove the {kind}, or take it over with "
            "--force-conflicts",
        )
    fixed = [change.path for change in difference.changes if change.recreate] if difference else []
    if fixed:
        return _refusal(
            "object-immutable",
            each,
            f"it must be recreated: {', '.join(fixed)} cannot be changed while it is there",
            f"delete {title(each)} (what it runs goes with it) and apply again, or undo the change in the plan",
        )
    return None


def _refusal(code: str, each: Mapping[str, Any], reason: str, next_step: str) -> PodliftError:
    return PodliftError(code=code, phase="apply", subject=title(each), reason=reason, next_step=next_step)


def _of_estate(each: Mapping[str, Any], found: Mapping[str, Any]) -> bool:
    labels = found["metadata"].get("labels") or {}
    wanted = each["metadata"].get("labels") or {}
    return all(labels.get(key) == wanted.get(key) for key in (MANAGED_BY, ESTATE))


def _whose(found: Mapping[str, Any]) -> str:
    labels = found["metadata"].get("labels") or {}
    if labels.get(MANAGED_BY) == "podlift":
        return f"podlift's estate {labels.get(ESTATE, '')}"
    managers = {entry.get("manager", "") for entry in found["metadata"].get("managedFields") or ()}
    return labels.get(MANAGED_BY) or ", ".join(sorted(managers - {""})) or "somebody else"


def _owned(difference: ObjectDifference) -> str:
    return "; ".join(f"{change.path} is owned by {change.owner}" for change in difference.changes if change.owner)

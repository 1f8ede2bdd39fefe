"""A plan onto a cluster, so that neither traffic opens nor a count is reset by accident."""

from ..plan.stages import Stage, Staged, Withheld, stage_plan
from .applied import Action, Applied, Outcome, Waiting, applied_json, summary
from .applying import apply_plan

__all__ = [
    "Action",
    "Applied",
    "Outcome",
    "Stage",
    "Staged",
    "Waiting",
    "Withheld",
    "applied_json",
    "apply_plan",
    "stage_plan",
    "summary",
]

"""A plan held against an earlier plan, or against what a cluster's dump says."""

from .comparing import diff_plan
from .comparison import Comparison, Extra, ObjectDifference, Said, State, comparison_json
from .dump import Dump, read_dump
from .walk import Change, Op, changes

__all__ = [
    "Change",
    "Comparison",
    "Dump",
    "Extra",
    "ObjectDifference",
    "Op",
    "Said",
    "State",
    "changes",
    "comparison_json",
    "diff_plan",
    "read_dump",
]

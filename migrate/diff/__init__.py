"""A plan held against an earlier plan, a dump, a cluster, the legacy side, or what runs on both."""

from .comparing import diff_plan
from .comparison import Comparison, Declared, Extra, Leg, ObjectDifference, Said, State, report_json
from .dump import Dump, read_dump
from .sides import Runtime
from .walk import Change, Op, changes

__all__ = [
    "Change",
    "Comparison",
    "Declared",
    "Dump",
    "Extra",
    "Leg",
    "ObjectDifference",
    "Op",
    "Runtime",
    "Said",
    "State",
    "changes",
    "diff_plan",
    "read_dump",
    "report_json",
]

"""The mapping language: where in a bespoke config the workload's fields stand.

``parse_mapping`` checks a mapping file and makes a frozen :class:`Mapping`; ``read_config`` reads a config by it.
docs/reference/mapping.md is the language's reference.
"""

from .check import CheckedMapping, CheckedWorkload, check_mapping
from .draft import draft_mapping
from .parse import parse_mapping
from .read import read_config
from .syntax import Mapping

__all__ = [
    "CheckedMapping",
    "CheckedWorkload",
    "Mapping",
    "check_mapping",
    "draft_mapping",
    "parse_mapping",
    "read_config",
]

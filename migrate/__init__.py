"""The edges of podlift: engines, files, clusters and the command. Imports ``converters``, never the other way.

Everything public is in ``__all__``, and imported when it is first used: ``podlift --help`` must not pay for clients.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .apply import Applied, apply_plan
    from .capture import read_capture, redact, write_capture
    from .cluster import Cluster
    from .config_files import load_documents, load_mapping
    from .cutover.cutover import Attached, Cutover
    from .cutover.grouping import CutoverGroup
    from .decisions_file import load_decisions
    from .diff import Comparison, Dump, Runtime, diff_plan, read_dump
    from .engine import discover
    from .hosts_file import HostEntry, load_hosts
    from .plan.checking import check_plan
    from .plan.directory import read_plan, write_plan
    from .plan.making import make_plan
    from .plan.model import Plan
    from .project import Project, load_project
    from .schemas import schema
    from .target_file import load_target

_WHERE = {
    "Applied": "apply",
    "Attached": "cutover.cutover",
    "Cluster": "cluster",
    "Comparison": "diff",
    "Cutover": "cutover.cutover",
    "CutoverGroup": "cutover.grouping",
    "Dump": "diff",
    "HostEntry": "hosts_file",
    "Plan": "plan.model",
    "Project": "project",
    "Runtime": "diff",
    "apply_plan": "apply",
    "check_plan": "plan.checking",
    "diff_plan": "diff",
    "discover": "engine",
    "load_decisions": "decisions_file",
    "load_documents": "config_files",
    "load_hosts": "hosts_file",
    "load_mapping": "config_files",
    "load_project": "project",
    "load_target": "target_file",
    "make_plan": "plan.making",
    "read_capture": "capture",
    "read_dump": "diff",
    "read_plan": "plan.directory",
    "redact": "capture",
    "schema": "schemas",
    "write_capture": "capture",
    "write_plan": "plan.directory",
}

__all__ = [
    "Applied",
    "Attached",
    "Cluster",
    "Comparison",
    "Cutover",
    "CutoverGroup",
    "Dump",
    "HostEntry",
    "Plan",
    "Project",
    "Runtime",
    "apply_plan",
    "check_plan",
    "diff_plan",
    "discover",
    "load_decisions",
    "load_documents",
    "load_hosts",
    "load_mapping",
    "load_project",
    "load_target",
    "make_plan",
    "read_capture",
    "read_dump",
    "read_plan",
    "redact",
    "schema",
    "write_capture",
    "write_plan",
]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_WHERE[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

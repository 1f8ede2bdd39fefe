"""Documents of a Docker scheduler in, Kubernetes objects and verdicts out. Pure: no files, no clients, no clock.

Everything public is in ``__all__``, and imported when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .capture import Capture
    from .conversion import Conversion, convert
    from .decisions import Decisions
    from .errors import PodliftError
    from .estate import Estate, reconcile
    from .fields.catalogue import explain
    from .fields.verdict import Finding, Verdict
    from .names import NameMap, assign_names
    from .sources.inspect import read_inspect
    from .sources.mapping import Mapping, read_config
    from .sources.reading import Reading
    from .target import Target
    from .workload import Host, Instance, Workload

_WHERE = {
    "Capture": "capture",
    "Conversion": "conversion",
    "Decisions": "decisions",
    "Estate": "estate",
    "Finding": "fields.verdict",
    "Host": "workload",
    "Instance": "workload",
    "Mapping": "sources.mapping",
    "NameMap": "names",
    "PodliftError": "errors",
    "Reading": "sources.reading",
    "Target": "target",
    "Verdict": "fields.verdict",
    "Workload": "workload",
    "assign_names": "names",
    "convert": "conversion",
    "explain": "fields.catalogue",
    "read_config": "sources.mapping",
    "read_inspect": "sources.inspect",
    "reconcile": "estate",
}

__all__ = [
    "Capture",
    "Conversion",
    "Decisions",
    "Estate",
    "Finding",
    "Host",
    "Instance",
    "Mapping",
    "NameMap",
    "PodliftError",
    "Reading",
    "Target",
    "Verdict",
    "Workload",
    "assign_names",
    "convert",
    "explain",
    "read_config",
    "read_inspect",
    "reconcile",
]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_WHERE[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

"""The public API: what design and README promise is there, whole, and nothing else is public."""

from __future__ import annotations

import inspect
from types import ModuleType

import pytest

import converters
import migrate

CONVERTERS = {
    "Capture", "Conversion", "Decisions", "Estate", "Finding", "Host", "Instance", "Mapping", "NameMap",
    "PodliftError", "Reading", "Target", "Verdict", "Workload",
    "assign_names", "convert", "explain", "read_config", "read_inspect", "reconcile",
}  # fmt: skip
MIGRATE = {
    "Applied", "Attached", "Cluster", "Comparison", "Cutover", "CutoverGroup", "Dump", "HostEntry", "Plan",
    "Project", "Runtime", "apply_plan", "check_plan", "diff_plan", "discover", "load_decisions", "load_documents",
    "load_hosts", "load_mapping", "load_project", "load_target", "make_plan", "read_capture", "read_dump", "read_plan",
    "redact", "schema", "write_capture", "write_plan",
}  # fmt: skip


@pytest.mark.parametrize(("package", "names"), [(converters, CONVERTERS), (migrate, MIGRATE)])
def test_the_public_names(package: ModuleType, names: set[str]) -> None:
    """A name that comes or goes is a decision, and this list is where it is taken."""
    assert set(package.__all__) == names
    assert len(package.__all__) == len(names)


@pytest.mark.parametrize("package", [converters, migrate])
def test_each_is_there_and_explains_itself(package: ModuleType) -> None:
    """Every public class and function has a docstring of its own."""
    for name in package.__all__:
        value = getattr(package, name)
        assert inspect.getdoc(value), name
        assert name in dir(package)


@pytest.mark.parametrize("package", [converters, migrate])
def test_no_public_function_bears_a_modules_name(package: ModuleType) -> None:
    """A package and a function of one name cannot live together."""
    import pkgutil

    modules = {each.name for each in pkgutil.iter_modules(package.__path__)}
    assert modules.isdisjoint(package.__all__)


@pytest.mark.parametrize("package", [converters, migrate])
def test_another_name_is_none(package: ModuleType) -> None:
    """As in any package."""
    with pytest.raises(AttributeError, match="nothing_like_it"):
        _ = package.nothing_like_it

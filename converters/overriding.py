"""Overrides: changes that the user makes to objects, kept in decisions.yaml and replayed as JSON merge patches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from .decisions import Decisions, Override
from .errors import PodliftError
from .fields.ledger import Ledger
from .fields.verdict import Level, Source
from .objects.context import ESTATE, MANAGED_BY, WORKLOAD
from .objects.validity import problems

_IDENTITY = (
    ("apiVersion",),
    ("kind",),
    ("metadata", "name"),
    ("metadata", "namespace"),
    *(("metadata", "labels", label) for label in (MANAGED_BY, WORKLOAD, ESTATE)),
)


def merge_patch(value: Any, patch: Any) -> Any:
    """RFC 7386: objects are merged key by key, null removes a key, anything else replaces."""
    if not isinstance(patch, Mapping):
        return deepcopy(patch)
    merged = dict(value) if isinstance(value, Mapping) else {}
    for key, wanted in patch.items():
        if wanted is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), wanted)
    return merged


def overridden(
    objects: Sequence[dict[str, Any]], *, decisions: Decisions, ledger: Ledger
) -> tuple[list[dict[str, Any]], frozenset[int]]:
    """The objects with the workload's overrides in effect, and the lines of decisions.yaml that took effect.

    An override of an object that is not there changes nothing and is not among the lines: it is stale. Raises
    PodliftError ``override-identity``, and ``invalid-object`` where an override makes an object that the API server
    would refuse.
    """
    made, lines = list(objects), set()
    for override in decisions.overrides_of(ledger.workload):
        for path in ("name", "namespace"):
            if getattr(override, path):
                lines.add(override.line)
                targets = tuple(f"{o['kind']}/{o['metadata']['name']}:metadata.{path}" for o in made)
                _tell(override, path, targets, decisions, ledger)
        if override.patch is None:
            continue
        place = next((n for n, o in enumerate(made) if f"{o['kind']}/{o['metadata']['name']}" == override.object), None)
        if place is None:
            continue
        known = set(problems(made))
        patched = merge_patch(made[place], override.patch)
        _refuse_renaming(made[place], patched, override, decisions)
        made[place] = patched
        _refuse_new_problems(made, known, override, decisions)
        lines.add(override.line)
        paths = tuple(f"{override.object}:{path}" for path in _leaves(override.patch))
        _tell(override, override.object, paths, decisions, ledger)
    return made, frozenset(lines)


def _tell(override: Override, what: str, targets: tuple[str, ...], decisions: Decisions, ledger: Ledger) -> None:
    source = Source(document=decisions.file, path=f"overrides[{override.workload}].{what}", line=override.line)
    ledger.say(Level.EXACT, (source,), "override", targets, why=f"as {decisions.file}:{override.line} says")


def _leaves(patch: Mapping[str, Any], prefix: str = "") -> list[str]:
    found = []
    for key, value in patch.items():
        path = f"{prefix}.{key}" if prefix else str(key)
        found += _leaves(value, path) if isinstance(value, Mapping) and value else [path]
    return sorted(found)


def _refuse_renaming(
    before: Mapping[str, Any], after: Mapping[str, Any], override: Override, decisions: Decisions
) -> None:
    for path in _IDENTITY:
        if _at(before, path) != _at(after, path):
            raise PodliftError(
                code="override-identity",
                phase="convert",
                subject=f"{decisions.file}:{override.line}",
                reason=f"the patch of {override.object} changes {'.'.join(path)}",
                next_step="override name or namespace of the workload, so that everything that refers to it follows"
                if path[-1] in ("name", "namespace")
                else "leave it as it is: podlift and Kubernetes know the object by it",
            )


def _refuse_new_problems(
    objects: Sequence[dict[str, Any]], known: set[str], override: Override, decisions: Decisions
) -> None:
    try:
        found = [problem for problem in problems(objects) if problem not in known]
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        # A patch may take away what every object of the kind has, or give a list for a map.
        found = [f"{override.object}: it lacks what its kind must have, or has it in another shape ({error})"]
    if found:
        raise PodliftError(
            code="invalid-object",
            phase="convert",
            subject=f"{decisions.file}:{override.line}",
            reason="the patch makes an object that the API server refuses: " + "; ".join(found),
            next_step="put the patch right",
        )


def _at(value: Any, path: Sequence[str]) -> Any:
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value

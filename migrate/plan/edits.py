"""What somebody changed in a plan directory since it was written, and the overrides that would make the same change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from converters.errors import PodliftError

from ..documents import parse_documents
from .objects import Key, users_of
from .stored import (
    PLAN_FILE,
    SECRET_SUMS,
    SECRETS_FOLDER,
    files_in,
    json_of,
    sum_of_body,
    sum_of_file,
    sums_of_secrets,
)
from .yaml import emit

# So many files are named; what is to be pasted is always whole.
_NAMED = 5
_OURS = (SECRET_SUMS, f"{SECRETS_FOLDER}.gitignore")


def edits(directory: Path, body: Mapping[str, Any]) -> dict[str, str]:
    """File to ``edited``, ``removed`` or ``added``, in order of name. Files below secrets/ are not looked at: who
    fills in a value changes no reviewed plan."""
    signed: Mapping[str, Any] = body["sha256"]
    found = {name for name in files_in(directory) if not name.startswith(SECRETS_FOLDER)}
    made = dict.fromkeys(found - signed.keys(), "added")
    for name, wanted in signed.items():
        if name not in found:
            made[name] = "removed"
        elif wanted != (sum_of_body(body) if name == PLAN_FILE else sum_of_file(directory, name)):
            made[name] = "edited"
    if PLAN_FILE not in signed:
        made[PLAN_FILE] = "edited"
    return dict(sorted(made.items()))


def edited_secrets(directory: Path) -> dict[str, str]:
    """The same of secrets/, but for what was removed: to go without them is everyone's right."""
    written = sums_of_secrets(directory)
    found = sorted(name for name in files_in(directory) if name.startswith(SECRETS_FOLDER) and name not in _OURS)
    changed = (name for name in found if written.get(name) != sum_of_file(directory, name))
    return {name: "edited" if name in written else "added" for name in changed}


def lost(directory: Path, changed: Mapping[str, str], files: Mapping[str, str]) -> dict[str, str]:
    """Those edits that writing ``files`` would undo."""
    return {name: how for name, how in changed.items() if not _made_too(directory, name, files)}


def _made_too(directory: Path, name: str, files: Mapping[str, str]) -> bool:
    file = directory / name
    if not file.is_file() or file.is_symlink():
        return name not in files and not file.is_symlink()
    if name not in files:
        return False
    now, new = file.read_bytes(), files[name].encode("utf-8")
    if now == new:
        return True
    # The values may be laid out in another way, but what a reviewer noted beside them is in no plan.
    return (
        name.endswith(".yaml") and _notes(now) <= _notes(new) and _values(now, name) == _values(new, name) is not None
    )


def _notes(data: bytes) -> set[bytes]:
    return {line.strip() for line in data.splitlines() if b"#" in line}


def _values(data: bytes, name: str) -> list[Any] | None:
    try:
        return [each.value for each in parse_documents(data, name=name)]
    except PodliftError:
        return None


def refusal(directory: Path, changed: Mapping[str, str]) -> PodliftError:
    """``plan-edited``, with the overrides to write instead."""
    first, *others = changed
    named = ", ".join(f"{name} was {changed[name]}" for name in others[: _NAMED - 1])
    if len(others) >= _NAMED:
        named += f", and {len(others) - _NAMED + 1} more"
    return PodliftError(
        code="plan-edited",
        phase="plan",
        subject=f"{directory}/{first}",
        reason=f"it was {changed[first]} after planning" + (f"; {named}" if named else ""),
        next_step=_next_step(directory, changed),
    )


def _next_step(directory: Path, changed: Mapping[str, str]) -> str:
    lines: list[str] = []
    others = []
    for name, how in changed.items():
        made = _overrides(directory, name) if how == "edited" and "objects.json" not in changed else []
        lines += made
        if not made:
            others.append(name)
    steps = []
    if lines:
        step = "write these lines in decisions.yaml and plan again; the plan then has the edit"
        steps.append("\n".join((step, "overrides:", *lines)))
    secret = [name for name in others if name.startswith(SECRETS_FOLDER)]
    if secret:
        steps.append(f"move {_some(secret)} out of the plan; under --secrets external Secrets are kept elsewhere")
    plain = [name for name in others if name not in secret]
    if plain:
        why = "no override makes it" if lines else "what a plan should say differently belongs in decisions.yaml"
        steps.append(f"undo the change of {_some(plain)}: {why}")
    return "\n".join(steps)


def _some(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _overrides(directory: Path, name: str) -> list[str]:
    """Items of ``overrides:`` that make what an edited manifest has, if overrides can."""
    now = _values((directory / name).read_bytes(), name) if name.startswith("manifests/") else None
    if now is None or not all(isinstance(each, dict) for each in now):
        return []
    planned = json_of(directory, "objects.json")["objects"]
    known = {_key(each["object"]): each for each in planned}
    names = json_of(directory, "names.json")
    lines: list[str] = []
    for each in now:
        before = known.get(_key(each))
        if before is None or before["object"] == each:
            continue
        patch = merge_patch(before["object"], each)
        for workload in _owners(before, names):
            entry = {"workload": workload, "object": f"{each['kind']}/{each['metadata']['name']}", "patch": patch}
            lines += [f"  {line}" for line in emit([entry]).splitlines()]
    return lines


def _key(each: Mapping[str, Any]) -> Key:
    """As key_of, of what somebody may have edited out of shape."""
    metadata = each.get("metadata")
    if not isinstance(metadata, dict):
        return "", "", ""
    return str(each.get("kind")), str(metadata.get("namespace", "")), str(metadata.get("name"))


def _owners(planned: Mapping[str, Any], names: Mapping[str, Any]) -> list[str]:
    """The workloads that make an object; what several share, each of them must make alike."""
    if planned["workload"]:
        return [planned["workload"]]
    return sorted(users_of(planned["object"], names))


def merge_patch(before: Any, after: Any) -> Any:
    """The JSON merge patch (RFC 7386) that makes ``after`` of ``before``; lists are replaced whole."""
    if not isinstance(before, dict) or not isinstance(after, dict):
        return after
    patch: dict[str, Any] = {key: None for key in before if key not in after}
    for key, value in after.items():
        if key not in before:
            patch[key] = value
        elif before[key] != value:
            patch[key] = merge_patch(before[key], value)
    return patch

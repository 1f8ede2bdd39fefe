"""Strict schemas of Kubernetes, for every test that makes objects: ``assert_valid(objects)``.

kubernetes-validate brings the schemas and resolves their references anew at each call, 20 ms an object. Here each
kind's schema is inlined and compiled once: 1 ms an object.
"""

from __future__ import annotations

import functools
import importlib.util
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import jsonschema

VERSIONS = ("1.31", "1.37")
# Kinds of groups that are installed: no published schema is strict about them.
UNCHECKED_GROUPS = ("gateway.networking.k8s.io",)
# Found and not imported, which takes half a second.
_SPEC = importlib.util.find_spec("kubernetes_validate")
assert _SPEC is not None
assert _SPEC.origin is not None
_ROOT = Path(_SPEC.origin).parent / "kubernetes-json-schema"


def assert_valid(objects: Iterable[Mapping[str, Any]], versions: Iterable[str] = VERSIONS) -> None:
    """Each object passes the strict schema of its kind, in each version."""
    complaints = [
        f"{version}: {each['kind']}/{each['metadata']['name']}: {error.json_path}: {error.message}"
        for each in objects
        if each["apiVersion"].partition("/")[0] not in UNCHECKED_GROUPS
        for version in versions
        for error in validator(version, each["apiVersion"], each["kind"]).iter_errors(each)
    ]
    assert not complaints, "\n".join(complaints)


@functools.cache
def validator(version: str, api_version: str, kind: str) -> jsonschema.Draft7Validator:
    """The strict schema of a kind, its references inlined."""
    folder = _ROOT / f"v{version}.0-local-strict"
    group, _, number = api_version.rpartition("/")
    name = "-".join(part for part in (kind.lower(), group.split(".")[0], number) if part)
    return jsonschema.Draft7Validator(_inlined(folder, json.loads((folder / f"{name}.json").read_text())))


def _inlined(folder: Path, value: Any) -> Any:
    if isinstance(value, dict):
        if "$ref" in value:
            return _definition(folder, value["$ref"].partition("#")[2])
        return {key: _inlined(folder, inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_inlined(folder, inner) for inner in value]
    return value


@functools.cache
def _definition(folder: Path, pointer: str) -> Any:
    """All references lead into one file."""
    found = _loaded(folder / "_definitions.json")
    for step in pointer.strip("/").split("/"):
        found = found[step]
    return _inlined(folder, found)


@functools.cache
def _loaded(path: Path) -> Any:
    return json.loads(path.read_text())

"""The YAML of manifests: every reader gives back what was written, whatever the strings look like."""

from __future__ import annotations

import math
from collections import OrderedDict
from enum import StrEnum
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from migrate.documents import parse_documents
from migrate.plan.yaml import emit, emit_all

# What a YAML 1.1 or 1.2 reader, or an editor, could take for something else.
WORDS = (
    "yes no on off y N True FALSE null ~ Null nan .nan .inf -.inf inf = << ! & * - ? : --- ... % @ ` { } [ ] , # | >"
    " 0 7 -1 +1 0123 0o17 0x1f 0b1 1_000 1e3 1E3 .5 5. 1.5e+3 12:30 190:20:30 2001-01-01 2001-12-14t21:59:43.10-05:00"
    " -x --x --- --1 a: a:b :a a# #a 1Mi 100m 01m \\ \" ' \\n {{x}} {%x%} *a &a !a @a"
)
NASTY = [
    *WORDS.split(),
    "",
    " ",
    " a",
    "a ",
    "a: b",
    "a #b",
    "- a",
    "? a",
    "a\tb",
    "\ta",
    "\t",
    "a:\tb",
    "\n",
    "\n\n",
    "a\n",
    "a\n\n",
    "a\nb",
    "a\n\nb\n",
    "\na",
    " a\nb",
    "a\n b",
    "a \nb",
    "a\n ",
    "a\n\t",
    "a\n\tb\n",
    "#a\nb",
    "---\na\n...\n",
    "a\r\nb",
    "a\rb",
    "- a\n- b: c\n",
    "\x00",
    "\x1b[0m",
    "\x7f",
    "\x85",
    "a\x85\nb",
    "\u2028",
    "a\u2029\nb",
    "\ufeff",
    "a\ufeff\nb",
    "\ufffe",
    "\xa0a",
    "é\nü",
    "\U0001f600",
    "\u202ea",
    "k" * 1500,
    "a b " * 400 + "c",
    '"' * 1023,
    "x" * 1100 + "\nx",
]

strings = st.one_of(
    st.sampled_from(NASTY),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    st.text(st.sampled_from("ab 01:#-\n\t\r\"'\\{}[]|>%&*!?,.~=_@/"), max_size=12),
    st.lists(st.sampled_from(NASTY), max_size=3).map("\n".join),
)
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**20), 10**20), st.floats(allow_nan=False, allow_infinity=False), strings
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(strings, inner, max_size=4)),
    max_leaves=12,
)


def strictly(value: Any) -> Any:
    """The value with its types, for 1 == 1.0 == True."""
    if isinstance(value, dict):
        return {key: strictly(below) for key, below in value.items()}
    if isinstance(value, list):
        return [strictly(below) for below in value]
    return type(value), value


@settings(deadline=None)
@given(values)
def test_every_json_value_comes_back(value: Any) -> None:
    """PyYAML's readers, C and Python, speak 1.1, ours the core schema of 1.2: all must agree."""
    text = emit(value)
    assert strictly(yaml.safe_load(text)) == strictly(value)
    assert strictly(yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))) == strictly(value)
    if value is not None:
        (document,) = parse_documents(text.encode(), name="manifest.yaml")
        assert strictly(document.value) == strictly(value)


@pytest.mark.parametrize("nasty", NASTY, ids=ascii)
def test_nasty_strings_come_back_from_every_place(nasty: str) -> None:
    """As a value, an item, a key of a scalar, of a map and of a list, first and last."""
    value = {nasty: nasty, "a": [nasty, {nasty: {nasty: nasty}}, [nasty, nasty]], "b": {nasty: [nasty]}, "z": nasty}
    for text in (emit(value), emit([value, nasty]), emit(nasty)):
        (document,) = parse_documents(text.encode(), name="manifest.yaml")
        assert document.value == yaml.safe_load(text)
    assert yaml.safe_load(emit(value)) == value
    assert yaml.safe_load(emit([value, nasty])) == [value, nasty]
    assert yaml.safe_load(emit(nasty)) == nasty


def test_ambiguous_strings_are_quoted() -> None:
    """Also where PyYAML would read them well: kubectl, Ruby and Go read other words than it does."""
    for word in (
        "yes",
        "N",
        "0123",
        "1_000",
        "=",
        "2001-01-01",
        "12:30",
        "~",
        "null",
        "1e3",
        "0x1f",
        ".5",
        "0o7",
        "inf",
    ):
        assert emit({"a": word}) == f'a: "{word}"\n', word


def test_a_manifest_looks_as_its_reviewer_expects() -> None:
    """Bare names, images, paths, quantities and flags; scripts as blocks; keys in the order given."""
    assert emit(
        {
            "metadata": {"name": "web", "labels": {"app.kubernetes.io/managed-by": "podlift"}, "annotations": {}},
            "spec": {
                "image": "registry.example:5000/web@sha256:ab12",
                "args": ["--listen=:80", "-c", "echo a\necho b\n"],
                "cpu": "100m",
                "memory": "1Gi",
                "hostIP": "10.0.0.1",
                "mountPath": "/var/lib/x",
                "ports": [{"containerPort": 80, "name": "http"}, {"containerPort": 81}],
                "volumes": [],
                "suspend": False,
            },
        }
    ) == (
        "metadata:\n"
        "  name: web\n"
        "  labels:\n"
        "    app.kubernetes.io/managed-by: podlift\n"
        "  annotations: {}\n"
        "spec:\n"
        "  image: registry.example:5000/web@sha256:ab12\n"
        "  args:\n"
        "  - --listen=:80\n"
        '  - "-c"\n'
        "  - |\n"
        "    echo a\n"
        "    echo b\n"
        "  cpu: 100m\n"
        "  memory: 1Gi\n"
        '  hostIP: "10.0.0.1"\n'
        "  mountPath: /var/lib/x\n"
        "  ports:\n"
        "  - containerPort: 80\n"
        "    name: http\n"
        "  - containerPort: 81\n"
        "  volumes: []\n"
        "  suspend: false\n"
    )


def test_shared_values_get_no_anchors() -> None:
    """PyYAML would write &id001, which kubectl takes and reviewers hate."""
    labels = {"a": "b"}
    assert emit({"one": labels, "two": labels}) == "one:\n  a: b\ntwo:\n  a: b\n"


def test_several_documents_in_one_stream() -> None:
    """A stream comes back as the documents it was made of, also behind a text that keeps its last newlines."""
    objects: list[Any] = [{"a": "b\n\n"}, ["---"], {}]
    assert list(yaml.safe_load_all(emit_all(objects))) == objects
    assert [d.value for d in parse_documents(emit_all(objects).encode(), name="x.yml")] == objects


def test_subclasses_of_plain_types_are_written_as_those() -> None:
    """Enums and ordered maps are what Python code naturally puts into an object."""

    class Policy(StrEnum):
        ALWAYS = "Always"
        NO = "no"

    value = {"p": Policy.ALWAYS, "q": [Policy.NO], "r": OrderedDict(b=1, a=(1, 2)), Policy.NO: ()}
    assert yaml.safe_load(emit(value)) == {"p": "Always", "q": ["no"], "r": {"b": 1, "a": [1, 2]}, "no": []}


@pytest.mark.parametrize(
    "value", [math.nan, math.inf, "\ud800", "a\n\udfff", {"\ud800": 1}, ["x", -math.inf]], ids=ascii
)
def test_what_json_cannot_carry_is_refused(value: Any) -> None:
    """Better no manifest than one that another tool reads as something else."""
    with pytest.raises(ValueError, match=r"surrogate|no number"):
        emit(value)


@pytest.mark.parametrize(
    "value", [{1: 2}, {None: 1}, b"a", {"a": {1, 2}}, object()], ids=lambda value: type(value).__name__
)
def test_what_is_no_json_is_refused(value: Any) -> None:
    """A key that is no text would change its type on the way through another reader."""
    with pytest.raises(TypeError):
        emit(value)

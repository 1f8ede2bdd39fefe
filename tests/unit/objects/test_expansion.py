"""What Docker passed on untouched arrives untouched, although the kubelet expands it."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from converters.objects.expansion import escape, escape_by_reference


def expand(text: str, variables: Mapping[str, str]) -> str:
    """The kubelet's expansion, from its rules, over bytes as Go sees them (the older form, which is the harsher)."""
    data, done, at = text.encode(), b"", 0
    while at < len(data):
        rest = data[at + 1 :]
        if data[at : at + 1] != b"$" or not rest:
            done, at = done + data[at : at + 1], at + 1
        elif rest.startswith(b"$"):
            done, at = done + b"$", at + 2
        elif rest.startswith(b"(") and b")" in rest:
            name = rest[1 : rest.index(b")")]
            value = variables.get(name.decode())
            done, at = done + (b"$(" + name + b")" if value is None else value.encode()), at + len(name) + 3
        else:
            # the older kubelet reads the first byte as a character of its own
            done, at = done + b"$" + chr(rest[0]).encode(), at + 2
    return done.decode(errors="replace")


TEXT = st.text(st.sampled_from("$$$(){}AB é\N{SNOWMAN}"), max_size=14)


@given(TEXT)
def test_expansion_gives_the_text_back(text: str) -> None:
    """Whatever stands in the text, and whatever variables there are, the process sees the text."""
    assert expand(escape(text), {"A": "x", "": "y", "B": "$(A)"}) == text


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("$(date)", "$$(date)"),
        ("a$$b", "a$$$$b"),
        ("$$(A)", "$$$$(A)"),
        ("$$$(A)", "$$$$$$(A)"),
        ("$HOME/${X:-1}", "$HOME/${X:-1}"),
        ("100$", "100$"),
        ("$(open", "$$(open"),
    ],
)
def test_only_what_would_be_expanded_is_escaped(text: str, escaped: str) -> None:
    """A reader of the manifest meets a doubled dollar only where it is needed."""
    assert escape(text) == escaped


def test_the_model_of_the_kubelet_expands() -> None:
    """The expansion that these tests use does replace what the kubelet replaces."""
    assert expand("$(A)-$$(A)-$(C)-$x-$(A", {"A": "1"}) == "1-$(A)-$(C)-$x-$(A"


@given(
    st.lists(
        st.sampled_from(["s3cr3t-value", "$(X)", "$$", "a", "--password=", "$", "longer-s3cr3t-value"]), max_size=8
    )
)
def test_a_secret_in_the_command_is_put_back_by_the_kubelet(parts: list[str]) -> None:
    """Whatever stands around it: what runs is what Docker ran, and the value is not in the manifest."""
    secrets = {"PW": "s3cr3t-value", "LONG": "longer-s3cr3t-value"}
    text = "".join(parts)
    made = escape_by_reference(text, secrets)
    assert expand(made, secrets) == text
    assert "s3cr3t" not in made

"""Whatever stands in a document: it is read, or refused with one clear error; never a traceback."""

from typing import Any

import pytest

from converters.errors import PodliftError
from converters.fields.container_table import CONTAINER_ROWS
from converters.fields.row import Role
from tests.inspect_documents import container, image, read, with_sample
from tests.origins import sources_in

ODD: tuple[Any, ...] = (
    None,
    True,
    0,
    -5,
    1.5,
    "",
    "odd",
    [],
    ["odd"],
    [1],
    [None],
    [{}],
    {},
    {"odd": 1},
    {"odd": {}},
    [[]],
)


def full() -> dict[str, Any]:
    """A document with every sample that goes with the others."""
    made = container()
    for row in CONTAINER_ROWS:
        if row.role is Role.CONFIG:
            made = with_sample(made, row)
    made["Mounts"] = [{"Type": "volume", "Name": "v", "Source": "/v", "Destination": "/x", "RW": True}]
    made["Volumes"], made["VolumesRW"] = {"/y": "/z"}, {"/y": False}
    made["NetworkSettings"]["Ports"] = {"80/tcp": [{"HostIp": "", "HostPort": "1"}]}
    return made


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [at] if at else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        found += places(inner, (*at, key))
    return found


PLACES = places(full())


def replaced(document: dict[str, Any], place: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """The document with another value there; what lies beside the way to it is the document's own."""
    made = dict(document)
    node: Any = made
    for key in place[:-1]:
        node[key] = node[key].copy()
        node = node[key]
    node[place[-1]] = value
    return made


@pytest.mark.parametrize("turn", [0, 5, 11])
def test_an_odd_value_anywhere_is_read_or_refused(turn: int) -> None:
    """And what is read still accounts for every present atom. Each place has its turn with some of the odd values."""
    document = full()
    codes = set()
    for n, place in enumerate(PLACES):
        try:
            reading = read(replaced(document, place, ODD[(n + turn) % len(ODD)]))
        except PodliftError as refused:
            codes.add(refused.code)
            continue
        sources = {s.path for s in sources_in(reading.workloads[0]) if s.document == reading.tallies[-1].document}
        assert sources == set(reading.tallies[-1].atoms), place
    assert codes <= {"inspect-malformed", "inspect-incomplete", "inspect-no-id"}


BESIDE = ("images", "volumes", "networks")
BESIDE_DOCUMENTS: dict[str, dict[str, Any]] = {
    "images": image(Labels={"a": "b"}),
    "volumes": {"Name": "site-data", "Driver": "local", "Options": {"type": "nfs"}, "Labels": {"a": "b"}},
    "networks": {"Name": "backend", "Id": "7d", "Driver": "bridge", "Internal": True, "Options": {"a": "b"}},
}


@pytest.mark.parametrize("kind", BESIDE)
def test_an_odd_value_in_a_document_beside_is_read_or_refused(kind: str) -> None:
    """An image's, a volume's, a network's; the whole of it included."""
    document, beside = full(), BESIDE_DOCUMENTS[kind]
    codes = set()
    for odd in ODD:
        for changed in (odd, *(replaced(beside, place, odd) for place in places(beside))):
            try:
                read(document, **{kind: (changed,)})
            except PodliftError as refused:
                codes.add(refused.code)
    assert codes <= {"inspect-malformed", "inspect-not-object"}

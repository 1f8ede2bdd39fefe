"""Mappings and configs for tests: from texts, from fixtures, from the public files, and the count of their leaves."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from converters.capture import ConfigDocument
from converters.fields.verdict import Source
from converters.sources.mapping import Mapping as ConfigMapping
from converters.sources.mapping import parse_mapping, read_config
from converters.sources.mapping.origins import origins_of
from converters.sources.reading import Reading
from converters.workload import Workload
from migrate.documents import parse_documents

FIXTURES = Path(__file__).parents[1] / "fixtures" / "mappings"
PUBLIC = Path(__file__).parents[2] / "shared" / "data"


def documents(text: str | bytes, name: str = "fleet/web.yml") -> tuple[ConfigDocument, ...]:
    data = text if isinstance(text, bytes) else textwrap.dedent(text).encode()
    return tuple(
        ConfigDocument(name=d.name, index=d.index, value=d.value, lines=d.marks)
        for d in parse_documents(data, name=name)
    )


def mapping(text: str | bytes, name: str = "edge.mapping.yaml") -> ConfigMapping:
    (document,) = documents(text, name)
    return parse_mapping(document.value, document.lines, name=name)


HEAD = """\
schema: podlift.dev/mapping/v1
documents: {fleet: {files: "fleet/*.yml"}}
workloads: {each: items(fleet.services), name: key()}
"""


def of_item(item: str, clauses: str = "", container: str = "") -> tuple[Workload, Reading]:
    """The one workload ``web`` of an item (YAML, without its image), read by clauses of a container and beside it."""
    config = "services:\n  web:\n    image: web:1\n" + textwrap.indent(textwrap.dedent(item).strip(), "    ") + "\n"
    language = HEAD + "containers:\n- image: image\n"
    language += textwrap.indent(textwrap.dedent(container).strip(), "  ") + "\n" + textwrap.dedent(clauses)
    reading = read_config(documents(config), mapping(language))
    assert_accounted(reading, documents(config))
    (workload,) = reading.workloads
    return workload, reading


def fixture(kind: str) -> tuple[ConfigMapping, tuple[ConfigDocument, ...]]:
    """A shipped mapping and its own config."""
    folder = FIXTURES / kind
    files = sorted(f for f in folder.rglob("*") if f.is_file() and f.name != "mapping.yaml")
    found = [d for f in files for d in documents(f.read_bytes(), str(f.relative_to(folder)))]
    return mapping((folder / "mapping.yaml").read_bytes(), f"{kind}/mapping.yaml"), tuple(found)


def paths(sources: Sequence[Source]) -> list[str]:
    return [source.path for source in sources]


def left(reading_or_workload: Any) -> dict[str, str]:
    """Paths of what was left, with the code of each."""
    settings = getattr(reading_or_workload, "settings", None)
    if settings is None:
        settings = reading_or_workload.left
    return {source.path: setting.code for setting in settings for source in setting.origins}


def assert_accounted(reading: Reading, given: Sequence[ConfigDocument]) -> None:
    """Each leaf of each document lies under exactly one atom; each atom is taken, or left once, and not both."""
    taken: set[tuple[str, str]] = set()
    left_in_workloads: set[tuple[str, str]] = set()
    for workload in reading.workloads:
        mine = {(s.document, s.path) for origins in origins_of(_without_settings(workload)) for s in origins}
        rest = [(s.document, s.path) for setting in workload.settings for s in setting.origins]
        assert not mine & set(rest), f"taken and left at once in {workload.name}: {sorted(mine & set(rest))}"
        assert max(Counter(rest).values(), default=1) == 1, f"left twice in {workload.name}"
        taken |= mine
        left_in_workloads |= set(rest)
    outside = [(s.document, s.path) for setting in reading.left for s in setting.origins]
    assert max(Counter(outside).values(), default=1) == 1, "left twice outside the workloads"
    assert not set(outside) & (taken | left_in_workloads), "left outside and accounted for within"
    atoms = taken | left_in_workloads | set(outside)
    for document in given:
        name = f"{document.name}#{document.index}" if document.index else document.name
        here = {path for where, path in atoms if where == name}
        covering: Counter[str] = Counter()
        for leaf in leaf_paths(document.value):
            over = {leaf, leaf.rpartition("[")[0]} & here if leaf.endswith("]") else {leaf} & here
            assert len(over) == 1, f"{name}: {leaf} lies under {sorted(over) or 'nothing'}"
            covering.update(over)
        assert set(covering) == here, f"{name}: atoms without a leaf: {sorted(here - set(covering))}"
    tallied = {t.document: t for t in reading.tallies}
    for document in given:
        name = f"{document.name}#{document.index}" if document.index else document.name
        assert tallied[name].leaves == sum(1 for _ in leaf_paths(document.value))
        assert set(tallied[name].atoms) == {path for where, path in atoms if where == name}


def _without_settings(workload: Workload) -> Workload:
    return replace(workload, settings=())


def leaf_paths(value: Any, path: str = "") -> Iterator[str]:
    """The leaves of a document by a walker of the tests' own."""
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            plain = str(key).replace("_", "").replace("-", "").isalnum() and str(key).isascii()
            step = (f".{key}" if path else str(key)) if plain else f'["{key}"]'
            yield from leaf_paths(inner, path + step)
    elif isinstance(value, list) and value:
        for index, inner in enumerate(value):
            yield from leaf_paths(inner, f"{path}[{index}]")
    else:
        yield path or "@"


def bare(value: Any) -> Any:
    """A model value without its origins and settings, to compare with one made by hand."""
    if isinstance(value, tuple):
        return tuple(bare(each) for each in value)
    if not is_dataclass(value) or isinstance(value, type):
        return value
    changes: dict[str, Any] = {}
    for each in fields(value):
        inner = getattr(value, each.name)
        if each.name == "origins":
            changes["origins"] = {} if isinstance(inner, Mapping) else ()
        elif each.name == "settings":
            changes["settings"] = ()
        else:
            changes[each.name] = bare(inner)
    return replace(value, **changes)

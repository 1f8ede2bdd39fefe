"""docs/reference/mapping.md says what the language does: its examples run, and no word of the language is missing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from converters.amounts import BYTES, CORES, SECONDS
from converters.sources.mapping import read_config, vocabulary
from converters.sources.mapping.expression import OURS
from converters.sources.mapping.transforms import TRANSFORMS
from tests.mappings import HEAD, assert_accounted, documents, left, mapping

TEXT = (Path(__file__).parents[3] / "docs" / "reference" / "mapping.md").read_text()
BLOCKS = re.findall(r"```yaml\n(# ([^\n]+)\n.*?)```", TEXT, re.DOTALL)


def test_the_whole_example_runs() -> None:
    """The config and the mapping shown give the workload, and only the owner is left, with its reason."""
    config, language = (
        next(text for text, name in BLOCKS if name == which) for which in ("fleet/web.yml", "edge.mapping.yaml")
    )
    found = documents(config, "fleet/web.yml")
    reading = read_config(found, mapping(language))
    assert_accounted(reading, found)
    (web,) = reading.workloads
    assert [(c.site, c.count) for c in web.replicas] == [("ams", 4), ("syd", 2)]
    assert web.containers[0].args == ("--listen", "$(PODLIFT_POD_IP):80")
    assert left(web) == {"services.web.owner": "ignored"}
    assert left(reading) == {}


@pytest.mark.parametrize("part", [text for text, name in BLOCKS if name == "a part of a mapping"])
def test_parts_are_parts_of_mappings(part: str) -> None:
    """Each part shown completes to a mapping that loads."""
    keys = {line.partition(":")[0] for line in part.splitlines() if re.match(r"\w", line)}
    head = "schema: podlift.dev/mapping/v1\n"
    head += "" if "documents" in keys else "".join(HEAD.splitlines(keepends=True)[1:])
    head += "" if "containers" in keys else "containers: [{image: image}]\n"
    mapping(head + part)


def test_every_word_is_there() -> None:
    """Sections, attributes, choices, transforms, units and functions, as the program itself lists them."""
    words = {*vocabulary.TOP, *vocabulary.CONTAINER, *vocabulary.CONTAINER_LISTS, *vocabulary.CONTROLLERS}
    words |= {*vocabulary.RUNTIME, *TRANSFORMS, *SECONDS, *BYTES, *CORES, *OURS} - {"µs"}
    for element in (*vocabulary.CONTAINER_LISTS.values(), *vocabulary.WORKLOAD_LISTS.values()):
        words |= set(element.attributes)
        words |= {choice for attribute in element.attributes.values() for choice in attribute.choices} - {
            "tcp",
            "udp",
            "sctp",
        }
    for group in vocabulary.GROUPS.values():
        words |= {*group.attributes, *group.lists}
        words |= {name for element in group.lists.values() for name in element.attributes}
    missing = sorted(word for word in words if not re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", TEXT))
    assert missing == []


def test_every_word_of_its_tables_is_known() -> None:
    """No attribute in the table of elements is one that the language lacks."""
    elements = {**vocabulary.CONTAINER_LISTS, **vocabulary.WORKLOAD_LISTS, **vocabulary.GROUPS["scaling"].lists}
    for name, element in elements.items():
        row = re.search(rf"^\| (?:`\w+`, )?`{name}`(?:, `\w+`)? \| (.+) \|$", TEXT, re.MULTILINE)
        if row is None:
            continue
        told = set(re.findall(r"`([a-z_]+)`", re.sub(r"\([^)]*\)", "", row[1])))
        assert told <= {*element.attributes, *element.whole}, name

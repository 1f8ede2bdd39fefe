"""What ``mapping check`` says of a mapping: per workload what was taken and what was left, and what is idle."""

from __future__ import annotations

import pytest

from converters.sources.mapping import check_mapping
from tests.mappings import HEAD, documents, fixture, mapping, paths

CONFIG = """
defaults: {zone: a}
services:
  web:
    image: web:1
    owner: me
    size: {mem: 1g}
    env: {A: 1}
    ports: ["8080:80"]
  api: {image: api:1}
"""
LANGUAGE = HEAD + (
    "containers:\n"
    "- image: image\n"
    "  env: env\n"
    "  ports: {from: ports, as: docker_publish}\n"
    "  memory_limit: size.memory\n"
    "  mounts: {each: volmes, from: '@', as: docker_volume}\n"
    "ignore: {ownr: a slip of the pen}\n"
)


def test_taken_and_left() -> None:
    """Attributes are named as the model names them, each with the fields that it came from."""
    checked = check_mapping(documents(CONFIG), mapping(LANGUAGE))
    web = checked.workloads[0]
    assert [(attribute, paths(sources)) for attribute, sources in web.taken] == [
        ("containers[web].image", ["services.web.image"]),
        ("containers[web].env[A]", ["services.web.env.A"]),
        ("containers[web].ports[80]", ["services.web.ports[0]"]),
        ("containers[web].ports[80].published[0]", ["services.web.ports[0]"]),
    ]
    assert paths(web.not_mapped) == ["services.web.owner", "services.web.size.mem"]
    assert [s.origins[0].path for s in checked.left] == ["defaults.zone"]


def test_what_never_gave_anything_is_told() -> None:
    """A misspelt field gives nothing for any workload, and an ignore that matches nothing is as likely a slip."""
    checked = check_mapping(documents(CONFIG), mapping(LANGUAGE))
    assert [(where.key, where.line) for where in checked.silent] == [
        ("containers[0].memory_limit", 8),
        ("containers[0].mounts", 9),
    ]
    assert checked.unused == ("ownr",)


@pytest.mark.parametrize("kind", ["edge", "helios", "singularity", "maestro-ng"])
def test_each_source_of_a_shipped_reading_has_an_attribute(kind: str) -> None:
    """The list of what was taken is complete: together with what was left it names every atom of the tallies."""
    given, found = fixture(kind)
    checked = check_mapping(found, given)
    named = {s for w in checked.workloads for _, sources in w.taken for s in sources}
    rest = {s for w in checked.workloads for each in w.left for s in each.origins}
    rest |= {s for each in checked.left for s in each.origins}
    atoms = {s.path for s in named | rest}
    from converters.sources.mapping import read_config

    assert atoms == {path for tally in read_config(found, given).tallies for path in tally.atoms}

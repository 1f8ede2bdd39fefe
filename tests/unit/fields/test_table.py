"""The field table: every key that an engine prints has a row, and every row's sample reaches the model."""

import re
from typing import Any

import pytest

from converters.fields.catalogue import CATALOGUE
from converters.fields.container_table import CONTAINER_ROWS
from converters.fields.defaults import RULES
from converters.fields.engine_api import KEYS
from converters.fields.other_tables import IMAGE_ROWS, NETWORK_ROWS, VOLUME_ROWS
from converters.fields.podman_table import PODMAN_ROWS
from converters.fields.row import Role, Row
from converters.fields.walk import Table, walk
from tests.inspect_documents import container, read, with_sample
from tests.origins import sources_in

TABLES = {"container": CONTAINER_ROWS, "image": IMAGE_ROWS, "volume": VOLUME_ROWS, "network": NETWORK_ROWS}
ALL_ROWS = {row.pattern: row for rows in (*TABLES.values(), PODMAN_ROWS) for row in rows}
CONFIGURED = [row for row in CONTAINER_ROWS if row.role is Role.CONFIG]
PODMANS = [row for row in PODMAN_ROWS if row.role is Role.CONFIG]
PODMAN: dict[str, Any] = {"OCIConfigPath": "/run/config.json", "lockNumber": 2}
NETWORK: dict[str, Any] = {"Name": "backend", "Id": "7d86", "Driver": "bridge", "Internal": False, "Options": {}}
VOLUME: dict[str, Any] = {"Name": "site-data", "Driver": "local", "Options": None, "Labels": None, "Scope": "local"}


def document_with(key: str) -> Any:
    """A document that has nothing but this key of engine_api.KEYS."""
    value: Any = "v"
    for token in reversed(re.findall(r"\[\]|\.?[^.\[\]]+", key)):
        value = [value] if token == "[]" else {"k" if token == ".*" else token.removeprefix("."): value}
    return value


@pytest.mark.parametrize("kind", TABLES)
def test_every_key_of_the_engines_references_has_a_row(kind: str) -> None:
    """Engine API 1.18 to the newest: no key is unknown."""
    table, keys = Table(TABLES[kind]), KEYS[kind]
    leaves = [key for key in keys if not any(other.startswith(f"{key}.*") for other in keys)]
    # A list of strings in its time, which the references call a string.
    leaves = [key for key in leaves if key != "Config.PortSpecs"]
    assert len(leaves) > 20
    assert [key for key in leaves if any(found.row is None for found in walk(document_with(key), table))] == []


def test_a_row_names_what_the_rest_of_the_project_knows() -> None:
    """A code of the catalogue, a rule that exists, a case, and the fact that shows it."""
    for row in ALL_ROWS.values():
        assert row.case, row
        assert row.seen_by, row
        assert set(row.rules) <= set(RULES), row
        if row.role is Role.CONFIG:
            assert row.code in CATALOGUE, row
            assert row.attribute, row
            assert row.sample is not None, row
        if row.mirror_of:
            assert row.mirror_of in ALL_ROWS, row


@pytest.mark.parametrize("row", [*CONFIGURED, *PODMANS], ids=lambda row: row.pattern)
def test_a_sample_is_present_and_reaches_the_model(row: Row) -> None:
    """The row's atom stands behind something in the workload, under the row's code where it is a setting."""
    base = container(**(PODMAN if row in PODMANS else {}))
    changed = with_sample(base, row)
    before, after = read(base), read(changed)
    atoms = [found for found in walk(changed, Table((*CONTAINER_ROWS, *PODMAN_ROWS))) if found.row is not None]
    own = {found.path for found in atoms if found.row and found.row.pattern == row.pattern}
    own &= set(after.tallies[-1].atoms)
    assert own, "the sample is a default"
    (workload,) = after.workloads
    assert own <= {source.path for source in sources_in(workload)}
    if row.attribute == "setting":
        (setting,) = [s for s in workload.containers[0].settings if own & {source.path for source in s.origins}]
        assert setting.code == row.code
    else:
        assert "unknown-field" not in {setting.code for setting in workload.containers[0].settings}
        assert workload != before.workloads[0]


@pytest.mark.parametrize("row", [*CONFIGURED, *PODMANS], ids=lambda row: row.pattern)
def test_each_present_atom_of_a_document_with_a_sample_is_behind_something(row: Row) -> None:
    """Nothing vanishes and nothing that is not present claims an atom."""
    base = container(**(PODMAN if row in PODMANS else {}))
    reading = read(with_sample(base, row))
    sources = {s.path for s in sources_in(reading.workloads[0]) if s.document == "h1/container/web"}
    assert sources == set(reading.tallies[-1].atoms)


@pytest.mark.parametrize("row", [row for row in CONFIGURED if row.usual], ids=lambda row: row.pattern)
def test_a_usual_value_is_unset(row: Row) -> None:
    """What the table calls unset is not present."""
    for value in row.usual:
        keyed = dict.fromkeys(row.sample, value) if "[map]" in row.pattern and isinstance(row.sample, dict) else value
        usual = Row(pattern=row.pattern, sample=keyed)
        tally = read(with_sample(container(), usual)).tallies[-1]
        assert not [path for path in tally.atoms if path.startswith(row.pattern.partition("[")[0])], value


@pytest.mark.parametrize("row", [row for row in VOLUME_ROWS if row.role is Role.CONFIG], ids=lambda row: row.pattern)
def test_a_volumes_sample_reaches_the_container_that_mounts_it(row: Row) -> None:
    """A volume's own document speaks for the mounts of that name."""
    document = container(host={"Binds": ["site-data:/data"]})
    reading = read(document, volumes=(with_sample(VOLUME, row),))
    (tally,) = [tally for tally in reading.tallies if tally.document == "h1/volume/site-data"]
    sources = {s.path for s in sources_in(reading.workloads[0]) if s.document == tally.document}
    assert tally.atoms
    assert sources == set(tally.atoms)


@pytest.mark.parametrize("row", [row for row in NETWORK_ROWS if row.role is Role.CONFIG], ids=lambda row: row.pattern)
def test_a_networks_sample_reaches_the_container_that_is_on_it(row: Row) -> None:
    """A network's own document speaks for the containers on it."""
    document = container(host={"NetworkMode": "backend"})
    reading = read(document, networks=(with_sample(NETWORK, row),))
    (tally,) = [tally for tally in reading.tallies if tally.document == "h1/network/backend"]
    sources = {s.path for s in sources_in(reading.workloads[0]) if s.document == tally.document}
    assert tally.atoms
    assert sources == set(tally.atoms)


def test_a_plain_container_has_nothing_to_say_but_its_image() -> None:
    """Every other field of a container that nobody asked anything of is a default, inherited or evidence."""
    tally = read(container()).tallies[-1]
    assert tally.atoms == ("Config.Image",)
    assert tally.leaves == tally.present + tally.inherited + tally.unset + tally.observed + tally.mirror
    assert tally.inherited == 3


def test_two_rows_may_not_overlap() -> None:
    """An atom within an atom would be counted twice."""
    with pytest.raises(AssertionError, match="within the atom"):
        Table((Row(pattern="State"), Row(pattern="State.Status")))
    with pytest.raises(AssertionError, match="has atoms within"):
        Table((Row(pattern="State.Status"), Row(pattern="State")))

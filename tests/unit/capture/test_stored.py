"""Documents of a capture on disk: parsed when they are gone through, and still whole or refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from converters.capture import Capture, HostDocuments
from converters.errors import PodliftError
from converters.workload import Host
from migrate.capture import read_capture, write_capture

DOCUMENTS = (
    {"Id": "1", "Name": "/web", "Config": {"Env": ["DB_PASSWORD=wave-harbour-41"]}},
    {"Id": "2", "Name": "/api", "Config": {"Env": []}},
)


@pytest.fixture
def read(tmp_path: Path) -> HostDocuments:
    write_capture(Capture(hosts=(HostDocuments(host=Host(name="ams1"), containers=DOCUMENTS),)), tmp_path / "c")
    return read_capture(tmp_path / "c").hosts[0]


def test_they_are_a_sequence(read: HostDocuments) -> None:
    """Counted, indexed and gone through as often as one likes, with their secret values."""
    assert (len(read.containers), read.containers[1], read.containers[:1]) == (2, DOCUMENTS[1], [DOCUMENTS[0]])
    assert [tuple(read.containers), tuple(read.containers)] == [DOCUMENTS, DOCUMENTS]


def test_none_is_held(read: HostDocuments) -> None:
    """Of documents that nobody holds, none stays in memory: the next look makes others."""
    assert read.containers[0] is not read.containers[0]


@pytest.mark.parametrize("change", ["edited", "gone"])
def test_a_later_change_is_refused(read: HostDocuments, tmp_path: Path, change: str) -> None:
    """Nothing is planned from files that changed after the capture was read."""
    file = tmp_path / "c/hosts/ams1/containers/api.json"
    if change == "gone":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes().replace(b"/api", b"/ape"))
    with pytest.raises(PodliftError) as raised:
        tuple(read.containers)
    assert (raised.value.code, raised.value.subject) == ("capture-broken", str(file))


def test_secrets_are_checked_on_reading(read: HostDocuments, tmp_path: Path) -> None:
    """Secret values that do not fit their documents are refused before anybody goes through these."""
    assert len(read.containers) == len(DOCUMENTS)
    (tmp_path / "c/secrets/hosts/ams1.json").write_text('{"containers/api.json": [["DB_PASSWORD", "other"]]}')
    with pytest.raises(PodliftError, match="it does not hold the values of"):
        read_capture(tmp_path / "c")

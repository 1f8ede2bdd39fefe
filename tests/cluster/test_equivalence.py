"""A container and the pod that podlift makes of it, both run, are the same but for what podlift says.

Which kinds of containers: the files in shapes/ (README.md). All of them run once, together; each test then looks at
one. Totals go to the test report (``record_property``) and to ``equivalence.json`` in pytest's temporary folder.
"""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.cluster.equivalence import faults, totals, unused
from tests.cluster.runner import ENGINE_FLAGS, Batch, run
from tests.cluster.shape import SHAPES, shapes
from tests.lab.cluster import Cluster
from tests.lab.engine import Lab

NAMES = sorted(path.stem for path in SHAPES.glob("*.yaml"))


@pytest.fixture(scope="session")
def batch(_session_lab: Lab, lab_cluster: Cluster) -> Batch:
    """Every shape, run."""
    engine = _session_lab.engine("edge", flags=ENGINE_FLAGS)
    return run(engine, _session_lab.registries[0].name, lab_cluster, list(shapes()))


@pytest.mark.parametrize("name", NAMES)
def test_a_pod_is_as_its_container_was(name: str, batch: Batch) -> None:
    """No difference that nobody told, no verdict on a difference that is not there."""
    (result,) = [each for each in batch.results if each.shape.name == name]
    if result.refused:
        # not skipped: where a skip is a failure, this one could not be mended
        pytest.xfail(f"this machine refuses it to any container: {result.refused}")
    assert faults(result) == []


def test_every_excuse_is_needed(batch: Batch) -> None:
    """What the judge lets pass in silence, some shape makes it let pass."""
    assert unused(batch) == set()


def test_the_totals(
    batch: Batch, record_property: Callable[[str, object], None], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Shapes of each kind, and no fault in any."""
    found = totals(batch)
    (tmp_path_factory.getbasetemp() / "equivalence.json").write_text(json.dumps(found.as_json(), indent=2))
    record_property("equivalence", found.as_json())
    assert found.shapes >= 40
    assert (found.undeclared, found.wolves, found.broken) == (0, 0, 0)

"""What the tests of the cluster share."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator

import pytest

from migrate.cluster import Cluster
from tests.lab.cluster import GivenCluster


@pytest.fixture
def spaces(cluster: GivenCluster) -> Iterator[Callable[[], str]]:
    """Makes namespaces of the test's own."""
    made: list[str] = []

    def make() -> str:
        name = f"test-{uuid.uuid4().hex[:8]}"
        cluster.kubectl("create", "namespace", name)
        made.append(name)
        return name

    yield make
    for name in made:
        cluster.kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture
def space(spaces: Callable[[], str]) -> str:
    """A namespace of the test's own."""
    return spaces()


@pytest.fixture
def edge(cluster: GivenCluster) -> Iterator[Cluster]:
    """The cluster as podlift reaches it, without waiting for a rate."""
    made = Cluster(cluster.context, cluster.kubeconfig, writes_per_s=1000)
    yield made
    made.close()

"""What is refused before a run begins, and before anything is asked of engines."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import pytest

from converters.errors import PodliftError
from converters.target import Target
from migrate.cutover.cutover import Cutover
from tests.plans import plan, web

if TYPE_CHECKING:
    from migrate.cluster import Cluster


class Another:
    """A cluster that is not the plan's. Whatever else is asked of it fails the test."""

    name, server, namespace = "test", "https://test:6443", "shop"

    def identity(self) -> str:
        return "uid-2"


@pytest.mark.parametrize("ask", [lambda run: run.preview(probe=False), lambda run: run.check()])
def test_another_cluster_than_the_plans(ask: Callable[[Cutover], Any]) -> None:
    made = plan(web(), target=Target(identity="uid-1"))
    cutover = Cutover(made, "web", cluster=cast("Cluster", Another()), hosts=())
    with pytest.raises(PodliftError) as caught:
        ask(cutover)
    assert caught.value.code == "wrong-cluster"

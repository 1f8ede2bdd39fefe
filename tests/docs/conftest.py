"""What pages' readers have."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from migrate import write_plan
from tests.cluster.served import Served, served
from tests.lab.cluster import Cluster
from tests.lab.engine import LabEngine
from tests.lab.probing import probe_commands

SPACE = "shop"


@pytest.fixture
def served_project(lab_cluster: Cluster, lab_engines: dict[str, LabEngine], tmp_path: Path) -> Iterator[Served]:
    """A folder with a plan that is applied gated to the namespace shop, its workload web served by an engine of the
    lab, and a podlift.yaml that says how it is cut over, in the lab's timings."""
    lab_cluster.kubectl("create", "namespace", SPACE)
    try:
        with served(lab_cluster, lab_engines["edge-a1"], SPACE, tmp_path) as web:
            write_plan(web.plan, tmp_path / "plan")
            (tmp_path / "podlift.yaml").write_text(yaml.safe_dump(_project(web)))
            yield web
    finally:
        lab_cluster.kubectl("delete", "namespace", SPACE, "--wait=false")


def _project(web: Served) -> dict[str, object]:
    edge = web.engine
    return {
        "hosts": [{"name": edge.name, "url": edge.url, "address": edge.address, "exec": list(edge.host.enter())}],
        "cutover": {
            "profile": "lab",
            "hooks": {name: list(argv) for name, argv in web.settings.hooks.items()},
            "nodes": {name: {"probe": argv} for name, argv in probe_commands(web.lab).items()},
        },
    }

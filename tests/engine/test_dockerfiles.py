"""The Dockerfiles of the checkout are built, line for line, on a base that tests/lab/building.py makes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.lab import building
from tests.lab.engine import Lab

pytestmark = pytest.mark.prove


def test_podlift(lab: Lab, tmp_path: Path) -> None:
    """It starts as a user of its own, and ssh looks for its keys where the Secret lies."""
    engine = lab.engine()
    base = building.python_base(engine, building.wheels_of(tmp_path))
    building.build(engine, "image/Dockerfile", "podlift:lab", base=base)
    assert re.match(r"podlift \d", engine.output("podlift:lab", ["version"]))
    assert "--drive" in engine.output("podlift:lab", ["cutover", "keep", "--help"])
    seen = engine.output("podlift:lab", ["-c", "id -u; readlink ~/.ssh; ssh -V 2>&1"], entrypoint="sh").splitlines()
    assert seen[:2] == ["65532", "/etc/podlift"]
    assert seen[2].startswith("OpenSSH_")


def test_podlift_probe(lab: Lab) -> None:
    """Nothing but the program is in it, and it answers a task of the environment."""
    engine = lab.engine()
    building.build(engine, "probe/Dockerfile", "podlift-probe:lab", context="probe", base=building.go_base(engine))
    task = {"PODLIFT_PROBE": json.dumps({"established": [{"address": "127.0.0.1", "port": 80}]})}
    answer = json.loads(engine.output("podlift-probe:lab", [], environment=task, user="0", cap_add=["NET_ADMIN"]))
    assert answer["established"] == [[]]
    assert len(engine.client.images.get("podlift-probe:lab").attrs["RootFS"]["Layers"]) == 1

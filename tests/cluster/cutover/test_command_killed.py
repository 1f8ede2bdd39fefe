"""The same through the command: podlift cutover start and resume, killed at five writes."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from migrate.plan.directory import write_plan
from migrate.schemas.cutover import COUNTS, TIMINGS
from tests.cluster.cutover.killing import Ended, Ride, ridden
from tests.cutover.killing import straight_labels
from tests.lab.cluster import Cluster
from tests.lab.engine import LabEngine

KILLS = {
    "PREFLIGHT: create Service/web": "after",
    "DEPLOYED: patch Pod/web-pod": "before",
    "SHIFT: patch Service/web": "after",
    "BAKING: patch ConfigMap/cutover-web intent set-restart Container": "after",
    "DRAINED: stop h0/c0": "after",
}
_OUTCOMES = {"FINALIZED": "ended", "STOPPED": "rest"}


class CommandRide(Ride):
    """Each process is a command."""

    @classmethod
    def of(cls, ride: Ride, folder: Path) -> CommandRide:
        made = cls(**{each.name: getattr(ride, each.name) for each in fields(Ride)})
        made._folder = folder
        write_plan(ride.task.plan, folder / "plan")
        (folder / "podlift.yaml").write_text(json.dumps(_project(ride)))
        return made

    def drive(self, verb: str) -> Ended:
        task = self.task
        words = {
            "start": ["start", "plan", task.name, "--yes", "--on-drain-timeout=stop"],
            "resume": ["resume", task.name],
            "take-over": ["resume", task.name, "--take-over"],
            "finalize": ["finalize", task.name, "--yes"],
        }[verb]
        reach = [
            "--context=proxied",
            f"--kubeconfig={task.kubeconfig}",
            "-n",
            task.space,
            f"--directory={self._folder}",
        ]
        command = [sys.executable, "-m", "migrate.cli.main", "cutover", *words, *reach]
        self.watch.begins()
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
            self.watch.began(process.pid)
            assert process.stderr is not None
            said = process.stderr.read()
        self.watch.ended()
        if process.returncode == -9:
            return Ended(outcome="")
        assert process.returncode == 0, said
        entry = self.entry()
        assert entry is not None
        return Ended(outcome=_OUTCOMES[entry.run.state], why=said)

    _folder: Path


def _project(ride: Ride) -> dict[str, object]:
    """podlift.yaml: what the library is given, as users write it."""
    task = ride.task
    (host,) = task.hosts
    timings = task.settings.timings
    said = {name: f"{getattr(timings, field):g}s" for name, (field, _) in TIMINGS.items()}
    said |= {name: getattr(timings, field) for name, (field, _) in COUNTS.items()}
    entry = host.entry.host
    assert not isinstance(host.how, str)
    return {
        "schema": "podlift.dev/project/v1",
        "hosts": [{"name": entry.name, "url": entry.url, "address": entry.address, "exec": list(host.how)}],
        "cutover": {
            "profile": "lab",
            "timings": said,
            "hooks": {name: list(argv) for name, argv in task.settings.hooks.items()},
            "nodes": {name: {"probe": list(each["probe"])} for name, each in task.nodes.items()},
        },
    }


@pytest.mark.prove
def test_the_command_goes_on_after_a_kill(
    lab_cluster: Cluster, lab_engines: dict[str, LabEngine], space: str, tmp_path: Path
) -> None:
    assert KILLS.keys() <= straight_labels()
    with ridden(lab_cluster, lab_engines["edge-a1"], space, tmp_path) as ride, ride.called() as report_of:
        command = CommandRide.of(ride, tmp_path)
        left = dict(KILLS)
        ride.watch.fate = lambda label: left.pop(label, "")
        assert command.to_the_end() == [*[""] * len(KILLS), "rest", "ended"]
        assert not left
        report = report_of()
        assert report is not None
        assert not report.failed, report.told()

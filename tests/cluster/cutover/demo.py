"""``make cutover-demo``: a workload is moved under load, in a lab of its own, while its status is shown.

``python -m tests.cluster.cutover.demo FOLDER`` leaves the run's report in the folder.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from migrate.cutover.journal import journal_name
from migrate.cutover.states import State
from tests.cluster.cutover.aborting import GRACEFUL
from tests.cluster.served import Served, several
from tests.cluster.traffic import Load, Report, Traffic, on_host, pod_addresses
from tests.lab import packages
from tests.lab.engine import Lab, say

SPACE = "shop"
REPORTS = {"markdown": "cutover.md", "html": "cutover.html"}
LOAD = Load(new=200, keep=20, keep_rate=2, poll=2, post=10)


def main(folder: Path) -> int:
    packages.ensure(say)
    with Lab() as lab, tempfile.TemporaryDirectory() as hooks, ExitStack() as stack:
        lab.registry()
        cluster = lab.cluster()
        cluster.kubectl("create", "namespace", SPACE)
        hosts = [lab.engine("edge-a1"), lab.engine("edge-b1")]
        found = several(cluster, hosts, SPACE, Path(hooks), names=["web"], flags=GRACEFUL)
        web = stack.enter_context(found)["web"]
        loads: list[Report] = []
        driving = threading.Thread(target=_drive, args=[web, loads])
        driving.start()
        while driving.is_alive() and not _begun(web):
            time.sleep(0.2)
        watched = _status(web, "-w", "--for", State.FINALIZED.value).returncode
        driving.join()
        folder.mkdir(parents=True, exist_ok=True)
        for form, name in REPORTS.items():
            with (folder / name).open("w") as file:
                _status(web, "--history", "-o", form, stdout=file)
        for each in loads:
            say(f"\nThe load meanwhile: {each.told()}")
        say(f"\nThe run's report: {', '.join(str(folder / name) for name in REPORTS.values())}")
        return int(watched != 0 or not loads or loads[0].failed > 0)


def _begun(web: Served) -> bool:
    journal = ("configmap", journal_name(web.name), "-n", SPACE)
    return bool(web.lab.kubectl("get", *journal, "--ignore-not-found", "-o", "name").strip())


def _status(web: Served, *arguments: str, **settings: Any) -> subprocess.CompletedProcess[bytes]:
    reach = [f"--context={web.lab.context}", f"--kubeconfig={web.lab.kubeconfig}", "-n", SPACE]
    command = [sys.executable, "-m", "migrate.cli.main", "cutover", "status", web.name, *reach, *arguments]
    return subprocess.run(command, check=False, **settings)


def _drive(web: Served, loads: list[Report]) -> None:
    """To the end, with a load from BRIDGED on."""
    events = web.cutover(on_drain_timeout="stop").run()
    next(event for event in events if event.state == State.BRIDGED)
    node = web.lab.nodes[0]
    with Traffic(on_host(node.host), web.address, replace(LOAD, sources=pod_addresses(node, 2))) as traffic:
        for _ in events:
            pass
        for _ in web.attached().finalize():
            pass
        loads.append(traffic.stop())


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))

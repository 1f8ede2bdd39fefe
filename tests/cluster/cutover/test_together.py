"""Two workloads are moved together on a real cluster, while somebody calls one of them past the Service."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

from migrate.cutover.driver import Outcome
from migrate.cutover.grouping import CutoverGroup
from tests.cluster.served import PORT, several
from tests.lab.cluster import Cluster
from tests.lab.engine import LabEngine


def test_together(lab_cluster: Cluster, lab_engines: dict[str, LabEngine], space: str, tmp_path: Path) -> None:
    """All are fronted before any goes on, which waits for the client; then one goes after the other."""
    engine, named, over = lab_engines["edge-a1"], threading.Event(), threading.Event()

    def call() -> None:
        """By connections that are over at once."""
        while not over.is_set():
            socket.create_connection((engine.address, PORT), timeout=5).close()
            # it goes by the Service as soon as it is named
            over.wait(0.3 if not named.is_set() else 1e6)

    caller = threading.Thread(target=call, daemon=True)
    with several(lab_cluster, [engine], space, tmp_path, names=["one", "two"], instances=1) as found:
        caller.start()
        group = CutoverGroup({name: each.cutover() for name, each in found.items()}, at_once=1)
        reached: list[tuple[str, str]] = []
        for name, event in group.run():
            if event.kind == "wait" and "calls one-0 on edge-a1" in event.text:
                assert (name, event.state) == ("one", "BRIDGED")
                named.set()
            if event.kind == "state":
                reached.append((name, event.state))
        over.set()
        assert {name: (each.outcome, each.state) for name, each in group.ended.items()} == dict.fromkeys(
            ("one", "two"), (Outcome.REST, "STOPPED")
        ), {name: each.why for name, each in group.ended.items()}
        assert named.is_set()
        deployed = {name: reached.index((name, "DEPLOYED")) for name in found}
        assert max(reached.index((name, "FRONTED")) for name in found) < min(deployed.values())
        assert reached.index(("one", "STANDBY")) < deployed["two"]
        assert [name for each in found.values() for name in each.running()] == []

"""Drives a run in processes forked from one that has loaded everything, so that a start costs nothing.

    python -m tests.cluster.cutover.child < TASK       a pickled Task, then a verb a line: start, resume, abort, …

For each verb it prints three JSON lines: ``{"pid": …}``, then what the process itself says at its end (which one that
is killed does not), and ``{"status": …}``, as of waitpid.
"""

from __future__ import annotations

import gc
import json
import os
import pickle
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from converters.errors import PodliftError
from migrate.cluster import Cluster
from migrate.cutover.cutover import Attached, Cutover
from migrate.cutover.settings import Settings
from migrate.hosts import Access
from migrate.plan.model import Plan


@dataclass(frozen=True, kw_only=True)
class Task:
    """``kubeconfig``: leads to the API server by way of the proxy; ``hosts`` to the engines."""

    kubeconfig: Path
    space: str
    name: str
    plan: Plan
    hosts: Sequence[Access]
    nodes: Mapping[str, Mapping[str, Any]]
    settings: Settings

    def edge(self) -> Cluster:
        return Cluster("proxied", self.kubeconfig, writes_per_s=1000, namespace=self.space)

    def cutover(self, edge: Cluster) -> Cutover:
        return Cutover(self.plan, self.name, cluster=edge, hosts=self.hosts, settings=self.settings, nodes=self.nodes)


def say(**what: Any) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def drive(task: Task, verb: str) -> None:
    edge = task.edge()
    begun, attached = task.cutover(edge), Attached(edge, task.space, task.name)
    run: Cutover | Attached = begun if verb == "start" else attached
    try:
        verbs = {
            "start": begun.run,
            "resume": attached.resume,
            "take-over": lambda: attached.resume(take_over=True),
            "abort": attached.abort,
            "finalize": attached.finalize,
        }
        for _ in verbs[verb]():
            pass
        say(outcome=run.outcome.value, why=run.why)
    except PodliftError as error:
        say(outcome=error.code, why=f"{error.subject}: {error.reason}")


def main() -> None:
    task: Task = pickle.load(sys.stdin.buffer)
    edge = task.edge()
    # whatever is imported late is imported now
    task.cutover(edge).preview()
    edge.close()
    gc.freeze()
    say(ready=True)
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            try:
                drive(task, line.strip())
            finally:
                sys.stderr.flush()
                os._exit(0)
        say(pid=pid)
        say(status=os.waitpid(pid, 0)[1])


if __name__ == "__main__":
    main()

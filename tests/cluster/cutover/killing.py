"""Runs a real cutover through kills: its process dies at a write, and the next one goes on.

with riding(web, tmp_path, KILL_TIMINGS) as ride:
    ended = ride.to_the_end()                       # straight: start, and finalize when it rests
    ride.watch.labels
"""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from migrate.cutover.journal import Entry, Journal
from migrate.cutover.run import LAB, Timings
from tests.cluster.cutover.child import Task
from tests.cluster.cutover.proxies import CountedHooks, Watch, WatchedCluster, WatchedEngine
from tests.cluster.served import LEDGER, Served, access, served
from tests.cluster.traffic import Load, Report, Traffic, on_host, pod_addresses
from tests.cutover.traces import Picture, picture
from tests.lab.cluster import Cluster
from tests.lab.engine import LabEngine
from tests.lab.probing import probe_commands

KILL_TIMINGS = replace(
    LAB,
    settle_floor_s=1,
    interval_s=0.2,
    window_s=0.3,
    min_samples=1,
    consecutive=1,
    step_pause_s=0.2,
    bake_s=0.5,
    soak_s=0.2,
    drain_timeout_s=2,
    front_quiet_s=0.5,
    scheduler_interval_s=0.2,
    lease_s=2,
    keeper_s=0.5,
    heartbeat_s=2,
    hook_timeout_s=1.9,
    renew_s=1,
    poll_s=0.1,
)
"""Short, so that a kill costs little; nothing of what is proven is by the clock."""

_DRIVERS = 200
# After SIGTERM the server says on each connection that it was the last answer.
_GRACEFUL = ("-lag=2s",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """``outcome``: as of driver.Outcome, or an error's code; ``""``: the process was killed."""

    outcome: str
    why: str = ""


@dataclass
class Ride:
    """A run and the process that drives it now. ``steps``: each process' verb, how it ended, and the seconds."""

    task: Task
    web: Served
    watch: Watch
    hooks: CountedHooks
    process: subprocess.Popen[bytes]
    steps: list[tuple[str, Ended, float]] = field(default_factory=list)

    def drive(self, verb: str) -> Ended:
        """One process, to its end or its death."""
        assert self.process.stdin is not None
        began = time.monotonic()
        self.watch.begins()
        self.process.stdin.write(f"{verb}\n".encode())
        self.process.stdin.flush()
        self.watch.began(int(self._said()["pid"]))
        said = self._said()
        ended = Ended(outcome="")
        if "status" not in said:
            ended = Ended(**said)
            said = self._said()
        self.watch.ended()
        assert ended.outcome or said["status"] == 9, f"{verb} ended with {said['status']}"
        self.steps.append((verb, ended, round(time.monotonic() - began, 2)))
        return ended

    def entry(self) -> Entry | None:
        return Journal(self.web.edge, self.web.space, self.web.name).read()

    def picture(self) -> Picture:
        """What is there now."""
        entry = self.entry()
        return picture(
            self.web.edge,
            self.web.space,
            self.web.name,
            run=entry.spec.id if entry else "?",
            containers={
                self.watch.instances[each["Id"]]: (
                    each["State"]["Running"],
                    each["HostConfig"]["RestartPolicy"]["Name"],
                )
                for each in self.web.inspected().values()
            },
            frozen=self.hooks.frozen,
        )

    def to_the_end(self, *, abort: bool = False) -> list[str]:
        """Process after process until the run is over; the outcomes. ``abort``: asked for after the first kill."""
        verb = "start"
        outcomes = []
        for _ in range(_DRIVERS):
            ended = self.drive(verb)
            outcomes.append(ended.outcome)
            if ended.outcome in ("ended", "rolled-back"):
                return outcomes
            if ended.outcome == "rest":
                verb = "finalize"
                continue
            assert ended.outcome == "", f"{verb}: {ended}"
            if self.entry() is None:
                verb = "start"
                continue
            # waiting for a dead one's lease takes its time, and is the same wherever it died
            wait = self.watch.labels[-1] == "SHIFT: patch ConfigMap/cutover-web state"
            verb = "abort" if abort else "resume" if wait else "take-over"
            abort = False
        raise AssertionError("it does not end")

    def begin_anew(self) -> None:
        """As if the run that has ended had never been."""
        place = ("-n", self.web.space, "--ignore-not-found")
        self.web.lab.kubectl("delete", "service", self.web.name, *place)
        self.web.lab.kubectl("delete", "configmap", f"cutover-{self.web.name}", *place)
        self.watch.writes.clear()
        self.watch.state = "-"
        self.watch.fate = lambda _label: ""

    @contextmanager
    def called(self) -> Iterator[Callable[[], Report | None]]:
        """A light load of each kind, from when callers may use the Service until its report is asked for."""
        node = self.web.lab.nodes[0]
        load = Load(new=50, keep=5, keep_rate=2, poll=1, poll_for_s=2, post=5, sources=pod_addresses(node))
        with ExitStack() as stack:
            under_way: list[Traffic] = []

            def arriving(label: str) -> None:
                if not under_way and label.startswith("FRONTED: ") and label.endswith("Deployment/web"):
                    traffic = Traffic(on_host(node.host), self.web.address, load)
                    under_way.append(stack.enter_context(traffic))

            self.watch.arriving = arriving
            yield lambda: under_way[0].stop() if under_way else None

    def _said(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the process that drives is gone"
        made: dict[str, Any] = json.loads(line)
        return made


class Chain:
    """Kills at the first occurrence of each label, after the write. ``known``: labels of a straight run; one that is
    not among them, as of taking over, counts once whatever the state. ``only``: how the labels begin that count."""

    def __init__(self, known: Collection[str] = (), *, only: str = "") -> None:
        self.killed: list[str] = []
        self._known = known
        self._only = only
        self._seen: set[str] = set()

    def __call__(self, label: str) -> str:
        key = label if label in self._known else label.split(": ", 1)[1]
        # what a user asks is no write of the driver's
        if key in self._seen or label.endswith(" ask") or not label.startswith(self._only):
            return ""
        self._seen.add(key)
        self.killed.append(label)
        return "after"


@contextmanager
def ridden(
    lab: Cluster, engine: LabEngine, space: str, folder: Path, *, pods: int = 2, timings: Timings = KILL_TIMINGS
) -> Iterator[Ride]:
    """A workload of one instance, that becomes ``pods`` pods, and all that is between its run and the world."""
    own = folder / space
    own.mkdir()
    with (
        served(
            lab,
            engine,
            space,
            own,
            instances=1,
            flags=_GRACEFUL,
            environment={"LEDGER": LEDGER},
            timings=timings,
        ) as web,
        _riding(web, own, pods) as ride,
    ):
        yield ride


@contextmanager
def _riding(web: Served, folder: Path, pods: int) -> Iterator[Ride]:
    watch = Watch(web.name)
    watch.instances = {web.inspected()[name]["Id"]: f"h0/c{at}" for at, name in enumerate(sorted(web.containers))}
    with (
        WatchedCluster(web.lab, watch) as api,
        WatchedEngine(folder / "docker.sock", web.engine, watch) as engine,
        CountedHooks(folder, watch) as hooks,
    ):
        way = access(web.engine)
        host = replace(way, entry=replace(way.entry, host=replace(way.entry.host, url=engine.url)))
        task = Task(
            kubeconfig=api.kubeconfig(folder),
            space=web.space,
            name=web.name,
            plan=web.with_pods(pods).plan,
            hosts=(host,),
            nodes={name: {"probe": argv} for name, argv in probe_commands(web.lab).items()},
            settings=replace(web.settings, hooks=hooks.hooks, on_drain_timeout="stop"),
        )
        command = [sys.executable, "-m", "tests.cluster.cutover.child"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(pickle.dumps(task))
            process.stdin.flush()
            assert process.stdout.readline(), "the process that drives did not start"
            yield Ride(task=task, web=web, watch=watch, hooks=hooks, process=process)
            process.stdin.close()

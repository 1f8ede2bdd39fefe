"""A workload that serves on a real engine, planned and applied to the lab's cluster, held: what cutovers begin with.

with served(lab_cluster, engine, space, tmp_path, instances=2) as web:
    cutover = web.cutover()
    for event in cutover.run(): ...
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from converters.decisions import Answered, Decisions
from converters.target import Exposure, Target
from converters.workload import Host
from migrate import discover, make_plan
from migrate.apply import apply_plan
from migrate.cluster import Cluster
from migrate.cutover.cutover import Attached, Cutover
from migrate.cutover.run import LAB, Timings
from migrate.cutover.settings import Settings
from migrate.hosts import Access
from migrate.hosts_file import HostEntry
from migrate.plan.model import Plan
from tests.cluster.traffic import IMAGE, make_image
from tests.lab.cluster import Cluster as LabCluster
from tests.lab.engine import LabEngine
from tests.lab.probing import probe_commands

PORT = 18080


@dataclass(frozen=True, kw_only=True)
class Served:
    lab: LabCluster
    engine: LabEngine
    space: str
    edge: Cluster
    plan: Plan
    name: str
    containers: Sequence[str]
    settings: Settings = field(default_factory=Settings)

    @property
    def hosts(self) -> tuple[Access, ...]:
        return (access(self.engine),)

    def cutover(self, **settings: Any) -> Cutover:
        return Cutover(
            self.plan,
            self.name,
            cluster=self.edge,
            hosts=self.hosts,
            settings=replace(self.settings, **settings),
            nodes={name: {"probe": argv} for name, argv in probe_commands(self.lab).items()},
        )

    def attached(self) -> Attached:
        return Attached(self.edge, self.space, self.name)

    def running(self) -> list[str]:
        return sorted(
            str(each.name)
            for each in self.engine.client.containers.list(filters={"label": f"com.docker.compose.service={self.name}"})
        )


def access(engine: LabEngine) -> Access:
    host = Host(name=engine.name, url=engine.url, address=engine.address)
    return Access(entry=HostEntry(host=host), how=tuple(engine.host.enter()))


@contextmanager
def served(
    lab: LabCluster,
    engine: LabEngine,
    space: str,
    folder: Path,
    *,
    name: str = "web",
    instances: int = 2,
    flags: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    timings: Timings = LAB,
    hooks: bool = True,
) -> Iterator[Served]:
    """``flags`` and ``environment`` are the server's; ``hooks``: a freeze hook is given that does nothing."""
    make_image(engine)
    lab.load(engine, IMAGE)
    labels = {"com.docker.compose.project": space, "com.docker.compose.service": name}
    names = [f"{name}-{number}" for number in range(instances)]
    with engine.clean():
        for number, each in enumerate(names):
            engine.client.containers.run(
                IMAGE,
                ["app", *flags],
                name=each,
                labels=labels,
                ports={"8080/tcp": PORT + number},
                environment=dict(environment or {}),
                restart_policy={"Name": "always"},
                detach=True,
            )
        edge = Cluster(lab.context, lab.kubeconfig, writes_per_s=1000, namespace=space)
        try:
            plan = _planned(engine, space)
            apply_plan(plan, edge)
            yield Served(
                lab=lab,
                engine=engine,
                space=space,
                edge=edge,
                plan=plan,
                name=plan.workloads[0]["name"],
                containers=names,
                settings=Settings(timings=timings, approvals=(), hooks=_hooks(folder) if hooks else {}),
            )
        finally:
            edge.close()


def _planned(engine: LabEngine, space: str) -> Plan:
    capture = discover([access(engine).entry])
    answers = (
        Answered(code="acts-unasked", answer="no", line=1),
        Answered(code="image-local-only", answer=IMAGE, line=2),
    )
    plan = make_plan(
        capture,
        target=Target(namespace=space, exposure=(Exposure(match="*", become="ClusterIP"),), version=(1, 36)),
        decisions=Decisions(answers=answers),
        estate=space,
    )
    assert not plan.withheld, plan.undecided
    return plan


def _hooks(folder: Path) -> dict[str, tuple[str, ...]]:
    """A scheduler that keeps off while a file is there."""
    frozen = folder / "frozen"
    return {
        "freeze": ("touch", str(frozen)),
        "frozen": ("test", "-e", str(frozen)),
        "unfreeze": ("rm", "-f", str(frozen)),
    }

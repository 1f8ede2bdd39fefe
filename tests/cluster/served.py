"""A workload that serves on a real engine, planned and applied to the lab's cluster, held: what cutovers begin with.

with served(lab_cluster, engine, space, tmp_path, instances=2) as web:
    cutover = web.cutover()
    for event in cutover.run(): ...

with several(lab_cluster, engines, space, tmp_path, names=["one", "two"]) as found:      # of one plan
    found["one"].cutover()
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from copy import deepcopy
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
from migrate.cutover.edges import Clock
from migrate.cutover.run import LAB, Timings
from migrate.cutover.settings import Settings
from migrate.hosts import Access
from migrate.hosts_file import HostEntry
from migrate.plan.model import Plan
from tests.cluster.traffic import IMAGE, make_image
from tests.lab.cluster import Cluster as LabCluster
from tests.lab.engine import LabEngine
from tests.lab.probing import probe_commands
from tests.mappings import documents, mapping

PORT = 18080
# How many instances it has, and that a rule on CPU lets them be one more.
_SCALING = """\
schema: podlift.dev/mapping/v1
scheduler: fleet
documents: {fleet: {files: fleet.yml}}
workloads: {each: items(fleet), name: key(), controller: {const: deployment}}
instances: {count: instances, container: "^{name}-\\\\d+$"}
containers:
- image: image
  cpu_request: {from: cpu, as: cpu, unit: millicores}
scaling:
  min: {count: least}
  max: {count: most}
  metrics: {each: "metrics[]", kind: kind, target: target}
"""
LEDGER = "/ledger"
DATAGRAMS = 8081
"""Where a workload answers datagrams, if it was told to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pods:
    """What pods have and containers do not. ``flags``: more of the server's; ``ready``: the port at which the kubelet
    asks GET /health; ``check``: by which an instance is asked."""

    flags: Sequence[str] = ()
    ready: int = 8080
    check: Mapping[str, Any] = field(
        default_factory=lambda: {"kind": "http", "path": "/health", "port": 8080, "gates_traffic": True}
    )

    def in_plan(self, plan: Plan, name: str) -> Plan:
        objects = [deepcopy(each) for _, each in plan.objects]
        for (owner, _), each in zip(plan.objects, objects, strict=True):
            if (owner, each["kind"]) == (name, "Deployment"):
                (container,) = each["spec"]["template"]["spec"]["containers"]
                container["env"] = [*container.get("env", ()), {"name": "APP", "value": " ".join(self.flags)}]
                container["readinessProbe"] = {
                    "httpGet": {"path": "/health", "port": self.ready},
                    "periodSeconds": 1,
                    "failureThreshold": 1,
                }
        workloads = [
            {**each, "checks": [dict(self.check)]} if each["name"] == name else each for each in plan.workloads
        ]
        owners = [owner for owner, _ in plan.objects]
        return replace(plan, workloads=tuple(workloads), objects=tuple(zip(owners, objects, strict=True)))


@dataclass(frozen=True, kw_only=True)
class Served:
    """``containers``: by name, and the engine on which each runs."""

    lab: LabCluster
    engines: Sequence[LabEngine]
    space: str
    edge: Cluster
    plan: Plan
    name: str
    containers: Mapping[str, LabEngine]
    settings: Settings = field(default_factory=Settings)

    @property
    def engine(self) -> LabEngine:
        """The first one."""
        return self.engines[0]

    @property
    def hosts(self) -> tuple[Access, ...]:
        return tuple(access(each) for each in self.engines)

    def with_pods(self, count: int) -> Served:
        """The same, to become so many pods."""
        workloads = tuple(
            {**each, "replicas": dict.fromkeys(each["replicas"], count)} if each["name"] == self.name else each
            for each in self.plan.workloads
        )
        return replace(self, plan=replace(self.plan, workloads=workloads))

    def cutover(self, *, clock: Clock | None = None, **settings: Any) -> Cutover:
        return Cutover(
            self.plan,
            self.name,
            cluster=self.edge,
            hosts=self.hosts,
            settings=replace(self.settings, **settings),
            nodes={name: {"probe": argv} for name, argv in probe_commands(self.lab).items()},
            clock=clock,
        )

    def attached(self) -> Attached:
        return Attached(self.edge, self.space, self.name)

    def running(self) -> list[str]:
        """The containers that run, by name."""
        return sorted(name for name, each in self.inspected().items() if each["State"]["Running"])

    def inspected(self) -> dict[str, dict[str, Any]]:
        """Inspect documents, by name."""
        return {name: engine.client.api.inspect_container(name) for name, engine in self.containers.items()}

    def published(self) -> set[tuple[str, int]]:
        """Address and port of each container that runs, as its engine has it."""
        return {
            (self.containers[name].address, int(each["NetworkSettings"]["Ports"]["8080/tcp"][0]["HostPort"]))
            for name, each in self.inspected().items()
            if each["State"]["Running"]
        }

    @property
    def address(self) -> str:
        """HOST:PORT at which callers reach it, once it is bridged."""
        spec = self.lab.get("service", self.name, "-n", self.space)["spec"]
        return f"{spec['clusterIP']}:{spec['ports'][0]['port']}"

    def pods(self) -> list[str]:
        """By name."""
        found = self.lab.get("pods", "-n", self.space, "-l", f"podlift.dev/workload={self.name}")
        return [each["metadata"]["name"] for each in found["items"]]

    def ledgers(self) -> dict[str, list[str]]:
        """The orders that containers, also those that are stopped, and pods have taken, where they were told to write
        them to LEDGER."""
        made = {}
        for name, engine in self.containers.items():
            chunks, _ = engine.client.api.get_archive(name, LEDGER)
            with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as archive:
                file = archive.extractfile(LEDGER.lstrip("/"))
                assert file is not None
                made[name] = file.read().decode().splitlines()
        for pod in self.pods():
            made[pod] = self.lab.kubectl("exec", "-n", self.space, pod, "--", "cat", LEDGER).splitlines()
        return made


def access(engine: LabEngine) -> Access:
    host = Host(name=engine.name, url=engine.url, address=engine.address)
    return Access(entry=HostEntry(host=host), how=tuple(engine.host.enter()))


@contextmanager
def served(
    lab: LabCluster, engine: LabEngine, space: str, folder: Path, *, name: str = "web", **settings: Any
) -> Iterator[Served]:
    """One workload on one engine; ``settings`` as ``several`` takes them."""
    with several(lab, [engine], space, folder, names=[name], **settings) as found:
        yield found[name]


@contextmanager
def several(
    lab: LabCluster,
    engines: Sequence[LabEngine],
    space: str,
    folder: Path,
    *,
    names: Sequence[str],
    instances: int = 2,
    flags: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    timings: Timings = LAB,
    hooks: bool = True,
    dynamic: bool = False,
    scaled: bool = False,
    pods: Mapping[str, Pods] | None = None,
    stop_s: int | None = None,
    datagrams: bool = False,
) -> Iterator[dict[str, Served]]:
    """Workloads of one plan, by name. ``instances`` of each are spread over the engines in turn; ``flags`` and
    ``environment`` are the server's; ``hooks``: a freeze hook is given that does nothing; ``dynamic``: the
    engine chooses the ports, at each start anew; ``scaled``: a legacy scheduler's config scales them by CPU;
    ``pods``: what the plan has for the pods of a workload and its containers do not; ``stop_s``: the containers'
    grace, if it is not the engine's; ``datagrams``: they answer those at DATAGRAMS, beside TCP."""
    places = [
        (name, f"{name}-{number}", engines[number % len(engines)]) for name in names for number in range(instances)
    ]
    with ExitStack() as stack:
        for engine in engines:
            stack.enter_context(engine.clean())
            make_image(engine)
        lab.load(engines[0], IMAGE)
        for number, (name, container, engine) in enumerate(places):
            api = engine.client.api
            api.create_container(
                IMAGE,
                ["app", *flags, *([f"-datagrams={DATAGRAMS}"] if datagrams else ())],
                name=container,
                labels={"com.docker.compose.project": space, "com.docker.compose.service": name},
                ports=[8080, *([(DATAGRAMS, "udp")] if datagrams else ())],
                environment=dict(environment or {}),
                stop_timeout=stop_s,
                host_config=api.create_host_config(
                    port_bindings={8080: None if dynamic else PORT + number}
                    | ({f"{DATAGRAMS}/udp": PORT + 100 + number} if datagrams else {}),
                    restart_policy={"Name": "always"},
                ),
            )
            api.start(container)
        edge = Cluster(lab.context, lab.kubeconfig, writes_per_s=1000, namespace=space)
        stack.callback(edge.close)
        plan = _planned(engines, space, {name: instances for name in names if scaled})
        for name, differing in (pods or {}).items():
            plan = differing.in_plan(plan, name)
        apply_plan(plan, edge)
        yield {
            name: Served(
                lab=lab,
                engines=tuple(engines),
                space=space,
                edge=edge,
                plan=plan,
                name=name,
                containers={container: engine for of, container, engine in places if of == name},
                settings=Settings(timings=timings, approvals=(), hooks=_hooks(folder, name) if hooks else {}),
            )
            for name in names
        }


def _planned(engines: Sequence[LabEngine], space: str, scaled: Mapping[str, int]) -> Plan:
    capture = discover([access(each).entry for each in engines])
    fleet = {
        name: {
            "image": IMAGE,
            "instances": count,
            "cpu": 100,
            "least": count,
            "most": count + 1,
            # more than a test asks of them
            "metrics": [{"kind": "cpu", "target": 5}],
        }
        for name, count in scaled.items()
    }
    if fleet:
        capture = replace(capture, configs=documents(json.dumps(fleet), "fleet.yml"))
    answers = (
        Answered(code="acts-unasked", answer="no", line=1),
        Answered(code="image-local-only", answer=IMAGE, line=2),
    )
    plan = make_plan(
        capture,
        mapping=mapping(_SCALING) if fleet else None,
        target=Target(namespace=space, exposure=(Exposure(match="*", become="ClusterIP"),), version=(1, 36)),
        decisions=Decisions(answers=answers),
        estate=space,
    )
    assert not plan.withheld, plan.withheld
    return plan


def _hooks(folder: Path, name: str) -> dict[str, tuple[str, ...]]:
    """A scheduler that keeps off while a file is there."""
    frozen = folder / f"{name}.frozen"
    return {
        "freeze": ("touch", str(frozen)),
        "frozen": ("test", "-e", str(frozen)),
        "unfreeze": ("rm", "-f", str(frozen)),
    }

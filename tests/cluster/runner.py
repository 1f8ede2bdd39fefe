"""Runs all shapes on an engine and as pods, once, and brings together what was seen.

    batch = run(engine, registry.name, cluster, list(shapes()))
    for result in batch.results: result.pairs, result.trouble

The way is a user's: discover the engine, plan, write the plan directory, apply its files with kubectl.
"""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from converters.capture import Capture, HostDocuments
from converters.fields.verdict import Verdict
from converters.target import Target
from migrate import discover, load_decisions, load_documents, load_mapping, load_target, make_plan, write_plan
from migrate.plan.model import Plan
from tests.cluster import cgroups
from tests.cluster.behaviour import Behaviour, Place
from tests.cluster.facts import Facts, Seen, flatten
from tests.cluster.legacy import Legacy, nodes_image_name, put
from tests.cluster.pods import CLASS, Pods, identity, trouble
from tests.cluster.shape import Shape
from tests.lab.cluster import Cluster
from tests.lab.engine import LabEngine
from tests.lab.host import Host, HostError

HOST = "edge"
NAMESPACE = "equivalence"
TARGET: Mapping[str, Any] = {
    "version": "1.36",
    "podSecurity": "privileged",
    "storageClasses": [{"name": CLASS, "accessModes": ["ReadWriteOnce", "ReadWriteMany"], "default": True}],
    "requests": {"cpu": "10m"},
}
# A runtime under a second name: engines know it by a flag, nodes by a RuntimeClass of that name.
RUNTIME = "runc-too"
ENGINE_FLAGS = (f"--add-runtime={RUNTIME}=runc",)
APPLY_S = 180.0
PODS_S = 90.0
_POLL_S = 0.5
_IN_POD = re.compile(r"(?P<kind>\w+)/(?P<name>[^:]+):.*\.containers\[(?P<container>[^\]]+)\]\.image$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One container of a shape and its counterpart in a pod."""

    container: str
    workload: str
    engine: Facts
    pod: Facts
    verdicts: tuple[Verdict, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of a shape. ``trouble``: why it could not be compared, one line each; ``refused``: what this machine
    refuses to any container, so that there is nothing to compare."""

    shape: Shape
    pairs: tuple[Pair, ...] = ()
    trouble: tuple[str, ...] = ()
    refused: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    results: tuple[Result, ...]
    seconds: Mapping[str, float]


@dataclass(slots=True, kw_only=True)
class _Group:
    """Shapes that are planned together."""

    namespace: str
    target: Target
    shapes: list[Shape]
    settings: Mapping[str, Any]
    plan: Plan | None = None
    places: dict[str, Place] = field(default_factory=dict)


def run(engine: LabEngine, registry: str, cluster: Cluster, shapes: Sequence[Shape]) -> Batch:
    """All shapes through."""
    with tempfile.TemporaryDirectory() as folder:
        return _Run(engine, registry, cluster, shapes, Path(folder)).run()


class _Run:
    def __init__(
        self, engine: LabEngine, registry: str, cluster: Cluster, shapes: Sequence[Shape], folder: Path
    ) -> None:
        self.engine = engine
        self.cluster = cluster
        self.shapes = shapes
        self.folder = folder
        self.legacy = Legacy(engine, registry, shapes)
        self.trouble: dict[str, list[str]] = {shape.name: [] for shape in shapes}
        # what this machine refuses to any container, by the shape's name
        self.refused: dict[str, str] = {}
        self.seconds: dict[str, float] = {}
        self.groups = self._groups()
        self.places: dict[str, Place] = {}

    def run(self) -> Batch:
        self._timed("engine", self._start)
        self._timed("plan", self._plan)
        self._timed("apply", self._apply)
        self._timed("pods", self._await)
        seen = self._timed("look", self._look)
        self._timed("behaviour", self._behave)
        results = tuple(self._result(shape, seen) for shape in self.shapes)
        self.legacy.close()
        self.behaviour.close()
        return Batch(results=results, seconds=self.seconds)

    def _timed(self, name: str, step: Any) -> Any:
        start = time.monotonic()
        made = step()
        self.seconds[name] = time.monotonic() - start
        return made

    def _groups(self) -> list[_Group]:
        found: dict[str, list[Shape]] = {}
        for shape in self.shapes:
            found.setdefault(yaml.safe_dump(_settings(shape)), []).append(shape)
        groups: list[_Group] = []
        for text, shapes in found.items():
            number = len(groups)
            settings = yaml.safe_load(text)
            namespace = NAMESPACE if not number else f"{NAMESPACE}-{number}"
            settings["target"].setdefault("namespace", namespace)
            file = self._file(f"target-{number}.yaml", settings["target"])
            target = load_target(file)
            groups.append(_Group(namespace=target.namespace, target=target, shapes=shapes, settings=settings))
        return groups

    def _file(self, name: str, body: Any) -> Path:
        file = self.folder / name
        file.write_text(yaml.safe_dump(body, sort_keys=False), encoding="utf-8")
        return file

    # ---------------------------------------------------------------- the engine

    def _start(self) -> None:
        # as systemd has it on a host; a mount can then be passed on to containers
        for host in (self.engine.host, *(node.host for node in self.cluster.nodes)):
            host.run("mount", "--make-rshared", "/")
        self.legacy.start()
        self.refused.update(self.legacy.refused)
        for name, said in self.legacy.failed.items():
            self.trouble[name].append(said)

    def _sound(self, shapes: Iterable[Shape]) -> list[Shape]:
        return [shape for shape in shapes if self._is_sound(shape)]

    def _is_sound(self, shape: Shape) -> bool:
        return not self.trouble[shape.name] and shape.name not in self.refused

    # ---------------------------------------------------------------- the plan

    def _plan(self) -> None:
        capture = discover([f"{HOST}={self.engine.url}"])
        for number, group in enumerate(self.groups):
            decisions = {"answers": [], "overrides": [], **group.settings["secrecy"]}
            for shape in group.shapes:
                decisions["answers"] += shape.decisions.get("answers", ())
                decisions["overrides"] += shape.decisions.get("overrides", ())
            group.plan = make_plan(
                self._part(capture, group, number),
                mapping=self._mapping(group, number),
                target=group.target,
                decisions=load_decisions(self._file(f"decisions-{number}.yaml", decisions)),
                estate="equivalence",
            )
            self._place(group, group.plan)

    def _mapping(self, group: _Group, number: int) -> Any:
        mapping = group.settings["mapping"]
        return load_mapping(self._file(f"mapping-{number}.yaml", mapping)) if mapping else None

    def _part(self, capture: Capture, group: _Group, number: int) -> Capture:
        """The capture without the containers of other groups; volumes and networks that nobody uses do no harm."""
        (host,) = capture.hosts
        if host.error:
            raise HostError(f"the engine could not be read: {host.error}")
        ours = {name for shape in self._sound(group.shapes) for name in shape.containers}
        kept = [each for each in host.containers if each["Name"].lstrip("/") in ours]
        part: HostDocuments = replace(host, containers=kept)
        root = self.folder / f"configs-{number}"
        files = []
        for shape in group.shapes:
            for name, text in shape.configs.items():
                put(root, name, text)
                files.append(root / name)
        return replace(capture, hosts=(part,), configs=load_documents(files, root=root) if files else ())

    def _place(self, group: _Group, plan: Plan) -> None:
        labels = {each["name"]: each["kubernetesName"] for each in plan.workloads}
        withheld = {each["name"]: each["withheld"] for each in plan.workloads}
        owners = {name: shape for shape in group.shapes for name in shape.containers}
        counted: dict[tuple[str, str], int] = {}
        for verdict in plan.verdicts:
            if verdict.source is None or verdict.source.path != "Config.Image":
                continue
            for document in verdict.instances or (verdict.source.document,):
                name = document.rpartition("/")[2]
                shape = owners[name]
                if withheld[verdict.workload]:
                    self.trouble[shape.name].append(f"withheld: {', '.join(withheld[verdict.workload])}")
                    continue
                inside = next((m["container"] for t in verdict.targets if (m := _IN_POD.match(t))), None)
                if inside is None:
                    self.trouble[shape.name].append(f"{name}: no object has its image: {verdict.targets}")
                    continue
                key = verdict.workload, inside
                number = counted[key] = counted.get(key, -1) + 1
                self.places[name] = Place(
                    shape=shape,
                    workload=verdict.workload,
                    label=labels[verdict.workload],
                    namespace=group.namespace,
                    container=inside,
                    number=number,
                )
        for shape in self._sound(group.shapes):
            for name in shape.containers:
                if name not in self.places:
                    why = dict(plan.excluded).get(f"{HOST}/container/{name}", "it is in no workload")
                    self.trouble[shape.name].append(f"{name}: {why}")

    # ---------------------------------------------------------------- the cluster

    def _apply(self) -> None:
        names = sorted({group.namespace for group in self.groups})
        storage = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": CLASS}}
        runtime = {"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": RUNTIME}}
        self.cluster.apply(
            {**storage, "provisioner": "kubernetes.io/no-provisioner"},
            {**runtime, "handler": "runc"},
            *(_namespace(group.namespace, group.target.pod_security) for group in self.groups),
        )
        self._await_accounts(names)
        for node in self.cluster.nodes:
            for shape in self.shapes:
                for path, text in shape.nodes.items():
                    put(node.root, path, text)
        self.cluster.load(self.engine, *(nodes_image_name(s) for s in self._sound(self.shapes) if s.local))
        self.pods = Pods(self.cluster, names)
        self.behaviour = Behaviour(self.legacy, self.pods, self.places)
        for place in self.places.values():
            if self._is_sound(place.shape) and place.shape.health_s:
                # while many are applied, the first are at work already
                self.behaviour.call(place)
        for number, group in enumerate(self.groups):
            assert group.plan is not None
            directory = self.folder / f"plan-{number}"
            write_plan(group.plan, directory)
            files = [f"--filename={each.parent}" for each in directory.glob("*/*.yaml") if each.parent.name != "extras"]
            try:
                self.cluster.kubectl(
                    "apply", "--server-side", "--field-manager=podlift", *sorted(set(files)), timeout_s=APPLY_S
                )
            except HostError as error:
                self._blame(group, str(error))

    def _blame(self, group: _Group, said: str) -> None:
        """kubectl applies what it can; each complaint belongs to the shapes whose name it has."""
        for line in said.splitlines():
            blamed = [shape for shape in group.shapes if any(name in line for name in shape.containers)]
            for shape in blamed or group.shapes:
                self.trouble[shape.name].append(line)

    def _await_accounts(self, namespaces: Sequence[str]) -> None:
        """A pod is refused before its namespace has the default service account."""
        end = time.monotonic() + 20
        while any("default" not in self.cluster.kubectl("get", "serviceaccounts", "-n", n) for n in namespaces):
            if time.monotonic() > end:
                raise HostError("the namespaces have no service accounts")
            time.sleep(_POLL_S)

    def _await(self) -> None:
        """Waits for every container's report, and puts something behind the claims meanwhile."""
        end = time.monotonic() + PODS_S
        names = sorted({group.namespace for group in self.groups})
        waiting = [place for place in self.places.values() if self._is_sound(place.shape)]
        while waiting and time.monotonic() < end:
            for namespace in names:
                self.pods.bind_claims(namespace)
            waiting = [place for place in waiting if not self._reported(place)]
            self._tell_refused(waiting)
            waiting = [place for place in waiting if self._is_sound(place.shape)]
            time.sleep(_POLL_S)
        for place in waiting:
            pods = self.pods.watch.of(place.namespace, place.label)
            said = trouble(pods[place.number]) if len(pods) > place.number else "it has no pod"
            self.trouble[place.shape.name].append(f"{place.workload}: {said}")

    def _reported(self, place: Place) -> bool:
        pods = self.pods.watch.of(place.namespace, place.label)
        if len(pods) <= place.number or not identity(pods[place.number], place.container):
            return False
        pod = pods[place.number]["metadata"]["name"]
        said = self.pods.report(place.namespace, pod, place.container)
        place.pod, place.said = pod, said
        return said is not None

    def _tell_refused(self, waiting: Sequence[Place]) -> None:
        for namespace in {place.namespace for place in waiting}:
            said = self.pods.refusals(namespace)
            for place in waiting:
                for pod in self.pods.watch.of(namespace, place.label):
                    if message := said.get(pod["metadata"]["name"]):
                        self.refused[place.shape.name] = f"the node: {message}"

    # ---------------------------------------------------------------- what is seen

    def _look(self) -> dict[str, tuple[Seen, Seen]]:
        ready = {n: p for n, p in self.places.items() if self._is_sound(p.shape)}
        here = {name: self.legacy.ids[name] for name in ready}
        there = {n: identity(self.pods.watch.pod(p.namespace, p.pod), p.container) for n, p in ready.items()}
        found = cgroups.processes([*here.values(), *there.values()])
        hosts = {node.name: node.host for node in self.cluster.nodes}
        seen = {}
        for name, place in ready.items():
            peers = [each for each in place.shape.containers if each in ready]
            node = hosts[self.pods.watch.pod(place.namespace, place.pod)["spec"]["nodeName"]]
            try:
                assert place.said is not None
                seen[name] = (
                    _seen(self.legacy.report(name), name, here, peers, found, self.engine.host),
                    _seen(place.said, name, there, peers, found, node),
                )
            except (LookupError, OSError) as error:
                self.trouble[place.shape.name].append(f"{name}: {error}")
        return seen

    # ---------------------------------------------------------------- behaviour

    def _behave(self) -> None:
        with ThreadPoolExecutor(32) as threads:
            sound = self._sound(self.shapes)
            for shape, said in zip(sound, threads.map(self.behaviour.watch, sound), strict=True):
                if said:
                    self.trouble[shape.name].append(said)

    # ---------------------------------------------------------------- the result

    def _result(self, shape: Shape, seen: Mapping[str, tuple[Seen, Seen]]) -> Result:
        if refused := self.refused.get(shape.name):
            return Result(shape=shape, refused=refused)
        if self.trouble[shape.name]:
            return Result(shape=shape, trouble=tuple(dict.fromkeys(self.trouble[shape.name])))
        group = next(group for group in self.groups if shape in group.shapes)
        assert group.plan is not None
        pairs = []
        for name in shape.containers:
            place, (here, there) = self.places[name], seen[name]
            facts = {fact: sides[0] for fact, sides in place.behaviour.items()}
            others = {fact: sides[1] for fact, sides in place.behaviour.items()}
            pairs.append(
                Pair(
                    container=name,
                    workload=place.workload,
                    engine=flatten(replace(here, behaviour=facts)),
                    pod=flatten(replace(there, behaviour=others)),
                    verdicts=tuple(_verdicts(group.plan, place.workload, name)),
                )
            )
        return Result(shape=shape, pairs=tuple(pairs))


def _settings(shape: Shape) -> dict[str, Any]:
    """What decides with which other shapes it is planned."""
    secrecy = {key: shape.decisions[key] for key in ("secrets", "notSecrets") if key in shape.decisions}
    return {
        "target": {**TARGET, **shape.target},
        "mapping": shape.mapping,
        "configs": shape.configs,
        "secrecy": secrecy,
    }


def _namespace(name: str, level: str) -> dict[str, Any]:
    labels = {"pod-security.kubernetes.io/enforce": level}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def _seen(
    report: Mapping[str, Any],
    name: str,
    identities: Mapping[str, str],
    peers: Sequence[str],
    found: Mapping[str, Sequence[cgroups.Process]],
    host: Host,
) -> Seen:
    of = {each: _probe(found[identities[each]]) for each in peers if found[identities[each]]}
    if name not in of:
        raise LookupError("it has no process any more")
    own = cgroups.namespaces(of[name].pid)
    others = {each: cgroups.namespaces(process.pid) for each, process in of.items() if each != name}
    theirs = cgroups.namespaces(host.process.pid)
    # what starts a host stays outside of the process space that it makes
    theirs["pid"] = str(Path(f"/proc/{host.process.pid}/ns/pid_for_children").readlink())
    shares = {}
    for kind, value in own.items():
        with_peers = [each for each, spaces in others.items() if spaces[kind] == value]
        shares[kind] = "host" if value == theirs[kind] else f"with {', '.join(with_peers)}" if with_peers else "own"
    return Seen(report=report, limits=cgroups.limits(of[name]), shares=shares)


def _probe(found: Sequence[cgroups.Process]) -> cgroups.Process:
    """The probe itself, or whatever runs in its place."""
    return next((process for process in found if process.exe == "/bin/probe"), found[0])


def _verdicts(plan: Plan, workload: str, container: str) -> Iterable[Verdict]:
    """Those of the workload that are about this container, or about what its containers have in common."""
    own = f"{HOST}/container/{container}"
    for verdict in plan.verdicts:
        if verdict.workload != workload:
            continue
        documents = verdict.instances or ((verdict.source.document,) if verdict.source else ())
        if own in documents or not any("/container/" in each for each in documents):
            yield verdict

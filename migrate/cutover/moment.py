"""A run at one moment: what is known, and the small questions that going forward and going back both ask. Pure.

The functions yield the first thing that is still to be done; one that yields nothing finds everything as it should be.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .decision import Act, Action, Commit, Decision, Keep, Measure, Question, Verb, Wait
from .edges import Container
from .endpoints import ADMITTED, EPOCH, JOINED, MARKS, gated_service, instance_key, ports_of, wide_selector
from .evidence import Drawn, Evidence
from .newcomers import known, recorded
from .run import LEAVE, Condition, Controller, Direction, Member, Original, Run, Spec
from .world import SeenController, SeenPod, SeenService, World

REPLY_AGE_S = 30.0
"""How long it counts that somebody answered."""

Steps = Iterator[Decision]


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """``now``: seconds since 1970, as the journal's times are; ``boot``: CLOCK_BOOTTIME, for this driver's own.
    ``members``: the others of the group, by name, where they matter."""

    spec: Spec
    run: Run
    world: World
    evidence: Evidence
    now: float
    boot: float
    members: Mapping[str, Member] = field(default_factory=dict)

    # ---- who is who

    @property
    def known(self) -> tuple[Original, ...]:
        return known(self.spec, self.run)

    @property
    def keys(self) -> tuple[str, ...]:
        """The instances of the run, in order: HOST/ID."""
        return tuple(sorted(each.key for each in self.known))

    def original(self, key: str) -> Original:
        return next(each for each in self.known if each.key == key)

    def name(self, key: str) -> str:
        return f"{self.original(key).name} on {self.original(key).host}"

    @property
    def running(self) -> tuple[Container, ...]:
        return tuple(each for each in self.world.running if instance_key(each) in self.keys)

    @property
    def count(self) -> int:
        """Pods that the plan asks for."""
        return sum(each.count for each in self.spec.controllers)

    @property
    def services(self) -> tuple[tuple[Mapping[str, Any], SeenService | None], ...]:
        """Each Service of the plan, and how it is there."""
        return tuple((each, self.world.services.get(each["metadata"]["name"])) for each in self.spec.services)

    def controller(self, planned: Controller) -> SeenController | None:
        return self.world.controllers.get(planned.name)

    def pods_of(self, planned: Controller) -> tuple[SeenPod, ...]:
        """The pods that may be admitted: of the controller's present template, available."""
        seen = self.controller(planned)
        return tuple(
            each
            for each in self.world.pods
            if each.controller == planned.name and seen is not None and each.admissible(seen.template)
        )

    @property
    def admissible(self) -> tuple[SeenPod, ...]:
        return tuple(each for planned in self.spec.controllers for each in self.pods_of(planned))

    def wanted(self, key: str) -> Condition:
        return self.run.wanted.get(key, Condition.ABSENT)

    # ---- the way of an act

    def patch(self, seen: SeenService | SeenController | SeenPod, change: Mapping[str, Any], why: str) -> Act:
        """A merge patch of this very object, as it was seen; Services and controllers get the run's epoch with it."""
        metadata: dict[str, Any] = {**change.get("metadata", {}), "resourceVersion": seen.version, "uid": seen.uid}
        if not isinstance(seen, SeenPod):
            metadata["annotations"] = {EPOCH: str(self.run.epoch), **metadata.get("annotations", {})}
        return Act(
            action=Action(
                verb=Verb.PATCH,
                kind=seen.kind,
                api_version=seen.api_version,
                name=seen.name,
                body={**change, "metadata": metadata},
                uid=seen.uid,
                version=seen.version,
            ),
            why=why,
        )

    def admit(self, pod: SeenPod) -> Act:
        return self.patch(pod, {"metadata": {"labels": {ADMITTED: self.run.gate}}}, f"admit {pod.name}")

    def select(self, seen: SeenService, selector: Mapping[str, str], why: str) -> Act:
        """A merge patch leaves the keys that it does not name: those that are to go are named with null."""
        change = {key: None for key in seen.selector if key not in selector} | dict(selector)
        return self.patch(seen, {"spec": {"selector": change}}, why)

    def serve(self, planned: Mapping[str, Any], *, gate: str, wide: bool) -> Act:
        """A Service of the run is made, at the address and the nodePorts that it had: it is refused where these are
        another's by now (Kubernetes, "Service", "Choosing your own port")."""
        body = gated_service(planned, self.spec, gate=gate, epoch=self.run.epoch)
        name = body["metadata"]["name"]
        if wide:
            body["spec"]["selector"] = wide_selector(planned)
        if self.run.addresses.get(name):
            body["spec"]["clusterIP"] = self.run.addresses[name]
        # one that somebody made lead in from nodes against the plan had others
        outside = body["spec"].get("type", "ClusterIP") != "ClusterIP"
        for port in body["spec"]["ports"] if outside else ():
            if number := self.run.node_ports.get(name, {}).get(port.get("name", "")):
                port["nodePort"] = number
        return Act(
            action=Action(verb=Verb.CREATE, kind="Service", name=name, body=body),
            why="callers reach the legacy side by the Service",
        )

    def hook(self, name: str, why: str) -> Act:
        return Act(action=Action(verb=Verb.HOOK, kind="Hook", name=name), why=why)

    # ---- what both directions ask

    def claims(self) -> Steps:
        """Every object of the run bears this driver's epoch, so that what a dead one had under way fails."""
        for _, service in self.services:
            if service is None:
                continue
            ours = service.run == self.spec.id
            # to one that is only to be taken over a dead driver's patch may be under way too
            stood = service.name in self.spec.adopted and not (LEAVE in self.run.done and not service.epoch)
            if (ours or stood) and service.epoch != self.run.epoch:
                yield self.patch(service, {}, "take the Service over")
            if ours and service.joined != recorded(self.run):
                change = {"metadata": {"annotations": {JOINED: recorded(self.run) or None}}}
                yield self.patch(service, change, "who came since the run began is known without its journal")
        for planned in self.spec.controllers:
            seen = self.controller(planned)
            left = seen is not None and not seen.epoch and LEAVE in self.run.done
            if seen is not None and seen.epoch != self.run.epoch and not left:
                yield self.patch(seen, {}, "take the controller over")
        if any(epoch != self.run.epoch for epoch in self.world.slice_epochs.values()):
            yield Keep(why="the keeper marks the slices with the new epoch")

    def leave(self, found: Iterable[SeenService | SeenController | None]) -> Steps:
        """The run's marks go: nothing of it is to stand between these objects and the plan."""
        for each in found:
            if each is None or not each.epoch:
                continue
            yield from self.leaves()
            yield self.patch(each, {"metadata": {"annotations": dict.fromkeys(MARKS)}}, "it is the plan's alone")

    def leaves(self) -> Steps:
        """It is known before the first mark goes."""
        if LEAVE not in self.run.done:
            yield Commit(run=replace(self.run, done=self.run.done | {LEAVE}), why="the run takes its marks off")

    def want(self, conditions: Mapping[str, Condition], why: str) -> Steps:
        """The keeper is told, through the journal."""
        wanted = {**self.run.wanted, **conditions}
        if wanted != dict(self.run.wanted):
            yield Commit(run=replace(self.run, wanted=wanted), why=why)

    def standing(self, name: str) -> dict[str, Condition | None]:
        """The instances in a Service's slices; None: the keeper holds it down, since its probe fails."""
        return {
            one.instance: one.condition for each in self.world.slices if each.service == name for one in each.endpoints
        }

    def blind(self, key: str) -> bool:
        """Whether its engine cannot be read: what stands of it in slices stays as it is."""
        return self.original(key).host in self.world.found.unread

    def follows(self, *, but_low: bool = False) -> Steps:
        """The slices say what is wanted. ``but_low``: nobody waits for those that the keeper holds down."""
        for service, seen in self.services:
            name = service["metadata"]["name"]
            standing = self.standing(name)
            for key in self.keys:
                if self.blind(key):
                    continue
                container = self.world.container(key)
                there = container is not None and container.running and ports_of(service, container) is not None
                wanted = self.wanted(key) if there else Condition.ABSENT
                stands = standing.get(key, Condition.ABSENT)
                if stands is None and wanted is not Condition.ABSENT:
                    if but_low:
                        continue
                    yield Wait(why=f"the keeper holds {self.name(key)} down: its probe fails", timeout_s=self._patience)
                elif stands is not wanted:
                    yield Keep(why=f"{self.name(key)} is to be {wanted} behind {name}")
            unowned = seen is not None and any(
                self.world.owners.get(each.name) != seen.uid for each in self.world.slices if each.service == name
            )
            if unowned:
                yield Keep(why=f"the slices of {name} are to go with it")

    def expected(self, service: Mapping[str, Any], seen: SeenService) -> frozenset[str]:
        """Who is to answer for a Service: names of pods, keys of instances."""
        legacy = {
            key
            for key in self.keys
            if self.wanted(key) is Condition.READY
            and (container := self.world.container(key)) is not None
            and container.running
            and ports_of(service, container) is not None
        }
        legacy |= {each.of for each in seen.takers if each.of in self.keys and self.blind(each.of)}
        if self.run.direction is Direction.BACK:
            # whoever is to answer was waited for; a user gave up the rest of those that the keeper holds down
            legacy -= {key for key, stands in self.standing(seen.name).items() if stands is None}
        wide = seen.selector == wide_selector(service)
        gate = seen.selector.get(ADMITTED, "")
        pods = {
            each.name
            for each in self.world.pods
            if each.ready and not each.ending and (wide or each.admitted == gate != "")
        }
        return frozenset(legacy | pods)

    def observed(self, *, but_pods: bool = False) -> Steps:
        """Fresh connections from every node have shown that just those answer who should. ``but_pods``: or, from every
        Ready one, that all of the legacy side do, whatever becomes of the others: pods that take no connection are what
        one goes back from, and a node that is lost holds up nobody who is only given more."""
        timings = self.spec.timings
        for service, seen in self.services:
            if seen is None:
                continue
            takers = frozenset(each.of for each in seen.takers)
            expected = self.expected(service, seen)
            if expected and takers != expected:
                yield Wait(
                    why=f"the endpoints of {seen.name} are to be {_names(expected)}, and are {_names(takers)}",
                    timeout_s=self._patience,
                )
            since = self.evidence.since.get(f"{seen.name} {seen.fingerprint}")
            if since is None or self.boot - since < timings.settle_floor_s:
                yield Wait(why=f"what changed behind {seen.name} settles")
            drawn = self.evidence.drawn.get(seen.name)
            legacy = frozenset(each.backend for each in seen.takers if each.source != "pod")
            if but_pods and drawn and drawn.fingerprint == seen.fingerprint and legacy and legacy <= drawn.everywhere:
                continue
            fresh = drawn if drawn is not None and drawn.fingerprint == seen.fingerprint else None
            unready = self._unready(fresh) if fresh is not None else ""
            if fresh is None or not fresh.passed or unready:
                said = f" ({unready if fresh.passed else fresh.said})" if fresh is not None else ""
                yield Measure(
                    question=Question.DRAW,
                    of=(seen.name,),
                    why=f"every node is to reach {_names(takers)} behind {seen.name}{said}",
                    timeout_s=timings.observe_timeout_s,
                )

    def _unready(self, drawn: Drawn) -> str:
        """Nodes that may still send callers on as before, though they are not Ready, and that no user takes on trust;
        and what can be done."""
        nodes = [node for node in sorted(drawn.unready) if f"approve:{node_named(node)}" not in self.run.done]
        if not nodes:
            return ""
        said = "; ".join(f"{node} is not Ready: {drawn.unready[node]}" for node in nodes)
        trust = ", ".join(f"podlift cutover approve {self.spec.name} {node_named(node)}" for node in nodes)
        return f"{said}; mend it, or take it out of the cluster; or take it on trust: {trust}; then resume"

    def answers(self, keys: tuple[str, ...], *, times: int = 1) -> Steps:
        """Each of them has answered from every node, so many times in a row, lately."""
        missing = tuple(key for key in keys if not self.answered(key, times))
        if missing:
            said = [reply.said for key in missing if (reply := self.evidence.replies.get(key)) and not reply.passed]
            yield Measure(
                question=Question.ASK,
                of=missing,
                why="every node is to be answered" + (f" ({said[0]})" if said else ""),
                timeout_s=self._patience,
            )

    def answered(self, key: str, times: int = 1) -> bool:
        """Whether it has, so many times in a row, and lately."""
        reply = self.evidence.replies.get(key)
        return reply is not None and reply.passed and reply.times >= times and self.boot - reply.at < REPLY_AGE_S

    @property
    def _patience(self) -> float:
        return self.spec.timings.ready_timeout_s


def node_named(node: str) -> str:
    """As a user names one that is taken on trust.

    >>> node_named("node-a")
    'node/node-a'
    """
    return f"node/{node}"


def _names(found: frozenset[str]) -> str:
    return ", ".join(sorted(each.split("/")[-1][:40] for each in found)) or "nobody"

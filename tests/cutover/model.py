"""A world for cutovers in memory: an API server with its controllers, nodes with kube-proxies, engines, and a clock.

    world = Model(pods=2, legacy=1)
    driver = world.driver()
    outcome, why = driver.drive()
    world.wrongs                       # moments at which a caller would have been failed

Every write goes through ``_written``, which tests use to kill a driver before it or after it, to delay it, or to stop
the driver there for a while. It is trusted as far as the real world's traces say (tests/cluster/cutover).
"""

from __future__ import annotations

import marshal
import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

from converters.errors import PodliftError
from migrate.cutover.driver import Driver, Edges
from migrate.cutover.edges import (
    Aside,
    Backend,
    Caller,
    CallingPods,
    Container,
    Draw,
    Ended,
    Flow,
    Flows,
    Found,
    Inside,
    Peer,
    Reached,
    Request,
    Response,
)
from migrate.cutover.endpoints import (
    ADMITTED,
    SLICE_BY,
    SLICE_OF,
    SLICES_OF_ENDPOINTS,
    SLICES_OF_PODS,
    members,
    takers,
)
from migrate.cutover.evidence import Judged
from migrate.cutover.gates.outcome import Outcome, Result
from migrate.cutover.journal import Journal
from migrate.cutover.keep import LoneKeeper
from migrate.cutover.keeper import Keeper
from migrate.cutover.lock import Lock
from migrate.cutover.measuring import Measuring
from migrate.cutover.observing import observe
from migrate.cutover.outbound import Outbound, Remote
from migrate.cutover.run import LAB, Controller, Original, Run, Spec, Timings
from migrate.cutover.schedule import steps_for
from migrate.cutover.states import State
from migrate.cutover.world import SeenPod, World
from tests.cutover.labels import object_label

SPACE, NAME = "shop", "web"
DATABASE = Remote(address="10.0.0.5", port=5432, count=3)
NODE, DIRECT = "10.0.0.9", "203.0.113.9"
# Not the driver's work: they come by the clock.
TIMINGS = replace(LAB, poll_s=0.5, bake_s=2)
_TIMED = frozenset({"Lease", "Event"})
T = TypeVar("T")
_REVISION = "deployment.kubernetes.io/revision"


class Killed(BaseException):
    """The driver is gone, as by SIGKILL."""


def copied(value: Any) -> Any:
    return marshal.loads(marshal.dumps(value))


def error(code: str, subject: str) -> PodliftError:
    return PodliftError(code=code, phase="cluster", subject=subject, reason="as made", next_step="none")


@dataclass
class LegacyContainer:
    """``connections``: that clients hold open to it; they end some seconds after nobody new is sent to it.
    ``answers``: while it runs. ``ends``: when it will have stopped, which it was told to: until then it runs, and takes
    nobody, but where the model is ``graceful``."""

    id: str
    name: str
    host: str
    address: str
    port: int
    running: bool = True
    restart: dict[str, Any] = field(default_factory=lambda: {"Name": "always", "MaximumRetryCount": 0})
    connections: int = 3
    stops: int = 0
    answers: bool = True
    dynamic: bool = False
    idle_since: float | None = None
    image: str = "web:1"
    ends: float | None = None
    exit_code: int | None = None


@dataclass
class Sender:
    """A client that sends datagrams all the time, always from one port. ``on``: the container (ID) that gets them;
    ``""``: pods do. ``until``: when it stops; ``session``: another one would not understand it."""

    address: str
    on: str
    direct: bool = False
    until: float | None = None
    session: bool = False

    def sends(self, now: float) -> bool:
        return self.until is None or now < self.until


class Model:
    """``lag_s``: how long a node's proxy takes to follow; ``start_s``: how long a pod takes to be ready; ``removes``:
    its user has the containers removed at the end; ``timings``: of its runs; ``udp``: as in Spec, of a port that is
    then beside that of TCP."""

    def __init__(
        self,
        *,
        pods: int = 2,
        legacy: int = 1,
        lag_s: float = 0.3,
        start_s: float = 1.0,
        removes: bool = False,
        timings: Timings = TIMINGS,
        udp: str = "",
    ) -> None:
        self.time = 1_000_000.0
        self.lag_s = lag_s
        self.start_s = start_s
        self.store: dict[tuple[str, str], dict[str, Any]] = {}
        self.version = 1
        self.containers = [
            LegacyContainer(id=f"c{n}" * 8, name=f"web-{n}", host=f"h{n % 2}", address=f"10.99.0.{n + 2}", port=18080)
            for n in range(legacy)
        ]
        self.removes = removes
        self.timings = timings
        self.gone: list[LegacyContainer] = []
        self.unread: dict[str, str] = {}
        # why a pod does not get to a place where containers do
        self.unreached: dict[str, str] = {}
        # pods to which connections are held until they end, and how these do
        self.held: dict[str, Backend] = {}
        self.ends: Ended = Ended(answers=80, told=4)
        # nodes from which it was tried
        self.tried: set[str] = set()
        # clients that call every instance past the Service, to when they ended; None: they still do
        self.direct: dict[str, float | None] = {DIRECT: None}
        self.udp = udp
        self.senders: list[Sender] = []
        # why nobody can tell whether datagrams come
        self.unheard = ""
        self.grace_s: float | None = None
        # how long a container takes to stop, and whether it answers until then
        self.stop_s = 0.0
        self.graceful = False
        self.nodes = ("node-a", "node-b")
        self.views: dict[str, list[tuple[float, tuple[Any, ...]]]] = {node: [] for node in self.nodes}
        self.wrongs: list[str] = []
        self.labels: list[str] = []
        self.hooks_run: list[str] = []
        self.arriving: Callable[[str], Any] = lambda _label: None
        self.on_write: Callable[[str], str] = lambda _label: ""
        self.beside: list[Callable[[], Any]] = []
        self.meanwhile: Callable[[], Any] = lambda: None
        # until when callers of an instance that died are failed by that, as they are without a cutover
        self.died: dict[Backend, float] = {}
        # whether clients keep their connections though nobody new is sent there
        self.held_open = False
        self._asleep = False
        self.delayed: list[Callable[[], Any]] = []
        self.frozen = False
        self._mirrors_at: float | None = None
        # when hooks that only look were asked
        self.asked: list[tuple[float, str]] = []
        self.count = pods
        self._put(_deployment())
        self._controllers()

    # ---------------------------------------------------------------- what tests call

    def begin(self, **more: Any) -> None:
        """The journal of a new run."""
        Journal(self, SPACE, NAME).begin(self.spec(**more), Run(gate="run1"), at=self.time)

    def spec(self, **more: Any) -> Spec:
        given: dict[str, Any] = {
            "id": "run1",
            "workload": NAME,
            "name": NAME,
            "namespace": SPACE,
            "plan": "0" * 64,
            "services": (_service(udp=bool(self.udp)),),
            "controllers": (Controller(kind="Deployment", name=NAME, count=self.count),),
            "originals": tuple(
                Original(host=each.host, id=each.id, name=each.name, restart=dict(each.restart), image=each.image)
                for each in self.containers
            ),
            "steps": steps_for(self.count),
            "check": {"kind": "http", "path": "/", "port": 8080},
            "hooks": {name: (name,) for name in ("freeze", "frozen", "unfreeze", "front")},
            "later": (_hpa(),),
            "outbound": Outbound(looked=(NAME,), remotes=(DATABASE,)),
            "timings": self.timings,
            "udp": self.udp,
        }
        return Spec(**(given | more))

    def driver(self, holder: str = "one", *, take_over: bool = False, **more: Any) -> Driver:
        lock = self.lock(holder)
        lock.acquire(take_over=take_over)
        return self.driver_of(lock, **more)

    def driver_of(
        self,
        lock: Lock,
        *,
        aside: Aside | None = None,
        wait: Callable[[float], object] | None = None,
        **more: Any,
    ) -> Driver:
        edges = Edges(
            api=self,
            legacy=self,
            hooks=self,
            clock=self,
            measuring=self.measuring(),
            aside=aside or AtOnce(),
            wait=wait,
        )
        keeper = Keeper(self, self, self, lock.of_keeper(), AtOnce(), heir_of=lock.taken_from)
        return Driver(edges, Journal(self, SPACE, NAME), lock, keeper, **more)

    def measuring(self) -> Measuring:
        return Measuring(
            nodes=self,
            pods=self,
            endings=self,
            connections=self,
            inside=self.inside,
            hooks=self,
            gates=Pass(),
            legacy=self,
            clock=self,
        )

    def lock(self, holder: str) -> Lock:
        return Lock(self, self, namespace=SPACE, workload=NAME, holder=holder, lease_s=self.timings.lease_s)

    def lone_keeper(self, holder: str = "keeper", **more: Any) -> LoneKeeper:
        """Of a run that has begun; ``beside`` makes it live."""
        entry = self.journal.read()
        assert entry is not None
        keeper = Keeper(self, self, self, self.lock(holder).of_keeper(), AtOnce())
        return LoneKeeper(self.journal, self, keeper, self, entry, **more)

    def replaced(self, number: int = -1, *, within_s: float = 0.0, **more: Any) -> LegacyContainer:
        """A container dies, and the legacy scheduler starts another one in its place."""
        old = self.containers[number]
        given = {"id": "c9" * 8, "name": "web-9", "host": old.host, "address": "10.99.0.9", "port": 18080}
        self.containers[number] = new = LegacyContainer(**{**given, "connections": 0, **more})
        self.died[Backend(old.address, old.port)] = self.time + within_s
        return new

    def arrive(self) -> None:
        """What a dead driver had under way arrives, and is refused where it is not of the time any more."""
        for act in self.delayed:
            with suppress(PodliftError):
                act()
            self._controllers()
            self._check("after what came late")
        self.delayed.clear()

    @property
    def begun(self) -> bool:
        return ("ConfigMap", f"cutover-{NAME}") in self.store

    @property
    def journal(self) -> Journal:
        return Journal(self, SPACE, NAME)

    @property
    def state(self) -> str:
        return str(self.store["ConfigMap", f"cutover-{NAME}"]["data"]["state"])

    def seen(self) -> World:
        """As a driver sees it."""
        return observe(self, self, self.spec(), self)

    def takers(self, node: str) -> tuple[Any, ...]:
        """Who takes new connections from a node now, as far as its proxy has followed."""
        return tuple(self._view(node))

    # ---------------------------------------------------------------- the API server

    def list(
        self,
        api_version: str,  # noqa: ARG002
        kind: str,
        namespace: str | None = None,  # noqa: ARG002
        *,
        labels: str = "",
        fields: str = "",
    ) -> Iterator[dict[str, Any]]:
        assert not fields
        for (its, _), each in sorted(self.store.items()):
            if its == kind and _matches(each["metadata"].get("labels", {}), labels):
                yield copied(each)

    def get(self, api_version: str, kind: str, namespace: str, name: str) -> dict[str, Any] | None:  # noqa: ARG002
        found = self.store.get((kind, name))
        return dict(copied(found)) if found else None

    def create(self, obj: Mapping[str, Any], *, manager: str = "") -> dict[str, Any]:
        kind, name = obj["kind"], obj["metadata"]["name"]

        def act() -> dict[str, Any]:
            if (kind, name) in self.store:
                raise error("object-exists", name)
            metadata = {**obj["metadata"], "managedFields": [{"manager": manager, "operation": "Update"}]}
            return dict(copied(self._put(copied({**obj, "metadata": metadata}))))

        return dict(self._written(object_label("create", kind, name, NAME), act, timed=kind in _TIMED))

    def patch(
        self,
        api_version: str,  # noqa: ARG002
        kind: str,
        namespace: str,  # noqa: ARG002
        name: str,
        body: Any,
        *,
        content_type: str = "",  # noqa: ARG002
        manager: str = "",  # noqa: ARG002
    ) -> dict[str, Any]:
        def act() -> dict[str, Any]:
            found = self.store.get((kind, name))
            if found is None:
                raise error("object-missing", name)
            wanted = body.get("metadata", {})
            for key in ("resourceVersion", "uid"):
                if wanted.get(key) not in (None, found["metadata"][key]):
                    raise error("object-changed", name)
            made = _merged(found, copied(body))
            if ADMITTED in wanted.get("labels", {}) and wanted["labels"][ADMITTED]:
                self._admitted(found)
            made["metadata"]["resourceVersion"] = found["metadata"]["resourceVersion"]
            if made == found:
                return dict(copied(found))
            if made.get("spec") != found.get("spec"):
                made["metadata"]["generation"] = found["metadata"]["generation"] + 1
            return dict(copied(self._put(made)))

        return dict(self._written(object_label("patch", kind, name, NAME, body), act, timed=kind in _TIMED))

    def delete(
        self,
        api_version: str,  # noqa: ARG002
        kind: str,
        namespace: str,  # noqa: ARG002
        name: str,
        *,
        uid: str | None = None,
        version: str = "",
    ) -> None:
        def act() -> None:
            found = self.store.get((kind, name))
            if found is None:
                return
            metadata = found["metadata"]
            if uid not in (None, metadata["uid"]) or version not in ("", metadata["resourceVersion"]):
                raise error("object-changed", name)
            self._remove((kind, name))

        self._written(object_label("delete", kind, name, NAME), act, timed=kind in _TIMED)

    # ---------------------------------------------------------------- the engines

    def find(self) -> Found:
        return Found(
            containers=tuple(
                Container(
                    host=each.host,
                    id=each.id,
                    name=each.name,
                    image=each.image,
                    running=each.running,
                    stop_s=self.grace_s,
                    ports=self._ports(each) if each.running else {},
                    restart=dict(each.restart),
                    exit_code=None if each.running else each.exit_code,
                )
                for each in self.containers
                if each.host not in self.unread
            ),
            unread=dict(self.unread),
        )

    def set_restart(self, host: str, container: str, policy: Mapping[str, Any]) -> None:
        def act() -> None:
            self._container(container).restart = dict(policy)

        self._written(f"set-restart {host}/{container[:2]}", act)

    def stop(self, host: str, container: str, grace_s: float) -> None:  # noqa: ARG002
        def act() -> None:
            each = self._container(container)
            if not each.running:
                return
            if each.ends is None and each.connections:
                self.wrongs.append(f"{each.name} was stopped while it held {each.connections} connections")
            for address, ended in self.direct.items():
                if each.ends is None and ended is None:
                    self.wrongs.append(f"{each.name} was stopped while {address} called it past the Service")
            self.wrongs += [
                f"{each.name} was stopped while {sender.address} sent datagrams to it"
                for sender in self.senders
                if each.ends is None and sender.on == each.id and sender.sends(self.time)
            ]
            each.ends = self.time + self.stop_s if each.ends is None else each.ends
            self._ended()

        self._written(f"stop {host}/{container[:2]}", act)

    def start(self, host: str, container: str) -> None:
        def act() -> None:
            each = self._container(container)
            if not each.running and each.dynamic:
                each.port += 1
            each.running = True

        self._written(f"start {host}/{container[:2]}", act)

    def remove(self, host: str, container: str) -> None:
        def act() -> None:
            for each in [each for each in self.containers if each.id == container]:
                if each.running:
                    raise error("engine-refused", host)
                self.containers.remove(each)
                self.gone.append(each)

        self._written(f"remove {host}/{container[:2]}", act)

    def under_way(self) -> Collection[tuple[str, str, str]]:
        return ()

    def close(self) -> None:
        """There is nothing to let go of."""

    def established(self, host: str, backend: Backend) -> tuple[Peer, ...] | None:
        count = sum(e.connections for e in self.containers if (e.host, e.address, e.port) == (host, *_pair(backend)))
        return (Peer(NODE, count),) if count else ()

    def callers(self, host: str, backend: Backend, *, but: Collection[str] = ()) -> frozenset[Caller] | None:  # noqa: ARG002
        """A direct client connects each second, and is gone at once; the kernel remembers it for 120 s."""
        made = {Caller(NODE, 40_000)}
        for address, ended in self.direct.items():
            last = int(self.time if ended is None else ended)
            made |= {Caller(address, 30_000 + at % 20_000) for at in range(int(self.time) - 119, last + 1)}
        return frozenset(each for each in made if each.address not in but)

    def flows(self, host: str, backend: Backend, within: Collection[Backend]) -> Flows | str:  # noqa: ARG002
        """The kernel remembers each for 120 s; it was started long before."""
        (to,) = (e.id for e in self.containers if (e.host, self._ports(e)["8053/udp"]) == (host, backend))
        found = {
            Flow(f"{each.address} 5000", each.address, (self.time if each.sends(self.time) else each.until or 0) + 120)
            for each in self.senders
            if each.on == to
        }
        alive = frozenset(each for each in found if each.lasts_s is not None and each.lasts_s > self.time)
        return self.unheard or Flows(flows=alive, kept_s=30)

    def _ports(self, each: LegacyContainer) -> dict[str, Backend]:
        made = {"8080/tcp": Backend(each.address, each.port)}
        return made | ({"8053/udp": Backend(each.address, each.port + 1000)} if self.udp else {})

    def inside(self) -> Inside:
        return Inside(addresses=frozenset({NODE}), networks=("10.244.0.0/16",))

    def _ended(self) -> None:
        for each in self.containers:
            if each.ends is not None and each.ends <= self.time:
                each.running, each.ends, each.stops = False, None, each.stops + 1

    def _container(self, identity: str) -> LegacyContainer:
        return next(each for each in self.containers if each.id == identity)

    # ---------------------------------------------------------------- the nodes

    def silent(self) -> Mapping[str, str]:
        return {}

    def draw(self, target: Backend, times: int) -> Mapping[str, Draw]:  # noqa: ARG002
        made = {}
        for node in self.nodes:
            view = self._view(node)
            alive = {backend: times for backend in view if self._answers(backend)}
            whole = view and len(alive) == len(view)
            made[node] = Draw(backends=alive, failed={} if whole else {"refused": times})
        return made

    def resolve(self, namespace: str, names: Sequence[str]) -> Mapping[str, tuple[str, ...]] | None:
        raise AssertionError(f"no run asks for {names} in {namespace}: that is done before")

    def call(self, callers: Sequence[CallingPods], remotes: Sequence[Backend]) -> tuple[Mapping[str, str] | str, ...]:  # noqa: ARG002
        return tuple({} for _ in callers)

    def hold_to(self, spec: Spec, pod: SeenPod, request: Request) -> str:  # noqa: ARG002
        self.held[pod.uid] = request.backend
        return ""

    def ended(self, uid: str) -> Ended | str | None:
        """A pod is gone at once when it is deleted, having told everybody."""
        gone = not any(each["metadata"]["uid"] == uid for each in self.store.values())
        return self.ends if gone and uid in self.held else None

    def reach(self, spec: Spec, nodes: Collection[str], remotes: Sequence[Backend]) -> Reached:  # noqa: ARG002
        self.tried |= {*nodes}
        failed = {str(each): self.unreached[str(each)] for each in remotes if str(each) in self.unreached}
        return Reached(failed={each: dict.fromkeys(sorted(nodes), why) for each, why in failed.items()})

    def ask(self, requests: Sequence[Request]) -> Mapping[str, tuple[Response, ...]]:
        answers = tuple(
            Response(status=200) if self._answers(each.backend) else Response(error="refused") for each in requests
        )
        return dict.fromkeys(self.nodes, answers)

    def _answers(self, backend: Backend) -> bool:
        if any(
            e.running and e.answers and (e.ends is None or self.graceful) and (e.address, e.port) == _pair(backend)
            for e in self.containers
        ):
            return True
        return any(
            kind == "Pod" and each["status"].get("podIP") == backend.address and each["status"]["ready"]
            for (kind, _), each in self.store.items()
        )

    def _view(self, node: str) -> tuple[Backend, ...]:
        seen: tuple[Backend, ...] = ()
        for since, view in self.views[node]:
            if since <= self.time:
                seen = view
        return seen

    # ---------------------------------------------------------------- hooks, the clock

    def has(self, name: str) -> bool:
        return name in ("freeze", "frozen", "unfreeze", "front")

    def run(self, name: str, variables: Mapping[str, str]) -> None:  # noqa: ARG002
        def act() -> None:
            self.hooks_run.append(name)
            if name == "front":
                self.direct = {address: ended or self.time for address, ended in self.direct.items()}
            else:
                self.frozen = name == "freeze"

        self._written(f"hook {name}", act)

    def refuses(self, name: str, variables: Mapping[str, str]) -> str | None:  # noqa: ARG002
        self.asked.append((self.time, name))
        return "" if self.frozen else f"hook {name}: it ended with 1: thawed"

    def now(self) -> float:
        return self.time

    def boot(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds
        self._ended()
        self._controllers()
        self._check(f"after {seconds:g} s")
        # other processes live while one sleeps, and sleep for no time then
        if not self._asleep:
            self._asleep = True
            for live in self.beside:
                live()
            self._asleep = False

    # ---------------------------------------------------------------- a write, and what follows from it

    def _written(self, label: str, act: Callable[[], Any], *, timed: bool = False) -> Any:
        if timed:
            return act()
        journal = self.store.get(("ConfigMap", f"cutover-{NAME}"))
        where = f"{journal['data']['state'] if journal else '-'}: {label}"
        self.arriving(where)
        self.labels.append(where)
        fate = self.on_write(where)
        if fate == "before":
            raise Killed
        if fate in ("late", "last"):
            self.delayed.append(act)
            raise Killed
        if fate == "stopped":
            self.meanwhile()
        made = act()
        self._controllers()
        self._check(where)
        if fate == "stopped after":
            self.meanwhile()
        if fate == "after":
            raise Killed
        return made

    def _check(self, when: str) -> None:
        """A caller that connects now, on any node, is answered."""
        if ("Service", NAME) not in self.store:
            return
        for node in self.nodes:
            if not self.views[node] or self.views[node][0][0] > self.time:
                # the node does not know the Service yet, and nobody was led to it
                continue
            view = self._view(node)
            dead = [
                str(each) for each in view if not self._answers(each) and self.time > self.died.get(each, -math.inf)
            ]
            if not view or dead:
                self.wrongs.append(f"{when}: {node} sends callers to {', '.join(dead) or 'nobody'}")

    def _admitted(self, pod: dict[str, Any]) -> None:
        entry = self.journal.read()
        node = pod["spec"]["nodeName"]
        if entry is not None and entry.spec.outbound.needed and node not in self.tried:
            self.wrongs.append(f"a pod on {node} is admitted, from where nobody tried what containers connect to")

    def _put(self, obj: dict[str, Any]) -> dict[str, Any]:
        self.version += 1
        metadata = obj["metadata"]
        metadata.setdefault("uid", f"uid-{self.version}")
        metadata.setdefault("generation", 1)
        metadata.setdefault("namespace", SPACE)
        metadata["resourceVersion"] = str(self.version)
        if obj["kind"] == "Service":
            obj["spec"].setdefault("clusterIP", f"10.96.0.{self.version % 250}")
            if obj["spec"].get("type") == "NodePort":
                for port in obj["spec"]["ports"]:
                    port.setdefault("nodePort", 30_000 + self.version % 2768)
        self.store[obj["kind"], metadata["name"]] = obj
        return obj

    def _remove(self, key: tuple[str, str]) -> None:
        uid = self.store.pop(key)["metadata"]["uid"]
        if key[0] == "Service":
            # so does the endpoints controller
            self.store.pop(("Endpoints", key[1]), None)
        owned = [
            other
            for other, each in self.store.items()
            if any(owner["uid"] == uid for owner in each["metadata"].get("ownerReferences") or ())
        ]
        for other in owned:
            if other in self.store:
                self._remove(other)

    def _controllers(self) -> None:
        for (kind, _), each in list(self.store.items()):
            if kind == "Deployment":
                self._scale(each)
        for (kind, _), each in list(self.store.items()):
            if kind == "Pod" and not each["status"]["ready"] and self.time >= each["status"]["since"] + self.start_s:
                each["status"] |= {"ready": True, "conditions": [_ready(self.time)], "podIP": each["status"]["ip"]}
                self._put(each)
        for (kind, _), each in list(self.store.items()):
            if kind == "Service":
                self._endpoints(each)
        self._proxies()
        self._clients()
        self._datagrams()

    def _scale(self, deployment: dict[str, Any]) -> None:
        """Pods are of one ReplicaSet, that of the template; while it is paused, of the one that was made last."""
        metadata, spec = deployment["metadata"], deployment["spec"]
        name = metadata["name"]
        sets = [each for (kind, _), each in sorted(self.store.items()) if kind == "ReplicaSet"]
        current = next((each for each in sets if each["spec"]["template"] == spec["template"]), None)
        if current is None and (not spec.get("paused") or not sets):
            current = self._set(deployment, len(sets) + 1)
        current = current or sets[-1]
        revision = current["metadata"]["annotations"][_REVISION]
        if (metadata["annotations"].get(_REVISION), deployment["status"].get("observedGeneration")) != (
            revision,
            metadata["generation"],
        ):
            deployment["status"]["observedGeneration"] = metadata["generation"]
            metadata["annotations"][_REVISION] = revision
            self._put(deployment)
        owner = current["metadata"]["uid"]
        pods = sorted(key for key, each in self.store.items() if key[0] == "Pod")
        own = [key for key in pods if self.store[key]["metadata"]["ownerReferences"][0]["uid"] == owner]
        for _ in range(spec["replicas"] - len(own)):
            self._pod(name, owner, current["metadata"]["labels"]["pod-template-hash"])
        for key in [*own[spec["replicas"] :], *(key for key in pods if key not in own)]:
            self._remove(key)

    def _set(self, deployment: dict[str, Any], number: int) -> dict[str, Any]:
        name = deployment["metadata"]["name"]
        return self._put(
            {
                "kind": "ReplicaSet",
                "metadata": {
                    "name": f"{name}-{number}",
                    "labels": {"podlift.dev/workload": NAME, "pod-template-hash": f"t{number}"},
                    "annotations": {_REVISION: str(number)},
                    "ownerReferences": [{"uid": deployment["metadata"]["uid"], "controller": True}],
                },
                "spec": {"template": copied(deployment["spec"]["template"])},
            }
        )

    def _pod(self, name: str, owner: str, template: str) -> None:
        number = self.version
        self._put(
            {
                "kind": "Pod",
                "metadata": {
                    "name": f"{name}-1-p{number}",
                    "labels": {"podlift.dev/workload": NAME, "pod-template-hash": template},
                    "ownerReferences": [{"uid": owner, "controller": True}],
                },
                "spec": {"nodeName": self.nodes[number % 2]},
                "status": {"ready": False, "since": self.time, "ip": f"10.244.{number // 250}.{number % 250 + 1}"},
            }
        )

    def _endpoints(self, service: dict[str, Any]) -> None:
        selector = service["spec"].get("selector")
        name = service["metadata"]["name"]
        chosen = [
            each
            for (kind, _), each in sorted(self.store.items())
            if selector
            and kind == "Pod"
            and selector.items() <= each["metadata"]["labels"].items()
            and each["status"].get("podIP")
        ]
        self._of_endpoints(service, [each["status"]["podIP"] for each in chosen])
        if not selector:
            # the controller's own slices stay as they are
            return
        endpoints = [
            {
                "addresses": [each["status"]["podIP"]],
                "conditions": {"ready": True, "serving": True, "terminating": False},
                "targetRef": {"kind": "Pod", "name": each["metadata"]["name"]},
            }
            for each in chosen
        ]
        made = {
            "kind": "EndpointSlice",
            "metadata": {
                "name": f"{name}-own",
                "labels": {SLICE_OF: name, SLICE_BY: SLICES_OF_PODS},
                "ownerReferences": [{"uid": service["metadata"]["uid"]}],
            },
            "addressType": "IPv4",
            "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
            "endpoints": endpoints,
        }
        old = self.store.get(("EndpointSlice", f"{name}-own"))
        if old is None or old["endpoints"] != endpoints:
            self._put(made)

    def stood(self, *, by_slice: bool = False) -> None:
        """A Service of hand that leads to the containers, by Endpoints or by a slice."""
        addresses = [each.address for each in self.containers]
        ports = [{"name": "http", "port": self.containers[0].port, "protocol": "TCP"}]
        if by_slice:
            endpoints = [{"addresses": [each]} for each in addresses]
            body = {"addressType": "IPv4", "ports": ports, "endpoints": endpoints}
            labels = {SLICE_OF: NAME, SLICE_BY: "staff"}
            self._put({"kind": "EndpointSlice", "metadata": {"name": f"{NAME}-hand", "labels": labels}, **body})
        else:
            subsets = [{"addresses": [{"ip": each} for each in addresses], "ports": ports}]
            self._put({"kind": "Endpoints", "metadata": {"name": NAME, "labels": {"by": "hand"}}, "subsets": subsets})
        asked = [{"name": "http", "port": 80, "protocol": "TCP", "targetPort": 80}]
        self._put({"kind": "Service", "metadata": {"name": NAME, "labels": {"app": "web"}}, "spec": {"ports": asked}})
        for _ in range(4):
            self.sleep(1)
        self.wrongs.clear()

    def _of_endpoints(self, service: dict[str, Any], pods: Sequence[str]) -> None:
        """With a selector, Endpoints are the pods', and nothing is mirrored; without, they are mirrored as they are, a
        while later."""
        name, selector = service["metadata"]["name"], service["spec"].get("selector")
        found, mirrored = self.store.get(("Endpoints", name)), ("EndpointSlice", f"{name}-mirrored")
        if selector:
            labels = service["metadata"]["labels"]
            subsets = [{"addresses": [{"ip": each} for each in pods], "ports": [{"name": "http", "port": 8080}]}]
            wanted = {"subsets": subsets if pods else [], "labels": labels}
            if found is None or {"subsets": found["subsets"], "labels": found["metadata"]["labels"]} != wanted:
                metadata = {**(found["metadata"] if found else {"name": name}), "labels": labels}
                self._put({"kind": "Endpoints", "metadata": metadata, "subsets": wanted["subsets"]})
            if mirrored in self.store:
                self._remove(mirrored)
            return
        made = [
            {"addresses": [each["ip"]], "conditions": {"ready": True}}
            for subset in (found or {"subsets": []})["subsets"]
            for each in subset["addresses"]
        ]
        old = self.store.get(mirrored)
        if (old["endpoints"] if old else []) == made:
            self._mirrors_at = None
        elif found is None or not made:
            self._remove(mirrored)
        elif self._mirrors_at is None:
            self._mirrors_at = self.time + self.lag_s
        elif self.time >= self._mirrors_at:
            metadata = {
                "name": mirrored[1],
                "labels": {**found["metadata"]["labels"], SLICE_OF: name, SLICE_BY: SLICES_OF_ENDPOINTS},
                "ownerReferences": [{"uid": found["metadata"]["uid"]}],
            }
            body = {"addressType": "IPv4", "ports": found["subsets"][0]["ports"], "endpoints": made}
            self._put({"kind": "EndpointSlice", "metadata": metadata, **body})

    def _proxies(self) -> None:
        service = self.store.get(("Service", NAME))
        view: tuple[Backend, ...] = ()
        if service is not None:
            slices = [
                each
                for (kind, _), each in self.store.items()
                if kind == "EndpointSlice" and each["metadata"]["labels"]["kubernetes.io/service-name"] == NAME
            ]
            view = tuple(each.backend for each in takers(members(slices, service)))
        for number, node in enumerate(self.nodes):
            views = self.views[node]
            if service is None:
                views.clear()
            elif not views:
                # a Service's first rules name what is there by then
                views.append((self.time + self.lag_s * number, view))
            elif views[-1][1] != view:
                views.append((self.time + self.lag_s * number, view))
                while len(views) > 1 and views[1][0] <= self.time:
                    del views[0]

    def _datagrams(self) -> None:
        """Proxies leave a flow where it is while its address serves; when it does not, they forget it."""
        serving = {
            address
            for (kind, _), each in self.store.items()
            if kind == "EndpointSlice"
            for one in each["endpoints"]
            # what nobody says is so
            if one.get("conditions", {}).get("serving", True)
            for address in one["addresses"]
        }
        for sender in self.senders:
            of = next((each for each in self.containers if each.id == sender.on), None)
            if of is None or sender.direct or not sender.sends(self.time):
                continue
            if serving and of.address not in serving:
                sender.on = ""
                self.wrongs += [f"the session of {sender.address} went to a pod"] if sender.session else []
            elif not of.running:
                self.wrongs.append(f"{sender.address} sends datagrams to {of.name}, which was stopped")

    def _clients(self) -> None:
        """Connections to a container end in a while after the last node has stopped to send it new ones."""
        for each in self.containers:
            backend = Backend(each.address, each.port)
            called = any(backend in self._view(node) for node in self.nodes)
            if called:
                each.connections, each.idle_since = 3, None
            elif self.held_open:
                continue
            elif each.idle_since is None:
                each.idle_since = self.time
            elif self.time - each.idle_since >= 1.0:
                each.connections = 0


class AtOnce:
    """What is begun aside is over at once: one thread, and always the same order."""

    def begin(self, work: Callable[[], T]) -> Done[T]:
        try:
            return Done([work()], None)
        except PodliftError as error:
            return Done([], error)

    def end(self) -> None:
        """Nothing goes on."""


@dataclass
class Done(Generic[T]):
    made: list[T]
    error: PodliftError | None

    def over(self, wait_s: float = 0) -> bool:  # noqa: ARG002
        return True

    def result(self) -> T:
        if self.error is not None:
            raise self.error
        return self.made[0]

    def give_up(self) -> None:
        raise AssertionError("it is over at once")


class Pass:
    """Gates that let everything on."""

    def judge(self, what: str, spec: Spec, world: World) -> Judged:  # noqa: ARG002
        seen = Outcome(gate="probe", result=Result.PASSED, reason="all is well", figures={"success": 100.0})
        return Judged(outcome="passed", said=what, window=(seen,))

    def compare(self, spec: Spec, world: World) -> Judged:  # noqa: ARG002
        return Judged(outcome="passed", said="the same")

    def forget(self) -> None:
        """Nothing was gathered."""

    def recall(self, failures: Mapping[str, int], restarts: Mapping[str, int]) -> None:
        """Nothing ever fails."""


def ended(world: Model) -> bool:
    return world.state in (State.FINALIZED, State.ROLLED_BACK)


def _pair(backend: Backend) -> tuple[str, int]:
    return backend.address, backend.port


def _ready(at: float) -> dict[str, Any]:
    from datetime import UTC, datetime

    return {"type": "Ready", "status": "True", "lastTransitionTime": datetime.fromtimestamp(at, UTC).isoformat()}


def _matches(labels: Mapping[str, str], selector: str) -> bool:
    import re

    for part in re.findall(r"[^,]+ in \([^)]*\)|[^,]+", selector):
        if " in " in part:
            key, _, values = part.partition(" in ")
            if labels.get(key) not in values.strip("()").split(","):
                return False
        elif labels.get(part.partition("=")[0]) != part.partition("=")[2]:
            return False
    return True


def _merged(found: Any, change: Any) -> Any:
    if not isinstance(change, dict):
        return change
    made = dict(found) if isinstance(found, dict) else {}
    for key, value in change.items():
        if value is None:
            made.pop(key, None)
        else:
            made[key] = _merged(made.get(key), value)
    return made


def _service(*, udp: bool = False) -> dict[str, Any]:
    more = [{"name": "dns", "port": 53, "targetPort": 8053, "protocol": "UDP"}] if udp else []
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": NAME, "namespace": SPACE, "labels": {"podlift.dev/workload": NAME}},
        "spec": {
            "selector": {"podlift.dev/workload": NAME},
            "ports": [{"name": "http", "port": 80, "targetPort": 8080, "protocol": "TCP"}, *more],
        },
    }


def _deployment() -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": NAME, "namespace": SPACE, "labels": {"podlift.dev/workload": NAME}, "annotations": {}},
        "spec": {"replicas": 0, "template": {"spec": {"image": "web:1"}}},
        "status": {},
    }


def _hpa() -> dict[str, Any]:
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": NAME, "namespace": SPACE, "labels": {"podlift.dev/workload": NAME}},
        "spec": {"minReplicas": 2},
    }

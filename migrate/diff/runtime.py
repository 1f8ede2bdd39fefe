"""Running containers held against the running pods of their workloads, on effective values.

What is read: the engines, the pods of the plan's workloads (a list a namespace), and what their variables take from
ConfigMaps and Secrets.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from converters.capture import Capture, HostDocuments
from converters.errors import PodliftError
from converters.estate.keys import matcher
from converters.fields.verdict import Verdict
from converters.objects.context import ESTATE, MANAGED_BY, SITE, WORKLOAD, label_value
from converters.secrecy import is_secret, masked
from converters.sources.inspect_process import Accounts

from ..plan.model import Plan
from ..report.table import count
from .comparison import Comparison, Extra, Leg, ObjectDifference, State
from .declaring import told_apart
from .hiding import HIDDEN
from .legacy import unread_hosts
from .normal_form import Document, Normal, Unknown, normal_changes, normal_container, normal_pod
from .secret_values import decoded, seal
from .sides import Runtime
from .walk import Change

if TYPE_CHECKING:
    from ..cluster import Cluster

Event = Callable[[str, int, int], None]
Entry = Mapping[str, Any]

_CONTAINER = re.compile(r".*\bcontainers\[([^\]]+)\]\..*")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Running:
    """A container that runs: its host's documents, its own, its image's."""

    host: HostDocuments
    document: Document
    image: Document | None

    @property
    def name(self) -> str:
        return str(self.document.get("Name") or "").lstrip("/")

    @property
    def accounts(self) -> Accounts:
        passwd, group = self.host.accounts.get(str(self.document.get("Image") or ""), ("", ""))
        return Accounts(passwd=passwd, group=group)


def compare_runtime(
    plan: Plan, sides: Runtime, chosen: Collection[str] = (), *, key: bytes = b"", on_event: Event | None = None
) -> Comparison:
    """A container each. Raises PodliftError as reading engines and the cluster does, and as check_target does."""
    from ..cluster.promises import check_target

    cluster = sides.cluster
    against = f"what runs on the legacy side and in cluster {cluster.name}"
    check_target(plan, cluster)
    capture = _capture(sides, on_event)
    unread = unread_hosts(plan, capture)
    if unread:
        return Comparison(
            leg=Leg.RUNTIME, against=against, not_compared=unread, cluster=cluster.name, version=cluster.version()
        )
    entries = [entry for entry in plan.workloads if not chosen or entry["name"] in chosen]
    running = _running(capture)
    pods = _pods(plan, cluster, entries)
    walk = _Walk(plan, cluster, key)
    objects: list[ObjectDifference] = []
    compared = 0
    for entry in entries:
        containers = _containers_of(entry, running)
        compared += len(containers)
        objects += walk.workload(entry, containers, pods.get(_place(cluster, entry), []))
    return Comparison(
        leg=Leg.RUNTIME,
        against=against,
        objects=tuple(objects),
        compared=compared,
        uncompared=tuple(f"{count(len(names), 'variable')}: {why}" for why, names in sorted(walk.unknown.items())),
        cluster=cluster.name,
        version=cluster.version(),
    )


def _capture(sides: Runtime, on_event: Event | None) -> Capture:
    if isinstance(sides.hosts, Capture):
        return sides.hosts
    from ..engine import discover

    return discover(tuple(sides.hosts), on_event=on_event)


def _running(capture: Capture) -> dict[tuple[str, str], _Running]:
    """By host and name."""
    made: dict[tuple[str, str], _Running] = {}
    for host in capture.hosts:
        images = {str(each.get("Id")): each for each in host.images}
        for document in host.containers:
            if (document.get("State") or {}).get("Running"):
                each = _Running(host=host, document=document, image=images.get(str(document.get("Image"))))
                made[host.host.name, each.name] = each
    return made


def _containers_of(entry: Entry, running: Mapping[tuple[str, str], _Running]) -> list[_Running]:
    """The plan's instances that run, and what its grouping key finds beside them."""
    known = {(each["host"], each["name"]) for each in entry["instances"]}
    matches = matcher(str(entry["groupingKey"]))
    return [
        each
        for place, each in sorted(running.items())
        if place in known or matches(each.name, each.document.get("Config") or {})
    ]


def _place(cluster: Cluster, entry: Entry) -> tuple[str, str]:
    return entry["namespace"] or cluster.namespace, label_value(entry["kubernetesName"])


def _pods(plan: Plan, cluster: Cluster, entries: Iterable[Entry]) -> dict[tuple[str, str], list[Document]]:
    """Pods that nobody deletes, by namespace and the workload's label."""
    ours = f"{MANAGED_BY}=podlift,{ESTATE}={label_value(plan.estate)},{WORKLOAD}"
    made: dict[tuple[str, str], list[Document]] = defaultdict(list)
    for namespace in sorted({_place(cluster, entry)[0] for entry in entries}):
        for pod in cluster.list("v1", "Pod", namespace, labels=ours):
            if not pod["metadata"].get("deletionTimestamp"):
                made[namespace, pod["metadata"]["labels"][WORKLOAD]].append(pod)
    return made


class _Walk:
    def __init__(self, plan: Plan, cluster: Cluster, key: bytes) -> None:
        self._cluster = cluster
        self._key = key
        self._verdicts: dict[str, list[Verdict]] = defaultdict(list)
        for verdict in plan.verdicts:
            self._verdicts[verdict.workload].append(verdict)
        self._kept: dict[tuple[str, str, str], Mapping[str, Any] | PodliftError | None] = {}
        self.unknown: dict[str, set[str]] = defaultdict(set)

    def workload(
        self, entry: Entry, containers: Sequence[_Running], pods: Sequence[Document]
    ) -> Iterator[ObjectDifference]:
        name = entry["name"]
        waiting = sorted({_state(pod) for pod in pods if not _runs(pod)})
        pods = [pod for pod in pods if _runs(pod)]
        if not pods:
            note = "no pod of its workload runs" + (f" ({', '.join(waiting)})" if waiting else "")
            for each in containers:
                yield _one(name, _place_of(each), State.REMOVED, note=note)
            return
        if not containers:
            for pod in pods:
                yield _one(name, f"pod/{pod['metadata']['name']}", State.ADDED, namespace=pod["metadata"]["namespace"])
            return
        called = self._called(name)
        found: dict[str, list[tuple[_Running, ObjectDifference]]] = defaultdict(list)
        for n, each in enumerate(containers):
            made = self._container(entry, each, _beside(each, pods, n), called)
            if made is not None:
                alike = repr((made.state, made.changes, made.extras, made.declared))
                found[alike].append((each, made))
        for group in found.values():
            first = group[0][1]
            others = f"; {count(len(group) - 1, 'container')} more alike" if len(group) > 1 else ""
            yield replace(first, note=f"{first.note}{others}")

    def _container(
        self, entry: Entry, running: _Running, pod: Document, called: Mapping[str, str]
    ) -> ObjectDifference | None:
        name, metadata = entry["name"], pod["metadata"]
        planned = [each["name"] for each in entry["workload"].get("containers", ())]
        document = f"{running.host.host.name}/container/{running.name}"
        own = called.get(document) or (planned[0] if len(planned) == 1 else _like(running, entry))
        verdicts = self._verdicts[name]
        place, space, against = _place_of(running), metadata["namespace"], f"against pod {metadata['name']}"
        legacy = normal_container(
            running.document,
            running.image,
            accounts=running.accounts,
            injected=_injected(verdicts),
            checks=[each for each in entry["checks"] if each["container"] == own],
        )
        try:
            live = normal_pod(
                pod, own, running.image, accounts=running.accounts, look=lambda *what: self._look(space, *what)
            )
        except KeyError:
            return _one(name, place, State.REMOVED, namespace=space, note=f"{against}: it has no container {own}")
        for variable, why in {**legacy.unknown, **live.unknown}.items():
            self.unknown[why].add(f"{name}/{own}/{variable}")
        found, declared = told_apart(normal_changes(legacy, live), verdicts, own)
        extras = tuple(
            Extra(path=f"containers[{each['name']}]", value=each.get("image", ""))
            for each in pod["spec"].get("containers", ())
            if planned and each["name"] not in planned
        )
        if not found and not declared and not extras:
            return None
        hide = _Hiding(legacy, live, self._key, f"{name}/{own}")
        return _one(
            name,
            place,
            State.CHANGED if found else State.EXTRA,
            namespace=space,
            note=against,
            changes=tuple(map(hide.change, found)),
            declared=tuple(replace(each, change=hide.change(each.change)) for each in declared),
            extras=extras,
        )

    def _called(self, workload: str) -> dict[str, str]:
        """A container's document to what the plan calls it in the pod, as the verdicts on its fields tell."""
        made: dict[str, str] = {}
        for verdict in self._verdicts[workload]:
            match = next((found for each in verdict.targets if (found := _CONTAINER.fullmatch(each))), None)
            if match and verdict.source is not None and verdict.source.path in ("Config.Image", "Image"):
                for document in (verdict.source.document, *verdict.instances):
                    made.setdefault(document, match[1])
        return made

    def _look(self, namespace: str, kind: str, name: str, key: str) -> str | Unknown | None:
        place = kind, namespace, name
        if place not in self._kept:
            try:
                self._kept[place] = self._cluster.get("v1", kind, namespace, name)
            except PodliftError as error:
                if error.code != "cluster-forbidden":
                    raise
                self._kept[place] = error
        found = self._kept[place]
        if isinstance(found, PodliftError):
            return Unknown(why=found.reason)
        if found is None:
            return None
        value = (found.get("data") or {}).get(key)
        if value is None or kind != "Secret":
            return value
        return decoded(value).decode("utf-8", "replace")


@dataclass(slots=True)
class _Hiding:
    """Secret values leave as hashes: of variables that are one on either side, and where such a value stands in argv
    or a check."""

    legacy: Normal
    live: Normal
    key: bytes
    place: str
    _known: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        for side in (self.legacy, self.live):
            for name, value in side.env.items():
                if name in self.live.secret or is_secret(name, value):
                    self._known.add(value)

    def change(self, change: Change) -> Change:
        top, _, name = change.path.partition(".")
        if top == "env" and name:
            values = [str(each) for each in (change.old, change.new) if each is not None]
            if name in self.live.secret or any(is_secret(name, each) for each in values):
                return replace(change, old=self._sealed(name, change.old), new=self._sealed(name, change.new))
        return replace(change, old=self._plain(change.old), new=self._plain(change.new))

    def _sealed(self, name: str, value: Any) -> Any:
        if value is None or not self.key:
            return None if value is None else HIDDEN
        return seal(self.key, f"{self.place}\0{name}", str(value).encode())

    def _plain(self, value: Any) -> Any:
        if isinstance(value, str):
            return masked(value, self._known)
        if isinstance(value, list):
            return [self._plain(each) for each in value]
        if isinstance(value, Mapping):
            return {name: self._plain(each) for name, each in value.items()}
        return value


def _one(
    workload: str, name: str, state: State, *, namespace: str = "", note: str = "", **more: Any
) -> ObjectDifference:
    return ObjectDifference(workload=workload, name=name, namespace=namespace, state=state, note=note, **more)


def _runs(pod: Document) -> bool:
    """Whether all of its containers run: what one waits for, none can be compared with."""
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    return bool(statuses) and all("running" in (each.get("state") or {}) for each in statuses)


def _state(pod: Document) -> str:
    status = pod.get("status") or {}
    for each in status.get("containerStatuses") or ():
        waiting = (each.get("state") or {}).get("waiting") or (each.get("state") or {}).get("terminated")
        if waiting and waiting.get("reason"):
            return str(waiting["reason"])
    return str(status.get("phase") or "Pending")


def _place_of(running: _Running) -> str:
    return f"container/{running.host.host.name}/{running.name}"


def _beside(running: _Running, pods: Sequence[Document], n: int) -> Document:
    """A pod to hold the nth container against: of its site where pods have one, each pod in turn."""
    site = label_value(running.host.host.site) if running.host.host.site else ""
    same = [each for each in pods if each["metadata"].get("labels", {}).get(SITE) == site]
    found = sorted(same or pods, key=lambda each: each["metadata"]["name"])
    return found[n % len(found)]


def _like(running: _Running, entry: Entry) -> str:
    """Which of a workload's containers this is, where no verdict tells: by its image's repository, else the first."""
    asked = str((running.document.get("Config") or {}).get("Image") or "").partition("@")[0]
    for each in entry["workload"].get("containers", ()):
        if each.get("image", {}).get("reference") == asked:
            return str(each["name"])
    return str(entry["workload"]["containers"][0]["name"])


def _injected(verdicts: Iterable[Verdict]) -> frozenset[str]:
    """Variables of which the plan says that the legacy scheduler writes them into each instance."""
    made = set()
    for verdict in verdicts:
        if verdict.code == "env-injected" and verdict.source is not None:
            match = re.fullmatch(r"Config\.Env\[([^\]=]+)\]?.*", verdict.source.path)
            if match:
                made.add(match[1])
    return frozenset(made)

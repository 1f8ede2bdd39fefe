"""``apply_plan``: a plan onto a cluster, by server-side apply, in order, sending only what differs.

What is there already is read by LIST and compared locally, so an unchanged plan sends nothing and a run that was
interrupted is simply run again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from converters.errors import PodliftError
from converters.objects.configuration import REQUIRED_KEYS

from ..diff.comparing import differs_from_live
from ..plan.model import Plan
from .applied import Action, Applied, Outcome, Waiting
from .handover import SECOND, number_alone, owns_replicas, with_replicas
from .journaled import cutover_states
from .ordering import Item, ranked
from .stages import Key, Stage, Staged, key_of, stage_plan
from .waiting import wait_for

if TYPE_CHECKING:
    from ..cluster import Cluster

OnEvent = Callable[[str, int, int], None]

# One process sends this many at once; how many a second is the cluster's rate limit.
AT_ONCE = 16
# After these nothing else can succeed either.
_ENDING = frozenset({"cluster-unreachable", "cluster-gone", "cluster-unauthorized"})


def apply_plan(
    plan: Plan,
    cluster: Cluster,
    *,
    workloads: Collection[str] = (),
    stage: Stage | str | None = None,
    never_cut_over: Collection[str] = (),
    dry_run: str = "",
    wait: bool = False,
    timeout_s: float = 300,
    force_conflicts: bool = False,
    on_event: OnEvent | None = None,
    on_trouble: Callable[[str], None] | None = None,
) -> Applied:
    """Puts a plan onto the cluster that it was made for.

    workloads        only these and what several share; empty: all
    stage            ``gated`` or ``final``; None: as :func:`stage_plan` says
    never_cut_over   workloads that go to ``final`` though they still run on the legacy side
    dry_run          ``client`` compares and sends nothing; ``server`` has the server check what it would be sent
    wait, timeout_s  waits until controllers are ready, so long at most
    force_conflicts  takes fields over that another manager owns
    on_event         told ``("apply", done, of how many)``
    on_trouble       told, while waiting, what keeps pods from being ready

    An object that is refused is an outcome, and what ranks behind it is not sent. Raises PodliftError for what is
    wrong before anything is sent (stages.py, the cluster, ``already-running``, ``secret-missing``).
    """
    states = cutover_states(plan, cluster, workloads)
    staged = stage_plan(
        plan,
        workloads=workloads,
        stage=None if stage is None else Stage(stage),
        states=states,
        never_cut_over=never_cut_over,
    )
    items = [*staged.objects, *_secrets(plan, staged)]
    live = _Live(cluster, items, plan)
    _refuse_running(staged, live)
    live.refuse_without_secrets(plan, staged)
    counts = _counts(plan)
    scaled = _scaled(plan)
    sender = _Sender(cluster, live, counts, scaled, dry_run=dry_run, force=force_conflicts, on_event=on_event)
    outcomes = sender.send(items)
    waiting: tuple[Waiting, ...] = ()
    if wait and not dry_run and not sender.failed:
        waiting = tuple(wait_for(cluster, items, timeout_s, on_event, on_trouble))
    return Applied(
        plan=plan.hash,
        cluster=cluster.name,
        version=cluster.version(),
        dry_run=dry_run,
        stages=staged.stages,
        outcomes=tuple(outcomes),
        withheld=staged.withheld,
        waiting=waiting,
    )


class _Live:
    """What the cluster holds of the kinds and namespaces that a run touches."""

    def __init__(self, cluster: Cluster, items: Sequence[Item], plan: Plan) -> None:
        self._default = cluster.namespace
        places = {(each["apiVersion"], each["kind"], self._place(cluster, each)) for _, each in items}
        needed = {entry["namespace"] or self._default for entry in plan.workloads if entry["secrets"]}
        places |= {("v1", "Secret", namespace) for namespace in needed}
        self._objects: dict[Key, Mapping[str, Any]] = {}
        for api_version, kind, namespace in sorted(places):
            for each in cluster.list(api_version, kind, namespace or None):
                self._objects[(kind, namespace, each["metadata"]["name"])] = each
        self._cluster = cluster

    def find(self, each: Mapping[str, Any]) -> Mapping[str, Any] | None:
        return self._objects.get((each["kind"], self._place(self._cluster, each), each["metadata"]["name"]))

    def _place(self, cluster: Cluster, each: Mapping[str, Any]) -> str:
        if not cluster.resource(each["apiVersion"], each["kind"]).namespaced:
            return ""
        namespace: str = each["metadata"].get("namespace") or self._default
        return namespace

    def refuse_without_secrets(self, plan: Plan, staged: Staged) -> None:
        """A pod that names a Secret, or a key of one, which is nowhere would wait for it forever."""
        brought = {
            (each["metadata"].get("namespace") or self._default, each["metadata"]["name"]): each
            for _, each in plan.secrets
        }
        for entry in plan.workloads:
            namespace = entry["namespace"] or self._default
            for secret in entry["secrets"] if entry["name"] in staged.stages else ():
                ours = brought.get((namespace, secret["name"]))
                theirs = self._objects.get(("Secret", namespace, secret["name"]))
                there = {key for each in (ours, theirs) if each for key in each.get("data") or {}}
                lacking = sorted({*secret["keys"], *_required(ours)} - there)
                if lacking or (ours is None and theirs is None):
                    keys = f"the keys {', '.join(lacking)} of " if lacking else ""
                    raise PodliftError(
                        code="secret-missing",
                        phase="apply",
                        subject=entry["name"],
                        reason=f"{keys}its Secret {namespace}/{secret['name']} stand neither on the cluster nor in the "
                        "plan's secrets/",
                        next_step="apply from where the plan was made (git does not keep secrets/), or create the "
                        "Secret first",
                    )


def _required(secret: Mapping[str, Any] | None) -> list[str]:
    said = ((secret or {}).get("metadata", {}).get("annotations") or {}).get(REQUIRED_KEYS, "")
    return said.split(",") if said else []


def _secrets(plan: Plan, staged: Staged) -> list[Item]:
    return [(workload, each) for workload, each in plan.secrets if not workload or workload in staged.stages]


def _refuse_running(staged: Staged, live: _Live) -> None:
    """``gated`` would stop what already runs on the cluster."""
    for workload, each in staged.objects:
        if staged.stages.get(workload) is not Stage.GATED:
            continue
        found = live.find(each)
        if found is None:
            continue
        running = found["spec"].get("replicas", 0) if "replicas" in each.get("spec", {}) else 0
        active = each["kind"] == "CronJob" and not found["spec"].get("suspend")
        if running or active:
            what = f"runs {running} pods" if running else "is not suspended"
            raise PodliftError(
                code="already-running",
                phase="apply",
                subject=workload,
                reason=f"{each['kind']}/{each['metadata']['name']} {what} on the cluster, and --stage gated would stop "
                "it",
                next_step=f"say --stage final --never-cut-over {workload} if it is not to be cut over; else stop it first",
            )


def _counts(plan: Plan) -> dict[str, int]:
    return {name: count for entry in plan.workloads for name, count in entry["replicas"].items()}


def _scaled(plan: Plan) -> frozenset[Key]:
    """Controllers whose number an autoscaler of the plan decides."""
    return frozenset(
        (
            each["spec"]["scaleTargetRef"]["kind"],
            each["metadata"].get("namespace", ""),
            each["spec"]["scaleTargetRef"]["name"],
        )
        for _, each in plan.objects
        if each["kind"] == "HorizontalPodAutoscaler"
    )


class _Sender:
    def __init__(
        self,
        cluster: Cluster,
        live: _Live,
        counts: Mapping[str, int],
        scaled: frozenset[Key],
        *,
        dry_run: str,
        force: bool,
        on_event: OnEvent | None,
    ) -> None:
        self._cluster = cluster
        self._live = live
        self._counts = counts
        self._scaled = scaled
        self._dry_run = dry_run
        self._force = force
        self._on_event = on_event
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._done = 0
        self.failed = False

    def send(self, items: Sequence[Item]) -> list[Outcome]:
        """The outcomes, in the order of sending."""
        made: list[Outcome] = []
        total = len(items)
        self._made_here = {
            each["metadata"]["name"]
            for _, each in items
            if each["kind"] == "Namespace" and self._live.find(each) is None
        }
        with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
            for rank in ranked(items):
                if self.failed:
                    note = "not sent: something before it failed"
                    made += [_outcome(item, Action.UNSENT, note=note) for item in rank]
                    continue
                try:
                    outcomes = list(pool.map(lambda item: self._one(item, total), rank))
                except BaseException:
                    # what waits in the pool is not sent any more; what is under way ends
                    self._ended.set()
                    raise
                made += outcomes
                self.failed = any(each.action is Action.FAILED for each in outcomes)
        return made

    def _one(self, item: Item, total: int) -> Outcome:
        if self._ended.is_set():
            return _outcome(item, Action.UNSENT, note="not sent: the cluster had failed before")
        try:
            outcome = self._sent(item)
        except PodliftError as error:
            if error.code in _ENDING:
                self._ended.set()
            outcome = _outcome(item, Action.FAILED, error=error)
        with self._lock:
            self._done += 1
            if self._on_event:
                self._on_event("apply", self._done, total)
        return outcome

    def _sent(self, item: Item) -> Outcome:
        _, each = item
        found = self._live.find(each)
        autoscaled = key_of(each) in self._scaled and "replicas" not in each["spec"]
        if found is not None and not self._differs(each, found, autoscaled=autoscaled):
            return _outcome(item, Action.UNCHANGED)
        action = Action.CREATED if found is None else Action.CHANGED
        if self._dry_run == "client":
            return _outcome(item, action)
        if self._dry_run == "server":
            if each["metadata"].get("namespace") in self._made_here:
                return _outcome(item, Action.UNCHECKED, note="its namespace is not there yet")
            self._cluster.apply(each, force=self._force, dry_run=True)
            return _outcome(item, action)
        if autoscaled:
            self._hand_over(each, found)
        self._cluster.apply(each, force=self._force)
        return _outcome(item, action)

    def _differs(self, each: Mapping[str, Any], found: Mapping[str, Any], *, autoscaled: bool) -> bool:
        # an autoscaler's number is the plan's only as long as podlift alone holds it
        return differs_from_live(each, found, scaled=autoscaled) or (autoscaled and owns_replicas(found))

    def _hand_over(self, each: Mapping[str, Any], found: Mapping[str, Any] | None) -> None:
        """Lets a second manager own the number, so that the plan's apply may leave it out."""
        if found is None:
            count = self._counts.get(each["metadata"]["name"], 1)
            self._cluster.apply(with_replicas(each, count), force=self._force)
        elif owns_replicas(found):
            count = found["spec"].get("replicas", 1)
        else:
            return
        try:
            self._cluster.apply(number_alone(each, count), manager=SECOND)
        except PodliftError as error:
            # somebody has changed the number since: then it is theirs, and leaving it out resets nothing
            if error.code != "apply-conflict":
                raise


def _outcome(item: Item, action: Action, *, error: PodliftError | None = None, note: str = "") -> Outcome:
    workload, each = item
    kind, namespace, name = key_of(each)
    return Outcome(workload=workload, name=f"{kind}/{name}", namespace=namespace, action=action, error=error, note=note)

"""Sends what was decided: rank by rank, many at once within a rank. What fails holds back what comes after it of the
same workload, and nothing else."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

from converters.errors import PodliftError

from ..plan.model import Plan
from ..plan.objects import Item, title, users_of
from .applied import Action, Outcome
from .deciding import Step
from .handover import SECOND, number_alone, with_replicas
from .ordering import ranked

if TYPE_CHECKING:
    from ..cluster import Cluster

OnEvent = Callable[[str, int, int], None]

# So many are under way at once; how many a second is the cluster's own limit.
AT_ONCE = 16
# After these nothing else can succeed either.
_ENDING = frozenset({
    "cluster-unreachable", "cluster-gone", "cluster-unauthorized", "cluster-busy", "cluster-tls", "credential-failed",
})  # fmt: skip


class Sender:
    """``dry_run``: ``""``, ``client`` or ``server``; ``on_event`` is told ``("apply", sent, of how many)``,
    or ``("dry-run", asked, of how many)``."""

    def __init__(
        self, cluster: Cluster, plan: Plan, *, dry_run: str, force: bool, on_event: OnEvent | None = None
    ) -> None:
        self._cluster = cluster
        self._plan = plan
        self._dry_run = dry_run
        self._force = force
        self._on_event = on_event
        self._lock = threading.Lock()
        self._ended = ""
        # what failed, by the workloads that wait for it
        self._failed: dict[str, str] = {}
        self._all_failed = ""
        self._new_spaces: frozenset[str] = frozenset()
        self._done = 0
        self._total = 0

    def send(self, steps: Sequence[Step]) -> list[Outcome]:
        """The outcomes, in the order of sending."""
        self._total = sum(step.writes for step in steps)
        self._new_spaces = frozenset(
            step.item[1]["metadata"]["name"]
            for step in steps
            if step.item[1]["kind"] == "Namespace" and step.action is Action.CREATED
        )
        for step in steps:
            if step.error is not None:
                self._note_failure(step.item)
        by_item = {id(step.item[1]): step for step in steps}
        made: list[Outcome] = []
        with ThreadPoolExecutor(AT_ONCE) as pool:
            try:
                for rank in ranked(step.item for step in steps):
                    waiting: list[Future[Outcome]] = [pool.submit(self._one, by_item[id(each)]) for _, each in rank]
                    made += [each.result() for each in waiting]
            except BaseException:
                # what waits is not sent any more; what is under way ends
                self._ended = "interrupted"
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        return made

    def _one(self, step: Step) -> Outcome:
        if step.error is not None:
            return _outcome(step, Action.FAILED, error=step.error)
        if not step.writes:
            return _outcome(step, step.action)
        held = self._held(step.item)
        if held:
            return _outcome(step, Action.UNSENT, note=held)
        try:
            outcome = self._sent(step)
        except PodliftError as error:
            self._note_failure(step.item)
            if error.code in _ENDING:
                self._ended = "not sent: the cluster had failed before"
            outcome = _outcome(step, Action.FAILED, error=error)
        with self._lock:
            self._done += 1
            if self._on_event and self._dry_run != "client":
                self._on_event("dry-run" if self._dry_run else "apply", self._done, self._total)
        return outcome

    def _held(self, item: Item) -> str:
        """Why an object is not sent, ``""`` if it is."""
        failed = self._failed.get(item[0], "") or self._all_failed
        if not item[0] and not failed:
            users = users_of(item[1], self._plan.names)
            failed = next((self._failed[each] for each in users if each in self._failed), "") if users else ""
        return self._ended or (f"not sent: {failed} failed" if failed else "")

    def _note_failure(self, item: Item) -> None:
        workload, each = item
        what = title(each)
        users = frozenset({workload}) if workload else users_of(each, self._plan.names)
        with self._lock:
            for user in users:
                self._failed.setdefault(user, what)
            if not users:
                self._all_failed = self._all_failed or what

    def _sent(self, step: Step) -> Outcome:
        _, each = step.item
        if self._dry_run == "client":
            return _outcome(step, step.action, note=f"it would be a conflict: {step.owned}" if step.owned else "")
        if self._dry_run == "server":
            if step.namespace in self._new_spaces:
                return _outcome(step, Action.UNCHECKED, note="its namespace is not there yet")
            self._cluster.apply(each, force=self._force, dry_run=True)
            return _outcome(step, step.action)
        if step.handover is not None:
            if step.handover.set_first:
                self._cluster.apply(with_replicas(each, step.handover.count), force=self._force)
            self._pass_number(step)
        self._cluster.apply(each, force=self._force)
        return _outcome(step, step.action, note=_warning(step))

    def _pass_number(self, step: Step) -> None:
        """Lets a second manager own the number, so that the plan's apply may leave it out."""
        assert step.handover is not None
        try:
            self._cluster.apply(number_alone(step.item[1], step.handover.count), manager=SECOND)
        except PodliftError as error:
            # somebody has changed the number since: then it is theirs, and leaving it out resets nothing
            if error.code != "apply-conflict":
                raise


def _warning(step: Step) -> str:
    _, each = step.item
    lives = (each.get("spec") or {}).get("ttlSecondsAfterFinished")
    if each["kind"] != "Job" or lives is None:
        return ""
    return f"it goes {lives} s after its end, and applying the plan after that runs it again"


def _outcome(step: Step, action: Action, *, error: PodliftError | None = None, note: str = "") -> Outcome:
    workload, each = step.item
    return Outcome(workload=workload, name=title(each), namespace=step.namespace, action=action, error=error, note=note)

"""A cutover as a library: ``Cutover`` begins one from a plan, ``Attached`` goes on with one from its journal alone."""

from __future__ import annotations

import getpass
import os
import socket
import uuid
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from converters.errors import PodliftError

from ..hosts import Access
from ..plan.model import Plan
from .announcing import announced
from .approving import stranger
from .clock import SystemClock
from .connecting import edges_of, hosts_json, hosts_of, nodes_there
from .detached import Detachment
from .detaching import awaited, check_detachment, hand_over, taken_back
from .driver import Driver, Edges, Event, Outcome
from .edges import Clock, Container
from .journal import Entry, Journal, Requests, state_of
from .keep import LoneKeeper
from .keeper import Keeper
from .listing import holders
from .lock import Lock
from .moment import node_named
from .newcomers import known
from .previewing import Preview, previewed
from .recovering import recovered
from .removal import removable
from .replanning import Change, changes, refused
from .run import Spec
from .settings import Settings
from .starting import entry_of, make_spec, new_run
from .states import ENDED, State
from .status import Status, status_of
from .world import World

if TYPE_CHECKING:
    from ..cluster import Cluster

Interrupted = Callable[[], bool]


class Cutover:
    """A cutover that has not begun.

    hosts   how each legacy host is reached, and how commands are run there
    nodes   node to ``{"probe": argv}``: how podlift-probe is started there
    record  a file that what is done is added to, a line of JSON each
    """

    outcome: Outcome
    why: str

    def __init__(
        self,
        plan: Plan,
        workload: str,
        *,
        cluster: Cluster,
        hosts: Sequence[Access],
        settings: Settings | None = None,
        nodes: Mapping[str, Mapping[str, Any]] | None = None,
        clock: Clock | None = None,
        record: Path | None = None,
    ) -> None:
        """Raises PodliftError ``no-workload``."""
        entry_of(plan, workload)
        self._plan = plan
        self._workload = workload
        self._cluster = cluster
        self._hosts = tuple(hosts)
        self._settings = settings or Settings()
        self._nodes = dict(nodes or {})
        self._clock = clock or SystemClock()
        self._record = record
        self._run = f"r{uuid.uuid4().hex[:10]}"

    @property
    def id(self) -> str:
        """The run's, once it has begun."""
        return self._run

    def preview(self, *, probe: bool = True) -> Preview:
        """What would be done, and what speaks against it; it only reads. ``probe``: nodes and hosts are asked too.

        Raises PodliftError as reading the cluster does, ``wrong-cluster`` and what else ``check_target`` does, and
        ``bad-schedule``.
        """
        from ..cluster.promises import check_target

        check_target(self._plan, self._cluster)
        spec = self._spec()
        edges = self._edges(spec)
        try:
            return previewed(self._plan, spec, self._cluster, self._hosts, edges, settings=self._settings, probe=probe)
        finally:
            edges.legacy.close()

    def run(self, *, interrupted: Interrupted = lambda: False, no_wait: bool = False) -> Iterator[Event]:
        """Begins the run and drives it as far as it goes; then ``outcome`` and ``why`` say how it ended.

        Raises PodliftError ``preflight-refused``, ``cutover-underway``, ``cutover-locked``, and as the cluster does.
        """
        spec = self.check()
        yield from self.drive(spec, self.begin(spec), interrupted=interrupted, no_wait=no_wait)

    def check(self) -> Spec:
        """What the run is to be. Raises PodliftError ``preflight-refused`` and as ``preview`` does."""
        preview = self.preview()
        refused = preview.preflight.refused
        if refused:
            first = refused[0]
            raise PodliftError(
                code="preflight-refused",
                phase="cutover",
                subject=self._workload,
                reason=f"{len(refused)} rows of the preflight refuse it; the first is {first.code}: "
                + "; ".join(each.reason for each in first.notices),
                next_step="podlift cutover preview shows them all, with what to do",
            )
        return preview.spec

    def begin(self, spec: Spec) -> Lock:
        """Writes the journal. Raises PodliftError ``cutover-underway``, ``cutover-locked`` and as the cluster does."""
        lock = _lock(spec, self._cluster, self._clock)
        lock.acquire()
        journal = Journal(self._cluster, spec.namespace, spec.name)
        try:
            journal.begin(spec, new_run(spec), at=self._clock.now())
        except BaseException:
            lock.release()
            raise
        return lock

    def drive(
        self, spec: Spec, lock: Lock, *, interrupted: Interrupted = lambda: False, no_wait: bool = False
    ) -> Generator[Event, None, None]:
        """What has begun, as far as it goes. Closed between two events, it is let go: resume drives it on."""
        journal = Journal(self._cluster, spec.namespace, spec.name)
        events = _driving(self, self._edges(spec, again=True), journal, lock, interrupted=interrupted, no_wait=no_wait)
        yield from announced(events, self._cluster, spec, record=self._record)

    def detachable(self, by: Detachment) -> Spec:
        """Looks whether it could be driven in the cluster, without a look at its engines. Raises PodliftError
        ``detach-refused``, ``bad-schedule`` and as the cluster does."""
        spec = self._spec()
        check_detachment(self._cluster, spec, by)
        return spec

    def detach(self, by: Detachment) -> str:
        """Begins the run and leaves it to a Deployment: as ``run``, and then as Attached's."""
        self.detachable(by)
        spec = self.check()
        lock = self.begin(spec)
        try:
            self.leave(spec, lock, by)
        except BaseException:
            self.forgo(spec, lock, "it could not be left to the cluster")
            raise
        lock.release()
        return self.awaited(spec)

    def leave(self, spec: Spec, lock: Lock, by: Detachment) -> None:
        """Makes the Deployment of what has begun: it drives as soon as the lock is given back."""
        hand_over(self._cluster, spec, by, lock)

    def awaited(self, spec: Spec) -> str:
        """Who drives it there. Raises PodliftError ``detach-silent``."""
        return awaited(self._cluster, spec, self._clock)

    def forgo(self, spec: Spec, lock: Lock, why: str) -> None:
        """Takes a beginning back after which nothing was done."""
        taken_back(self._cluster, spec, lock)
        journal = Journal(self._cluster, spec.namespace, spec.name)
        try:
            entry = journal.read()
            if entry is not None:
                now = self._clock.now()
                over = entry.run.at(State.ROLLED_BACK, now)
                journal.commit(entry, over, at=now, event="state", text=why)
        finally:
            lock.release()

    def _spec(self) -> Spec:
        """What plan and settings say of it."""
        return make_spec(
            self._plan,
            self._workload,
            run=self._run,
            namespace=self._cluster.namespace,
            settings=self._settings,
            hosts=hosts_json(self._hosts),
            nodes=self._nodes,
        )

    def _edges(self, spec: Spec, *, again: bool = False) -> Edges:
        return edges_of(spec, self._cluster, self._hosts, self._clock, again=again)


class Attached:
    """A run that has begun, by its journal: from any terminal, at any time, without the plan.

    outcome, why   how the last verb that drives ended
    """

    outcome: Outcome
    why: str

    def __init__(
        self,
        cluster: Cluster,
        namespace: str,
        workload: str,
        *,
        hosts: Sequence[Access] | None = None,
        files: Path | None = None,
        clock: Clock | None = None,
        record: Path | None = None,
    ) -> None:
        """``workload``: its name in Kubernetes; ``hosts``: instead of those of the journal; ``files``: the folder in
        which the files lie that these name, by their names alone; ``record`` as Cutover's."""
        self._cluster = cluster
        self._namespace = namespace
        self._workload = workload
        self._hosts = hosts
        self._files = files
        self._clock = clock or SystemClock()
        self._record = record
        self._journal = Journal(cluster, namespace, workload)
        self._looking: Edges | None = None

    def entry(self) -> Entry:
        """The journal now. Raises PodliftError ``no-cutover``, ``bad-journal``."""
        found = self._journal.read()
        if found is None:
            raise no_cutover(self._workload)
        return found

    def status(self) -> Status:
        """Where the run stands: by its journal, its leases, and what cluster and engines show now. It only reads.

        Raises PodliftError ``no-cutover``, ``bad-journal``, and as the cluster does.
        """
        entry = self.entry()
        try:
            world = self.world(entry)
        except PodliftError:
            # the journal tells most of it
            world = None
        now = self._clock.now()
        driver, keeper = holders(self._cluster, entry.spec, now)
        return status_of(entry, world, now=now, lock=driver, keeper=keeper)

    def world(self, entry: Entry) -> World:
        """What is there now; it only reads."""
        from .observing import observe

        if self._looking is None:
            self._looking = self._edges(entry.spec)
        return observe(self._looking.api, self._looking.legacy, entry.spec, self._clock)

    def lock(self, entry: Entry) -> Lock:
        """The run's lock, as this process would hold it."""
        return _lock(entry.spec, self._cluster, self._clock)

    def approve(self, *states: str) -> None:
        """The run may go on to these states, or with what else is named; whoever drives it sees it.

        Raises PodliftError ``no-cutover``, ``cutover-ended``, and ``cutover-unasked`` for a workload, container,
        place or node that is none of its.
        """
        entry = self._under_way()
        nodes = nodes_there(self._cluster) if any(each.startswith(node_named("")) for each in states) else ()
        for each in states:
            if why := stranger(entry.spec, entry.run, each, nodes):
                raise PodliftError(
                    code="cutover-unasked",
                    phase="cutover",
                    subject=self._workload,
                    reason=why,
                    next_step="podlift cutover status shows what it waits for, with the names to approve",
                )
        self._ask(lambda asked: replace(asked, approve=tuple(dict.fromkeys((*asked.approve, *states)))))

    def pause(self, reason: str = "") -> None:
        """``reason``: what is shown for it. Raises PodliftError as ``approve``."""
        self._under_way()
        said = reason.strip() or "a user asked for it"
        self._ask(lambda asked: replace(asked, pause=said))

    def changes(self) -> tuple[Change, ...]:
        """What changed outside the plan since the run began, and ``resume`` may take up; it only reads.

        Raises PodliftError ``cutover-replan-refused`` where it cannot be taken up, and as the cluster does.
        """
        entry = self.entry()
        world = self.world(entry)
        if why := refused(entry.spec, entry.run, world):
            raise PodliftError(
                code="cutover-replan-refused",
                phase="cutover",
                subject=self._workload,
                reason=f"its pods are of another template now, and {why}",
                next_step="podlift cutover abort leads callers back first; or put the tested template back and resume",
            )
        return changes(entry.spec, entry.run, world)

    def resume(
        self,
        *,
        take_over: bool = False,
        replan: Iterable[str] = (),
        interrupted: Interrupted = lambda: False,
        no_wait: bool = False,
    ) -> Iterator[Event]:
        """Drives it on. ``take_over``: from a driver that lives; ``replan``: tokens of ``changes`` that are taken up.
        Raises PodliftError ``cutover-locked``."""
        yield from self._drive(_resuming(replan), take_over, interrupted, no_wait)

    def detach(self, by: Detachment, *, take_over: bool = False, replan: Iterable[str] = ()) -> str:
        """Leaves the run to a Deployment, which is made where there is none: it drives on, and goes when the run has
        ended. Who drives it there, ``""`` where it has ended meanwhile. ``replan`` as resume's.

        Raises PodliftError ``cutover-ended``, ``cutover-locked``, ``detach-refused``, ``detach-silent`` where no pod
        begins.
        """
        entry = self._under_way()
        check_detachment(self._cluster, entry.spec, by)
        lock = self.lock(entry)
        lock.acquire(take_over=take_over)
        try:
            hand_over(self._cluster, entry.spec, by, lock)
            self._ask(_resuming(replan))
        finally:
            lock.release()
        return awaited(self._cluster, entry.spec, self._clock)

    def abort(self, *, interrupted: Interrupted = lambda: False) -> Iterator[Event]:
        """Asks for the way back. The driver that lives goes it; where none does, this process becomes it. A journal
        that somebody deleted is made again from what stands on the run's slices and Services."""
        if self._journal.read() is None:
            self._recover()
        self._ask(lambda asked: replace(asked, abort=True, pause=""))
        yield from self._drive(lambda asked: asked, False, interrupted, False)

    def removable(self) -> tuple[Container, ...]:
        """The run's containers, which are stopped and may be removed with ``finalize``; it only reads.

        Raises PodliftError ``cutover-not-stopped``, ``cutover-legacy-runs``, ``cutover-legacy-unread``.
        """
        entry = self.stopped()
        return removable(self._workload, known(entry.spec, entry.run), self.world(entry).found)

    def finalize(self, *, remove: Iterable[str] = (), interrupted: Interrupted = lambda: False) -> Iterator[Event]:
        """Ends a run that is STOPPED; there is no way back from it. Raises PodliftError as ``stopped``.

        remove  instances (HOST/ID) whose containers are removed, if they are the run's and do not run; no volume is.
                What was agreed to once counts until the run has ended, whoever drives it
        """
        self.stopped()
        asked = tuple(remove)
        yield from self._drive(
            lambda before: replace(before, finalize=True, remove=asked, pause=""), False, interrupted, False
        )

    def stopped(self) -> Entry:
        """The journal of a run that can be finalized. Raises PodliftError ``no-cutover``, ``cutover-ended``,
        ``cutover-not-stopped``."""
        entry = self._under_way()
        state = state_of(entry.run)
        if state is not State.STOPPED:
            goes_back = state is State.ROLLING_BACK
            raise PodliftError(
                code="cutover-not-stopped",
                phase="cutover",
                subject=self._workload,
                reason=f"only a run that is STOPPED can be finalized, and it is {state}",
                next_step="podlift cutover abort goes on with the way back"
                if goes_back
                else "podlift cutover resume brings it there, abort goes back",
            )
        return entry

    def keep(self, interrupted: Interrupted = lambda: False, *, drive: bool = False) -> Iterator[Event]:
        """Keeps the legacy slices until the run has ended. ``drive``: it is driven too whenever nobody else does it and
        it is not paused; an interruption then lets go of it, and does not pause it.

        Raises PodliftError ``no-cutover``, and as the cluster does at the beginning; not later.
        """
        entry = self.entry()
        edges = self._edges(entry.spec, again=True)
        lock = _lock(entry.spec, self._cluster, self._clock)
        keeper = _keeper(edges, lock)

        def driver() -> Driver | None:
            return Driver(edges, self._journal, lock, keeper) if lock.attempt() else None

        drives = driver if drive else None
        lone = LoneKeeper(self._journal, edges.legacy, keeper, self._clock, entry, wait=edges.wait, driver=drives)
        try:
            yield from announced(lone.events(interrupted), self._cluster, entry.spec, record=self._record)
        finally:
            edges.legacy.close()

    def _under_way(self) -> Entry:
        """Raises PodliftError ``no-cutover``, and ``cutover-ended`` where nobody would heed what is asked of it."""
        entry = self.entry()
        if entry.run.state in ENDED:
            raise PodliftError(
                code="cutover-ended",
                phase="cutover",
                subject=self._workload,
                reason=f"the run has ended: {entry.run.state}",
                next_step="podlift cutover start PLAN WORKLOAD begins another",
            )
        return entry

    def _drive(
        self, change: Callable[[Requests], Requests], take_over: bool, interrupted: Interrupted, no_wait: bool
    ) -> Iterator[Event]:
        entry = self.entry()
        # who cannot drive takes it from nobody
        edges = self._edges(entry.spec, again=True)
        lock = _lock(entry.spec, self._cluster, self._clock)
        try:
            lock.acquire(take_over=take_over)
            self._ask(change)
        except BaseException:
            with suppress(PodliftError):
                lock.release()
            edges.legacy.close()
            raise
        events = _driving(self, edges, self._journal, lock, interrupted=interrupted, no_wait=no_wait)
        yield from announced(events, self._cluster, entry.spec, record=self._record)

    def _edges(self, spec: Spec, *, again: bool = False) -> Edges:
        hosts = hosts_of(spec.hosts, files=self._files) if self._hosts is None else self._hosts
        return edges_of(spec, self._cluster, hosts, self._clock, again=again)

    def _recover(self) -> None:
        now = self._clock.now()
        found = recovered(self._cluster, self._namespace, self._workload, now=now)
        if found is None:
            raise no_cutover(self._workload)
        self._journal.begin(*found, at=now)

    def _ask(self, change: Callable[[Requests], Requests]) -> None:
        if self._journal.ask(change) is None:
            raise no_cutover(self._workload)


def _resuming(replan: Iterable[str]) -> Callable[[Requests], Requests]:
    taken = tuple(replan)
    return lambda asked: replace(asked, resume=True, pause="", replan=taken or asked.replan)


def no_cutover(workload: str) -> PodliftError:
    return PodliftError(
        code="no-cutover",
        phase="cutover",
        subject=workload,
        reason="there is no journal of a run of it",
        next_step="podlift cutover start PLAN WORKLOAD begins one; -n names its namespace",
    )


def _driving(
    of: Cutover | Attached, edges: Edges, journal: Journal, lock: Lock, *, interrupted: Interrupted, no_wait: bool
) -> Generator[Event, None, None]:
    """Closed between two events, the run is let go: another process may drive it on."""
    driver = Driver(edges, journal, lock, _keeper(edges, lock), interrupted=interrupted, no_wait=no_wait)
    try:
        yield from driver.events()
    except GeneratorExit:
        driver.let_go()
        raise
    finally:
        edges.aside.end()
        edges.legacy.close()
    of.outcome, of.why = driver.outcome, driver.why


def _lock(spec: Spec, cluster: Cluster, clock: Clock) -> Lock:
    holder = f"{getpass.getuser()}@{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
    return Lock(
        cluster, clock, namespace=spec.namespace, workload=spec.name, holder=holder, lease_s=spec.timings.lease_s
    )


def _keeper(edges: Edges, lock: Lock) -> Keeper:
    """In the process of the run's lock; what the lock's last holder kept is taken from it at once."""
    nodes = edges.measuring.nodes
    return Keeper(edges.api, edges.clock, nodes, lock.of_keeper(), edges.aside, heir_of=lock.taken_from)

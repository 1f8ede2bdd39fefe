"""The driver of a run: it looks, lets the machine decide, journals, does one thing, and looks again.

It may be killed anywhere. Whatever it had in memory is measured anew by the next one; what it had begun to write is
either there or not there, and the machine decides from what is there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from typing import Any

from converters.errors import PodliftError

from .acting import perform, under_way
from .answering import answered
from .bypassing import due
from .decision import TIMEOUT, Act, Action, Approve, Commit, Decision, Keep, Measure, Pause, Rest, Verb, Wait
from .edges import Api, Aside, Begun, Clock, Hooks, Legacy
from .evidence import Drawn, Evidence, Reply
from .groups import matter
from .history import gate_lines
from .journal import Entry, Journal, LostError
from .keeper import STALE_S, Keeper
from .lock import Lock, lasted, lasting
from .machine import decide
from .measuring import Measuring
from .members import members_of
from .moment import REPLY_AGE_S, Moment
from .observing import observe
from .run import Intent, Run, Spec
from .states import ENDED, State
from .stopping import CALL_S, call_s, noted, told
from .waiting import asked_for
from .world import World

# The server is away or busy: nothing is known, nothing is done, and what was measured meanwhile does not count.
_AWAY = frozenset({"cluster-unreachable", "cluster-gone", "cluster-busy", "list-expired"})
# Somebody wrote in between: look again.
_CHANGED = frozenset({"object-changed", "object-missing", "object-exists"})
_CHANGES = 20
# A wait that was over for longer is another one.
_BLIP_S = 60.0


class Outcome(StrEnum):
    """``rest``: as far as it goes; ``ended``; ``paused``, which the journal has unless the API server was away when
    somebody interrupted it; ``approval``: under no_wait; ``lost``: another drives it; ``rolled-back``."""

    REST = "rest"
    ENDED = "ended"
    PAUSED = "paused"
    APPROVAL = "approval"
    LOST = "lost"
    ROLLED_BACK = "rolled-back"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """``kind``: intent, done, state, measure, wait, pause, request, take-over, keeper."""

    at: float
    kind: str
    state: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Edges:
    """``wait``: as the clock's ``sleep``, and ends as soon as something happens to a legacy container; then it is
    true. None: it is the clock's."""

    api: Api
    legacy: Legacy
    hooks: Hooks
    clock: Clock
    measuring: Measuring
    aside: Aside
    wait: Callable[[float], object] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Underway:
    """What is being measured. ``of``: the steps whose windows it may close. ``watch``: it is a look at who
    calls past the Services."""

    begun: Begun[Evidence]
    since: float
    why: str
    of: tuple[str, ...]
    watch: bool


@dataclass(slots=True)
class _Patience:
    """How long one thing has been waited for: what is measured anew in between does not begin it anew; what was over
    for a while does, not counting ``measured_s``, for which nobody could have seen."""

    key: str = ""
    began: float = 0.0
    seen: float = 0.0

    def over(self, key: str, timeout_s: float, now: float, measured_s: float) -> bool:
        """Whether it has been too long; ``timeout_s`` of 0: it never is."""
        if key != self.key or now - self.seen - measured_s > _BLIP_S:
            self.key, self.began = key, now
        self.seen = now
        return 0 < timeout_s <= now - self.began


class Driver:
    """One run's. ``interrupted`` is asked before each thing that is done.

    outcome, why   how it ended, once it has
    """

    outcome: Outcome
    why: str

    def __init__(
        self,
        edges: Edges,
        journal: Journal,
        lock: Lock,
        keeper: Keeper,
        *,
        interrupted: Callable[[], bool] = lambda: False,
        no_wait: bool = False,
    ) -> None:
        self._edges = edges
        self._journal = journal
        self._lock = lock
        self._keeper = keeper
        self._interrupted = interrupted
        self._no_wait = no_wait
        self._evidence = Evidence()
        self._underway: _Underway | None = None
        self._told: list[Event] = []
        self._waits = _Patience()
        self._measures: dict[str, _Patience] = {}
        self._measured_s = 0.0
        self._changes = 0
        self._looked = 0.0
        # until when what was asked of engines may be done
        self._calling = 0.0
        self._put_off = False
        self._share: Mapping[str, float] = {}
        self._share_told: Mapping[str, float] = self._share
        self._entry: Entry

    def drive(self, *, resume: bool = False) -> tuple[Outcome, str]:
        """Until there is nothing left to do, or the run pauses. The lock must be held; it is given back. ``resume``: a
        pause is over."""
        for _ in self.events(resume=resume):
            pass
        return self.outcome, self.why

    def events(self, *, resume: bool = False) -> Iterator[Event]:
        """The same, event by event; then ``outcome`` and ``why`` say how it ended."""
        over = False
        try:
            self._take(resume=resume)
            while (ended := self._turn_or_trouble()) is None:
                yield from self._taken()
            over = self._entry.run.state in ENDED
        except LostError as error:
            ended = Outcome.LOST, str(error) or "another process drives the run now"
        self.outcome, self.why = ended
        # told before what still measures is waited for
        yield from self._taken()
        self._release(ended=over)

    def let_go(self) -> None:
        """Between two events: another process may drive on from here. The run is not paused."""
        self._release(ended=False)

    def _release(self, *, ended: bool) -> None:
        """What still measures makes no pod any more by when another may begin. Where the server is away, or an engine
        works at something that is no stop, the Lease runs out by itself."""
        self._give_up()
        self._edges.aside.end()
        self._keeper.release(ended=ended)
        if not self._unfollowed():
            with suppress(PodliftError):
                self._lock.release()

    def _taken(self) -> Iterator[Event]:
        told, self._told = self._told, []
        yield from told

    def _take(self, *, resume: bool) -> None:
        """A new epoch, so that whatever another driver still has under way fails."""
        entry = self._journal.read()
        if entry is None:
            raise LostError
        run = replace(entry.run, epoch=entry.run.epoch + 1)
        if resume:
            run = replace(run, paused="")
        self._edges.measuring.gates.recall(run.failures, run.restarts)
        pending = f"; under way was: {run.intent.what}" if run.intent else ""
        self._entry = entry
        self._write(run, "take-over", f"epoch {run.epoch}{pending}")

    def _turn_or_trouble(self) -> tuple[Outcome, str] | None:
        try:
            ended = self._turn()
        except PodliftError as error:
            return self._trouble(error)
        self._changes = 0
        return ended

    def _trouble(self, error: PodliftError) -> tuple[Outcome, str] | None:
        """What does not pass pauses the run; where that cannot be written now, it is found again when it can."""
        if not self._passes(error):
            try:
                return self._pause(error.code, f"{error.subject}: {error.reason}")
            except PodliftError as unwritten:
                error = unwritten
                if not self._passes(error):
                    raise
        if error.code in _AWAY and self._interrupted():
            return Outcome.PAUSED, (
                "interrupted: the API server is away, so that the journal has no pause; podlift cutover resume goes on"
            )
        # no engine knows when that is over
        self._edges.clock.sleep(self._entry.spec.timings.poll_s)
        return None

    def _passes(self, error: PodliftError) -> bool:
        """Whether it is over by itself, and looked at again then."""
        if error.code in _AWAY:
            self._give_up()
            self._evidence = Evidence()
            self._edges.measuring.gates.forget()
            self._tell("wait", f"{error.subject}: {error.reason}")
            return True
        if error.code in _CHANGED and self._changes < _CHANGES:
            self._changes += 1
            return True
        return False

    def _turn(self) -> tuple[Outcome, str] | None:
        self._renew()
        entry = self._journal.read()
        if entry is None:
            raise LostError("its journal is gone; podlift cutover abort makes it again from the Service and goes back")
        if entry.run != self._entry.run:
            raise LostError
        self._entry = entry
        spec, run = entry.spec, entry.run
        if entry.requests:
            if entry.requests.resume:
                self._evidence = replace(self._evidence, judged={})
                self._edges.measuring.gates.forget()
            self._write(answered(entry, self._edges.legacy), "request", entry.requests.said, taken=True)
            return None
        if run.paused:
            return Outcome.PAUSED, run.paused
        if self._interrupted() and run.state not in ENDED:
            return self._pause("interrupted", "interrupted; podlift cutover resume goes on")
        return self._next(spec, run)

    def _next(self, spec: Spec, run: Run) -> tuple[Outcome, str] | None:
        if (ended := self._underway) is not None:
            self._tell("measure", ended.why)
            # what it tells is decided on in this very turn: another look at slow engines would make it too old
            if not self._seen(ended) and self._edges.clock.boot() - self._looked < spec.timings.keeper_s:
                # to hear users, and to follow the legacy side as often as a keeper, is enough meanwhile
                return None
        self._looked = self._edges.clock.boot()
        world = observe(self._edges.api, self._edges.legacy, spec, self._edges.clock)
        writes = self._keeper.turn(spec, run, world.found, at=self._looked)
        for text in self._keeper.news():
            self._tell("keeper", text)
        if writes:
            return None
        if self._keeper.silent_s >= spec.timings.heartbeat_s:
            return self._unkept(spec)
        self._notice(world)
        if self._underway is not None:
            return None
        moment = self._moment(spec, run, world)
        if not self._comes_first(ended) and (keys := due(moment)):
            watch = partial(self._edges.measuring.watch, keys, spec, world, self._evidence)
            if not self._measured(watch, "who calls past the Service", watch=True):
                return None
            moment = replace(moment, evidence=self._evidence, boot=self._edges.clock.boot())
        decision = decide(moment)
        if not isinstance(decision, Measure):
            # what was measured was found to be so
            self._measures = {}
        if self._worked_at(decision):
            self._tell("wait", "an engine still works at what it was asked for")
            self._sleep()
            return None
        return self._carry_out(decision, spec, world)

    def _worked_at(self, decision: Decision) -> bool:
        """Whether an engine works at just that, or, before the run ends, at what nobody would look at any more."""
        if isinstance(decision, Commit):
            return decision.run.state in ENDED and self._unfollowed()
        return isinstance(decision, Act) and under_way(decision.action, self._edges.legacy)

    def _unfollowed(self) -> bool:
        """Whether an engine works at something of which the journal does not say that it may still come: a stop's time
        stands there."""
        return any(verb != Verb.STOP for verb, *_ in self._edges.legacy.under_way())

    def _comes_first(self, ended: _Underway | None) -> bool:
        """Whether what has just been measured is decided on before anybody looks who calls: after such a look, always;
        else not twice in a row, since callers are missed in a gap."""
        watch = ended is not None and ended.watch
        self._put_off = ended is not None and not watch and not self._put_off
        return watch or self._put_off

    def _unkept(self, spec: Spec) -> tuple[Outcome, str] | None:
        """Nothing is done while nobody follows the legacy side. When the other's lease is over, ours does."""
        timings, silent = spec.timings, self._keeper.silent_s
        why = f"the keeper {self._keeper.other} was not heard of for {silent:.0f} s"
        # one that died at a call had its Lease last until after it
        dying_s = min(self._keeper.inherited_s, lasting(max(CALL_S, timings.hook_timeout_s)))
        if silent >= max(timings.heartbeat_s, dying_s) + timings.lease_s:
            return self._pause("keeper-silent", why)
        self._tell("wait", why)
        self._sleep()
        return None

    def _moment(self, spec: Spec, run: Run, world: World) -> Moment:
        clock = self._edges.clock
        return Moment(
            spec=spec,
            run=run,
            world=world,
            evidence=self._evidence,
            now=clock.now(),
            boot=clock.boot(),
            members=members_of(self._edges.api, spec) if matter(spec, run) else {},
        )

    def _carry_out(self, decision: Decision, spec: Spec, world: World) -> tuple[Outcome, str] | None:
        if isinstance(decision, Act):
            self._act(decision, spec)
        elif isinstance(decision, Commit):
            before, run = self._entry.run, decision.run
            if (run.state, run.step) != (before.state, before.step):
                run = self._resting(run)
            self._write(run, "state" if run.state != before.state else "note", decision.why)
        elif isinstance(decision, Measure):
            if self._over(decision.why, decision.timeout_s, measured=True):
                return self._pause(decision.code, decision.why)
            self._measure(decision, spec, world)
        elif isinstance(decision, Wait | Keep):
            patience, code = spec.timings.observe_timeout_s, TIMEOUT
            if isinstance(decision, Wait):
                patience, code = decision.timeout_s, decision.code
            if self._over(decision.why, patience):
                return self._pause(code, decision.why)
            self._tell("wait", decision.why)
            self._sleep()
        elif isinstance(decision, Approve):
            return self._await_word(decision)
        elif isinstance(decision, Pause):
            return self._pause(decision.code, decision.reason)
        else:
            assert isinstance(decision, Rest)
            return _outcome(self._entry.run), decision.why
        return None

    def _await_word(self, decision: Approve) -> tuple[Outcome, str] | None:
        """Others see by the journal what for."""
        text = f"{decision.state}: {decision.why}"
        if asked_for(self._entry) != decision.state:
            self._write(self._entry.run, "approval", text, more={"approval": decision.state})
        else:
            self._tell("approval", text)
        if self._no_wait:
            return Outcome.APPROVAL, text
        self._sleep()
        return None

    def _act(self, decision: Act, spec: Spec) -> None:
        """Write-ahead: the journal says what is about to be done, by a write that fails if another drives the run."""
        action = decision.action
        run = self._entry.run
        intent = Intent(nonce=run.nonce + 1, what=action.what)
        run = noted(
            replace(run, intent=intent, nonce=intent.nonce, done=run.done | action.begun),
            decision,
            self._edges.clock.now(),
        )
        self._write(run, "intent", f"{action.what}: {decision.why}")
        if not self._holds(action, spec):
            return
        refused = ""
        try:
            perform(action, spec, api=self._edges.api, legacy=self._edges.legacy, hooks=self._edges.hooks)
        except PodliftError as error:
            if action.verb is not Verb.START:
                raise
            # one that does not start keeps none of the others from it
            refused = f"{error.subject}: {error.reason}"
        if action.kind == "Hook":
            run = self._entry.run
            self._write(replace(run, done=run.done | {action.name}, intent=None), "done", action.what)
        else:
            if action.verb in (Verb.START, Verb.STOP):
                self._evidence = told(self._evidence, action, self._edges.clock.boot(), refused)
            self._tell(*(("wait", f"{action.what}: {refused}") if refused else ("done", action.what)))

    def _holds(self, action: Action, spec: Spec) -> bool:
        """Whether it may be sent. What is no patch of a known version no server refuses as too late: the API server has
        just said that the lease is ours, by a renewal, whatever its age; it lasts for the whole call, so that nobody
        who waits for its end has begun when the call arrives; and what was seen is not of before a stop. Raises
        LostError, and PodliftError as the cluster does."""
        if action.version and self._lock.covers(0):
            return True
        needed = 0.0
        if action.kind == "Hook":
            needed = spec.timings.hook_timeout_s
        elif action.on_legacy:
            needed = call_s(action, lasted(spec.timings.lease_s))
            self._calling = max(self._calling, self._edges.clock.boot() + needed)
        self._keeper.hold(needed)
        self._renewed(needed)
        seen_s = self._edges.clock.boot() - self._looked
        return self._lock.covers(needed) and seen_s < max(STALE_S, spec.timings.lease_s / 2)

    def _measure(self, decision: Measure, spec: Spec, world: World) -> None:
        self._tell("measure", decision.why)
        measure = partial(self._edges.measuring.measure, decision, spec, world, self._evidence)
        if self._measured(measure, decision.why, decision.of):
            self._sleep()

    def _measured(
        self, work: Callable[[], Evidence], why: str, of: tuple[str, ...] = (), *, watch: bool = False
    ) -> bool:
        """Whether it was soon; else it goes on while turns hear what users want and the keeper follows."""
        since = self._edges.clock.boot()
        self._underway = _Underway(begun=self._edges.aside.begin(work), since=since, why=why, of=of, watch=watch)
        return self._seen(self._underway)

    def _seen(self, work: _Underway) -> bool:
        """Waits for a look, but not for long. Raises as it does."""
        if not work.begun.over(self._entry.spec.timings.poll_s):
            return False
        self._underway = None
        self._measured_s += self._edges.clock.boot() - work.since
        # since when Services are as they are was noticed meanwhile too
        self._evidence = replace(work.begun.result(), since=self._evidence.since)
        self._keep_windows(work.of)
        return True

    def _give_up(self) -> None:
        """What is being measured does not count any more."""
        if self._underway is not None:
            self._underway.begun.give_up()
            self._underway = None
            self._edges.measuring.gates.forget()

    def _pause(self, code: str, reason: str) -> tuple[Outcome, str]:
        self._write(replace(self._entry.run, paused=f"{code}: {reason}"), "pause", reason)
        return Outcome.PAUSED, f"{code}: {reason}"

    def _keep_windows(self, steps: Iterable[str]) -> None:
        """What the gates said of the windows that have just been closed, and what is not forgotten of them."""
        for step in steps:
            judged = self._evidence.judged.get(step)
            if judged is None:
                continue
            run = replace(self._entry.run, failures=judged.failures, restarts=judged.restarts)
            for text, more in gate_lines(step, judged.window):
                self._write(run, "gate", text, more=more)

    def _resting(self, run: Run) -> Run:
        """With what the state that is reached rests on: what the machine says, and the last draws, by which every node
        was seen to follow."""
        state = run.state.value
        own = [run.evidence[state]] if state in run.evidence and run.state != self._entry.run.state else []
        drawn = [f"{name}: {each.said}" for name, each in sorted(self._evidence.drawn.items()) if each.passed]
        said = "; ".join((*own, *drawn, *self._trust(), *self._frozen()))
        return replace(run, evidence={**run.evidence, state: said}) if said else run

    def _trust(self) -> Iterator[str]:
        """What the state rests on nothing else for."""
        now = self._edges.clock.boot()
        replies = [each for each in self._evidence.replies.values() if now - each.at < REPLY_AGE_S]
        seen: tuple[Drawn | Reply, ...] = (*self._evidence.drawn.values(), *replies)
        nodes = sorted({node for each in seen if each.passed for node in each.trusted})
        if nodes:
            floor_s = self._entry.spec.timings.settle_floor_s
            yield f"accepted on trust: {', '.join(nodes)} (accept_floor, {floor_s:g} s)"
        unready = sorted({node for each in self._evidence.drawn.values() if each.passed for node in each.unready})
        if unready:
            yield f"not seen, since they are not Ready: {', '.join(unready)}"

    def _frozen(self) -> Iterator[str]:
        frozen = self._evidence.frozen
        if frozen is not None and not frozen.refused:
            yield f"the scheduler was seen to keep off {self._edges.clock.boot() - frozen.at:.0f} s before"

    def _write(
        self, run: Run, event: str, text: str, *, taken: bool = False, more: Mapping[str, Any] | None = None
    ) -> None:
        self._give_up()
        more = {**(more or {}), **({} if self._share is self._share_told else self._share)}
        self._entry = self._journal.commit(
            self._entry, run, at=self._edges.clock.now(), event=event, text=text, taken=taken, more=more
        )
        self._share_told = self._share
        # connections are counted after what was done last
        self._evidence = replace(self._evidence, counted={})
        self._tell(event, text)

    def _renew(self) -> None:
        if self._lock.age_s >= self._entry.spec.timings.renew_s:
            self._renewed()

    def _renewed(self, for_s: float = 0) -> None:
        """What an engine works at still is outlasted, too. Raises LostError."""
        left_s = self._calling - self._edges.clock.boot() if self._edges.legacy.under_way() else 0
        if not self._lock.renew(for_s=max(for_s, left_s)):
            raise LostError

    def _notice(self, world: World) -> None:
        """Since when each Service, and the legacy side, is as it is, and how much pods get of the first."""
        now, before = self._edges.clock.boot(), self._evidence.since
        keys = [f"{name} {seen.fingerprint}" for name, seen in world.services.items()] + [world.legacy_side]
        self._evidence = replace(self._evidence, since={key: before.get(key, now) for key in keys})
        for seen in list(world.services.values())[:1]:
            share = round(seen.pods_share, 4)
            if share != self._share.get("share"):
                self._share = {"share": share, "share_since": round(self._edges.clock.now(), 3)}

    def _over(self, why: str, timeout_s: float, *, measured: bool = False) -> bool:
        """Whether the same has been waited for, or measured without success, for too long. Numbers in it may change."""
        key = re.sub(r"\d+|\(.*\)", "", f"{self._entry.run.state} {self._entry.run.step} {why}")
        patience = self._measures.setdefault(key, _Patience()) if measured else self._waits
        measured_s, self._measured_s = self._measured_s, 0.0
        return patience.over(key, timeout_s, self._edges.clock.boot(), measured_s)

    def _sleep(self) -> None:
        wait = self._edges.wait or self._edges.clock.sleep
        wait(self._entry.spec.timings.poll_s)

    def _tell(self, kind: str, text: str) -> None:
        at, state = self._edges.clock.now(), self._entry.run.state
        self._told.append(Event(at=at, kind=kind, state=state.value, text=text))


def _outcome(run: Run) -> Outcome:
    if run.state is State.ROLLED_BACK:
        return Outcome.ROLLED_BACK
    return Outcome.ENDED if run.state is State.FINALIZED else Outcome.REST

"""The gates of a run as the driver asks them: a little each time, so that it can turn to something else in between."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ...unsaid import hiding
from ..acting import variables
from ..checks import requests_of
from ..detached import variables_of
from ..edges import Clock, Nodes
from ..evidence import Judged
from ..parity import Parity, held, rules_of
from ..parity_asking import asked
from ..run import Spec
from ..world import SeenPod, World, port_of
from .analysis import Analysis, Standing, analysis
from .asking import Asking
from .judging import PODS, PROBE, judge, judge_pods, restarted
from .judging import rules_of as rules_of_probe
from .outcome import Outcome
from .probing import probed
from .targets import admitted, pod_backend, targets
from .window import Window


class LiveGates:
    """Keeps measuring.Gates. ``analyses``: by what was asked for.

    A window that failed and a pod that restarted stay known when the driver is killed (``recall``): else each kill
    would take a fault away, and pods that fail now and then would come further than they do without it. Windows that
    passed do not: there a kill only makes the row longer.
    """

    def __init__(self, nodes: Nodes, clock: Clock) -> None:
        self._nodes = nodes
        self._clock = clock
        self.analyses: dict[str, Analysis] = {}
        self._what = ""
        self._window: Window | None = None
        self._judged: tuple[Outcome, ...] = ()
        self._failures: dict[str, int] = {}
        self._restarts: dict[str, int] = {}
        self._asking: Asking | None = None
        self._next = 0.0
        self._pods: tuple[SeenPod, ...] | None = None
        self._forgets = False
        # a look that was given up may still be under way when the next one begins
        self._looks = threading.Lock()

    def judge(self, what: str, spec: Spec, world: World) -> Judged:
        """A few more samples, or the end of a window; raises PodliftError as the nodes do."""
        with self._looks:
            if self._forgets:
                self._forgotten()
            return self._judge(what, spec, world)

    def _judge(self, what: str, spec: Spec, world: World) -> Judged:
        if what != self._what:
            # a pod that restarted between two steps restarted
            pods = self._pods
            self._forgotten()
            self._what, self._pods = what, pods
        if what not in self.analyses:
            failures = self._failures.get(what, 0)
            self.analyses[what] = replace(analysis(spec.timings), failures=failures, windows=failures)
        known = self.analyses[what]
        if known.standing is not Standing.GO_ON:
            return self._told(known)
        if looping := self._looping(spec, world):
            return replace(self._told(known), outcome=Standing.FAILED.value, said=looping)
        if self._asking is not None:
            return self._answered(self._asking, known, spec)
        now = self._clock.boot()
        if self._window is None:
            if now < self._next:
                return self._told(known)
            # a pod that restarted between two windows restarted
            before = {each.uid: each for each in self._pods or ()}
            self._window = Window(
                opened=now,
                length_s=spec.timings.window_s,
                min_samples=spec.timings.min_samples,
                pods=tuple(before.get(each.uid, each) for each in admitted(world)),
            )
        self._window = self._gathered(self._window, spec, world, now)
        if not self._window.complete(now):
            return self._told(known)
        self._judged = _of_window(self._window, spec, world)
        for uid, times in restarted(self._window.pods, world.pods).items():
            self._restarts[uid] = self._restarts.get(uid, 0) + times
        self._pods = admitted(world)
        words = {name.removeprefix("PODLIFT_").lower(): value for name, value in variables(spec).items()}
        words |= {"step": what, "window": f"{max(1, round(spec.timings.window_s))}s"}
        others = [gate for gate in _gates(spec) if "probe" not in gate]
        self._asking = Asking(others, words, self._judged, hide=hiding(variables_of(spec)))
        return self._answered(self._asking, known, spec)

    def compare(self, spec: Spec, world: World) -> Judged:
        """Response parity of one legacy instance and one pod, which no caller reaches yet where there is one. What
        differs is for a person to judge: it never leads back by itself."""
        legacy = next((backend for each in world.running if (backend := port_of(spec, each)) is not None), None)
        taking = {pod.uid for pod in admitted(world)}
        free = sorted(
            (pod for pod in world.pods if pod.available and not pod.ending), key=lambda pod: pod.uid in taking
        )
        backend = pod_backend(spec, world, free[0]) if free else None
        if legacy is None or backend is None:
            side = "no pod" if legacy is not None else "no legacy instance"
            return Judged(outcome="inconclusive", said=f"there is {side} to ask")
        requests = requests_of(spec.parity.get("requests") or (), spec.check, legacy)
        rules = replace(rules_of(spec.parity), hide=hiding(variables_of(spec)))
        results = asked(requests, legacy, backend, rules, self._nodes)
        if lines := held(results):
            return Judged(outcome="inconclusive", said="\n".join(lines))
        equal = sum(each.parity is Parity.EQUAL for each in results)
        return Judged(outcome="passed", said=f"{equal} of {len(results)} answers are alike")

    def forget(self) -> None:
        """The open window is discarded, and the row of passes begins anew, at the next look; windows that failed have
        failed."""
        self._forgets = True
        self._cancel()

    def _cancel(self) -> None:
        if (asking := self._asking) is not None:
            asking.cancel()

    def _forgotten(self) -> None:
        self._cancel()
        self._forgets = False
        self._window, self._asking, self._pods, self._next = None, None, None, 0.0
        self.analyses = {what: each.resumed() for what, each in self.analyses.items()}

    def _gathered(self, window: Window, spec: Spec, world: World, now: float) -> Window:
        probe = _gates(spec)[0]["probe"]
        return probed(window, targets(spec, world), self._nodes, probe=probe, check=spec.check, now=now)

    def recall(self, failures: Mapping[str, int], restarts: Mapping[str, int]) -> None:
        """What an earlier driver saw: as Judged has them."""
        self._failures, self._restarts = dict(failures), dict(restarts)

    def _answered(self, asking: Asking, known: Analysis, spec: Spec) -> Judged:
        said = asking.outcomes()
        if said is None:
            return self._told(known)
        fed = known.fed((*self._judged, *said))
        self.analyses[self._what] = fed
        self._failures = {self._what: fed.failures} if fed.failures else {}
        self._window, self._asking = None, None
        self._next = self._clock.boot() + spec.timings.interval_s
        return replace(self._told(fed), window=fed.last)

    def _looping(self, spec: Spec, world: World) -> str:
        """A pod that restarts again and again: windows between may have been good, in this step and in others."""
        return "; ".join(
            f"{each.name} restarted {times} times since it takes callers"
            for each in admitted(world)
            if (times := self._restarts.get(each.uid, 0)) >= spec.timings.failures
        )

    def _told(self, known: Analysis) -> Judged:
        outcome = {Standing.GO_ON: "going"}.get(known.standing, known.standing.value)
        return Judged(outcome=outcome, said=known.reason, failures=dict(self._failures), restarts=dict(self._restarts))


def _gates(spec: Spec) -> Sequence[Mapping[str, Any]]:
    """One probe gate, whatever was given."""
    given = [gate for gate in spec.gates if "probe" not in gate]
    probe = next((gate for gate in spec.gates if "probe" in gate), PROBE)
    return (probe, *given)


def _of_window(window: Window, spec: Spec, world: World) -> tuple[Outcome, ...]:
    probe = _gates(spec)[0]
    rules = rules_of_probe(probe["probe"], min_samples=window.min_samples)
    return (judge_pods(PODS, window.pods, world.pods), judge(probe["name"], window.seen, rules))

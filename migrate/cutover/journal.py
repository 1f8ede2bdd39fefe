"""The journal: what a run is and was, in a ConfigMap beside the workload, written before anything is done.

Its data: ``state`` (for those who only want to know that), ``spec`` (what does not change), ``run`` (what does),
``history`` (the last lines, one JSON object each) and ``requests`` (what users ask of the driver from other terminals).
Every write names the version that was read, so that of two writers one fails.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from converters.errors import PodliftError
from converters.objects.context import ESTATE, MANAGED_BY, WORKLOAD

from ..plan.objects import JOURNAL
from .edges import Api
from .endpoints import MANAGER
from .run import Direction, Run, Spec, run_json, spec_json
from .states import ENDED, State
from .stored import bad, line_in, part_in, run_in, spec_in

FINALIZER = "podlift.dev/cutover"
_LINES = 200
_TRIES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Requests:
    """What users ask: ``approve`` names states, ``remove`` instances (HOST/ID) whose containers go with finalize,
    ``replan`` what changed outside the plan (replanning.Change) and goes with resume. ``pause``: why; who asks for
    something else takes one back that nobody has heard yet, so that one beside it was asked for later."""

    approve: tuple[str, ...] = ()
    pause: str = ""
    resume: bool = False
    abort: bool = False
    finalize: bool = False
    remove: tuple[str, ...] = ()
    replan: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self != Requests()

    @property
    def said(self) -> str:
        said = [f"approve {each}" for each in self.approve]
        said += [name for name in ("pause", "resume", "abort", "finalize") if getattr(self, name)]
        said += [f"remove {len(self.remove)} containers"] if self.remove else []
        said += [f"take up {each}" for each in self.replan]
        return ", ".join(said)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """The journal as it was read. ``version``: of the object; ``history``: its lines, the newest last; ``torn``: those
    that cannot be read, which are kept as they are."""

    spec: Spec
    run: Run
    version: str
    requests: Requests = Requests()
    history: tuple[Mapping[str, Any], ...] = ()
    torn: tuple[str, ...] = ()


class LostError(Exception):
    """Somebody else drives the run now."""


def journal_name(workload: str) -> str:
    return f"cutover-{workload}"


def state_of(run: Run) -> State:
    """What the journal calls it: on the way back that is all that others need to know."""
    return State.ROLLING_BACK if run.direction is Direction.BACK and run.state not in ENDED else run.state


class Journal:
    """One workload's. Methods raise PodliftError as the cluster does."""

    def __init__(self, api: Api, namespace: str, workload: str) -> None:
        """``workload``: its name in Kubernetes."""
        self._api = api
        self._namespace = namespace
        self._name = journal_name(workload)

    def read(self) -> Entry | None:
        """None where there is none. Raises PodliftError ``bad-journal``."""
        live = self._api.get("v1", "ConfigMap", self._namespace, self._name)
        return None if live is None else journaled(live)

    def begin(self, spec: Spec, run: Run, *, at: float) -> Entry:
        """A new run. Raises PodliftError ``cutover-underway`` where one has not ended, and ``bad-journal``."""
        metadata: dict[str, Any] = {
            "name": self._name,
            "namespace": self._namespace,
            # with the estate's, whoever lists what is ours sees that a run is under way
            "labels": {MANAGED_BY: "podlift", JOURNAL: "", WORKLOAD: spec.name} | _estate(spec),
            "finalizers": [FINALIZER],
        }
        data = {
            "spec": json.dumps(spec_json(spec), sort_keys=True, separators=(",", ":")),
            "requests": "{}",
            **_data(run, ({"at": at, "state": run.state.value, "event": "begin", "text": f"run {spec.id}"},)),
        }
        made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
        # what nobody could read again is not written
        spec_in(data["spec"], f"ConfigMap/{self._name} in {self._namespace}")
        old = self._api.get("v1", "ConfigMap", self._namespace, self._name)
        if old is None:
            return journaled(self._api.create(made, manager=MANAGER))
        if journaled(old).run.state not in ENDED:
            raise PodliftError(
                code="cutover-underway",
                phase="cutover",
                subject=spec.workload,
                reason=f"a run of it is under way ({old['data'].get('state')})",
                next_step="podlift cutover status shows it; resume goes on with it, abort goes back",
            )
        metadata["resourceVersion"] = old["metadata"]["resourceVersion"]
        return journaled(self._patch(made))

    def commit(
        self,
        entry: Entry,
        run: Run,
        *,
        at: float,
        event: str,
        text: str,
        taken: bool = False,
        more: Mapping[str, Any] | None = None,
    ) -> Entry:
        """Writes a run and a line, with what ``more`` it says (history.py). ``taken``: the requests that were read are
        answered by it. Requests that came meanwhile stay. Raises LostError where the run was changed by somebody
        else."""
        line = {"at": round(at, 3), "state": state_of(run).value, "event": event, "text": text, **(more or {})}
        for _ in range(_TRIES):
            history = _kept((*entry.history, line))
            data = _data(run, history, entry.torn) | ({"requests": "{}"} if taken else {})
            body: dict[str, Any] = {"metadata": {"resourceVersion": entry.version}, "data": data}
            if run.state in ENDED:
                body["metadata"]["finalizers"] = None
            try:
                return journaled(self._patch(body))
            except PodliftError as error:
                if error.code != "object-changed":
                    raise
            now = self.read()
            if now is not None and now.run == run:
                # it was this very write whose answer was lost
                return now
            if now is None or now.run != entry.run:
                raise LostError
            entry, taken = now, taken and now.requests == entry.requests
        raise LostError

    def ask(self, change: Callable[[Requests], Requests]) -> Entry | None:
        """Puts a request to the driver, whoever that is. None where there is no journal."""
        tries = 0
        while True:
            entry = self.read()
            if entry is None:
                return None
            wanted = change(entry.requests)
            body = {
                "metadata": {"resourceVersion": entry.version},
                "data": {"requests": json.dumps(_requests_json(wanted), sort_keys=True)},
            }
            try:
                return journaled(self._patch(body))
            except PodliftError as error:
                tries += 1
                if error.code != "object-changed" or tries == _TRIES:
                    raise

    def _patch(self, body: Mapping[str, Any]) -> dict[str, Any]:
        return self._api.patch("v1", "ConfigMap", self._namespace, self._name, body, manager=MANAGER)


def journaled(live: Mapping[str, Any]) -> Entry:
    """A journal's object, read. Raises PodliftError ``bad-journal``, which names the place in it."""
    data, metadata = live.get("data") or {}, live["metadata"]
    where = f"ConfigMap/{metadata['name']} in {metadata.get('namespace', '')}"
    spec = spec_in(data.get("spec"), where)
    if journal_name(spec.name) != metadata["name"]:
        bad(where, ("spec", "name"), f"{spec.name!r} is another workload's", "write that of this object")
    if metadata.get("namespace", spec.namespace) != spec.namespace:
        bad(where, ("spec", "namespace"), f"{spec.namespace!r} is not where this object lies", "write that")
    asked = part_in(data.get("requests") or "{}", Requests, where, "requests")
    # at line ends alone, which JSON escapes: a text may hold others
    lines = [(line, line_in(line)) for line in data.get("history", "").split("\n") if line.strip()]
    return Entry(
        spec=spec,
        run=run_in(data.get("run"), where, spec),
        version=metadata["resourceVersion"],
        requests=Requests(**asked | {key: tuple(asked.get(key, ())) for key in ("approve", "remove", "replan")}),
        history=tuple(read for _, read in lines if read is not None),
        torn=tuple(line for line, read in lines if read is None),
    )


def _estate(spec: Spec) -> dict[str, str]:
    labels = spec.services[0]["metadata"].get("labels", {}) if spec.services else {}
    return {ESTATE: labels[ESTATE]} if ESTATE in labels else {}


def _data(run: Run, history: tuple[Mapping[str, Any], ...], torn: tuple[str, ...] = ()) -> dict[str, str]:
    written = (json.dumps(line, separators=(",", ":"), ensure_ascii=False) for line in history)
    return {
        "state": state_of(run).value,
        "run": json.dumps(run_json(run), sort_keys=True, separators=(",", ":")),
        "history": "\n".join((*torn, *written)),
    }


def _kept(history: tuple[Mapping[str, Any], ...]) -> tuple[Mapping[str, Any], ...]:
    """The newest lines. Those of gates, of which a long bake has without end, take half of the room and no more."""
    gates = [number for number, line in enumerate(history) if line["event"] == "gate"]
    surplus = frozenset(gates[: -(_LINES // 2)])
    return tuple(line for number, line in enumerate(history) if number not in surplus)[-_LINES:]


def _requests_json(requests: Requests) -> dict[str, Any]:
    return {
        "approve": list(requests.approve),
        "pause": requests.pause,
        "resume": requests.resume,
        "abort": requests.abort,
        "finalize": requests.finalize,
        "remove": list(requests.remove),
        "replan": list(requests.replan),
    }

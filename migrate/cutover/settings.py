"""How one workload's cutover goes: podlift.yaml's ``cutover:``, its entry for the workload, then flags. Pure."""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import PurePath
from typing import Any, NoReturn

from converters.amounts import AmountError, seconds
from converters.secrecy import is_secret

from ..documents import Document, Path
from ..schemas.checking import nearest, refuse
from ..schemas.cutover import COUNTS, TIMINGS
from .checks import ranges
from .gates.condition import condition
from .gates.judging import PODS, PROBE
from .outbound import backend_named, remote_named
from .parity import HEADERS, rules_of
from .run import COUNT_AGE_S, DATAGRAMS, LAB, SESSIONS, Timings
from .states import State

PROFILES: Mapping[str, Timings] = {"production": Timings(), "lab": LAB}
OTHER_NODES = "*"
"""Under this name in Spec.nodes stands ``image``, of the pods that probe nodes without a command of their own."""
HOLDABLE = (State.FRONTED, State.SHIFT, State.STANDBY, State.DRAINED)
"""Before these a run can wait for an approval: what follows the others follows by itself."""
HELD_BEFORE = (State.SHIFT.value,)
"""The first step waits for an approval where nobody says otherwise."""
PARITY: Mapping[str, Any] = {"headers": [*HEADERS]}
_KINDS = ("probe", "prometheus", "webhook", "command")
_LONGEST_S = 366 * 86400.0
"""Nothing of a run may be told to take longer: a year."""
_GATE_TIMEOUT_S = 10.0
_READING = frozenset({"GET", "HEAD"})
# Without any time nothing is seen, or nobody waits for it at all, or it is done without end.
_ABOVE_ZERO = frozenset(
    {
        "window",
        "udp_quiet",
        "poll",
        "lease",
        "renew",
        "keeper",
        "heartbeat",
        "hook_timeout",
        "ready_timeout",
        "observe_timeout",
    }
)
# What was looked at once is too old by the next look.
_POLL_S = COUNT_AGE_S / 2
# Told to everybody who may read the journal.
_SECRET_HEADERS = frozenset({"authorization", "cookie", "proxy-authorization"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Flags:
    """What a command line says; None and () leave it to the file. ``yes``: the first step is approved by it."""

    schedule: tuple[str, ...] = ()
    hold_before: tuple[str, ...] = ()
    gates: tuple[Mapping[str, Any], ...] | None = None
    bake_s: float | None = None
    accept_floor: bool | None = None
    on_drain_timeout: str = ""
    yes: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Fields as run.Spec has them; all of it is JSON, and no secret is in it.

    schedule       ``1`` or ``25%``, see :func:`counts`
    udp            one of run.UDP, or nothing said
    keeps_stopped  the user says that the scheduler keeps containers that have stopped
    caller_files   files in which callers may be told of the legacy side: as the user wrote them, to absolute paths
    callers        pods that call the workload: {namespace, labels}; without a namespace they are beside it
                   The last three are preflight's
    """

    timings: Timings = field(default_factory=Timings)
    hooks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    gates: tuple[Mapping[str, Any], ...] = (PROBE,)
    parity: Mapping[str, Any] = field(default_factory=lambda: PARITY)
    schedule: tuple[str, ...] = ()
    approvals: tuple[str, ...] = HELD_BEFORE
    accept_floor: bool = False
    on_drain_timeout: str = "hold"
    outbound: Mapping[str, Any] = field(default_factory=dict)
    udp: str = ""
    keeps_stopped: bool = False
    caller_files: Mapping[str, str] = field(default_factory=dict)
    callers: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """``cutover:``, checked, amounts in seconds.

    ``workloads``: those that have an entry; ``nodes``: as in Spec.nodes; ``document``, ``path``: where it stands;
    ``code``: of the file's errors.
    """

    defaults: Mapping[str, Any] = field(default_factory=dict)
    workloads: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    nodes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    document: Document = field(default_factory=lambda: Document(name=""), repr=False, compare=False)
    path: Path = ()
    code: str = ""

    def fits(self, workloads: Collection[str]) -> None:
        """Looks whether each entry is of one of a plan's workloads: it would count for nobody else. Raises PodliftError
        ``code`` with file, line and key."""
        for name in self.workloads:
            if name not in workloads:
                path = (*self.path, "workloads", name)
                step = nearest(name, sorted(workloads))
                refuse(self.document, path, self.code, f"the plan has no workload {name!r}", step)

    def of(self, workload: str, flags: Flags | None = None) -> Settings:
        """The settings of a workload. Hooks and timings count one by one, anything else as a whole."""
        said = _merged(self.defaults, self.workloads.get(workload, {}))
        flags = flags or Flags()
        timings = replace(PROFILES[said.get("profile", "production")], **said.get("timings", {}))
        if flags.bake_s is not None:
            timings = replace(timings, bake_s=flags.bake_s)
        held = () if flags.yes and "hold_before" not in said else tuple(said.get("hold_before", HELD_BEFORE))
        floor = said.get("accept_floor", False) if flags.accept_floor is None else flags.accept_floor
        return Settings(
            timings=timings,
            hooks=said.get("hooks", {}),
            gates=_probed(said.get("gates", ()) if flags.gates is None else flags.gates),
            parity=_compared(said.get("parity", {})),
            schedule=flags.schedule or tuple(said.get("schedule", ())),
            approvals=flags.hold_before or held,
            accept_floor=floor,
            on_drain_timeout=flags.on_drain_timeout or said.get("on_drain_timeout", "hold"),
            outbound=said.get("outbound", {}),
            keeps_stopped=said.get("keeps_stopped", False),
            udp=said.get("udp", ""),
            caller_files=said.get("caller_files", {}),
            callers=tuple(said.get("callers", ())),
        )


def section_of(document: Document, path: Path, body: Mapping[str, Any], *, folder: str, code: str) -> Section:
    """The section at ``path``, which its schema has passed. ``folder``: an absolute path, from which programs count.

    Raises PodliftError ``code`` with file, line and key.
    """
    reader = _Reader(document, code, folder)
    mine = {key: each for key, each in body.items() if key not in ("workloads", "nodes", "probe_image")}
    defaults = reader.entry(mine, path)
    workloads = {}
    for name, each in (body.get("workloads") or {}).items():
        workloads[name] = reader.entry(each, (*path, "workloads", name))
        reader.whole(_merged(defaults, workloads[name]), (*path, "workloads", name))
    reader.whole(defaults, path)
    nodes: dict[str, Mapping[str, Any]] = {
        name: {"probe": reader.argv(each.get("probe", ()), (*path, "nodes", name, "probe"))}
        for name, each in (body.get("nodes") or {}).items()
    }
    if "probe_image" in body:
        nodes[OTHER_NODES] = {"image": body["probe_image"]}
    return Section(defaults=defaults, workloads=workloads, nodes=nodes, document=document, path=path, code=code)


def gates_of(
    document: Document, path: Path, body: Sequence[Any], *, folder: str, code: str
) -> tuple[Mapping[str, Any], ...]:
    """Gates of a file of their own, which its schema has passed. Raises as :func:`section_of`."""
    return _Reader(document, code, folder).gates(body, path)


def schedule_of(text: str) -> tuple[str, ...]:
    """
    >>> schedule_of("1, 25%,100%")
    ('1', '25%', '100%')

    Raises ValueError.
    """
    steps = tuple(part.strip() for part in text.split(","))
    counts(steps, 1000)
    return steps


def counts(schedule: Sequence[str], pods: int) -> tuple[int, ...]:
    """Pods that are admitted after each step, of so many: percent are rounded up, and what then is no step more is
    left out.

    >>> counts(("1", "25%", "100%"), 4)
    (1, 4)

    Raises ValueError.
    """
    given = [_count(step, pods) for step in schedule]
    if any(one > other for one, other in itertools.pairwise(given)):
        raise ValueError(f"the steps {', '.join(schedule)} do not rise, of {pods} pods")
    return tuple(dict.fromkeys(given))


def _count(step: str, pods: int) -> int:
    number = step.removesuffix("%")
    if not number.isdecimal() or int(number) < 1 or (step != number and int(number) > 100):
        raise ValueError(f"{step!r} is no step; write a number of pods, or percent of them: 25%")
    return int(number) if step == number else math.ceil(pods * int(number) / 100)


def _merged(defaults: Mapping[str, Any], entry: Mapping[str, Any]) -> dict[str, Any]:
    said = {**defaults, **entry}
    for key in ("hooks", "timings"):
        if key in said:
            said[key] = {**defaults.get(key, {}), **entry.get(key, {})}
    # a profile is a set of timings: one of the entry's own stands for those above
    if "profile" in entry:
        said["timings"] = dict(entry.get("timings", {}))
    return said


def _compared(said: Mapping[str, Any]) -> Mapping[str, Any]:
    """An empty list of requests turns it off, which an empty map says to the machine."""
    return {} if said.get("requests") == [] else {**PARITY, **said}


def _probed(gates: Sequence[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
    return tuple(gates) if any("probe" in gate for gate in gates) else (PROBE, *gates)


class _Reader:
    def __init__(self, document: Document, code: str, folder: str) -> None:
        self._document = document
        self._code = code
        self._folder = folder

    def entry(self, said: Mapping[str, Any], path: Path) -> dict[str, Any]:
        made = dict(said)
        if "timings" in said:
            made["timings"] = self._timings(said["timings"], (*path, "timings"))
        if "hooks" in said:
            made["hooks"] = {name: self.argv(argv, (*path, "hooks", name)) for name, argv in said["hooks"].items()}
        if "gates" in said:
            made["gates"] = self.gates(said["gates"], (*path, "gates"))
        if "parity" in said:
            made["parity"] = self._parity(said["parity"], (*path, "parity"))
        if "caller_files" in said:
            made["caller_files"] = {each: str(PurePath(self._folder) / each) for each in said["caller_files"]}
        if "outbound" in said:
            self._outbound(said["outbound"], (*path, "outbound"))
        if "schedule" in said:
            made["schedule"] = tuple(str(step) for step in said["schedule"])
            try:
                counts(made["schedule"], 1000)
            except ValueError as error:
                self._refuse((*path, "schedule"), str(error), "write them rising: [1, 25%, 100%]")
        for n, state in enumerate(said.get("hold_before", ())):
            if state not in HOLDABLE:
                reason = f"a run cannot be held before {state!r}"
                self._refuse((*path, "hold_before", n), reason, nearest(state, [each.value for each in HOLDABLE]))
        return made

    def whole(self, said: Mapping[str, Any], path: Path) -> None:
        """What is to be said of an entry together with the defaults."""
        hooks = said.get("hooks", {})
        missing = [name for name in ("frozen", "unfreeze") if not hooks.get(name)]
        if hooks.get("freeze") and missing:
            step = f"add {missing[0]}: whether the scheduler keeps off has to be seen, and it has to be undone"
            self._refuse((*path, "hooks"), f"freeze stands here and no {missing[0]}", step)
        timings = replace(PROFILES[said.get("profile", "production")], **said.get("timings", {}))
        if timings.renew_s * 2 > timings.lease_s:
            reason = (
                f"a lease of {timings.lease_s:g} s and a renewal every {timings.renew_s:g} s lose the lock by chance"
            )
            self._refuse((*path, "timings"), reason, "let lease be twice renew, at least")
        if timings.renew_s + timings.poll_s >= timings.lease_s:
            reason = f"a look every {timings.poll_s:g} s renews a lease of {timings.lease_s:g} s when it is over"
            self._refuse((*path, "timings"), reason, "let renew and poll together be shorter than lease")
        if not 2 * timings.keeper_s <= timings.heartbeat_s <= timings.lease_s:
            reason = (
                f"a heartbeat of {timings.heartbeat_s:g} s is shorter than two looks of the keeper "
                f"({timings.keeper_s:g} s) or longer than a lease ({timings.lease_s:g} s)"
            )
            self._refuse((*path, "timings"), reason, "let heartbeat be twice keeper, at least, and lease at most")
        if said.get("udp") in (DATAGRAMS, SESSIONS) and timings.udp_quiet_s >= timings.drain_timeout_s:
            reason = (
                f"a drain that ends after {timings.drain_timeout_s:g} s never sees {timings.udp_quiet_s:g} s "
                "without a datagram"
            )
            self._refuse((*path, "timings"), reason, "let drain_timeout be longer than udp_quiet")
        if timings.hook_timeout_s >= timings.lease_s:
            reason = f"a hook that takes {timings.hook_timeout_s:g} s outlives a lease of {timings.lease_s:g} s"
            self._refuse((*path, "timings"), reason, "let lease be longer than hook_timeout")

    def gates(self, said: Sequence[Mapping[str, Any]], path: Path) -> tuple[Mapping[str, Any], ...]:
        made, names = list[dict[str, Any]](), set[str]()
        for n, gate in enumerate(said):
            here = (*path, n)
            kinds = [kind for kind in _KINDS if kind in gate]
            if len(kinds) != 1:
                reason = f"{' and '.join(kinds)} stand in one gate" if kinds else "a gate without anything to ask"
                self._refuse(here, reason, f"give it one of {', '.join(_KINDS)}")
            if gate["name"] in names or gate["name"] == PODS:
                reason = f"there is a gate {gate['name']} already"
                self._refuse((*here, "name"), reason, f"give each gate a name of its own; {PODS} is podlift's")
            names.add(gate["name"])
            kind = kinds[0]
            if kind == "probe" and any("probe" in each for each in made):
                step = "put its requests and rules into the first, or take it away"
                self._refuse(here, "a second probe gate, and one is asked", step)
            made.append({"name": gate["name"], kind: self._gate(kind, gate[kind], (*here, kind))})
        return tuple(made)

    def _gate(self, kind: str, said: Mapping[str, Any], path: Path) -> dict[str, Any]:
        made = {key: each for key, each in said.items() if key not in ("timeout", "p99")}
        if kind == "probe":
            if "p99" in said:
                made["p99_s"] = self._seconds(said["p99"], (*path, "p99"))
            self._requests(said.get("requests", ()), (*path, "requests"))
            self._holds(lambda: ranges(said.get("codes", "200")), (*path, "codes"))
            return made
        made["timeout_s"] = self._seconds(said["timeout"], (*path, "timeout")) if "timeout" in said else _GATE_TIMEOUT_S
        if kind == "command":
            made["argv"] = self.argv(said["argv"], (*path, "argv"))
        else:
            self._headers(said.get("headers", {}), (*path, "headers"))
            if "@" in said["url"].partition("//")[2].partition("/")[0]:
                step = "send it as a header: Authorization: Basic ${NAME}"
                self._refuse((*path, "url"), "a user or password stands in the URL, and journals show it", step)
        if kind == "prometheus":
            self._holds(lambda: condition(said["condition"]), (*path, "condition"))
        return made

    def _outbound(self, said: Mapping[str, Any], path: Path) -> None:
        for n, text in enumerate(said.get("unneeded", ())):
            step = "write 10.0.0.7, 10.0.0.7:6379, 10.0.0.0/16"
            self._holds(partial(remote_named, text), (*path, "unneeded", n), step)
        for text in said.get("limits", {}):
            self._holds(partial(backend_named, text), (*path, "limits", text), "write 10.0.0.5:5432")

    def _parity(self, said: Mapping[str, Any], path: Path) -> dict[str, Any]:
        self._requests(said.get("requests", ()), (*path, "requests"))
        self._holds(lambda: rules_of(said), (*path, "ignore"))
        return dict(said)

    def _requests(self, said: Sequence[Mapping[str, Any]], path: Path) -> None:
        for n, request in enumerate(said):
            method = request.get("method", "GET")
            if method not in _READING and not request.get("repeatable"):
                step = "say repeatable: true if it does no harm, sent many times to both sides; else leave it out"
                self._refuse((*path, n), f"{method} may change something, and is sent more than once", step)
            self._headers(request.get("headers", {}), (*path, n, "headers"))

    def _headers(self, said: Mapping[str, str], path: Path) -> None:
        for name, value in said.items():
            secret = name.lower() in _SECRET_HEADERS or is_secret(name, value)
            if secret and "${" not in value:
                step = "write ${NAME}, and set that environment variable"
                self._refuse((*path, name), "a secret stands here, and journals show it", step)

    def _timings(self, said: Mapping[str, Any], path: Path) -> dict[str, float]:
        made: dict[str, float] = {}
        for key, value in said.items():
            if key in COUNTS:
                made[COUNTS[key][0]] = value
            else:
                made[TIMINGS[key][0]] = self._timing(key, value, (*path, key))
        return made

    def _timing(self, key: str, value: str, path: Path) -> float:
        made = self._seconds(value, path)
        if made == 0 and key in _ABOVE_ZERO:
            self._refuse(path, f"{key} cannot be no time at all", "write more than 0s, or leave it out")
        if key == "poll" and made > _POLL_S:
            reason = f"who is connected is known for {COUNT_AGE_S:g} s, and would be too old by the next look"
            self._refuse(path, reason, f"let poll be {_POLL_S:g}s at most")
        if key == "lease" and made < 1:
            self._refuse(path, "Kubernetes counts leases in whole seconds", "let lease be 1s, at least")
        return made

    def _seconds(self, value: str, path: Path) -> float:
        try:
            made = seconds(value)
        except AmountError as error:
            self._refuse(path, str(error).partition(";")[0], "write 90s, 1m30s, 500ms")
        if made > _LONGEST_S:
            self._refuse(path, f"{value!r} is longer than a year", "write 90s, 1m30s, 500ms")
        return made

    def argv(self, argv: Sequence[str], path: Path) -> tuple[str, ...]:
        if not argv or not argv[0]:
            self._refuse(path, "there is no command in it", "write its words: [program, argument]")
        # a run is gone on with from any folder
        if "/" in argv[0]:
            return (str(PurePath(self._folder) / argv[0]), *argv[1:])
        return tuple(argv)

    def _holds(self, read: Any, path: Path, step: str = "correct it") -> None:
        try:
            read()
        except ValueError as error:
            self._refuse(path, str(error).split(";")[0], str(error).partition(";")[2].strip() or step)

    def _refuse(self, path: Path, reason: str, step: str) -> NoReturn:
        refuse(self._document, path, self._code, reason, step)

"""The dry run: what a run would do, and what speaks against it. It only reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from converters.errors import PodliftError

from ..engine import discover
from ..hosts import CONTAINER, Access, Command, command_of
from ..input_file import read_bytes
from ..plan.model import Plan
from ..unsaid import hiding
from .detached import variables_of
from .driver import Edges
from .edges import CallingPods
from .endpoints import RUN
from .newcomers import originals_of
from .outbound import Overlap, overlap, settings_of
from .preflight import Means, Preflight, preflight
from .preflight.gitops import watch_s
from .preflight.services import adopted
from .preflight.serving import serves
from .run import Spec
from .schedule import shares
from .settings import Settings
from .states import State
from .survey import survey
from .trial import try_out

if TYPE_CHECKING:
    from ..cluster import Cluster


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """
    shares      of new connections that pods get, 0 to 1, after each step of SHIFT and then each standby step
    durations   state to the seconds that reaching it takes at least
    bypassing   who holds connections to the legacy side now: instance, address of the peer, how many
    overlap     what runs twice while both sides run
    """

    spec: Spec
    preflight: Preflight
    shares: tuple[float, ...]
    durations: Mapping[str, float]
    bypassing: tuple[tuple[str, str, int], ...]
    overlap: Overlap


def previewed(
    plan: Plan,
    spec: Spec,
    cluster: Cluster,
    hosts: Sequence[Access],
    edges: Edges,
    *,
    settings: Settings,
    probe: bool,
) -> Preview:
    """``spec``: as the plan and the settings have it; what the engines and the cluster show is added. ``probe``: nodes
    and hosts are asked too. Raises PodliftError ``cannot-read`` for files of callers, and as reading the cluster does.
    """
    files = texts_of(settings.caller_files)
    found = edges.legacy.find()
    left = any(_left(cluster, each) for each in spec.services)
    spec = replace(spec, originals=originals_of(found.containers))
    used = [each for each in hosts if each.entry.host.name in {one.host for one in found.containers}]
    hide = hiding(variables_of(spec))
    shells = {each.entry.host.name: command for each in used if (command := command_of(each, hide=hide)) is not None}
    seen = survey(
        plan,
        spec.workload,
        cluster,
        found=found,
        capture=discover([each.entry for each in used]),
        commands={*shells, *(each.entry.host.name for each in used if each.how == CONTAINER)},
        means=means_of(spec, settings),
    )
    seen = replace(seen, caller_files=files)
    taken = adopted(seen)
    spec = replace(spec, watch_s=watch_s(seen), adopted=taken, resolved_before=left or bool(taken))
    if serves(seen):
        spec = replace(spec, served_before=True, steps=(sum(each.count for each in spec.controllers),))
    if probe:
        measured = try_out(
            seen,
            clock=edges.clock,
            nodes=edges.measuring.nodes,
            connections=edges.measuring.connections,
            pods=edges.measuring.pods,
            shells={host: partial(_by_shell, command) for host, command in shells.items()},
            check=spec.check,
            callers=[
                CallingPods(namespace=each.get("namespace") or spec.namespace, labels=each["labels"])
                for each in settings.callers
            ],
        )
        seen = replace(seen, measured=measured)
        spec = replace(spec, captures=any((measured.resolved or {}).values()))
        if measured.outbound is not None:
            user = spec.outbound
            seen_there = replace(measured.outbound, unneeded=user.unneeded, limits=user.limits)
            spec = replace(spec, outbound=seen_there)
    peers = seen.measured.peers or {}
    return Preview(
        spec=spec,
        preflight=preflight(seen),
        shares=shares(spec.steps, max(1, len(spec.originals))) if spec.steps else (),
        durations=durations(spec),
        bypassing=tuple(
            (str(backend), peer.address, peer.count) for backend, of in sorted(peers.items()) for peer in of
        ),
        overlap=_overlap(plan, spec, seen.entry, asked=probe),
    )


def texts_of(files: Mapping[str, str]) -> dict[str, str]:
    """What stands in files, by the names that a user gave them. ``files``: name to path. Raises PodliftError
    ``cannot-read``."""
    made = {}
    for name, path in files.items():
        try:
            made[name] = read_bytes(path).decode(errors="replace")
        except PodliftError as error:
            raise PodliftError(
                code=error.code,
                phase="cutover",
                subject=path,
                reason=f"caller_files names {name}, and {error.reason}",
                next_step="correct caller_files under cutover in podlift.yaml; paths count from its folder",
            ) from error
    return made


def means_of(spec: Spec, settings: Settings) -> Means:
    """What preflight is told of what the user gave. ``settings``: of which ``spec`` was made."""
    return Means(
        hooks=frozenset(name for name, argv in spec.hooks.items() if argv),
        steps=spec.steps,
        node_probes=frozenset(name for name, each in spec.nodes.items() if each.get("probe")),
        accept_floor=spec.accept_floor,
        settle_s=spec.timings.settle_floor_s,
        keeps_stopped=settings.keeps_stopped,
        udp=settings.udp,
    )


def _overlap(plan: Plan, spec: Spec, entry: Mapping[str, Any], *, asked: bool) -> Overlap:
    said = next((each for each in plan.findings if (each.workload, each.code) == (spec.workload, "acts-unasked")), None)
    return overlap(
        spec.outbound,
        legacy=len(spec.originals),
        pods=sum(each.count for each in spec.controllers),
        asked=asked,
        settings=settings_of(entry),
        unasked=said.answer if said else "",
        consumes=[f"{who}: {what}" for who, what in said.sides if who != "answers on"] if said else (),
    )


def _left(cluster: Cluster, service: Mapping[str, Any]) -> bool:
    """Whether an earlier run left the Service."""
    metadata = service["metadata"]
    live = cluster.get("v1", "Service", metadata["namespace"], metadata["name"])
    return live is not None and RUN in (live["metadata"].get("annotations") or {})


def durations(spec: Spec) -> dict[str, float]:
    """State to the seconds that it takes at least from the one before. How long connections take to end, pods to start
    and people to approve is not among them."""
    timings = spec.timings
    analysis = timings.consecutive * timings.window_s + (timings.consecutive - 1) * timings.interval_s
    seen = timings.settle_floor_s + analysis
    step, steps = seen + timings.step_pause_s, len(spec.steps)
    legacy = len(spec.originals)
    return {
        State.BRIDGED.value: timings.settle_floor_s,
        State.FRONTED.value: max(spec.watch_s, 0 if spec.resolved_before else timings.front_quiet_s),
        State.SHIFT.value: step if steps else 0,
        State.PROMOTED.value: max(0, steps - 1) * step + seen,
        State.STANDBY.value: legacy * seen,
        State.DRAINED.value: timings.bake_s,
        State.STOPPED.value: legacy * timings.settle_floor_s + timings.soak_s + analysis,
    }


def _by_shell(command: Command, script: str) -> str:
    # by stdin, since a command of the user's may quote words for a shell there or not
    return command.run(["sh"], stdin=script)

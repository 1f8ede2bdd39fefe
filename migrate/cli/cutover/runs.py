"""How verbs are told which run they mean, and what each of them says of it."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..clusters import LABEL, Reach, cluster_of, cluster_options
from ..command import Session

if TYPE_CHECKING:
    from ...cutover.cutover import Attached
    from ...cutover.listing import Unreadable
    from ...cutover.status import Status

Function = Callable[..., Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A run that is under way. ``workload``: its name in Kubernetes."""

    workload: str
    namespace: str
    reach: Reach

    def verb(self, verb: str, *more: str) -> str:
        """The command line of another verb on the same run."""
        reach = self.reach
        words = ["podlift", "cutover", verb, self.workload, *more, "-n", self.namespace]
        words += ["--context", reach.context] if reach.context else []
        words += ["--kubeconfig", reach.kubeconfig] if reach.kubeconfig else []
        return shlex.join(words)

    def next_step(self, session: Session, verb: str, *more: str, to: str = "") -> None:
        session.talk(f"next: {self.verb(verb, *more)}{f'   ({to})' if to else ''}")


def run_options(function: Function) -> Function:
    """WORKLOAD and the cluster's options; the command's function gets ``workload`` and ``reach``."""
    return click.argument("workload", metavar="WORKLOAD", callback=_name)(journal_options(function))


def runs_options(function: Function) -> Function:
    """The same with WORKLOAD as often as one likes; the command's function gets ``workloads``."""
    return click.argument("workloads", nargs=-1, metavar="[WORKLOAD]...", callback=_names)(journal_options(function))


def journal_options(function: Function) -> Function:
    """The cluster's options where a journal is read and no plan."""
    return cluster_options(function, namespace_help="The run's namespace; the context's if not said.")


def _name(ctx: click.Context, parameter: click.Parameter, value: str) -> str:
    if not LABEL.fullmatch(value):
        raise click.BadParameter(
            f"{value!r} is no name that a workload has in Kubernetes; podlift cutover status lists a namespace's runs",
            ctx=ctx,
            param=parameter,
        )
    return value


def _names(ctx: click.Context, parameter: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_name(ctx, parameter, each) for each in value))


def record_option(function: Function) -> Function:
    return click.option(
        "--record",
        metavar="FILE",
        callback=_writable,
        help="Add what is done to FILE as well, a line of JSON each: the journal keeps the newest lines only.",
    )(function)


def _writable(ctx: click.Context, parameter: click.Parameter, value: str | None) -> Path | None:
    """Said before a run begins: later, a record that cannot be written holds nothing up."""
    if value is None:
        return None
    file = Path(value)
    there = file.exists()
    try:
        with file.open("a"):
            pass
        if not there:
            # what is refused after this leaves no empty record
            file.unlink()
        return file
    except OSError as error:
        raise click.BadParameter(
            f"{file}: {(error.strerror or str(error)).lower()}", ctx=ctx, param=parameter
        ) from error


def attached_to(
    workload: str, reach: Reach, record: Path | None = None, files: Path | None = None
) -> tuple[Attached, Named]:
    """The run of a workload, by its journal; nothing is read yet. Raises PodliftError as Cluster does."""
    from ...cutover.cutover import Attached

    cluster = cluster_of(reach)
    namespace = cluster.namespace
    return Attached(cluster, namespace, workload, files=files, record=record), Named(
        workload=workload, namespace=namespace, reach=reach
    )


def looking_at(names: tuple[str, ...], reach: Reach) -> Callable[[], tuple[Status | Unreadable, ...]]:
    """How runs of a namespace are looked at again and again; no names: all. A look raises PodliftError ``no-cutover``
    where one of them is not there, and as ``listed`` does."""
    from ...cutover.clock import SystemClock
    from ...cutover.cutover import no_cutover
    from ...cutover.listing import listed

    cluster, clock = cluster_of(reach), SystemClock()

    def look() -> tuple[Status | Unreadable, ...]:
        found = listed(cluster, cluster.namespace, clock.now(), names)
        missing = [name for name in names if name not in {each.name for each in found}]
        if missing:
            raise no_cutover(missing[0])
        return found

    return look

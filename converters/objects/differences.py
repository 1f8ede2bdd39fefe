"""What becomes of each setting in which a workload's instances differ.

A pod of a StatefulSet knows its index, has a host name and may have a volume of its own; whatever else tells two
instances apart has no place in one controller, and the user is asked.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from ..errors import PodliftError
from ..estate.differences import IDLE, by_site
from ..fields.catalogue import code_named
from ..fields.ledger import Ledger
from ..workload import Difference, MountKind, Workload

ANSWERS = ("statefulset", "common", "separate")
_OF_CONTAINER = re.compile(r"^[a-z0-9][a-z0-9-]*: ")


class Fate(StrEnum):
    """IDLE: it changes nothing here; INDEX: it follows from the pod's index; OWN: a volume for each pod; COMMON: the
    first instance's value for all; SITE: one value at each site, which has a controller of its own; SEPARATE: one
    controller an instance; OPEN: nobody said."""

    IDLE = "idle"
    INDEX = "index"
    OWN = "own"
    COMMON = "common"
    SITE = "site"
    SEPARATE = "separate"
    OPEN = "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """``subject`` without the container's name; ``why`` of an open one."""

    difference: Difference
    subject: str
    fate: Fate
    decided: bool = False
    why: str = ""


def resolve(workload: Workload, *, split: bool, ledger: Ledger) -> tuple[Resolved, ...]:
    """The fate of each difference.

    split  the instances stand at several sites that have a controller each: an index then counts within a site, so
           that no value follows from it
    Raises PodliftError ``answer-unfit`` where the user wants a StatefulSet for a value that follows from no index.
    """
    start: int | None = None
    made = []
    for difference in workload.differences:
        subject = _OF_CONTAINER.sub("", difference.subject)
        fate, why = _by_itself(difference, subject, workload, split=split)
        if fate is Fate.INDEX:
            if start is not None and difference.first != start:
                fate, why = Fate.OPEN, f"its numbers begin with {difference.first}, those of another with {start}"
            else:
                start = difference.first
        answer = None if fate is Fate.IDLE else _answer(difference, ledger)
        if answer == "statefulset" and fate is Fate.OPEN:
            raise PodliftError(
                code="answer-unfit",
                phase="convert",
                subject=f"{workload.name}: {difference.subject}",
                reason=f"answered statefulset, and {why}",
                next_step="answer common or separate",
            )
        if answer in ("common", "separate"):
            fate = Fate(answer)
        made.append(Resolved(difference=difference, subject=subject, fate=fate, decided=answer is not None, why=why))
    return tuple(made)


def identity(resolved: Sequence[Resolved]) -> bool:
    """Whether the differences make a StatefulSet: one at least follows from the index or is a volume of its own, and
    none is open or wants separate controllers."""
    fates = {each.fate for each in resolved}
    return bool(fates & {Fate.INDEX, Fate.OWN}) and not fates & {Fate.OPEN, Fate.SEPARATE}


def set_apart(resolved: Sequence[Resolved]) -> tuple[Resolved, ...]:
    """Where each instance has a controller of its own, what would follow from an index is the instance's own too."""
    return tuple(
        replace(each, fate=Fate.SEPARATE) if each.fate in (Fate.INDEX, Fate.OWN) else each for each in resolved
    )


def ordinal_start(resolved: Sequence[Resolved]) -> int:
    """``ordinals.start``: what the first pod is numbered."""
    return next((each.difference.first for each in resolved if each.fate is Fate.INDEX), 0)


def _by_itself(difference: Difference, subject: str, workload: Workload, *, split: bool) -> tuple[Fate, str]:
    if subject.startswith(IDLE):
        return Fate.IDLE, ""
    if difference.ordinal == "own" or (difference.ordinal and _named_volume(subject, workload)):
        return Fate.OWN, ""
    if split and subject.startswith("env ") and by_site(difference, workload.instances):
        return Fate.SITE, "not each controller is of one site"
    if not difference.ordinal or not _follows(difference):
        return Fate.OPEN, "the value does not follow from the pod's index"
    if not (subject == "hostname" or subject.startswith("env ")):
        return Fate.OPEN, "only a variable, a host name and a volume can follow from the pod's index"
    if split:
        return Fate.OPEN, "each site has a controller of its own, and an index counts within one"
    return Fate.INDEX, ""


def _named_volume(subject: str, workload: Workload) -> bool:
    target = subject.removeprefix("volume ")
    kinds = {m.kind for c in workload.containers for m in c.mounts if m.target == target}
    return target != subject and kinds == {MountKind.VOLUME}


def _follows(difference: Difference) -> bool:
    """The template gives exactly the values, in some order: ``01`` is no number that a pod's index could be."""
    numbers = range(difference.first, difference.first + len(difference.values))
    wanted = {difference.ordinal.replace("{n}", str(n)) for n in numbers}
    return wanted == {value for _, value in difference.values}


def _answer(difference: Difference, ledger: Ledger) -> str | None:
    """The verdict's answer, or the finding's of the same difference."""
    subject = difference.subject
    answer = ledger.ask("instance-difference", difference.origins, subject)
    return answer if answer is not None else ledger.ask("instances-differ", (), subject)


def tell_differences(
    resolved: Sequence[Resolved],
    *,
    targets: Mapping[str, tuple[str, ...]],
    index: bool,
    of_pods: Collection[str] = (),
    bent: Mapping[str, str],
    ledger: Ledger,
) -> None:
    """The verdict on each difference.

    targets  subject to where its value stands now
    index    the controller numbers its pods: it is a StatefulSet
    bent     subjects of values that do not arrive as they were, with what became of them
    of_pods  subjects of volumes that every pod, or node, has of its own whatever the controller is
    """
    for each in resolved:
        difference = each.difference
        at = targets.get(difference.subject, ())
        sides = f"{difference.subject} differs between {len(difference.values)} instances"
        if each.fate is Fate.IDLE:
            ledger.dropped(difference.origins, "instance-value", why=f"{sides}: it changes nothing in a pod")
        elif each.fate is Fate.COMMON:
            why = f"{sides}: the first instance's value for all, as decided"
            ledger.approximated(difference.origins, "instance-difference", *at, why=why)
        elif each.fate is Fate.SEPARATE:
            why = f"{sides}: one controller an instance, as decided"
            if at and difference.subject in bent:
                why = f"{why}; {bent[difference.subject]}"
                ledger.approximated(difference.origins, "instance-difference", *at, why=why)
            elif at:
                ledger.exact(difference.origins, "instance-difference", *at, why=why)
            else:
                todo = "write each instance's value as an override of its controller"
                ledger.approximated(difference.origins, "instance-difference", why=why, todo=todo)
        elif each.fate is Fate.OWN and difference.subject in of_pods:
            why = f"{sides}: each pod has its own, as it is no claim"
            ledger.approximated(difference.origins, "instance-difference", *at, why=why)
        elif each.fate is Fate.SITE and at:
            why = f"{sides}: one value at each site, in the site's own controller"
            ledger.exact(difference.origins, "instance-difference", *at, why=why)
        elif each.fate in (Fate.OPEN, Fate.SITE) or not index:
            why = each.why or "this kind of controller does not number its pods"
            ledger.undecided(
                difference.origins,
                "instance-difference",
                *at,
                why=f"{sides}, and {why}",
                options=[o for o in code_named("instance-difference").options if o[0] != "statefulset"],
                subject=difference.subject,
            )
        elif each.subject == "hostname" and not _same_name(difference, at):
            why = f"{sides}: a pod's host name is its own, which ends in the same number"
            ledger.approximated(difference.origins, "instance-difference", *at, why=why)
        else:
            ledger.exact(
                difference.origins, "instance-difference", *at, why=f"{sides}: it follows from the pod's index"
            )


def _same_name(difference: Difference, targets: Sequence[str]) -> bool:
    """A pod is named ``CONTROLLER-N``; its target reads ``StatefulSet/CONTROLLER:…``."""
    names = {target.partition("/")[2].partition(":")[0] for target in targets}
    return {f"{name}-{{n}}" for name in names} == {difference.ordinal}

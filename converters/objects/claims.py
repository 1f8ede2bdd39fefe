"""Claims: what a volume with data becomes. Their size is measured, configured or decided, and never guessed."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

from .. import quantity
from ..errors import PodliftError
from ..names import legal
from ..target import StorageClass
from ..workload import Controller, Schedule, Workload
from .annotations import annotation_key
from .context import ESTATE, MANAGED_BY, Context, label_value
from .volumes import Group, Place

ONE, MANY = "ReadWriteOnce", "ReadWriteMany"
EMPTY_DIR = "emptyDir"
SHARED = "podlift.dev/shared"
SHARED_BY = "podlift.dev/shared-by"
_MEBIBYTE = 1 << 20
_SIZE = re.compile(r"\d+(\.\d+)?([KMGTPE]i|[kMGTPE])", re.ASCII)
_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A claim that was made, or an emptyDir where the user says that the content may go.

    name     of the claim; ``""`` for an emptyDir and for a template
    targets  where it stands
    why      what is not quite the same
    """

    name: str = ""
    empty: bool = False
    template: bool = False
    targets: tuple[str, ...] = ()
    why: tuple[str, ...] = ()

    @property
    def source(self) -> dict[str, Any] | None:
        if self.template:
            return None
        return {"emptyDir": {}} if self.empty else {"persistentVolumeClaim": {"claimName": self.name}}


def is_size(answer: str) -> bool:
    """Whether an answer that may be a size or a name is a size: a number with a unit."""
    return _SIZE.fullmatch(answer) is not None


def existing(answer: str, code: str) -> dict[str, Any]:
    """The source of an existing claim, by the name that was answered."""
    return {"persistentVolumeClaim": {"claimName": object_name(answer, code)}}


def object_name(answer: str, code: str) -> str:
    """The name of an object that exists, as it was answered. Raises PodliftError ``answer-unfit``."""
    if _NAME.fullmatch(answer) is None:
        raise PodliftError(
            code="answer-unfit",
            phase="convert",
            subject=code,
            reason=f"{answer!r} is no name of an object",
            next_step=f"answer as podlift explain {code} says",
        )
    return answer


def claim(group: Group, *, place: Place, volume: str, size: str = "") -> Claimed | None:
    """A claim for a group's data under the pod volume's name ``volume``. None while the user must say its size or
    its access; the ledger is told.

    size  as decided; ``""``: measured, configured or asked for
    """
    why: list[str] = []
    if not size:
        size = _size(group, place, why)
        if size == EMPTY_DIR:
            return Claimed(empty=True, why=("its content goes with the pod, as decided",))
        if not size:
            return None
    else:
        _checked(size, "size")
    shared = tuple(sorted({name for use in group.uses for name in use.mount.shared_with}))
    template = place.controller is Controller.STATEFULSET and not shared
    needs_many = bool(shared) or (not template and several_pods(place.workload, place.controller, place.context))
    access = _access(group, place, needs_many, why)
    if access is None:
        return None
    mode, storage_class = access
    spec: dict[str, Any] = {"accessModes": [mode]}
    if storage_class:
        spec["storageClassName"] = storage_class
    spec["resources"] = {"requests": {"storage": size}}
    labels = {
        annotation_key(key.removeprefix("label:")): value
        for use in group.uses
        for key, value in use.mount.options.items()
        if key.startswith("label:")
    }
    if template:
        made = {"metadata": {"name": volume, "labels": place.context.labels(place.workload.name)}, "spec": spec}
        if labels:
            made["metadata"]["annotations"] = dict(sorted(labels.items()))
        place.templates.append(made)
        owners = dict.fromkeys(pod.partition(":")[0] for pod in place.context.pods)
        targets = tuple(f"{owner}:spec.volumeClaimTemplates[{volume}]" for owner in owners)
        return Claimed(template=True, targets=targets, why=("a claim for each pod", *why))
    name = place.context.names.claims.get((place.workload.name, group.first.claim)) or legal(
        f"{place.context.name(place.workload.name)}-{volume}"
    )
    metadata = (
        _shared_metadata(place, name, shared)
        if shared
        else place.context.metadata(place.workload.name, name=name, annotations=labels)
    )
    place.claims.append(
        {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec}
    )  # fmt: skip
    place.single_writer = place.single_writer or mode == ONE
    if shared:
        why.append(f"one claim with {', '.join(shared)}")
        why += _apart(place, shared)
    return Claimed(name=name, targets=(f"PersistentVolumeClaim/{name}:spec",), why=tuple(why))


def several_pods(workload: Workload, controller: Controller, context: Context) -> bool:
    """Whether more than one pod may run at once, beside rollouts."""
    if controller is Controller.DAEMONSET or len(context.pods) > 1:
        return True
    if controller is Controller.CRONJOB:
        return (workload.schedule or Schedule(cron="")).concurrency == "Allow"
    planned = sum(site.count for site in workload.replicas)
    most = sum(site.count for site in workload.scaling.max) if workload.scaling else 0
    return max(planned, most) > 1


def _size(group: Group, place: Place, why: list[str]) -> str:
    subject = f"volume {group.first.mount.source or group.first.mount.target}"
    answer = place.ledger.ask("volume-size", group.origins, subject)
    if answer == EMPTY_DIR:
        return EMPTY_DIR
    if answer is not None:
        return _checked(answer, "volume-size")
    known = [use.mount.size_bytes for use in group.uses if use.mount.size_bytes]
    if known:
        size = quantity.memory(math.ceil(max(known) / _MEBIBYTE) * _MEBIBYTE)
        why.append(f"{size} is what was measured or configured, without room to grow")
        return size
    place.ledger.undecided(
        group.origins, "volume-size", why=f"{subject}: a claim needs a size and no document says one", subject=subject
    )
    return ""


def _checked(size: str, code: str) -> str:
    if quantity.parse(size) < _MEBIBYTE:
        raise PodliftError(
            code="answer-unfit",
            phase="convert",
            subject=code,
            reason=f"{size!r} is too small for a volume",
            next_step="answer with a size and its unit, for example 5Gi",
        )
    return size


def _access(group: Group, place: Place, needs_many: bool, why: list[str]) -> tuple[str, str] | None:
    """Access mode and storage class (``""``: the cluster's default)."""
    classes = place.context.target.storage_classes
    mode = MANY if needs_many else ONE
    fitting = _fitting(classes, mode)
    if fitting is not None:
        return mode, fitting
    if not needs_many and not classes:
        return ONE, ""
    subject = f"volume {group.first.mount.source or group.first.mount.target}"
    answer = place.ledger.ask("volume-access", group.origins, subject)
    if answer is None:
        names = ", ".join(each.name for each in classes) or "not stated"
        place.ledger.undecided(
            group.origins,
            "volume-access",
            why=f"{subject}: it needs {mode}, and the target's storage classes ({names}) do not offer it",
            subject=subject,
        )
        return None
    why.append(f"{answer}, as decided" if answer == MANY else "all its pods must run on one node, as decided")
    return answer, _fitting(classes, answer) or ""


def _fitting(classes: tuple[StorageClass, ...], mode: str) -> str | None:
    """The default class if it offers the mode, else the first that does."""
    offering = sorted((c for c in classes if mode in c.access_modes), key=lambda c: not c.default)
    return offering[0].name if offering else None


def _shared_metadata(place: Place, name: str, shared: tuple[str, ...]) -> dict[str, Any]:
    """No workload's label: all that share it make the same object, and it is none's to delete."""
    made: dict[str, Any] = {"name": name}
    if namespace := place.context.namespace(place.workload.name):
        made["namespace"] = namespace
    made["labels"] = {MANAGED_BY: "podlift", ESTATE: label_value(place.context.estate), SHARED: "true"}
    made["annotations"] = {SHARED_BY: ",".join(sorted({place.workload.name, *shared}))}
    return made


def _apart(place: Place, shared: tuple[str, ...]) -> list[str]:
    own = place.context.namespace(place.workload.name)
    others = [name for name in shared if place.context.namespace(name) != own]
    return [f"{', '.join(others)} is in another namespace and has a claim of its own"] if others else []

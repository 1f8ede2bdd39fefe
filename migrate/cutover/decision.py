"""What a run may do next: one of these values, from machine.py; driver.py carries it out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from .run import Run

TIMEOUT = "cutover-timeout"


class Verb(StrEnum):
    CREATE = "create"
    PATCH = "patch"
    DELETE = "delete"
    RESTART = "set-restart"
    STOP = "stop"
    START = "start"
    REMOVE = "remove"
    HOOK = "hook"


def made(title: str) -> str:
    """Among Run.done: an object, as ``Kind/name``, that the run has begun to make."""
    return f"made {title}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One write. ``kind``: of a Kubernetes object, ``Container`` (``name``: HOST/ID) or ``Hook``.

    body      the object, the merge patch or the restart policy
    uid, version   which very object is meant, as it was seen
    """

    verb: Verb
    kind: str
    name: str
    api_version: str = "v1"
    body: Mapping[str, Any] = field(default_factory=dict)
    uid: str = ""
    version: str = ""
    grace_s: float = 0

    @property
    def what(self) -> str:
        return f"{self.verb} {self.kind}/{self.name}"

    @property
    def begun(self) -> frozenset[str]:
        """What is among Run.done from before it is done on: whether a hook was run cannot be seen later, nor which run
        made what stands."""
        if self.verb is Verb.HOOK:
            return frozenset({f"begun {self.name}"})
        return frozenset({made(f"{self.kind}/{self.name}")} if self.verb is Verb.CREATE else ())

    @property
    def on_legacy(self) -> bool:
        return self.kind == "Container"


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """``known``: what the journal keeps of a stop: who was connected."""

    action: Action
    why: str
    known: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """Only the journal changes."""

    run: Run
    why: str


class Question(StrEnum):
    """``draw``: who answers a Service, from every node; ``ask``: whether pods and instances answer; ``count``: the
    connections that instances hold; ``analyse``: whether the gates let it go on; ``frozen``: whether the legacy
    scheduler leaves the workload alone; ``parity``: whether pod and instance answer the same; ``reach``: whether pods
    get to where containers connect to, of nodes; ``end``: what becomes of connections to a pod that is told to end."""

    DRAW = "draw"
    ASK = "ask"
    COUNT = "count"
    ANALYSE = "analyse"
    FROZEN = "frozen"
    PARITY = "parity"
    REACH = "reach"
    END = "end"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """``of``: Services, or keys of pods (UID) and instances (HOST/ID), or the name of what is analysed. ``timeout_s``,
    ``code``: as Wait's."""

    question: Question
    of: tuple[str, ...]
    why: str
    timeout_s: float = 0
    code: str = TIMEOUT


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """The slices are to follow: the keeper's turn."""

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Nothing to do but to look again; after ``timeout_s`` of the same the run pauses (0: never), by ``code``."""

    why: str
    timeout_s: float = 0
    code: str = TIMEOUT


@dataclass(frozen=True, slots=True, kw_only=True)
class Approve:
    """A user's word is needed. ``state``: before which, or the address of a client that goes past the Service."""

    state: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """The run cannot go on by itself. ``code`` is one of the catalogue's."""

    code: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """There is nothing left to do: the run has ended, or waits for ``finalize``, or has come as far as it may."""

    why: str


Decision = Act | Commit | Measure | Keep | Wait | Approve | Pause | Rest

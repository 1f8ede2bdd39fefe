"""The lock of a run: a Lease, so that one process drives it. It is no fence; the journal's epoch is.

The age of another's lease is measured by our own clock since we last saw it change (client-go's rule), and by
CLOCK_BOOTTIME, which goes on while a machine sleeps.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from converters.errors import PodliftError
from converters.objects.context import MANAGED_BY, WORKLOAD

from .clock import rfc3339
from .edges import Api, Clock
from .endpoints import KEEPER, KEEPER_PART, LEASE, MANAGER, lease_name

_MARGIN = 1.5


def lasting(for_s: float) -> float:
    """How long a lease is to last before what takes so long."""
    return for_s * _MARGIN


def lasted(lease_s: float) -> float:
    """What takes so long a lease that lasts for ``lease_s`` is enough for."""
    return lease_s / _MARGIN


class Lock:
    """``holder``: user, machine, process and a random part: two processes never share one.

    epoch       how often it was taken, by whomever, while this Lease stands; 0 before this holder took it
    taken_from  who held it before, ``""``: nobody
    note        what others may want to know, as an annotation; it goes with the next renewal
    """

    def __init__(
        self, api: Api, clock: Clock, *, namespace: str, workload: str, holder: str, lease_s: float, part: str = ""
    ) -> None:
        """``part``: ``keeper`` for the Lease cutover-WORKLOAD-keeper; the driver's has none."""
        self._api = api
        self._clock = clock
        self._namespace = namespace
        self._name = lease_name(workload, part)
        self._workload = workload
        self.holder = holder
        self.epoch = 0
        self.taken_from = ""
        self.note = ""
        self._lease_s = lease_s
        self._lasts_s = lease_s
        self._renewed: float | None = None
        # who held it, and the renewal that was seen last; since when, by our own clock
        self._seen: tuple[tuple[str, str], float] | None = None
        self._other_lasts_s = lease_s

    def of_keeper(self) -> Lock:
        """The Lease of the run's keeper, for the same holder."""
        return Lock(
            self._api,
            self._clock,
            namespace=self._namespace,
            workload=self._workload,
            holder=self.holder,
            lease_s=self._lease_s,
            part=KEEPER_PART,
        )

    @property
    def held(self) -> bool:
        """As far as this holder knows."""
        return self._renewed is not None

    @property
    def age_s(self) -> float:
        """Since this holder last renewed it, by the time before the call went out."""
        return float("inf") if self._renewed is None else self._clock.boot() - self._renewed

    @property
    def other(self) -> str:
        """Who else was seen to hold it last."""
        return "" if self._seen is None else self._seen[0][0]

    @property
    def silent_s(self) -> float:
        """Since it was last seen to be renewed by another; 0 where it is ours, or was not looked at."""
        return 0.0 if self.held or self._seen is None else self._clock.boot() - self._seen[1]

    @property
    def other_lasts_s(self) -> float:
        """How long another's lasts from its last renewal on, as far as was seen; longer than ours before a long act."""
        return self._other_lasts_s

    def covers(self, seconds: float) -> bool:
        """Whether what takes so long ends before anybody else may begin."""
        return self.age_s + seconds < self._lasts_s

    def acquire(self, *, take_over: bool = False) -> None:
        """Waits while another holds it and lives, for as long as its lease lasts. Raises PodliftError
        ``cutover-locked`` where it is renewed meanwhile. ``take_over``: does not wait."""
        first: tuple[str, str] | None = None
        while not self.attempt(take_over=take_over):
            assert self._seen is not None
            if first is not None and self._seen[0] != first:
                raise self._locked(self._seen[0][0])
            first = self._seen[0]
            self._clock.sleep(min(1.0, self._lease_s / 10))

    def attempt(self, *, take_over: bool = False, heir_of: str = "") -> bool:
        """One look: takes it where nobody holds it, or nobody has renewed it for as long as it lasts. ``heir_of``: of
        that holder it is known that it is gone."""
        while True:
            live = self._api.get(LEASE, "Lease", self._namespace, self._name)
            if live is None:
                if self._created():
                    return True
                continue
            spec = live.get("spec") or {}
            other, now = spec.get("holderIdentity") or "", self._clock.boot()
            mark = other, str(spec.get("renewTime"))
            if self._seen is None or self._seen[0] != mark:
                self._seen = mark, now
            self._other_lasts_s = float(spec.get("leaseDurationSeconds", self._lease_s))
            over = now - self._seen[1] >= self._other_lasts_s
            if not (take_over or over or other in ("", self.holder, heir_of)):
                return False
            if self._taken(live):
                self.taken_from = other
                return True

    def renew(self, *, for_s: float = 0) -> bool:
        """Whether it is still ours. ``for_s``: what is about to be done takes so long, and the lease lasts longer.
        Raises PodliftError as the cluster does."""
        live = self._api.get(LEASE, "Lease", self._namespace, self._name)
        if live is None or (live.get("spec") or {}).get("holderIdentity") != self.holder:
            self._renewed = None
            return False
        return self._taken(live, max(self._lease_s, lasting(for_s)))

    def release(self, *, remove: bool = True) -> None:
        """Nobody holds it any more; harmless where it is not ours. ``remove``: nor is it there, and counts from 1
        again."""
        live = self._api.get(LEASE, "Lease", self._namespace, self._name)
        if live is not None and (live.get("spec") or {}).get("holderIdentity") == self.holder:
            metadata = live["metadata"]
            try:
                if remove:
                    uid, version = metadata["uid"], metadata["resourceVersion"]
                    self._api.delete(LEASE, "Lease", self._namespace, self._name, uid=uid, version=version)
                else:
                    body = {
                        "metadata": {"resourceVersion": metadata["resourceVersion"], "annotations": {KEEPER: None}},
                        "spec": {"holderIdentity": ""},
                    }
                    self._api.patch(LEASE, "Lease", self._namespace, self._name, body, manager=MANAGER)
            except PodliftError as error:
                # somebody has taken it
                if error.code not in ("object-changed", "object-missing"):
                    raise
        self._renewed = None

    def _created(self) -> bool:
        began = self._clock.boot()
        try:
            self._api.create(self._object(self._lease_s, self.epoch + 1), manager=MANAGER)
        except PodliftError as error:
            if error.code != "object-exists":
                raise
            return False
        self._renewed, self._lasts_s, self.epoch, self.taken_from = began, self._lease_s, self.epoch + 1, ""
        return True

    def _taken(self, live: Mapping[str, Any], lease_s: float = 0) -> bool:
        began, lasts_s = self._clock.boot(), lease_s or self._lease_s
        spec = live.get("spec") or {}
        epoch = int(spec.get("leaseTransitions") or 0) + (spec.get("holderIdentity") != self.holder)
        body = self._object(lasts_s, epoch)
        body["metadata"] |= {
            "resourceVersion": live["metadata"]["resourceVersion"],
            "annotations": {KEEPER: self.note or None},
        }
        try:
            self._api.patch(LEASE, "Lease", self._namespace, self._name, body, manager=MANAGER)
        except PodliftError as error:
            if error.code not in ("object-changed", "object-missing"):
                raise
            self._renewed = None
            return False
        self._renewed, self._lasts_s, self.epoch = began, lasts_s, epoch
        return True

    def _object(self, lease_s: float, epoch: int) -> dict[str, Any]:
        return {
            "apiVersion": LEASE,
            "kind": "Lease",
            "metadata": {
                "name": self._name,
                "namespace": self._namespace,
                "labels": {MANAGED_BY: "podlift", WORKLOAD: self._workload},
            },
            "spec": {
                "holderIdentity": self.holder,
                "leaseDurationSeconds": max(1, math.ceil(lease_s)),
                "leaseTransitions": epoch,
                "renewTime": rfc3339(self._clock.now()),
            },
        }

    def _locked(self, other: str) -> PodliftError:
        return PodliftError(
            code="cutover-locked",
            phase="cutover",
            subject=self._workload,
            reason=f"{other} drives its cutover",
            next_step="podlift cutover status -w watches it; resume --take-over takes it away from there",
        )

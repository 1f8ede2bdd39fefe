"""The lock of a run: a Lease, so that one process drives it. It is no fence; the journal's epoch is.

The age of another's lease is measured by our own clock since we last saw it change (client-go's rule), and by
CLOCK_BOOTTIME, which goes on while a machine sleeps.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from converters.errors import PodliftError
from converters.objects.context import MANAGED_BY, WORKLOAD

from .edges import Api, Clock
from .endpoints import MANAGER

_API = "coordination.k8s.io/v1"


class Lock:
    """``holder``: user, machine, process and a random part: two processes never share one."""

    def __init__(self, api: Api, clock: Clock, *, namespace: str, workload: str, holder: str, lease_s: float) -> None:
        self._api = api
        self._clock = clock
        self._namespace = namespace
        self._name = f"cutover-{workload}"
        self._workload = workload
        self.holder = holder
        self._lease_s = lease_s
        self._renewed: float | None = None

    @property
    def age_s(self) -> float:
        """Since this holder last renewed it, by the time before the call went out."""
        return float("inf") if self._renewed is None else self._clock.boot() - self._renewed

    def acquire(self, *, take_over: bool = False) -> None:
        """Waits while another holds it and lives, for as long as its lease lasts. Raises PodliftError
        ``cutover-locked`` where it is renewed meanwhile. ``take_over``: does not wait."""
        seen: tuple[str, str] | None = None
        since = self._clock.boot()
        while True:
            live = self._api.get(_API, "Lease", self._namespace, self._name)
            if live is None:
                began = self._clock.boot()
                try:
                    self._api.create(self._object(self._lease_s), manager=MANAGER)
                except PodliftError as error:
                    if error.code != "object-exists":
                        raise
                    continue
                self._renewed = began
                return
            spec = live.get("spec") or {}
            other = spec.get("holderIdentity") or ""
            mark = other, str(spec.get("renewTime"))
            if other in ("", self.holder) or take_over:
                if self._taken(live):
                    return
                continue
            if seen is not None and mark != seen:
                raise self._locked(other)
            seen = mark
            if self._clock.boot() - since >= float(spec.get("leaseDurationSeconds", self._lease_s)):
                if self._taken(live):
                    return
                continue
            self._clock.sleep(min(1.0, self._lease_s / 10))

    def renew(self, *, for_s: float = 0) -> bool:
        """Whether it is still ours. ``for_s``: what is about to be done takes so long, and the lease lasts longer.
        Raises PodliftError as the cluster does."""
        live = self._api.get(_API, "Lease", self._namespace, self._name)
        if live is None or (live.get("spec") or {}).get("holderIdentity") != self.holder:
            self._renewed = None
            return False
        return self._taken(live, max(self._lease_s, for_s * 1.5))

    def release(self) -> None:
        """Nobody holds it any more; harmless where it is not ours."""
        live = self._api.get(_API, "Lease", self._namespace, self._name)
        if live is not None and (live.get("spec") or {}).get("holderIdentity") == self.holder:
            self._api.delete(_API, "Lease", self._namespace, self._name, uid=live["metadata"]["uid"])
        self._renewed = None

    def _taken(self, live: Mapping[str, Any], lease_s: float = 0) -> bool:
        began = self._clock.boot()
        body = self._object(lease_s or self._lease_s)
        body["metadata"]["resourceVersion"] = live["metadata"]["resourceVersion"]
        try:
            self._api.patch(_API, "Lease", self._namespace, self._name, body, manager=MANAGER)
        except PodliftError as error:
            if error.code not in ("object-changed", "object-missing"):
                raise
            return False
        self._renewed = began
        return True

    def _object(self, lease_s: float) -> dict[str, Any]:
        now = datetime.fromtimestamp(self._clock.now(), UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        return {
            "apiVersion": _API,
            "kind": "Lease",
            "metadata": {
                "name": self._name,
                "namespace": self._namespace,
                "labels": {MANAGED_BY: "podlift", WORKLOAD: self._workload},
            },
            "spec": {
                "holderIdentity": self.holder,
                "leaseDurationSeconds": max(1, math.ceil(lease_s)),
                "renewTime": now,
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

"""The service account of a workload's pods: one of its own, without a token, since a container of Docker had no
credentials of the cluster either."""

from __future__ import annotations

from typing import Any

from ..fields.ledger import Ledger
from ..workload import Workload
from .context import Context


def account(workload: Workload, *, context: Context, ledger: Ledger) -> dict[str, Any]:
    """The ServiceAccount; the pod names it as ``serviceAccountName``."""
    name = context.name(workload.name)
    ledger.defaulted(
        "account-default", f"ServiceAccount/{name}:automountServiceAccountToken",
        why="no token of the cluster lies in the pods",
    )  # fmt: skip
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": context.metadata(workload.name),
        "automountServiceAccountToken": False,
    }

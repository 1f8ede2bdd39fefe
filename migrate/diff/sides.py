"""What a plan can be held against beside plans, dumps, clusters and captures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from converters.capture import Capture

    from ..cluster import Cluster
    from ..hosts_file import HostEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """What runs on both sides: the containers of hosts (read when asked, or already in a capture), and the pods of a
    cluster."""

    cluster: Cluster
    hosts: Sequence[HostEntry] | Capture

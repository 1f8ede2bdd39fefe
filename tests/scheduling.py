"""Which worker runs which test: all that use the cluster run on one, each other test where there is room.

One cluster takes more of a machine with two cores than a second worker gives. (xdist's own groups would say this too,
but it writes them into names that pytest 9.2 does not let it change.)
"""

from __future__ import annotations

from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

CLUSTER = ("tests/cluster/", "tests/docs/test_docs.py")


class OneCluster(LoadScopeScheduling):  # type: ignore[misc]
    """Tests of the cluster are one piece of work, the biggest; each other test is one of its own."""

    def _split_scope(self, nodeid: str) -> str:
        return "cluster" if nodeid.startswith(CLUSTER) else nodeid

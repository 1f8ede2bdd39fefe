"""How long a preview says that a run takes at least."""

from __future__ import annotations

from dataclasses import replace

from migrate.cutover.previewing import durations
from migrate.cutover.run import Timings
from tests.cutover.model import Model


def test_by_state_with_the_default_timings() -> None:
    """Three windows of a minute, half a minute between them, take four; what was measured is some seconds more
    (docs/benchmarks.md, 10)."""
    spec = replace(Model(pods=2, legacy=2).spec(), timings=Timings(), steps=(1, 2))
    assert durations(spec) == {
        "BRIDGED": 10,
        "FRONTED": 600,
        "SHIFT": 310,
        "PROMOTED": 560,
        "STANDBY": 500,
        "DRAINED": 1800,
        "STOPPED": 320,
    }
    assert durations(replace(spec, resolved_before=True))["FRONTED"] == 0

"""The journal says what each state rests on."""

from __future__ import annotations

from tests.cutover.killing import finished
from tests.cutover.model import Model


def test_each_state_rests_on_what_was_seen_on_every_node() -> None:
    entry = finished(Model(pods=2, legacy=1), []).journal.read()
    assert entry is not None
    evidence = entry.run.evidence
    assert {"BRIDGED", "SHIFT", "PROMOTED", "STANDBY", "STOPPED"} <= evidence.keys()
    for state in ("BRIDGED", "SHIFT", "PROMOTED", "STANDBY", "STOPPED"):
        assert "connections from 2 nodes" in evidence[state], state
    assert "keep off" in evidence["STOPPED"]
    # nothing has been drawn before there was a Service
    assert "PREFLIGHT" not in evidence

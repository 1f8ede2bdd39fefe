"""What the ledger says of a source beside its level."""

from __future__ import annotations

from converters.decisions import Answered, Decisions
from converters.fields.ledger import Ledger
from tests.workloads import atom


def test_a_verdict_that_an_answer_settled_asks_for_nothing_more() -> None:
    """What a code tells people to do is a question: it stands on an open verdict and not on an answered one."""
    origins = atom("h1/container/web-1", "HostConfig.Binds[/data]")
    for answers, asks in (((), True), ((Answered(code="bind", answer="hostPath"),), False)):
        ledger = Ledger("web", Decisions(answers=answers))
        ledger.ask("bind", origins)
        ledger.approximated(origins, "bind", why="the path of the node")
        (verdict,) = ledger.verdicts()
        assert bool(verdict.todo) is asks

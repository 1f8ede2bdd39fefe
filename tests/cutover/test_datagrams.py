"""A container that takes datagrams is stopped when none has come for a window; what a user says of them decides when
its flows move."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import pytest

from migrate.cutover.datagrams import heard
from migrate.cutover.driver import Outcome
from migrate.cutover.edges import Backend, Flow, Flows
from tests.cutover.killing import Kill, asked, finished, labels_of, wrongs
from tests.cutover.model import NODE, TIMINGS, Killed, Model, Sender

UNTRACKED = "its host's kernel tracks no connections"
FIRST = "c0" * 8
CLIENT, OTHER = "10.244.0.7", "203.0.113.7"


def world(udp: str, *senders: Sender, legacy: int = 1) -> Model:
    made = Model(udp=udp, legacy=legacy)
    made.senders = list(senders)
    return made


def driven(made: Model, holder: str = "one", **more: object) -> tuple[Outcome, str]:
    if not made.begun:
        made.begin(**more)
    return made.driver(holder).drive(resume=True)


def evidence(made: Model, state: str) -> str:
    entry = made.journal.read()
    assert entry is not None
    return entry.run.evidence[state]


def test_datagrams_that_stand_alone_move_when_the_container_leaves_the_slices() -> None:
    """The client never stops; nothing that it sends gets to a container that is gone."""
    made = world("datagrams", Sender(CLIENT, FIRST))
    outcome, why = driven(made)
    assert (outcome, made.state) == (Outcome.REST, "STOPPED"), why
    assert made.wrongs == []
    assert made.senders[0].on == ""
    assert "no datagram for 3 s by conntrack" in evidence(made, "STOPPED")


def test_sessions_are_let_end_while_the_container_stands_by() -> None:
    made = world("sessions", Sender(CLIENT, FIRST, session=True))
    made.senders[0].until = made.time + 40
    outcome, why = driven(made, timings=replace(TIMINGS, drain_timeout_s=60))
    assert (outcome, made.state) == (Outcome.REST, "STOPPED"), why
    assert made.wrongs == []
    assert "; web-0 on h0: no datagram for 3 s by conntrack" in evidence(made, "DRAINED")


def test_sessions_that_do_not_end_hold_the_run_and_are_listed() -> None:
    made = world("sessions", Sender(CLIENT, FIRST, session=True), Sender(NODE, FIRST, session=True))
    outcome, why = driven(made)
    assert (outcome, made.state) == (Outcome.PAUSED, "BAKING")
    assert why == (f"cutover-not-drained: web-0 on h0 had datagrams within 3 s, in 2 flows: 1 of {NODE}, 1 of {CLIENT}")
    assert made.wrongs == []
    for each in made.senders:
        each.until = made.time
    assert driven(made, "two")[0] is Outcome.REST
    assert made.wrongs == []


def test_a_user_may_have_it_stopped_all_the_same() -> None:
    """The journal says with whose."""
    made = world("sessions", Sender(CLIENT, FIRST))
    assert driven(made, on_drain_timeout="stop")[0] is Outcome.REST
    assert f"datagrams in 1 flows of {CLIENT}" in evidence(made, "DRAINED")


def test_flows_that_may_be_cut_are_not_waited_for() -> None:
    made = world("cut", Sender(CLIENT, FIRST, session=True))
    assert driven(made)[0] is Outcome.REST
    assert "web-0 on h0: flows of UDP may be cut" in evidence(made, "DRAINED")
    assert made.wrongs == [f"the session of {CLIENT} went to a pod"]


@pytest.mark.parametrize("udp", ["datagrams", "cut"])
def test_flows_to_two_containers_at_one_address_move_together(udp: str) -> None:
    """Proxies look at addresses alone: a flow to the one would stay where it ends as long as the other serves."""
    made = world(udp, Sender(CLIENT, FIRST), legacy=2)
    one, other = made.containers
    other.host, other.address, other.port = one.host, one.address, one.port + 1
    outcome, why = driven(made)
    assert (outcome, made.wrongs) == (Outcome.REST, []), why


def test_what_nobody_can_tell_holds() -> None:
    """A user says twice that it may go on: before STANDBY, and of the stop."""
    made = world("datagrams")
    made.unheard = UNTRACKED
    made.begin()
    outcome, why = made.driver(no_wait=True).drive()
    assert outcome is Outcome.APPROVAL
    assert why == f"STANDBY: who sends datagrams to web-0 on h0 past the Service is unknown: {UNTRACKED}"
    asked(made, approve=("STANDBY",))
    outcome, why = driven(made, "two")
    assert outcome is Outcome.PAUSED
    assert why == f"cutover-not-drained: whether datagrams come to web-0 on h0 is unknown: {UNTRACKED}"
    assert made.containers[0].running
    made = world("datagrams")
    made.unheard = "no command can be run on its host"
    made.begin(on_drain_timeout="stop", approvals=())
    asked(made, approve=("STANDBY",))
    assert driven(made)[0] is Outcome.REST
    assert "datagrams that are unknown" in evidence(made, "STOPPED")


def test_who_sends_past_the_service_holds_the_run_before_fronted() -> None:
    """As often as it sends, for it opens no connection; the front hook leads it to the Service."""
    made = world("datagrams", Sender(OTHER, FIRST, direct=True))
    made.begin()
    outcome, why = made.driver(no_wait=True).drive()
    assert (outcome, made.state) == (Outcome.APPROVAL, "BRIDGED")
    assert why.startswith(f"{OTHER}: {OTHER} calls web-0 on h0 (")
    asked(made, approve=(OTHER,))
    outcome, why = driven(made, "two")
    # accepted, it is told of again where it would be cut
    assert (outcome, made.state) == (Outcome.PAUSED, "DRAINED"), why
    assert f"in 1 flows of {OTHER}" in why


def test_it_is_quiet_by_what_this_driver_heard() -> None:
    """Killed in the drain, however long it goes on already: the next one listens for a whole window first."""
    made = world("datagrams", Sender(CLIENT, FIRST))

    def killed(label: str) -> str:
        if ": stop h0" in label:
            raise Killed
        return ""

    made.on_write = killed
    made.begin(timings=replace(TIMINGS, udp_quiet_s=30, drain_timeout_s=60))
    with pytest.raises(Killed):
        made.driver().drive()
    made.time += 1000
    looked = list[float]()

    def flows(host: str, backend: Backend, within: Collection[Backend]) -> Flows | str:  # noqa: ARG001
        looked.append(made.time)
        return Flows(flows=frozenset(), kept_s=30)

    made.flows = flows  # type: ignore[method-assign]
    with pytest.raises(Killed):
        made.driver("two").drive(resume=True)
    assert made.time - looked[0] >= 30


def flows(*lasts: float | None) -> list[Flows]:
    """Of one client each."""
    return [Flows(flows=frozenset(Flow(f"flow {n}", f"10.0.0.{n}", each) for n, each in enumerate(lasts)), kept_s=30)]


def test_a_flow_whose_end_moves_had_a_datagram() -> None:
    """What the kernel rounds, and what a look takes, moves it by a second or two; what is seen first may just have
    come; what is not told goes on."""
    first = heard(None, flows(130.4, 120.0, None), 1000.0, keep_s=60)
    assert {address for address, at in first.last.values() if at == 1000.0} == {"10.0.0.0", "10.0.0.1", "10.0.0.2"}
    then = heard(first, flows(131.0, 124.0, None), 1005.0, keep_s=60)
    assert {address for address, at in then.last.values() if at == 1005.0} == {"10.0.0.1", "10.0.0.2"}
    # little by little is on the whole as much
    last = heard(then, flows(132.6, 124.0), 1008.0, keep_s=60)
    assert [address for address, at in last.last.values() if at == 1008.0] == ["10.0.0.0"]
    assert last.since == 1000.0
    assert set(heard(last, flows(), 1066.0, keep_s=60).last) == {"flow 0"}


@pytest.mark.parametrize(("kept_s", "since"), [(30, 1000.0), (5, 1008.0)])
def test_what_came_and_was_forgotten_between_two_looks_was_not_seen(kept_s: float, since: float) -> None:
    looks = [Flows(flows=frozenset(), kept_s=kept_s)]
    assert heard(heard(None, looks, 1000.0, keep_s=60), looks, 1008.0, keep_s=60).since == since


@pytest.mark.prove
@pytest.mark.parametrize("udp", ["datagrams", "sessions"])
def test_killed_at_any_write_no_datagram_is_lost(udp: str) -> None:
    def make() -> Model:
        made = world(udp, Sender(CLIENT, FIRST, session=udp == "sessions"))
        made.timings = replace(TIMINGS, drain_timeout_s=60)
        made.senders[0].until = made.time + 40 if udp == "sessions" else None
        return made

    assert wrongs(finished(make(), [])) == []
    points = [each for each in labels_of(make) if "create ConfigMap" not in each[0] and not each[0].endswith(" ask")]
    for label, nth in points:
        assert wrongs(finished(make(), [Kill(label, nth, "after")])) == [], (label, nth)

"""A run's status: from the journal, the cluster and the engines of a run that is driven on the model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import jsonschema
import pytest

from migrate.cutover.driver import Outcome
from migrate.cutover.edges import Backend
from migrate.cutover.endpoints import KEEPER
from migrate.cutover.gates.judging import Side, Tally, Target, judge, rules_of
from migrate.cutover.history import gates_of, pauses_of, share_of, spans_of
from migrate.cutover.journal import Entry, Requests
from migrate.cutover.observing import observe
from migrate.cutover.run import Direction, Intent
from migrate.cutover.states import FORWARD, State
from migrate.cutover.status import Held, Status, held_by, status_of
from migrate.cutover.world import World
from migrate.report.cutover_json import status_json
from migrate.report.cutover_views import history_table, status_table
from migrate.schemas import schema
from tests.cutover.killing import Kill, asked, finished, labels_of
from tests.cutover.model import SPACE, TIMINGS, LegacyContainer, Model

ALIVE = Held(holder="me@here:1", age_s=2, lease_s=6)


def entry_of(world: Model) -> Entry:
    entry = world.journal.read()
    assert entry is not None
    return entry


def seen(world: Model, lock: Held | None = None, keeper: Held | None = None) -> Status:
    entry = entry_of(world)
    return status_of(entry, observe(world, world, entry.spec, world), now=world.now(), lock=lock, keeper=keeper)


@cache
def straight() -> Model:
    return finished(Model(pods=4, legacy=2), [])


@cache
def aborted() -> Model:
    """Asked for when half of the pods had been admitted."""
    made = Model(pods=4, legacy=2)
    shift = [(label, nth) for label, nth in labels_of(lambda: Model(pods=4, legacy=2)) if "SHIFT" in label]
    label, nth = shift[len(shift) // 2]
    return finished(made, [Kill(label, nth, "after", abort=True)])


def held_before(state: State, **more: Any) -> Model:
    made = Model(pods=2, legacy=2)
    made.begin(approvals=(state.value,), **more)
    assert made.driver(no_wait=True).drive()[0] is Outcome.APPROVAL
    return made


def test_where_a_run_stands_that_waits_for_a_word() -> None:
    """Who takes callers, how far the schedule is, and which command lets it go on."""
    world = held_before(State.SHIFT)
    status = seen(world, lock=ALIVE)
    assert (status.state, status.direction, status.approvals) == ("DEPLOYED", "forward", ("SHIFT",))
    assert status.waiting is not None
    assert status.waiting.what == "podlift cutover approve web SHIFT: the first pods are to take callers"
    (service,) = status.services
    assert service.selects == "admitted"
    assert [(each.source, each.of, each.condition, each.share) for each in service.takers] == [
        ("legacy", "web-0 on h0", "ready", 0.5),
        ("legacy", "web-1 on h1", "ready", 0.5),
    ]
    assert [(each.pods, each.standing_by, each.done) for each in status.steps] == [
        (1, 0, False),
        (2, 0, False),
        (2, 1, False),
        (2, 2, False),
    ]
    assert [each.admitted for each in status.pods] == [False, False]
    assert [each.state for each in status.containers] == ["running", "running"]
    told = status_table(status)
    assert told.startswith("web: DEPLOYED, pods take 0 % of new connections\n")
    assert "web      legacy  10.99.0.2:18080  ready      50 %   web-0 on h0" in told


def test_legacy_instances_stand_by_one_after_the_other() -> None:
    """The merged view says who of them is in standby, and the schedule counts them."""
    world = held_before(State.DRAINED)
    status = seen(world)
    (service,) = status.services
    assert {(each.source, each.condition, each.share) for each in service.takers} == {
        ("pod", "ready", 0.5),
        ("legacy", "standby", 0.0),
    }
    assert status.pods_share == 1
    assert all(each.done for each in status.steps)
    assert [(each.restart, each.original) for each in status.containers] == [("always", "always")] * 2


def test_an_endpoint_that_is_down() -> None:
    """Neither ready nor in standby: nobody is sent there."""
    world = held_before(State.SHIFT)
    for (kind, _), each in world.store.items():
        if kind == "EndpointSlice" and each["endpoints"]:
            each["endpoints"][0]["conditions"] = {"ready": False, "serving": False, "terminating": False}
    takers = seen(world).services[0].takers
    assert [each.condition for each in takers].count("down") >= 1
    assert sum(each.share for each in takers) == (1 if any(each.condition == "ready" for each in takers) else 0)


def test_every_moment_of_a_run_keeps_the_schema() -> None:
    """At each write of a whole run; the shares of those who take callers are one whole."""
    world = Model(pods=2, legacy=2)
    validator = jsonschema.Draft202012Validator(schema("cutover-status"))
    states: list[str] = []
    shares: list[float] = []

    def look(_label: str) -> str:
        status = seen(world, lock=ALIVE, keeper=ALIVE)
        validator.validate(status_json(status))
        assert status_table(status)
        states.append(status.state)
        shares.extend(sum(each.share for each in service.takers) for service in status.services if service.takers)
        return ""

    world.begin()
    world.on_write = look
    world.driver().drive(resume=True)
    asked(world, finalize=True)
    world.driver("two").drive(resume=True)
    assert list(dict.fromkeys(states)) == [each.value for each in FORWARD if each is not State.FINALIZED]
    assert shares
    assert all(each == pytest.approx(1) for each in shares)
    validator.validate(status_json(seen(world)))


def test_the_share_of_pods_as_it_was() -> None:
    """The history's share is that of the Service's endpoints at every write, and comes by the schedule's steps."""
    world = Model(pods=4, legacy=2)
    true: list[float] = []

    def look(_label: str) -> str:
        entry = entry_of(world)
        for service in observe(world, world, entry.spec, world).services.values():
            if service.takers and (not true or true[-1] != round(service.pods_share, 4)):
                true.append(round(service.pods_share, 4))
        return ""

    world.begin()
    world.on_write = look
    world.driver().drive(resume=True)
    status = seen(world)
    assert [share for _, share in status.share] == true
    assert {round(each.share, 4) for each in status.steps} < set(true)
    times = [at for at, _ in status.share]
    assert times == sorted(times)


def test_the_share_of_pods_on_the_way_back() -> None:
    """It rises, and ends at nothing."""
    status = seen(aborted())
    shares = [share for _, share in status.share]
    assert (status.state, max(shares) > 0.3, shares[-1]) == ("ROLLED_BACK", True, 0)
    assert [each.state for each in status.spans][-2:] == ["ROLLING_BACK", "ROLLED_BACK"]
    assert not any(each.done for each in status.steps)
    assert status.waiting is None
    assert not status.keeper_away


def test_what_a_run_leaves() -> None:
    """After its end: a wide Service, no slices and no labels, stopped containers, a journal that may go. In the middle:
    slices, labels and a journal that is held."""
    left = seen(straight()).left
    assert left == (
        "Service web: it selects every pod",
        "container web-0 on h0: stopped, restart policy no",
        "container web-1 on h1: stopped, restart policy no",
        "journal ConfigMap cutover-web: free to go",
    )
    amid = "\n".join(seen(held_before(State.STANDBY)).left or ())
    assert "Service web: it selects every pod\nEndpointSlice web-legacy-" in amid
    assert ": 2 legacy endpoints\nlabel podlift.dev/admitted on 2 pods: " in amid
    assert amid.endswith("journal ConfigMap cutover-web: held by a finalizer")


def of(**changes: Any) -> Entry:
    """A run as it is changed, of which the last line is no intent."""
    entry = entry_of(straight())
    spec = replace(entry.spec, **changes.pop("spec", {}))
    requests = changes.pop("requests", Requests())
    history = ({"at": 990.0, "state": "SHIFT", "event": changes.pop("event", "note"), "text": "the last line"},)
    run = replace(entry.run, **{"done": frozenset(), "since": {}, "bakes": 0, "baked_s": 0, **changes})
    return replace(entry, spec=spec, run=run, requests=requests, history=history)


@pytest.mark.parametrize(
    ("entry", "lock", "what", "since", "until"),
    [
        (of(state=State.SHIFT, requests=Requests(abort=True)), ALIVE, "what was asked: abort", 990, None),
        (of(state=State.SHIFT, paused="cutover-not-drained: 3 of x"), None, "cutover resume web, or abort", 990, None),
        (of(state=State.STOPPED, since={"STOPPED": 980.0}), None, "cutover finalize web", 980, None),
        (of(state=State.STANDBY, spec={"hooks": {}}), None, "a freeze hook", 990, None),
        (of(state=State.SHIFT), None, "a driver: podlift cutover resume web", 990, None),
        (of(state=State.SHIFT), Held(holder="x", age_s=9, lease_s=6), "a driver: ", 990, None),
        (of(state=State.SHIFT), ALIVE, "what follows from: the last line", 990, None),
        (of(state=State.SHIFT, step=1, since={"shift-1": 999.5}), ALIVE, "the step's own time", 999.5, 1000.5),
        (of(state=State.SHIFT, step=1, since={"shift-1": 998.0}), ALIVE, "what follows from", 990, None),
        (of(state=State.BAKING, since={"BAKING": 999.0}), ALIVE, "the end of the bake", 999, 1001),
        (
            of(state=State.BAKING, since={"BAKING": 900.0, "baked": 999.5}, bakes=1, baked_s=1.0),
            ALIVE,
            "the end of the bake",
            900,
            1000.5,
        ),
        (
            # who drives it now began then: nobody looked before
            of(
                state=State.BAKING,
                since={"BAKING": 900.0},
                event="take-over",
                spec={"timings": replace(TIMINGS, bake_s=20)},
            ),
            ALIVE,
            "the end of the bake",
            900,
            1010,
        ),
        (of(state=State.BAKING, since={"BAKING": 9.0, "drain": 995.0}), ALIVE, "connections to the", 995, 1005),
        (of(state=State.DRAINED, since={"soak": 999.5, "drain": 995.0}), ALIVE, "the end of the soak", 999.5, 1000.5),
        (
            of(state=State.SHIFT, direction=Direction.BACK, step=1, since={"shift-1": 999.5}),
            ALIVE,
            "what follows from",
            990,
            None,
        ),
        (
            of(state=State.PROMOTED, spec={"approvals": ("STANDBY",)}),
            None,
            "approve web, before STANDBY; and for a driver",
            990,
            None,
        ),
        (of(state=State.PROMOTED, spec={"approvals": ("DRAINED",)}), ALIVE, "what follows from", 990, None),
        (of(state=State.PROMOTED, spec={"approvals": ("STANDBY",)}, event="intent"), ALIVE, "what follows", 990, None),
    ],
)
def test_what_a_run_waits_for(entry: Entry, lock: Held | None, what: str, since: float, until: float | None) -> None:
    """And since when; until when, where it is a matter of time."""
    waiting = status_of(entry, None, now=1000.0, lock=lock).waiting
    assert waiting is not None
    assert what in waiting.what
    assert (waiting.since, waiting.until) == (since, until)


def test_approvals_to_come() -> None:
    """Those that were given, and those of states that are behind, are not."""
    entry = of(
        state=State.SHIFT, done=frozenset({"approve:DRAINED"}), spec={"approvals": ("DRAINED", "SHIFT", "STANDBY")}
    )
    assert status_of(entry, None, now=1000.0).approvals == ("STANDBY",)
    back = replace(entry, run=replace(entry.run, direction=Direction.BACK))
    assert status_of(back, None, now=1000.0).approvals == ()


def test_a_keeper_that_is_away() -> None:
    """Not heard of for half a minute, or nobody: callers may be sent to nobody, whoever drives. Before the first slice
    there is nothing to keep."""
    entry = of(state=State.SHIFT)
    late = Held(holder="x", age_s=31, lease_s=60)
    assert not status_of(entry, None, now=1000.0, keeper=ALIVE).keeper_away
    assert status_of(entry, None, now=1000.0, lock=ALIVE).keeper_away
    status = status_of(entry, None, now=1000.0, lock=ALIVE, keeper=late)
    assert status.keeper_away
    assert "x, last heard of 31s ago: nobody keeps the legacy slices true" in status_table(status)
    assert not status_of(of(state=State.PLANNED, wanted={}), None, now=1000.0).keeper_away


def test_what_a_keeper_has_to_tell() -> None:
    """Its note stands beside its name, as it is read from its Lease."""
    lease = {
        "metadata": {"annotations": {KEEPER: "web-0 fails its probe"}},
        "spec": {"holderIdentity": "k", "renewTime": "1970-01-01T00:16:39Z", "leaseDurationSeconds": 6},
    }
    told = status_table(status_of(of(state=State.SHIFT), None, now=1000.0, keeper=held_by(lease, 1000.0)))
    assert "keeper      k, last heard of 1s ago; web-0 fails its probe\n" in told


def test_without_cluster_and_engines() -> None:
    """The journal alone still tells the state, the schedule and the share that was known last."""
    entry = entry_of(straight())
    status = status_of(entry, None, now=straight().now())
    assert (status.seen, status.services, status.pods, status.left) == (False, (), (), None)
    assert status.pods_share == 1
    assert "cluster and engines: what follows is the journal's" in status_table(status)
    jsonschema.validate(status_json(status), schema("cutover-status"))


def test_containers_that_are_not_as_they_were() -> None:
    """One on a host that is not read, one that is gone, one that is new."""
    world = held_before(State.SHIFT)
    world.unread["h0"] = "refused"
    world.containers[1].host = "h9"
    world.containers.append(LegacyContainer(id="new", name="web-9", host="h3", address="10.99.0.9", port=18080))
    status = seen(world)
    assert [(each.name, each.state, each.known) for each in status.containers] == [
        ("web-0", "unknown", True),
        ("web-1", "gone", True),
        ("web-1", "running", False),
        ("web-9", "running", False),
    ]
    assert "unread      h0: refused\n" in status_table(status)


def test_a_service_that_others_changed_or_deleted() -> None:
    """Status says so, and the table too."""
    world = held_before(State.SHIFT)
    world.store["Service", "web"]["spec"]["selector"] = {"app": "other"}
    assert seen(world).services[0].selects == "other"
    del world.store["Service", "web"]
    status = seen(world)
    assert status.services[0].selects == ""
    assert "it is not there" in status_table(status)


def test_how_long_states_and_pauses_lasted() -> None:
    """Each state ends where the next begins; a pause ends with what comes after it."""
    world = Model(pods=2, legacy=1)
    world.begin()
    stop = {"now": False}
    driver = world.driver(interrupted=lambda: stop["now"])
    for event in driver.events():
        stop["now"] = event.state == "SHIFT"
    assert driver.outcome is Outcome.PAUSED
    paused = seen(world)
    assert paused.paused.startswith("interrupted: ")
    assert [each.ended for each in paused.pauses] == [None]
    world.sleep(30)
    finished(world, [])
    status = seen(world)
    (pause,) = status.pauses
    assert pause.ended is not None
    assert pause.ended - pause.began >= 30
    for one, after in zip(status.spans, status.spans[1:], strict=False):
        assert one.ended == after.began
    assert status.spans[-1].ended is None
    assert [each.state for each in status.spans] == [each.value for each in FORWARD]
    assert "s of it paused; " in history_table(status)


def test_a_pause_that_a_user_asks_for() -> None:
    """It begins with the request; a request for anything else is none."""
    lines = [
        {"at": 1.0, "state": "SHIFT", "event": "request", "text": "approve SHIFT"},
        {"at": 2.0, "state": "SHIFT", "event": "request", "text": "approve STANDBY, pause"},
        {"at": 5.0, "state": "SHIFT", "event": "take-over", "text": "epoch 2"},
    ]
    assert [(each.began, each.ended) for each in pauses_of(lines)] == [(2.0, 5.0)]


def test_a_history_whose_beginning_is_gone() -> None:
    """The run still knows when it reached its states."""
    whole = entry_of(straight())
    cut = replace(whole, history=whole.history[20:])
    status = status_of(cut, None, now=straight().now())
    assert status.cut
    assert [each.state for each in status.spans] == [each.value for each in FORWARD[1:]]
    assert not status_of(whole, None, now=0.0).cut
    assert "older ones are gone" in history_table(status)
    assert [each.state for each in spans_of(replace(whole, history=()))] == [each.value for each in FORWARD[1:]]


def gate_lines() -> tuple[Mapping[str, Any], ...]:
    """What a probe said of a good window and of a bad one."""
    tallies = {
        Side.PODS: Tally(asked=100, good=99, seconds=(0.02,) * 100, faults={"status 500": 1}),
        Side.LEGACY: Tally(asked=100, good=100, seconds=(0.01,) * 100),
    }
    targets = {
        Target(side=side, name=side.value, backend=Backend("10.0.0.1", 80)): each for side, each in tallies.items()
    }
    made = judge("probe", targets, rules_of({"worse_by": 2}, min_samples=50))
    return tuple(
        {
            "at": 1_000_010.0 + number,
            "state": "SHIFT",
            "event": "gate",
            "text": made.reason,
            "step": f"shift-{number}",
            "gate": made.gate,
            "result": made.result.value,
            "figures": dict(made.figures),
        }
        for number in range(2)
    )


def test_what_gates_said() -> None:
    """The figures of every window, and in the table each gate's last word."""
    lines = tuple(line for line in entry_of(straight()).history if line["event"] != "gate")
    entry = replace(entry_of(straight()), history=(*lines, *gate_lines()))
    status = status_of(entry, None, now=straight().now())
    assert [each.step for each in status.gates] == ["shift-0", "shift-1"]
    assert status.gates[0].figures["success"] == 99
    assert status.gates[0].figures["legacy_p99_s"] == 0.01
    jsonschema.validate(status_json(status), schema("cutover-status"))
    rows = [line for line in status_table(status).splitlines() if line.startswith("probe ")]
    assert len(rows) == 1
    assert "shift-1  passed" in rows[0]
    assert not list(gates_of(lines))


def test_a_share_is_told_once() -> None:
    """A driver that begins tells again what has not changed."""
    lines = [{"share": share, "share_since": at} for share, at in ((0.0, 1.0), (0.5, 2.0), (0.5, 9.0), (0.0, 10.0))]
    assert list(share_of(lines)) == [(1.0, 0.0), (2.0, 0.5), (10.0, 0.0)]


def test_who_holds_a_lease() -> None:
    """As the API server gives it; nobody where it was given back."""
    lease = {"spec": {"holderIdentity": "a", "renewTime": "1970-01-01T00:01:40.500000Z", "leaseDurationSeconds": 15}}
    held = held_by(lease, 110.0)
    assert held == Held(holder="a", age_s=9.5, lease_s=15)
    assert held is not None
    assert not held.over
    assert held_by({"spec": {"holderIdentity": ""}}, 110.0) is None
    assert held_by(None, 110.0) is None


def test_the_last_write() -> None:
    """What was journaled last as about to be done, as long as the run has not ended."""
    entry = of(state=State.SHIFT, intent=Intent(nonce=3, what="patch Pod/web-1"))
    assert "last write  patch Pod/web-1\n" in status_table(status_of(entry, None, now=1000.0))


def test_nothing_in_a_table_moves_the_cursor() -> None:
    """Names and texts are others' words."""
    entry = of(state=State.SHIFT, paused="x\x1b[2J\ny", spec={"workload": "a\x1b[31mb"})
    hostile = replace(entry, history=({"at": 1.0, "state": "SHIFT", "event": "note", "text": "\x1b]0;t\x07"},))
    status = status_of(hostile, None, now=1000.0)
    for told in (status_table(status), history_table(status)):
        assert "\x1b" not in told
        assert "\x07" not in told


def test_colours_are_for_what_wants_a_look() -> None:
    """The first line's kind: paused, under way, ended, gone back, without a keeper."""
    kinds: list[str] = []

    def paint(text: str, kind: str) -> str:
        kinds.append(kind)
        return text

    for entry in (of(state=State.SHIFT, paused="x: y"), of(state=State.SHIFT), of(state=State.FINALIZED)):
        status_table(status_of(entry, None, now=1000.0, lock=ALIVE, keeper=ALIVE), paint)
    status_table(status_of(of(state=State.ROLLED_BACK), None, now=1000.0), paint)
    status_table(status_of(of(state=State.SHIFT), None, now=1000.0, lock=ALIVE), paint)
    assert kinds == ["undecided", "changed", "added", "changed", "undecided"]


def test_a_world_says_what_pods_get() -> None:
    """Of a Service that nobody answers: nothing."""
    world = held_before(State.SHIFT)
    for each in [key for key in world.store if key[0] == "EndpointSlice"]:
        del world.store[each]
    entry = entry_of(world)
    looked: World = observe(world, world, entry.spec, world)
    assert looked.services["web"].pods_share == 0
    assert world.get("v1", "Service", SPACE, "web") is not None

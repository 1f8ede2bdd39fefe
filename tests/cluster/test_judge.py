"""The judge: which difference was told, which verdict cries wolf. Values in, values out."""

from __future__ import annotations

from typing import Any

import pytest

from converters.fields.container_table import CONTAINER_ROWS
from converters.fields.other_tables import NETWORK_ROWS, VOLUME_ROWS
from converters.fields.row import Role
from converters.fields.verdict import Level, Source, Verdict
from tests.cluster.claims import OUTSIDE, claims, is_of
from tests.cluster.equivalence import unused
from tests.cluster.facts import Seen, flatten
from tests.cluster.judge import SILENT, Judgement, Silent, judge, same
from tests.cluster.legacy import called_in_vain, checking, ending, events
from tests.cluster.runner import Batch, Pair, Result
from tests.cluster.shape import Shape
from tests.cluster.unavoidable import UNAVOIDABLE, Difference


def verdict(level: Level, path: str = "", code: str = "env", kind: str = "container") -> Verdict:
    source = Source(document=f"edge/{kind}/web", path=path) if path else None
    return Verdict(workload="web", level=level, code=code, source=source)


def judged(engine: dict[str, Any], pod: dict[str, Any], *verdicts: Verdict, **more: Any) -> Judgement:
    return judge(engine, pod, verdicts, **{"unavoidable": (), "silent": {}, **more})


# ---------------------------------------------------------------- what a verdict speaks of


@pytest.mark.parametrize(
    ("path", "facts"),
    [
        ("Config.Env[LOG]", ("environ.LOG",)),
        ("Config.Env[LOG]#2", ("environ.LOG",)),
        ("HostConfig.CapAdd[CAP_NET_ADMIN]", ("capabilities.NET_ADMIN",)),
        ("HostConfig.CapDrop[ALL]", ("capabilities.*",)),
        ("HostConfig.Ulimits[nofile]", ("limits.nofile.*",)),
        (
            "HostConfig.Links[my-db]",
            ("reach.my-db:*", "hosts.*", "environ.MY_DB_*", "environ.*_PORT*", "environ.*_SERVICE_*"),
        ),
        ("HostConfig.Memory", ("cgroup.memory.limit",)),
        ("Config.Labels[team]", ()),
        ("HostConfig.MemorySwap2", ()),
    ],
)
def test_a_source_names_its_facts(path: str, facts: tuple[str, ...]) -> None:
    """By the row of the field table; none where it is seen from outside only."""
    assert claims(verdict(Level.DROPPED, path, code="x")) == facts


def test_a_code_may_say_it_closer_than_its_row() -> None:
    """One row has all security options."""
    assert claims(verdict(Level.EXACT, "HostConfig.SecurityOpt[seccomp]", code="seccomp")) == ("seccomp",)
    assert claims(verdict(Level.APPROXIMATED, "Config.Healthcheck.Test", code="check-traffic")) == (
        "health.out_of_service",
    )


def test_each_kind_of_document_has_its_own_rows() -> None:
    """A network's driver is none of a volume's."""
    assert claims(verdict(Level.DROPPED, "Driver", kind="network")) == ("interfaces.*",)
    assert claims(verdict(Level.DROPPED, "Driver", kind="volume")) == ("mounts.*",)


@pytest.mark.parametrize("row", [r for r in (*CONTAINER_ROWS, *VOLUME_ROWS, *NETWORK_ROWS) if r.role is Role.CONFIG])
def test_each_row_names_facts_that_there_are(row: Any) -> None:
    """Or says why it is seen from outside only: no row is claimed by a fact that nothing observes."""
    roots = {
        "argv", "cwd", "environ", "uid", "gid", "tty", "stdin", "hostname", "domainname", "stop", "mounts",
        "interfaces", "routes", "files", "health", "resolver", "reach", "hosts", "cgroup", "no_new_privs", "seccomp",
        "apparmor", "limits", "namespaces", "capabilities", "groups", "uid_map", "kernel_paths", "devices", "restart",
        "pid1", "kernel", "sysctls", "oom_score_adj", "umask", "own_names",
    }  # fmt: skip
    if row.seen_by.startswith(OUTSIDE):
        assert row.seen_by.removeprefix(f"{OUTSIDE}: ")
    else:
        assert {fact.partition(".")[0] for fact in row.seen_by.split(", ")} <= roots


def test_patterns() -> None:
    """A star is any text; a dot is a dot."""
    assert is_of("mounts./data.size", "mounts./data.*")
    assert not is_of("mounts./database.size", "mounts./data.*")
    assert not is_of("limitsxnofile", "limits.nofile")


# ---------------------------------------------------------------- differences


def test_what_is_the_same_needs_no_word() -> None:
    """And is counted."""
    assert judged({"argv": ["a"], "cwd": "/"}, {"argv": ["a"], "cwd": "/"}) == Judgement(compared=2)


def test_a_difference_that_nobody_tells_is_undeclared() -> None:
    """With both values; a fact of one side only is one too."""
    found = judged({"cwd": "/", "environ.A": "1"}, {"cwd": "/srv"}).undeclared
    assert [str(each) for each in found] == [
        "cwd: '/' on the engine, '/srv' in the pod",
        "environ.A: '1' on the engine, nothing in the pod",
    ]


def test_a_verdict_tells_of_its_own_fact_alone() -> None:
    """One variable explains nothing about the next."""
    found = judged({"environ.A": "1", "environ.B": "1"}, {}, verdict(Level.DROPPED, "Config.Env[A]"))
    assert found.declared == {"dropped": 1}
    assert [each.fact for each in found.undeclared] == ["environ.B"]


@pytest.mark.parametrize("level", [each for each in Level if each is not Level.EXACT])
def test_every_level_but_exact_tells(level: Level) -> None:
    """A defaulted and an undecided one explain what was chosen."""
    assert judged({"environ.A": "1"}, {}, verdict(level, "Config.Env[A]")).declared == {level.value: 1}


def test_an_exact_verdict_tells_nothing() -> None:
    """It is named beside the difference that it denies."""
    (found,) = judged({"environ.A": "1"}, {}, verdict(Level.EXACT, "Config.Env[A]")).undeclared
    assert str(found) == "environ.A: '1' on the engine, nothing in the pod; exact env of Config.Env[A]"


def test_the_worst_level_counts() -> None:
    """Of several that tell the same."""
    two = [verdict(Level.APPROXIMATED, "Config.Env[A]"), verdict(Level.DROPPED, "Config.Env[A]")]
    assert judged({"environ.A": "1"}, {}, *two).declared == {"dropped": 1}


def test_a_call_may_be_told_by_who_is_called() -> None:
    """Only a call: what is seen inside is each container's own."""
    other = Verdict(
        workload="db",
        level=Level.DROPPED,
        code="network-isolation",
        source=Source(document="edge/network/n", path="Internal"),
    )
    facts = ({"reach.db:1/tcp": "refused"}, {"reach.db:1/tcp": "answered by db"})
    assert judged(*facts, of_others=[other]).declared == {"dropped": 1}
    assert judged({"routes.default": False}, {"routes.default": True}, of_others=[other]).declared == {}


def test_measured_times_are_about_the_same() -> None:
    """Within a second and a half; other numbers are not."""
    assert same("stop.grace_s", 3.0, 4.4)
    assert not same("stop.grace_s", 3.0, 4.6)
    assert not same("stop.grace_s", 3.0, None)
    assert not same("interfaces.eth0.mtu", 1500, 1501)


# ---------------------------------------------------------------- what differs in any pod


def entry(**more: Any) -> Difference:
    return Difference(**{"facts": ("cwd",), "said": "", "reason": "", "when": lambda here, _: here == "/", **more})


def test_the_table_takes_what_it_names_in_the_way_it_names() -> None:
    """Another way is a difference as any other."""
    assert judged({"cwd": "/"}, {"cwd": "/srv"}, unavoidable=[entry()]).unavoidable == 1
    assert judged({"cwd": "/tmp"}, {"cwd": "/srv"}, unavoidable=[entry()]).undeclared
    elsewhere = entry(where=lambda facts: "argv" in facts)
    assert judged({"cwd": "/"}, {"cwd": "/srv"}, unavoidable=[elsewhere]).undeclared


def test_an_exact_verdict_is_held_to_its_word_against_the_table() -> None:
    """Unless the entry is about what the verdict does not mean."""
    exact = verdict(Level.EXACT, "Config.WorkingDir")
    assert judged({"cwd": "/"}, {"cwd": "/srv"}, exact, unavoidable=[entry()]).undeclared
    assert judged({"cwd": "/"}, {"cwd": "/srv"}, exact, unavoidable=[entry(always=True)]).unavoidable == 1


@pytest.mark.parametrize(
    ("fact", "engine", "pod", "mine"),
    [
        ("environ.KUBERNETES_PORT", None, "tcp://10.96.0.1:443", True),
        ("environ.KUBERNETES_PORT", "a", "b", False),
        ("hostname", "0123456789ab", "web-1-x", True),
        ("hostname", "web", "web-1-x", False),
        ("cgroup.memory.swap", "134217728", "67108864", True),
        ("cgroup.memory.swap", "99", "67108864", False),
        ("cgroup.memory.swap", None, "67108864", False),
        ("mounts./data.propagation", "master", "private", True),
        ("mounts./data.propagation", "shared", "private", False),
        ("own_names", ["(its host name)", "box"], ["(its host name)"], True),
        ("own_names", ["(its host name)", "box"], [], False),
        ("resolver.options.ndots", "0", "5", True),
        ("resolver.options.ndots", "2", "5", False),
        ("oom_score_adj", "0", "999", True),
        ("oom_score_adj", "500", "999", False),
        ("sysctls.net.ipv4.ip_unprivileged_port_start", "0", "1024", True),
        ("sysctls.net.ipv4.ip_unprivileged_port_start", "80", "1024", False),
    ],
)
def test_the_table_is_narrow(fact: str, engine: Any, pod: Any, mine: bool) -> None:
    """Each entry counts in its own way only."""
    facts = {"uid.effective": "0", "capabilities.NET_BIND_SERVICE": "effective", "namespaces.net": "own"}
    known = [e for e in UNAVOIDABLE if any(is_of(fact, each) for each in e.facts)]
    assert any(each.when(engine, pod) and each.where(facts) for each in known) is mine


def test_names_of_the_host_are_its_own() -> None:
    """On its network; a container on its own network has its own name."""
    known = [e for e in UNAVOIDABLE if "hostname" in e.facts and e.when("edge", "node-a")]
    assert [each.where({"namespaces.net": "host"}) for each in known] == [True]
    assert [each.where({"namespaces.net": "own"}) for each in known] == [False]


def test_low_ports_are_closed_to_who_is_not_root() -> None:
    """There a pod must say that they are open."""
    (known,) = [e for e in UNAVOIDABLE if "sysctls.net.ipv4.ip_unprivileged_port_start" in e.facts]
    assert not known.where({"uid.effective": "1000", "capabilities.NET_BIND_SERVICE": "bounding"})
    assert not known.where({"uid.effective": "0"})


# ---------------------------------------------------------------- crying wolf


@pytest.mark.parametrize(
    ("level", "wolf"),
    [(Level.DROPPED, True), (Level.APPROXIMATED, True), (Level.DEFAULTED, False), (Level.UNDECIDED, False)],
)
def test_a_difference_that_is_claimed_must_show(level: Level, wolf: bool) -> None:
    """Dropped and approximated claim one."""
    said = verdict(level, "Config.WorkingDir", code="working-dir")
    assert bool(judged({"cwd": "/"}, {"cwd": "/"}, said).wolves) is wolf


def test_one_of_several_facts_is_enough() -> None:
    """A user is four numbers."""
    said = verdict(Level.APPROXIMATED, "Config.User", code="user")
    facts = {"uid.real": "0", "uid.effective": "0"}
    assert judged(facts, {**facts, "uid.real": "1"}, said).wolves == ()


def test_what_is_unavoidable_shows_too() -> None:
    """A dropped MAC address, for one: it differs in any case."""
    said = verdict(Level.DROPPED, "Config.WorkingDir", code="working-dir")
    assert judged({"cwd": "/"}, {"cwd": "/srv"}, said, unavoidable=[entry()]).wolves == ()


def test_what_is_seen_from_outside_is_counted_apart() -> None:
    """A label, for one."""
    found = judged({}, {}, verdict(Level.DROPPED, "Config.Labels[a]", code="label-scheduler"))
    assert (found.outside, found.wolves) == (1, ())


def test_what_was_not_watched_is_counted_apart() -> None:
    """A stop signal where nobody stops it."""
    said = verdict(Level.APPROXIMATED, "Config.StopTimeout", code="stop-timeout")
    assert judged({}, {}, said).unwatched == 1
    same_facts = {"stop.grace_s": 3.0}
    assert judged(same_facts, same_facts, said).wolves == (said,)


def test_what_cannot_show_here_says_why() -> None:
    """By what was seen of the container itself."""
    said = verdict(Level.DROPPED, "Config.WorkingDir", code="working-dir")
    quiet = {"working-dir": Silent(reason="it is at its root", when=lambda facts: facts["cwd"] == "/")}
    assert judged({"cwd": "/"}, {"cwd": "/"}, said, silent=quiet).silent == ((said, "it is at its root"),)
    assert judged({"cwd": "/srv"}, {"cwd": "/srv"}, said, silent=quiet).wolves == (said,)


def test_no_excuse_is_for_always() -> None:
    """Of a container of which nothing is known, every verdict must show."""
    assert [code for code, each in SILENT.items() if each.when({})] == []


@pytest.mark.parametrize(
    ("code", "facts", "excused"),
    [
        ("stop-timeout", {"stop.end": "exit 0"}, True),
        ("stop-timeout", {"stop.end": "killed"}, False),
        ("stop-signal", {"stop.end": "exit 7"}, True),
        ("kernel-memory", {"cgroup.memory.kernel": str(1 << 63), "cgroup.memory.kernel_tcp": str(1 << 63)}, True),
        ("kernel-memory", {"cgroup.memory.kernel": "67108864", "cgroup.memory.kernel_tcp": str(1 << 63)}, False),
    ],
)
def test_an_excuse_is_checked(code: str, facts: dict[str, Any], excused: bool) -> None:
    """Against the facts of the container."""
    assert SILENT[code].when(facts) is excused


def run_of(*pairs: tuple[dict[str, Any], Verdict], shows: tuple[str, ...] = (), refused: str = "") -> Batch:
    shape = Shape(name="web", about="x", shows=shows)
    made = tuple(Pair(container="web", workload="web", engine=f, pod=f, verdicts=(v,)) for f, v in pairs)
    return Batch(results=(Result(shape=shape, pairs=made, refused=refused),), seconds={})


def test_an_excuse_that_no_shape_needs_is_found() -> None:
    """Unless the shape that needs it cannot run here."""
    said = verdict(Level.APPROXIMATED, "Config.StopTimeout", code="stop-timeout")
    others = set(SILENT) - {"stop-timeout"}
    assert unused(run_of(({"stop.end": "exit 0", "stop.grace_s": 1.0}, said))) == others
    assert unused(run_of()) == set(SILENT)
    assert unused(run_of(shows=("stop-timeout",), refused="this machine has no clock")) == others


# ---------------------------------------------------------------- flat facts


def test_facts_of_sets_are_told_one_by_one() -> None:
    """Groups, capabilities, name servers, search domains; own names and addresses by what they mean."""
    report: dict[str, Any] = {
        "argv": ["a"], "exe": "/bin/a", "cwd": "/", "apparmor": "", "oom_score_adj": "0", "uid_map": "0 0 1",
        "tty": "no", "stdin": "null", "hostname": "abc", "domainname": "(none)", "kernel": "6", "pid": 1, "pid1": ["a"],
        "files": {"digest": "d", "marks": ["/.dockerenv"]}, "environ": ["A=1=2", "B"],
        "status": {
            "Umask": "0022", "NoNewPrivs": "0", "Seccomp": "2", "Uid": "1 2 3 4", "Gid": "0 0 0 0", "Groups": "7 8",
            "CapBnd": "1", "CapPrm": "0", "CapEff": "401", "CapInh": "0", "CapAmb": "0",
        },
        "limits": {"nofile": ["1", "2"]}, "mounts": {}, "kernel_paths": {}, "devices": {}, "sysctls": {"a.b": "1"},
        "interfaces": {"eth0": {"mtu": 1, "mac": "m", "up": True, "addresses": ["10.0.0.2/8"]}},
        "routes": "Iface Destination\neth0 00000000 0",
        "resolver": "nameserver 1.1.1.1\nsearch a b\noptions ndots:2 rotate",
        "hosts": "127.0.0.1 localhost # here\n10.0.0.2 abc alias\n",
    }  # fmt: skip
    facts = flatten(Seen(report=report, limits={"cpu.quota": "1", "devices": ["c 1:3 rwm"]}, shares={"pid": "own"}))
    expected = {
        "environ.A": "1=2", "environ.B": "(no value)", "groups.7": True, "groups.8": True, "uid.saved": "3",
        "capabilities.CHOWN": "bounding effective", "capabilities.NET_BIND_SERVICE": "effective", "seccomp": "filter",
        "limits.nofile.hard": "2", "sysctls.a.b": "1", "routes.default": True, "resolver.nameservers.1.1.1.1": True,
        "resolver.search.a": True, "resolver.options.ndots": "2", "resolver.options.rotate": True, "pid1": "itself",
        "hosts.localhost": ["127.0.0.1"], "own_names": ["(its host name)", "alias"], "cgroup.cpu.quota": "1",
        "cgroup.devices.c 1:3 rwm": True, "namespaces.pid": "own", "files./.dockerenv": True,
    }  # fmt: skip
    assert expected.items() <= facts.items()
    assert flatten(Seen(report={**report, "pid": 99}, shares={"pid": "host"}))["pid1"] == "of the host"


# ---------------------------------------------------------------- how it ended


def test_an_end_is_told_from_what_the_probe_said() -> None:
    """The first signal, how long it was let, and whether it ended by itself; a call's own time is not its start."""
    said = [
        {"event": "ready", "time": 5.0},
        {"event": "signal", "time": 100.5, "signal": "SIGTERM"},
        {"event": "alive", "time": 103.0},
        {"event": "signal", "time": 103.1, "signal": "SIGINT"},
        {"event": "exit", "time": 103.5, "code": 7},
    ]
    ended = {"stop.signal": "SIGTERM", "stop.signals": 2, "stop.delay_s": 0.5, "stop.end": "exit 7"}
    assert ending(said, 100.0) == {**ended, "stop.grace_s": 3.0}
    assert ending(said[:3], 100.0)["stop.end"] == "killed"
    assert ending(said[:1], 100.0) == {"stop.signal": "none", "stop.end": "killed"}


def test_checks_are_told_by_their_distance() -> None:
    """Until the first good one, which ends the start, and from there on."""
    said = [
        {"event": "checked", "time": time, "well": well}
        for time, well in ((1.0, False), (2.0, False), (3.5, True), (9.0, True), (15.0, False))
    ]
    assert checking([{"event": "ready", "time": 0.0}, *said]) == {
        "health.starting_interval_s": 1.25,
        "health.interval_s": 5.75,
    }
    assert checking(said[2:3]) == {}
    assert checking(said[:2]) == {"health.starting_interval_s": 1.0}


@pytest.mark.parametrize(
    ("calls", "vain"),
    [
        ([(0.0, False), (2.0, False), (3.0, False)], True),
        ([(0.0, False), (2.0, False), (2.5, True), (4.0, False)], False),
        ([(0.0, True), (9.0, True)], False),
        ([], False),
    ],
)
def test_out_of_service_is_a_stretch_of_calls(calls: list[tuple[float, bool]], vain: bool) -> None:
    """A call that fails while a Service learns of its pod is none."""
    assert called_in_vain(calls) is vain


def test_what_the_probe_says_is_found_among_other_lines() -> None:
    """And a last line that is cut off is left out."""
    log = 'hello\r\nprobe: {"event": "ready"}\r\nno end of line probe: {"event": "exit"}\nprobe: {"event": "al'
    assert [each["event"] for each in events(log)] == ["ready", "exit"]

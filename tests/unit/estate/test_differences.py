"""Where instances of one workload differ, and what becomes of it."""

from __future__ import annotations

from converters.workload import Mount, MountKind
from tests.unit.estate.test_grouping import estate
from tests.workloads import atom, running


def test_host_ports_dealt_out_by_the_scheduler_are_no_part_of_the_workload() -> None:
    """Different host ports of one container port leave a published port without a number, and both atoms."""
    made = estate(running("web-1", ports={80: 31001}), running("web-2", host="h2", ports={80: 31744}))
    (port,) = made.workloads[0].containers[0].ports
    assert [p.host_port for p in port.published] == [0]
    assert {s.document for s in port.published[0].origins} == {"h1/container/web-1", "h2/container/web-2"}
    assert not made.workloads[0].differences


def test_a_fixed_host_port_stays() -> None:
    """One host port on every host is what callers use."""
    made = estate(running("web-1", ports={80: 8080}), running("web-2", host="h2", ports={80: 8080}))
    assert made.workloads[0].containers[0].ports[0].published[0].host_port == 8080


def test_a_value_that_follows_the_number_has_an_ordinal() -> None:
    """SHARD=shard-3 of web-3 can be a StatefulSet's; the first number is kept."""
    made = estate(*(running(f"web-{n}", env={"SHARD": f"shard-{n}"}) for n in (3, 4, 5)))
    (difference,) = made.workloads[0].differences
    assert (difference.subject, difference.ordinal, difference.first) == ("env SHARD", "shard-{n}", 3)
    (finding,) = [f for f in made.workloads[0].findings if f.code == "instances-differ"]
    assert not finding.open


def test_a_value_that_follows_nothing_is_a_question() -> None:
    """Zones that no number explains need an answer, and both sides are shown."""
    made = estate(running("web-1", env={"ZONE": "north"}), running("web-2", env={"ZONE": "east"}))
    (finding,) = [f for f in made.workloads[0].findings if f.code == "instances-differ"]
    assert finding.open
    assert finding.sides == (("h1/container/web-1", "north"), ("h1/container/web-2", "east"))


def test_a_variable_that_one_instance_lacks_is_a_difference() -> None:
    """Absent and present are not equal."""
    made = estate(running("web-1", env={"A": "1", "DEBUG": "1"}), running("web-2", env={"A": "1"}))
    assert [d.subject for d in made.workloads[0].differences] == ["env DEBUG"]


def test_secret_values_that_differ_are_not_shown() -> None:
    """A finding never shows a secret, whichever side holds it."""
    first, second = running("web-1", env={"DB_PASSWORD": "one-secret"}), running("web-2", env={"DB_PASSWORD": "two"})
    for w in (first, second):
        for e in w.containers[0].env:
            object.__setattr__(e, "secret", True)
    made = estate(first, second)
    assert "one-secret" not in repr(made.workloads[0].findings) + repr(made.workloads[0].differences)
    assert [d.subject for d in made.workloads[0].differences] == ["env DB_PASSWORD"]


def test_a_volume_of_one_name_on_two_hosts_is_two_volumes() -> None:
    """Each instance has data of its own: a claim for each."""
    mount = Mount(kind=MountKind.VOLUME, source="data", target="/data", origins=atom("x", "HostConfig.Binds[/data]"))
    made = estate(*(running(f"db-{n}", host=f"h{n}", container={"mounts": (mount,)}) for n in (1, 2)))
    (difference,) = made.workloads[0].differences
    assert difference.ordinal == "own"


def test_a_value_that_follows_from_the_site_asks_nothing_here() -> None:
    """SITE=ams of all instances at ams: whether each site has a controller is the target's say."""
    made = estate(
        *(running(f"web-{n}", host=f"h{n}", site=site, env={"SITE": site})
          for n, site in ((1, "ams"), (2, "ams"), (3, "syd")))
    )  # fmt: skip
    (finding,) = [f for f in made.workloads[0].findings if f.code == "instances-differ"]
    assert not finding.open
    assert "follows from the site" in finding.reason


def test_an_empty_value_is_shown_as_empty() -> None:
    """A controller of its own is given the value to the letter: not the variable's name for want of one."""
    made = estate(running("web-1", env={"MODE": ""}), running("web-2", env={"MODE": "x y"}))
    (difference,) = made.workloads[0].differences
    assert [value for _, value in difference.values] == ["", "x y"]

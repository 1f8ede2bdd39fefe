"""Containers that share a namespace or a task are one pod, which has only one of many things."""

from __future__ import annotations

from typing import Any

from converters.decisions import Answered, Decisions
from converters.fields.verdict import Finding
from converters.workload import Pair, Port, Restart, SiteCount, Termination, Workload
from tests.unit.estate.test_grouping import estate
from tests.workloads import atom, image, running


def task(name: str, number: int = 1, **more: Any) -> Workload:
    """A container of an ECS task."""
    labels = {
        "com.amazonaws.ecs.task-definition-family": "shop",
        "com.amazonaws.ecs.container-name": name,
        "com.amazonaws.ecs.task-arn": f"arn:task/{number}",
    }
    return running(f"ecs-{name}-{number}", labels=labels, scheduler="ecs", **more)


def only(*workloads: Workload, decisions: Decisions | None = None) -> Workload:
    (made,) = estate(*workloads, decisions=decisions).workloads
    return made


def finding(workload: Workload) -> Any:
    (found,) = [f for f in workload.findings if f.code == "joined-namespace"]
    return found


def test_a_task_is_named_after_the_part_that_is_published() -> None:
    """The log shipper beside it, first by letter, is neither the pod's name nor its restart policy."""
    made = only(
        task("agent", restart=Restart(policy="no")),
        task("web", ports={80: 8080}, restart=Restart(policy="always", origins=atom("x", "HostConfig.RestartPolicy"))),
    )
    assert made.name == "web"
    assert [c.name for c in made.containers] == ["web", "agent"]
    assert made.restart.policy == "always"


def test_what_a_pod_has_once_is_one_and_the_rest_is_overruled() -> None:
    """One host name, one value of a kernel setting; the atom of the other is accounted for, and the user is asked."""

    def part(name: str, value: str, ports: dict[int, int]) -> Workload:
        document = f"h1/container/ecs-{name}-1"
        return task(
            name,
            ports=ports,
            hostname=name,
            origins={"hostname": atom(document, "Config.Hostname")},
            sysctls=(Pair(key="net.core.somaxconn", value=value, origins=atom(document, "HostConfig.Sysctls[s]")),),
        )

    made = only(part("web", "1024", {80: 80}), part("agent", "512", {}))
    assert made.hostname == "web"
    assert [(p.key, p.value) for p in made.sysctls] == [("net.core.somaxconn", "1024")]
    lost = {(o.attribute, o.value): o.origins for o in made.overruled}
    assert lost[("hostname", "agent")] == atom("h1/container/ecs-agent-1", "Config.Hostname")
    assert lost[("sysctls net.core.somaxconn", "512")] == atom("h1/container/ecs-agent-1", "HostConfig.Sysctls[s]")
    assert made.origins["hostname"] == atom("h1/container/ecs-web-1", "Config.Hostname")
    assert finding(made).open
    accepted = Decisions(answers=(Answered(code="joined-namespace", answer="accept"),))
    assert not finding(only(part("web", "1", {80: 80}), part("agent", "2", {}), decisions=accepted)).open


def test_what_all_parts_say_is_said_once() -> None:
    """Two equal kernel settings are one: the API server refuses a name that stands twice."""
    sysctls = [(Pair(key="a", value="1", origins=atom(name, "HostConfig.Sysctls[a]")),) for name in ("x", "y")]
    made = only(task("web", sysctls=sysctls[0]), task("agent", sysctls=sysctls[1]))
    (pair,) = made.sysctls
    assert {s.document for s in pair.origins} == {"x", "y"}
    assert not finding(made).open


def test_parts_that_had_addresses_of_their_own_and_one_port() -> None:
    """In a pod the second would not start."""
    port = {"ports": (Port(container_port=80),)}
    made = only(task("web", container=port), task("admin", container=port))
    assert finding(made).open
    assert "80/tcp" in finding(made).reason


def test_instances_of_a_sidecar_join_their_own_application() -> None:
    """Each sidecar names the ID of its own container: that is no difference, and one pod has one of each."""
    made = only(
        running("web-1"),
        running("web-2"),
        running("side-1", network_mode="container:" + "web-1" * 4),
        running("side-2", network_mode="container:" + "web-2" * 4),
    )
    assert [c.name for c in made.containers] == ["web", "side"]
    assert made.replicas == (SiteCount(site="", count=2),)
    assert not made.differences
    assert not finding(made).open


def test_fewer_sidecars_than_instances_is_a_question() -> None:
    """A pod has all its containers: two sidecars would run where one did."""
    made = only(running("web-1"), running("web-2"), running("side", network_mode="container:" + "web-1" * 4))
    assert finding(made).open


def test_a_container_of_one_name_on_another_host_is_not_meant() -> None:
    """A name joins on its own host only."""
    other = running("app", host="h2", container={"image": image("reg.example/other:1")})
    made = estate(running("app"), other, running("side", host="h2", network_mode="container:app"))
    joined = {w.name: {i.host for i in w.instances} for w in made.workloads if len(w.containers) == 2}
    assert list(joined.values()) == [{"h2"}]


def test_the_namespace_of_a_pause_container_is_ones_own() -> None:
    """The pause container of a task is excluded; what joined it is no mode that a pod knows."""
    pause = running("pause", container={"image": image("amazon/amazon-ecs-pause:0.1.0")})
    made = only(pause, task("web", network_mode="container:" + "pause" * 4))
    assert made.network_mode == "bridge"


def test_the_longest_grace_counts() -> None:
    """Ten seconds are what Docker waits where nobody said: less than that gives way."""
    short = Termination(grace_s=2.0, origins={"grace_s": atom("y", "Config.StopTimeout")})
    made = only(task("web", ports={80: 80}), task("agent", termination=short))
    assert made.termination.grace_s is None
    assert [o.origins for o in made.overruled] == [atom("y", "Config.StopTimeout")]


def test_what_was_found_of_a_part_is_found_of_the_pod() -> None:
    """No workload of the plan is called as the part, so nobody would see it."""
    leak = Finding(workload="ecs-agent-1", code="secret-in-argv", subject="argv")
    made = only(task("agent", findings=(leak,)), task("web", ports={80: 8080}))
    assert {f.workload for f in made.findings if f.code == "secret-in-argv"} == {"web"}

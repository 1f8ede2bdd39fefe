"""Which containers are one application."""

from __future__ import annotations

from dataclasses import replace

from converters.decisions import Answered, Decisions
from converters.estate import Estate, reconcile
from converters.sources.reading import Expected, Reading
from converters.workload import Host, Restart, SiteCount, Workload
from tests.workloads import image, running

OTHER = "sha256:" + "b" * 64


def estate(*workloads: Workload, expected: tuple[Expected, ...] = (), decisions: Decisions | None = None) -> Estate:
    hosts = tuple(Host(name=name) for name in sorted({i.host for w in workloads for i in w.instances}))
    reading = Reading(source="inspect", workloads=workloads, hosts=hosts, expected=expected)
    return reconcile([reading], decisions=decisions or Decisions())


def names(made: Estate) -> list[str]:
    return [w.name for w in made.workloads]


def test_numbered_names_of_one_image_are_one_workload() -> None:
    """web-1, web-2 and web_3 of one repository are three instances of web."""
    made = estate(running("web-1"), running("web-2", host="h2"), running("web_3"))
    assert names(made) == ["web"]
    assert made.workloads[0].replicas == (SiteCount(site="", count=3),)


def test_one_name_of_two_repositories_is_two_workloads() -> None:
    """db-1 of one image and db-2 of another are not taken for one application."""
    other = running("db-2", container={"image": image("reg.example/other:1")})
    made = estate(running("db-1"), other)
    assert len(made.workloads) == 2
    assert len(set(names(made))) == 2


def test_compose_labels_group_by_project_and_service() -> None:
    """Compose's labels decide, whatever the containers are called, and keep projects apart."""
    labels = {"com.docker.compose.project": "shop", "com.docker.compose.service": "api"}
    blog = {"com.docker.compose.project": "blog", "com.docker.compose.service": "api"}
    made = estate(running("a", labels=labels), running("b", labels=labels), running("c", labels=blog))
    assert sorted(len(w.instances) for w in made.workloads) == [1, 2]
    assert {w.namespace_hint for w in made.workloads} == {"shop", "blog"}


def test_marathon_and_nomad_are_known_by_their_variables() -> None:
    """Injected variables group, and stay out of the environment."""
    first = running("mesos-1f", env={"MARATHON_APP_ID": "/prod/web/api", "PORT0": "31001", "LOG": "info"})
    second = running("mesos-2c", host="h2", env={"MARATHON_APP_ID": "/prod/web/api", "PORT0": "31777", "LOG": "info"})
    made = estate(first, second)
    (workload,) = made.workloads
    assert (workload.name, workload.namespace_hint) == ("api", "prod/web")
    assert [e.name for e in workload.containers[0].env] == ["LOG"]
    assert {s.value for s in workload.containers[0].settings} == {"MARATHON_APP_ID", "PORT0"}
    assert not workload.differences


def test_an_injected_variable_that_the_command_uses_stays() -> None:
    """A command that reads $PORT0 keeps it, as a value that the pod knows."""
    env = {"MARATHON_APP_ID": "/web", "PORT0": "31001"}
    args = {"args": ("serve", "--port", "$PORT0")}
    (workload,) = estate(running("m-1", env=env, ports={8080: 31001}, container=args)).workloads
    (port,) = [e for e in workload.containers[0].env if e.name == "PORT0"]
    assert port.runtime == "container_port(8080)"


def test_a_config_recognises_its_instances_by_name() -> None:
    """A config's regular expression comes before every other evidence."""
    expected = Expected(workload="web", containers=r"edge-(?P<site>\w+)-\d+", runtime_env=("EDGE_TASK",))
    made = estate(
        running("edge-ams-1", site="ams", env={"EDGE_TASK": "1"}),
        running("edge-syd-1", host="h2", site="syd", env={"EDGE_TASK": "2"}),
        expected=(expected,),
    )
    (workload,) = made.workloads
    assert workload.name == "web"
    assert workload.replicas == (SiteCount(site="ams", count=1), SiteCount(site="syd", count=1))


def test_agents_and_one_offs_are_no_workloads() -> None:
    """Scheduler agents, pause containers and compose one-offs are left out, with the reason."""
    agent = running("agent", container={"image": image("amazon/amazon-ecs-agent:latest")})
    once = running("shop_run_1", labels={"com.docker.compose.oneoff": "True"})
    made = estate(agent, once, running("web-1"))
    assert names(made) == ["web"]
    assert [document for document, _ in made.excluded] == ["h1/container/agent", "h1/container/shop_run_1"]


def test_exited_instances_beside_running_ones_do_not_count() -> None:
    """An old revision that has ended is no replica."""
    made = estate(running("web-1"), running("web-2", state="exited"))
    assert made.workloads[0].replicas == (SiteCount(site="", count=1),)
    assert made.excluded[0][0] == "h1/container/web-2"


def test_stopped_by_hand_is_zero_replicas() -> None:
    """A policy that restarts always, and nothing runs: somebody stopped it."""
    made = estate(running("web-1", state="exited", restart=Restart(policy="unless-stopped")))
    (workload,) = made.workloads
    assert workload.replicas == (SiteCount(site="", count=0),)
    assert "stopped-by-hand" in {f.code for f in workload.findings}


def test_two_digests_at_once_are_a_question() -> None:
    """The revision that most instances run is taken until somebody answers."""
    old = replace(running("web-3"), containers=(replace(running("web-3").containers[0], image=image(digest=OTHER)),))
    made = estate(running("web-1"), running("web-2"), old)
    (finding,) = [f for f in made.workloads[0].findings if f.code == "two-digests"]
    assert finding.open
    assert len(made.workloads[0].instances) == 2
    answer = Decisions(answers=(Answered(workload="web", code="two-digests", about="image", answer=OTHER, line=3),))
    decided = estate(running("web-1"), running("web-2"), old, decisions=answer)
    assert decided.workloads[0].containers[0].image.digest == OTHER


def test_architectures_are_one_workload() -> None:
    """The index digest is the same on amd64 and arm64, the image ID is not."""
    arm = image(platform="linux/arm64")
    made = estate(running("web-1"), running("web-2", host="h2", container={"image": arm}))
    assert made.workloads[0].containers[0].image.platforms == ("linux/amd64", "linux/arm64")


def test_one_on_every_host_is_seen() -> None:
    """Exactly one on each of several hosts looks like a daemon; two on one host do not."""
    logs = [running("logs", host=h) for h in ("h1", "h2", "h3")]
    assert estate(*logs).workloads[0].on_every_host
    assert not estate(*logs, running("logs-2", host="h1")).workloads[0].on_every_host

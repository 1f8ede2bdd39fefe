"""What a config says against what runs."""

from __future__ import annotations

from dataclasses import replace

from converters.decisions import Answered, Decisions
from converters.estate import Estate, reconcile
from converters.sources.reading import Expected, Reading
from converters.workload import (
    Check,
    CheckKind,
    Container,
    Env,
    Host,
    Image,
    Item,
    Name,
    Network,
    Port,
    SecretRef,
    SiteCount,
    Workload,
)
from tests.workloads import atom, running


def config(**container: object) -> Workload:
    box = Container(name="web", image=Image(reference="reg.example/web:1"), origins={"image": atom("c.yml", "image")})
    return Workload(
        name="web",
        scheduler="edge",
        containers=(replace(box, **container),),  # type: ignore[arg-type]
        replicas=(SiteCount(site="", count=2, origins=atom("c.yml", "instances")),),
    )


def together(intended: Workload, *instances: Workload, decisions: Decisions | None = None) -> Estate:
    inspect = Reading(source="inspect", workloads=instances, hosts=(Host(name="h1"),))
    expected = (Expected(workload="web", containers=r"web-\d+"),)
    intent = Reading(source="config", workloads=(intended,), expected=expected)
    return reconcile([inspect, intent], decisions=decisions or Decisions())


def subjects(made: Estate, code: str) -> list[str]:
    return [f.subject for w in made.workloads for f in w.findings if f.code == code]


def test_agreement_joins_both_sides_atoms() -> None:
    """What both say is one attribute with the atoms of both."""
    made = together(config(env=(Env(name="A", value="1", origins=atom("c.yml", "env.A")),)),
                    running("web-1", env={"A": "1"}), running("web-2", env={"A": "1"}))  # fmt: skip
    (workload,) = made.workloads
    (env,) = workload.containers[0].env
    assert {s.document for s in env.origins} == {"h1/container/web-1", "h1/container/web-2", "c.yml"}
    assert not subjects(made, "config-differs")


def test_running_values_win_and_the_config_is_not_forgotten() -> None:
    """Environment comes from what runs; the config's value is overruled, its atom kept."""
    made = together(config(env=(Env(name="A", value="2", origins=atom("c.yml", "env.A")),)),
                    running("web-1", env={"A": "1"}), running("web-2", env={"A": "1"}))  # fmt: skip
    (workload,) = made.workloads
    assert workload.containers[0].env[0].value == "1"
    assert [(o.attribute, o.value, o.by) for o in workload.overruled] == [("env A", "2", "1")]
    assert workload.overruled[0].origins == atom("c.yml", "env.A")
    assert subjects(made, "config-differs") == ["env A"]


def test_a_decision_turns_it_round() -> None:
    """config-differs answered with config takes the config's value."""
    answer = Decisions(
        answers=(Answered(workload="web", code="config-differs", about="env A", answer="config", line=2),)
    )
    made = together(config(env=(Env(name="A", value="2", origins=atom("c.yml", "env.A")),)),
                    running("web-1", env={"A": "1"}), decisions=answer)  # fmt: skip
    assert made.workloads[0].containers[0].env[0].value == "2"
    assert made.workloads[0].overruled[0].origins == atom("h1/container/web-1", "Config.Env[A]")


def test_count_comes_from_the_config() -> None:
    """Two intended, one running: two replicas and a finding with both numbers."""
    made = together(config(), running("web-1"))
    (workload,) = made.workloads
    assert workload.replicas[0].count == 2
    (finding,) = [f for f in workload.findings if f.subject == "replicas"]
    assert finding.sides == (("config", "2"), ("running", "1"))


def test_a_secret_reference_against_a_running_value_is_no_difference() -> None:
    """The config says where the value came from."""
    ref = Env(name="PW", ref=SecretRef(name="edge/db", key="password"), origins=atom("c.yml", "env.PW"))
    made = together(config(env=(ref,)), running("web-1", env={"PW": "s3cr3t"}), running("web-2", env={"PW": "s3cr3t"}))
    assert made.workloads[0].containers[0].env[0].ref == SecretRef(name="edge/db", key="password")
    assert made.workloads[0].containers[0].env[0].value is None
    assert not subjects(made, "config-differs")


def test_the_schedulers_check_replaces_the_images() -> None:
    """One side's check gates; the other's atoms are overruled."""
    probe = Check(kind=CheckKind.HTTP, port=80, path="/ok", origins={"kind": atom("c.yml", "check")})
    own = Check(argv=("true",), origins={"argv": atom("h1/container/web-1", "Config.Healthcheck.Test")})
    made = together(config(checks=(probe,)), running("web-1", container={"checks": (own,)}))
    assert made.workloads[0].containers[0].checks == (probe,)
    assert atom("h1/container/web-1", "Config.Healthcheck.Test") in [o.origins for o in made.workloads[0].overruled]


def test_an_intended_port_that_does_not_run_is_kept_and_found() -> None:
    """Ports come from the config."""
    port = Port(container_port=9000, name="admin", origins=atom("c.yml", "ports.admin"))
    made = together(config(ports=(port,)), running("web-1"), running("web-2"))
    assert [p.container_port for p in made.workloads[0].containers[0].ports] == [9000]
    assert subjects(made, "config-differs") == ["port 9000/tcp"]


def test_missing_and_extra_are_findings() -> None:
    """What only one side knows stays in the estate and is said."""
    made = together(replace(config(), name="api"), running("db-1"))
    assert [w.name for w in made.workloads] == ["api", "db"]
    assert subjects(made, "config-missing") == ["running"]
    assert subjects(made, "config-extra") == ["config"]


def test_what_docker_does_unasked_agrees_with_a_config_that_asks_for_it() -> None:
    """1024 shares are what a container gets that asks for none: its document has nothing, and that is no difference."""
    shares = config(cpu_shares=1024)
    (box,) = shares.containers
    shares = replace(shares, containers=(replace(box, origins={**box.origins, "cpu_shares": atom("c.yml", "cpu")}),))
    made = together(shares, running("web-1"), running("web-2"))
    (workload,) = made.workloads
    (container,) = workload.containers
    assert (container.cpu_shares, container.origins["cpu_shares"]) == (1024, atom("c.yml", "cpu"))
    assert not subjects(made, "config-differs")


def test_networks_and_names_of_both_sides_are_one_with_the_atoms_of_both() -> None:
    """What the config says of a network, or of a name on it, is not forgotten where the container says it too."""
    alias = Item(value="api", origins=atom("h1/container/web-1", "Aliases[api]"))
    there = Network(name="edge", aliases=(alias,), origins=atom("h1/container/web-1", "Networks[edge]"))
    wanted = replace(
        config(),
        networks=(
            Network(
                name="edge", aliases=(Item(value="v1", origins=atom("c.yml", "v1")),), origins=atom("c.yml", "net")
            ),
            Network(name="back", origins=atom("c.yml", "back")),
        ),
        names=(Name(name="api", origins=atom("c.yml", "alias")),),
    )
    given = running("web-1", networks=(there,), names=(Name(name="api", network="edge", origins=alias.origins),))
    (workload,) = together(wanted, given).workloads
    (network,) = workload.networks
    assert {source.path for source in network.origins} == {"Networks[edge]", "net"}
    assert {item.value for item in network.aliases} == {"api", "v1"}
    (name,) = (name for name in workload.names if name.name == "api")
    assert {source.path for source in name.origins} == {"Aliases[api]", "alias"}
    assert [lost.attribute for lost in workload.overruled if lost.origins == atom("c.yml", "back")] == ["networks"]

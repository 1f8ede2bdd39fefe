"""What a config says against what runs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from converters.decisions import Answered, Decisions
from converters.estate import Estate, reconcile
from converters.sources.reading import Expected, Reading
from converters.workload import (
    Check,
    CheckKind,
    Container,
    Difference,
    Env,
    Host,
    Image,
    Item,
    Limit,
    Name,
    Network,
    Port,
    Published,
    Restart,
    SecretRef,
    SiteCount,
    Workload,
)
from tests.workloads import DIGEST, atom, image, running


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


def said(made: Workload, **attributes: object) -> Workload:
    """The config with attributes of its container that have an atom each."""
    (box,) = made.containers
    origins = {**box.origins, **{name: atom("c.yml", name) for name in attributes}}
    return replace(made, containers=(replace(box, origins=origins, **attributes),))  # type: ignore[arg-type]


def answered(subject: str, side: str) -> Decisions:
    return Decisions(answers=(Answered(workload="web", code="config-differs", about=subject, answer=side, line=1),))


def published(address: str, number: int, document: str) -> Port:
    at = Published(host_ip=address, host_port=number, origins=atom(document, "published"))
    return Port(container_port=80, published=(at,), origins=atom(document, "port"))


def with_port(port: Port) -> Workload:
    made = running("web-1")
    return replace(made, containers=(replace(made.containers[0], ports=(port,)),))


def test_loopback_against_public_is_a_disagreement() -> None:
    """A port that is open on the host's loopback only must not become public without a word, nor the other way."""
    made = together(config(ports=(published("", 8080, "c.yml"),)), with_port(published("127.0.0.1", 8080, "r")))
    assert "port 80/tcp" in subjects(made, "config-differs")
    assert [o.origins for o in made.workloads[0].overruled] == [atom("r", "published")]
    kept = together(
        config(ports=(published("", 8080, "c.yml"),)),
        with_port(published("127.0.0.1", 8080, "r")),
        decisions=answered("port 80/tcp", "running"),
    )
    (port,) = kept.workloads[0].containers[0].ports
    assert [p.host_ip for p in port.published] == ["127.0.0.1"]


def test_a_port_published_on_one_side_only_is_a_disagreement() -> None:
    """In either direction."""
    bare = Port(container_port=80, origins=atom("c.yml", "port"))
    hidden = together(config(ports=(bare,)), with_port(published("", 8080, "r")))
    opened = together(config(ports=(published("", 8080, "c.yml"),)), with_port(replace(bare, origins=atom("r", "p"))))
    assert "port 80/tcp" in subjects(hidden, "config-differs")
    assert "port 80/tcp" in subjects(opened, "config-differs")


def test_a_host_port_left_to_the_scheduler_agrees_with_any() -> None:
    """Whatever number runs, the config asked for none in particular; its atom stays."""
    made = together(config(ports=(published("", 0, "c.yml"),)), with_port(published("", 31001, "r")))
    (port,) = made.workloads[0].containers[0].ports
    assert [p.host_port for p in port.published] == [0]
    assert set(port.published[0].origins) == {*atom("c.yml", "published"), *atom("r", "published")}
    assert "port 80/tcp" not in subjects(made, "config-differs")


def test_the_running_check_can_be_kept() -> None:
    """The decision counts for checks too."""
    probe = Check(kind=CheckKind.HTTP, port=80, path="/ok", origins={"kind": atom("c.yml", "check")})
    own = Check(argv=("true",), origins={"argv": atom("h1/container/web-1", "Config.Healthcheck.Test")})
    made = together(
        config(checks=(probe,)), running("web-1", container={"checks": (own,)}), decisions=answered("check", "running")
    )
    assert made.workloads[0].containers[0].checks == (own,)
    assert atom("c.yml", "check") in [o.origins for o in made.workloads[0].overruled]


def test_a_value_that_loses_is_overruled_and_not_exact() -> None:
    """A host name of the config that does not run has no part in the pod's."""
    wanted = replace(config(), hostname="x", origins={"hostname": atom("c.yml", "hostname")})
    made = together(wanted, running("web-1", hostname="y", origins={"hostname": atom("r", "Config.Hostname")}))
    (workload,) = made.workloads
    assert workload.origins["hostname"] == atom("r", "Config.Hostname")
    assert [o.origins for o in workload.overruled] == [atom("c.yml", "hostname")]


def test_of_a_key_one_value_stands() -> None:
    """Two limits of one name would be two entries of one list."""
    mine = Limit(name="nofile", soft=1, hard=1, origins=atom("c.yml", "u"))
    theirs = Limit(name="nofile", soft=2, hard=2, origins=atom("r", "u"))
    for side, kept in (("running", theirs), ("config", mine)):
        made = together(
            config(ulimits=(mine,)), running("web-1", container={"ulimits": (theirs,)}), decisions=answered("*", side)
        )
        assert made.workloads[0].containers[0].ulimits == (kept,)


def test_a_variable_that_only_runs_is_a_finding() -> None:
    """Somebody set it by hand; a decision for the config takes it out."""
    given = config(env=(Env(name="A", value="1", origins=atom("c.yml", "env.A")),))
    made = together(given, running("web-1", env={"A": "1", "DEBUG": "1"}))
    assert "env DEBUG" in subjects(made, "config-differs")
    assert [e.name for e in made.workloads[0].containers[0].env] == ["A", "DEBUG"]
    without = together(given, running("web-1", env={"A": "1", "DEBUG": "1"}), decisions=answered("env *", "config"))
    assert [e.name for e in without.workloads[0].containers[0].env] == ["A"]
    assert [o.attribute for o in without.workloads[0].overruled] == ["env DEBUG"]


def test_an_image_that_was_started_by_its_digest() -> None:
    """Its tag is not known; the repository agrees. Another digest than the config pins does not."""
    by_digest = Image(reference=f"reg.example/web@{DIGEST}", digest=DIGEST, repository="reg.example/web")
    made = together(config(), running("web-1", container={"image": by_digest}))
    assert "image" not in subjects(made, "config-differs")
    pinned = config(image=Image(reference="reg.example/web@sha256:" + "e" * 64))
    other = together(pinned, running("web-1", container={"image": by_digest}))
    assert "image" in subjects(other, "config-differs")


def test_the_number_of_restarts_counts() -> None:
    """on-failure:5 is not on-failure:2."""
    wanted = replace(config(), restart=Restart(policy="on-failure", attempts=5, origins=atom("c.yml", "restart")))
    made = together(wanted, running("web-1", restart=Restart(policy="on-failure", attempts=2, origins=atom("r", "R"))))
    assert "restart" in subjects(made, "config-differs")
    assert made.workloads[0].restart.attempts == 5


def test_counts_by_site_against_hosts_without_sites() -> None:
    """Where nobody said where the engines stand the whole number is compared."""
    counts = (SiteCount(site="ams", count=1), SiteCount(site="syd", count=1))
    made = together(replace(config(), replicas=counts), running("web-1"), running("web-2"))
    assert "replicas" not in subjects(made, "config-differs")
    assert made.workloads[0].replicas == counts


def test_containers_of_one_workload_are_told_apart() -> None:
    """One expression finds the program and its sidecar: by the image each is the config's container."""
    side = Container(name="side", image=Image(reference="reg.example/side:1"))
    both = config()
    both = replace(both, containers=(*both.containers, side), replicas=(SiteCount(site="", count=2),))
    sidecar = {"image": image("reg.example/side:1")}
    made = together(
        both,
        running("web-1"), running("web-2"), running("web-3", container=sidecar), running("web-4", container=sidecar),
    )  # fmt: skip
    (workload,) = made.workloads
    assert [(c.name, c.image.reference) for c in workload.containers] == [
        ("web", "reg.example/web:1"), ("side", "reg.example/side:1"),
    ]  # fmt: skip
    assert workload.replicas == (SiteCount(site="", count=2),)
    assert not subjects(made, "two-digests")
    assert not subjects(made, "config-differs")


def test_a_strangers_name_is_not_the_configs() -> None:
    """A config that says how its instances are called does not take another container of the workload's name."""
    made = together(config(), running("web"))
    assert [(w.name, len(w.instances)) for w in made.workloads] == [("web", 0), ("web.2", 1)]
    assert subjects(made, "config-missing") == ["running"]
    assert subjects(made, "config-extra") == ["config"]


def test_what_a_config_tells_of_single_instances_is_not_forgotten() -> None:
    """A difference that does not run is overruled; one that runs has the atoms of both."""
    zones = Difference(subject="env ZONE", values=(("a", "1"), ("b", "2")), origins=atom("c.yml", "zone"))
    made = together(replace(config(), differences=(zones,)), running("web-1"), running("web-2"))
    assert [o.origins for o in made.workloads[0].overruled] == [atom("c.yml", "zone")]
    runs = together(
        replace(config(), differences=(zones,)),
        running("web-1", env={"ZONE": "x"}),
        running("web-2", env={"ZONE": "y"}),
    )
    (difference,) = runs.workloads[0].differences
    assert atom("c.yml", "zone")[0] in difference.origins


def test_a_secret_in_a_command_is_shown_on_no_side() -> None:
    """Neither in a finding nor as the value that lost."""
    wanted = said(config(), args=("--db=postgres://u:hunter22@a/x",))
    made = together(wanted, running("web-1", container={"args": ("--db=postgres://u:hunter22@b/x",)}))
    assert "args" in subjects(made, "config-differs")
    assert "hunter22" not in repr(made.workloads[0].findings) + repr(made.workloads[0].overruled)


IMAGE = {"entrypoint": ("/bin/web",), "args": ("serve",), "user": "1000", "working_dir": "/app", "env MODE": "fast"}


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("args", ("serve",)),
        ("entrypoint", ("/bin/web",)),
        ("user", "1000"),
        ("working_dir", "/app"),
        ("env", (Env(name="MODE", value="fast", origins=atom("c.yml", "env.MODE")),)),
    ],
)
def test_a_config_that_spells_out_the_image_agrees(attribute: str, value: object) -> None:
    """What the container has from its image is what the config says: no finding, and the pod has it from there too."""
    said = {} if attribute == "env" else {attribute: atom("c.yml", attribute)}
    intended = config(**{attribute: value}, origins={"image": atom("c.yml", "image"), **said})
    if attribute == "entrypoint":
        intended = config(
            entrypoint=value,
            args=("serve",),
            origins={"image": atom("c.yml", "image"), **said, "args": atom("c.yml", "args")},
        )
    made = together(intended, *(running(f"web-{n}", container={"inherited": IMAGE}) for n in (1, 2)))
    box = made.workloads[0].containers[0]
    assert not subjects(made, "config-differs")
    assert {s.code for s in box.settings} == {"agrees"}
    assert getattr(box, attribute) in (None, ())


def test_an_entrypoint_alone_is_not_the_images() -> None:
    """A config that names the image's entrypoint and no arguments would run without the image's arguments."""
    intended = config(entrypoint=("/bin/web",), origins={"entrypoint": atom("c.yml", "entrypoint")})
    made = together(intended, running("web-1", container={"inherited": IMAGE}))
    assert "entrypoint" in subjects(made, "config-differs")

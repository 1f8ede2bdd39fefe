"""What workloads share is written onto each of them."""

from __future__ import annotations

from dataclasses import replace

from converters.workload import Controller, Env, Item, Mount, MountKind, Name, Network, Pair, SecretRef, Workload
from tests.unit.estate.test_grouping import estate
from tests.workloads import atom, image, running


def volume(source: str = "data", **more: object) -> Mount:
    return Mount(kind=MountKind.VOLUME, source=source, target="/data", **more)  # type: ignore[arg-type]


def test_containers_in_one_network_namespace_are_one_pod() -> None:
    """network container:app makes a sidecar of app's workload, with its own atoms."""
    app = running("app")
    side = running(
        "logs",
        network_mode="container:app",
        origins={"network_mode": atom("h1/container/logs", "HostConfig.NetworkMode")},
    )
    made = estate(app, side)
    (workload,) = made.workloads
    assert [c.name for c in workload.containers] == ["app", "logs"]
    assert workload.network_mode == "bridge"
    assert atom("h1/container/logs", "HostConfig.NetworkMode")[0] in workload.origins["network_mode"]
    assert "joined-namespace" in {f.code for f in workload.findings}


def test_a_volume_on_one_host_is_shared() -> None:
    """Both users name each other; the same name on another host is another volume."""
    first, second = running("a", container={"mounts": (volume(),)}), running("b", container={"mounts": (volume(),)})
    far = running("c", host="h2", container={"mounts": (volume(),)})
    by_name = {w.name: w for w in estate(first, second, far).workloads}
    assert by_name["a"].containers[0].mounts[0].shared_with == ("b",)
    assert by_name["b"].containers[0].mounts[0].shared_with == ("a",)
    assert by_name["c"].containers[0].mounts[0].shared_with == ()


def test_a_network_volume_is_shared_across_hosts() -> None:
    """An NFS volume is one volume wherever it is mounted."""
    nfs = volume(driver_options={"type": "nfs"})
    made = estate(running("a", container={"mounts": (nfs,)}), running("b", host="h2", container={"mounts": (nfs,)}))
    assert made.workloads[0].containers[0].mounts[0].shared_with == ("b",)


def test_aliases_are_names_and_two_owners_are_found() -> None:
    """One alias of two workloads on one network is ambiguous."""
    net = (Network(name="backend", aliases=(Item(value="db"),)),)
    made = estate(running("pg", networks=net), running("mysql", networks=net))
    assert {n.name for w in made.workloads for n in w.names} >= {"pg", "mysql", "db"}
    found = [f for w in made.workloads for f in w.findings if f.code == "alias-ambiguous"]
    assert {f.workload for f in found} == {"pg", "mysql"}
    assert all(f.open for f in found)


def test_names_in_the_environment_are_references() -> None:
    """A URL with another workload's name refers to it; a longer word that holds the name does not."""
    made = estate(
        running("web", env={"DB": "postgres://db:5432/x", "MODE": "mydb-fast"}), running("db"), running("fast")
    )
    by_name = {w.name: w for w in made.workloads}
    assert by_name["web"].references == ("db",)


def test_every_workload_is_asked_whether_it_acts_unasked() -> None:
    """The evidence names brokers by scheme only, never a password."""
    (workload,) = estate(running("mail-worker", env={"URL": "amqp://u:hunter2@mq/"})).workloads
    (finding,) = [f for f in workload.findings if f.code == "acts-unasked"]
    assert finding.open
    assert ("name", "mail-worker") in finding.sides
    assert "amqp" in repr(finding.sides)
    assert "hunter2" not in repr(finding)


def test_what_nothing_shows_is_not_said_to_answer() -> None:
    """A container with neither port nor sign says nothing; one that has run to its end works as soon as it starts."""

    def reason(workload: Workload) -> str:
        (finding,) = [f for f in estate(workload).workloads[0].findings if f.code == "acts-unasked"]
        return finding.reason

    agent = running("agent")
    ended = replace(agent, instances=(replace(agent.instances[0], state="exited", exit_code=0),))
    assert reason(agent) == "nothing shows whether it starts work by itself"
    assert reason(ended) == "starts work by itself, as it seems"
    assert reason(replace(agent, controller=Controller.JOB)) == "starts work by itself, as it seems"


def test_a_database_behind_a_secret_is_evidence() -> None:
    """The name of the variable says where a value leads that no document holds; a title does not."""
    held = Env(name="DATABASE_URL", ref=SecretRef(name="web", key="url"))
    made = running("web", container={"env": (held, Env(name="DB_TITLE", value="x"))})
    (finding,) = [f for f in estate(made).workloads[0].findings if f.code == "acts-unasked"]
    assert finding.sides == (("env DATABASE_URL", "names a database"),)


def test_the_name_of_one_container_among_several_is_no_name_of_the_workload() -> None:
    """A Service leads to all of a workload's pods; web-1 led to one container, as the only one's name still does."""

    def on_a_network(name: str) -> Workload:
        return running(
            name, networks=(Network(name="edge"),), names=(Name(name=name, network="edge", kind="container"),)
        )

    several = estate(on_a_network("web-1"), on_a_network("web-2"))
    one = estate(on_a_network("web-1"))
    assert [n.name for n in several.workloads[0].names] == ["web"]
    assert [n.name for n in one.workloads[0].names] == ["web", "web-1"]


def test_swarms_service_name_resolves_on_its_networks() -> None:
    """No container has it as an alias: Swarm's own DNS answers."""
    labels = {"com.docker.swarm.service.name": "shop_api"}
    net = (Network(name="shop_default"), Network(name="ingress"))
    made = estate(*(running(f"shop_api.{n}.x", labels=labels, scheduler="swarm", networks=net) for n in (1, 2)))
    assert [(n.name, n.network, n.kind) for n in made.workloads[0].names] == [("shop_api", "shop_default", "service")]


def test_a_link_means_a_container_of_its_own_host() -> None:
    """Two hosts have a container db each, of other applications: a link leads to the one beside it."""
    other = running("db", host="h2", container={"image": image("reg.example/other:1")})
    linked = running("web", host="h2", networks=(Network(name="bridge", links=(Pair(key="store", value="db"),)),))
    made = estate(running("db", host="h1"), other, linked)
    owners = {w.name: w.instances[0].host for w in made.workloads if "store" in {n.name for n in w.names}}
    assert list(owners.values()) == ["h2"]


def test_the_name_of_one_instance_that_is_used_leads_to_all_and_is_asked() -> None:
    """A list of seeds goes on resolving; that it no longer names one container is an open finding of who uses it."""
    net = (Network(name="ring"),)
    ring = [running(f"cass-{n}", networks=net) for n in (1, 2, 3)]
    made = estate(*ring, running("app", env={"SEEDS": "cass-1,cass-2"}, networks=net))
    by_name = {w.name: w for w in made.workloads}
    assert [n.name for n in by_name["cass"].names if n.kind == "instance"] == ["cass-1", "cass-2"]
    assert by_name["app"].references == ("cass",)
    found = [f for f in by_name["app"].findings if f.code == "instance-name-used"]
    assert [(f.subject, f.open) for f in found] == [("name cass-1", True), ("name cass-2", True)]
    assert all(f.code != "instance-name-used" for f in by_name["cass"].findings)


def test_the_name_of_one_instance_that_nobody_uses_is_no_name() -> None:
    """A Service for each container of a scaled workload would promise what it cannot keep."""
    net = (Network(name="ring"),)
    made = estate(*(running(f"cass-{n}", networks=net) for n in (1, 2)))
    assert [n.name for w in made.workloads for n in w.names] == ["cass"]

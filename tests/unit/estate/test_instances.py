"""From instances to one workload: who counts, what is shared, what is no difference; and what must never be lost."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from converters.decisions import Answered, Decisions
from converters.estate import reconcile
from converters.fields.verdict import Finding
from converters.sources.reading import Expected
from converters.workload import Mount, MountKind, Published, Restart, SiteCount, Workload
from tests.inspect_documents import container, read
from tests.unit.estate.test_grouping import OTHER, estate, names
from tests.workloads import atom, image, running


def findings(made: Any, code: str) -> list[Finding]:
    return [f for w in made.workloads for f in w.findings if f.code == code]


def mounts(*made: Mount) -> dict[str, Any]:
    return {"mounts": made}


def volume(source: str, target: str = "/data", **more: Any) -> Mount:
    return Mount(kind=MountKind.VOLUME, source=source, target=target, **more)


def test_what_all_instances_say_has_the_atoms_of_all() -> None:
    """Each instance's document has its fields in the ledger, not only the first one's."""
    documents = [container(Name=f"/web-{n}", Id=str(n) * 64, host={"Memory": 1 << 28}) for n in (1, 2, 3)]
    (workload,) = reconcile([read(document) for document in documents], decisions=Decisions()).workloads
    limits = workload.containers[0].origins["memory_limit_bytes"]
    assert [s.document for s in limits] == [f"h1/container/web-{n}" for n in (1, 2, 3)]


def test_the_engines_names_of_anonymous_volumes_are_no_difference() -> None:
    """Each container of an image with a VOLUME has one of its own, by whatever name and however full."""
    made = estate(
        *(
            running(
                f"web-{n}",
                container=mounts(
                    Mount(kind=MountKind.ANONYMOUS, source=str(n) * 64, target="/cache", size_bytes=n * 100)
                ),
            )
            for n in (1, 2)
        )
    )
    (workload,) = made.workloads
    assert not workload.differences
    (mount,) = workload.containers[0].mounts
    assert (mount.source, mount.size_bytes) == ("", 200)


def test_a_named_volume_may_be_fuller_on_one_host() -> None:
    """Sizes are measured, not asked for; the greatest counts."""
    nfs: dict[str, Any] = {"driver_options": {"type": "nfs"}}
    made = estate(
        *(running(f"web-{n}", host=f"h{n}", container=mounts(volume("d", size_bytes=n, **nfs))) for n in (1, 2))
    )
    assert not made.workloads[0].differences
    assert made.workloads[0].containers[0].mounts[0].size_bytes == 2


def test_a_named_volume_for_each_instance_is_its_own() -> None:
    """Whatever the volumes are called: no two instances have the same one."""
    made = estate(running("db-1", container=mounts(volume("red"))), running("db-2", container=mounts(volume("blue"))))
    (difference,) = made.workloads[0].differences
    assert (difference.subject, difference.ordinal) == ("volume /data", "own")
    shared = estate(
        running("db-1", container=mounts(volume("red"))),
        running("db-2", container=mounts(volume("red"))),
        running("db-3", container=mounts(volume("blue"))),
    )
    assert [d.ordinal for d in shared.workloads[0].differences] == [""]


def test_labels_of_the_owner_are_no_finding() -> None:
    """Compose numbers its containers in a label: told by a verdict, asked of nobody."""
    labels = {"com.docker.compose.project": "shop", "com.docker.compose.service": "api"}
    made = estate(
        *(running(f"shop-api-{n}", labels={**labels, "com.docker.compose.container-number": text})
          for n, text in ((1, "one"), (2, "two")))
    )  # fmt: skip
    assert [d.subject for d in made.workloads[0].differences] == ["label com.docker.compose.container-number"]
    assert not findings(made, "instances-differ")


def test_host_ports_that_differ_are_found() -> None:
    """They are no part of the workload, and yet callers may name one: both sides are shown, nothing is asked."""
    made = estate(running("web-1", ports={80: 8001}), running("web-2", ports={80: 8002}))
    (finding,) = findings(made, "instances-differ")
    assert (finding.subject, finding.open) == ("port 80/tcp", False)
    assert finding.sides == (("h1/container/web-1", "8001"), ("h1/container/web-2", "8002"))


def test_a_port_that_only_one_instance_publishes_is_a_question() -> None:
    """Its number is not forgotten because another instance has none."""
    bare = running("web-2", ports={80: 8080})
    box = bare.containers[0]
    (port,) = box.ports
    bare = replace(bare, containers=(replace(box, ports=(replace(port, published=()),)),))
    made = estate(running("web-1", ports={80: 8080}), bare)
    assert made.workloads[0].containers[0].ports[0].published[0].host_port == 8080
    (finding,) = findings(made, "instances-differ")
    assert (finding.subject, finding.open) == ("port 80/tcp", True)


def test_addresses_of_the_hosts_are_no_difference() -> None:
    """One port number, each time on the address of the instance's own host."""

    def at(name: str, host: str, address: str) -> Workload:
        made = running(name, host=host, ports={80: 8080})
        (port,) = made.containers[0].ports
        published = replace(port.published[0], host_ip=address)
        return replace(made, containers=(replace(made.containers[0], ports=(replace(port, published=(published,)),)),))

    made = estate(at("web-1", "h1", "192.0.2.1"), at("web-2", "h2", "192.0.2.2"))
    (published,) = made.workloads[0].containers[0].ports[0].published
    assert (published.host_ip, published.host_port) == ("192.0.2.1", 8080)
    assert {s.document for s in published.origins} == {"h1/container/web-1", "h2/container/web-2"}
    assert not made.workloads[0].differences
    mixed = estate(at("web-1", "h1", "127.0.0.1"), at("web-2", "h2", "0.0.0.0"))
    assert [d.subject for d in mixed.workloads[0].differences] == ["port 80/tcp"]
    assert isinstance(published, Published)


def test_paused_instances_do_not_count() -> None:
    """Running or restarting ones are replicas; where all are paused somebody stopped it by hand."""
    made = estate(running("web-1"), running("web-2", state="paused"))
    assert made.workloads[0].replicas == (SiteCount(site="", count=1),)
    assert made.excluded == (("h1/container/web-2", "paused, beside running instances"),)
    asleep = estate(running("web-1", state="paused"))
    assert asleep.workloads[0].replicas == (SiteCount(site="", count=0),)
    assert findings(asleep, "stopped-by-hand")


def test_an_image_that_one_host_lost_is_no_second_revision() -> None:
    """Without its digest the reference tells, where it means one digest elsewhere."""
    lost = running("web-2", host="h2", container={"image": replace(image(), digest="", repository="")})
    made = estate(running("web-1"), lost)
    assert len(made.workloads[0].instances) == 2
    assert not findings(made, "two-digests")


def test_two_digests_say_where_they_run() -> None:
    """A rollout that stands still site by site can be seen, and how many instances count meanwhile."""
    old = {"image": image(digest=OTHER)}
    made = estate(
        running("web-1", site="ams"), running("web-2", site="ams"), running("web-3", site="syd", container=old)
    )
    (finding,) = findings(made, "two-digests")
    assert dict(finding.sides)["2 instances (ams 2)"] == image().digest
    assert "2 of 3 instances count" in finding.reason


def test_an_answer_that_is_no_digest_of_them_is_no_answer() -> None:
    """The question stays open and says so."""
    answer = Decisions(answers=(Answered(workload="web", code="two-digests", answer="sha256:beef", line=3),))
    made = estate(running("web-1"), running("web-2", container={"image": image(digest=OTHER)}), decisions=answer)
    (finding,) = findings(made, "two-digests")
    assert finding.open
    assert "sha256:beef" in finding.reason


def test_stopped_instances_of_two_revisions_are_a_question_too() -> None:
    """Where none runs nobody can say which is the current one."""
    made = estate(
        running("job-1", state="exited"), running("job-2", state="exited", container={"image": image(digest=OTHER)})
    )
    assert findings(made, "two-digests")


def test_one_service_of_two_projects_bears_both_projects_names() -> None:
    """Neither is taken for the other, whatever decisions call them."""
    label = {"com.docker.compose.service": "db"}
    made = estate(
        running("x", labels={**label, "com.docker.compose.project": "shop"}),
        running("y", labels={**label, "com.docker.compose.project": "blog"}),
        running("z", labels={**label, "com.docker.compose.project": "shop"}),
    )
    assert names(made) == ["blog.db", "shop.db"]
    assert [c.name for w in made.workloads for c in w.containers] == ["db", "db"]


def test_a_name_that_is_taken_is_not_given_twice() -> None:
    """A container that is called as two groups would be told apart keeps its own group."""
    other = {"image": image("reg.example/other:1")}
    third = {"image": image("reg.example/third:1")}
    made = estate(running("web-1"), running("web-2", container=other), running("web.2.x", container=third))
    assert len(set(names(made))) == len(made.workloads) == 3


def test_the_runs_of_a_periodic_job_are_one_workload() -> None:
    """Nomad gives each run a job of its own; past runs are no replicas."""
    env = {"NOMAD_GROUP_NAME": "report", "NOMAD_TASK_NAME": "report"}
    made = estate(
        *(
            running(f"report-{n}", state="exited", env={**env, "NOMAD_JOB_NAME": f"report/periodic-170000000{n}"})
            for n in (1, 2, 3)
        )
    )
    (workload,) = made.workloads
    assert workload.replicas == (SiteCount(site="", count=1),)
    assert "/periodic-" in workload.grouping_key


def test_the_site_in_a_name_counts_where_the_host_has_none() -> None:
    """The expression's group ``site`` says where an instance stands."""
    expected = Expected(workload="web", containers=r"web-(?P<site>[a-z]+)-\d+")
    made = estate(running("web-ams-1"), running("web-syd-1"), running("web-syd-2"), expected=(expected,))
    assert made.workloads[0].replicas == (SiteCount(site="ams", count=1), SiteCount(site="syd", count=2))


@pytest.mark.parametrize(
    ("name", "value", "runtime"),
    [
        ("PORT0", "31001", "container_port(8080)"),
        ("PORT1", "31002", "container_port(9090)"),
        ("PORT", "31001", "container_port(8080)"),
        ("HOST", "edge-1", "pod_ip"),
        ("MESOS_TASK_ID", "web.1f", "pod_name"),
    ],
)
def test_each_injected_variable_is_recreated_for_what_it_meant(name: str, value: str, runtime: str) -> None:
    """PORT1 is the second port and not the first one's number again."""
    made = estate(
        running(
            "m-1",
            env={"MARATHON_APP_ID": "/web", name: value},
            ports={8080: 31001, 9090: 31002},
            container={"args": (f"--x=${{{name}}}",)},
        )
    )
    (env,) = made.workloads[0].containers[0].env
    assert (env.name, env.runtime, env.value) == (name, runtime, None)


def test_an_injected_value_that_all_share_stays_where_it_is_read() -> None:
    """The app's own ID is the same in every instance: no pod could know it."""
    args = {"args": ("--app=$MARATHON_APP_ID",)}
    made = estate(*(running(f"m-{n}", env={"MARATHON_APP_ID": "/web"}, container=args) for n in (1, 2)))
    (env,) = made.workloads[0].containers[0].env
    assert (env.name, env.value, env.runtime) == ("MARATHON_APP_ID", "/web", "")


def test_the_variables_of_mesos_alone_stay_out() -> None:
    """Singularity and the like run on Mesos without Marathon: MESOS_TASK_ID makes no two instances differ."""
    made = estate(
        *(running(f"job-{n}", env={"MESOS_TASK_ID": f"t.{n}x", "PORT0": str(n)}, scheduler="mesos") for n in (1, 2))
    )
    assert not made.workloads[0].differences


def test_host_names_that_repeat_the_containers_name() -> None:
    """By a number they are a StatefulSet's; else a pod's own name does as well, and the atoms are kept."""

    def named(name: str) -> Workload:
        return running(name, hostname=name, origins={"hostname": atom(f"h1/container/{name}", "Config.Hostname")})

    expected = (Expected(workload="web", containers=r"web-\w+-\d+"),)
    made = estate(named("web-ams-1"), named("web-syd-1"), expected=expected)
    (workload,) = made.workloads
    assert workload.hostname == ""
    settings = [s for s in workload.settings if s.code == "hostname-of-instance"]
    assert {s.document for each in settings for s in each.origins} == {
        "h1/container/web-ams-1", "h1/container/web-syd-1",
    }  # fmt: skip
    numbered = estate(named("web-1"), named("web-2"))
    assert [(d.subject, d.ordinal) for d in numbered.workloads[0].differences] == [("hostname", "web-{n}")]


def test_a_command_that_holds_a_secret_is_not_shown_where_instances_differ() -> None:
    """A URL with a password in argv is in the manifest, and in no finding."""
    made = estate(
        running("web-1", container={"args": ("--db=postgres://u:hunter22@a/x",)}),
        running("web-2", container={"args": ("--db=postgres://u:hunter22@b/x",)}),
    )
    (workload,) = made.workloads
    assert [d.subject for d in workload.differences] == ["args"]
    assert "hunter22" not in repr(workload.differences) + repr(workload.findings)


def test_order_of_documents_changes_nothing() -> None:
    """Hosts and containers may be read in any order."""
    some = [
        running("web-1", env={"ZONE": "a"}, restart=Restart(policy="always")),
        running("web-2", host="h2", env={"ZONE": "b"}),
        running("web-3", host="h3", state="exited"),
        running("db", host="h2"),
        running("db", host="h1", container={"image": image("reg.example/db:1")}),
    ]
    assert repr(estate(*some)) == repr(estate(*reversed(some)))

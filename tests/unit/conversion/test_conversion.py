"""A workload's conversion as a whole: order, sites, differences, overrides, and what withholds it."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest

from converters.conversion import ORDER, Conversion, convert
from converters.decisions import Answered, Decisions, Override
from converters.errors import PodliftError
from converters.fields.verdict import Finding, Level
from converters.names import assign_names
from converters.overriding import merge_patch
from converters.target import Exposure, Site, Target
from converters.workload import (
    Container,
    Controller,
    Difference,
    Env,
    Instance,
    Metric,
    Mount,
    MountKind,
    Port,
    Published,
    Restart,
    Scaling,
    Schedule,
    SiteCount,
    Workload,
)
from tests.object_paths import value_at
from tests.schemas import assert_valid
from tests.workloads import atom, image

CLASSES: dict[str, Any] = {"exposure": (Exposure(match="*", become="ClusterIP"),)}


def web(count: int = 2, *, container: dict[str, Any] | None = None, **workload: Any) -> Workload:
    """A service in ``count`` instances on as many hosts."""
    box = Container(name="web", image=image(), **{"ports": (Port(container_port=80),), **(container or {})})
    attributes: dict[str, Any] = {
        "replicas": (SiteCount(site="", count=count, origins=atom("fleet.yml", "instances")),),
        "restart": Restart(policy="always"),
        "instances": tuple(
            Instance(name=f"web-{n}", host=f"h{n}", document=f"h{n}/container/web-{n}") for n in range(count)
        ),
        **workload,
    }
    return Workload(name="web", containers=(box,), **attributes)


def made(
    workload: Workload,
    *,
    target: Target | None = None,
    answers: dict[str, str] | None = None,
    overrides: Sequence[Override] = (),
) -> Conversion:
    decisions = Decisions(
        answers=tuple(
            Answered(code=code, answer=text, line=n) for n, (code, text) in enumerate((answers or {}).items(), 1)
        ),
        overrides=tuple(overrides),
    )
    aim = target or Target(**CLASSES)
    names = assign_names([workload], target=aim, decisions=decisions)
    conversion = convert(workload, names=names, target=aim, decisions=decisions, estate="edge")
    assert_valid([*conversion.objects, *conversion.secrets])
    assert not [v for v in conversion.verdicts if v.why == "podlift forgot it"]
    return conversion


def by_name(conversion: Conversion) -> dict[str, dict[str, Any]]:
    return {f"{o['kind']}/{o['metadata']['name']}": o for o in conversion.objects}


def differing(subject: str, *values: str, ordinal: str = "", first: int = 0) -> tuple[Difference, ...]:
    sides = tuple((f"h{n}/container/web-{n}", value) for n, value in enumerate(values))
    return (
        Difference(
            subject=subject, values=sides, origins=atom("h0/container/web-0", subject), ordinal=ordinal, first=first
        ),
    )


def shard(*values: str) -> dict[str, Any]:
    origins = atom("h0/container/web-0", "env SHARD")
    return {"env": (Env(name="SHARD", value=values[0], origins=origins),)}


def test_objects_come_in_the_order_of_application() -> None:
    """What an object refers to stands before it, and all carry our labels."""
    workload = web(
        container={"cpu_request_m": 500.0, "env": (Env(name="BIG", value="x" * 9000),)},
        scaling=Scaling(max=(SiteCount(site="", count=4),), metrics=(Metric(kind="cpu", target=0.7),)),
    )
    conversion = made(workload, target=Target(namespace="edge", write_namespaces=True, **CLASSES))
    kinds = [o["kind"] for o in conversion.objects]
    assert kinds == sorted(kinds, key=ORDER.index)
    assert set(kinds) == {
        "Namespace", "ServiceAccount", "ConfigMap", "Service", "Deployment", "HorizontalPodAutoscaler",
        "PodDisruptionBudget",
    }  # fmt: skip
    for each in conversion.objects:
        labels = each["metadata"]["labels"]
        assert labels["app.kubernetes.io/managed-by"] == "podlift"
        assert labels["podlift.dev/estate"] == "edge"
        assert ("podlift.dev/workload" in labels) == (each["kind"] != "Namespace")
        assert each["kind"] == "Namespace" or each["metadata"]["namespace"] == "edge"


def test_replicas_are_the_hpas() -> None:
    """With an HPA the count is left out, and the planned one is told beside the objects; stopped stays stopped."""
    scaled: dict[str, Any] = {
        "container": {"cpu_request_m": 500.0},
        "scaling": Scaling(max=(SiteCount(site="", count=4),), metrics=(Metric(kind="cpu", target=0.7),)),
    }
    conversion = made(web(**scaled))
    assert "replicas" not in by_name(conversion)["Deployment/web"]["spec"]
    assert conversion.replicas == (("web", 2),)
    stopped = made(web(replicas=(SiteCount(site="", count=0),), **scaled))
    assert by_name(stopped)["Deployment/web"]["spec"]["replicas"] == 0
    assert "PodDisruptionBudget/web" not in by_name(stopped)


def test_a_controller_for_each_site() -> None:
    """Its pods bear the site's label, which its selector asks for, and run on the site's nodes; one Service has all."""
    counts = (
        SiteCount(site="ams", count=3, origins=atom("f", "ams")),
        SiteCount(site="syd", count=1, origins=atom("f", "syd")),
    )
    sites = (Site(name="ams", node_labels={"zone": "eu"}), Site(name="syd", node_labels={"zone": "au"}))
    conversion = made(web(replicas=counts), target=Target(sites=sites, **CLASSES))
    objects = by_name(conversion)
    ams = objects["Deployment/web-ams"]["spec"]
    assert ams["replicas"] == 3
    assert ams["selector"]["matchLabels"] == {"podlift.dev/workload": "web", "podlift.dev/site": "ams"}
    assert ams["template"]["metadata"]["labels"]["podlift.dev/site"] == "ams"
    assert ams["template"]["spec"]["nodeSelector"] == {"zone": "eu"}
    assert objects["Deployment/web-syd"]["spec"]["template"]["spec"]["nodeSelector"] == {"zone": "au"}
    assert objects["Service/web"]["spec"]["selector"] == {"podlift.dev/workload": "web"}
    assert "PodDisruptionBudget/web-ams" in objects
    assert "PodDisruptionBudget/web-syd" not in objects
    by_path = {v.source.path: v for v in conversion.verdicts if v.source}
    assert by_path["ams"].level is Level.EXACT
    assert "Deployment/web-ams:spec.replicas" in by_path["ams"].targets


@pytest.mark.parametrize(("answer", "names"), [("merge", {"web"}), ("split", {"web-ams", "web-syd"})])
def test_sites_are_asked_for(answer: str, names: set[str]) -> None:
    """Several sites and no word of the target: withheld, and each answer gives what it says."""
    workload = web(replicas=(SiteCount(site="ams", count=3), SiteCount(site="syd", count=1)))
    withheld = made(workload)
    assert withheld.objects == ()
    assert withheld.blocked == ("sites",)
    found = {
        o["metadata"]["name"] for o in made(workload, answers={"sites": answer}).objects if o["kind"] == "Deployment"
    }
    assert found == names


def test_values_by_the_pods_index() -> None:
    """``shard-3`` to ``shard-5`` is a StatefulSet that counts from 3, whatever ``$(`` the value holds."""
    workload = web(
        3, container=shard("$(x)-3"), differences=differing("env SHARD", *(f"$(x)-{n}" for n in (3, 4, 5)),
                                                              ordinal="$(x)-{n}", first=3),
    )  # fmt: skip
    conversion = made(workload)
    spec = by_name(conversion)["StatefulSet/web"]["spec"]
    assert (spec["ordinals"], spec["serviceName"], spec["replicas"]) == ({"start": 3}, "web-pods", 3)
    assert spec["podManagementPolicy"] == "Parallel"
    index, value = spec["template"]["spec"]["containers"][0]["env"]
    assert index["valueFrom"]["fieldRef"]["fieldPath"] == "metadata.labels['apps.kubernetes.io/pod-index']"
    assert value == {"name": "SHARD", "value": f"$$(x)-$({index['name']})"}


def test_a_volume_of_its_own_for_each_pod() -> None:
    """One named volume on each host is data of each instance: claim templates."""
    mount = Mount(kind=MountKind.VOLUME, source="cache", target="/cache", size_bytes=1 << 30, content=False)
    workload = web(container={"mounts": (mount,)}, differences=differing("volume /cache data", "a", "b", ordinal="own"))
    spec = by_name(made(workload))["StatefulSet/web"]["spec"]
    (claim,) = spec["volumeClaimTemplates"]
    assert claim["spec"]["resources"]["requests"]["storage"] == "1Gi"
    (mounted,) = spec["template"]["spec"]["containers"][0]["volumeMounts"]
    assert mounted == {"name": claim["metadata"]["name"], "mountPath": "/cache"}


def test_a_value_that_follows_from_nothing() -> None:
    """Withheld with two ways out; "statefulset" is none of them and is refused."""
    workload = web(container=shard("a"), differences=differing("env SHARD", "a", "b"))
    withheld = made(workload)
    assert withheld.blocked == ("instance-difference",)
    (verdict,) = [v for v in withheld.verdicts if v.code == "instance-difference"]
    assert [value for value, _ in verdict.options] == ["common", "separate"]
    common = by_name(made(workload, answers={"instance-difference": "common"}))
    assert value_at(common["Deployment/web"], "spec.template.spec.containers[web].env[SHARD].value") == "a"
    separate = by_name(made(workload, answers={"instance-difference": "separate"}))
    values = {
        name: value_at(separate[name], "spec.template.spec.containers[web].env[SHARD].value")
        for name in ("Deployment/web-1", "Deployment/web-2")
    }
    assert values == {"Deployment/web-1": "a", "Deployment/web-2": "b"}
    with pytest.raises(PodliftError, match="answered statefulset"):
        made(workload, answers={"instance-difference": "statefulset"})


def test_padded_numbers_are_no_index() -> None:
    """``01`` and ``02`` cannot come from an index that counts 1 and 2."""
    workload = web(container=shard("01"), differences=differing("env SHARD", "01", "02", ordinal="{n}", first=1))
    assert made(workload).blocked == ("instance-difference",)


def test_labels_that_differ_change_nothing() -> None:
    """Books of the old scheduler (a container number) keep no workload back."""
    conversion = made(web(differences=differing("label number", "1", "2")))
    assert not conversion.blocked
    (verdict,) = [v for v in conversion.verdicts if v.code == "instance-value"]
    assert verdict.level is Level.DROPPED


def test_a_job_and_a_cron_job() -> None:
    """Restart policy by kind, nothing that only services have, and every number of a schedule explicit."""
    job = by_name(made(web(1, controller=Controller.JOB, restart=Restart(policy="on-failure", attempts=4))))["Job/web"]
    assert job["spec"]["backoffLimit"] == 4
    assert job["spec"]["template"]["spec"]["restartPolicy"] == "OnFailure"
    objects = by_name(made(web(1, schedule=Schedule(cron="@daily"), auto_remove=True, restart=Restart())))
    spec = objects["CronJob/web"]["spec"]
    assert (spec["schedule"], spec["timeZone"], spec["concurrencyPolicy"], spec["startingDeadlineSeconds"]) == (
        "@daily", "Etc/UTC", "Forbid", 300,
    )  # fmt: skip
    assert spec["jobTemplate"]["spec"]["ttlSecondsAfterFinished"] == 3600
    assert spec["jobTemplate"]["spec"]["template"]["spec"]["restartPolicy"] == "Never"


def test_a_schedule_with_seconds_is_asked_for() -> None:
    """Six fields begin with seconds elsewhere; the answer is taken."""
    workload = web(1, schedule=Schedule(cron="0 0 3 * * *", origins={"cron": atom("f", "cron")}))
    assert made(workload).blocked == ("schedule-unfit",)
    objects = by_name(made(workload, answers={"schedule-unfit": "0 3 * * *"}))
    assert objects["CronJob/web"]["spec"]["schedule"] == "0 3 * * *"


def test_a_time_zone_that_is_none_is_asked_for() -> None:
    """An abbreviation is no name of a zone; the answer is taken, and told."""
    workload = web(1, schedule=Schedule(cron="0 3 * * *", time_zone="PST", origins={"time_zone": atom("f", "zone")}))
    assert made(workload).blocked == ("time-zone",)
    answered = made(workload, answers={"time-zone": "America/Los_Angeles"})
    assert by_name(answered)["CronJob/web"]["spec"]["timeZone"] == "America/Los_Angeles"
    assert [v.level for v in answered.verdicts if v.source and v.source.path == "zone"] == [Level.APPROXIMATED]
    assert made(workload, answers={"time-zone": "CEST"}).blocked == ("time-zone",)


def test_an_override_changes_one_object_and_says_so() -> None:
    """A merge patch (RFC 7386): null removes; the verdict names the line and the paths."""
    patch = {"spec": {"revisionHistoryLimit": 3, "minReadySeconds": None}}
    override = Override(workload="web", object="Deployment/web", patch=patch, line=7)
    stale = Override(workload="web", object="Deployment/old", patch=patch, line=9)
    conversion = made(web(), overrides=[override, stale])
    spec = by_name(conversion)["Deployment/web"]["spec"]
    assert spec["revisionHistoryLimit"] == 3
    assert "minReadySeconds" not in spec
    (verdict,) = [v for v in conversion.verdicts if v.code == "override"]
    assert verdict.source is not None
    assert verdict.source.line == 7
    assert verdict.targets == ("Deployment/web:spec.minReadySeconds", "Deployment/web:spec.revisionHistoryLimit")
    assert conversion.answers_used == {7}


def test_a_name_and_a_namespace_of_one_override_are_both_told() -> None:
    """Each is a change of its own, with the objects that it changes."""
    conversion = made(web(), overrides=[Override(workload="web", name="site", namespace="blue", line=7)])
    told = {v.source.path: v.targets for v in conversion.verdicts if v.code == "override" and v.source is not None}
    assert sorted(told) == ["overrides[web].name", "overrides[web].namespace"]
    assert "Deployment/site:metadata.name" in told["overrides[web].name"]
    assert "Deployment/site:metadata.namespace" in told["overrides[web].namespace"]


@pytest.mark.parametrize(
    ("patch", "code", "reason"),
    [
        ({"spec": {"template": {"spec": {"restartPolicy": "Never"}}}}, "invalid-object", "restartPolicy Never"),
        ({"spec": {"selector": {"matchLabels": {"app": "x"}}}}, "invalid-object", "the pods lack it"),
        ({"spec": {"template": None}}, "invalid-object", "it lacks what its kind must have"),
        ({"metadata": {"name": "api"}}, "override-identity", "metadata.name"),
        ({"kind": "DaemonSet"}, "override-identity", "kind"),
    ],
)
def test_an_override_that_breaks_an_object_is_refused(patch: dict[str, Any], code: str, reason: str) -> None:
    """With the line of the patch, before anything is written."""
    override = Override(workload="web", object="Deployment/web", patch=patch, line=7)
    with pytest.raises(PodliftError, match=reason) as error:
        made(web(), overrides=[override])
    assert (error.value.code, error.value.subject) == (code, "decisions.yaml:7")


def test_merge_patch_is_rfc_7386() -> None:
    """The examples of the RFC's appendix that tell a merge from an assignment; the original stays as it is."""
    cases: list[tuple[Any, Any, Any]] = [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ]
    for value, patch, wanted in cases:
        before = deepcopy(value)
        assert merge_patch(value, patch) == wanted
        assert value == before


def test_findings_are_answered() -> None:
    """A decision closes a finding, and its line counts as used."""
    finding = Finding(workload="web", code="acts-unasked", subject="start", open=True)
    conversion = made(web(findings=(finding,)), answers={"acts-unasked": "idempotent"})
    assert conversion.findings == (replace(finding, open=False, answer="idempotent"),)
    assert conversion.answers_used == {1}


def test_an_answer_that_names_what_is_gone_leaves_the_question_open() -> None:
    """A digest that runs nowhere any more decides nothing."""
    options = (("sha256:aa", "take this one"), ("sha256:bb", "take this one"))
    finding = Finding(workload="web", code="two-digests", subject="image", options=options, open=True)
    stale = made(web(findings=(finding,)), answers={"two-digests": "sha256:cc"})
    assert stale.findings == (finding,)
    (answered,) = made(web(findings=(finding,)), answers={"two-digests": "sha256:bb"}).findings
    assert (answered.open, answered.answer) == (False, "sha256:bb")


def test_host_ports_go_one_after_the_other() -> None:
    """A port of the node is free only when the old pod is gone: no surge."""
    port = Port(container_port=80, published=(Published(host_port=8080, origins=atom("h", "port")),))
    target = Target(pod_security="privileged", exposure=(Exposure(match="*", become="hostPort"),))
    spec = by_name(made(web(container={"ports": (port,)}), target=target))["Deployment/web"]["spec"]
    assert spec["strategy"]["rollingUpdate"] == {"maxSurge": 0, "maxUnavailable": 1}


def test_a_daemon_is_one_for_all_sites() -> None:
    """Nodes are what a DaemonSet counts; stopped by hand it runs on none of them."""
    counts = (SiteCount(site="ams", count=3), SiteCount(site="syd", count=1))
    target = Target(sites=(Site(name="ams"), Site(name="syd")), **CLASSES)
    objects = by_name(made(web(controller=Controller.DAEMONSET, replicas=counts), target=target))
    assert [name for name in objects if name.startswith("DaemonSet/")] == ["DaemonSet/web"]
    stopped = made(web(controller=Controller.DAEMONSET, replicas=(SiteCount(site="", count=0),)), target=target)
    pod = by_name(stopped)["DaemonSet/web"]["spec"]["template"]["spec"]
    assert pod["nodeSelector"] == {"podlift.dev/stopped": "true"}


def test_the_same_in_gives_the_same_out() -> None:
    """Two conversions are equal, and share nothing that one could change under the other."""
    workload = web(container=shard("a"))
    first, second = made(workload), made(workload)
    assert first == second
    assert first.objects[0] is not second.objects[0]


def test_controllers_of_their_own_have_claims_of_their_own() -> None:
    """Each instance's volume is a claim that one pod writes; the verdict names each."""
    mount = Mount(
        kind=MountKind.VOLUME, source="cache", target="/cache", size_bytes=1 << 30, content=False,
        origins=atom("h0/container/web-0", "Mounts[/cache]"),
    )  # fmt: skip
    differences = differing("env SHARD", "a", "b") + differing("volume /cache data", "x", "y", ordinal="own")
    workload = web(container={"mounts": (mount,), **shard("a")}, differences=differences)
    conversion = made(workload, answers={"instance-difference": "separate"})
    objects = by_name(conversion)
    for n in ("1", "2"):
        claim = objects[f"PersistentVolumeClaim/web-cache-{n}"]
        assert claim["spec"]["accessModes"] == ["ReadWriteOnce"]
        (volume,) = objects[f"Deployment/web-{n}"]["spec"]["template"]["spec"]["volumes"]
        assert volume["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
        assert objects[f"Deployment/web-{n}"]["spec"]["strategy"] == {"type": "Recreate"}
    (verdict,) = [v for v in conversion.verdicts if v.source and v.source.path == "Mounts[/cache]"]
    named = {target.partition(":")[0] for target in verdict.targets}
    claims = {"PersistentVolumeClaim/web-cache-1", "PersistentVolumeClaim/web-cache-2"}
    assert named == {"Deployment/web-1", "Deployment/web-2"} | claims


def test_a_daemons_own_data_may_be_each_pods() -> None:
    """A named volume of each host under a DaemonSet: an emptyDir, as decided, is each pod's own."""
    mount = Mount(kind=MountKind.VOLUME, source="pos", target="/pos", content=False)
    daemon = web(
        container={"mounts": (mount,)},
        controller=Controller.DAEMONSET,
        differences=differing("volume /pos data", "x", "y", ordinal="own"),
    )
    assert "instance-difference" not in made(daemon, answers={"volume-size": "emptyDir"}).blocked
    assert made(daemon).blocked


def test_a_site_that_the_target_leaves_out_is_asked_for() -> None:
    """A target that names sites and not this one would let the workload run anywhere."""
    workload = web(replicas=(SiteCount(site="per", count=2),))
    target = Target(sites=(Site(name="ams", node_labels={"zone": "eu"}),), **CLASSES)
    assert made(workload, target=target).blocked == ("sites",)
    pod = by_name(made(workload, target=target, answers={"sites": "split"}))["Deployment/web"]["spec"]["template"][
        "spec"
    ]
    assert pod["nodeSelector"] == {"topology.kubernetes.io/zone": "per"}


def test_a_workload_without_a_container_is_refused() -> None:
    """One clear error, where a mapping gave none."""
    with pytest.raises(PodliftError, match="no container"):
        made(replace(web(), containers=()))

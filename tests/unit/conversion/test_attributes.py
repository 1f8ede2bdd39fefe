"""The invariant of the second ledger: an attribute that is set changes an object, or its verdict is not ``exact``.

Else an attribute that is read and then forgotten would count as accounted for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import pytest

from converters.conversion import Conversion, convert
from converters.decisions import Answered, Decisions
from converters.estate.facets import origins_within
from converters.fields.verdict import Level
from converters.names import assign_names
from converters.target import Target
from converters.workload import (
    Check,
    CheckKind,
    Constraint,
    Container,
    Controller,
    Device,
    DeviceRequest,
    Difference,
    Env,
    Instance,
    Item,
    Limit,
    Metric,
    Mount,
    MountKind,
    Name,
    Network,
    Overruled,
    Pair,
    Port,
    Restart,
    Rollout,
    Route,
    Scaling,
    Schedule,
    Setting,
    SiteCount,
    Spread,
    Step,
    Termination,
    Workload,
)
from tests.schemas import assert_valid
from tests.workloads import atom, image

AT = atom("h1/container/web", "sample")
ITEMS = (Item(value="2000", origins=AT),)
PAIRS = (Pair(key="edge.example/team", value="web", origins=AT),)

BOX = Container(name="web", image=image(), ports=(Port(container_port=80),), cpu_request_m=500.0)
BASE = Workload(
    name="web",
    containers=(BOX,),
    replicas=(SiteCount(site="", count=2),),
    restart=Restart(policy="always"),
    instances=(Instance(name="web-1", host="h1", document="h1/container/web"),),
)

OF_CONTAINER: dict[str, Any] = {
    "image": image("reg.example/web:2", "sha256:" + "b" * 64),
    "entrypoint": ("/run",),
    "args": ("serve",),
    "working_dir": "/srv",
    "env": (Env(name="A", value="1", origins=AT),),
    "ports": (Port(container_port=81, origins=AT),),
    "publish_all": True,
    "mounts": (Mount(kind=MountKind.TMPFS, target="/run", size_bytes=1 << 20, origins=AT),),
    "checks": (Check(argv=("true",), origins={"argv": AT}),),
    "user": "1000",
    "group": "1000",
    "groups": ITEMS,
    "tty": True,
    "stdin": True,
    "stdin_once": True,
    "privileged": True,
    "cap_add": (Item(value="NET_ADMIN", origins=AT),),
    "cap_drop": (Item(value="CHOWN", origins=AT),),
    "seccomp": "unconfined",
    "apparmor": "edge",
    "selinux": (Pair(key="type", value="svirt_lxc_net_t", origins=AT),),
    "no_new_privileges": True,
    "unmasked_paths": True,
    "read_only_root": True,
    "cpu_limit_m": 2000.0,
    "cpu_request_m": 250.0,
    "cpu_shares": 512,
    "memory_limit_bytes": 1 << 28,
    "memory_request_bytes": 1 << 27,
    "shm_bytes": 1 << 28,
    "init": True,
    "ulimits": (Limit(name="nofile", soft=1024, hard=2048, origins=AT),),
    "devices": (Device(host_path="/dev/x", container_path="/dev/x", origins=AT),),
    "device_requests": (DeviceRequest(count=1, capabilities=(("gpu",),), origins=AT),),
    "log_driver": "syslog",
    "log_options": (Pair(key="tag", value="web", origins=AT),),
    "labels": PAIRS,
    "annotations": PAIRS,
    "settings": (Setting(code="unknown-field", value=1, origins=AT),),
}

CHECK: dict[str, Any] = {
    "kind": CheckKind.TCP,
    "argv": ("false",),
    "port": 8081,
    "host_port": True,
    "scheme": "https",
    "path": "/ready",
    "host": "edge.example",
    "headers": (Pair(key="X-A", value="b", origins=AT),),
    "codes": "200-204",
    "body": "ok",
    "service": "edge",
    "interval_s": 7.0,
    "timeout_s": 3.0,
    "failures": 9,
    "successes": 2,
    "start_period_s": 60.0,
    "start_interval_s": 2.0,
    "gates_traffic": False,
    "restarts": True,
    "disabled": True,
}
# An attribute of one kind of check is set on a check of that kind.
KINDS_OF_CHECK = {"argv": CheckKind.EXEC, "service": CheckKind.GRPC}

OF_WORKLOAD: dict[str, Any] = {
    "name": "api",
    "namespace_hint": "edge",
    "grouping_key": "label:app=web",
    "scheduler": "fleet",
    "controller": Controller.STATEFULSET,
    "replicas": (SiteCount(site="", count=3, origins=AT),),
    "schedule": Schedule(cron="0 3 * * *", origins={"cron": AT}),
    "restart": Restart(policy="on-failure", attempts=3, origins=AT),
    "constraints": (Constraint(attribute="arch", values=("arm64",), origins=AT),),
    "spread": (Spread(over="host", max_per=1, origins=AT),),
    "routes": (Route(host="edge.example", origins=AT),),
    "names": (Name(name="alias", network="edge", origins=AT),),
    "networks": (Network(name="edge", driver="bridge", origins=AT),),
    "network_mode": "none",
    "pid_mode": "host",
    "ipc_mode": "host",
    "uts_mode": "host",
    "userns_mode": "host",
    "hostname": "edge-web",
    "domainname": "edge.example",
    "sysctls": (Pair(key="net.ipv4.tcp_syncookies", value="1", origins=AT),),
    "extra_hosts": (Pair(key="origin.example", value="192.0.2.1", origins=AT),),
    "dns": (Item(value="192.0.2.53", origins=AT),),
    "dns_search": (Item(value="edge.example", origins=AT),),
    "dns_options": (Item(value="ndots:2", origins=AT),),
    "runtime": "kata",
    "auto_remove": True,
    "on_every_host": True,
    "references": ("db",),
    "differences": (
        Difference(subject="env MODE", values=(("h1/container/web", "a"), ("h2/container/web", "b")), origins=AT),
    ),
    "overruled": (Overruled(attribute="image", value="a", by="b", origins=AT),),
    "settings": (Setting(code="unknown-field", value=1, origins=AT),),
}

TERMINATION: dict[str, Any] = {"grace_s": 45.0, "signal": "SIGQUIT", "drain_s": 20.0, "pre_stop": ("/drain",)}
ROLLOUT: dict[str, Any] = {
    "max_surge": "3",
    "max_unavailable": "1",
    "parallelism": 3,
    "order": "stop-first",
    "delay_s": 30.0,
    "monitor_s": 40.0,
    "min_healthy_s": 50.0,
    "deadline_s": 900.0,
    "failure_action": "pause",
    "max_failure_ratio": 0.5,
}
SCALING: dict[str, Any] = {
    "min": (SiteCount(site="", count=3, origins=AT),),
    "max": (SiteCount(site="", count=9, origins=AT),),
    "metrics": (Metric(kind="cpu", target=0.5, origins=AT),),
    "cooldown_out_s": 60.0,
    "cooldown_in_s": 60.0,
    "steps": (Step(direction="up", amount=2, origins=AT),),
}
SCHEDULE: dict[str, Any] = {
    "cron": "5 4 * * *",
    "time_zone": "Europe/Amsterdam",
    "concurrency": "Replace",
    "starting_deadline_s": 60.0,
}
SCALED = Scaling(
    min=(SiteCount(site="", count=2),), max=(SiteCount(site="", count=4),), metrics=(Metric(kind="cpu", target=0.7),)
)

# What is no setting: parts of the whole, evidence, and what carries findings.
NO_SETTING = {
    Workload: {"containers", "termination", "rollout", "scaling", "instances", "findings", "origins"},
    Container: {"name", "origins", "inherited"},
}


@dataclass(frozen=True)
class Change:
    """A workload, and the same with one attribute set."""

    before: Workload
    after: Workload


def _set(owner: Any, attribute: str, value: Any) -> Any:
    """``owner`` with the attribute, which came from the atom AT (a list's elements carry it themselves)."""
    changes: dict[str, Any] = {attribute: value}
    if not origins_within(value) and isinstance(getattr(owner, "origins", None), Mapping):
        changes["origins"] = {**owner.origins, attribute: AT}
    return replace(owner, **changes)


def changes() -> dict[str, Change]:
    made = {}
    for attribute, value in OF_WORKLOAD.items():
        made[f"workload.{attribute}"] = Change(BASE, _set(BASE, attribute, value))
    for attribute, value in OF_CONTAINER.items():
        box = _set(BOX, attribute, value)
        made[f"container.{attribute}"] = Change(BASE, replace(BASE, containers=(box,)))
    for attribute, value in CHECK.items():
        plain = Check(kind=KINDS_OF_CHECK.get(attribute, CheckKind.HTTP), port=80, argv=("true",))
        plain = Check(argv=("true",)) if attribute == "kind" else plain
        # a failure while it starts means something only where failures restart
        plain = replace(plain, restarts=True) if attribute.startswith("start_") else plain
        boxes = [replace(BOX, checks=(check,)) for check in (plain, _set(plain, attribute, value))]
        made[f"check.{attribute}"] = Change(*(replace(BASE, containers=(box,)) for box in boxes))
    parts: tuple[tuple[str, Any, dict[str, Any]], ...] = (
        ("termination", Termination(), TERMINATION),
        ("rollout", Rollout(), ROLLOUT),
        ("scaling", SCALED, SCALING),
        ("schedule", Schedule(cron="0 3 * * *"), SCHEDULE),
    )
    for part, plain, samples in parts:
        for attribute, value in samples.items():
            before = replace(BASE, **{part: plain})
            made[f"{part}.{attribute}"] = Change(before, replace(BASE, **{part: _set(plain, attribute, value)}))
    return made


CHANGES = changes()


def converted(workload: Workload, **target: Any) -> Conversion:
    # The widest level: what a narrower one refuses would be withheld, and so differ without being written.
    aim = Target(pod_security="privileged", **target)
    names = assign_names([workload], target=aim, decisions=Decisions())
    return convert(workload, names=names, target=aim, decisions=Decisions())


def test_every_attribute_has_a_sample() -> None:
    """A new attribute of the model must join this test."""
    for kind, samples in (
        (Workload, OF_WORKLOAD), (Container, OF_CONTAINER), (Check, CHECK), (Termination, TERMINATION),
        (Rollout, ROLLOUT), (Scaling, SCALING), (Schedule, SCHEDULE),
    ):  # fmt: skip
        assert {f.name for f in fields(kind)} - NO_SETTING.get(kind, {"origins"}) == set(samples), kind


@pytest.mark.parametrize("name", CHANGES)
def test_each_attribute_is_accounted_for(name: str) -> None:
    """Its atom has one verdict; unless something differs in the objects, that verdict is not exact."""
    change = CHANGES[name]
    before, after = converted(change.before), converted(change.after)
    told = [v for v in after.verdicts if v.source in AT]
    assert len(told) == 1
    (verdict,) = told
    assert verdict.why != "podlift forgot it"
    assert_valid(after.objects)
    if verdict.level is Level.EXACT:
        assert not after.blocked
        assert (before.objects, before.secrets) != (after.objects, after.secrets), verdict


@pytest.mark.parametrize("name", [name for name in CHANGES if not name.startswith("workload.name")])
def test_exact_names_where_it_stands(name: str) -> None:
    """An exact verdict's targets are in the objects that were made."""
    made = converted(CHANGES[name].after)
    objects = {f"{o['kind']}/{o['metadata']['name']}" for o in (*made.objects, *made.secrets)}
    for verdict in made.verdicts:
        if verdict.level is Level.EXACT and verdict.source in AT:
            assert {target.partition(":")[0] for target in verdict.targets} <= objects


def _everything(kind: Controller) -> Workload:
    """All samples at once, under one kind of controller; each atom has a path of its own."""
    box = BOX
    for attribute, value in OF_CONTAINER.items():
        box = _set(box, attribute, value)
    # The answers to a difference are another test's, and a disabled check says nothing of the others.
    apart = {"name", "controller", "schedule", "differences", "network_mode"}
    check = Check(kind=CheckKind.HTTP, port=80)
    for attribute, value in CHECK.items():
        check = _set(check, attribute, value) if attribute not in {"kind", "disabled", "host_port", "port"} else check
    whole = replace(BASE, containers=(replace(box, checks=(check,)), replace(box, name="side")), controller=kind)
    for attribute, value in OF_WORKLOAD.items():
        whole = _set(whole, attribute, value) if attribute not in apart else whole
    parts: dict[str, Any] = {"termination": Termination(**TERMINATION), "rollout": Rollout(**ROLLOUT)}
    parts["scaling"] = Scaling(**SCALING)
    if kind is Controller.CRONJOB:
        parts["schedule"] = Schedule(**SCHEDULE)
    return replace(whole, **parts)


@pytest.mark.parametrize("kind", [kind for kind in Controller if kind is not Controller.UNKNOWN])
@pytest.mark.parametrize("level", ["privileged", "baseline", "restricted"])
def test_everything_at_once(kind: Controller, level: str) -> None:
    """Every setting beside every other, questions answered: legal objects under each controller and security level."""
    workload = _everything(kind)
    answers = {"device": "hostPath", "pod-security": "drop", "restricted-demands": "comply", "constraint-label": "drop"}
    decisions = Decisions(answers=tuple(Answered(code=code, answer=answer) for code, answer in answers.items()))
    target = Target(pod_security=level)
    names = assign_names([workload], target=target, decisions=decisions)
    made = convert(workload, names=names, target=target, decisions=decisions)
    assert made.blocked == ()
    assert made.controller == kind.value
    assert not [verdict for verdict in made.verdicts if verdict.why == "podlift forgot it"]
    assert_valid([*made.objects, *made.secrets])

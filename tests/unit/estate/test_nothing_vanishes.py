"""Reconciling forgets no atom: what was read of any instance, or of a config, is still in the estate."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any

import pytest

from converters.decisions import Answered, Decisions
from converters.estate import Estate, reconcile
from converters.fields.container_table import CONTAINER_ROWS
from converters.fields.row import Role, Row
from converters.sources.reading import Expected, Reading
from converters.workload import (
    Check,
    CheckKind,
    Container,
    Controller,
    Device,
    DeviceRequest,
    Env,
    Host,
    Image,
    Item,
    Limit,
    Mount,
    MountKind,
    Name,
    Network,
    Pair,
    Port,
    Published,
    Restart,
    Rollout,
    Route,
    Scaling,
    Schedule,
    SecretRef,
    Setting,
    SiteCount,
    Spread,
    Termination,
    Workload,
)
from converters.workload import Constraint as Where
from tests.inspect_documents import container, read, with_sample
from tests.origins import sources_in
from tests.workloads import atom, running

ROWS = [row for row in CONTAINER_ROWS if row.role is Role.CONFIG and row.sample is not None]


def paths(*values: object) -> set[str]:
    return {source.path for value in values for source in sources_in(value)}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.pattern)
def test_a_setting_of_one_instance_alone(row: Row) -> None:
    """Two instances, one of which has the setting: its atom stays, whichever instance comes first."""
    for names in (("web-1", "web-2"), ("web-2", "web-1")):
        first = read(container(Name=f"/{names[0]}"))
        second = read(with_sample(container(Name=f"/{names[1]}", Id="e" * 64), row))
        estate = reconcile([first, second], decisions=Decisions())
        wanted = paths(first.workloads, second.workloads)
        assert wanted <= paths(estate.workloads) | {"Name"}


def origin(name: str) -> Any:
    return atom("c.yml", name)


SAMPLES: dict[str, Any] = {
    "env": (
        Env(name="A", value="1", origins=origin("env.A")),
        Env(name="B", ref=SecretRef(name="s"), origins=origin("env.B")),
        Env(name="C", runtime="pod_ip", origins=origin("env.C")),
    ),
    "ports": (
        Port(container_port=9, origins=origin("ports.9"), published=(Published(host_port=99, origins=origin("p.99")),)),
    ),
    "mounts": (Mount(kind=MountKind.VOLUME, source="d", target="/d", origins=origin("mounts./d")),),
    "checks": (Check(kind=CheckKind.TCP, port=80, origins={"port": origin("check.port")}),),
    "groups": (Item(value="5", origins=origin("groups")),),
    "cap_add": (Item(value="NET_ADMIN", origins=origin("cap_add")),),
    "cap_drop": (Item(value="ALL", origins=origin("cap_drop")),),
    "selinux": (Pair(key="level", value="s0", origins=origin("selinux")),),
    "ulimits": (Limit(name="nofile", soft=1, hard=2, origins=origin("ulimits")),),
    "devices": (Device(host_path="/dev/a", container_path="/dev/a", origins=origin("devices")),),
    "device_requests": (DeviceRequest(driver="nvidia", count=1, origins=origin("gpus")),),
    "log_options": (Pair(key="tag", value="x", origins=origin("log.tag")),),
    "labels": (Pair(key="team", value="x", origins=origin("labels.team")),),
    "annotations": (Pair(key="a", value="x", origins=origin("annotations.a")),),
    "settings": (Setting(code="not-mapped", value=1, origins=origin("other")),),
    "entrypoint": ("/x",), "args": ("y",), "working_dir": "/w", "user": "7", "group": "8", "seccomp": "unconfined",
    "apparmor": "p", "cpu_limit_m": 100.0, "cpu_request_m": 50.0, "cpu_shares": 512, "memory_limit_bytes": 2**28,
    "memory_request_bytes": 2**27, "shm_bytes": 2**20, "log_driver": "syslog",
    "image": Image(reference="reg.example/other:2"),
}  # fmt: skip

WORKLOAD_SAMPLES: dict[str, Any] = {
    "controller": Controller.DAEMONSET,
    "replicas": (SiteCount(site="", count=3, origins=origin("replicas")),),
    "schedule": Schedule(cron="* * * * *", origins={"cron": origin("schedule")}),
    "restart": Restart(policy="always", origins=origin("restart")),
    "termination": Termination(
        grace_s=3, signal="SIGINT", drain_s=2, pre_stop=("x",),
        origins={name: origin(f"termination.{name}") for name in ("grace_s", "signal", "drain_s", "pre_stop")},
    ),
    "rollout": Rollout(parallelism=2, origins={"parallelism": origin("rollout")}),
    "scaling": Scaling(
        min=(SiteCount(site="", count=1, origins=origin("min")),), origins={"cooldown_in_s": origin("c")}
    ),
    "constraints": (Where(attribute="site", values=("ams",), origins=origin("constraints")),),
    "spread": (Spread(over="host", origins=origin("spread")),),
    "routes": (Route(host="x.example", origins=origin("routes")),),
    "names": (Name(name="alias", origins=origin("names")),),
    "networks": (Network(name="n", origins=origin("networks")),),
    "sysctls": (Pair(key="net.core.somaxconn", value="1", origins=origin("sysctls")),),
    "extra_hosts": (Pair(key="h", value="192.0.2.1", origins=origin("extra_hosts")),),
    "dns": (Item(value="192.0.2.1", origins=origin("dns")),),
    "dns_search": (Item(value="x.example", origins=origin("dns_search")),),
    "dns_options": (Item(value="ndots:1", origins=origin("dns_options")),),
    "settings": (Setting(code="ignored", value="why", origins=origin("ignored")),),
}  # fmt: skip

# What the estate itself works out, and what says who an instance is.
DERIVED = {"name", "namespace_hint", "grouping_key", "scheduler", "containers", "instances", "differences", "overruled"}
DERIVED |= {"findings", "origins", "references", "on_every_host"}


def intended() -> Iterator[tuple[str, Workload]]:
    """One config workload for each attribute that a config can say."""
    plain = Container(name="web", image=Image(reference="reg.example/web:1"))
    for attribute in fields(Container):
        if attribute.name in {"name", "origins", "inherited"}:
            continue
        value = SAMPLES.get(attribute.name, True)
        box = replace(plain, **{attribute.name: value}, origins={attribute.name: origin(attribute.name)})
        yield f"container.{attribute.name}", Workload(name="web", containers=(box,))
    for attribute in fields(Workload):
        if attribute.name in DERIVED:
            continue
        value = WORKLOAD_SAMPLES.get(attribute.name, "host" if attribute.name.endswith("_mode") else "x")
        if attribute.name == "auto_remove":
            value = True
        made = replace(Workload(name="web", containers=(plain,)), **{attribute.name: value})
        yield attribute.name, replace(made, origins={attribute.name: origin(attribute.name)})


@pytest.mark.parametrize("winner", ["", "running", "config"])
@pytest.mark.parametrize(("attribute", "config"), list(intended()), ids=lambda v: v if isinstance(v, str) else "")
def test_a_configs_attribute(attribute: str, config: Workload, winner: str) -> None:
    """Whoever wins, the config's atoms and the running instance's are still there."""
    answers = (Answered(workload="web", code="config-differs", answer=winner, line=1),) if winner else ()
    inspect = Reading(
        source="inspect", workloads=(running("web-1", env={"A": "2"}, ports={80: 8080}),), hosts=(Host(name="h1"),)
    )
    intent = Reading(source="config", workloads=(config,), expected=(Expected(workload="web", containers=r"web-\d"),))
    estate: Estate = reconcile([inspect, intent], decisions=Decisions(answers=answers))
    assert paths(config, inspect.workloads) <= paths(estate.workloads), attribute

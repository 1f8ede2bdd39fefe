"""Settings without an object, logging, labels and overruled values: each says what became of it."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from converters.fields.catalogue import CATALOGUE
from converters.fields.codes import Kind
from converters.fields.verdict import Level
from converters.objects.annotations import annotation_key
from converters.target import Target
from converters.workload import (
    Container,
    Device,
    DeviceRequest,
    Env,
    Image,
    Item,
    Limit,
    Overruled,
    Pair,
    Port,
    Setting,
)
from tests.containers import POD, Converted, a_container, convert, privileged
from tests.origins import forgotten
from tests.workloads import atom

AT = atom("h1/container/web", "it")


def told(code: str, value: object = None, **more: Any) -> Converted:
    return convert(a_container(settings=(Setting(code=code, value=value, origins=AT),)), **more)


@pytest.mark.parametrize("code", [c.name for c in CATALOGUE.values() if c.kind is Kind.FIELD and c.drop])
def test_settings_on_the_list_of_drops_are_dropped(code: str) -> None:
    """A setting that Kubernetes has no field for is dropped with the reason."""
    made = told(code, 7)
    assert made.said("it") == (code, "dropped")
    assert made.verdict("it").why


def test_numbers_are_quoted_and_texts_are_not() -> None:
    """A reviewer sees the limit that is lost; a text might be a secret."""
    assert "(200)" in told("pids-limit", 200).verdict("it").why
    assert "hunter2" not in str(told("cgroup-parent", "hunter2").ledger.verdicts())


@pytest.mark.parametrize("code", ["unknown-field", "not-mapped", "volumes-from"])
def test_what_nobody_knows_is_a_question(code: str) -> None:
    """Unknown is never ignored: the user looks and answers drop."""
    made = told(code, "x")
    assert made.said("it") == (code, "undecided")
    assert ("drop", "go without it") in made.verdict("it").options
    assert told(code, "x", answers={code: "drop"}).said("it") == (code, "dropped")


def test_what_a_mapping_uses_or_ignores() -> None:
    """What chose a workload is taken; what the mapping ignores is dropped with the mapping's reason."""
    assert told("selection").said("it") == ("selection", "exact")
    assert told("ignored", "no effect at run time").verdict("it").why == "no effect at run time"


def test_settings_of_the_workload_count_too() -> None:
    """A setting may belong to no container."""
    made = convert(a_container(), settings=(Setting(code="mac-address", value="", origins=AT),))
    assert made.said("it") == ("mac-address", "dropped")


def test_an_overruled_value_is_dropped_and_not_quoted() -> None:
    """The side that lost stands in the finding; its value may be secret."""
    lost = Overruled(attribute="env TOKEN", value="hunter2", by="running", origins=AT)
    made = convert(a_container(), overruled=(lost,))
    assert made.said("it") == ("overruled", "dropped")
    assert "env TOKEN" in made.verdict("it").why
    assert "hunter2" not in made.verdict("it").why


@pytest.mark.parametrize(
    ("driver", "target", "level"),
    [
        ("json-file", Target(), "dropped"),
        ("local", Target(), "dropped"),
        ("none", Target(), "dropped"),
        ("fluentd", Target(), "dropped"),
        ("fluentd", Target(log_drivers=("fluentd",)), "dropped"),
    ],
)
def test_log_drivers(driver: str, target: Target, level: str) -> None:
    """A pod writes to its node; where else logs went is lost unless the target says that it is not."""
    options = (Pair(key="token", value="hunter2", origins=AT),)
    made = convert(a_container(log_driver=driver, log_options=options), target=target)
    assert made.said("log_driver") == ("log-driver", level)
    assert made.said("it") == ("log-option", "dropped")
    assert "hunter2" not in str(made.ledger.verdicts())


def _labels(*pairs: tuple[str, str]) -> tuple[Pair, ...]:
    return tuple(Pair(key=k, value=v, origins=atom("h1/container/web", k)) for k, v in pairs)


def test_labels_are_annotations() -> None:
    """Labels choose nothing in the cluster, so they are kept where they can do no harm."""
    labels = _labels(("team", "edge"), ("com.docker.compose.project", "x"), ("traefik.enable", "true"))
    made = convert(a_container(labels=labels))
    assert made.configuration.annotations == {"team": "edge", "traefik.enable": "true"}
    assert made.said("team") == ("label", "approximated")
    assert made.verdict("team").targets == (POD + "metadata.annotations[team]",)
    assert made.said("com.docker.compose.project") == ("label-scheduler", "dropped")
    assert "does not act" in made.verdict("traefik.enable").why


def test_containers_of_one_pod_may_disagree() -> None:
    """Two values under one key are both kept."""
    side = Container(name="side", labels=_labels(("role", "side")))
    made = convert(a_container(labels=_labels(("role", "main"))), beside=(side,))
    assert sorted(made.configuration.annotations.values()) == ["main", "side"]
    assert made.configuration.annotations["role"] == "main"


def test_oci_annotations() -> None:
    """An annotation is one of the pod; whether the runtime sees it is the runtime's."""
    made = convert(a_container(annotations=_labels(("io.edge/mode", "x"))))
    assert made.configuration.annotations == {"io.edge/mode": "x"}
    assert made.said("io.edge/mode") == ("annotation", "approximated")


@pytest.mark.parametrize(
    ("key", "legal"),
    [
        ("com.example.some-label", "com.example.some-label"),
        ("prometheus.io/scrape", "prometheus.io/scrape"),
        ("a/b/c", None),
        ("with space", None),
        ("x" * 64, None),
        ("kubernetes.io/config.hash", None),
        ("", None),
    ],
)
def test_annotation_keys(key: str, legal: str | None) -> None:
    """A key that is legal and not Kubernetes' own stays; any other gets a prefix and a hash."""
    made = annotation_key(key)
    assert made == legal if legal else made.startswith("legacy.podlift.dev/")
    assert len(made.rpartition("/")[2]) <= 63


SAMPLES: dict[str, Any] = {
    "image": Image(reference="reg.example/other:1"), "entrypoint": ("/x",), "args": ("x",), "working_dir": "/x",
    "env": (Env(name="X", value="1", origins=AT),), "ports": (Port(container_port=1, origins=AT),), "user": "7",
    "group": "7", "tty": True, "stdin": True, "stdin_once": True, "privileged": True,
    "cap_add": (Item(value="CHOWN", origins=AT),), "cap_drop": (Item(value="CHOWN", origins=AT),),
    "seccomp": "unconfined", "apparmor": "x", "selinux": (Pair(key="level", value="s0", origins=AT),),
    "no_new_privileges": True, "unmasked_paths": True, "read_only_root": True, "cpu_limit_m": 1.0,
    "cpu_request_m": 1.0, "cpu_shares": 2, "memory_limit_bytes": 7, "memory_request_bytes": 7,
    "ulimits": (Limit(name="nofile", soft=1, hard=1, origins=AT),),
    "devices": (Device(host_path="/dev/x", container_path="/dev/x", origins=AT),),
    "device_requests": (DeviceRequest(count=1, capabilities=(("gpu",),), origins=AT),), "log_driver": "syslog",
    "log_options": (Pair(key="a", value="b", origins=AT),), "labels": (Pair(key="a", value="b", origins=AT),),
    "annotations": (Pair(key="a", value="b", origins=AT),),
    "settings": (Setting(code="pids-limit", value=1, origins=AT),),
}  # fmt: skip

# What is no setting, or stands elsewhere: storage.py, pod.py, service.py and probes.py answer for it.
ELSEWHERE = {"name", "origins", "inherited", "publish_all", "mounts", "checks", "groups", "shm_bytes", "init"}


@pytest.mark.parametrize("name", [f.name for f in fields(Container) if f.name not in ELSEWHERE])
@pytest.mark.parametrize("target", [Target(), privileged(version=(1, 34)), Target(pod_security="restricted")])
def test_setting_any_attribute_shows(name: str, target: Target) -> None:
    """Each attribute of a container changes an object, or its verdict is other than exact; none is forgotten."""
    box = a_container(**{name: SAMPLES[name]})
    before, after = convert(a_container(), target=target), convert(box, target=target)
    assert forgotten(box, after.ledger) == set()
    paths = {"it", name}
    levels = {v.level for v in after.ledger.verdicts() if v.source and v.source.path in paths}
    assert levels
    same = after.spec == before.spec and after.configuration == before.configuration
    assert not same or levels != {Level.EXACT}

"""A container and a pod in one form: what is the same to the process in it is the same here."""

from __future__ import annotations

from typing import Any

import pytest

from converters.sources.inspect_process import Accounts
from migrate.diff.normal_form import Normal, Unknown, normal_changes, normal_container, normal_pod

DIGEST = "sha256:" + "a" * 64
IMAGE = {
    "Id": "sha256:" + "b" * 64,
    "RepoDigests": [f"reg.example/web@{DIGEST}"],
    "Config": {"Env": ["PATH=/bin", "MODE=slow"], "Cmd": ["serve"], "WorkingDir": "/srv", "User": "app"},
}
ACCOUNTS = Accounts(passwd="app:x:1000:2000::/:/bin/sh", group="web:x:2000:\nlog:x:4:")


def document(config: dict[str, Any] | None = None, host: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """As an engine merges it: the image's own values are in it."""
    merged = {"Env": ["PATH=/bin", "MODE=slow"], "Cmd": ["serve"], "WorkingDir": "/srv", "User": "app"}
    return {
        "Image": IMAGE["Id"],
        "Path": "serve",
        "Args": [],
        "Config": {**merged, **(config or {})},
        "HostConfig": host or {},
        **more,
    }


def pod(container: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "web-1", "namespace": "x", "labels": {"app": "web"}},
        "spec": {"containers": [{"name": "web", "image": "web:1", **(container or {})}], **spec},
        "status": {"podIP": "10.1.1.1", "containerStatuses": [{"name": "web", "imageID": f"reg.example/web@{DIGEST}"}]},
    }


def legacy(made: dict[str, Any], **more: Any) -> Normal:
    return normal_container(made, IMAGE, accounts=ACCOUNTS, **more)


def live(made: dict[str, Any], **more: Any) -> Normal:
    return normal_pod(made, "web", IMAGE, accounts=ACCOUNTS, **more)


def differing(container: Normal, other: Normal) -> set[str]:
    return {change.path for change in normal_changes(container, other)}


SAME: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("the image's own", document(), pod()),
    (
        "a variable over the image's",
        document({"Env": ["PATH=/bin", "MODE=fast"]}),
        pod({"env": [{"name": "MODE", "value": "fast"}]}),
    ),
    (
        "variables that refer to others, and an escaped dollar",
        document({"Env": ["PATH=/bin", "MODE=slow", "A=1", "B=1-$(C)"]}, Path="serve", Args=["1", "$(X)"]),
        pod(
            {
                "args": ["$(A)", "$$(X)"],
                "command": ["serve"],
                "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "$(A)-$(C)"}],
            }
        ),
    ),
    ("a command clears the image's", document(Path="sh", Args=["-c", "x"]), pod({"command": ["sh", "-c", "x"]})),
    (
        "limits",
        document(host={"Memory": 64 << 20, "NanoCpus": 500_000_000}),
        pod({"resources": {"limits": {"cpu": "0.5", "memory": "64Mi"}}}),
    ),
    (
        "a quota",
        document(host={"CpuQuota": 50_000, "CpuPeriod": 100_000}),
        pod({"resources": {"limits": {"cpu": "500m"}}}),
    ),
    ("a user by name", document(), pod({"securityContext": {"runAsUser": 1000, "runAsGroup": 2000}})),
    (
        "a user's primary group",
        document({"User": "1000"}),
        pod({"securityContext": {"runAsUser": 1000}}, securityContext={"runAsNonRoot": True}),
    ),
    ("groups", document(host={"GroupAdd": ["log"]}), pod(securityContext={"supplementalGroups": [4]})),
    (
        "capabilities",
        document(host={"CapAdd": ["CAP_NET_ADMIN"], "CapDrop": ["MKNOD"]}),
        pod({"securityContext": {"capabilities": {"add": ["NET_ADMIN"], "drop": ["MKNOD"]}}}),
    ),
    (
        "capabilities from none",
        document(host={"CapAdd": ["CHOWN"], "CapDrop": ["ALL"]}),
        pod({"securityContext": {"capabilities": {"add": ["CHOWN"], "drop": ["ALL"]}}}),
    ),
    ("privileged", document(host={"Privileged": True}), pod({"securityContext": {"privileged": True}})),
    (
        "ports",
        document({"ExposedPorts": {"80/tcp": {}}}, {"PortBindings": {"53/udp": []}}),
        pod({"ports": [{"containerPort": 53, "protocol": "UDP"}, {"containerPort": 80}]}),
    ),
    (
        "mounts, but for the account's",
        document(
            host={"Tmpfs": {"/scratch": "size=1m"}},
            Mounts=[
                {"Type": "bind", "Destination": "/etc/x", "RW": False},
                {"Type": "volume", "Destination": "/data/", "RW": True},
            ],
        ),
        pod(
            {
                "volumeMounts": [
                    {"name": "h", "mountPath": "/etc/x", "readOnly": True},
                    {"name": "c", "mountPath": "/data"},
                    {"name": "m", "mountPath": "/scratch"},
                    {"name": "t", "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"},
                ]
            },
            volumes=[
                {"name": "h", "hostPath": {"path": "/x"}},
                {"name": "c", "persistentVolumeClaim": {"claimName": "c"}},
                {"name": "m", "emptyDir": {"medium": "Memory"}},
                {"name": "t", "projected": {}},
            ],
        ),
    ),
    (
        "a check",
        document({"Healthcheck": {"Test": ["CMD-SHELL", "true"], "Interval": 5_000_000_000, "Retries": 2}}),
        pod(
            {
                "readinessProbe": {
                    "exec": {"command": ["/bin/sh", "-c", "true"]},
                    "periodSeconds": 5,
                    "timeoutSeconds": 30,
                    "failureThreshold": 2,
                }
            }
        ),
    ),
    ("a check that is turned off", document({"Healthcheck": {"Test": ["NONE"]}}), pod()),
    (
        "the content by the engine's ID",
        document(),
        pod() | {"status": {"containerStatuses": [{"name": "web", "imageID": str(IMAGE["Id"])}]}},
    ),
]


@pytest.mark.parametrize(("one", "other"), [each[1:] for each in SAME], ids=[each[0] for each in SAME])
def test_the_same(one: dict[str, Any], other: dict[str, Any]) -> None:
    """However each side writes it."""
    assert normal_changes(legacy(one), live(other)) == ()


OTHERWISE: list[tuple[dict[str, Any], dict[str, Any], set[str]]] = [
    (document(), pod({"env": [{"name": "MODE", "value": "fast"}]}), {"env.MODE"}),
    (document(), pod({"env": [{"name": "NEW", "value": "1"}]}), {"env.NEW"}),
    (document(Path="serve", Args=["--all"]), pod(), {"argv"}),
    (document({"WorkingDir": "/"}), pod(), {"workingDir"}),
    (document(), pod({"securityContext": {"runAsUser": 7}}), {"user.uid", "user.gid"}),
    (document(host={"Memory": 1 << 20}), pod(), {"limits.memory"}),
    (document(host={"CapDrop": ["CHOWN"]}), pod(), {"capabilities.CHOWN"}),
    (document(host={"ReadonlyRootfs": True}), pod(), {"readOnlyRoot"}),
    (
        document({"ExposedPorts": {"80/tcp": {}}}),
        pod({"ports": [{"containerPort": 81}]}),
        {"ports[80/tcp]", "ports[81/tcp]"},
    ),
    (
        document(Mounts=[{"Type": "bind", "Destination": "/d", "RW": True}]),
        pod({"volumeMounts": [{"name": "c", "mountPath": "/d"}]}, volumes=[{"name": "c", "configMap": {"name": "c"}}]),
        {"mounts[/d].kind", "mounts[/d].readOnly"},
    ),
    (document({"Healthcheck": {"Test": ["CMD", "true"]}}), pod(), {"checks"}),
    (
        document(),
        pod() | {"status": {"containerStatuses": [{"name": "web", "imageID": "x@sha256:" + "c" * 64}]}},
        {"image"},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other", "paths"), OTHERWISE)
def test_what_differs(one: dict[str, Any], other: dict[str, Any], paths: set[str]) -> None:
    """By its path in the normal form, and nothing else."""
    assert differing(legacy(one), live(other)) == paths


def test_what_a_side_injects_is_left_out() -> None:
    """The scheduler's variables; a pod's own fields are values like others."""
    one = document({"Env": ["PATH=/bin", "MODE=slow", "TASK_ID=17", "IP=10.1.1.1"]})
    other = pod({"env": [{"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}]})
    assert differing(legacy(one), live(other)) == {"env.TASK_ID"}
    assert differing(legacy(one, injected={"TASK_ID"}), live(other)) == set()


def test_what_lies_in_secrets_and_config_maps() -> None:
    """Read where they may be; what cannot be read is left out on both sides, with the reason."""
    kept = {("Secret", "s", "p"): "hunter2", ("ConfigMap", "c", "m"): "fast"}
    other = pod(
        {
            "env": [
                {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "s", "key": "p"}}},
                {"name": "MODE", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "m"}}},
                {"name": "NONE", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "gone", "optional": True}}},
            ]
        }
    )
    one = document({"Env": ["PATH=/bin", "MODE=fast", "PASSWORD=hunter2"]})
    made = live(other, look=lambda *what: kept.get(what))
    assert differing(legacy(one), made) == set()
    assert made.secret == {"PASSWORD"}
    blind = live(other, look=lambda *_: Unknown(why="no rights"))
    assert differing(legacy(one), blind) == set()
    assert blind.unknown == dict.fromkeys(("PASSWORD", "MODE", "NONE"), "no rights")


def test_a_check_that_only_the_scheduler_made() -> None:
    """A container without a check of its own is held against what the plan knows of the scheduler's."""
    check = {"kind": "http", "port": 80, "path": "/up", "interval_s": 10.0, "gates_traffic": True}
    probe = {"httpGet": {"port": "http", "path": "/up"}, "periodSeconds": 10}
    other = pod({"readinessProbe": probe, "ports": [{"containerPort": 80, "name": "http"}]})
    one = document({"ExposedPorts": {"80/tcp": {}}})
    assert differing(legacy(one, checks=[check]), live(other)) == set()
    assert differing(legacy(one), live(other)) == {"checks"}


def test_a_pod_without_such_a_container() -> None:
    """The caller's to tell."""
    with pytest.raises(KeyError):
        normal_pod(pod(), "other", None)

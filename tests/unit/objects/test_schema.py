"""What is made of a full container passes the strict schemas of the oldest and the newest version."""

from __future__ import annotations

import kubernetes_validate
import pytest

from converters.target import NEWEST_VERSION, OLDEST_VERSION
from converters.workload import Check, CheckKind, Device, DeviceRequest, Env, Item, Pair, Port, Published, SecretRef
from tests.containers import a_container, convert, privileged


@pytest.mark.parametrize("version", [OLDEST_VERSION, NEWEST_VERSION])
def test_a_full_container_is_legal(version: tuple[int, int]) -> None:
    """Pod, ConfigMap and Secret with everything set at once."""
    box = a_container(
        entrypoint=("/run",), args=("a",), working_dir="/srv", tty=True, stdin=True, stdin_once=True, user="1",
        group="2", privileged=True, cap_add=(Item(value="ALL"),), cap_drop=(Item(value="MKNOD"),),
        seccomp="unconfined", apparmor="edge", selinux=(Pair(key="disable", value=""),), read_only_root=True,
        cpu_limit_m=0.5, cpu_shares=512, memory_limit_bytes=1 << 28, memory_request_bytes=1000,
        devices=(Device(host_path="/dev/x", container_path="/dev/x"),),
        device_requests=(DeviceRequest(count=2, capabilities=(("gpu",),)),),
        ports=(Port(container_port=80, published=(Published(host_port=8080),)),),
        env=(
            Env(name="A", value="$(x)"), Env(name="B", value="y" * 9000), Env(name="C", value="z", secret=True),
            Env(name="D"), Env(name="E", ref=SecretRef(name="a/b")), Env(name="F", runtime="pod_ip"),
            Env(name="G", withheld=True),
        ),
        checks=(
            Check(kind=CheckKind.HTTP, port=80, host="h", restarts=True, interval_s=0.5, start_period_s=30.0),
        ),
        labels=(Pair(key="a b", value="c"),),
    )  # fmt: skip
    answers = {"device": "hostPath", "exposure": "hostPort"}
    made = convert(box, target=privileged(version=version, shares_policy="proportional"), answers=answers)
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web", "annotations": made.configuration.annotations},
        "spec": {"containers": [{**made.spec, "volumeMounts": []}]},
    }
    assert {"startupProbe", "livenessProbe", "readinessProbe", "env", "ports"} <= made.spec.keys()
    for obj in (pod, *made.configuration.objects, *made.configuration.secrets):
        kubernetes_validate.validate(obj, f"{version[0]}.{version[1]}", strict=True)

"""A container's image, process, limits and ports as the pod states them."""

from __future__ import annotations

from typing import Any

import pytest

from converters.errors import PodliftError
from converters.fields.verdict import Level
from converters.objects.image import full_name, rewrite, split_reference
from converters.objects.resources import requests
from converters.target import Target
from converters.workload import Device, DeviceRequest, Env, Image, Limit, Port, Protocol, Published
from tests.containers import SPEC, a_container, convert, privileged
from tests.origins import forgotten
from tests.workloads import DIGEST, atom

AT = atom("h1/container/web", "it")


# -- image


def test_the_image_is_pinned_to_what_runs() -> None:
    """The digest that runs is what the pod pulls, whatever the tag means by now."""
    made = convert(a_container())
    assert made.spec["image"] == f"reg.example/web@{DIGEST}"
    assert made.spec["imagePullPolicy"] == "IfNotPresent"
    assert made.said("image") == ("image", "exact")
    assert made.verdict("image").targets == (SPEC + "image",)


def test_a_short_name_is_written_in_full() -> None:
    """Docker Hub is implied by Docker and not by every runtime of Kubernetes."""
    made = convert(a_container(image=Image(reference="nginx:1", digest=DIGEST, repository="nginx")))
    assert made.spec["image"] == f"docker.io/library/nginx@{DIGEST}"


def test_an_image_without_a_registry_blocks() -> None:
    """What no node could pull is no manifest, until the user names the reference to pull."""
    local = a_container(image=Image(reference="web:dev", local_only=True))
    made = convert(local)
    assert made.said("image") == ("image-local-only", "undecided")
    assert made.ledger.blocked() == ("image-local-only",)
    answered = convert(local, answers={"image-local-only": "reg.example/web:dev"})
    assert answered.spec["image"] == "reg.example/web:dev"
    assert answered.ledger.blocked() == ()
    assert answered.verdict("image").decided


def test_an_image_known_by_its_id_alone_blocks() -> None:
    """An image ID is no name that a registry knows."""
    made = convert(a_container(image=Image(reference="sha256:" + "b" * 64)))
    assert made.ledger.blocked() == ("image-local-only",)


def test_a_rewrite_names_the_registry_of_a_local_image() -> None:
    """target.yaml may say where local images were pushed to."""
    target = Target(image_rewrites=(("web", "reg.example/team/web"),))
    made = convert(a_container(image=Image(reference="web:dev", local_only=True)), target=target)
    assert made.spec["image"] == "reg.example/team/web:dev"
    assert made.said("image") == ("image-rewritten", "approximated")


def test_an_unknown_digest_leaves_the_tag() -> None:
    """Without a digest the tag is used, and the verdict says that it may move."""
    made = convert(a_container(image=Image(reference="reg.example:5000/web")))
    assert made.spec["image"] == "reg.example:5000/web:latest"
    assert made.said("image") == ("image-unpinned", "approximated")


def test_a_rewritten_image_keeps_its_content() -> None:
    """A mirror holds the same content, so a rewritten digest is exact."""
    made = convert(a_container(), target=Target(image_rewrites=(("reg.example", "mirror.example/cache"),)))
    assert made.spec["image"] == f"mirror.example/cache/web@{DIGEST}"
    assert made.said("image") == ("image-rewritten", "exact")


@pytest.mark.parametrize(
    ("reference", "rewrites", "expected"),
    [
        ("docker.io/library/nginx:1", (("docker.io", "m"),), "m/library/nginx:1"),
        ("docker.io/library/nginx:1", (("docker.io", "m"), ("nginx", "own/nginx")), "own/nginx:1"),
        ("reg.example/teamwork/a:1", (("reg.example/team", "m"),), "reg.example/teamwork/a:1"),
        ("reg.example/team/a:1", (("reg.example/", "m/"), ("reg.example/team", "n")), "n/a:1"),
    ],
)
def test_the_longest_prefix_wins(reference: str, rewrites: tuple[tuple[str, str], ...], expected: str) -> None:
    """A prefix matches whole parts of a name, and the longest of several counts."""
    assert rewrite(reference, rewrites) == expected


@pytest.mark.parametrize(
    ("reference", "parts"),
    [
        ("reg:5000/a/b:1@sha256:0", ("reg:5000/a/b", "1", "sha256:0")),
        ("reg:5000/a", ("reg:5000/a", "", "")),
        ("nginx:1", ("nginx", "1", "")),
    ],
)
def test_references_are_split(reference: str, parts: tuple[str, str, str]) -> None:
    """A registry's port is no tag."""
    assert split_reference(reference) == parts


@pytest.mark.parametrize(
    ("repository", "full"),
    [
        ("team/web", "docker.io/team/web"),
        ("localhost/web", "localhost/web"),
        ("reg:5000/web", "reg:5000/web"),
        ("index.docker.io/team/web", "docker.io/team/web"),
    ],
)
def test_full_names(repository: str, full: str) -> None:
    """The first part of a name is a registry if it looks like a host."""
    assert full_name(repository) == full


# -- process


@pytest.mark.parametrize(
    ("entrypoint", "args", "command"),
    [
        (None, None, {}),
        (("/run", "-v"), None, {"command": ["/run", "-v"]}),
        (("/run",), ("a", ""), {"command": ["/run"], "args": ["a", ""]}),
        (None, ("a",), {"args": ["a"]}),
        ((), ("sh", "-c", "x"), {"command": ["sh", "-c", "x"]}),
        (("/run",), (), {"command": ["/run"]}),
    ],
)
def test_command_and_args(entrypoint: Any, args: Any, command: dict[str, list[str]]) -> None:
    """The process gets the same argv, by the pod's own rules on what leaves the image's in place."""
    made = convert(a_container(entrypoint=entrypoint, args=args))
    assert {key: made.spec[key] for key in ("command", "args") if key in made.spec} == command
    if args:
        assert made.said("args") == ("command", "exact")


def test_what_cannot_be_cleared_is_said() -> None:
    """A pod has no way to say "no arguments" to an image that has some."""
    made = convert(a_container(args=()))
    assert "args" not in made.spec
    assert made.said("args") == ("command", "approximated")


def test_nothing_in_argv_is_expanded() -> None:
    """Docker passes $(X) on as it stands, so the pod must too."""
    made = convert(a_container(entrypoint=("sh", "-c"), args=("echo $(date) $$ $HOME",)))
    assert made.spec["args"] == ["echo $$(date) $$$$ $HOME"]


def test_old_host_names_in_argv_are_rewritten() -> None:
    """A name that does not resolve in the cluster is replaced where it stands as a host, and the verdict says so."""
    made = convert(a_container(args=("--db", "old_db:5432")), hosts={"old_db": "old-db"})
    assert made.spec["args"] == ["--db", "old-db:5432"]
    assert made.said("args") == ("command", "approximated")
    assert "old_db is old-db now" in made.verdict("args").why


def test_terminal_and_working_directory() -> None:
    """tty, stdin and the working directory have fields of the same meaning."""
    made = convert(a_container(tty=True, stdin=True, stdin_once=True, working_dir="/srv"))
    assert {key: made.spec[key] for key in ("tty", "stdin", "stdinOnce", "workingDir")} == {
        "tty": True, "stdin": True, "stdinOnce": True, "workingDir": "/srv",
    }  # fmt: skip
    assert made.said("tty") == ("tty", "exact")


# -- limits


def test_limits_and_requests() -> None:
    """Numbers that Kubernetes can write are exact; a request is always stated."""
    made = convert(
        a_container(
            cpu_limit_m=1500.0, memory_limit_bytes=256 << 20, memory_request_bytes=128 << 20, cpu_request_m=250.0
        )
    )
    assert made.spec["resources"] == {
        "requests": {"cpu": "250m", "memory": "128Mi"},
        "limits": {"cpu": "1500m", "memory": "256Mi"},
    }
    assert made.said("cpu_limit_m") == ("cpu-limit", "exact")
    assert made.said("memory_limit_bytes") == ("memory-limit", "exact")
    assert made.said("memory_request_bytes") == ("memory-request", "approximated")


def test_fine_cpu_limits_round_up() -> None:
    """Docker takes parts of a millicore; a pod's limit is never below."""
    made = convert(a_container(cpu_limit_m=0.4))
    assert made.spec["resources"]["limits"] == {"cpu": "1m"}
    assert made.spec["resources"]["requests"] == {"cpu": "1m"}
    assert made.said("cpu_limit_m") == ("cpu-limit", "approximated")


def test_requests_by_default() -> None:
    """Nothing said: the target's CPU request, and no memory request."""
    made = convert(a_container())
    assert made.spec["resources"] == {"requests": {"cpu": "100m"}}
    assert SPEC + "resources.requests.cpu" in made.defaulted()


def test_a_memory_limit_is_the_request_too() -> None:
    """What the API server would fill in is written, so that a diff finds nothing."""
    made = convert(a_container(memory_limit_bytes=1 << 30))
    assert made.spec["resources"]["requests"]["memory"] == "1Gi"
    assert made.verdict("memory_limit_bytes").targets == (
        SPEC + "resources.limits.memory",
        SPEC + "resources.requests.memory",
    )


def test_no_request_is_above_its_limit() -> None:
    """The API server refuses a request above the limit."""
    made = convert(
        a_container(cpu_limit_m=50.0, memory_limit_bytes=1 << 20, memory_request_bytes=1 << 21, cpu_request_m=80.0)
    )
    assert made.spec["resources"]["requests"] == {"cpu": "50m", "memory": "1Mi"}
    assert made.said("cpu_request_m") == ("cpu-request", "approximated")
    assert made.said("memory_request_bytes") == ("memory-request", "approximated")


def test_shares_are_a_weight_until_a_policy_says_otherwise() -> None:
    """1024 shares are one CPU only by policy, of the target or as an answer."""
    shared = a_container(cpu_shares=512)
    assert convert(shared).said("cpu_shares") == ("cpu-shares", "dropped")
    for made in (
        convert(shared, target=Target(shares_policy="proportional")),
        convert(shared, answers={"cpu-shares": "proportional"}),
    ):
        assert made.spec["resources"]["requests"]["cpu"] == "500m"
        assert made.said("cpu_shares") == ("cpu-shares", "approximated")
    back = convert(shared, target=Target(shares_policy="proportional"), answers={"cpu-shares": "drop"})
    assert back.said("cpu_shares") == ("cpu-shares", "dropped")
    assert back.spec["resources"]["requests"]["cpu"] == "100m"


def test_the_scaler_sees_the_requests_that_are_written() -> None:
    """HPA targets are fractions of these numbers."""
    assert requests(a_container(cpu_limit_m=50.0), Target()).cpu_m == 50
    assert requests(a_container(), Target(memory_request_bytes=7)).memory_bytes == 7


def test_gpus_by_number() -> None:
    """A number of GPUs is a number of the target's GPU resource."""
    gpu = DeviceRequest(count=2, capabilities=(("gpu",),), origins=AT)
    made = convert(a_container(device_requests=(gpu,)))
    assert made.spec["resources"]["limits"] == {"nvidia.com/gpu": "2"}
    assert made.said("it") == ("device-request", "exact")


@pytest.mark.parametrize(
    "request_",
    [
        DeviceRequest(count=-1, capabilities=(("gpu",),), origins=AT),
        DeviceRequest(device_ids=("0", "2"), capabilities=(("gpu",),), origins=AT),
        DeviceRequest(driver="cdi", device_ids=("vendor.com/x=0",), origins=AT),
        DeviceRequest(count=1, driver="nvidia", origins=AT),
    ],
)
def test_gpus_otherwise_are_asked(request_: DeviceRequest) -> None:
    """All devices, chosen ones and other drivers have no counterpart: the user says how many, or none."""
    box = a_container(device_requests=(request_,))
    assert convert(box).ledger.blocked() == ("device-request-unclear",)
    assert convert(box, answers={"device-request-unclear": "4"}).spec["resources"]["limits"] == {"nvidia.com/gpu": "4"}
    assert convert(box, answers={"device-request-unclear": "drop"}).said("it")[1] == "dropped"
    with pytest.raises(PodliftError, match="whole number"):
        convert(box, answers={"device-request-unclear": "some"})


def test_devices_become_what_the_user_says() -> None:
    """A device is mounted, taken from a plugin, or left out; nothing is guessed."""
    box = a_container(devices=(Device(host_path="/dev/ttyUSB0", container_path="/dev/modem", origins=AT),))
    assert convert(box).ledger.blocked() == ("device",)
    mounted = convert(box, target=privileged(), answers={"device": "hostPath"})
    assert mounted.spec["volumeMounts"][0]["mountPath"] == "/dev/modem"
    assert mounted.security["privileged"] is True
    plugged = convert(box, answers={"device": "example.com/modem"})
    assert plugged.spec["resources"]["limits"] == {"example.com/modem": "1"}
    assert convert(box, answers={"device": "drop"}).said("it") == ("device", "dropped")
    assert convert(box, answers={"device": "hostPath"}).ledger.blocked() == ("pod-security",)
    with pytest.raises(PodliftError, match="resource"):
        convert(box, answers={"device": "modem"})


def test_ulimits_are_a_question_that_does_not_block() -> None:
    """A pod has no field for them; the user may have set the nodes."""
    box = a_container(ulimits=(Limit(name="nofile", soft=1024, hard=-1, origins=AT),))
    made = convert(box)
    assert made.said("it") == ("ulimit", "undecided")
    assert "nofile=1024:unlimited" in made.verdict("it").why
    assert made.ledger.blocked() == ()
    assert convert(box, answers={"ulimit": "node"}).said("it") == ("ulimit", "dropped")
    assert convert(box, answers={"ulimit": "drop"}).said("it") == ("ulimit", "dropped")


# -- ports


def test_ports_have_legal_unique_names() -> None:
    """Names are at most 15 characters with a letter, and no two are equal."""
    ports = (
        Port(container_port=8080, name="Public HTTP endpoint", origins=AT),
        Port(container_port=8081, name="public-http-endpoint"),
        Port(container_port=53, protocol=Protocol.UDP),
        Port(container_port=53),
        Port(container_port=8080),
        Port(container_port=9, name="9"),
    )
    made = convert(a_container(ports=ports))
    assert [(p["name"], p["containerPort"], p["protocol"]) for p in made.spec["ports"]] == [
        ("tcp-9", 9, "TCP"),
        ("tcp-53", 53, "TCP"),
        ("udp-53", 53, "UDP"),
        ("public-http-end", 8080, "TCP"),
        ("public-http-e-2", 8081, "TCP"),
    ]
    assert made.verdict("it").targets == (SPEC + "ports[8080/TCP]",)


def test_a_port_of_the_node() -> None:
    """Where the target exposes a port on the node's own, the container takes it; a level that refuses it blocks."""
    port = Port(container_port=80, published=(Published(host_port=8080, origins=AT),))
    answers = {"exposure": "hostPort"}
    made = convert(a_container(ports=(port,)), target=privileged(), answers=answers)
    assert made.spec["ports"][0]["hostPort"] == 8080
    refused = convert(a_container(ports=(port,)), answers=answers)
    assert "hostPort" not in refused.spec["ports"][0]
    assert refused.ledger.blocked() == ("pod-security",)


def test_ports_in_the_network_of_the_node() -> None:
    """The API server wants the same number on both sides there."""
    made = convert(a_container(ports=(Port(container_port=80),)), target=privileged(), network_mode="host")
    assert made.spec["ports"][0]["hostPort"] == 80


def test_nothing_of_a_full_container_is_forgotten() -> None:
    """Every attribute that this module answers for has a verdict, also those that are off."""
    box = a_container(
        entrypoint=("/run",), args=("a",), working_dir="", tty=False, stdin=False, stdin_once=False, user="1:1",
        group=None, privileged=False, seccomp="default", apparmor="", no_new_privileges=False, unmasked_paths=False,
        read_only_root=False, cpu_limit_m=1.0, cpu_request_m=1.0, cpu_shares=2, memory_limit_bytes=1,
        memory_request_bytes=1, log_driver="",
    )  # fmt: skip
    made = convert(box)
    assert forgotten(box, made.ledger) == set()
    assert all(v.level is not Level.UNDECIDED for v in made.ledger.verdicts() if v.code != "user-unresolved")


def test_a_secret_in_the_command_is_a_reference_to_its_variable() -> None:
    """The process gets the same words; the manifest does not hold the value."""
    secret = Env(name="DB_PASSWORD", value="hunter2-hunter2", secret=True, origins=AT)
    short = Env(name="PIN_CODE", value="1", secret=True, origins=AT)
    made = convert(a_container(env=(secret, short), args=("--db", "u:hunter2-hunter2@db", "-n1"), origins={"args": AT}))
    assert made.spec["args"] == ["--db", "u:$(DB_PASSWORD)@db", "-n1"]

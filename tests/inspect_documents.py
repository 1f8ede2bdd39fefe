"""Inspect documents for tests: what an engine of API 1.41 prints for a plain container, and one with a row's sample."""

from __future__ import annotations

import re
from copy import deepcopy
from typing import Any

from converters.capture import Engine
from converters.fields.row import Row
from converters.sources.inspect import read_inspect
from converters.sources.reading import Reading
from converters.workload import Container, Host, Workload

IDENTITY = "c1ff7385093b71aff60565d7d39b8b88730db8c185cd3c7f2bf5e07be566b15a"
IMAGE_ID = "sha256:6e14f90cb3a5f0bff9e1448dad80281627a4be7e4a2c5621f3452985a859fdf5"
DIGEST = "sha256:" + "d" * 64
VOLUME_ID = "8843702e22995a1f724d38478247d22fec25179ba875303056b664ae0eab04ce"
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

_NULL = (
    "Binds",
    "VolumesFrom",
    "CapAdd",
    "CapDrop",
    "ExtraHosts",
    "GroupAdd",
    "Links",
    "SecurityOpt",
    "DeviceCgroupRules",
    "DeviceRequests",
    "MemorySwappiness",
    "PidsLimit",
)
_LISTS = (
    "Dns",
    "DnsOptions",
    "DnsSearch",
    "BlkioWeightDevice",
    "BlkioDeviceReadBps",
    "BlkioDeviceWriteBps",
    "BlkioDeviceReadIOps",
    "BlkioDeviceWriteIOps",
    "Devices",
    "Ulimits",
)
_ZERO = (
    "OomScoreAdj",
    "CpuShares",
    "Memory",
    "NanoCpus",
    "BlkioWeight",
    "CpuPeriod",
    "CpuQuota",
    "CpuRealtimePeriod",
    "CpuRealtimeRuntime",
    "KernelMemory",
    "KernelMemoryTCP",
    "MemoryReservation",
    "MemorySwap",
    "CpuCount",
    "CpuPercent",
    "IOMaximumIOps",
    "IOMaximumBandwidth",
)
_EMPTY = (
    "ContainerIDFile",
    "VolumeDriver",
    "Cgroup",
    "PidMode",
    "UTSMode",
    "UsernsMode",
    "Isolation",
    "CgroupParent",
    "CpusetCpus",
    "CpusetMems",
)
_OFF = (
    "AutoRemove",
    "Privileged",
    "PublishAllPorts",
    "ReadonlyRootfs",
    "OomKillDisable",
)

INFO: dict[str, Any] = {
    "Name": "edge-1",
    "LoggingDriver": "json-file",
    "DefaultRuntime": "runc",
    "CgroupVersion": "1",
    "SecurityOptions": ["name=seccomp,profile=default", "name=userns"],
    "SystemTime": "2026-11-25T06:32:06.182031953Z",
}
ENGINE = Engine(api_version="1.41", version={"Os": "linux", "Arch": "amd64"}, info=INFO)


def container(config: dict[str, Any] | None = None, host: dict[str, Any] | None = None, **top: Any) -> dict[str, Any]:
    """A running container that nobody asked anything of, with these parts laid over."""
    made: dict[str, Any] = {
        "Id": IDENTITY,
        "Created": "2026-11-25T06:24:48.585666134Z",
        "Path": "/bin/web",
        "Args": ["serve"],
        "State": {
            "Status": "running",
            "Running": True,
            "ExitCode": 0,
            "StartedAt": "2026-11-25T06:24:48.929063981Z",
            "FinishedAt": "0001-01-01T00:00:00Z",
        },
        "Image": IMAGE_ID,
        "Name": "/web",
        "RestartCount": 0,
        "Driver": "overlay2",
        "Platform": "linux",
        "ExecIDs": None,
        "HostConfig": _host_config() | (host or {}),
        "GraphDriver": {"Data": None, "Name": "overlay2"},
        "Mounts": [],
        "Config": {
            "Hostname": IDENTITY[:12],
            "Domainname": "",
            "User": "",
            "AttachStdin": False,
            "AttachStdout": False,
            "AttachStderr": False,
            "Tty": False,
            "OpenStdin": False,
            "StdinOnce": False,
            "Env": [PATH],
            "Cmd": ["serve"],
            "Image": "reg.example/web:1",
            "Volumes": None,
            "WorkingDir": "",
            "Entrypoint": ["/bin/web"],
            "OnBuild": None,
            "Labels": {},
        }
        | (config or {}),
        "NetworkSettings": {
            "Bridge": "",
            "SandboxID": "9d3c",
            "Ports": {},
            "IPAddress": "172.17.0.2",
            "Networks": {
                "bridge": {
                    "IPAMConfig": None,
                    "Links": None,
                    "Aliases": None,
                    "NetworkID": "71e9a0c770faad752f5531737bdf2557e19316f64ebc661d07e21a5bc92399c5",
                    "IPAddress": "172.17.0.2",
                    "DriverOpts": None,
                }
            },
        },
    }
    return made | top


def _host_config() -> dict[str, Any]:
    return {
        **dict.fromkeys(_NULL),
        **{key: [] for key in _LISTS},
        **dict.fromkeys(_ZERO, 0),
        **dict.fromkeys(_EMPTY, ""),
        **dict.fromkeys(_OFF, False),
        "LogConfig": {"Type": "json-file", "Config": {}},
        "NetworkMode": "default",
        "PortBindings": {},
        "RestartPolicy": {"Name": "no", "MaximumRetryCount": 0},
        "CgroupnsMode": "host",
        "IpcMode": "private",
        "ShmSize": 67108864,
        "Runtime": "runc",
        "ConsoleSize": [0, 0],
        "MaskedPaths": [
            *(f"/proc/{name}" for name in ("asound", "acpi", "kcore", "keys", "latency_stats", "timer_list")),
            *(f"/proc/{name}" for name in ("timer_stats", "sched_debug", "scsi")),
            "/sys/firmware",
        ],
        "ReadonlyPaths": [f"/proc/{name}" for name in ("bus", "fs", "irq", "sys", "sysrq-trigger")],
    }


def image(**config: Any) -> dict[str, Any]:
    """The image of ``container()``, whose defaults are all that it runs with."""
    defaults = {"Env": [PATH], "Cmd": ["serve"], "Entrypoint": ["/bin/web"], "WorkingDir": "", "User": ""}
    return {
        "Id": IMAGE_ID,
        "RepoTags": ["reg.example/web:1"],
        "RepoDigests": [f"reg.example/web@{DIGEST}"],
        "Os": "linux",
        "Architecture": "arm64",
        "Variant": "v8",
        "Config": defaults | config,
        "RootFS": {"Type": "layers", "Layers": []},
    }


def with_sample(document: dict[str, Any], row: Row) -> dict[str, Any]:
    """The document with a row's sample set. Under ``[map]`` the sample is an object of the keys that a user chose;
    under another split it is one element more."""
    made = deepcopy(document)
    _put(made, re.findall(r"\[[a-z]+\]|[^.\[\]]+", row.pattern), row.sample)
    return made


def _put(node: dict[str, Any], tokens: list[str], sample: Any) -> None:
    key, *rest = tokens
    if not rest:
        node[key] = deepcopy(sample)
    elif rest[0] == "[map]":
        node[key] = dict(node.get(key) or {})
        for name, inner in sample.items():
            _put(node[key], [name, *rest[1:]], inner)
    elif rest[0].startswith("["):
        node[key] = [*(node.get(key) or []), deepcopy(sample)]
    else:
        node[key] = dict(node.get(key) or {})
        _put(node[key], rest, sample)


def read(document: dict[str, Any], **beside: Any) -> Reading:
    """Read as from a host whose engine and image are known, unless ``beside`` says otherwise."""
    known: dict[str, Any] = {"images": (image(),), "engine": ENGINE, "host": Host(name="h1")}
    return read_inspect([document], **(known | beside))


def workload(document: dict[str, Any], **beside: Any) -> Workload:
    (found,) = read(document, **beside).workloads
    return found


def read_container(document: dict[str, Any], **beside: Any) -> Container:
    (found,) = workload(document, **beside).containers
    return found

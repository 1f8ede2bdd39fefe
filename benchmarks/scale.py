"""Figure 3: from a capture on disk to a plan on disk, at 1,000 and at 10,000 containers.

Twenty containers a host, ten instances a workload, all workloads different. The floor is ``json.loads`` of the same
capture files. Each run is a process of its own, so that its peak memory is its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from converters.capture import Capture, Engine, HostDocuments
from converters.workload import Host
from migrate.capture import write_capture

SIZES = (1_000, 10_000)
PER_HOST = 20
INSTANCES = 10
DIGEST = "sha256:" + "d" * 64
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ENGINE = Engine(
    api_version="1.41",
    version={"ApiVersion": "1.41", "Os": "linux", "Arch": "amd64"},
    info={"LoggingDriver": "json-file", "DefaultRuntime": "runc", "CgroupVersion": "1", "SecurityOptions": []},
)


def container(number: int) -> dict[str, Any]:
    """An inspect document of about 150 leaves, as API 1.41 prints it."""
    workload, instance = divmod(number, INSTANCES)
    identity = f"{number:064x}"
    port = 20_000 + workload % 10_000
    bindings = {"8080/tcp": [{"HostIp": "", "HostPort": str(port)}]}
    zero: tuple[str, ...] = (
        "CpuShares",
        "BlkioWeight",
        "CpuPeriod",
        "CpuQuota",
        "CpuRealtimePeriod",
        "CpuRealtimeRuntime",
    )
    zero += ("KernelMemory", "KernelMemoryTCP", "MemoryReservation", "CpuCount", "CpuPercent", "OomScoreAdj")
    zero += ("IOMaximumIOps", "IOMaximumBandwidth")
    empty: tuple[str, ...] = (
        "ContainerIDFile",
        "VolumeDriver",
        "Cgroup",
        "PidMode",
        "UTSMode",
        "UsernsMode",
        "Isolation",
    )
    empty += ("CgroupParent", "CpusetCpus", "CpusetMems")
    nothing: tuple[str, ...] = (
        "Binds",
        "VolumesFrom",
        "CapAdd",
        "CapDrop",
        "ExtraHosts",
        "GroupAdd",
        "Links",
        "SecurityOpt",
    )
    nothing += ("DeviceCgroupRules", "DeviceRequests", "MemorySwappiness", "PidsLimit", "Ulimits")
    lists: tuple[str, ...] = (
        "Dns",
        "DnsOptions",
        "DnsSearch",
        "BlkioWeightDevice",
        "BlkioDeviceReadBps",
        "BlkioDeviceWriteBps",
    )
    lists += ("BlkioDeviceReadIOps", "BlkioDeviceWriteIOps", "Devices")
    off = ("AutoRemove", "Privileged", "PublishAllPorts", "ReadonlyRootfs", "OomKillDisable")
    return {
        "Id": identity,
        "Created": "2026-11-25T06:24:48.585666134Z",
        "Path": "/bin/app",
        "Args": ["serve", "--shard", str(workload)],
        "State": {
            "Status": "running", "Running": True, "Paused": False, "Restarting": False, "OOMKilled": False,
            "Dead": False, "Pid": 1000 + number, "ExitCode": 0, "Error": "",
            "StartedAt": "2026-11-25T06:24:48.929063981Z", "FinishedAt": "0001-01-01T00:00:00Z",
        },
        "Image": f"sha256:{workload:064x}",
        "ResolvConfPath": f"/var/lib/docker/containers/{identity}/resolv.conf",
        "HostnamePath": f"/var/lib/docker/containers/{identity}/hostname",
        "HostsPath": f"/var/lib/docker/containers/{identity}/hosts",
        "LogPath": f"/var/lib/docker/containers/{identity}/{identity}-json.log",
        "Name": f"/app{workload}-{instance}",
        "RestartCount": 0, "Driver": "overlay2", "Platform": "linux", "MountLabel": "", "ProcessLabel": "",
        "AppArmorProfile": "", "ExecIDs": None,
        "HostConfig": {
            **dict.fromkeys(nothing), **{key: [] for key in lists}, **dict.fromkeys(zero, 0),
            **dict.fromkeys(empty, ""), **dict.fromkeys(off, False),
            "LogConfig": {"Type": "json-file", "Config": {}}, "NetworkMode": "default", "PortBindings": bindings,
            "RestartPolicy": {"Name": "always", "MaximumRetryCount": 0}, "CgroupnsMode": "host",
            "IpcMode": "private", "ShmSize": 67108864, "Runtime": "runc", "ConsoleSize": [0, 0],
            "Memory": 268435456 + workload * 4096, "MemorySwap": 2 * (268435456 + workload * 4096),
            "NanoCpus": 500_000_000,
        },
        "GraphDriver": {"Data": None, "Name": "overlay2"},
        "Mounts": [],
        "Config": {
            "Hostname": identity[:12], "Domainname": "", "User": "1000", "AttachStdin": False, "AttachStdout": False,
            "AttachStderr": False, "ExposedPorts": {"8080/tcp": {}}, "Tty": False, "OpenStdin": False,
            "StdinOnce": False, "Cmd": ["serve", "--shard", str(workload)], "Image": f"reg.example/app{workload}:1",
            "Env": [PATH, f"SHARD={workload}", "LOG=info", f"UPSTREAM=http://app{workload + 1}:8080/"],
            "Healthcheck": {"Test": ["CMD", "/bin/app", "health"], "Interval": 5_000_000_000},
            "Volumes": None, "WorkingDir": "", "Entrypoint": ["/bin/app"], "OnBuild": None,
            "Labels": {"owner": f"team-{workload % 20}"},
        },
        "NetworkSettings": {
            "Bridge": "", "SandboxID": identity, "HairpinMode": False, "LinkLocalIPv6Address": "",
            "LinkLocalIPv6PrefixLen": 0, "Ports": bindings, "SandboxKey": "/var/run/docker/netns/x",
            "SecondaryIPAddresses": None, "SecondaryIPv6Addresses": None, "EndpointID": "", "Gateway": "172.17.0.1",
            "GlobalIPv6Address": "", "GlobalIPv6PrefixLen": 0, "IPAddress": "172.17.0.2", "IPPrefixLen": 16,
            "IPv6Gateway": "", "MacAddress": "02:42:ac:11:00:02",
            "Networks": {
                "bridge": {
                    "IPAMConfig": None, "Links": None, "Aliases": None, "NetworkID": "7e", "EndpointID": "e",
                    "Gateway": "172.17.0.1", "IPAddress": "172.17.0.2", "IPPrefixLen": 16, "IPv6Gateway": "",
                    "GlobalIPv6Address": "", "GlobalIPv6PrefixLen": 0, "MacAddress": "02:42:ac:11:00:02",
                    "DriverOpts": None,
                }
            },
        },
    }  # fmt: skip


def image(workload: int) -> dict[str, Any]:
    return {
        "Id": f"sha256:{workload:064x}",
        "RepoTags": [f"reg.example/app{workload}:1"],
        "RepoDigests": [f"reg.example/app{workload}@sha256:{workload + 1:064x}"],
        "Architecture": "amd64",
        "Os": "linux",
        "Config": {"Env": [PATH], "Cmd": ["serve"], "Entrypoint": ["/bin/app"], "User": "", "WorkingDir": ""},
    }


def generated(size: int) -> Capture:
    """Instances of a workload lie on ten different hosts, as schedulers spread them."""
    hosts = size // PER_HOST
    placed: list[list[int]] = [[] for _ in range(hosts)]
    for number in range(size):
        workload, instance = divmod(number, INSTANCES)
        placed[(workload + instance * 7) % hosts].append(number)
    return Capture(
        hosts=tuple(
            HostDocuments(
                host=Host(name=f"host-{n:03}"),
                engine=ENGINE,
                containers=tuple(container(number) for number in numbers),
                images=tuple(image(w) for w in sorted({number // INSTANCES for number in numbers})),
                read_at="2026-11-25T06:30:00Z",
            )
            for n, numbers in enumerate(placed)
        )
    )


def measured(*command: str) -> tuple[float, int]:
    """CPU seconds and peak memory (MiB) of a process."""
    script = (
        "import resource, subprocess, sys, json; subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL);"
        "u = resource.getrusage(resource.RUSAGE_CHILDREN);"
        "print(json.dumps([u.ru_utime + u.ru_stime, u.ru_maxrss // 1024]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *command], check=True, stdout=subprocess.PIPE, text=True, env=os.environ
    )
    seconds, mebibytes = json.loads(done.stdout)
    return seconds, mebibytes


FLOOR = """
import json, sys
from pathlib import Path
for file in Path(sys.argv[1]).rglob("*.json*"):
    for line in file.read_text().splitlines() if file.suffix == ".jsonl" else [file.read_text()]:
        json.loads(line)
"""


def main() -> None:
    print("| containers | hosts | to a plan, s wall | s cpu | ms a container | json.loads, s cpu | ratio | peak MiB |")
    print("|---|---|---|---|---|---|---|---|")
    taken = []
    for size in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            capture, plan = Path(folder) / "capture", Path(folder) / "plan"
            write_capture(generated(size), capture)
            floor, _ = measured(sys.executable, "-c", FLOOR, str(capture))
            began = time.perf_counter()
            seconds, peak = measured(
                sys.executable,
                "-m",
                "migrate.cli.main",
                "plan",
                str(capture),
                "--out",
                str(plan),
                "--progress",
                "quiet",
            )
            wall = time.perf_counter() - began
            taken.append(seconds)
            print(
                f"| {size:,} | {size // PER_HOST} | {wall:.1f} | {seconds:.1f} | {1000 * seconds / size:.2f} "
                f"| {floor:.2f} | {seconds / floor:.0f}x | {peak} |",
                flush=True,
            )
    few, many = SIZES
    ratio = (taken[1] / many) / (taken[0] / few)
    print(f"\nper container, {many:,} against {few:,}: {ratio:.2f} (aim: at most 1.1)")
    # starting the program falls on the first thousand alone and flatters the ratio
    print(f"each container after the first {few:,}: {1000 * (taken[1] - taken[0]) / (many - few):.2f} ms")


if __name__ == "__main__":
    main()

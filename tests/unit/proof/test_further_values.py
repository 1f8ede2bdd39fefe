"""The proof of rows with values of another kind than their sample's: each form that a field can take."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from converters.fields.container_table import CONTAINER_ROWS
from tests.inspect_documents import ENGINE, image
from tests.proof import ENDED, NEVER, OPEN, Stage, prove

ROWS = {row.pattern: row for row in CONTAINER_ROWS}
PLAIN = Stage()
BASELINE = Stage(target=replace(OPEN, pod_security="baseline"))
OLD = Stage(target=replace(OPEN, version=(1, 31)))
SIZED = Stage(volume_bytes={"site-data": 10**9})
EMPTY = replace(SIZED, answers={"copy-up-unclear": "no-copy"})
HOST_PATH = Stage(answers={"bind": "hostPath"})
SERVED = Stage(config={"ExposedPorts": {"8080/tcp": {}}})
CHECKED = Stage(config={"Healthcheck": {"Test": ["CMD", "/bin/true"]}})
JOB = Stage(host={"RestartPolicy": NEVER}, top={"State": ENDED})
NETLESS = Stage(networks={})
BACKEND = Stage(host={"NetworkMode": "backend"})
BY_SYSLOG = Stage(engine=replace(ENGINE, info={**ENGINE.info, "LoggingDriver": "syslog"}))
IMAGE_VOLUMES = Stage(target=replace(OPEN, gates=frozenset({"ImageVolume"})))


def _mount(kind: str, **more: Any) -> dict[str, Any]:
    return {"Type": kind, "Source": "site-data" if kind == "volume" else "/srv", "Target": "/data", **more}


def _volume(**options: Any) -> dict[str, Any]:
    return _mount("volume", VolumeOptions=options)


def _exposed(become: str) -> Stage:
    return replace(SERVED, answers={"exposure": become})


NFS = {"Name": "local", "Options": {"type": "nfs", "o": "addr=10.0.0.1", "device": ":/x"}}
CIFS = {"Name": "local", "Options": {"type": "cifs", "o": "addr=10.0.0.1", "device": "//10.0.0.1/x"}}
VALUES: dict[str, list[tuple[Any, Stage]]] = {
    "HostConfig.Mounts[mount]": [
        (_volume(Subpath="web"), EMPTY),
        (_volume(NoCopy=True), SIZED),
        (_volume(Labels={"a": "b"}), EMPTY),
        (_volume(DriverConfig=NFS), EMPTY),
        (_volume(DriverConfig=CIFS), EMPTY),
        (_volume(DriverConfig={"Name": "flocker"}), EMPTY),
        (_mount("volume", ReadOnly=True), EMPTY),
        ({"Type": "volume", "Target": "/data"}, EMPTY),
        (_mount("tmpfs", Source="", TmpfsOptions={"SizeBytes": 65536, "Mode": 448, "Options": [["noexec"]]}), PLAIN),
        (_mount("tmpfs", Source=""), PLAIN),
        (_mount("image", Source="reg.example/site:1", ImageOptions={"Subpath": "p"}), IMAGE_VOLUMES),
        (_mount("image", Source="reg.example/site:1"), OLD),
        (_mount("cluster", ClusterOptions={}), PLAIN),
        (_mount("npipe"), PLAIN),
        (_mount("bind"), PLAIN),
        (_mount("bind", BindOptions={"Propagation": "rslave", "NonRecursive": True}), HOST_PATH),
        (_mount("bind", BindOptions={"CreateMountpoint": True}), HOST_PATH),
        (_mount("bind", ReadOnly=True, BindOptions={"ReadOnlyForceRecursive": True}), HOST_PATH),
        (_mount("bind", ReadOnly=True, BindOptions={"ReadOnlyNonRecursive": True}), HOST_PATH),
        (_mount("bind", Consistency="cached"), HOST_PATH),
    ],
    "HostConfig.Binds[bind]": [
        ("/var/run/docker.sock:/var/run/docker.sock", PLAIN),
        ("/etc/localtime:/etc/localtime:ro", PLAIN),
        ("/proc:/host/proc:ro", PLAIN),
        ("/dev/shm:/dev/shm", PLAIN),
        ("/lib/modules:/lib/modules:ro", PLAIN),
        ("/srv:/srv:z", HOST_PATH),
        ("/srv:/srv:rshared", replace(HOST_PATH, host={"Privileged": True})),
        ("site-data:/data", PLAIN),
        ("site-data:/data", SIZED),
        ("site-data:/data", EMPTY),
        ("site-data:/data:nocopy,Z", SIZED),
    ],
    "HostConfig.Tmpfs[map]": [({"/dev/shm": "size=64m"}, PLAIN)],
    "Config.Volumes[map]": [({"/a": {}, "/b": {}}, Stage(images=(image(Volumes={"/a": {}}),)))],
    "HostConfig.SecurityOpt[option]": [
        *((option, PLAIN) for option in (
            "seccomp=unconfined", 'seccomp={"defaultAction":"SCMP_ACT_ALLOW"}', "apparmor=unconfined", "apparmor=edge",
            "apparmor=docker-default", "label=disable", "label=user:edge", "label=type:svirt_t", "label:level:s0",
            "systempaths=unconfined", "no-new-privileges:true", "future=x", "label=nested",
        )),
        *((option, BASELINE) for option in ("seccomp=unconfined", "apparmor=unconfined", "label=user:edge")),
    ],
    "HostConfig.MaskedPaths": [([], PLAIN), ([], BASELINE), ([], OLD)],
    "HostConfig.ReadonlyPaths": [([], PLAIN)],
    "HostConfig.NetworkMode": [
        ("host", NETLESS),
        ("host", replace(NETLESS, target=BASELINE.target)),
        ("host", replace(NETLESS, config=SERVED.config)),
        ("none", NETLESS),
    ],
    "HostConfig.RestartPolicy": [
        ({"Name": name, "MaximumRetryCount": attempts}, JOB)
        for name, attempts in (("always", 0), ("unless-stopped", 0), ("on-failure", 0), ("on-failure", 3))
    ],
    "Config.Healthcheck.Test": [
        (["CMD-SHELL", "curl -f localhost || exit 1"], PLAIN),
        (["CMD", "a", "$(X)"], PLAIN),
        (["NONE"], CHECKED),
    ],
    "HostConfig.IpcMode": [("none", PLAIN), ("container:x", PLAIN)],
    "HostConfig.PidMode": [("container:x", PLAIN)],
    "HostConfig.UsernsMode": [("keep-id", PLAIN)],
    "Config.User": [(user, PLAIN) for user in ("www", "0", "1000", "root", ":50", "1000:staff")],
    "HostConfig.GroupAdd[item]": [("audio", PLAIN)],
    "Config.StopSignal": [(signal, PLAIN) for signal in ("SIGINT", "9", "SIGRTMIN+3", "BOGUS")],
    "Config.StopTimeout": [(seconds, PLAIN) for seconds in (0, -1, 300)],
    "Config.Env[env]": [
        *((entry, PLAIN) for entry in (
            "DB_PASSWORD=x", "NOTHING=", "A=$(B)", "URL=https://u:p@h/", "9x=1", "PATH=/bin", "A B=1",
            "LARGE=" + "x" * 9000,
        )),
        ("A B=1", OLD),
        ("A", Stage(images=(image(Env=["A=1"]),))),
    ],
    "Config.Hostname": [(name, PLAIN) for name in ("web", "Web_1", "x" * 64)],
    "HostConfig.ExtraHosts[host]": [
        (entry, PLAIN) for entry in ("a:host-gateway", "A_b:10.0.0.1", "six:2001:db8::1", "eq=10.0.0.1")
    ],
    "HostConfig.Dns[item]": [("not-an-address", PLAIN), ("2001:db8::1", PLAIN)],
    "HostConfig.DnsSearch[item]": [(".", PLAIN), ("my_zone", PLAIN)],
    "HostConfig.DnsOptions[item]": [("rotate", PLAIN), ("timeout:1", PLAIN)],
    "HostConfig.Sysctls[map]": [
        ({"net.core.somaxconn": "1024"}, PLAIN),
        ({"net.core.somaxconn": "1024"}, Stage(target=replace(OPEN, unsafe_sysctls=("net.core.*",)))),
        ({"net.ipv4.tcp_fin_timeout": "30"}, PLAIN),
        ({"kernel.shmmax": "1"}, PLAIN),
        ({"net.ipv4.tcp_syncookies": "1"}, Stage(host={"NetworkMode": "host"}, networks={})),
    ],
    "HostConfig.DeviceRequests[index]": [
        ({"Driver": "", "Count": -1, "DeviceIDs": None, "Capabilities": [["gpu"]], "Options": {}}, PLAIN),
        ({"Driver": "cdi", "Count": 0, "DeviceIDs": ["v.com/x=1"], "Capabilities": None, "Options": None}, PLAIN),
    ],
    "HostConfig.PortBindings[map][port]": [
        *(({"8080/tcp": {"HostIp": address, "HostPort": port}}, SERVED) for address, port in (
            ("127.0.0.1", "8080"), ("127.0.0.1", "9090"), ("", ""), ("192.0.2.1", "80"), ("::", "8080"),
        )),
        ({"8080/tcp": {"HostIp": "127.0.0.1", "HostPort": "8080"}}, PLAIN),
        ({"8080/tcp": {"HostIp": "", "HostPort": "0"}}, PLAIN),
        ({"53/udp": {"HostIp": "", "HostPort": "53"}}, PLAIN),
        *(
            ({"8080/tcp": {"HostIp": "", "HostPort": port}}, _exposed(become))
            for port in ("8080", "30080")
            for become in ("ClusterIP", "NodePort", "LoadBalancer", "hostPort", "route")
        ),
    ],
    "NetworkSettings.Networks[map].Aliases[item]": [({"backend": name}, BACKEND) for name in ("Api_2", "api.edge")],
    "Config.Labels[map]": [
        ({"com.docker.compose.project": "x"}, PLAIN),
        ({"kubernetes.io/x": "x", "bad key": "y"}, PLAIN),
        ({"autoheal": "true"}, CHECKED),
    ],
    "HostConfig.LogConfig.Type": [(driver, BY_SYSLOG) for driver in ("json-file", "local", "none", "journald")],
    "HostConfig.NanoCpus": [(1, PLAIN), (50_000_000, PLAIN)],
    "HostConfig.Ulimits[ulimit]": [({"Name": "core", "Soft": -1, "Hard": -1}, PLAIN)],
}  # fmt: skip
EACH = [(pattern, value, stage) for pattern, values in VALUES.items() for value, stage in values]


@pytest.mark.parametrize(("pattern", "value", "stage"), EACH, ids=[f"{p} {n}" for n, (p, _, _) in enumerate(EACH)])
def test_a_row_is_proven_with_this_value(pattern: str, value: Any, stage: Stage) -> None:
    """As with its sample."""
    proof = prove("container", replace(ROWS[pattern], sample=value), stage)
    assert proof.wrong == ()
    assert proof.levels

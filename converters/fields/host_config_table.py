"""The field table of containers: HostConfig, what the host does for a container.

The image has no say here. Values in ``unset`` are what an engine prints when nobody asked for anything.
"""

from __future__ import annotations

from dataclasses import replace

from .host_limits_table import LIMITS
from .row import Row, observed
from .row import config as _config

_MOUNTINFO = "/proc/1/mountinfo"
_CGROUP = "its cgroup"
_WINDOWS = "outside: Linux containers have none"

_STORAGE = (
    _config("Binds[bind]", "bind", "container.mounts", "bind-mounts", sample="/srv/site:/site:ro", seen_by=_MOUNTINFO),
    _config(
        "Mounts[mount]",
        "bind",
        "container.mounts",
        "mounts",
        sample={"Type": "volume", "Source": "site-data", "Target": "/data"},
        seen_by=_MOUNTINFO,
    ),
    _config("Tmpfs[map]", "tmpfs", "container.mounts", "tmpfs", sample={"/run": "size=64m"}, seen_by=_MOUNTINFO),
    _config(
        "VolumesFrom[item]", "volumes-from", "container.mounts", "volumes-from", sample="data:ro", seen_by=_MOUNTINFO
    ),
    _config(
        "VolumeDriver",
        "volume-driver",
        "container.mounts",
        "volume-drivers",
        sample="flocker",
        unset=("", "local"),
        seen_by=_MOUNTINFO,
    ),
    _config(
        "StorageOpt[map]",
        "storage-option",
        "setting",
        "storage-options",
        sample={"size": "20G"},
        seen_by="the size of its root file system",
    ),
    _config(
        "DiskQuota",
        "storage-option",
        "setting",
        "storage-options",
        sample=1073741824,
        unset=(0,),
        seen_by="the size of its root file system",
    ),
    _config(
        "ReadonlyRootfs",
        "read-only-root",
        "container.read_only_root",
        "read-only-root",
        sample=True,
        unset=(False,),
        seen_by=_MOUNTINFO,
    ),
    _config(
        "ShmSize",
        "shm-size",
        "container.shm_bytes",
        "shared-memory",
        sample=134217728,
        unset=(0, 67108864),
        seen_by="the size of /dev/shm",
    ),
)

_SECURITY = (
    _config(
        "Privileged",
        "privileged",
        "container.privileged",
        "privileged",
        sample=True,
        unset=(False,),
        seen_by="CapEff in /proc/1/status",
    ),
    _config(
        "CapAdd[item]",
        "capability-add",
        "container.cap_add",
        "capabilities",
        sample="NET_ADMIN",
        seen_by="CapEff in /proc/1/status",
    ),
    _config(
        "CapDrop[item]",
        "capability-drop",
        "container.cap_drop",
        "capabilities",
        sample="MKNOD",
        seen_by="CapEff in /proc/1/status",
    ),
    _config(
        "Capabilities[item]",
        "capability-add",
        "container.cap_add",
        "capabilities-exact-set",
        sample="NET_ADMIN",
        seen_by="CapEff in /proc/1/status",
    ),
    _config(
        "SecurityOpt[option]",
        "security-option",
        "container.no_new_privileges",
        "security-options",
        sample="no-new-privileges",
        unset=("@idle-security-option",),
        seen_by="NoNewPrivs and Seccomp in /proc/1/status",
    ),
    _config(
        "MaskedPaths",
        "masked-paths",
        "container.unmasked_paths",
        "kernel-paths",
        sample=["/proc/kcore"],
        unset=("@usual-masked-paths",),
        seen_by=_MOUNTINFO,
    ),
    _config(
        "ReadonlyPaths",
        "masked-paths",
        "container.unmasked_paths",
        "kernel-paths",
        sample=["/proc/sys"],
        unset=("@usual-readonly-paths",),
        seen_by=_MOUNTINFO,
    ),
    _config(
        "GroupAdd[item]",
        "group-add",
        "container.groups",
        "user-and-groups",
        sample="2000",
        seen_by="Groups in /proc/1/status",
    ),
    _config(
        "UsernsMode",
        "userns",
        "workload.userns_mode",
        "namespaces",
        sample="host",
        unset=("", "@no-user-namespaces"),
        seen_by="/proc/1/uid_map",
    ),
    _config(
        "Devices[device]",
        "device",
        "container.devices",
        "devices",
        sample={"PathOnHost": "/dev/fuse", "PathInContainer": "/dev/fuse", "CgroupPermissions": "rwm"},
        seen_by="its /dev",
    ),
    _config(
        "DeviceCgroupRules[item]", "device-cgroup-rule", "setting", "devices", sample="c 13:* rwm", seen_by=_CGROUP
    ),
    _config(
        "DeviceRequests[index]",
        "device-request",
        "container.device_requests",
        "device-requests",
        sample={"Driver": "nvidia", "Count": 1, "DeviceIDs": None, "Capabilities": [["gpu"]], "Options": {}},
        seen_by="its /dev",
    ),
)

_PROCESS = (
    _config(
        "RestartPolicy",
        "restart-policy",
        "workload.restart",
        "restart-policies",
        sample={"Name": "on-failure", "MaximumRetryCount": 5},
        unset=("@restarts-never",),
        seen_by="outside: it acts when the container ends",
    ),
    _config(
        "AutoRemove",
        "auto-remove",
        "workload.auto_remove",
        "auto-remove",
        sample=True,
        unset=(False,),
        seen_by="outside: it acts when the container ends",
    ),
    _config("Init", "init", "container.init", "init", sample=True, unset=(False,), seen_by="argv of process 1"),
    _config(
        "Runtime",
        "runtime",
        "workload.runtime",
        "runtimes",
        sample="runsc",
        unset=("", "@default-runtime"),
        seen_by="the kernel it sees",
    ),
    _config(
        "PidMode", "pid-mode", "workload.pid_mode", "namespaces", sample="host", unset=("",), seen_by="/proc/1/ns/pid"
    ),
    _config(
        "IpcMode",
        "ipc-mode",
        "workload.ipc_mode",
        "namespaces",
        sample="host",
        unset=("", "private", "shareable"),
        seen_by="/proc/1/ns/ipc",
    ),
    _config(
        "UTSMode", "uts-mode", "workload.uts_mode", "namespaces", sample="host", unset=("",), seen_by="/proc/1/ns/uts"
    ),
    _config(
        "Sysctls[map]",
        "sysctl",
        "workload.sysctls",
        "sysctls",
        sample={"net.ipv4.ip_unprivileged_port_start": "80"},
        seen_by="/proc/sys",
    ),
    _config(
        "LogConfig.Type",
        "log-driver",
        "container.log_driver",
        "logging",
        sample="syslog",
        unset=("", "@default-log-driver"),
        seen_by="outside: the engine writes logs",
    ),
    _config(
        "LogConfig.Config[map]",
        "log-option",
        "container.log_options",
        "logging",
        sample={"max-size": "10m"},
        seen_by="outside: the engine writes logs",
    ),
    _config(
        "Annotations[map]",
        "annotation",
        "container.annotations",
        "annotations",
        sample={"edge.example/tier": "gold"},
        seen_by="outside: the runtime reads it",
    ),
    _config(
        "ConsoleSize", "console-size", "setting", "terminal", sample=[40, 120], unset=("@hollow",), seen_by="stty size"
    ),
    _config(
        "LxcConf[key]",
        "lxc-option",
        "setting",
        "old-limits",
        sample={"Key": "lxc.utsname", "Value": "docker"},
        seen_by="outside: the LXC driver is gone",
    ),
    *(
        _config(key, "windows-option", "setting", "windows", sample=sample, unset=unset, seen_by=_WINDOWS)
        for key, sample, unset in (
            ("Isolation", "hyperv", ("", "default", "process")),
            ("CpuCount", 2, (0,)),
            ("CpuPercent", 50, (0,)),
            ("IOMaximumIOps", 1000, (0,)),
            ("IOMaximumBandwidth", 1048576, (0,)),
        )
    ),
)

_NETWORK = (
    _config(
        "NetworkMode",
        "network",
        "workload.network_mode",
        "networks",
        sample="backend",
        unset=("", "default", "bridge"),
        seen_by="its interfaces",
    ),
    _config(
        "PortBindings[map][port]",
        "port-published",
        "container.ports",
        "published-ports",
        sample={"8080/tcp": {"HostIp": "", "HostPort": "18080"}},
        seen_by="outside: the host listens",
    ),
    _config(
        "PublishAllPorts",
        "publish-all",
        "container.publish_all",
        "published-ports",
        sample=True,
        unset=(False,),
        seen_by="outside: the host listens",
    ),
    _config("Links[link]", "link", "workload.networks", "links", sample="/database:/web/db", seen_by="/etc/hosts"),
    _config(
        "ExtraHosts[host]",
        "extra-host",
        "workload.extra_hosts",
        "extra-hosts",
        sample="origin.example:192.0.2.10",
        seen_by="/etc/hosts",
    ),
    _config("Dns[item]", "dns", "workload.dns", "dns", sample="192.0.2.53", seen_by="/etc/resolv.conf"),
    _config(
        "DnsSearch[item]", "dns-search", "workload.dns_search", "dns", sample="edge.example", seen_by="/etc/resolv.conf"
    ),
    _config(
        "DnsOptions[item]", "dns-option", "workload.dns_options", "dns", sample="ndots:2", seen_by="/etc/resolv.conf"
    ),
)


def _within_host_config(row: Row) -> Row:
    return replace(row, pattern=f"HostConfig.{row.pattern}")


HOST_CONFIG_ROWS: tuple[Row, ...] = (
    *map(_within_host_config, (*_STORAGE, *LIMITS, *_SECURITY, *_PROCESS, *_NETWORK)),
    *observed("HostConfig.ContainerIDFile"),
)

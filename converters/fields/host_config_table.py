"""The field table of containers: HostConfig, what the host does for a container.

The image has no say here. Values in ``unset`` are what an engine prints when nobody asked for anything.
"""

from __future__ import annotations

from dataclasses import replace

from .host_limits_table import LIMITS
from .row import Row, observed
from .row import config as _config

_WINDOWS = "outside: Linux containers have none"

_STORAGE = (
    _config(
        "Binds[bind]", "bind", "container.mounts", "bind-mounts", sample="/srv/site:/site:ro", seen_by="mounts.{key}.*"
    ),
    _config(
        "Mounts[mount]",
        "bind",
        "container.mounts",
        "mounts",
        sample={"Type": "volume", "Source": "site-data", "Target": "/data"},
        seen_by="mounts.{key}.*",
    ),
    _config("Tmpfs[map]", "tmpfs", "container.mounts", "tmpfs", sample={"/run": "size=64m"}, seen_by="mounts.{key}.*"),
    _config(
        "VolumesFrom[item]", "volumes-from", "container.mounts", "volumes-from", sample="data:ro", seen_by="mounts.*"
    ),
    _config(
        "VolumeDriver",
        "volume-driver",
        "container.mounts",
        "volume-drivers",
        sample="flocker",
        unset=("", "local"),
        seen_by="mounts.*",
    ),
    _config(
        "StorageOpt[map]",
        "storage-option",
        "setting",
        "storage-options",
        sample={"size": "20G"},
        seen_by="mounts./.size",
    ),
    _config(
        "DiskQuota",
        "storage-option",
        "setting",
        "storage-options",
        sample=1073741824,
        unset=(0,),
        seen_by="mounts./.size",
    ),
    _config(
        "ReadonlyRootfs",
        "read-only-root",
        "container.read_only_root",
        "read-only-root",
        sample=True,
        unset=(False,),
        seen_by="mounts./.read_only, mounts./.writable",
    ),
    _config(
        "ShmSize",
        "shm-size",
        "container.shm_bytes",
        "shared-memory",
        sample=134217728,
        unset=(0, 67108864),
        seen_by="mounts./dev/shm.*",
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
        seen_by="capabilities.*, seccomp, devices.*, cgroup.devices.*, kernel_paths.*",
    ),
    _config(
        "CapAdd[item]",
        "capability-add",
        "container.cap_add",
        "capabilities",
        sample="NET_ADMIN",
        seen_by="capabilities.{key}",
    ),
    _config(
        "CapDrop[item]",
        "capability-drop",
        "container.cap_drop",
        "capabilities",
        sample="MKNOD",
        seen_by="capabilities.{key}",
    ),
    _config(
        "Capabilities[item]",
        "capability-add",
        "container.cap_add",
        "capabilities-exact-set",
        sample="NET_ADMIN",
        seen_by="capabilities.{key}",
    ),
    _config(
        "SecurityOpt[option]",
        "security-option",
        "container.no_new_privileges",
        "security-options",
        sample="no-new-privileges",
        unset=("@idle-security-option",),
        seen_by="no_new_privs, seccomp, apparmor, kernel_paths.*",
    ),
    _config(
        "MaskedPaths",
        "masked-paths",
        "container.unmasked_paths",
        "kernel-paths",
        sample=["/proc/kcore"],
        unset=("@usual-masked-paths",),
        seen_by="kernel_paths.*",
    ),
    _config(
        "ReadonlyPaths",
        "masked-paths",
        "container.unmasked_paths",
        "kernel-paths",
        sample=["/proc/sys"],
        unset=("@usual-readonly-paths",),
        seen_by="kernel_paths.*",
    ),
    _config(
        "GroupAdd[item]",
        "group-add",
        "container.groups",
        "user-and-groups",
        sample="2000",
        seen_by="groups.*",
    ),
    _config(
        "UsernsMode",
        "userns",
        "workload.userns_mode",
        "namespaces",
        sample="host",
        unset=("", "@no-user-namespaces"),
        seen_by="uid_map, namespaces.user",
    ),
    _config(
        "Devices[device]",
        "device",
        "container.devices",
        "devices",
        sample={"PathOnHost": "/dev/fuse", "PathInContainer": "/dev/fuse", "CgroupPermissions": "rwm"},
        seen_by="devices.{key}, cgroup.devices.*",
    ),
    _config(
        "DeviceCgroupRules[item]",
        "device-cgroup-rule",
        "setting",
        "devices",
        sample="c 13:* rwm",
        seen_by="cgroup.devices.*",
    ),
    _config(
        "DeviceRequests[index]",
        "device-request",
        "container.device_requests",
        "device-requests",
        sample={"Driver": "nvidia", "Count": 1, "DeviceIDs": None, "Capabilities": [["gpu"]], "Options": {}},
        seen_by="devices.*",
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
        seen_by="restart.*",
    ),
    _config(
        "AutoRemove",
        "auto-remove",
        "workload.auto_remove",
        "auto-remove",
        sample=True,
        unset=(False,),
        seen_by="restart.kept, restart.exit_code",
    ),
    _config(
        "Init",
        "init",
        "container.init",
        "init",
        sample=True,
        unset=(False,),
        seen_by="pid1, mounts./sbin/docker-init.*",
    ),
    _config(
        "Runtime",
        "runtime",
        "workload.runtime",
        "runtimes",
        sample="runsc",
        unset=("", "@default-runtime"),
        seen_by="kernel",
    ),
    _config(
        "PidMode",
        "pid-mode",
        "workload.pid_mode",
        "namespaces",
        sample="host",
        unset=("",),
        seen_by="namespaces.*, pid1",
    ),
    _config(
        "IpcMode",
        "ipc-mode",
        "workload.ipc_mode",
        "namespaces",
        sample="host",
        unset=("", "private", "shareable"),
        seen_by="namespaces.*, mounts./dev/shm.*",
    ),
    _config(
        "UTSMode",
        "uts-mode",
        "workload.uts_mode",
        "namespaces",
        sample="host",
        unset=("",),
        seen_by="namespaces.uts, hostname, environ.HOSTNAME, own_names",
    ),
    _config(
        "Sysctls[map]",
        "sysctl",
        "workload.sysctls",
        "sysctls",
        sample={"net.ipv4.ip_unprivileged_port_start": "80"},
        seen_by="sysctls.{key}",
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
        "ConsoleSize",
        "console-size",
        "setting",
        "terminal",
        sample=[40, 120],
        unset=("@hollow",),
        seen_by="outside: whoever attaches sets it",
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
        seen_by="namespaces.*, interfaces.*, routes.default, own_names, resolver.nameservers.127.0.0.11",
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
    _config(
        "Links[link]",
        "link",
        "workload.networks",
        "links",
        sample="/database:/web/db",
        seen_by="reach.{key}:*, hosts.*, environ.{KEY}_*, environ.*_PORT*, environ.*_SERVICE_*",
    ),
    _config(
        "ExtraHosts[host]",
        "extra-host",
        "workload.extra_hosts",
        "extra-hosts",
        sample="origin.example:192.0.2.10",
        seen_by="hosts.{key}",
    ),
    _config("Dns[item]", "dns", "workload.dns", "dns", sample="192.0.2.53", seen_by="resolver.nameservers.*"),
    _config(
        "DnsSearch[item]",
        "dns-search",
        "workload.dns_search",
        "dns",
        sample="edge.example",
        seen_by="resolver.search.*",
    ),
    _config(
        "DnsOptions[item]", "dns-option", "workload.dns_options", "dns", sample="ndots:2", seen_by="resolver.options.*"
    ),
)


def _within_host_config(row: Row) -> Row:
    return replace(row, pattern=f"HostConfig.{row.pattern}")


HOST_CONFIG_ROWS: tuple[Row, ...] = (
    *map(_within_host_config, (*_STORAGE, *LIMITS, *_SECURITY, *_PROCESS, *_NETWORK)),
    *observed("HostConfig.ContainerIDFile"),
)

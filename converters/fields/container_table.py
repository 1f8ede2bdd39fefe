"""The field table of containers, all but HostConfig: every key that an engine has ever printed for one.

``docker inspect`` prints Config with the image's defaults merged in (moby's daemon/commit.go); ``inherits`` says
where equality with the image takes a field out of account. Old keys (API 1.10 to 1.20) stand at the end.
"""

from __future__ import annotations

from .host_config_table import HOST_CONFIG_ROWS
from .row import Row
from .row import config as _config
from .row import mirror as _mirror
from .row import observed as _observed

_IDENTITY = _observed(
    "Id",
    "Created",
    "Name",
    "Image",
    "Platform",
    "Driver",
    "ExecDriver",
    "MountLabel",
    "ProcessLabel",
    "AppArmorProfile",
    "ExecIDs",
    "RestartCount",
    "SizeRw",
    "SizeRootFs",
    "ResolvConfPath",
    "HostnamePath",
    "HostsPath",
    "LogPath",
    "SysInitPath",
    "State",
    "GraphDriver",
    "Storage",
    "ImageManifestDescriptor",
    "Node",
)

_MIRRORS = (
    _mirror("Path", "Config.Entrypoint"),
    _mirror("Args", "Config.Cmd"),
    _mirror("Mounts[mount]", "HostConfig.Binds[bind]"),
    _mirror("Volumes[map]", "HostConfig.Binds[bind]"),
    _mirror("VolumesRW[map]", "HostConfig.Binds[bind]"),
    _mirror("NetworkSettings.Ports[map][port]", "HostConfig.PortBindings[map][port]"),
)

_PROCESS = (
    _config("Config.Image", "image", "container.image", "image", sample="reg.example/web:4.2", seen_by="files.digest"),
    _config(
        "Config.Entrypoint",
        "command",
        "container.entrypoint",
        "entrypoint-and-command",
        sample=["/bin/sh", "-c"],
        inherits="Config.Entrypoint",
        seen_by="argv",
    ),
    _config(
        "Config.Cmd",
        "command",
        "container.args",
        "entrypoint-and-command",
        sample=["sleep", "3600"],
        inherits="Config.Cmd",
        seen_by="argv",
    ),
    _config(
        "Config.WorkingDir",
        "working-dir",
        "container.working_dir",
        "working-directory",
        sample="/srv",
        unset=("", "/"),
        inherits="Config.WorkingDir",
        seen_by="cwd",
    ),
    _config(
        "Config.Env[env]",
        "env",
        "container.env",
        "environment",
        sample="LOG=info",
        unset=("@name-only",),
        inherits="Config.Env[env]",
        seen_by="environ.{key}",
    ),
    _config(
        "Config.User",
        "user",
        "container.user",
        "user-and-groups",
        sample="1000:1000",
        unset=("",),
        inherits="Config.User",
        seen_by="uid.*, gid.*",
    ),
    _config("Config.Tty", "tty", "container.tty", "terminal", sample=True, unset=(False,), seen_by="tty, stdin"),
    _config("Config.OpenStdin", "stdin", "container.stdin", "terminal", sample=True, unset=(False,), seen_by="stdin"),
    _config(
        "Config.StdinOnce",
        "stdin",
        "container.stdin_once",
        "terminal",
        sample=True,
        unset=(False,),
        seen_by="outside: the engine closes it when its first client leaves",
    ),
    _config(
        "Config.Hostname",
        "hostname",
        "workload.hostname",
        "hostname",
        sample="web-1.edge",
        unset=("", "@assigned-hostname"),
        seen_by="hostname, environ.HOSTNAME, own_names",
    ),
    _config(
        "Config.Domainname",
        "domainname",
        "workload.domainname",
        "hostname",
        sample="edge.example",
        unset=("", "(none)"),
        seen_by="domainname, own_names",
    ),
    _config(
        "Config.StopSignal",
        "stop-signal",
        "workload.termination.signal",
        "stop-signal",
        sample="SIGQUIT",
        unset=("", "SIGTERM", "TERM", "15", 15),
        inherits="Config.StopSignal",
        seen_by="stop.signal, stop.signals",
    ),
    _config(
        "Config.StopTimeout",
        "stop-timeout",
        "workload.termination.grace_s",
        "stop-timeout",
        sample=45,
        unset=(10,),
        seen_by="stop.grace_s",
    ),
    _config(
        "Config.Labels[map]",
        "label",
        "container.labels",
        "labels",
        sample={"team": "edge"},
        seen_by="outside: labels are for people and tools",
    ),
    _config(
        "Config.ExposedPorts[map]",
        "port",
        "container.ports",
        "ports",
        sample={"8080/tcp": {}},
        seen_by="outside: others reach it",
    ),
    _config(
        "Config.Volumes[map]",
        "anonymous-volume",
        "container.mounts",
        "anonymous-volumes",
        sample={"/cache": {}},
        seen_by="mounts.{key}.*",
    ),
    _config(
        "Config.NetworkDisabled",
        "network-none",
        "workload.network_mode",
        "network-none",
        sample=True,
        unset=(False,),
        seen_by="interfaces.*, routes.default",
    ),
    _config(
        "Config.MacAddress",
        "mac-address",
        "setting",
        "addresses",
        sample="02:42:ac:11:00:99",
        unset=("",),
        seen_by="interfaces.*.mac",
    ),
    _config(
        "Config.Shell",
        "shell-unused",
        "container.checks",
        "health-checks",
        sample=["/bin/bash", "-c"],
        seen_by="outside: the process of the check has it",
    ),
    _config(
        "Config.Healthcheck.Test",
        "check",
        "container.checks",
        "health-checks",
        sample=["CMD", "/bin/true"],
        seen_by="health.outcomes, health.restarted",
    ),
    *(
        _config(
            f"Config.Healthcheck.{key}",
            "check",
            "container.checks",
            "health-checks",
            sample=sample,
            unset=(0,),
            seen_by=seen_by,
        )
        for key, sample, seen_by in (
            ("Interval", 5_000_000_000, "health.interval_s"),
            ("Timeout", 2_500_000_000, "health.outcomes, health.restarted"),
            ("StartPeriod", 20_000_000_000, "health.outcomes, health.restarted"),
            ("StartInterval", 1_000_000_000, "health.starting_interval_s"),
            ("Retries", 4, "health.outcomes, health.restarted"),
        )
    ),
    *_observed("Config.AttachStdin", "Config.AttachStdout", "Config.AttachStderr"),
    # These act when an image is built, and on Windows; a container of Linux has no use for them.
    *_observed("Config.OnBuild", "Config.ArgsEscaped"),
)

_ASSIGNED = _observed(
    *(
        f"NetworkSettings.{key}"
        for key in (
            "Bridge",
            "SandboxID",
            "SandboxKey",
            "HairpinMode",
            "EndpointID",
            "Gateway",
            "IPAddress",
            "IPPrefixLen",
            "IpAddress",
            "IpPrefixLen",
            "MacAddress",
            "IPv6Gateway",
            "GlobalIPv6Address",
            "GlobalIPv6PrefixLen",
            "LinkLocalIPv6Address",
            "LinkLocalIPv6PrefixLen",
            "SecondaryIPAddresses",
            "SecondaryIPv6Addresses",
            "PortMapping",
            "Networks[map].EndpointID",
            "Networks[map].Gateway",
            "Networks[map].IPAddress",
            "Networks[map].IPPrefixLen",
            "Networks[map].IPv6Gateway",
            "Networks[map].GlobalIPv6Address",
            "Networks[map].GlobalIPv6PrefixLen",
            "Networks[map].MacAddress",
            "Networks[map].DNSNames",
        )
    )
)

_NETWORKS = (
    _config(
        "NetworkSettings.Networks[map].NetworkID",
        "network",
        "workload.networks",
        "networks",
        sample={"backend": "7d86d31b1478e7cca9ebed7e73aa0fdeec46c5ca29497431d3007d2d9e15ed99"},
        unset=("@network-of-mode",),
        seen_by="interfaces.*, resolver.nameservers.127.0.0.11",
    ),
    _config(
        "NetworkSettings.Networks[map].Aliases[item]",
        "alias",
        "workload.names",
        "aliases",
        sample={"backend": "api"},
        unset=("@own-name",),
        seen_by="outside: others resolve it",
    ),
    _config(
        "NetworkSettings.Networks[map].Links[link]",
        "link",
        "workload.networks",
        "links",
        sample={"backend": "database:db"},
        seen_by="reach.{key}:*, hosts.*, environ.{KEY}_*, environ.*_PORT*, environ.*_SERVICE_*",
    ),
    _config(
        "NetworkSettings.Networks[map].IPAMConfig",
        "network-option",
        "workload.networks",
        "addresses",
        sample={"backend": {"IPv4Address": "172.20.30.33"}},
        unset=("@hollow",),
        seen_by="interfaces.*.addresses",
    ),
    _config(
        "NetworkSettings.Networks[map].DriverOpts[map]",
        "network-option",
        "workload.networks",
        "network-options",
        sample={"backend": {"com.docker.network.endpoint.ifname": "edge0"}},
        seen_by="interfaces.*",
    ),
    _config(
        "NetworkSettings.Networks[map].GwPriority",
        "network-option",
        "workload.networks",
        "network-options",
        sample={"backend": 100},
        unset=(0,),
        seen_by="routes.default",
    ),
)

# Limits lay in Config before HostConfig had them (API 1.18); engines up to API 1.19 print both.
_OLD = (
    _config(
        "Config.Memory", "memory-limit", "container.memory_limit_bytes", "old-limits", sample=268435456, unset=(0,),
        mirror_of="HostConfig.Memory", seen_by="cgroup.memory.limit",
    ),
    _config(
        "Config.MemorySwap", "memory-swap", "setting", "old-limits", sample=536870912, unset=(0, "@derived-swap"),
        mirror_of="HostConfig.MemorySwap", seen_by="cgroup.memory.swap",
    ),
    _config(
        "Config.CpuShares", "cpu-shares", "container.cpu_shares", "old-limits", sample=512, unset=(0, 1024),
        mirror_of="HostConfig.CpuShares", seen_by="cgroup.cpu.shares",
    ),
    _config(
        "Config.Cpuset", "cpuset", "setting", "old-limits", sample="0,1", unset=("",),
        mirror_of="HostConfig.CpusetCpus", seen_by="cgroup.cpuset.cpus",
    ),
    _config(
        "Config.Dns[item]", "dns", "workload.dns", "old-limits", sample="192.0.2.53",
        mirror_of="HostConfig.Dns[item]", seen_by="resolver.nameservers.*",
    ),
    _config(
        "Config.VolumesFrom", "volumes-from", "container.mounts", "old-limits", sample="data", unset=("",),
        seen_by="mounts.*",
    ),
    _config(
        "Config.SecurityOpt[option]", "security-option", "container.selinux", "old-limits", sample="label:user:edge",
        mirror_of="HostConfig.SecurityOpt[option]", seen_by="no_new_privs, seccomp, apparmor",
    ),
    _config(
        "Config.Ulimits[ulimit]", "ulimit", "container.ulimits", "old-limits",
        sample={"Name": "nofile", "Soft": 1024, "Hard": 2048},
        mirror_of="HostConfig.Ulimits[ulimit]", unset=("@hollow",), seen_by="limits.{key}.*",
    ),
    _config(
        "Config.PortSpecs[item]", "port", "container.ports", "old-limits", sample="8080:80",
        seen_by="outside: others reach it",
    ),
    _config(
        "Config.VolumeDriver", "volume-driver", "container.mounts", "old-limits", sample="flocker", unset=("", "local"),
        mirror_of="HostConfig.VolumeDriver", seen_by="mounts.*",
    ),
)  # fmt: skip

CONTAINER_ROWS: tuple[Row, ...] = (
    *_IDENTITY,
    *_MIRRORS,
    *_PROCESS,
    *HOST_CONFIG_ROWS,
    *_NETWORKS,
    *_ASSIGNED,
    *_OLD,
)

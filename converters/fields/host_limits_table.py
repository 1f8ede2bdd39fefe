"""The field table of containers: HostConfig's limits of CPU, memory, processes and block devices.

Patterns stand below HostConfig; host_config_table.py puts it before them.
"""

from __future__ import annotations

from .row import config as _config

LIMITS = (
    _config(
        "Memory",
        "memory-limit",
        "container.memory_limit_bytes",
        "memory-limits",
        sample=268435456,
        unset=(0,),
        seen_by="cgroup.memory.limit",
    ),
    _config(
        "MemoryReservation",
        "memory-request",
        "container.memory_request_bytes",
        "memory-limits",
        sample=134217728,
        unset=(0,),
        seen_by="cgroup.memory.reservation",
    ),
    _config(
        "MemorySwap",
        "memory-swap",
        "setting",
        "memory-limits",
        sample=536870912,
        unset=(0, "@derived-swap"),
        seen_by="cgroup.memory.swap",
    ),
    _config(
        "MemorySwappiness",
        "memory-swappiness",
        "setting",
        "memory-limits",
        sample=10,
        unset=(-1,),
        seen_by="cgroup.memory.swappiness",
    ),
    _config(
        "KernelMemory",
        "kernel-memory",
        "setting",
        "memory-limits",
        sample=67108864,
        unset=(0,),
        seen_by="cgroup.memory.kernel",
    ),
    _config(
        "KernelMemoryTCP",
        "kernel-memory",
        "setting",
        "memory-limits",
        sample=67108864,
        unset=(0,),
        seen_by="cgroup.memory.kernel_tcp",
    ),
    _config(
        "OomKillDisable",
        "oom-kill-disable",
        "setting",
        "memory-limits",
        sample=True,
        unset=(False,),
        seen_by="cgroup.memory.oom_kill_disable",
    ),
    _config("OomScoreAdj", "oom-score", "setting", "memory-limits", sample=500, unset=(0,), seen_by="oom_score_adj"),
    _config(
        "NanoCpus",
        "cpu-limit",
        "container.cpu_limit_m",
        "cpu-limits",
        sample=1500000000,
        unset=(0,),
        seen_by="cgroup.cpu.quota",
    ),
    _config(
        "CpuQuota",
        "cpu-limit",
        "container.cpu_limit_m",
        "cpu-quota",
        sample=50000,
        unset=(0, -1),
        seen_by="cgroup.cpu.quota",
    ),
    _config(
        "CpuPeriod",
        "cpu-period",
        "container.cpu_limit_m",
        "cpu-quota",
        sample=50000,
        unset=(0, 100000),
        seen_by="cgroup.cpu.period",
    ),
    _config(
        "CpuShares",
        "cpu-shares",
        "container.cpu_shares",
        "cpu-limits",
        sample=512,
        unset=(0, 1024),
        seen_by="cgroup.cpu.shares",
    ),
    _config(
        "CpuRealtimePeriod",
        "cpu-realtime",
        "setting",
        "cpu-limits",
        sample=1000000,
        unset=(0,),
        seen_by="cgroup.cpu.realtime_period",
    ),
    _config(
        "CpuRealtimeRuntime",
        "cpu-realtime",
        "setting",
        "cpu-limits",
        sample=950000,
        unset=(0,),
        seen_by="cgroup.cpu.realtime_runtime",
    ),
    _config("CpusetCpus", "cpuset", "setting", "cpu-limits", sample="0-1", unset=("",), seen_by="cgroup.cpuset.cpus"),
    _config("CpusetMems", "cpuset", "setting", "cpu-limits", sample="0", unset=("",), seen_by="cgroup.cpuset.mems"),
    _config(
        "PidsLimit", "pids-limit", "setting", "process-limits", sample=200, unset=(0, -1), seen_by="cgroup.pids.max"
    ),
    _config(
        "Ulimits[ulimit]",
        "ulimit",
        "container.ulimits",
        "ulimits",
        sample={"Name": "nofile", "Soft": 4096, "Hard": 8192},
        unset=("@hollow",),
        seen_by="limits.{key}.*",
    ),
    _config(
        "BlkioWeight", "blkio", "setting", "block-device-limits", sample=300, unset=(0,), seen_by="cgroup.blkio.weight"
    ),
    _config(
        "BlkioWeightDevice[path]",
        "blkio",
        "setting",
        "block-device-limits",
        sample={"Path": "/dev/sda", "Weight": 400},
        unset=("@hollow",),
        seen_by="cgroup.blkio.weight_device",
    ),
    *(
        _config(
            f"Blkio{what}[path]",
            "blkio",
            "setting",
            "block-device-limits",
            sample={"Path": "/dev/sda", "Rate": 1048576},
            unset=("@hollow",),
            seen_by=f"cgroup.blkio.{fact}",
        )
        for what, fact in (
            ("DeviceReadBps", "read_bps"),
            ("DeviceWriteBps", "write_bps"),
            ("DeviceReadIOps", "read_iops"),
            ("DeviceWriteIOps", "write_iops"),
        )
    ),
    _config("CgroupParent", "cgroup-parent", "setting", "cgroups", sample="/edge", unset=("",), seen_by="cgroup.path"),
    _config(
        "Cgroup", "cgroup-parent", "setting", "cgroups", sample="container:base", unset=("",), seen_by="cgroup.path"
    ),
    _config(
        "CgroupnsMode",
        "cgroup-namespace",
        "setting",
        "cgroups",
        sample="private",
        unset=("", "@cgroup-namespace"),
        seen_by="namespaces.cgroup",
    ),
    _config("Umask", "umask", "setting", "umask", sample=63, unset=(18,), seen_by="umask"),
)

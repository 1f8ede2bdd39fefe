"""What the kernel holds for a container, read from outside: its processes, its limits, its namespaces.

A container is known by its ID, which its cgroup's name contains on an engine as in a pod. Inside, /sys/fs/cgroup may
not be mounted; outside it always is, and alike for both.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.lab.slots import CGROUPS

# Fact to the controller and file of version 1, and the file of version 2, where it is a word of that file or the whole.
_FILES: Mapping[str, tuple[str, str, str]] = {
    "cpu.quota": ("cpu", "cpu.cfs_quota_us", "cpu.max 0"),
    "cpu.period": ("cpu", "cpu.cfs_period_us", "cpu.max 1"),
    "cpu.shares": ("cpu", "cpu.shares", "cpu.weight"),
    "cpu.realtime_runtime": ("cpu", "cpu.rt_runtime_us", ""),
    "cpu.realtime_period": ("cpu", "cpu.rt_period_us", ""),
    "cpuset.cpus": ("cpuset", "cpuset.cpus", "cpuset.cpus"),
    "cpuset.mems": ("cpuset", "cpuset.mems", "cpuset.mems"),
    "memory.limit": ("memory", "memory.limit_in_bytes", "memory.max"),
    "memory.reservation": ("memory", "memory.soft_limit_in_bytes", "memory.low"),
    "memory.swap": ("memory", "memory.memsw.limit_in_bytes", "memory.swap.max"),
    "memory.swappiness": ("memory", "memory.swappiness", ""),
    "memory.kernel": ("memory", "memory.kmem.limit_in_bytes", ""),
    "memory.kernel_tcp": ("memory", "memory.kmem.tcp.limit_in_bytes", ""),
    "memory.oom_kill_disable": ("memory", "memory.oom_control 1", ""),
    "pids.max": ("pids", "pids.max", "pids.max"),
    "blkio.weight": ("blkio", "blkio.bfq.weight", "io.bfq.weight"),
    "blkio.weight_device": ("blkio", "blkio.bfq.weight_device", ""),
    "blkio.read_bps": ("blkio", "blkio.throttle.read_bps_device", "io.max"),
    "blkio.write_bps": ("blkio", "blkio.throttle.write_bps_device", "io.max"),
    "blkio.read_iops": ("blkio", "blkio.throttle.read_iops_device", "io.max"),
    "blkio.write_iops": ("blkio", "blkio.throttle.write_iops_device", "io.max"),
}
_KINDS = ("pid", "ipc", "uts", "net", "user", "cgroup", "mnt")


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A process of a container as this machine's own process space knows it; `paths`: controller to cgroup; `started`:
    when, in ticks of the kernel's."""

    pid: int
    exe: str
    paths: Mapping[str, str]
    started: int


def processes(ids: Iterable[str]) -> dict[str, list[Process]]:
    """Container ID to its processes, the oldest first; numbers do not tell, since the kernel begins anew with them."""
    wanted = set(ids)
    found: dict[str, list[Process]] = {each: [] for each in wanted}
    for folder in (p for p in Path("/proc").iterdir() if p.name.isdigit()):
        # it may end meanwhile
        with suppress(OSError):
            text = (folder / "cgroup").read_text()
            owner = next((each for each in wanted if each in text), None)
            if owner is not None:
                exe = str((folder / "exe").readlink())
                started = int((folder / "stat").read_text().rpartition(")")[2].split()[19])
                process = Process(pid=int(folder.name), exe=exe, paths=_paths(text), started=started)
                found[owner].append(process)
    return {each: sorted(those, key=lambda process: process.started) for each, those in found.items()}


def _paths(text: str) -> dict[str, str]:
    made = {}
    for line in text.splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            made[controller] = path
    return made


def limits(process: Process) -> dict[str, object]:
    """The facts of its cgroups by name, without those that this kernel does not have; ``devices`` is a list of rules,
    ``path`` where its cgroup lies."""
    unified = (CGROUPS / "cgroup.controllers").exists()
    made: dict[str, object] = {"path": (process.paths[""] if unified else process.paths["memory"]).rpartition("/")[0]}
    for fact, (controller, old, new) in _FILES.items():
        name, _, word = (new if unified else old).partition(" ")
        file = _folder(process, "" if unified else controller) / name
        if name and file.exists():
            words = file.read_text().split()
            made[fact] = words[int(word)] if word else " ".join(words)
    rules = _folder(process, "devices") / "devices.list"
    if not unified and rules.exists():
        made["devices"] = sorted(rules.read_text().splitlines())
    return made


def _folder(process: Process, controller: str) -> Path:
    return CGROUPS / controller / process.paths.get(controller, "").lstrip("/")


def namespaces(pid: int) -> dict[str, str]:
    """Kind to the namespace's identity."""
    return {kind: str(Path(f"/proc/{pid}/ns/{kind}").readlink()) for kind in _KINDS}

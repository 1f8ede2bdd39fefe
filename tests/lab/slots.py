"""One numbered place on the machine for each run of the lab, so that runs at the same time never meet.

A run owns its folder by a lock that the kernel drops when the owner dies, however it dies. A folder whose lock is free
is what a dead run left behind; whoever comes next removes it. Of the machine's own network a run takes one device and
one small network; a number whose two are in other use is passed over.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path

# Not tempfile.gettempdir(): a long TMPDIR would break the 107 bytes of a unix socket's path, and later runs must find
# what a dead one left.
PLACE = Path("/var/tmp")
STEM = "podlift-lab-"
LOCK = "lock"
SLOTS = range(1, 250)
CGROUPS = Path("/sys/fs/cgroup")
INSTANCES = Path("/proc/sys/fs/inotify/max_user_instances")
# All runs' networks lie in it. A wider route, such as that of a VPN, is no obstacle: a run's own is narrower.
RANGE = IPv4Network("10.99.0.0/16")
# Measured: a lab with three engines and two nodes takes 130 MB before its first image.
ROOM = 1_000_000_000
# Measured: 24 in a cluster without pods. Where they run out, containerd and kubelets come up half and say nothing.
WATCHES = 24


class SlotError(RuntimeError):
    """There is no place for a run, or what a dead one left cannot be removed; the message says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A place owned by this process: a number, a folder, and the names that follow from the number."""

    number: int
    folder: Path
    lock: int

    @property
    def name(self) -> str:
        return f"{STEM}{self.number}"

    @property
    def device(self) -> str:
        """The network device in the machine's own namespace; 15 characters at most."""
        return f"podlift{self.number}"

    @property
    def prefix(self) -> str:
        """The first three bytes of the run's own network."""
        return f"10.99.{self.number}"

    def release(self) -> None:
        """Removes the folder and what the run left outside of it; its processes must be gone."""
        try:
            _remove_device(self)
            _remove_cgroups(self.name)
            _empty(self.folder)
            # The lock goes last: the folder without it would look free while its content still goes.
            (self.folder / LOCK).unlink()
            with suppress(OSError):  # somebody has taken the place in between, which is fine
                self.folder.rmdir()
        finally:
            os.close(self.lock)


def take_slot() -> Slot:
    """Takes a free place, after removing what dead runs left; SlotError where there is none."""
    sweep()
    routed = _routed()
    for number in SLOTS:
        if _network(number) in routed or _device(number).exists():
            continue
        slot = _lock(number, create=True)
        if slot is not None:
            return slot
    running = sum(is_held(folder) for folder in _folders())
    raise SlotError(
        f"No network is free for a lab: from {_network(SLOTS[0])} to {_network(SLOTS[-1])} all are routed by this "
        f"machine or have a device podliftN ({running} by labs that run). `ip route show table all` and `ip link` show "
        "them: take one away, or end a lab."
    )


def check_room() -> None:
    """SlotError where the disk has too little room for a run."""
    free = shutil.disk_usage(PLACE).free
    if free < ROOM:
        raise SlotError(
            f"A lab needs {ROOM // 1_000_000} MB of disk in {PLACE}, and {free // 1_000_000} MB are free there. "
            "Free some and try again; nothing was started."
        )


def check_watches() -> None:
    """SlotError where the kernel would not give a cluster the inotify instances that it needs."""
    library = ctypes.CDLL(None, use_errno=True)
    taken: list[int] = []
    try:
        while len(taken) < WATCHES:
            descriptor = library.inotify_init1(os.O_CLOEXEC)
            if descriptor < 0:
                break
            taken.append(descriptor)
    finally:
        for descriptor in taken:
            os.close(descriptor)
    if len(taken) < WATCHES:
        raise SlotError(
            f"A cluster of the lab needs {WATCHES} inotify instances, and {len(taken)} are left of the "
            f"{INSTANCES.read_text().strip()} that this user may have: end another lab, or "
            "`sysctl -w fs.inotify.max_user_instances=1024`."
        )


def sweep() -> list[str]:
    """Removes what dead runs left; says which. SlotError where something of it is still in use."""
    swept = []
    for folder in _folders():
        try:
            slot = _lock(int(folder.name.removeprefix(STEM)), create=False)
            if slot is not None:
                slot.release()
                swept.append(slot.name)
        except OSError as error:
            raise SlotError(
                f"{folder} is what a dead run of the lab left, and it cannot be removed: {error}. "
                f"End what uses it (`grep -l {folder.name} /proc/*/mountinfo /proc/*/cgroup` shows it) and try again."
            ) from error
    return swept


def is_held(folder: Path) -> bool:
    """Whether the owner of a place is alive."""
    try:
        lock = os.open(folder / LOCK, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def owned() -> list[Path]:
    """The folders of this user's runs, alive or not."""
    return [folder for folder in _folders() if not folder.is_symlink() and folder.lstat().st_uid == os.geteuid()]


def _folders() -> list[Path]:
    return sorted(path for path in PLACE.glob(f"{STEM}*") if path.name.removeprefix(STEM).isdigit())


def _network(number: int) -> IPv4Network:
    return IPv4Network(f"10.99.{number}.0/24")


def _device(number: int) -> Path:
    return Path("/sys/class/net", f"podlift{number}")


def _routed() -> set[IPv4Network]:
    """The runs' networks of which the machine routes a part, or has an address in: by whatever table."""
    found: set[IPv4Network] = set()
    address = ""
    for line in Path("/proc/net/fib_trie").read_text().splitlines():
        if leaf := re.match(r"\s*\|-- (\S+)", line):
            address = leaf[1]
        elif length := re.match(r"\s*(/\d+) ", line):
            network = IPv4Network(address + length[1])
            if network.subnet_of(RANGE):
                found |= (
                    {network.supernet(new_prefix=24)} if network.prefixlen > 24 else {*network.subnets(new_prefix=24)}
                )
    return found


def _lock(number: int, *, create: bool) -> Slot | None:
    folder = PLACE / f"{STEM}{number}"
    if create:
        folder.mkdir(mode=0o700, exist_ok=True)
    # /var/tmp is writable by all: a folder that somebody else put there, or a link, is none of ours.
    try:
        status = folder.lstat()
        if status.st_uid != os.geteuid() or folder.is_symlink() or not folder.is_dir():
            return None
        lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # The last owner may have removed the file between our open and our lock: then we hold a lock on nothing.
        current = (folder / LOCK).stat().st_ino == os.fstat(lock).st_ino
    except (BlockingIOError, FileNotFoundError):
        current = False
    if not current:
        os.close(lock)
        return None
    try:
        _empty(folder)
    except OSError:
        os.close(lock)
        raise
    return Slot(number=number, folder=folder, lock=lock)


def _empty(folder: Path) -> None:
    deadline = time.monotonic() + 5
    while left := [path for path in folder.iterdir() if path.name != LOCK]:
        for path in left:
            try:
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path)
                else:
                    path.unlink()
            except OSError:
                # a dead run's last processes may still be writing while the kernel takes them down
                if time.monotonic() > deadline:
                    raise
        time.sleep(0.02)


def _remove_device(slot: Slot) -> None:
    """A run's device goes with its namespaces, but somebody may have entered one of them and still be there."""
    if not _device(slot.number).exists():
        return
    from tests.lab.host import SEARCH

    shown = _ip("-json", "-details", "address", "show", "dev", slot.device, search=SEARCH)
    for device in json.loads(shown or "[]"):
        kind = device.get("linkinfo", {}).get("info_kind")
        if kind == "veth" and f"{slot.prefix}.1" in [address.get("local") for address in device.get("addr_info", ())]:
            _ip("link", "delete", slot.device, search=SEARCH)


def _ip(*arguments: str, search: str) -> str:
    """What `ip` prints; nothing where it refuses, as for a device that is gone since."""
    done = subprocess.run(
        ["ip", *arguments], env={"PATH": search}, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    return done.stdout if done.returncode == 0 else ""


def cgroups(name: str) -> list[Path]:
    """The cgroups of a run, children first: in the one hierarchy of version 2, or once a controller in version 1."""
    return [path for top in _tops(name) for path in sorted(_below(top), reverse=True)]


def _tops(name: str) -> Iterator[Path]:
    yield from (top for top in (CGROUPS / name, *CGROUPS.glob(f"*/{name}")) if top.is_dir())


def _below(top: Path) -> Iterator[Path]:
    yield top
    yield from (path for path in top.rglob("*") if path.is_dir())


def _remove_cgroups(name: str) -> None:
    deadline = time.monotonic() + 5
    while left := cgroups(name):
        for path in left:
            try:
                path.rmdir()
            except OSError:
                # busy for as long as the kernel still takes down the last process
                if time.monotonic() > deadline:
                    raise
        time.sleep(0.02)

"""A host of the lab: a process tree with a network, mounts, pids and a name of its own, on one small network.

The hosts of a run hang on a bridge that lies in a namespace of its own, not in the machine's: a Docker that already
runs on the machine sets its FORWARD policy to DROP, which would cut a bridge or a route through it.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from tests.lab.slots import Slot

SCRIPT = Path(__file__).with_name("host.sh")
# Debian keeps dockerd, ip and iptables where a user's PATH may not reach.
SEARCH = f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin:/sbin"


class HostError(RuntimeError):
    """A host or its daemon did not come up; the message ends with its log's last lines."""


def _unshared(arguments: Sequence[str], command: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    """Starts a command in new namespaces and waits until it stands in them."""
    with log.open("ab") as stderr:
        process = subprocess.Popen(
            ["unshare", *arguments, "--", *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            env={"PATH": SEARCH, "LANG": "C.UTF-8"},
            cwd="/",
            # Ctrl-C is for the tests: they take their hosts down in order
            start_new_session=True,
        )
    assert process.stdout is not None
    if process.stdout.readline() != b"unshared\n":
        process.wait()
        raise HostError(f"no new namespaces (root is needed)\n{tail(log)}")
    return process


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends a host by the end of its stdin; returns when the kernel has reaped everything in it."""
    assert process.stdin is not None
    assert process.stdout is not None
    with suppress(BrokenPipeError):
        process.stdin.close()
    try:
        process.wait(timeout=15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.stdout.close()


def _ip(lines: Sequence[str], inside: int | None = None) -> None:
    enter = [] if inside is None else ["nsenter", f"--net=/proc/{inside}/ns/net"]
    done = subprocess.run(
        [*enter, "ip", "-batch", "-"],
        input="\n".join(lines) + "\n",
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": SEARCH},
    )
    if done.returncode:
        raise HostError(f"ip refused {lines}: {done.stderr.strip()}")


def tail(log: Path, lines: int = 15) -> str:
    """The last lines of a log, for an error's message."""
    if not log.exists():
        return "(no log)"
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


class Network:
    """The run's small network: the machine is .1, each host gets the next address."""

    def __init__(self, slot: Slot) -> None:
        self.slot = slot
        self.gateway = f"{slot.prefix}.1"
        self.subnet = f"{slot.prefix}.0/24"
        self.hosts_file = slot.folder / "hosts"
        self.hosts_file.write_text("127.0.0.1 localhost\n::1 localhost\n")
        self._next = 2
        self._addresses: dict[int, str] = {}
        self._routes: list[str] = []
        self._bridge = _unshared(
            ["--net"], ["sh", "-c", "echo unshared; exec cat >/dev/null"], slot.folder / "network.log"
        )
        try:
            self._await_device()
            _ip([f"link add {slot.device} type veth peer name machine netns {self._bridge.pid}"])
            _ip(
                ["link add lab type bridge", "link set machine master lab", "link set machine up", "link set lab up"],
                inside=self._bridge.pid,
            )
            _ip([f"address add {self.gateway}/24 dev {slot.device}", f"link set {slot.device} up"])
        except BaseException:
            self.close()
            raise

    def attach(self, pid: int) -> str:
        """Connects the namespace of a process; returns the address that it got."""
        number = self._next
        self._next += 1
        address = f"{self.slot.prefix}.{number}"
        _ip(
            [
                f"link add host{number} type veth peer name eth0 netns {pid}",
                f"link set host{number} master lab",
                f"link set host{number} up",
            ],
            inside=self._bridge.pid,
        )
        _ip(
            [
                "link set lo up",
                f"address add {address}/24 dev eth0",
                "link set eth0 up",
                f"route add default via {self.gateway}",
                *self._routes,
            ],
            inside=pid,
        )
        self._addresses[pid] = address
        return address

    def route(self, subnet: str, via: str) -> None:
        """Lets every host of the run, later ones too, reach what lies behind one of them. The machine gets no route:
        it has one device of the run and nothing else."""
        line = f"route add {subnet} via {via}"
        for pid, address in self._addresses.items():
            # the host itself reaches it through a device of its own
            if address != via and Path(f"/proc/{pid}").exists():
                _ip([line], inside=pid)
        self._routes.append(line)

    def name(self, address: str, *names: str) -> None:
        """Lets every host of the run, those that stand already too, resolve names to an address."""
        with self.hosts_file.open("a") as file:
            file.write(f"{address} {' '.join(names)}\n")

    def _await_device(self) -> None:
        """Waits until a dead run's device of this name is gone: the kernel drops namespaces in its own time."""
        end = time.monotonic() + 10
        while Path("/sys/class/net", self.slot.device).exists() and time.monotonic() < end:
            time.sleep(0.02)

    def close(self) -> None:
        """Ends the network; every pair of devices goes with its namespaces, and ours at once."""
        if Path("/sys/class/net", self.slot.device).exists():
            _ip([f"link delete {self.slot.device}"])
        _end(self._bridge)


class Host:
    """One host with one daemon. `command` gets the host's folder and address and says what to run; `shown` are folders
    of the machine that the host sees too, where they lie on a file system of their own (its / is that of the machine,
    without what is mounted below)."""

    def __init__(
        self,
        network: Network,
        name: str,
        command: Callable[[Path, str], Sequence[str]],
        *,
        shown: Sequence[Path] = (),
    ) -> None:
        self.name = name
        self.folder = network.slot.folder / name
        self.folder.mkdir(mode=0o700)
        self.log = self.folder / "log"
        # The address is known only when the namespace stands, and the daemon's command needs it: hence the file.
        start = self.folder / "start"
        self.process = _unshared(
            ["--net", "--mount", "--uts", "--ipc", "--pid", "--fork", "--kill-child"],
            [
                str(SCRIPT), name, str(self.folder), str(network.hosts_file), network.gateway,
                *map(str, shown), "--", "sh", str(start),
            ],
            self.log,
        )  # fmt: skip
        try:
            self.address = network.attach(self.process.pid)
            network.name(self.address, name)
            start.write_text("exec " + " ".join(_quoted(word) for word in command(self.folder, self.address)) + "\n")
            assert self.process.stdin is not None
            self.process.stdin.write(b"go\n")
            self.process.stdin.flush()
            assert self.process.stdout is not None
            stands = self.process.stdout.readline() == b"standing\n"
        except BaseException:
            self.close()
            raise
        if not stands:
            self.close()
            raise HostError(f"{name} did not come up\n{tail(self.log)}")

    @property
    def root(self) -> Path:
        """The host's own file system as this process can see it: what is written there stays in the host."""
        return Path(f"/proc/{self.process.pid}/root")

    def enter(self, *command: str) -> list[str]:
        """The command line that runs a command on this host."""
        process = f"/proc/{self.process.pid}"
        flags = [f"--{kind}={process}/ns/{file}" for kind, file in _SPACES.items()]
        return ["nsenter", *flags, f"--root={process}/root", f"--wd={process}/root", "--", *command]

    def run(self, *command: str, timeout_s: float = 30) -> str:
        """Runs a command on this host; returns what it printed."""
        done = subprocess.run(
            self.enter(*command),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout_s,
            env={"PATH": SEARCH},
        )
        if done.returncode:
            raise HostError(f"{self.name}: {' '.join(command)} ended with {done.returncode}: {done.stderr.strip()}")
        return done.stdout

    def wait(self, ready: Callable[[], bool], *, deadline_s: float = 30) -> None:
        """Waits until the daemon answers."""
        end = time.monotonic() + deadline_s
        while not ready():
            if self.process.poll() is not None:
                raise HostError(f"{self.name}: its daemon ended\n{tail(self.log)}")
            if time.monotonic() > end:
                raise HostError(f"{self.name}: its daemon does not answer after {deadline_s:g} s\n{tail(self.log)}")
            time.sleep(0.05)

    def close(self) -> None:
        """Ends the host at once, as a power cut would; nothing of it stays but its folder."""
        _end(self.process)


_SPACES = {"net": "net", "mount": "mnt", "uts": "uts", "ipc": "ipc", "pid": "pid_for_children"}


def _quoted(word: str) -> str:
    return "'" + word.replace("'", "'\\''") + "'"

"""What the lab needs from Debian, and its installation where that is missing."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from tests.lab.host import SEARCH
from tests.lab.locking import alone
from tests.lab.slots import PLACE

# A program, or a file where that is on nobody's PATH, and the package that brings it.
PROGRAMS = {
    "dockerd": "docker.io",
    "sshd": "openssh-server",
    "docker-registry": "docker-registry",
    "ip": "iproute2",
    "iptables": "iptables",
    "nsenter": "util-linux",
    "ssh": "openssh-client",
    "unshare": "util-linux",
    # what the nodes of Kubernetes need beside the programs of programs.py
    "/usr/lib/cni/bridge": "containernetworking-plugins",
    "conntrack": "conntrack",
    "containerd": "containerd",
    "ctr": "containerd",
    "nft": "nftables",
    "openssl": "openssl",
    "runc": "runc",
    "setpriv": "util-linux",
    "sysctl": "procps",
    "wget": "wget",
}
# only for the tests that scale by an application's own metrics: `ensure(say, extra=PROMETHEUS)`
PROMETHEUS = {"prometheus": "prometheus"}
BUSYBOX = Path("/bin/busybox")
POLICY = Path("/usr/sbin/policy-rc.d")

CHOICES = (
    "Set PODLIFT_TEST_DOCKER_HOST=URL (such as unix:///var/run/docker.sock) to use an engine that already runs, "
    "or TEST_LAB=0 to skip the tests that need one."
)


class LabUnavailableError(RuntimeError):
    """The lab cannot be set up on this machine; the message says what to do instead."""


def missing(extra: Mapping[str, str] = MappingProxyType({})) -> list[str]:
    """Debian's packages that the lab needs and this machine lacks; `extra` is more of what PROGRAMS is."""
    wanted = {**PROGRAMS, **extra}
    packages = {package for program, package in wanted.items() if shutil.which(program, path=SEARCH) is None}
    if not _static(BUSYBOX):
        packages.add("busybox-static")
    return sorted(packages)


def ensure(say: Callable[[str], None], *, extra: Mapping[str, str] = MappingProxyType({})) -> None:
    """Installs what is missing, after saying so; needs root. `extra` is more of what PROGRAMS is."""
    if os.geteuid() != 0:
        raise LabUnavailableError(f"Starting a Docker engine for the tests needs root. {CHOICES}")
    # One lock for all workers: apt refuses a second run, and the first one's result serves them all.
    with alone(PLACE):
        packages = missing(extra)
        if not packages:
            return
        if shutil.which("apt-get") is None:
            raise LabUnavailableError(f"Missing here, and there is no apt-get: {', '.join(packages)}. {CHOICES}")
        say(
            f"lab: installing Debian's {', '.join(packages)} with apt-get, as root; "
            "this takes about a minute, once. Their services are not started."
        )
        _install(packages)
        left = missing(extra)
        if left:
            raise LabUnavailableError(f"apt-get has installed {', '.join(left)}, but the programs are not there.")


def _install(packages: list[str]) -> None:
    # docker.io and docker-registry start their services on installation: an engine in the machine's own network
    # would rewrite its firewall. Debian's way to say no is this file.
    ours = not POLICY.exists()
    if ours:
        POLICY.write_text("#!/bin/sh\nexit 101\n")
        POLICY.chmod(0o755)
    try:
        for arguments in (["update"], ["install", "--yes", "--no-install-recommends", *packages]):
            done = subprocess.run(
                ["apt-get", "-q", *arguments],
                env={**os.environ, "DEBIAN_FRONTEND": "noninteractive", "PATH": SEARCH},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
            if done.returncode:
                end = "\n".join(done.stdout.splitlines()[-10:])
                raise LabUnavailableError(f"apt-get {arguments[0]} failed:\n{end}\n{CHOICES}")
    finally:
        if ours:
            POLICY.unlink()


def _static(program: Path) -> bool:
    """Whether a program runs without a loader, and so in an image that holds nothing else."""
    if not program.exists():
        return False
    with program.open("rb") as file:
        return b"/ld-linux" not in file.read(4096)

"""An sshd of our own on this machine, and an ssh client that knows it: nothing of the user's keys or config is used.

with SshServer(tmp_path) as server:
    server.client(tmp_path / "bin")     # a program `ssh` for PATH, which also records its arguments
    ... ssh://edge-a1 ...               # and ssh://behind, by way of edge-a1 as a jump host
with SshServer(engine.host.folder / "ssh", engine.host) as server:     # on a host of the lab, in a folder that it sees
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Self

from tests.lab.host import SEARCH, Host, HostError, tail

_SERVER = """
ListenAddress {address}
Port {port}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/key.pub
PidFile {folder}/pid
StrictModes no
UsePAM no
PermitRootLogin yes
PasswordAuthentication no
KbdInteractiveAuthentication no
MaxSessions 10
"""

_CLIENT = """
Host edge-a1 behind
  HostName {address}
  Port {port}
  User root
  IdentitiesOnly yes
  IdentityFile {folder}/key
  UserKnownHostsFile {folder}/known_hosts
  GlobalKnownHostsFile /dev/null
  StrictHostKeyChecking yes
Host behind
  ProxyJump edge-a1
Host unknown
  HostName {address}
  Port {port}
  UserKnownHostsFile /dev/null
  GlobalKnownHostsFile /dev/null
  StrictHostKeyChecking ask
Host stranger
  HostName {address}
  Port {port}
  User root
  IdentitiesOnly yes
  IdentityFile {folder}/other_key
  UserKnownHostsFile {folder}/known_hosts
"""


class SshServer:
    """Listens while the block lasts."""

    def __init__(self, folder: Path, host: Host | None = None) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self._host = host
        self.address = host.address if host else "127.0.0.1"
        for key in ("host_key", "key", "other_key"):
            arguments = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / key)]
            subprocess.run(arguments, check=True, stdin=subprocess.DEVNULL)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        kind, key, *_ = (folder / "host_key.pub").read_text().split()
        (folder / "known_hosts").write_text(f"[{self.address}]:{self.port} {kind} {key}\n")
        given = {"address": self.address, "port": self.port, "folder": folder}
        (folder / "sshd_config").write_text(_SERVER.format(**given))
        (folder / "ssh_config").write_text(_CLIENT.format(**given))

    def client(self, bin_folder: Path) -> None:
        """Makes the program `ssh`; each call adds a line of its arguments to calls."""
        bin_folder.mkdir()
        program = bin_folder / "ssh"
        real = shutil.which("ssh", path=SEARCH)
        program.write_text(
            f'#!/bin/sh\necho "$@" >>{self.folder}/calls\nexec {real} -F {self.folder}/ssh_config "$@"\n'
        )
        program.chmod(0o755)

    @property
    def calls(self) -> list[str]:
        """The client's arguments, a line a call of ours; jumps of ssh itself are its own affair."""
        file = self.folder / "calls"
        return file.read_text().splitlines() if file.exists() else []

    def __enter__(self) -> Self:
        if self._host:
            self._host.run("mkdir", "-p", "/run/sshd")
        else:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        log = self.folder / "sshd.log"
        program = shutil.which("sshd", path=SEARCH)
        assert program is not None
        words = [program, "-D", "-e", "-f", str(self.folder / "sshd_config")]
        with log.open("wb") as stderr:
            # in the foreground: its sessions are its children and go with it
            self._process = subprocess.Popen(
                self._host.enter(*words) if self._host else words,
                stdin=subprocess.DEVNULL,
                stdout=stderr,
                stderr=stderr,
            )
        end = time.monotonic() + 10
        while time.monotonic() < end and self._process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex((self.address, self.port)) == 0:
                    return self
            time.sleep(0.02)
        self.__exit__()
        raise HostError(f"sshd does not answer\n{tail(log)}")

    def __exit__(self, *_raised: object) -> None:
        pid = self.folder / "pid"
        if self._host and pid.exists():
            # its number there, where nsenter has only started it
            self._host.run("kill", pid.read_text().strip())
        else:
            self._process.kill()
        self._process.wait()

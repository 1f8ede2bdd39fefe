"""An sshd of our own on this machine, and an ssh client that knows it: nothing of the user's keys or config is used.

with SshServer(tmp_path) as server:
    server.client(tmp_path / "bin")     # a program `ssh` for PATH, which also records its arguments
    ... ssh://edge-a1 ...               # and ssh://behind, by way of edge-a1 as a jump host
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Self

from tests.lab.host import SEARCH, HostError, tail

_SERVER = """
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/key.pub
PidFile none
StrictModes no
UsePAM no
PermitRootLogin yes
PasswordAuthentication no
KbdInteractiveAuthentication no
MaxSessions 10
"""

_CLIENT = """
Host edge-a1 behind
  HostName 127.0.0.1
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
  HostName 127.0.0.1
  Port {port}
  UserKnownHostsFile /dev/null
  GlobalKnownHostsFile /dev/null
  StrictHostKeyChecking ask
Host stranger
  HostName 127.0.0.1
  Port {port}
  User root
  IdentitiesOnly yes
  IdentityFile {folder}/other_key
  UserKnownHostsFile {folder}/known_hosts
"""


class SshServer:
    """Listens while the block lasts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for key in ("host_key", "key", "other_key"):
            arguments = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / key)]
            subprocess.run(arguments, check=True, stdin=subprocess.DEVNULL)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        kind, key, *_ = (folder / "host_key.pub").read_text().split()
        (folder / "known_hosts").write_text(f"[127.0.0.1]:{self.port} {kind} {key}\n")
        (folder / "sshd_config").write_text(_SERVER.format(port=self.port, folder=folder))
        (folder / "ssh_config").write_text(_CLIENT.format(port=self.port, folder=folder))

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
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        log = self.folder / "sshd.log"
        program = shutil.which("sshd", path=SEARCH)
        assert program is not None
        with log.open("wb") as stderr:
            # in the foreground: its sessions are its children and go with it
            self._process = subprocess.Popen(
                [program, "-D", "-e", "-f", str(self.folder / "sshd_config")],
                stdin=subprocess.DEVNULL,
                stdout=stderr,
                stderr=stderr,
            )
        end = time.monotonic() + 10
        while time.monotonic() < end and self._process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self
            time.sleep(0.02)
        self.__exit__()
        raise HostError(f"sshd does not answer\n{tail(log)}")

    def __exit__(self, *_raised: object) -> None:
        self._process.kill()
        self._process.wait()

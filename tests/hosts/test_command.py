"""Commands on hosts: how they are started, and what is said when they fail."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from converters.errors import PodliftError
from converters.workload import Host
from migrate.engine import Endpoint, endpoint_of
from migrate.hosts import Command, command_for
from migrate.hosts_file import HostEntry
from tests.lab.ssh import SshServer

HERE = Command(name="edge-a1")


def endpoint(url: str) -> Endpoint:
    return endpoint_of(HostEntry(host=Host(name="edge-a1", url=url)), environment={})


def refused(command: Command, *argv: str, timeout_s: float = 10) -> PodliftError:
    with pytest.raises(PodliftError) as caught:
        command.run(argv, timeout_s=timeout_s)
    return caught.value


@pytest.mark.parametrize(
    ("url", "how", "words"),
    [
        ("unix:///run/docker.sock", "", ["ss", "-n t"]),
        ("unix:///run/docker.sock", ["nsenter", "-t", "123", "-n"], ["nsenter", "-t", "123", "-n", "ss", "-n t"]),
        ("tcp://10.0.0.1:2375", "sudo -n", ["sudo", "-n", "ss", "-n t"]),
        # a COMMAND comes before what the URL would give
        ("ssh://edge-a1", ["sudo"], ["sudo", "ss", "-n t"]),
    ],
)
def test_how_a_command_is_started(url: str, how: str | Sequence[str], words: list[str]) -> None:
    command = command_for(endpoint(url), how)
    assert command is not None
    assert command.words(["ss", "-n t"]) == words


@pytest.mark.parametrize("how", ["", "ssh"])
def test_ssh_hosts_are_asked_by_ssh(how: str) -> None:
    """In batch mode, with the words quoted for the shell that reads them there."""
    command = command_for(endpoint("ssh://ops@edge-a1:2222"), how)
    assert command is not None
    words = command.words(["ss", "-n t"])
    assert words[0] == "ssh"
    assert words[-3:] == ["--", "ops@edge-a1", "ss '-n t'"]
    assert words[words.index("-p") + 1] == "2222"
    assert {"BatchMode=yes", "ControlPath=none"} <= set(words)
    assert "-N" not in words


def test_nothing_can_be_run_on_a_host_of_which_only_the_engine_is_reached() -> None:
    assert command_for(endpoint("tcp://10.0.0.1:2375")) is None


def test_ssh_needs_a_host_to_log_in_to() -> None:
    with pytest.raises(PodliftError, match="needs an ssh:// URL") as caught:
        command_for(endpoint("tcp://10.0.0.1:2375"), "ssh")
    assert caught.value.code == "bad-hosts"


def test_it_reads_stdin_and_gives_stdout_alone() -> None:
    assert HERE.run(["sh", "-c", "echo talk >&2; cat"], stdin="data\n") == "data\n"


def test_a_command_that_fails_tells_host_line_code_and_last_words() -> None:
    error = refused(HERE, "sh", "-c", "echo first >&2; echo last words >&2; exit 3")
    assert (error.code, error.subject) == ("command-failed", "edge-a1")
    assert error.reason == "sh -c 'echo first >&2; echo last words >&2; exit 3': ended with 3: last words"
    assert "run that line by hand" in error.next_step


@pytest.mark.parametrize("prefix", [(), ("env",), ("no-such-prefix",)])
def test_a_program_that_is_not_there_is_told_apart(prefix: tuple[str, ...]) -> None:
    error = refused(Command(name="edge-a1", prefix=prefix), "no-such-program")
    assert error.code == "command-missing"
    assert "no such file or directory" in error.reason.lower()


def test_a_command_that_hangs_ends_with_all_that_it_started(tmp_path: Path) -> None:
    began = time.monotonic()
    # the child holds the output open, and would be waited for
    error = refused(HERE, "sh", "-c", f"sleep 60 & echo $! >{tmp_path}/child; wait", timeout_s=0.5)
    assert time.monotonic() - began < 10
    assert (error.code, error.reason.endswith("it did not end within 0.5 s")) == ("command-failed", True)
    child = Path(f"/proc/{(tmp_path / 'child').read_text().strip()}/stat")
    while child.exists() and child.read_text().split()[2] != "Z":
        assert time.monotonic() - began < 10
        time.sleep(0.02)


def test_a_command_that_reads_nothing_is_no_failure() -> None:
    assert HERE.run([sys.executable, "-c", "print('done')"], stdin="x" * 1_000_000) == "done\n"


@pytest.fixture
def ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SshServer]:
    """A server, and a client on PATH that knows it."""
    with SshServer(tmp_path) as server:
        server.client(tmp_path / "bin")
        monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
        yield server


def by_ssh(name: str) -> Command:
    command = command_for(endpoint(f"ssh://{name}"))
    assert command is not None
    return command


@pytest.mark.usefixtures("own_machine", "ssh")
def test_a_command_by_ssh() -> None:
    """Words arrive as they were given; a program's own failure and ssh's are told apart."""
    assert by_ssh("edge-a1").run(["printf", "%s|", "a b", "$HOME", "it's"]) == "a b|$HOME|it's|"
    assert by_ssh("behind").run(["sh"], stdin="echo $((6 * 7))\n") == "42\n"
    assert refused(by_ssh("edge-a1"), "no-such-program").code == "command-missing"
    failed = refused(by_ssh("edge-a1"), "sh", "-c", "echo no way >&2; exit 4")
    assert (failed.code, failed.reason.endswith("ended with 4: no way")) == ("command-failed", True)
    stranger = refused(by_ssh("stranger"), "true")
    assert stranger.code == "ssh-failed"
    assert "Permission denied" in stranger.reason

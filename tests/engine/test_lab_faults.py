"""What the lab says, and leaves, on a machine that it cannot use: each fault is provoked for real."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.lab import slots
from tests.lab.host import SEARCH
from tests.lab.traces import devices, index_of, processes, until

ROOT = Path(__file__).parents[2]
COMMANDS = ("up", "prepare")
# a mount and a network of its own, where nothing of the machine's can be hurt
SPACE = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "bash", "-euc"]


pytestmark = pytest.mark.usefixtures("own_machine")


@pytest.mark.parametrize("command", [*COMMANDS, "down", "status"])
def test_no_root(command: str) -> None:
    # a user who is nobody here, and may still read the checkout
    refused = run("unshare", "--user", "--", *lab(command))

    assert "root" in only_line(refused)


@pytest.mark.parametrize("command", COMMANDS)
def test_no_debian(command: str, tmp_path: Path) -> None:
    refused = run(*lab(command), PATH=str(tmp_path))

    assert "there is no apt-get: " in only_line(refused)
    assert "docker-registry" in refused


@pytest.mark.parametrize("command", COMMANDS)
def test_no_go(command: str, tmp_path: Path) -> None:
    """Neither the system's Go nor PyPI's, and no network to fetch one by."""
    hide = " ".join(f"mount -t tmpfs none {path.parent};" for path in system_go())
    path = ":".join(folder for folder in SEARCH.split(":") if folder and not (Path(folder) / "go").exists())
    cache = tmp_path / "cache"

    refused = run(
        *SPACE, f"{hide} exec {sys.executable} -m tests.lab {command}",
        PATH=path, PODLIFT_LAB_CACHE=str(cache), PODLIFT_LAB_PROGRAMS="", PIP_RETRIES="0",
    )  # fmt: skip

    assert "Install a newer Go" in refused
    assert "PODLIFT_LAB_PROGRAMS=DIR" in refused
    assert [path.name for path in cache.glob("*")] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_a_full_disk(command: str, programs: str) -> None:
    refused = run(
        *SPACE, f"mount -t tmpfs -o size=50m none {slots.PLACE}; {sys.executable} -m tests.lab {command}; "
        f"code=$?; ls -A {slots.PLACE} >&2; exit $code",
        PODLIFT_LAB_PROGRAMS=programs,
    )  # fmt: skip

    assert "needs 1000 MB of disk in /var/tmp, and 52 MB are free there." in only_line(refused)


@pytest.mark.parametrize("command", COMMANDS)
def test_too_few_inotify_instances(command: str, programs: str) -> None:
    """A user who may have ten; without them a cluster comes up half and says nothing."""
    limit = "echo 10 >/proc/sys/user/max_inotify_instances"

    refused = run(
        "unshare", "--user", "--map-root-user", "bash", "-euc",
        f"{limit}; exec {sys.executable} -m tests.lab {command}", PODLIFT_LAB_PROGRAMS=programs,
    )  # fmt: skip

    # fewer where other labs of the same user run
    assert re.search(r"A cluster of the lab needs 24 inotify instances, and (\d|10) are left", only_line(refused))


def test_networks_in_other_use(programs: str) -> None:
    """Each of the lab's networks is routed already, to a device of the machine's owner."""
    refused = run(
        *SPACE, f"{owner('10.99.7.1/16')} exec {sys.executable} -m tests.lab up", PODLIFT_LAB_PROGRAMS=programs
    )

    assert "No network is free for a lab: from 10.99.1.0/24 to 10.99.249.0/24" in refused
    assert "`ip route show table all`" in refused


def test_a_network_or_a_device_in_other_use_is_passed_over() -> None:
    program = "from tests.lab.slots import take_slot; slot = take_slot(); print(slot.number); slot.release()"
    alone = f"mount -t tmpfs none {slots.PLACE}; mount -t sysfs none /sys;"
    others = "ip link add podlift3 type veth peer name third; ip route add blackhole 10.99.4.128/25;"

    taken = answer(
        *SPACE, f"{alone} {owner('10.99.1.200/32', '10.99.2.1/24')} {others} {sys.executable} -c '{program}'"
    )

    assert taken == "5\n"


def test_what_a_dead_run_left_and_is_still_in_use() -> None:
    """A cgroup that cannot be removed: the message names it, and what to do."""
    stuck = slots.CGROUPS / "cpu" / "podlift-lab-1" / "stuck"
    refused = run(
        *SPACE, f"mount -t tmpfs none {slots.PLACE}; mount -t sysfs none /sys; mount -t tmpfs none {slots.CGROUPS}; "
        f"mkdir -p {stuck}/full {slots.PLACE}/podlift-lab-1; touch {stuck}/full/file; "
        f"exec {sys.executable} -m tests.lab down",
    )  # fmt: skip

    assert "/var/tmp/podlift-lab-1 is what a dead run of the lab left, and it cannot be removed" in only_line(refused)
    assert str(stuck) in refused


def test_a_device_that_a_dead_run_left() -> None:
    """Whoever has entered a namespace of the run keeps it, and with it the device in the machine's own."""
    doomed = subprocess.Popen(
        [sys.executable, "-c", _DOOMED], cwd=ROOT, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True
    )
    assert doomed.stdout is not None
    device, bridge = doomed.stdout.readline().split()
    index = index_of(device)
    inside = subprocess.Popen(["nsenter", f"--net=/proc/{bridge}/ns/net", "sleep", "60"])
    try:
        until(lambda: Path(f"/proc/{inside.pid}/ns/net").samefile(f"/proc/{bridge}/ns/net"))
        doomed.kill()
        doomed.wait()
        until(lambda: not Path(f"/proc/{bridge}").exists())
        assert index

        slots.sweep()

        until(lambda: index not in {index_of(one) for one in devices()})
    finally:
        inside.kill()
        inside.wait()
        doomed.stdout.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda n: n.name)
def test_stopped_in_the_middle_of_its_start(number: signal.Signals, programs: str) -> None:
    starting = subprocess.Popen(
        lab("up", f"--id=stopped-{number.name[3:].lower()}-{os.getpid()}"), cwd=ROOT, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, "PODLIFT_LAB_PROGRAMS": programs},
    )  # fmt: skip
    assert starting.stderr is not None
    told = ""
    while "engine edge-a1" not in told:
        told += starting.stderr.readline()
    name = told[told.index(slots.STEM) :].split()[0]
    own = processes(f"{slots.PLACE}/{name}/")
    index = index_of(f"podlift{name.removeprefix(slots.STEM)}")
    assert own
    assert index

    starting.send_signal(number)

    _, rest = starting.communicate(timeout=60)
    if number != signal.SIGKILL:
        assert starting.returncode == 130
        assert rest.splitlines()[-1] == "lab: stopped; nothing of it is left"
    # the keeper hears of a killed one with its next line
    until(lambda: not set(own) & set(processes(f"{slots.PLACE}/{name}/")), 30)
    until(lambda: index not in {index_of(one) for one in devices()}, 30)
    until(lambda: not processes(f"stopped-{number.name[3:].lower()}-{os.getpid()}"), 30)


def test_beside_a_docker_of_the_machine(tmp_path: Path) -> None:
    """An engine in the machine's own network sets the FORWARD policy to DROP; the lab's hosts meet all the same."""
    told = answer(
        *SPACE, f"""
        mount -t tmpfs none /run
        ip link set lo up
        dockerd --host=unix://{tmp_path}/sock --data-root={tmp_path}/data --exec-root=/run/exec --pidfile=/run/pid \
            >{tmp_path}/log 2>&1 &
        until iptables -S FORWARD | grep -q DROP; do sleep 0.1; done
        iptables -S FORWARD | head -1
        {sys.executable} -c '{_TWO_HOSTS}'
        """,
        PATH=SEARCH,
        timeout_s=120,
    )  # fmt: skip

    assert told == "-P FORWARD DROP\nfrom a1\n"


# ---------------------------------------------------------------- how it is provoked

_DOOMED = """
import time
from tests.lab.engine import Lab
lab = Lab()
print(lab.device, lab.network._bridge.pid, flush=True)
time.sleep(60)
"""

_TWO_HOSTS = """
from tests.lab.engine import Lab
from tests.lab.traces import fetched
with Lab() as lab:
    first, second = lab.engine("edge-a1"), lab.engine("edge-b1")
    first.import_image("web:1", files={"www/index.html": "from a1"})
    second.import_image("web:1")
    first.client.containers.run("web:1", "httpd -f -h /www", detach=True, ports={"80/tcp": 8080})
    url = f"http://{first.address}:8080/index.html"
    fetched(url)
    print(second.output("web:1", f"wget -q -O - {url}"))
"""


@pytest.fixture
def programs(tmp_path: Path) -> str:
    """Programs for a lab that does not come as far as to run them."""
    from tests.lab.programs import NAMES

    folder = tmp_path / "programs"
    folder.mkdir()
    for name in NAMES:
        (folder / name).symlink_to("/bin/true")
    return str(folder)


def lab(command: str, *more: str) -> list[str]:
    return [sys.executable, "-m", "tests.lab", command, *more]


def run(*command: str, **environment: str) -> str:
    """What a command that has to be refused says."""
    done = _run(command, environment, timeout_s=60)
    assert (done.returncode, done.stdout) == (1, ""), done
    assert "Traceback" not in done.stderr, done.stderr
    return done.stderr


def answer(*command: str, timeout_s: float = 60, **environment: str) -> str:
    done = _run(command, environment, timeout_s)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _run(
    command: tuple[str, ...], environment: Mapping[str, str], timeout_s: float
) -> subprocess.CompletedProcess[str]:
    switches = ("TEST_LAB", "PODLIFT_TEST_DOCKER_HOST", "PODLIFT_TEST_CONTEXT")
    kept = {name: value for name, value in os.environ.items() if name not in switches}
    return subprocess.run(
        command, cwd=ROOT, env={**kept, **environment}, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        check=False, timeout=timeout_s,
    )  # fmt: skip


def only_line(text: str) -> str:
    (line,) = text.splitlines()
    return line


def owner(*addresses: str) -> str:
    """A device of the machine's owner with these addresses."""
    lines = ["ip link add owner type veth peer name other", *(f"ip address add {one} dev owner" for one in addresses)]
    return "; ".join([*lines, "ip link set owner up; ip link set other up;"])


def system_go() -> list[Path]:
    """Where a Go lies that a PATH without it does not hide."""
    places = [Path("/usr/local/go/bin/go"), *Path("/usr/lib").glob("go-*/bin/go")]
    return [path for path in places if path.exists()]

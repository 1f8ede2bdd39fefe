"""What a run of the lab leaves on the machine, for the tests that look for it; and waiting."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from pathlib import Path
from urllib.request import urlopen

from tests.lab import slots


def traces(name: str) -> set[str]:
    """What there is of a run, by its name, each told apart from what a later run of the same number has: after its end
    none of these may be found again. It marks the run's folder for that."""
    folder = slots.PLACE / name
    own = processes(f"{folder}/", f"/{name}/")
    if own:
        (folder / f"trace-{uuid.uuid4().hex}").touch()
    device = f"podlift{name.removeprefix(slots.STEM)}"
    return {
        *(f"process {process}" for process in own),
        # on the machine and in the namespaces of the run, while there are any
        *(f"mount {line}" for place in [0, *own] for line in mounts(place) if f"{folder}/" in line),
        *(f"cgroup {path} {path.stat().st_ino}" for path in slots.cgroups(name)),
        *(f"device {device} {index}" for index in [index_of(device)] if index),
        *(f"file {path}" for path in folder.glob("trace-*")),
    }


def kinds(found: set[str]) -> set[str]:
    """Of which kinds there is something."""
    return {trace.partition(" ")[0] for trace in found}


ALL_KINDS = {"process", "mount", "cgroup", "device", "file"}


def processes(*signs: str) -> list[int]:
    """The processes that show one of these signs in their command line, their cgroups or their mounts."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            text = "".join((process / file).read_text() for file in ("cmdline", "cgroup", "mountinfo"))
        except OSError:  # it has just ended
            continue
        if any(sign in text for sign in signs):
            found.append(int(process.name))
    return found


def mounts(process: int) -> list[str]:
    try:
        return Path(f"/proc/{process or 'self'}/mountinfo").read_text().splitlines()
    except OSError:  # it has just ended
        return []


def devices() -> list[str]:
    return [path.name for path in Path("/sys/class/net").iterdir()]


def index_of(device: str) -> str:
    try:
        return Path("/sys/class/net", device, "ifindex").read_text().strip()
    except OSError:  # it has just gone
        return ""


def fetched(url: str) -> bytes:
    answers: list[bytes] = []

    def answered() -> bool:
        try:
            with urlopen(url, timeout=2) as answer:
                answers.append(answer.read())
        except OSError:
            return False
        return True

    until(answered)
    return answers[0]


def until(true: Callable[[], bool], deadline_s: float = 10) -> None:
    end = time.monotonic() + deadline_s
    while not true():
        assert time.monotonic() < end, f"not within {deadline_s:g} s"
        time.sleep(0.05)

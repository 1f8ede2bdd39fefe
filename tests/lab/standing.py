"""A lab that stands until it is taken down, for work by hand: `make lab`, and what goes with it.

It is found again by the checkout that it belongs to and by an ID, so that two checkouts, or two IDs, have one each. It
lives in a process of its own (keeper.py) and in the folder of its slot (slots.py); beside these two there is nothing.
All functions raise LabError, with a message for the user, where something cannot be done.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.lab import packages, programs, slots
from tests.lab.keeper import READY, SOCKET, STATE
from tests.lab.locking import alone

ROOT = Path(__file__).parents[2]
DEFAULT = "default"
KEEPER = "tests.lab.keeper"
WAITING = "lab: waiting for another command that starts or ends a lab of this checkout"

Say = Callable[[str], None]


class LabError(RuntimeError):
    """What a command about a standing lab cannot do; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A lab of this checkout: its folder and what its `lab.json` says; `alive` is false once its keeper has died."""

    folder: Path
    state: dict[str, Any]
    alive: bool

    @property
    def name(self) -> str:
        return str(self.state["name"])

    @property
    def ready(self) -> bool:
        return self.alive and bool(self.state["ready"])


def up(ident: str, say: Say, *, hold: bool = False) -> Standing:
    """The lab of this ID, started where it does not stand yet; with `hold` it ends with the end of our stdin."""
    if found := _standing(ident):
        return _sound(found, say)
    _ask_for_root("make lab")
    try:
        packages.ensure(say)
        programs.ensure(say)
        slots.check_room()
        slots.check_watches()
        with alone(ROOT, on_wait=lambda: say(WAITING)):
            # the one before us may have started it
            if found := _standing(ident):
                return _sound(found, say)
            _clear(ident, say)
            began = time.monotonic()
            _start(ident, say, hold=hold)
            say(f"lab: all of it stands after {time.monotonic() - began:.1f} s")
    except (packages.LabUnavailableError, slots.SlotError) as error:
        raise LabError(str(error)) from error
    return standing(ident)


def down(ident: str, say: Say) -> Standing | None:
    """Takes the lab of this ID away with all that dead ones have left; returns what it was, if there was one."""
    _ask_for_root("make lab-down")
    with alone(ROOT, on_wait=lambda: say(WAITING)):
        found = next(labs(ident), None)
        try:
            _clear(ident, say)
        except slots.SlotError as error:
            raise LabError(str(error)) from error
        return found


def standing(ident: str) -> Standing:
    """The lab of this ID; LabError where none stands."""
    found = _standing(ident)
    if found is None:
        _ask_for_root("the lab")
        for unready in labs(ident):
            raise LabError(_unready(unready))
        others = sorted(lab.state["id"] for lab in labs() if lab.ready)
        more = f" (others of this checkout: {', '.join(others)})" if others else ""
        raise LabError(f"No lab {ident!r} stands here{more}: `{_make('lab', ident)}` starts one.")
    return found


def _unready(lab: Standing) -> str:
    up, down = _make("lab", lab.state["id"]), _make("lab-down", lab.state["id"])
    if lab.alive:
        return f"{lab.name} is about to start or to end: wait for the command that does it, or `{down}` takes it away."
    return (
        f"{lab.name} stands no more: its keeper (process {lab.state['pid']}) has died, and all of it with it. "
        f"`{up}` starts it anew, `{down}` removes what is left on disk."
    )


def parts(lab: Standing) -> list[dict[str, Any]]:
    """Each part of the lab: its `name`, whether it is `running`, and the last lines of its `log`."""
    found: list[dict[str, Any]] = _ask(lab, {"do": "parts"}, timeout_s=10)
    return found


def load(lab: Standing, engine: str, image: str) -> list[str]:
    """Moves an image from an engine to every node; returns the nodes' names."""
    answer = _ask(lab, {"do": "load", "engine": engine, "image": image}, timeout_s=600)
    if "error" in answer:
        raise LabError(answer["error"])
    nodes: list[str] = answer["nodes"]
    return nodes


def nodes(lab: Standing) -> str:
    """What the cluster says of its nodes and their metrics, as kubectl prints it."""
    return "".join(_kubectl(lab, *words) for words in (("get", "nodes", "-o", "wide"), ("top", "nodes")))


def description(lab: Standing) -> str:
    """What the lab is and how to use it, for its user."""
    state, ident = lab.state, lab.state["id"]
    kubectl = shutil.which("kubectl") or f"{state['programs']}/kubectl"
    registry = state["registry"]
    lines = [
        f"lab {lab.name} (ID {ident} of {state['checkout']})",
        f"  kubeconfig  {state['kubeconfig']}  (context {state['context']})",
        *(f"  node        {node['name']}  {node['address']}" for node in state["nodes"]),
        *(f"  engine      {one['name']}  {one['address']}  DOCKER_HOST={one['url']}" for one in state["engines"]),
        f"  registry    {registry['name']}  {registry['address']}  (for engines and nodes, in the clear)",
        "",
        f"  KUBECONFIG={state['kubeconfig']} {kubectl} get pods -A",
        f"  DOCKER_HOST={state['engines'][0]['url']} docker ps",
        f"  {_make('lab-load', ident)} IMAGE=web:1.4 FROM={state['engines'][0]['name']}    moves an image to the nodes",
        f"  {_make('lab-status', ident)}    what runs and what does not",
        f"  {_make('lab-down', ident)}    takes it away",
    ]
    return "\n".join(lines)


def kept(lab: Standing) -> str:
    """What stays on the machine on purpose when the lab goes."""
    installed = sorted(set(packages.PROGRAMS.values()) | {"busybox-static"})
    built = lab.state.get("programs") or "the cache of built programs"
    return f"stays on purpose: {built} and Go's own caches; Debian's {', '.join(installed)}"


def _sound(lab: Standing, say: Say) -> Standing:
    ident = lab.state["id"]
    ended = [part["name"] for part in parts(lab) if not part["running"]]
    if ended:
        raise LabError(
            f"{lab.name} stands, but of it {', '.join(ended)} has ended: `{_make('lab-status', ident)}` shows the "
            f"logs; `{_make('lab-down', ident)}` and `{_make('lab', ident)}` make it anew."
        )
    say(f"lab: {lab.name} stands already, and all of it runs")
    return lab


def _standing(ident: str) -> Standing | None:
    return next((lab for lab in labs(ident) if lab.ready), None)


def labs(ident: str | None = None) -> Iterator[Standing]:
    """The labs of this checkout, dead ones too."""
    for folder in slots.owned():
        try:
            state = json.loads((folder / STATE).read_text())
        except (OSError, ValueError):
            # a run of the tests, or one that just goes
            continue
        if state["checkout"] == str(ROOT) and ident in {None, state["id"]}:
            yield Standing(folder, state, slots.is_held(folder))


def _start(ident: str, say: Say, *, hold: bool) -> None:
    engines = "a registry, three engines and a Kubernetes of two nodes"
    say(f"lab: starting {engines}, each in namespaces of its own; about ten seconds")
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    keeper = subprocess.Popen(
        [sys.executable, "-m", KEEPER, str(ROOT), ident, "hold" if hold else "stay"],
        cwd=ROOT,
        stdin=None if hold else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # Ctrl-C is for us: we end it in order
        start_new_session=True,
    )
    ready = False
    try:
        ready = _follow(keeper, say)
    finally:
        if not ready:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            _stop(keeper)
            slots.sweep()
    if not ready:
        raise LabError("The lab did not come up, see above; what had started of it is gone again.")


def _follow(keeper: subprocess.Popen[str], say: Say) -> bool:
    """Tells what the keeper tells, until all stands; false where the keeper ends before."""
    assert keeper.stdout is not None
    for line in keeper.stdout:
        if line.strip() == READY:
            return True
        say(line.rstrip())
    return False


def _stop(keeper: subprocess.Popen[str]) -> None:
    keeper.terminate()
    try:
        keeper.wait(timeout=30)
    except subprocess.TimeoutExpired:
        keeper.kill()
        keeper.wait()


def _clear(ident: str, say: Say) -> None:
    """Ends the keepers of this ID and removes their labs, and those of dead runs."""
    for lab in labs(ident):
        if lab.alive:
            _end(lab)
    for name in slots.sweep():
        say(f"lab: removed {name}, which a run that is dead had left")


def _end(lab: Standing) -> None:
    """Ends a keeper in order, or where that takes too long at once."""
    for number, wait_s in ((signal.SIGTERM, 30), (signal.SIGKILL, 10)):
        if _keeps(lab):
            with suppress(ProcessLookupError):
                os.kill(lab.state["pid"], number)
        end = time.monotonic() + wait_s
        while time.monotonic() < end:
            if not slots.is_held(lab.folder) and not _keeps(lab):
                return
            time.sleep(0.02)
    raise LabError(f"{lab.folder} is still held, and not by its keeper (process {lab.state['pid']}): `fuser -v` shows.")


def _keeps(lab: Standing) -> bool:
    """Whether the lab's keeper is still a process: its number may have gone to another one since."""
    try:
        return KEEPER.encode() in Path(f"/proc/{lab.state['pid']}/cmdline").read_bytes()
    except OSError:
        return False


def _ask(lab: Standing, request: dict[str, str], *, timeout_s: float) -> Any:
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(timeout_s)
            connection.connect(str(lab.folder / SOCKET))
            with connection.makefile("rw") as stream:
                stream.write(json.dumps(request) + "\n")
                stream.flush()
                return json.loads(stream.readline())
    except (OSError, ValueError) as error:
        again = _make("lab-down", lab.state["id"])
        raise LabError(f"{lab.name} does not answer ({error}): `{again}` takes it away.") from error


def _kubectl(lab: Standing, *words: str) -> str:
    done = subprocess.run(
        [f"{lab.state['programs']}/kubectl", f"--kubeconfig={lab.state['kubeconfig']}", "--request-timeout=5s", *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.stdout


def _ask_for_root(what: str) -> None:
    if os.geteuid() != 0:
        raise LabError(
            f"{what} needs root: engines and nodes live in namespaces of their own. Run it as root. Without root, the "
            "tests use an engine by PODLIFT_TEST_DOCKER_HOST=URL and a cluster by PODLIFT_TEST_CONTEXT=NAME."
        )


def _make(target: str, ident: str) -> str:
    return f"make {target}" if ident == DEFAULT else f"make {target} LAB={ident}"

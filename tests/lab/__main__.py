"""`python -m tests.lab COMMAND`: the lab that stands (`make lab`), and what `make test` does before the first test."""

from __future__ import annotations

import argparse
import os
import re
import sys

from tests.lab import packages, programs, slots, standing
from tests.lab.cluster import given_cluster
from tests.lab.host import HostError


def main() -> int:
    """Runs one command; its exit code."""
    arguments = _parser().parse_args()
    try:
        return int(arguments.run(arguments) or 0)
    except standing.LabError as error:
        _say(f"lab: {error}")
        return 1
    except KeyboardInterrupt:
        _say("lab: stopped; nothing of it is left")
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.lab", description=__doc__)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    prepare = commands.add_parser("prepare", help="install and build what the tests need")
    prepare.set_defaults(run=_prepare)
    of_a_lab = {
        "up": (_up, "start a lab that stands until `down`"),
        "down": (_down, "take it away"),
        "status": (_status, "what of it runs and what does not"),
        "kubeconfig": (_kubeconfig, "the path of its kubeconfig"),
        "docker": (_docker, "its engines: NAME URL"),
        "load": (_load, "move an image from an engine to the nodes"),
    }
    for name, (run, about) in of_a_lab.items():
        command = commands.add_parser(name, help=about)
        command.add_argument("--id", type=_ident, default=standing.DEFAULT, help="for a second lab of this checkout")
        command.set_defaults(run=run)
        if name == "up":
            command.add_argument("--hold", action="store_true", help="end it with the end of this command's stdin")
        if name == "load":
            command.add_argument("image")
            command.add_argument("--from", dest="engine", default="edge-a1", metavar="ENGINE")
    return parser


def _ident(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,30}", text):
        raise argparse.ArgumentTypeError("at most 31 small letters, digits and hyphens")
    return text


def _prepare(_: argparse.Namespace) -> int:
    """Installs and builds what the lab needs and removes what dead runs left."""
    if os.environ.get("TEST_LAB") == "0" or os.environ.get("PODLIFT_TEST_DOCKER_HOST"):
        return 0
    try:
        packages.ensure(_say)
        if given_cluster() is None:
            programs.ensure(_say)
        slots.check_room()
        slots.check_watches()
        _tell_swept()
    except (HostError, packages.LabUnavailableError, slots.SlotError) as error:
        _say(f"make test: {error}")
        return 1
    return 0


def _up(arguments: argparse.Namespace) -> None:
    _print(standing.description(standing.up(arguments.id, _say, hold=arguments.hold)))


def _down(arguments: argparse.Namespace) -> None:
    lab = standing.down(arguments.id, _say)
    if lab is None:
        _say(f"lab: no lab {arguments.id!r} stands here; nothing to take away")
    else:
        _say(f"lab: {lab.name} is gone; {standing.kept(lab)}")


def _status(arguments: argparse.Namespace) -> int:
    lab = standing.standing(arguments.id)
    parts = standing.parts(lab)
    ended = [part for part in parts if not part["running"]]
    _print(standing.description(lab) + "\n")
    for part in parts:
        _print(f"  {'runs ' if part['running'] else 'ENDED'}  {part['name']}")
    _print("\n" + standing.nodes(lab).rstrip())
    for part in ended:
        _print(f"\n-- {part['name']} has ended; the last lines of its log:\n{part['log']}")
    return 1 if ended else 0


def _kubeconfig(arguments: argparse.Namespace) -> None:
    _print(standing.standing(arguments.id).state["kubeconfig"])


def _docker(arguments: argparse.Namespace) -> None:
    for engine in standing.standing(arguments.id).state["engines"]:
        _print(f"{engine['name']} {engine['url']}")


def _load(arguments: argparse.Namespace) -> None:
    nodes = standing.load(standing.standing(arguments.id), arguments.engine, arguments.image)
    _say(f"lab: {arguments.image} of {arguments.engine} is now on {', '.join(nodes)}")


def _tell_swept() -> None:
    for name in slots.sweep():
        _say(f"lab: removed {name}, which a run that is dead had left")


def _say(line: str) -> None:
    """Progress and troubles; what a command is asked for goes to stdout alone."""
    print(line, file=sys.stderr, flush=True)  # noqa: T201


def _print(text: str) -> None:
    print(text, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())

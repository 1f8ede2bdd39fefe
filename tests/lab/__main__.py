"""`python -m tests.lab prepare`: what `make test` does before the first test."""

from __future__ import annotations

import os
import sys

from tests.lab import packages, slots


def main() -> int:
    """Installs what the lab needs and removes what dead runs left."""
    if sys.argv[1:] != ["prepare"]:
        print(__doc__, file=sys.stderr)  # noqa: T201
        return 2
    if os.environ.get("TEST_LAB") == "0" or os.environ.get("PODLIFT_TEST_DOCKER_HOST"):
        return 0
    try:
        packages.ensure(_say)
    except packages.LabUnavailableError as error:
        _say(f"make test: {error}")
        return 1
    for name in slots.sweep():
        _say(f"lab: removed {name}, which a run that is dead had left")
    return 0


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())

"""``podlift --help`` against ``python -c 'import click'``: at most three times as long.

Both are started in turn, many times, and the medians compared, so that other load on the machine falls on both.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from statistics import median

REPO = Path(__file__).parents[1]
ROUNDS = 21
LIMIT = 3.0
FLOOR = [sys.executable, "-c", "import click"]
HELP = [sys.executable, "-m", "migrate.cli.main", "--help"]


def main() -> None:
    times: dict[str, list[float]] = {"import click": [], "podlift --help": []}
    for _ in range(ROUNDS):
        for (_, taken), command in zip(times.items(), (FLOOR, HELP), strict=True):
            taken.append(_seconds(command))
    floor, help_ = (median(taken) for taken in times.values())
    for name, taken in times.items():
        print(f"{name:<16} median {median(taken) * 1000:6.1f} ms, best {min(taken) * 1000:6.1f} ms of {ROUNDS}")
    print(f"ratio {help_ / floor:.2f} (at most {LIMIT:.0f})")
    if help_ / floor > LIMIT:
        sys.exit("podlift --help is slower than its limit")


def _seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, cwd=REPO, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()

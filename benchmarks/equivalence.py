"""Equivalence: each kind of container on a real engine and as a pod on a real kubelet, compared fact by fact."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.cluster.equivalence import run_all


def main() -> None:
    totals = run_all()
    levels = ", ".join(f"{count} {level}" for level, count in sorted(totals.declared.items()))
    print(
        f"shapes: {totals.shapes} compared, {totals.containers} containers; {totals.not_here} refused by this machine"
    )
    print(f"facts compared: {totals.facts:,}")
    print(f"differences declared: {levels}")
    print(f"differences of any pod, in the table of differences.md: {totals.unavoidable:,}")
    print(f"rows seen from outside only: {totals.outside}")
    print(f"verdicts excused, each by what was seen of its container: {totals.silent}")
    print(f"differences undeclared: {totals.undeclared}")
    print(f"verdicts that claim a difference that is not there: {totals.wolves}")
    print("seconds: " + ", ".join(f"{stage} {seconds:g}" for stage, seconds in totals.seconds.items()))
    if totals.undeclared or totals.wolves or totals.broken:
        sys.exit(f"not equivalent; shapes that could not be compared: {totals.broken}")


if __name__ == "__main__":
    main()

"""The lab: seconds until nodes are Ready, names resolve and engines answer; then until metrics; and for its end.

By the commands behind `make lab` and `make lab-down`, as root, several times; the programs of Kubernetes are there
already (built before the first start is timed).
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.lab import packages, programs, standing
from tests.lab.keeper import ENGINES

ROOT = Path(__file__).parents[1]
IDENT = f"bench-{os.getpid()}"
RUNS = 5
LIMITS = {"up": 20.0, "up to metrics": 60.0}


def main() -> None:
    packages.ensure(lambda line: print(line, file=sys.stderr))
    kubectl = programs.ensure(lambda line: print(line, file=sys.stderr)) / "kubectl"
    seconds: dict[str, list[float]] = {"up": [], "up to metrics": [], "up, when it stands": [], "down": []}
    for _ in range(RUNS):
        began = time.perf_counter()
        try:
            seconds["up"].append(command("up"))
            await_metrics(str(kubectl))
            seconds["up to metrics"].append(time.perf_counter() - began)
            seconds["up, when it stands"].append(command("up"))
        finally:
            down = command("down")
        seconds["down"].append(down)
    print(f"| the lab, {len(ENGINES)} engines and 2 nodes | s, median of {RUNS} | s, all | at most |")
    print("|---|---|---|---|")
    for name, each in seconds.items():
        limit = f"{LIMITS[name]:g}" if name in LIMITS else ""
        print(f"| {name} | {statistics.median(each):.1f} | {min(each):.1f} to {max(each):.1f} | {limit} |")
    if late := [name for name, limit in LIMITS.items() if max(seconds[name]) > limit]:
        sys.exit(f"too slow: {', '.join(late)}")


def command(name: str) -> float:
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "tests.lab", name, f"--id={IDENT}"], cwd=ROOT, check=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    return time.perf_counter() - began


def await_metrics(kubectl: str) -> None:
    lab = standing.standing(IDENT)
    ask = [kubectl, f"--kubeconfig={lab.state['kubeconfig']}", "get", "--raw", "/apis/metrics.k8s.io/v1beta1/nodes"]
    while True:
        done = subprocess.run(ask, capture_output=True, text=True, check=False)
        if done.returncode == 0 and len(json.loads(done.stdout)["items"]) == len(lab.state["nodes"]):
            return
        time.sleep(0.2)


if __name__ == "__main__":
    main()

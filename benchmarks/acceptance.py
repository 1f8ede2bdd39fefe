"""Strict acceptance: objects and pods sent to a real API server in a strict dry run, and how many it accepts.

As root, in a lab of its own, or in the cluster that PODLIFT_TEST_CONTEXT names.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.cluster.acceptance import GATEWAY, Court, NoGatewayError, Ruling, gateway_crds
from tests.cluster.sources import Batch, batches
from tests.lab import packages
from tests.lab.cluster import GivenCluster, given_cluster
from tests.lab.engine import Lab


def main() -> None:
    began = time.perf_counter()
    made = tuple(batches())
    converted = time.perf_counter() - began
    given = given_cluster()
    if given is not None:
        report(made, converted, given)
        return
    packages.ensure(lambda line: print(line, file=sys.stderr))
    with Lab() as lab:
        report(made, converted, lab.cluster())


def report(made: tuple[Batch, ...], converted: float, cluster: GivenCluster) -> None:
    with Court(cluster.api, suffix="bench") as court:
        without = _without_gateway(court)
        began = time.perf_counter()
        rulings = court.rule(made, but=(GATEWAY,) if without else ())
        ruled = time.perf_counter() - began
    sources = {batch.name.partition(", answers")[0] for batch in made}
    print(f"sources: {len(sources)}, with their answers {len(made)} plans, made in {converted:.1f} s")
    print(
        f"objects made: {sum(len(batch.objects) for batch in made):,}; each that differs is sent once, in {ruled:.1f} s"
    )
    if without:
        print(f"without HTTPRoute: {without}")
    kinds = Counter(each.sent["kind"] for each in rulings if not each.pod)
    print("kinds: " + ", ".join(f"{count} {kind}" for kind, count in kinds.most_common()))
    print("\n| | sent | accepted | refused | warnings |")
    print("|---|---|---|---|---|")
    for name, pods in (("objects", False), ("pods of their templates", True)):
        _row(name, [each for each in rulings if each.pod is pods])
    for each in rulings:
        if each.refused:
            print(f"  {each.name}: {each.refused}")


def _row(name: str, rulings: list[Ruling]) -> None:
    refused, warnings = sum(bool(each.refused) for each in rulings), sum(len(each.warnings) for each in rulings)
    print(f"| {name} | {len(rulings)} | {len(rulings) - refused} | {refused} | {warnings} |")


def _without_gateway(court: Court) -> str:
    """Why Gateway API's kinds cannot be sent; ``""`` where they can."""
    try:
        if not court.serves(GATEWAY):
            court.install(gateway_crds())
    except NoGatewayError as error:
        return str(error)
    return ""


if __name__ == "__main__":
    main()

"""Whatever two drivers of a run die at, the third one brings it to its end, and no caller notices; on the model."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from tests.cutover.pairs import FATES, told

SHARDS = 2


@pytest.mark.prove
@pytest.mark.parametrize("fate", FATES)
def test_every_pair_of_kills(fate: str) -> None:
    began = time.monotonic()
    commands = [[sys.executable, "-m", "tests.cutover.pairs", fate, str(at), str(SHARDS)] for at in range(SHARDS)]
    running = [subprocess.Popen(each, stdout=subprocess.PIPE, text=True) for each in commands]
    endings = [ending for each in running for ending in told(each.communicate()[0])]
    assert not any(each.returncode for each in running)
    pairs = [kills for kills, _ in endings if len(kills) == 2]
    print(f"{fate}: {len(endings)} runs, {len(pairs)} pairs, {time.monotonic() - began:.0f} s")  # noqa: T201 - the figures
    assert len(pairs) > 3000
    assert [ending for ending in endings if ending[1]] == []


def test_a_tree_of_runs_ends() -> None:
    """A small part of it."""
    command = [sys.executable, "-m", "tests.cutover.pairs", "after", "60", "64"]
    endings = list(told(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout))
    assert len([kills for kills, _ in endings if len(kills) == 2]) > 10
    assert [ending for ending in endings if ending[1]] == []

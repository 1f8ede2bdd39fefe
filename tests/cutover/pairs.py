"""Every pair of kills in a model's run, as a tree of forked processes: python -m tests.cutover.pairs

At each write of a run that was killed less than twice, a process is forked in which that write is where it is killed;
the run itself goes on. So no run is driven from its beginning twice. Each ending is one line of JSON: what was wrong.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.cutover.killing import Kill, driven, wrongs
from tests.cutover.model import Model

FATES = ("after", "late", "last")
_MOST = 2


@dataclass
class Tree:
    """One run of it. ``fate``: of all kills of a pair; ``shard``: of how many, by the first kill's number."""

    fate: str
    shard: tuple[int, int]
    taken: list[Kill] = field(default_factory=list)
    aborted: bool = False
    _writes: int = 0

    def at(self, label: str) -> Kill | None:
        # the run begins and is asked by users: their writes
        if len(self.taken) == _MOST or label.endswith(" ask") or label.startswith("-: "):
            return None
        self._writes += 1
        if not self.taken and self._writes % self.shard[1] != self.shard[0]:
            return None
        for abort in (False,) if self.aborted else (False, True):
            pid = os.fork()
            if pid == 0:
                kill = Kill(label, self._writes, self.fate, abort)
                self.taken.append(kill)
                self.aborted = self.aborted or abort
                return kill
            _, status = os.waitpid(pid, 0)
            if status:
                self.say(f"a run after {label} ended with {status}")
        return None

    def say(self, *wrong: str) -> None:
        line = json.dumps({"kills": [str(each) for each in self.taken], "wrong": wrong[:3]})
        os.write(1, f"{line}\n".encode())


def main(fate: str, number: str, shards: str) -> None:
    gc.freeze()
    tree = Tree(fate, (int(number), int(shards)))
    begun = os.getpid()
    try:
        tree.say(*wrongs(driven(Model(pods=2, legacy=1), tree.at)))
    except Exception as error:  # noqa: BLE001 - each ending is told, and the next one is looked at
        tree.say(f"{type(error).__name__}: {error}")
    if os.getpid() != begun:
        os._exit(0)


def told(text: str) -> Iterator[tuple[list[str], list[str]]]:
    """Kills and what was wrong, of each ending."""
    for line in text.splitlines():
        said = json.loads(line)
        yield said["kills"], said["wrong"]


if __name__ == "__main__":
    main(*sys.argv[1:])

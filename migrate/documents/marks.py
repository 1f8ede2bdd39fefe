"""Where each value of a document stands: paths to line numbers.

Verdicts quote these, so that a reader finds the line to edit. Most documents are never asked, and to mark the lines
of JSON costs more than to read it: a tree of lines may therefore be given as a function, called at the first question.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

Path: TypeAlias = tuple[str | int, ...]

# A scalar's line, or a map's or list's line and what lies in it.
Tree: TypeAlias = "int | tuple[int, dict[str | int, Tree]]"


class Marks(Mapping[Path, int]):
    """Paths of keys and indexes to 1-based lines; ``()`` is the document itself.

    An entry of a map has the line of its key, an item of a list its own. What came through an alias or a merge has
    the line where it was written.
    """

    __slots__ = ("_scan", "_tree")

    def __init__(self, tree: Tree | None = None, *, scan: Callable[[], Tree] | None = None) -> None:
        self._tree = tree
        self._scan = scan

    @property
    def tree(self) -> Tree:
        if self._tree is None:
            self._tree = self._scan() if self._scan else 1
            self._scan = None
        return self._tree

    def __getitem__(self, path: Path) -> int:
        tree = self.tree
        for step in path:
            if isinstance(tree, int) or step not in tree[1]:
                raise KeyError(path)
            tree = tree[1][step]
        return line_of(tree)

    def __iter__(self) -> Iterator[Path]:
        waiting: list[tuple[Path, Tree]] = [((), self.tree)]
        while waiting:
            path, tree = waiting.pop()
            yield path
            if not isinstance(tree, int):
                waiting += [((*path, step), below) for step, below in reversed(tree[1].items())]

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return f"Marks({dict(self)!r})" if self._tree is not None else "Marks(not yet scanned)"

    def nearest(self, path: Path) -> int:
        """The line of ``path``, or of the innermost value around it that was written."""
        tree = self.tree
        for step in path:
            if isinstance(tree, int) or step not in tree[1]:
                break
            tree = tree[1][step]
        return line_of(tree)


def line_of(tree: Tree) -> int:
    return tree if isinstance(tree, int) else tree[0]


def moved(tree: Tree, line: int) -> Tree:
    """The same values under another line: a map's value is found by its key."""
    return line if isinstance(tree, int) else (line, tree[1])

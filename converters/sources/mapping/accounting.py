"""What was taken and what was left: each leaf of each document in exactly one place.

A leaf of a workload's item is taken (it stands in an attribute's origins), or a Setting of the workload: ``selection``
(something turned on it), ``overridden`` (each instance says its own), ``ignored`` (the mapping gives the reason) or
``not-mapped``. A leaf outside every workload is taken by some, or stands in ``Reading.left``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ...capture import ConfigDocument
from ...fields.verdict import Source, Tally
from ...secrecy import is_secret
from ...workload import Setting, Workload
from .nodes import Node, document_name, leaves, path_text, plain, rows, wrapped
from .origins import Atoms, origins_of
from .selecting import Item, file_glob
from .syntax import Documents

Fate = tuple[str, str]
"""A code, and for ``ignored`` the reason."""


class Ignoring:
    """``ignore:`` of a mapping. A glob's ``*`` matches anything; naming a map ignores all of it."""

    def __init__(self, ignore: Mapping[str, str]) -> None:
        self._rules = [(glob, _path_glob(glob), reason) for glob, reason in ignore.items()]
        self._used: set[str] = set()

    def reason(self, path: str) -> str:
        """``""`` if nothing ignores the path."""
        for glob, pattern, reason in self._rules:
            if pattern.fullmatch(path):
                self._used.add(glob)
                return reason
        return ""

    def unused(self) -> tuple[str, ...]:
        return tuple(glob for glob, _, _ in self._rules if glob not in self._used)


def _path_glob(glob: str) -> re.Pattern[str]:
    text = "".join(".*" if c == "*" else "." if c == "?" else re.escape(c) for c in glob)
    return re.compile(rf"{text}(?:[.\[].*)?", re.DOTALL)


def leftover(item: Item, workload: Workload, hidden: Iterable[Source], ignoring: Ignoring) -> dict[Source, Fate]:
    """The fate of each leaf of a workload's own item that no attribute took."""
    taken = {leaf for origins in origins_of(workload) for leaf in origins}
    overridden = set(hidden) | item.scope.passed_over
    made: dict[Source, Fate] = {}
    for path, leaf in rows(item.node):
        if leaf in taken or leaf in item.inherited:
            continue
        made[leaf] = _fate(leaf, path_text(path), item.scope.decided, overridden, ignoring)
    return made


def _fate(leaf: Source, path: str, decided: set[Source], overridden: set[Source], ignoring: Ignoring) -> Fate:
    if leaf in decided:
        return "selection", ""
    if leaf in overridden:
        return "overridden", ""
    reason = ignoring.reason(path)
    return ("ignored", reason) if reason else ("not-mapped", "")


class Account:
    """Gathers the fates of a whole reading and gives settings, leftovers and tallies."""

    def __init__(self, documents: Sequence[ConfigDocument], by_name: Mapping[str, Documents]) -> None:
        self._documents = [(document, wrapped(document)) for document in documents]
        self._ignoring = _by_document(by_name)
        self.atoms = Atoms(documents)
        self._values: dict[Source, Any] = {}
        for _, node in self._documents:
            self._gather(node)
        self._within: set[Source] = set()
        self._shared: dict[Source, Fate] = {}

    def _gather(self, node: Node) -> None:
        if node.own:
            self._values[node.own[0]] = plain(node)
        inner = node.value.values() if isinstance(node.value, dict) else node.value
        if isinstance(inner, list) or isinstance(node.value, dict):
            for each in inner:
                self._gather(each)

    def workload(self, workload: Workload, fates: Mapping[Source, Fate]) -> None:
        """Notes a workload's uses; its leaves are accounted for."""
        for origins in origins_of(workload):
            self.atoms.use(origins, taken=True)
            self._within.update(origins)
        self.leave(fates)
        self._within.update(fates)

    def leave(self, fates: Mapping[Source, Fate]) -> None:
        for together in _grouped(fates).values():
            self.atoms.use(together, taken=False)

    def shared(self, leaves_: Iterable[Source], code: str, reason: str = "") -> None:
        """The fate of leaves outside every workload, the first word counts."""
        for leaf in leaves_:
            self._shared.setdefault(leaf, (code, reason))

    def settings(self, fates: Mapping[Source, Fate]) -> tuple[Setting, ...]:
        """One setting for each atom."""
        made: dict[Source, Setting] = {}
        for leaf, (code, reason) in fates.items():
            atom = self.atoms.atom(leaf)
            if atom not in made:
                made[atom] = Setting(code=code, value=reason or self._shown(leaf, atom), origins=(atom,))
        return tuple(made.values())

    def _shown(self, leaf: Source, atom: Source) -> Any:
        value = self._values.get(leaf)
        if atom != leaf or not isinstance(value, str):
            return value if isinstance(value, bool | int | float) else None
        key = re.split(r'[.\[\]"]+', atom.path.rstrip('"]'))[-1]
        return "a secret value" if is_secret(key, value) else value

    def rest(self) -> dict[Source, Fate]:
        """The fates of all leaves that no workload accounts for."""
        made: dict[Source, Fate] = {}
        for document, root in self._documents:
            ignoring = self._ignoring(document)
            for leaf in leaves(root):
                if leaf in self._within:
                    continue
                fate = self._shared.get(leaf)
                if fate is None:
                    reason = ignoring.reason(leaf.path)
                    fate = ("ignored", reason) if reason else ("not-mapped", "")
                made[leaf] = fate
        return made

    def tallies(self) -> tuple[Tally, ...]:
        made = []
        for document, root in self._documents:
            all_leaves = leaves(root)
            atoms = tuple(sorted({atom.path for atom in self.atoms.atoms(all_leaves)}))
            count = len(all_leaves)
            made.append(Tally(document=document_name(document), leaves=count, present=count, atoms=atoms))
        return tuple(made)


def _grouped(fates: Mapping[Source, Fate]) -> dict[Fate, set[Source]]:
    made: dict[Fate, set[Source]] = {}
    for leaf, fate in fates.items():
        made.setdefault(fate, set()).add(leaf)
    return made


def _by_document(by_name: Mapping[str, Documents]) -> Callable[[ConfigDocument], Ignoring]:
    known = [([file_glob(g) for g in each.files], each.ignore) for each in by_name.values()]

    def ignoring(document: ConfigDocument) -> Ignoring:
        rules: dict[str, str] = {}
        for globs, ignore in known:
            if any(glob.fullmatch(document.name) for glob in globs):
                rules.update(ignore)
        return Ignoring(rules)

    return ignoring

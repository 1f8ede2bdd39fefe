"""Items: which parts of which documents are workloads, with what they inherit and what is joined to them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from ...capture import ConfigDocument
from ...fields.verdict import Finding, Source
from .building import RefusedError
from .expression import Scope
from .nodes import MISSING, Node, constant, is_false, leaves, over, plain, wrapped
from .syntax import Join, Mapping
from .values import Values, place


@dataclass(slots=True)
class Item:
    """A workload's item: ``node`` with everything laid together. ``hidden``: inherited leaves that it overrides;
    ``out`` or ``refused``: why it makes no workload."""

    node: Node
    scope: Scope
    own: tuple[Source, ...]
    inherited: frozenset[Source]
    hidden: tuple[Source, ...] = ()
    out: str = ""
    refused: str = ""


@dataclass(slots=True)
class Selection:
    """Walks documents by a mapping. After the walk ``decided`` holds the leaves that chose among items, and
    ``unjoined`` tells what no workload asked for."""

    mapping: Mapping
    values: Values
    documents: Sequence[ConfigDocument]
    decided: set[Source] = field(default_factory=set)
    _nodes: dict[str, list[tuple[ConfigDocument, Node]]] = field(default_factory=dict)
    _joins: dict[str, dict[str, list[Node]]] = field(default_factory=dict)
    _asked: dict[str, set[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, documents in self.mapping.documents.items():
            globs = [file_glob(glob) for glob in documents.files]
            self._nodes[name] = [
                (document, wrapped(document))
                for document in self.documents
                if any(glob.fullmatch(document.name) for glob in globs)
            ]
        for name, join in self.mapping.joins.items():
            self._joins[name] = self._indexed(join)
            self._asked[name] = set()

    def items(self) -> Iterator[Item]:
        workloads = self.mapping.workloads
        for document, root in self._nodes[workloads.document]:
            scope = Scope(root=root, file=_file(document))
            top = self._top(workloads.document, root)
            listed = self.values.evaluated(workloads.each, top, scope, workloads.where)
            self.decided.update(scope.decided, listed.own)
            if listed.value is None:
                continue
            nodes = listed.value if isinstance(listed.value, list) else [listed]
            for node in nodes:
                yield self._item(
                    node, replace(scope, decided=set(scope.decided), passed_over=set(), key=node.key or MISSING)
                )

    def _item(self, node: Node, scope: Scope) -> Item:
        made = Item(node=node, scope=scope, own=leaves(node), inherited=frozenset())
        workloads = self.mapping.workloads
        try:
            node = self._joined(node, made)
        except RefusedError as refused:
            made.refused = str(refused)
            return made
        made.own = leaves(node)
        inherited: set[Source] = set()
        hidden: list[Source] = []
        base = MISSING
        for expression in workloads.inherit:
            found = self.values.evaluated(expression, node, replace(scope, item=node), workloads.where)
            if found.value is not None:
                inherited.update(leaves(found))
                base, more = over(base, found) if base.value is not None else (found, ())
                hidden += more
        if base.value is not None:
            node, more = over(base, node)
            hidden += more
        made.node, made.hidden, made.inherited = node, tuple(hidden), frozenset(inherited)
        scope.item = node
        if workloads.when is not None and not made.out:
            tested = self.values.evaluated(workloads.when, node, scope, workloads.where)
            scope.decided.update(tested.own)
            if is_false(tested):
                made.out = f"the mapping leaves it out (when: {workloads.when.text})"
        return made

    # ---- joins

    def _joined(self, node: Node, item: Item) -> Node:
        for name, join in self.mapping.joins.items():
            if not isinstance(node.value, dict):
                self.values.refuse("only a map can be joined with something", node, join.where)
            if name in node.value:
                self.values.refuse(f"it has a field {name!r} already; give the join another name", node, join.where)
            found = self._matching(name, join, node, item)
            if found is not None:
                node = replace(node, value={**node.value, name: found})
        return node

    def _matching(self, name: str, join: Join, node: Node, item: Item) -> Node | None:
        on = self.values.evaluated(join.on, node, item.scope, join.where)
        item.scope.decided.update(leaves(on))
        key = _key(on)
        self._asked[name].add(key)
        found = self._joins[name].get(key, [])
        if not found:
            why = f"there is no {name} for it ({join.to.text} = {plain(on)})"
            if join.on_none == "refuse":
                raise RefusedError(why, node)
            if join.on_none == "skip":
                item.out = why
            return None
        if len(found) > 1 and join.on_many == "refuse":
            places = ", ".join(place(leaf[0]) for each in found if (leaf := leaves(each)))
            raise RefusedError(f"there are {len(found)} {name} for it ({join.to.text} = {plain(on)}: {places})", node)
        chosen = found[-1] if join.on_many == "last" else found[0]
        to = self.values.evaluated(join.to, chosen, item.scope, join.where)
        item.scope.decided.update(leaves(to))
        return chosen

    def _indexed(self, join: Join) -> dict[str, list[Node]]:
        made: dict[str, list[Node]] = {}
        for document, root in self._nodes[join.document]:
            scope = Scope(root=root, file=_file(document))
            listed = self.values.evaluated(join.each, self._top(join.document, root), scope, join.where)
            if listed.value is None:
                continue
            for node in listed.value if isinstance(listed.value, list) else [listed]:
                key = self.values.evaluated(join.to, node, replace(scope, key=node.key or MISSING), join.where)
                if key.value is not None:
                    made.setdefault(_key(key), []).append(node)
        return made

    def unmatched(self) -> Iterator[Finding]:
        """The globs of the workloads' documents, where no document is called like any of the mapping's."""
        name = self.mapping.workloads.document
        if self.documents and not any(self._nodes.values()):
            files = ", ".join(self.mapping.documents[name].files)
            yield Finding(
                workload="",
                code="config-unmatched",
                subject=name,
                reason=f"no document of the config is called like {files}, so that no workload was read",
                sides=tuple(("config", document.name) for document in self.documents[:5]),
                open=True,
            )

    def unjoined(self) -> Iterator[Finding]:
        """What stands on the other side of a join and no workload asked for: perhaps a workload that is missing."""
        for name, known in self._joins.items():
            for key in known:
                if key not in self._asked[name]:
                    at = next(iter(leaves(known[key][0])), None)
                    yield Finding(
                        workload=json.loads(key) if key.startswith('"') else key,
                        code="config-unjoined",
                        subject=name,
                        reason=f"no workload of the config asks for this {name}",
                        sides=(("config", place(at)),) if at else (),
                        open=True,
                    )

    def _top(self, driving: str, root: Node) -> Node:
        """What an ``each`` starts from: the document that it walks, and the others whole."""
        made = {}
        for name, found in self._nodes.items():
            if name == driving:
                made[name] = root
            elif len(found) == 1:
                made[name] = found[0][1]
            else:
                made[name] = Node([node for _, node in found])
        return Node(made)


def _key(node: Node) -> str:
    return json.dumps(plain(node), sort_keys=True, default=str)


def _file(document: ConfigDocument) -> Node:
    folder, _, name = document.name.rpartition("/")
    stem = name.rpartition(".")[0] or name
    return constant({"name": name, "stem": stem, "folder": folder, "path": document.name})


def file_glob(glob: str) -> re.Pattern[str]:
    """A glob over a file's path or its end: ``*`` and ``?`` stay within a folder, ``**`` does not."""
    parts = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    text = "".join(parts.get(part) or re.escape(part) for part in re.findall(r"\*\*/|\*\*|\*|\?|[^*?]+", glob))
    return re.compile(f"(?:.*/)?{text}", re.DOTALL)

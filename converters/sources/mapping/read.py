"""``read_config``: documents of a bespoke config and a mapping in, a Reading out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from ...capture import ConfigDocument
from ...errors import PodliftError
from ...fields.verdict import Finding, Source
from ...workload import Workload
from ..reading import Expected, Reading
from .accounting import Account, Fate, Ignoring, leftover
from .building import Builder, RefusedError
from .elements import told
from .instances import united
from .nodes import Node, nearest, over, path_text, plain, rows
from .selecting import Item, Selection
from .syntax import Mapping, Where
from .values import Taken, Values, place
from .vocabulary import SITE


def read_config(documents: Iterable[ConfigDocument], mapping: Mapping) -> Reading:
    """The workloads of a config, with every field of every document accounted for.

    workloads  in the order of the documents; what the mapping leaves of an item stands in ``settings``, codes
               ``not-mapped``, ``ignored``, ``selection`` and ``overridden``
    findings   ``config-refused`` for an item that makes no workload (no image, a join without a partner),
               ``config-unjoined`` for a partner that no item asked for, ``config-unmatched`` where no document's
               name fits; all are open
    excluded   items that the mapping leaves out by ``when:`` or a join's ``on_none: skip``
    left       fields outside every workload that nothing took, and those of refused and excluded items

    Raises PodliftError ``config-unfit`` where a value is not what the mapping says (with the config's file and line
    and the mapping's key), ``workload-twice`` where two items have one name.
    """
    return Reader(tuple(documents), mapping).reading()


class Reader:
    """One reading in the making; ``silent`` tells, after it, which clauses gave nothing at all."""

    def __init__(self, documents: Sequence[ConfigDocument], mapping: Mapping) -> None:
        self._mapping = mapping
        self._values = Values(mapping.name)
        self._builder = Builder(mapping, self._values)
        self._selection = Selection(mapping, self._values, documents)
        self._account = Account(documents, mapping.documents)
        self._ignoring = Ignoring(mapping.ignore)
        self._made: list[tuple[Workload, dict[Source, Fate]]] = []
        self._expected: list[Expected] = []
        self._findings: list[Finding] = []
        self._excluded: list[tuple[str, str]] = []
        self._names: dict[str, str] = {}

    def reading(self) -> Reading:
        for item in self._selection.items():
            self._item(item)
        self._account.atoms.taken_whole(self._values.lists)
        for workload, fates in self._made:
            self._account.workload(workload, fates)
        self._account.shared(self._selection.decided, "selection")
        rest = self._account.rest()
        self._account.leave(rest)
        settled = self._account.atoms.settled
        return Reading(
            source="config",
            workloads=tuple(
                replace(settled(workload), settings=self._account.settings(fates)) for workload, fates in self._made
            ),
            tallies=self._account.tallies(),
            findings=(*self._findings, *self._selection.unmatched(), *self._selection.unjoined()),
            excluded=tuple(self._excluded),
            expected=tuple(self._expected),
            left=self._account.settings(rest),
        )

    def silent(self) -> tuple[Where, ...]:
        return self._values.silent()

    def unused_ignores(self) -> tuple[str, ...]:
        return self._ignoring.unused()

    def _item(self, item: Item) -> None:
        where = self._where(item)
        name = self._name(item)
        if name is None:
            self._refuse(item, where, where, f"it has no name ({self._mapping.workloads.name.where.key})")
            return
        if item.out:
            self._account.shared(item.own, "left-out")
            self._excluded.append((f"{name.value} ({where})", item.out))
            return
        if item.refused:
            self._refuse(item, name.value, where, item.refused)
            return
        try:
            workload, hidden = self._workload(name, item)
        except RefusedError as refused:
            self._refuse(item, name.value, where, str(refused))
            return
        self._once(name.value, where)
        fates = leftover(item, workload, hidden, self._ignoring)
        self._made.append((workload, fates))
        self._inherited(item)
        expected = self._expects(workload, item)
        if expected is not None:
            self._expected.append(expected)

    def _name(self, item: Item) -> Taken | None:
        taken = self._values.taken(self._mapping.workloads.name, item.node, item.scope)
        if taken is None or not taken.value:
            return None
        item.scope.decided.update(taken.origins)
        return taken

    def _where(self, item: Item) -> str:
        source = nearest(item.node)
        return place(source) if source is not None else ""

    def _once(self, name: str, where: str) -> None:
        if name in self._names:
            raise PodliftError(
                code="workload-twice",
                phase="read",
                subject=where,
                reason=f"{name!r} is a workload already ({self._names[name]})",
                next_step="let workloads.name in the mapping tell them apart, by join('.', [file().stem, key()])",
            )
        self._names[name] = where

    def _refuse(self, item: Item, name: str, where: str, reason: str) -> None:
        self._account.shared(item.own, "refused")
        self._findings.append(
            Finding(
                workload=name,
                code="config-refused",
                subject="config",
                reason=reason,
                sides=(("config", where),),
                open=True,
            )
        )

    # ---- one workload

    def _workload(self, name: Taken, item: Item) -> tuple[Workload, tuple[Source, ...]]:
        instances = self._mapping.instances
        base = self._builder.replicas(item.node, item.scope)
        if instances is None or instances.own is None:
            return replace(self._builder.workload(name.value, item.node, item.scope), replicas=base), item.hidden
        members: list[tuple[str, Workload]] = []
        covered: list[set[Source]] = []
        for each in told((instances.elements,), SITE, item.node, item.scope, self._values):
            own = self._values.evaluated(instances.own, each.node, replace(item.scope, key=each.key), instances.where)
            merged, hidden = over(item.node, own) if own.value is not None else (item.node, ())
            scope = replace(item.scope, item=merged)
            members.append(
                (_instance_name(each.get("name"), each.key), self._builder.workload(name.value, merged, scope))
            )
            covered.append(set(hidden))
        if not members:
            return replace(self._builder.workload(name.value, item.node, item.scope), replicas=base), item.hidden
        hidden_by_all = set.intersection(*covered)
        return replace(united(members), replicas=base), (*item.hidden, *hidden_by_all)

    def _inherited(self, item: Item) -> None:
        """Defaults that this workload did not take: overridden here, ignored, or only turned on."""
        account = self._account
        account.shared(item.scope.decided & item.inherited, "selection")
        account.shared([leaf for leaf in item.scope.decided if leaf not in item.own], "selection")
        account.shared(item.hidden, "overridden")
        account.shared(item.scope.passed_over, "overridden")
        for path, leaf in rows(item.node):
            if leaf in item.inherited and (reason := self._ignoring.reason(path_text(path))):
                account.shared((leaf,), "ignored", reason)

    def _expects(self, workload: Workload, item: Item) -> Expected | None:
        instances = self._mapping.instances
        if instances is None or not (instances.container or instances.label or instances.env):
            return None
        sites = [count.site for count in workload.replicas if count.site]
        every = told((instances.elements,), SITE, item.node, item.scope, self._values)
        names = [_instance_name(each.get("name"), each.key) for each in every]
        return Expected(
            workload=workload.name,
            containers=_pattern(instances.container, workload.name, sites, names),
            label=instances.label.replace("{name}", workload.name),
            env=instances.env.replace("{name}", workload.name),
            runtime_env=instances.runtime_env,
        )


def _instance_name(name: str | None, key: Node) -> str:
    return name or str(plain(key) or "")


def _pattern(template: str, name: str, sites: Sequence[str], instances: Sequence[str]) -> str:
    """The regular expression of container names: ``{name}`` is the workload's, ``{site}`` one of its sites,
    ``{instance}`` the name of one of its instances."""
    if not template:
        return ""
    text = template.removeprefix("^").removesuffix("$") if not template.endswith("\\$") else template
    text = text.replace("{name}", re.escape(name)).replace("{instance}", f"(?:{_among(instances)})")
    text = text.replace("{site}", f"(?P<site>{_among(sites)})", 1)
    return text.replace("{site}", f"(?:{_among(sites)})")


def _among(words: Sequence[str]) -> str:
    return "|".join(re.escape(word) for word in sorted(set(words)) if word) or "[^-_.]+"

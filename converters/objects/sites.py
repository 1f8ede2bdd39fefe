"""Sites: one controller and HPA for each, or one for all; and one controller for each instance where the user wants it.

A part is one controller of a workload. All parts have the same pod template but for what makes them parts: a label by
which the controller tells its pods from the others', and the node labels of its site.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..fields.ledger import Ledger
from ..fields.verdict import Origins
from ..names import WORKLOAD_NAME_LIMIT, legal
from ..target import Target
from ..workload import Controller, SiteCount, Workload
from .context import SITE, Context, label_value, suffixed, unique

INSTANCE = "podlift.dev/instance"
ZONE = "topology.kubernetes.io/zone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """
    name      of the controller and the HPA
    site      of the legacy side; ``""``: all of them
    label     what its pods carry beside the workload's labels, and its controller selects by
    nodes     node labels that tie it to its site
    replicas  planned
    instance  place of its instance among the workload's, where each has its own controller
    """

    name: str
    site: str = ""
    label: Mapping[str, str] = field(default_factory=dict)
    nodes: Mapping[str, str] = field(default_factory=dict)
    replicas: int = 1
    instance: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sites:
    """``names`` in order; ``split``: a controller for each; ``nodes``: site to node labels."""

    names: tuple[str, ...] = ()
    split: bool = False
    nodes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def sites_of(workload: Workload, *, target: Target, ledger: Ledger) -> Sites:
    """How a workload's sites stand in the cluster; undecided and blocking where it has several and nobody said, or one
    that the target leaves out of those that it names."""
    counts = [*workload.replicas, *(workload.scaling.min + workload.scaling.max if workload.scaling else ())]
    names = tuple(sorted({count.site for count in counts if count.site}))
    stated = {site.name: dict(site.node_labels) for site in target.sites}
    if target.merge_sites:
        return Sites(names=names)
    if len(names) < 2 and (not stated or set(names) <= set(stated)):
        return Sites(names=names, nodes={name: stated[name] for name in names if name in stated})
    origins: Origins = tuple(dict.fromkeys(o for count in counts for o in count.origins))
    answer = ledger.ask("sites", origins, "sites")
    if answer == "merge":
        return Sites(names=names)
    nowhere = any(not count.site for count in workload.replicas)
    if not nowhere and all(name in stated for name in names):
        return Sites(names=names, split=True, nodes=stated)
    if not nowhere and answer == "split":
        nodes = {name: stated.get(name, {ZONE: name}) for name in names}
        return Sites(names=names, split=len(names) > 1, nodes=nodes)
    if nowhere:
        why = f"instances at {', '.join(names)} and others at no site"
    elif stated:
        why = f"the target says nothing of {', '.join(name for name in names if name not in stated)}"
    else:
        why = f"instances at {', '.join(names)}, and the target does not say how sites stand in the cluster"
    ledger.undecided(origins, "sites", why=why, subject="sites")
    return Sites(names=names)


def parts_of(
    workload: Workload, sites: Sites, *, kind: Controller, separate: bool, context: Context
) -> tuple[Part, ...]:
    """The controllers of a workload, in order of site or instance. ``separate``: one for each instance. A DaemonSet is
    one for all sites, since nodes are what it counts."""
    own = context.name(workload.name)
    if separate and len(workload.instances) > 1:
        running = any(count.count for count in workload.replicas)
        numbers = [str(n) for n in range(1, len(workload.instances) + 1)]
        return tuple(
            Part(
                name=suffixed(own, f"-{number}", WORKLOAD_NAME_LIMIT),
                site=instance.site,
                label={INSTANCE: number},
                nodes=sites.nodes.get(instance.site, {}),
                replicas=1 if running else 0,
                instance=place,
            )
            for place, (number, instance) in enumerate(zip(numbers, workload.instances, strict=True))
        )
    if not sites.split or kind is Controller.DAEMONSET:
        only = sites.names[0] if len(sites.names) == 1 else ""
        return (Part(name=own, site="", nodes=sites.nodes.get(only, {}), replicas=_planned(workload, None)),)
    suffixes = unique(map(legal, sites.names))
    return tuple(
        Part(
            name=suffixed(own, f"-{suffix}", WORKLOAD_NAME_LIMIT),
            site=site,
            label={SITE: label_value(site)},
            nodes=sites.nodes.get(site, {}),
            replicas=_planned(workload, site),
        )
        for site, suffix in zip(sites.names, suffixes, strict=True)
    )


def _planned(workload: Workload, site: str | None) -> int:
    """Instances at a site (None: at all): as counted, else the least that autoscaling keeps, else one."""
    counts: Sequence[SiteCount] = workload.replicas or (workload.scaling.min if workload.scaling else ())
    if not counts:
        return 1
    return sum(count.count for count in counts if site is None or count.site == site)

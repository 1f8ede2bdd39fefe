"""The real edges of a run: from what its journal says of hosts, nodes, hooks and checks."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from converters.errors import PodliftError
from converters.workload import Host

from ..aside import Threads
from ..hosts import Access, connections_for
from ..hosts_file import HostEntry
from ..unsaid import hiding
from .clock import SystemClock
from .detached import variables_of
from .driver import Edges
from .edges import Clock, Inside
from .ending_watch import EndingWatch
from .gates.live import LiveGates
from .hooks import CommandHooks
from .legacy import HostsLegacy
from .lock import lasted
from .measuring import Measuring
from .pod_network import PodNetwork
from .probe_pods import PodNodes
from .propagation import ProbedNodes
from .run import Spec
from .settings import OTHER_NODES
from .stopping import change_s

if TYPE_CHECKING:
    from ..cluster import Cluster

_HOST_S = 10.0
_LOOK_S = 20.0
# Who drives or keeps looks again soon, and has users to hear and other hosts to follow meanwhile.
_SOON_S = 2.0


def hosts_json(hosts: Iterable[Access]) -> dict[str, dict[str, Any]]:
    """Hosts as a journal keeps them: how they are reached; paths of keys and never what is in them."""
    made = {}
    for each in hosts:
        entry = each.entry
        said = {
            "url": entry.host.url,
            "address": entry.host.address,
            "site": entry.host.site,
            "ca": entry.ca,
            "cert": entry.cert,
            "key": entry.key,
            "exec": each.how if isinstance(each.how, str) else list(each.how),
            "probe": list(each.probe),
            "image": each.image,
        }
        made[entry.host.name] = {key: value for key, value in said.items() if value}
    return made


def hosts_of(said: Mapping[str, Mapping[str, Any]], *, files: Path | None = None) -> tuple[Access, ...]:
    """``files``: the folder in which what hosts name lies here, by its name alone; none: where they say."""
    made = []
    for name, each in said.items():
        host = Host(name=name, url=each.get("url", ""), address=each.get("address", ""), site=each.get("site", ""))
        tls = {part: each.get(part, "") for part in ("ca", "cert", "key")}
        if files is not None:
            tls = {part: path and str(files / Path(path).name) for part, path in tls.items()}
        how: str | Sequence[str] = each.get("exec", "")
        made.append(
            Access(
                entry=HostEntry(host=host, **tls),
                how=how if isinstance(how, str) else tuple(how),
                probe=tuple(each.get("probe", ())),
                image=each.get("image", ""),
            )
        )
    return tuple(made)


def legacy_of(spec: Spec, hosts: Iterable[Access], *, look_s: float = _LOOK_S) -> HostsLegacy:
    """The engines. Nothing is asked yet. ``look_s``: for which a look at one is waited for, as a rule."""
    ports = {
        f"{port.get('targetPort', port['port'])}/{port.get('protocol', 'TCP').lower()}"
        for service in spec.services
        for port in service["spec"]["ports"]
    }
    return HostsLegacy(
        [each.entry for each in hosts],
        spec.grouping_key,
        known=[(each.host, each.name) for each in spec.originals],
        container_ports=sorted(ports),
        change_timeout_s=change_s(lasted(spec.timings.lease_s)),
        host_timeout_s=look_s,
    )


def nodes_of(spec: Spec, cluster: Cluster) -> ProbedNodes:
    """By a command for each node, and by pinned pods on the others where there is an image of them."""
    there = partial(nodes_there, cluster)
    commands = {name: each["probe"] for name, each in spec.nodes.items() if each.get("probe")}
    image, hide = spec.nodes.get(OTHER_NODES, {}).get("image", ""), hiding(variables_of(spec))
    if image:
        return PodNodes(cluster, spec.namespace, image, there, commands=commands, hide=hide)
    return ProbedNodes(commands, there=there, hide=hide)


def nodes_there(cluster: Cluster) -> dict[str, bool]:
    """All nodes, and whether each is Ready."""
    return {
        each["metadata"]["name"]: any(
            one["type"] == "Ready" and one["status"] == "True" for one in each["status"].get("conditions") or ()
        )
        for each in cluster.list("v1", "Node")
    }


def ready_nodes(cluster: Cluster) -> Callable[[], Collection[str]]:
    """Asks, each time, on which nodes a pod starts."""
    return lambda: [name for name, ready in nodes_there(cluster).items() if ready]


def inside_of(cluster: Cluster) -> Callable[[], Inside]:
    """Asks, each time, where the connections come from that a Service leads to a legacy host."""

    def inside() -> Inside:
        nodes = list(cluster.list("v1", "Node"))
        return Inside(
            addresses=frozenset(
                one["address"]
                for each in nodes
                for one in each["status"].get("addresses") or ()
                if one["type"] == "InternalIP"
            ),
            networks=tuple(sorted({one for each in nodes for one in each["spec"].get("podCIDRs") or ()})),
        )

    return inside


def edges_of(
    spec: Spec, cluster: Cluster, hosts: Iterable[Access], clock: Clock | None = None, *, again: bool = False
) -> Edges:
    """All of them. ``again``: who uses them looks again and again, and waits for no host that hangs.

    Raises PodliftError ``bad-hosts`` and as hosts are found.
    """
    given = tuple(hosts)
    known = {each.entry.host.name for each in given}
    missing = sorted({each.host for each in spec.originals} - known)
    if missing:
        raise PodliftError(
            code="bad-hosts",
            phase="cutover",
            subject=missing[0],
            reason="instances of the workload run there, and the hosts do not name it",
            next_step="give it in podlift.yaml's hosts, with an address that the cluster reaches",
        )
    clock = clock or SystemClock()
    aside = Threads()
    legacy, nodes = legacy_of(spec, given, look_s=_SOON_S if again else _LOOK_S), nodes_of(spec, cluster)
    hide = hiding(variables_of(spec))
    hooks = CommandHooks(spec.hooks, timeout_s=spec.timings.hook_timeout_s, aside=aside, hide=hide)
    measuring = Measuring(
        nodes=nodes,
        endings=EndingWatch(cluster, nodes, aside),
        pods=PodNetwork(cluster, spec.nodes.get(OTHER_NODES, {}).get("image", ""), ready_nodes(cluster)),
        # a host that hangs must not hold up who keeps its slices
        connections=connections_for(given, timeout_s=_HOST_S, hide=hide),
        inside=inside_of(cluster),
        hooks=hooks,
        gates=LiveGates(nodes, clock),
        legacy=legacy,
        clock=clock,
    )
    return Edges(
        api=cluster, legacy=legacy, hooks=hooks, clock=clock, measuring=measuring, aside=aside, wait=legacy.wait
    )

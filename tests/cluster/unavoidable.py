"""What differs between a container and any pod, whatever a converter does; docs/reference/differences.md shows it.

Nothing stands here that a manifest could mend to any effect. An entry is as narrow as can be: the facts, and by
``when`` the one way in which they may differ.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.cluster.facts import Facts

ABSENT = None
_ID = re.compile(r"[0-9a-f]{12}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """
    facts     patterns of facts
    reason    why no manifest can mend it
    said      the way in which they differ, in words
    when      the same as a test of the engine's value and the pod's, None where one has none
    where     a test of all of the engine's facts
    always    it counts even where a verdict calls a setting exact that speaks of the fact too: it says nothing of it
    """

    facts: tuple[str, ...]
    said: str
    reason: str
    when: Callable[[Any, Any], bool]
    where: Callable[[Facts], bool] = lambda _facts: True
    always: bool = False


def _any(_engine: Any, _pod: Any) -> bool:
    return True


def _only_pod(engine: Any, _pod: Any) -> bool:
    return engine is ABSENT


def _only_engine(_engine: Any, pod: Any) -> bool:
    return pod is ABSENT


def _either_alone(engine: Any, pod: Any) -> bool:
    return engine is ABSENT or pod is ABSENT


def _given_name(engine: Any, _pod: Any) -> bool:
    return isinstance(engine, str) and _ID.fullmatch(engine) is not None


def _short_name_too(engine: Any, pod: Any) -> bool:
    return None not in (engine, pod) and set(pod) < set(engine) and len(set(engine) - set(pod)) == 1


def _is_root_with(capability: str) -> Callable[[Facts], bool]:
    def where(facts: Facts) -> bool:
        return facts["uid.effective"] == "0" and "effective" in facts.get(f"capabilities.{capability}", "")

    return where


UNAVOIDABLE = (
    Difference(
        facts=("environ.KUBERNETES_*",),
        said="in the pod only",
        when=_only_pod,
        reason="The kubelet gives every container the API server's address, with service links off too.",
    ),
    Difference(
        facts=("hostname", "environ.HOSTNAME"),
        said="a container's ID, a pod's name",
        when=_given_name,
        reason="Where nobody names it, an engine takes the container's ID and Kubernetes the pod's name.",
    ),
    Difference(
        facts=("hostname", "environ.HOSTNAME", "hosts.*", "own_names"),
        said="any value, on the host's network",
        when=_any,
        where=lambda facts: facts["namespaces.net"] == "host",
        always=True,
        reason="On the host's network they are the host's own, and a node is another host.",
    ),
    Difference(
        facts=("namespaces.uts",),
        said="its own and the host's, on the host's network",
        when=lambda engine, pod: (engine, pod) == ("own", "host"),
        where=lambda facts: facts["namespaces.net"] == "host",
        always=True,
        reason="A pod on the host's network has the host's names by sharing them, a container by a copy.",
    ),
    Difference(
        facts=("mounts./etc/hosts.read_only", "mounts./etc/hosts.writable"),
        said="read-only and writable",
        when=lambda engine, pod: (engine, pod) in ((True, False), ("read-only file system", "yes")),
        reason="The kubelet mounts its hosts file so that it can be written, also where the root is read-only.",
    ),
    Difference(
        facts=("hosts.ip6-mcastprefix", "hosts.ip6-allnodes", "hosts.ip6-allrouters"),
        said="ff00::, ff02:: and fe00::",
        when=_any,
        reason="The kubelet's hosts file has other addresses for these three names.",
    ),
    Difference(
        facts=("interfaces.*.addresses", "interfaces.*.mac"),
        said="any value",
        when=_any,
        always=True,
        reason="Addresses are assigned: another container has others too.",
    ),
    Difference(
        facts=("interfaces.lo.addresses", "sysctls.net.ipv6.conf.all.disable_ipv6"),
        said="any value",
        when=_any,
        always=True,
        reason="An engine turns IPv6 off in containers on networks without it; in pods the network plugin decides.",
    ),
    Difference(
        facts=("resolver.nameservers.*", "resolver.search.*", "resolver.options.*"),
        said="on one side only",
        when=_either_alone,
        reason="A container has its host's resolver or the engine's own, a pod the cluster's with its search domains.",
    ),
    Difference(
        facts=("resolver.options.ndots",),
        said="0 and 5",
        when=lambda engine, pod: (engine, pod) == ("0", "5"),
        reason="The engine's own resolver, on networks that somebody made, and the cluster's say so themselves.",
    ),
    Difference(
        facts=("own_names",),
        said="the part before the first dot, in the container only",
        when=_short_name_too,
        always=True,
        reason="An engine writes a host name with dots into the hosts file in its short form as well.",
    ),
    Difference(
        facts=("sysctls.net.ipv4.ip_unprivileged_port_start",),
        said="0 and 1024, for root that may bind any port",
        when=lambda engine, pod: (engine, pod) == ("0", "1024"),
        where=_is_root_with("NET_BIND_SERVICE"),
        reason="An engine lets every user bind ports below 1024; a pod says so where one would else be refused.",
    ),
    Difference(
        facts=("sysctls.net.ipv4.ping_group_range",),
        said="all groups and none, for root that may ping anyway",
        when=lambda engine, pod: (engine, pod) == ("0 2147483647", "1 0"),
        where=_is_root_with("NET_RAW"),
        reason="An engine lets every group ping; a pod says so where one would else be refused.",
    ),
    Difference(
        facts=("kernel_paths./proc/interrupts", "kernel_paths./sys/devices/virtual/powercap"),
        said="open or masked",
        when=_any,
        reason="Which kernel paths are masked is a list of the runtime's version; these two are newer than the others.",
    ),
    Difference(
        facts=("mounts./dev/termination-log.*",),
        said="in the pod only",
        when=_only_pod,
        reason="The kubelet mounts a file into which a program may write why it ends.",
    ),
    Difference(
        facts=("mounts.*.propagation",),
        said="`master` and `private`",
        when=lambda engine, pod: (engine, pod) == ("master", "private"),
        always=True,
        reason="A container's root and volumes are left as slaves of the engine's mounts, which do not change there.",
    ),
    Difference(
        facts=("cgroup.memory.swap",),
        said="twice the memory limit, and the limit alone",
        when=lambda engine, pod: None not in (engine, pod) and int(engine) == 2 * int(pod),
        reason="A container with a memory limit may swap as much again; a pod has no swap.",
    ),
    Difference(
        facts=("cgroup.path",),
        said="any value",
        when=_any,
        reason="The kubelet makes the cgroups of pods.",
    ),
    Difference(
        facts=("cgroup.devices.c 5:1 *",),
        said="in the container only",
        when=_only_engine,
        reason="An engine admits /dev/console even where there is none.",
    ),
    Difference(
        facts=("files./.dockerenv", "files./etc/mtab"),
        said="in the container only",
        when=_only_engine,
        reason="An engine lays these two files into every root file system.",
    ),
    Difference(
        facts=("oom_score_adj",),
        said="0 and any value",
        when=lambda engine, _pod: engine == "0",
        reason="The kubelet derives it from requests and limits.",
    ),
)

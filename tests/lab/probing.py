"""podlift's own probe on the lab's nodes and hosts."""

from __future__ import annotations

from tests.lab import programs
from tests.lab.cluster import Cluster
from tests.lab.engine import say
from tests.lab.host import Host


def probe_command(host: Host) -> list[str]:
    """The command, run on the machine, that starts the probe in a host's network."""
    return ["nsenter", f"--net=/proc/{host.process.pid}/ns/net", "--", str(programs.ensure_probe(say))]


def probe_commands(cluster: Cluster) -> dict[str, list[str]]:
    """One for each node, by its name."""
    return {node.name: probe_command(node.host) for node in cluster.nodes}

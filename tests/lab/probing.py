"""podlift's own probe on the lab's nodes and hosts."""

from __future__ import annotations

from tests.lab import programs
from tests.lab.cluster import Cluster
from tests.lab.engine import LabEngine, say
from tests.lab.host import Host


def probe_command(host: Host) -> list[str]:
    """The command, run on the machine, that starts the probe in a host's network."""
    return ["nsenter", f"--net=/proc/{host.process.pid}/ns/net", "--", str(programs.ensure_probe(say))]


def probe_commands(cluster: Cluster) -> dict[str, list[str]]:
    """One for each node, by its name."""
    return {node.name: probe_command(node.host) for node in cluster.nodes}


def probe_image(engine: LabEngine) -> str:
    """As probe/Dockerfile makes it, but for what else lies in the lab's images."""
    engine.import_image(
        "podlift-probe:1",
        files={"bin/podlift-probe": programs.ensure_probe(say).read_bytes()},
        config={"Entrypoint": ["/bin/podlift-probe"], "Cmd": None},
    )
    return "podlift-probe:1"

"""Commands and probes on hosts and nodes: directly, by ssh, by a command of the user's, or in a container."""

from .access import CONTAINER, Access, command_of, connections_for
from .command import Command, command_for
from .connections import HostConnections
from .probe import probe

__all__ = [
    "CONTAINER",
    "Access",
    "Command",
    "HostConnections",
    "command_for",
    "command_of",
    "connections_for",
    "probe",
]

"""Commands and probes on hosts and nodes: directly, by ssh, by a command of the user's, or in a container."""

from .access import Access, connections_for
from .command import Command, command_for
from .connections import HostConnections
from .probe import probe

__all__ = ["Access", "Command", "HostConnections", "command_for", "connections_for", "probe"]

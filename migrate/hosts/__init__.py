"""Commands on hosts and nodes: directly, by ssh, or by a command of the user's."""

from .command import Command, command_for
from .connections import HostConnections
from .probe import probe

__all__ = ["Command", "HostConnections", "command_for", "probe"]

"""Who holds connections to a port of a legacy host, as the host itself counts them.

A published port has two kinds of connections. What the engine's DNAT rule takes, only conntrack knows. What it does
not, from the host itself by 127.0.0.1 or from a container beside it, ends at the engine's own proxy, a socket on the
host; so do those to containers in the host's network. Both are counted, each connection once, and by all addresses of
the host: what listens on one listens on all, as a rule, and where it does not, too many are counted and not too few.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

from converters.errors import PodliftError

from ..cutover.edges import Backend, Peer
from .command import PHASE, Command

Address = IPv4Address | IPv6Address
# address and port of whoever opened a connection
Client = tuple[Address, int]
# from a task to what the probe answers
Probe = Callable[[Mapping[str, Any]], Mapping[str, Any]]

_MARK = "--"
_FLOW = re.compile(r"\bsrc=(\S+) dst=(\S+) sport=(\d+) dport=(\d+)")
_LOCAL = re.compile(r"\|-- (\S+)\n\s+/32 host LOCAL")


class HostConnections:
    """``edges.Connections``.

    commands  host to how commands are run there
    probes    host to how podlift-probe is asked there; it is where there is no conntrack program, or no command
    """

    def __init__(
        self,
        commands: Mapping[str, Command],
        probes: Mapping[str, Probe] | None = None,
        *,
        timeout_s: float = 30,
    ) -> None:
        self._commands = dict(commands)
        self._probes = dict(probes or {})
        self._timeout_s = timeout_s

    def established(self, host: str, backend: Backend) -> tuple[Peer, ...] | None:
        """Raises PodliftError where a host can be asked and gives no answer (``command-failed``, ``ssh-failed``, and
        where its engine is what is asked, why that does not answer)."""
        if (command := self._commands.get(host)) is not None:
            try:
                # by stdin, since a command of the user's may quote words for a shell there or not
                return peers(command.run(["sh"], stdin=script(backend.port), timeout_s=self._timeout_s), backend)
            except PodliftError as error:
                if error.code != "command-missing":
                    raise
        ask = self._probes.get(host)
        return None if ask is None else _told(ask, host, backend)


def _told(ask: Probe, host: str, backend: Backend) -> tuple[Peer, ...]:
    answer = ask({"established": [{"address": backend.address, "port": backend.port}]})
    if answer["established"] is None:
        raise PodliftError(
            code="command-failed",
            phase=PHASE,
            subject=host,
            reason=f"the probe cannot read the kernel's connections: {answer['conntrack']['error']}",
            next_step="run it as root on the host (CAP_NET_ADMIN)",
        )
    return tuple(Peer(one["address"], one["count"]) for one in answer["established"][0])


def script(port: int) -> str:
    """What a shell of the host is to run: conntrack's flows, the host's addresses, its sockets, a mark between them.

    It ends with 127 where there is no conntrack program.
    """
    flows = f"-p tcp --state ESTABLISHED --orig-port-dst {port}"
    socket = f" [0-9A-F]+:{port:04X} [0-9A-F]+:[0-9A-F]+ 01 "
    return (
        f"conntrack -L -f ipv4 {flows} && conntrack -L -f ipv6 {flows} && "
        f"echo {_MARK} && cat /proc/net/fib_trie && echo {_MARK} && {{ cat /proc/net/if_inet6 2>/dev/null; true; }} && "
        f"echo {_MARK} && cat /proc/net/tcp >/dev/null && "
        f"{{ grep -hE '{socket}' /proc/net/tcp /proc/net/tcp6 2>/dev/null; true; }}"
    )


def peers(printed: str, backend: Backend) -> tuple[Peer, ...]:
    """The script's output, counted."""
    flows, four, six, sockets = re.split(rf"^{_MARK}\n", printed, flags=re.MULTILINE)
    own: set[Address] = {ip_address(backend.address)}
    own |= {ip_address(found) for found in _LOCAL.findall(four)}
    own |= {IPv6Address(bytes.fromhex(line.split()[0])) for line in six.splitlines()}
    clients = {
        (_plain(source), int(source_port))
        for source, goal, source_port, _ in filter(None, map(_first_flow, flows.splitlines()))
        if (_plain(goal) in own or _plain(goal).is_loopback)
    }
    clients |= {_socket_peer(line.split()[2]) for line in sockets.splitlines()}
    return _counted(clients)


def _first_flow(line: str) -> tuple[str, str, str, str] | None:
    """The original direction of a line of ``conntrack -L``: source, destination and their ports."""
    found = _FLOW.search(line)
    return (found[1], found[2], found[3], found[4]) if found else None


def _counted(clients: Iterable[Client]) -> tuple[Peer, ...]:
    counts = Counter(str(address) for address, _ in clients)
    return tuple(sorted(Peer(address, count) for address, count in counts.items()))


def _socket_peer(text: str) -> Client:
    """0100007F:46A0, as the kernel prints it: words of four bytes, the lowest first, and the port."""
    digits, _, port = text.partition(":")
    words = [bytes.fromhex(digits[at : at + 8])[::-1] for at in range(0, len(digits), 8)]
    return _plain(ip_address(b"".join(words))), int(port, 16)


def _plain(address: str | Address) -> Address:
    """An address of IPv4 as such, where a socket of IPv6 shows it."""
    made = ip_address(address)
    return (made.ipv4_mapped or made) if isinstance(made, IPv6Address) else made

"""Who holds connections to a port of a legacy host, as the host itself counts them.

A published port has two kinds of connections. What the engine's DNAT rule takes, only conntrack knows. What it does
not, from the host itself by 127.0.0.1 or from a container beside it, ends at the engine's own proxy, a socket on the
host; so do those to containers in the host's network. Both are counted, each connection once, and by all addresses of
the host: what listens on one listens on all, as a rule, and where it does not, too many are counted and not too few.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

from converters.errors import PodliftError

from ..cutover.edges import Backend, Caller, Peer
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
        if (printed := self._printed(host, script(backend.port))) is not None:
            return peers(printed, backend)
        told = self._told("established", host, {"address": backend.address, "port": backend.port})
        return None if told is None else tuple(Peer(one["address"], one["count"]) for one in told)

    def callers(self, host: str, backend: Backend, *, but: Collection[str] = ()) -> frozenset[Caller] | None:
        """Raises the same."""
        if (printed := self._printed(host, script_of_callers(backend.port, but))) is not None:
            try:
                found = clients(printed, backend)
            except ValueError as error:
                raise _unread(host, "conntrack ended before its end", "see what conntrack -L says there") from error
            return frozenset(Caller(str(address), port) for address, port in found if str(address) not in but)
        task = {"address": backend.address, "port": backend.port, "but": sorted(but)}
        told = self._told("callers", host, task)
        return None if told is None else frozenset(Caller(one["address"], one["port"]) for one in told)

    def _printed(self, host: str, script: str) -> str | None:
        """None where no command can be run, or there is no conntrack program."""
        if (command := self._commands.get(host)) is None:
            return None
        try:
            # by stdin, since a command of the user's may quote words for a shell there or not
            return command.run(["sh"], stdin=script, timeout_s=self._timeout_s)
        except PodliftError as error:
            if error.code != "command-missing":
                raise
        return None

    def _told(self, what: str, host: str, task: Mapping[str, Any]) -> list[dict[str, Any]] | None:
        if (ask := self._probes.get(host)) is None:
            return None
        answer = ask({what: [task]})
        if answer[what] is None:
            reason = f"the probe cannot read the kernel's connections: {answer['conntrack']['error']}"
            raise _unread(host, reason, "run it as root on the host (CAP_NET_ADMIN)")
        found: list[dict[str, Any]] = answer[what][0]
        return found


def _unread(host: str, reason: str, next_step: str) -> PodliftError:
    return PodliftError(code="command-failed", phase=PHASE, subject=host, reason=reason, next_step=next_step)


def script(port: int) -> str:
    """What a shell of the host is to run: conntrack's flows, the host's addresses, its sockets, a mark between them.

    It ends with 127 where there is no conntrack program.
    """
    flows = f"-p tcp --state ESTABLISHED --orig-port-dst {port}"
    return _script(f"conntrack -L -f ipv4 {flows} && conntrack -L -f ipv6 {flows} && echo {_MARK}", port, "01")


def script_of_callers(port: int, but: Collection[str] = ()) -> str:
    """The same in any state. ``but``: addresses whose flows are left out there, for they may be a hundred thousand."""
    flows = f"-p tcp --orig-port-dst {port}"
    listed = f"conntrack -L -f ipv4 {flows} && conntrack -L -f ipv6 {flows} && echo {_MARK}"
    if but:
        sources = "|".join(re.escape(each) for each in sorted(but))
        # the first src= is whoever opened it; what is cut short lacks the mark
        listed = f"conntrack -C >/dev/null && {{ {{ {listed}; }} | grep -vE '^[^=]*src=({sources}) '; true; }}"
    # 0A listens
    return _script(listed, port, "0[1-9B-F]")


def _script(listed: str, port: int, states: str) -> str:
    socket = f" [0-9A-F]+:{port:04X} [0-9A-F]+:[0-9A-F]+ {states} "
    return (
        f"{listed} && cat /proc/net/fib_trie && echo {_MARK} && {{ cat /proc/net/if_inet6 2>/dev/null; true; }} && "
        f"echo {_MARK} && cat /proc/net/tcp >/dev/null && "
        f"{{ grep -hE '{socket}' /proc/net/tcp /proc/net/tcp6 2>/dev/null; true; }}"
    )


def peers(printed: str, backend: Backend) -> tuple[Peer, ...]:
    """The script's output, counted."""
    return _counted(clients(printed, backend))


def clients(printed: str, backend: Backend) -> set[Client]:
    """The script's output: each connection once."""
    flows, four, six, sockets = re.split(rf"^{_MARK}\n", printed, flags=re.MULTILINE)
    own: set[Address] = {ip_address(backend.address)}
    own |= {ip_address(found) for found in _LOCAL.findall(four)}
    own |= {IPv6Address(bytes.fromhex(line.split()[0])) for line in six.splitlines()}
    found = {
        (_plain(source), int(source_port))
        for source, goal, source_port, _ in filter(None, map(_first_flow, flows.splitlines()))
        if (_plain(goal) in own or _plain(goal).is_loopback)
    }
    return found | {socket_end(line.split()[2]) for line in sockets.splitlines()}


def _first_flow(line: str) -> tuple[str, str, str, str] | None:
    """The original direction of a line of ``conntrack -L``: source, destination and their ports."""
    found = _FLOW.search(line)
    return (found[1], found[2], found[3], found[4]) if found else None


def _counted(clients: Iterable[Client]) -> tuple[Peer, ...]:
    counts = Counter(str(address) for address, _ in clients)
    return tuple(sorted(Peer(address, count) for address, count in counts.items()))


def socket_end(text: str) -> Client:
    """0100007F:46A0, as the kernel prints it: words of four bytes, the lowest first, and the port."""
    digits, _, port = text.partition(":")
    words = [bytes.fromhex(digits[at : at + 8])[::-1] for at in range(0, len(digits), 8)]
    return _plain(ip_address(b"".join(words))), int(port, 16)


def _plain(address: str | Address) -> Address:
    """An address of IPv4 as such, where a socket of IPv6 shows it."""
    made = ip_address(address)
    return (made.ipv4_mapped or made) if isinstance(made, IPv6Address) else made

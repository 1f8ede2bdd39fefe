"""Who holds connections to a port of a legacy host, as the host itself counts them.

A published port has two kinds of connections. What the engine's DNAT rule takes, only conntrack knows. What it does
not, from the host itself by 127.0.0.1 or from a container beside it, ends at the engine's own proxy, a socket on the
host; so do those to containers in the host's network. Both are counted, each connection once, and by all addresses of
the host: what listens on one listens on all, as a rule, and where it does not, too many are counted and not too few.

Of UDP the kernel tells when it forgets a flow: each datagram, of either side, sets that to the whole of
nf_conntrack_udp_timeout or, some seconds on, of nf_conntrack_udp_timeout_stream (Linux, nf_conntrack_udp_packet and
nf_ct_refresh_acct). So it stays the same as long as none comes, whether or not nf_conntrack_acct counts them, which it
does not by itself. What the engine's own proxy relays is seen where it goes on, at the container's own address.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

from converters.errors import PodliftError

from ..cutover.edges import Backend, Caller, Flow, Flows, Peer
from .command import PHASE, Command

Address = IPv4Address | IPv6Address
# address and port of whoever opened a connection
Client = tuple[Address, int]
# from a task to what the probe answers
Probe = Callable[[Mapping[str, Any]], Mapping[str, Any]]

_MARK = "--"
_FLOW = re.compile(r"\bsrc=(\S+) dst=(\S+) sport=(\d+) dport=(\d+)")
# what the kernel has given to a flow table has no time
_LASTS = re.compile(r"^udp\s+17\s+(\d+) ")
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

    def flows(self, host: str, backend: Backend, within: Collection[Backend]) -> Flows | str:
        """Raises the same."""
        if (printed := self._printed(host, script_of_flows(backend, within))) is not None:
            try:
                found = flows_in(printed, backend, within)
            except ValueError as error:
                raise _unread(host, "conntrack ended before its end", "see what conntrack -L says there") from error
            return _UNTRACKED if found is None else found
        inner = [{"address": each.address, "port": each.port} for each in sorted(within)]
        task = {"address": backend.address, "port": backend.port, "within": inner}
        told = self._told("flows", host, task)
        if told is None:
            return "no command can be run on its host"
        if not told["tracked"]:
            return _UNTRACKED
        return Flows(
            flows=frozenset(Flow(one["ends"], one["address"], one["lasts_s"]) for one in told["flows"]),
            kept_s=told["kept_s"],
        )

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

    def _told(self, what: str, host: str, task: Mapping[str, Any]) -> Any:
        if (ask := self._probes.get(host)) is None:
            return None
        answer = ask({what: [task]})
        if answer[what] is None:
            reason = f"the probe cannot read the kernel's connections: {answer['conntrack']['error']}"
            raise _unread(host, reason, "run it as root on the host (CAP_NET_ADMIN)")
        return answer[what][0]


_UNTRACKED = "its host's kernel tracks no connections"


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
        f"{listed} && {_OWN} && cat /proc/net/tcp >/dev/null && "
        f"{{ grep -hE '{socket}' /proc/net/tcp /proc/net/tcp6 2>/dev/null; true; }}"
    )


_OWN = f"cat /proc/net/fib_trie && echo {_MARK} && {{ cat /proc/net/if_inet6 2>/dev/null; true; }} && echo {_MARK}"
"""Prints the host's addresses."""


def script_of_flows(backend: Backend, within: Collection[Backend]) -> str:
    """The clock of the host, what its kernel keeps for how long, whether it tracks what comes to such an address at
    all, and the flows. A table without anything in it is of a kernel that no rule tells to track: by a shell of ssh's,
    and by the requests to an instance, there is something."""
    family = "ipv6" if ":" in backend.address else "ipv4"
    wanted = [f"--orig-port-dst {backend.port}", *(f"--reply-port-src {port}" for port in {e.port for e in within})]
    listed = " && ".join(f"conntrack -L -f {each} -p udp {one}" for each in ("ipv4", "ipv6") for one in wanted)
    kept = "/proc/sys/net/netfilter/nf_conntrack_udp_timeout"
    return (
        f"conntrack -C >/dev/null && cat /proc/uptime && cat {kept} && "
        f"{{ conntrack -L -f {family} 2>/dev/null | head -n 1; }} && echo {_MARK} && "
        f"{listed} && echo {_MARK} && {_OWN}"
    )


def flows_in(printed: str, backend: Backend, within: Collection[Backend]) -> Flows | None:
    """The script's output; None: its kernel tracks nothing there. Raises ValueError for what is none."""
    head, listed, four, six, _ = re.split(rf"^{_MARK}\n", printed, flags=re.MULTILINE)
    uptime, kept, *tracked = head.splitlines()
    if not tracked:
        return None
    own, inner = _own(four, six, backend), {(ip_address(each.address), each.port) for each in within}
    found = set()
    for line in listed.splitlines():
        (source, goal, source_port, port), (by, _, by_port, _) = _FLOW.findall(line)
        ours = int(port) == backend.port and (_plain(goal) in own or _plain(goal).is_loopback)
        if ours or (_plain(by), int(by_port)) in inner:
            lasts = _LASTS.match(line)
            found.add(
                Flow(
                    ends=f"{source} {source_port} {goal} {port}",
                    address=str(_plain(source)),
                    lasts_s=float(uptime.split()[0]) + int(lasts[1]) if lasts else None,
                )
            )
    return Flows(flows=frozenset(found), kept_s=float(kept))


def peers(printed: str, backend: Backend) -> tuple[Peer, ...]:
    """The script's output, counted."""
    return _counted(clients(printed, backend))


def clients(printed: str, backend: Backend) -> set[Client]:
    """The script's output: each connection once."""
    flows, four, six, sockets = re.split(rf"^{_MARK}\n", printed, flags=re.MULTILINE)
    own = _own(four, six, backend)
    found = {
        (_plain(source), int(source_port))
        for source, goal, source_port, _ in filter(None, map(_first_flow, flows.splitlines()))
        if (_plain(goal) in own or _plain(goal).is_loopback)
    }
    return found | {socket_end(line.split()[2]) for line in sockets.splitlines()}


def _own(four: str, six: str, backend: Backend) -> set[Address]:
    """The host's addresses."""
    own: set[Address] = {ip_address(backend.address)}
    own |= {ip_address(found) for found in _LOCAL.findall(four)}
    return own | {IPv6Address(bytes.fromhex(line.split()[0])) for line in six.splitlines()}


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

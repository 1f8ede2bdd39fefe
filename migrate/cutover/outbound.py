"""Where instances connect to by themselves: databases, brokers, other services. Pure.

While both sides run, all of it is there twice, and a pod that cannot get there fails only when it is asked. So a run
keeps what was seen when it began, and no pod is admitted until pods have been seen to get there too.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from ipaddress import ip_address, ip_network
from typing import Any

from .edges import Backend, in_networks

MOST_REMOTES = 400
"""So many are kept in a journal, and tried; the others are counted, and hold the run. A Service has them all in an
annotation, of which an object holds 256 KiB; a probe's pod has them in one variable of 128 KiB at most (Linux)."""
_KINDS = {
    1433: "SQL Server", 1521: "Oracle", 1883: "MQTT", 2181: "ZooKeeper", 3306: "MySQL", 4222: "NATS",
    5432: "PostgreSQL", 5671: "AMQP", 5672: "AMQP", 6379: "Redis", 8883: "MQTT", 9042: "Cassandra", 9092: "Kafka",
    9200: "Elasticsearch", 11211: "memcached", 11300: "beanstalk", 27017: "MongoDB", 61616: "ActiveMQ",
}  # fmt: skip

_SIZES = re.compile(
    r"POOL|MAX_?CONN|CONN(ECTION)?S?_?(MAX|LIMIT)|CONCURRENCY|WORKERS|CONSUMERS|PREFETCH|PARALLEL|THREADS",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """
    protocol   ``tcp`` or ``udp``
    count      connections that stood, of all instances together; 0: they had ended lately
    instances  on how many instances it was seen
    inside     the container of the same engine that has this address, which is no address for anybody else;
               ``""``: none has
    """

    address: str
    port: int
    protocol: str = "tcp"
    count: int = 0
    instances: int = 1
    inside: str = ""

    def __str__(self) -> str:
        return f"{self.backend}" + ("" if self.protocol == "tcp" else f"/{self.protocol}")

    @property
    def backend(self) -> Backend:
        return Backend(self.address, self.port)

    @property
    def what(self) -> str:
        """What is usually behind such a port, ``""`` where nothing in particular is."""
        return _KINDS.get(self.port, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outbound:
    """
    looked    names of the instances of which it is known; unseen: of the others, with why
    remotes   those with most connections first; more: how many are left out
    unneeded  addresses, networks, or addresses with a port, that a user says pods need not reach
    limits    ``ADDRESS:PORT`` to the connections that it has for this workload, as a user says
    """

    looked: tuple[str, ...] = ()
    unseen: Mapping[str, str] = field(default_factory=dict)
    remotes: tuple[Remote, ...] = ()
    more: int = 0
    unneeded: tuple[str, ...] = ()
    limits: Mapping[str, int] = field(default_factory=dict)

    @property
    def needed(self) -> tuple[Remote, ...]:
        """What pods must reach, as far as that can be tried: connections of TCP to where others get too."""
        return tuple(each for each in self.remotes if each.protocol == "tcp" and not each.inside and self.needs(each))

    @property
    def untried(self) -> tuple[Remote, ...]:
        """What they may need, and cannot be tried by its address."""
        return tuple(each for each in self.remotes if (each.protocol != "tcp" or each.inside) and self.needs(each))

    def needs(self, remote: Remote) -> bool:
        return str(remote.backend) not in self.unneeded and not in_networks(remote.address, self.unneeded)


def remote_named(text: str) -> None:
    """What a user may say that pods need not reach: an address, one with a port, a network. Raises ValueError."""
    address, colon, _ = text.rpartition(":")
    if colon and (address.count(":") == 0 or address.startswith("[")):
        backend_named(text)
    elif "/" in text:
        ip_network(text, strict=False)
    else:
        ip_address(text)


def backend_named(text: str) -> None:
    """``ADDRESS:PORT``, an address of IPv6 in brackets. Raises ValueError."""
    address, _, said = text.rpartition(":")
    port = int(said)
    if not 1 <= port <= 65535:
        raise ValueError(f"{text!r} has no port; write one from 1 to 65535")
    # what is written otherwise would be about nobody
    meant = Backend(str(ip_address(address.removeprefix("[").removesuffix("]"))), port)
    if text != str(meant):
        raise ValueError(f"{text!r} is not as addresses are written; write {meant}")


def outbound_of(body: Mapping[str, Any]) -> Outbound:
    """From a journal."""
    given = {each.name: body[each.name] for each in fields(Outbound) if each.name in body}
    given["remotes"] = tuple(Remote(**each) for each in given.get("remotes", ()))
    for name in ("looked", "unneeded"):
        given[name] = tuple(given.get(name, ()))
    return Outbound(**given)


@dataclass(frozen=True, slots=True)
class End:
    """One connection of a container to somewhere else. ``stands``: it is established."""

    protocol: str
    remote: Backend
    stands: bool


def gathered(
    found: Mapping[str, Sequence[End]], *, inside: Mapping[str, Mapping[str, str]], own: Collection[str]
) -> tuple[tuple[Remote, ...], int]:
    """What was seen on instances, by their names, as remotes; and how many more there were.

    inside  instance to the addresses that its engine gave to other containers, with their names
    own     names of the workload's own containers: what they say to each other is left out
    """
    counts, seen, names = Counter[tuple[str, Backend]](), Counter[tuple[str, Backend]](), dict[Backend, str]()
    for instance, ends in found.items():
        for key in {(each.protocol, each.remote) for each in ends}:
            name = inside.get(instance, {}).get(key[1].address, "")
            if name in own:
                continue
            names[key[1]] = name
            seen[key] += 1
            counts[key] += sum(each.stands for each in ends if (each.protocol, each.remote) == key)
    remotes = sorted(
        (
            Remote(
                address=to.address,
                port=to.port,
                protocol=protocol,
                count=counts[protocol, to],
                instances=number,
                inside=names[to],
            )
            for (protocol, to), number in seen.items()
        ),
        key=lambda each: (-each.count, each.address, each.port, each.protocol),
    )
    return tuple(remotes[:MOST_REMOTES]), max(0, len(remotes) - MOST_REMOTES)


def settings_of(entry: Mapping[str, Any]) -> tuple[tuple[str, int], ...]:
    """The variables of a workload, as plan.json has it, that seem to say how much one copy takes.

    >>> env = [{"name": "DB_POOL_SIZE", "value": "20"}, {"name": "PORT", "value": "80"}]
    >>> settings_of({"workload": {"containers": [{"env": env}]}})
    (('DB_POOL_SIZE', 20),)
    """
    return tuple(
        (each["name"], int(each["value"]))
        for container in entry["workload"].get("containers", ())
        for each in container.get("env", ())
        if _SIZES.search(each["name"]) and str(each.get("value") or "").isdecimal()
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Twice:
    """
    now    connections that instances hold; both: about so many, once pods run beside them
    limit  what a user says that there are for them; None: nobody said
    """

    to: str
    what: str
    now: int
    both: int
    limit: int | None = None

    @property
    def over(self) -> bool:
        return self.limit is not None and self.both > self.limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """What runs twice while both sides run.

    copies    containers and pods; legacy: containers alone
    asked     whether hosts were asked at all
    settings  variables that seem to say how much one copy takes, with their numbers: a pool's size, workers
    unasked   the answer to whether a copy starts work by itself; consumes: what says so
    """

    legacy: int
    copies: int
    asked: bool
    lines: tuple[Twice, ...] = ()
    more: int = 0
    settings: tuple[tuple[str, int], ...] = ()
    unasked: str = ""
    consumes: tuple[str, ...] = ()
    unseen: Mapping[str, str] = field(default_factory=dict)


def overlap(
    outbound: Outbound,
    *,
    legacy: int,
    pods: int,
    asked: bool,
    settings: Iterable[tuple[str, int]] = (),
    unasked: str = "",
    consumes: Iterable[str] = (),
) -> Overlap:
    """As many for each pod as an instance holds on average; of instances that nobody could look at too."""
    looked = len(outbound.looked)
    lines = []
    for each in outbound.remotes:
        to = str(each) if not each.inside else f"{each} ({each.inside})"
        both = -(-each.count * (legacy + pods) // looked) if looked else each.count
        limit = outbound.limits.get(str(each.backend))
        lines.append(Twice(to=to, what=each.what, now=each.count, both=both, limit=limit))
    return Overlap(
        legacy=legacy,
        copies=legacy + pods,
        asked=asked,
        lines=tuple(lines),
        more=outbound.more,
        settings=tuple(settings),
        unasked=unasked,
        consumes=tuple(consumes),
        unseen=dict(outbound.unseen),
    )

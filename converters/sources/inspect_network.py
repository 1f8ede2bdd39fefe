"""What a container's document says of its network: ports, networks, names, hosts, namespaces."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ..fields.verdict import Origins
from ..fields.walk import link_alias
from ..workload import Item, Name, Network, Pair, Port, Protocol, Published
from .inspect_document import Document, Draft, chosen

_PORT = re.compile(r"(?P<low>\d+)(?:-(?P<high>\d+))?(?:/(?P<protocol>tcp|udp|sctp))?", re.IGNORECASE)
_ANY_ADDRESS = frozenset({"", "0.0.0.0", "::"})  # noqa: S104 (compared with, never bound)
_MODES = frozenset({"", "default", "bridge", "host", "none", "nat"})

_PortKey = tuple[int, Protocol]


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkFacts:
    """What a network's own document says, with the atoms that are present there."""

    driver: str = ""
    internal: bool = False
    icc: bool = True
    options: tuple[Pair, ...] = ()
    isolation: tuple[Pair, ...] = ()
    ids: tuple[str, ...] = field(default=())


def read_ports(document: Document) -> tuple[Port, ...]:
    """Container ports in order. Addresses that mean "all" are one: ``""``; an address and port that a document has
    twice (for IPv4 and IPv6) is one Published with both origins. A port left to the engine is 0."""
    exposed: dict[_PortKey, Origins] = {}
    published: dict[_PortKey, dict[tuple[str, int], Origins]] = {}
    for found, origins in document.each("Config.ExposedPorts[map]"):
        for key in _ports_of(document, found.path, chosen(found.path)):
            exposed[key] = (*exposed.get(key, ()), *origins)
    for pattern in ("HostConfig.PortBindings[map][port]", "NetworkSettings.Ports[map][port]"):
        for found, value, origins in document.objects(pattern):
            address = str(value.get("HostIp") or "")
            for n, key in enumerate(_ports_of(document, found.path, chosen(found.path))):
                host_port = _host_port(document, found.path, value.get("HostPort"), n)
                place = ("" if address in _ANY_ADDRESS else address, host_port)
                places = published.setdefault(key, {})
                places[place] = (*places.get(place, ()), *origins)
    for found, spec, origins in document.texts("Config.PortSpecs[item]"):
        key, outside = _port_spec(document, found.path, spec)
        if outside is None:
            exposed[key] = (*exposed.get(key, ()), *origins)
        else:
            places = published.setdefault(key, {})
            places[outside] = (*places.get(outside, ()), *origins)
    return tuple(
        Port(
            container_port=key[0],
            protocol=key[1],
            published=tuple(
                Published(host_ip=place[0], host_port=place[1], origins=origins)
                for place, origins in sorted(published.get(key, {}).items())
            ),
            origins=exposed.get(key, ()),
        )
        for key in sorted({*exposed, *published})
    )


def _ports_of(document: Document, path: str, text: str) -> list[_PortKey]:
    match = _PORT.fullmatch(text)
    if match is None:
        raise document.malformed(path, "PORT/PROTOCOL", text)
    low, high = int(match["low"]), int(match["high"] or match["low"])
    if not 0 < low <= high < 65536:
        raise document.malformed(path, "a port from 1 to 65535", text)
    protocol = Protocol((match["protocol"] or "tcp").lower())
    return [(port, protocol) for port in range(low, high + 1)]


def _host_port(document: Document, path: str, value: object, n: int) -> int:
    """``""`` and ``0`` leave it to the engine; so does a range for one port. ``n``: position in a range of container
    ports, which goes with the same range of host ports."""
    text = str(value or "0")
    low, dash, _ = text.partition("-")
    if not low.isdigit() or int(low) > 65535:
        raise document.malformed(path, "a port", value)
    if dash:
        return 0
    return int(low) + n if int(low) else 0


def _port_spec(document: Document, path: str, spec: str) -> tuple[_PortKey, tuple[str, int] | None]:
    """``[[ADDRESS:]HOST:]CONTAINER[/PROTOCOL]``, as engines before 1.0 kept it."""
    *front, inside = spec.split(":")
    key = _ports_of(document, path, inside)[0]
    if not front:
        return key, None
    address = front[0] if len(front) > 1 else ""
    return key, ("" if address in _ANY_ADDRESS else address, _host_port(document, path, front[-1], 0))


def read_networks(document: Document, facts: Mapping[str, NetworkFacts], draft: Draft) -> None:
    """``network_mode``, ``networks`` and ``names`` of the workload.

    The name by which others reach the container counts where names resolve: on networks that someone made.
    """
    mode, of_mode = document.text("HostConfig.NetworkMode")
    disabled, of_disabled = document.flag("Config.NetworkDisabled")
    by_id = {identity: name for name, fact in facts.items() for identity in fact.ids}
    seen = document.part("NetworkSettings", "Networks") or {}
    if isinstance(seen, dict):
        by_id |= {str(end.get("NetworkID")): name for name, end in seen.items() if isinstance(end, dict)}
    mode = by_id.get(mode, mode) if mode not in _MODES and len(mode) == 64 else mode
    if disabled:
        draft.set("network_mode", "none", of_disabled + of_mode)
    else:
        draft.set("network_mode", mode, of_mode)
    networks: dict[str, Network] = {}
    if of_mode and mode not in _MODES and not mode.startswith(("container:", "ns:", "slirp4netns", "pasta")):
        networks[mode] = Network(name=mode, origins=of_mode)
    for found, origins in document.each("NetworkSettings.Networks[map].NetworkID"):
        name = chosen(found.path)
        networks[name] = Network(name=name, origins=networks.get(name, Network(name=name)).origins + origins)
    names: list[Name] = []
    for found, alias, origins in document.texts("NetworkSettings.Networks[map].Aliases[item]"):
        network = _network(networks, chosen(found.path))
        networks[network.name] = replace(network, aliases=(*network.aliases, Item(value=alias, origins=origins)))
        names.append(Name(name=alias, network=network.name, kind="alias", origins=origins))
    _links(document, networks)
    _options(document, networks)
    own = str(document.part("Name") or "").removeprefix("/")
    if own:
        names += [Name(name=own, network=name, kind="container") for name in networks if name != "bridge"]
    draft.set("networks", tuple(_with_facts(networks[name], facts.get(name)) for name in sorted(networks)))
    draft.set("names", tuple(sorted(names, key=lambda name: (name.network, name.kind, name.name))))
    for item in ("networks", "names"):
        if not draft.values.get(item):
            draft.values.pop(item, None)


def _network(networks: Mapping[str, Network], name: str) -> Network:
    return networks.get(name) or Network(name=name)


def _links(document: Document, networks: dict[str, Network]) -> None:
    """Links of the default bridge stand in HostConfig, those of other networks beside the network."""
    for pattern in ("HostConfig.Links[link]", "NetworkSettings.Networks[map].Links[link]"):
        for found, link, origins in document.texts(pattern):
            network = _network(networks, chosen(found.path) if "Networks[" in found.path else "bridge")
            target = link.partition(":")[0].removeprefix("/")
            pair = Pair(key=link_alias(link), value=target, origins=origins)
            networks[network.name] = replace(network, links=(*network.links, pair))


def _options(document: Document, networks: dict[str, Network]) -> None:
    for pattern in ("IPAMConfig", "DriverOpts[map]", "GwPriority"):
        for found, origins in document.each(f"NetworkSettings.Networks[map].{pattern}"):
            network = _network(networks, chosen(found.path))
            if pattern == "IPAMConfig" and isinstance(found.value, dict):
                pairs = [
                    Pair(key=key, value=_joined(value), origins=origins)
                    for key, value in sorted(found.value.items())
                    if value
                ]
            else:
                key = chosen(found.path, 1) if pattern.startswith("DriverOpts") else pattern
                pairs = [Pair(key=key, value=_joined(found.value), origins=origins)]
            networks[network.name] = replace(network, options=(*network.options, *pairs))


def _joined(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _with_facts(network: Network, fact: NetworkFacts | None) -> Network:
    if fact is None:
        return network
    return replace(
        network,
        driver=fact.driver,
        internal=fact.internal,
        icc=fact.icc,
        options=network.options + fact.options,
        isolation=fact.isolation,
    )


def read_resolver(document: Document, draft: Draft) -> None:
    """DNS, extra hosts, sysctls."""
    servers: list[Item] = []
    for pattern in ("HostConfig.Dns[item]", "Config.Dns[item]"):
        servers += [Item(value=server, origins=origins) for _, server, origins in document.texts(pattern)]
    draft.set("dns", tuple(servers))
    for attribute, pattern in (
        ("dns_search", "HostConfig.DnsSearch[item]"),
        ("dns_options", "HostConfig.DnsOptions[item]"),
    ):
        draft.set(attribute, tuple(Item(value=text, origins=origins) for _, text, origins in document.texts(pattern)))
    hosts = []
    for found, entry, origins in document.texts("HostConfig.ExtraHosts[host]"):
        name = chosen(found.path)
        hosts.append(Pair(key=name, value=entry[len(name) + 1 :].strip("[]"), origins=origins))
    draft.set("extra_hosts", tuple(hosts))
    draft.set("sysctls", pairs_of(document, "HostConfig.Sysctls[map]"))


def pairs_of(document: Document, pattern: str, depth: int = 0) -> tuple[Pair, ...]:
    """The entries of a map, in order of key."""
    made = []
    for found, origins in document.each(pattern):
        if isinstance(found.value, dict | list):
            raise document.malformed(found.path, "a string", found.value)
        value = "" if found.value is None else str(found.value)
        made.append(Pair(key=chosen(found.path, depth), value=value, origins=origins))
    return tuple(sorted(made, key=lambda pair: pair.key))

"""From an engine's documents to containers, and where they answer from outside. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

from converters.errors import PodliftError
from converters.workload import Host

from .edges import Backend, Container

Document = Mapping[str, Any]
Address = IPv4Address | IPv6Address

# With these an engine shows a container that is on its way to be removed, and can never run again.
_LEAVING = frozenset({"dead", "removing"})
_HELD = frozenset({"running", "paused"})
_WILDCARDS = {"": (4, 6), "0.0.0.0": (4,), "::": (6,)}  # noqa: S104 - read, not bound


def container_of(host: Host, document: Document, *, container_ports: Collection[str] = ()) -> Container | None:
    """A container of the workload by its inspect document; None for one that is being removed.

    container_ports   ports like ``8080/tcp`` that the workload is known to have, beside those that its image exposes:
                      in the host's network nothing else tells them

    Raises PodliftError ``host-address`` where it answers at its host's address, and none is given.
    """
    state, config, settings = (document.get(each) or {} for each in ("State", "Config", "HostConfig"))
    if state.get("Status") in _LEAVING or state.get("Dead"):
        return None
    alive = bool(state.get("Running"))
    restart = settings.get("RestartPolicy") or {}
    health = str((state.get("Health") or {}).get("Status") or "")
    return Container(
        host=host.name,
        id=str(document["Id"]),
        name=name_in(document),
        image=str(config.get("Image") or ""),
        running=alive and not state.get("Paused"),
        ports=_ports(host, document, container_ports) if alive and not state.get("Restarting") else {},
        # no name means no, and an engine to which no is given says no
        restart={"Name": restart.get("Name") or "no", "MaximumRetryCount": restart.get("MaximumRetryCount") or 0},
        stop_s=config.get("StopTimeout"),
        auto_remove=bool(settings.get("AutoRemove")),
        health="" if health == "none" else health,
        exit_code=None if alive or state.get("Status") == "created" else state.get("ExitCode"),
        volumes=tuple(
            sorted(
                f"{each.get('Name')} at {each.get('Destination')}"
                for each in document.get("Mounts") or ()
                if each.get("Type") == "volume"
            )
        ),
        addresses=_own_addresses(document) if alive else (),
        shares_host=in_host_network(document),
    )


def backends_of(host: Host, entry: Document, exposed: Collection[str]) -> Iterator[Backend]:
    """Where another container of the host answers, by its entry in the engine's list. ``exposed``: the ports that its
    image exposes, at which it may answer where it is in the host's network."""
    if entry.get("State") not in _HELD:
        return
    own = _own(host)
    if in_host_network(entry):
        if own is not None:
            yield from (Backend(str(own), _number(port)) for port in exposed)
        return
    places = [(str(each.get("IP") or ""), int(each.get("PublicPort") or 0)) for each in entry.get("Ports") or ()]
    yield from _reachable(places, own)


def name_in(document: Document) -> str:
    """Of an inspect document: the container's name."""
    return str(document.get("Name") or "").lstrip("/")


def in_host_network(document: Document) -> bool:
    """Of an inspect document or an entry of the list."""
    return (document.get("HostConfig") or {}).get("NetworkMode") == "host"


def exposed_by(document: Document) -> tuple[str, ...]:
    """The ports that a container's image and its own settings expose."""
    return tuple(sorted((document.get("Config") or {}).get("ExposedPorts") or ()))


def _ports(host: Host, document: Document, container_ports: Collection[str]) -> dict[str, Backend]:
    own = _own(host)
    if in_host_network(document):
        named = sorted({*exposed_by(document), *container_ports})
        if named and own is None:
            raise _no_address(host)
        return {port: Backend(str(own), _number(port)) for port in named}
    made = {}
    published = (document.get("NetworkSettings") or {}).get("Ports") or {}
    for port, bindings in sorted(published.items()):
        places = [(str(each.get("HostIp") or ""), int(each.get("HostPort") or 0)) for each in bindings or ()]
        found = _reachable(places, own)
        if found:
            made[port] = found[0]
        elif own is None and any(at in _WILDCARDS for at, _ in places):
            raise _no_address(host)
    return made


def _own_addresses(document: Document) -> tuple[str, ...]:
    networks = ((document.get("NetworkSettings") or {}).get("Networks") or {}).values()
    found = {str(each.get(key) or "") for each in networks for key in ("IPAddress", "GlobalIPv6Address")}
    return tuple(sorted(found - {""}))


def _reachable(places: Iterable[tuple[str, int]], own: Address | None) -> list[Backend]:
    """Where published ports answer from outside, best first: at the host's own address, then at one of its kind."""
    found: dict[Backend, tuple[bool, bool, str, int]] = {}
    for said, port in places:
        if said in _WILDCARDS:
            # an address of one kind is not served by a wildcard of the other
            at = own if own is not None and own.version in _WILDCARDS[said] else None
        else:
            at = ip_address(said)
        if port and at is not None and not _inside(at):
            other_kind = own is not None and at.version != own.version
            found[Backend(str(at), port)] = (other_kind, at != own, str(at), port)
    return sorted(found, key=lambda each: found[each])


def _inside(address: Address) -> bool:
    """Whether nothing outside the host gets there, and the API server would refuse it as an endpoint."""
    return address.is_loopback or address.is_link_local or address.is_unspecified


def _own(host: Host) -> Address | None:
    """The host's address, where others get to it."""
    try:
        own = ip_address(host.address)
    except ValueError:
        return None
    return None if _inside(own) else own


def _no_address(host: Host) -> PodliftError:
    why = f"{host.address!r} is no IP address that others get to" if host.address else "none is given"
    return PodliftError(
        code="host-address",
        phase="connect",
        subject=host.name,
        reason=f"containers of the workload answer at the address of the host {host.name}, and {why}",
        next_step=f"give {host.name} the IP address at which the cluster reaches it, as address: in the hosts of "
        "podlift.yaml or of the hosts file",
    )


def _number(port: str) -> int:
    return int(port.partition("/")[0])

"""From what the clauses told of an element to the model's value of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, replace
from typing import Any

from ...fields.verdict import Source
from ...secrecy import WITHHELD, is_secret
from ...workload import (
    Check,
    CheckKind,
    Constraint,
    Device,
    DeviceRequest,
    Env,
    Item,
    Limit,
    Metric,
    Mount,
    MountKind,
    Name,
    Network,
    Pair,
    Port,
    Protocol,
    Published,
    Route,
    SecretRef,
    SiteCount,
    Spread,
    Step,
)
from .elements import Told
from .values import Values
from .vocabulary import PORTS

Placed = Callable[[str, Told], str]


def env_of(each: Told, placed: Placed, runtime: Callable[[str], str]) -> Env:
    name, origins = each.get("name"), each.origins()
    if each.get("secret_name"):
        ref = SecretRef(name=each.get("secret_name"), key=each.get("secret_key", ""))
        return Env(name=name, ref=ref, origins=origins)
    value = each.get("value")
    known = each.get("runtime") or (runtime(value) if value is not None else "")
    if known:
        return Env(name=name, runtime=known, origins=origins)
    if value == WITHHELD:
        return Env(name=name, secret=True, withheld=True, origins=origins)
    text = None if value is None else placed(value, each)
    secret = bool(each.get("secret")) or (text is not None and is_secret(name, text))
    return Env(name=name, value=text, secret=secret, origins=origins)


def ports_of(all_told: Iterable[Told]) -> tuple[Port, ...]:
    """Ports by number and protocol: what is published twice is one port with two addresses."""
    made: dict[tuple[int, str], Port] = {}
    for each in all_told:
        key = (each.get("container_port"), each.get("protocol", "tcp"))
        port = made.get(key) or Port(container_port=key[0], protocol=Protocol(key[1]), name=each.get("name", ""))
        origins = port.origins + each.origins("container_port", "protocol", "name")
        published = port.published
        if "host_port" in each.fields:
            host = Published(
                host_ip=each.get("host_ip", ""),
                host_port=each.get("host_port"),
                origins=each.origins("host_port", "host_ip"),
            )
            published = (*published, host)
        elif each.origins("host_ip"):
            origins += each.origins("host_ip")
        made[key] = replace(port, published=published, origins=tuple(dict.fromkeys(origins)))
    return tuple(made.values())


def mount_of(each: Told) -> Mount:
    source = each.get("source", "")
    kind = each.get("kind") or ("bind" if source.startswith(("/", ".", "~")) else "volume" if source else "anonymous")
    mode = each.get("mode")
    return Mount(
        kind=MountKind(kind),
        target=each.get("target"),
        source=source,
        read_only=each.get("read_only", False),
        size_bytes=each.get("size"),
        mode=None if mode is None else int(mode, 8),
        driver=each.get("driver", ""),
        driver_options=each.get("driver_options", {}),
        options=each.get("options", {}),
        origins=each.origins(),
    )


def limit_of(each: Told) -> Limit:
    soft = each.get("soft")
    return Limit(name=each.get("name"), soft=soft, hard=each.get("hard", soft), origins=each.origins())


def device_of(each: Told) -> Device:
    path = each.get("host_path")
    return Device(
        host_path=path,
        container_path=each.get("container_path", path),
        permissions=each.get("permissions", "rwm"),
        origins=each.origins(),
    )


def device_request_of(each: Told) -> DeviceRequest:
    return DeviceRequest(
        driver=each.get("driver", ""),
        count=each.get("count", 0),
        device_ids=each.get("device_ids", ()),
        origins=each.origins(),
    )


def item_of(each: Told) -> Item:
    return Item(value=each.get("value"), origins=each.origins())


def pair_of(each: Told) -> Pair:
    return Pair(key=each.get("name"), value=each.get("value", ""), origins=each.origins())


def constraint_of(each: Told) -> Constraint:
    return Constraint(
        attribute=each.get("attribute"),
        operator=each.get("operator", "in"),
        values=each.get("values", ()),
        weight=each.get("weight"),
        origins=each.origins(),
    )


def spread_of(each: Told) -> Spread:
    return Spread(
        over=each.get("over"),
        max_per=each.get("max_per"),
        required=each.get("required", True),
        origins=each.origins(),
    )


def route_of(each: Told) -> Route:
    return Route(
        host=each.get("host", ""),
        path=each.get("path", "/"),
        port=each.get("port", ""),
        tls=each.get("tls", False),
        origins=each.origins(),
    )


def name_of(each: Told) -> Name:
    return Name(
        name=each.get("name"),
        network=each.get("network", ""),
        kind=each.get("kind", "alias"),
        origins=each.origins(),
    )


def network_of(each: Told) -> Network:
    aliases = each.fields.get("aliases")
    return Network(
        name=each.get("name"),
        aliases=tuple(Item(value=v, origins=aliases.origins) for v in aliases.value) if aliases else (),
        internal=each.get("internal", False),
        driver=each.get("driver", ""),
        origins=each.origins("name", "internal", "driver"),
    )


def metric_of(each: Told) -> Metric:
    return Metric(
        kind=each.get("kind"),
        target=float(each.get("target")),
        per=each.get("per", "instance"),
        basis=each.get("basis", "request"),
        percentile=each.get("percentile"),
        query=each.get("query", ""),
        origins=each.origins(),
    )


def step_of(each: Told) -> Step:
    return Step(
        direction=each.get("direction"),
        amount=each.get("amount"),
        unit=each.get("unit", "pods"),
        period_s=each.get("period"),
        origins=each.origins(),
    )


def site_counts(all_told: Iterable[Told], default: int = 1) -> tuple[SiteCount, ...]:
    """Counts by site; what is told of one site twice adds up. Without a count, each element is ``default``."""
    counts: dict[str, int] = {}
    origins: dict[str, tuple[Source, ...]] = {}
    for each in all_told:
        site = each.get("site", "")
        counts[site] = counts.get(site, 0) + each.get("count", default)
        origins[site] = tuple(dict.fromkeys((*origins.get(site, ()), *each.origins("site", "count", "name"))))
    return tuple(SiteCount(site=site, count=counts[site], origins=origins[site]) for site in counts)


_NUMBER = re.compile(r"\d+")


def check_of(each: Told, ports: tuple[Port, ...], placed: Placed, values: Values) -> Check:
    """A check whose port is a number, or the name of one of the container's ports."""
    number = _port_number(each, ports, values)
    given = {
        _CHECK_NAMES.get(name, name): taken
        for name, taken in each.fields.items()
        if name not in ("kind", "port", "port_index", "headers", "argv", "container")
    }
    origins: dict[str, Any] = {name: taken.origins for name, taken in given.items()}
    for name, told_by in (
        ("kind", ("kind", "container")),
        ("port", ("port", "port_index")),
        ("headers", ("headers",)),
        ("argv", ("argv",)),
    ):
        origins[name] = each.origins(*told_by)
    headers = each.fields.get("headers")
    return Check(
        kind=CheckKind(each.get("kind")),
        argv=tuple(placed(word, each) for word in each.get("argv", ())),
        port=number,
        headers=tuple(Pair(key=k, value=v) for k, v in headers.value.items()) if headers else (),
        origins={name: leaves for name, leaves in origins.items() if leaves},
        **{name: taken.value for name, taken in given.items()},
    )


def _port_number(each: Told, ports: tuple[Port, ...], values: Values) -> int | None:
    port: str | None = each.get("port")
    index: int | None = each.get("port_index")
    names = ", ".join(p.name or str(p.container_port) for p in ports) or "it has none"
    if port:
        named = next((p.container_port for p in ports if p.name == port), None)
        if named is None and not _NUMBER.fullmatch(port):
            values.refuse(
                f"the check's port {port!r} is no port of the container ({names})", each.at("port"), each.where
            )
        number = named if named is not None else int(port)
        if not 1 <= number <= PORTS:
            values.refuse(f"the check's port {number} is not from 1 to {PORTS}", each.at("port"), each.where)
        return number
    if index is not None:
        if not 0 <= index < len(ports):
            values.refuse(
                f"the container has no port number {index}, counted from 0 ({names})", each.at("port_index"), each.where
            )
        return ports[index].container_port
    return None


_MODEL = {f.name for f in fields(Check)}
_CHECK_NAMES: Mapping[str, str] = {
    name.removesuffix("_s"): name for name in _MODEL if name.endswith("_s") and name.removesuffix("_s") not in _MODEL
}

ELEMENT_VALUES: Mapping[str, Callable[[Told], Any]] = {
    "mounts": mount_of,
    "ulimits": limit_of,
    "devices": device_of,
    "device_requests": device_request_of,
    "groups": item_of,
    "cap_add": item_of,
    "cap_drop": item_of,
    "labels": pair_of,
    "annotations": pair_of,
    "log_options": pair_of,
    "selinux": pair_of,
    "constraints": constraint_of,
    "spread": spread_of,
    "routes": route_of,
    "names": name_of,
    "networks": network_of,
    "sysctls": pair_of,
    "extra_hosts": pair_of,
    "dns": item_of,
    "dns_search": item_of,
    "dns_options": item_of,
    "metrics": metric_of,
    "steps": step_of,
}

"""Guesses: what a config's key names and the shapes of its values suggest."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

IMAGE = re.compile(r"[a-z0-9]([\w.:/@-]*[a-z0-9])?", re.IGNORECASE)
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

# Attribute to the names that configs give it, without case and separators.
NAMES: dict[str, tuple[str, ...]] = {
    "image": ("image", "dockerimage", "containerimage"),
    "instances": ("instances", "replicas", "count", "numinstances", "desiredcount", "scale", "copies"),
    "args": ("args", "arguments", "command", "cmd", "run", "parameters"),
    "entrypoint": ("entrypoint",),
    "env": ("env", "environment", "envvars", "variables"),
    "ports": ("ports", "port", "portmappings", "publish", "expose"),
    "mounts": ("volumes", "mounts", "binds", "volume"),
    "cpu_request": ("cpu", "cpus", "cpushares", "vcpu"),
    "memory_limit": ("mem", "memory", "memorymb", "memlimit", "ram"),
    "user": ("user", "username", "runas"),
    "labels": ("labels", "tags"),
    "cap_add": ("capadd", "caps", "capabilities", "addcapabilities"),
    "cap_drop": ("capdrop", "dropcapabilities"),
    "privileged": ("privileged",),
    "network_mode": ("network", "networkmode", "net"),
    "hostname": ("hostname",),
    "grace": ("grace", "graceperiod", "stoptimeout", "killtimeout", "terminationgrace", "stopgraceperiod"),
    "restart": ("restart", "restartpolicy"),
    "check": ("check", "healthcheck", "health", "healthchecks", "probe"),
    "path": ("path", "uri", "url", "http"),
    "port": ("port", "portname"),
    "interval": ("interval", "every", "intervalseconds", "period"),
    "timeout": ("timeout", "timeoutseconds"),
    "failures": ("fails", "failures", "retries", "maxfailures", "threshold", "maxconsecutivefailures"),
    "cron": ("schedule", "cron"),
}


@dataclass(frozen=True, slots=True)
class Found:
    """Where the items stand: ``path`` from the document; items by name (``""``: the document is the item)."""

    path: tuple[str, ...]
    items: Mapping[str, Mapping[str, Any]]
    listed: bool = False


def items_of(value: Any, path: tuple[str, ...] = ()) -> Found | None:
    """The shallowest place with the most items that have an image."""
    if not isinstance(value, Mapping):
        if isinstance(value, list) and value and all(isinstance(i, Mapping) and image_of(i) for i in value):
            return Found(path, {str(i.get("name", i.get("id", n))): i for n, i in enumerate(value)}, listed=True)
        return None
    if image_of(value):
        return Found(path, {"": value})
    maps = {str(k): v for k, v in value.items() if isinstance(v, Mapping)}
    with_image = {k: v for k, v in maps.items() if image_of(v)}
    if with_image and len(with_image) * 2 > len(maps):
        return Found(path, with_image)
    inner = [items_of(v, (*path, str(k))) for k, v in value.items()]
    return max((each for each in inner if each), key=lambda each: len(each.items), default=None)


def image_of(item: Mapping[str, Any], depth: int = 2) -> str:
    """The path of an item's image, ``""`` if it has none."""
    for key, value in item.items():
        if normal(key) in NAMES["image"] and isinstance(value, str) and IMAGE.fullmatch(value):
            return step(key)
    if depth:
        for key, value in item.items():
            if isinstance(value, Mapping) and normal(key) in ("docker", "container", "containerinfo", "spec"):
                inner = image_of(value, depth - 1)
                if inner:
                    return f"{step(key)}.{inner}"
    return ""


def normal(key: Any) -> str:
    return re.sub(r"[^a-z0-9]", "", str(key).lower())


def step(key: Any) -> str:
    return str(key) if _PLAIN.fullmatch(str(key)) else json.dumps(str(key))


def paths_of(items: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Paths within items, as expressions, with a value that one of them has; maps before what is in them. What an
    instance says for itself counts as the item's."""
    found: dict[str, Any] = {}
    for item in items:
        instances = {k for k, v in item.items() if normal(k) in NAMES["instances"] and own_map(v)}
        laid = {k: v for k, v in item.items() if k not in instances}
        for key in instances:
            found.setdefault(step(key), item[key])
            for instance in item[key].values():
                laid |= {k: v for k, v in instance.items() if k not in laid or isinstance(v, Mapping)}
        for path, value in _within(laid, ""):
            found.setdefault(path, value)
    return found


def own_map(value: Any) -> bool:
    """A map of maps, such as instances by name."""
    return isinstance(value, Mapping) and bool(value) and all(isinstance(v, Mapping) for v in value.values())


def _within(value: Mapping[str, Any], prefix: str, depth: int = 3) -> Iterator[tuple[str, Any]]:
    for key, inner in value.items():
        path = f"{prefix}.{step(key)}" if prefix else step(key)
        yield path, inner
        if isinstance(inner, Mapping) and depth > 1:
            yield from _within(inner, path, depth - 1)


def find(paths: Mapping[str, Any], attribute: str, under: str = "") -> tuple[str, Any] | None:
    """The shallowest path whose last key is a known name of the attribute."""
    fits = [
        (path, value)
        for path, value in paths.items()
        if normal(last(path)) in NAMES[attribute] and (path.startswith(f"{under}.") if under else True)
    ]
    return min(fits, key=lambda each: each[0].count("."), default=None)


def last(path: str) -> str:
    return path.rpartition(".")[2]


def _words(path: str, value: Any) -> tuple[str, str] | None:
    if isinstance(value, list):
        return path, f"{path} is a list"
    if isinstance(value, str):
        return f"{{from: {path}, as: shell_words}}", f"{path} is a line; if a shell runs it: entrypoint, shell_string"
    return None


def _env(path: str, value: Any) -> tuple[str, str] | None:
    if isinstance(value, Mapping):
        return path, f"{path} is a map of names and values"
    if isinstance(value, list) and value and all(isinstance(v, str) for v in value):
        return f"{{from: {path}, as: assignment}}", f"{path} is a list of NAME=value"
    return None


def _ports(path: str, value: Any) -> tuple[str, str] | None:
    if isinstance(value, Mapping) and all(isinstance(v, str | int) for v in value.values()):
        clause = f'{{each: items({path}), name: key(), from: "@", as: docker_publish}}'
        return clause, f"{path} is a map of names and ports; is it host:container?"
    each = list(value.values()) if isinstance(value, Mapping) else value
    if isinstance(each, list) and each and all(isinstance(v, Mapping) for v in each):
        return _ports_of_maps(path, each, named=isinstance(value, Mapping))
    if isinstance(value, list) and all(isinstance(v, str | int) for v in value):
        return f'{{each: {path}, from: "@", as: docker_publish}}', f"{path} is a list; is it host:container?"
    if isinstance(value, int | str):
        return f"{{from: {path}, as: docker_publish}}", f"{path} is one port; is it the container's?"
    return None


_PORT_KEYS = {
    "container_port": ("containerport", "internalport", "exposed", "target", "targetport", "inner", "port"),
    "host_port": ("hostport", "externalport", "external", "published", "outer"),
    "host_ip": ("hostip", "ip", "address"),
    "protocol": ("protocol", "proto"),
    "name": ("name",),
}


def _ports_of_maps(path: str, maps: Sequence[Mapping[str, Any]], *, named: bool) -> tuple[str, str] | None:
    keys = dict.fromkeys(key for each in maps for key in each)
    made = {attribute: k for attribute, names in _PORT_KEYS.items() for k in keys if normal(k) in names}
    if "container_port" not in made:
        return None
    if named:
        made["name"] = "key()"
    each = f"items({path})" if named else path
    told = "".join(f", {attribute}: {k if k == 'key()' else step(k)}" for attribute, k in made.items())
    return f"{{each: {each}{told}}}", f"{path} holds maps with {', '.join(map(str, keys))}"


def _volumes(path: str, value: Any) -> tuple[str, str] | None:
    if isinstance(value, list) and all(isinstance(v, str) for v in value):
        return f'{{each: {path}, from: "@", as: docker_volume}}', f"{path} is a list; is it source:target?"
    if isinstance(value, Mapping) and all(isinstance(v, str) for v in value.values()):
        if any(str(k).endswith((":ro", ":rw")) for k in value):
            clause = f"{{each: items({path}), from: \"join(':', [@, key()])\", as: docker_volume}}"
            return clause, f"{path} is a map with :ro in its keys: target: source"
        return f'{{each: items({path}), source: key(), target: "@"}}', f"{path} is a map; is it source: target?"
    return None


def _cpu(path: str, value: Any) -> tuple[str, str] | None:
    if is_number(value):
        unit = "core/1024" if float(value) >= 16 else "cores"
        return f"{{from: {path}, unit: {unit}}}", f"the unit is a guess from {value}"
    return (path, f"{path} bears its unit") if isinstance(value, str) and value.endswith("m") else None


def _memory(path: str, value: Any) -> tuple[str, str] | None:
    if is_number(value):
        unit = "B" if float(value) >= 2**20 else "MiB"
        return f"{{from: {path}, unit: {unit}}}", f"the unit is a guess from {value}"
    return (path, f"{path} bears its unit, read as Docker does") if isinstance(value, str) else None


def _scalar(path: str, value: Any) -> tuple[str, str] | None:
    return (path, f"{path} by its name") if isinstance(value, str | int) and not isinstance(value, bool) else None


def _switch(path: str, value: Any) -> tuple[str, str] | None:
    return (path, f"{path} by its name") if isinstance(value, bool) else None


def _strings(path: str, value: Any) -> tuple[str, str] | None:
    return (path, f"{path} is a list of texts") if isinstance(value, list) else None


def _map(path: str, value: Any) -> tuple[str, str] | None:
    if isinstance(value, Mapping) and not any(isinstance(v, Mapping | list) for v in value.values()):
        return path, f"{path} is a map of texts"
    return None


WRITERS = {
    "args": _words,
    "entrypoint": _words,
    "env": _env,
    "ports": _ports,
    "mounts": _volumes,
    "cpu_request": _cpu,
    "memory_limit": _memory,
    "user": _scalar,
    "labels": _map,
    "cap_add": _strings,
    "cap_drop": _strings,
    "privileged": _switch,
}


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)

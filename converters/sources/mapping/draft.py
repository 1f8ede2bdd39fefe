"""``podlift mapping draft``: proposes a mapping from key names, values and running containers.

A guess is never silent: each line says in a comment what it was made from, and what found no place is listed at the
end for the user to place or to ignore.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...capture import ConfigDocument

_IMAGE = re.compile(r"[a-z0-9]([\w.:/@-]*[a-z0-9])?", re.IGNORECASE)
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

# Attribute to the names that configs give it, without case and separators.
_NAMES: dict[str, tuple[str, ...]] = {
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
_DEFAULTS = ("defaults", "default", "common", "base", "global")


@dataclass(slots=True)
class _Draft:
    lines: list[str] = field(default_factory=list)
    placed: set[str] = field(default_factory=set)

    def add(self, text: str, why: str, *paths: str) -> None:
        self.lines.append(f"{text}  # guess: {why}" if why else text)
        self.placed.update(paths)


@dataclass(frozen=True, slots=True)
class _Found:
    """Where the items stand: ``path`` from the document; items by name (``""``: the document is the item)."""

    path: tuple[str, ...]
    items: Mapping[str, Mapping[str, Any]]
    listed: bool = False


def draft_mapping(documents: Iterable[ConfigDocument], *, containers: Sequence[Mapping[str, Any]] = ()) -> str:
    """The text of a mapping file.

    documents   some of the config's documents
    containers  inspect documents of running containers, where there are any: their names tell how instances are
                called, their environment what the scheduler injects

    The draft parses, and reads at least each item's name and image; where no image is found, it says so and what to
    write by hand.
    """
    found = [(document, _items(document.value)) for document in documents]
    best = max((each for _, each in found if each), key=lambda each: len(each.items), default=None)
    if best is None:
        return _EMPTY.format(files=_files([document for document, _ in found]))
    documents = [document for document, each in found if each and each.path == best.path]
    items = {
        (name or document.name): item
        for document, each in found
        if each and each.path == best.path
        for name, item in each.items.items()
    }
    paths = _paths(items.values())
    draft = _Draft()
    _head(draft, documents, best, items)
    _instances(draft, paths, items, containers)
    _container(draft, paths)
    _check(draft, paths)
    _others(draft, paths)
    _rest(draft, paths)
    return "\n".join(draft.lines) + "\n"


_EMPTY = """# No item with an image was found. Write by hand where the workloads stand.
schema: podlift.dev/mapping/v1
documents: {{config: {{files: {files}}}}}
workloads: {{each: items(config.services), name: key()}}
containers:
- image: image
"""


def _files(documents: Sequence[ConfigDocument]) -> str:
    return json.dumps(sorted({document.name for document in documents}) or ["*.yml"])


# ---- what the documents hold


def _items(value: Any, path: tuple[str, ...] = ()) -> _Found | None:
    """The shallowest place with the most items that have an image."""
    if not isinstance(value, Mapping):
        if isinstance(value, list) and value and all(isinstance(i, Mapping) and _image(i) for i in value):
            return _Found(path, {str(i.get("name", i.get("id", n))): i for n, i in enumerate(value)}, listed=True)
        return None
    if _image(value):
        return _Found(path, {"": value})
    maps = {str(k): v for k, v in value.items() if isinstance(v, Mapping)}
    with_image = {k: v for k, v in maps.items() if _image(v)}
    if with_image and len(with_image) * 2 > len(maps):
        return _Found(path, with_image)
    inner = [_items(v, (*path, str(k))) for k, v in value.items()]
    return max((each for each in inner if each), key=lambda each: len(each.items), default=None)


def _image(item: Mapping[str, Any], depth: int = 2) -> str:
    """The path of an item's image, ``""`` if it has none."""
    for key, value in item.items():
        if _known(key) in _NAMES["image"] and isinstance(value, str) and _IMAGE.fullmatch(value):
            return _step(key)
    if depth:
        for key, value in item.items():
            if isinstance(value, Mapping) and _known(key) in ("docker", "container", "containerinfo", "spec"):
                inner = _image(value, depth - 1)
                if inner:
                    return f"{_step(key)}.{inner}"
    return ""


def _known(key: Any) -> str:
    return re.sub(r"[^a-z0-9]", "", str(key).lower())


def _step(key: Any) -> str:
    return str(key) if _PLAIN.fullmatch(str(key)) else json.dumps(str(key))


def _paths(items: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Paths within items, as expressions, with a value that one of them has; maps before what is in them. What an
    instance says for itself counts as the item's."""
    found: dict[str, Any] = {}
    for item in items:
        instances = {k for k, v in item.items() if _known(k) in _NAMES["instances"] and _own(v)}
        laid = {k: v for k, v in item.items() if k not in instances}
        for key in instances:
            found.setdefault(_step(key), item[key])
            for instance in item[key].values():
                laid |= {k: v for k, v in instance.items() if k not in laid or isinstance(v, Mapping)}
        for path, value in _within(laid, ""):
            found.setdefault(path, value)
    return found


def _own(value: Any) -> bool:
    """A map of maps, such as instances by name."""
    return isinstance(value, Mapping) and bool(value) and all(isinstance(v, Mapping) for v in value.values())


def _within(value: Mapping[str, Any], prefix: str, depth: int = 3) -> Iterator[tuple[str, Any]]:
    for key, inner in value.items():
        path = f"{prefix}.{_step(key)}" if prefix else _step(key)
        yield path, inner
        if isinstance(inner, Mapping) and depth > 1:
            yield from _within(inner, path, depth - 1)


def _find(paths: Mapping[str, Any], attribute: str, under: str = "") -> tuple[str, Any] | None:
    """The shallowest path whose last key is a known name of the attribute."""
    fits = [
        (path, value)
        for path, value in paths.items()
        if _known(_last(path)) in _NAMES[attribute] and (path.startswith(f"{under}.") if under else True)
    ]
    return min(fits, key=lambda each: each[0].count("."), default=None)


def _last(path: str) -> str:
    return path.rpartition(".")[2]


# ---- the sections


def _head(
    draft: _Draft, documents: Sequence[ConfigDocument], found: _Found, items: Mapping[str, Mapping[str, Any]]
) -> None:
    each = ".".join(("config", *map(_step, found.path)))
    by_key = not found.listed and set(found.items) != {""}
    draft.add("# A draft. Each guess says what it was made from; podlift mapping check shows what is left.", "")
    draft.add("schema: podlift.dev/mapping/v1", "")
    draft.add(f"documents: {{config: {{files: {_files(documents)}}}}}", "")
    draft.add("workloads:", "")
    text = f"  each: {_quoted(f'items({each})' if by_key else each)}"
    draft.add(text, f"{len(items)} items with an image: {', '.join(list(items)[:3])}")
    if by_key:
        draft.add("  name: key()", "the key of each item")
    else:
        key = next((k for k in ("name", "id", "service", "app") if all(k in i for i in items.values())), "")
        draft.add(f"  name: {key or 'file().stem'}", "the item's own name" if key else "the file's name", key)
    for name in _DEFAULTS:
        if any(isinstance(d.value, Mapping) and isinstance(d.value.get(name), Mapping) for d in documents):
            draft.add(f"  inherit: root().{name}", f"a map called {name} beside the items")
            break


def _instances(
    draft: _Draft,
    paths: Mapping[str, Any],
    items: Mapping[str, Mapping[str, Any]],
    containers: Sequence[Mapping[str, Any]],
) -> None:
    found = _find(paths, "instances")
    sites: list[str] = []
    if found and isinstance(found[1], Mapping) and all(_number(v) for v in found[1].values()):
        sites = sorted({str(k) for item in items.values() for k in _sites(item, found[0])})
        draft.add("instances:", "")
        text = f'  each: items({found[0]})\n  site: key()\n  count: "@"'
        covered = [path for path in paths if path.startswith(f"{found[0]}.")]
        draft.add(text, f"{found[0]} is a map of numbers", found[0], *covered)
    elif found and _own(found[1]):
        draft.add("instances:", "")
        text = f'  each: items({found[0]})\n  name: key()\n  own: "@"'
        draft.add(text, f"{found[0]} is a map of maps: what each instance says for itself", found[0])
    elif found and _number(found[1]):
        draft.add("instances:", "")
        draft.add(f"  count: {found[0]}", f"{found[0]} is a number", found[0])
    else:
        draft.add("instances:", "")
        draft.add("  count: {const: 1}", "nothing tells how many there are")
    names = [str(c.get("Name", "")).lstrip("/") for c in containers]
    template, hits = _template(list(items), sites, names)
    if hits:
        draft.add(f"  container: {json.dumps(template)}", f"{hits} of {len(names)} running containers are called so")
    else:
        draft.add('  # container: "{name}-{site}-\\\\d+"   how running containers are called; none was seen', "")
    injected = _injected(list(items), paths, template if hits else "", containers)
    if injected:
        draft.add(f"  runtime_env: {json.dumps(injected)}", "in every running container, and not in the config")


def _sites(item: Mapping[str, Any], path: str) -> Iterable[str]:
    value: Any = item
    for key in path.split("."):
        value = value.get(key.strip('"')) if isinstance(value, Mapping) else None
    return [str(k) for k in value] if isinstance(value, Mapping) else []


_TEMPLATES = ("{name}-{site}-\\d+", "{site}-{name}-\\d+", "{name}[-_.]\\d+", "{name}", "{name}[-_.].+")


def _template(names: Sequence[str], sites: Sequence[str], containers: Sequence[str]) -> tuple[str, int]:
    """The pattern of container names that most of the running ones match, and how many."""
    best = ("", 0)
    among = "|".join(map(re.escape, sites))
    for template in _TEMPLATES:
        if "{site}" in template and not sites:
            continue
        text = template.replace("{name}", f"(?:{'|'.join(map(re.escape, names))})").replace("{site}", f"(?:{among})")
        hits = sum(re.fullmatch(text, name) is not None for name in containers)
        if hits > best[1]:
            best = (template, hits)
    return best


def _injected(
    names: Sequence[str], paths: Mapping[str, Any], template: str, containers: Sequence[Mapping[str, Any]]
) -> list[str]:
    """Names that every running container's environment has and no item's: what a scheduler adds, PATH apart."""
    if not template or not containers:
        return []
    common: set[str] | None = None
    for container in containers:
        env = (container.get("Config") or {}).get("Env") or []
        present = {str(entry).partition("=")[0] for entry in env}
        common = present if common is None else common & present
    configured = {_last(path).strip('"') for path in paths} | set(names)
    return sorted((common or set()) - configured - {"PATH", "HOME", "TERM", "LANG", "HOSTNAME"})


def _container(draft: _Draft, paths: Mapping[str, Any]) -> None:
    found = _find(paths, "image")
    image = found[0] if found else "image"
    draft.add("containers:", "")
    draft.add(f"- image: {image}", f"{image} looks like an image", image)
    for attribute, write in _WRITERS.items():
        place = _find(paths, attribute)
        if place is None or (place[0] in draft.placed):
            continue
        written = write(*place)
        if written:
            clause, why = written
            covered = [path for path in paths if path == place[0] or path.startswith(f"{place[0]}.")]
            draft.add(f"  {attribute}: {clause}", why, *covered)


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
    made = {attribute: k for attribute, names in _PORT_KEYS.items() for k in keys if _known(k) in names}
    if "container_port" not in made:
        return None
    if named:
        made["name"] = "key()"
    each = f"items({path})" if named else path
    told = "".join(f", {attribute}: {k if k == 'key()' else _step(k)}" for attribute, k in made.items())
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
    if _number(value):
        unit = "core/1024" if float(value) >= 16 else "cores"
        return f"{{from: {path}, unit: {unit}}}", f"the unit is a guess from {value}"
    return (path, f"{path} bears its unit") if isinstance(value, str) and value.endswith("m") else None


def _memory(path: str, value: Any) -> tuple[str, str] | None:
    if _number(value):
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


_WRITERS = {
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


def _check(draft: _Draft, paths: Mapping[str, Any]) -> None:
    found = _find(paths, "check")
    if found is None or not isinstance(found[1], Mapping):
        return
    under = found[0]
    http = _find(paths, "path", under)
    if http is None or not isinstance(http[1], str):
        return
    draft.add("checks:", "")
    draft.add(f"- when: {http[0]}", "")
    draft.add("  kind: {const: http}", f"{http[0]} looks like a path", http[0])
    if re.fullmatch(r"\w+:/.*", http[1]):
        draft.add(f"  target: {{from: {http[0]}, as: {{'(?P<port>\\w+):(?P<path>/.*)': fields}}}}", "PORT:PATH")
    else:
        draft.add(f"  path: {http[0]}", "")
        port = _find(paths, "port", under)
        ports = _find(paths, "ports")
        if port and (_number(port[1]) or (ports and ports[0] in draft.placed)):
            draft.add(f"  port: {port[0]}", f"{port[0]} by its name", port[0])
    draft.add("  gates_traffic: {const: true}", "most schedulers send no traffic to what fails")
    draft.add("  restarts: {const: false}", "does the scheduler replace an instance that fails? then true")
    for attribute in ("interval", "timeout", "failures"):
        place = _find(paths, attribute, under)
        if place:
            seconds = attribute != "failures" and _number(place[1])
            clause = f"{{from: {place[0]}, unit: s}}" if seconds else place[0]
            draft.add(f"  {attribute}: {clause}", f"{place[0]} by its name", place[0])


def _others(draft: _Draft, paths: Mapping[str, Any]) -> None:
    for attribute in ("network_mode", "hostname"):
        place = _find(paths, attribute)
        if place and isinstance(place[1], str):
            draft.add(f"{attribute}: {place[0]}", f"{place[0]} by its name", place[0])
    grace = _find(paths, "grace")
    if grace and isinstance(grace[1], str | int):
        unit = f"{{from: {grace[0]}, unit: s}}" if _number(grace[1]) else grace[0]
        draft.add(f"termination: {{grace: {unit}}}", f"{grace[0]} by its name", grace[0])
    cron = _find(paths, "cron")
    if cron and isinstance(cron[1], str) and len(cron[1].split()) == 5:
        draft.add(f"schedule: {{cron: {cron[0]}}}", f"{cron[0]} has five fields", cron[0])


def _rest(draft: _Draft, paths: Mapping[str, Any]) -> None:
    left = [
        path
        for path, value in paths.items()
        if not isinstance(value, Mapping) and not any(path == p or path.startswith(f"{p}.") for p in draft.placed)
    ]
    if left:
        draft.add("# Found no place. Map each, or ignore it with the reason:", "")
        draft.add("# ignore:", "")
        draft.lines += [f"#   {_quoted(path)}: why it has no effect" for path in left]


def _quoted(text: str) -> str:
    return text if re.fullmatch(r"[\w.()\[\]-]+", text) else json.dumps(text)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)

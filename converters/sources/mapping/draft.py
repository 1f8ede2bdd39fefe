"""``podlift mapping draft``: proposes a mapping from key names, values and running containers.

A guess is never silent: each line says in a comment what it was made from, and what found no place is listed at the
end for the user to place or to ignore.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...capture import ConfigDocument
from .guesses import WRITERS, Found, find, is_number, items_of, last, own_map, paths_of, step

_DEFAULTS = ("defaults", "default", "common", "base", "global")


@dataclass(slots=True)
class _Draft:
    lines: list[str] = field(default_factory=list)
    placed: set[str] = field(default_factory=set)

    def add(self, text: str, why: str, *paths: str) -> None:
        self.lines.append(f"{text}  # guess: {why}" if why else text)
        self.placed.update(paths)


def draft_mapping(documents: Iterable[ConfigDocument], *, containers: Sequence[Mapping[str, Any]] = ()) -> str:
    """The text of a mapping file.

    documents   some of the config's documents
    containers  inspect documents of running containers, where there are any: their names tell how instances are
                called, their environment what the scheduler injects

    The draft parses, and reads at least each item's name and image; where no image is found, it says so and what to
    write by hand.
    """
    found = [(document, items_of(document.value)) for document in documents]
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
    paths = paths_of(items.values())
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


# ---- the sections


def _head(
    draft: _Draft, documents: Sequence[ConfigDocument], found: Found, items: Mapping[str, Mapping[str, Any]]
) -> None:
    each = ".".join(("config", *map(step, found.path)))
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
    found = find(paths, "instances")
    sites: list[str] = []
    if found and isinstance(found[1], Mapping) and all(is_number(v) for v in found[1].values()):
        sites = sorted({str(k) for item in items.values() for k in _sites(item, found[0])})
        draft.add("instances:", "")
        text = f'  each: items({found[0]})\n  site: key()\n  count: "@"'
        covered = [path for path in paths if path.startswith(f"{found[0]}.")]
        draft.add(text, f"{found[0]} is a map of numbers", found[0], *covered)
    elif found and own_map(found[1]):
        draft.add("instances:", "")
        text = f'  each: items({found[0]})\n  name: key()\n  own: "@"'
        draft.add(text, f"{found[0]} is a map of maps: what each instance says for itself", found[0])
    elif found and is_number(found[1]):
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
    configured = {last(path).strip('"') for path in paths} | set(names)
    return sorted((common or set()) - configured - {"PATH", "HOME", "TERM", "LANG", "HOSTNAME"})


def _container(draft: _Draft, paths: Mapping[str, Any]) -> None:
    found = find(paths, "image")
    image = found[0] if found else "image"
    draft.add("containers:", "")
    draft.add(f"- image: {image}", f"{image} looks like an image", image)
    for attribute, write in WRITERS.items():
        place = find(paths, attribute)
        if place is None or (place[0] in draft.placed):
            continue
        written = write(*place)
        if written:
            clause, why = written
            covered = [path for path in paths if path == place[0] or path.startswith(f"{place[0]}.")]
            draft.add(f"  {attribute}: {clause}", why, *covered)


def _check(draft: _Draft, paths: Mapping[str, Any]) -> None:
    found = find(paths, "check")
    if found is None or not isinstance(found[1], Mapping):
        return
    under = found[0]
    http = find(paths, "path", under)
    if http is None or not isinstance(http[1], str):
        return
    draft.add("checks:", "")
    draft.add(f"- when: {http[0]}", "")
    draft.add("  kind: {const: http}", f"{http[0]} looks like a path", http[0])
    if re.fullmatch(r"\w+:/.*", http[1]):
        draft.add(f"  target: {{from: {http[0]}, as: {{'(?P<port>\\w+):(?P<path>/.*)': fields}}}}", "PORT:PATH")
    else:
        draft.add(f"  path: {http[0]}", "")
        port = find(paths, "port", under)
        ports = find(paths, "ports")
        if port and (is_number(port[1]) or (ports and ports[0] in draft.placed)):
            draft.add(f"  port: {port[0]}", f"{port[0]} by its name", port[0])
    draft.add("  gates_traffic: {const: true}", "most schedulers send no traffic to what fails")
    draft.add("  restarts: {const: false}", "does the scheduler replace an instance that fails? then true")
    for attribute in ("interval", "timeout", "failures"):
        place = find(paths, attribute, under)
        if place:
            seconds = attribute != "failures" and is_number(place[1])
            clause = f"{{from: {place[0]}, unit: s}}" if seconds else place[0]
            draft.add(f"  {attribute}: {clause}", f"{place[0]} by its name", place[0])


def _others(draft: _Draft, paths: Mapping[str, Any]) -> None:
    for attribute in ("network_mode", "hostname"):
        place = find(paths, attribute)
        if place and isinstance(place[1], str):
            draft.add(f"{attribute}: {place[0]}", f"{place[0]} by its name", place[0])
    grace = find(paths, "grace")
    if grace and isinstance(grace[1], str | int):
        unit = f"{{from: {grace[0]}, unit: s}}" if is_number(grace[1]) else grace[0]
        draft.add(f"termination: {{grace: {unit}}}", f"{grace[0]} by its name", grace[0])
    cron = find(paths, "cron")
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

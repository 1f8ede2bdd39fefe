"""A shape: containers of one kind, as one file in shapes/ says them. README.md beside this file is the format."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from converters.fields.catalogue import CATALOGUE
from converters.fields.container_table import CONTAINER_ROWS

SHAPES = Path(__file__).with_name("shapes")

_KEYS = {
    "about", "api", "image", "host", "nodes", "volumes", "networks", "containers", "target", "decisions", "mapping",
    "configs", "behaviour", "shows",
}  # fmt: skip
_IMAGE = {"files", "config", "local", "brought"}
_BEHAVIOUR = {"stop", "restarts", "health", "reach"}
_RESTARTS = {"signals", "every_s", "for_s"}
_DECISIONS = {"answers", "overrides", "secrets", "notSecrets"}
_TOP = [re.split(r"[.\[]", row.pattern)[:2] for row in CONTAINER_ROWS]
_REQUEST = {keys[1] for keys in _TOP if keys[0] == "Config"} | {"HostConfig", "NetworkingConfig"}
_HOST_CONFIG = {keys[1] for keys in _TOP if keys[0] == "HostConfig"}
_TO = re.compile(r"(?P<host>[^:/]+):(?P<port>\d+)/(?P<protocol>http|tcp|udp)")
_PLAIN: dict[str, Any] = {"HostConfig": {"RestartPolicy": {"Name": "always"}}}


class ShapeError(ValueError):
    """A shape's file is wrong; the message names the file and the key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """A call from one container of the shape: as ``probe dial`` makes it."""

    caller: str
    protocol: str
    host: str
    port: str

    def __str__(self) -> str:
        return f"{self.host}:{self.port}/{self.protocol}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Restarts:
    """How its end is provoked: SIGUSR1 so many times, each when it runs again but not sooner than ``every_s`` after the
    last; what is seen is what stands after ``for_s`` seconds."""

    signals: int = 1
    every_s: float = 1.0
    for_s: float = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """
    api         the version of the Engine API that the containers need, () for any
    image       ``files`` and ``config`` as tests/lab/images.py takes them; local: it is in no registry, and ``brought``
                are the files that the nodes' own build of it has beside
    host        path to text: files of the engine's host; a path that ends with / is a folder
    nodes       likewise, of every node
    containers  name to the body of the Engine API's create request
    volumes, networks    likewise
    target      laid over the suite's own target.yaml
    decisions, mapping, configs   as a project has them; configs: file name to text
    stop        whether its end is watched
    health_s    how long the outcomes of its checks are watched, 0: not
    shows       codes of verdicts that must be said
    """

    name: str
    about: str
    api: tuple[int, ...] = ()
    image_files: Mapping[str, str] = field(default_factory=dict)
    image_config: Mapping[str, Any] = field(default_factory=dict)
    local: bool = False
    brought: Mapping[str, str] = field(default_factory=dict)
    host: Mapping[str, str] = field(default_factory=dict)
    nodes: Mapping[str, str] = field(default_factory=dict)
    containers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    volumes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    networks: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    target: Mapping[str, Any] = field(default_factory=dict)
    decisions: Mapping[str, Any] = field(default_factory=dict)
    mapping: Mapping[str, Any] | None = None
    configs: Mapping[str, str] = field(default_factory=dict)
    stop: bool = False
    restarts: Restarts | None = None
    health_s: float = 0.0
    reach: tuple[Reach, ...] = ()
    shows: tuple[str, ...] = ()


def shapes(only: Collection[str] = ()) -> Iterator[Shape]:
    """All of them, or those named, by name. Raises ShapeError."""
    paths = {path.stem: path for path in sorted(SHAPES.glob("*.yaml"))}
    for name in only:
        if name not in paths:
            raise ShapeError(f"{name}: there is no such shape; shapes/{name}.yaml would be one")
    owners: dict[str, str] = {}
    for name, path in paths.items():
        if only and name not in only:
            continue
        shape = load(path)
        for container in shape.containers:
            # one engine holds them all
            if owner := owners.get(container):
                raise ShapeError(f"{name}: containers: {owner} has a {container} too")
            owners[container] = name
        yield shape


def load(path: Path) -> Shape:
    """The shape in a file. Raises ShapeError."""
    try:
        body = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ShapeError(f"{path.name}: no YAML: {error}") from error
    return parse(path.stem, body)


def parse(name: str, body: Any) -> Shape:
    """The shape that a file's content is. Raises ShapeError."""
    if not isinstance(body, dict):
        raise ShapeError(f"{name}: a shape is a map")
    _known(name, body, _KEYS)
    for key in ("about", "containers"):
        if not body.get(key):
            raise ShapeError(f"{name}: {key} is missing")
    image = _known(f"{name}: image", body.get("image") or {}, _IMAGE)
    behaviour = _known(f"{name}: behaviour", body.get("behaviour") or {}, _BEHAVIOUR)
    for kind in ("containers", "volumes", "networks"):
        if not isinstance(body.get(kind) or {}, dict):
            raise ShapeError(f"{name}: {kind}: a map is due, name to body")
        for each in body.get(kind) or {}:
            # one engine holds all shapes, and what is another's must not be meant by chance
            if each != name and not each.startswith(f"{name}-"):
                raise ShapeError(f"{name}: {kind}: {each} is to be called {name}, or {name}- and more")
    containers = {
        each: _laid(_PLAIN, _request(f"{name}: {each}", made or {})) for each, made in body["containers"].items()
    }
    unknown = set(body.get("shows") or ()) - set(CATALOGUE)
    if unknown:
        raise ShapeError(f"{name}: shows: no code {', '.join(sorted(unknown))}")
    decisions = _known(f"{name}: decisions", body.get("decisions") or {}, _DECISIONS)
    return Shape(
        name=name,
        about=body["about"],
        api=_version(name, body.get("api")),
        image_files=image.get("files") or {},
        image_config=image.get("config") or {},
        local=image.get("local", False),
        brought=image.get("brought") or {},
        host=body.get("host") or {},
        nodes={**(body.get("host") or {}), **(body.get("nodes") or {})},
        containers=containers,
        volumes={each: made or {} for each, made in (body.get("volumes") or {}).items()},
        networks={each: made or {} for each, made in (body.get("networks") or {}).items()},
        target=body.get("target") or {},
        decisions=_of_its_own(name, decisions),
        mapping=body.get("mapping"),
        configs=body.get("configs") or {},
        stop=behaviour.get("stop", False),
        restarts=_restarts(name, behaviour.get("restarts")),
        health_s=_seconds(f"{name}: behaviour: health", behaviour.get("health") or 0),
        reach=tuple(_reach(name, each, containers) for each in behaviour.get("reach") or ()),
        shows=tuple(body.get("shows") or ()),
    )


def _request(where: str, body: Any) -> dict[str, Any]:
    """A create request: an engine passes over a key that it does not know, and the shape would show nothing."""
    made = _known(where, body, _REQUEST)
    _known(f"{where}: HostConfig", made.get("HostConfig") or {}, _HOST_CONFIG)
    return made


def _version(name: str, value: Any) -> tuple[int, ...]:
    if value is None:
        return ()
    # without quotes 1.40 would be 1.4
    if not isinstance(value, str) or re.fullmatch(r"\d+\.\d+", value) is None:
        raise ShapeError(f'{name}: api: a version in quotes is due, as in "1.44"')
    return tuple(map(int, value.split(".")))


def _seconds(where: str, value: Any) -> float:
    if not isinstance(value, int | float):
        raise ShapeError(f"{where}: a number of seconds is due")
    return float(value)


def _known(where: str, body: Any, keys: set[str]) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise ShapeError(f"{where}: a map is due")
    if unknown := sorted(set(body) - keys):
        raise ShapeError(f"{where}: unknown: {', '.join(map(str, unknown))}; known are {', '.join(sorted(keys))}")
    return body


def _laid(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    made = dict(below)
    for key, value in above.items():
        old = made.get(key)
        made[key] = _laid(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return made


def _of_its_own(name: str, decisions: Mapping[str, Any]) -> dict[str, Any]:
    """Decisions of one shape decide nothing about another."""
    made = dict(decisions)
    for key in ("answers", "overrides"):
        rows = [{"workload": f"{name}*", **row} if key == "answers" else row for row in decisions.get(key) or ()]
        for row in rows:
            if not str(row.get("workload", "")).startswith(name):
                raise ShapeError(f"{name}: decisions: {key}: {row.get('workload')} is no workload of the shape")
        if rows:
            made[key] = rows
    return made


def _restarts(name: str, body: Any) -> Restarts | None:
    if body is None:
        return None
    return Restarts(**_known(f"{name}: behaviour: restarts", body, _RESTARTS))


def _reach(name: str, body: Any, containers: Mapping[str, Any]) -> Reach:
    where = f"{name}: behaviour: reach"
    _known(where, body, {"from", "to"})
    to = _TO.fullmatch(str(body.get("to")))
    if to is None:
        raise ShapeError(f"{where}: to is HOST:PORT/http, /tcp or /udp")
    if body.get("from") not in containers:
        raise ShapeError(f"{where}: from is a container of the shape")
    return Reach(caller=body["from"], protocol=to["protocol"], host=to["host"], port=to["port"])

"""A case: documents in, what must come out. README.md beside this file says what a ``case.yaml`` holds."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from converters.capture import Capture, ConfigDocument, Engine, HostDocuments
from converters.errors import PodliftError
from converters.fields.catalogue import CATALOGUE
from converters.fields.verdict import Level, Verdict
from converters.sources.mapping import Mapping as ConfigMapping
from converters.sources.mapping import parse_mapping
from converters.workload import Host
from migrate.documents import parse_documents
from tests.cases import answers
from tests.inspect_documents import ENGINE, INFO, container, image
from tests.object_paths import AbsentError, named, value_at

ABSENT = "~absent"
_KEYS = {
    "about", "containers", "image", "images", "volumes", "networks", "hosts", "engine", "accounts", "volume_bytes",
    "redacted", "mapping", "target", "decisions", "expect",
}  # fmt: skip
_EXPECTED = {
    "kinds", "objects", "absent", "verdicts", "defaulted", "findings", "blocked", "excluded", "extras", "error",
}  # fmt: skip
_HOST_KEYS = {"site", "labels", "address", "error", "vanished"}
_VOLUME: dict[str, Any] = {"Name": "", "Driver": "local", "Options": None, "Labels": None, "Scope": "local"}
_NETWORK: dict[str, Any] = {
    "Name": "", "Driver": "bridge", "Internal": False, "Options": {}, "Labels": {}, "Attachable": False,
    "EnableIPv6": False, "Scope": "local",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    name: str
    folder: Path
    body: Mapping[str, Any]

    @property
    def expected(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.body["expect"]
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a case, or the error it ended in."""

    made: Any = None
    error: PodliftError | None = None
    objects: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    verdicts: tuple[Verdict, ...] = ()


def load(folder: Path) -> Case:
    """The case in a directory. Fails the test that asks for a case which says nothing or says what nobody reads."""
    body = yaml.safe_load((folder / "case.yaml").read_text(encoding="utf-8"))
    where = f"{folder.name}/case.yaml"
    _only(body, _KEYS, where)
    assert body.get("about"), f"{where}: about: says what the case shows"
    expected = body.get("expect")
    assert expected, f"{where}: a case that expects nothing shows nothing"
    _only(expected, _EXPECTED, f"{where}: expect")
    for name, host in (body.get("hosts") or {}).items():
        _only(host, _HOST_KEYS, f"{where}: hosts: {name}")
    for code in (*expected.get("blocked", ()), *filter(None, [expected.get("error")])):
        assert code in CATALOGUE, f"{where}: {code} is no code"
    return Case(name=folder.name, folder=folder, body=body)


def _only(body: Mapping[str, Any], known: set[str], where: str) -> None:
    unknown = sorted(set(body) - known)
    assert not unknown, f"{where}: nobody reads {', '.join(unknown)}"


def capture(case: Case) -> Capture:
    """The case's documents as a capture."""
    body = case.body
    by_host: dict[str, list[dict[str, Any]]] = {name: [] for name in body.get("hosts") or {}}
    for given in body.get("containers", ()):
        for host, document in _containers(given):
            by_host.setdefault(host, []).append(document)
    pictures = _images(body)
    accounts = body.get("accounts")
    return Capture(
        hosts=tuple(
            HostDocuments(
                host=Host(
                    name=name,
                    **{k: v for k, v in _host(body, name).items() if k in ("site", "labels", "address")},
                ),
                engine=_engine(body),
                containers=tuple(documents),
                images=pictures,
                volumes=tuple(_laid(_VOLUME, volume) for volume in body.get("volumes", ())),
                networks=tuple(_laid(_NETWORK, network) for network in body.get("networks", ())),
                accounts={each["Id"]: (accounts.get("passwd", ""), accounts.get("group", "")) for each in pictures}
                if accounts
                else {},
                volume_bytes=body.get("volume_bytes", {}),
                error=_host(body, name).get("error", ""),
                vanished=tuple((k, v) for k, v in _host(body, name).get("vanished", {}).items()),
            )
            for name, documents in by_host.items()
        ),
        configs=_configs(case.folder),
        redacted=body.get("redacted", False),
    )


def _host(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = (body.get("hosts") or {}).get(name) or {}
    return found


def _containers(given: Mapping[str, Any]) -> Iterable[tuple[str, dict[str, Any]]]:
    own = {key: value for key, value in given.items() if key not in ("host", "copies")}
    name, copies = own.get("Name", "/web"), given.get("copies")
    for number in range(1, (copies or 1) + 1):
        called = f"{name}-{number}" if copies else name
        identity = hashlib.sha256(f"{given.get('host', 'h1')}{called}".encode()).hexdigest()
        base = container()
        base["Id"], base["Config"]["Hostname"] = identity, identity[:12]
        # Policy "no" would leave every case with the question of what keeps its pods.
        base["HostConfig"]["RestartPolicy"] = {"Name": "always", "MaximumRetryCount": 0}
        document = _laid(base, {**own, "Name": called})
        document["NetworkSettings"]["Networks"] = _networks(own, document)
        # What ran is what Config says, unless the case is about where the two differ.
        if "Path" not in own and "Args" not in own:
            words = [*(document["Config"].get("Entrypoint") or ()), *(document["Config"].get("Cmd") or ())]
            document["Path"], document["Args"] = (words[0] if words else ""), words[1:]
        yield given.get("host", "h1"), document


def _networks(own: Mapping[str, Any], document: Mapping[str, Any]) -> dict[str, Any]:
    """As the case says, whole; else what follows from the network mode, as an engine prints it."""
    given = own.get("NetworkSettings", {}).get("Networks")
    if given is not None:
        return deepcopy(dict(given))
    mode = document.get("HostConfig", {}).get("NetworkMode", "default")
    if mode in ("", "default", "bridge"):
        return dict(document["NetworkSettings"]["Networks"])
    return {} if mode.startswith("container:") else {mode: {"NetworkID": hashlib.sha256(mode.encode()).hexdigest()}}


def _images(body: Mapping[str, Any]) -> tuple[dict[str, Any], ...]:
    if "images" in body:
        return tuple(_laid(image(), each) for each in body["images"])
    return (_laid(image(), body.get("image") or {}),)


def _engine(body: Mapping[str, Any]) -> Engine | None:
    if "engine" not in body:
        return ENGINE
    given = body["engine"]
    if given is None:
        return None
    version = given.get("api_version", ENGINE.api_version)
    return Engine(
        api_version=version,
        version=_laid(dict(ENGINE.version), given.get("version") or {}),
        info={} if given.get("info", {}) is None else _laid(INFO, given.get("info", {})),
    )


def _laid(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    made = deepcopy(dict(base))
    for key, value in over.items():
        if value == ABSENT:
            made.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(made.get(key), Mapping) and made[key]:
            made[key] = _laid(made[key], value)
        else:
            made[key] = deepcopy(value)
    return made


def _configs(folder: Path) -> tuple[ConfigDocument, ...]:
    found = []
    for path in sorted(folder.glob("config*.yml")):
        for each in parse_documents(path.read_bytes(), name=path.name):
            found.append(ConfigDocument(name=path.name, index=each.index, value=each.value, lines=each.marks))
    return tuple(found)


@cache
def outcome(folder: Path, version: tuple[int, int] | None = None) -> Outcome:
    """What the whole way from documents to a plan makes of the case; ``version`` is the target's where the case does
    not say one."""
    from migrate.plan.making import plan_with_sources

    case = load(folder)
    wanted = answers.target(case.body.get("target"))
    if version is not None and "version" not in (case.body.get("target") or {}):
        wanted = replace(wanted, version=version)
    try:
        made = plan_with_sources(
            capture(case),
            mapping=mapping_of(case),
            target=wanted,
            decisions=answers.decisions(case.body.get("decisions")),
        )
    except PodliftError as error:
        return Outcome(error=error)
    objects = [*(each for _, each in made.plan.objects), *(each for _, each in made.plan.secrets)]
    verdicts = tuple(v for conversion in made.conversions for v in conversion.verdicts)
    return Outcome(made=made, objects=named(objects), verdicts=verdicts)


def check_expectations(case: Case, found: Outcome) -> None:
    """Every expectation of the case, all that fail at once."""
    wanted = case.expected
    if "error" in wanted or found.error is not None:
        assert found.error is not None, f"no error; {wanted['error']} is due"
        assert found.error.code == wanted.get("error"), str(found.error)
        return
    wrong = [
        *_kinds(wanted, found), *_values(wanted, found), *_absent(wanted, found), *_verdicts(wanted, found),
        *_findings(wanted, found), *_rest(wanted, found),
    ]  # fmt: skip
    if wrong:
        pytest.fail("\n".join([f"{case.name}: {case.body['about']}", *wrong]), pytrace=False)


def _kinds(wanted: Mapping[str, Any], found: Outcome) -> Iterable[str]:
    if "kinds" in wanted:
        missing, more = set(wanted["kinds"]) - set(found.objects), set(found.objects) - set(wanted["kinds"])
        if missing or more:
            yield f"kinds: missing {sorted(missing)}, not expected {sorted(more)}"


def _values(wanted: Mapping[str, Any], found: Outcome) -> Iterable[str]:
    for name, paths in wanted.get("objects", {}).items():
        if name not in found.objects:
            yield f"{name} is not made"
            continue
        for path, value in paths.items():
            try:
                actual = value_at(found.objects[name], path)
            except AbsentError:
                yield f"{name}:{path}: nothing, {value!r} is due"
                continue
            if actual != value:
                yield f"{name}:{path}: {actual!r}, {value!r} is due"


def _absent(wanted: Mapping[str, Any], found: Outcome) -> Iterable[str]:
    for target in wanted.get("absent", ()):
        name, colon, path = target.partition(":")
        if name not in found.objects:
            if colon:
                yield f"{name} is not made, so that {path} is absent says nothing"
            continue
        if not colon:
            yield f"{name} is made"
            continue
        try:
            yield f"{target}: {value_at(found.objects[name], path)!r}, nothing is due"
        except AbsentError:
            continue


def _verdicts(wanted: Mapping[str, Any], found: Outcome) -> Iterable[str]:
    for source, said in wanted.get("verdicts", {}).items():
        heard = {
            f"{v.level} {v.code}"
            for v in found.verdicts
            if v.source is not None and source in (v.source.path, f"{v.source.document} {v.source.path}")
        }
        due = "nothing" if said is None else said
        if heard != (set() if said is None else {said}):
            yield f"verdict on {source}: {sorted(heard) or 'none'}, {due} is due"
    defaulted = {f"{t} {v.code}" for v in found.verdicts if v.level is Level.DEFAULTED for t in v.targets}
    for target, code in wanted.get("defaulted", {}).items():
        if f"{target} {code}" not in defaulted:
            yield f"defaulted: no {code} at {target}"


def _findings(wanted: Mapping[str, Any], found: Outcome) -> Iterable[str]:
    if "findings" not in wanted:
        return
    heard = [f"{f.workload} {f.code} {f.subject}".strip() for f in found.made.plan.findings]
    for line in wanted["findings"]:
        if line not in heard:
            yield f"finding {line!r} is due; there are {sorted(heard)}"
    if not wanted["findings"] and (others := [line for line in heard if " acts-unasked " not in line]):
        yield f"findings {others}, none is due"


def _rest(wanted: Mapping[str, Any], found: Outcome) -> Iterable[str]:
    blocked = sorted({code for conversion in found.made.conversions for code in conversion.blocked})
    if blocked != sorted(wanted.get("blocked", ())):
        yield f"blocked by {blocked}, {wanted.get('blocked', [])} is due"
    excluded = dict(found.made.plan.excluded)
    for document, why in wanted.get("excluded", {}).items():
        if why not in excluded.get(document, ""):
            yield f"excluded: {document} because of {why!r} is due; {excluded}"
    if "extras" in wanted and sorted(found.made.plan.extras) != sorted(wanted["extras"]):
        yield f"extras {sorted(found.made.plan.extras)}, {wanted['extras']} is due"


def mapping_of(case: Case) -> ConfigMapping | None:
    """The mapping that the case names, or its own."""
    named_one = case.body.get("mapping")
    path = case.folder.parent / f"{named_one}.mapping.yaml" if named_one else case.folder / "mapping.yaml"
    if not named_one and not path.exists():
        return None
    (document,) = parse_documents(path.read_bytes(), name=path.name)
    return parse_mapping(document.value, lines=document.marks, name=path.name)

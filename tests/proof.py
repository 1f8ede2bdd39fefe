"""The proof of one row of the field table, on documents made from it.

A row is proven on *stages*: what a field needs around it so that it can act (a shell acts only where a check uses
one). On each stage a document without the field and one with it go the whole way, and what differs in the objects must
be what the verdict says:

exact, approximated   the objects differ at the verdict's targets, and nowhere else
dropped               they do not differ, and the code is on the published list of drops
undecided             options are listed, and each of them as a decision changes the objects or becomes dropped

An object that is there in one of the two only is covered by a target within it. What a default verdict tells that is
there in one of the two only is told: it is a verdict of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from converters.capture import Capture, Engine, HostDocuments
from converters.decisions import Answered, Decisions
from converters.errors import PodliftError
from converters.fields.catalogue import code_named
from converters.fields.container_table import CONTAINER_ROWS
from converters.fields.other_tables import NETWORK_ROWS, VOLUME_ROWS
from converters.fields.podman_table import PODMAN_ROWS
from converters.fields.row import Row
from converters.fields.verdict import Level, Verdict
from converters.target import Target
from converters.workload import Host
from tests.inspect_documents import ENGINE, container, image, with_sample
from tests.object_paths import Path, canonical, leaves, named

DOCUMENTS = {"container": CONTAINER_ROWS, "podman": PODMAN_ROWS, "volume": VOLUME_ROWS, "network": NETWORK_ROWS}
VOLUME: dict[str, Any] = {"Name": "site-data", "Driver": "local", "Options": None, "Labels": None, "Scope": "local"}
NETWORK: dict[str, Any] = {
    "Name": "backend", "Id": "7d86", "Driver": "bridge", "Internal": False, "Options": {}, "Attachable": False,
    "EnableIPv4": True, "EnableIPv6": False, "Labels": {}, "Scope": "local",
}  # fmt: skip
OPEN = Target(pod_security="privileged", version=(1, 37), nodes={"h1": "node-1"}, stated=True)
ALWAYS = {"Name": "always", "MaximumRetryCount": 0}
ENDED = {"Status": "exited", "Running": False, "ExitCode": 0}
NEVER = {"Name": "no", "MaximumRetryCount": 0}
# What stands for the words of an option, and answers to questions that list none.
WORDS = {"NAME": "site", "SIZE": "2Gi", "SERVER:/PATH": "nfs.example:/site"}
TYPED_ANSWERS = {
    "image-local-only": ("reg.example/pushed:1",),
    "user-unresolved": ("1000",),
    "device": ("edge.example/fuse",),
    "device-request-unclear": ("2",),
    "volume-size": ("2Gi",),
    "volume-driver": ("site-claim", "2Gi"),
    "volume-cifs": ("site-claim",),
    "mount-unsupported": ("site-claim",),
    "anonymous-volume-data": ("2Gi",),
    "seccomp-profile": ("profiles/web.json",),
    "network-host-ports": ("80,53/udp",),
    "extra-host-gateway": ("192.0.2.1",),
    "runtime": ("gvisor",),
}


Documents = tuple[dict[str, Any], dict[str, Any] | None, dict[str, Any] | None]
"""A container, a volume it mounts, a network it is on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What stands around the field. ``config``, ``host`` and ``top`` are laid over the plain container; a key that is
    None in ``absent`` (``HostConfig.Memory``) is taken away. ``others``: further containers beside it."""

    config: Mapping[str, Any] = field(default_factory=dict)
    host: Mapping[str, Any] = field(default_factory=dict)
    top: Mapping[str, Any] = field(default_factory=dict)
    absent: tuple[str, ...] = ()
    networks: Mapping[str, Any] | None = None
    images: tuple[Mapping[str, Any], ...] = field(default_factory=lambda: (image(),))
    volume_bytes: Mapping[str, int] = field(default_factory=dict)
    others: tuple[Mapping[str, Any], ...] = ()
    target: Target = OPEN
    answers: Mapping[str, str] = field(default_factory=dict)
    engine: Engine | None = ENGINE


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What came of a capture. ``present``: the atoms of the document at hand that want a verdict."""

    objects: Mapping[str, Mapping[str, Any]]
    verdicts: tuple[Verdict, ...]
    present: tuple[str, ...]

    @property
    def leaves(self) -> Mapping[Path, Any]:
        return leaves(self.objects)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What a row on a stage came to: ``levels`` of its verdicts, and what is wrong (nothing: it is proven)."""

    levels: tuple[Level, ...] = ()
    wrong: tuple[str, ...] = ()


def prove(kind: str, row: Row, stage: Stage) -> Proof:
    """The row on the stage, with the row's sample."""
    documents = _documents(kind, row, stage)
    before, after = _made(documents[0], stage), _made(documents[1], stage)
    wrong = list(_unaccounted(after))
    own = [path for path in after.present if is_of(path, row)]
    own = [path for path in own if path not in before.present] or own
    if not own:
        return Proof(wrong=("the sample is a default",))
    levels = []
    told = {v.source.path: v for v in after.verdicts if v.source is not None and v.source.document == documents[2]}
    for path in own:
        verdict = told.get(path)
        if verdict is None:
            wrong.append(f"{path}: no verdict")
            continue
        if verdict.code == "unknown-field" and row.code != "unknown-field":
            wrong.append(f"{path}: unknown")
        levels.append(verdict.level)
    mine = [told[path] for path in own if path in told]
    wrong += _by_level(mine, before, after, documents, stage)
    return Proof(levels=tuple(levels), wrong=tuple(wrong))


def _by_level(
    mine: list[Verdict], before: Made, after: Made, documents: tuple[Documents, Documents, str], stage: Stage
) -> list[str]:
    different = _different(before, after)
    levels = {verdict.level for verdict in mine}
    if Level.UNDECIDED in levels:
        return [w for v in mine if v.level is Level.UNDECIDED for w in _options(v, after, documents, stage)]
    wrong = [
        f"{v.source} is dropped by {v.code}, which is on no list of drops"
        for v in mine
        if v.level is Level.DROPPED and not code_named(v.code).drop
    ]
    if levels == {Level.DROPPED}:
        return wrong + [f"dropped, and yet {_shown(path)} differs" for path in sorted(different)[:4]]
    kept = [v for v in mine if v.level in (Level.EXACT, Level.APPROXIMATED)]
    wrong += _at_targets(kept, before, after, different)
    return wrong


def _at_targets(kept: list[Verdict], before: Made, after: Made, different: set[Path]) -> list[str]:
    wrong = []
    covered: set[Path] = set()
    for verdict in kept:
        if not verdict.targets:
            wrong.append(f"{verdict.level} {verdict.code} has no target")
        for target in verdict.targets:
            here = _below(target, before, after, different)
            if not here:
                wrong.append(f"nothing differs at {target} ({verdict.level} {verdict.code})")
            covered |= here
    told = {(v.code, v.targets, v.why) for v in before.verdicts if v.level is Level.DEFAULTED}
    tells = {(v.code, v.targets, v.why) for v in after.verdicts if v.level is Level.DEFAULTED}
    for _, targets, _ in told ^ tells:
        for target in targets:
            covered |= _below(target, before, after, different)
    rest = sorted(different - covered)
    wrong += [f"{_shown(path)} differs, and no target says so" for path in rest[:6]]
    return wrong


def _different(before: Made, after: Made) -> set[Path]:
    here, there = before.leaves, after.leaves
    return {path for path in {*here, *there} if here.get(path, _MISSING) != there.get(path, _MISSING)}


_MISSING = object()


def _below(target: str, before: Made, after: Made, different: set[Path]) -> set[Path]:
    """Differing leaves at a target; all of an object that is there once only."""
    name = target.partition(":")[0]
    if (name in before.objects) != (name in after.objects):
        return {path for path in different if path[0] == name}
    found: set[Path] = set()
    for made in (before, after):
        at = canonical(made.objects, target)
        if at is not None:
            found |= {path for path in different if path[: len(at)] == at}
            # An empty map where the target's was the only key of it.
            found |= {path for path in different if at[: len(path)] == path}
    return found


def _options(verdict: Verdict, after: Made, documents: tuple[Documents, Documents, str], stage: Stage) -> list[str]:
    assert verdict.source is not None
    answers = [worded(value) for value, _ in verdict.options] + list(TYPED_ANSWERS.get(verdict.code, ()))
    if not answers:
        return [f"{verdict.code} is undecided and lists no option"]
    if code_named(verdict.code).blocking and after.objects:
        return [f"{verdict.code} blocks, and yet there are objects"]
    wrong = []
    for answer in answers:
        try:
            decided = _made(documents[1], stage, code=verdict.code, about=verdict.source.path, answer=answer)
        except PodliftError as error:
            wrong.append(f"{verdict.code}: {answer}: {error}")
            continue
        again = next((v for v in decided.verdicts if v.source == verdict.source), None)
        wrong += _unaccounted(decided)
        if again is None or (again.level is Level.UNDECIDED and again.code == verdict.code):
            wrong.append(f"{verdict.code}: {answer} leaves the question open")
        elif again.level is Level.DROPPED or answer == verdict.chosen:
            continue
        elif not _different(after, decided):
            wrong.append(f"{verdict.code}: {answer} changes nothing and is {again.level}")
    return wrong


def worded(option: str) -> str:
    """An option as an answer: without the words that stand for something."""
    for word, stands_for in WORDS.items():
        option = option.replace(word, stands_for)
    return option


def _unaccounted(made: Made) -> list[str]:
    told: dict[Any, int] = {}
    for verdict in made.verdicts:
        if verdict.source is not None:
            told[verdict.source] = told.get(verdict.source, 0) + 1
    paths = {source.path for source in told}
    wrong = [f"{source} has {times} verdicts" for source, times in told.items() if times > 1]
    return wrong + [f"{path} has no verdict" for path in made.present if path not in paths]


def _shown(path: Path) -> str:
    return f"{path[0]}:{' '.join(path[1:])}"


def is_of(path: str, row: Row) -> bool:
    """Whether an atom's path is one of the row's, by its keys."""
    pattern, at = row.pattern, 0
    for n, part in enumerate(_parts(pattern)):
        if n % 2:
            end = path.find("]", at)
            if end < 0:
                return False
            at = end + 1
        else:
            if not path.startswith(part, at):
                return False
            at += len(part)
    rest = path[at:]
    return rest == "" or rest.startswith("#")


@cache
def _parts(pattern: str) -> tuple[str, ...]:
    """Plain text and what stands in brackets, in turn; the brackets' opening belongs to the text."""
    made: list[str] = []
    while "[" in pattern:
        plain, _, pattern = pattern.partition("[")
        split, _, pattern = pattern.partition("]")
        made += [plain + "[", split]
    return (*made, pattern)


def _documents(kind: str, row: Row, stage: Stage) -> tuple[Documents, Documents, str]:
    """(container, volume, network) without the field and with it, and the name of the document it is in."""
    box = _container(kind, stage)
    if kind == "volume":
        return (box, VOLUME, None), (box, with_sample(VOLUME, row), None), "h1/volume/site-data"
    if kind == "network":
        return (box, None, NETWORK), (box, None, with_sample(NETWORK, row)), "h1/network/backend"
    return (box, None, None), (_agreeing(with_sample(box, row), row), None, None), "h1/container/web"


def _container(kind: str, stage: Stage) -> dict[str, Any]:
    made = container(dict(stage.config), {"RestartPolicy": ALWAYS, **stage.host}, **deepcopy(dict(stage.top)))
    if kind == "podman":
        made |= {"OCIConfigPath": "/run/config.json", "lockNumber": 2}
    if kind == "volume" and not stage.host:
        made["HostConfig"]["Binds"] = ["site-data:/data"]
    if kind == "network" and not stage.host:
        made["HostConfig"]["NetworkMode"] = "backend"
    networks = stage.networks
    if networks is None and made["HostConfig"]["NetworkMode"] == "backend":
        networks = {"backend": {"NetworkID": "7d86"}}
    if networks is not None:
        made["NetworkSettings"] = {**made["NetworkSettings"], "Networks": deepcopy(dict(networks))}
    for path in stage.absent:
        section, _, key = path.partition(".")
        made[section] = {k: v for k, v in made[section].items() if k != key}
    return made


def _agreeing(made: dict[str, Any], row: Row) -> dict[str, Any]:
    """The document with its mirrors as an engine would print them."""
    words = [*(made["Config"].get("Entrypoint") or ()), *(made["Config"].get("Cmd") or ())]
    if row.pattern in ("Config.Entrypoint", "Config.Cmd"):
        made["Path"], made["Args"] = words[0], words[1:]
    return made


def staged(kind: str, row: Row, stage: Stage) -> Capture:
    """The capture of a stage with the row's sample."""
    return _capture(_documents(kind, row, stage)[1], stage)


def _made(
    documents: Documents,
    stage: Stage,
    *,
    code: str = "",
    about: str = "*",
    answer: str = "",
) -> Made:
    from migrate.plan.making import plan_with_sources

    answers = [Answered(code=each, answer=text, line=n) for n, (each, text) in enumerate(stage.answers.items(), 1)]
    if code:
        escaped = about.replace("*", "?")
        answers = [a for a in answers if a.code != code]
        answers.append(Answered(code=code, about=escaped, answer=answer, line=99))
    found = plan_with_sources(
        _capture(documents, stage),
        target=stage.target,
        decisions=Decisions(answers=tuple(answers)),
    )
    objects = [*(each for _, each in found.plan.objects), *(each for _, each in found.plan.secrets)]
    verdicts = tuple(v for conversion in found.conversions for v in conversion.verdicts)
    present = tuple(atom for tally in found.estate.tallies for atom in tally.atoms)
    return Made(objects=named(objects), verdicts=verdicts, present=present)


def _capture(documents: Documents, stage: Stage) -> Capture:
    box, volume, network = documents
    host = HostDocuments(
        host=Host(name="h1"),
        engine=stage.engine,
        containers=(box, *stage.others),
        images=stage.images,
        volumes=(volume,) if volume else (),
        networks=(network,) if network else (),
        volume_bytes=stage.volume_bytes,
    )
    return Capture(hosts=(host,))

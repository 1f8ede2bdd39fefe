"""Evidence in a container's document: what runs, where and since when. None of it is configuration."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..capture import Engine
from ..workload import Host, Image, Instance
from .inspect_document import Document

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_NEVER = "0001-01-01"


def read_image(document: Document, image: Mapping[str, Any] | None) -> Image:
    """``digest`` and ``repository`` from the image's RepoDigests: the entry of the repository that was asked for, else
    the first. Without the image's document, from a digest in the reference, or Podman's ImageDigest."""
    reference = str(document.part("Config", "Image") or document.part("ImageName") or "")
    identity = str(document.part("Image") or "")
    digests = sorted(digest for digest in _strings(image, "RepoDigests") if "@" in digest)
    tags = _strings(image, "RepoTags")
    if _DIGEST.fullmatch(reference) and tags:
        reference = tags[0]
    wanted = repository_of(reference)
    entry = next(
        (d for d in digests if _familiar(d.partition("@")[0]) == _familiar(wanted)), digests[0] if digests else ""
    )
    if not entry and "@" in reference:
        entry = f"{wanted}@{reference.partition('@')[2]}"
    if not entry and _DIGEST.fullmatch(str(document.part("ImageDigest") or "")):
        entry = f"{wanted}@{document.part('ImageDigest')}"
    repository, _, digest = entry.partition("@")
    platform = _platform(document, image, None)
    return Image(
        reference=reference,
        digest=digest,
        repository=repository,
        local_only=image is not None and not digest,
        id=identity,
        platforms=(platform,) if platform else (),
    )


def inherited_of(image: Mapping[str, Any] | None) -> dict[str, Any]:
    """What an image gives to a container that says nothing of its own, by the model's names; see Container."""
    config = image.get("Config") if image is not None else None
    if not isinstance(config, Mapping):
        return {}
    made: dict[str, Any] = {}
    for attribute, key in (("entrypoint", "Entrypoint"), ("args", "Cmd")):
        if words := _strings(config, key):
            made[attribute] = tuple(words)
    user, _, group = str(config.get("User") or "").partition(":")
    made |= {"working_dir": str(config.get("WorkingDir") or ""), "user": user, "group": group}
    for entry in _strings(config, "Env"):
        name, _, value = entry.partition("=")
        made[f"env {name}"] = value
    return {name: value for name, value in made.items() if value or name.startswith("env ")}


def _strings(image: Mapping[str, Any] | None, key: str) -> list[str]:
    found = image.get(key) if image is not None else None
    return [text for text in found if isinstance(text, str)] if isinstance(found, list) else []


def repository_of(reference: str) -> str:
    """A reference without tag and digest: ``reg.example:5000/web:4.2`` is of ``reg.example:5000/web``."""
    name = reference.partition("@")[0]
    head, colon, tag = name.rpartition(":")
    return head if colon and "/" not in tag else name


def _familiar(repository: str) -> str:
    """Docker Hub's names in short: ``docker.io/library/nginx`` is ``nginx``."""
    return repository.removeprefix("docker.io/").removeprefix("index.docker.io/").removeprefix("library/")


def read_instance(
    document: Document, image: Mapping[str, Any] | None, engine: Engine | None, host: Host, *, listening: bool
) -> Instance:
    state = document.part("State")
    state = state if isinstance(state, dict) else {}
    return Instance(
        name=instance_name(document.raw),
        host=host.name,
        site=host.site,
        id=str(document.part("Id") or ""),
        document=document.name,
        state=_state(state),
        image_id=str(document.part("Image") or ""),
        platform=_platform(document, image, engine),
        exit_code=_number(state.get("ExitCode")),
        uptime_s=_uptime(state, engine),
        restarts=_number(document.part("RestartCount")),
        listening=listening and _state(state) == "running",
    )


def instance_name(raw: Mapping[str, Any]) -> str:
    """Without the slash; old documents have none, there the short ID stands for it. Standalone Swarm puts the node
    before it: ``/node-1/web``."""
    name = raw.get("Name")
    text = name.strip("/").rpartition("/")[2] if isinstance(name, str) else ""
    return text or str(raw.get("Id") or "")[:12]


def _state(state: Mapping[str, Any]) -> str:
    """Status, or before API 1.21 what its flags say."""
    status = state.get("Status")
    if isinstance(status, str) and status:
        return {"stopped": "exited", "configured": "created", "initialized": "created"}.get(status, status)
    for flag, name in (("Restarting", "restarting"), ("Paused", "paused"), ("Running", "running"), ("Dead", "dead")):
        if state.get(flag):
            return name
    return "created" if str(state.get("StartedAt") or _NEVER).startswith(_NEVER) else "exited"


def _platform(document: Document, image: Mapping[str, Any] | None, engine: Engine | None) -> str:
    """``linux/arm64/v8`` of the image that runs, else of the engine."""
    of_manifest = document.part("ImageManifestDescriptor", "platform")
    for source, names in (
        (of_manifest, ("os", "architecture", "variant")),
        (image, ("Os", "Architecture", "Variant")),
        (engine.version if engine else None, ("Os", "Arch", "")),
    ):
        parts = [str(source.get(name) or "") for name in names if name] if isinstance(source, Mapping) else []
        if len(parts) > 1 and parts[0] and parts[1]:
            return "/".join(filter(None, parts))
    return ""


def _uptime(state: Mapping[str, Any], engine: Engine | None) -> float | None:
    """From its start to the engine's own time of reading, or to its end. None where no clock tells."""
    started = _seconds(state.get("StartedAt"))
    running = engine is not None and bool(state.get("Running"))
    until = _seconds(engine.info.get("SystemTime")) if engine and running else _seconds(state.get("FinishedAt"))
    return None if started is None or until is None or until < started else until - started


_RFC3339 = re.compile(
    r"(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)T(?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d(\.\d+)?)"
    r"(Z|(?P<sign>[+-])(?P<hours>\d\d):(?P<minutes>\d\d))"
)


def _seconds(value: object) -> float | None:
    """An RFC 3339 time as seconds of a count of its own, to be subtracted; None for anything else and for Go's zero
    time. By hand, since nothing in here may know a clock."""
    match = _RFC3339.fullmatch(value) if isinstance(value, str) and not value.startswith(_NEVER) else None
    if match is None:
        return None
    # Days since 0000-03-01: with the leap day last in the year, months need no table.
    year, month = int(match["year"]), int(match["month"])
    year, month = (year - 1, month + 9) if month < 3 else (year, month - 3)
    days = 365 * year + year // 4 - year // 100 + year // 400 + (153 * month + 2) // 5 + int(match["day"])
    offset = int(match["hours"] or 0) * 3600 + int(match["minutes"] or 0) * 60
    east = -1 if match["sign"] == "-" else 1
    return days * 86400 + int(match["hour"]) * 3600 + int(match["minute"]) * 60 + float(match["second"]) - east * offset


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0

"""Whose accounts must be known, and the texts of /etc/passwd and /etc/group out of an engine's archives."""

from __future__ import annotations

import io
import posixpath
import re
import tarfile
from collections.abc import Iterable, Mapping
from typing import Any

FILES = ("/etc/passwd", "/etc/group")
_NUMBER = re.compile(r"\d+")


def sources_of_accounts(containers: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Image ID to the ID of one of its containers, for images whose user or groups are names somewhere.

    Of several containers one that mounts nothing over its accounts is taken.
    """
    named: set[str] = set()
    found: dict[str, tuple[bool, str]] = {}
    for container in containers:
        image, identity = container.get("Image"), container.get("Id")
        if not isinstance(image, str) or not isinstance(identity, str) or not image:
            continue
        if _by_name(container):
            named.add(image)
        candidate = (_covers(container), identity)
        found[image] = min(found.get(image, candidate), candidate)
    return {image: found[image][1] for image in sorted(named)}


def _by_name(container: Mapping[str, Any]) -> bool:
    config = container.get("Config") or {}
    host_config = container.get("HostConfig") or {}
    words = [*str(config.get("User") or "").split(":"), *map(str, host_config.get("GroupAdd") or ())]
    return any(word and not _NUMBER.fullmatch(word) for word in words)


def _covers(container: Mapping[str, Any]) -> bool:
    mounts = container.get("Mounts") or ()
    return any(mount.get("Destination") in ("/etc", *FILES) for mount in mounts if isinstance(mount, Mapping))


def text_in(archive: bytes) -> str | None:
    """The text of the one file in an archive; None where it is no file (a link: see ``link_target``)."""
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:") as tar:
            for member in tar:
                content = tar.extractfile(member) if member.isreg() else None
                return content.read().decode("utf-8", "replace") if content else None
    except tarfile.TarError:
        return None
    return None


def link_target(path: str, stat: Mapping[str, Any]) -> str:
    """Where a link leads, from the engine's stat of it; ``""``: it is none.

    The engine gives the target as the link has it, or already resolved within the container.
    """
    target = stat.get("linkTarget")
    return (
        posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
        if isinstance(target, str) and target
        else ""
    )

"""What is no container's inspect, and how a person is told: one error each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import PodliftError
from .inspect_document import kind_of


def refuse_unless_container(raw: Any, where: str) -> Mapping[str, Any]:
    """The document, if it is what ``docker inspect`` prints for a container. Raises PodliftError ``inspect-list``,
    ``inspect-image``, ``inspect-other``, ``inspect-no-id``, ``inspect-incomplete``, ``inspect-not-object``."""
    document = refuse_unless_object(raw, where, "a container")
    if "Names" in document and "Config" not in document:
        raise _refusal(
            "inspect-list",
            where,
            "this is an entry of a container list, which lacks most of a container's settings",
            "give what docker inspect CONTAINER prints, not docker ps or GET /containers/json",
        )
    if "HostConfig" not in document and "State" not in document:
        if "RootFS" in document or "RepoTags" in document or "ContainerConfig" in document:
            raise _refusal(
                "inspect-image",
                where,
                "this is the inspect of an image, not of a container",
                "give it beside its container's inspect, as an image",
            )
        if "IPAM" in document or "Mountpoint" in document:
            what = "a network" if "IPAM" in document else "a volume"
            raise _refusal(
                "inspect-other",
                where,
                f"this is the inspect of {what}, not of a container",
                "give it beside its container's inspect",
            )
    if not isinstance(document.get("Id"), str) or not document["Id"]:
        raise _refusal(
            "inspect-no-id",
            where,
            "the document has no Id, so it is no container's inspect",
            "give what docker inspect CONTAINER prints",
        )
    for part in ("Config", "HostConfig"):
        if not isinstance(document.get(part), dict):
            found = kind_of(document[part]) if part in document else "nothing"
            raise _refusal(
                "inspect-incomplete",
                where,
                f"{part} is due as an object and {found} stands there: what the container was given is not known",
                "give the whole output of docker inspect CONTAINER",
            )
    return document


def refuse_unless_object(document: Any, where: str, what: str) -> Mapping[str, Any]:
    """Raises PodliftError ``inspect-not-object``; ``what`` is due there."""
    if not isinstance(document, Mapping):
        reason = f"an object is due for {what} and {kind_of(document)} stands there"
        raise _refusal("inspect-not-object", where, reason, "give what docker inspect prints")
    return document


def _refusal(code: str, where: str, reason: str, next_step: str) -> PodliftError:
    return PodliftError(code=code, phase="read", subject=where, reason=reason, next_step=next_step)

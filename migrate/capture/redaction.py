"""A capture that can be shared: names of environment entries, and none of their values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from converters.capture import Capture, HostDocuments
from converters.secrecy import WITHHELD, WITHHELD_AS_IMAGE, is_secret, masked

from .values import Change, with_environment, with_texts


def redact(capture: Capture) -> Capture:
    """The capture with ``NAME=podlift:withheld`` for every entry of an environment, of containers and of images; with
    ``podlift:withheld-as-image`` for a container's entry that its image has too; and with ``podlift:withheld`` in
    place of what looks secret in configs.

    It can be planned: each value that is the container's own becomes a required key of a Secret. Argv, labels and
    mounts stay as they are: they decide what is planned. A secret that stands in one of them stays there: a plan of the
    capture as it was names it (``secret-in-argv``), and so does :func:`left_in_clear`; a plan of the redacted capture
    can no longer tell.
    """
    return replace(
        capture,
        hosts=tuple(_redacted(host) for host in capture.hosts),
        configs=tuple(replace(each, value=with_texts(each.value, _withheld_if_secret)) for each in capture.configs),
        redacted=True,
    )


def left_in_clear(capture: Capture) -> tuple[tuple[str, str], ...]:
    """Where redaction of this capture would leave a secret: a secret value of a container's environment, a URL with a
    password or a PEM block that stands elsewhere in its document. Pairs of ``HOST/CONTAINER`` and the key."""
    found: dict[tuple[str, str], None] = {}
    for host in capture.hosts:
        for document in host.containers:
            known = {v for entry in _entries(document) for n, _, v in [entry.partition("=")] if is_secret(n, v)}
            name = str(document.get("Name") or document.get("Id") or "").lstrip("/")
            for path, text in _texts(with_environment(document, _withheld)):
                if masked(text, known) != text:
                    found[f"{host.host.name}/{name}", path] = None
    return tuple(sorted(found))


def _texts(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, below in value.items():
            yield from _texts(below, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for below in value:
            yield from _texts(below, path)
    elif isinstance(value, str):
        yield path, value


def _redacted(host: HostDocuments) -> HostDocuments:
    of_images = {str(image.get("Id")): _entries(image) for image in host.images}
    return replace(
        host,
        containers=tuple(
            with_environment(each, _withheld_unless_of(of_images.get(str(each.get("Image")), frozenset())))
            for each in host.containers
        ),
        images=tuple(with_environment(each, _withheld) for each in host.images),
    )


def _entries(document: Mapping[str, Any]) -> frozenset[str]:
    config = document.get("Config")
    env = config.get("Env") if isinstance(config, Mapping) else None
    return frozenset(each for each in env if isinstance(each, str)) if isinstance(env, list) else frozenset()


def _withheld_unless_of(image: frozenset[str]) -> Change:
    def change(name: str, value: str) -> str:
        if value in (WITHHELD, WITHHELD_AS_IMAGE):
            return value
        return WITHHELD_AS_IMAGE if f"{name}={value}" in image else WITHHELD

    return change


def _withheld(_name: str, _value: str) -> str:
    return WITHHELD


def _withheld_if_secret(name: str, value: str) -> str:
    return WITHHELD if is_secret(name, value) else value

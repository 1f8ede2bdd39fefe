"""A capture that can be shared: names of environment entries, and none of their values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from converters.capture import Capture, HostDocuments
from converters.secrecy import WITHHELD, is_secret

from .values import with_environment, with_texts


def redact(capture: Capture) -> Capture:
    """The capture with ``NAME=podlift:withheld`` for every entry of an environment, of containers and of images; and
    the same in place of what looks secret in configs.

    It can be planned: each value becomes a required key of a Secret. Argv, labels and mounts stay as they are: they
    decide what is planned. A secret in one of them is a finding of every plan.
    """
    return replace(
        capture,
        hosts=tuple(_redacted(host) for host in capture.hosts),
        configs=tuple(replace(each, value=with_texts(each.value, _withheld_if_secret)) for each in capture.configs),
        redacted=True,
    )


def _redacted(host: HostDocuments) -> HostDocuments:
    def without(documents: tuple[Mapping[str, Any], ...]) -> tuple[Mapping[str, Any], ...]:
        return tuple(with_environment(each, _withheld) for each in documents)

    return replace(host, containers=without(host.containers), images=without(host.images))


def _withheld(_name: str, _value: str) -> str:
    return WITHHELD


def _withheld_if_secret(name: str, value: str) -> str:
    return WITHHELD if is_secret(name, value) else value

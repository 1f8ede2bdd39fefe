"""A container that runs once in the host's network and is removed again: how a probe comes to a host that is reached
by its engine alone."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from .answers import parsed
from .control import EngineControl
from .refusals import refused
from .wire import Answer, quoted

_STREAMS = {1: "stdout", 2: "stderr"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """What a container ended with, and what it printed."""

    code: int
    stdout: str
    stderr: str


class OneShot(EngineControl):
    """Runs containers on one engine, each for one command. The image has to be there: none is pulled."""

    def run(self, image: str, environment: Mapping[str, str], *, timeout_s: float) -> Ended:
        """Runs the image's own command as root with NET_ADMIN alone, on a file system that cannot be written.

        Whatever happens, the container is removed. Raises PodliftError as EngineControl does, ``engine-silent`` where
        it does not end in its time.
        """
        name = f"podlift-probe-{uuid.uuid4().hex[:10]}"
        body = {
            "Image": image,
            "User": "0",
            "Env": [f"{key}={value}" for key, value in environment.items()],
            "HostConfig": {
                "NetworkMode": "host",
                "CapDrop": ["ALL"],
                "CapAdd": ["NET_ADMIN"],
                "ReadonlyRootfs": True,
                "SecurityOpt": ["no-new-privileges"],
                # the host's own driver may be one whose logs cannot be read
                "LogConfig": {"Type": "json-file"},
            },
        }
        what, path = f"a container of {image}", f"/containers/{quoted(name)}"
        try:
            self._post(f"/containers/create?name={quoted(name)}", f"making {what}", body=body)
            self._post(f"{path}/start", f"starting {what}")
            ended = parsed(self._post(f"{path}/wait", f"the end of {what}", timeout_s=timeout_s))
            printed = self._log(path, what)
        finally:
            self._remove(path, what)
        return Ended(code=int(ended["StatusCode"]), stdout=printed["stdout"], stderr=printed["stderr"])

    def _post(
        self, path: str, what: str, *, timeout_s: float | None = None, body: Mapping[str, object] | None = None
    ) -> Answer:
        seconds = timeout_s or self._call_timeout_s
        answer, _ = self._call(
            what, seconds, lambda opened: opened.session.post(opened.versioned(path), body, timeout_s=seconds)
        )
        if answer.status not in (200, 201, 204):
            raise refused(self.host.name, what, answer.message)
        return answer

    def _log(self, path: str, what: str) -> Mapping[str, str]:
        answer, _ = self._get(f"{path}/logs?stdout=1&stderr=1", f"the log of {what}")
        if answer.status != 200:
            raise refused(self.host.name, f"the log of {what}", answer.message)
        return streams(answer.body)

    def _remove(self, path: str, what: str) -> None:
        seconds = self._call_timeout_s
        answer, _ = self._call(
            f"removing {what}",
            seconds,
            lambda opened: opened.session.delete(opened.versioned(f"{path}?force=1&v=1"), timeout_s=seconds),
        )
        if answer.status not in (204, 404):
            raise refused(self.host.name, f"removing {what}", answer.message)


def streams(log: bytes) -> Mapping[str, str]:
    """A log's parts by their stream: before each stand its number, three zeros, and its length in four bytes."""
    found = {"stdout": b"", "stderr": b""}
    while log:
        length = int.from_bytes(log[4:8], "big")
        found[_STREAMS.get(log[0], "stdout")] += log[8 : 8 + length]
        log = log[8 + length :]
    return {stream: text.decode("utf-8", "replace") for stream, text in found.items()}

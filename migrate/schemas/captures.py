"""The schemas of a capture's own files; the documents in it are Docker's, and Docker's API reference describes them."""

from __future__ import annotations

from typing import Any

from .building import array, flag, keyed, text, whole

_DIGEST = text("sha256 of the file's bytes", pattern="^[0-9a-f]{64}$")


def capture() -> dict[str, Any]:
    host = keyed(
        "a host",
        {"folder": text("its folder below hosts/"), "readAt": text("when it was read, RFC 3339"), "sha256": _DIGEST},
        required=("folder", "readAt", "sha256"),
    )
    return keyed(
        "capture.json: what a capture holds",
        {
            "schema": {"const": "podlift.dev/capture/v1"},
            "redacted": flag("values of environments were withheld"),
            "hosts": array("hosts in the order of reading", host),
            "configs": _files("config documents, below configs/"),
        },
        required=("schema", "redacted", "hosts", "configs"),
    )


def captured_host() -> dict[str, Any]:
    return keyed(
        "hosts/HOST/host.json: a host, what could not be read, and the list of its documents",
        {
            "name": text("the host's name"),
            "url": text("its engine's URL"),
            "address": text("an address that the cluster can reach"),
            "site": text("the place where it stands"),
            "labels": keyed("labels of the host", {}, others=text("a value")),
            "error": text("why it could not be read whole; empty: it was"),
            "vanished": array("containers that were gone when they were inspected: name, what happened", _pair()),
            "volumeBytes": keyed("volume to measured size", {}, others=whole("bytes", minimum=0)),
            "engine": _files("the bodies of /version and /info"),
            "accounts": _files("texts of /etc/passwd and /etc/group of images"),
            **{kind: _files(f"inspects of {kind}") for kind in ("containers", "images", "volumes", "networks")},
        },
        required=("name", "url", "address", "site", "labels", "error", "vanished", "volumeBytes"),
    )


def _files(said: str) -> dict[str, Any]:
    return array(f"{said}: file, sha256", _pair())


def _pair() -> dict[str, Any]:
    return {"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 2}

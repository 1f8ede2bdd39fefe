"""A capture at a glance: hosts, what was read of each, and who could not be read."""

from __future__ import annotations

from typing import Any

from converters.capture import Capture, HostDocuments

from .table import count, table

CAPTURED_SCHEMA = "podlift.dev/captured/v1"


def capture_view(capture: Capture) -> str:
    head = ("HOST", "SITE", "ENGINE", "CONTAINERS", "IMAGES", "VOLUMES", "NETWORKS", "READ")
    return table(head, [_row(each) for each in capture.hosts])


def _row(each: HostDocuments) -> tuple[str, ...]:
    numbers = (each.containers, each.images, each.volumes, each.networks)
    read = each.error or ", ".join(f"{name} {what}" for name, what in each.vanished) or "all"
    return (each.host.name, each.host.site or "-", _engine(each), *(str(len(found)) for found in numbers), read)


def _engine(each: HostDocuments) -> str:
    if each.engine is None:
        return "-"
    version = each.engine.version.get("Version", "")
    return f"{version} (API {each.engine.api_version})" if version else f"API {each.engine.api_version}"


def capture_line(capture: Capture) -> str:
    """``Capture: 7 hosts, 46 containers, 3 config documents; 0 hosts unread.``"""
    containers = sum(len(each.containers) for each in capture.hosts)
    configs = count(len(capture.configs), "config document")
    line = f"Capture: {count(len(capture.hosts), 'host')}, {count(containers, 'container')}, {configs}; "
    return line + f"{count(len(capture.unread), 'host')} unread{'; values withheld' if capture.redacted else ''}."


def capture_json(capture: Capture) -> dict[str, Any]:
    return {
        "schema": CAPTURED_SCHEMA,
        "redacted": capture.redacted,
        "unread": list(capture.unread),
        "configs": [{"name": each.name, "index": each.index} for each in capture.configs],
        "hosts": [
            {
                "name": each.host.name,
                "site": each.host.site,
                "engine": _engine(each),
                "containers": len(each.containers),
                "images": len(each.images),
                "volumes": len(each.volumes),
                "networks": len(each.networks),
                "error": each.error,
                "vanished": [list(one) for one in each.vanished],
            }
            for each in capture.hosts
        ],
    }

"""Images without a registry and without a build: an archive as `docker save` writes it, made here.

`docker import` would be the obvious way, but its engine forces its own architecture onto the image, its `changes` know
neither STOPSIGNAL nor SHELL, and its images get a new ID each time. Loading an archive sets every field of the image's
configuration, any platform, and gives the same ID for the same arguments.
"""

from __future__ import annotations

import functools
import hashlib
import io
import json
import subprocess
import tarfile
from collections.abc import Mapping
from typing import Any

from tests.lab.packages import BUSYBOX

# Fixed, so that an image's ID depends on its content alone.
CREATED = "2024-01-01T00:00:00Z"
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

BASE: Mapping[str, str] = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
    "etc/group": "root:x:0:\nnogroup:x:65534:\n",
}


def archive(
    tag: str,
    *,
    files: Mapping[str, str | bytes] | None = None,
    config: Mapping[str, Any] | None = None,
    platform: str = "linux/amd64",
) -> bytes:
    """The archive of one image with a static busybox and these files."""
    layer = _layer({**BASE, **(files or {})})
    system, architecture, *variant = platform.split("/")
    record: dict[str, Any] = {
        "created": CREATED,
        "os": system,
        "architecture": architecture,
        **({"variant": variant[0]} if variant else {}),
        "config": {"Env": [PATH], "Cmd": ["sh"], **(config or {})},
        "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]},
        "history": [{"created": CREATED, "created_by": "podlift lab"}],
    }
    body = json.dumps(record, sort_keys=True).encode()
    name = f"{_digest(body).removeprefix('sha256:')}.json"
    manifest = [
        {
            "Config": name,
            "RepoTags": [tag if ":" in tag.rpartition("/")[2] else f"{tag}:latest"],
            "Layers": ["layer.tar"],
        }
    ]
    return _tar(
        {name: (body, 0o644), "layer.tar": (layer, 0o644), "manifest.json": (json.dumps(manifest).encode(), 0o644)}
    )


def _layer(files: Mapping[str, str | bytes]) -> bytes:
    content = {
        path.strip("/"): (data.encode() if isinstance(data, str) else data, 0o755 if _runs(path) else 0o644)
        for path, data in files.items()
    }
    return _tar(
        {"bin/busybox": (BUSYBOX.read_bytes(), 0o755), **content},
        links={f"bin/{applet}": "busybox" for applet in _applets()},
        folders={"tmp": 0o1777, "root": 0o700, "proc": 0o755, "sys": 0o755, "dev": 0o755},
    )


def _runs(path: str) -> bool:
    first, _, rest = path.strip("/").partition("/")
    # the kernel starts a program's loader, too
    return first in {"bin", "sbin"} or "/bin/" in path or rest.startswith("ld-linux") or "/pkg/tool/" in path


@functools.cache
def _applets() -> tuple[str, ...]:
    listed = subprocess.run([BUSYBOX, "--list"], capture_output=True, text=True, check=True).stdout
    return tuple(sorted(set(listed.split()) - {"busybox"}))


def _tar(
    files: Mapping[str, tuple[bytes, int]],
    *,
    links: Mapping[str, str] | None = None,
    folders: Mapping[str, int] | None = None,
) -> bytes:
    buffer = io.BytesIO()
    # parents come first: an archive without them leaves their mode to whoever unpacks it
    parents = {str(parent): 0o755 for path in files for parent in _parents(path)}
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for path, mode in sorted({**parents, **(folders or {})}.items()):
            tar.addfile(_entry(path, mode, tarfile.DIRTYPE))
        for path, (data, mode) in sorted(files.items()):
            entry = _entry(path, mode, tarfile.REGTYPE)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
        for path, goal in sorted((links or {}).items()):
            if path in files:
                continue
            entry = _entry(path, 0o777, tarfile.SYMTYPE)
            entry.linkname = goal
            tar.addfile(entry)
    return buffer.getvalue()


def _parents(path: str) -> list[str]:
    parts = path.split("/")[:-1]
    return ["/".join(parts[: count + 1]) for count in range(len(parts))]


def _entry(path: str, mode: int, kind: bytes) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(path)
    entry.mode, entry.type = mode, kind
    return entry


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"

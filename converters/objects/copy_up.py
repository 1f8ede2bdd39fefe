"""Copy-up: the engine fills an empty volume with the files that its image has there; here an init container does.

Only named and anonymous volumes that start empty are filled (moby, daemon/volumes: CopyImagePathContent), never binds
and memory file systems.
"""

from __future__ import annotations

from typing import Any

from ..fields.verdict import Origins
from .context import suffixed
from .image import image
from .volumes import Group, Place, Use

INSIDE = "/podlift/copy-up"
# The shell's own words but for cp. A new file system's lost+found does not make it a volume with content.
_SCRIPT = (
    'for f in "$2"/* "$2"/.[!.]*; do case "$f" in */lost+found) continue;; esac; '
    'if [ -e "$f" ] || [ -L "$f" ]; then exit 0; fi; done; cp -a "$1/." "$2/"'
)
_CAPABILITIES = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID"]


def copy_up(group: Group, *, place: Place, volume: str) -> tuple[dict[str, Any] | None, bool]:
    """The init container that fills ``volume``, None if there is nothing to copy; and whether it is not known what the
    image has there (the ledger is asked once the volume itself is decided: ask_content)."""
    uses = [use for use in group.uses if _may_copy(use)]
    copying = next((use for use in uses if use.mount.content), None)
    if copying is not None:
        return _init_container(copying, place, volume), False
    unknown = next((use for use in uses if use.mount.content is None), None)
    if unknown is None:
        return None, False
    answer = place.ledger.ask("copy-up-unclear", group.origins, unknown.subject)
    if answer == "copy":
        return _init_container(unknown, place, volume), False
    return None, answer is None


def _may_copy(use: Use) -> bool:
    return use.mount.content is not False and "nocopy" not in use.mount.options


def ask_content(group: Group, *, place: Place) -> None:
    place.ledger.undecided(
        group.origins,
        "copy-up-unclear",
        why=f"whether the image has files at {group.first.mount.target} is not known: the volume starts empty for now",
        subject=group.first.subject,
    )


def _init_container(use: Use, place: Place, volume: str) -> dict[str, Any]:
    """It runs as root with what ``cp -a`` needs, since the engine keeps owners; a restricted target admits only the
    container's own user."""
    name = suffixed("copy-up-", volume)
    context, ledger = place.context, place.ledger
    restricted = context.target.pod_security == "restricted"
    security: dict[str, Any] = {}
    if restricted:
        security["runAsNonRoot"] = True
        if (use.container.user or "").isdecimal():
            security["runAsUser"] = int(use.container.user or 0)
    else:
        security["runAsUser"] = 0
    security["allowPrivilegeEscalation"] = False
    security["capabilities"] = {"drop": ["ALL"]} if restricted else {"drop": ["ALL"], "add": _CAPABILITIES}
    security["seccompProfile"] = {"type": "RuntimeDefault"}
    of_image: Origins = use.container.origins.get("image", ())
    reference = image(use.container, name=use.container.name, context=context, ledger=ledger)
    ledger.exact(of_image, "image", *context.in_pod(f"spec.initContainers[{name}].image"))
    for target in context.in_pod(f"spec.initContainers[{name}].securityContext"):
        ledger.defaulted("security-default", target, why="no more than copying with owners needs")
    for target in context.in_pod(f"spec.initContainers[{name}].imagePullPolicy"):
        ledger.defaulted("pull-policy-default", target, why="the container's own image")
    mount: dict[str, Any] = {"name": volume, "mountPath": INSIDE}
    if sub_path := use.mount.options.get("subpath", ""):
        mount["subPath"] = sub_path
    return {
        "name": name,
        "image": reference,
        "imagePullPolicy": "IfNotPresent",
        "command": ["/bin/sh", "-c", _SCRIPT, "copy-up", use.mount.target.rstrip("/") or "/", INSIDE],
        "volumeMounts": [mount],
        "securityContext": security,
    }

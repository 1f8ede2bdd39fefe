"""Labels and annotations of the legacy side, kept as annotations of the pod.

Never as labels: those choose pods for Services and controllers, and a legacy label may hold what no label may.
"""

from __future__ import annotations

import re

from ..fields.ledger import Ledger
from ..fields.verdict import Origins
from ..workload import Workload
from .context import Context, short_hash

LEGACY_PREFIX = "legacy.podlift.dev"

# Labels by which schedulers and tools of the engine keep their books: what they say is said by the objects now.
SCHEDULER_LABELS = (
    "com.amazonaws.ecs.",
    "com.docker.compose.",
    "com.docker.desktop.",
    "com.docker.stack.",
    "com.docker.swarm.",
    "com.hashicorp.nomad.",
    "desktop.docker.io/",
    "io.kubernetes.",
    "io.podman.compose.",
    "io.rancher.",
    "mesosphere.marathon.",
    "org.apache.mesos.",
)

# Labels that something beside the engine acts on: as annotations they do nothing any more.
ACTING_LABELS = (
    "autoheal",
    "caddy",
    "com.centurylinklabs.watchtower.",
    "com.github.nginx-proxy.",
    "ofelia.",
    "swarm.cronjob.",
    "traefik.",
)

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
_PREFIX = re.compile(r"(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_RESERVED = re.compile(r"(.*\.)?(kubernetes\.io|k8s\.io|podlift\.dev)")


def pod_annotations(workload: Workload, *, context: Context, ledger: Ledger) -> dict[str, str]:
    """Annotations of the pod, sorted by key, and the verdicts on labels and annotations of its containers."""
    made: dict[str, str] = {}
    for container in workload.containers:
        for pair in container.labels:
            if pair.key.startswith(SCHEDULER_LABELS):
                ledger.dropped(pair.origins, "label-scheduler", why=f"{pair.key}: the old scheduler's own")
                continue
            key = _kept(made, container.name, pair.key, pair.value)
            acts = pair.key.startswith(ACTING_LABELS)
            why = (
                f"{pair.key}: kept as an annotation; what acted on this label does not act on it here"
                if acts
                else f"{pair.key}: kept as an annotation; nothing can select by it"
            )
            todo = "say in the cluster's own words what the label asked for" if acts else ""
            _tell(pair.origins, "label", key, why=why, todo=todo, context=context, ledger=ledger)
        for pair in container.annotations:
            key = _kept(made, container.name, pair.key, pair.value)
            why = f"{pair.key}: an annotation of the pod; the runtime sees it only if it is set up to"
            _tell(pair.origins, "annotation", key, why=why, todo="", context=context, ledger=ledger)
    return dict(sorted(made.items()))


def _kept(made: dict[str, str], container: str, key: str, value: str) -> str:
    """The key under which a value is kept: containers of one pod may say different things under one key."""
    legal = annotation_key(key)
    if made.get(legal, value) != value:
        legal = annotation_key(f"{container}/{key}", foreign=True)
    made[legal] = value
    return legal


def _tell(origins: Origins, code: str, key: str, *, why: str, todo: str, context: Context, ledger: Ledger) -> None:
    ledger.approximated(origins, code, *context.in_pod(f"metadata.annotations[{key}]"), why=why, todo=todo)


def annotation_key(key: str, *, foreign: bool = False) -> str:
    """A legal annotation key: ``key`` itself where it is one and means nothing to Kubernetes, else one of ours with
    a hash, so that two keys stay two."""
    prefix, slash, name = key.rpartition("/")
    legal = _NAME.fullmatch(name) is not None and (not slash or _PREFIX.fullmatch(prefix) is not None)
    if legal and not foreign and not _RESERVED.fullmatch(prefix):
        return key
    words = re.sub(r"[^A-Za-z0-9_.-]+", "-", key).strip("-_.")[:50].strip("-_.")
    return f"{LEGACY_PREFIX}/{words or 'x'}-{short_hash(key)}"

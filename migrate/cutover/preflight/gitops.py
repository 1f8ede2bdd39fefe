"""What Flux and Argo CD would set back of the objects that a run writes, and how often they look.

Flux applies by force whatever stands in its source (kustomize-controller: with ``ssa: Merge`` too, which only keeps
fields that the source does not have). Argo CD: docs/user-guide/diffing.md and sync-options.md; rules are matched as
util/argo/normalizers/diff_normalizer.go does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase

from converters.amounts import AmountError, seconds

from ...plan.objects import title
from ..endpoints import MANAGER
from .row import Notice
from .seen import CONTROLLERS, Object, Seen, annotations_of, labels_of, name_of

FLUX = (
    ("kustomize.toolkit.fluxcd.io", "Kustomization.kustomize.toolkit.fluxcd.io"),
    ("helm.toolkit.fluxcd.io", "HelmRelease.helm.toolkit.fluxcd.io"),
)
APPLICATION = "Application.argoproj.io"
# What an object says in an annotation or a label, and a Kustomization then leaves it alone. A HelmRelease's own
# (driftDetection) only keeps it from correcting: an upgrade still writes.
_LEFT_ALONE = {
    "kustomize.toolkit.fluxcd.io/reconcile": ("disabled",),
    "kustomize.toolkit.fluxcd.io/ssa": ("Ignore", "IfNotPresent"),
}
_TRACKED = ("argocd.argoproj.io/tracking-id", "argocd.argoproj.io/instance")
# What tells of Argo CD beyond doubt is a tracking ID; with its label it shares a name that others use too.
_INSTANCE = "app.kubernetes.io/instance"
_SYNC_OPTIONS = "argocd.argoproj.io/sync-options"
_RESPECT = "RespectIgnoreDifferences=true"
_REPLACE = "Replace=true"
# argocd-cm: timeout.reconciliation and its jitter, by default.
_ARGO_S = 180.0

Path = tuple[str, ...]
# Annotations of a run are its own keys, which no source has: a merge leaves them.
OF_SERVICES: tuple[Path, ...] = (("spec", "selector"),)
OF_CONTROLLERS: tuple[Path, ...] = (("spec", "replicas"), ("spec", "paused"))
_STEP = r"""(?:\.([A-Za-z_]\w*)|\.?\["([^"\\]+)"\])\??"""


def targets(seen: Seen) -> tuple[Object, ...]:
    """The objects in the cluster that a run writes: the workload's controllers and what bears its Services' names."""
    wanted = {(each["kind"], name_of(each)) for each in (*seen.controllers, *seen.services)}
    return tuple(
        each
        for kind in (*CONTROLLERS, "Service")
        for each in seen.here(kind)
        if (each["kind"], name_of(each)) in wanted
    )


def flux(seen: Seen) -> Iterator[Notice]:
    for each in targets(seen):
        for kind, space, name in _appliers(each):
            owner = _owner(seen, kind, space, name)
            if (owner or {}).get("spec", {}).get("suspend") or (kind == FLUX[0][1] and _left_alone(each)):
                continue
            short = kind.partition(".")[0]
            yield Notice(
                subject=title(each),
                reason=f"Flux's {short} {space}/{name} applies it by force and would set selector or replicas back",
                next_step=f"suspend it (flux suspend {short.lower()} {name} -n {space}), and see that nothing resumes "
                "it: what its own source says of it is applied too",
            )


def _appliers(each: Object) -> Iterator[tuple[str, str, str]]:
    """Kind, namespace and name of those of Flux that say that the object is theirs."""
    for group, kind in FLUX:
        name = labels_of(each).get(f"{group}/name")
        if name:
            yield kind, labels_of(each).get(f"{group}/namespace", ""), name


def _owner(seen: Seen, kind: str, space: str, name: str) -> Object | None:
    found = (one for one in seen.of(kind) if (one["metadata"].get("namespace", ""), name_of(one)) == (space, name))
    return next(found, None)


def _left_alone(each: Object) -> bool:
    said = {**labels_of(each), **annotations_of(each)}
    return any(said.get(key) in off for key, off in _LEFT_ALONE.items())


def argo(seen: Seen) -> Iterator[Notice]:
    applications = {name_of(each): each for each in seen.of(APPLICATION)}
    for each in targets(seen):
        name = _application_of(each, applications)
        why = _set_back(applications.get(name), each) if name else ""
        if why:
            rule = f"{{group: {_group(each) or repr('')}, kind: {each['kind']}, jsonPointers: [{_pointers(each)}]}}"
            yield Notice(
                subject=title(each),
                reason=f"Argo CD's application {name} has it and syncs by itself: {why}",
                next_step="turn its automatic sync off until the run is finalized, or give it ignoreDifferences "
                f"{rule} and, in syncOptions, {_RESPECT}",
            )


def _application_of(each: Object, applications: Mapping[str, Object]) -> str:
    said = {**labels_of(each), **annotations_of(each)}
    for key in _TRACKED:
        if said.get(key):
            # NAME:GROUP/KIND:NAMESPACE/NAME
            return said[key].partition(":")[0]
    name = said.get(_INSTANCE, "")
    return name if name in applications else ""


def _set_back(application: Object | None, each: Object) -> str:
    """What it would set back; ``""``: nothing, since it syncs by hand only, or leaves alone what a run writes."""
    if application is None:
        return f"what it is told to leave alone cannot be read, and it would set {_told(_written(each))} back"
    spec = application.get("spec") or {}
    policy = spec.get("syncPolicy") or {}
    automated = policy.get("automated")
    if automated is None or automated.get("enabled") is False:
        return ""
    options = set(policy.get("syncOptions") or ())
    own = {option.strip() for option in annotations_of(each).get(_SYNC_OPTIONS, "").split(",")}
    rules = [one for one in spec.get("ignoreDifferences") or () if _is_about(one, each)]
    open_ = [path for path in _written(each) if not any(_leaves(one, path) for one in rules)]
    if open_:
        return f"it would set {_told(open_)} back, which none of its ignoreDifferences is about"
    if _REPLACE in options | own:
        return f"{_REPLACE} writes the whole object anew, whatever its ignoreDifferences leave alone"
    # of an object alone, Argo CD does not ask it
    if _RESPECT not in options:
        return f"its ignoreDifferences only hide {_told(_written(each))}: without {_RESPECT} a sync writes them anyway"
    return ""


def _is_about(rule: Object, each: Object) -> bool:
    """A rule without a group is about the core's."""
    metadata = each["metadata"]
    return (
        fnmatchcase(_group(each), str(rule.get("group") or ""))
        and fnmatchcase(each["kind"], str(rule.get("kind") or ""))
        and rule.get("name", "") in ("", metadata["name"])
        and rule.get("namespace", "") in ("", metadata.get("namespace", ""))
    )


def _leaves(rule: Object, path: Path) -> bool:
    """The field, or what holds it. Of expressions of jq only plain paths are understood."""
    if MANAGER in (rule.get("managedFieldsManagers") or ()):
        return True
    said = [_pointer(one) for one in rule.get("jsonPointers") or ()]
    said += [_plain(one) for one in rule.get("jqPathExpressions") or ()]
    return any(one and path[: len(one)] == one for one in said)


def _pointer(written: str) -> Path:
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in written.split("/")[1:])


def _plain(written: str) -> Path:
    if not re.fullmatch(rf"(?:{_STEP})+", written.strip()):
        return ()
    return tuple(name or quoted for name, quoted in re.findall(_STEP, written))


def _group(each: Object) -> str:
    return str(each.get("apiVersion", "")).rpartition("/")[0]


def _written(each: Object) -> tuple[Path, ...]:
    return OF_SERVICES if each["kind"] == "Service" else OF_CONTROLLERS


def _told(paths: Sequence[Path]) -> str:
    return " and ".join(".".join(each) for each in paths)


def _pointers(each: Object) -> str:
    return ", ".join(f"/{'/'.join(path)}" for path in _written(each))


def watch_s(seen: Seen) -> float:
    """Two intervals of the slowest that has one of the objects, also where it is suspended or told to leave them: so
    long a run sees that nothing is set back. 0: nobody has them, or the interval cannot be read."""
    found = [0.0]
    applications = {name_of(each): each for each in seen.of(APPLICATION)}
    for each in targets(seen):
        found += [_interval(_owner(seen, *by)) for by in _appliers(each)]
        found += [_ARGO_S] if _application_of(each, applications) else []
    return 2 * max(found)


def _interval(owner: Object | None) -> float:
    try:
        return seconds(((owner or {}).get("spec") or {}).get("interval") or 0)
    except AmountError:
        return 0.0

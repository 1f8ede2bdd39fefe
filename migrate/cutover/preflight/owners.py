"""Rows on who else writes to the objects of a run, or scales and shifts them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ...plan.objects import title
from .row import Notice, Rule, refuse, warn
from .seen import CONTROLLERS, EVERYWHERE, Object, Seen, annotations_of, labels_of, name_of

_FLUX = (
    ("kustomize.toolkit.fluxcd.io", "Kustomization.kustomize.toolkit.fluxcd.io"),
    ("helm.toolkit.fluxcd.io", "HelmRelease.helm.toolkit.fluxcd.io"),
)
_FLUX_KINDS = tuple(kind for _, kind in _FLUX)
# Flux leaves an object alone, or what others have set in it.
_FLUX_OFF = {
    "kustomize.toolkit.fluxcd.io/reconcile": ("disabled",),
    "kustomize.toolkit.fluxcd.io/ssa": ("Ignore", "IfNotPresent", "Merge"),
}
_ARGO = ("argocd.argoproj.io/tracking-id", "argocd.argoproj.io/instance")
_APPLICATION = "Application.argoproj.io"
# What tells of Argo CD beyond doubt is a tracking ID; with its label it shares a name that others use too.
_INSTANCE = "app.kubernetes.io/instance"
_HELM = "meta.helm.sh/release-name"
_OURS = ("podlift",)
# Fields that a run writes: of controllers, and of Services.
_WRITTEN = ("f:replicas", "f:paused", "f:selector")

_HPA = "HorizontalPodAutoscaler"
_KEDA = "ScaledObject.keda.sh"
_VPA = "VerticalPodAutoscaler.autoscaling.k8s.io"
_ROLLOUT = "Rollout.argoproj.io"
_CANARY = "Canary.flagger.app"
_KNATIVE = "Service.serving.knative.dev"
_EXPORT = "ServiceExport.multicluster.x-k8s.io"
_EXPORTED = {
    "service.cilium.io/global": "true",
    "io.cilium/global-service": "true",
    "mirror.linkerd.io/exported": "true",
}


def targets(seen: Seen) -> tuple[Object, ...]:
    """The objects in the cluster that a run writes: the workload's controllers and what bears its Services' names."""
    wanted = {(each["kind"], name_of(each)) for each in (*seen.controllers, *seen.services)}
    return tuple(
        each
        for kind in (*CONTROLLERS, "Service")
        for each in seen.here(kind)
        if (each["kind"], name_of(each)) in wanted
    )


def _flux(seen: Seen) -> Iterator[Notice]:
    suspended = {
        (kind, each["metadata"].get("namespace", ""), name_of(each))
        for kind in _FLUX_KINDS
        for each in seen.of(kind)
        if (each.get("spec") or {}).get("suspend")
    }
    for each in targets(seen):
        if any(annotations_of(each).get(key, labels_of(each).get(key)) in off for key, off in _FLUX_OFF.items()):
            continue
        for group, kind in _FLUX:
            name, space = labels_of(each).get(f"{group}/name"), labels_of(each).get(f"{group}/namespace", "")
            if name and (kind, space, name) not in suspended:
                yield Notice(
                    subject=title(each),
                    reason=f"Flux's {kind.partition('.')[0]} {space}/{name} applies it by force and would set selector "
                    "or replicas back",
                    next_step=f"suspend it (flux suspend {_flux_verb(kind)} {name} -n {space}) and see that two of its "
                    "intervals change nothing",
                )


def _flux_verb(kind: str) -> str:
    return "kustomization" if kind.startswith("Kustomization") else "helmrelease"


def _argo(seen: Seen) -> Iterator[Notice]:
    applications = {name_of(each): each for each in seen.of(_APPLICATION)}
    for each in targets(seen):
        name = _argo_owner(each, applications)
        if not name or _yields(applications.get(name), each["kind"]):
            continue
        yield Notice(
            subject=title(each),
            reason=f"it belongs to Argo CD's application {name}, whose automatic sync would set selector or replicas "
            "back",
        )


def _argo_owner(each: Object, applications: Mapping[str, Object]) -> str:
    said = {**labels_of(each), **annotations_of(each)}
    for key in _ARGO:
        if said.get(key):
            # NAME:GROUP/KIND:NAMESPACE/NAME
            return said[key].partition(":")[0]
    name = said.get(_INSTANCE, "")
    return name if name in applications else ""


def _yields(application: Object | None, kind: str) -> bool:
    """It syncs by hand only, or is told to leave something of this kind as others set it."""
    spec = (application or {}).get("spec") or {}
    automated = (spec.get("syncPolicy") or {}).get("automated")
    by_hand = application is not None and (automated is None or automated.get("enabled") is False)
    return by_hand or any(each.get("kind") in (kind, "*") for each in spec.get("ignoreDifferences") or ())


def _helm(seen: Seen) -> Iterator[Notice]:
    for each in targets(seen):
        release = annotations_of(each).get(_HELM)
        if release:
            yield Notice(
                subject=title(each),
                reason=f"Helm's release {release} has it: an upgrade or a rollback during the run sets it back",
            )


def _managers(seen: Seen) -> Iterator[Notice]:
    """Whoever last set what a run writes, by server-side apply's account."""
    for each in targets(seen):
        for manager in sorted({str(one.get("manager", "")) for one in each["metadata"].get("managedFields") or ()
                               if _writes(one)}):  # fmt: skip
            if not manager.startswith(_OURS):
                yield Notice(subject=title(each), reason=f"{manager} has set fields of it that a run writes")


def _writes(entry: Mapping[str, object]) -> bool:
    fields = entry.get("fieldsV1")
    spec = fields.get("f:spec") if isinstance(fields, Mapping) else None
    return isinstance(spec, Mapping) and entry.get("subresource") != "status" and any(key in spec for key in _WRITTEN)


def _is_target(seen: Seen, kind: str, name: str) -> bool:
    return (kind, name) in {(each["kind"], name_of(each)) for each in seen.controllers}


def _autoscaler(seen: Seen) -> Iterator[Notice]:
    for each, target in _on_target(seen, _HPA, "scaleTargetRef"):
        reason = f"it scales {target}: shares and capacity would change by themselves"
        yield Notice(subject=title(each), reason=reason)


def _keda(seen: Seen) -> Iterator[Notice]:
    for each, target in _on_target(seen, _KEDA, "scaleTargetRef"):
        reason = f"KEDA scales {target}, to 0 too: shares and capacity would change by themselves"
        yield Notice(subject=title(each), reason=reason)


def _vpa(seen: Seen) -> Iterator[Notice]:
    for each, target in _on_target(seen, _VPA, "targetRef"):
        mode = (each["spec"].get("updatePolicy") or {}).get("updateMode") or "Auto"
        if mode not in ("Off", "Initial"):
            yield Notice(subject=title(each), reason=f"updateMode {mode}: it replaces pods of {target} at any time")


def _flagger(seen: Seen) -> Iterator[Notice]:
    for each, target in _on_target(seen, _CANARY, "targetRef"):
        yield Notice(subject=title(each), reason=f"Flagger scales {target} to 0 and makes Services of its own")


def _on_target(seen: Seen, kind: str, reference: str) -> Iterator[tuple[Object, str]]:
    """Objects of a kind that name one of the workload's controllers, and its title."""
    for each in seen.here(kind):
        target = each["spec"].get(reference) or {}
        of, name = target.get("kind") or "Deployment", target.get("name", "")
        if _is_target(seen, of, name):
            yield each, f"{of}/{name}"


def _rollouts(seen: Seen) -> Iterator[Notice]:
    names = {name_of(each) for each in seen.services}
    for each in seen.here(_ROLLOUT):
        reference = each["spec"].get("workloadRef") or {}
        strategy = each["spec"].get("strategy") or {}
        used = names & {
            str(said.get(key, ""))
            for said in strategy.values()
            if isinstance(said, Mapping)
            for key in ("stableService", "canaryService", "activeService", "previewService")
        }
        if used or _is_target(seen, reference.get("kind", ""), reference.get("name", "")):
            what = f"the selector of {', '.join(sorted(used))}" if used else f"the pods of {reference['name']}"
            yield Notice(subject=title(each), reason=f"Argo Rollouts writes {what}")


def _knative(seen: Seen) -> Iterator[Notice]:
    names = {name_of(each) for each in seen.services}
    for each in seen.here(_KNATIVE):
        if name_of(each) in names:
            yield Notice(subject=f"Knative Service/{name_of(each)}", reason="Knative makes and writes its Service")


def _exported(seen: Seen) -> Iterator[Notice]:
    names = {name_of(each) for each in seen.services}
    for each in seen.here(_EXPORT):
        if name_of(each) in names:
            yield Notice(
                subject=title(each),
                reason="the Service is exported to other clusters, whose proxies follow no slice of ours that is seen",
            )
    for each in (*seen.services, *targets(seen)):
        if each["kind"] != "Service":
            continue
        said = {**labels_of(each), **annotations_of(each)}
        for key, value in _EXPORTED.items():
            if said.get(key) == value:
                yield Notice(subject=title(each), reason=f"{key}: other clusters use its endpoints too")


RULES: tuple[Rule, ...] = (
    refuse("gitops-flux", _flux, *CONTROLLERS[:3], "Service", *(f"{kind}{EVERYWHERE}" for kind in _FLUX_KINDS)),
    refuse("gitops-argo", _argo, *CONTROLLERS[:3], "Service", f"{_APPLICATION}{EVERYWHERE}"),
    warn("helm-owned", _helm, *CONTROLLERS[:3], "Service"),
    warn("foreign-manager", _managers, *CONTROLLERS[:3], "Service"),
    refuse("autoscaler-on-target", _autoscaler, _HPA),
    refuse("keda-on-target", _keda, _KEDA),
    refuse("vpa-on-target", _vpa, _VPA),
    refuse("rollouts-on-target", _rollouts, _ROLLOUT),
    refuse("flagger-on-target", _flagger, _CANARY),
    refuse("knative-service", _knative, _KNATIVE),
    refuse("multi-cluster-export", _exported, _EXPORT),
)

"""Rows on who else writes to the objects of a run, or scales and shifts them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ...plan.objects import title
from .gitops import APPLICATION, FLUX, OF_CONTROLLERS, OF_SERVICES, argo, flux, targets
from .row import Notice, Rule, refuse, warn
from .seen import CONTROLLERS, EVERYWHERE, Object, Seen, annotations_of, labels_of, name_of

_HELM = "meta.helm.sh/release-name"
_OURS = ("podlift",)
# As managedFields have what a run writes.
_WRITTEN = tuple(f"f:{path[-1]}" for path in (*OF_SERVICES, *OF_CONTROLLERS))

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
    refuse("gitops-flux", flux, *CONTROLLERS[:3], "Service", *(f"{kind}{EVERYWHERE}" for _, kind in FLUX)),
    refuse("gitops-argo", argo, *CONTROLLERS[:3], "Service", f"{APPLICATION}{EVERYWHERE}"),
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

"""Rows on the cluster: what it allows, what must have been applied, its nodes and its proxies."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from converters.amounts import AmountError, seconds
from converters.objects.image import split_reference
from converters.quantity import parse

from ...plan.objects import title
from ...plan.stages import at_work
from ...schemas.checking import nearest
from .row import Notice, Rule, mitigate, refuse, warn
from .seen import CONTROLLERS, EVERYWHERE, Object, Seen, annotations_of, labels_of, matches, name_of
from .services import adopted
from .serving import serves

_STANDBY = (1, 28)
_NEEDED = ("ConfigMap", "Secret", "PersistentVolumeClaim", "ServiceAccount")
_ARCH, _OS = "kubernetes.io/arch", "kubernetes.io/os"
_LEVEL = "pod-security.kubernetes.io/enforce"
_WRITES = {"discovery.k8s.io": "endpointslices", "": "services", "apps": "deployments"}
_HOOKS = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")
_POLICY = "ValidatingAdmissionPolicy"
_PROXY = "ConfigMap of kube-proxy"
# kube-proxy's own default.
_SYNC_S = 1.0

# Programs that read Endpoints instead of slices: part of the image's name, the first version that reads slices (none:
# it depends on how it is set), and which it is.
_READERS: tuple[tuple[str, tuple[int, int] | None, str], ...] = (
    ("traefik", (3, 1), "Traefik before 3.1"),
    ("ingress-nginx/controller", (1, 4), "ingress-nginx before 1.4"),
    ("nginx-ingress-controller", None, "an ingress controller that reads Endpoints in old versions"),
    ("prometheus/prometheus", None, "Prometheus, where it discovers by role: endpoints"),
)


def _old(seen: Seen) -> Iterator[Notice]:
    if (0, 0) < seen.cluster.version < _STANDBY:
        version = ".".join(map(str, seen.cluster.version))
        yield Notice(
            subject=f"Kubernetes {version}", reason="before 1.28 proxies may not fall back to standby endpoints"
        )


def _rights(seen: Seen) -> Iterator[Notice]:
    for right, allowed in seen.cluster.rights.items():
        if not allowed and (right.plural != "endpoints" or adopted(seen)):
            yield Notice(subject=str(right), reason="this user may not, and the run needs it")


def _namespace(seen: Seen) -> Iterator[Notice]:
    found = next((each for each in seen.of("Namespace") if name_of(each) == seen.namespace), None)
    if found is None and "Namespace" not in seen.cluster.unread:
        yield Notice(subject=seen.namespace, reason="there is no such namespace")
    elif found is not None and found["metadata"].get("deletionTimestamp"):
        yield Notice(subject=seen.namespace, reason="the namespace is being deleted")


def _objects(seen: Seen) -> Iterator[Notice]:
    for each in seen.planned(*_NEEDED):
        kind = each["kind"]
        if kind not in seen.cluster.unread and name_of(each) not in {name_of(one) for one in seen.here(kind)}:
            yield Notice(subject=title(each), reason="it is of the plan and not in the cluster")
    secrets = {name_of(one): set(one.get("data") or {}) for one in seen.here("Secret")}
    for secret in seen.entry["secrets"] if "Secret" not in seen.cluster.unread else ():
        if secret["name"] not in secrets:
            yield Notice(subject=f"Secret/{secret['name']}", reason="pods need it and it is not in the cluster")
        elif lacking := sorted({*secret["keys"]} - secrets[secret["name"]]):
            yield Notice(subject=f"Secret/{secret['name']}", reason=f"it lacks {', '.join(lacking)}, which pods need")
    for each in seen.here("PersistentVolumeClaim"):
        if (each.get("status") or {}).get("phase") == "Lost":
            yield Notice(subject=title(each), reason="its volume is lost")


def _live(seen: Seen) -> Iterator[tuple[Object, Object | None]]:
    for each in seen.controllers:
        yield each, next((one for one in seen.here(each["kind"]) if name_of(one) == name_of(each)), None)


def _missing(seen: Seen) -> Iterator[Notice]:
    for each, live in _live(seen):
        if live is None and each["kind"] not in seen.cluster.unread:
            yield Notice(subject=title(each), reason="it is of the plan and not in the cluster")


def _working(seen: Seen) -> Iterator[Notice]:
    for each, live in _live(seen):
        what = at_work(live) if live is not None else ""
        if what and not serves(seen):
            yield Notice(subject=title(each), reason=f"it {what} already, before anything is bridged")


def _quota(seen: Seen) -> Iterator[Notice]:
    asked = _asked(seen)
    for each in seen.here("ResourceQuota"):
        status = each.get("status") or {}
        used = status.get("used") or {}
        for resource, hard in sorted((status.get("hard") or each["spec"].get("hard") or {}).items()):
            need = asked.get(resource, Decimal(0))
            if need and parse(str(used.get(resource, "0"))) + need > parse(str(hard)):
                yield Notice(
                    subject=title(each),
                    reason=f"{resource}: {used.get(resource, '0')} of {hard} are used and the run needs {need} more",
                )


def _asked(seen: Seen) -> dict[str, Decimal]:
    """What the run adds, by a quota's names."""
    legacy = Decimal(max(1, len(seen.running)))
    services = Decimal(len(seen.services))
    made = {
        "services": services,
        "count/services": services,
        "count/endpointslices.discovery.k8s.io": services * (1 + legacy),
        # the journal; the leases of driver and keeper
        "configmaps": Decimal(1),
        "count/configmaps": Decimal(1),
        "count/leases.coordination.k8s.io": Decimal(2),
    }
    replicas = seen.entry["replicas"]
    for each in () if serves(seen) else seen.controllers:
        pods = Decimal(replicas.get(name_of(each), each["spec"].get("replicas", 1)))
        for name in ("pods", "count/pods"):
            made[name] = made.get(name, Decimal(0)) + pods
        for container in each["spec"]["template"]["spec"]["containers"]:
            for side in ("requests", "limits"):
                for resource, amount in ((container.get("resources") or {}).get(side) or {}).items():
                    for name in (f"{side}.{resource}", *((resource,) if side == "requests" else ())):
                        made[name] = made.get(name, Decimal(0)) + pods * parse(str(amount))
    return made


def _nodes(seen: Seen) -> tuple[Object, ...]:
    """Those on which pods of the workload may be put, by the templates' nodeSelector."""
    wanted = [template["spec"].get("nodeSelector") or {} for template in seen.templates] or [{}]
    return tuple(each for each in seen.of("Node") if any(one.items() <= labels_of(each).items() for one in wanted))


def _architectures(seen: Seen) -> Iterator[Notice]:
    platforms = seen.entry["image"].get("platforms") or ()
    known = {platform.split("/")[1] for platform in platforms if "/" in platform}
    for each in _nodes(seen):
        arch = labels_of(each).get(_ARCH, "")
        if known and arch and arch not in known and not _kept_off(seen, arch):
            yield Notice(
                subject=title(each),
                reason=f"it is {arch}, and the image was seen to run on {', '.join(sorted(known))} only",
            )


def _kept_off(seen: Seen, arch: str) -> bool:
    """Every template's affinity keeps its pods away from this architecture."""
    return bool(seen.templates) and all(
        any(
            term.get("key") == _ARCH and term.get("operator") == "In" and arch not in (term.get("values") or ())
            for one in _terms(template)
            for term in one.get("matchExpressions") or ()
        )
        for template in seen.templates
    )


def _terms(template: Object) -> tuple[Object, ...]:
    affinity = (template["spec"].get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    return tuple(required.get("nodeSelectorTerms") or ())


def _not_ready(seen: Seen) -> Iterator[Notice]:
    for each in seen.of("Node"):
        conditions = (each.get("status") or {}).get("conditions") or ()
        if not any(one["type"] == "Ready" and one["status"] == "True" for one in conditions):
            yield Notice(
                subject=title(each),
                reason="it is not ready, and its proxy may still send callers on: the run waits until that is seen to "
                "follow",
            )


def _windows(seen: Seen) -> Iterator[Notice]:
    for each in seen.of("Node"):
        if labels_of(each).get(_OS) == "windows":
            yield Notice(
                subject=title(each),
                reason="kube-proxy on Windows sent to the Service's targetPort instead of a slice's port until 2025",
            )


def _budgets(seen: Seen) -> Iterator[Notice]:
    for each in seen.here("PodDisruptionBudget"):
        if any(matches(each["spec"].get("selector"), labels_of(template)) for template in seen.templates):
            yield Notice(
                subject=title(each),
                reason="it already guards the workload's pods, and would hold a node's drain while few are ready",
            )


def _in_the_way(seen: Seen) -> Iterator[Notice]:
    for kind in _HOOKS:
        for each in seen.of(kind):
            for hook in each.get("webhooks") or ():
                touched = sorted({one for rule in hook.get("rules") or () for one in _touched(rule)})
                if touched and hook.get("failurePolicy", "Fail") == "Fail":
                    yield Notice(
                        subject=title(each),
                        reason=f"it has a say in {', '.join(touched)}, and where it does not answer writes fail",
                    )
    for each in seen.of(_POLICY):
        rules = ((each.get("spec") or {}).get("matchConstraints") or {}).get("resourceRules") or ()
        touched = sorted({one for rule in rules for one in _touched(rule)})
        if touched:
            yield Notice(subject=title(each), reason=f"it has a say in {', '.join(touched)}")


def _touched(rule: Object) -> Iterator[str]:
    for group, plural in _WRITES.items():
        if {group, "*"} & set(rule.get("apiGroups") or ()) and {plural, "*", "*/*"} & set(rule.get("resources") or ()):
            yield plural


def _readers(seen: Seen) -> Iterator[Notice]:
    for each in (*seen.of("Deployment"), *seen.of("DaemonSet"), *seen.of("StatefulSet")):
        for container in each["spec"]["template"]["spec"]["containers"]:
            said = _reader(container.get("image", ""))
            if said:
                yield Notice(
                    subject=f"{each['metadata'].get('namespace', '')}/{title(each)}",
                    reason=f"this is {said}: Endpoints show pods alone, and legacy instances would be nowhere",
                )


def _reader(image: str) -> str:
    """What an image is, if it reads Endpoints; one without a version may."""
    repository, tag, _ = split_reference(image)
    version = re.match(r"v?(\d+)\.(\d+)", tag)
    for part, since, said in _READERS:
        new = since is not None and version is not None and (int(version[1]), int(version[2])) >= since
        if f"/{repository}".endswith(f"/{part}") and not new:
            return said
    return ""


def _proxy_config(seen: Seen) -> str:
    return "".join(str((each.get("data") or {}).get("config.conf", "")) for each in seen.of(_PROXY))


def _ipvs(seen: Seen) -> Iterator[Notice]:
    if re.search(r"^mode:\s*\"?ipvs\"?\s*$", _proxy_config(seen), re.MULTILINE):
        yield Notice(
            subject="kube-proxy",
            reason="mode ipvs: a removed endpoint drains its TCP connections there, and drops UDP at once",
        )


def _slow_proxy(seen: Seen) -> Iterator[Notice]:
    periods = re.findall(r"^\s*minSyncPeriod:\s*\"?(\S+?)\"?\s*$", _proxy_config(seen), re.MULTILINE)
    slowest = max((_period(each) for each in periods), default=0.0) or _SYNC_S
    if 2 * slowest > seen.means.settle_s:
        yield Notice(
            subject="kube-proxy",
            reason=f"minSyncPeriod is {slowest:g} s: a change is given {seen.means.settle_s:g} s to settle, and "
            f"needs {2 * slowest:g}",
        )


def _period(text: str) -> float:
    try:
        return seconds(text)
    except AmountError:
        return 0.0


def _cilium(seen: Seen) -> Iterator[Notice]:
    if "cilium.io" in seen.cluster.groups:
        yield Notice(
            subject="Cilium",
            reason="where it replaces kube-proxy, removing an endpoint cuts its connections: on the way back those to "
            "pods are cut when the selector narrows",
        )


def _probe_pods(seen: Seen) -> Iterator[Notice]:
    level = next(
        (labels_of(each).get(_LEVEL, "") for each in seen.of("Namespace") if name_of(each) == seen.namespace), ""
    )
    without = sorted({name_of(each) for each in seen.of("Node")} - seen.means.node_probes)
    if level in ("baseline", "restricted") and without:
        yield Notice(
            subject=seen.namespace,
            reason=f"the namespace enforces {level}, which refuses probe pods in the host's network; "
            f"{', '.join(without)} have no command of their own",
        )


def _unknown_nodes(seen: Seen) -> Iterator[Notice]:
    nodes = [name_of(each) for each in seen.of("Node")]
    for name in sorted(seen.means.node_probes.difference(nodes)) if nodes else ():
        yield Notice(subject=name, reason=f"the cluster has no such node; {nearest(name, nodes)}")


def _sidecar_mesh(seen: Seen) -> Iterator[Notice]:
    for subject, said in _mesh_marks(seen):
        for key, values in _SIDECARS:
            if said.get(key, "") in values or (not values and said.get(key)):
                yield Notice(
                    subject=subject,
                    reason=f"{key}={said[key]}: a sidecar stands before the pods and before callers, and the "
                    "legacy side has none",
                )


# Labels and annotations by which sidecars are injected, with their values; no values: any.
_SIDECARS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("istio-injection", ("enabled",)),
    ("istio.io/rev", ()),
    ("sidecar.istio.io/inject", ("true",)),
    ("linkerd.io/inject", ("enabled", "ingress")),
    ("consul.hashicorp.com/connect-inject", ("true",)),
    ("kuma.io/sidecar-injection", ("enabled", "true")),
)


def _ambient(seen: Seen) -> Iterator[Notice]:
    for subject, said in _mesh_marks(seen):
        if said.get("istio.io/dataplane-mode") == "ambient":
            yield Notice(
                subject=subject,
                reason="it is in Istio's ambient mesh, whose ztunnel left out slices made by hand (istio#51539) and "
                "whose traffic no probe of ours sees",
            )


def _mesh_marks(seen: Seen) -> Iterator[tuple[str, dict[str, str]]]:
    for each in seen.of("Namespace"):
        if name_of(each) == seen.namespace:
            yield title(each), {**annotations_of(each), **labels_of(each)}
    for controller in seen.controllers:
        template = controller["spec"]["template"]
        yield title(controller), {**annotations_of(template), **labels_of(template)}


def _strict(seen: Seen) -> Iterator[Notice]:
    for each in seen.here(_AUTHENTICATION):
        spec = each.get("spec") or {}
        selector = spec.get("selector")
        if (spec.get("mtls") or {}).get("mode") == "STRICT" and (
            not selector or any(matches(selector, labels_of(template)) for template in seen.templates)
        ):
            yield Notice(subject=title(each), reason="STRICT: neither nodes nor legacy callers can reach the pods")


_AUTHENTICATION = "PeerAuthentication.security.istio.io"

RULES: tuple[Rule, ...] = (
    warn("no-standby-net", _old),
    refuse("rights-missing", _rights),
    refuse("namespace-unfit", _namespace, "Namespace"),
    refuse("objects-missing", _objects, *_NEEDED),
    refuse("controller-missing", _missing, *CONTROLLERS[:3]),
    refuse("controller-at-work", _working, *CONTROLLERS[:3], "Service", "EndpointSlice"),
    refuse("quota-short", _quota, "ResourceQuota"),
    warn("architecture-unseen", _architectures, "Node"),
    warn("node-not-ready", _not_ready, "Node"),
    warn("windows-nodes", _windows, "Node"),
    mitigate("budget-stands", _budgets, "PodDisruptionBudget"),
    warn("admission-in-the-way", _in_the_way, *_HOOKS, _POLICY),
    warn("endpoints-readers", _readers, *(f"{kind}{EVERYWHERE}" for kind in CONTROLLERS[:3])),
    warn("proxy-ipvs", _ipvs, _PROXY),
    warn("proxy-slow", _slow_proxy, _PROXY),
    warn("cilium-cuts", _cilium),
    warn("probe-pods-refused", _probe_pods, "Namespace", "Node"),
    warn("probe-node-unknown", _unknown_nodes, "Node"),
    warn("mesh-sidecars", _sidecar_mesh, "Namespace"),
    refuse("mesh-ambient", _ambient, "Namespace"),
    refuse("mesh-strict", _strict, _AUTHENTICATION),
)

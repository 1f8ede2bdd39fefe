"""What triggers each row on the workload, its Services, the cluster and who else writes; and what nearly does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from migrate.cutover.edges import Found
from migrate.cutover.preflight import Right
from tests.apply_plans import of
from tests.preflight.seen import (
    BACKENDS,
    INSTANCES,
    LABELS,
    PROXY,
    SPACE,
    Change,
    at,
    cluster,
    deployment,
    entry,
    gone,
    host,
    instance,
    live,
    means,
    measured,
    node,
    placed,
    planned,
    seen_as,
    service,
    template,
    unplanned,
)

Case = tuple[str, str, tuple[Change, ...]]
NOTHING: Mapping[str, str] = {}


def named(kind: str, name: str, api_version: str = "v1", **body: Any) -> dict[str, Any]:
    return placed(of(api_version, kind, name, **body))


def with_volume(volume: dict[str, Any], **mount: Any) -> Change:
    made = template(volumes=[{"name": "data", **volume}])
    made["spec"]["containers"][0]["volumeMounts"] = [{"name": "data", "mountPath": "/data", **mount}]
    return planned(deployment(replicas=3, template=made))


def claim(*modes: str) -> dict[str, Any]:
    return named("PersistentVolumeClaim", "web-data", spec={"accessModes": list(modes)})


def journal(state: str) -> Change:
    labels = {**LABELS, "podlift.dev/journal": "run-1"}
    return live(placed(of("v1", "ConfigMap", "cutover-web", data={"state": state}), labels=labels))


def udp(*more: dict[str, Any]) -> Change:
    return planned(service(ports=[*more, {"name": "dns", "port": 53, "protocol": "UDP", "targetPort": 8053}]))


def beside_tcp(protocol: str, port: int) -> Change:
    return planned(service(ports=[TCP, {"name": "more", "port": port, "protocol": protocol, "targetPort": port}]))


TCP = {"name": "http", "port": 80, "protocol": "TCP", "targetPort": 8080}
CLAIM = {"persistentVolumeClaim": {"claimName": "web-data"}}
WITHOUT_PROBE = template()
del WITHOUT_PROBE["spec"]["containers"][0]["readinessProbe"]

WORKLOAD: tuple[Case, ...] = (
    ("not-on-legacy", "no instance", (entry(instances=[]),)),
    ("nothing-planned", "exposure is not decided", (entry(withheld=["exposure"]),)),
    ("nothing-planned", "no controller", (unplanned("Deployment"),)),
    ("hosts-unread", "without this host", (seen_as(unread_hosts=("a3",)),)),
    ("run-under-way", "SHIFT", (journal("SHIFT"),)),
    ("run-under-way", "finalized", (journal("FINALIZED"),)),
    ("class-worker", "no ports", (entry(**{"class": "worker"}),)),
    ("class-cron", "by a clock", (entry(**{"class": "cron"}),)),
    ("class-job", "ends", (entry(**{"class": "job"}),)),
    ("class-daemon", "every host", (entry(**{"class": "daemon"}),)),
    ("class-singleton", "exclusive", (entry(**{"class": "singleton"}),)),
    ("class-single-writer", "one writer", (entry(**{"class": "single-writer"}),)),
    ("class-stateful", "identities", (planned(named("StatefulSet", "db", spec={"template": template()})),)),
    ("claim-of-one-writer", "ReadWriteOnce", (with_volume(CLAIM), planned(claim("ReadWriteOnce")))),
    ("acts-unasked-open", "nobody said", (seen_as(open_findings=frozenset({"acts-unasked"})),)),
    ("no-client-service", "no Service", (unplanned("Service"),)),
    ("no-client-service", "Service/web: it is headless", (planned(service(clusterIP="None")),)),
    ("no-tcp", "UDP only", (udp(),)),
    ("udp-undecided", "nobody said what may become of its UDP flows: when", (udp(TCP),)),
    ("udp-undecided", "UDP flows (QUIC, by port 443: ", (beside_tcp("UDP", 443),)),
    ("udp-undecided", "it takes SCTP, whose flows nobody counts", (beside_tcp("SCTP", 36412), means(udp="sessions"))),
    ("udp-beside-tcp", "are cut as it leaves", (udp(TCP), means(udp="cut"))),
    ("udp-beside-tcp", "move to pods as it leaves", (udp(TCP), means(udp="datagrams"))),
    ("udp-beside-tcp", "leaves the slices when no datagram", (udp(TCP), means(udp="sessions"))),
    ("udp-unheard", "it is in its host's network", (udp(TCP), means(udp="datagrams"), instance(shares_host=True))),
    ("udp-unheard", "no command can be run", (udp(TCP), means(udp="sessions"), host("a1", commands=False))),
    ("writable-data", "/var/lib/web", (with_volume({"hostPath": {"path": "/var/lib/web"}}),)),
    ("writable-data", "web-data", (with_volume(CLAIM),)),
    ("no-readiness-probe", "Deployment/web", (planned(deployment(replicas=3, template=WITHOUT_PROBE)),)),
    ("fewer-pods", "2 pods", (entry(replicas={"web": 2}),)),
)


def owned(kind: str, name: str) -> dict[str, Any]:
    return {"ownerReferences": [{"kind": kind, "name": name, "controller": True}]}


def ingress(name: str = "old", **metadata: Any) -> dict[str, Any]:
    backend = {"service": {"name": "web", "port": {"number": 80}}}
    rules = [{"http": {"paths": [{"path": "/", "backend": backend}]}}]
    return placed(of("networking.k8s.io/v1", "Ingress", name, spec={"rules": rules}), **metadata)


def route() -> dict[str, Any]:
    rules = [{"backendRefs": [{"name": "web", "port": 80}]}]
    return named("HTTPRoute", "old", "gateway.networking.k8s.io/v1", spec={"rules": rules})


def slices_of(name: str) -> dict[str, Any]:
    labels = {"kubernetes.io/service-name": name, "endpointslice.kubernetes.io/managed-by": "somebody"}
    return placed(of("discovery.k8s.io/v1", "EndpointSlice", f"{name}-x1"), labels=labels)


ENDPOINTS = named("Endpoints", "web", subsets=[{"addresses": [{"ip": "192.0.2.99"}]}])
FOREIGN = placed(of("v1", "Service", "web", spec={"ports": [TCP]}), labels={"app": "shop"})
UNSELECTED = service(selector={})
# of hand, before the plan's Service, to running instances and to another place too
STOOD = placed(
    of("v1", "Service", "web", spec={"clusterIP": "10.96.0.9", "ports": [{"name": "http", "port": 80}]}),
    labels={"app": "shop"},
)
LEADS = named(
    "Endpoints",
    "web",
    subsets=[
        {"addresses": [{"ip": each.address}], "ports": [{"name": "http", "port": each.port}]} for each in BACKENDS[:2]
    ],
)


def slice_of(number: int, by: str | None, address: str, **metadata: Any) -> dict[str, Any]:
    """To where an instance answers on its host, or to the same port elsewhere."""
    labels = {"kubernetes.io/service-name": "web"} | ({"endpointslice.kubernetes.io/managed-by": by} if by else {})
    body = {
        "addressType": "IPv4",
        "ports": [{"name": "http", "port": BACKENDS[number].port}],
        "endpoints": [{"addresses": [address]}],
    }
    return placed(of("discovery.k8s.io/v1", "EndpointSlice", f"web-s{number}", **body), labels=labels, **metadata)


def led(endpoints: Mapping[str, Any], *, service: Mapping[str, Any] = STOOD, **metadata: Any) -> Change:
    """A Service of hand by Endpoints, of which the cluster has made slices."""
    by = "endpointslicemirroring-controller.k8s.io"
    mirrored = [slice_of(n, by, each.address) for n, each in enumerate(BACKENDS[:2])]
    return live(placed(service), placed(endpoints, **metadata), *mirrored)


BY_SLICE = (STOOD, slice_of(0, "staff", BACKENDS[0].address), slice_of(1, None, BACKENDS[1].address))
BY_PODS = "endpointslice-controller.k8s.io"
ASTRAY = named("Endpoints", "web", subsets=[*LEADS["subsets"], {**ENDPOINTS["subsets"][0], "ports": [{"port": 80}]}])
# left by a run, and of another workload
OTHERS = placed(service(), labels={"podlift.dev/workload": "db"}, annotations={"podlift.dev/run": "run-1"})
NEG = service("web", type="LoadBalancer")
NEG["metadata"]["annotations"] = {"cloud.google.com/neg": '{"ingress": true}'}
PROXIED = service()
PROXIED["metadata"]["labels"]["service.kubernetes.io/service-proxy-name"] = "other-proxy"
NEAR = service()
NEAR["metadata"]["annotations"] = {"service.kubernetes.io/topology-mode": "Auto"}
BINDING = named(
    "TargetGroupBinding", "web", "elbv2.k8s.aws/v1beta1", spec={"targetType": "ip", "serviceRef": {"name": "web"}}
)

READY_PODS = {"observedGeneration": 1, "replicas": 3, "updatedReplicas": 3, "availableReplicas": 3}


def at_work(status: Mapping[str, Any] = READY_PODS, **spec: Any) -> dict[str, Any]:
    """The Deployment as podlift applied it without a cutover, with its pods."""
    made = deployment(**{"replicas": 3, **spec})
    made["metadata"]["generation"] = 1
    return {**made, "status": status}


def own_slice() -> dict[str, Any]:
    made = slices_of("web")
    made["metadata"]["labels"]["endpointslice.kubernetes.io/managed-by"] = "endpointslice-controller.k8s.io"
    return made


def serving(*more: Mapping[str, Any]) -> tuple[Change, ...]:
    """The workload serves in the cluster. ``more``: what differs there."""
    return (live(service(), own_slice(), at_work(), *more),)


ANOTHER = template()
ANOTHER["spec"]["containers"][0]["image"] = "registry.example/web:4.3"
STAMPED = template()
STAMPED["metadata"]["annotations"] = {"kubectl.kubernetes.io/restartedAt": "2026-11-24T20:00:00Z"}
BESIDE = planned(service("pods", clusterIP="None")), seen_as(found=Found(containers=()))

SERVICES: tuple[Case, ...] = (
    ("service-name-taken", "another Service", (live(FOREIGN),)),
    ("service-name-taken", "another Service", (live(OTHERS),)),
    ("service-has-selector", "podlift.dev/workload=web", (live(service()),)),
    ("service-has-endpoints", "has not made slices", (live(UNSELECTED, ENDPOINTS),)),
    ("service-has-endpoints", "no Service stands there", (live(ENDPOINTS),)),
    ("service-has-endpoints", "leads nowhere", (live(service(selector={}, clusterIP="10.96.0.9")),)),
    ("service-has-endpoints", "Service/web: it stands there by hand", (live(UNSELECTED),)),
    ("service-has-endpoints", "has not made slices", (led(ASTRAY),)),
    ("service-has-endpoints", "192.0.2.99:18080", (live(*BY_SLICE, slice_of(2, None, "192.0.2.99")),)),
    ("service-has-endpoints", "of somebody, is of the Service too", (led(LEADS), live(STOOD, LEADS, slices_of("web")))),
    ("service-has-endpoints", "of endpointslice-controller", (live(*BY_SLICE, slice_of(2, BY_PODS, "10.244.1.2")),)),
    ("service-has-endpoints", "another of the plan's", (planned(service("more")), led(LEADS))),
    ("service-has-endpoints", "Shop one looks after Endpoints/web", (led(LEADS, **owned("Shop", "one")),)),
    (
        "service-has-endpoints",
        "endpoint-controller looks after Endpoints/web",
        (led(LEADS, labels={"endpoints.kubernetes.io/managed-by": "endpoint-controller"}),),
    ),
    (
        "service-has-endpoints",
        "Shop one looks after Service/web",
        (led(LEADS, service=placed(STOOD, **owned("Shop", "one"))),),
    ),
    (
        "service-has-endpoints",
        "Shop one looks after EndpointSlice/web-s1",
        (live(*BY_SLICE[:2], slice_of(1, None, BACKENDS[1].address, **owned("Shop", "one"))),),
    ),
    ("service-name-taken", "another Service", (led(ASTRAY),)),
    ("service-adopted", "running instances alone", (led(LEADS),)),
    ("service-adopted", "running instances alone", (live(*BY_SLICE),)),
    ("service-adopted", "running instances alone", (led(LEADS, service=service(selector={}, clusterIP="10.96.0.9")),)),
    ("service-has-selector", "selector of Service/web is not the plan's", serving(service(selector={"app": "web"}))),
    ("service-has-selector", "ports of Service/web are not", serving(service(ports=[{**TCP, "targetPort": 8081}]))),
    ("service-has-selector", "not one that podlift applied", serving(placed(service(), labels={"app": "web"}))),
    ("service-has-selector", "EndpointSlice/web-x1 is of the Service too", serving(slices_of("web"))),
    ("service-has-selector", "has 2 replicas, and the plan 3", serving(at_work(replicas=2))),
    ("service-has-selector", "is paused", serving(at_work(paused=True))),
    ("service-has-selector", "template of Deployment/web is not", serving(at_work(template=ANOTHER))),
    ("service-has-selector", "3 pods of its present", serving(at_work({**READY_PODS, "updatedReplicas": 2}))),
    ("service-has-selector", "3 pods of its present", serving(at_work({**READY_PODS, "observedGeneration": 0}))),
    ("service-has-selector", "Service/more is not there", (planned(service("more")), *serving())),
    ("service-has-selector", "Deployment/web is not there", (*serving(), gone("Deployment"))),
    ("service-serves-pods", "with 3 pods of the plan's", serving()),
    ("service-serves-pods", "with 3 pods of the plan's", serving(at_work(template=STAMPED))),
    ("slices-left", "somebody", (live(slices_of("web")),)),
    ("name-resolves", "198.51.100.7", (measured(resolved={"web": ("198.51.100.7",)}),)),
    ("name-awaited", "Service web", (live(ingress()),)),
    ("name-awaited", "Service web", (live(route(), group="gateway.networking.k8s.io"),)),
    ("headless-ports-differ", "18080", (planned(service(clusterIP="None")),)),
    ("headless-service", "until the run is finalized it is not there", BESIDE),
    ("headless-service", "keeps what it names", (*BESIDE, live(service("pods", clusterIP="None", selector=None)))),
    ("external-name", "no endpoints", (planned(service(type="ExternalName", ports=[])),)),
    ("publish-not-ready", "unready", (planned(service(publishNotReadyAddresses=True)),)),
    ("traffic-policy-local", "internalTrafficPolicy", (planned(service(internalTrafficPolicy="Local")),)),
    ("traffic-policy-local", "externalTrafficPolicy", (planned(service(externalTrafficPolicy="Local")),)),
    ("session-affinity", "ClientIP", (planned(service(sessionAffinity="ClientIP")),)),
    ("dual-stack", "dual-stack", (planned(service(ipFamilyPolicy="PreferDualStack")),)),
    ("dual-stack", "dual-stack", (planned(service(ipFamilies=["IPv4", "IPv6"])),)),
    ("traffic-distribution", "PreferClose", (planned(service(trafficDistribution="PreferClose")),)),
    ("traffic-distribution", "Auto", (planned(NEAR),)),
    ("service-proxy-name", "other-proxy", (planned(PROXIED),)),
    ("ip-mode-balancer", "cloud.google.com/neg", (planned(NEG),)),
    (
        "ip-mode-balancer",
        "target-type",
        (live(ingress(annotations={"alb.ingress.kubernetes.io/target-type": "ip"})),),
    ),
    ("ip-mode-balancer", "registers pods alone", (live(BINDING, group="elbv2.k8s.aws"),)),
    ("external-ips", "deprecated", (planned(service(externalIPs=["192.0.2.200"])),)),
    (
        "external-ip-loop",
        "a loop",
        (planned(service(externalIPs=["192.0.2.11"], ports=[{**TCP, "port": 18080}])),),
    ),
    ("port-names", "one name", (planned(service(ports=[TCP, {**TCP, "port": 81}])),)),
    ("port-names", "otherwise (http, web)", (live(service(ports=[{**TCP, "name": "web"}])),)),
    ("target-port-named", "targetPort http", (planned(service(ports=[{**TCP, "targetPort": "http"}])),)),
    (
        "many-ports",
        "101 ports",
        (planned(service(ports=[{**TCP, "name": f"p{n}", "port": n + 1} for n in range(101)])),),
    ),
    ("selector-not-own", "lacks", (planned(service(selector={"app": "web"})),)),
    (
        "other-service-matches",
        "selects this workload's pods",
        (live(service("alias", selector={"app.kubernetes.io/managed-by": "podlift"})),),
    ),
    ("stray-pods", "no controller", (live(placed(of("v1", "Pod", "debug"), labels=LABELS)),)),
    (
        "stray-pods",
        "ReplicaSet/old-1",
        (
            live(
                placed(of("v1", "Pod", "old-1-x"), labels=LABELS, **owned("ReplicaSet", "old-1")),
                placed(of("apps/v1", "ReplicaSet", "old-1"), **owned("Deployment", "old")),
            ),
        ),
    ),
)


def marked(labels: Mapping[str, str] = NOTHING, annotations: Mapping[str, str] = NOTHING) -> dict[str, Any]:
    made = deployment(replicas=0)
    made["metadata"]["labels"] |= labels
    made["metadata"]["annotations"] = dict(annotations)
    return made


def reader(image: str) -> dict[str, Any]:
    spec = {"template": {"spec": {"containers": [{"name": "x", "image": image}]}}}
    return {**of("apps/v1", "DaemonSet", "reader", spec=spec), "metadata": {"name": "reader", "namespace": "edge"}}


def webhook(**more: Any) -> dict[str, Any]:
    rules = [{"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "operations": ["CREATE"]}]
    hooks = [{"name": "x", "rules": rules, **more}]
    return of("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", "guard", webhooks=hooks)


def proxy(config: str) -> Change:
    made = of("v1", "ConfigMap", "kube-proxy", data={"config.conf": config})
    return lambda seen: cluster(objects={**seen.cluster.objects, "ConfigMap of kube-proxy": (made,)})(seen)


def namespace(**labels: str) -> dict[str, Any]:
    made = of("v1", "Namespace", SPACE)
    made["metadata"]["labels"] = labels
    return made


def quota(**hard: str) -> Change:
    return live(named("ResourceQuota", "all", spec={"hard": hard}, status={"hard": hard, "used": {"pods": "4"}}))


ENDING = of("v1", "Namespace", SPACE)
ENDING["metadata"]["deletionTimestamp"] = "2026-11-28T00:00:00Z"
LOST = named("PersistentVolumeClaim", "web-data", status={"phase": "Lost"})
ON_ARM = template(nodeSelector={"pool": "arm"})
UNREADY = {**node("n3", 3), "status": {"conditions": [{"type": "Ready", "status": "Unknown"}]}}
BUDGET = named("PodDisruptionBudget", "web", "policy/v1", spec={"selector": {"matchLabels": LABELS}})
CONSTRAINTS = {"resourceRules": [{"apiGroups": [""], "resources": ["services"]}]}
POLICY = of(
    "admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy", "guard", spec={"matchConstraints": CONSTRAINTS}
)
STRICT = named("PeerAuthentication", "default", "security.istio.io/v1", spec={"mtls": {"mode": "STRICT"}})
INJECTED = template()
INJECTED["metadata"]["annotations"] = {"linkerd.io/inject": "enabled"}

ON_ENDPOINTS = Right(verb="patch", group="", plural="endpoints")

CLUSTER: tuple[Case, ...] = (
    ("no-standby-net", "1.27", (cluster(version=(1, 27)),)),
    (
        "rights-missing",
        "may not",
        (cluster(rights={Right(verb="create", group="discovery.k8s.io", plural="endpointslices"): False}),),
    ),
    ("rights-missing", "may not", (cluster(rights={ON_ENDPOINTS: False}), led(LEADS))),
    ("namespace-unfit", "no such namespace", (gone("Namespace"),)),
    ("namespace-unfit", "being deleted", (live(ENDING),)),
    ("objects-missing", "ConfigMap/web-files", (gone("ConfigMap"),)),
    ("objects-missing", "Secret/web-env", (gone("Secret"),)),
    ("objects-missing", "lacks TOKEN", (entry(secrets=[{"name": "web-env", "keys": ["PASSWORD", "TOKEN"]}]),)),
    ("objects-missing", "lost", (live(LOST),)),
    ("controller-missing", "Deployment/web", (gone("Deployment"),)),
    ("controller-at-work", "runs 3 pods", (live(deployment(replicas=3)),)),
    ("controller-at-work", "runs 3 pods", serving(at_work(paused=True))),
    ("quota-short", "pods: 4 of 6 are used and the run needs 3", (quota(pods="6"),)),
    ("quota-short", "requests.cpu", (quota(**{"requests.cpu": "700m"}),)),
    ("architecture-unseen", "arm64", (live(node("n3", 3, **{"kubernetes.io/arch": "arm64"})),)),
    ("node-not-ready", "Node/n3", (live(UNREADY),)),
    ("windows-nodes", "Node/n3", (live(node("n3", 3, **{"kubernetes.io/os": "windows"})),)),
    ("budget-stands", "guards", (live(BUDGET),)),
    ("admission-in-the-way", "endpointslices", (live(webhook()),)),
    ("admission-in-the-way", "services", (live(POLICY),)),
    ("endpoints-readers", "Traefik before 3.1", (live(reader("docker.io/library/traefik:v2.11.3")),)),
    ("endpoints-readers", "ingress-nginx", (live(reader("registry.k8s.io/ingress-nginx/controller:v1.3.1@sha256:1")),)),
    ("proxy-ipvs", "ipvs", (proxy("mode: ipvs\n"),)),
    ("proxy-slow", "30 s", (proxy("iptables:\n  minSyncPeriod: 30s\n"),)),
    ("cilium-cuts", "kube-proxy", (cluster(groups=frozenset({"cilium.io"})),)),
    (
        "probe-pods-refused",
        "n1, n2",
        (live(namespace(**{"pod-security.kubernetes.io/enforce": "baseline"})),),
    ),
    (
        "probe-node-unknown",
        "n3: the cluster has no such node; known are: n1, n2",
        (means(node_probes=frozenset({"n3", "n2"})),),
    ),
    ("mesh-sidecars", "istio-injection=enabled", (live(namespace(**{"istio-injection": "enabled"})),)),
    ("mesh-sidecars", "Deployment/web", (planned(deployment(replicas=3, template=INJECTED)),)),
    ("mesh-ambient", "ztunnel", (live(namespace(**{"istio.io/dataplane-mode": "ambient"})),)),
    ("mesh-strict", "STRICT", (live(STRICT, group="security.istio.io"),)),
)

FLUX = {"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}
TRACKED = {"argocd.argoproj.io/tracking-id": f"shop:apps/Deployment:{SPACE}/web"}


def flux(**spec: Any) -> dict[str, Any]:
    made = of("kustomize.toolkit.fluxcd.io/v1", "Kustomization", "apps", spec=spec)
    made["metadata"]["namespace"] = "flux-system"
    return made


def application(**spec: Any) -> dict[str, Any]:
    return {
        **of("argoproj.io/v1alpha1", "Application", "shop", spec=spec),
        "metadata": {"name": "shop", "namespace": "argocd"},
    }


def scaler(kind: str, name: str = "web", reference: str = "scaleTargetRef", **spec: Any) -> dict[str, Any]:
    return named(kind, "scaler", "x/v1", spec={reference: {"kind": "Deployment", "name": name}, **spec})


AUTOMATED = {"automated": {"selfHeal": True}}
RESPECTING = {**AUTOMATED, "syncOptions": ["RespectIgnoreDifferences=true"]}
POINTERS = ["/spec/replicas", "/spec/paused"]
OF_DEPLOYMENTS = {"group": "apps", "kind": "Deployment"}
LEFT_BY_A_RUN = service()
LEFT_BY_A_RUN["metadata"]["annotations"] = {**TRACKED, "podlift.dev/run": "run-1"}


def tracked(*rules: dict[str, Any], policy: dict[str, Any] | None = None, live_: Any = None) -> tuple[Change, ...]:
    """The Deployment is Argo CD's, whose application has rules."""
    spec = {"syncPolicy": policy or RESPECTING, "ignoreDifferences": list(rules)}
    return live(live_ or marked(annotations=TRACKED)), live(application(**spec), group="argoproj.io")


def ignoring(*pointers: str, **more: Any) -> dict[str, Any]:
    return {**OF_DEPLOYMENTS, "jsonPointers": list(pointers or POINTERS), **more}


MANAGED = deployment(replicas=0)
MANAGED["metadata"]["managedFields"] = [
    {"manager": "podlift", "fieldsV1": {"f:spec": {"f:replicas": {}}}},
    {"manager": "kubectl-edit", "fieldsV1": {"f:spec": {"f:replicas": {}}}},
    {"manager": "kube-controller-manager", "subresource": "status", "fieldsV1": {"f:status": {}}},
]
ROLLOUT = named("Rollout", "web", "argoproj.io/v1alpha1", spec={"strategy": {"canary": {"stableService": "web"}}})
REFERRED = named("Rollout", "web", "argoproj.io/v1alpha1", spec={"workloadRef": {"kind": "Deployment", "name": "web"}})
SHARED = service()
SHARED["metadata"]["annotations"] = {"service.cilium.io/global": "true"}

OWNERS: tuple[Case, ...] = (
    ("gitops-flux", "flux-system/apps", (live(marked(FLUX)),)),
    ("gitops-flux", "flux-system/apps", (live(marked(FLUX, {"kustomize.toolkit.fluxcd.io/ssa": "Merge"})),)),
    (
        "gitops-flux",
        "HelmRelease flux-system/shop",
        (
            live(
                marked(
                    {"helm.toolkit.fluxcd.io/name": "shop", "helm.toolkit.fluxcd.io/namespace": "flux-system"},
                    {"kustomize.toolkit.fluxcd.io/reconcile": "disabled"},
                )
            ),
        ),
    ),
    ("gitops-argo", "application shop", (live(marked(annotations=TRACKED)),)),
    ("gitops-argo", "set spec.replicas and spec.paused back", tracked()),
    ("gitops-argo", "set spec.replicas and spec.paused back", tracked(ignoring("/metadata/annotations/x"))),
    ("gitops-argo", "set spec.paused back", tracked(ignoring("/spec/replicas"))),
    ("gitops-argo", "back, which none", tracked({"kind": "Deployment", "jsonPointers": POINTERS})),
    ("gitops-argo", "back, which none", tracked(ignoring(kind="StatefulSet"))),
    ("gitops-argo", "back, which none", tracked(ignoring(name="other"))),
    ("gitops-argo", "back, which none", tracked(ignoring(namespace="other"))),
    ("gitops-argo", "back, which none", tracked(ignoring("/spec/replicas/x", "/"))),
    ("gitops-argo", "back, which none", tracked(ignoring("/x", jqPathExpressions=[".spec | select(.replicas)"]))),
    ("gitops-argo", "back, which none", tracked(ignoring("/x", managedFieldsManagers=["kube-controller-manager"]))),
    ("gitops-argo", "without RespectIgnoreDifferences=true", tracked(ignoring(), policy=AUTOMATED)),
    (
        "gitops-argo",
        "writes the whole object anew",
        tracked(
            ignoring(),
            live_=marked(annotations={**TRACKED, "argocd.argoproj.io/sync-options": "Replace=true"}),
        ),
    ),
    (
        "gitops-argo",
        "writes the whole object anew",
        tracked(
            ignoring(),
            live_=marked(annotations={**TRACKED, "argocd.argoproj.io/sync-options": "Prune=false, Replace=true"}),
        ),
    ),
    (
        "gitops-argo",
        "without RespectIgnoreDifferences=true",
        tracked(
            ignoring(),
            policy=AUTOMATED,
            live_=marked(annotations={**TRACKED, "argocd.argoproj.io/sync-options": "RespectIgnoreDifferences=true"}),
        ),
    ),
    ("gitops-argo", "set spec.selector back", tracked(ignoring(), live_=LEFT_BY_A_RUN)),
    (
        "gitops-argo",
        "application shop",
        (
            live(marked({"app.kubernetes.io/instance": "shop"})),
            live(application(syncPolicy=AUTOMATED), group="argoproj.io"),
        ),
    ),
    ("helm-owned", "release shop", (live(marked(annotations={"meta.helm.sh/release-name": "shop"})),)),
    ("foreign-manager", "kubectl-edit", (live(MANAGED),)),
    ("autoscaler-on-target", "Deployment/web", (live(scaler("HorizontalPodAutoscaler")),)),
    ("keda-on-target", "KEDA", (live(scaler("ScaledObject"), group="keda.sh"),)),
    (
        "vpa-on-target",
        "Auto",
        (live(scaler("VerticalPodAutoscaler", reference="targetRef"), group="autoscaling.k8s.io"),),
    ),
    ("rollouts-on-target", "selector of web", (live(ROLLOUT, group="argoproj.io"),)),
    ("rollouts-on-target", "pods of web", (live(REFERRED, group="argoproj.io"),)),
    ("flagger-on-target", "Flagger", (live(scaler("Canary", reference="targetRef"), group="flagger.app"),)),
    ("knative-service", "Knative", (live(named("Service", "web"), group="serving.knative.dev"),)),
    ("multi-cluster-export", "exported", (live(named("ServiceExport", "web"), group="multicluster.x-k8s.io"),)),
    ("multi-cluster-export", "service.cilium.io/global", (planned(SHARED),)),
)

CASES = (*WORKLOAD, *SERVICES, *CLUSTER, *OWNERS)

OFF = scaler("VerticalPodAutoscaler", reference="targetRef", updatePolicy={"updateMode": "Off"})
LEFT = service()
LEFT["metadata"]["annotations"] = {"podlift.dev/run": "run-1"}
POD = placed(of("v1", "Pod", "web-1-x"), labels=LABELS, **owned("ReplicaSet", "web-1"))
REPLICA_SET = placed(of("apps/v1", "ReplicaSet", "web-1"), **owned("Deployment", "web"))
AMD_ONLY = {"matchExpressions": [{"key": "kubernetes.io/arch", "operator": "In", "values": ["amd64"]}]}
PINNED = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [AMD_ONLY]}}}
ARM = node("n3", 3, **{"kubernetes.io/arch": "arm64"})
KEPT = planned(deployment(replicas=3, template=template(affinity=PINNED)))

QUIET: tuple[Case, ...] = (
    ("udp-undecided", "it is decided", (udp(TCP), means(udp="cut"))),
    ("udp-undecided", "both may be cut", (beside_tcp("SCTP", 36412), means(udp="cut"))),
    ("udp-unheard", "nobody waits", (udp(TCP), means(udp="cut"), host("a1", commands=False))),
    ("udp-unheard", "each can be asked", (udp(TCP), means(udp="datagrams"))),
    ("udp-beside-tcp", "it is not decided", (udp(TCP),)),
    ("no-client-service", "a headless one beside another", (planned(service("pods", clusterIP="None")),)),
    ("nothing-planned", "a CronJob is something", (unplanned("Deployment"), planned(named("CronJob", "web")))),
    ("run-under-way", "", (journal("ROLLED_BACK"),)),
    ("class-single-writer", "", (entry(**{"class": "single-writer", "controller": "statefulset"}),)),
    ("writable-data", "", (with_volume({"hostPath": {"path": "/etc/web"}}, readOnly=True),)),
    ("rights-missing", "nothing is taken over", (cluster(rights={ON_ENDPOINTS: False}),)),
    ("service-has-endpoints", "they lead to instances", (led(LEADS),)),
    ("service-has-endpoints", "it leads to instances", (live(*BY_SLICE),)),
    ("service-name-taken", "its Endpoints lead to instances", (led(LEADS),)),
    ("name-resolves", "to the Service that is taken over", (led(LEADS), measured(resolved={"web": ("10.96.0.9",)}))),
    ("service-has-selector", "what an earlier run left", (live(LEFT),)),
    ("service-has-selector", "of the plan, with its pods", serving()),
    ("controller-at-work", "whose Services keep their pods", serving()),
    ("quota-short", "its pods are there", (*serving(), quota(pods="4"))),
    ("service-serves-pods", "what an earlier run left", serving(LEFT)),
    ("slices-left", "of a Service that is there", (live(service("db"), slices_of("db")),)),
    ("name-awaited", "of another", (live(named("Ingress", "x", spec={"rules": []})),)),
    ("stray-pods", "of its own controller", (live(POD, REPLICA_SET),)),
    ("other-service-matches", "in another namespace", (live(placed(service("alias"), namespace="other")),)),
    ("controller-at-work", "of another namespace", (live(placed(deployment(replicas=3), namespace="other")),)),
    ("quota-short", "just enough", (quota(pods="7"),)),
    ("architecture-unseen", "kept off by its affinity", (live(ARM), KEPT)),
    ("architecture-unseen", "kept off by a node's label", (live(ARM), planned(deployment(template=ON_ARM)))),
    ("admission-in-the-way", "which lets all pass where it fails", (live(webhook(failurePolicy="Ignore")),)),
    ("endpoints-readers", "a new one", (live(reader("traefik:v3.1")),)),
    ("endpoints-readers", "in a registry with a port", (live(reader("reg.example:5000/not-traefik:v1.0")),)),
    ("proxy-slow", "and a longer floor", (proxy(PROXY.replace("1s", "30s")), means(settle_s=60))),
    ("probe-pods-refused", "each node has a command", (
        live(namespace(**{"pod-security.kubernetes.io/enforce": "restricted"})),
        means(node_probes=frozenset({"n1", "n2"})),
    )),
    ("gitops-flux", "suspended", (
        live(marked(FLUX)), live(flux(suspend=True), group="kustomize.toolkit.fluxcd.io"),
    )),
    ("gitops-flux", "told to leave it", (
        live(marked(FLUX, {"kustomize.toolkit.fluxcd.io/reconcile": "disabled"})),
    )),
    ("gitops-argo", "by hand", (
        live(marked(annotations=TRACKED)), live(application(syncPolicy={}), group="argoproj.io"),
    )),
    ("gitops-flux", "made by it and not looked at again", (
        live(marked(FLUX, {"kustomize.toolkit.fluxcd.io/ssa": "IfNotPresent"})),
    )),
    ("gitops-argo", "what a run writes is left alone", tracked(ignoring())),
    ("gitops-argo", "in two rules, of any kind", tracked(
        ignoring("/spec/replicas", group="*", kind="*"), ignoring("/spec/paused", name="web", namespace=SPACE),
    )),
    ("gitops-argo", "with what holds it", tracked(ignoring("/spec"))),
    ("gitops-argo", "by plain paths of jq", tracked(
        ignoring("/x", jqPathExpressions=[".spec.replicas", '.spec["paused"]?']),
    )),
    ("gitops-argo", "by the manager of fields", tracked(ignoring("/x", managedFieldsManagers=["podlift-cutover"]))),
    ("gitops-argo", "a Service's selector", tracked(
        {"group": "", "kind": "Service", "jsonPointers": ["/spec/selector"]}, live_=LEFT_BY_A_RUN,
    )),
    ("gitops-argo", "an instance that is no application", (live(marked({"app.kubernetes.io/instance": "x"})),)),
    ("autoscaler-on-target", "of another", (live(scaler("HorizontalPodAutoscaler", "db")),)),
    ("vpa-on-target", "which only advises", (live(OFF, group="autoscaling.k8s.io"),)),
    ("external-ip-loop", "another port", (planned(service(externalIPs=["192.0.2.11"])),)),
    ("headless-ports-differ", "the same port", (
        planned(service(clusterIP="None")), seen_as(found=Found(containers=INSTANCES[:1])), at("192.0.2.11", 8080),
    )),
)  # fmt: skip

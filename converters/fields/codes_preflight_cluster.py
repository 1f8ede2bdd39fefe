"""Codes of a cutover's preflight on the cluster's side: Services, nodes, who else writes. See codes_preflight."""

from __future__ import annotations

from .codes import Code, preflight

_SERVICES: tuple[Code, ...] = (
    preflight(
        "service-name-taken",
        "a Service of this name is in the cluster and belongs to something else",
        "override the workload's name in decisions.yaml, or remove that Service, and plan again",
    ),
    preflight(
        "service-has-selector",
        "the workload's Service is in the cluster already and selects pods, without a run's gate",
        "where podlift applied it with its pods, mend what the row names, and the run takes it over; where nobody uses "
        "it, delete it: the run makes its own",
    ),
    preflight(
        "service-serves-pods",
        "podlift applied the workload to the end before any cutover, and its pods take the Service's callers",
        "nothing: the run leaves them their callers, and an abort leads back to them; know that their callers meet "
        "containers too from BRIDGED to STANDBY, and that no pod is told to end beforehand to see how it does",
    ),
    preflight(
        "service-has-endpoints",
        "Endpoints or slices made by hand lead somebody by the Service's name, whom its selector would cut off",
        "let them lead to running instances of the workload alone, by the ports that the plan's Service has, and the "
        "run takes the Service over; or, where nobody uses them, delete them with it",
    ),
    preflight(
        "service-adopted",
        "the workload's Service stands without a selector, and leads to the legacy side by Endpoints or slices of hand",
        "nothing: the run takes it over with its address once its own slices lead there too, and puts all of it back "
        "when it goes back; know that its callers come to every running instance, and to pods from SHIFT on",
    ),
    preflight(
        "slices-left",
        "EndpointSlices name the Service though it is not there: they would serve as soon as it stands",
        "delete them (kubectl delete endpointslice NAME)",
    ),
    preflight(
        "name-resolves",
        "the Service's name already has an address inside the cluster, which the Service will take the place of",
        "nothing: BRIDGED then counts as FRONTED; know that pods move to the Service at that moment",
    ),
    preflight(
        "name-awaited",
        "a route in the cluster already names the Service, so that callers come as soon as it stands",
        "nothing, if that is wanted; else take the route away until the run is FRONTED",
    ),
    preflight(
        "headless-ports-differ",
        "a headless Service's callers use the container's port, and the legacy side answers at another one",
        "publish the same port, or give callers a Service with an address (clusterIP) by an override",
    ),
    preflight(
        "headless-service",
        "the workload also has a headless Service: a run leads nobody by it, and apply makes it once that is finalized",
        "lead its callers to the workload's other Service before FRONTED, or let them come by its name when the run is "
        "finalized",
    ),
    preflight(
        "external-name",
        "an ExternalName Service is an alias in DNS and has no endpoints",
        "take the override away, so that the plan makes a Service with a selector",
    ),
    preflight(
        "publish-not-ready",
        "the Service sends callers to pods that are not ready",
        "take publishNotReadyAddresses out of the override; it belongs on a Service for previews",
    ),
    preflight(
        "traffic-policy-local",
        "the Service sends callers to endpoints of their own node only, and legacy endpoints are on none",
        "set the policy to Cluster for the run (callers' addresses are hidden then), and back when it is finalized",
    ),
    preflight(
        "session-affinity",
        "callers stay with the endpoint they had, so that shares are not what the schedule says",
        "expect the move at standby, or take sessionAffinity off for the run",
    ),
    preflight(
        "dual-stack",
        "the Service has addresses of both families and the legacy side of one",
        "set ipFamilyPolicy: SingleStack until the run is finalized",
    ),
    preflight(
        "traffic-distribution",
        "the Service prefers near endpoints, which rests while legacy ones are listed",
        "watch latency and load when the last legacy endpoint goes",
    ),
    preflight(
        "service-proxy-name",
        "another proxy than kube-proxy serves the Service; slices get the same label",
        "nothing; evidence is by probes only",
    ),
    preflight(
        "ip-mode-balancer",
        "a load balancer registers pods by address and would never send to the legacy side",
        "use its instance mode (target-type: instance, no NEG) until the run is finalized",
    ),
    preflight(
        "external-ips",
        "the Service has externalIPs, which Kubernetes deprecates and will switch off",
        "use a load balancer, or a forwarder on the old address",
    ),
    preflight(
        "external-ip-loop",
        "the Service takes an address and port which is a legacy endpoint of its own",
        "take the address out of externalIPs",
    ),
    preflight(
        "port-names",
        "ports of the Service have no names that tell them apart, or others than the Service in the cluster",
        "give each a name of its own by an override, the one that the cluster's Service has",
    ),
    preflight(
        "target-port-named", "a Service's port leads to a named container port", "say the container port's number"
    ),
    preflight("many-ports", "the Service has more ports than a slice takes", "split the Service by an override"),
    preflight(
        "selector-not-own",
        "the Service's selector lacks the workload's own label, by which a run promotes",
        "take the override of the selector away, and plan again",
    ),
    preflight(
        "other-service-matches",
        "a Service that is not of the plan selects the workload's pods, which no gate of the run holds back",
        "narrow its selector, or delete it, until the run is finalized",
    ),
    preflight(
        "stray-pods",
        "pods bear the workload's label and belong to none of its controllers",
        "delete them, or take the label off",
    ),
)

_CLUSTER: tuple[Code, ...] = (
    preflight(
        "no-standby-net",
        "a cluster older than 1.28 may not fall back to legacy endpoints that are on standby",
        "watch the bake: the way back is the run's own, and needs podlift or its keeper",
    ),
    preflight(
        "rights-missing",
        "this user may not do something that a run does",
        "bind podlift-cutover (podlift explain --roles); no role of a cluster's own may write endpointslices",
    ),
    preflight(
        "namespace-unfit",
        "the workload's namespace is not there, or is being deleted",
        "make it (kubectl create namespace NAME), and apply the plan",
    ),
    preflight(
        "objects-missing",
        "what the pods need is not in the cluster: ConfigMaps, Secrets, claims, the ServiceAccount",
        "podlift apply PLAN WORKLOAD; Secrets are applied from where the plan was made",
    ),
    preflight(
        "controller-missing",
        "a controller of the plan is not in the cluster",
        "podlift apply PLAN WORKLOAD, which makes it without pods",
    ),
    preflight(
        "controller-at-work",
        "a controller of the workload runs pods before anything is bridged",
        "scale it to 0, or find out who scaled it; where its Services are to keep the pods, service-has-selector says "
        "what is in the way",
    ),
    preflight(
        "quota-short",
        "the namespace's quota leaves no room for what the run makes",
        "raise the quota, or lower the replicas and plan again",
    ),
    preflight(
        "architecture-unseen",
        "pods may be put on nodes of an architecture on which the image was not seen to run",
        "see that the image is built for it (podman or docker manifest inspect), or constrain the workload to others",
    ),
    preflight(
        "node-not-ready",
        "a node is not ready: it is tried by its command alone, and a run waits for it",
        "repair or remove it; cordon does not keep its proxy from taking callers",
    ),
    preflight(
        "windows-nodes",
        "the cluster has Windows nodes, whose older kube-proxy ignores the port of a slice",
        "see that kube-proxy there has the change of kubernetes#132647, or that no caller is on them",
    ),
    preflight(
        "budget-stands",
        "a disruption budget already guards the workload's pods",
        "nothing: the plan's own enters last; this one holds drains of nodes during the run",
    ),
    preflight(
        "admission-in-the-way",
        "an admission webhook or policy has a say in what a run writes",
        "see that it lets EndpointSlices with addresses outside the cluster pass, and that it answers",
    ),
    preflight(
        "endpoints-readers",
        "a program in the cluster may read Endpoints, where legacy instances do not show, and not EndpointSlices",
        "upgrade it, or make sure that it does not serve or watch this workload",
    ),
    preflight("proxy-ipvs", "kube-proxy uses IPVS, which drains by its own rules", "expect UDP flows to move at once"),
    preflight(
        "proxy-slow",
        "kube-proxy gathers changes for longer than a run gives them",
        "raise settle_floor to twice minSyncPeriod, or lower minSyncPeriod",
    ),
    preflight(
        "cilium-cuts",
        "Cilium may cut established connections to an endpoint that is removed",
        "know that going back cuts connections to pods; forward, standby comes before removal",
    ),
    preflight(
        "probe-pods-refused",
        "pod security of the namespace refuses probe pods, which need the host's network",
        "give nodes: {NAME: {probe: COMMAND}} in podlift.yaml, or relax the level for the run",
    ),
    preflight(
        "probe-node-unknown",
        "podlift.yaml says how a node is probed that the cluster does not have",
        "write the node's name as kubectl get nodes shows it, or take the entry away",
    ),
    preflight(
        "mesh-sidecars",
        "a service mesh puts sidecars before callers and pods, and legacy instances have none",
        "see that callers' sidecars speak plain text to endpoints outside the mesh",
    ),
    preflight(
        "mesh-ambient",
        "Istio's ambient mesh may leave out legacy endpoints",
        "take namespace and pods out of it (istio.io/dataplane-mode: none) until the run is finalized",
    ),
    preflight(
        "mesh-strict",
        "the mesh refuses callers of the pods without its certificates",
        "set the PeerAuthentication to PERMISSIVE until the run is finalized",
    ),
)

_OWNERS: tuple[Code, ...] = (
    preflight(
        "gitops-flux",
        "Flux applies an object that a run writes, and would revert it",
        "suspend its owner (flux suspend); the run then watches for two of its intervals before FRONTED",
    ),
    preflight(
        "gitops-argo",
        "Argo CD syncs an object that a run writes, and would revert it",
        "turn its automatic sync off, or let its ignoreDifferences name what a run writes (spec.selector of Services; "
        "spec.replicas and spec.paused of controllers; or podlift-cutover as the fields' manager), with the group, and "
        "its syncOptions RespectIgnoreDifferences=true",
    ),
    preflight(
        "helm-owned",
        "a Helm release has an object that a run writes",
        "let nobody upgrade or roll back the release until the run is finalized",
    ),
    preflight(
        "foreign-manager",
        "somebody else has set selector, replicas or paused of an object that a run writes",
        "find out whether it will do so again",
    ),
    preflight(
        "autoscaler-on-target",
        "a HorizontalPodAutoscaler scales the workload already",
        "delete it: the run makes the plan's once the bake has passed",
    ),
    preflight(
        "keda-on-target",
        "KEDA scales the workload already",
        "pause it (autoscaling.keda.sh/paused) and delete its HPA, or delete the ScaledObject until the end",
    ),
    preflight(
        "vpa-on-target",
        "a VerticalPodAutoscaler replaces the workload's pods",
        "set updateMode: Off until the run is finalized",
    ),
    preflight(
        "rollouts-on-target",
        "Argo Rollouts writes the Service's selector or takes over the pods",
        "let it take over after the run is finalized",
    ),
    preflight(
        "flagger-on-target",
        "Flagger scales the workload and makes Services of its own",
        "let it take over after the run is finalized",
    ),
    preflight(
        "knative-service",
        "Knative makes the Service of this name",
        "override the workload's name, or move it by Knative's own revisions",
    ),
    preflight(
        "multi-cluster-export",
        "other clusters use the Service's endpoints, and nothing shows whether they follow",
        "take the export away until the run is finalized",
    ),
    preflight(
        "policy-callers",
        "a NetworkPolicy lets callers through to one side of the Service only",
        "allow both: ipBlock for legacy hosts, podSelector for pods",
    ),
    preflight(
        "policy-pods",
        "a NetworkPolicy keeps nodes from the pods",
        "allow the nodes' addresses by ipBlock, for callers from outside and for probes",
    ),
    preflight(
        "policies-not-read",
        "policies of Cilium, Calico or an administrator are in the cluster, and preflight reads NetworkPolicies alone",
        "see that callers may open connections to the instances' addresses as well as to pods, and nodes to both",
    ),
)

PREFLIGHT_CLUSTER_CODES: tuple[Code, ...] = (*_SERVICES, *_CLUSTER, *_OWNERS)

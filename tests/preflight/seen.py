"""A workload that a cutover may take as it is, and ways to spoil it: what preflight looks at, written by hand.

good()                                  three containers on two hosts, a Deployment of three, one Service
live(of("v1", "Service", "web", …))     the same with more in the cluster
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import replace
from typing import Any

from migrate.cutover.edges import Backend, Container, Found
from migrate.cutover.preflight import ClusterSeen, HostSeen, Means, Measured, Right, Seen
from tests.apply_plans import of

SPACE = "shop"
Change = Callable[[Seen], Seen]
LABELS = {"podlift.dev/workload": "web", "app.kubernetes.io/managed-by": "podlift"}
HOSTS = {"a1": "192.0.2.11", "a2": "192.0.2.12"}


def placed(each: Mapping[str, Any], **metadata: Any) -> dict[str, Any]:
    made = deepcopy(dict(each))
    made["metadata"] = {"namespace": SPACE, **made["metadata"], **metadata}
    return made


def template(**spec: Any) -> dict[str, Any]:
    container = {
        "name": "web",
        "image": "registry.example/web:4.2",
        "ports": [{"name": "http", "containerPort": 8080}],
        "readinessProbe": {"httpGet": {"path": "/", "port": 8080}},
        "resources": {"requests": {"cpu": "250m", "memory": "64Mi"}},
    }
    return {"metadata": {"labels": dict(LABELS)}, "spec": {"containers": [container], **spec}}


def deployment(name: str = "web", **spec: Any) -> dict[str, Any]:
    more = {"selector": {"matchLabels": LABELS}, "template": template(), **spec}
    return placed(of("apps/v1", "Deployment", name, spec=more), labels=dict(LABELS))


def service(name: str = "web", **spec: Any) -> dict[str, Any]:
    plain = {
        "type": "ClusterIP",
        "selector": {"podlift.dev/workload": "web"},
        "ports": [{"name": "http", "port": 80, "protocol": "TCP", "targetPort": 8080}],
        "sessionAffinity": "None",
        "ipFamilyPolicy": "SingleStack",
        "internalTrafficPolicy": "Cluster",
    }
    return placed(of("v1", "Service", name, spec={**plain, **spec}), labels=dict(LABELS))


def node(name: str, number: int, **labels: str) -> dict[str, Any]:
    made = of(
        "v1",
        "Node",
        name,
        spec={"podCIDRs": [f"10.244.{number}.0/24"]},
        status={
            "conditions": [{"type": "Ready", "status": "True"}],
            "addresses": [
                {"type": "InternalIP", "address": f"192.0.2.{number}"},
                {"type": "Hostname", "address": name},
            ],
        },
    )
    made["metadata"]["labels"] = {"kubernetes.io/arch": "amd64", "kubernetes.io/os": "linux", **labels}
    return made


def container(host: str, number: int, port: int, **more: Any) -> Container:
    return Container(
        host=host,
        id=f"{number:064x}",
        name=f"web-{number}",
        image="registry.example/web:4.2",
        running=True,
        ports={"8080/tcp": Backend(HOSTS[host], port)},
        restart={"Name": "no", "MaximumRetryCount": 0},
        **more,
    )


def document(each: Container) -> dict[str, Any]:
    backend = each.ports["8080/tcp"]
    return {
        "Id": each.id,
        "Name": f"/{each.name}",
        "State": {"Running": True, "Status": "running"},
        "Config": {"Image": each.image, "Labels": {}, "Env": []},
        "HostConfig": {"NetworkMode": "default", "PortBindings": {"8080/tcp": [{"HostPort": str(backend.port)}]}},
        "NetworkSettings": {"Networks": {"bridge": {"IPAddress": "172.17.0.2", "GlobalIPv6Address": ""}}},
    }


INSTANCES = (container("a1", 1, 18080), container("a1", 2, 18081), container("a2", 3, 18080))
BACKENDS = tuple(each.ports["8080/tcp"] for each in INSTANCES)
ENTRY: Mapping[str, Any] = {
    "name": "web",
    "kubernetesName": "web",
    "namespace": SPACE,
    "class": "stateless",
    "controller": "deployment",
    "replicas": {"web": 3},
    "image": {"reference": "registry.example/web:4.2", "platforms": ["linux/amd64"]},
    "references": [],
    "selector": {"podlift.dev/workload": "web"},
    "instances": [{"name": each.name, "host": each.host} for each in INSTANCES],
    "secrets": [{"name": "web-env", "keys": ["PASSWORD"]}],
    "withheld": [],
    "workload": {"containers": [{"name": "web", "image": {"reference": "registry.example/web:4.2"}}]},
}
PROXY = 'apiVersion: kubeproxy.config.k8s.io/v1alpha1\niptables:\n  minSyncPeriod: 1s\nmode: "nftables"\n'


def good() -> Seen:
    shared = (
        placed(of("v1", "ConfigMap", "web-files", data={"greeting": "hello"})),
        placed(of("v1", "ServiceAccount", "web")),
        placed(of("v1", "PersistentVolumeClaim", "web-data", spec={"accessModes": ["ReadWriteMany"]})),
    )
    proxy = of("v1", "ConfigMap", "kube-proxy", data={"config.conf": PROXY})
    proxy["metadata"]["namespace"] = "kube-system"
    space = of("v1", "Namespace", SPACE)
    space["metadata"]["labels"] = {"kubernetes.io/metadata.name": SPACE}
    objects = {
        "Namespace": (space,),
        "Node": (node("n1", 1), node("n2", 2)),
        "ConfigMap": shared[:1],
        "ConfigMap of kube-proxy": (proxy,),
        "ServiceAccount": shared[1:2],
        "PersistentVolumeClaim": shared[2:],
        "Secret": (placed(of("v1", "Secret", "web-env", data={"PASSWORD": ""})),),
        "Deployment": (deployment(replicas=0),),
        "ServiceCIDR": (of("networking.k8s.io/v1", "ServiceCIDR", "kubernetes", spec={"cidrs": ["10.96.0.0/16"]}),),
    }
    return Seen(
        entry=deepcopy(dict(ENTRY)),
        objects=(*shared, service(), deployment(replicas=3)),
        namespace=SPACE,
        cluster=ClusterSeen(
            version=(1, 36), objects=objects, rights={Right(verb="patch", group="", plural="services"): True}
        ),
        found=Found(containers=INSTANCES),
        hosts=tuple(
            HostSeen(
                name=name,
                address=address,
                commands=True,
                info={"Name": name},
                documents={each.id: document(each) for each in INSTANCES if each.host == name},
            )
            for name, address in HOSTS.items()
        ),
        measured=Measured(
            probes={name: dict.fromkeys(BACKENDS, "") for name in ("n1", "n2")},
            silent={},
            resolved={"web": ()},
            peers={BACKENDS[0]: ()},
            rates={("n1", BACKENDS[0]): 80.0},
            skew_s={"a1": 0.1, "API server": -0.4},
            conntrack={"n1": (100, 65536)},
            relays={"a1": True, "a2": True},
            timers={"a1": (), "a2": ()},
            callers={},
        ),
        means=Means(hooks=frozenset({"freeze"}), steps=(1, 2, 3), node_probes=frozenset()),
    )


def live(*objects: Mapping[str, Any], group: str = "") -> Change:
    """More in the cluster; what has the name of something that stands replaces it. ``group``: of a CRD's kinds."""

    def change(seen: Seen) -> Seen:
        standing = dict(seen.cluster.objects)
        for each in objects:
            key = f"{each['kind']}.{group}" if group else str(each["kind"])
            place = each["metadata"].get("namespace"), each["metadata"]["name"]
            others = (
                o for o in standing.get(key, ()) if (o["metadata"].get("namespace"), o["metadata"]["name"]) != place
            )
            standing[key] = (*others, each)
        return replace(seen, cluster=replace(seen.cluster, objects=standing))

    return change


def gone(kind: str) -> Change:
    """Nothing of a kind is in the cluster."""
    return lambda seen: replace(
        seen, cluster=replace(seen.cluster, objects={k: v for k, v in seen.cluster.objects.items() if k != kind})
    )


def planned(*objects: Mapping[str, Any]) -> Change:
    """The plan's objects, those of the same kind and name replaced."""

    def change(seen: Seen) -> Seen:
        new = {(each["kind"], each["metadata"]["name"]) for each in objects}
        kept = (each for each in seen.objects if (each["kind"], each["metadata"]["name"]) not in new)
        return replace(seen, objects=(*kept, *objects))

    return change


def unplanned(kind: str) -> Change:
    return lambda seen: replace(seen, objects=tuple(each for each in seen.objects if each["kind"] != kind))


def entry(**more: Any) -> Change:
    return lambda seen: replace(seen, entry={**seen.entry, **more})


def seen_as(**more: Any) -> Change:
    return lambda seen: replace(seen, **more)


def cluster(**more: Any) -> Change:
    return lambda seen: replace(seen, cluster=replace(seen.cluster, **more))


def measured(**more: Any) -> Change:
    return lambda seen: replace(seen, measured=replace(seen.measured, **more))


def means(**more: Any) -> Change:
    return lambda seen: replace(seen, means=replace(seen.means, **more))


def instance(number: int = 0, **more: Any) -> Change:
    """One of the containers otherwise."""

    def change(seen: Seen) -> Seen:
        changed = list(seen.found.containers)
        changed[number] = replace(changed[number], **more)
        return replace(seen, found=replace(seen.found, containers=tuple(changed)))

    return change


def at(address: str, port: int = 18080) -> Change:
    """The first container answers elsewhere."""
    return instance(ports={"8080/tcp": Backend(address, port)})


def told(identity: str = INSTANCES[0].id, host: str = "a1", **more: Any) -> Change:
    """An inspect document of a host otherwise, or one more."""

    def change(seen: Seen) -> Seen:
        hosts = []
        for each in seen.hosts:
            known = each.documents.get(identity, {"Id": identity, "Name": "/other", "State": {"Running": True}})
            documents = {**each.documents, identity: {**known, **more}} if each.name == host else each.documents
            hosts.append(replace(each, documents=documents))
        return replace(seen, hosts=tuple(hosts))

    return change


def host(name: str, **more: Any) -> Change:
    return lambda seen: replace(
        seen, hosts=tuple(replace(each, **more) if each.name == name else each for each in seen.hosts)
    )


def spoilt(*changes: Change) -> Seen:
    made = good()
    for change in changes:
        made = change(made)
    return made

"""All that can be seen of a workload's namespace, of the engines, their hosts and the nodes: what a run has left there.

before = scene(web)
...
undeclared(before, web, AFTER_ABORT)    # ["Service/web: spec.ports", "edge-a1 volumes: added 5f3c…", ...]
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from migrate.diff import changes
from tests.cluster.served import Served
from tests.lab.engine import LabEngine
from tests.lab.node import Node

Scene = Mapping[str, Any]

_SERVERS = ("resourceVersion", "uid", "generation", "managedFields", "creationTimestamp")
# Heartbeats, measurements, and what happened.
_PASSING = frozenset({"Event", "Lease", "NodeMetrics", "PodMetrics", "ComponentStatus"})

# What a run leaves on purpose. {name}, {space} and {address}: the workload's, its namespace, its Service's address.
_OF_ANY = (
    # the journal, which says what was done
    "ConfigMap/cutover-{name}: added",
    # callers are led to it by now, and it would have another address if it were made again
    "Service/{name}: added",
    "EndpointSlice/{name}: added",
    "Endpoints/{name}: added",
    "IPAddress/{address}: added",
    r'node-\w+ rules: added .*("{address}"|-{space}/{name}/tcp/).*',
    # its controller has copied it there, and never takes one away
    r"ReplicaSet/{name}: metadata\.annotations\[podlift\.dev/epoch\]",
)
AFTER_ABORT = (
    *_OF_ANY,
    "EndpointSlice/{name}-legacy: added",
)
AFTER_FINALIZE = (
    *_OF_ANY,
    # what was withheld and scaled to nothing until then
    r"Deployment/{name}: spec\.replicas",
    r"ReplicaSet/{name}: (spec\.replicas|metadata\.annotations\[deployment\.kubernetes\.io/(desired|max)-replicas\])",
    "(HorizontalPodAutoscaler|PodDisruptionBudget)/{name}: added",
    "Pod/{name}: added",
    # pods have an address each
    r'node-\w+ rules: added .*("10\.244\.\d+\.\d+"|CNI-[0-9a-f]+).*',
    # containers are stopped, and stay so; their ports are free
    r"edge-\w+ container {name}-\d+: (running|restart\.Name)",
    r"edge-\w+ listens: gone tcp .*:180\d\d",
    r'edge-\w+ rules: gone rule .*("172\.17\.\d+\.\d+"|"right": 180\d\d).*',
)


def scene(web: Served) -> Scene:
    """Name to content; names that controllers made up are without their end."""
    return dict([*_objects(web), *_containers(web), *_hosts(web)])


def undeclared(before: Scene, web: Served, declared: Sequence[str]) -> list[str]:
    """What is there and was not, differs or is gone, and is not declared; and what is declared and is not so."""
    address = web.lab.get("service", web.name, "-n", web.space)["spec"]["clusterIP"]
    named = {"name": web.name, "space": web.space, "address": re.escape(address)}
    # braces of regular expressions are none of these
    patterns = [re.sub(r"\{(\w+)\}", lambda match: named[match[1]], each) for each in declared]
    found = _left(before, scene(web))
    wrong = [each for each in found if not any(re.fullmatch(pattern, each) for pattern in patterns)]
    unseen = [pattern for pattern in patterns if not any(re.fullmatch(pattern, each) for each in found)]
    return [*wrong, *(f"declared and not seen: {pattern}" for pattern in unseen)]


def _left(before: Scene, now: Scene) -> list[str]:
    found = [f"{name}: gone" for name in before.keys() - now.keys() if not name.startswith("IPAddress/")]
    found += [f"{name}: added" for name in now.keys() - before.keys()]
    for name in before.keys() & now.keys():
        was, here = before[name], now[name]
        if isinstance(was, Counter):
            found += [f"{name}: added {line}" for line in here - was]
            # what goes from nodes is of pods and Services that were there before this run
            found += [f"{name}: gone {line}" for line in was - here if not name.startswith("node-")]
        else:
            found += [f"{name}: {each.path}" for each in changes(was, here)]
    return sorted(found)


def _objects(web: Served) -> Iterator[tuple[str, Any]]:
    """Every kind that can be listed: the namespace's, and those of the whole cluster but namespaces."""
    for namespaced in (True, False):
        listed = web.lab.kubectl("api-resources", "--verbs=list", f"--namespaced={str(namespaced).lower()}", "-o=name")
        kinds = ",".join(name for name in listed.split() if name != "namespaces")
        for each in web.lab.get(kinds, *(("-n", web.space) if namespaced else ()))["items"]:
            if each["kind"] not in _PASSING:
                yield f"{each['kind']}/{_name(each)}", _content(each)


def _name(each: Mapping[str, Any]) -> str:
    name = str(each["metadata"]["name"])
    if each["kind"] == "Pod":
        # of a Deployment: hash of the template, and five more
        return re.sub(r"-[a-z0-9]+-[a-z0-9]{5}$", "", name)
    return re.sub(r"-[a-z0-9]+$", "", name) if each["kind"] in ("ReplicaSet", "EndpointSlice") else name


def _content(each: Mapping[str, Any]) -> dict[str, Any]:
    metadata = {key: value for key, value in each["metadata"].items() if key not in _SERVERS}
    return {**{key: value for key, value in each.items() if key != "status"}, "metadata": metadata}


def _containers(web: Served) -> Iterator[tuple[str, Any]]:
    for engine in web.engines:
        api = engine.client.api
        for each in api.containers(all=True):
            full = api.inspect_container(each["Id"])
            yield (
                f"{engine.name} container {full['Name'].lstrip('/')}",
                {
                    "id": full["Id"],
                    "running": full["State"]["Running"],
                    "restart": full["HostConfig"]["RestartPolicy"],
                    "ports": full["HostConfig"]["PortBindings"],
                },
            )
        yield f"{engine.name} images", Counter(each["Id"] for each in api.images(all=True))
        yield f"{engine.name} networks", Counter(each["Name"] for each in api.networks())
        yield f"{engine.name} volumes", Counter(each["Name"] for each in api.volumes()["Volumes"] or ())


def _hosts(web: Served) -> Iterator[tuple[str, Any]]:
    places: list[LabEngine | Node] = [*web.engines, *web.lab.nodes]
    for place in places:
        # kube-proxy's and Docker's alike
        ruleset = json.loads(place.run("nft", "--json", "--stateless", "list", "ruleset"))
        yield f"{place.name} rules", Counter(rule for each in ruleset["nftables"] for rule in _rules(each))
        sockets = place.run("ss", "--no-header", "--listening", "--tcp", "--udp", "--numeric")
        rows = map(str.split, sockets.splitlines())
        yield f"{place.name} listens", Counter(f"{row[0]} {row[4]}" for row in rows)


def _rules(said: Mapping[str, Any]) -> Iterator[str]:
    """Of nft: tables, chains and rules, and each element of a set or a map as one of its own."""
    ((kind, body),) = said.items()
    if kind == "metainfo" or (kind == "chain" and body["name"] == "POSTROUTING"):
        # the nodes' network plugin makes that chain for its first pod, and lets it stand
        return
    body = {key: value for key, value in body.items() if key != "handle"}
    elements = body.pop("elem", ())
    yield f"{kind} {json.dumps(body, sort_keys=True)}"
    for element in elements:
        yield f"{kind} {body['name']}: {json.dumps(element, sort_keys=True)}"

"""The cluster's side: the API server by plain HTTP, claims with something behind them, and what becomes of pods."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from tests.cluster.legacy import events
from tests.cluster.shape import Reach
from tests.lab.cluster import Cluster
from tests.lab.host import HostError

CLASS = "lab"
# the kubelet's words where the runtime is too old for spec.hostUsers: false
_CANNOT = "does not support user namespaces"
_POLL_S = 0.3


class Api:
    """The API server. ``api`` is a ``kubernetes.client.ApiClient``."""

    def __init__(self, api: Any) -> None:
        self._host = api.configuration.host
        self._pool = api.rest_client.pool_manager

    def text(self, path: str, **query: str) -> str:
        response = self._pool.request("GET", self._host + path, fields=query or None)
        if response.status >= 300:
            raise LookupError(f"GET {path}: {response.status} {response.data.decode(errors='replace')[:300]}")
        return str(response.data.decode(errors="replace"))

    def get(self, path: str, **query: str) -> Any:
        return json.loads(self.text(path, **query))

    def delete(self, path: str) -> None:
        self._pool.request("DELETE", self._host + path)

    def lines(self, path: str, **query: str) -> Iterator[str]:
        """Lines as they come, until the other side ends."""
        response = self._pool.request(
            "GET", self._host + path, fields=query or None, preload_content=False, timeout=None
        )
        rest = b""
        try:
            for part in response.stream(65536):
                *whole, rest = (rest + part).split(b"\n")
                for line in whole:
                    yield line.decode(errors="replace")
        finally:
            response.close()


class Watch:
    """Every pod of the namespaces as it was last, and how the readiness of each went; gone pods too."""

    def __init__(self, api: Api, namespaces: Sequence[str]) -> None:
        self._api = api
        self._last: dict[tuple[str, str], Any] = {}
        self._ready: dict[tuple[str, str], list[tuple[float, bool]]] = {}
        for namespace in namespaces:
            threading.Thread(target=self._follow, args=(namespace,), daemon=True).start()

    def _follow(self, namespace: str) -> None:
        # the API server ends a watch after some minutes, and with the lab
        with suppress(Exception):
            for line in self._api.lines(f"/api/v1/namespaces/{namespace}/pods", watch="1"):
                event = json.loads(line)
                if event["type"] in ("ADDED", "MODIFIED", "DELETED"):
                    self._take(namespace, event["object"])

    def _take(self, namespace: str, pod: Any) -> None:
        key = namespace, pod["metadata"]["name"]
        self._last[key] = pod
        conditions = pod.get("status", {}).get("conditions", ())
        ready = any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
        went = self._ready.setdefault(key, [])
        if not went or went[-1][1] != ready:
            went.append((time.time(), ready))

    def of(self, namespace: str, workload: str) -> list[Any]:
        """The pods of a workload by the name that podlift gave it, in order of their names."""
        return [
            pod
            for (space, _), pod in sorted(self._last.items())
            if space == namespace and pod["metadata"].get("labels", {}).get("podlift.dev/workload") == workload
        ]

    def pod(self, namespace: str, name: str) -> Any:
        return self._last[namespace, name]

    def readiness(self, namespace: str, name: str, until: float) -> list[bool]:
        """How it went until a time since 1970, without repetitions."""
        return [ready for at, ready in self._ready[namespace, name] if at <= until]


class Pods:
    """What is asked of pods that run."""

    def __init__(self, cluster: Cluster, namespaces: Sequence[str]) -> None:
        self.cluster = cluster
        self.api = Api(cluster.api)
        self.watch = Watch(self.api, namespaces)

    def log(self, namespace: str, pod: str, container: str) -> str:
        return self.api.text(f"/api/v1/namespaces/{namespace}/pods/{pod}/log", container=container)

    def report(self, namespace: str, pod: str, container: str) -> Mapping[str, Any] | None:
        with suppress(LookupError):
            for event in events(self.log(namespace, pod, container)):
                if event["event"] == "report":
                    return event["facts"]  # type: ignore[no-any-return]
        return None

    def refusals(self, namespace: str) -> dict[str, str]:
        """Pods that the runtime below cannot make at all, by their names, and the kubelet's words."""
        found = self.api.get(f"/api/v1/namespaces/{namespace}/events", fieldSelector="type=Warning")["items"]
        said = ((event["involvedObject"].get("name", ""), event.get("message", "")) for event in found)
        return {name: message for name, message in said if _CANNOT in message}

    def service(self, namespace: str, workload: str) -> tuple[str, str] | None:
        """Address and port of a workload's Service."""
        path = f"/api/v1/namespaces/{namespace}/services"
        for service in self.api.get(path, labelSelector=f"podlift.dev/workload={workload}")["items"]:
            spec = service["spec"]
            if spec.get("clusterIP", "None") != "None":
                return spec["clusterIP"], str(spec["ports"][0]["port"])
        return None

    def stop(self, namespace: str, pod: str, containers: Sequence[str]) -> tuple[float, dict[str, list[Any]]]:
        """Deletes a pod; returns when that began, and by container what the probe said until its end."""
        said: dict[str, list[Any]] = {name: [] for name in containers}
        threads = [
            threading.Thread(target=self._follow, args=(namespace, pod, name, said[name]), daemon=True)
            for name in containers
        ]
        for thread in threads:
            thread.start()
        # what follows must have begun
        time.sleep(0.5)
        began = time.time()
        self.api.delete(f"/api/v1/namespaces/{namespace}/pods/{pod}")
        for thread in threads:
            thread.join(timeout=120)
        return began, said

    def _follow(self, namespace: str, pod: str, container: str, said: list[Any]) -> None:
        path = f"/api/v1/namespaces/{namespace}/pods/{pod}/log"
        for line in self.api.lines(path, container=container, follow="true"):
            said += events(line)

    def call(self, namespace: str, pod: str, container: str, reach: Reach) -> str:
        command = ("/bin/probe", "dial", reach.protocol, reach.host, reach.port)
        try:
            return self.cluster.kubectl("exec", "-n", namespace, pod, "-c", container, "--", *command).strip()
        except HostError as error:
            return str(error)

    def bind_claims(self, namespace: str) -> None:
        """Puts an empty folder of the first node behind each claim that waits; users of one claim share it there."""
        node = self.cluster.nodes[0]
        for claim in self.api.get(f"/api/v1/namespaces/{namespace}/persistentvolumeclaims")["items"]:
            if claim["status"].get("phase") == "Bound" or claim["spec"].get("volumeName"):
                continue
            name = claim["metadata"]["name"]
            terms = [{"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": [node.name]}]}]
            self.cluster.apply(
                {
                    "apiVersion": "v1",
                    "kind": "PersistentVolume",
                    "metadata": {"name": f"{namespace}-{name}"},
                    "spec": {
                        "accessModes": claim["spec"]["accessModes"],
                        "capacity": claim["spec"]["resources"]["requests"],
                        "claimRef": {"namespace": namespace, "name": name},
                        # on the disk and not in the node's own memory
                        "hostPath": {
                            "path": f"{node.host.folder}/claims/{namespace}/{name}",
                            "type": "DirectoryOrCreate",
                        },
                        "nodeAffinity": {"required": {"nodeSelectorTerms": terms}},
                        "storageClassName": claim["spec"].get("storageClassName", CLASS),
                    },
                }
            )


def identity(pod: Any, container: str) -> str:
    """The ID of a container of a pod, ``""`` where it has none yet."""
    for status in pod.get("status", {}).get("containerStatuses", ()):
        if status["name"] == container:
            return str(status.get("containerID", "")).rpartition("/")[2]
    return ""


def status_of(pod: Any, container: str) -> Any:
    return next((s for s in pod["status"].get("containerStatuses", ()) if s["name"] == container), {})


def trouble(pod: Any) -> str:
    """Why a pod does not run, in the kubelet's and the scheduler's own words."""
    status = pod.get("status", {})
    said = [
        f"{each['name']}: {state.get('reason', '')} {state.get('message', '')}".strip()
        for each in (*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ()))
        for kind, state in each.get("state", {}).items()
        if kind != "running"
    ]
    said += [
        f"{each['type']}: {each.get('message', '')}"
        for each in status.get("conditions", ())
        if each["status"] == "False" and each.get("message")
    ]
    return f"pod {pod['metadata']['name']} is {status.get('phase')}: {'; '.join(dict.fromkeys(said))}"

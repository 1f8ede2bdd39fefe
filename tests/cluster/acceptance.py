"""What an API server says of objects and of the pods that are made of them, in a dry run.

An object goes as it would be applied (server-side apply, strict about fields). A controller's pod goes beside it, as
that controller would make it, for much of what a target refuses (pod security, a service account that is not there) is
refused there and not before. All of it happens in one namespace for each level of pod security, where service accounts
and runtime classes of those names wait.
"""

from __future__ import annotations

import json
import re
import subprocess
import time
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml

from converters.objects.validity import pod_template_of
from tests.cluster.sources import Batch
from tests.lab import golang

LEVELS = ("privileged", "baseline", "restricted")
GATEWAY = "gateway.networking.k8s.io"
GATEWAY_API = "sigs.k8s.io/gateway-api@v1.4.0"
MANAGER = "podlift"

Object = Mapping[str, Any]


def pod_of(each: Object) -> dict[str, Any] | None:
    """The pod that a controller makes of its template; None for what makes none."""
    template = pod_template_of(dict(each))
    if template is None:
        return None
    kind, name = each["kind"], each["metadata"]["name"]
    metadata = deepcopy(template.get("metadata") or {})
    spec = deepcopy(template["spec"])
    labels = metadata.setdefault("labels", {})
    if kind == "StatefulSet":
        metadata["name"] = f"{name}-0"
        labels |= {"statefulset.kubernetes.io/pod-name": f"{name}-0", "apps.kubernetes.io/pod-index": "0"}
        labels["controller-revision-hash"] = f"{name}-5d4b7c9d88"
        spec |= {"hostname": f"{name}-0", "subdomain": each["spec"].get("serviceName", "")}
        claims = [claim["metadata"]["name"] for claim in each["spec"].get("volumeClaimTemplates", ())]
        spec["volumes"] = [
            *spec.get("volumes", ()),
            *({"name": claim, "persistentVolumeClaim": {"claimName": f"{claim}-{name}-0"}} for claim in claims),
        ]
    else:
        owner = f"{name}-29000000" if kind == "CronJob" else name
        metadata["generateName"] = f"{name}-5d4b7c9d88-" if kind == "Deployment" else f"{owner}-"
        if kind in ("Job", "CronJob"):
            labels["batch.kubernetes.io/job-name"] = owner
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


# ---------------------------------------------------------------- what is said of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """What the API server said of one thing: ``refused`` is its message, ``""`` where it accepts; ``stored`` is what it
    would have kept. ``sent`` is what it was asked, a pod where ``pod`` is set."""

    batch: Batch
    workload: str
    sent: Object
    pod: bool
    refused: str
    warnings: tuple[str, ...]
    stored: Object

    @property
    def name(self) -> str:
        metadata = self.sent["metadata"]
        kind = f"pod of {self.workload}" if self.pod else f"{self.sent['kind']}/{metadata['name']}"
        return f"{self.batch.name}: {kind}"


class Court:
    """An API server that is asked, and what stands in it meanwhile, which goes at the end.

    ``api`` is a ``kubernetes.client.ApiClient``; ``suffix`` tells this run's namespaces from others'.
    """

    def __init__(self, api: Any, *, suffix: str, connections: int = 4) -> None:
        self._configuration = api.configuration
        self._pool = api.rest_client.pool_manager
        self._suffix = suffix
        self._connections = connections
        self._made: list[str] = []
        self._kinds: dict[str, dict[str, tuple[str, bool]]] = {}

    def __enter__(self) -> Self:
        for level in LEVELS:
            self._make(_namespace(self.namespace(level), level))
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        for path in reversed(self._made):
            self._ask("DELETE", path)
        # The next court must not find a kind that is about to go.
        end = time.monotonic() + 30
        for path in self._made:
            while "/customresourcedefinitions/" in path and self._ask("GET", path)[0] == 200:
                assert time.monotonic() < end, f"{path} is not gone after 30 s"
                time.sleep(0.1)

    def namespace(self, level: str) -> str:
        return f"accept-{self._suffix}-{level}"

    def new_namespace(self, level: str) -> str:
        """One more, for what is made for real."""
        name = f"accept-{self._suffix}-{len(self._made)}"
        self._make(_namespace(name, level))
        return name

    def install(self, manifests: Sequence[Path]) -> None:
        """CRDs, which stay only as long as this court sits; such as are there already are let be."""
        for path in manifests:
            for each in yaml.safe_load_all(path.read_text(encoding="utf-8")):
                self._make(each)
                self._await(f"/apis/{each['spec']['group']}", each["spec"]["names"]["plural"])

    def _await(self, group: str, plural: str) -> None:
        """Until the server lists the kind, which is when it takes such objects."""
        end = time.monotonic() + 30
        while True:
            status, body, _ = self._ask("GET", group)
            version = body["preferredVersion"]["groupVersion"] if status == 200 else ""
            status, body, _ = self._ask("GET", f"/apis/{version}") if version else (404, {}, ())
            if status == 200 and any(each["name"] == plural for each in body["resources"]):
                return
            assert time.monotonic() < end, f"the API server does not serve {plural} after 30 s"
            time.sleep(0.1)

    def serves(self, group: str) -> bool:
        return self._ask("GET", f"/apis/{group}")[0] == 200

    def gates_off(self) -> frozenset[str]:
        """Feature gates that the server knows and has off."""
        answer = self._request("GET", "/metrics", None, {})
        found = re.findall(r'^kubernetes_feature_enabled\{name="(\w+)",.*\} 0$', answer.data.decode(), re.MULTILINE)
        return frozenset(found)

    def rule(self, given: Iterable[Batch], *, but: Sequence[str] = ()) -> tuple[Ruling, ...]:
        """Everything in the batches, in their order: objects, and then the pods. What is alike in several batches is
        asked once; API groups in ``but`` are left out."""
        given = tuple(given)
        objects = [
            (batch, workload, each, False)
            for batch in given
            for workload, each in batch.objects
            if each["apiVersion"].partition("/")[0] not in but
        ]
        for version in {each["apiVersion"] for _, _, each, _ in objects}:
            self._known(version)
        objects = list(_distinct(objects))
        with ThreadPoolExecutor(self._connections) as threads:
            rulings = list(threads.map(lambda one: self._apply(*one), objects))
            list(threads.map(self._make, self._beside(given)))
            pods = [(batch, name, pod, True) for batch, name, each, _ in objects if (pod := pod_of(each)) is not None]
            rulings += threads.map(lambda one: self._apply(*one), _distinct(pods))
        return tuple(rulings)

    def _beside(self, given: Sequence[Batch]) -> list[Object]:
        """What pods refer to and admission looks up: service accounts, which are in the plan, and runtime classes that
        the target or an answer names."""
        made: dict[str, Object] = {}
        for batch in given:
            level = batch.target.pod_security
            for _, each in batch.objects:
                if each["kind"] == "ServiceAccount":
                    name = each["metadata"]["name"]
                    metadata = {"name": name, "namespace": self.namespace(level)}
                    made[f"{level}/{name}"] = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}
            answers = [each for each in batch.plan.decisions.get("answers", ()) if each["code"] == "runtime"]
            for name in (*batch.target.runtime_classes.values(), *(each["answer"] for each in answers)):
                body = {"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": name}}
                made[f"runtime/{name}"] = body | {"handler": "runc"}
        return list(made.values())

    def _apply(self, batch: Batch, workload: str, each: Object, pod: bool) -> Ruling:
        sent = dict(deepcopy(each))
        _, namespaced = self._known(each["apiVersion"])[each["kind"]]
        if namespaced:
            sent["metadata"]["namespace"] = self.namespace(batch.target.pod_security)
        query = {"dryRun": "All", "fieldValidation": "Strict", "fieldManager": MANAGER}
        if pod:
            answer = self._ask("POST", self._path(sent, named=False), sent, query)
        else:
            answer = self._ask("PATCH", self._path(sent), sent, query)
        status, body, warnings = answer
        return Ruling(
            batch=batch,
            workload=workload,
            sent=sent,
            pod=pod,
            refused="" if status < 300 else str(body.get("message", body)),
            warnings=warnings,
            stored=body if status < 300 else {},
        )

    def _make(self, each: Object) -> None:
        """For real, unless it is there."""
        status, body, _ = self._ask("POST", self._path(each, named=False), each)
        if status < 300:
            self._made.append(self._path(each))
        elif status != 409:
            raise AssertionError(f"{each['kind']}/{each['metadata']['name']} cannot be made: {body}")

    def _path(self, each: Object, *, named: bool = True) -> str:
        version, metadata = each["apiVersion"], each["metadata"]
        plural, namespaced = self._known(version)[each["kind"]]
        parts = ["", "apis" if "/" in version else "api", version]
        if namespaced:
            parts += ["namespaces", metadata["namespace"]]
        return "/".join([*parts, plural, *([metadata["name"]] if named else [])])

    def _known(self, version: str) -> dict[str, tuple[str, bool]]:
        """Kinds of an API version with the name of their path, and whether they stand in namespaces."""
        if version not in self._kinds:
            status, body, _ = self._ask("GET", f"/{'apis' if '/' in version else 'api'}/{version}")
            assert status == 200, f"the API server does not know {version}"
            found = (each for each in body["resources"] if "/" not in each["name"])
            self._kinds[version] = {each["kind"]: (each["name"], each["namespaced"]) for each in found}
        return self._kinds[version]

    def _ask(
        self, method: str, path: str, body: Object | None = None, query: Mapping[str, str] | None = None
    ) -> tuple[int, dict[str, Any], tuple[str, ...]]:
        headers = {"Accept": "application/json"}
        if method != "GET":
            headers["Content-Type"] = "application/apply-patch+yaml" if method == "PATCH" else "application/json"
        found = self._request(method, f"{path}{'?' + urllib.parse.urlencode(query) if query else ''}", body, headers)
        warnings = tuple(text.partition('"')[2].rstrip('"') for text in found.headers.getlist("Warning"))
        told = found.headers.get("Content-Type", "").startswith("application/json")
        body = json.loads(found.data) if told else {"message": found.data.decode()}
        return found.status, body, warnings

    def _request(self, method: str, path: str, body: Object | None, headers: dict[str, str]) -> Any:
        for each in self._configuration.auth_settings().values():
            headers[each["key"]] = each["value"]
        return self._pool.request(method, f"{self._configuration.host}{path}", headers=headers, body=_text(body))


def _distinct(asked: Iterable[tuple[Batch, str, Object, bool]]) -> Iterator[tuple[Batch, str, Object, bool]]:
    seen = set()
    for one in asked:
        batch, _, each, _ = one
        key = (batch.target.pod_security, json.dumps(each, sort_keys=True))
        if key not in seen:
            seen.add(key)
            yield one


def _namespace(name: str, level: str) -> dict[str, Any]:
    label = "pod-security.kubernetes.io"
    labels = {f"{label}/enforce": level, f"{label}/warn": level, "app.kubernetes.io/part-of": "podlift-tests"}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


class NoGatewayError(RuntimeError):
    """Why the published CRDs of Gateway API are not at hand."""


def gateway_crds() -> tuple[Path, ...]:
    """The published CRD of HTTPRoute, from the Go module that carries it. Raises NoGatewayError."""
    programs = [go.program for go in golang.installed() if go.program is not None]
    if not programs:
        raise NoGatewayError(f"no Go to fetch {GATEWAY_API} with")
    done = subprocess.run(
        [programs[0], "mod", "download", "-json", GATEWAY_API],
        cwd="/",
        env=golang.environment(GOFLAGS="-mod=mod"),
        capture_output=True,
        check=False,
        text=True,
    )
    if done.returncode:
        raise NoGatewayError(f"Go cannot fetch {GATEWAY_API}: {done.stderr.strip() or done.stdout.strip()}")
    folder = Path(json.loads(done.stdout)["Dir"], "config", "crd", "standard")
    return (folder / "gateway.networking.k8s.io_httproutes.yaml",)


def _text(body: Object | None) -> bytes | None:
    """As it is: the server reads what is applied as YAML, which knows no pairs of escapes for one character."""
    return None if body is None else json.dumps(body, ensure_ascii=False).encode()

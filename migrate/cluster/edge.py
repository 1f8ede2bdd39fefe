"""One cluster, as podlift uses it: plain dicts in and out, and every failure a PodliftError."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .access import Access, access_of
from .answer import Answer, Call
from .discovery import Discovery, Resource, path_of
from .pace import Patience
from .refusals import refusal, refused
from .wire import Wire, quoted

if TYPE_CHECKING:
    from converters.target import Target

WRITES_PER_S = 50.0
MERGE_PATCH = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
_APPLY_PATCH = "application/apply-patch+yaml"
# A list whose token runs out is read anew; a cluster where that goes on is too busy for it.
_LISTS = 3
# A watch that has nothing to say ends by the server's clock; ours only stands by.
_AFTER_S = 15.0


class Cluster:
    """A cluster, by a context of the kubeconfig. Nothing is read or asked before the first call.

    All of it may be used from several threads at once. Writes keep to ``writes_per_s``; a server that is busy is
    waited for, and a broken connection is tried again where sending twice is as good as once.

    Every method may raise PodliftError of phase ``cluster``: ``bad-kubeconfig``, ``no-cluster-context``,
    ``credential-failed``, ``cluster-unreachable``, ``cluster-gone``, ``cluster-tls``, ``cluster-unauthorized``,
    ``cluster-forbidden``, ``cluster-busy``, ``cluster-failed``; and where it says so more.
    """

    def __init__(
        self,
        context: str | None = None,
        kubeconfig: Path | str | None = None,
        *,
        namespace: str | None = None,
        writes_per_s: float = WRITES_PER_S,
        patience: Patience | None = None,
    ) -> None:
        self._wanted = (context, kubeconfig)
        self._own_namespace = namespace
        self._writes_per_s = writes_per_s
        self._patience = patience
        self._lock = threading.Lock()
        self._made: tuple[Wire, Discovery] | None = None
        self._version = ""

    @property
    def name(self) -> str:
        """The context's name."""
        return self._access.context

    @property
    def server(self) -> str:
        """The URL of the API server."""
        return self._access.server

    @property
    def namespace(self) -> str:
        """Where objects go that name none: as given, else the context's, else ``default``."""
        return self._own_namespace or self._access.namespace

    @property
    def requests(self) -> Counter[tuple[str, str]]:
        """What was sent so far: (verb, plural) to how often; each try counts, and what asks for the cluster itself
        has no plural."""
        return self._wire.requests

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the server warned of, each once: deprecated versions, fields that it ignores."""
        return tuple(self._wire.warnings)

    def version(self) -> str:
        """As the server says it: ``v1.36.3``."""
        if not self._version:
            answer = self._ask(Call(method="GET", path="/version", verb="get"))
            self._version = str(answer.json().get("gitVersion", ""))
        return self._version

    def identity(self) -> str:
        """What tells this cluster from every other: the UID of its namespace kube-system. ``""`` where that may not
        be read."""
        resource = self.resource("v1", "Namespace")
        answer = self._wire.send(_call("get", "GET", resource, "", "kube-system"))
        if answer.status in {403, 404}:
            return ""
        return str(self._checked(_call("get", "GET", resource, "", "kube-system"), answer)["metadata"]["uid"])

    def target(self) -> Target:
        """What the cluster can do, as far as it shows it; what only its users know is as :class:`Target` has it."""
        from .inventory import read_inventory

        return read_inventory(self).target

    def resource(self, api_version: str, kind: str) -> Resource:
        """How a kind is served. Raises PodliftError ``kind-not-served``."""
        return self._discovery.resource(api_version, kind)

    def groups(self) -> dict[str, tuple[str, ...]]:
        """The API groups that are served, but for the core's, each with its versions."""
        return self._discovery.groups()

    def list(
        self,
        api_version: str,
        kind: str,
        namespace: str | None = None,
        *,
        labels: str = "",
        fields: str = "",
        limit: int = 500,
    ) -> Iterator[dict[str, Any]]:
        """All objects of a kind; ``namespace`` None: of all namespaces. ``labels`` and ``fields`` are selectors,
        ``limit`` the size of a page. It is read whole before the first is given, so that a list that expired on the
        way can be read anew. Raises PodliftError ``kind-not-served``, ``list-expired``."""
        resource = self.resource(api_version, kind)
        query = {"limit": str(limit)} | _given(labelSelector=labels, fieldSelector=fields)
        call = _call("list", "GET", resource, namespace or "", query=query)
        for each in self._whole(call):
            # those of a list do not say what they are
            each["apiVersion"], each["kind"] = api_version, kind
            yield each

    def get(self, api_version: str, kind: str, namespace: str, name: str) -> dict[str, Any] | None:
        """One object; None where there is none. Raises PodliftError ``kind-not-served``."""
        call = _call("get", "GET", self.resource(api_version, kind), namespace, name)
        answer = self._wire.send(call)
        return None if answer.status == 404 else self._checked(call, answer)

    def apply(
        self,
        obj: Mapping[str, Any],
        *,
        manager: str = "podlift",
        force: bool = False,
        dry_run: bool = False,
        strict: bool = True,
    ) -> dict[str, Any]:
        """Server-side apply: what is then there. ``strict``: a field that the server does not know refuses the object.

        Raises PodliftError ``kind-not-served``, ``namespace-missing``, ``namespace-ending``, ``apply-conflict``,
        ``object-refused``, ``object-denied``, ``object-immutable``, ``object-too-large``, ``webhook-failed``."""
        query = {"fieldManager": manager, "fieldValidation": "Strict" if strict else "Warn"}
        query |= _given(force="true" if force else "", dryRun="All" if dry_run else "")
        call = self._of_object("patch", "PATCH", obj, query=query, content_type=_APPLY_PATCH, named=True)
        return self._ask_object(call)

    def patch(
        self,
        api_version: str,
        kind: str,
        namespace: str,
        name: str,
        body: Any,
        *,
        content_type: str = MERGE_PATCH,
        subresource: str = "",
        manager: str = "podlift",
    ) -> dict[str, Any]:
        """A merge patch or a JSON patch: what is then there. A JSON patch whose answer was lost is not sent again.

        Raises PodliftError as ``apply`` does, and ``object-missing``, ``object-changed``."""
        resource = self.resource(api_version, kind)
        call = _call(
            "patch", "PATCH", resource, namespace, name, subresource=subresource, query={"fieldManager": manager},
            body=body, content_type=content_type, idempotent=content_type != JSON_PATCH,
        )  # fmt: skip
        return self._ask_object(call)

    def create(self, obj: Mapping[str, Any], *, manager: str = "podlift") -> dict[str, Any]:
        """What is then there. It is not sent again where its answer was lost. Raises PodliftError ``object-exists``
        and what ``apply`` raises."""
        query = {"fieldManager": manager, "fieldValidation": "Strict"}
        return self._ask_object(self._of_object("create", "POST", obj, query=query, idempotent=False))

    def delete(
        self, api_version: str, kind: str, namespace: str, name: str, *, uid: str | None = None, version: str = ""
    ) -> None:
        """Begins to delete an object, what it owns after it; harmless where there is none. ``uid``, ``version``: only
        this very one, as it was seen. Raises PodliftError ``object-changed`` where it is another one by now."""
        options: dict[str, Any] = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"}
        preconditions = _given(uid=uid or "", resourceVersion=version)
        if preconditions:
            options["preconditions"] = preconditions
        resource = self.resource(api_version, kind)
        call = _call("delete", "DELETE", resource, namespace, name, body=options)
        answer = self._wire.send(call)
        if answer.status != 404:
            self._checked(call, answer)

    def watch(
        self,
        api_version: str,
        kind: str,
        namespace: str | None = None,
        *,
        labels: str = "",
        fields: str = "",
        resource_version: str = "",
        timeout_s: float = 60,
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        """What happens from a version on, as it happens: ADDED, MODIFIED, DELETED, and BOOKMARK, which only brings a
        newer version; it ends after ``timeout_s``. Raises PodliftError ``list-expired`` where the version is too old:
        list again; ``cluster-gone`` where the connection breaks: watch again from the last version seen."""
        query = {"watch": "true", "allowWatchBookmarks": "true", "timeoutSeconds": str(max(1, round(timeout_s)))}
        query |= _given(labelSelector=labels, fieldSelector=fields, resourceVersion=resource_version)
        call = _call("watch", "GET", self.resource(api_version, kind), namespace or "", query=query)
        with self._wire.stream(call, timeout_s=timeout_s + _AFTER_S) as lines:
            for line in lines:
                event = json.loads(line)
                if event["type"] == "ERROR":
                    status = event["object"]
                    answer = Answer(status=int(status.get("code", 500)), body=json.dumps(status).encode())
                    raise refused(self._access, call, answer)
                yield event["type"], event["object"]

    def can(self, verb: str, group: str, plural: str, namespace: str = "") -> bool:
        """Whether this user may; ``namespace`` empty: in all of them. It is asked and nothing is tried."""
        return self._reviewed("SelfSubjectAccessReview", _attributes(verb, group, plural, namespace))

    def account_can(self, account: tuple[str, str], verb: str, group: str, plural: str, namespace: str = "") -> bool:
        """The same of a service account, by its namespace and name. This user needs the right to ask
        (``cluster-forbidden``)."""
        space, name = account
        groups = ["system:serviceaccounts", f"system:serviceaccounts:{space}", "system:authenticated"]
        who = {"user": f"system:serviceaccount:{space}:{name}", "groups": groups}
        return self._reviewed("SubjectAccessReview", {**_attributes(verb, group, plural, namespace), **who})

    def _reviewed(self, kind: str, spec: Mapping[str, Any]) -> bool:
        body = {"apiVersion": "authorization.k8s.io/v1", "kind": kind, "spec": spec}
        resource = Resource(
            api_version="authorization.k8s.io/v1", kind=kind, plural=f"{kind.lower()}s", namespaced=False
        )
        answer = self._ask_object(_call("create", "POST", resource, "", body=body, free=True))
        return bool(answer.get("status", {}).get("allowed"))

    def raw(self, path: str) -> str | None:
        """The text at a path that is no object's, such as ``/metrics``; None where it may not be read."""
        call = Call(method="GET", path=path, verb="get")
        answer = self._wire.send(call)
        if answer.status in {403, 404}:
            return None
        if answer.status != 200:
            raise refused(self._access, call, answer)
        return answer.body.decode("utf-8", "replace")

    def close(self) -> None:
        """Closes the connections; the next call makes new ones."""
        if self._made is not None:
            self._wire.close()

    @property
    def _access(self) -> Access:
        return self._wire.access

    @property
    def _wire(self) -> Wire:
        return self._parts()[0]

    @property
    def _discovery(self) -> Discovery:
        return self._parts()[1]

    def _parts(self) -> tuple[Wire, Discovery]:
        with self._lock:
            if self._made is None:
                access = access_of(*self._wanted)
                wire = Wire(access, writes_per_s=self._writes_per_s, patience=self._patience)
                self._made = wire, Discovery(self._ask)
            return self._made

    def _ask(self, call: Call) -> Answer:
        """For discovery: a group that is not there is an answer."""
        answer = self._wire.send(call)
        if answer.status not in {200, 404}:
            raise refused(self._access, call, answer)
        if answer.status == 200 and not answer.json():
            raise refusal(
                "cluster-failed",
                f"context {self.name}",
                f"what answers at {self.server} is no API server",
                "check the URL in the kubeconfig, and whether a proxy or a login page stands before it",
            )
        return answer

    def _ask_object(self, call: Call) -> dict[str, Any]:
        return self._checked(call, self._wire.send(call))

    def _checked(self, call: Call, answer: Answer) -> dict[str, Any]:
        if not 200 <= answer.status < 300:
            raise refused(self._access, call, answer)
        return answer.json()

    def _whole(self, call: Call) -> Sequence[dict[str, Any]]:
        """The items of all pages."""
        for _ in range(_LISTS - 1):
            items = self._pages(call, last=False)
            if items is not None:
                return items
        return self._pages(call, last=True) or ()

    def _pages(self, call: Call, *, last: bool) -> Sequence[dict[str, Any]] | None:
        """The items of all pages; None where the list expired in the middle and may be read anew."""
        items: Any = []
        more = ""
        while True:
            page = _with_query(call, {"continue": more}) if more else call
            answer = self._wire.send(page)
            if answer.status == 410 and more and not last:
                return None
            body = self._checked(page, answer)
            items += body.get("items") or ()
            more = (body.get("metadata") or {}).get("continue") or ""
            if not more:
                return tuple(items)

    def _of_object(self, verb: str, method: str, obj: Mapping[str, Any], *, named: bool = False, **more: Any) -> Call:
        resource = self.resource(obj["apiVersion"], obj["kind"])
        metadata = obj["metadata"]
        namespace = metadata.get("namespace") or self.namespace
        return _call(verb, method, resource, namespace, metadata["name"], in_path=named, body=obj, **more)


def _call(
    verb: str,
    method: str,
    resource: Resource,
    namespace: str,
    name: str = "",
    *,
    in_path: bool = True,
    subresource: str = "",
    **more: Any,
) -> Call:
    place = namespace if resource.namespaced else ""
    path = path_of(resource.api_version)
    if place:
        path += f"/namespaces/{quoted(place)}"
    path += f"/{resource.plural}"
    if name and in_path:
        path += f"/{quoted(name)}" + (f"/{subresource}" if subresource else "")
    what = f"{resource.kind}/{name}" if name else resource.plural
    return Call(
        method=method,
        path=path,
        verb=verb,
        group=resource.group,
        plural=resource.plural + (f"/{subresource}" if subresource else ""),
        namespace=place,
        name=name,
        about=f"{what} in {place}" if place else what,
        **more,
    )


def _attributes(verb: str, group: str, plural: str, namespace: str) -> dict[str, Any]:
    return {"resourceAttributes": {"verb": verb, "group": group, "resource": plural, "namespace": namespace}}


def _with_query(call: Call, more: Mapping[str, str]) -> Call:
    from dataclasses import replace

    return replace(call, query={**call.query, **more})


def _given(**query: str) -> dict[str, str]:
    return {key: value for key, value in query.items() if value}

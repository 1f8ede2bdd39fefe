"""What an API group serves: the plural that stands in paths, and whether its objects lie in namespaces."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from .answer import Answer, Call
from .refusals import refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """``plural`` stands in paths and roles; ``verbs`` are those that the server knows of it, whoever asks."""

    api_version: str
    kind: str
    plural: str
    namespaced: bool
    verbs: tuple[str, ...] = ()

    @property
    def group(self) -> str:
        """Empty for the core's."""
        return group_of(self.api_version)


def group_of(api_version: str) -> str:
    return api_version.rpartition("/")[0]


def path_of(api_version: str) -> str:
    return f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"


class Discovery:
    """Asks each group and version once, from whichever thread comes first."""

    def __init__(self, ask: Callable[[Call], Answer]) -> None:
        """``ask`` raises for every answer that is neither 200 nor 404."""
        self._ask = ask
        self._lock = threading.Lock()
        self._known: dict[str, Mapping[str, Resource]] = {}

    def resource(self, api_version: str, kind: str) -> Resource:
        """Raises PodliftError ``kind-not-served``."""
        with self._lock:
            if api_version not in self._known:
                self._known[api_version] = self._read(api_version)
            found = self._known[api_version].get(kind)
        if found is None:
            raise self._missing(api_version, kind)
        return found

    def groups(self) -> dict[str, tuple[str, ...]]:
        """The groups that are served, but for the core's, each with its versions."""
        answer = self._ask(Call(method="GET", path="/apis", verb="get"))
        return {
            each["name"]: tuple(version["version"] for version in each.get("versions", ()))
            for each in answer.json().get("groups", ())
        }

    def _read(self, api_version: str) -> Mapping[str, Resource]:
        answer = self._ask(Call(method="GET", path=path_of(api_version), verb="get"))
        if answer.status == 404:
            return {}
        return {
            each["kind"]: Resource(
                api_version=api_version,
                kind=each["kind"],
                plural=each["name"],
                namespaced=bool(each.get("namespaced")),
                verbs=tuple(each.get("verbs", ())),
            )
            for each in answer.json().get("resources", ())
            # one with a slash is a subresource
            if "/" not in each["name"]
        }

    def _missing(self, api_version: str, kind: str) -> Exception:
        group = group_of(api_version)
        subject = f"{kind} of {api_version}"
        versions = self.groups().get(group, ()) if group else ()
        if group and not versions:
            return refusal(
                "kind-not-served",
                subject,
                f"the cluster does not know the API group {group}",
                f"install what brings it (its CRDs), or take {group} out of target.yaml and plan again",
            )
        others = [each for each in versions if f"{group}/{each}" != api_version]
        if self._known.get(api_version):
            reason = f"the cluster's {api_version} has no {kind}"
        else:
            reason = f"the cluster serves {group} in {' and '.join(others)} only"
        return refusal("kind-not-served", subject, reason, "plan for this cluster: its version belongs in target.yaml")

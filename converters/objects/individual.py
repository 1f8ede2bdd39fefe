"""What belongs to one pod and not to all: values by its index, a volume of its own, or an instance's own values where
each instance has a controller of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from ..target import Target
from ..workload import Controller, MountKind, Workload
from .context import suffixed
from .controller_table import KINDS
from .differences import Fate, Resolved
from .expansion import escape
from .namespaces import host_field
from .sites import Part

INDEX_VARIABLE = "PODLIFT_POD_INDEX"
# Set by the StatefulSet controller since 1.28; counts from ordinals.start.
INDEX_LABEL = "metadata.labels['apps.kubernetes.io/pod-index']"
_UNSET = "unset"
_HIDDEN = "a secret value"


@dataclass(frozen=True, slots=True, kw_only=True)
class Individual:
    """
    resolved     what becomes of each difference
    kind, parts  the controllers
    target       which says what host names a pod may have
    """

    workload: Workload
    resolved: tuple[Resolved, ...]
    kind: Controller
    parts: tuple[Part, ...]
    target: Target

    def own_claims(self, pod: dict[str, Any], claims: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
        """Volume name to claim, for the volumes of which each instance's controller has its own. ``pod`` is a pod
        template's spec. (A StatefulSet's are templates: storage.py.)"""
        by_name = {claim["metadata"]["name"]: claim for claim in claims}
        found = {}
        for each in self.resolved:
            for volume in _volumes(each, pod) if self._separate(each) else ():
                name = volume.get("persistentVolumeClaim", {}).get("claimName")
                if name in by_name:
                    found[volume["name"]] = by_name[name]
        return found

    def of_pods(self, pod: dict[str, Any]) -> set[str]:
        """Subjects of volumes that are none's to share: an emptyDir is each pod's, a host path each node's."""
        return {
            each.difference.subject
            for each in self.resolved
            if (volumes := _volumes(each, pod)) and not any("persistentVolumeClaim" in volume for volume in volumes)
        }

    def only_own_volumes(self) -> bool:
        """Whether every volume with data is each instance's own, where each has a controller: then no two pods write
        one of them."""
        own = {_path(each) for each in self.resolved if self._separate(each)}
        mounts = [mount for container in self.workload.containers for mount in container.mounts]
        return self.parts[0].instance is not None and all(
            mount.target in own for mount in mounts if mount.kind is MountKind.VOLUME
        )

    def spread(self, own: Sequence[dict[str, Any]]) -> Callable[[str], tuple[str, ...]]:
        """Targets of the first part, and of a claim that is copied for each part, as targets of all parts."""
        first = f"{KINDS[self.kind]}/{self.parts[0].name}:"
        claims = {f"PersistentVolumeClaim/{claim['metadata']['name']}:": claim for claim in own}

        def targets(target: str) -> tuple[str, ...]:
            if target.startswith(first):
                return tuple(f"{KINDS[self.kind]}/{part.name}:{target.removeprefix(first)}" for part in self.parts)
            for prefix, claim in claims.items():
                if target.startswith(prefix):
                    names = [own_name(claim, part) for part in self.parts]
                    return tuple(f"PersistentVolumeClaim/{name}:{target.removeprefix(prefix)}" for name in names)
            return (target,)

        return targets

    def _separate(self, each: Resolved) -> bool:
        return each.fate is Fate.SEPARATE and self.parts[0].instance is not None

    def template(self, shared: dict[str, Any], part: Part, own: dict[str, dict[str, Any]]) -> dict[str, Any]:
        """The pod template of one part, from the one of all. ``own``: see own_claims."""
        made = deepcopy(shared)
        pod = made["spec"]
        for volume in pod.get("volumes", ()):
            if volume["name"] in own:
                volume["persistentVolumeClaim"]["claimName"] = own_name(own[volume["name"]], part)
        for each in self.resolved:
            if each.fate is Fate.INDEX and self.kind is Controller.STATEFULSET:
                self._by_index(pod, each)
            elif each.fate is Fate.SEPARATE and part.instance is not None:
                self._by_instance(pod, each, part.instance)
            elif each.fate is Fate.SITE and part.site:
                there = next((n for n, i in enumerate(self.workload.instances) if i.site == part.site), None)
                if there is not None:
                    self._by_instance(pod, each, there)
        return made

    def _by_index(self, pod: dict[str, Any], each: Resolved) -> None:
        if each.subject == "hostname":
            # the controller names the pod, and so its host
            for key in ("hostname", "hostnameOverride"):
                pod.pop(key, None)
            return
        name = each.subject.removeprefix("env ")
        before, _, after = each.difference.ordinal.partition("{n}")
        value = f"{escape(before)}$({INDEX_VARIABLE}){escape(after)}"
        for container in pod["containers"]:
            env = container.get("env", [])
            place = next((n for n, entry in enumerate(env) if entry["name"] == name), None)
            if place is None:
                continue
            env[place] = {"name": name, "value": value}
            if not any(entry["name"] == INDEX_VARIABLE for entry in env):
                # a variable is expanded only with those that stand before it
                env.insert(0, {"name": INDEX_VARIABLE, "valueFrom": {"fieldRef": {"fieldPath": INDEX_LABEL}}})

    def _by_instance(self, pod: dict[str, Any], each: Resolved, instance: int) -> None:
        value = self._value(each, instance)
        if value is None:
            return
        if each.subject == "hostname":
            for key in ("hostname", "hostnameOverride"):
                pod.pop(key, None)
            if value != _UNSET:
                key, pod[key] = host_field(value, self.target)
            return
        name = each.subject.removeprefix("env ")
        if name == each.subject:
            return
        for container in pod["containers"]:
            env = [entry for entry in container.get("env", []) if entry["name"] != name]
            if value != _UNSET:
                env.append({"name": name, "value": escape(value)})
            container["env"] = env

    def _value(self, each: Resolved, instance: int) -> str | None:
        """An instance's value as text; None where nobody may see it."""
        document = self.workload.instances[instance].document
        value = dict(each.difference.values).get(document)
        return None if value == _HIDDEN else value

    def bent(self) -> dict[str, str]:
        """Differences in host names of which a pod cannot bear each as it is, by subject, with what they become."""
        found = {}
        for each in self.resolved:
            made = {name: host_field(name, self.target)[1] for name in self._host_names(each)}
            if other := [f"{name} is {made[name]}" for name in made if made[name] != name]:
                found[each.difference.subject] = ", ".join(other)
        return found

    def _host_names(self, each: Resolved) -> list[str]:
        values = [value for _, value in each.difference.values if value != _UNSET]
        return values if each.subject == "hostname" and each.fate is not Fate.INDEX else []

    def targets(self) -> dict[str, tuple[str, ...]]:
        """Where the value of each difference stands now, by the difference's subject."""
        found: dict[str, tuple[str, ...]] = {}
        names = [f"{KINDS[self.kind]}/{part.name}" for part in self.parts]
        for each in self.resolved:
            subject = each.subject
            hidden = any(value == _HIDDEN for _, value in each.difference.values)
            if each.fate is Fate.SITE and not all(part.site for part in self.parts):
                continue
            if subject.startswith("env ") and not hidden:
                variable = subject.removeprefix("env ")
                containers = [c.name for c in self.workload.containers if any(e.name == variable for e in c.env)]
                paths = [f"spec.template.spec.containers[{name}].env[{variable}]" for name in containers]
            elif subject == "hostname":
                fields = sorted({host_field(value, self.target)[0] for value in self._host_names(each)})
                numbered = each.fate is Fate.INDEX
                paths = ["metadata.name"] if numbered else [f"spec.template.spec.{field}" for field in fields]
            elif each.fate is Fate.OWN and self.kind is Controller.STATEFULSET:
                paths = ["spec.volumeClaimTemplates"]
            elif subject.startswith("volume ") and self._separate(each):
                paths = ["spec.template.spec.volumes"]
            else:
                continue
            found[each.difference.subject] = tuple(f"{name}:{path}" for name in names for path in paths)
        return found


def _path(each: Resolved) -> str:
    """The mount path of a volume that instances have of their own, ``""`` for another difference."""
    path = each.subject.removeprefix("volume ").removesuffix(" data")
    return path if each.subject.startswith("volume ") else ""


def _volumes(each: Resolved, pod: dict[str, Any]) -> list[dict[str, Any]]:
    """The pod's volumes that a difference is about."""
    path = _path(each)
    mounts = {
        m["name"] for c in pod["containers"] for m in c.get("volumeMounts", ()) if path and m["mountPath"] == path
    }
    return [volume for volume in pod.get("volumes", ()) if volume["name"] in mounts]


def own_name(claim: dict[str, Any], part: Part) -> str:
    """The claim of one part, where each instance has a controller."""
    number = part.instance or 0
    name: str = claim["metadata"]["name"]
    return suffixed(name, f"-{number + 1}")


def own_claims_of(parts: Sequence[Part], own: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """A copy of each claim for each part."""
    made = []
    for claim in own.values():
        for part in parts:
            copied = deepcopy(claim)
            copied["metadata"]["name"] = own_name(claim, part)
            made.append(copied)
    return made

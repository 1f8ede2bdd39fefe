"""The target and decisions of a case, which stand inline, as the files of a project hold them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from converters.decisions import Answered, Decisions, Override
from converters.target import Exposure, MetricNames, Site, StorageClass, Target


def target(body: Mapping[str, Any] | None) -> Target:
    if body is None:
        return Target()
    given = dict(body)
    made: dict[str, Any] = {"stated": True}
    if "version" in given:
        major, minor = str(given.pop("version")).split(".")
        made["version"] = (int(major), int(minor))
    made |= {
        name: build(given.pop(key))
        for key, name, build in (
            ("gates", "gates", frozenset),
            ("crds", "crds", frozenset),
            ("storageClasses", "storage_classes", lambda v: tuple(
                StorageClass(name=k, access_modes=tuple(c["accessModes"]), default=c.get("default", False))
                for k, c in v.items())),
            ("podSecurity", "pod_security", str),
            ("ingressClass", "ingress_class", str),
            ("gateway", "gateway", str),
            ("unsafeSysctls", "unsafe_sysctls", tuple),
            ("namespace", "namespace", str),
            ("writeNamespaces", "write_namespaces", bool),
            ("mergeSites", "merge_sites", bool),
            ("sites", "sites", lambda v: tuple(Site(name=k, node_labels=labels) for k, labels in v.items())),
            ("hostLabels", "host_labels", dict),
            ("nodes", "nodes", dict),
            ("exposure", "exposure", lambda v: tuple(Exposure(match=str(k), become=b) for k, b in v.items())),
            ("images", "image_rewrites", lambda v: tuple(v.items())),
            ("pullSecrets", "pull_secrets", tuple),
            ("metrics", "metrics", lambda v: MetricNames(**v)),
            ("shares", "shares_policy", str),
            ("isolation", "isolation", str),
            ("gpuResource", "gpu_resource", str),
            ("runtimeClasses", "runtime_classes", dict),
            ("logDrivers", "log_drivers", tuple),
        )
        if key in given
    }  # fmt: skip
    assert not given, f"target: nobody reads {sorted(given)}"
    return Target(**made)


def decisions(body: Mapping[str, Any] | None) -> Decisions:
    given = dict(body or {})
    answers = given.pop("answers", [])
    overrides = given.pop("overrides", [])
    made = Decisions(
        answers=tuple(Answered(**{k: str(v) for k, v in each.items()}, line=n) for n, each in enumerate(answers, 1)),
        overrides=tuple(Override(**each) for each in overrides),
        secrets=tuple(given.pop("secrets", ())),
        not_secrets=tuple(given.pop("notSecrets", ())),
    )
    assert not given, f"decisions: nobody reads {sorted(given)}"
    return made

"""Carries one action out: one write, at one edge."""

from __future__ import annotations

from typing import Any

from .decision import Action, Verb
from .edges import Api, Hooks, Legacy
from .endpoints import MANAGER
from .run import Spec


def perform(action: Action, spec: Spec, *, api: Api, legacy: Legacy, hooks: Hooks) -> None:
    """Raises PodliftError as the edge does; ``object-changed`` where the object is not as it was seen any more."""
    if action.on_legacy:
        _on_container(action, legacy)
    elif action.verb is Verb.HOOK:
        hooks.run(action.name, variables(spec))
    elif action.verb is Verb.CREATE:
        api.create(action.body, manager=MANAGER)
    elif action.verb is Verb.DELETE:
        uid, version = action.uid or None, action.version
        api.delete(action.api_version, action.kind, spec.namespace, action.name, uid=uid, version=version)
    else:
        body: Any = action.body
        api.patch(action.api_version, action.kind, spec.namespace, action.name, body, manager=MANAGER)


def under_way(action: Action, legacy: Legacy) -> bool:
    """Whether an engine still works at just that."""
    host, _, container = action.name.partition("/")
    return action.on_legacy and (action.verb.value, host, container) in legacy.under_way()


def _on_container(action: Action, legacy: Legacy) -> None:
    host, _, container = action.name.partition("/")
    if action.verb is Verb.RESTART:
        legacy.set_restart(host, container, action.body)
    elif action.verb is Verb.STOP:
        legacy.stop(host, container, action.grace_s)
    elif action.verb is Verb.REMOVE:
        legacy.remove(host, container)
    else:
        legacy.start(host, container)


def variables(spec: Spec) -> dict[str, str]:
    """What a hook finds in its environment."""
    return {
        "PODLIFT_WORKLOAD": spec.workload,
        "PODLIFT_NAMESPACE": spec.namespace,
        "PODLIFT_RUN": spec.id,
        "PODLIFT_SERVICES": " ".join(each["metadata"]["name"] for each in spec.services),
    }

"""The environment of a workload's containers: what stands in the pod, in a ConfigMap, in a Secret or nowhere.

Values stand in the pod template, as they stood in the container: order is kept, and a changed value replaces the
pods, as it replaced the container. Only values too large to be read in review lie in a ConfigMap, whose hash on the
template replaces the pods all the same. Secret values lie in a Secret and never in a reviewed file.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from typing import Any

from ..fields.ledger import Ledger
from ..rewriting import Rewrite, Rewritten, renamed
from ..workload import Container, Env, Workload
from .annotations import pod_annotations
from .context import Context, short_hash, suffixed
from .expansion import escape
from .runtime import runtime_entry

LARGE_CHARACTERS = 8192
SUFFIX = "-env"
CONFIG_HASH = "podlift.dev/config-hash"
REQUIRED_KEYS = "podlift.dev/required-keys"
# Since 1.32 the API server takes any printable ASCII but "=" (KEP-4369).
_STRICT_NAME = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*", re.ASCII)
_RELAXED_NAME = re.compile(r"[ -<>-~]+", re.ASCII)
_KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}", re.ASCII)
_SECRET_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """
    objects      a ConfigMap, where values are too large for the pod template
    secrets      the Secret of secret values, whose annotation ``podlift.dev/required-keys`` names those that must be
                 filled by hand
    env          container name to its ``env`` list, in order
    annotations  of the pod template
    """

    objects: tuple[dict[str, Any], ...] = ()
    secrets: tuple[dict[str, Any], ...] = ()
    env: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)


def configuration(
    workload: Workload, *, context: Context, ledger: Ledger, rewrite: Rewrite | None = None
) -> Configuration:
    """The environment of all containers, and the verdicts on each variable, label and annotation.

    rewrite  replaces legacy host names in a text; without it the name map's hosts are replaced
    """
    made = _Environment(workload, context, ledger, rewrite or context.names.rewrite_for(workload.name))
    env = {container.name: made.of(container) for container in workload.containers}
    annotations = pod_annotations(workload, context=context, ledger=ledger)
    objects: tuple[dict[str, Any], ...] = ()
    if made.large:
        objects = (made.object("ConfigMap", data=dict(sorted(made.large.items()))),)
        annotations[CONFIG_HASH] = short_hash(*(text for pair in sorted(made.large.items()) for text in pair))
    return Configuration(
        objects=objects, secrets=made.secrets(), env=env, annotations=dict(sorted(annotations.items()))
    )


class _Environment:
    """Gathers what the containers' variables need beside the pod."""

    def __init__(self, workload: Workload, context: Context, ledger: Ledger, rewrite: Rewrite) -> None:
        self.workload = workload
        self.context = context
        self.ledger = ledger
        self.rewrite = rewrite
        self.name = suffixed(context.name(workload.name), SUFFIX)
        self.large: dict[str, str] = {}
        self.secret: dict[str, str] = {}
        self.required: set[str] = set()

    def of(self, container: Container) -> list[dict[str, Any]]:
        last = {env.name: env for env in container.env}
        entries = []
        for env in container.env:
            if last[env.name] is not env:
                why = f"{env.name}: given again further on, and the last one counts"
                self.ledger.approximated(env.origins, "env", why=why)
            elif self._named(env, container) and (entry := self._entry(env, container)) is not None:
                entries.append({"name": env.name, **entry})
        return entries

    def _named(self, env: Env, container: Container) -> bool:
        relaxed = self.context.target.version >= (1, 32)
        if (_RELAXED_NAME if relaxed else _STRICT_NAME).fullmatch(env.name):
            return True
        subject = f"{container.name}: env {env.name}"
        if self.ledger.ask("env-name", env.origins, subject) == "drop":
            self.ledger.dropped(env.origins, "env-name", why=f"{env.name!r}: left out, as decided")
        else:
            why = f"{env.name!r} is no name for a variable in a pod"
            self.ledger.undecided(env.origins, "env-name", why=why, subject=subject)
        return False

    def _entry(self, env: Env, container: Container) -> dict[str, Any] | None:
        at = self.context.in_pod(f"spec.containers[{container.name}].env[{env.name}]")
        if env.ref is not None:
            return self._reference(env, at)
        if env.runtime:
            return runtime_entry(env, container, at, ledger=self.ledger)
        if env.withheld or (env.secret and env.value is not None):
            return self._secret(env, container, at)
        if env.value is None:
            why = f"{env.name}: the image sets it and this container unset it; here it is empty"
            self.ledger.approximated(env.origins, "env-unset", *at, why=why)
            return {"value": ""}
        return self._literal(env, env.value, container, at)

    def _literal(self, env: Env, value: str, container: Container, at: tuple[str, ...]) -> dict[str, Any]:
        found = self.rewrite(value)
        self._tell_names(env, found, at)
        if len(found.text) > LARGE_CHARACTERS:
            key = self._key(env, container)
            self.large[key] = found.text
            hashed = self.context.in_pod(f"metadata.annotations[{CONFIG_HASH}]")
            self.ledger.exact(env.origins, "env", *at, f"ConfigMap/{self.name}:data[{key}]", *hashed)
            return {"valueFrom": {"configMapKeyRef": {"name": self.name, "key": key}}}
        escaped = escape(found.text)
        self.ledger.exact(env.origins, "env-order" if escaped != found.text else "env", *at)
        return {"value": escaped}

    def _secret(self, env: Env, container: Container, at: tuple[str, ...]) -> dict[str, Any]:
        key = self._key(env, container)
        target = f"Secret/{self.name}:data[{key}]"
        if env.withheld or env.value is None:
            self.required.add(key)
            why = f"{env.name}: its value was withheld from the capture"
            self.ledger.approximated(env.origins, "env-withheld", *at, target, why=why)
        else:
            found = self.rewrite(env.value)
            self.secret[key] = found.text
            self._tell_names(env, found, (*at, target))
            self.ledger.exact(env.origins, "env-secret", *at, target)
        return {"valueFrom": {"secretKeyRef": {"name": self.name, "key": key}}}

    def _reference(self, env: Env, at: tuple[str, ...]) -> dict[str, Any]:
        assert env.ref is not None
        legacy = f"{env.ref.name}#{env.ref.key}" if env.ref.key else env.ref.name
        answer = self.ledger.ask("env-secret-ref", env.origins, f"env {env.name}")
        name, key = secret_name(env.ref.name), _legal_key(env.ref.key or env.name)
        if answer is not None:
            name, _, answered_key = answer.partition("/")
            key = answered_key or key
        why = f"{env.name}: key {key} of the Secret {name}, which must hold what {legacy} holds"
        self.ledger.approximated(env.origins, "env-secret-ref", *at, why=why)
        return {"valueFrom": {"secretKeyRef": {"name": name, "key": key}}}

    def _key(self, env: Env, container: Container) -> str:
        """Containers of one pod may give one variable different values; whether they do must not show, so each has a
        key of its own."""
        several = len(self.workload.containers) > 1
        return _legal_key(f"{container.name}.{env.name}" if several else env.name)

    def _tell_names(self, env: Env, found: Rewritten, at: tuple[str, ...]) -> None:
        if names := renamed([found]):
            why = f"{env.name}: {names}"
            self.ledger.approximated(env.origins, "env", *at, why=why, todo="check that the new name is right")

    def object(self, kind: str, **more: Any) -> dict[str, Any]:
        metadata = self.context.metadata(self.workload.name, name=self.name)
        return {"apiVersion": "v1", "kind": kind, "metadata": metadata, **more}

    def secrets(self) -> tuple[dict[str, Any], ...]:
        if not self.secret and not self.required:
            return ()
        data = {key: base64.b64encode(value.encode()).decode() for key, value in sorted(self.secret.items())}
        made = self.object("Secret", type="Opaque", data=data)
        if self.required:
            made["metadata"]["annotations"][REQUIRED_KEYS] = ",".join(sorted(self.required))
        return (made,)


def secret_name(legacy: str) -> str:
    """The name of the Secret that stands for a legacy one: ``edge/db`` is ``edge.db``; whatever else must change
    gives it a hash, so that two legacy secrets are never one."""
    dotted = legacy.replace("/", ".")
    if _SECRET_NAME.fullmatch(dotted) and ("/" not in legacy or "." not in legacy):
        return dotted
    words = re.sub(r"[^a-z0-9]+", "-", legacy.lower()).strip("-")
    return suffixed(words or "secret", "-" + short_hash(legacy))


def _legal_key(key: str) -> str:
    if _KEY.fullmatch(key) and key not in (".", "..") and not key.startswith(".."):
        return key
    words = re.sub(r"[^-._a-zA-Z0-9]+", "-", key).strip(".")
    return suffixed(words or "key", "-" + short_hash(key), 253)

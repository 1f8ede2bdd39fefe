"""target.yaml as ``podlift init --context`` writes it: what the cluster shows, and as comments what its user knows."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from converters.target import StorageClass

from ..schemas.inputs import TARGET
from .inventory import Inventory

# What only a user knows: key, what it is, and a line that needs its # taken away.
_YOURS = (
    ("namespace", "Where objects go; {group} is the legacy group's name", 'namespace: "{group}"'),
    ("sites", "Which nodes stand for a legacy site", "sites: {ams: {topology.kubernetes.io/zone: ams}}"),
    ("exposure", "What public ports become", 'exposure: {"*": ClusterIP, "web:443/tcp": LoadBalancer}'),
    ("images", "Image prefixes to rewrite", "images: {registry.old.example/: registry.new.example/}"),
    ("pullSecrets", "Secrets that images are pulled with", "pullSecrets: [registry]"),
    ("metrics", "Where autoscaling finds its numbers", 'metrics: {source: prometheus-adapter, requests: "…"}'),
    ("runtimeClasses", "Which RuntimeClass a Docker runtime becomes", "runtimeClasses: {runsc: gvisor}"),
)


def target_text(inventory: Inventory, *, context: str) -> str:
    """The file's text; what it says is what :func:`load_target` reads from it."""
    return "\n".join(_lines(inventory, context)) + "\n"


def _lines(inventory: Inventory, context: str) -> Iterator[str]:
    target, notes = inventory.target, dict(inventory.notes)
    which = f"{_plain(context)} ({_plain(inventory.server_version)})"
    yield f"# What the cluster of context {which} can do, read by podlift init."
    yield "# podlift schema target is the reference."
    if inventory.unread:
        yield "# Not read, for want of rights, and left as it is by default:"
        yield from (f"#   {each}" for each in inventory.unread)
    yield f"schema: {TARGET}"
    if target.identity:
        yield "# The UID of its namespace kube-system: diff, apply and cutover refuse another cluster."
        yield f"identity: {_quoted(target.identity)}"
    yield from _noted(notes, "version", f'version: "{target.version[0]}.{target.version[1]}"')
    if target.gates:
        yield from _noted(notes, "gates", f"gates: {_flow(sorted(target.gates))}")
    if target.storage_classes:
        yield "storageClasses:"
        for each in target.storage_classes:
            yield from _storage_class(each, assumed=each.name in inventory.assumed)
    yield from _noted(notes, "podSecurity", f"podSecurity: {target.pod_security}")
    if target.crds:
        yield "# API groups beside Kubernetes' own."
        yield f"crds: {_flow(sorted(target.crds))}"
    if target.ingress_class or "ingressClass" in notes:
        line = f"ingressClass: {_quoted(target.ingress_class)}" if target.ingress_class else "# ingressClass: …"
        yield from _noted(notes, "ingressClass", line)
    if target.gateway or "gateway" in notes:
        line = f"gateway: {_quoted(target.gateway)}" if target.gateway else "# gateway: NAMESPACE/NAME"
        yield from _noted(notes, "gateway", line)
    for said in (text for key, text in inventory.notes if not key):
        yield f"# The cluster has {_plain(said)}."
    yield ""
    yield "# How it is used is yours to say."
    for key, about, line in _YOURS:
        yield f"# {about}{f'; {_plain(notes[key])}' if key in notes else ''}."
        yield f"# {line}"


def _storage_class(each: StorageClass, *, assumed: bool) -> Iterator[str]:
    if assumed:
        yield f"# Nothing shows how volumes of {each.name} may be mounted: taken for ReadWriteOnce."
    default = ", default: true" if each.default else ""
    yield f"- {{name: {_quoted(each.name)}, accessModes: [{', '.join(each.access_modes)}]{default}}}"


def _noted(notes: dict[str, str], key: str, line: str) -> Iterator[str]:
    if key in notes:
        yield f"# {_plain(notes[key])[:1].upper()}{_plain(notes[key])[1:]}."
    yield line


def _flow(values: Iterable[str]) -> str:
    return f"[{', '.join(map(_quoted, values))}]"


def _quoted(text: str) -> str:
    """A JSON string is a YAML string too."""
    return json.dumps(text)


def _plain(text: str) -> str:
    """A comment ends with its line."""
    return " ".join(text.split())

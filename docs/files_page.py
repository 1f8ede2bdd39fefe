"""docs/reference/files.md: the files that a user writes, from the schemas that check them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from migrate.schemas import schema

_FILES = (
    (
        "podlift.yaml",
        "project",
        "Names what a project reads and where it writes. A bare `podlift plan` in its folder uses it; flags override.",
        """\
estate: edge
hostsFile: hosts.yaml
configs: [fleet/*.yml]
mapping: edge.mapping.yaml
target: target.yaml
decisions: decisions.yaml
out: plan
cutover:
  hooks:
    freeze: [scheduler, freeze]
    frozen: [scheduler, is-frozen]
    unfreeze: [scheduler, unfreeze]
  parity:
    requests: [{path: /orders?limit=1}]
    ignore: {json: [..time]}
  workloads:
    search: {schedule: [1, 25%, 100%], timings: {bake: 2h}}
""",
    ),
    (
        "hosts.yaml",
        "hosts",
        "The engines to read. One URL a line, without any keys, is a hosts file too.",
        """\
hosts:
- {name: ams1, url: "ssh://deploy@ams1.edge.example", site: ams, address: 203.0.113.11, labels: {disk: ssd}}
- name: ams2
  url: "tcp://ams2.edge.example:2376"
  site: ams
  tls: {ca: ca.pem, cert: cert.pem, key: key.pem}
  exec: [ssh, ams2.edge.example]
""",
    ),
    (
        "target.yaml",
        "target",
        (
            "What the destination cluster can do and how it is used. Without one: Kubernetes 1.31, pod security "
            "baseline, nothing installed. What a target would refuse becomes a question, not a manifest."
        ),
        """\
version: "1.34"
podSecurity: baseline
namespace: edge
storageClasses:
- {name: local-ssd, accessModes: [ReadWriteOnce], default: true}
sites:
  ams: {topology.kubernetes.io/zone: ams}
exposure: {"*": ClusterIP, "443": LoadBalancer, "dns:53/*": hostPort}
images: {registry.old.example/: registry.new.example/}
metrics:
  source: prometheus-adapter
  requests: 'sum(rate(http_requests_total{service="{service}"}[2m]))'
""",
    ),
    (
        "gates.yaml",
        "gates",
        "Gates of one cutover, in place of those of podlift.yaml, which are written alike.",
        """\
gates:
- name: errors
  prometheus:
    url: https://prometheus.example
    query: 'sum(rate(http_errors_total{namespace="{namespace}",app="{workload}"}[{window}]))'
    condition: result < 0.01
    headers: {Authorization: "Bearer ${PROM_TOKEN}"}
- {name: ready, webhook: {url: "https://release.example/gate", timeout: 5s}}
- {name: lag, command: {argv: [check-lag, --below, "100"]}}
""",
    ),
    (
        "decisions.yaml",
        "decisions",
        (
            "Answers and overrides. [Answering questions](../how-to/answer-questions.md) goes through it, "
            "[codes](codes.md) has the answers that each code takes."
        ),
        """\
answers:
- {workload: ledger, code: volume-size, answer: 20Gi}
- {workload: "mail-*", code: acts-unasked, answer: exclusive}
overrides:
- {workload: web_frontend, name: frontend}
- {workload: web, object: Deployment/web, patch: {spec: {revisionHistoryLimit: 3}}}
secrets: ["*_PIN"]
""",
    ),
)

_HEAD = """\
# The files that you write

Written from the schemas that check them; `podlift schema NAME` prints one whole. A key that is not listed is refused,
with file, line and the key that was probably meant. [The mapping language](mapping.md) has a page of its own."""


def examples() -> dict[str, str]:
    """Schema name to the page's example of it."""
    return {name: example for _, name, _, example in _FILES}


def files_page() -> str:
    lines = [_HEAD]
    for file, name, about, example in _FILES:
        lines += ["", f"## {file}", "", about, "", "```yaml", example.rstrip(), "```", ""]
        lines += ["| key | takes | what it is |", "|---|---|---|"]
        lines += [f"| `{key}` | {takes} | {what} |" for key, takes, what in _rows(schema(name), "")]
    return "\n".join(lines) + "\n"


def _rows(body: Mapping[str, Any], above: str) -> Iterator[tuple[str, str, str]]:
    for key, each in body.get("properties", {}).items():
        if key == "schema" and not above:
            continue
        path = f"{above}{key}"
        # The first of several ways to write a thing stands for all; `podlift schema` has the others.
        told = each["anyOf"][0] if "anyOf" in each else each
        yield path, _takes(each).replace("|", "\\|"), each.get("description", "").replace("|", "\\|")
        if told.get("type") == "array":
            yield from _rows(told.get("items", {}), f"{path}[].")
        else:
            yield from _rows(told, f"{path}.")


def _takes(each: Mapping[str, Any]) -> str:
    if "anyOf" in each:
        return " or ".join(dict.fromkeys(_takes(way) for way in each["anyOf"]))
    if "enum" in each:
        return ", ".join(f"`{value}`" for value in each["enum"])
    kind = each.get("type", "anything")
    if kind == "array":
        inner = each.get("items", {})
        return f"a list of {_takes(inner)}" if "enum" in inner else "a list"
    names = {
        "object": "a map",
        "string": "a text",
        "boolean": "true or false",
        "integer": "a number",
        "number": "a number",
    }
    return " or ".join(names.get(k, str(k)) for k in (kind if isinstance(kind, list) else [kind]))

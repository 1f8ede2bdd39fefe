"""The schemas of what a user writes: podlift.yaml, target.yaml, decisions.yaml, a hosts file.

They are printed by ``podlift schema`` and they are what the files are checked by, so neither can drift.
"""

from __future__ import annotations

from typing import Any

from . import cutover
from .building import array, choice, flag, keyed, maybe, text, texts

PROJECT = "podlift.dev/project/v1"
TARGET = "podlift.dev/target/v1"
DECISIONS = "podlift.dev/decisions/v1"
HOSTS = "podlift.dev/hosts/v1"

# Names as the API server takes them: what it refuses is refused here, with the line, and not in a manifest.
_NAME = r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$"
_NAMESPACE = r"^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?|[-a-z0-9]*\{group\}[-a-z0-9]*)$"
_LABEL = r"^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$"
_LABEL_VALUE = r"^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$"
_REFERENCE = r"^[A-Za-z0-9:/._@-]*$"
_IMAGE = r"^[A-Za-z0-9][A-Za-z0-9:/._@-]*$"
_QUANTITY = r"^[0-9.]+([numkMGTPE]|[KMGTPE]i|[eE][0-9]+)?$"


def _file(said: str) -> dict[str, Any]:
    return text(f"{said}, relative to this file's folder", minLength=1)


def host() -> dict[str, Any]:
    return keyed(
        "a machine with a Docker engine",
        {
            "name": text("what the plan calls it", minLength=1),
            "url": text("unix://, tcp://, ssh:// or context://NAME", minLength=1),
            "address": text("an address that the cluster can reach"),
            "site": text("the place where it stands"),
            "labels": keyed("labels of the host, as constraints of a config name them", {}, others=text("a value")),
            "tls": keyed(
                "files for tcp:// with TLS",
                {"ca": _file("the certificate authority"), "cert": _file("the certificate"), "key": _file("the key")},
            ),
            "exec": {
                "description": "how a cutover runs commands there: ssh, as the URL has it; a command, which gets the "
                "program's words after its own; container: only podlift-probe, in a one-shot container of image. "
                "By default ssh for ssh://, and directly for an engine of this machine",
                "anyOf": [
                    choice("", "ssh", "container"),
                    texts("the words of a command: [ssh, ams1]; a relative path counts from this file's folder"),
                ],
            },
            "probe": texts("what starts podlift-probe there, for a host without a conntrack program"),
            "image": text("the image of podlift-probe on the engine, for exec: container", pattern=_IMAGE),
        },
        required=("name",),
    )


def hosts() -> dict[str, Any]:
    return keyed(
        "hosts to read",
        {"schema": _schema(HOSTS), "hosts": array("the hosts", host())},
        required=("hosts",),
    )


def project() -> dict[str, Any]:
    return keyed(
        "a project: what podlift reads and where it writes. Flags override it",
        {
            "schema": _schema(PROJECT),
            "estate": text("the estate's name; every object carries it as a label", minLength=1),
            "hosts": array("the hosts to read", {"anyOf": [text("a URL, or NAME=URL"), host()]}),
            "hostsFile": _file("a hosts file"),
            "capture": _file("a capture to plan from; without it the hosts are read"),
            "inspect": texts("inspect files to plan from, or HOST=FILE; globs"),
            "configs": texts("the scheduler's configs; globs. Without them: the documents that the mapping names"),
            "mapping": _file("the mapping that says where in the configs things stand"),
            "target": _file("the target file"),
            "decisions": _file("the decisions file"),
            "out": _file("the plan directory"),
            "secrets": choice("what becomes of secret values", "file", "omit", "external"),
            "allowPartial": texts("hosts that may be unread"),
            "cutover": cutover.section(),
        },
    )


def target() -> dict[str, Any]:
    labels = keyed(
        "labels of nodes",
        {},
        names=_LABEL,
        others=text("a label's value: 63 letters and digits at most, with -_. between", pattern=_LABEL_VALUE),
    )
    return keyed(
        "what the destination cluster can do and how podlift uses it",
        {
            "schema": _schema(TARGET),
            "identity": text(
                "which cluster it is: the UID of its namespace kube-system. diff, apply and cutover refuse another",
                pattern=r"^[0-9A-Za-z-]{1,64}$",
            ),
            "version": text(
                'the cluster\'s version in quotes, "1.31" to "1.37"', pattern=r"^1\.[0-9]{1,3}(\.[0-9]{1,3})?$"
            ),
            "gates": texts("feature gates that are on"),
            "storageClasses": {
                "description": "storage classes: a list, or a map by name",
                "anyOf": [
                    array("storage classes", storage_class("name")),
                    keyed("storage classes by name", {}, names=_NAME, others=storage_class()),
                ],
            },
            "podSecurity": choice("the level that namespaces enforce", "privileged", "baseline", "restricted"),
            "crds": texts("API groups that are installed, for example gateway.networking.k8s.io"),
            "ingressClass": text("the name of the IngressClass of routes", pattern=_NAME),
            "gateway": text("the Gateway that routes attach to: NAMESPACE/NAME", pattern=r"^[^/]+/[^/]+$"),
            "unsafeSysctls": texts("kernel settings that the kubelets allow; net.core.* patterns"),
            "namespace": text("where objects go: a name, or {group} for the legacy group's", pattern=_NAMESPACE),
            "writeNamespaces": flag("whether Namespace objects are written"),
            "sites": keyed("legacy sites, each with the node labels that tie its controller to it", {}, others=labels),
            "mergeSites": flag("one controller for all sites"),
            "hostLabels": keyed(
                "legacy host label to node label", {}, others=text("the key of a node label", pattern=_LABEL)
            ),
            "nodes": keyed("legacy host to node", {}, others=text("a node's name", pattern=_NAME)),
            "exposure": {
                "description": "what public ports become: by port (80, 53/udp) or workload and port (web:443/tcp)",
                "anyOf": [
                    keyed("by match", {}, others=_become()),
                    array(
                        "the first match wins",
                        keyed(
                            "a rule",
                            {"match": text("a port, or WORKLOAD:PORT; * and ? are wild"), "become": _become()},
                            required=("match", "become"),
                        ),
                    ),
                ],
            },
            "images": keyed(
                "image prefixes to rewrite, the longest wins",
                {},
                others=text("a prefix of image references", pattern=_REFERENCE),
            ),
            "pullSecrets": texts("names of image pull Secrets that exist", pattern=_NAME),
            "metrics": keyed(
                "where autoscaling finds its numbers",
                {
                    "source": choice("what serves them", "", "prometheus-adapter"),
                    "requests": text("a query template for requests a second: {service}, {namespace}, {site}"),
                    "latency": text("a query template for latency: {service}, {namespace}, {percentile}"),
                },
            ),
            "requests": keyed(
                "requests where nothing is said",
                {
                    "cpu": text("an amount of CPU, for example 100m", pattern=_QUANTITY),
                    "memory": text("an amount of memory, for example 64Mi", pattern=_QUANTITY),
                },
            ),
            "shares": choice("what CPU shares become", "ignore", "proportional"),
            "isolation": choice("what networks become", "none", "networkpolicy"),
            "gpuResource": text("the resource name of GPUs", minLength=1),
            "runtimeClasses": keyed(
                "Docker runtime to RuntimeClass", {}, others=text("the name of a RuntimeClass", pattern=_NAME)
            ),
            "logDrivers": texts("log drivers whose logs the cluster's collector ships"),
        },
    )


def storage_class(*required: str) -> dict[str, Any]:
    modes = choice("", "ReadWriteOnce", "ReadWriteMany", "ReadWriteOncePod", "ReadOnlyMany")
    properties: dict[str, Any] = {
        "accessModes": array("access modes", modes),
        "default": flag("the class for claims that name none"),
    }
    if required:
        properties = {"name": text("the class's name", minLength=1, pattern=_NAME), **properties}
    return keyed("a storage class", properties, required=required)


def _become() -> dict[str, Any]:
    return choice("what the port becomes", "ClusterIP", "NodePort", "LoadBalancer", "hostPort", "route")


def decisions() -> dict[str, Any]:
    answer = {"description": "the answer", "type": ["string", "integer", "number", "boolean"]}
    return keyed(
        "answers to open questions, and overrides",
        {
            "schema": _schema(DECISIONS),
            "answers": maybe(
                "answers; the most specific wins",
                keyed(
                    "an answer",
                    {
                        "workload": text("a workload; * and ? are wild. Without it: every workload"),
                        "code": text("what it answers; podlift explain lists the codes", minLength=1),
                        "source": text("a verdict's source path; * and ? are wild"),
                        "subject": text("a finding's subject; * and ? are wild"),
                        "answer": answer,
                    },
                    required=("code", "answer"),
                ),
            ),
            "overrides": maybe(
                "changes to what is made",
                keyed(
                    "an override: name and namespace of a workload, or a JSON merge patch of one object",
                    {
                        "workload": text("the workload", minLength=1),
                        "name": text("its Kubernetes name", minLength=1),
                        "namespace": text("its namespace", minLength=1),
                        "object": text("Kind/name of the object to patch", pattern=r"^[A-Z][A-Za-z]+/.+$"),
                        "patch": keyed("a JSON merge patch (RFC 7386); null takes a key away", {}, others=True),
                    },
                    required=("workload",),
                ),
            ),
            "secrets": texts("environment names (* and ? are wild) that are secret whatever podlift thinks"),
            "notSecrets": texts("environment names that are not secret"),
        },
    )


def _schema(name: str) -> dict[str, Any]:
    return {"description": "the kind and version of this file", "const": name}

"""The schemas of what podlift writes: the files of a plan directory, and what ``diff -o json`` prints."""

from __future__ import annotations

from typing import Any

from converters.fields.verdict import Level

from .building import array, choice, flag, keyed, text, texts, whole

_LEVELS = tuple(level.value for level in Level)
_CLASSES = ("stateless", "worker", "cron", "job", "daemon", "singleton", "single-writer")
_DIGEST = "^[0-9a-f]{64}$"


def plan() -> dict[str, Any]:
    return keyed(
        "plan.json: what the plan is of, one entry for each workload, and the sha256 of the files beside it",
        {
            "schema": {"const": "podlift.dev/plan/v1"},
            "hash": text("sha256 over normalised workloads, target, decisions and objects", pattern=_DIGEST),
            "estate": text("the estate's name"),
            "secrets": choice("what became of secret values", "file", "omit", "external"),
            "redacted": flag("the capture withheld values: they are required keys of Secrets"),
            "unread": texts("hosts that could not be read"),
            "acceptedUnread": texts("unread hosts that --allow-partial accepted"),
            "incomplete": flag("a host could not be read and nobody accepted that"),
            "unusedAnswers": texts("answers in decisions.yaml that nothing asked for"),
            "excluded": array("what was read and is no part of a workload: what, why", _pair()),
            "target": keyed("the target as it entered the hash", {}, others=True),
            "decisions": keyed("the decisions as they entered the hash", {}, others=True),
            "sha256": keyed(
                "file to sha256; plan.json's own is over all else that it says",
                {},
                others=text("sha256", pattern=_DIGEST),
            ),
            "workloads": array("workloads in order of name", planned_workload()),
        },
        required=(
            "schema", "hash", "estate", "secrets", "redacted", "unread", "acceptedUnread", "incomplete",
            "unusedAnswers", "excluded", "target", "decisions", "sha256", "workloads",
        ),
    )  # fmt: skip


def planned_workload() -> dict[str, Any]:
    properties = {
        "name": text("as the legacy side knew it"),
        "kubernetesName": text("what its objects are called"),
        "namespace": text("where they go; empty: the current one"),
        "groupingKey": text("the predicate that finds its instances again"),
        "scheduler": text("who kept it running"),
        "class": choice("how cutover must treat it", *_CLASSES),
        "controller": text("deployment, statefulset, daemonset, job or cronjob"),
        "replicas": keyed("controller to planned replicas", {}, others=whole("replicas", minimum=0)),
        "ports": array(
            "container ports and the Service ports that lead to them",
            keyed(
                "a port",
                {
                    "containerPort": whole("the container's port", minimum=1),
                    "protocol": choice("the protocol", "TCP", "UDP", "SCTP"),
                    "servicePort": whole("the Service's port", minimum=1),
                    "name": text("the Service port's name"),
                },
                required=("containerPort", "protocol", "servicePort", "name"),
            ),
        ),
        "image": keyed("reference, digest, repository, platforms", {}, others=True),
        "checks": array(
            "health checks: kind, argv or port and path, seconds and counts, whether they gate traffic or restart",
            keyed("a check", {"container": text("whose it is")}, required=("container",), others=True),
        ),
        "stopTimeoutSeconds": {"description": "time to stop, 10 where nobody said", "type": "number"},
        "references": texts("workloads whose names it uses"),
        "selector": keyed("labels that select its pods", {}, others=text("a value")),
        "templateHash": text("sha256 of its pod templates; empty: nothing is written for it"),
        "instances": array(
            "running copies",
            keyed(
                "an instance",
                {"name": text("the container's name"), "host": text("its host"), "site": text("its site")},
                required=("name", "host"),
            ),
        ),
        "secrets": array(
            "Secrets that it needs, without values",
            keyed("a Secret", {"name": text("its name"), "keys": texts("its keys")}, required=("name", "keys")),
        ),
        "withheld": texts("codes that keep it from being written"),
        "workload": keyed("the normalised workload without secret values", {}, others=True),
    }
    return keyed("a workload", properties, required=tuple(properties))


def objects() -> dict[str, Any]:
    return keyed(
        "objects.json: the objects of the manifests",
        {
            "schema": {"const": "podlift.dev/objects/v1"},
            "objects": array(
                "objects in the order of the manifests",
                keyed(
                    "an object with its workload; empty: several share it",
                    {
                        "workload": text("the workload"),
                        "object": keyed(
                            "a Kubernetes object",
                            {
                                "apiVersion": text("group and version"),
                                "kind": text("kind"),
                                "metadata": keyed("metadata", {"name": text("name")}, required=("name",), others=True),
                            },
                            required=("apiVersion", "kind", "metadata"),
                            others=True,
                        ),
                    },
                    required=("workload", "object"),
                ),
            ),
        },
        required=("schema", "objects"),
    )


def names() -> dict[str, Any]:
    def row(**properties: str) -> dict[str, Any]:
        return keyed("a row", {name: text(said) for name, said in properties.items()}, required=tuple(properties))

    plain = text("a name")
    return keyed(
        "names.json: what everything is called in the cluster",
        {
            "schema": {"const": "podlift.dev/names/v1"},
            "workloads": keyed("workload to name", {}, others=plain),
            "namespaces": keyed("workload to namespace; empty: the current one", {}, others=text("a namespace")),
            "services": array(
                "legacy names as Services",
                row(workload="the workload", name="the legacy name", service="the Service"),
            ),
            "hosts": keyed("legacy host name to the DNS name to use instead", {}, others=plain),
            "claims": array("volumes as claims", row(workload="the workload", volume="kind:source", claim="the claim")),
        },
        required=("schema", "workloads", "namespaces", "services", "hosts", "claims"),
    )


def verdicts() -> dict[str, Any]:
    leaf = whole("leaves of all documents", minimum=0)
    kinds = ("leaves", "present", "inherited", "unset", "observed", "mirror")
    return keyed(
        "verdicts.json: what became of every field",
        {
            "schema": {"const": "podlift.dev/verdicts/v1"},
            "tally": keyed("how the leaves divide", dict.fromkeys(kinds, leaf)),
            "verdicts": array("verdicts", verdict()),
        },
        required=("schema", "tally", "verdicts"),
    )


def verdict() -> dict[str, Any]:
    source = keyed(
        "one field of one document",
        {
            "document": text("HOST/KIND/NAME of Docker's documents, or the config's file"),
            "path": text("the field's path"),
            "line": whole("its line; 0 where there is none worth naming", minimum=0),
        },
        required=("document", "path"),
    )
    return keyed(
        "a verdict",
        {
            "workload": text("the workload; empty: outside every one"),
            "level": choice("how faithfully the field arrived", *_LEVELS),
            "code": text("podlift explain CODE says what it means"),
            "source": {
                "description": "null: a target that nobody asked for",
                "anyOf": [source, {"type": "null"}],
            },
            "targets": texts("paths in objects: Kind/name:json.path"),
            "why": text("the reason"),
            "todo": text("what to do"),
            "options": _options(),
            "chosen": text("the option used while undecided"),
            "decided": flag("a decision made it so"),
            "instances": texts("documents of the instances that have it, where not all have"),
        },
        required=("workload", "level", "code", "source"),
    )


def findings() -> dict[str, Any]:
    return keyed(
        "findings.json: disagreements and risks",
        {
            "schema": {"const": "podlift.dev/findings/v1"},
            "findings": array(
                "findings",
                keyed(
                    "a finding",
                    {
                        "workload": text("the workload; empty: the estate"),
                        "code": text("podlift explain CODE says what it means"),
                        "subject": text("what it is about; decisions match on it"),
                        "reason": text("what is the matter"),
                        "sides": array("what was compared or seen: who, what", _pair()),
                        "todo": text("what to do"),
                        "options": _options(),
                        "open": flag("it wants an answer and has none"),
                        "answer": text("the answer"),
                    },
                    required=("workload", "code"),
                ),
            ),
        },
        required=("schema", "findings"),
    )


def comparison() -> dict[str, Any]:
    return keyed(
        "what podlift diff -o json prints",
        {
            "schema": {"const": "podlift.dev/comparison/v1"},
            "estate": text("the plan's estate"),
            "planHash": text("the plan's hash", pattern=_DIGEST),
            "exit": whole("the highest of the legs: 0 no difference, 1 differences, 2 not compared", minimum=0),
            "legs": array("what the plan was held against, in the order asked for", _leg()),
        },
        required=("schema", "estate", "planHash", "exit", "legs"),
    )


def _leg() -> dict[str, Any]:
    properties = {
        "leg": choice("the kind of side", "cluster", "legacy", "runtime", "plan", "dump"),
        "against": text("what the plan was held against"),
        "cluster": text("the cluster's context; empty: none was asked"),
        "version": text("the cluster's version"),
        "notCompared": text("why nothing was compared; empty: it was"),
        "answer": text("legacy: must one plan again, and why"),
        "differs": flag("whether anything differs"),
        "compared": whole("objects looked at; of legacy: workloads, of runtime: containers", minimum=0),
        "uncompared": texts("what could not be compared, with the reason"),
        "objects": array("what differs", _difference()),
        "said": array(
            "verdicts and findings that differ",
            keyed(
                "one of them",
                {
                    "kind": choice("what it is", "verdict", "finding"),
                    "workload": text("its workload"),
                    "code": text("a finding's code"),
                    "about": text("source path, target or subject"),
                    "old": text("what was said; empty: nothing"),
                    "new": text("what is said now; empty: nothing"),
                },
                required=("kind", "workload", "code", "about", "old", "new"),
            ),
        ),
    }
    return keyed("one side", properties, required=tuple(properties))


def _difference() -> dict[str, Any]:
    change = {
        "op": choice("what happened", "added", "removed", "changed", "order"),
        "path": text("the path in the object"),
        "old": {"description": "on the other side; of legacy: in the plan; of runtime: of the container"},
        "new": {"description": "in the plan; of legacy: now; of runtime: of the pod"},
        "owner": text("who set the other side's value, where that is somebody else"),
        "recreate": flag("the server refuses this change of an object that is there"),
    }
    extra = keyed(
        "a field that others set beside the plan's: no difference",
        {"path": text("the path"), "value": {"description": "the value"}, "owner": text("its field managers")},
        required=("path", "value", "owner"),
    )
    declared = keyed(
        "a difference that verdicts said beforehand: none to act on",
        {**change, "codes": texts("the verdicts' codes")},
        required=(*change, "codes"),
    )
    properties = {
        "workload": text("its workload; empty: several share it"),
        "object": text("Kind/name; workload/NAME, container/HOST/NAME or pod/NAME of what is no object of a plan"),
        "namespace": text("its namespace"),
        "state": choice(
            "seen from the plan; of legacy: since the plan; of runtime: added is what the cluster alone has",
            "added", "removed", "changed", "extra",
        ),
        "note": text("more to it"),
        "recreate": flag("it must be deleted and made again"),
        "gated": flag("a gated apply holds it back until cutover"),
        "changes": array("what differs", keyed("a difference", change, required=tuple(change))),
        "extras": array("what stands beside", extra),
        "declared": array("what differs as verdicts said", declared),
    }  # fmt: skip
    return keyed("an object", properties, required=tuple(properties))


def applied() -> dict[str, Any]:
    place = {
        "workload": text("its workload; empty: shared by several"),
        "object": text("Kind/name"),
        "namespace": text("its namespace; empty: it lies in none"),
    }
    why = {**place, "why": text("why")}
    error = keyed(
        "why it failed; null where it did not",
        {
            "code": text("as podlift explain has it"),
            "subject": text("what it is about"),
            "reason": text("what is wrong"),
            "next": text("what to do"),
        },
        required=("code", "subject", "reason", "next"),
    )
    actions = choice(
        "what became of it; under a dry run what would", "created", "changed", "unchanged", "failed", "unsent",
        "unchecked",
    )  # fmt: skip
    entry = {
        **place,
        "action": actions,
        "note": text("more to it"),
        "error": {"anyOf": [{"type": "null"}, error]},
    }
    undecided = {"workload": text("its name"), "codes": texts("the questions that are open")}
    return keyed(
        "what podlift apply -o json prints",
        {
            "schema": {"const": "podlift.dev/applied/v1"},
            "plan": text("the plan's hash", pattern=_DIGEST),
            "cluster": text("the context's name"),
            "version": text("the API server's"),
            "dryRun": choice("whether it was one, and whose", "", "client", "server"),
            "complete": flag("all is as the stage wants it, and ready where that was waited for"),
            "summary": text("the last line of the table"),
            "stages": keyed("workload to its stage", {}, others=choice("stage", "gated", "final")),
            "objects": array("in the order of sending", keyed("an object", entry, required=tuple(entry))),
            "withheld": array("what the stage holds back", keyed("an object", why, required=tuple(why))),
            "undecided": array(
                "workloads of which the plan holds nothing", keyed("a workload", undecided, required=tuple(undecided))
            ),
            "waiting": array("what was not ready in time", keyed("a controller", why, required=tuple(why))),
        },
        required=(
            "schema", "plan", "cluster", "version", "dryRun", "complete", "summary", "stages", "objects", "withheld",
            "undecided", "waiting",
        ),
    )  # fmt: skip


def _pair() -> dict[str, Any]:
    return {"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 2}


def _options() -> dict[str, Any]:
    return array("answers that it takes: value, meaning", _pair())

"""From a capture to a plan: read, reconcile, name, convert, gather. No file is touched here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from operator import attrgetter
from typing import Any

from converters.capture import Capture
from converters.conversion import Conversion, convert
from converters.decisions import Decisions
from converters.errors import PodliftError
from converters.estate import Estate, reconcile
from converters.fields.catalogue import code_named
from converters.fields.verdict import Finding, Level, Verdict
from converters.names import NameMap, assign_names
from converters.objects.context import WORKLOAD
from converters.secrecy import masked
from converters.sources.mapping import Mapping as ConfigMapping
from converters.sources.reading import Reading
from converters.target import Target
from converters.workload import Env, Workload

from .model import Plan, digest, jsonable
from .readings import read_capture_documents

SHARED = ""
# Evidence that changes by itself, and what a verdict or a name says better.
_NOT_IN_PLAN = frozenset({"origins", "id", "image_id", "document", "state", "uptime_s", "restarts", "exit_code"})
_NOT_IN_PLAN |= {"listening", "findings", "overruled", "settings"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A plan with what it was made from, for those who check or show more than the directory holds."""

    plan: Plan
    readings: tuple[Reading, ...]
    estate: Estate
    names: NameMap
    conversions: tuple[Conversion, ...]


def make_plan(
    capture: Capture,
    *,
    mapping: ConfigMapping | None = None,
    target: Target,
    decisions: Decisions,
    estate: str = "default",
    accept_unread: Sequence[str] = (),
    on_event: Callable[[str, int, int], None] | None = None,
) -> Plan:
    """The plan that a capture, a mapping, a target and decisions give; the same inputs give an equal plan.

    ``accept_unread`` names hosts that may be missing. Raises PodliftError for configs without a mapping and for what
    reading, reconciling or converting refuses.
    """
    return plan_with_sources(
        capture,
        mapping=mapping,
        target=target,
        decisions=decisions,
        estate=estate,
        accept_unread=accept_unread,
        on_event=on_event,
    ).plan


def plan_with_sources(
    capture: Capture,
    *,
    mapping: ConfigMapping | None = None,
    target: Target,
    decisions: Decisions,
    estate: str = "default",
    accept_unread: Sequence[str] = (),
    on_event: Callable[[str, int, int], None] | None = None,
) -> Made:
    readings = read_capture_documents(capture, mapping=mapping, decisions=decisions, on_event=on_event)
    whole = reconcile(readings, decisions=decisions)
    names = assign_names(whole.workloads, target=target, decisions=decisions)
    conversions = []
    for n, workload in enumerate(whole.workloads, 1):
        conversions.append(convert(workload, names=names, target=target, decisions=decisions, estate=estate))
        if on_event is not None:
            on_event("convert", n, len(whole.workloads))
    plan = _gathered(capture, whole, names, conversions, target, decisions, estate, tuple(accept_unread))
    return Made(plan=plan, readings=tuple(readings), estate=whole, names=names, conversions=tuple(conversions))


def _gathered(
    capture: Capture,
    estate: Estate,
    names: NameMap,
    conversions: Sequence[Conversion],
    target: Target,
    decisions: Decisions,
    name: str,
    accepted: tuple[str, ...],
) -> Plan:
    objects = _objects(conversions)
    verdicts = [v for c in conversions for v in c.verdicts]
    used = {line for c in conversions for line in c.answers_used}
    outside, lines = _outside(estate, decisions)
    verdicts += outside
    used |= lines
    findings = [*estate.findings, *names.findings, *(f for c in conversions for f in c.findings)]
    findings = [_accepted(f, accepted) for f in findings]
    tally = Counter[str]()
    for each in estate.tallies:
        for kind in ("leaves", "present", "inherited", "unset", "observed", "mirror"):
            tally[kind] += getattr(each, kind)
    used |= _lines_used_by_findings(findings, decisions)
    return Plan(
        estate=name,
        workloads=tuple(
            _entry(workload, conversion, names)
            for workload, conversion in zip(estate.workloads, conversions, strict=True)
        ),
        objects=objects,
        secrets=tuple((c.workload, secret) for c in conversions for secret in c.secrets),
        extras=_extras(conversions, names),
        names=_names(names),
        verdicts=tuple(folded(verdicts)),
        findings=tuple(dict.fromkeys(findings)),
        tally=dict(tally),
        target=jsonable(target),
        decisions=jsonable(decisions),
        excluded=estate.excluded,
        unread=tuple(h for h in estate.unread),
        accepted_unread=tuple(sorted(set(accepted) & set(estate.unread))),
        unused_answers=_unused(decisions, used),
        redacted=capture.redacted,
    )


def _outside(estate: Estate, decisions: Decisions) -> tuple[list[Verdict], set[int]]:
    """Verdicts on fields of configs that stand outside every workload, and the lines that answered some."""
    verdicts, used = [], set()
    for setting in estate.left:
        if setting.code == "selection":
            continue
        code = code_named(setting.code)
        for source in setting.origins:
            answered = None if code.drop else decisions.answer(SHARED, code.name, source.path)
            if answered is not None:
                used.add(answered.line)
            settled = code.drop or answered is not None
            verdict = Verdict(
                workload=SHARED,
                level=Level.DROPPED if settled else Level.UNDECIDED,
                code=code.name,
                source=source,
                # an ignored field's value is the mapping's reason
                why=str(setting.value) if code.name == "ignored" else code.about,
                todo="" if answered else code.todo,
                options=() if settled else code.options,
                decided=answered is not None,
            )
            verdicts.append(verdict)
    return verdicts, used


def _unused(decisions: Decisions, used: set[int]) -> tuple[str, ...]:
    """Lines of decisions.yaml that nothing asked for: answers without a question, overrides without an object."""
    answers = [(a.line, f"{a.code} of {a.workload} ({a.about})") for a in decisions.answers]
    overrides = [(o.line, f"override of {o.workload} {o.object or 'name'}".rstrip()) for o in decisions.overrides]
    return tuple(f"{decisions.file}:{line} {what}" for line, what in sorted(answers + overrides) if line not in used)


def folded(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Equal verdicts on one path of several instances' documents as one, with the list of those instances."""
    made: dict[tuple[object, ...], list[Verdict]] = {}
    for verdict in verdicts:
        source = verdict.source
        same = None if source is None else (_kind(source.document), source.path, source.line)
        made.setdefault((same, *_told(verdict)), []).append(verdict)
    return [
        group[0]
        if len(group) == 1
        else replace(group[0], instances=tuple(v.source.document for v in group if v.source is not None))
        for group in made.values()
    ]


# All of a verdict but its source.
_told = attrgetter(*(each.name for each in fields(Verdict) if each.name != "source"))


def _kind(document: str) -> str:
    """What documents may be folded with this one: containers' of any host with each other, others with none."""
    return "container" if "/container/" in document else document


def _accepted(finding: Finding, accepted: Sequence[str]) -> Finding:
    if finding.code == "host-unread" and finding.subject in accepted:
        return replace(finding, open=False, answer="accepted")
    return finding


def _lines_used_by_findings(findings: Sequence[Finding], decisions: Decisions) -> set[int]:
    used = set()
    for finding in findings:
        answered = decisions.answer(finding.workload, finding.code, finding.subject)
        if answered is not None:
            used.add(answered.line)
    return used


def _extras(conversions: Sequence[Conversion], names: NameMap) -> dict[str, str]:
    """Files of all workloads; where two namespaces have one of a name, the namespace stands before it."""
    times = Counter(file for conversion in conversions for file in conversion.extras)
    made = {}
    for conversion in conversions:
        space = names.namespaces.get(conversion.workload, "")
        for file, text in sorted(conversion.extras.items()):
            made[f"{space}.{file}" if times[file] > 1 and space else file] = text
    return made


def _objects(conversions: Sequence[Conversion]) -> tuple[tuple[str, dict[str, Any]], ...]:
    """Objects by workload; what no workload's label claims, or two made alike, is shared and stands once."""
    made: dict[tuple[str, str, str], tuple[str, dict[str, Any]]] = {}
    for conversion in conversions:
        for each in conversion.objects:
            metadata = each["metadata"]
            key = (each["kind"], metadata.get("namespace", ""), metadata["name"])
            owner = conversion.workload if WORKLOAD in metadata.get("labels", {}) else SHARED
            known = made.get(key)
            if known is None:
                made[key] = (owner, each)
            elif known[1] == each:
                made[key] = (SHARED, each)
            else:
                raise PodliftError(
                    code="object-twice",
                    phase="convert",
                    subject=f"{each['kind']}/{metadata['name']}",
                    reason=f"{known[0] or 'a shared object'} and {conversion.workload} make it differently",
                    next_step="override the name of one of the two workloads in decisions.yaml",
                )
    return tuple(made.values())


def _entry(workload: Workload, conversion: Conversion, names: NameMap) -> dict[str, Any]:
    """What plan.json says of a workload. Nothing in it changes by itself: no container ID, no address, no state."""
    image = workload.containers[0].image
    pods = [each for each in conversion.objects if _template(each) is not None]
    normalised = _normalised(workload)
    return {
        "name": workload.name,
        "kubernetesName": names.workloads[workload.name],
        "namespace": names.namespaces.get(workload.name, ""),
        "groupingKey": workload.grouping_key,
        "scheduler": workload.scheduler,
        "class": _class(workload, conversion),
        "controller": conversion.controller,
        "replicas": dict(conversion.replicas),
        "ports": [
            {"containerPort": p.target, "protocol": p.protocol, "servicePort": p.port, "name": p.name}
            for p in conversion.ports
        ],
        "image": jsonable(replace(image, id="")),
        "checks": [
            {"container": container["name"], **check}
            for container in normalised.get("containers", ())
            for check in container.get("checks", ())
        ],
        "stopTimeoutSeconds": 10 if workload.termination.grace_s is None else workload.termination.grace_s,
        "references": list(workload.references),
        "selector": {WORKLOAD: names.workloads[workload.name]},
        "templateHash": digest([_template(each) for each in pods]) if pods else "",
        "instances": [
            {"name": i.name, "host": i.host, **({"site": i.site} if i.site else {})} for i in workload.instances
        ],
        "secrets": [
            {"name": s["metadata"]["name"], "keys": sorted({**s.get("data", {}), **s.get("stringData", {})})}
            for s in conversion.secrets
        ],
        "withheld": list(conversion.blocked),
        "workload": normalised,
    }


def _template(each: Mapping[str, Any]) -> Any:
    spec = each.get("spec", {})
    if "jobTemplate" in spec:
        spec = spec["jobTemplate"]["spec"]
    return spec.get("template")


def _class(workload: Workload, conversion: Conversion) -> str:
    """How cutover must treat it: stateless, worker, cron, job, daemon, singleton or single-writer."""
    fixed = {"cronjob": "cron", "job": "job", "daemonset": "daemon"}.get(conversion.controller)
    if fixed:
        return fixed
    kinds = {each["kind"] for each in conversion.objects}
    recreated = any(each.get("spec", {}).get("strategy", {}).get("type") == "Recreate" for each in conversion.objects)
    if conversion.controller == "statefulset" or (recreated and "PersistentVolumeClaim" in kinds):
        return "single-writer"
    starts = next((f.answer for f in workload.findings if f.code == "acts-unasked"), "")
    if starts == "exclusive":
        return "singleton"
    return "stateless" if conversion.ports else "worker"


# Attributes of a container in which a secret value may stand in clear (finding ``secret-in-argv``), and keys of them
# that hold none.
_TEXTS = frozenset({"entrypoint", "args", "env", "checks", "log_options", "labels", "annotations"})
_NO_TEXTS = frozenset({"name", "key", "kind"})


def _normalised(workload: Workload) -> dict[str, Any]:
    """The workload as plan.json has it: without evidence, and without secret values wherever they stand."""
    made: dict[str, Any] = jsonable(without_secrets(workload), without=_NOT_IN_PLAN)
    known = {e.value for c in workload.containers for e in c.env if e.secret and e.value is not None}

    def plain(value: Any) -> Any:
        if isinstance(value, str):
            return masked(value, known)
        if isinstance(value, dict):
            return {key: each if key in _NO_TEXTS else plain(each) for key, each in value.items()}
        return [plain(each) for each in value] if isinstance(value, list) else value

    for container in made.get("containers", ()):
        container |= {key: plain(each) for key, each in container.items() if key in _TEXTS}
    if "differences" in made:
        made["differences"] = plain(made["differences"])
    return made


def without_secrets(workload: Workload) -> Workload:
    """The workload without the values of its secret variables: what may be shown or written to a plan. What it has
    from its image goes too, which may hold some and decides nothing here."""

    def plain(env: Env) -> Env:
        return replace(env, value=None) if env.secret or env.withheld else env

    containers = tuple(replace(c, env=tuple(plain(e) for e in c.env), inherited={}) for c in workload.containers)
    return replace(workload, containers=containers)


def _names(names: NameMap) -> dict[str, Any]:
    return {
        "workloads": dict(sorted(names.workloads.items())),
        "namespaces": dict(sorted(names.namespaces.items())),
        "services": [
            {"workload": workload, "name": legacy, "service": service}
            for (workload, legacy), service in sorted(names.services.items())
        ],
        "hosts": dict(sorted(names.hosts.items())),
        "claims": [
            {"workload": workload, "volume": volume, "claim": claim}
            for (workload, volume), claim in sorted(names.claims.items())
        ],
    }

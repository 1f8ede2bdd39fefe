"""One workload's conversion, whole, in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .decisions import Decisions
from .errors import PodliftError
from .estate.facets import origins_within
from .fields.ledger import Ledger
from .fields.verdict import Finding, Verdict
from .names import NameMap
from .objects.account import account
from .objects.configuration import configuration
from .objects.container import container_spec
from .objects.context import ESTATE, MANAGED_BY, Context, label_value
from .objects.controller import Layout, choose_controller, controllers, pod_prefixes
from .objects.devices import device_volumes
from .objects.differences import Fate, Resolved, resolve, set_apart, tell_differences
from .objects.individual import Individual, own_claims_of
from .objects.lifecycle import lifecycle
from .objects.namespaces import with_host_ports
from .objects.network_policy import network_policies
from .objects.pod import pod_template
from .objects.probes import probes
from .objects.rollout import Footing, rollout_spec
from .objects.routes import routes
from .objects.scaling import Scaled, budgets, scaling, with_answered_requests
from .objects.service import ServicePort, service_ports, services
from .objects.settings import tell_settings
from .objects.sites import Part, Sites, parts_of, sites_of
from .objects.storage import Storage, storage
from .objects.validity import problems
from .overriding import overridden
from .target import Target
from .workload import Controller, SiteCount, Workload

# What an object refers to comes before it.
ORDER = (
    "Namespace", "ServiceAccount", "ConfigMap", "Secret", "PersistentVolume", "PersistentVolumeClaim",
    "NetworkPolicy", "Service", "Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob",
    "HorizontalPodAutoscaler", "PodDisruptionBudget", "Ingress", "HTTPRoute",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """
    objects         Kubernetes objects as plain JSON-shaped dicts, in the order of application; empty if withheld
    secrets         Secret objects (with data): they are no manifests and lie apart
    extras          files beside the manifests: name to text (a prometheus-adapter rule)
    blocked         codes of the blocking verdicts for which the workload is withheld
    controller      the kind of the controllers (``deployment``), of which there are several where sites are split
    replicas        planned, by controller
    ports           of the workload's Services, those included that an answer gave
    answers_used    lines of decisions.yaml that took effect
    """

    workload: str
    objects: tuple[dict[str, Any], ...] = ()
    secrets: tuple[dict[str, Any], ...] = ()
    extras: dict[str, str] = field(default_factory=dict)
    verdicts: tuple[Verdict, ...] = ()
    findings: tuple[Finding, ...] = ()
    blocked: tuple[str, ...] = ()
    controller: str = ""
    replicas: tuple[tuple[str, int], ...] = ()
    ports: tuple[ServicePort, ...] = ()
    answers_used: frozenset[int] = frozenset()


def convert(
    workload: Workload, *, names: NameMap, target: Target, decisions: Decisions, estate: str = "default"
) -> Conversion:
    """A workload's objects, and the verdict on every atom that it came from.

    A workload with an open blocking question gets its verdicts and no objects. Raises PodliftError for answers that do
    not fit (``answer-unfit``, ``quantity``), overrides that do not (``override-identity``, ``invalid-object``), and
    values of a config that are none (``rollout-amount``, ``scale-kind``, ``http-codes``).
    """
    if not workload.containers:
        raise PodliftError(
            code="no-containers",
            phase="convert",
            subject=workload.name,
            reason="it has no container, so that there is nothing to run",
            next_step="let the mapping give containers: with an image",
        )
    ledger = Ledger(workload.name, decisions)
    context = Context(names=names, target=target, decisions=decisions, estate=estate)
    whole = _Whole(workload, context, ledger)
    objects, lines = overridden(whole.objects(), decisions=decisions, ledger=ledger)
    findings = tuple(_answered(finding, ledger) for finding in workload.findings)
    _tell_forgotten(workload, ledger)
    blocked = ledger.blocked()
    if not blocked:
        _guard([*objects, *whole.secrets], workload)
    return Conversion(
        workload=workload.name,
        objects=() if blocked else tuple(objects),
        secrets=() if blocked else whole.secrets,
        extras={} if blocked else whole.scaled.extras,
        verdicts=ledger.verdicts(),
        findings=findings,
        blocked=blocked,
        controller=whole.kind.value,
        replicas=tuple((part.name, part.replicas) for part in whole.parts),
        ports=service_ports(whole.workload),
        answers_used=ledger.answers_used() | lines,
    )


class _Whole:
    """The parts of a conversion, in the order in which one needs the other."""

    def __init__(self, workload: Workload, context: Context, ledger: Ledger) -> None:
        self.ledger = ledger
        self.sites: Sites = sites_of(workload, target=context.target, ledger=ledger)
        self.resolved: tuple[Resolved, ...] = resolve(workload, split=self.sites.split, ledger=ledger)
        self.kind: Controller = choose_controller(workload, resolved=self.resolved, ledger=ledger)
        separate = any(each.fate is Fate.SEPARATE for each in self.resolved) and self.kind in _APART
        if separate:
            self.resolved = set_apart(self.resolved)
        self.parts: tuple[Part, ...] = parts_of(
            workload, self.sites, kind=self.kind, separate=separate, context=context
        )
        self.context = replace(context, pods=pod_prefixes(self.kind, self.parts))
        listening = with_host_ports(workload, ledger=ledger)
        self.workload = with_answered_requests(listening, self.kind, context=self.context, ledger=ledger)
        self.secrets: tuple[dict[str, Any], ...] = ()
        self.scaled = Scaled()

    def objects(self) -> list[dict[str, Any]]:
        workload, context, ledger = self.workload, self.context, self.ledger
        configured = configuration(workload, context=context, ledger=ledger)
        self.secrets = configured.secrets
        stored = self._storage()
        shared = self._template(configured.env, configured.annotations, stored)
        self.scaled = scaling(workload, self.kind, self.parts, self.sites, context=context, ledger=ledger)
        made = [*configured.objects, account(workload, context=context, ledger=ledger)]
        made += self._controllers(shared, stored)
        made += self.scaled.objects
        made += budgets(workload, self.kind, self.parts, self.scaled, context=context, ledger=ledger)
        made += services(workload, controller=self.kind, context=context, ledger=ledger)
        made += routes(workload, context=context, ledger=ledger)
        made += network_policies(workload, context=context, ledger=ledger)
        made += _namespace(workload, context)
        tell_settings(workload, context=context, ledger=ledger)
        self._tell_identity()
        return sorted(made, key=_place)

    def _individual(self) -> Individual:
        return Individual(
            workload=self.workload,
            resolved=self.resolved,
            kind=self.kind,
            parts=self.parts,
            target=self.context.target,
        )

    def _storage(self) -> Storage:
        """Where each instance's controller has volumes of its own, they are made as for one of them, and copied."""
        individual = self._individual()
        if not individual.only_own_volumes():
            return storage(self.workload, controller=self.kind, context=self.context, ledger=self.ledger)
        one = replace(self.workload, replicas=(SiteCount(site="", count=1),), scaling=None)
        draft = self.ledger.draft()
        first = replace(self.context, pods=self.context.pods[:1])
        made = storage(one, controller=self.kind, context=first, ledger=draft)
        self.ledger.adopt(draft, individual.spread(made.claims))
        return made

    def _template(
        self, env: dict[str, list[dict[str, Any]]], annotations: dict[str, str], stored: Storage
    ) -> dict[str, Any]:
        workload, context, ledger = self.workload, self.context, self.ledger
        containers = []
        for container in workload.containers:
            containers.append(
                container_spec(
                    workload,
                    container,
                    name=container.name,
                    env=env[container.name],
                    volume_mounts=stored.mounts.get(container.name, ()),
                    probes=probes(workload, container, context=context, ledger=ledger),
                    lifecycle=lifecycle(workload, container, context=context, ledger=ledger),
                    context=context,
                    ledger=ledger,
                )
            )
        of_devices = {
            volume["name"]: volume
            for container in workload.containers
            for volume in device_volumes(container, context=context, ledger=ledger)
        }
        return pod_template(
            workload,
            site="",
            controller=self.kind,
            containers=containers,
            init_containers=stored.init_containers,
            volumes=[*stored.volumes, *of_devices.values()],
            annotations=annotations,
            context=context,
            ledger=ledger,
        )

    def _controllers(self, shared: dict[str, Any], stored: Storage) -> list[dict[str, Any]]:
        individual = self._individual()
        own = individual.own_claims(shared["spec"], stored.claims)
        taken = {claim["metadata"]["name"] for claim in own.values()}
        made = [claim for claim in stored.claims if claim["metadata"]["name"] not in taken]
        made += own_claims_of(self.parts, own)
        layout = Layout(
            kind=self.kind,
            parts=self.parts,
            scaled=frozenset(each["metadata"]["name"] for each in self.scaled.objects),
            claims=tuple(stored.claim_templates),
            resolved=self.resolved,
        )
        strategy = rollout_spec(
            self.workload.rollout,
            self.kind,
            footing=Footing(single_writer=stored.single_writer, on_node=_on_node(shared["spec"])),
            at=layout.at,
            ledger=self.ledger,
        )
        made += controllers(
            self.workload,
            replace(layout, strategy=strategy),
            lambda part: individual.template(shared, part, own),
            context=self.context,
            ledger=self.ledger,
        )
        tell_differences(
            self.resolved,
            targets=individual.targets(),
            index=self.kind is Controller.STATEFULSET,
            of_pods=individual.of_pods(shared["spec"]),
            bent=individual.bent(),
            ledger=self.ledger,
        )
        return made

    def _tell_identity(self) -> None:
        """What the workload is called and whose it was."""
        origins, ledger = self.workload.origins, self.ledger
        names = [f"{kind}:metadata.name" for kind in {prefix.partition(":")[0]: None for prefix in self.context.pods}]
        ledger.exact(origins.get("name", ()), "identity", *names)
        for container in self.workload.containers:
            ledger.exact(container.origins.get("name", ()), "identity", *self.context.in_pod("spec.containers"))
        hint = origins.get("namespace_hint", ())
        if "{group}" in self.context.target.namespace:
            spaces = [name.replace(":metadata.name", ":metadata.namespace") for name in names]
            ledger.exact(hint, "identity", *spaces)
        else:
            why = f"{self.workload.namespace_hint}: the target says where objects go"
            ledger.approximated(hint, "identity", why=why)
        for attribute in ("grouping_key", "scheduler", "on_every_host", "references"):
            why = "it tells which containers are meant, and is no setting"
            ledger.approximated(origins.get(attribute, ()), "identity", why=why)


# Kinds of which each instance may have a controller of its own.
_APART = (Controller.DEPLOYMENT, Controller.STATEFULSET)


def _place(made: dict[str, Any]) -> tuple[int, str]:
    return ORDER.index(made["kind"]), made["metadata"]["name"]


def _on_node(pod: dict[str, Any]) -> bool:
    """Whether two of these pods do not fit on one node: they take its network or a port of it."""
    ports = [port for container in pod["containers"] for port in container.get("ports", ())]
    return bool(pod.get("hostNetwork")) or any("hostPort" in port for port in ports)


def _namespace(workload: Workload, context: Context) -> list[dict[str, Any]]:
    """The same from each workload in it, so that it can lie once beside them."""
    name = context.namespace(workload.name)
    if not name or not context.target.write_namespaces:
        return []
    labels = {MANAGED_BY: "podlift", ESTATE: label_value(context.estate)}
    return [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}]


def _answered(finding: Finding, ledger: Ledger) -> Finding:
    answer = ledger.ask(finding.code, (), finding.subject)
    # Of several that are there, an answer may name one that no longer is: the question stays.
    if answer is None or (finding.open and finding.options and answer not in dict(finding.options)):
        return finding
    return replace(finding, answer=finding.answer or answer, open=False)


def _tell_forgotten(workload: Workload, ledger: Ledger) -> None:
    """A fault of podlift, if it ever happens: an atom was read, and nothing above spoke of it."""
    covered = ledger.covered()
    if forgotten := tuple(source for source in origins_within(workload) if source not in covered):
        ledger.undecided(forgotten, "unknown-field", why="podlift forgot it")


def _guard(objects: Sequence[dict[str, Any]], workload: Workload) -> None:
    found = problems(objects)
    if found:
        raise PodliftError(
            code="invalid-object",
            phase="convert",
            subject=workload.name,
            reason="podlift made what the API server refuses: " + "; ".join(found),
            next_step="tell podlift's authors; an override may help meanwhile",
        )

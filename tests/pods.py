"""A pod template made of plain containers, with what the ledger was told."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from converters.decisions import Answered, Decisions
from converters.fields.ledger import Ledger
from converters.fields.verdict import Level, Verdict
from converters.names import assign_names
from converters.objects.context import Context
from converters.objects.lifecycle import lifecycle
from converters.objects.pod import pod_template
from converters.target import Target
from converters.workload import Container, Controller, Item, Pair, Workload
from tests.workloads import atom, image

POD = "Deployment/web:spec.template."
OPEN = Target(pod_security="privileged")


@dataclass(frozen=True)
class Templated:
    template: dict[str, Any]
    lifecycles: dict[str, dict[str, Any]]
    ledger: Ledger

    @property
    def spec(self) -> dict[str, Any]:
        made: dict[str, Any] = self.template["spec"]
        return made

    def verdict(self, path: str) -> Verdict:
        (found,) = [v for v in self.ledger.verdicts() if v.source is not None and v.source.path == path]
        return found

    def said(self, path: str) -> str:
        """Level and code of the verdict on an atom."""
        verdict = self.verdict(path)
        return f"{verdict.level.value} {verdict.code}"

    def at(self, path: str) -> list[str]:
        """Targets of the verdict on an atom, below the pod template."""
        return [target.removeprefix(POD) for target in self.verdict(path).targets]

    def defaulted(self) -> dict[str, str]:
        """Targets below the pod template that no document asked for, with their codes."""
        return {v.targets[0].removeprefix(POD): v.code for v in self.ledger.verdicts() if v.level is Level.DEFAULTED}


def an_app(name: str = "web", **more: Any) -> Container:
    """A container whose scalars come from atoms of their own names."""
    scalars = {key for key, value in more.items() if not isinstance(value, tuple)}
    return Container(**{"name": name, "image": image(), "origins": {key: atom("d", key) for key in scalars}, **more})


def pairs(**entries: str) -> tuple[Pair, ...]:
    """``__`` stands for a dot in a key."""
    return tuple(
        Pair(key=(name := key.replace("__", ".")), value=value, origins=atom("d", name))
        for key, value in entries.items()
    )


def items(*values: str) -> tuple[Item, ...]:
    return tuple(Item(value=value, origins=atom("d", value)) for value in values)


def make(
    *containers: Container,
    answers: dict[str, str] | None = None,
    target: Target | None = None,
    controller: Controller = Controller.DEPLOYMENT,
    site: str = "",
    services: dict[tuple[str, str], str] | None = None,
    **workload: Any,
) -> Templated:
    """``answers``: code to the answer, whatever the source. Scalars of the workload come from atoms of their names.
    ``services``: (workload, legacy name) to Service of the rest of the estate."""
    decisions = Decisions(answers=tuple(Answered(code=code, answer=text) for code, text in (answers or {}).items()))
    scalars = {key for key, value in workload.items() if isinstance(value, str | bool)}
    owner = Workload(
        name="web",
        containers=containers or (an_app(),),
        origins={key: atom("d", key) for key in scalars},
        **workload,
    )
    names = assign_names([owner], target=target or Target(), decisions=decisions)
    names = replace(names, services={**names.services, **(services or {})})
    context = Context(
        names=names, target=target or Target(), decisions=decisions, pods=(POD.removesuffix("."),), estate="edge"
    )
    ledger = Ledger("web", decisions)
    hooks = {c.name: lifecycle(owner, c, context=context, ledger=ledger) for c in owner.containers}
    specs = [
        {"name": c.name, "image": "reg.example/web:1", **({"lifecycle": hooks[c.name]} if hooks[c.name] else {})}
        for c in owner.containers
    ]
    template = pod_template(owner, site=site, controller=controller, containers=specs, context=context, ledger=ledger)
    return Templated(template, hooks, ledger)

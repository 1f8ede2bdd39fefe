"""One container converted as the pod does it, with what the ledger was told."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from converters.decisions import Answered, Decisions
from converters.fields.ledger import Ledger
from converters.fields.verdict import Level, Verdict
from converters.names import NameMap
from converters.objects.configuration import Configuration, configuration
from converters.objects.container import container_spec
from converters.objects.context import Context
from converters.objects.probes import probes
from converters.objects.settings import tell_settings
from converters.target import Target
from converters.workload import Container, Workload
from tests.workloads import atom, image

POD = "Deployment/web:spec.template."
SPEC = POD + "spec.containers[web]."


@dataclass(frozen=True)
class Converted:
    spec: dict[str, Any]
    probes: dict[str, Any]
    configuration: Configuration
    ledger: Ledger

    @property
    def security(self) -> dict[str, Any]:
        made: dict[str, Any] = self.spec["securityContext"]
        return made

    def verdict(self, path: str) -> Verdict:
        """The verdict on the atom at ``path``."""
        (found,) = [v for v in self.ledger.verdicts() if v.source is not None and v.source.path == path]
        return found

    def said(self, path: str) -> tuple[str, str]:
        """Code and level of the verdict on an atom."""
        verdict = self.verdict(path)
        return verdict.code, verdict.level.value

    def defaulted(self) -> set[str]:
        """Targets that no document asked for."""
        return {v.targets[0] for v in self.ledger.verdicts() if v.level is Level.DEFAULTED}


def a_container(**attributes: Any) -> Container:
    """A container ``web`` in which every scalar that is given comes from an atom of the attribute's name."""
    scalars = {name for name, value in attributes.items() if not isinstance(value, tuple) or name in _EXECUTED}
    origins = {name: atom("h1/container/web", name) for name in scalars | {"image"}}
    return Container(**{"name": "web", "image": image(), "origins": origins, **attributes})


_EXECUTED = {"entrypoint", "args"}


def convert(
    container: Container,
    *,
    target: Target | None = None,
    answers: dict[str, str] | None = None,
    hosts: dict[str, str] | None = None,
    beside: tuple[Container, ...] = (),
    **workload: Any,
) -> Converted:
    """``answers``: code to the answer, whatever the source."""
    decisions = Decisions(answers=tuple(Answered(code=code, answer=text) for code, text in (answers or {}).items()))
    owner = Workload(name="web", containers=(container, *beside), **workload)
    names = NameMap(workloads={"web": "web"}, hosts=hosts or {})
    context = Context(names=names, target=target or Target(), decisions=decisions, pods=(POD.removesuffix("."),))
    ledger = Ledger("web", decisions)
    made = configuration(owner, context=context, ledger=ledger)
    probed = probes(owner, container, context=context, ledger=ledger)
    spec = container_spec(
        owner,
        container,
        name="web",
        env=made.env["web"],
        volume_mounts=(),
        probes=probed,
        context=context,
        ledger=ledger,
    )
    tell_settings(owner, context=context, ledger=ledger)
    return Converted(spec=spec, probes=probed, configuration=made, ledger=ledger)


def privileged(**target: Any) -> Target:
    """A target whose namespaces admit everything."""
    return replace(Target(**target), pod_security="privileged")

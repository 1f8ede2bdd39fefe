"""Mounts converted as the pod does it, with what the ledger was told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from converters.decisions import Answered, Decisions
from converters.fields.ledger import Ledger
from converters.fields.verdict import Verdict
from converters.names import assign_names
from converters.objects.context import Context
from converters.objects.storage import Storage, storage
from converters.target import StorageClass, Target
from converters.workload import Container, Controller, Mount, MountKind, SiteCount, Workload
from tests.workloads import atom, image

POD = "Deployment/web:spec.template"
RWX = StorageClass(name="files", access_modes=("ReadWriteMany",))
RWO = StorageClass(name="disks", access_modes=("ReadWriteOnce",), default=True)
OPEN = Target(pod_security="privileged")


@dataclass(frozen=True)
class Stored:
    storage: Storage
    ledger: Ledger

    def verdict(self, path: str) -> Verdict:
        (found,) = [v for v in self.ledger.verdicts() if v.source is not None and v.source.path == path]
        return found

    def said(self, path: str = "mount") -> str:
        """Level and code of the verdict on an atom."""
        verdict = self.verdict(path)
        return f"{verdict.level.value} {verdict.code}"

    def why(self, path: str = "mount") -> str:
        return self.verdict(path).why

    @property
    def volume(self) -> dict[str, Any]:
        (made,) = self.storage.volumes
        return {key: value for key, value in made.items() if key != "name"}

    @property
    def mount(self) -> dict[str, Any]:
        (made,) = self.storage.mounts["web"]
        return {key: value for key, value in made.items() if key != "name"}

    @property
    def claim(self) -> dict[str, Any]:
        (made,) = self.storage.claims
        return made


def a_mount(kind: MountKind = MountKind.VOLUME, target: str = "/data", path: str = "mount", **more: Any) -> Mount:
    source = {MountKind.VOLUME: "data", MountKind.BIND: "/srv/site"}.get(kind, "")
    return Mount(kind=kind, target=target, origins=atom("h1/container/web", path), **{"source": source, **more})


def a_box(*mounts: Mount, name: str = "web", **more: Any) -> Container:
    origins = {"image": atom("h1/container/web", "Config.Image"), **more.pop("origins", {})}
    return Container(name=name, image=image(), mounts=mounts, origins=origins, **more)


def store(
    *mounts: Mount,
    answers: dict[str, str] | None = None,
    target: Target | None = None,
    controller: Controller = Controller.DEPLOYMENT,
    boxes: tuple[Container, ...] = (),
    replicas: int = 1,
    pods: tuple[str, ...] = (POD,),
    **workload: Any,
) -> Stored:
    """``answers``: code to the answer, whatever the source."""
    decisions = Decisions(answers=tuple(Answered(code=code, answer=text) for code, text in (answers or {}).items()))
    owner = Workload(
        name="web",
        containers=boxes or (a_box(*mounts),),
        replicas=(SiteCount(site="", count=replicas),),
        **workload,
    )
    names = assign_names([owner], target=target or Target(), decisions=decisions)
    context = Context(names=names, target=target or Target(), decisions=decisions, pods=pods)
    ledger = Ledger("web", decisions)
    return Stored(storage(owner, controller=controller, context=context, ledger=ledger), ledger)

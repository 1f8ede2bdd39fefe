"""podlift.yaml: what a project reads and where it writes. Flags override it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .cutover.settings import Section, section_of
from .documents import Document
from .hosts_file import HostEntry, hosts_of, load_hosts
from .input_file import body, read_checked
from .schemas.checking import refuse

PROJECT_FILE = "podlift.yaml"
MAPPING_FILE = "mapping.yaml"
TARGET_FILE = "target.yaml"
DECISIONS_FILE = "decisions.yaml"
# what keys of podlift.yaml name, under the name that it usually has
USUAL = {"mapping": MAPPING_FILE, "target": TARGET_FILE, "decisions": DECISIONS_FILE}
CODE = "bad-project"


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """
    folder         where the file's paths count from
    name           what messages call the file; ``""``: there is none
    hosts          of the file itself, or of its hostsFile
    capture        a capture to plan from; inspect: inspect files, ``HOST=FILE``, globs
    configs        globs of the scheduler's configs, below folder
    mapping, target, decisions, out   paths, None where not said
    secrets        file, omit or external
    allow_partial  hosts that may be unread
    cutover        how cutovers go, workload by workload
    """

    folder: Path = field(default_factory=Path)
    name: str = ""
    estate: str = "default"
    hosts: tuple[HostEntry, ...] = ()
    capture: Path | None = None
    inspect: tuple[str, ...] = ()
    configs: tuple[str, ...] = ()
    mapping: Path | None = None
    target: Path | None = None
    decisions: Path | None = None
    out: Path | None = None
    secrets: str = "file"
    allow_partial: tuple[str, ...] = ()
    cutover: Section = field(default_factory=Section)

    @property
    def unnamed(self) -> dict[str, str]:
        """Key to file: what lies in the folder under its usual name, and the key that would name it says nothing."""
        return {
            key: name for key, name in USUAL.items() if getattr(self, key) is None and (self.folder / name).is_file()
        }


def load_project(path: Path | str = ".") -> Project:
    """The project in a folder, or in a file; a folder without podlift.yaml is a project that says nothing.

    Raises PodliftError ``bad-project`` with file, line and key, what its hosts file raises, ``cannot-read``, and what
    parsing raises. The other files that it names are not opened.
    """
    given = Path(path)
    file = given / PROJECT_FILE if given.is_dir() else given
    if given.is_dir() and not file.exists():
        return Project(folder=given)
    return _project(read_checked(file, "project", code=CODE, name_as=_called(file)), file.parent)


def _project(document: Document, folder: Path) -> Project:
    said = body(document)
    if "hosts" in said and "hostsFile" in said:
        refuse(document, ("hostsFile",), CODE, "hosts and hostsFile both stand here", "keep one of the two")
    hosts: tuple[HostEntry, ...] = ()
    if "hostsFile" in said:
        hosts = load_hosts(folder / said["hostsFile"], name_as=said["hostsFile"])
    elif "hosts" in said:
        hosts = hosts_of(document, said["hosts"], ("hosts",), folder=folder)
    if said.get("configs") and "mapping" not in said:
        step = "add mapping: FILE; podlift mapping draft CONFIG proposes one"
        refuse(document, ("configs",), CODE, "configs are named and no mapping", step)
    cutover = section_of(document, ("cutover",), said.get("cutover", {}), folder=str(folder.absolute()), code=CODE)
    paths: dict[str, Any] = {
        key: folder / said[key] for key in ("capture", "mapping", "target", "decisions", "out") if key in said
    }
    return Project(
        folder=folder,
        name=document.name,
        estate=said.get("estate", "default"),
        hosts=hosts,
        inspect=tuple(said.get("inspect", ())),
        configs=tuple(said.get("configs", ())),
        secrets=said.get("secrets", "file"),
        allow_partial=tuple(said.get("allowPartial", ())),
        cutover=cutover,
        **paths,
    )


def _called(file: Path) -> str:
    return file.name if file.parent == Path() else str(file)

"""What a command works on: flags over podlift.yaml over what is at hand."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from converters.capture import Capture, ConfigDocument, HostDocuments
from converters.decisions import Decisions
from converters.errors import PodliftError
from converters.sources.mapping import Mapping
from converters.target import Target
from converters.workload import Host

from ..config_files import documents_of, expanded, load_documents, load_mapping
from ..decisions_file import load_decisions
from ..hosts_file import HostEntry, entry_of, load_hosts
from ..inspect_files import inspects_of, load_inspects, with_api_version
from ..project import PROJECT_FILE, Project
from ..target_file import load_target
from .command import Session
from .options import Given, mend
from .progress import Progress

LOCAL = "local"


def target_of(given: Given, project: Project) -> Target:
    path = given.target or project.target
    return Target() if path is None else load_target(path)


def decisions_of(given: Given, project: Project) -> Decisions:
    path = given.decisions or project.decisions
    return Decisions() if path is None else load_decisions(path, name_as="" if given.decisions else Path(path).name)


def mapping_of(given: Given, project: Project) -> Mapping | None:
    path = given.mapping or project.mapping
    return None if path is None else load_mapping(path, name_as="" if given.mapping else Path(path).name)


def tell_unused(given: Given, project: Project, session: Session) -> None:
    """What lies here under its usual name and is not read, since neither a flag nor podlift.yaml names it."""
    unused = {key: name for key, name in project.unnamed.items() if getattr(given, key) is None}
    if unused:
        flags = " ".join(f"--{key} {project.folder / name}" for key, name in unused.items())
        lines = ", ".join(f"{key}: {name}" for key, name in unused.items())
        session.talk(
            f"Here and not used: {', '.join(unused.values())}. Give {flags}, or say {lines} in {PROJECT_FILE}."
        )


def hosts_of(given: Given, project: Project) -> tuple[HostEntry, ...]:
    """Hosts by flags, else those of podlift.yaml."""
    named = tuple(entry_of(each) for each in given.host)
    if given.hosts is not None:
        named += load_hosts(given.hosts)
    return named or project.hosts


def capture_of(given: Given, project: Project, mapping: Mapping | None, session: Session) -> Capture:
    """The documents to plan from: sources named on the command line, else hosts by flags, else what podlift.yaml
    names, else the engine at hand."""
    capture = _documents(given, project, session)
    if given.api_version is not None:
        hosts = tuple(with_api_version(each, given.api_version) for each in capture.hosts)
        capture = replace(capture, hosts=hosts)
    configs = _configs(given, project, mapping, bool(capture.configs))
    return replace(capture, configs=configs) if configs is not None else capture


def _documents(given: Given, project: Project, session: Session) -> Capture:
    if given.sources:
        mend(session, *(each for each in given.sources if each != "-"))
        return _named(given.sources, given, project)
    if not given.host and given.hosts is None:
        if project.capture is not None:
            from ..capture import read_capture

            mend(session, project.capture)
            return read_capture(project.capture)
        if project.inspect:
            return Capture(hosts=_inspects(_globbed(project), given, project))
        if not project.hosts and (given.config or project.mapping is not None):
            # A config alone can be planned; what runs is then not known.
            return Capture()
    return read_engines(hosts_of(given, project), session)


def read_engines(hosts: Sequence[HostEntry], session: Session, *, volumes: bool = False, **limits: float) -> Capture:
    """Reads engines; without hosts the one that docker itself would use. Who could not be read is told at once."""
    from ..engine import discover

    with Progress(session) as progress:
        capture = discover(hosts or (HostEntry(host=Host(name=LOCAL)),), on_event=progress, **_times(limits, volumes))
    for each in capture.hosts:
        if each.error:
            session.talk(f"{each.host.name}: {each.error}")
    return capture


def _times(limits: dict[str, float], volumes: bool) -> dict[str, Any]:
    return {**{name: value for name, value in limits.items() if value}, "measure_volumes": volumes}


def _named(sources: Sequence[str], given: Given, project: Project) -> Capture:
    folders = [each for each in sources if Path(each).is_dir()]
    if not folders:
        return Capture(hosts=_inspects(sources, given, project))
    if len(sources) > 1:
        raise PodliftError(
            code="no-input",
            phase="use",
            subject=folders[0],
            reason="a capture stands beside other sources",
            next_step="give one capture directory, or any number of inspect files",
        )
    if given.host or given.hosts is not None:
        raise PodliftError(
            code="no-input",
            phase="use",
            subject=folders[0],
            reason="a capture has its hosts: none of --host or --hosts is read beside it",
            next_step="leave out the capture to read engines, or the hosts to plan from the capture",
        )
    from ..capture import read_capture

    return read_capture(folders[0])


def _inspects(sources: Sequence[str], given: Given, project: Project) -> tuple[HostDocuments, ...]:
    known = [entry.host for entry in hosts_of(given, project)]
    made = load_inspects([each for each in sources if each != "-"], hosts=known)
    if "-" in sources:
        made += (inspects_of(sys.stdin.buffer.read(), name="stdin", host="stdin"),)
    return made


def _globbed(project: Project) -> list[str]:
    """podlift.yaml's inspect files; ``HOST=FILE`` names one file, anything else is a glob."""
    made: list[str] = []
    for each in project.inspect:
        host, separator, rest = each.partition("=")
        if separator and not (project.folder / each).exists():
            made.append(f"{host}={project.folder / rest}")
        else:
            made += [str(file) for file in expanded([each], root=project.folder, subject=project.name)]
    return made


def captured_configs(given: Given, project: Project, mapping: Mapping | None) -> tuple[ConfigDocument, ...]:
    """The scheduler's configs, by flags, podlift.yaml or the mapping's own globs."""
    return _configs(given, project, mapping, captured=False) or ()


def _configs(
    given: Given, project: Project, mapping: Mapping | None, captured: bool
) -> tuple[ConfigDocument, ...] | None:
    if given.config:
        root = Path(given.mapping).parent if given.mapping else _mapping_folder(project)
        return load_documents(given.config, root=root)
    if project.configs and not given.mapping:
        files = expanded(project.configs, root=project.folder, subject=project.name)
        return load_documents(files, root=_mapping_folder(project))
    if mapping is None or captured:
        return None
    root = Path(given.mapping).parent if given.mapping else _mapping_folder(project)
    return load_documents(documents_of(mapping, root), root=root)


def _mapping_folder(project: Project) -> Path:
    return project.mapping.parent if project.mapping is not None else project.folder

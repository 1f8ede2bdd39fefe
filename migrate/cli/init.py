"""``podlift init``"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import click

from converters.errors import PodliftError
from converters.sources.mapping import draft_mapping

from ..config_files import load_documents
from ..hosts_file import HostEntry, entry_of
from ..project import DECISIONS_FILE, MAPPING_FILE, PROJECT_FILE, TARGET_FILE, USUAL, load_project
from ..schemas.inputs import PROJECT
from .command import Command, Session, pass_session

_IGNORED = (
    ("secrets/", "values of secrets, which captures and plans keep apart"),
    (".podlift/", "keys and state of this machine"),
)


@click.command("init", cls=Command)
@click.option("--config", metavar="FILE", multiple=True, help="A config of the scheduler, or a folder, to draft from.")
@click.option("--host", metavar="[NAME=]URL", multiple=True, help="An engine to name in podlift.yaml.")
@click.option("--estate", metavar="NAME", help="The estate's name; the folder's if not said.")
@click.option("--context", metavar="NAME", help="The kubeconfig's context of the cluster to go to.")
@click.option("--kubeconfig", metavar="FILE", help="The kubeconfig; kubectl's own if not said.")
@pass_session
def command(
    session: Session,
    config: tuple[str, ...],
    host: tuple[str, ...],
    estate: str | None,
    context: str | None,
    kubeconfig: str | None,
) -> None:
    """Write podlift.yaml, a draft mapping and .gitignore.

    Files that are there are kept as they are, and podlift.yaml names mapping.yaml, target.yaml and decisions.yaml where
    they are. The draft mapping is made from the configs of --config, and with
    --context also target.yaml, read from the cluster: it needs rights to get and list, and changes nothing there.
    """
    folder = Path.cwd()
    entries = [entry_of(each) for each in host]
    mapping = _draft(config) if config else ""
    # an empty one is, as for kubectl, the current context, the usual kubeconfig
    target = None if context is None and kubeconfig is None else _target(context, kubeconfig)
    kept = {name for name in (PROJECT_FILE, TARGET_FILE) if (folder / name).exists()}
    named = {name for name in USUAL.values() if (folder / name).is_file()}
    named |= {name for name, made in ((MAPPING_FILE, mapping), (TARGET_FILE, target)) if made}
    project = _project(estate or folder.name or "default", entries, config, named)
    written = [
        _write(folder / PROJECT_FILE, project),
        _write(folder / MAPPING_FILE, mapping) if mapping else "",
        _write(folder / TARGET_FILE, target.text) if target else "",
        _ignore(folder / ".gitignore"),
    ]
    session.data("".join(f"{line}\n" for line in written if line))
    if target:
        _tell_target(session, target, kept)
    if PROJECT_FILE in kept:
        _tell_unnamed(session)
    if mapping:
        session.talk(f"Next: read {MAPPING_FILE}, then podlift mapping check")
    else:
        session.talk("Next: podlift plan, or name configs and hosts in podlift.yaml first")


@dataclass(frozen=True, slots=True)
class _Drafted:
    """target.yaml's text, and the line of it that says which cluster it is."""

    text: str
    identity: str
    unread: tuple[str, ...]


def _target(context: str | None, kubeconfig: str | None) -> _Drafted:
    from ..cluster import Cluster
    from ..cluster.inventory import read_inventory
    from ..cluster.target_draft import target_text

    cluster = Cluster(context, kubeconfig)
    inventory = read_inventory(cluster)
    line = f"identity: {_quoted(inventory.target.identity)}" if inventory.target.identity else ""
    return _Drafted(target_text(inventory, context=cluster.name), line, inventory.unread)


def _tell_target(session: Session, target: _Drafted, kept: set[str]) -> None:
    if TARGET_FILE in kept:
        added = f", or add what names this cluster: {target.identity}" if target.identity else ""
        session.talk(f"{TARGET_FILE} was there and is kept as it is: move it away to have it written anew{added}")
    elif target.unread:
        session.talk(f"Not read, for want of rights: {', '.join(target.unread)}")


def _tell_unnamed(session: Session) -> None:
    """What the podlift.yaml that was kept does not name."""
    try:
        unnamed = load_project().unnamed
    except PodliftError as error:
        session.talk(f"{error.subject}: {error.reason}")
        return
    if unnamed:
        lines = ", ".join(f"{key}: {name}" for key, name in unnamed.items())
        session.talk(f"{PROJECT_FILE} was there and is kept as it is: add what it does not name yet, {lines}")


def _draft(config: tuple[str, ...]) -> str:
    return draft_mapping(load_documents(config))


def _project(estate: str, hosts: list[HostEntry], config: tuple[str, ...], named: set[str]) -> str:
    """podlift.yaml with what is known, and the rest as comments that need only their # taken away."""
    lines = [
        "# What podlift reads and where it writes. Flags override it; podlift schema project is the reference.",
        f"schema: {PROJECT}",
        f"estate: {_quoted(estate)}",
        "",
        "# Engines to read. Without hosts: the one that docker itself would use.",
    ]
    if hosts:
        lines += ["hosts:", *(f"- {{name: {_quoted(e.host.name)}, url: {_quoted(e.host.url)}}}" for e in hosts)]
    else:
        lines += ["# hosts:", '# - {name: ams1, url: "ssh://user@ams1.example", address: 192.0.2.11, site: ams}']
    lines += [
        "# A capture to plan from instead of the engines: podlift discover --out capture",
        "# capture: capture",
        "",
        "# The scheduler's configs, and where in them things stand.",
    ]
    if config:
        globs = ", ".join(_quoted(f"{each.rstrip('/')}/**/*.y*ml" if Path(each).is_dir() else each) for each in config)
        lines += [f"configs: [{globs}]"]
    else:
        lines += ['# configs: ["fleet/*.yml"]']
    lines += [
        _key("mapping", MAPPING_FILE, named),
        "",
        "# What the cluster can do, and the answers to open questions.",
        _key("target", TARGET_FILE, named),
        _key("decisions", DECISIONS_FILE, named),
        "",
        "# The plan directory. Without it, podlift plan shows the summary only.",
        "# out: plan",
    ]
    return "\n".join(lines) + "\n"


def _key(key: str, file: str, named: set[str]) -> str:
    return f"{'' if file in named else '# '}{key}: {file}"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _ignore(file: Path) -> str:
    """Adds the lines that are missing; what is there stays."""
    before = file.read_text(encoding="utf-8") if file.exists() else ""
    known = {line.strip() for line in before.splitlines()}
    missing = [(line, why) for line, why in _IGNORED if line not in known]
    if not missing:
        return f"kept     {file.name}"
    gap = "\n" if before and not before.endswith("\n") else ""
    added = "".join(f"# {why}\n{line}\n" for line, why in missing)
    _put(file, before + gap + added)
    return f"{'extended' if before else 'wrote   '} {file.name}"


def _write(file: Path, text: str) -> str:
    if file.exists():
        return f"kept     {file.name}"
    _put(file, text)
    return f"wrote    {file.name}"


def _put(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise PodliftError(
            code="cannot-write",
            phase="use",
            subject=str(file),
            reason=(error.strerror or str(error)).lower(),
            next_step="free space or permissions, then run it again",
        ) from error

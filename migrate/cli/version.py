"""``podlift version``"""

from __future__ import annotations

import json
import platform
from importlib.metadata import PackageNotFoundError, version

import click

from .command import Command, Session, pass_session


def installed_version() -> str:
    """The distribution's version; a checkout that is not installed has none."""
    try:
        return version("podlift")
    except PackageNotFoundError:
        return "from a checkout, not installed"


@click.command("version", cls=Command, formats=("table", "json"))
@pass_session
def command(session: Session) -> None:
    """Print the version."""
    found = {"schema": "podlift.dev/version/v1", "podlift": installed_version(), "python": platform.python_version()}
    if session.output == "json":
        session.data(json.dumps(found, indent=2) + "\n")
    else:
        session.data(f"podlift {found['podlift']} (Python {found['python']})\n")

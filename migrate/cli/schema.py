"""``podlift schema``"""

from __future__ import annotations

import json

import click

from ..schemas import SCHEMAS, schema
from .command import Command, Session, pass_session


@click.command("schema", cls=Command, formats=("json", "yaml"))
@click.argument("name", required=False)
@pass_session
def command(session: Session, name: str | None) -> None:
    """Print the JSON Schema of a kind of file.

    Without NAME: the kinds there are, one a line.
    """
    if name is None:
        session.data("".join(f"{each}\n" for each in SCHEMAS))
        return
    if session.output == "yaml":
        from ..plan.yaml import emit

        session.data(emit(schema(name)))
    else:
        session.data(json.dumps(schema(name), indent=2, ensure_ascii=False) + "\n")

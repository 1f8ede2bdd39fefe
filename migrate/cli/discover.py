"""``podlift discover``"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import click

from converters.capture import Capture

from ..project import load_project
from ..report.capture_views import capture_json, capture_line, capture_view
from .command import INCOMPLETE, Command, Session, pass_session
from .inputs import captured_configs, hosts_of, mapping_of, read_engines
from .options import Given, config_options, host_options, mend

# So many places of secrets are named.
NAMED = 20


@click.command("discover", cls=Command, formats=("table", "json", "name"), progress=True)
@click.option("--out", metavar="CAPTURE", required=True, help="The directory to write.")
@host_options
@config_options
@click.option("--replace", "overwrite", is_flag=True, help="Put it in the place of a capture that is there.")
@click.option("--redact", is_flag=True, help="Keep names of environment entries and none of their values.")
@click.option("--volumes", is_flag=True, help="Measure the size of volumes; the engine walks their files.")
@click.option("--call-timeout", metavar="SECONDS", type=click.FloatRange(min=0.1), help="For one call; 30 if not said.")
@click.option("--host-timeout", metavar="SECONDS", type=click.FloatRange(min=1), help="For one host; 300 if not said.")
@click.option(
    "--allow-partial",
    metavar="HOST",
    multiple=True,
    is_flag=False,
    flag_value="*",
    help="Exit 0 although HOST could not be read; without HOST, any host.",
)
@pass_session
def command(
    session: Session,
    out: str,
    host: tuple[str, ...],
    hosts: str | None,
    config: tuple[str, ...],
    mapping: str | None,
    overwrite: bool,
    redact: bool,
    volumes: bool,
    call_timeout: float | None,
    host_timeout: float | None,
    allow_partial: tuple[str, ...],
) -> int:
    """Read Docker engines into a capture directory.

    Reads the hosts of --host and --hosts, else those of podlift.yaml, else the engine that docker itself would use;
    with a mapping also the scheduler's configs. Only GET is ever sent. Planning needs the capture and nothing else.
    """
    from ..capture import left_in_clear, refuse_taken, write_capture
    from ..capture import redact as without_values

    # Before hosts are read in vain.
    mend(session, out)
    refuse_taken(out, replace=overwrite)
    project = load_project()
    given = Given(host=host, hosts=hosts, config=config, mapping=mapping)
    configs = captured_configs(given, project, mapping_of(given, project))
    limits = {"call_timeout_s": call_timeout or 0.0, "host_timeout_s": host_timeout or 0.0}
    capture = replace(read_engines(hosts_of(given, project), session, volumes=volumes, **limits), configs=configs)
    clear = left_in_clear(capture) if redact else ()
    if redact:
        capture = without_values(capture)
    write_capture(capture, out, replace=overwrite)
    _print(session, capture)
    session.talk(f"Written to {out}. Next: podlift plan {Path(out)} --out plan")
    for name, path in clear[:NAMED]:
        session.talk(f"{name}: a secret stands in clear in {path}, and --redact leaves it there")
    if len(clear) > NAMED:
        session.talk(f"and {len(clear) - NAMED:,} more secrets in clear; look before sharing the capture")
    missing = [each for each in capture.unread if each not in allow_partial]
    if missing and "*" not in allow_partial:
        session.talk(f"Incomplete: {', '.join(missing)} could not be read; --allow-partial accepts that.")
        return INCOMPLETE
    return 0


def _print(session: Session, capture: Capture) -> None:
    if session.output == "json":
        session.data(json.dumps(capture_json(capture), indent=2, ensure_ascii=False) + "\n")
    elif session.output == "name":
        session.data("".join(f"{each.host.name}\n" for each in capture.hosts))
    else:
        session.data(capture_view(capture) + capture_line(capture) + "\n")

"""``podlift cutover``: a file for each verb, and what they share: ``runs.py``, ``driving.py``."""

from __future__ import annotations

import click

from . import abort, approve, finalize, keep, pause, preview, resume, start, status


class Verbs(click.Group):
    """In the order in which they are used."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(self.commands)


@click.group("cutover", cls=Verbs)
def command() -> None:
    """Move callers from containers to pods, step by step.

    preview and start read a plan. All other verbs read the run's journal in the cluster, from any terminal that reaches
    it, at any time; WORKLOAD is its name in Kubernetes then, and -n its namespace.

    \b
    podlift cutover preview plan web -n shop
    podlift cutover start plan web -n shop
    podlift cutover status web -n shop -w
    podlift cutover status -n shop

    \b
    Exit codes: 0 as far as it goes (STOPPED; STANDBY without a freeze hook; FINALIZED); 1 paused, or an error;
    4 a gate cannot tell, or a state waits for approval under --no-wait; 5 went back to the legacy side, asked to or
    by a failed gate; 130 interrupted: the run is paused. Of several workloads, the worst: 130, 5, 1, 4, 0.
    """


for each in (preview, start, status, approve, pause, resume, abort, keep, finalize):
    command.add_command(each.command)

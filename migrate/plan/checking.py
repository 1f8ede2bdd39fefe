"""``check_plan``: is a plan directory what its inputs give?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from converters.capture import Capture
from converters.decisions import Decisions
from converters.sources.mapping import Mapping as ConfigMapping
from converters.target import Target

from .directory import differing_files
from .making import make_plan


def check_plan(
    plan: Path | str,
    capture: Capture,
    *,
    mapping: ConfigMapping | None = None,
    target: Target,
    decisions: Decisions,
    estate: str = "default",
    accept_unread: Sequence[str] = (),
) -> tuple[str, ...]:
    """Plans again in memory, and names the files of the directory ``plan`` that are not what comes out: changed,
    missing or beyond it. Empty: it is what the inputs give. Nothing is written, and secrets/ is not looked at.

    Raises PodliftError as :func:`migrate.make_plan` does, and ``no-plan`` or ``plan-broken`` for another directory.
    """
    made = make_plan(
        capture, mapping=mapping, target=target, decisions=decisions, estate=estate, accept_unread=accept_unread
    )
    return differing_files(made, plan)

"""Asking before what moves callers, or cannot be taken back."""

from __future__ import annotations

import sys

import click

from converters.errors import PodliftError


def asked_by_somebody(subject: str, reason: str, next_step: str) -> None:
    """Raises PodliftError ``yes-needed`` where nobody is there to be asked."""
    if not _terminal():
        raise PodliftError(
            code="yes-needed",
            phase="cutover",
            subject=subject,
            reason=f"{reason}, and nobody can be asked here",
            next_step=next_step,
        )


def agree(question: str) -> None:
    """Goes on with a yes; anything else ends the command."""
    click.confirm(question, abort=True, err=True)


def _terminal() -> bool:
    return sys.stdin.isatty()

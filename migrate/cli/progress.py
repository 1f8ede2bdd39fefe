"""Progress on stderr: one rewritten line on a terminal, plain lines elsewhere, JSON for programs."""

from __future__ import annotations

import json
import sys
import time
from typing import Self

import click

from .command import Session

# Plain progress speaks at most this often, and whenever a stage is done.
_EVERY_S = 5.0
_WORDS = {
    "discover": "hosts asked",
    "read": "hosts' documents read",
    "convert": "workloads converted",
    "list": "lists of objects read",
    "dry-run": "dry runs answered",
    "apply": "objects sent",
    "wait": "controllers ready",
}


class Progress:
    """Takes the library's events ``(stage, done, of how many)``. Use as a context, so that the line is cleared."""

    def __init__(self, session: Session) -> None:
        mode = "quiet" if session.verbosity < 0 else session.progress
        if mode == "auto":
            mode = "line" if sys.stderr.isatty() and session.coloured(sys.stderr) else "plain"
        self._session = session
        self._mode = mode
        self._last = time.monotonic()
        self._shown = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_raised: object) -> None:
        self._clear()

    def talk(self, text: str) -> None:
        """A line of its own, above the one that is rewritten."""
        self._clear()
        self._session.talk(text)

    def _clear(self) -> None:
        if self._shown:
            click.echo("\r\x1b[K", nl=False, err=True, color=True)

    def __call__(self, stage: str, done: int, total: int) -> None:
        if self._mode == "quiet":
            return
        if self._mode == "json":
            click.echo(json.dumps({"stage": stage, "done": done, "total": total}), err=True)
        elif self._mode == "line":
            click.echo(f"\r\x1b[K{_said(stage, done, total)}", nl=False, err=True, color=True)
            self._shown = True
        elif done == total or time.monotonic() - self._last > _EVERY_S:
            self._last = time.monotonic()
            click.echo(_said(stage, done, total), err=True)


def _said(stage: str, done: int, total: int) -> str:
    return f"{done:,} of {total:,} {_WORDS.get(stage, stage)}"

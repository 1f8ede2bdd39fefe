"""Codes of errors: bad input and what to do about it."""

from __future__ import annotations

from .codes import Code, error

ERROR_CODES: tuple[Code, ...] = ()

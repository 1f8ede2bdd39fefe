"""``${NAME}`` in what is sent: files and journals hold the name of an environment variable, and never its value."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from typing import Any

from converters.errors import PodliftError

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
# RFC 9110, section 5.5: what no header's value may hold
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


def filled(text: str) -> str:
    """The text with the variables' values, without line breaks at their ends, which keys of Secrets often have. Raises
    PodliftError ``variable-missing`` and ``variable-unfit``."""
    return _VARIABLE.sub(lambda found: _value(found[1]), text)


def filled_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The same for each value of headers."""
    return {name: filled(value) for name, value in headers.items()}


def variables_in(said: Any) -> frozenset[str]:
    """Those that anything in it names; ``said`` is JSON."""
    return frozenset(_VARIABLE.findall(json.dumps(said)))


def _value(name: str) -> str:
    value = os.environ.get(name, "").rstrip("\r\n")
    if not value:
        raise PodliftError(
            code="variable-missing",
            phase="cutover",
            subject=f"${{{name}}}",
            reason="the environment has no such variable, or it is empty",
            next_step=f"set {name} where podlift runs, and run it again",
        )
    if _CONTROL.search(value):
        raise PodliftError(
            code="variable-unfit",
            phase="cutover",
            subject=f"${{{name}}}",
            reason="its value holds a line break or another character that no header or URL may hold",
            next_step=f"set {name} to one line of text where podlift runs, and run it again",
        )
    return value

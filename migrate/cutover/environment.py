"""``${NAME}`` in what is sent: files and journals hold the name of an environment variable, and never its value."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from typing import Any

from converters.errors import PodliftError

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def filled(text: str) -> str:
    """The text with the variables' values. Raises PodliftError ``variable-missing``."""
    return _VARIABLE.sub(lambda found: _value(found[1]), text)


def filled_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The same for each value of headers."""
    return {name: filled(value) for name, value in headers.items()}


def variables_in(said: Any) -> frozenset[str]:
    """Those that anything in it names; ``said`` is JSON."""
    return frozenset(_VARIABLE.findall(json.dumps(said)))


def _value(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise PodliftError(
            code="variable-missing",
            phase="cutover",
            subject=f"${{{name}}}",
            reason="the environment has no such variable, or it is empty",
            next_step=f"set {name} where podlift runs, and run it again",
        )
    return value

"""All codes, by name."""

from __future__ import annotations

from .codes import Code
from .codes_config import CONFIG_CODES
from .codes_container import CONTAINER_CODES
from .codes_errors import ERROR_CODES
from .codes_estate import ESTATE_CODES
from .codes_workload import WORKLOAD_CODES

CATALOGUE: dict[str, Code] = {}
for _code in (*CONTAINER_CODES, *WORKLOAD_CODES, *ESTATE_CODES, *CONFIG_CODES, *ERROR_CODES):
    if _code.name in CATALOGUE:
        raise AssertionError(f"code {_code.name} is in the catalogue twice")
    CATALOGUE[_code.name] = _code


def code_named(name: str) -> Code:
    return CATALOGUE[name]

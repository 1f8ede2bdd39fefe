"""All codes, by name."""

from __future__ import annotations

from difflib import get_close_matches

from ..errors import PodliftError
from .codes import Code
from .codes_cluster import CLUSTER_CODES
from .codes_config import CONFIG_CODES
from .codes_container import CONTAINER_CODES
from .codes_cutover import CUTOVER_CODES
from .codes_errors import ERROR_CODES
from .codes_estate import ESTATE_CODES
from .codes_preflight import PREFLIGHT_CODES
from .codes_workload import WORKLOAD_CODES

CATALOGUE: dict[str, Code] = {}
for _code in (
    *CONTAINER_CODES,
    *WORKLOAD_CODES,
    *ESTATE_CODES,
    *CONFIG_CODES,
    *ERROR_CODES,
    *CLUSTER_CODES,
    *CUTOVER_CODES,
    *PREFLIGHT_CODES,
):
    if _code.name in CATALOGUE:
        raise AssertionError(f"code {_code.name} is in the catalogue twice")
    CATALOGUE[_code.name] = _code


def code_named(name: str) -> Code:
    return CATALOGUE[name]


def explain(code: str) -> Code:
    """What a code means, what to do about it and how it is answered. Raises PodliftError ``no-code``."""
    if code not in CATALOGUE:
        close = get_close_matches(code, CATALOGUE, n=1, cutoff=0.6)
        raise PodliftError(
            code="no-code",
            phase="use",
            subject=code,
            reason="there is no code of this name",
            next_step=f"did you mean {close[0]}?" if close else "podlift explain lists them",
        )
    return CATALOGUE[code]

"""A row of the field table: what one kind of atom is, whatever document it stands in."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    CONFIG = "config"
    OBSERVED = "observed"
    MIRROR = "mirror"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """
    pattern    keys joined by dots; ``[SPLIT]`` after a key divides its value, see walk.py: ``HostConfig.Memory``,
               ``Config.Env[env]``, ``NetworkSettings.Networks[map].Aliases[item]``
    role       configuration, observed evidence, or a mirror of another field
    code       the verdict's code in the ordinary case (codes.py)
    attribute  where in the model it goes: ``container.memory_limit_bytes``, ``workload.restart``; ``setting``: it
               has no attribute and travels as a Setting
    unset      values, beside null, that mean nobody set it; ``@name`` stands for a default of the engine's /info or
               of the API version, see classify.py
    inherits   path in the image's document whose equal value makes it inherited; ``""``: never
    mirror_of  for a mirror: the pattern it repeats
    sample     a value that is not the default, for documents generated from this table
    case       the directory under tests/cases that shows it
    seen_by    the fact inside a running container that shows it, or ``outside: reason``
    """

    pattern: str
    role: Role = Role.CONFIG
    code: str = ""
    attribute: str = ""
    unset: tuple[object, ...] = ()
    inherits: str = ""
    mirror_of: str = ""
    sample: object = None
    case: str = ""
    seen_by: str = ""

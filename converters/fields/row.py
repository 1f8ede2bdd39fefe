"""A row of the field table: what one kind of atom is, whatever document it stands in."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Role(StrEnum):
    """INNER stands for no row: it marks an empty value where the table has rows below."""

    CONFIG = "config"
    OBSERVED = "observed"
    MIRROR = "mirror"
    INNER = "inner"


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
    usual, rules        ``unset`` divided into plain values and ``@names``
    by_key, empty_counts  a key that the user chose is the atom, so that even null or ``{}`` says something (an exposed
               port is ``{}``); an empty list says something (masked paths)
    sample     a value that is not the default, for documents generated from this table
    case       the directory under tests/cases that shows it
    seen_by    the facts of a running container that show it, with commas between them, or ``outside: reason``. A fact
               is dotted, ``*`` stands for any part; ``{key}`` is the key that the user chose, ``{KEY}`` in capitals
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
    usual: tuple[object, ...] = field(init=False, repr=False, compare=False, default=())
    rules: tuple[str, ...] = field(init=False, repr=False, compare=False, default=())
    by_key: bool = field(init=False, repr=False, compare=False, default=False)
    empty_counts: bool = field(init=False, repr=False, compare=False, default=False)

    def __post_init__(self) -> None:
        rules = tuple(value for value in self.unset if isinstance(value, str) and value.startswith("@"))
        by_key = self.pattern.endswith("]")
        object.__setattr__(self, "rules", rules)
        object.__setattr__(self, "usual", tuple(value for value in self.unset if value not in rules))
        object.__setattr__(self, "by_key", by_key)
        object.__setattr__(self, "empty_counts", by_key or any(rule.startswith("@usual-") for rule in rules))


def config(
    pattern: str,
    code: str,
    attribute: str,
    case: str,
    *,
    sample: object,
    seen_by: str,
    unset: tuple[object, ...] = (),
    inherits: str = "",
    mirror_of: str = "",
) -> Row:
    return Row(
        pattern=pattern,
        code=code,
        attribute=attribute,
        case=case,
        sample=sample,
        seen_by=seen_by,
        unset=unset,
        inherits=inherits,
        mirror_of=mirror_of,
    )


def observed(*patterns: str) -> tuple[Row, ...]:
    """Evidence. Its case is the one that shows that none of it reaches a manifest."""
    return tuple(
        Row(pattern=pattern, role=Role.OBSERVED, case="observed", seen_by="outside: evidence") for pattern in patterns
    )


def mirror(pattern: str, of: str) -> Row:
    return Row(
        pattern=pattern, role=Role.MIRROR, mirror_of=of, case="mirrors", seen_by="outside: it repeats another field"
    )

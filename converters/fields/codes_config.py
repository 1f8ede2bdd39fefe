"""Codes of bespoke configs and their mappings."""

from __future__ import annotations

from .codes import Answer, Code, field

CONFIG_CODES: tuple[Code, ...] = (
    field(
        "not-mapped",
        "the mapping takes this value nowhere",
        todo="map it, or list it under ignore: in the mapping with the reason",
        answer=Answer.CHOICE,
        options=(("drop", "go without it"),),
    ),
    field("ignored", "the mapping ignores it, with a reason", drop=True),
    field("selection", "the mapping uses it to choose or to name"),
)

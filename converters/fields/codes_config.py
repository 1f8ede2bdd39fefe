"""Codes of bespoke configs and their mappings."""

from __future__ import annotations

from .codes import Answer, Code, field, finding

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
    field(
        "overridden",
        "a default that nothing keeps: whatever inherits it says its own",
        drop=True,
    ),
    field("left-out", "belongs to an item that the mapping leaves out, by when: or by a join", drop=True),
    field(
        "refused",
        "belongs to an item that makes no workload; the finding config-refused says why",
        todo="give it what it lacks, or let workloads.when: in the mapping leave it out",
    ),
    finding(
        "config-refused",
        "an item of the config makes no workload",
        todo="give it what it lacks, or let workloads.when: in the mapping leave it out",
    ),
    finding(
        "config-unmatched",
        "no document is called as the mapping says",
        todo="correct documents: in the mapping, or give the files that it means",
    ),
    finding(
        "config-unjoined",
        "a part of the config that a join could bring to a workload, and no workload asks for it",
        todo="add the workload's own part, or take this one out of the config",
    ),
)

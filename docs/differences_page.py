"""The page of what differs between a container and any pod."""

from __future__ import annotations

from tests.cluster.judge import SILENT
from tests.cluster.unavoidable import UNAVOIDABLE

_HEAD = """\
# What differs in any pod

What a program can see of being in a pod and not in a container, whatever the manifests say. Everything else that
differs is told by a [verdict](../explanation/verdicts.md). [Equivalence](../explanation/equivalence.md) says how it was
found.

- **facts**: names as in [every field](fields.md), `*` is any part. **differ by**: the one way that counts."""

_SILENT = """\
## What does not show everywhere

Verdicts of these codes tell a difference that a comparison may not find, for the reason beside them."""


def differences_page() -> str:
    lines = [_HEAD, "", "| facts | differ by | because |", "|---|---|---|"]
    for each in UNAVOIDABLE:
        facts = ", ".join(f"`{fact}`" for fact in each.facts)
        lines.append(f"| {facts} | {each.said} | {each.reason} |")
    lines += ["", _SILENT, "", "| code | because |", "|---|---|"]
    lines += [f"| [{code}](codes.md#{code}) | {each.reason} |" for code, each in sorted(SILENT.items())]
    return "\n".join(lines) + "\n"

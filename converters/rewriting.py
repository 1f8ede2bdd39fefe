"""Rewriting of old host names where they are used: in environment values, arguments and checks.

A name is rewritten only where it stands as a host: after ``//`` or ``@``, before ``:PORT``, as the whole value, or as
a whole item of a comma-separated list of such. Anywhere else it may be a word like any other, and is reported instead.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

Rewrite = Callable[[str], "Rewritten"]


@dataclass(frozen=True, slots=True)
class Rewritten:
    """``done``: (old, new) that were replaced; ``seen``: old names that stand there as something else, perhaps."""

    text: str
    done: tuple[tuple[str, str], ...] = ()
    seen: tuple[str, ...] = ()


_NAME = re.compile(r"(?<![A-Za-z0-9_.-])[A-Za-z0-9][A-Za-z0-9_.-]*")


def words_of(text: str) -> list[str]:
    """The words of a text that may be host names."""
    return [word.rstrip(".") for word in _NAME.findall(text)]


def rewriter(hosts: Mapping[str, str], own: Collection[str] = ()) -> Rewrite:
    """A function that rewrites texts by a map of legacy host names to DNS names.

    own  names of the workload itself: standing alone (``APP_NAME=my_app``) they are what it calls itself, more often
         than a host, and are left
    """

    def rewrite(text: str) -> Rewritten:
        done: dict[tuple[str, str], None] = {}
        seen: dict[str, None] = {}

        def replaced(match: re.Match[str]) -> str:
            word = match.group(0)
            old = word.rstrip(".")
            if old not in hosts:
                return word
            if not _is_host(text, match.start(), match.start() + len(old), alone_counts=old not in own):
                seen[old] = None
                return word
            done[(old, hosts[old])] = None
            return hosts[old] + word[len(old) :]

        made = _NAME.sub(replaced, text)
        return Rewritten(made, tuple(done), tuple(seen))

    return rewrite if hosts else Rewritten


def renamed(words: Collection[Rewritten]) -> str:
    """What was replaced in some texts and what may have to be, in words; ``""`` for nothing."""
    done = dict.fromkeys(pair for word in words for pair in word.done)
    seen = dict.fromkeys(old for word in words for old in word.seen)
    said = [f"{old} is {new} now" for old, new in done]
    said += [f"{old} may be a host's old name, and was left" for old in seen]
    return "; ".join(said)


def _is_host(text: str, start: int, end: int, *, alone_counts: bool) -> bool:
    before, after = text[:start], text[end:]
    if before.endswith(("//", "@")):
        return True
    alone = alone_counts and (not before or before[-1] in ",; \t=") and (not after or after[0] in ",; \t")
    with_port = re.match(r":\d+(?!\d)", after) is not None and (not before or before[-1] in ",; \t=[\"'")
    return with_port or (alone and (not before.strip() or before.rstrip()[-1] in ",;=") and not after.strip(",; \t"))

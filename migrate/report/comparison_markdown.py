"""Comparisons as Markdown for a pull request's comment, which may have 65,536 characters: what does not fit in 60,000
is cut, and each cut is counted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..diff.comparison import Comparison, ObjectDifference
from ..plan.model import Plan
from .comparison_views import change_line, comparison_line, extra_line, object_line, report_head, said_line
from .table import count, one_line
from .value_changes import within

LIMIT = 60_000
# Of one object, and of the notes of a leg.
_LINES = 40
_NOTES = 20
_WIDE = 400
# The room that the sentence on a cut takes.
_CUT = 120


def report_markdown(plan: Plan, legs: Sequence[Comparison]) -> str:
    """The head and a section for each leg. Every leg keeps its summary; its parts share what room is left."""
    heads = ["# Diff", "", *(f"{_plain(line)}  " for line in report_head(plan, legs)), ""]
    compared = [leg for leg in legs if not leg.not_compared]
    sections = [_Section(leg, titled=len(legs) > 1) for leg in compared]
    room = LIMIT - len("\n".join(heads)) - sum(section.least for section in sections) - 10
    shares = iter(_shares([_size(blocks) for section in sections for blocks in (section.objects, section.said)], room))
    lines = heads
    for section in sections:
        lines += section.fitted(next(shares), next(shares))
    return "\n".join(lines).rstrip() + "\n"


class _Section:
    """One leg: what it always says, and the two lists that may be cut."""

    def __init__(self, leg: Comparison, *, titled: bool) -> None:
        self.head = [f"## {leg.leg.value}", ""] if titled else []
        self.head += [f"**{_plain(comparison_line(leg))}**", ""]
        self.objects = [_block(each, leg) for each in leg.objects]
        self.said = [[_code(said_line(each))] for each in leg.said]
        notes = [f"Not compared: {_plain(each)}." for each in leg.uncompared[:_NOTES]]
        if len(leg.uncompared) > _NOTES:
            notes.append(f"Not compared: {len(leg.uncompared) - _NOTES} more.")
        self.tail = ["", *(f"{note}  " for note in notes)] if notes else []

    @property
    def least(self) -> int:
        """Characters that it takes with both lists cut to nothing."""
        return sum(len(line) + 1 for line in (*self.head, *self.tail)) + 2 * _CUT + 80

    def fitted(self, for_objects: int, for_said: int) -> list[str]:
        """Its lines, each list in the room that it is given."""
        lines = [*self.head, *_fit(self.objects, for_objects, "object")]
        told = _fit(self.said, for_said, "verdict or finding", "verdicts and findings")
        if told:
            lines += ["", "<details><summary>Verdicts and findings</summary>", "", *told, "", "</details>"]
        return [*lines, *self.tail, ""]


def _shares(sizes: Sequence[int], room: int) -> list[int]:
    """The room divided: who needs less than an even share leaves the rest to the others."""
    made = [0] * len(sizes)
    left = room
    for n, place in enumerate(sorted(range(len(sizes)), key=lambda each: sizes[each])):
        made[place] = min(sizes[place], left // (len(sizes) - n))
        left -= made[place]
    return made


def _size(blocks: Sequence[Sequence[str]]) -> int:
    return sum(len(line) + 1 for block in blocks for line in block)


def _fit(blocks: Sequence[Sequence[str]], room: int, noun: str, many: str = "") -> list[str]:
    """As many whole blocks as fit, with a sentence on the others."""
    lines: list[str] = []
    used = 0
    for n, block in enumerate(blocks):
        size = _size([block])
        if used + size > room:
            left = len(blocks) - n
            lines += ["", f"**{count(left, noun, many)} more: cut, a comment holds no more.**"]
            break
        lines += block
        used += size
    return lines


def _block(each: ObjectDifference, leg: Comparison) -> list[str]:
    told = list(_told(each))
    cut = [f"  - and {len(told) - _LINES} more"] if len(told) > _LINES else []
    return [f"- {_code(object_line(each, leg.leg)).removeprefix('- ')}", *told[:_LINES], *cut]


def _told(each: ObjectDifference) -> Iterator[str]:
    for change in each.changes:
        yield f"  {_code(change_line(change))}"
        yield from (f"    {_code(line)}" for line in within(change))
    for extra in each.extras:
        yield f"  {_code(extra_line(extra.path, extra.value, extra.owner))}, beside the plan"
    for declared in each.declared:
        yield f"  {_code(change_line(declared.change))}, declared: {', '.join(declared.codes)}"


def _code(text: str) -> str:
    """A list item with the text as code: nothing in it is Markdown."""
    shown = _cut(one_line(text).replace("`", "'"))
    return f"- `{shown}`"


def _plain(text: str) -> str:
    """Text that documents may have written: no markup, no mention of anybody."""
    return _cut(one_line(text)).translate({ord(c): f"\\{c}" for c in "\\`*_[]<>#"}).replace("@", "@\u200b")


def _cut(text: str) -> str:
    return text if len(text) <= _WIDE else f"{text[: _WIDE - 3]}..."

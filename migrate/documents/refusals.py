"""Why a text is refused, in one form: file and line, what is wrong, what to do.

Templates and private tags are refused by name: their author knows well what they are, and how to render them.
"""

from __future__ import annotations

import re
from itertools import takewhile

from converters.errors import PodliftError

# Deeper values would exhaust the stack of whatever walks them; no document that is meant is a tenth as deep.
MAX_DEPTH = 100
# A tag that runs code: {% if %} of Jinja2 and Liquid, <% if %> of ERB.
_BLOCK = re.compile(r"\{%[-+~]?[ \t]*\w|<%[-=#]?[ \t]*\S")
# What a line of a template starts with. In a document that parses, {{ }} there would be a map as a key.
_LINE_START = re.compile(r"^[ \t]*(?:-[ \t]+)*(?:#[ \t]*)?(?:\{%|<%|\{\{|\{#)", re.MULTILINE)
_OPENING = re.compile(r"\{%|<%|\{\{|\{#")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\']|\'\')*\'')
_GO = re.compile(
    r"\{\{-?\s*(?:[.$]|/\*|(?:if|else|end|range|with|define|block)\b|(?:include|template|env|key|must_env)\s+[\"`])"
)

_TAG_STEPS = {
    "vault": "decrypt it first (ansible-vault), or put a reference to the secret there",
    "include": "put what it includes in its place",
    "override": "give what `docker compose config` prints",
    "reset": "give what `docker compose config` prints",
    "python": "replace it by the plain value that it builds",
}
_CLOUDFORMATION = re.compile(
    "And|Base64|Cidr|Condition|Equals|FindInMap|GetAZs|GetAtt|If|ImportValue|Join|Not|Or|Ref|Select|Split|Sub|Transform"
)


def refusal(code: str, name: str, line: int, reason: str, next_step: str) -> PodliftError:
    """The error for a line of a document; line 0 means the whole file."""
    subject = f"{name}:{line}" if line else name
    return PodliftError(code=code, phase="read", subject=subject, reason=reason, next_step=next_step)


def duplicate_key(name: str, key: str, first: int, second: int) -> PodliftError:
    if key == "<<":
        step = "merge several maps with one list: `<<: [*a, *b]`"
    else:
        step = "keep one of the two; a reader would take the last and forget the other without a word"
    return refusal(
        "duplicate-key", name, second, f"the key {key!r} stands twice in one map, on lines {first} and {second}", step
    )


def unknown_tag(name: str, line: int, tag: str) -> PodliftError:
    written = "!!" + tag.removeprefix("tag:yaml.org,2002:") if tag.startswith("tag:yaml.org,2002:") else tag
    word = "".join(takewhile(str.isalnum, written.lstrip("!")))
    if _CLOUDFORMATION.fullmatch(word):
        step = "give the resolved document (aws ecs describe-task-definition), not the CloudFormation template"
    else:
        step = _TAG_STEPS.get(word) or "replace the tag and its value by the plain value that it stands for"
    return refusal("unknown-yaml-tag", name, line, f"podlift does not know what the tag {written} stands for", step)


def template(name: str, line: int, written: str, problem: str = "") -> PodliftError:
    kind = _kind(written)
    reason = f"this looks like {kind} template" + (f", and does not parse as it is ({problem})" if problem else "")
    return refusal("templated-yaml", name, line, reason, "render it first, then give the result")


def template_in_ruins(text: str, name: str, lines: tuple[int, ...], problem: str) -> PodliftError | None:
    """The error for a text that does not parse around ``lines``, if that is because nobody has rendered it."""
    rows = text.split("\n")
    for line in lines:
        row = rows[line - 1] if 0 < line <= len(rows) else ""
        if _OPENING.search(_QUOTED.sub("", row)):
            return template(name, line, row, problem)
    if found := _LINE_START.search(text):
        line = text.count("\n", 0, found.end()) + 1
        return template(name, line, rows[line - 1], problem)
    return None


def block_tags(text: str) -> list[tuple[int, str]]:
    """Where the text has tags that run code: offset and how the rest of the line reads."""
    return [(found.start(), text[found.start() :].split("\n", 1)[0]) for found in _BLOCK.finditer(text)]


def _kind(written: str) -> str:
    if "<%" in written:
        return "an ERB"
    if _GO.search(written):
        return "a Go"
    return "a Jinja2 (or Liquid)"

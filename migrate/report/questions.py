"""Open questions of a plan, and the lines of decisions.yaml that answer them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import groupby

from converters.fields.catalogue import CATALOGUE
from converters.fields.codes import Answer, Code
from converters.fields.verdict import Level

from ..plan.model import Plan
from ..schemas.inputs import DECISIONS
from .table import count, one_line

# What YAML 1.1 or an editor might take for something other than this text is quoted.
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*")
_WORDS = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null"))

_TYPED = {
    Answer.SIZE: "an amount, for example 10Gi or 500m",
    Answer.NUMBER: "a whole number",
    Answer.NAME: "a Kubernetes name",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """
    key      ``source`` for a verdict, ``subject`` for a finding: the word that names ``about`` in decisions.yaml
    where    document and path, for people
    why      what is the matter, in particular
    options  what it takes, ``(value, meaning)``; a typed answer stands last, with an empty value
    """

    workload: str
    code: Code
    key: str
    about: str
    where: str
    why: str
    todo: str
    options: tuple[tuple[str, str], ...]
    chosen: str = ""
    document: str = ""

    @property
    def answerable(self) -> bool:
        return bool(self.options)


def questions(plan: Plan) -> tuple[Question, ...]:
    """Every open question, blocking ones first, then by code and workload. What both the config and the engine say is
    asked once: an answer to either is one to both."""
    made = [*_once(_of_verdicts(plan)), *_of_findings(plan)]
    return tuple(sorted(made, key=lambda q: (not q.code.blocking, q.code.name, q.workload, q.about)))


def _once(asked: Iterator[Question]) -> Iterator[Question]:
    """A setting that several documents state has a verdict for each, alike but for the source."""
    found: dict[tuple[object, ...], list[Question]] = {}
    for question in asked:
        found.setdefault((question.workload, question.code.name, question.why, question.options), []).append(question)
    for alike in found.values():
        documents = {question.document for question in alike}
        if len(documents) < len(alike):
            yield from alike
        else:
            yield replace(alike[0], where="; ".join(question.where for question in alike))


def _of_verdicts(plan: Plan) -> Iterator[Question]:
    for verdict in plan.verdicts:
        if verdict.level is Level.UNDECIDED:
            code = CATALOGUE[verdict.code]
            source = verdict.source
            yield Question(
                workload=verdict.workload,
                code=code,
                key="source",
                about=source.path if source is not None else "*",
                where=str(source) if source is not None else "",
                document=source.document if source is not None else "",
                why=verdict.why,
                todo=verdict.todo,
                options=typed_options(code, verdict.options),
                chosen=verdict.chosen,
            )


def _of_findings(plan: Plan) -> Iterator[Question]:
    for finding in plan.findings:
        if finding.open:
            code = CATALOGUE[finding.code]
            yield Question(
                workload=finding.workload,
                code=code,
                key="subject",
                about=finding.subject or "*",
                where="; ".join(f"{who}: {what}" for who, what in finding.sides),
                why=finding.reason or code.about,
                todo=finding.todo or code.todo,
                options=typed_options(code, finding.options),
            )


def typed_options(code: Code, told: tuple[tuple[str, str], ...] = ()) -> tuple[tuple[str, str], ...]:
    """The options of a code, or of one question (``told``); a value of the code's type stands last, empty."""
    chosen_from = told or code.options
    meaning = _TYPED.get(code.answer, code.typed)
    if code.answer is Answer.TEXT and not chosen_from:
        meaning = meaning or "a text"
    return (*chosen_from, *((("", meaning),) if meaning else ()))


def answer_line(question: Question, answer: str, *, everywhere: bool = False) -> str:
    """One item of ``answers:``. ``everywhere``: for every workload and source that asks this."""
    parts = [f"code: {scalar(question.code.name)}", f"answer: {scalar(answer)}"]
    if not everywhere:
        if question.about != "*":
            parts.insert(1, f"{question.key}: {scalar(question.about)}")
        if question.workload:
            parts.insert(0, f"workload: {scalar(question.workload)}")
    return f"- {{{', '.join(parts)}}}"


def scalar(text: str) -> str:
    """A text in a flow map of YAML."""
    plain = _PLAIN.fullmatch(text) and text.lower() not in _WORDS
    return text if plain else "".join(map(_escaped, json.dumps(text, ensure_ascii=False)))


def _escaped(character: str) -> str:
    """In double quotes YAML reads back what a terminal or an editor would obey (U+202E) or not show."""
    if character.isprintable():
        return character
    return f"\\u{ord(character):04x}" if ord(character) < 0x10000 else f"\\U{ord(character):08x}"


def answer_lines(question: Question, *, everywhere: bool = False) -> Iterator[str]:
    """A line for each option, with its meaning behind it."""
    for value, meaning in question.options:
        note = " (used for now)" if value and value == question.chosen else ""
        yield f"{answer_line(question, value, everywhere=everywhere)}  # {one_line(meaning)}{note}"


def todo(plan: Plan) -> str:
    """decisions.todo.yaml: every open question in decisions.yaml's own syntax, commented out, so that taking the
    ``#`` from a line is an answer. Text and amounts must be filled in first: an empty answer is refused."""
    asked = questions(plan)
    lines = [
        f"# {count(len(asked), 'open question')}. Copy a line to decisions.yaml without its #, or give this file",
        "# to podlift plan --decisions. podlift explain CODE tells more. Workload, source and subject take * and ?.",
        f"schema: {DECISIONS}",
        "answers:",
    ]
    for code, group in groupby(asked, key=lambda q: q.code):
        lines += ["", *_block(code, list(group))]
    return "\n".join(lines) + "\n"


def _block(code: Code, asked: list[Question]) -> list[str]:
    blocks = "; nothing is written for the workload until it is answered" if code.blocking else ""
    lines = [f"# == {code.name}: {one_line(code.about)}{blocks}"]
    if code.todo:
        lines.append(f"#    {one_line(code.todo)}")
    if len(asked) > 1 and asked[0].answerable and code.answer is Answer.CHOICE:
        lines += [
            f"# for all {len(asked)} at once:",
            *(f"# {each}" for each in answer_lines(asked[0], everywhere=True)),
        ]
    for question in asked:
        lines.append(f"# {one_line(_said(question))}")
        lines += [f"# {each}" for each in answer_lines(question)]
        if not question.answerable:
            lines.append(f"#   no answer settles this: {one_line(question.todo or 'put right what it names')}")
    return lines


def _said(question: Question) -> str:
    who = question.workload or "outside every workload"
    where = f" ({question.where})" if question.where else ""
    return f"{who}: {question.why}{where}"

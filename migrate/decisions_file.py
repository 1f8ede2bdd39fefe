"""decisions.yaml: answers and overrides, each answer of the type that its code takes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import Any

from converters.decisions import Answered, Decisions, Override
from converters.errors import PodliftError
from converters.fields.catalogue import CATALOGUE
from converters.fields.codes import Answer, Code, Kind
from converters.quantity import parse

from .documents import Document
from .documents import Path as Place
from .input_file import body, read_checked
from .schemas.checking import nearest, refuse

CODE = "bad-decisions"
# An RFC 1123 subdomain: what most objects may be called.
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")


def load_decisions(path: Path | str, *, name_as: str = "") -> Decisions:
    """The decisions in a file.

    Raises PodliftError ``bad-decisions`` with file, line and key for a code that does not exist or takes no answer,
    an answer that is none of its options or not of its type, and a malformed override; ``cannot-read``; and what
    parsing raises.
    """
    document = read_checked(path, "decisions", code=CODE, name_as=name_as)
    given = body(document)
    _refuse_two_names(document, given.get("overrides") or ())
    return Decisions(
        # The name and not the way to it: it stands in the plan, which is the same wherever it is made.
        file=PurePath(document.name).name,
        answers=tuple(_answer(document, n, row) for n, row in enumerate(given.get("answers") or ())),
        overrides=tuple(_override(document, n, row) for n, row in enumerate(given.get("overrides") or ())),
        secrets=tuple(given.get("secrets", ())),
        not_secrets=tuple(given.get("notSecrets", ())),
    )


def _answer(document: Document, n: int, row: dict[str, Any]) -> Answered:
    place: Place = ("answers", n)
    code = CATALOGUE.get(row["code"])
    if code is None:
        known = [each.name for each in CATALOGUE.values() if takes_answer(each)]
        refuse(document, (*place, "code"), CODE, f"there is no code {row['code']!r}", nearest(row["code"], known))
    if not takes_answer(code):
        step = code.todo or "podlift explain lists the codes that take an answer"
        refuse(document, (*place, "code"), CODE, f"{code.name} takes no answer", step)
    if "source" in row and "subject" in row:
        step = "name the source path of a verdict, or the subject of a finding"
        refuse(document, (*place, "subject"), CODE, "source and subject both stand here", step)
    answer = _written(row["answer"])
    fault = fault_of(code, answer)
    if fault:
        refuse(document, (*place, "answer"), CODE, fault, how_to_answer(code))
    return Answered(
        workload=row.get("workload", "*"),
        code=code.name,
        about=row.get("source", row.get("subject", "*")),
        answer=answer,
        line=document.line(place),
    )


def takes_answer(code: Code) -> bool:
    return code.kind is not Kind.ERROR and (code.answer is not Answer.NONE or bool(code.options))


def fault_of(code: Code, answer: str) -> str:
    """What is wrong with an answer to this code, ``""`` if nothing is."""
    words = [value for value, _ in code.options]
    if answer in words or code.answer is Answer.TEXT:
        return "" if answer.strip() else "the answer is empty"
    if code.answer in (Answer.CHOICE, Answer.NONE):
        return f"{answer!r} is none of the options"
    if code.answer is Answer.SIZE:
        return _not_a_size(answer)
    if code.answer is Answer.NUMBER:
        return "" if answer.isascii() and answer.isdigit() else f"{answer!r} is no whole number"
    return "" if _is_name(answer) else f"{answer!r} is no Kubernetes name"


def how_to_answer(code: Code) -> str:
    """One sentence on what may stand as the answer."""
    types = {
        Answer.TEXT: "a text",
        Answer.SIZE: "an amount such as 10Gi or 500m",
        Answer.NUMBER: "a whole number",
        Answer.NAME: "a name of lower-case letters, digits, dashes and dots",
    }
    ways = [types[code.answer]] if code.answer in types else []
    ways += [value for value, _ in code.options]
    return f"write {' or '.join(ways)}; podlift explain {code.name} says what they mean"


def _written(value: Any) -> str:
    """An answer as a text: YAML reads ``true`` and ``80`` as what they are."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _not_a_size(answer: str) -> str:
    try:
        amount = parse(answer)
    except PodliftError:
        return f"{answer!r} is no amount"
    return "" if amount > 0 else f"{answer!r} is not more than nothing"


def _is_name(answer: str) -> bool:
    return len(answer) <= 253 and _NAME.fullmatch(answer) is not None


def _refuse_two_names(document: Document, rows: Sequence[dict[str, Any]]) -> None:
    """Two overrides of one workload may not both say its name or its namespace."""
    said: dict[tuple[str, str], int] = {}
    for n, row in enumerate(rows):
        for key in ("name", "namespace"):
            if not row.get(key):
                continue
            first = said.setdefault((row["workload"], key), n)
            if first != n:
                line = document.line(("overrides", first, key))
                reason = f"the {key} of {row['workload']} is overridden already, on line {line}"
                refuse(document, ("overrides", n, key), CODE, reason, "keep one of the two")


def _override(document: Document, n: int, row: dict[str, Any]) -> Override:
    place: Place = ("overrides", n)
    if ("object" in row) != ("patch" in row):
        missing = "patch" if "object" in row else "object"
        refuse(document, place, CODE, f"object and patch belong together, and {missing} is missing", f"add {missing}:")
    if not {"name", "namespace", "object"} & set(row):
        refuse(document, place, CODE, "this override changes nothing", "add name:, namespace:, or object: and patch:")
    return Override(
        workload=row["workload"],
        name=row.get("name", ""),
        namespace=row.get("namespace", ""),
        object=row.get("object", ""),
        patch=row.get("patch"),
        line=document.line(place),
    )

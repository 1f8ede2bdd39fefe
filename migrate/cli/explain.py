"""``podlift explain``"""

from __future__ import annotations

import json
from importlib.resources import files
from textwrap import fill
from typing import Any

import click

from converters.fields.catalogue import CATALOGUE, explain
from converters.fields.codes import Code, Kind

from ..decisions_file import how_to_answer, takes_answer
from ..report.questions import Question, answer_lines, typed_options
from ..report.table import table
from .command import Command, Session, pass_session


@click.command("explain", cls=Command, formats=("table", "json", "yaml", "name"))
@click.argument("code", required=False)
@click.option("--decision", is_flag=True, help="Only how to answer: the lines to paste into decisions.yaml.")
@click.option("--roles", is_flag=True, help="Only the roles that commands need on a cluster, for kubectl apply -f -.")
@pass_session
def command(session: Session, code: str | None, decision: bool, roles: bool) -> None:
    """Explain a code and how to answer it.

    Codes stand in square brackets behind verdicts, findings and errors. Without CODE: all of them; with --decision
    those that take an answer.
    """
    if roles:
        _print_roles(session)
        return
    if code is None:
        _list(session, [c for c in CATALOGUE.values() if takes_answer(c) or not decision])
        return
    found = explain(code)
    if session.output in ("json", "yaml"):
        session.data(_encoded(session, {"schema": "podlift.dev/code/v1", **_body(found)}))
    elif session.output == "name":
        session.data(f"{found.name}\n")
    elif decision:
        session.data(_answers(found))
    else:
        session.data(_told(found))


def _list(session: Session, codes: list[Code]) -> None:
    if session.output in ("json", "yaml"):
        session.data(_encoded(session, {"schema": "podlift.dev/codes/v1", "codes": [_body(code) for code in codes]}))
    elif session.output == "name":
        session.data("".join(f"{code.name}\n" for code in codes))
    else:
        session.data(table(("CODE", "KIND", "", "WHAT"), [(c.name, c.kind.value, _marks(c), c.about) for c in codes]))


def _print_roles(session: Session) -> None:
    folder = files("migrate") / "cluster" / "roles"
    texts = [each.read_text(encoding="utf-8") for each in sorted(folder.iterdir(), key=lambda file: file.name)]
    if session.output not in ("json", "name"):
        session.data("---\n".join(texts))
        return
    import yaml

    bodies = [yaml.safe_load(text) for text in texts]
    if session.output == "json":
        session.data(_encoded(session, {"apiVersion": "v1", "kind": "List", "items": bodies}))
    else:
        session.data("".join(f"{each['kind']}/{each['metadata']['name']}\n" for each in bodies))


def _marks(code: Code) -> str:
    marks = (("blocks", code.blocking), ("drops", code.drop), ("answer", takes_answer(code)))
    return ",".join(word for word, holds in marks if holds)


def _told(code: Code) -> str:
    lines = [f"{code.name} ({code.kind.value})", "", fill(_sentence(code.about), 100)]
    if code.todo:
        lines += ["", fill(f"To do: {code.todo}.", 100)]
    if code.blocking:
        lines += ["", "While undecided, nothing is written for the workload."]
    elif code.chosen:
        lines += ["", f"While undecided, {code.chosen} is used."]
    if code.drop:
        lines += ["", "On the published list of drops: the setting has no counterpart and is not in the manifests."]
    if takes_answer(code):
        lines += ["", "To answer:", "", _answers(code).rstrip()]
    return "\n".join(lines) + "\n"


def _answers(code: Code) -> str:
    """Lines of decisions.yaml, ready to paste."""
    if not takes_answer(code):
        return f"# {code.name} takes no answer. {_sentence(code.todo)}\n"
    about = "SOURCE" if code.kind is Kind.FIELD else "SUBJECT"
    question = Question(
        workload="WORKLOAD",
        code=code,
        key=about.lower(),
        about=about,
        where="",
        why="",
        todo=code.todo,
        options=typed_options(code),
    )
    lines = ["answers:", f"# one of these; {about.lower()} may be left out, and * and ? are wild"]
    return "\n".join((*lines, *answer_lines(question))) + "\n"


def _body(code: Code) -> dict[str, Any]:
    return {
        "code": code.name,
        "kind": code.kind.value,
        "about": code.about,
        "todo": code.todo,
        "blocking": code.blocking,
        "drop": code.drop,
        "answer": code.answer.value,
        "howToAnswer": how_to_answer(code) if takes_answer(code) else "",
        "options": [{"value": value, "meaning": meaning} for value, meaning in code.options],
        "chosen": code.chosen,
    }


def _encoded(session: Session, value: dict[str, Any]) -> str:
    if session.output == "json":
        return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    from ..plan.yaml import emit

    return emit(value)


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}." if text else ""

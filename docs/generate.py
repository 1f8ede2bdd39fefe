"""Writes the pages of docs/reference that are data: ``python -m docs.generate``, or with ``--check``."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from converters.fields.api_version import as_numbers
from converters.fields.catalogue import CATALOGUE
from converters.fields.codes import Answer, Code, Kind
from converters.fields.container_table import CONTAINER_ROWS
from converters.fields.engine_api import KEYS, NEWEST, OLDEST
from converters.fields.other_tables import IMAGE_ROWS, NETWORK_ROWS, VOLUME_ROWS
from converters.fields.podman_table import PODMAN_ROWS
from converters.fields.row import Role, Row
from converters.objects.controller_table import controllers_page
from docs.differences_page import differences_page
from docs.files_page import files_page
from docs.preflight_page import preflight_page

REFERENCE = Path(__file__).parent / "reference"
_TABLES = (
    ("Containers", "container", CONTAINER_ROWS),
    ("Containers, as Podman prints them", "", PODMAN_ROWS),
    ("Volumes", "volume", VOLUME_ROWS),
    ("Networks", "network", NETWORK_ROWS),
    ("Images", "image", IMAGE_ROWS),
)
_RULES = {
    "@name-only": "a name alone, of a variable that the image has not",
    "@assigned-hostname": "the start of the ID; on the host's network, the host's name",
    "@derived-swap": "twice the memory limit",
    "@cgroup-namespace": "what the engine's cgroup version implies",
    "@no-user-namespaces": "`host`, where the engine maps no users",
    "@default-runtime": "the engine's default runtime",
    "@default-log-driver": "the engine's default driver",
    "@idle-security-option": "what the engine adds itself, and names of defaults",
    "@usual-masked-paths": "the engine's own list",
    "@usual-readonly-paths": "the engine's own list",
    "@restarts-never": "`no`",
    "@hollow": "nothing in it but empty values",
    "@network-of-mode": "the network that NetworkMode names",
    "@own-name": "the container's own name and short ID",
    "@anonymous-volume": "the engine's mark of an anonymous volume",
    "@usual-bridge-option": "what the engine writes for every bridge",
    "@podman-env": "what Podman injects",
    "@podman-annotation": "Podman's own",
}


_FIELDS_HEAD = f"""\
# Every field of Docker's documents

What an engine prints, from Engine API {OLDEST} to {NEWEST} and before, and where it goes. A field that no row names is
`unknown-field`, and asked about.

- **field**: keys joined by dots; `[…]` stands for a key that the user chose: each is a field of its own.
- **API**: the versions that have it. **unset**: values, beside null and an empty one, at which nobody set it.
- **code**: the usual verdict's, see [codes](codes.md). **case**: in `tests/cases`, shows it.
- **seen by**: the facts of a running container that show it (`*` is any part, `{{key}}` the key that the user
  chose, `{{KEY}}` in capitals), or why it is seen from outside only.
  [Equivalence](../explanation/equivalence.md) says how they are observed.
- *inherited*: no verdict where it equals the image's own, which a pod takes from the image as well.

A field that only tells what the engine observed or assigned is evidence and gets no verdict; neither does one that
repeats another, as long as the two agree."""


def pages() -> dict[str, str]:
    """File name to text of every generated page."""
    return {
        "fields.md": fields_page(),
        "codes.md": codes_page(),
        "controllers.md": controllers_page(),
        "files.md": files_page(),
        "differences.md": differences_page(),
        "preflight.md": preflight_page(),
    }


def fields_page() -> str:
    lines = [_FIELDS_HEAD]
    for title, kind, rows in _TABLES:
        lines += ["", f"## {title}", ""]
        configured = [row for row in rows if row.role is Role.CONFIG]
        if configured:
            lines += ["| field | API | unset | code | case | seen by |", "|---|---|---|---|---|---|"]
            lines += [_field_line(row, kind) for row in configured]
        for role, said in ((Role.MIRROR, "Repeats another field"), (Role.OBSERVED, "Evidence")):
            names = [_quoted(row.pattern) for row in rows if row.role is role]
            if names:
                lines += ["", f"{said}: {', '.join(names)}."]
    return "\n".join(lines) + "\n"


def _field_line(row: Row, kind: str) -> str:
    unset = [f"`{value!r}`" if isinstance(value, str) else f"`{value}`" for value in row.usual if value != ""]
    unset += [_RULES[rule] for rule in row.rules]
    if row.inherits:
        unset.append("*inherited*")
    cells = (
        _quoted(row.pattern),
        versions(row, kind),
        ", ".join(unset),
        f"[{row.code}](codes.md#{row.code})",
        row.case,
        row.seen_by
        if row.seen_by.startswith("outside")
        else ", ".join(f"`{fact}`" for fact in row.seen_by.split(", ")),
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def versions(row: Row, kind: str) -> str:
    """The versions that have a row's keys: ``1.25 to 1.51``; ``before 1.18`` for a key that no reference has."""
    plain = _plain(row.pattern)
    spans = [span for key, span in KEYS.get(kind, {}).items() if f"{_plain(key)}.".startswith(f"{plain}.")]
    if not spans:
        return "" if not kind else f"before {OLDEST}"
    since = min((span[0] for span in spans), key=as_numbers)
    ends = [span[1] for span in spans]
    until = "" if None in ends else max((end for end in ends if end), key=as_numbers)
    first = "" if since == OLDEST else since
    if until:
        return f"to {until}" if not first else first if first == until else f"{first} to {until}"
    return f"from {first}" if first else "all"


def _plain(pattern: str) -> str:
    made, depth = "", 0
    for character in pattern.replace(".*", ""):
        depth += (character == "[") - (character == "]")
        if not depth and character != "]":
            made += character
    return made


def _quoted(pattern: str) -> str:
    made, depth = "", 0
    for character in pattern:
        depth += (character == "[") - (character == "]")
        if depth and character != "[":
            continue
        made += "[…" if character == "[" else character
    return f"`{made}`"


def codes_page() -> str:
    lines = [
        "# Codes",
        "",
        "Every verdict, finding, error and row of preflight has one. `podlift explain CODE` says the same.",
        "",
        "- **blocks**: while it is undecided, the workload gets no manifests.",
        "- **drop**: it is on the list of drops: the setting has no counterpart and reaches no manifest.",
        "- **answer**: what decisions.yaml may answer; *for now* marks what is used until somebody does.",
    ]
    for title, kind in (
        ("Verdicts on fields", Kind.FIELD),
        ("Findings", Kind.FINDING),
        ("Errors", Kind.ERROR),
        ("Rows of preflight", Kind.PREFLIGHT),
    ):
        lines += ["", f"## {title}"]
        for code in sorted((c for c in CATALOGUE.values() if c.kind is kind), key=lambda c: c.name):
            lines += ["", f"### {code.name}", "", *_code_lines(code)]
    lines += ["", "## The list of drops", "", ", ".join(_drops()) + ".", ""]
    lines += ["## What blocks", "", ", ".join(_blocking()) + "."]
    return "\n".join(lines) + "\n"


def _drops() -> Iterable[str]:
    return (f"[{c.name}](#{c.name})" for c in sorted(CATALOGUE.values(), key=lambda c: c.name) if c.drop)


def _blocking() -> Iterable[str]:
    return (f"[{c.name}](#{c.name})" for c in sorted(CATALOGUE.values(), key=lambda c: c.name) if c.blocking)


_TYPES = {Answer.TEXT: "a text", Answer.SIZE: "a size", Answer.NUMBER: "a number", Answer.NAME: "a name"}


def _code_lines(code: Code) -> Iterator[str]:
    marks = [mark for mark, on in (("blocks", code.blocking), ("drop", code.drop)) if on]
    yield _sentence(code.about) + (f" ({', '.join(marks)})." if marks else ".")
    if code.todo:
        yield ""
        yield f"To do: {code.todo}."
    answers = [f"`{value}`{' *for now*' if value == code.chosen else ''}: {meaning}" for value, meaning in code.options]
    if code.answer in _TYPES:
        answers.insert(0, _TYPES[code.answer])
    if answers:
        yield ""
        yield "Answer:"
        yield ""
        yield from (f"- {answer}" for answer in answers)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def stale(folder: Path = REFERENCE) -> list[str]:
    """Pages whose file is not what the data give."""
    return [name for name, text in pages().items() if _read(folder / name) != text]


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def main() -> None:
    old = stale()
    if "--check" in sys.argv[1:]:
        sys.exit(f"stale: {', '.join(old)}; run python -m docs.generate" if old else 0)
    REFERENCE.mkdir(exist_ok=True)
    for name in old:
        (REFERENCE / name).write_text(pages()[name], encoding="utf-8")
        print(f"wrote {REFERENCE / name}")


if __name__ == "__main__":
    main()

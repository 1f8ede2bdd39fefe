"""A file of the user's: read, one document, checked against its schema. Every fault is one PodliftError."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from converters.errors import PodliftError

from .documents import Document, parse_documents
from .schemas import schema
from .schemas.checking import check


def read_bytes(path: Path | str, *, what: str = "a file") -> bytes:
    """The bytes of a file. Raises PodliftError ``cannot-read`` for a missing, unreadable or special file."""
    file = Path(path)
    try:
        return file.read_bytes()
    except IsADirectoryError as error:
        raise _unread(file, f"this is a directory, and {what} is due", "give a file") from error
    except FileNotFoundError as error:
        raise _unread(file, "there is no such file", "check the path; -C says from where it counts") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise _unread(file, f"it cannot be read: {reason.lower()}", "give a path that can be read") from error


def read_checked(path: Path | str, name: str, *, code: str, name_as: str = "") -> Document:
    """The one document of a file, checked against the schema ``name``; an empty file is an empty map.

    ``name_as``: what messages call the file. Raises PodliftError ``code`` and what reading and parsing raise.
    """
    called = name_as or str(path)
    data = read_bytes(path, what=f"a {name} file")
    try:
        documents = parse_documents(data, name=called)
    except PodliftError as error:
        if error.code != "empty-document":
            raise
        documents = (Document(name=called, value=None),)
    if len(documents) > 1:
        raise PodliftError(
            code=code,
            phase="read",
            subject=f"{documents[1].where()}",
            reason=f"a second document begins here, and a {name} file holds one",
            next_step="put all into one document, without ---",
        )
    document = documents[0]
    if document.value is None:
        document = Document(name=document.name, value={}, marks=document.marks)
    check(document, schema(name), code=code)
    return document


def body(document: Document) -> dict[str, Any]:
    """The document's map; it was checked to be one."""
    value = document.value
    if not isinstance(value, dict):
        raise TypeError(f"{document.name}: not checked")
    return value


def _unread(file: Path, reason: str, next_step: str) -> PodliftError:
    return PodliftError(code="cannot-read", phase="read", subject=str(file), reason=reason, next_step=next_step)

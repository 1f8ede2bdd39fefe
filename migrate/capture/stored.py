"""Documents of a capture on disk, parsed when they are gone through.

Parsed, the documents of ten thousand containers take some hundred megabytes, and whoever reads them needs one host's
at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, overload

from converters.errors import PodliftError

Documents = Sequence[Mapping[str, Any]]


class StoredDocuments(Sequence[Mapping[str, Any]]):
    """Equal to any sequence of equal documents. Each look reads all of them anew: whoever looks more than once makes a
    tuple of them first.

    Raises PodliftError where the files are no longer what they were when the capture was read.
    """

    def __init__(self, number: int, read: Callable[[], Documents]) -> None:
        self._number = number
        self._read = read

    def __len__(self) -> int:
        return self._number

    @overload
    def __getitem__(self, at: int) -> Mapping[str, Any]: ...
    @overload
    def __getitem__(self, at: slice) -> Documents: ...
    def __getitem__(self, at: int | slice) -> Mapping[str, Any] | Documents:
        return self._look()[at]

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        return iter(self._look())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    __hash__ = None  # type: ignore[assignment]

    def _look(self) -> Documents:
        try:
            return self._read()
        except OSError as error:
            raise cannot_read(error, str(error.filename)) from error


def cannot_read(error: OSError, path: str) -> PodliftError:
    return PodliftError(
        code="cannot-read",
        phase="read",
        subject=str(error.filename or path),
        reason=f"it cannot be read: {(error.strerror or str(error)).lower()}",
        next_step="give a path that can be read",
    )

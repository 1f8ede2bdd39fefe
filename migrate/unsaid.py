"""What others say without what is secret in it: a program, a server or a library may repeat what it was given."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from urllib.parse import quote, quote_plus, unquote, urlsplit

from converters.secrecy import WITHHELD

Hide = Callable[[str], str]
"""From others' words to what may be said of them. Asked before they are cut or changed: half a secret is one too."""

# A shorter one stands in too many words by chance.
_SHORTEST = 6


def as_said(text: str) -> str:
    """A Hide where there is no secret."""
    return text


def hiding(names: Iterable[str]) -> Hide:
    """Hides what these environment variables hold, however it is spelled: whole, a word of it or a part of a URL in it,
    quoted, in a URL, in capitals. A value under six characters is hidden where it stands by itself."""
    chosen = tuple(names)

    def hide(text: str) -> str:
        # each time anew, as what is sent is
        held = _held(tuple(os.environ.get(name, "") for name in chosen))
        return held.sub(WITHHELD, text) if held is not None else text

    return hide


@lru_cache(maxsize=8)
def _held(values: tuple[str, ...]) -> re.Pattern[str] | None:
    long, short = set[str](), set[str]()
    for value in filter(None, map(str.strip, values)):
        if len(value) < _SHORTEST:
            short.add(rf"(?<!\w){re.escape(value)}(?!\w)")
        for part in _parts(value):
            long |= {re.escape(each) for each in _spelled(part) if len(each) >= _SHORTEST}
    # the longest first: of two that begin alike the rest of one would be left
    found = (*sorted(long, key=lambda each: (-len(each), each)), *sorted(short))
    return re.compile("|".join(found), re.IGNORECASE) if found else None


def _parts(value: str) -> Iterator[str]:
    """What others may say of it alone: a token without its ``Bearer``, a line of a key, the path of a URL."""
    yield value
    for word in value.split():
        yield word
        if "://" not in word:
            continue
        try:
            url = urlsplit(word)
        except ValueError:
            continue
        user, _, host = url.netloc.rpartition("@")
        yield from (user, user.partition(":")[2], host, host.partition(":")[0])
        yield from (url.path.strip("/"), *url.path.split("/"), url.query, *re.split("[&=]", url.query))


def _spelled(part: str) -> set[str]:
    quoted = {json.dumps(part)[1:-1], json.dumps(part, ensure_ascii=False)[1:-1], repr(part)[1:-1]}
    quoted |= {repr(part.encode())[2:-1], quote(part), quote(part, safe=""), quote_plus(part)}
    return {part, unquote(part), *quoted}

"""What names, labels, ports and amounts may be: each check yields what is wrong, nothing for what is legal.

Sources: apimachinery/pkg/util/validation, apimachinery/pkg/api/resource.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from .. import quantity
from ..errors import PodliftError

LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", re.ASCII)
SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*", re.ASCII)
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?", re.ASCII)
_KEY_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?", re.ASCII)


def labels(given: Mapping[str, Any]) -> Iterator[str]:
    for key, value in given.items():
        if not is_key(key):
            yield f"label {key!r} is no key"
        if not isinstance(value, str) or not _LABEL_VALUE.fullmatch(value):
            yield f"label {key} has no label's value: {value!r}"


def is_key(key: str) -> bool:
    prefix, slash, name = key.rpartition("/")
    return _KEY_NAME.fullmatch(name) is not None and (
        not slash or (len(prefix) <= 253 and SUBDOMAIN.fullmatch(prefix) is not None)
    )


def twice(names: Iterable[str], what: str) -> Iterator[str]:
    for name, count in Counter(names).items():
        if count > 1:
            yield f"{what} {name} {count} times"


def port_range(port: int, what: str) -> Iterator[str]:
    if not 1 <= port <= 65535:
        yield f"{what} {port} is not from 1 to 65535"


def amount(value: object, what: str, *, positive: bool = False) -> Iterator[str]:
    found = parsed(value)
    if found is None:
        yield f"{what}: {value!r} is no quantity"
    elif found < 0 or (positive and not found):
        yield f"{what}: {value!r} is {'not positive' if positive else 'negative'}"


def parsed(value: object) -> Decimal | None:
    """The amount, None for what is no quantity."""
    try:
        return quantity.parse(str(value))
    except PodliftError:
        return None

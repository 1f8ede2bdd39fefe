"""Until when a certificate or a token is good: read from what they say, to tell a person which of them is over."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import UTC, datetime

_UTC_TIME, _GENERALIZED_TIME = 0x17, 0x18


def moment(text: str) -> float:
    """Seconds since the epoch of an RFC 3339 time; 0 for what is none."""
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return 0.0


def certificate_ends(pem: bytes) -> float:
    """Seconds since the epoch when the first certificate of a PEM ends; 0 where that cannot be read."""
    _, _, rest = pem.partition(b"-----BEGIN CERTIFICATE-----")
    body, _, _ = rest.partition(b"-----END CERTIFICATE-----")
    try:
        der = base64.b64decode(b"".join(body.split()), validate=True)
        return _not_after(der)
    except (binascii.Error, ValueError, IndexError):
        return 0.0


def token_ends(authorization: str) -> float:
    """The same of a bearer token that is a JWT; 0 for another, and for one without an end."""
    parts = authorization.removeprefix("Bearer ").split(".")
    if len(parts) != 3:
        return 0.0
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        return float(claims.get("exp", 0))
    except (binascii.Error, ValueError, AttributeError, TypeError):
        return 0.0


def _not_after(der: bytes) -> float:
    """Certificate > tbsCertificate > [version], serial, algorithm, issuer, validity > notBefore, notAfter ."""
    _, start, _ = _element(der, 0)
    _, at, _ = _element(der, start)
    tag, _, after = _element(der, at)
    if tag == 0xA0:
        _, _, after = _element(der, after)
    for _ in ("algorithm", "issuer"):
        _, _, after = _element(der, after)
    _, at, _ = _element(der, after)
    _, _, after = _element(der, at)
    tag, begin, end = _element(der, after)
    shape = {_UTC_TIME: "%y%m%d%H%M%SZ", _GENERALIZED_TIME: "%Y%m%d%H%M%SZ"}[tag]
    return datetime.strptime(der[begin:end].decode("ascii"), shape).replace(tzinfo=UTC).timestamp()


def _element(der: bytes, at: int) -> tuple[int, int, int]:
    """An element's tag, where its content begins and where it ends."""
    tag, length, at = der[at], der[at + 1], at + 2
    if length & 0x80:
        many = length & 0x7F
        length, at = int.from_bytes(der[at : at + many], "big"), at + many
    if at + length > len(der):
        raise ValueError("cut off")
    return tag, at, at + length

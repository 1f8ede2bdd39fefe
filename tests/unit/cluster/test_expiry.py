"""Until when certificates and tokens are good, as they say it themselves."""

from __future__ import annotations

import base64
import json
import subprocess
from datetime import UTC, datetime

import pytest

from migrate.cluster.expiry import certificate_ends, moment, token_ends


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[bytes, str]]:
    """Of two lengths, whose ends are written in two ways: the certificate, and what openssl says of it."""
    made = {}
    for days in ("30", "20000"):
        folder = tmp_path_factory.mktemp("certificate")
        file = folder / "c.pem"
        new = ["-newkey", "rsa:2048", "-keyout", str(folder / "k.pem"), "-out", str(file)]
        subprocess.run(
            ["openssl", "req", "-x509", "-nodes", "-days", days, "-subj", "/CN=x", "-config", "/dev/null", *new],
            check=True,
            capture_output=True,
        )
        said = subprocess.run(
            ["openssl", "x509", "-in", str(file), "-noout", "-enddate"], check=True, capture_output=True, text=True
        ).stdout
        made[days] = file.read_bytes(), said.strip().removeprefix("notAfter=")
    return made


@pytest.mark.parametrize("days", ["30", "20000"])
def test_a_certificate(certificates: dict[str, tuple[bytes, str]], days: str) -> None:
    """As openssl reads it; what stands before the PEM and after it is passed over."""
    pem, said = certificates[days]
    expected = datetime.strptime(said, "%b %d %H:%M:%S %Y GMT").replace(tzinfo=UTC).timestamp()
    assert certificate_ends(pem) == expected
    assert certificate_ends(b"subject=x\n" + pem + pem) == expected


def test_no_certificate(certificates: dict[str, tuple[bytes, str]]) -> None:
    """Whatever stands there, it is no error: wherever it is cut off the end is simply not known."""
    pem, _ = certificates["30"]
    lines = pem.splitlines()
    for count in range(1, len(lines) - 2):
        cut = b"\n".join([*lines[:count], lines[-1]])
        assert certificate_ends(cut) in {0.0, certificate_ends(pem)}
    for other in (b"", b"no PEM", b"-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----"):
        assert certificate_ends(other) == 0


def jwt(claims: object) -> str:
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"Bearer e30.{body}.c2ln"


def test_a_token() -> None:
    """A JWT says when it ends; others do not."""
    assert token_ends(jwt({"exp": 1700000000})) == 1700000000
    others = (
        "",
        "Bearer opaque",
        "Basic YTpi",
        "Bearer a.b.c",
        jwt([1]),
        jwt({"exp": "soon"}),
        jwt({"exp": None}),
        jwt({}),
    )
    assert [token_ends(each) for each in others] == [0] * len(others)


def test_a_moment() -> None:
    """As plugins write it."""
    assert moment("2023-11-14T22:13:20Z") == 1700000000
    assert moment("soon") == 0

"""What is secret: names on a published list of patterns, URLs with a password, PEM blocks, and the user's word.

A name is taken apart into words (``DB_PASSWORD``, ``dbPassword`` and ``db-password`` are all DB and PASSWORD), so
that COMPASS is not PASS and TOKENIZER not TOKEN. What a name says *about* a secret is not one: TOKEN_TTL,
PASSWORD_MIN_LENGTH, PASSWORD_FILE (a path), SECRET_NAME, a value that is true, false or empty.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

from .decisions import Decisions

WITHHELD = "podlift:withheld"
"""The value that a redacted capture has in place of each environment value: ``NAME=podlift:withheld``."""

WITHHELD_AS_IMAGE = "podlift:withheld-as-image"
"""The same for a container's value that was equal to its image's: no setting of the container, whatever it was."""

SECRET_WORDS: tuple[str, ...] = (
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "PASS",
    "PWD",
    "PW",
    "SECRET",
    "SECRETS",
    "TOKEN",
    "TOKENS",
    "CREDENTIAL",
    "CREDENTIALS",
    "CREDS",
    "APIKEY",
    "APITOKEN",
    "AUTHKEY",
    "HTPASSWD",
    "JWT",
    "BEARER",
    "SALT",
    "PEPPER",
    "DSN",
)
"""Words that make a name secret wherever they stand in it; SECRET_PHRASES are words in this order."""

SECRET_PHRASES: tuple[tuple[str, ...], ...] = (
    ("API", "KEY"),
    ("ACCESS", "KEY"),
    ("ACCESS", "KEY", "ID"),
    ("ACCOUNT", "KEY"),
    ("AUTH", "KEY"),
    ("CLIENT", "KEY"),
    ("CONNECTION", "STRING"),
    ("DEPLOY", "KEY"),
    ("ENCRYPTION", "KEY"),
    ("HMAC", "KEY"),
    ("LICENSE", "KEY"),
    ("MASTER", "KEY"),
    ("PRIVATE", "KEY"),
    ("SECRET", "ID"),
    ("SERVICE", "ACCOUNT", "JSON"),
    ("SESSION", "KEY"),
    ("SIGNING", "KEY"),
    ("SSH", "KEY"),
    ("STORAGE", "KEY"),
    ("WEBHOOK", "URL"),
)

HARMLESS_ENDINGS: frozenset[str] = frozenset(
    {
        "AGE",
        "ALGORITHM",
        "ATTEMPTS",
        "BYTES",
        "CHARS",
        "CLASS",
        "COUNT",
        "DAYS",
        "DIR",
        "DIRECTORY",
        "ENABLED",
        "ENDPOINT",
        "EXPIRATION",
        "EXPIRES",
        "EXPIRY",
        "FIELD",
        "FILE",
        "FILENAME",
        "FORMAT",
        "HEADER",
        "HOURS",
        "ID",
        "INTERVAL",
        "ISSUER",
        "LENGTH",
        "LIFETIME",
        "LIMIT",
        "LOCATION",
        "MAX",
        "METHOD",
        "MIN",
        "MINUTES",
        "MODE",
        "NAME",
        "NAMES",
        "PATH",
        "POLICY",
        "PREFIX",
        "PROVIDER",
        "REFRESH",
        "REQUIRED",
        "RETRIES",
        "ROTATION",
        "ROUNDS",
        "SECONDS",
        "SIZE",
        "STORE",
        "SUFFIX",
        "TIMEOUT",
        "TTL",
        "TYPE",
        "URI",
        "URL",
        "USER",
        "USERNAME",
        "VALIDITY",
        "VERSION",
    }
)
"""Last words that make a name speak about a secret. A URL that carries a password is caught by its value."""

# Words that a name may run together with another: PGPASSWORD, AUTHTOKEN.
_SECRET_TAILS = ("PASSWORD", "PASSWD", "PASSPHRASE", "SECRET", "TOKEN", "APIKEY")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_URL_PASSWORD = re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s/:@]*:(?P<password>[^\s/@]+)@", re.IGNORECASE)
_PEM = re.compile(r"-----BEGIN [A-Z0-9 ]*(PRIVATE KEY|CERTIFICATE)[A-Z ]*-----")
_OPTION = re.compile(r"""(?<![^\s'"])--?(?P<name>[A-Za-z][\w.-]*)(?:=|\s+)['"]?(?P<value>[^\s'"]+)""")
_ASSIGNMENT = re.compile(r"""(?<![^\s'";&|])(?P<name>[A-Za-z_]\w*)=['"]?(?P<value>[^\s'"]+)""")
# Another option, a variable, a file.
_ELSEWHERE = re.compile(r"[-$/<]|\./")
_PLAIN = re.compile(r"(?i)(true|false|yes|no|on|off|none|null|\d{1,4})?")
_SHORTEST = 6
_REFERABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")


def is_secret(name: str, value: str, decisions: Decisions | None = None) -> bool:
    """Whether an environment variable's value must go to a Secret. The user's word counts before the patterns; of two
    words, ``not_secrets`` counts."""
    if decisions is not None:
        if any(_glob(pattern).fullmatch(name) for pattern in decisions.not_secrets):
            return False
        if any(_glob(pattern).fullmatch(name) for pattern in decisions.secrets):
            return True
    return secret_value(value) or _told_by_name(name, value)


def secret_value(value: str) -> bool:
    """Whether a value tells by itself that it is secret: a URL with a password, a PEM block."""
    return ("://" in value and _URL_PASSWORD.search(value) is not None) or (
        "-----BEGIN" in value and _PEM.search(value) is not None
    )


def without_secrets(name: str, value: str) -> str:
    """The value of an option (of a log driver, of a volume) without what is secret in it: the whole where its name
    says so, one of ``username=u,password=p``, or the password of a URL. No object needs it."""
    if _told_by_name(name, value) or ("-----BEGIN" in value and _PEM.search(value)):
        return WITHHELD
    words = [word.partition("=") for word in value.split(",")]
    if any(_told_by_name(key, inner) for key, _, inner in words):
        value = ",".join(f"{k}={WITHHELD}" if _told_by_name(k, v) else f"{k}{given}{v}" for k, given, v in words)
    return _URL_PASSWORD.sub(lambda match: match[0].replace(f":{match['password']}@", f":{WITHHELD}@"), value)


def _told_by_name(name: str, value: str) -> bool:
    return _secret_name(name) and not _PLAIN.fullmatch(value)


def secrets_within(text: str, known: Mapping[str, str]) -> tuple[str, ...]:
    """Names of the known secrets (name to value) whose value stands in ``text``, and ``a URL with a password`` or
    ``a PEM block`` where one stands there by itself. Values under six characters stand in too many texts by chance."""
    found = [name for name, value in known.items() if len(value) >= _SHORTEST and value in text]
    passwords = [password for value in known.values() for password in _passwords(value)]
    if match := _URL_PASSWORD.search(text):
        if not any(known[name] in text for name in found):
            found.append("a URL with a password")
        passwords = [password for password in passwords if password != match["password"]]
    if "-----BEGIN" in text and _PEM.search(text):
        found.append("a PEM block")
    if any(len(password) >= _SHORTEST and password in text for password in passwords) and not found:
        found.append("the password of a URL")
    return tuple(found)


def referable(known: Mapping[str, str]) -> dict[str, str]:
    """Of known secrets (variable to value) those that a text can refer to: long enough to be told apart, and of a name
    that ``$(NAME)`` can hold."""
    return {n: value for n, value in known.items() if len(value) >= _SHORTEST and _REFERABLE.fullmatch(n)}


def secret_options(text: str) -> tuple[str, ...]:
    """Names of options and assignments of a command line that hold a secret by their name: ``--password=x``,
    ``--api-token x``, ``DB_PASSWORD=x run``. What stands for a value from elsewhere (``$PASSWORD``) or for a file
    is none."""
    given = [match for pattern in (_OPTION, _ASSIGNMENT) for match in pattern.finditer(text)]
    found = [m["name"] for m in given if not _ELSEWHERE.match(m["value"]) and _told_by_name(m["name"], m["value"])]
    return tuple(dict.fromkeys(found))


def masked(text: str, known: Iterable[str]) -> str:
    """The text with :data:`WITHHELD` in place of known secret values, of passwords in URLs and of PEM blocks."""
    values = {value for each in known for value in (each, *_passwords(each)) if len(value) >= _SHORTEST}
    for value in sorted(values, key=lambda each: (-len(each), each)):
        text = text.replace(value, WITHHELD)
    if "://" in text:
        text = _URL_PASSWORD.sub(lambda found: found[0].replace(f":{found['password']}@", f":{WITHHELD}@"), text)
    return WITHHELD if "-----BEGIN" in text and _PEM.search(text) else text


def _passwords(value: str) -> Iterable[str]:
    return (match["password"] for match in _URL_PASSWORD.finditer(value)) if "://" in value else ()


@lru_cache(maxsize=8192)
def _secret_name(name: str) -> bool:
    words = tuple(word.upper() for word in _WORD.findall(name))
    if not words:
        return False
    if words[-1] in HARMLESS_ENDINGS and not _phrase_ends(words):
        return False
    if words == ("PWD",):
        return False
    if any(word in SECRET_WORDS or word.endswith(_SECRET_TAILS) for word in words):
        return True
    return any(
        words[at : at + len(phrase)] == phrase
        for phrase in SECRET_PHRASES
        for at in range(len(words) - len(phrase) + 1)
    )


def _phrase_ends(words: tuple[str, ...]) -> bool:
    return any(words[-len(phrase) :] == phrase for phrase in SECRET_PHRASES)


@lru_cache(maxsize=512)
def _glob(pattern: str) -> re.Pattern[str]:
    return re.compile("".join(".*" if c == "*" else "." if c == "?" else re.escape(c) for c in pattern), re.DOTALL)

"""What is secret, and where a secret value stands in clear."""

import pytest

from converters.decisions import Decisions
from converters.secrecy import WITHHELD, is_secret, secret_options, secret_value, secrets_within, without_secrets

PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    "name",
    [
        "PASSWORD",
        "DB_PASSWORD",
        "dbPassword",
        "db-password",
        "MYSQL_ROOT_PASSWORD",
        "POSTGRES_PASSWORD",
        "REDIS_PASS",
        "PGPASSWORD",
        "API_KEY",
        "apiKey",
        "STRIPE_APIKEY",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "SECRET_KEY_BASE",
        "JWT_SECRET",
        "GITHUB_TOKEN",
        "VAULT_TOKEN",
        "OAUTH_CLIENT_SECRET",
        "PRIVATE_KEY",
        "SSH_PRIVATE_KEY",
        "GOOGLE_CREDENTIALS",
        "SENTRY_DSN",
        "ENCRYPTION_KEY",
        "PASSWORD_SALT",
        "SLACK_WEBHOOK_URL",
        "CONNECTION_STRING",
        "AZURE_STORAGE_KEY",
        "SECRET_ID",
    ],
)
def test_a_name_on_the_list_is_secret(name: str) -> None:
    """However its words are joined."""
    assert is_secret(name, "c0rrect-h0rse")


@pytest.mark.parametrize(
    "name",
    [
        "TOKEN_TTL",
        "PASSWORD_MIN_LENGTH",
        "PASSWORD_FILE",
        "DB_PASSWORD_FILE",
        "SECRET_NAME",
        "TOKEN_URL",
        "JWT_ISSUER",
        "TOKENIZER",
        "COMPASS",
        "PASSENGER_APP_ENV",
        "KEYBOARD",
        "MONKEY",
        "AUTHOR",
        "LOG",
        "PATH",
        "PWD",
        "OLDPWD",
        "SECRETARY",
        "BYPASS",
        "PRIMARY_KEY_COLUMN",
        "KEYCLOAK_REALM",
        "PASSWORD_POLICY",
        "AWS_REGION",
        "TOKENS_PER_MINUTE_LIMIT",
        "PASSIVE_PORTS",
        "CREDENTIALS_PATH",
    ],
)
def test_a_name_that_speaks_about_a_secret_is_none(name: str) -> None:
    """Nor one that only has the letters."""
    assert not is_secret(name, "c0rrect-h0rse")


@pytest.mark.parametrize("value", ["", "true", "no", "off", "30", "none"])
def test_a_switch_or_a_small_number_is_no_secret(value: str) -> None:
    """USE_TOKEN=true tells nobody anything."""
    assert not is_secret("USE_TOKEN", value)


@pytest.mark.parametrize(
    ("value", "secret"),
    [
        ("postgres://web:s3cret@db/app", True),
        ("redis://:s3cret@cache:6379/0", True),
        ("amqp://queue:5672/", False),
        ("http://user@host/path", False),
        ("http://host/a:b@c", False),
        (PEM, True),
        ("-----BEGIN CERTIFICATE-----\nMIIB", True),
        ("plain", False),
    ],
)
def test_a_value_may_tell_by_itself(value: str, *, secret: bool) -> None:
    """A URL with a password, a PEM block."""
    assert secret_value(value) is secret
    assert is_secret("BACKEND", value) is secret


def test_the_users_word_counts_before_the_patterns() -> None:
    """And of two words, the one that opens."""
    decisions = Decisions(secrets=("LICENCE_*", "X"), not_secrets=("PUBLIC_TOKEN", "X"))
    assert is_secret("LICENCE_TEXT", "abcdefgh", decisions)
    assert not is_secret("PUBLIC_TOKEN", "abcdefgh", decisions)
    assert not is_secret("X", "abcdefgh", decisions)
    assert is_secret("DB_PASSWORD", "abcdefgh", decisions)


def test_a_known_secret_is_found_in_a_text_by_its_name() -> None:
    """And one that stands there alone by what it is."""
    known = {"DB_PASSWORD": "hunter22", "SHORT": "abc", "DATABASE_URL": "pg://web:letmein1@db/x"}
    assert secrets_within("serve --password hunter22", known) == ("DB_PASSWORD",)
    assert secrets_within("serve --abc", known) == ()
    assert secrets_within("dump pg://web:letmein1@db/x", known) == ("DATABASE_URL",)
    assert secrets_within("psql -W letmein1", known) == ("the password of a URL",)
    assert secrets_within("get ftp://a:bcdefg@h/", known) == ("a URL with a password",)
    assert secrets_within(f"echo {PEM}", known) == ("a PEM block",)
    assert secrets_within("", known) == ()


def test_options_are_kept_without_what_is_secret_in_them() -> None:
    """Of a log driver and of a volume: by the option's name, by the name within it, by a URL."""
    assert without_secrets("splunk-token", "A1B2C3D4E5") == WITHHELD
    assert without_secrets("o", "username=web,password=hunter22,vers=3.0") == (
        f"username=web,password={WITHHELD},vers=3.0"
    )
    assert without_secrets("fluentd-address", "tcp://u:hunter22@logs:24224") == f"tcp://u:{WITHHELD}@logs:24224"
    assert without_secrets("o", "addr=192.0.2.1,rw,nfsvers=4") == "addr=192.0.2.1,rw,nfsvers=4"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("web --password=hunter2 --port 80", ("password",)),
        ("web --api-token hunter2", ("api-token",)),
        ("sh -c PGPASSWORD='hunter2' psql -U web", ("PGPASSWORD",)),
        ("web --password $PASSWORD --token=${TOKEN} --secret $(cat /run/s)", ()),
        ("web --password-file=/run/secrets/db --token /run/token --secret ./s", ()),
        ("web --no-password --verbose --auth-token --debug", ()),
        ("web --token true --tokens-per-second 500", ()),
    ],
)
def test_options_that_are_secret_by_their_name(text: str, names: tuple[str, ...]) -> None:
    """A value in clear, not one from elsewhere, a file or a switch."""
    assert secret_options(text) == names

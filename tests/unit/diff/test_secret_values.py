"""The key for comparing secrets, and what it makes of them."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from converters.errors import PodliftError
from migrate.diff.hiding import hidden
from migrate.diff.secret_values import hmac_key, sealed


def test_the_key_is_made_once(tmp_path: Path) -> None:
    """For its owner alone, and ignored by git."""
    key = hmac_key(tmp_path)
    assert len(key) == 32
    assert hmac_key(tmp_path) == key
    folder = tmp_path / ".podlift"
    assert stat.S_IMODE((folder / "hmac.key").stat().st_mode) == 0o600
    assert (folder / ".gitignore").read_text() == "*\n"
    assert sorted(each.name for each in folder.iterdir()) == [".gitignore", "hmac.key"]


def test_a_key_that_is_none(tmp_path: Path) -> None:
    """Cut off, or where nothing can be written: an error that says what to do."""
    (tmp_path / ".podlift").mkdir()
    (tmp_path / ".podlift" / "hmac.key").write_bytes(b"short")
    with pytest.raises(PodliftError) as caught:
        hmac_key(tmp_path)
    assert caught.value.code == "cannot-read"
    (tmp_path / "file").write_text("")
    with pytest.raises(PodliftError) as caught:
        hmac_key(tmp_path / "file")
    assert caught.value.code == "cannot-write"


def test_equal_values_have_equal_hashes() -> None:
    """However they are written; not with another key, and not at another place."""
    one = {"kind": "Secret", "metadata": {"name": "s"}, "data": {"p": "aHVudGVyMg==", "q": "aHVudGVyMg=="}}
    other = {"kind": "Secret", "metadata": {"name": "s"}, "stringData": {"p": "hunter2"}}
    made = sealed(one, b"k" * 32)["data"]
    assert sealed(other, b"k" * 32)["data"]["p"] == made["p"]
    assert sealed(one, b"l" * 32)["data"]["p"] != made["p"]
    assert made["p"] != made["q"]
    assert "hunter2" not in repr(made)


def test_secrets_in_clear_are_not_repeated() -> None:
    """A variable's value, a URL's password, a Secret's data."""
    container = {
        "env": [{"name": "DB_PASSWORD", "value": "hunter2"}, {"name": "MODE", "value": "fast"}],
        "args": ["--db", "postgres://app:hunter2@db/x"],
    }
    text = repr(hidden({"spec": container, "kind": "Pod"}))
    assert "hunter2" not in text
    assert "fast" in text
    assert hidden({"kind": "Secret", "data": {"p": "aHVudGVyMg=="}})["data"] == {"p": "(secret)"}

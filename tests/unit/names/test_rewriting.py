"""Old host names are rewritten where they are hosts, and reported where they may be words."""

from __future__ import annotations

import pytest

from converters.rewriting import rewriter

REWRITE = rewriter({"my_db": "my-db", "cache": "cache.shop"})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("postgres://u:p@my_db:5432/x", "postgres://u:p@my-db:5432/x"),
        ("http://my_db/x", "http://my-db/x"),
        ("my_db", "my-db"),
        ("my_db:5432,other:5432", "my-db:5432,other:5432"),
        ("cache", "cache.shop"),
        ("--upstream=my_db:80", "--upstream=my-db:80"),
        ("host=my_db", "host=my-db"),
    ],
)
def test_hosts_are_rewritten(text: str, expected: str) -> None:
    """URL, host:port, the whole value, an item of a list, an option's value."""
    assert REWRITE(text).text == expected
    assert REWRITE(text).done


@pytest.mark.parametrize("text", ["use the cache now", "cache-control", "/var/cache/x", "my_db_old:5432", "cached"])
def test_words_are_left(text: str) -> None:
    """A word that only looks like the name is not touched."""
    assert REWRITE(text).text == text


def test_a_word_that_may_be_the_name_is_reported() -> None:
    """In running text nobody can tell: it is said, not changed."""
    assert REWRITE("warm the cache first").seen == ("cache",)
    assert not REWRITE("cache-control").seen


def test_what_a_workload_calls_itself_is_left_where_it_stands_alone() -> None:
    """APP_NAME=my_app is a word; in an address it is the host, whoever's it is."""
    rewrite = rewriter({"my_app": "my-app"}, {"my_app"})
    assert rewrite("my_app").text == "my_app"
    assert rewrite("my_app").seen == ("my_app",)
    assert rewrite("http://my_app/x my_app:80").text == "http://my-app/x my-app:80"

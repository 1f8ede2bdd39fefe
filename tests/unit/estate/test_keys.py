"""What a grouping key finds again."""

from __future__ import annotations

from typing import Any

import pytest

from converters.estate.keys import matcher

SHOP: dict[str, Any] = {"Labels": {"project": "shop", "service": "web"}, "Env": ["JOB=report/periodic-17", "EMPTY="]}


@pytest.mark.parametrize(
    ("key", "config", "found"),
    [
        ("label:project=shop,label:service=web", SHOP, True),
        ("label:project=shop,label:service=api", SHOP, False),
        ("label:project=shop,label:none=web", SHOP, False),
        ("label:project=sho", SHOP, False),
        ("label:project=s.op", SHOP, False),
        ("env:JOB=report/periodic-*", SHOP, True),
        ("env:JOB=report/periodic-*", {"Env": ["JOB=other/periodic-17"]}, False),
        ("env:JOB=report/periodic-17,env:EMPTY=", SHOP, True),
        ("env:project=shop", SHOP, False),
        ("label:project=shop", {"Labels": None, "Env": None}, False),
        ("name:web([-_.]?\\d+)?", {}, True),
        ("name:we", {}, False),
        ("", SHOP, False),
        ("config:web", SHOP, False),
    ],
)
def test_keys(key: str, config: dict[str, Any], found: bool) -> None:
    assert matcher(key)("web-2", config) is found

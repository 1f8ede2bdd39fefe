"""The harness of the cases can fail: a case that says nothing, or something else than what comes out, is found out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cases.harness import check_expectations, load, outcome

CASE: dict[str, Any] = {
    "about": "a plain container",
    "containers": [{"Config": {"WorkingDir": "/srv"}}],
    "expect": {"verdicts": {"Config.WorkingDir": "exact working-dir"}},
}


def folder(at: Path, **changes: Any) -> Path:
    (at / "case.yaml").write_text(yaml.safe_dump(CASE | changes), encoding="utf-8")
    return at


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"expect": {}}, "expects nothing"),
        ({"about": ""}, "what the case shows"),
        ({"contaners": []}, "nobody reads contaners"),
        ({"expect": {"verdict": {}}}, "nobody reads verdict"),
        ({"hosts": {"h1": {"place": "ams"}}}, "nobody reads place"),
        ({"expect": {"blocked": ["binds"]}}, "binds is no code"),
    ],
)
def test_a_case_that_says_nothing_or_what_nobody_reads_is_refused(
    tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    """A slip of the pen must not make a case pass."""
    with pytest.raises(AssertionError, match=said):
        load(folder(tmp_path, **changes))


@pytest.mark.parametrize(
    ("expect", "said"),
    [
        ({"kinds": ["Deployment/web"]}, "not expected"),
        ({"objects": {"Deployment/api": {"spec.replicas": 1}}}, "Deployment/api is not made"),
        ({"objects": {"Deployment/web": {"spec.replicas": 2}}}, "1, 2 is due"),
        ({"objects": {"Deployment/web": {"spec.paused": True}}}, "nothing, True is due"),
        ({"absent": ["Deployment/web:spec.replicas"]}, "nothing is due"),
        ({"absent": ["Deployment/web"]}, "Deployment/web is made"),
        ({"absent": ["Deployment/api:spec"]}, "says nothing"),
        ({"verdicts": {"Config.WorkingDir": "dropped working-dir"}}, "is due"),
        ({"verdicts": {"Config.WorkingDir": None}}, "nothing is due"),
        ({"verdicts": {"Config.User": "exact user"}}, "none, exact user is due"),
        ({"defaulted": {"Deployment/web:spec.replicas": "replicas"}}, "defaulted"),
        ({"findings": ["web two-digests image"]}, "is due"),
        ({"blocked": ["bind"]}, "blocked by"),
        ({"excluded": {"h1/container/web": "old"}}, "excluded"),
        ({"extras": ["rule.yaml"]}, "extras"),
        ({"error": "inspect-image"}, "no error"),
    ],
)
def test_each_expectation_can_fail(tmp_path: Path, expect: dict[str, Any], said: str) -> None:
    """Each on a container that does not meet it."""
    case = load(folder(tmp_path, expect=expect))
    with pytest.raises((AssertionError, pytest.fail.Exception), match=said):
        check_expectations(case, outcome(tmp_path))


def test_what_holds_passes(tmp_path: Path) -> None:
    """The case itself."""
    check_expectations(load(folder(tmp_path)), outcome(tmp_path))

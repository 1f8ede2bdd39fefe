"""Nothing vanishes: the invariant on documents that people published, and on such as nobody ever wrote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from converters.capture import Capture, HostDocuments
from converters.decisions import Answered, Decisions
from converters.errors import PodliftError
from converters.fields.container_table import CONTAINER_ROWS
from converters.fields.row import Role
from converters.target import Target
from converters.workload import Host
from migrate.plan.making import Made, plan_with_sources
from tests.inspect_documents import ENGINE, container, image, with_sample
from tests.invariant import faults
from tests.schemas import assert_valid

FILES = Path(__file__).resolve().parents[4] / "shared" / "data" / "inspect"
# What lets a workload with many questions be written, so that its manifests can be looked at.
ANSWERS = {
    "bind": "emptyDir",
    "volume-size": "1Gi",
    "volume-driver": "emptyDir",
    "volumes-from": "drop",
    "device": "drop",
    "sysctl-unsafe": "drop",
    "pod-security": "drop",
    "user-unresolved": "1000",
    "image-local-only": "reg.example/pushed:1",
    "mount-unsupported": "drop",
    "restricted-demands": "comply",
    "system-paths-refused": "drop",
}
ROWS = [row for row in CONTAINER_ROWS if row.role is Role.CONFIG]


def planned(documents: list[dict[str, Any]], target: Target, *, images: bool = True, answered: bool = True) -> Made:
    host = HostDocuments(
        host=Host(name="h1"),
        engine=ENGINE if images else None,
        containers=tuple(documents),
        images=(image(),) if images else (),
    )
    answers = tuple(Answered(code=code, answer=text, line=n) for n, (code, text) in enumerate(ANSWERS.items(), 1))
    decisions = Decisions(answers=answers if answered else ())
    return plan_with_sources(Capture(hosts=(host,)), target=target, decisions=decisions)


@pytest.mark.skipif(not FILES.is_dir(), reason="the public inspect files lie outside of the repository")
@pytest.mark.parametrize("answered", [False, True], ids=["asked", "answered"])
@pytest.mark.parametrize("path", sorted(FILES.glob("*.json")), ids=lambda path: path.stem)
def test_every_public_file(path: Path, answered: bool) -> None:
    """Refused with one clear error, or every field accounted for and every manifest legal."""
    found = json.loads(path.read_text(encoding="utf-8"))
    documents = found if isinstance(found, list) else [found]
    try:
        made = planned(documents, Target(), images=False, answered=answered)
    except PodliftError as error:
        assert error.code.startswith("inspect-")  # noqa: PT017 (whether it is refused, test_public_files says)
        return
    assert faults(made) == []
    assert_valid(each for _, each in (*made.plan.objects, *made.plan.secrets))


@st.composite
def documents_of_many_fields(draw: st.DrawFn) -> dict[str, Any]:
    made = container()
    for row in draw(st.lists(st.sampled_from(ROWS), min_size=1, max_size=25, unique_by=lambda row: row.pattern)):
        made = with_sample(made, row)
    return made


TARGETS = st.builds(
    Target,
    version=st.sampled_from([(1, 31), (1, 34), (1, 37)]),
    pod_security=st.sampled_from(["privileged", "baseline", "restricted"]),
    isolation=st.sampled_from(["none", "networkpolicy"]),
    gates=st.sampled_from([frozenset(), frozenset({"ContainerStopSignals", "ImageVolume"})]),
    shares_policy=st.sampled_from(["ignore", "proportional"]),
)


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(document=documents_of_many_fields(), target=TARGETS, answered=st.booleans())
def test_any_fields_together(document: dict[str, Any], target: Target, answered: bool) -> None:
    """Fields meet that no row is proven with; still nothing vanishes, and what is written is legal."""
    made = planned([document], target, answered=answered)
    assert faults(made) == []
    version = ".".join(map(str, target.version))
    assert_valid((each for _, each in (*made.plan.objects, *made.plan.secrets)), (version,))

"""How long a run watches that what GitOps has of the workload's objects lets the Services be."""

from __future__ import annotations

from dataclasses import replace

import pytest

from migrate.cutover.preflight.gitops import watch_s
from migrate.cutover.previewing import durations
from tests.cutover.model import Model
from tests.preflight.cluster_cases import FLUX, TRACKED, application, flux, marked
from tests.preflight.seen import Change, live, spoilt

KUSTOMIZE, ARGO = "kustomize.toolkit.fluxcd.io", "argoproj.io"
THEIRS = live(marked(FLUX))


@pytest.mark.parametrize(
    ("changes", "seconds"),
    [
        ((), 0),
        ((live(flux(interval="1h"), group=KUSTOMIZE),), 0),
        ((THEIRS,), 0),
        ((THEIRS, live(flux(interval="soon"), group=KUSTOMIZE)), 0),
        ((THEIRS, live(flux(interval="10m0s"), group=KUSTOMIZE)), 1200),
        ((THEIRS, live(flux(interval="1h", suspend=True), group=KUSTOMIZE)), 7200),
        ((live(marked(annotations=TRACKED)), live(application(syncPolicy={}), group=ARGO)), 360),
    ],
    ids=["nobody's", "another's", "unread", "no duration", "Flux", "suspended", "Argo CD"],
)
def test_two_intervals_of_who_has_an_object(changes: tuple[Change, ...], seconds: float) -> None:
    assert watch_s(spoilt(*changes)) == seconds


def test_a_preview_says_so() -> None:
    spec = Model().spec()
    assert durations(replace(spec, watch_s=7200))["FRONTED"] == 7200
    assert durations(replace(spec, watch_s=1, resolved_before=True))["FRONTED"] == 1

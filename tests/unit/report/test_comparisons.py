"""Comparisons as people see them: the head, several sides, what is within long values, and a comment that fits."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from migrate.diff import Change, Comparison, Declared, Extra, Leg, ObjectDifference, Op, Said, State
from migrate.report.comparison_markdown import LIMIT, report_markdown
from migrate.report.comparison_unified import comparison_unified, report_unified
from migrate.report.comparison_views import report_head, report_table
from migrate.report.value_changes import within
from tests.plans import plan, web


def changed(name: str, *changes: Change, **more: Any) -> ObjectDifference:
    return ObjectDifference(workload="web", name=name, state=State.CHANGED, changes=changes, **more)


def legs() -> list[Comparison]:
    held = Change(op=Op.CHANGED, path="spec.replicas", old=0, new=3)
    fixed = Change(op=Op.CHANGED, path="spec.selector", old=1, new=2, recreate=True)
    taken = Change(op=Op.CHANGED, path="spec.type", old="a", new="b", owner="kubectl-edit")
    extra = Extra(path="metadata.labels.x", value="y", owner="mesh")
    return [
        Comparison(
            leg=Leg.CLUSTER,
            against="cluster prod",
            cluster="prod",
            version="v1.36.3",
            compared=9,
            objects=(
                changed("Deployment/web", held, gated=True, note="gated: waits for cutover"),
                changed("Deployment/old", fixed, taken, extras=(extra,)),
            ),
            uncompared=("2 Secrets: no values",),
        ),
        Comparison(
            leg=Leg.LEGACY,
            against="the legacy side",
            answer="Must you plan again? Yes: 1 workload new.",
            objects=(ObjectDifference(workload="shop", name="workload/shop", state=State.ADDED),),
            compared=1,
        ),
        Comparison(leg=Leg.RUNTIME, against="runtime", not_compared="edge-b1 could not be read (timed out)"),
    ]


def test_the_answer_stands_in_the_first_line() -> None:
    """Then the plan, the cluster with its version, and what was not compared and why."""
    made = plan(web())
    assert report_head(made, legs()) == [
        "Must you plan again? Yes: 1 workload new.",
        f"Plan {made.hash[:12]} of estate default: 1 workload, {len(made.objects)} objects.",
        "Cluster prod, v1.36.3.",
        "Not compared with runtime: edge-b1 could not be read (timed out)",
    ]


def test_a_section_for_each_side() -> None:
    """With owners, what must be recreated, what waits for cutover, and each side's own words."""
    shown = report_table(plan(web()), legs())
    for line in (
        "~ Deployment/web (web): differs; gated: waits for cutover",
        "~ Deployment/old (web): differs; must be recreated",
        "    ~ spec.selector: 1 -> 2 (must be recreated)",
        "    ~ spec.type: a -> b (set by kubectl-edit)",
        "    (metadata.labels.x: y, set by mesh)",
        "not compared: 2 Secrets: no values",
        "+ workload/shop: new since the plan",
    ):
        assert f"{line}\n" in shown
    same = "0 verdicts and findings differ."
    gated = f"2 changed; {same} 1 of them are gated and wait for cutover.\n"
    assert f"Diff: 9 objects compared with cluster prod: 0 added, 0 removed, {gated}" in shown
    assert f"Diff: 1 workload compared with the legacy side: 1 added, 0 removed, 0 changed; {same}\n" in shown
    assert report_unified(plan(web()), legs()).count("# Not compared with runtime") == 1


def test_a_unified_diff_says_what_it_does_not_show() -> None:
    """Fields of others with their owners, what was not compared, and the line for scripts, all of it no diff."""
    text = report_unified(plan(web()), legs())
    said = [line for line in text.splitlines() if line.startswith("# ")]
    assert "# not compared: 2 Secrets: no values" in said
    assert "# Deployment/old: spec.type, set by kubectl-edit" in said
    assert "# Deployment/old: metadata.labels.x: y, set by mesh" in said
    assert sum(line.startswith("# Diff: ") for line in said) == 2
    beside = Extra(path="metadata.annotations[mesh]", value="on", owner="mesh")
    each = ObjectDifference(workload="web", name="Deployment/web", state=State.EXTRA, extras=(beside,))
    leg = Comparison(leg=Leg.CLUSTER, against="cluster c", objects=(each,))
    assert comparison_unified(leg) == "# Deployment/web: metadata.annotations[mesh]: on, set by mesh\n"


def test_declared_differences_name_their_verdicts() -> None:
    """Told, and none to act on."""
    declared = Declared(change=Change(op=Op.CHANGED, path="env.HOST", old="a", new="b"), codes=("env-runtime",))
    each = ObjectDifference(workload="web", name="container/h/web", state=State.EXTRA, declared=(declared,))
    leg = Comparison(leg=Leg.RUNTIME, against="runtime", objects=(each,), compared=1)
    assert "    (~ env.HOST: a -> b; declared: env-runtime)\n" in report_table(plan(web()), [leg])
    assert leg.exit_code == 0


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        (
            ["serve", "--level=info", *map(str, range(30))],
            ["serve", "--level=debug", *map(str, range(30)), "--more"],
            ["~ [1]: --level=info -> --level=debug", "+ [32]: --more"],
        ),
        (
            json.dumps({"a": {"b": 1, "c": ["x" * 60]}}),
            json.dumps({"a": {"b": 2, "c": ["x" * 60]}}),
            ["~ a.b: 1 -> 2"],
        ),
        ("one\ntwo\n" + "x" * 60, "one\nTWO\n" + "x" * 60, ["- two", "+ TWO"]),
        ("short", "other", []),
        ("x" * 70, 7, []),
    ],
)
def test_what_differs_within_a_long_value(old: Any, new: Any, lines: list[str]) -> None:
    """Lists without keys, JSON in a text, lines of a file; what is short says it all itself."""
    assert within(Change(op=Op.CHANGED, path="x", old=old, new=new)) == lines


def test_many_differences_within_are_counted() -> None:
    """A few are shown."""
    found = within(Change(op=Op.CHANGED, path="x", old=["a" * 9] * 40, new=["b" * 9] * 40))
    assert len(found) == 7
    assert found[-1] == "and 34 more"


def test_the_library_is_loaded_for_such_values_alone() -> None:
    """Neither a comparison nor its report loads it."""
    program = (
        "import sys; import migrate.diff.clusters, migrate.diff.holding, migrate.report.comparison_views, "
        "migrate.report.comparison_markdown; "
        "sys.exit(any(each.split('.')[0] in ('deepdiff', 'kubernetes', 'docker') for each in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_a_comment_holds_60_000_characters() -> None:
    """Each cut is counted; every side keeps its summary, and verdicts their share."""
    fields = [Change(op=Op.CHANGED, path=f"spec.field{k}", old="a", new="b") for k in range(60)]
    objects = tuple(changed(f"Deployment/web-{n}", *fields) for n in range(200))
    said = tuple(
        Said(kind="verdict", workload=f"web-{n}", code="", about="Config.Env[A]", old="exact env", new="dropped env")
        for n in range(2000)
    )
    many = [
        Comparison(leg=Leg.PLAN, against="plan 0a1b", objects=objects, said=said, compared=200),
        Comparison(leg=Leg.DUMP, against="dump x", objects=objects[:2], compared=2),
    ]
    text = report_markdown(plan(web()), many)
    assert LIMIT * 0.9 < len(text) <= LIMIT
    assert "and 20 more" in text
    shown, cut = text.count("`Deployment/web-"), int(text.split("objects more: cut")[0].rpartition("**")[2])
    assert shown - 2 + cut == 200
    assert "verdicts and findings more: cut" in text
    assert text.count("**Diff: ") == 2
    assert "compared with dump x" in text


def test_a_reason_that_is_cut_shows_it() -> None:
    """Whoever reads it knows that there is more."""
    text = report_markdown(plan(web()), [Comparison(leg=Leg.CLUSTER, against="c", not_compared="x" * 999)])
    assert "xxx..." in text


def test_nothing_in_a_comment_is_markup() -> None:
    """What documents say mentions nobody and closes nothing."""
    evil = Change(op=Op.CHANGED, path="data.x", old="`@team` <b>", new="# **x**\n- y")
    leg = Comparison(leg=Leg.DUMP, against="dump <i>@all", objects=(changed("ConfigMap/x", evil),), compared=1)
    text = report_markdown(plan(web()), [leg])
    assert "`@team`" not in text
    assert "@all" not in text
    assert "\\<i\\>" in text

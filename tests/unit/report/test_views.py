"""What the terminal shows: the summary line that scripts rely on, rows, verdicts, questions, comparisons."""

from __future__ import annotations

from dataclasses import replace

import pytest
import yaml

from converters.fields.catalogue import CATALOGUE
from converters.fields.codes import Answer
from converters.fields.verdict import Finding, Level, Source, Verdict
from converters.target import Exposure, Target
from migrate.decisions_file import takes_answer
from migrate.diff import diff_plan
from migrate.report.comparison_markdown import report_markdown
from migrate.report.comparison_unified import comparison_unified, report_unified
from migrate.report.comparison_views import comparison_line, comparison_table, report_table
from migrate.report.questions import Question, answer_lines, questions, scalar, todo, typed_options
from migrate.report.summary import rows, summary_json, summary_line, tally_line
from migrate.report.table import table, width
from migrate.report.views import summary_view, verdicts_view
from tests.plans import plan, web


def verdict(level: Level, n: int = 0) -> Verdict:
    source = None if level is Level.DEFAULTED else Source(document="a.yml", path=f"x[{n}]", line=3)
    return Verdict(workload="web", level=level, code="env", source=source, why="a reason", todo="look")


def test_the_summary_line() -> None:
    """Its words are a contract; defaulted targets are no verdicts on fields."""
    made = replace(
        plan(web()),
        verdicts=(
            *(verdict(Level.EXACT, n) for n in range(1200)),
            *(verdict(Level.APPROXIMATED, n) for n in range(2)),
            verdict(Level.DROPPED),
            verdict(Level.UNDECIDED),
            verdict(Level.DEFAULTED),
        ),
        findings=(
            Finding(workload="web", code="acts-unasked", open=True),
            Finding(workload="web", code="shared-volume"),
        ),
    )
    assert summary_line(made) == (
        "Plan: 1 workload, 3 objects; 1,204 verdicts: 1,200 exact, 2 approximated, 1 dropped, 1 undecided; "
        "1 finding open."
    )
    assert summary_line(replace(made, unread=("h2",))).endswith("1 finding open; 1 host unread.")


def test_withheld_workloads_are_in_the_line() -> None:
    """Because nothing is written for them."""
    made = plan(web(host={"Binds": ["/srv/data:/data"]}))
    assert summary_line(made).endswith("; 1 workload withheld.")
    assert rows(made)[0].withheld == ("bind",)


def test_the_tally_line() -> None:
    """The sum of the classes is the number of leaves."""
    made = replace(
        plan(web()), tally={"leaves": 10, "present": 4, "inherited": 1, "unset": 2, "observed": 2, "mirror": 1}
    )
    assert tally_line(made).startswith("10 leaves: 4 present under ")
    assert tally_line(made).endswith("1 inherited, 2 unset, 2 observed, 1 mirror.")


def test_a_row() -> None:
    """Kind, replicas, ports, exposure and probes as they are written."""
    checked = web(Healthcheck={"Test": ["CMD", "true"]})
    made = plan(checked, target=Target(exposure=(Exposure(match="*", become="LoadBalancer"),)))
    (row,) = rows(made)
    assert (row.kind, row.replicas, row.probes, row.scaling) == ("Deployment", "1", "readiness exec", "-")
    assert "80/tcp" in row.ports
    assert "LoadBalancer" in row.exposure
    assert summary_json(made)["workloads"][0]["exposure"] == row.exposure


def test_the_summary_says_what_was_assumed() -> None:
    """Without a target; with one, nothing of it."""
    assert "No target file: Kubernetes 1.31, pod security baseline, no CRDs." in summary_view(plan(web()))
    assert "No target file" not in summary_view(plan(web(), target=Target(stated=True)))


def test_verdicts_that_lost_something_are_shown() -> None:
    """The rest with everything; the source with its line, the reason, the code, and what to do."""
    all_levels = [verdict(level, n) for n, level in enumerate(Level)]
    shown = verdicts_view(all_levels)
    assert "a.yml:3 x[4]" in shown
    assert "a reason [env]" in shown
    assert "do: look" in shown
    assert "exact" not in shown
    assert "defaulted" not in shown
    whole = verdicts_view(all_levels, everything=True)
    assert whole.index("undecided") < whole.index("dropped") < whole.index("approximated") < whole.index("exact")


def test_many_targets_are_counted() -> None:
    """Where sites are split, one field has a target in each controller; three are shown, or all with everything."""
    split = replace(verdict(Level.DROPPED), targets=tuple(f"Deployment/web-{n}:spec" for n in range(7)))
    assert "-> and 4 more; --all shows them" in verdicts_view([split])
    assert verdicts_view([split], everything=True).count("->") == 7


def test_todo_is_yaml_that_answers_nothing() -> None:
    """All of it is comments below answers:, and each answer line alone is a valid item."""
    made = plan(web("front"), web("store", host={"Binds": ["/srv/data:/data"]}))
    text = todo(made)
    assert yaml.safe_load(text) == {"schema": "podlift.dev/decisions/v1", "answers": None}
    lines = [line.removeprefix("# ") for line in text.splitlines() if line.startswith("# - {")]
    items = [yaml.safe_load(line)[0] for line in lines]
    assert {item["code"] for item in items} == {"acts-unasked", "bind", "exposure"}
    assert {"code": "acts-unasked", "answer": "no"} in items
    assert text.index("== bind") < text.index("== acts-unasked")


def test_every_question_is_in_todo() -> None:
    """As many as the summary counts."""
    made = plan(web("front"), web("store"))
    assert len(questions(made)) == made.undecided + made.open_findings
    assert f"# {len(questions(made))} open questions." in todo(made)


def test_what_config_and_engine_both_say_is_asked_once() -> None:
    """One answer settles both; two settings of one document stay two questions."""
    asks = replace(verdict(Level.UNDECIDED), code="ulimit", options=(("drop", "go without"),), why="nofile=1:1")
    config = replace(asks, source=Source(document="fleet.yml", path="services.web.ulimits[0]", line=4))
    core = replace(asks, source=Source(document="a.yml", path="HostConfig.Ulimits[core]", line=3))
    (once,) = questions(replace(plan(web()), verdicts=(asks, config), findings=()))
    assert "fleet.yml:4" in once.where
    assert len(questions(replace(plan(web()), verdicts=(asks, core), findings=()))) == 2


def test_a_typed_answer_says_what_it_is() -> None:
    """And is not offered where the options are all there is."""
    assert typed_options(CATALOGUE["user-unresolved"]) == (("", "UID or UID:GID"),)
    assert "" not in dict(typed_options(CATALOGUE["bind"]))
    assert "" not in dict(typed_options(CATALOGUE["two-digests"], (("sha256:1", "take this one"),)))


@pytest.mark.parametrize("code", [c for c in CATALOGUE.values() if takes_answer(c)], ids=lambda c: c.name)
def test_every_code_has_lines_to_paste(code) -> None:  # type: ignore[no-untyped-def]
    """Each option as YAML that says exactly this option."""
    question = Question(
        workload="a: b", code=code, key="source", about="x[#1]", where="", why="", todo="", options=typed_options(code)
    )
    items = [yaml.safe_load(line)[0] for line in answer_lines(question)]
    assert [item["answer"] for item in items] == [value for value, _ in question.options]
    assert all((item["workload"], item["source"]) == ("a: b", "x[#1]") for item in items)
    assert items or code.answer is Answer.NONE


@pytest.mark.parametrize(
    "text", ["no", "1", "a b", "", "Yes", "x: y", "*", "a#b", 'q"q', "ünï", "web-1.2/x", "-", "\u202e\x9b\U000e0001\\"]
)
def test_scalars_mean_what_they_say(text: str) -> None:
    """To any reader of YAML, inside a flow map."""
    assert yaml.safe_load(f"{{a: {scalar(text)}}}") == {"a": text}


def test_tables() -> None:
    """Aligned by what a terminal shows; control characters and line ends never reach it."""
    made = table(("A", "B"), [("日本", "x"), ("ab\x1b[2J\n", "y")])
    assert made.splitlines() == ["A        B", "日本     x", "ab [2J   y"]
    assert width("e\u0301") == 1
    assert table(("A",), []) == ""


def test_a_comparison_in_every_form() -> None:
    """The line for scripts, a table, a unified diff that patch could read, Markdown."""
    old, new = plan(web("front"), web("store")), plan(web("front", Env=["MODE=fast"]), web("shop"))
    found = diff_plan(new, old)
    line = comparison_line(found)
    assert line.startswith(f"Diff: 6 objects compared with plan {old.hash[:12]}: 3 added, 3 removed, 1 changed; ")
    shown = comparison_table(found)
    assert "~ Deployment/front (front): differs" in shown
    assert "+ Deployment/shop (shop): only in the plan" in shown
    assert "- Deployment/store (store): not in the plan" in shown
    assert shown.endswith(f"{line}\n")
    unified = comparison_unified(found)
    assert "--- a/Deployment/front\n+++ b/Deployment/front\n@@ " in unified
    assert "\n+        - name: MODE" in unified
    assert "- `Deployment/shop (shop): only in the plan`" in report_markdown(new, [found])
    assert report_table(new, [found]).startswith(f"Plan {new.hash[:12]} of estate default: 2 workloads, 6 objects.")
    assert report_unified(new, [found]).startswith(f"# Plan {new.hash[:12]} ")
    assert comparison_unified(diff_plan(new, new)) == ""

"""README.md of a plan: complete for its reviewer, within its limit, and no document can forge its markup."""

from __future__ import annotations

import re
from dataclasses import replace

from converters.fields.verdict import Finding, Level, Source, Verdict
from migrate.plan.model import Plan
from migrate.report.plan_markdown import LIMIT, plan_readme
from tests.plans import plan, web

DROP = Verdict(
    workload="web",
    level=Level.DROPPED,
    code="log-option",
    source=Source(document="h1/container/web", path="HostConfig.LogConfig.Config[tag]"),
    why="rotation is the kubelet's",
)


def test_a_reviewer_finds_everything() -> None:
    """Summary, workloads, what is withheld, open with lines to paste, dropped, findings, unread hosts."""
    made = plan(web("web"), web("store", host={"Binds": ["/srv/data:/data"]}))
    made = replace(
        made,
        verdicts=(*made.verdicts, DROP),
        unread=("h2",),
        excluded=(("h1/container/agent", "the scheduler's agent"),),
        unused_answers=("decisions.yaml:4 exposure of shop (*)",),
    )
    text = plan_readme(made)
    for title in ("Workloads", "Withheld", "Undecided", "Dropped", "Left out"):
        assert f"\n## {title}\n" in text
    assert "- **store**: `bind`" in text
    assert "- {workload: web, code: exposure" in text
    assert "rotation is the kubelet's" in text
    assert "Unread host: h2" in text
    assert "Unused answer: decisions.yaml:4" in text
    assert "the scheduler's agent" in text


def test_the_keys_of_secrets_are_listed() -> None:
    """Those that podlift makes, and those that a manifest reads and something else must hold; never a value."""
    made = plan(web(Env=["DB_PASSWORD=hunter2-of-mine"]))
    reading = {"env": [{"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "vault", "key": "token"}}}]}
    text = plan_readme(replace(made, objects=(*made.objects, ("web", {"kind": "Deployment", "spec": reading}))))
    section = text.partition("\n## Secrets\n")[2].partition("\n## ")[0]
    assert "- **web** Secret `web-env`: `DB_PASSWORD`\n" in section
    assert "- **web** Secret `vault`: `token`\n" in section
    assert "Apply what lies in `secrets/`; " in section
    assert "hunter2" not in text
    assert "## Secrets" not in plan_readme(plan(web()))
    others = plan_readme(replace(plan(web()), objects=(("web", {"kind": "Deployment", "spec": reading}),)))
    assert "Apply what lies" not in others
    assert "none lies in `secrets/`: they must be in the cluster." in others


def test_equal_drops_of_a_workload_are_one_line() -> None:
    """A hundred labels that are dropped for one reason are read once, with five of their paths."""
    many = tuple(
        replace(DROP, source=Source(document="h1/container/web", path=f"Config.Labels[{n:03}]")) for n in range(100)
    )
    text = plan_readme(replace(plan(web()), verdicts=many))
    (line,) = [line for line in text.splitlines() if "rotation" in line]
    assert "`Config.Labels[004]` and 95 more" in line


def test_what_is_said_of_many_workloads_is_one_line() -> None:
    """A label on all of them is read once, with five of their names; another path is another line."""
    many = tuple(replace(DROP, workload=f"w{n:02}") for n in range(12))
    other = replace(DROP, workload="w03", source=Source(document="h", path="Config.Labels[x]"), why="another")
    text = plan_readme(replace(plan(web()), verdicts=(*many, other)))
    (line,) = [line for line in text.splitlines() if "rotation" in line]
    assert line.startswith("- **w00, w01, w02, w03, w04 and 7 more** `HostConfig.LogConfig.Config[tag]`: ")
    assert "- **w03** `Config.Labels[x]`: another" in text


def large() -> Plan:
    base = plan(web())
    entry = base.workloads[0]
    names = [f"workload-{n:04}" for n in range(1000)]
    return replace(
        base,
        workloads=tuple({**entry, "name": name} for name in names),
        verdicts=tuple(replace(DROP, workload=name, why=f"because of {name}") for name in names),
        findings=tuple(Finding(workload=name, code="acts-unasked", subject="start", open=True) for name in names),
    )


def test_a_large_plan_is_cut_and_the_cuts_are_counted() -> None:
    """At most 60,000 characters, every section there, and shown plus left out is all."""
    text = plan_readme(large())
    assert len(text) <= LIMIT
    for title, shown in (("Workloads", r"^\| workload-"), ("Undecided", r"^- \*\*"), ("Dropped", r"^- \*\*")):
        section = text.split(f"\n## {title}\n")[1].split("\n## ")[0]
        left = re.search(r"^([\d,]+) more of 1,000 are left out here", section, re.MULTILINE)
        assert left is not None
        assert len(re.findall(shown, section, re.MULTILINE)) + int(left[1].replace(",", "")) == 1000


def test_small_sections_leave_their_room_to_large_ones() -> None:
    """A plan that is large in one respect is cut late."""
    some = replace(large(), findings=())
    section = plan_readme(some).split("\n## Dropped\n")[1]
    assert len(section) > 20_000


def test_documents_cannot_forge_markup() -> None:
    """Line ends, pipes, backticks and tags of a document stay text."""
    evil = "x\n## Approved\n| a | `b` <img src=x> **bold**"
    made = replace(plan(web()), findings=(Finding(workload=evil, code="acts-unasked", subject=evil, reason=evil),))
    text = plan_readme(made)
    assert "Approved" in text
    assert not any(line.startswith(("## Approved", "| a")) for line in text.splitlines())
    # What stands in a code span is no markup.
    outside = re.sub(r"`` .*? ``|`[^`]*`", "", text)
    assert re.findall(r"(?<!\\)(<img|\*\*bold)", outside) == []


def test_a_plan_of_nothing() -> None:
    """Says so, and has no empty sections."""
    text = plan_readme(Plan(estate="edge"))
    assert "Plan: 0 workloads, 0 objects; 0 verdicts" in text
    assert "\n## " not in text

"""The estate in fixtures/edge-estate: its plan, as a reviewer would check it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from converters.fields.verdict import Level
from migrate.capture import read_capture
from migrate.config_files import expanded, load_documents, load_mapping
from migrate.decisions_file import load_decisions
from migrate.plan.directory import write_plan
from migrate.plan.making import Made, plan_with_sources
from migrate.project import load_project
from migrate.target_file import load_target
from tests.schemas import assert_valid

ROOT = Path(__file__).resolve().parents[3]
ESTATE = ROOT / "fixtures" / "edge-estate"

# What each workload's objects are, beside its ServiceAccount: kind to number. Three sites make three controllers.
KINDS = {
    "edge-api": {"Service": 2, "Deployment": 3, "HorizontalPodAutoscaler": 3, "PodDisruptionBudget": 1, "HTTPRoute": 1},
    "edge-cache": {"Service": 2, "Deployment": 3, "PodDisruptionBudget": 1},
    "edge-certs": {"Service": 2, "CronJob": 1},
    "edge-dns": {"Service": 3, "Deployment": 3},
    "edge-firewall": {"DaemonSet": 1},
    "edge-images": {"Service": 2, "Deployment": 2, "HorizontalPodAutoscaler": 2, "PodDisruptionBudget": 1},
    "edge-ledger": {"Service": 3, "Deployment": 1, "PersistentVolumeClaim": 1},
    "edge-logs": {"Service": 1, "DaemonSet": 1},
    "edge-metrics": {"Service": 2, "DaemonSet": 1},
    "edge-purge": {"Service": 1, "Deployment": 2},
    "edge-sessions": {"Service": 3, "Deployment": 3},
    "edge-web": {"Service": 2, "Deployment": 3, "HorizontalPodAutoscaler": 3, "PodDisruptionBudget": 1, "HTTPRoute": 1},
}
CLASSES = {
    "edge-certs": "cron",
    "edge-firewall": "daemon",
    "edge-ledger": "single-writer",
    "edge-logs": "daemon",
    "edge-metrics": "daemon",
    "edge-purge": "worker",
}


@pytest.fixture(scope="module")
def made() -> Made:
    project = load_project(ESTATE)
    assert project.capture
    assert project.mapping
    assert project.target
    assert project.decisions
    files = expanded(project.configs, root=ESTATE, subject="podlift.yaml")
    capture = read_capture(project.capture)
    return plan_with_sources(
        type(capture)(hosts=capture.hosts, configs=load_documents(files, root=ESTATE), redacted=capture.redacted),
        mapping=load_mapping(project.mapping, name_as="edge.mapping.yaml"),
        target=load_target(project.target, name_as="target.yaml"),
        decisions=load_decisions(project.decisions, name_as="decisions.yaml"),
        estate=project.estate,
    )


def test_every_workload_is_converted_to_the_objects_it_should_be(made: Made) -> None:
    """None is withheld, and each has the kinds of the table."""
    assert not made.plan.withheld
    kinds: dict[str, Counter[str]] = {name: Counter() for name in KINDS}
    for workload, each in made.plan.objects:
        kinds[workload][each["kind"]] += 1
    assert kinds == {name: Counter({"ServiceAccount": 1, **own}) for name, own in KINDS.items()}
    assert {w["name"]: w["class"] for w in made.plan.workloads} == {n: CLASSES.get(n, "stateless") for n in KINDS}


def test_each_present_leaf_of_each_document_lies_under_exactly_one_verdict(made: Made) -> None:
    """The invariant over all documents: hosts' and configs', those of excluded containers apart."""
    excluded = {document for document, _ in made.estate.excluded}
    atoms = {(t.document, path) for t in made.estate.tallies if t.document not in excluded for path in t.atoms}
    # a default of the fleet is a field of every service that inherits it: one verdict for each
    said = Counter(
        (v.source.document, v.source.path, c.workload)
        for c in made.conversions
        for v in c.verdicts
        if v.source and v.source.document not in ("", "decisions.yaml")
    )
    said.update((o.document, o.path, "") for setting in made.estate.left for o in setting.origins)
    told = {(document, path) for document, path, _ in said}
    assert not atoms - told
    assert not told - atoms
    assert not [key for key, times in said.items() if times > 1]
    of_documents = Counter(key[:2] for key in said if "/container/" in key[0])
    assert set(of_documents.values()) == {1}


def test_nothing_is_unknown_and_the_mapping_leaves_nothing(made: Made) -> None:
    """No verdict on the plan stands for something that podlift did not understand or forgot."""
    codes = {v.code for v in made.plan.verdicts}
    assert not codes & {"unknown-field", "not-mapped", "forgotten"}
    assert not made.plan.unused_answers


def test_two_questions_are_open_and_block_nothing(made: Made) -> None:
    """What the README of the estate promises to show."""
    open_verdicts = {(v.workload, v.code) for v in made.plan.verdicts if v.level is Level.UNDECIDED}
    open_findings = {(f.workload, f.code) for f in made.plan.findings if f.open}
    assert open_verdicts == {("edge-cache", "ulimit")}
    assert open_findings == {("edge-web", "two-digests")}


def test_what_is_wrong_on_purpose_is_found(made: Made) -> None:
    """The old image in one site and the variable that somebody set by hand, each with both sides."""
    found = {(f.workload, f.code): f for f in made.plan.findings}
    assert len({digest for _, digest in found["edge-web", "two-digests"].sides}) == 2
    differs = found["edge-api", "instances-differ"]
    assert differs.subject == "env LOG_LEVEL"
    assert [value for document, value in differs.sides if "gru" in document] == ["debug"]


def test_both_architectures_are_one_image(made: Made) -> None:
    """One digest for amd64 and arm64, and node affinity for both."""
    (images,) = [w for w in made.estate.workloads if w.name == "edge-images"]
    assert images.containers[0].image.platforms == ("linux/amd64", "linux/arm64")
    assert len({i.image_id for i in images.instances}) == 2


def test_every_object_passes_the_strict_schemas(made: Made) -> None:
    """Of the target's version, and of the oldest and newest that podlift knows."""
    assert_valid((each for _, each in made.plan.objects), ("1.31", "1.34", "1.37"))


def test_the_plan_is_the_same_bytes_elsewhere(made: Made, tmp_path: Path) -> None:
    """Another directory, hash seed, time zone and locale change no byte."""
    elsewhere = tmp_path / "a folder" / "estate"
    shutil.copytree(ESTATE, elsewhere)
    env = {**os.environ, "PYTHONHASHSEED": "4711", "TZ": "Pacific/Chatham", "LC_ALL": "C", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "migrate.cli.main", "-C", str(elsewhere), "plan", "--out", str(tmp_path / "two")]
    subprocess.run(command, env=env, cwd=tmp_path, check=True, capture_output=True)
    write_plan(made.plan, tmp_path / "one")
    assert _files(tmp_path / "one") == _files(tmp_path / "two")


def test_no_secret_stands_in_the_reviewed_files(made: Made, tmp_path: Path) -> None:
    """The values that the engines gave are nowhere outside secrets/."""
    values = {
        env.value for w in made.estate.workloads for c in w.containers for env in c.env if env.secret and env.value
    } | set(_made_up())
    assert len(values) >= 7
    write_plan(made.plan, tmp_path / "plan")
    text = b"\n".join(data for name, data in _files(tmp_path / "plan").items() if not name.startswith("secrets/"))
    assert not [value for value in values if value.encode() in text]


def test_the_capture_names_no_machine() -> None:
    """Its documents say what they would say on a host, not where the engines ran."""
    text = "\n".join(path.read_text() for path in sorted((ESTATE / "capture").rglob("*.json")))
    assert "/var/lib/docker" in text
    assert not re.findall(r"/tmp/\S*lab|10\.99\.\d+\.\d+|/root/|/home/", text)


def _made_up() -> list[str]:
    """The secrets as the script that made the estate has them."""
    text = (ESTATE / "capture.py").read_text()
    return re.findall(r'"(?:[^"]+)#\w+": "([^"]+)"', text)


def _files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_the_demo_ends_in_a_summary_a_comparison_and_a_first_command(tmp_path: Path) -> None:
    """What `make demo` prints, without the making of its environment."""
    tools = Path(sys.executable).parent
    command = [
        "make",
        "-s",
        "-o",
        f"{tools.parent}/.installed",
        "demo",
        f"VENV={tools.parent}",
        f"DEMO={tmp_path}/demo",
    ]
    printed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    summary, comparison = printed.index("Plan: 12 workloads"), printed.index("Diff: ")
    assert summary < printed.index("Deployment/edge-ledger") < comparison
    assert "spec.maxReplicas: 12 -> 16" in printed
    assert printed.strip().splitlines()[-1].startswith("$ ")
    assert (
        not _files(tmp_path / "demo" / "plan").keys()
        - _files(tmp_path / "demo" / "earlier").keys()
        - {
            "manifests/edge-api.yaml",
            "manifests/edge-ledger.yaml",
            "extras/prometheus-adapter-edge-api.yaml",
        }
    )

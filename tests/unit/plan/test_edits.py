"""Onto a plan: an unedited one is replaced, an edit is never lost without a word, and nothing foreign is touched."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from converters.decisions import Answered, Decisions
from converters.errors import PodliftError
from converters.target import StorageClass, Target
from migrate import load_decisions
from migrate.plan.directory import differing_files, read_plan, write_plan
from tests.plan_directories import alone, edit, pasted, refused, secretive, tree
from tests.plans import plan, web


def test_an_unedited_plan_is_replaced(tmp_path: Path) -> None:
    """Files of the earlier plan that the new one does not have are gone."""
    write_plan(plan(web("web"), web("old")), tmp_path / "p")
    made = plan(web("web"), web("new"))
    assert write_plan(made, tmp_path / "p") == ""
    assert {each.name for each in (tmp_path / "p" / "manifests").iterdir()} == {"web.yaml", "new.yaml"}
    assert differing_files(made, tmp_path / "p") == ()
    assert alone(tmp_path / "p")


EDITS = {
    "manifests/web.yaml": lambda f: f.write_text(f.read_text().replace("replicas: 1", "replicas: 2")),
    "README.md": lambda f: f.write_text(f.read_text() + "looks good\n"),
    "objects.json": lambda f: f.write_text(f.read_text().replace('"replicas":1', '"replicas":2')),
    "kustomization.yaml": lambda f: f.write_text(f.read_text() + "namespace: blue\n"),
    "verdicts.json": lambda f: f.unlink(),
    "manifests/mine.yaml": lambda f: f.write_text("kind: ConfigMap\n"),
    "manifests/link": lambda f: f.symlink_to("/"),
    "plan.json": lambda f: f.write_text(f.read_text().replace('"stopTimeoutSeconds":10', '"stopTimeoutSeconds":99')),
    "secrets/web-web-env.yaml": lambda f: f.write_text(f.read_text().replace("DB_PASSWORD", "DB_PASSWORT")),
    "secrets/mine.yaml": lambda f: f.write_text("kind: Secret\n"),
}


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_is_never_lost(tmp_path: Path, name: str) -> None:
    """A file that was edited, added or removed is named, whichever it is, and all stays as it is."""
    made = plan(secretive())
    write_plan(made, tmp_path / "p")
    before = tree(tmp_path / "p")
    EDITS[name](tmp_path / "p" / name)
    assert name == "manifests/link" or tree(tmp_path / "p") != before
    error = refused(plan(secretive(), web("other")), tmp_path / "p")
    assert (error.code, error.subject) == ("plan-edited", f"{tmp_path}/p/{name}")
    assert name.startswith("manifests/web") == ("overrides:\n  - workload: web" in error.next_step)
    if not name.startswith("secrets/"):
        with pytest.raises(PodliftError, match="after planning"):
            read_plan(tmp_path / "p")


def test_a_note_in_a_manifest_is_an_edit(tmp_path: Path) -> None:
    """Values laid out in another way are none, but a comment would be lost: no override makes it."""
    made = plan(web())
    write_plan(made, tmp_path / "p")
    manifest = tmp_path / "p" / "manifests" / "web.yaml"
    as_written = manifest.read_text()
    manifest.write_text(as_written.replace("replicas: 1\n", "replicas: 1  # enough? ask again in May\n"))
    error = refused(made, tmp_path / "p")
    assert error.code == "plan-edited"
    assert "undo the change of manifests/web.yaml" in error.next_step
    manifest.write_text(yaml.safe_dump_all(yaml.safe_load_all(as_written)))
    assert write_plan(made, tmp_path / "p") == ""
    assert manifest.read_text() == as_written


def test_several_edits_are_all_told(tmp_path: Path) -> None:
    """One error: the lines for what an override can make, and what must be undone."""
    made = plan(web("web"), web("store"), web("cache"))
    write_plan(made, tmp_path / "p")
    for name in ("web", "store"):
        edit(tmp_path / "p" / "manifests" / f"{name}.yaml")
    (tmp_path / "p" / "README.md").write_text("mine")
    error = refused(made, tmp_path / "p")
    assert {each["workload"] for each in pasted(error.next_step)["overrides"]} == {"web", "store"}
    assert "manifests/web.yaml was edited" in error.reason
    assert "undo the change of README.md" in error.next_step


def test_the_lines_to_paste_make_the_edit(tmp_path: Path) -> None:
    """Pasted into decisions.yaml as they are, the next plan has the edit, and takes the edited directory's place."""
    made = plan(web())
    write_plan(made, tmp_path / "p")
    manifest = tmp_path / "p" / "manifests" / "web.yaml"
    edit(manifest)
    wanted = list(yaml.safe_load_all(manifest.read_text()))
    said = refused(made, tmp_path / "p").next_step
    decisions = tmp_path / "decisions.yaml"
    decisions.write_text("answers: [{code: acts-unasked, answer: no}]\n" + said.partition("\n")[2] + "\n")
    again = plan(web(), decisions=load_decisions(decisions))
    assert write_plan(again, tmp_path / "p") == ""
    assert list(yaml.safe_load_all(manifest.read_text())) == wanted
    assert [each for _, each in read_plan(tmp_path / "p").objects] == wanted
    assert again.unused_answers == ()


def test_lines_for_what_workloads_share(tmp_path: Path) -> None:
    """An edit of a shared object becomes an override for each workload that makes it."""
    mount: dict[str, Any] = {
        "Type": "volume",
        "Name": "media",
        "Source": "/var/lib/docker/volumes/media/_data",
        "Driver": "local",
    }
    mount |= {"Destination": "/media", "Mode": "z", "RW": True, "Propagation": ""}
    documents = [
        web(name, host={"Binds": ["media:/media"], "PortBindings": {}}) | {"Mounts": [mount]} for name in ("one", "two")
    ]
    classes = (StorageClass(name="nfs", access_modes=("ReadWriteMany",), default=True),)
    target = Target(namespace="edge", write_namespaces=True, storage_classes=classes)
    answers = (Answered(code="volume-size", answer="10Gi"),)
    made = plan(*documents, target=target, decisions=Decisions(answers=answers))
    shared = {each["kind"] for owner, each in made.objects if not owner}
    assert shared == {"Namespace", "PersistentVolumeClaim"}
    write_plan(made, tmp_path / "p")
    file = tmp_path / "p" / "manifests" / "_shared.yaml"
    file.write_text(file.read_text().replace("labels:\n", "labels:\n    reviewed: 'yes'\n"))
    wanted = list(yaml.safe_load_all(file.read_text()))
    assert all(each["metadata"]["labels"]["reviewed"] == "yes" for each in wanted)
    decisions = tmp_path / "decisions.yaml"
    decisions.write_text(refused(made, tmp_path / "p").next_step.partition("\n")[2] + "\n")
    loaded = load_decisions(decisions)
    assert {each.workload for each in loaded.overrides} == {"one", "two"}
    again = plan(*documents, target=target, decisions=replace(loaded, answers=answers))
    write_plan(again, tmp_path / "p")
    assert [each for owner, each in again.objects if not owner] == wanted


@pytest.mark.parametrize("kind", ["foreign", "file", "circle", "here", "above"])
def test_what_is_no_place_for_a_plan(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory of somebody's, a file, links in a circle, the working directory: refused, and left as they are."""
    place = tmp_path / "p"
    if kind == "file":
        place.write_text("mine")
    elif kind == "circle":
        place.symlink_to(place)
    else:
        (place / "below").mkdir(parents=True)
        if kind == "foreign":
            (place / "notes.txt").write_text("mine")
        monkeypatch.chdir({"here": place, "above": place / "below"}.get(kind, tmp_path))
    if kind == "here":
        (place / "below").rmdir()
    error = refused(plan(), place)
    assert error.code == ("cannot-write" if kind == "circle" else "plan-foreign")
    assert place.is_symlink() or place.is_dir() or place.read_text() == "mine"


def test_a_link_is_followed(tmp_path: Path) -> None:
    """What it leads to is the plan; the link stays one. An empty directory is a place too."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    write_plan(plan(), tmp_path / "link")
    write_plan(plan(web("other")), tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real" / "manifests" / "other.yaml").is_file()
    assert {each.name for each in tmp_path.iterdir()} == {"link", "real"}

"""What is said of a lab that does not stand; labs that do are in tests/cluster/test_standing_lab.py."""

from __future__ import annotations

import fcntl
import json
from pathlib import Path

import pytest

from tests.lab import slots, standing
from tests.lab.standing import LabError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """That of a lab of this checkout, of which nobody holds the lock."""
    monkeypatch.setattr(slots, "PLACE", tmp_path)
    monkeypatch.setattr(standing, "_ask_for_root", lambda _: None)
    made = tmp_path / f"{slots.STEM}7"
    made.mkdir()
    (made / slots.LOCK).touch()
    written(made, ident="default", ready=True)
    return made


def written(folder: Path, *, ident: str, ready: bool) -> None:
    state = {"checkout": str(standing.ROOT), "id": ident, "pid": 4_194_305, "name": folder.name, "ready": ready}
    (folder / "lab.json").write_text(json.dumps(state))


@pytest.mark.parametrize("ready", [True, False], ids=["stood", "came up"])
@pytest.mark.parametrize(("ident", "named"), [("default", ""), ("two", " LAB=two")])
def test_a_lab_whose_keeper_was_killed(folder: Path, ident: str, named: str, ready: bool) -> None:
    """What has happened, and the commands that mend it."""
    written(folder, ident=ident, ready=ready)
    with pytest.raises(LabError) as error:
        standing.standing(ident)
    assert str(error.value) == (
        "podlift-lab-7 stands no more: its keeper (process 4194305) has died, and all of it with it. "
        f"`make lab{named}` starts it anew, `make lab-down{named}` removes what is left on disk."
    )


def test_a_lab_that_comes_up(folder: Path) -> None:
    written(folder, ident="default", ready=False)
    with (folder / slots.LOCK).open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(LabError, match=r"^podlift-lab-7 is about to start or to end: .* `make lab-down` takes it"):
            standing.standing("default")


def test_a_lab_that_stands_and_answers_nobody(folder: Path) -> None:
    with (folder / slots.LOCK).open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = standing.standing("default")
        with pytest.raises(LabError, match=r"^podlift-lab-7 does not answer \(.*\): `make lab-down` takes it away\.$"):
            standing.parts(found)


def test_of_another_id_nothing_is_said(folder: Path) -> None:
    written(folder, ident="two", ready=True)
    with pytest.raises(LabError, match=r"^No lab 'default' stands here: `make lab` starts one\.$"):
        standing.standing("default")

"""Bad input: one clear error each, with what to do next, and never a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from migrate.cli.main import cli
from tests.plans import inspect_file, web


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    # A fault of podlift's own must fail the test, and not pass for a refusal.
    monkeypatch.setenv("PODLIFT_TRACEBACK", "1")


def refused(*args: str, stdin: bytes = b"", code: int = 1) -> str:
    """What is said on stderr; nothing is said on stdout."""
    done: Result = CliRunner().invoke(cli, ["-q", *args], input=stdin)
    assert isinstance(done.exception, SystemExit), done.exc_info
    assert done.exit_code == code, done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert "\nnext: " in done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


# Each command that reads a file of the user's, with FILE for it.
READERS = [
    ("convert", "FILE"),
    ("plan", "FILE"),
    ("plan", "h1.json", "--target", "FILE"),
    ("plan", "h1.json", "--decisions", "FILE"),
    ("plan", "h1.json", "--mapping", "FILE"),
    ("plan", "h1.json", "--hosts", "FILE"),
    ("mapping", "check", "--mapping", "FILE"),
    ("mapping", "draft", "FILE"),
    ("init", "--config", "FILE"),
]


def _hostile(kind: str) -> None:
    file = Path("hostile")
    if kind == "directory":
        file.mkdir()
    elif kind == "binary":
        file.write_bytes(bytes(range(256)) * 8)
    elif kind == "truncated":
        file.write_text('[{"Id": "1", "Config": {"Im')
    elif kind == "latin1":
        file.write_bytes("name: caf\xe9\n".encode("latin-1"))
    elif kind == "tabs":
        file.write_text("a:\n\tb: 1\n")
    elif kind == "twice":
        file.write_text("a: 1\na: 2\n")


@pytest.mark.parametrize("reader", READERS, ids=" ".join)
@pytest.mark.parametrize("kind", ["missing", "directory", "binary", "truncated", "latin1", "tabs", "twice"])
def test_hostile_files(tmp_path: Path, reader: tuple[str, ...], kind: str) -> None:
    """Every reader refuses every hostile file, and names it."""
    inspect_file(tmp_path)
    _hostile(kind)
    said = refused(*(each.replace("FILE", "hostile") for each in reader))
    assert "hostile" in said


@pytest.mark.parametrize("text", ["", "null", "[]", "42", '"text"', "{}", "[1]", '[{"Names": ["/web"], "Id": "1"}]'])
def test_what_is_no_inspect(text: str) -> None:
    """From stdin too: an empty pipe is what a failed docker inspect leaves."""
    done = CliRunner().invoke(cli, ["convert", "-"], input=text)
    assert "Traceback" not in done.stderr
    assert done.exit_code == 1
    assert done.stderr.startswith("error: ")


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As root every file may be read, so the refusal is the system's own error put in its place."""
    file = inspect_file(tmp_path)

    def denied(self: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "read_bytes", denied)
    assert "permission denied" in refused("convert", str(file))


def test_an_edited_plan(tmp_path: Path) -> None:
    """Refused with the override that keeps the edit."""
    file = str(inspect_file(tmp_path))
    assert CliRunner().invoke(cli, ["plan", file, "--out", "plan"]).exit_code == 0
    manifest = Path("plan/manifests/web.yaml")
    manifest.write_text(manifest.read_text().replace("replicas: 1", "replicas: 3"))
    said = refused("plan", file, "--out", "plan")
    assert "replicas: 3" in said
    assert "[plan-edited]" in said


def test_a_directory_that_is_no_plan(tmp_path: Path) -> None:
    """Neither written over nor shown."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("keep")
    file = str(inspect_file(tmp_path))
    assert "[plan-foreign]" in refused("plan", file, "--out", "mine")
    assert (tmp_path / "mine" / "notes.txt").read_text() == "keep"
    refused("show", "mine")
    refused("show", "nowhere")
    refused("diff", "mine", "--against", "mine", code=2)


def test_a_capture_beside_files(tmp_path: Path) -> None:
    """One or the other."""
    (tmp_path / "seen").mkdir()
    assert "[no-input]" in refused("plan", "seen", str(inspect_file(tmp_path)))


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing half-written stays."""
    file = str(inspect_file(tmp_path))

    def full(self: Path, *_text: object, **_more: object) -> int:
        raise OSError(28, "No space left on device", str(self))

    monkeypatch.setattr(Path, "write_text", full)
    assert "[cannot-write]" in refused("plan", file, "--out", "plan")
    assert not (tmp_path / "plan").exists()
    assert [each.name for each in tmp_path.iterdir()] == ["h1.json"]


@pytest.mark.parametrize("folder", ["nowhere", "h1.json", "a\0b"])
def test_a_folder_to_work_in_that_is_none(tmp_path: Path, folder: str) -> None:
    """-C is wrong usage."""
    inspect_file(tmp_path)
    refused("-C", folder, "plan", code=2)


def test_control_characters_in_names_stay_off_the_terminal(tmp_path: Path) -> None:
    """A name may not move the cursor or ring the bell."""
    from tests.plans import web

    document = web("web")
    document["Config"]["Env"] = ["A=\x1b[2J\x07"]
    document["Config"]["Labels"] = {"\x1b[31mred": "x"}
    file = str(inspect_file(tmp_path, document))
    done = CliRunner().invoke(cli, ["plan", file])
    assert done.exit_code == 0
    assert "\x1b" not in done.stdout + done.stderr
    told = CliRunner().invoke(cli, ["convert", file, "--all"])
    assert "\x1b" not in told.stdout + told.stderr


def test_hosts_beside_a_capture() -> None:
    """Which of the two is meant is not guessed: a host that is named and never read would be missing without a word."""
    Path("capture").mkdir()
    assert "a capture has its hosts" in refused("plan", "capture", "--host", "h2=unix:///run/docker.sock")


def test_no_command_prints_what_a_document_does_to_a_terminal() -> None:
    """Names, labels, commands and paths with escape sequences, on stdout and stderr of every command that shows them;
    the files of a plan hold them escaped, where a pager would obey them too."""
    evil = "/x\x1b[2J\x1b]0;title\x07\u202eabc\u2028\nFAKE: ok\r\x9b31m"
    document = web(
        evil, Labels={evil: evil, "com.docker.compose.service": evil}, Cmd=[evil], WorkingDir=f"/{evil}",
        host={"Binds": [f"/a{evil}:/b{evil}"]},
    )  # fmt: skip
    inspect_file(Path(), document, name="evil.json")
    inspect_file(Path(), web("plain"), name="plain.json")
    said = []
    for arguments in (
        "plan evil.json --out evil", "plan plain.json --out plain", "show evil --all", "show evil -o name",
        "plan evil.json -o name", "plan evil.json -o markdown", "convert evil.json --all", "plan evil.json --target x",
        "diff evil --against plain", "diff evil --against plain -o markdown", "diff evil --against plain -o unified",
        "plan plain.json --check evil", "show evil nobody", "plan evil.json evil.json",
    ):  # fmt: skip
        done = CliRunner().invoke(cli, arguments.split(), color=False)
        said.append((arguments, done.stdout + done.stderr))
    said += [(str(file), file.read_text()) for file in Path("evil").rglob("*") if file.is_file()]
    # JSON and YAML escape what is no printable character; U+2028 in JSON is text.
    obeyed = {
        name: sorted({c for c in text if not (c.isprintable() or c == "\n")})
        for name, text in said
        if not name.endswith(".json")
    }
    assert {name: found for name, found in obeyed.items() if found} == {}
    assert not any(c in text for _, text in said for c in "\x1b\x07\r")


@pytest.mark.parametrize("flag", ["-l app=web", "--server"])
def test_what_only_a_cluster_can_be_asked(flag: str) -> None:
    """No flag is passed over in silence."""
    refused("diff", "plan", "--against", "main", *flag.split(), code=2)
    assert "workloads" in refused("diff", "plan", "-l", "app", "--against", "cluster", "--against", "main", code=2)


@pytest.mark.parametrize(
    "flags",
    [
        "--host h1=unix:///run/docker.sock",
        "--hosts hosts.yaml --against cluster",
        "--config fleet.yml --against runtime",
        "--mapping mapping.yaml --against old",
    ],
)
def test_what_only_the_legacy_side_can_be_asked(flags: str) -> None:
    assert "--against" in refused("diff", "plan", *flags.split(), code=2)


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ("--timeout 2m", "--wait is not given"),
        ("--timeout 2m --dry-run server", "--wait is not given"),
        ("--wait --dry-run server", "a dry run starts nothing"),
        ("--wait --timeout 2m --dry-run client", "a dry run starts nothing"),
        ("--wait --timeout soon", "is no duration"),
        ("--wait --timeout -5", "less than none"),
        ("--stage gated --never-cut-over web", "--stage says gated"),
    ],
)
def test_flags_of_apply_that_would_do_nothing(flags: str, said: str) -> None:
    """No flag is left unheeded without a word: wrong usage, before the plan is read."""
    assert said in refused("apply", "plan", *flags.split(), code=2)


@pytest.mark.parametrize("command", ["diff", "apply"])
@pytest.mark.parametrize("name", ["Shop", "shop/..", "shop.eu", "", "a" * 64])
def test_a_name_that_no_namespace_has(command: str, name: str) -> None:
    """An API server lists nothing there and does not say why: all would be told missing."""
    assert f"{name!r} is no name that a namespace can have" in refused(command, "plan", "-n", name, code=2)

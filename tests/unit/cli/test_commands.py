"""The commands, by click's runner: help, data on stdout and talk on stderr, exit codes, errors in one form."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import jsonschema
import pytest
import yaml
from click.testing import CliRunner, Result

from migrate.capture import write_capture
from migrate.cli.main import COMMANDS, cli
from migrate.schemas import schema
from tests.plans import capture, inspect_file, web

REPO = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    # A fault of podlift's own must fail the test, and not pass for a refusal.
    monkeypatch.setenv("PODLIFT_TRACEBACK", "1")


def run(*args: str | Path, stdin: str | bytes | None = None) -> Result:
    done = CliRunner().invoke(cli, [str(arg) for arg in args], input=stdin)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exc_info
    assert "Traceback" not in done.stderr
    return done


def error(done: Result) -> tuple[str, str]:
    """The error and the next step, which is all that a failed command says."""
    first, _, rest = done.stderr.partition("\n")
    assert first.startswith("error: ")
    assert rest.startswith("next: ")
    return first, rest


# ---------------------------------------------------------------- help


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str) -> None:
    """The line in the list is the command's own first line, although listing imports none of them."""
    done = run(name, "--help")
    assert done.exit_code == 0
    first = done.stdout.split("\n\n")[1].strip().split("\n\n")[0]
    assert " ".join(first.split()) == COMMANDS[name]


@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in ("mapping", "cutover")])
def test_every_option_has_help(name: str) -> None:
    """An option that nobody explains is one that nobody uses."""
    command = cli.get_command(None, name)  # type: ignore[arg-type]
    assert command is not None
    silent = [p.name for p in command.params if p.param_type_name == "option" and not getattr(p, "help", "")]
    assert silent == []


def test_help_lists_only_what_exists() -> None:
    """No migrate yet."""
    listed = run("--help").stdout
    assert all(f"\n  {name} " in listed for name in COMMANDS)
    assert "migrate" not in listed


def test_an_unknown_command() -> None:
    """Usage errors end in 2 and say what was probably meant."""
    done = run("pln")
    assert done.exit_code == 2
    assert "did you mean plan?" in error(done)[0]


def test_a_wrong_option() -> None:
    """As usage errors do: 2, and where the help is."""
    done = run("plan", "--strictly")
    assert done.exit_code == 2
    assert error(done)[1] == "next: podlift plan --help\n" or "--help" in error(done)[1]


# ---------------------------------------------------------------- convert


def test_convert_prints_manifests_and_tells_verdicts(tmp_path: Path) -> None:
    """docker inspect web | podlift convert - : stdout parses, stderr has what was lost and the summary line."""
    done = run("convert", "-", stdin=inspect_file(tmp_path).read_bytes())
    assert done.exit_code == 0
    kinds = [each["kind"] for each in yaml.safe_load_all(done.stdout)]
    assert kinds == ["ServiceAccount", "Service", "Deployment"]
    assert "[exposure]" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("Plan: 1 workload, 3 objects; ")


def test_convert_under_strict_is_incomplete(tmp_path: Path) -> None:
    """3 while anything is undecided, 0 once all is answered."""
    file = inspect_file(tmp_path)
    assert run("convert", file, "--strict").exit_code == 3
    Path("decisions.yaml").write_text(
        "answers: [{code: exposure, answer: NodePort}, {code: acts-unasked, answer: no}]\n"
    )
    done = run("convert", file, "--strict", "--decisions", "decisions.yaml")
    assert (done.exit_code, "NodePort" in done.stdout) == (0, True)


def test_convert_keeps_secret_values_back(tmp_path: Path) -> None:
    """Values are printed only when asked for."""
    file = inspect_file(tmp_path, web(Env=["DB_PASSWORD=hunter2-of-mine"]))
    done = run("convert", file)
    assert "hunter2" not in done.stdout + done.stderr
    assert "--with-secrets" in done.stderr
    secret = next(yaml.safe_load_all(run("convert", file, "--with-secrets").stdout))
    assert base64.b64decode(secret["data"]["DB_PASSWORD"]) == b"hunter2-of-mine"


@pytest.mark.parametrize("output", ["json", "name"])
def test_convert_formats(tmp_path: Path, output: str) -> None:
    """A List for kubectl, or names."""
    done = run("convert", inspect_file(tmp_path), "-o", output, "-q")
    assert done.stderr == ""
    if output == "json":
        assert json.loads(done.stdout)["kind"] == "List"
    else:
        assert done.stdout.splitlines() == ["serviceaccount/web", "service/web", "deployment/web"]


# ---------------------------------------------------------------- plan


def test_plan_without_out_shows_the_summary_only(tmp_path: Path) -> None:
    """Nothing is written, the summary line is the last line of stdout."""
    done = run("plan", inspect_file(tmp_path))
    assert done.exit_code == 0
    assert done.stdout.splitlines()[-1].startswith("Plan: 1 workload, 3 objects; ")
    assert "No target file: Kubernetes 1.31" in done.stdout
    assert sorted(each.name for each in tmp_path.iterdir()) == ["h1.json"]


def test_plan_writes_shows_and_checks(tmp_path: Path) -> None:
    """The directory is what the inputs give, until the inputs change; then 3, with the difference."""
    file = inspect_file(tmp_path)
    assert run("plan", file, "--out", "plan").exit_code == 0
    assert run("plan", file, "--check", "plan").exit_code == 0
    inspect_file(tmp_path, web(Env=["MODE=fast"]))
    done = run("plan", file, "--check", "plan")
    assert done.exit_code == 3
    assert "plan/objects.json" in done.stdout
    assert "env" in done.stdout
    assert "MODE" in done.stdout


def test_plan_from_a_project(tmp_path: Path) -> None:
    """A bare plan in a folder with podlift.yaml works, and by -C from elsewhere."""
    folder = tmp_path / "project"
    folder.mkdir()
    inspect_file(folder)
    (folder / "podlift.yaml").write_text("inspect: ['*.json']\ntarget: target.yaml\nout: plan\n")
    (folder / "target.yaml").write_text("exposure: {'*': LoadBalancer}\n")
    done = run("-C", folder, "plan")
    assert done.exit_code == 0
    assert "LoadBalancer" in done.stdout
    assert (folder / "plan" / "plan.json").is_file()
    assert run("plan", "-C", folder, "--check").exit_code == 0
    assert Path.cwd() == tmp_path


def test_flags_override_the_project(tmp_path: Path) -> None:
    """A target on the command line counts, and not that of podlift.yaml."""
    inspect_file(tmp_path)
    Path("podlift.yaml").write_text("inspect: [h1.json]\ntarget: missing.yaml\n")
    Path("other.yaml").write_text("exposure: {'*': NodePort}\n")
    assert run("plan").exit_code == 1
    assert "NodePort" in run("plan", "--target", "other.yaml").stdout


def test_a_plan_without_an_unread_host_is_incomplete(tmp_path: Path) -> None:
    """3 with the host's name; --allow-partial makes it 0 and the plan stays marked."""
    write_capture(capture(error="connection refused"), tmp_path / "seen")
    done = run("plan", "seen", "--out", "plan")
    assert done.exit_code == 3
    assert "h2" in done.stderr
    assert "Unread host: h2" in done.stdout
    assert run("plan", "seen", "--out", "plan", "--allow-partial=h2").exit_code == 0
    assert json.loads(Path("plan/plan.json").read_text())["acceptedUnread"] == ["h2"]
    assert run("plan", "seen", "--allow-partial").exit_code == 0
    assert run("plan", "seen", "--allow-partial=h3").exit_code == 3


def test_plan_under_strict(tmp_path: Path) -> None:
    """Undecided verdicts and open findings both count."""
    file = inspect_file(tmp_path)
    assert run("plan", file, "--strict").exit_code == 3
    Path("t.yaml").write_text("exposure: {'*': NodePort}\n")
    assert run("plan", file, "--strict", "--target", "t.yaml").exit_code == 3
    Path("d.yaml").write_text("answers: [{code: acts-unasked, answer: no}]\n")
    assert run("plan", file, "--strict", "--target", "t.yaml", "--decisions", "d.yaml").exit_code == 0


@pytest.mark.parametrize("output", ["json", "yaml", "name", "markdown"])
def test_plan_formats(tmp_path: Path, output: str) -> None:
    """Data on stdout, and nothing else."""
    done = run("plan", inspect_file(tmp_path), "-o", output)
    if output == "name":
        assert done.stdout == "web\n"
    elif output == "markdown":
        assert done.stdout.startswith("# Plan of default\n")
    else:
        body = json.loads(done.stdout) if output == "json" else yaml.safe_load(done.stdout)
        assert body["schema"] == "podlift.dev/summary/v1"
        assert body["verdicts"]["undecided"] == 1


def test_progress(tmp_path: Path) -> None:
    """Plain lines without a terminal, JSON lines when asked, none under -q."""
    file = inspect_file(tmp_path)
    assert run("plan", file).stderr.splitlines()[0] == "1 of 1 hosts' documents read"
    events = [json.loads(line) for line in run("plan", file, "--progress", "json").stderr.splitlines()]
    assert events[-1] == {"stage": "convert", "done": 1, "total": 1}
    assert run("plan", file, "-q").stderr == ""


def test_todo_is_a_decisions_file(tmp_path: Path) -> None:
    """decisions.todo.yaml answers nothing as it is; a line without its # is an answer."""
    file = inspect_file(tmp_path)
    run("plan", file, "--out", "plan")
    todo = Path("plan/decisions.todo.yaml").read_text()
    Path("d.yaml").write_text(todo)
    before = run("plan", file, "--decisions", "d.yaml")
    assert "1 undecided; 1 finding open" in before.stdout
    lines = todo.splitlines()
    chosen = [
        next(n for n, line in enumerate(lines) if part in line) for part in ("answer: LoadBalancer", 'answer: "no"')
    ]
    for n in chosen:
        lines[n] = lines[n].removeprefix("# ")
    Path("d.yaml").write_text("\n".join(lines) + "\n")
    done = run("plan", file, "--decisions", "d.yaml", "--strict")
    assert done.exit_code == 0
    assert "0 undecided; 0 findings open" in done.stdout


# ---------------------------------------------------------------- show, explain, schema, diff


def test_show_a_plan(tmp_path: Path) -> None:
    """Whole, by workload, and what there is when the name is wrong."""
    run("plan", inspect_file(tmp_path), "--out", "plan")
    assert run("show", "plan").stdout.splitlines()[-1].startswith("Plan: 1 workload")
    shown = run("show", "plan", "web").stdout
    assert "grouping key" in shown
    assert "- {workload: web, code: exposure" in shown
    assert "exact" not in shown.split("exact or defaulted")[0]
    assert "exact" in run("show", "plan", "web", "--all").stdout
    assert json.loads(run("show", "plan", "web", "-o", "json").stdout)["objects"]
    wrong = run("show", "plan", "wep")
    assert (wrong.exit_code, "did you mean web?" in error(wrong)[1]) == (1, True)


def test_show_a_capture(tmp_path: Path) -> None:
    """Its hosts, or one workload's model with the place that each value came from, and no secret value."""
    write_capture(capture(web(Env=["DB_PASSWORD=hunter2-of-mine"]), error="refused"), tmp_path / "seen")
    done = run("show", "seen")
    assert "refused" in done.stdout
    assert done.stdout.splitlines()[-1] == "Capture: 2 hosts, 1 container, 0 config documents; 1 host unread."
    model = yaml.safe_load(run("show", "seen", "web").stdout)
    assert model["containers"][0]["ports"][0]["published"][0]["origins"][0]["path"].startswith(
        "HostConfig.PortBindings"
    )
    assert "hunter2" not in run("show", "seen", "web").stdout


def test_explain() -> None:
    """One code with lines to paste, all of them, and the nearest to a wrong one."""
    done = run("explain", "exposure")
    assert "A public port" in done.stdout
    assert "- {workload: WORKLOAD, code: exposure, source: SOURCE, answer: NodePort}" in done.stdout
    assert run("explain", "exposure", "--decision").stdout.startswith("answers:\n")
    assert "cannot-read" in run("explain").stdout
    assert "cannot-read" not in run("explain", "--decision").stdout
    assert json.loads(run("explain", "exposure", "-o", "json").stdout)["answer"] == "choice"
    assert "did you mean exposure?" in error(run("explain", "exposre"))[1]


def test_the_roles_are_printed() -> None:
    """For kubectl apply -f -: a wheel brings no docs."""
    names = ["podlift-apply", "podlift-cutover", "podlift-diff", "podlift-target"]
    bodies = list(yaml.safe_load_all(run("explain", "--roles").stdout))
    assert [each["metadata"]["name"] for each in bodies] == names
    assert json.loads(run("explain", "--roles", "-o", "json").stdout)["items"] == bodies
    assert run("explain", "--roles", "-o", "name").stdout.split() == [f"ClusterRole/{name}" for name in names]


def test_schema() -> None:
    """Prints what the library gives, and lists what there is."""
    assert json.loads(run("schema", "verdicts").stdout) == schema("verdicts")
    assert yaml.safe_load(run("schema", "target", "-o", "yaml").stdout) == schema("target")
    assert "comparison" in run("schema").stdout.split()


def test_diff(tmp_path: Path) -> None:
    """0 without a difference, 1 with one, 2 on an error; JSON as its schema says."""
    file = inspect_file(tmp_path)
    run("plan", file, "--out", "old")
    inspect_file(tmp_path, web(Env=["MODE=fast"]), web("store"))
    run("plan", file, "--out", "new")
    assert run("diff", "old", "--against", "old").exit_code == 0
    done = run("diff", "new", "--against", "old")
    assert done.exit_code == 1
    assert "+ Deployment/store" in done.stdout
    assert "+ spec.template.spec.containers[web].env" in done.stdout
    body = json.loads(run("diff", "new", "--against", "old", "-o", "json").stdout)
    jsonschema.validate(body, schema("comparison"))
    assert run("diff", "new", "web", "--against", "old").stdout.count("store") == 0
    assert run("diff", "new", "--against", "missing.json").exit_code == 2
    assert run("diff", "new", "nobody", "--against", "old").exit_code == 2
    unified = run("diff", "new", "--against", "old", "-o", "unified").stdout
    assert "+++ b/Deployment/web" in unified


def test_diff_with_several_sides(tmp_path: Path) -> None:
    """A section each; a side that cannot be read is told with its reason, stops no other, and makes it 2."""
    file = inspect_file(tmp_path)
    run("plan", file, "--out", "old")
    inspect_file(tmp_path, web(Env=["MODE=fast"]), web("store"))
    run("plan", file, "--out", "new")
    done = run("diff", "new", "--against", "missing.json", "--against", "old", "--against", "old")
    assert done.exit_code == 2
    assert "Not compared with missing.json: missing.json: " in done.stdout
    assert done.stdout.count("compared with plan ") == 1
    body = json.loads(run("diff", "new", "--against", "missing.json", "--against", "old", "-o", "json").stdout)
    jsonschema.validate(body, schema("comparison"))
    assert [(leg["leg"], bool(leg["notCompared"]), leg["differs"]) for leg in body["legs"]] == [
        ("dump", True, False),
        ("plan", False, True),
    ]
    assert body["exit"] == 2


def test_a_path_named_like_a_side(tmp_path: Path) -> None:
    """It is written with its folder."""
    file = inspect_file(tmp_path)
    run("plan", file, "--out", "cluster")
    assert run("diff", "cluster", "--against", "./cluster").exit_code == 0


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(shell: str) -> None:
    """A script that calls podlift back."""
    assert "_PODLIFT_COMPLETE" in run("completion", shell).stdout


def test_version() -> None:
    """By command and by option."""
    assert "podlift" in run("version").stdout
    assert "podlift" in run("--version").stdout
    assert json.loads(run("version", "-o", "json").stdout)["schema"] == "podlift.dev/version/v1"


# ---------------------------------------------------------------- init, mapping


def test_init_writes_what_is_not_there(tmp_path: Path) -> None:
    """And keeps what is: podlift.yaml parses, the draft mapping can be checked, .gitignore is only added to."""
    (tmp_path / "fleet").mkdir()
    (tmp_path / "fleet" / "web.yml").write_text("services: {web: {image: 'reg.example/web:1', instances: 2}}\n")
    Path(".gitignore").write_text("*.pyc")
    done = run("init", "--config", "fleet", "--host", "ams1=ssh://ams1.example", "--estate", "edge")
    assert done.exit_code == 0, done.stderr
    assert Path(".gitignore").read_text().splitlines()[0] == "*.pyc"
    assert "secrets/" in Path(".gitignore").read_text().splitlines()
    assert run("mapping", "check").exit_code == 0
    Path("podlift.yaml").write_text("estate: mine\n")
    again = run("init", "--config", "fleet")
    assert "kept     podlift.yaml" in again.stdout
    assert Path("podlift.yaml").read_text() == "estate: mine\n"
    assert Path(".gitignore").read_text().count("secrets/") == 1


def test_an_initialised_project_plans(tmp_path: Path) -> None:
    """What init writes is a project, without a change."""
    (tmp_path / "fleet").mkdir()
    (tmp_path / "fleet" / "web.yml").write_text("services: {web: {image: 'reg.example/web:1', instances: 2}}\n")
    run("init", "--config", "fleet")
    done = run("plan")
    assert done.exit_code == 0, done.stderr
    assert "web" in done.stdout


def test_init_names_what_is_there(tmp_path: Path) -> None:
    """An answer that lies beside podlift.yaml is used by the first plan, and so are a target and a mapping."""
    file = inspect_file(tmp_path)
    Path("decisions.yaml").write_text("answers: [{code: exposure, answer: NodePort}]\n")
    Path("target.yaml").write_text('version: "1.34"\n')
    assert run("init").exit_code == 0
    said = yaml.safe_load(Path("podlift.yaml").read_text())
    assert {key: said.get(key) for key in ("decisions", "target", "mapping")} == {
        "decisions": "decisions.yaml", "target": "target.yaml", "mapping": None,
    }  # fmt: skip
    done = run("plan", file)
    assert (done.exit_code, "NodePort" in done.stdout, "No target file" in done.stdout) == (0, True, False)
    assert "not used" not in done.stderr

    Path("podlift.yaml").unlink()
    Path("mapping.yaml").write_text("schema: podlift.dev/mapping/v1\n")
    run("init")
    assert yaml.safe_load(Path("podlift.yaml").read_text())["mapping"] == "mapping.yaml"


def test_init_tells_what_a_podlift_yaml_that_is_kept_does_not_name() -> None:
    Path("podlift.yaml").write_text("estate: mine\ntarget: target.yaml\n")
    for name in ("decisions.yaml", "target.yaml"):
        Path(name).write_text("{}\n")
    done = run("init")
    assert (done.exit_code, Path("podlift.yaml").read_text()) == (0, "estate: mine\ntarget: target.yaml\n")
    assert "kept as it is: add what it does not name yet, decisions: decisions.yaml\n" in done.stderr
    Path("podlift.yaml").write_text("estat: mine\n")
    done = run("init")
    assert (done.exit_code, "podlift.yaml:1 estat: there is no key" in done.stderr) == (0, True)


@pytest.mark.parametrize("project", ["", "estate: mine\n"], ids=["none", "silent"])
def test_plan_says_what_lies_here_and_is_not_used(tmp_path: Path, project: str) -> None:
    """With a podlift.yaml that does not name it, and without one; a flag and a key each end it."""
    file = inspect_file(tmp_path)
    if project:
        Path("podlift.yaml").write_text(project)
    Path("decisions.yaml").write_text("answers: [{code: exposure, answer: NodePort}]\n")
    Path("target.yaml").write_text('version: "1.34"\n')
    told = [line for line in run("plan", file).stderr.splitlines() if "not used" in line]
    flags, lines = "--target target.yaml --decisions decisions.yaml", "target: target.yaml, decisions: decisions.yaml"
    assert told == [f"Here and not used: target.yaml, decisions.yaml. Give {flags}, or say {lines} in podlift.yaml."]
    by_flag = run("plan", file, "--decisions", "decisions.yaml")
    assert "Here and not used: target.yaml. Give --target target.yaml, or say " in by_flag.stderr
    Path("podlift.yaml").write_text(f"{project}target: target.yaml\ndecisions: decisions.yaml\n")
    assert "not used" not in run("plan", file).stderr


def test_mapping_check_of_the_embedded_estate() -> None:
    """Per workload what was taken and what was left."""
    done = run("-C", REPO / "fixtures" / "edge-estate", "mapping", "check")
    assert done.exit_code == 0
    assert "edge-web" in done.stdout
    one = run("-C", REPO / "fixtures" / "edge-estate", "mapping", "check", "edge-web")
    assert "<-" in one.stdout
    assert run("-C", REPO / "fixtures" / "edge-estate", "mapping", "check", "nobody").exit_code == 1


def test_mapping_check_without_a_mapping() -> None:
    """Said, and how to name one."""
    done = run("mapping", "check")
    assert (done.exit_code, "mapping-missing" in error(done)[0]) == (1, True)


def test_redaction_says_what_it_leaves_in_clear(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whoever shares the capture learns on stderr where a secret still stands; the value is not said."""
    leaky = web(Env=["DB_PASSWORD=hunter2-of-mine"], Cmd=["serve", "--pw", "hunter2-of-mine"])
    monkeypatch.setattr("migrate.cli.discover.read_engines", lambda *_, **__: capture(leaky))
    done = run("discover", "--host", "h1=unix:///nowhere", "--out", tmp_path / "c", "--redact")
    assert done.exit_code == 0
    assert "h1/web: a secret stands in clear in Config.Cmd, and --redact leaves it there\n" in done.stderr
    assert "hunter2" not in done.output
    assert "in clear" not in run("discover", "--host", "h1=unix:///nowhere", "--out", tmp_path / "whole").stderr

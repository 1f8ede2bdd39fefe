"""Every file that a user writes or hands on, wrong in every way that was thought of: one error, and nothing written.

A case is the files of a folder, the command, and what its error must name. In each folder lies ``h1.json``, what
docker inspect printed of a container.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from migrate.capture import write_capture
from migrate.cli.main import cli
from tests.inspect_documents import image
from tests.plans import VERSION, capture, inspect_file, web

REPO = Path(__file__).parents[2]
MAPPING = (REPO / "fixtures" / "edge-estate" / "edge.mapping.yaml").read_text()


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(tmp_path)
    yield
    os.chdir(before)


def refused(files: Mapping[str, Any], *args: str, code: int = 1, stdin: bytes = b"") -> str:
    """What a command says that fails: one error and one next step, no traceback, no data, no file."""
    inspect_file(Path())
    for name, text in files.items():
        file = Path(name)
        file.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(text, bytes):
            file.write_bytes(text)
        else:
            file.write_text(text if isinstance(text, str) else json.dumps(text))
    before = {path: path.stat().st_mtime_ns for path in sorted(Path().rglob("*"))}
    done = CliRunner().invoke(cli, [*args], input=stdin)
    assert isinstance(done.exception, SystemExit), done.exc_info
    assert (done.exit_code, done.stdout) == (code, "")
    said = done.stderr
    assert {path: path.stat().st_mtime_ns for path in sorted(Path().rglob("*"))} == before
    assert sum(line.startswith("error: ") for line in said.splitlines()) == 1
    assert sum(line.startswith("next: ") for line in said.splitlines()) == 1
    assert "Traceback" not in said
    assert "[internal]" not in said
    return said[said.index("error: ") :]


def changed(part: str, **values: Any) -> list[Any]:
    """The inspect of a container, with a part of it laid over, and of its image."""
    document = web()
    document[part] = {**document[part], **values}
    return [document, image()]


# ---------------------------------------------------------------- target, decisions, project, hosts

TARGETS = [
    ("verion: '1.31'", "t.yaml:1 verion", "did you mean version?"),
    ("version: '1.99'", "t.yaml:1 version: podlift knows Kubernetes 1.31 to 1.37, not 1.99", '"1.37"'),
    ("version: 1.99", "t.yaml:1 version: a text is due, and 1.99 stands here", "in quotes"),
    ("version: 1.3", "t.yaml:1 version: a text is due, and 1.3 stands here", "in quotes"),
    ("version: '1.3O'", "t.yaml:1 version: '1.3O' is not what is due here", "in quotes"),
    (f"version: '1.{'9' * 5000}'", "t.yaml:1 version: '1.999", "in quotes"),
    ("version:", "t.yaml:1 version: a text is due, and nothing stands here", "in quotes"),
    ("version: '1.31'\n---\nversion: '1.32'", "t.yaml:3: a second document begins here", "without ---"),
    ("- version", "t.yaml:1: a map is due, and a list stands here", "write a map"),
    ("requests:\n  cpu: lots", "t.yaml:2 requests.cpu: 'lots'", "for example 100m"),
    ("requests: {cpu: -1}", "t.yaml:1 requests.cpu: a text is due", "100m"),
    ("exposure: {'*': Magic}", "exposure", "ClusterIP, NodePort"),
    ("sites: {ams: {zone: a}}\nmergeSites: true", "t.yaml:2 mergeSites", "keep one"),
    ("storageClasses: [{name: a, default: true}, {name: b, default: true}]", "a and b are both the default", "one"),
    ('namespace: "a\\0b"', "t.yaml:1 namespace: a null character", "take it away"),
]


@pytest.mark.parametrize(("text", "where", "step"), TARGETS)
def test_target(text: str, where: str, step: str) -> None:
    """Unknown keys, versions that there are not, values of another type: file, line and key."""
    said = refused({"t.yaml": text + "\n"}, "plan", "h1.json", "--target", "t.yaml", "--out", "plan")
    assert where in said.splitlines()[0]
    assert step in said.splitlines()[1]
    assert len(said) < 1000


def override(patch: str) -> str:
    return f"overrides: [{{workload: web, object: Deployment/web, patch: {patch}}}]"


TIE = """answers:
- {code: exposure, workload: 'w*', answer: NodePort}
- {code: exposure, workload: '*b', answer: ClusterIP}"""

DECISIONS = [
    ("answers: [{code: exposre, answer: NodePort}]", "d.yaml:1 answers[0].code: there is no code 'exposre'"),
    ("answers: [{code: cannot-read, answer: x}]", "cannot-read takes no answer"),
    ("answers: [{code: exposure, answer: Magic}]", "'Magic' is none of the options"),
    ("answers: [{code: volume-size, answer: big}]", "'big' is no amount"),
    ("answers: [{code: exposure, answer: [NodePort]}]", "answers[0].answer:"),
    ("answers: [{answer: x}]", "the key 'code' is missing"),
    ("answers: {code: exposure}", "answers: a list is due, and a map stands here"),
    (
        TIE,
        "d.yaml:2: lines 2 and 3 answer exposure of web",
    ),
    ("overrides: [{workload: web, name: Not_Legal}]", "d.yaml:1: 'Not_Legal' is no name"),
    ("overrides: [{workload: web, namespace: NS}]", "d.yaml:1: 'NS' is no name"),
    ("overrides:\n- {workload: web, name: a}\n- {workload: web, name: b}", "d.yaml:3 overrides[1].name"),
    (override("{metadata: {name: x}}"), "d.yaml:1: the patch of Deployment/web changes metadata.name"),
    (override("{metadata: {labels: null}}"), "changes metadata.labels"),
    (override("{spec: {template: null}}"), "Deployment/web: it lacks what its kind must have"),
    (override("{spec: [1]}"), "has it in another shape"),
    (override("{spec: {replicas: many}}"), "'many' is no number of pods"),
    (override("{spec: {replicas: 99999999999999999999}}"), "is no number of pods"),
    (override("{a: " * 99 + "1" + "}" * 99), "values are nested more than 100 deep"),
    ('{"overrides": ' + "[" * 800 + "]" * 800 + "}", "values are nested more than 100 deep"),
    ("overrides: [{workload: web, object: Deployment/web}]", "patch is missing"),
    ("secrets: [1]", "secrets[0]: a text is due"),
    ("true: x", "there is no key 'true' here"),
]


@pytest.mark.parametrize(("text", "said"), DECISIONS)
def test_decisions(text: str, said: str) -> None:
    """Unknown codes, ties, answers of the wrong type, patches that break an object."""
    told = refused({"d.yaml": text + "\n"}, "plan", "h1.json", "--decisions", "d.yaml", "--out", "plan")
    assert said in told.splitlines()[0]


def test_two_workloads_of_one_name() -> None:
    """Two overrides give one name to two workloads."""
    text = "overrides:\n- {workload: web, name: shop}\n- {workload: store, name: shop}\n"
    files = {"d.yaml": text, "h2.json": [web(), web("store"), image()]}
    said = refused(files, "plan", "h2.json", "--decisions", "d.yaml", "--out", "plan")
    assert "would both be named shop [name-taken]" in said


def test_names_that_collide_are_told_apart() -> None:
    """Legacy names that Kubernetes cannot tell apart: one finding, no object twice."""
    inspect_file(Path(), web("web.app"), web("Web_App"), name="h1.json")
    done = CliRunner().invoke(cli, ["plan", "h1.json", "--out", "plan"])
    assert done.exit_code == 0
    findings = json.loads(Path("plan/findings.json").read_text())["findings"]
    collisions = [each["reason"] for each in findings if each["code"] == "name-collision"]
    assert len(collisions) == 2
    assert all("would both be named web-app" in each for each in collisions)
    assert len({each.name for each in Path("plan/manifests").iterdir()}) == 2


PROJECTS = [
    ("inspekt: [h1.json]", "podlift.yaml:1 inspekt: there is no key"),
    ("inspect: [nowhere.json]", "podlift.yaml: no file matches 'nowhere.json'"),
    ("inspect: ['ams1=nowhere.json']", "nowhere.json: there is no such file"),
    ("inspect: ['.']", ".: this is a directory"),
    *((f"inspect: [h1.json]\n{key}: nowhere", "nowhere: ") for key in ("mapping", "target", "decisions", "hostsFile")),
    ("capture: nowhere", "nowhere: "),
    ("configs: [fleet/*.yml]", "podlift.yaml:1 configs"),
    ("inspect: [h1.json]\nmapping: m.yaml", "m.yaml: no file matches 'fleet/*.yml'"),
    ("inspect: [h1.json]\nmapping: m.yaml\nconfigs: [nowhere.yml]", "podlift.yaml: no file matches 'nowhere.yml'"),
    ("hosts: [{name: a, url: 'unix:///x'}, {name: a, url: 'unix:///y'}]", "hosts[1]: a is a host already"),
    ("hosts: ['tcp://[x']", "podlift.yaml:1: 'tcp://[x' is no URL of an engine"),
    ("hosts: ['tcp://x:99999999']", "is no URL of an engine"),
    ('inspect: [h1.json]\nout: "a\\0b"', "podlift.yaml:2 out: a null character"),
    ("inspect: [h1.json]\nout: .", ".: it is the working directory"),
    ("inspect: [h1.json]\nout: ..", "..: it is the working directory or one around it"),
    ("inspect: [h1.json]\nout: h1.json", "h1.json: a file is there"),
    ("inspect: [h1.json]\nout: h1.json/plan", "h1.json"),
    ("inspect: [h1.json]\nsecrets: yes", "podlift.yaml:2 secrets: 'yes'"),
]


@pytest.mark.parametrize(("text", "said"), PROJECTS)
def test_project(text: str, said: str) -> None:
    """podlift.yaml names what is not there, or places where no plan can be."""
    assert said in refused({"podlift.yaml": text + "\n", "m.yaml": MAPPING}, "plan").splitlines()[0]


FLAGS = [
    (("--mapping", "m.yaml"), 1, "m.yaml: no file matches 'fleet/*.yml'"),
    (("--config", "c.yaml"), 1, "c.yaml: a config is given, and no mapping"),
    (("--config", "empty", "--mapping", "m.yaml"), 1, "empty: no file below it ends in"),
    (("--mapping", "wrong.yaml", "--config", "c.yaml"), 1, "wrong.yaml:7: workloads.each: the expression"),
    (("--host", "a=unix:///x", "--host", "a=unix:///y"), 1, "a: two hosts bear this name"),
    (("--host", "ftp://x"), 1, "'ftp://x' is no URL of an engine"),
    (("--hosts", "hosts.txt"), 1, "hosts.txt: two URLs lead to a host called one"),
    (("--api-version", "latest"), 2, "'latest' is no version of the engine's API"),
    (("--secrets", "plain"), 2, "'plain' is not one of"),
    (("--check", "nowhere"), 1, "nowhere: there is no such directory"),
    (("--check", "h1.json"), 1, "h1.json: this is a file, and a plan is a directory"),
]


@pytest.mark.parametrize(("flags", "code", "said"), FLAGS)
def test_flags(flags: tuple[str, ...], code: int, said: str) -> None:
    """What flags name: files without their mapping, hosts of one name, a mapping with a wrong expression."""
    files = {
        "m.yaml": MAPPING,
        "wrong.yaml": MAPPING.replace("each: items(fleet.services)", "each: items(fleet.services"),
        "c.yaml": "services: {}\n",
        "empty/x.txt": "",
        "hosts.txt": "tcp://one:2375\ntcp://one:2376\n",
    }
    sources = () if {"--host", "--hosts"} & set(flags) else ("h1.json",)
    assert said in refused(files, "plan", *sources, *flags, code=code).splitlines()[0]


# ---------------------------------------------------------------- inspect documents

DOCUMENTS: list[tuple[str, Any, str]] = [
    ("an image", [image()], "this is the inspect of an image, not of a container [inspect-image]"),
    ("a network", [{"Name": "edge", "IPAM": {}}], "this is the inspect of a network"),
    ("a volume", [{"Name": "data", "Mountpoint": "/x"}], "this is the inspect of a volume"),
    ("docker version", [VERSION], "no container's inspect [no-input]"),
    ("docker ps", '{"ID": "1", "Names": "web", "Image": "web"}\n', "an entry of a container list"),
    ("null", "null", "an object is due for a container and null stands there"),
    ("null beside one", [web(), None], "an object is due for a container and null stands there"),
    ("text", '"web"', "a string stands there"),
    ("nothing", "", "there is nothing in it"),
    ("blanks", " \n\n", "there is nothing in it"),
    ("cut off", json.dumps([web()])[:-40], "x.json:1: the file ends in the middle of a value"),
    ("cut in a character", json.dumps([web("w")]).replace("/w", "/é").encode()[:-1] + b"\xc3", "inside a character"),
    ("latin-1", '[{"Name": "/café"}]'.encode("latin-1"), "is not UTF-8"),
    ("utf-16", "[]".encode("utf-16"), "UTF-16"),
    ("half a character", '[{"Name": "\\ud800"}]', "half a character"),
    ("a key twice", '[{"Id": "1", "Id": "2"}]', "Id"),
    ("a trailing comma", '[{"Id": "1",}]', "this is no JSON"),
    ("not closed", "[" * 100_000, "nested too deeply"),
    ("deep", "[" * 101 + "]" * 101, "nested more than 100 deep"),
    ("deep inside", changed("HostConfig", Deep=json.loads('{"a":' * 150 + "1" + "}" * 150)), "100 deep"),
    ("no number", json.dumps([web()]).replace('"RestartCount": 0', '"RestartCount": 1e999'), "1e999 is no number"),
    ("digits", json.dumps([web()]).replace('"RestartCount": 0', '"RestartCount": ' + "9" * 5000), "4300 digits"),
    ("much memory", changed("HostConfig", Memory=10**30), "HostConfig.Memory: a whole number of 64 bits"),
    ("negative memory", changed("HostConfig", Memory=-1), "HostConfig.Memory: a whole number of 64 bits, zero or more"),
    ("memory in words", changed("HostConfig", Memory="1g"), "HostConfig.Memory: a whole number is due"),
    ("negative cpu", changed("HostConfig", NanoCpus=-5), "HostConfig.NanoCpus"),
    ("eternity", changed("Config", StopTimeout=10**25), "Config.StopTimeout"),
    ("a port of no", changed("HostConfig", PortBindings={"80/tcp": [{"HostPort": "99999999"}]}), "a port is due"),
    ("config", [{**web(), "Config": 5}], "Config is due as an object and a number stands there"),
    ("twice", [web(), web(), image()], "container web of host x stands in x.json already"),
]


@pytest.mark.parametrize(("document", "said"), [each[1:] for each in DOCUMENTS], ids=[each[0] for each in DOCUMENTS])
def test_inspect(document: Any, said: str) -> None:
    """What is no whole inspect of a container, in a file and by convert alike."""
    assert said in refused({"x.json": document}, "plan", "x.json", "--out", "plan").splitlines()[0]
    assert said in refused({"x.json": document}, "convert", "x.json").splitlines()[0]


def test_two_readings_of_one_host() -> None:
    """The same containers in two files of one host: nobody could say which is true."""
    files = {"monday/h1.json": [web(), image()], "tuesday/h1.json": [web(), image()]}
    said = refused(files, "plan", "monday/h1.json", "tuesday/h1.json", "--out", "plan")
    assert "tuesday/h1.json: container web of host h1 stands in monday/h1.json already" in said


def test_one_engine_under_two_names() -> None:
    """Two hosts with the same containers: one finding for the pair, open until somebody says that they are two."""
    for host in ("h1", "h2"):
        inspect_file(Path(), web(), web("store"), name=f"{host}.json")
    plan = ["plan", "h1.json", "h2.json", "--out", "plan"]
    assert CliRunner().invoke(cli, plan).exit_code == 0
    findings = json.loads(Path("plan/findings.json").read_text())["findings"]
    (twice,) = [each for each in findings if each["code"] == "host-twice"]
    assert (twice["subject"], twice["open"]) == ("h1 h2", True)
    assert "2 of h2's containers" in twice["reason"]
    Path("d.yaml").write_text("answers: [{code: host-twice, answer: cloned}]\n")
    assert CliRunner().invoke(cli, [*plan, "--decisions", "d.yaml"]).exit_code == 0
    (answered,) = [
        each for each in json.loads(Path("plan/findings.json").read_text())["findings"] if each["code"] == "host-twice"
    ]
    assert (answered.get("open", False), answered["answer"]) == (False, "cloned")


def test_nothing_on_stdin() -> None:
    """What a failed docker inspect leaves in a pipe."""
    assert "stdin: there is nothing in it" in refused({}, "convert", "-")
    assert "stdin: there is nothing in it" in refused({}, "plan", "-", "--out", "plan")


# ---------------------------------------------------------------- captures


CAPTURES: list[tuple[Any, str]] = [
    ({"schema": "podlift.dev/capture/v9"}, "its schema is 'podlift.dev/capture/v9', and this podlift reads"),
    ("{", "capture.json: it is no whole JSON"),
    ("[]", "its schema is None"),
    ("[" * 100_000, "it is no whole JSON"),
    (
        {"schema": "podlift.dev/capture/v1", "redacted": False, "hosts": 5, "configs": []},
        "does not list what a capture",
    ),
]


@pytest.mark.parametrize(("body", "said"), CAPTURES)
@pytest.mark.parametrize("command", [("plan", "seen", "--out", "plan"), ("show", "seen")], ids=["plan", "show"])
def test_capture(body: Any, said: str, command: tuple[str, ...]) -> None:
    """Of a newer format, cut off, or of nothing that a capture lists."""
    assert said in refused({"seen/capture.json": body}, *command).splitlines()[0]


@pytest.mark.parametrize("fault", ["edited", "missing", "cut", "added", "directory"])
def test_a_capture_that_is_not_whole(fault: str) -> None:
    """A document edited, gone, cut off or put there: evidence is used whole or not at all."""
    write_capture(capture(web(), web("store")), "seen")
    file = Path("seen/hosts/h1/containers/web.json")
    if fault == "edited":
        file.write_text(file.read_text().replace("json-file", "syslog"))
    elif fault == "cut":
        file.write_bytes(file.read_bytes()[:100])
    elif fault == "added":
        file.with_name("more.json").write_text("{}")
    else:
        file.unlink()
    if fault == "directory":
        file.mkdir()
    said = refused({}, "plan", "seen", "--out", "plan").splitlines()[0]
    assert "seen/hosts/h1/containers/" in said


def test_a_place_that_is_taken_is_told_before_hosts_are_read() -> None:
    """An hour of reading for nothing would be a pity."""
    told = refused({"mine/notes.txt": "keep"}, "discover", "--host", "unix:///nowhere", "--out", "mine")
    assert told.startswith("error: mine: a directory that is not empty is there already")
    told = refused({"mine/notes.txt": "keep"}, "plan", "--host", "unix:///nowhere", "--out", "mine")
    assert told.startswith("error: mine: it is not empty and is no plan of podlift's")


# ---------------------------------------------------------------- what is given by environment


def test_flag_over_environment_over_project(monkeypatch: pytest.MonkeyPatch) -> None:
    """An option may come by environment; its flag counts more, podlift.yaml less."""
    inspect_file(Path())
    for name in ("NodePort", "LoadBalancer", "hostPort"):
        Path(f"{name}.yaml").write_text(f"exposure: {{'*': {name}}}\npodSecurity: privileged\n")
    Path("podlift.yaml").write_text("inspect: [h1.json]\ntarget: NodePort.yaml\n")
    assert "NodePort" in CliRunner().invoke(cli, ["plan"]).stdout
    monkeypatch.setenv("PODLIFT_PLAN_TARGET", "LoadBalancer.yaml")
    assert "LoadBalancer" in CliRunner().invoke(cli, ["plan"]).stdout
    assert "hostPort" in CliRunner().invoke(cli, ["plan", "--target", "hostPort.yaml"]).stdout
    monkeypatch.setenv("PODLIFT_PLAN_TARGET", "nowhere.yaml")
    assert "nowhere.yaml: there is no such file" in refused({}, "plan")


def test_a_version_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """PODLIFT_VERSION, as images and pipelines set it, is no option."""
    monkeypatch.setenv("PODLIFT_VERSION", "1.2.3")
    assert CliRunner().invoke(cli, ["plan", str(inspect_file(Path())), "-o", "name"]).stdout == "web\n"

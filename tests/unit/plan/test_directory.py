"""The plan directory: whole or not there, the same from the same inputs, and never an edit lost without a word."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from converters.capture import Capture, HostDocuments
from converters.decisions import Answered, Decisions, Override
from converters.errors import PodliftError
from converters.target import StorageClass, Target
from converters.workload import Host
from migrate import load_decisions, load_project, load_target, make_plan, read_capture
from migrate.cli.main import cli
from migrate.config_files import expanded, load_documents, load_mapping
from migrate.plan.directory import check_plan, read_plan, write_plan
from migrate.plan.model import Plan
from migrate.plan.swap import beside
from tests.inspect_documents import ENGINE, image
from tests.plans import capture, inspect_file, plan, web

REPO = Path(__file__).parents[3]
ESTATE = REPO / "fixtures" / "edge-estate"
VALUES = ("hunter2-of-mine-9", "s3cr3t-in-a-url", "MIIEowIBAAKCAQEA", "s3cr3t-in-a-label")


def secretive() -> dict[str, Any]:
    """A container with secrets in variables, and some of them in clear elsewhere too."""
    pem = f"-----BEGIN RSA PRIVATE KEY-----\n{VALUES[2]}\n-----END RSA PRIVATE KEY-----"
    argv = ["serve", f"--password={VALUES[0]}", f"--store=postgres://web:{VALUES[1]}@db/web"]
    document = web(
        Env=[f"DB_PASSWORD={VALUES[0]}", f"BACKEND=postgres://web:{VALUES[1]}@db/web", f"SIGNER={pem}"],
        Cmd=argv,
        Labels={"console": f"https://admin:{VALUES[3]}@console/"},
        Healthcheck={"Test": ["CMD", "probe", "--with", VALUES[0]], "Interval": 10**9},
    )
    return document | {"Args": argv}


@pytest.fixture(scope="module")
def estate() -> Plan:
    """The plan of the embedded estate."""
    return _estate(ESTATE, read_capture(ESTATE / "capture"))


def _estate(folder: Path, captured: Capture) -> Plan:
    project = load_project(folder)
    assert project.mapping
    assert project.target
    assert project.decisions
    configs = load_documents(expanded(project.configs, root=folder, subject=""), root=folder)
    return make_plan(
        replace(captured, configs=configs),
        mapping=load_mapping(project.mapping, name_as="edge.mapping.yaml"),
        target=load_target(project.target),
        decisions=load_decisions(project.decisions),
        estate=project.estate,
    )


def tree(directory: Path) -> dict[str, bytes]:
    return {str(p.relative_to(directory)): p.read_bytes() for p in sorted(directory.rglob("*")) if p.is_file()}


def alone(directory: Path) -> bool:
    """Nothing of a replacement lies beside."""
    return not any(beside(directory, stage).exists() for stage in ("writing", "next", "previous"))


def refused(made: Plan, directory: Path, **more: str) -> PodliftError:
    """The refusal to write, which changes nothing."""
    before = tree(directory) if directory.is_dir() else None
    with pytest.raises(PodliftError) as raised:
        write_plan(made, directory, **more)
    assert before is None or tree(directory) == before
    assert alone(directory)
    return raised.value


# ---------------------------------------------------------------- written and read


def test_read_back_equal(tmp_path: Path, estate: Plan) -> None:
    """What is read is what was written, but for the values of secrets."""
    for n, made in enumerate((estate, plan(secretive()), plan())):
        assert write_plan(made, tmp_path / str(n)) == ""
        read = read_plan(tmp_path / str(n))
        assert read == replace(made, secrets=())
        assert read.hash == made.hash


def test_a_sum_of_every_file(tmp_path: Path, estate: Plan) -> None:
    """plan.json has the sha256 of each file that is reviewed, and of nothing that is not there."""
    write_plan(replace(estate, secrets=plan(secretive()).secrets and ()), tmp_path / "p")
    signed = json.loads((tmp_path / "p" / "plan.json").read_bytes())["sha256"]
    found = {name: hashlib.sha256(data).hexdigest() for name, data in tree(tmp_path / "p").items()}
    reviewed = {name for name in found if not name.startswith("secrets/")}
    assert signed.keys() == reviewed
    assert {name: found[name] for name in reviewed - {"plan.json"}} == {
        name: text for name, text in signed.items() if name != "plan.json"
    }
    assert {"README.md", "objects.json", "extras/prometheus-adapter-edge-web.yaml"} <= reviewed


def test_secrets_in_files(tmp_path: Path) -> None:
    """Values lie below secrets/, readable by their owner alone whatever the umask says, and git leaves them out."""
    before = os.umask(0)
    try:
        write_plan(plan(secretive()), tmp_path / "p")
    finally:
        os.umask(before)
    folder = tmp_path / "p" / "secrets"
    assert folder.stat().st_mode & 0o777 == 0o700
    files = [each for each in folder.iterdir() if each.name != ".gitignore"]
    assert {each.stat().st_mode & 0o777 for each in files} == {0o600}
    assert (folder / ".gitignore").read_text() == "*\n"
    assert yaml.safe_load((folder / "web-web-env.yaml").read_text())["kind"] == "Secret"
    assert "secrets/" not in (tmp_path / "p" / "kustomization.yaml").read_text()


@pytest.mark.parametrize("way", ["omit", "external"])
def test_secrets_elsewhere(tmp_path: Path, way: str) -> None:
    """No Secret is written; plan.json says which keys the pods require."""
    write_plan(plan(secretive()), tmp_path / "p", secrets=way)
    assert not (tmp_path / "p" / "secrets").exists()
    body = json.loads((tmp_path / "p" / "plan.json").read_bytes())
    assert body["secrets"] == way
    assert body["workloads"][0]["secrets"] == [{"name": "web-env", "keys": ["BACKEND", "DB_PASSWORD", "SIGNER"]}]
    assert check_plan(plan(secretive()), tmp_path / "p") == ()


def test_kustomization(tmp_path: Path, estate: Plan) -> None:
    """It lists each manifest once; kubectl, where it is installed, builds the plan's objects from it."""
    write_plan(estate, tmp_path / "p")
    listed = yaml.safe_load((tmp_path / "p" / "kustomization.yaml").read_text())["resources"]
    assert listed == sorted(f"manifests/{each.name}" for each in (tmp_path / "p" / "manifests").iterdir())
    if shutil.which("kubectl"):
        built = subprocess.run(
            ["kubectl", "kustomize", str(tmp_path / "p")], capture_output=True, text=True, check=True
        ).stdout
        made = sorted((each["kind"], each["metadata"]["name"]) for each in yaml.safe_load_all(built))
        assert made == sorted((each["kind"], each["metadata"]["name"]) for _, each in estate.objects)


# ---------------------------------------------------------------- the same bytes, and what must not be in them


def test_the_same_bytes_from_the_same_capture(tmp_path: Path) -> None:
    """Another folder, hash seed, time zone and locale change no byte of a whole estate's plan."""
    made = []
    for folder, more in (
        (tmp_path / "one", {"PYTHONHASHSEED": "1", "TZ": "UTC", "LC_ALL": "C"}),
        (tmp_path / "far" / "away", {"PYTHONHASHSEED": "77", "TZ": "Pacific/Apia", "LC_ALL": "C.UTF-8"}),
    ):
        shutil.copytree(ESTATE, folder)
        done = podlift("plan", "--out", "plan", cwd=folder, **more)
        assert done.returncode == 0, done.stderr
        made.append(tree(folder / "plan"))
    assert made[0] == made[1]


def test_order_of_reading_changes_nothing(tmp_path: Path, estate: Plan) -> None:
    """Hosts and containers come as engines answer; a plan is in order of name."""
    captured = read_capture(ESTATE / "capture")
    turned = replace(
        captured,
        hosts=tuple(
            replace(each, containers=each.containers[::-1], images=each.images[::-1]) for each in captured.hosts[::-1]
        ),
    )
    write_plan(estate, tmp_path / "p")
    assert check_plan(_estate(ESTATE, turned), tmp_path / "p") == ()
    names = [each["name"] for each in estate.workloads]
    assert names == sorted(names)


def test_nothing_that_changes_by_itself(tmp_path: Path, estate: Plan) -> None:
    """plan.json names no container by its ID and no address that an engine gave."""
    write_plan(estate, tmp_path / "p")
    text = (tmp_path / "p" / "plan.json").read_text()
    documents = [each for host in read_capture(ESTATE / "capture").hosts for each in host.containers]
    assert len(documents) > 40
    for document in documents:
        assert document["Id"][:12] not in text
        for network in document["NetworkSettings"]["Networks"].values():
            for key in ("IPAddress", "MacAddress", "EndpointID", "NetworkID", "Gateway"):
                assert not network[key] or network[key] not in text
    for clock in ("StartedAt", "Created"):
        assert clock not in text


def test_no_secret_value_in_what_is_reviewed(tmp_path: Path) -> None:
    """A secret variable's value lies in secrets/ and nowhere else."""
    quiet = {**secretive(), "Args": ["serve"]}
    quiet["Config"] = {**quiet["Config"], "Cmd": ["serve"], "Labels": {}, "Healthcheck": None}
    write_plan(plan(quiet), tmp_path / "p")
    texts = {name: data.decode() for name, data in tree(tmp_path / "p").items() if not name.startswith("secrets/")}
    assert [(name, value) for name, text in texts.items() for value in VALUES if value in text] == []
    assert any(VALUES[2] in _decoded(each) for each in (tmp_path / "p" / "secrets").glob("*.yaml"))


def _decoded(file: Path) -> str:
    import base64

    return "".join(base64.b64decode(each).decode() for each in yaml.safe_load(file.read_text())["data"].values())


def test_a_secret_that_stands_in_clear(tmp_path: Path) -> None:
    """Where a command, check or label holds it too, the pod must have it and a finding says so; what describes the
    workload still does not tell it."""
    write_plan(plan(secretive()), tmp_path / "p")
    told = {n for n, data in tree(tmp_path / "p").items() if any(v.encode() in data for v in VALUES)}
    assert told == {"manifests/web.yaml", "objects.json"}
    assert {f.subject for f in plan(secretive()).findings if f.code == "secret-in-argv"} == {
        "argv", "check", "label console",
    }  # fmt: skip


def test_secrets_that_differ_between_instances(tmp_path: Path) -> None:
    """The difference is told, neither side's value is."""
    hosts = tuple(
        HostDocuments(
            host=Host(name=host),
            engine=ENGINE,
            containers=({**web(Env=[f"DB_PASSWORD={value}"]), "Id": hashlib.sha256(host.encode()).hexdigest()},),
            images=(image(),),
        )
        for host, value in (("h1", VALUES[0]), ("h2", VALUES[1]))
    )
    made = make_plan(Capture(hosts=hosts), target=Target(), decisions=Decisions())
    assert len(made.workloads[0]["instances"]) == 2
    write_plan(made, tmp_path / "p", secrets="omit")
    assert not [n for n, data in tree(tmp_path / "p").items() if any(v.encode() in data for v in VALUES)]


def test_ports_that_an_answer_gave() -> None:
    """A workload on the host's network names no port; the answer's are its Service's, and plan.json's."""
    document = web(host={"NetworkMode": "host", "PortBindings": {}}, ExposedPorts={})
    decisions = Decisions(answers=(Answered(code="network-host-ports", answer="80,53/udp"),))
    made = plan(document, decisions=decisions, target=Target(pod_security="privileged"))
    (entry,) = made.workloads
    (service,) = [each for _, each in made.objects if each["kind"] == "Service"]
    assert [(p["containerPort"], p["protocol"]) for p in entry["ports"]] == [(53, "UDP"), (80, "TCP")]
    assert [p["name"] for p in service["spec"]["ports"]] == [p["name"] for p in entry["ports"]]
    assert entry["class"] == "stateless"


# ---------------------------------------------------------------- names


NAMES = ("_shared", "..", "a/b", "../../etc/x", "ü" * 40, "x" * 300, "plan.json", "Web", "web", ".", "-", "con\\aux")


def test_names_stay_in_the_directory(tmp_path: Path) -> None:
    """Whatever a workload is called, its files lie below the plan and none is another's."""
    documents = [web(name, host={"PortBindings": {}}, Env=[f"DB_PASSWORD={VALUES[0]}"]) for name in NAMES]
    made = plan(*documents)
    write_plan(made, tmp_path / "deep" / "p")
    assert [each.name for each in tmp_path.iterdir()] == ["deep"]
    assert [each.name for each in (tmp_path / "deep").iterdir()] == ["p"]
    manifests = [each.name for each in (tmp_path / "deep" / "p" / "manifests").iterdir()]
    assert len(manifests) == len(made.workloads) == len(NAMES)
    assert all(re.fullmatch(r"[a-z][a-z0-9-]{0,51}\.yaml", each) for each in manifests)
    assert len(list((tmp_path / "deep" / "p" / "secrets").glob("*.yaml"))) == len(NAMES)
    assert read_plan(tmp_path / "deep" / "p") == replace(made, secrets=())


def test_one_name_in_two_namespaces(tmp_path: Path) -> None:
    """Files of both, and an edit of one is told as an override of that one."""
    decisions = Decisions(
        overrides=(
            Override(workload="one", name="web", namespace="blue", line=1),
            Override(workload="two", name="web", namespace="green", line=2),
            Override(workload="three", name="web", line=3),
        )
    )
    documents = [web(n, host={"PortBindings": {}}, Env=[f"DB_PASSWORD={VALUES[0]}"]) for n in ("one", "two", "three")]
    made = plan(*documents, decisions=decisions)
    write_plan(made, tmp_path / "p")
    names = {each.name for each in (tmp_path / "p" / "manifests").iterdir()}
    assert names == {"web.yaml", "blue.web.yaml", "green.web.yaml"}
    assert len(list((tmp_path / "p" / "secrets").glob("*.yaml"))) == 3
    assert read_plan(tmp_path / "p") == replace(made, secrets=())
    edit(tmp_path / "p" / "manifests" / "green.web.yaml")
    said = refused(made, tmp_path / "p").next_step
    assert {each["workload"] for each in pasted(said)["overrides"]} == {"two"}


# ---------------------------------------------------------------- replaced or refused


def test_an_unedited_plan_is_replaced(tmp_path: Path) -> None:
    """Files of the earlier plan that the new one does not have are gone."""
    write_plan(plan(web("web"), web("old")), tmp_path / "p")
    made = plan(web("web"), web("new"))
    assert write_plan(made, tmp_path / "p") == ""
    assert {each.name for each in (tmp_path / "p" / "manifests").iterdir()} == {"web.yaml", "new.yaml"}
    assert check_plan(made, tmp_path / "p") == ()
    assert alone(tmp_path / "p")


def edit(manifest: Path) -> None:
    """As a reviewer would: more replicas, an argument, an annotation, one value taken away."""
    documents = list(yaml.safe_load_all(manifest.read_text()))
    for each in documents:
        each["metadata"].setdefault("annotations", {})["reviewed-by"] = "yes"
        if each["kind"] == "Deployment":
            each["spec"]["replicas"] = 3
            pod = each["spec"]["template"]["spec"]
            pod["containers"][0]["args"] = ["--mode=fast", "22:22", "on"]
            del pod["enableServiceLinks"]
            pod["nodeSelector"] = {"disk": "ssd\nand more: yes"}
    manifest.write_text(yaml.safe_dump_all(documents))


def pasted(said: str) -> dict[str, Any]:
    """The lines to paste, as YAML has them."""
    lines = said.partition("overrides:\n")[2].splitlines()
    block = [line for line in lines if line.startswith(" ")]
    made: dict[str, Any] = yaml.safe_load("\n".join(["overrides:", *block]))
    return made


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


def test_check_names_every_difference(tmp_path: Path) -> None:
    """Changed, missing and beyond, each by its file."""
    made = plan()
    write_plan(made, tmp_path / "p")
    assert check_plan(made, tmp_path / "p") == ()
    (tmp_path / "p" / "README.md").write_text("mine")
    (tmp_path / "p" / "findings.json").unlink()
    (tmp_path / "p" / "manifests" / "more.yaml").write_text("{}\n")
    assert check_plan(made, tmp_path / "p") == ("README.md", "findings.json", "manifests/more.yaml")
    write_plan(made, tmp_path / "q")
    assert "manifests/web.yaml" in check_plan(plan(web(Env=["MODE=fast"])), tmp_path / "q")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{", "plan-broken"),
        ("[]", "plan-broken"),
        ("[" * 100_000, "plan-broken"),
        ('{"schema": "podlift.dev/plan/v9"}', "plan-schema"),
        ('{"schema": "podlift.dev/plan/v1"}', "plan-broken"),
        ('{"schema": "podlift.dev/plan/v1", "sha256": {}}', "plan-edited"),
    ],
)
def test_a_broken_plan_json(tmp_path: Path, text: str, code: str) -> None:
    """Cut off, of another version or emptied: read, written over and checked against, it is one error."""
    write_plan(plan(), tmp_path / "p")
    (tmp_path / "p" / "plan.json").write_text(text)
    assert refused(plan(), tmp_path / "p").code == code
    with pytest.raises(PodliftError) as raised:
        read_plan(tmp_path / "p")
    assert raised.value.code == code
    with pytest.raises(PodliftError):
        check_plan(plan(), tmp_path / "p")


# ---------------------------------------------------------------- what kills it


def podlift(*args: str, cwd: Path, **more: Any) -> subprocess.CompletedProcess[str]:
    """podlift as a process, with more in its environment."""
    limit = more.pop("preexec_fn", None)
    return subprocess.run(
        [sys.executable, "-m", "migrate.cli.main", *args],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(REPO), **more},
        preexec_fn=limit,
        timeout=120,
    )


_DYING = """
import os, shutil, signal, sys
from pathlib import Path
from migrate.cli.main import cli
import migrate.cli.plan, migrate.inspect_files
folder, file = Path(sys.argv[1]), sys.argv[2]
calls, point = [], -1
def dying(real):
    def call(*args, **more):
        if len(calls) == point:
            os.kill(os.getpid(), signal.SIGKILL)
        calls.append(real.__name__)
        return real(*args, **more)
    return call
for owner, name in (
    (Path, "mkdir"), (Path, "rename"), (Path, "write_text"), (Path, "touch"),
    (shutil, "rmtree"), (os, "unlink"), (os, "rmdir"),
):
    setattr(owner, name, dying(getattr(owner, name)))
def planned():
    try:
        cli.main(["plan", file, "--out", str(folder / str(point) / "p"), "-q", "-o", "name"])
    except SystemExit as ended:
        return ended.code
assert planned() == 0
total, killed = len(calls), 0
for point in range(total):
    child = os.fork()
    if child == 0:
        calls.clear()
        planned()
        os._exit(1)
    killed += os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
print("killed", killed, "of", total)
"""


def test_killed_while_it_writes(tmp_path: Path) -> None:
    """SIGKILL before each step of ``podlift plan --out`` on files: the next command finds a whole plan, the old or
    the new one, and says what it mended."""
    file = inspect_file(tmp_path)
    write_plan(plan(web("old")), tmp_path / "-1" / "p")
    for point in range(60):
        shutil.copytree(tmp_path / "-1", tmp_path / str(point))
    done = subprocess.run(
        [sys.executable, "-c", _DYING, str(tmp_path), str(file)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(REPO)},
        timeout=120,
    )
    killed, total = (int(each) for each in re.findall(r"\d+", done.stdout.splitlines()[-1]))
    assert 30 < killed == total <= 60
    seen = set()
    for point in range(total):
        place = tmp_path / str(point) / "p"
        left = not alone(place)
        shown = CliRunner().invoke(cli, ["show", str(place), "-o", "name"])
        assert shown.exit_code == 0, shown.stderr
        assert alone(place)
        assert ("replacement of" in shown.stderr) == left
        seen.add((shown.stdout, shown.stderr.partition(" ")[0]))
    assert {name for name, _ in seen} == {"old\n", "web\n"}
    assert {"Completed", "Removed"} <= {word for _, word in seen}


def _small_files() -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))


def test_a_file_that_cannot_grow(tmp_path: Path) -> None:
    """The system refuses a write in the middle of the plan: one error, and the earlier plan as it was."""
    inspect_file(tmp_path)
    write_plan(plan(web("old")), tmp_path / "p")
    before = tree(tmp_path / "p")
    done = podlift("plan", "h1.json", "--out", "p", cwd=tmp_path, preexec_fn=_small_files)
    assert done.returncode == 1
    assert "[cannot-write]" in done.stderr
    assert "file too large" in done.stderr
    assert "Traceback" not in done.stderr
    assert tree(tmp_path / "p") == before
    assert alone(tmp_path / "p")


def test_a_full_disk(tmp_path: Path) -> None:
    """A disk of 64 kB: the earlier plan stays whole beside no half of another. Where nothing may be mounted, the
    system's error is put in a write's place."""
    disk = tmp_path / "disk"
    disk.mkdir()
    many = [web(f"web-{n}", host={"PortBindings": {}}) for n in range(8)]
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "podlift-test", str(disk)]
    mounted = os.geteuid() == 0 and subprocess.run(command, capture_output=True, check=False).returncode == 0
    try:
        with pytest.MonkeyPatch.context() as patched:
            write_plan(plan(web("old")), disk / "p")
            if not mounted:
                patched.setattr(Path, "write_text", _no_space)
            error = refused(plan(*many), disk / "p")
        assert (error.code, "no space left" in error.reason) == ("cannot-write", True)
        assert read_plan(disk / "p").workloads[0]["name"] == "old"
        assert [each.name for each in disk.iterdir()] == ["p"]
    finally:
        if mounted:
            subprocess.run(["umount", str(disk)], check=True)


def _no_space(file: Path, *_text: object, **_more: object) -> int:
    raise OSError(28, "No space left on device", str(file))


@pytest.mark.parametrize("there", [False, True])
def test_a_parent_that_may_not_be_written(there: bool) -> None:
    """Neither a new plan nor a replacement; as root, with the rights of somebody else."""
    with tempfile.TemporaryDirectory(dir="/tmp") as made:
        parent = Path(made)
        if there:
            write_plan(plan(web("old")), parent / "p")
        parent.chmod(0o555)
        root = os.geteuid() == 0
        if root:
            os.seteuid(65534)
        try:
            error = refused(plan(), parent / "p", secrets="omit") if not there else _refusal(parent / "p")
        finally:
            if root:
                os.seteuid(0)
            parent.chmod(0o755)
        assert (error.code, "permission denied" in error.reason) == ("cannot-write", True)
        assert [each.name for each in parent.iterdir()] == ["p"] * there


def _refusal(place: Path) -> PodliftError:
    with pytest.raises(PodliftError) as raised:
        write_plan(plan(), place)
    return raised.value


def test_a_plan_below_a_file(tmp_path: Path) -> None:
    """The parent is no directory."""
    (tmp_path / "file").write_text("mine")
    assert refused(plan(), tmp_path / "file" / "p").code == "cannot-write"
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_a_capture_of_nothing(tmp_path: Path) -> None:
    """No workload is a plan too, with an empty kustomization."""
    made = make_plan(capture(), target=Target(), decisions=Decisions())
    empty = make_plan(Capture(), target=Target(), decisions=Decisions())
    assert write_plan(empty, tmp_path / "p") == ""
    assert read_plan(tmp_path / "p") == empty
    assert write_plan(made, tmp_path / "p") == ""

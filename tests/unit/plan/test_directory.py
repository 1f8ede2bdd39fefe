"""The plan directory: what is in it, the same from the same inputs, and no secret told."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from converters.capture import Capture, HostDocuments
from converters.decisions import Answered, Decisions, Override
from converters.errors import PodliftError
from converters.target import Target
from converters.workload import Host
from migrate import check_plan, load_decisions, load_project, load_target, make_plan, read_capture
from migrate.config_files import expanded, load_documents, load_mapping
from migrate.plan.directory import differing_files, read_plan, write_plan
from migrate.plan.model import Plan
from tests.inspect_documents import ENGINE, image
from tests.plan_directories import VALUES, edit, pasted, podlift, refused, secretive, tree
from tests.plans import capture, plan, web

REPO = Path(__file__).parents[3]
ESTATE = REPO / "fixtures" / "edge-estate"


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
    assert differing_files(plan(secretive()), tmp_path / "p") == ()


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


def test_check_names_every_difference(tmp_path: Path) -> None:
    """Changed, missing and beyond, each by its file."""
    made = plan()
    write_plan(made, tmp_path / "p")
    assert differing_files(made, tmp_path / "p") == ()
    (tmp_path / "p" / "README.md").write_text("mine")
    (tmp_path / "p" / "findings.json").unlink()
    (tmp_path / "p" / "manifests" / "more.yaml").write_text("{}\n")
    assert differing_files(made, tmp_path / "p") == ("README.md", "findings.json", "manifests/more.yaml")
    write_plan(made, tmp_path / "q")
    assert "manifests/web.yaml" in differing_files(plan(web(Env=["MODE=fast"])), tmp_path / "q")


def test_a_plan_is_checked_against_its_inputs(tmp_path: Path) -> None:
    """From a capture and what else a plan is made of; another answer names the files that it would change."""
    taken, target, decisions = capture(web()), Target(), Decisions()
    write_plan(make_plan(taken, target=target, decisions=decisions), tmp_path / "p")
    assert check_plan(tmp_path / "p", taken, target=target, decisions=decisions) == ()
    answered = Decisions(answers=(Answered(code="acts-unasked", answer="no"),))
    differing = check_plan(tmp_path / "p", taken, target=target, decisions=answered)
    assert "findings.json" in differing
    assert "objects.json" not in differing


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
        differing_files(plan(), tmp_path / "p")


def test_a_capture_of_nothing(tmp_path: Path) -> None:
    """No workload is a plan too, with an empty kustomization."""
    made = make_plan(capture(), target=Target(), decisions=Decisions())
    empty = make_plan(Capture(), target=Target(), decisions=Decisions())
    assert write_plan(empty, tmp_path / "p") == ""
    assert read_plan(tmp_path / "p") == empty
    assert write_plan(made, tmp_path / "p") == ""


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
    assert differing_files(_estate(ESTATE, turned), tmp_path / "p") == ()
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

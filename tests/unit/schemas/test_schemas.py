"""Published schemas: they are schemas, real output keeps them, and our checker agrees with jsonschema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from converters.errors import PodliftError
from migrate.capture import write_capture
from migrate.diff import diff_plan, report_json
from migrate.documents import parse_documents
from migrate.plan.directory import plan_files
from migrate.schemas import SCHEMAS, schema
from migrate.schemas.checking import check
from tests.plans import capture, plan, web

REPO = Path(__file__).parents[3]


@pytest.mark.parametrize("name", SCHEMAS)
def test_each_is_a_json_schema(name: str) -> None:
    """And names itself."""
    found = schema(name)
    jsonschema.Draft202012Validator.check_schema(found)
    assert found["title"] == name


def test_an_unknown_schema() -> None:
    """Refused with the list of those there are."""
    with pytest.raises(PodliftError) as caught:
        schema("manifest")
    assert "verdicts" in caught.value.next_step


def test_a_caller_cannot_change_the_schema_of_the_next() -> None:
    """Each call gives a value of its own at the top."""
    schema("plan")["title"] = "mine"
    assert schema("plan")["title"] == "plan"


@pytest.mark.parametrize("name", ["plan", "objects", "names", "verdicts", "findings"])
def test_a_plan_directory_keeps_its_schemas(name: str) -> None:
    """Each JSON file of a plan, with a workload of two names, a withheld one, and Secrets."""
    made = plan(
        web("front", Env=["DB_PASSWORD=hunter2-of-mine"]),
        web("store", host={"Binds": ["/srv/data:/data"]}),
        web("front-2"),
    )
    files = plan_files(made, secrets="file")
    jsonschema.validate(json.loads(files[f"{name}.json"]), schema(name))


def test_a_capture_keeps_its_schemas(tmp_path: Path) -> None:
    """With a host that could not be read, and the embedded estate's."""
    write_capture(capture(web(Env=["DB_PASSWORD=hunter2-of-mine"]), error="refused"), tmp_path / "seen")
    for folder in (tmp_path / "seen", REPO / "fixtures" / "edge-estate" / "capture"):
        jsonschema.validate(json.loads((folder / "capture.json").read_text()), schema("capture"))
        hosts = list(folder.glob("hosts/*/host.json"))
        assert hosts
        for host in hosts:
            jsonschema.validate(json.loads(host.read_text()), schema("captured-host"))


def test_a_comparison_keeps_its_schema() -> None:
    """With added, removed and changed objects, verdicts and findings."""
    old = plan(web("front"), web("store"))
    new = plan(web("front", Env=["A=1"]), web("shop"))
    made = report_json("default", new.hash, [diff_plan(new, old)])
    assert made["legs"][0]["objects"]
    assert made["legs"][0]["said"]
    jsonschema.validate(made, schema("comparison"))


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("project", "fixtures/edge-estate/podlift.yaml"),
        ("target", "fixtures/edge-estate/target.yaml"),
        ("decisions", "fixtures/edge-estate/decisions.yaml"),
        ("hosts", "fixtures/edge-estate/hosts.yaml"),
        ("mapping", "fixtures/edge-estate/edge.mapping.yaml"),
    ],
)
def test_the_embedded_estate_keeps_the_schemas(name: str, file: str) -> None:
    """Every input file that podlift ships is what its schema says."""
    (document,) = parse_documents((REPO / file).read_bytes(), name=file)
    jsonschema.validate(document.value, schema(name))


def test_shipped_mappings_keep_the_schema() -> None:
    """Whatever the parser accepts of the shipped mappings, an editor with the schema accepts too."""
    files = [
        file
        for file in (*REPO.glob("fixtures/**/*mapping.yaml"), *REPO.glob("tests/cases/**/*mapping.yaml"))
        if "schema: podlift.dev/mapping" in file.read_text()
    ]
    assert files
    validator = jsonschema.Draft202012Validator(schema("mapping"))
    for file in files:
        (document,) = parse_documents(file.read_bytes(), name=file.name)
        validator.validate(document.value)


SAMPLES: list[tuple[str, Any]] = [
    ("target", {}),
    ("target", {"version": "1.34"}),
    ("target", {"version": 1.34}),
    ("target", {"podSecurity": "strict"}),
    ("target", {"storageClasses": {"a": {"accessModes": ["ReadWriteOnce"]}}}),
    ("target", {"storageClasses": [{"accessModes": ["ReadWriteOnce"]}]}),
    ("target", {"storageClasses": "a"}),
    ("target", {"writeNamespaces": 1}),
    ("target", {"exposure": [{"match": "*", "become": "route"}]}),
    ("target", {"exposure": [{"match": "*"}]}),
    ("target", {"sites": {"ams": {"zone": 1}}}),
    ("target", {"unknown": 1}),
    ("target", {"gates": [""]}),
    ("decisions", {"answers": None}),
    ("decisions", {"answers": [{"code": "a", "answer": True}]}),
    ("decisions", {"answers": [{"code": "a", "answer": None}]}),
    ("decisions", {"overrides": [{"workload": "a", "object": "x", "patch": {}}]}),
    ("decisions", []),
    ("hosts", {"hosts": [{"name": "a", "labels": {"x": "y"}}]}),
    ("hosts", {}),
    ("project", {"hosts": ["a", {"name": "b"}]}),
    ("project", {"hosts": [3]}),
]


@pytest.mark.parametrize(("name", "value"), SAMPLES, ids=[f"{name} {value}" for name, value in SAMPLES])
def test_the_checker_agrees_with_jsonschema(name: str, value: Any) -> None:
    """What podlift accepts is what the printed schema allows, no more and no less."""
    (document,) = parse_documents(json.dumps(value).encode(), name="sample.json")
    allowed = jsonschema.Draft202012Validator(schema(name)).is_valid(value)
    try:
        check(document, schema(name), code="bad-target")
        accepted = True
    except PodliftError as error:
        accepted = False
        assert error.reason  # noqa: PT017
        assert error.next_step  # noqa: PT017
    assert accepted == allowed

"""Plan directories in tests: a plan with secrets, edits as reviewers make them, what is left beside."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from converters.errors import PodliftError
from migrate.plan.directory import write_plan
from migrate.plan.model import Plan
from migrate.plan.swap import beside
from tests.plans import web

REPO = Path(__file__).parents[1]
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

"""``podlift init --context``: target.yaml from a cluster, and what is there already is kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from migrate.cli.main import cli
from migrate.target_file import load_target
from tests.cluster_proxy import kubeconfig_text
from tests.engine_proxy import EngineProxy, Fault, answer

RESOURCES = {
    "/api/v1": {"Namespace": "namespaces", "Node": "nodes", "PersistentVolume": "persistentvolumes"},
    "/apis/storage.k8s.io/v1": {"StorageClass": "storageclasses"},
}
BODIES = {
    "/version": {"gitVersion": "v1.36.3"},
    "/apis": {"groups": [{"name": "storage.k8s.io", "versions": [{"version": "v1"}]}]},
    "/api/v1/namespaces/kube-system": {"metadata": {"name": "kube-system", "uid": "uid-1"}},
    "/apis/storage.k8s.io/v1/storageclasses": {
        "items": [{"metadata": {"name": "fast"}, "provisioner": "nfs.csi.k8s.io"}],
    },
}


def respond(path: str) -> Fault:
    path = path.partition("?")[0]
    if path in BODIES:
        return answer(200, BODIES[path])
    if path in RESOURCES:
        resources = [{"name": name, "kind": kind, "namespaced": False} for kind, name in RESOURCES[path].items()]
        return answer(200, {"resources": resources})
    if path == "/api/v1/nodes":
        return answer(403, {"message": 'nodes is forbidden: User "ann" cannot list resource "nodes"'})
    return answer(200, {"items": []}) if path.startswith("/api/v1/") else answer(404, {"message": "none such"})


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Iterator[Path]:
    with EngineProxy(("127.0.0.1", 0), fault=respond) as server:
        file = tmp_path / "kubeconfig"
        file.write_text(kubeconfig_text(server.url.replace("tcp:", "http:"), context="prod"))
        yield file


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "project"
    made.mkdir()
    return made


def init(folder: Path, *arguments: object) -> tuple[int, str, str]:
    """Exit code, stdout, stderr."""
    done = CliRunner().invoke(cli, ["init", "-C", str(folder), *map(str, arguments)])
    return done.exit_code, done.stdout, done.stderr


def test_a_new_project(folder: Path, kubeconfig: Path) -> None:
    """target.yaml says what the cluster can do, podlift.yaml names it, and what was not read is told."""
    code, out, talk = init(folder, "--context", "prod", "--kubeconfig", kubeconfig)
    assert (code, out.split()) == (0, ["wrote", "podlift.yaml", "wrote", "target.yaml", "wrote", ".gitignore"])
    target = load_target(folder / "target.yaml")
    assert (target.identity, target.version, target.storage_classes[0].name) == ("uid-1", (1, 36), "fast")
    assert "\ntarget: target.yaml\n" in (folder / "podlift.yaml").read_text()
    assert "Not read, for want of rights: get /metrics, list nodes" in talk


def test_what_is_there_is_kept(folder: Path, kubeconfig: Path) -> None:
    """Byte for byte; the line that names the cluster is there to be taken over."""
    (folder / "target.yaml").write_text('version: "1.34"\n')
    (folder / "podlift.yaml").write_text("estate: edge\n")
    code, out, talk = init(folder, "--kubeconfig", kubeconfig)
    assert code == 0
    assert "kept     target.yaml" in out
    assert (folder / "target.yaml").read_text() == 'version: "1.34"\n'
    assert "move it away" in talk
    assert 'identity: "uid-1"' in talk
    assert "add what it does not name yet, target: target.yaml" in talk


def test_a_cluster_that_cannot_be_read_leaves_no_file(folder: Path, kubeconfig: Path) -> None:
    """One error, and nothing is written."""
    code, out, said = init(folder, "--context", "none", "--kubeconfig", kubeconfig)
    assert (code, out, list(folder.iterdir())) == (1, "", [])
    assert "there is no context none [no-cluster-context]" in said
    assert "prod" in said


@pytest.mark.parametrize("given", ["--context", "--kubeconfig"])
def test_an_empty_name_is_what_kubectl_would_take(
    folder: Path, kubeconfig: Path, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    """A variable of a script that is not set: the current context, and not a project without a target."""
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    code, out, _ = init(folder, given, "")
    assert (code, "wrote    target.yaml" in out) == (0, True)


def test_without_a_cluster_none_is_asked(folder: Path) -> None:
    """As before: podlift.yaml with a target as a comment."""
    code, out, _ = init(folder)
    assert code == 0
    assert "target.yaml" not in out
    assert "# target: target.yaml" in (folder / "podlift.yaml").read_text()

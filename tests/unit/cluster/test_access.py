"""Which server, context and credentials a kubeconfig gives; each that cannot be used is one error that says why."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from converters.errors import PodliftError
from migrate.cluster.access import access_of


def config(**more: Any) -> dict[str, Any]:
    """Two contexts; the first is the current one."""
    return {
        "current-context": "one",
        "contexts": [
            {"name": "one", "context": {"cluster": "c1", "user": "u1", "namespace": "edge"}},
            {"name": "two", "context": {"cluster": "c2", "user": "u1"}},
        ],
        "clusters": [
            {"name": "c1", "cluster": {"server": "https://one.example:6443/"}},
            {"name": "c2", "cluster": {"server": "https://two.example/k8s/clusters/c-1"}},
        ],
        "users": [{"name": "u1", "user": {"token": "t"}}],
        **more,
    }


def written(file: Path, body: Any) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(body if isinstance(body, str) else yaml.safe_dump(body))
    return file


def refused(code: str, *arguments: Any, **more: Any) -> PodliftError:
    with pytest.raises(PodliftError) as caught:
        access_of(*arguments, environment={}, **more)
    assert (caught.value.code, caught.value.phase) == (code, "cluster")
    return caught.value


def test_the_current_context(tmp_path: Path) -> None:
    """Its server without the slash at the end, its namespace and its user's token."""
    found = access_of(kubeconfig=written(tmp_path / "k", config()))
    assert (found.context, found.server, found.namespace) == ("one", "https://one.example:6443", "edge")
    assert (found.token, found.user_name) == ("t", "u1")


def test_a_named_context(tmp_path: Path) -> None:
    """Its server's path stays, and its namespace is default where it says none."""
    found = access_of("two", written(tmp_path / "k", config()))
    assert (found.server, found.namespace) == ("https://two.example/k8s/clusters/c-1", "default")


def test_files_and_data(tmp_path: Path) -> None:
    """Data wins over a file; a file's path counts from its kubeconfig."""
    written(tmp_path / "certs" / "ca.crt", "authority")
    written(tmp_path / "certs" / "client.crt", "certificate")
    user = {
        "client-certificate": "certs/client.crt",
        "client-key": "certs/none.key",
        "client-key-data": base64.b64encode(b"key").decode(),
        "tokenFile": "certs/token",
    }
    clusters = [
        {
            "name": "c1",
            "cluster": {
                "server": "https://one.example",
                "certificate-authority": "certs/ca.crt",
                "insecure-skip-tls-verify": True,
                "tls-server-name": "kubernetes",
                "proxy-url": "http://proxy.example:3128",
            },
        }
    ]
    file = written(tmp_path / "k", config(clusters=clusters, users=[{"name": "u1", "user": user}]))
    found = access_of("one", file)
    assert (found.ca, found.certificate, found.key) == (b"authority", b"certificate", b"key")
    assert found.token_file == str(tmp_path / "certs" / "token")
    assert (found.verify, found.server_name, found.proxy) == (False, "kubernetes", "http://proxy.example:3128")


def test_several_files(tmp_path: Path) -> None:
    """KUBECONFIG names several: of each thing the first counts, and one that is not there is passed over."""
    first = written(tmp_path / "a" / "k", {"current-context": "two", "contexts": [], "clusters": [], "users": None})
    second = written(tmp_path / "b" / "k", config())
    names = os.pathsep.join(map(str, (tmp_path / "none", first, second)))
    found = access_of(environment={"KUBECONFIG": names})
    assert (found.context, found.files) == ("two", (first, second))


def test_the_file_at_home(tmp_path: Path) -> None:
    """Where nothing else is said."""
    written(tmp_path / ".kube" / "config", config())
    assert access_of(environment={"HOME": str(tmp_path)}).context == "one"


def test_the_account_of_a_pod(tmp_path: Path) -> None:
    """Where there is no kubeconfig; its token is read anew as it is rotated."""
    for name, text in (("ca.crt", "authority"), ("namespace", "tools\n"), ("token", "t")):
        written(tmp_path / "account" / name, text)
    environment = {"HOME": str(tmp_path), "KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "6443"}
    found = access_of(environment=environment, account=tmp_path / "account")
    assert (found.context, found.server) == ("in-cluster", "https://[fd00::1]:6443")
    assert (found.ca, found.namespace) == (b"authority", "tools")
    assert found.token_file == str(tmp_path / "account" / "token")


def test_a_pod_without_an_account(tmp_path: Path) -> None:
    """What to set is said."""
    with pytest.raises(PodliftError) as caught:
        access_of(environment={"HOME": str(tmp_path), "KUBERNETES_SERVICE_HOST": "h"}, account=tmp_path / "none")
    assert "automountServiceAccountToken" in caught.value.next_step


def test_a_context_that_is_not_there(tmp_path: Path) -> None:
    """Those that are there are named, ten at most."""
    error = refused("no-cluster-context", "three", written(tmp_path / "k", config()))
    assert error.reason == "there is no context three"
    assert error.next_step.endswith(": one, two")
    many = [{"name": f"c{number:02}", "context": {}} for number in range(12)]
    error = refused("no-cluster-context", "three", written(tmp_path / "m", config(contexts=many)))
    assert error.next_step.endswith("c09 and 2 more")


def test_no_current_context(tmp_path: Path) -> None:
    """Nothing is guessed."""
    error = refused("no-cluster-context", None, written(tmp_path / "k", config(**{"current-context": ""})))
    assert error.reason == "no context is the current one"


@pytest.mark.parametrize(
    ("body", "where", "reason"),
    [
        ("contexts: [\n  {name: a\n", ":3", "it is no YAML"),
        ("just text", "", "it holds no kubeconfig"),
        ("", "", "it holds no kubeconfig"),
        ("\0", "", "it is no YAML"),
        (config(contexts={}), "", "there is no context one"),
        (config(contexts="one"), "", "contexts: is no list"),
        (config(contexts=[{"context": {}}]), "", "has no name"),
        (config(clusters=[{"name": "c1", "cluster": "https://one.example"}]), "", "cluster c1 is no map"),
        (config(clusters=[]), "", "names cluster c1, which is not there"),
        (config(users=[]), "", "names user u1, which is not there"),
        (config(clusters=[{"name": "c1", "cluster": {}}]), "", "has no server"),
        (config(users=[{"name": "u1", "user": {"token": 12}}]), "", "token: is no text"),
        (config(users=[{"name": "u1", "user": {"client-key-data": "a"}}]), "", "client-key-data is no base64"),
        (config(users=[{"name": "u1", "user": {"client-key": "none.key"}}]), "", "none.key: no such file"),
    ],
)
def test_a_kubeconfig_that_cannot_be_used(tmp_path: Path, body: Any, where: str, reason: str) -> None:
    """The file, the line where there is one, and the entry."""
    file = written(tmp_path / "k", body)
    code = "no-cluster-context" if "no context" in reason else "bad-kubeconfig"
    error = refused(code, None, file)
    assert error.subject == f"{file}{where}"
    assert reason in error.reason
    assert error.next_step


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """A file that was asked for is not passed over; none at all is said too."""
    assert "no such file" in refused("bad-kubeconfig", None, tmp_path / "none").reason
    with pytest.raises(PodliftError, match="there is no kubeconfig"):
        access_of(environment={"HOME": str(tmp_path)})

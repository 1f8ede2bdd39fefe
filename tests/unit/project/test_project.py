"""podlift.yaml, hosts files, configs: read, or refused with file, line and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from converters.errors import PodliftError
from migrate.config_files import documents_of, load_documents, load_mapping
from migrate.hosts_file import entry_of, load_hosts
from migrate.project import load_project


def project(folder: Path, text: str) -> Path:
    file = folder / "podlift.yaml"
    file.write_text(text)
    return file


def test_everything_that_a_project_can_say(tmp_path: Path) -> None:
    """Paths count from the file's folder."""
    project(
        tmp_path,
        """\
schema: podlift.dev/project/v1
estate: edge
hosts:
- ssh://ops@ams1.example
- gru=tcp://gru1.example:2376
- {name: syd1, url: "ssh://syd1.example", site: syd, address: 192.0.2.7, labels: {disk: ssd}, tls: {ca: ca.pem}}
capture: seen
inspect: ["dumps/*.json"]
configs: ["fleet/*.yml"]
mapping: edge.mapping.yaml
target: target.yaml
decisions: decisions.yaml
out: plan
secrets: omit
allowPartial: [syd1]
""",
    )
    found = load_project(tmp_path)
    assert found.estate == "edge"
    assert [entry.host.name for entry in found.hosts] == ["ams1.example", "gru", "syd1"]
    assert found.hosts[2].host.labels == {"disk": "ssd"}
    assert found.hosts[2].ca == str(tmp_path / "ca.pem")
    assert (found.capture, found.out) == (tmp_path / "seen", tmp_path / "plan")
    assert (found.mapping, found.target) == (tmp_path / "edge.mapping.yaml", tmp_path / "target.yaml")
    assert (found.secrets, found.allow_partial, found.configs) == ("omit", ("syd1",), ("fleet/*.yml",))


def test_a_folder_without_podlift_yaml_says_nothing(tmp_path: Path) -> None:
    """So that podlift works in any folder."""
    found = load_project(tmp_path)
    assert (found.name, found.hosts, found.mapping) == ("", (), None)


def test_an_empty_podlift_yaml_says_nothing(tmp_path: Path) -> None:
    """Comments alone are a project that says nothing yet."""
    project(tmp_path, "# later\n")
    assert load_project(tmp_path).estate == "default"


@pytest.mark.parametrize(
    ("text", "subject", "reason"),
    [
        ("estate: edge\ntarjet: t.yaml\n", "podlift.yaml:2 tarjet", "did you mean target?"),
        ("secrets: files\n", "podlift.yaml:1 secrets", "did you mean file?"),
        ("estate: [a]\n", "podlift.yaml:1 estate", "a text is due, and a list stands here"),
        ("hosts:\n- {name: a}\n- {name: a}\n", "podlift.yaml:3 hosts[1]", "on line 2"),
        ("hosts: []\nhostsFile: h.yaml\n", "podlift.yaml:2 hostsFile", "both"),
        ("configs: ['*.yml']\n", "podlift.yaml:1 configs", "no mapping"),
        ("hosts:\n- {url: 'ssh://a'}\n", "podlift.yaml:2 hosts[0]", "'name' is missing"),
        ("hosts:\n- ams1.example\n", "podlift.yaml:2", "is no URL of an engine"),
        ("schema: podlift.dev/project/v9\n", "podlift.yaml:1 schema", "podlift.dev/project/v1"),
        ("estate: a\n---\nestate: b\n", "podlift.yaml:3", "second document"),
        ("- a\n", "podlift.yaml:1", "a map is due"),
        ("hosts:\n- {name: a, exec: shh}\n", "podlift.yaml:2 hosts[0].exec", "did you mean ssh?"),
        ("hosts:\n- {name: a, exec: []}\n", "podlift.yaml:2 hosts[0].exec", "no command"),
        ("hosts:\n- {name: a, url: 'tcp://a:2375', exec: ssh}\n", "podlift.yaml:2 hosts[0].exec", "[ssh, HOST]"),
        ("hosts:\n- {name: a, exec: container}\n", "podlift.yaml:2 hosts[0]", "image: podlift-probe"),
        (
            "hosts:\n- {name: a, exec: container, image: p, probe: [q]}\n",
            "podlift.yaml:2 hosts[0].probe",
            "leave probe out",
        ),
        ("hosts:\n- {name: a, exec: container, image: -p}\n", "podlift.yaml:2 hosts[0].image", "is not what is due"),
    ],
)
def test_a_wrong_project_is_refused(tmp_path: Path, text: str, subject: str, reason: str) -> None:
    """With file, line, key, and what was probably meant."""
    project(tmp_path, text)
    with pytest.raises(PodliftError) as caught:
        load_project(tmp_path)
    assert caught.value.subject.endswith(subject)
    assert reason in f"{caught.value.reason} {caught.value.next_step}"


def test_how_commands_are_run_on_hosts(tmp_path: Path) -> None:
    """As words, a program of the folder by its whole path; nothing said is nothing."""
    project(
        tmp_path,
        """\
hosts:
- {name: a, url: "ssh://a", exec: ssh}
- {name: b, url: "tcp://b:2375", exec: [ssh, -p, "22", b], probe: [sudo, podlift-probe]}
- {name: c, url: "tcp://c:2375", exec: [bin/enter, c]}
- {name: d, url: "tcp://d:2375", exec: container, image: registry.example/podlift-probe:1}
- ssh://e
""",
    )
    found = [(each.exec, each.probe, each.image) for each in load_project(tmp_path).hosts]
    assert found == [
        ("ssh", (), ""),
        (("ssh", "-p", "22", "b"), ("sudo", "podlift-probe"), ""),
        ((str(tmp_path / "bin/enter"), "c"), (), ""),
        ("container", (), "registry.example/podlift-probe:1"),
        ("", (), ""),
    ]


def test_hosts_file_of_urls(tmp_path: Path) -> None:
    """One URL a line, named or not; comments and blank lines count for nothing."""
    file = tmp_path / "hosts.txt"
    file.write_text("# edge\nams1=ssh://ops@10.0.0.1\n\ntcp://gru1.example:2376\nunix:///var/run/docker.sock\n")
    found = load_hosts(file)
    assert [(entry.host.name, entry.host.url) for entry in found] == [
        ("ams1", "ssh://ops@10.0.0.1"),
        ("gru1.example", "tcp://gru1.example:2376"),
        ("local", "unix:///var/run/docker.sock"),
    ]


def test_hosts_file_with_one_name_twice(tmp_path: Path) -> None:
    """Two engines under one name would be one host."""
    file = tmp_path / "hosts.txt"
    file.write_text("ssh://a.example\ntcp://a.example:2376\n")
    with pytest.raises(PodliftError) as caught:
        load_hosts(file)
    assert caught.value.code == "bad-hosts"
    assert "a.example" in caught.value.reason


@pytest.mark.parametrize("url", ["ams1", "ftp://ams1", "ssh://", "name="])
def test_what_is_no_engines_url(url: str) -> None:
    """Refused before anything is connected."""
    with pytest.raises(PodliftError) as caught:
        entry_of(url)
    assert caught.value.code == "bad-hosts"


MAPPING = """\
schema: podlift.dev/mapping/v1
documents: {fleet: {files: "fleet/*.yml"}}
workloads: {each: items(fleet.services), name: key()}
containers: [{image: image}]
"""


def test_configs_are_named_from_the_mappings_folder(tmp_path: Path) -> None:
    """Wherever a plan is made, its documents are called alike; each document of a stream is one."""
    (tmp_path / "fleet").mkdir()
    (tmp_path / "fleet" / "web.yml").write_text("services: {web: {image: web}}\n---\nservices: {}\n")
    (tmp_path / "m.yaml").write_text(MAPPING)
    mapping = load_mapping(tmp_path / "m.yaml")
    found = load_documents(documents_of(mapping, tmp_path), root=tmp_path)
    assert [(each.name, each.index) for each in found] == [("fleet/web.yml", 0), ("fleet/web.yml", 1)]
    assert found[0].lines[("services", "web", "image")] == 1
    assert load_documents([tmp_path / "fleet"], root=tmp_path) == found


def test_a_mapping_whose_files_are_not_there(tmp_path: Path) -> None:
    """A glob that matches nothing is no empty config."""
    (tmp_path / "m.yaml").write_text(MAPPING)
    with pytest.raises(PodliftError) as caught:
        documents_of(load_mapping(tmp_path / "m.yaml"), tmp_path)
    assert caught.value.code == "no-config"
    assert "fleet/*.yml" in caught.value.reason


def test_a_folder_without_configs(tmp_path: Path) -> None:
    """Said, since a plan of nothing looks like a success."""
    with pytest.raises(PodliftError) as caught:
        load_documents([tmp_path])
    assert caught.value.code == "no-config"

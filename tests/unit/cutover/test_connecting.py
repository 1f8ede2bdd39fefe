"""From what a journal says of hosts and nodes to how these are asked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from converters.errors import PodliftError
from converters.workload import Host
from migrate.cluster import Cluster
from migrate.cutover.connecting import hosts_json, hosts_of, nodes_of
from migrate.cutover.edges import Backend, Draw, Request
from migrate.cutover.run import Spec, spec_json, spec_of
from migrate.hosts import Access
from migrate.hosts_file import HostEntry

SPEC = Spec(
    id="r1", workload="web", name="web", namespace="shop", plan="p", services=(), controllers=(), originals=(), steps=()
)
ANSWER = {"conntrack": {}, "asks": [{"status": 200, "seconds": 0.1}]}
SAYS = ("sh", "-c", f"cat >/dev/null; echo '{json.dumps(ANSWER)}'")
REQUEST = Request(backend=Backend("10.0.0.1", 80))


class ReadyNodes:
    """A cluster of two nodes, in which no pod can be made; ``pods``: on which it was tried; ``gone``: whose kubelet
    is."""

    def __init__(self, *gone: str) -> None:
        self.pods: list[str] = []
        self.gone = gone

    def list(self, _version: str, _kind: str) -> Iterator[dict[str, Any]]:
        for name in ("node-a", "node-b"):
            ready = "Unknown" if name in self.gone else "True"
            yield {"metadata": {"name": name}, "status": {"conditions": [{"type": "Ready", "status": ready}]}}

    def create(self, pod: dict[str, Any], **_more: Any) -> None:
        self.pods.append(pod["spec"]["nodeName"])
        raise PodliftError(code="cluster-forbidden", phase="cutover", subject="pods", reason="not here", next_step="")

    def delete(self, *_of: str) -> None:
        """There is none."""


def test_a_node_with_a_command_gets_no_pod() -> None:
    """Both ways together: pods on the nodes that have none."""
    cluster = ReadyNodes()
    given: dict[str, dict[str, Any]] = {"node-a": {"probe": SAYS}, "*": {"image": "probe:1"}}
    nodes = nodes_of(replace(SPEC, nodes=given), cast("Cluster", cluster))
    assert {node: one.status for node, (one,) in nodes.ask([REQUEST]).items()} == {"node-a": 200}
    assert nodes.silent() == {"node-b": "not here"}
    assert cluster.pods == ["node-b"]


def test_headers_are_filled_in_where_they_are_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For a command, by stdin; never for a pod, whose environment many may read. A variable that is not set is named
    before anybody is asked."""
    cluster, task = ReadyNodes(), tmp_path / "task"
    says = ("sh", "-c", f"cat >{task}; echo '{json.dumps(ANSWER)}'")
    given: dict[str, dict[str, Any]] = {"node-a": {"probe": says}, "*": {"image": "probe:1"}}
    nodes = nodes_of(replace(SPEC, nodes=given), cast("Cluster", cluster))
    request = replace(REQUEST, headers={"Authorization": "Bearer ${SHOP_TOKEN}"})
    monkeypatch.delenv("SHOP_TOKEN", raising=False)
    with pytest.raises(PodliftError) as caught:
        nodes.ask([request])
    assert (caught.value.code, task.exists()) == ("variable-missing", False)
    monkeypatch.setenv("SHOP_TOKEN", "t0ken-of-mine")
    assert list(nodes.ask([request])) == ["node-a"]
    assert json.loads(task.read_text())["asks"][0]["headers"] == {"Authorization": "Bearer t0ken-of-mine"}
    assert cluster.pods == []
    assert "would show it" in nodes.silent()["node-b"]


def test_a_node_without_any_is_silent() -> None:
    """Without an image there is no other way."""
    found = nodes_of(replace(SPEC, nodes={"node-a": {"probe": SAYS}}), cast("Cluster", ReadyNodes()))
    assert list(found.ask([REQUEST])) == ["node-a"]
    assert list(found.silent()) == ["node-b"]


@pytest.mark.parametrize("image", ["probe:1", ""])
def test_of_a_node_that_is_not_ready_a_draw_tells_all_the_same(image: str) -> None:
    """By its command, else that nothing is known of it: its proxy may live. Nobody else asks it, and no pod is made."""
    taken = {"backends": {"10.0.0.1:80": 3}, "failed": {}, "unseen": {}}
    draws = ("sh", "-c", f"cat >/dev/null; echo '{json.dumps({'draws': [taken], **ANSWER})}'")
    others: dict[str, dict[str, Any]] = {"*": {"image": image}} if image else {}
    cluster = ReadyNodes("node-a", "node-b")
    nodes = nodes_of(replace(SPEC, nodes={"node-a": {"probe": draws}, **others}), cast("Cluster", cluster))
    assert nodes.draw(Backend("10.0.0.9", 80), 3) == {
        "node-a": Draw(backends={Backend("10.0.0.1", 80): 3}, ready=False),
        "node-b": Draw(ready=False, untried="no pod starts there, and no command is given for it"),
    }
    assert (nodes.silent(), nodes.ask([REQUEST]), nodes.silent()) == ({}, {}, {})
    assert cluster.pods == []


def test_hosts_survive_the_journal() -> None:
    """How each is reached and how commands are run there; what is not said is not written."""
    hosts = (
        Access(
            entry=HostEntry(host=Host(name="a", url="ssh://a", address="10.0.0.1", site="ams")), how="ssh", image="p:1"
        ),
        Access(
            entry=HostEntry(host=Host(name="b", url="tcp://b:2376"), ca="/ca.pem"), how=("ssh", "b"), probe=("p", "-x")
        ),
    )
    stored = json.loads(json.dumps(spec_json(replace(SPEC, hosts=hosts_json(hosts)))))
    assert hosts_of(spec_of(stored).hosts) == hosts
    assert stored["hosts"]["b"] == {"url": "tcp://b:2376", "ca": "/ca.pem", "exec": ["ssh", "b"], "probe": ["p", "-x"]}

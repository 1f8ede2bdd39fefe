"""``podlift diff`` where the cluster goes away, forgets what it listed, or lacks what the plan needs.

One clear word for each, and nothing half-claimed: a side that was not read whole is not compared.
"""

from __future__ import annotations

import threading
import time
import uuid
from pathlib import Path

import pytest

from converters.errors import PodliftError
from migrate import Cluster, diff_plan, read_plan
from migrate.apply import apply_plan
from migrate.diff import Comparison, State
from tests.apply_plans import config, deployment, of, planned, workload
from tests.cluster.test_apply_command import written
from tests.cluster_proxy import ClusterProxy
from tests.engine_proxy import Fault, answer
from tests.lab.cluster import GivenCluster
from tests.plan_directories import podlift


def told(found: Comparison) -> dict[str, tuple[State, str]]:
    return {each.name: (each.state, each.note) for each in found.objects}


def test_the_server_goes_in_the_middle(cluster: GivenCluster, edge: Cluster, space: str, tmp_path: Path) -> None:
    """Nothing is said of what was listed before; the other side is compared, and the code is that of the worst."""
    plan = read_plan(written(tmp_path, space))
    apply_plan(plan, edge, stage="final", never_cut_over=["web"])
    proxy: ClusterProxy
    lists = threading.Semaphore(4)

    def fault(asked: str) -> Fault | None:
        if "labelSelector" in asked and not lists.acquire(blocking=False):
            # in a thread: the proxy's own must be free to close its connections
            threading.Thread(target=proxy.down).start()
            time.sleep(0.2)
        return None

    with ClusterProxy(cluster, fault=fault) as proxy:
        reach = ("--kubeconfig", str(proxy.kubeconfig(tmp_path)))
        began = time.monotonic()
        done = podlift("diff", "plan", "--against", "cluster", "--against", "plan", *reach, cwd=tmp_path)
        assert done.returncode == 2, done.stdout
        assert "Not compared with cluster: context proxied: " in done.stdout
        assert "[cluster-gone]" in done.stdout
        assert "only in the plan" not in done.stdout
        assert "compared with plan" in done.stdout
        # eight lists wait at once, and others after them: they do not wait for the server one after the other
        assert time.monotonic() - began < 40
        alone = podlift("diff", "plan", *reach, cwd=tmp_path)
        assert (alone.returncode, alone.stdout) == (2, "")
        assert "[cluster-unreachable]" in alone.stderr
    assert not diff_plan(plan, edge).differs


def test_a_list_that_is_forgotten_is_read_anew(
    cluster: GivenCluster, edge: Cluster, space: str, tmp_path: Path
) -> None:
    """The token of the second page is over: the whole list is read again, and each object counts once."""
    many = workload("web", *(config(f"web-{n}", n=str(n)) for n in range(501)), legacy=0)
    plan = planned(space, many)
    apply_plan(plan, edge)
    expired = iter([True])

    def fault(asked: str) -> Fault | None:
        if "continue=" in asked and next(expired, False):
            return answer(410, {"kind": "Status", "reason": "Expired", "code": 410, "message": "too old"})
        return None

    with ClusterProxy(cluster, fault=fault) as proxy:
        found = diff_plan(plan, proxy.edge(tmp_path))
        pages = [each for each in proxy.requests if "/configmaps?" in each]
    assert (found.compared, told(found)) == (501, {})
    assert ["continue=" in each for each in pages] == [False, True, False, True]


def test_a_kind_that_is_not_served(cluster: GivenCluster, space: str, tmp_path: Path) -> None:
    """Its CRD is not there: that is why the object is missing."""
    plan = planned(space, workload("web", of("gateway.networking.k8s.io/v1", "HTTPRoute", "web", spec={}), legacy=0))

    def fault(asked: str) -> Fault | None:
        missing = {"kind": "Status", "reason": "NotFound", "code": 404, "message": "the server could not find it"}
        if asked.startswith("GET /apis/gateway.networking.k8s.io"):
            return answer(404, missing)
        return answer(200, {"groups": []}) if asked == "GET /apis" else None

    with ClusterProxy(cluster, fault=fault) as proxy:
        ((state, note),) = told(diff_plan(plan, proxy.edge(tmp_path))).values()
    assert state is State.ADDED
    assert "the cluster does not know the API group gateway.networking.k8s.io" in note


def test_a_namespace_that_is_missing(cluster: GivenCluster, edge: Cluster, space: str, tmp_path: Path) -> None:
    """It is asked for where nothing was found, and what is missing with it says so."""
    nowhere = f"nowhere-{uuid.uuid4().hex[:8]}"
    web = workload("web", deployment("web"), config("web"), legacy=0)
    found = told(diff_plan(planned(nowhere, web), edge))
    assert set(found.values()) == {(State.ADDED, f"the cluster has no namespace {nowhere}")}
    # once for what is missing, once for what the target promises of namespaces
    assert edge.requests["get", "namespaces"] == 2
    # one that the plan makes is missing itself
    found = told(diff_plan(planned(nowhere, web, shared=[of("v1", "Namespace", nowhere)]), edge))
    assert {note for _, note in found.values()} == {""}
    found = told(diff_plan(planned(space, web), edge))
    assert set(found.values()) == {(State.ADDED, "")}
    with ClusterProxy(cluster, anonymous=True) as proxy, pytest.raises(PodliftError) as raised:
        diff_plan(planned(nowhere, web), proxy.edge(tmp_path))
    assert raised.value.code == "cluster-forbidden"

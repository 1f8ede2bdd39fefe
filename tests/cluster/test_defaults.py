"""What a real API server and its controllers add to applied objects is no difference to ``podlift diff``."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from converters.conversion import ORDER
from migrate.diff import diff_plan
from migrate.diff.dump import dump_of
from migrate.plan.model import Plan
from tests.cluster.acceptance import GATEWAY, Court, NoGatewayError, gateway_crds
from tests.cluster.sources import ESTATE, Batch, batches, edge_estate
from tests.lab.cluster import GivenCluster
from tests.plan_directories import podlift

# Whoever applies: podlift's way, and how a reviewer would by hand.
WAYS = {
    "podlift": ("--server-side", "--field-manager=podlift", "--validate=strict"),
    "kubectl": ("--validate=strict",),
}
# What a plan never makes, and what stands in no namespace.
LEFT = {"PersistentVolume", "Namespace"}


@pytest.fixture(scope="module")
def court(cluster: GivenCluster) -> Iterator[Court]:
    with Court(cluster.api, suffix=uuid.uuid4().hex[:6]) as made:
        if not made.serves(GATEWAY):
            try:
                made.install(gateway_crds())
            except NoGatewayError as error:
                pytest.skip(str(error))
        yield made


@pytest.mark.parametrize("way", WAYS)
def test_the_edge_estate_applied_is_the_plan(cluster: GivenCluster, court: Court, tmp_path: Path, way: str) -> None:
    """Every object of the plan, applied for real and dumped, is what the plan says; one that is changed shows."""
    space = court.new_namespace("privileged")
    target = yaml.safe_load((ESTATE / "target.yaml").read_text(encoding="utf-8"))
    (tmp_path / "target.yaml").write_text(yaml.safe_dump(target | {"namespace": space}), encoding="utf-8")
    out = str(tmp_path / "plan")
    done = podlift("-q", "plan", "--target", str(tmp_path / "target.yaml"), "--out", out, cwd=ESTATE)
    assert done.returncode == 0, done.stderr
    cluster.kubectl("apply", *WAYS[way], "-k", out)
    _settle(cluster, space)
    dump = tmp_path / "dump.yaml"

    def compared() -> tuple[int, dict[str, Any]]:
        kinds = "serviceaccount,service,deployment,daemonset,cronjob,hpa,pdb,pvc,configmap,httproute"
        dump.write_text(cluster.kubectl("get", kinds, "-n", space, "-o", "yaml", "--show-managed-fields"))
        found = podlift("diff", out, "--against", str(dump), "-o", "json", cwd=tmp_path)
        return found.returncode, json.loads(found.stdout)["legs"][0]

    code, found = compared()
    assert (code, found["objects"]) == (0, [])
    assert found["compared"] > 70
    cluster.kubectl("patch", "-n", space, "service/edge-web", "-p", '{"spec": {"sessionAffinity": "ClientIP"}}')
    code, found = compared()
    assert (code, [each["object"] for each in found["objects"]]) == (1, ["Service/edge-web"])


def test_kinds_that_the_estate_lacks(cluster: GivenCluster, court: Court) -> None:
    """One plan of each other kind that podlift makes, applied for real and dumped."""
    for kind, batch in _of_each_kind().items():
        space = court.new_namespace(batch.target.pod_security)
        objects = [(workload, _moved(each, space)) for workload, each in batch.objects if each["kind"] not in LEFT]
        body = yaml.safe_dump_all(each for _, each in objects)
        cluster.kubectl("apply", *WAYS["podlift"], "-f", "-", stdin=body)
        _settle(cluster, space)
        names = [f"{each['kind']}.{_group(each)}/{each['metadata']['name']}" for _, each in objects]
        said = cluster.kubectl("get", *names, "-n", space, "-o", "json", "--show-managed-fields")
        planned = Plan(estate=batch.plan.estate, objects=tuple(objects))
        found = diff_plan(planned, dump_of(said.encode(), name=kind))
        told = [str(change) for other in found.objects for change in (*other.changes, *other.extras)]
        assert (kind, batch.name, told) == (kind, batch.name, [])
        assert not found.differs
        assert found.compared == len(objects)


def _of_each_kind() -> Mapping[str, Batch]:
    """The first batch of each kind that the edge estate lacks."""
    source = edge_estate()
    wanted = set(ORDER) - LEFT - {each["kind"] for _, each in source.plan(source.decisions).objects}
    found: dict[str, Batch] = {}
    for batch in batches():
        found |= dict.fromkeys({each["kind"] for _, each in batch.objects} & (wanted - set(found)), batch)
        if set(found) == wanted:
            break
    assert set(found) == wanted
    return found


def _moved(each: Mapping[str, Any], space: str) -> dict[str, Any]:
    return {**each, "metadata": {**each["metadata"], "namespace": space}}


def _group(each: Mapping[str, Any]) -> str:
    group, slash, version = each["apiVersion"].rpartition("/")
    return f"{version}.{group}" if slash else f"{version}."


def _settle(cluster: GivenCluster, space: str) -> None:
    """Waits until the controllers have seen what there is: they write into it too."""
    for kind in ("deployments", "daemonsets", "statefulsets"):
        if cluster.kubectl("get", kind, "-n", space, "-o", "name"):
            seen = "--for=jsonpath={.status.observedGeneration}=1"
            cluster.kubectl("wait", kind, "--all", "-n", space, seen, "--timeout=60s")

"""Services of an estate find each other under their old names from inside the pods of both nodes, and the plan says
where they do not: the estate runs on real engines, each client asks by every name that it has, podlift converts, and
the pods ask the same after the containers have gone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest

from converters.capture import Capture
from migrate.plan.model import Plan
from tests.cluster.migration import (
    UNREACHABLE,
    UNRESOLVED,
    Estate,
    applied,
    asked_by_all,
    captured,
    load_estate,
    planned,
    standing,
)
from tests.lab.cluster import Cluster
from tests.lab.engine import LabEngine, Registry

# Container to workload.
CLIENTS = {
    "shop_client_1": "shop.client",
    "shop_front_1": "front",
    "billing_client_1": "billing.client",
    "linked": "linked",
}
NODES = ["node-a", "node-b"]
FAILED = (UNRESOLVED, UNREACHABLE, "")


@dataclass(frozen=True)
class Asked:
    """One place of one client: its URL ("" for variables), the answer in the container and on each node."""

    client: str
    place: str
    url: str
    before: str
    after: Mapping[str, str]

    @property
    def same(self) -> bool:
        return set(self.after.values()) == {self.before}

    def __str__(self) -> str:
        return f"{self.client} {self.place} {self.url}: {self.before!r} became {dict(self.after)!r}"


@dataclass(frozen=True)
class Moved:
    plan: Plan
    estate: Estate
    asked: tuple[Asked, ...]

    def differences(self, *kinds: str) -> list[Asked]:
        return [each for each in self.asked if not each.same and each.place.partition(":")[0] in kinds]


@dataclass(frozen=True)
class Read:
    """What the containers of the estate were answered, by client and place, and what was read of their engines."""

    estate: Estate
    urls: Mapping[tuple[str, str], str]
    before: Mapping[str, Mapping[str, str]]
    capture: Capture


@pytest.fixture(scope="module")
def read(lab_engines: Mapping[str, LabEngine], registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Read:
    estate = load_estate("names")
    with standing(estate, lab_engines, registry) as legacy:
        before = legacy.ask_all(CLIENTS)
        capture = captured(legacy, tmp_path_factory.mktemp("names"))
        urls = {(name, place): legacy.url(name, place) for name, answers in before.items() for place in answers}
    return Read(estate, urls, before, capture)


@pytest.fixture(scope="module", params=["target.yaml", "target-by-project.yaml"])
def moved(
    request: pytest.FixtureRequest, read: Read, lab_cluster: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> Moved:
    """All in one namespace, and in a namespace for each Compose project. The containers are gone."""
    plan = planned(read.estate, read.capture, tmp_path_factory.mktemp("plan"), target=request.param)
    asked = []
    with applied(plan, lab_cluster) as pods:
        for name, workload in CLIENTS.items():
            before, after = read.before[name], dict(asked_by_all(pods, workload))
            assert sorted(after) == NODES
            for place in sorted({*before, *(key for each in after.values() for key in each)}):
                answers = {node: each.get(place, "") for node, each in after.items()}
                url = read.urls.get((name, place), "")
                asked.append(Asked(workload, place, url, before.get(place, ""), answers))
    return Moved(plan, read.estate, tuple(asked))


def test_the_whole_estate_was_converted(moved: Moved) -> None:
    assert moved.plan.withheld == ()
    assert moved.plan.undecided == 0


def test_the_engines_answered(moved: Moved) -> None:
    """Else nothing is compared: every name led somewhere, but for those that are there to lead nowhere."""
    silent = {each.url for each in moved.asked if each.url and each.before in FAILED}
    assert silent == set(moved.estate.body["silent"])


def test_what_podlift_rewrites_answers_as_before(moved: Moved) -> None:
    """Environment and arguments, from both nodes, but for addresses of hosts, which the plan asks about."""
    told = {f.subject.partition(" ")[2] for f in moved.plan.findings if f.code == "legacy-address-used" and f.open}
    differing = {urlsplit(each.url).netloc for each in moved.differences("env", "argument")}
    assert differing == {name for name in told if ":" in name}, "\n".join(
        map(str, moved.differences("env", "argument"))
    )


def test_what_nothing_rewrites_answers_or_was_told(moved: Moved) -> None:
    """Names in a file of the image: every difference has a verdict or finding that names the host."""
    untold = [str(each) for each in moved.differences("file") if not _told(moved, each)]
    assert untold == []


def test_what_was_told_is_true(moved: Moved) -> None:
    """A name of which the plan says that it leads elsewhere now really does."""
    cries = [str(each) for each in moved.asked if each.place.startswith("file:") and each.same and _told(moved, each)]
    assert cries == []


def test_every_way_to_lose_a_name_is_among_them(moved: Moved) -> None:
    codes = {code for each in moved.differences("file") for code in _told(moved, each)}
    assert codes >= {"alias", "alias-dotted", "network", "link", "legacy-address-used", "service-default"}


def test_variables_of_links(moved: Moved) -> None:
    """A link's addresses are there and lead to the same; its name and the other's environment are not, as told."""
    links = [each for each in moved.asked if each.client == "linked" and each.place.startswith("link:") and each.before]
    assert [each.place for each in links if each.same] == ["link:DATABASE:8080"]
    whys = [v.why for v in moved.plan.verdicts if v.code == "link"]
    gone = {prefix for why in whys for prefix in re.findall(r"no (\S+_)NAME and", why)}
    gone |= {f"{prefix}_PORT" for why in whys for prefix in re.findall(r"in place of ([A-Z]\S*)", why)}
    lost = {each.place.partition(":")[2] for each in moved.differences("variable") if each.before}
    assert {name for name in lost if not name.startswith(tuple(gone))} == set()
    assert {"DATABASE_NAME", "DATABASE_ENV_MODE", "OLD.DATABASE_PORT"} <= lost


# How a verdict says which names are lost.
_LOST = {
    "alias": r"^(\S+) is (?:no Service name|another workload's Service)",
    "alias-dotted": r"^(\S+) has dots",
    "alias-elsewhere": r"^(\S+): another workload's Service has the name",
    "network": r"the Service of container (\S+) is",
    "link": r"^link (\S+) to \S+: \S+ in place of the name|^(\S+\.\S+): the Service \S+, and its variables",
}


def _told(moved: Moved, asked: Asked) -> list[str]:
    """Codes by which the plan says that a name leads elsewhere than it did, or nowhere, or somewhere for once."""
    name, _, port = urlsplit(asked.url).netloc.lower().partition(":")
    (client,) = (each for each in moved.plan.workloads if each["name"] == asked.client)
    searched = [name]
    if not any((body["kind"], body["metadata"]["name"]) == ("Service", name) for _, body in moved.plan.objects):
        searched += [f"{name}.{domain['value']}" for domain in client["workload"].get("dns_search", ())]
    owner = _owner(moved, asked.before)
    made = []
    for verdict in moved.plan.verdicts:
        matches = re.finditer(_LOST.get(verdict.code, "$^"), verdict.why)
        lost = {group.lower() for match in matches for group in match.groups() if group}
        if verdict.workload == (asked.client if verdict.code == "link" else owner) and lost & set(searched):
            made.append(verdict.code)
        if verdict.code == "network" and verdict.workload == owner:
            networks = re.findall(r"NAME(\.\S+) does not resolve", verdict.why)
            made += [verdict.code for network in networks if name.endswith(network)]
        if verdict.code == "service-default" and any(
            t.startswith(f"Service/{name}:spec.type") for t in verdict.targets
        ):
            # it is there for everybody, with these ports
            (its,) = (each for each in moved.plan.workloads if each["name"] == verdict.workload)
            here = its["namespace"] == client["namespace"]
            closed = its["ports"] and int(port) not in {each["servicePort"] for each in its["ports"]}
            made += (
                [verdict.code] if here and (asked.before in FAILED or (closed and verdict.workload == owner)) else []
            )
    for finding in moved.plan.findings:
        subject = finding.subject.partition(" ")[2].lower()
        if finding.code == "alias-ambiguous" and finding.workload == owner and subject == name:
            made.append(finding.code)
        if (
            finding.code == "legacy-address-used"
            and finding.workload == asked.client
            and subject in (name, f"{name}:{port}")
        ):
            made.append(finding.code)
    return sorted(set(made))


def _owner(moved: Moved, body: str) -> str:
    """The workload whose container answered with a body."""
    containers = {each["name"]: each for each in moved.estate.body["containers"]}
    for workload in moved.plan.workloads:
        if any(body in containers[each["name"]].get("serves", {}).values() for each in workload["instances"]):
            return str(workload["name"])
    return ""

"""On which nodes pods may run, would rather run, and how they spread."""

from __future__ import annotations

from typing import Any

import kubernetes_validate
import pytest

from converters.errors import PodliftError
from converters.target import NEWEST_VERSION, Site, Target
from converters.workload import Constraint, Container, Controller, Image, Instance, Mount, MountKind, Spread
from tests.pods import OPEN, Templated, make
from tests.workloads import atom

AMS, SYD = {"topology.kubernetes.io/zone": "ams1"}, {"topology.kubernetes.io/zone": "syd1"}
EDGE = Target(
    sites=(Site(name="ams", node_labels=AMS), Site(name="syd", node_labels=SYD)),
    nodes={"ams-1": "node-a", "ams-2": "node-b"},
    host_labels={"disk": "edge.example/disk"},
)
REGIONS = Target(
    sites=(
        Site(name="ams", node_labels={"region": "eu", "tier": "1"}),
        Site(name="syd", node_labels={"region": "au", "tier": "2"}),
    )
)


def wish(attribute: str, *values: str, operator: str = "in", weight: int | None = None) -> Constraint:
    return Constraint(
        attribute=attribute, values=values, operator=operator, weight=weight, origins=atom("d", attribute)
    )


def plain(*platforms: str, name: str = "web") -> Container:
    return Container(name=name, image=Image(reference="r.example/web:1", platforms=platforms))


def placed(*constraints: Constraint, target: Target = EDGE, answers: dict[str, str] | None = None,
           spread: tuple[Spread, ...] = (), **more: Any) -> Templated:  # fmt: skip
    return make(plain(), constraints=constraints, target=target, answers=answers, spread=spread, **more)


def required(made: Templated) -> list[list[dict[str, Any]]]:
    affinity = made.spec.get("affinity", {}).get("nodeAffinity", {})
    terms = affinity.get("requiredDuringSchedulingIgnoredDuringExecution", {}).get("nodeSelectorTerms", [])
    return [term["matchExpressions"] for term in terms]


def is_in(key: str, *values: str, operator: str = "In") -> dict[str, Any]:
    return {"key": key, "operator": operator, "values": list(values)}


def test_pods_run_where_their_images_do() -> None:
    """On the architectures that all images were seen on; said to be no document's word."""
    made = make(plain("linux/arm64/v8", "linux/amd64"), plain("linux/amd64", name="proxy"))
    assert required(made) == [[is_in("kubernetes.io/arch", "amd64")]]
    (target,) = (t for t, code in made.defaulted().items() if code == "architecture")
    assert target == "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution"
    both = make(plain("linux/arm64", "linux/amd64"))
    assert required(both) == [[is_in("kubernetes.io/arch", "amd64", "arm64")]]
    assert "affinity" not in make(plain()).spec


@pytest.mark.parametrize(
    ("constraint", "expression"),
    [
        (wish("host", "ams-1", "ams-2"), is_in("kubernetes.io/hostname", "node-a", "node-b")),
        (wish("host", "ams-1", operator="not-in"), is_in("kubernetes.io/hostname", "node-a", operator="NotIn")),
        (wish("site", "ams", "syd"), is_in("topology.kubernetes.io/zone", "ams1", "syd1")),
        (wish("site", "syd", operator="not-in"), is_in("topology.kubernetes.io/zone", "syd1", operator="NotIn")),
        (wish("arch", "x86_64", "aarch64"), is_in("kubernetes.io/arch", "amd64", "arm64")),
        (wish("os", "linux"), is_in("kubernetes.io/os", "linux")),
        (wish("disk", "ssd"), is_in("edge.example/disk", "ssd")),
        (wish("disk", operator="exists"), {"key": "edge.example/disk", "operator": "Exists"}),
        (wish("disk", operator="not-exists"), {"key": "edge.example/disk", "operator": "DoesNotExist"}),
        (wish("node.kubernetes.io/instance-type", "m"), is_in("node.kubernetes.io/instance-type", "m")),
        (wish("site", operator="exists"), {"key": "topology.kubernetes.io/zone", "operator": "Exists"}),
        (wish("host", operator="exists"), {"key": "kubernetes.io/hostname", "operator": "Exists"}),
    ],
)
def test_a_constraint_is_a_node_label(constraint: Constraint, expression: dict[str, Any]) -> None:
    """As the target says which."""
    made = placed(constraint)
    assert required(made) == [[expression]]
    assert made.said(constraint.attribute) == "exact constraint"
    assert made.at(constraint.attribute) == [
        "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution"
    ]


def test_a_label_that_holds_host_names_is_used_for_hosts() -> None:
    """Instead of node names."""
    target = Target(host_labels={"host": "edge.example/old-host"}, nodes={"ams-1": "n1", "syd-1": "n2"})
    assert required(placed(wish("host", "h1"), target=target)) == [[is_in("edge.example/old-host", "h1")]]
    found = placed(wish("host", "ams-*", operator="like"), target=target)
    assert required(found) == [[is_in("edge.example/old-host", "ams-1")]]


@pytest.mark.parametrize(
    "constraint",
    [
        wish("host", "nowhere"),
        wish("site", "nowhere"),
        wish("rack", "r1"),
        wish("disk", "s*", operator="like"),
        wish("host", "zzz.*", operator="like"),
        wish("disk"),
        wish("disk", "not a label"),
    ],
)
def test_a_constraint_that_the_target_does_not_translate_blocks(constraint: Constraint) -> None:
    """Pods must not run where the instances never did."""
    made = placed(constraint)
    assert made.ledger.blocked() == ("constraint-label",)
    assert required(made) == []
    assert placed(constraint, answers={"constraint-label": "drop"}).said(constraint.attribute) == (
        "dropped constraint-label"
    )


def test_a_constraint_can_be_answered_with_a_label() -> None:
    """With values of its own where those of the legacy side do not fit."""
    made = placed(wish("rack", "r1"), answers={"constraint-label": "edge.example/rack"})
    assert required(made) == [[is_in("edge.example/rack", "r1")]]
    assert made.verdict("rack").decided
    patterns = wish("rack", "r.*", operator="like")
    found = placed(patterns, answers={"constraint-label": "edge.example/rack=r1,r2"})
    assert required(found) == [[is_in("edge.example/rack", "r1", "r2")]]
    assert placed(patterns, answers={"constraint-label": "rack"}).ledger.blocked() == ("constraint-label",)
    with pytest.raises(PodliftError, match="no node label"):
        placed(wish("rack", "r1"), answers={"constraint-label": "-"})


@pytest.mark.parametrize("pattern", ["ams-*", "ams-\\d+", "ams-[12]"])
def test_a_pattern_is_what_it_matches_now(pattern: str) -> None:
    """Among what the target knows; and that is said."""
    made = placed(wish("host", pattern, operator="like"))
    assert required(made) == [[is_in("kubernetes.io/hostname", "node-a", "node-b")]]
    assert made.said("host") == "approximated constraint"
    assert required(placed(wish("site", "s*", operator="like"))) == [[is_in("topology.kubernetes.io/zone", "syd1")]]
    assert required(placed(wish("arch", "arm*", operator="like"))) == [[is_in("kubernetes.io/arch", "arm", "arm64")]]


def test_a_site_of_several_labels_has_all_of_them() -> None:
    """And being at none of two sites means that of each one label differs."""
    made = placed(wish("site", "ams", "syd"), target=REGIONS)
    assert required(made) == [
        [is_in("region", "eu"), is_in("tier", "1")],
        [is_in("region", "au"), is_in("tier", "2")],
    ]
    nowhere = placed(wish("site", "ams", "syd", operator="not-in"), target=REGIONS)
    assert len(required(nowhere)) == 4
    assert [is_in("region", "eu", operator="NotIn"), is_in("tier", "2", operator="NotIn")] in required(nowhere)


def test_constraints_hold_together() -> None:
    """Alternatives of one stand beside each of the other's."""
    made = placed(wish("site", "ams", "syd"), wish("arch", "amd64"), target=REGIONS)
    assert [term[-1] for term in required(made)] == [is_in("kubernetes.io/arch", "amd64")] * 2


@pytest.mark.parametrize(
    ("weight", "made", "operator", "said"),
    [
        (50, 50, "In", "exact constraint"),
        (-50, 50, "NotIn", "exact constraint"),
        (900, 100, "In", "approximated constraint"),
        (-900, 100, "NotIn", "approximated constraint"),
    ],
)
def test_a_weight_makes_a_wish(weight: int, made: int, operator: str, said: str) -> None:
    """A negative one is the opposite; 100 is the most."""
    found = placed(wish("arch", "arm64", weight=weight))
    assert found.spec["affinity"]["nodeAffinity"] == {
        "preferredDuringSchedulingIgnoredDuringExecution": [
            {
                "weight": made,
                "preference": {"matchExpressions": [is_in("kubernetes.io/arch", "arm64", operator=operator)]},
            }
        ]
    }
    assert found.said("arch") == said
    assert found.at("arch") == ["spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution"]


def test_a_negative_wish_for_existence_is_one_for_absence() -> None:
    """The opposite of having a label."""
    made = placed(wish("disk", operator="exists", weight=-1))
    (term,) = made.spec["affinity"]["nodeAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
    assert term["preference"]["matchExpressions"] == [{"key": "edge.example/disk", "operator": "DoesNotExist"}]


def test_a_wish_of_no_weight_has_no_effect() -> None:
    """And is said to have none."""
    made = placed(wish("arch", "arm64", weight=0))
    assert made.said("arch") == "dropped constraint-idle"
    assert "affinity" not in made.spec


def over(what: str, max_per: int | None = None, *, must: bool = True) -> Spread:
    return Spread(over=what, max_per=max_per, required=must, origins=atom("d", f"over {what}"))


def test_one_on_each_host_is_anti_affinity() -> None:
    """Among pods of one revision, so that a rollout does not wait for an empty node."""
    made = placed(spread=(over("host", 1),))
    (term,) = made.spec["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert term == {
        "labelSelector": {"matchLabels": {"podlift.dev/workload": "web"}},
        "topologyKey": "kubernetes.io/hostname",
        "matchLabelKeys": ["pod-template-hash"],
    }
    assert made.said("over host") == "approximated spread"
    in_set = placed(spread=(over("host", 1),), controller=Controller.STATEFULSET)
    (term,) = in_set.spec["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert "matchLabelKeys" not in term
    assert in_set.said("over host") == "exact spread"


def test_a_wish_for_one_on_each_is_preferred() -> None:
    """With all its weight; within the site, where sites have controllers of their own."""
    made = placed(spread=(over("site", 1, must=False),), site="ams")
    (term,) = made.spec["affinity"]["podAntiAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
    assert term["weight"] == 100
    assert term["podAffinityTerm"]["topologyKey"] == "topology.kubernetes.io/zone"
    assert term["podAffinityTerm"]["labelSelector"]["matchLabels"]["podlift.dev/site"] == "ams"


@pytest.mark.parametrize(
    ("spread", "key", "way", "said"),
    [
        (over("host"), "kubernetes.io/hostname", "DoNotSchedule", "exact spread"),
        (over("site", must=False), "topology.kubernetes.io/zone", "ScheduleAnyway", "exact spread"),
        (over("disk"), "edge.example/disk", "DoNotSchedule", "exact spread"),
        (over("host", 3), "kubernetes.io/hostname", "DoNotSchedule", "approximated spread"),
    ],
)
def test_spread_evenly(spread: Spread, key: str, way: str, said: str) -> None:
    """By a spread constraint, which knows no number for each."""
    made = placed(spread=(spread,))
    (constraint,) = made.spec["topologySpreadConstraints"]
    assert constraint["topologyKey"] == key
    assert constraint["whenUnsatisfiable"] == way
    assert constraint["maxSkew"] == 1
    assert made.said(f"over {spread.over}") == said
    assert made.at(f"over {spread.over}") == [f"spec.topologySpreadConstraints[{key}]"]


def test_equal_spreads_are_one() -> None:
    """The API server takes one for each key."""
    assert len(placed(spread=(over("host"), over("host", 2))).spec["topologySpreadConstraints"]) == 1


def test_sites_without_a_label_of_their_own_are_zones() -> None:
    """What most clusters label."""
    made = placed(spread=(over("site"),), target=REGIONS)
    assert made.spec["topologySpreadConstraints"][0]["topologyKey"] == "topology.kubernetes.io/zone"
    own = Target(sites=(Site(name="ams", node_labels={"pop": "ams"}),))
    assert placed(spread=(over("site"),), target=own).spec["topologySpreadConstraints"][0]["topologyKey"] == "pop"


def test_a_daemon_set_spreads_by_itself() -> None:
    """One on each node."""
    made = placed(spread=(over("host", 1),), controller=Controller.DAEMONSET)
    assert "affinity" not in made.spec
    assert made.said("over host") == "approximated spread"


def test_a_spread_over_an_unknown_label_is_asked_about() -> None:
    """As a constraint would be."""
    assert placed(spread=(over("rack"),)).ledger.blocked() == ("constraint-label",)
    made = placed(spread=(over("rack"),), answers={"constraint-label": "edge.example/rack"})
    assert made.spec["topologySpreadConstraints"][0]["topologyKey"] == "edge.example/rack"
    dropped = placed(spread=(over("rack"),), answers={"constraint-label": "drop"})
    assert dropped.said("over rack") == "dropped constraint-label"


def test_pods_can_be_tied_to_the_data_on_their_hosts() -> None:
    """By decision, on the nodes that the target names for those hosts; a host without one blocks."""
    bind = Mount(kind=MountKind.BIND, target="/d", source="/srv/d", origins=atom("d", "bind"))
    box = Container(name="web", mounts=(bind,))
    nodes = Target(pod_security="privileged", nodes={"ams-1": "node-a"})

    def tied(target: Target, answer: str = "hostPath+pin", host: str = "ams-1") -> Templated:
        return make(box, target=target, answers={"bind": answer}, instances=(Instance(name="web", host=host),))

    assert required(tied(nodes)) == [[is_in("kubernetes.io/hostname", "node-a")]]
    assert tied(nodes).said("bind") == "exact data-on-host"
    assert required(tied(nodes, answer="hostPath")) == []
    assert tied(nodes, host="syd-1").ledger.blocked() == ("bind",)
    assert tied(OPEN).ledger.blocked() == ("bind",)
    assert required(tied(Target(nodes={"ams-1": "node-a"}))) == []


@pytest.mark.parametrize("version", [(1, 31), NEWEST_VERSION])
def test_a_full_placement_is_legal(version: tuple[int, int]) -> None:
    """Strict schemas accept it."""
    target = Target(version=version, sites=EDGE.sites, nodes=EDGE.nodes, host_labels=EDGE.host_labels)
    made = make(
        plain("linux/amd64"), target=target, constraints=(wish("site", "ams"), wish("disk", "a", weight=-5)),
        spread=(over("host", 1), over("site"), over("disk", 1, must=False)),
    )  # fmt: skip
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": made.spec}
    kubernetes_validate.validate(pod, f"{version[0]}.{version[1]}", strict=True)

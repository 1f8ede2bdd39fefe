"""Names are legal, injective and do not depend on what else there is."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from converters.decisions import Answered, Decisions, Override
from converters.errors import PodliftError
from converters.estate.sharing import with_names
from converters.names import NameMap, assign_names, legal
from converters.target import Target
from converters.workload import Mount, MountKind, Name, Network, Pair, Workload
from tests.workloads import running

LEGAL = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")


def named(*workloads: Workload, decisions: Decisions | None = None, target: Target | None = None) -> NameMap:
    return assign_names(workloads, target=target or Target(), decisions=decisions or Decisions())


@given(st.lists(st.text(min_size=1, max_size=90), unique=True, max_size=12))
def test_any_names_become_legal_and_stay_apart(legacy: list[str]) -> None:
    """Whatever the legacy side allowed, every workload gets a name of its own."""
    made = named(*(Workload(name=n) for n in legacy))
    assert all(LEGAL.fullmatch(n) and len(n) <= 52 for n in made.workloads.values())
    assert len(set(made.workloads.values())) == len(legacy)


@given(st.permutations(["my_app", "my-app", "My.App", "web"]))
def test_order_changes_nothing(order: list[str]) -> None:
    """The one that was legal keeps its name, the others bear a hash, in any order."""
    made = named(*(Workload(name=n) for n in order))
    assert made.workloads["my-app"] == "my-app"
    assert made.workloads["web"] == "web"
    assert {f.workload for f in made.findings} == {"my_app", "My.App"}
    assert made.workloads["my_app"] == named(Workload(name="my_app"), Workload(name="my-app")).workloads["my_app"]


def test_a_name_that_is_not_legal_is_to_be_rewritten() -> None:
    """my_db does not resolve in the cluster; Web does, for DNS does not tell capitals apart."""
    made = named(Workload(name="my_db", names=(Name(name="my_db"),)), Workload(name="Web", names=(Name(name="Web"),)))
    assert made.hosts == {"my_db": "my-db"}
    assert made.services[("Web", "Web")] == "web"


def test_groups_as_namespaces_make_full_names() -> None:
    """With a namespace for each group, callers need the namespace too."""
    api = Workload(name="api", namespace_hint="shop", names=(Name(name="api"),))
    db = Workload(name="db", namespace_hint="data", names=(Name(name="db"),))
    made = named(api, db, target=Target(namespace="{group}"))
    assert made.namespaces == {"api": "shop", "db": "data"}
    assert made.hosts["db"] == "db.data"


def test_an_override_that_is_no_name_is_refused_with_its_line() -> None:
    """The error says where and how long."""
    decisions = Decisions(overrides=(Override(workload="web", name="Web_1", line=7),))
    with pytest.raises(PodliftError) as refused:
        named(Workload(name="web"), decisions=decisions)
    assert refused.value.code == "bad-name"
    assert refused.value.subject.endswith(":7")


def test_two_overrides_to_one_name_are_refused() -> None:
    """Two workloads cannot be one object."""
    decisions = Decisions(
        overrides=(Override(workload="a", name="x", line=1), Override(workload="b", name="x", line=2))
    )
    with pytest.raises(PodliftError) as refused:
        named(Workload(name="a"), Workload(name="b"), decisions=decisions)
    assert refused.value.code == "name-taken"


def test_an_override_takes_a_name_from_who_would_have_it() -> None:
    """The workload that nobody named gives way."""
    made = named(
        Workload(name="a"), Workload(name="b"), decisions=Decisions(overrides=(Override(workload="a", name="b"),))
    )
    assert made.workloads["a"] == "b"
    assert made.workloads["b"] != "b"


def test_shared_volumes_have_one_claim_and_others_their_own() -> None:
    """Claims follow volumes, not mounts."""
    shared = Mount(kind=MountKind.VOLUME, source="media", target="/m", shared_with=("b",))
    back = Mount(kind=MountKind.VOLUME, source="media", target="/m", shared_with=("a",))
    alone = Mount(kind=MountKind.VOLUME, source="media", target="/m")
    made = named(
        running("a", container={"mounts": (shared,)}),
        running("b", container={"mounts": (back,)}),
        running("c", container={"mounts": (alone,)}),
    )
    assert made.claims[("a", "volume:media")] == made.claims[("b", "volume:media")] == "media"
    assert made.claims[("c", "volume:media")] == "c-media"


def test_long_names_are_cut_and_hashed() -> None:
    """Two that differ only behind the cut stay apart."""
    one, two = legal("x" * 80 + "a"), legal("x" * 80 + "b")
    assert len(one) <= 63
    assert one != two


def two_projects() -> tuple[Workload, ...]:
    """The service db of two projects, each on a network of its own, and who uses it there."""

    def one(name: str, alias: str, network: str) -> Workload:
        return Workload(
            name=name,
            namespace_hint=network,
            names=(Name(name=alias, network=network), Name(name=name, kind="workload")),
            networks=(Network(name=network),),
        )

    return (one("a.db", "db", "a"), one("a.web", "web", "a"), one("b.db", "db", "b"), one("b.api", "api", "b"))


def test_a_name_on_another_network_is_another_workload() -> None:
    """Docker resolves db on each network by itself: each project's own one, never the other's."""
    made = named(*two_projects())
    first, second = made.services[("a.db", "db")], made.services[("b.db", "db")]
    assert first == "db"
    assert second != first
    assert made.hosts_for("a.web").get("db", "db") == "db"
    assert made.hosts_for("b.api")["db"] == second
    (finding,) = made.findings
    assert (finding.workload, finding.code, finding.subject, finding.open) == (
        "b.db", "alias-ambiguous", "name db", True,
    )  # fmt: skip
    accepted = Decisions(answers=(Answered(workload="b.db", code="alias-ambiguous", about="name *", answer="accept"),))
    assert not named(*two_projects(), decisions=accepted).findings[0].open


def test_a_name_means_ones_own_project_in_its_namespace() -> None:
    """With a namespace for each project both keep the name, and callers get the address of theirs."""
    made = named(*two_projects(), target=Target(namespace="{group}"))
    assert made.services[("a.db", "db")] == made.services[("b.db", "db")] == "db"
    assert made.hosts_for("a.web")["db"] == "db.a"
    assert made.hosts_for("b.api")["db"] == "db.b"
    assert "db" not in made.hosts


def test_a_link_is_its_containers_alone() -> None:
    """Two containers that call different databases db by links do not get each other's."""

    def linked(name: str, to: str) -> Workload:
        return running(name, networks=(Network(name="bridge", links=(Pair(key="db", value=to),)),))

    both = with_names([running("red"), running("blue"), linked("web", "red"), linked("api", "blue")])
    made = named(*both)
    assert made.links[("web", "db")] != made.links[("api", "db")]
    assert made.hosts_for("web").get("db", "db") == made.links[("web", "db")]
    assert made.hosts_for("api").get("db", "db") == made.links[("api", "db")]


def test_a_workloads_own_name_is_no_host_name() -> None:
    """Docker resolved container names and aliases; the name that podlift gave a group may be any word in a text."""
    made = named(Workload(name="my_app", names=(Name(name="my_app", kind="workload"),)))
    assert made.hosts_for("my_app") == {}


def test_where_an_old_name_stands_is_a_finding() -> None:
    """The places are named and no value is shown."""
    db = Workload(name="my_db", names=(Name(name="my_db", network="n"),))
    web = running("web", env={"DB": "postgres://u:hunter22@my_db:5432/x", "TITLE": "about my_db here"})
    made = named(db, web)
    found = {(f.subject, f.sides) for f in made.findings if f.code == "legacy-name-used"}
    assert found == {("name my_db", (("written", "env DB"),)), ("name my_db", (("left", "env TITLE"),))}
    assert "hunter22" not in repr(made.findings)

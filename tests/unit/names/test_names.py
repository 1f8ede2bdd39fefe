"""Names are legal, injective and do not depend on what else there is."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from converters.decisions import Decisions, Override
from converters.errors import PodliftError
from converters.names import NameMap, assign_names, legal
from converters.target import Target
from converters.workload import Mount, MountKind, Name, Workload
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

"""The security context: Docker's defaults kept, and nothing that the target's pod security level refuses."""

from __future__ import annotations

from typing import Any

import pytest

from converters.errors import PodliftError
from converters.names import NameMap
from converters.objects.context import Context
from converters.objects.security import apparmor_annotations, needs_user_namespace
from converters.target import Target
from converters.workload import Item, Pair
from tests.containers import SPEC, a_container, convert, privileged
from tests.workloads import atom

AT = atom("h1/container/web", "it")
RESTRICTED = Target(pod_security="restricted")
CONTEXT = SPEC + "securityContext."


def test_dockers_seccomp_profile_stays_on() -> None:
    """Docker filters system calls by default and Kubernetes does not: the profile is written, and said to be."""
    made = convert(a_container())
    assert made.security == {"seccompProfile": {"type": "RuntimeDefault"}}
    assert CONTEXT + "seccompProfile" in made.defaulted()


def test_user_and_group_are_numbers() -> None:
    """A pod takes numbers only; root is 0."""
    made = convert(a_container(user="1000", group="root"))
    assert (made.security["runAsUser"], made.security["runAsGroup"]) == (1000, 0)
    assert made.said("user") == ("user", "exact")
    assert made.verdict("user").targets == (CONTEXT + "runAsUser", CONTEXT + "runAsGroup")


def test_a_user_by_name_blocks_until_it_is_a_number() -> None:
    """Without the image's accounts a name means nothing to a pod."""
    box = a_container(user="www-data")
    made = convert(box)
    assert made.ledger.blocked() == ("user-unresolved",)
    assert "runAsUser" not in made.security
    answered = convert(box, answers={"user-unresolved": "33:34"})
    assert (answered.security["runAsUser"], answered.security["runAsGroup"]) == (33, 34)
    assert answered.said("user") == ("user-unresolved", "exact")
    for answer in ("www-data", "4294967295"):
        with pytest.raises(PodliftError, match="UID"):
            convert(box, answers={"user-unresolved": answer})
    assert convert(a_container(user="4294967295")).ledger.blocked() == ("user-unresolved",)


def test_privileged_needs_a_target_that_admits_it() -> None:
    """A privileged container has no seccomp filter; a level that refuses it blocks, and drop leaves it out."""
    box = a_container(privileged=True)
    made = convert(box, target=privileged())
    assert made.security == {"privileged": True, "seccompProfile": {"type": "Unconfined"}}
    assert made.said("privileged") == ("privileged", "exact")
    refused = convert(box)
    assert refused.ledger.blocked() == ("pod-security",)
    assert "privileged" not in refused.security
    dropped = convert(box, answers={"pod-security": "drop"})
    assert dropped.said("privileged") == ("pod-security", "dropped")
    assert dropped.ledger.blocked() == ()


def test_no_new_privileges() -> None:
    """The flag has a field, which the API server refuses on a privileged container."""
    made = convert(a_container(no_new_privileges=True))
    assert made.security["allowPrivilegeEscalation"] is False
    assert made.said("no_new_privileges") == ("no-new-privileges", "exact")
    both = convert(a_container(no_new_privileges=True, privileged=True), target=privileged())
    assert "allowPrivilegeEscalation" not in both.security
    assert both.said("no_new_privileges") == ("security-option", "dropped")


def _caps(*names: str) -> tuple[Item, ...]:
    return tuple(Item(value=name, origins=atom("h1/container/web", name)) for name in names)


def test_capabilities_lose_dockers_prefix() -> None:
    """CAP_CHOWN is CHOWN in a pod; lists are sorted."""
    made = convert(a_container(cap_add=_caps("SETUID", "CAP_CHOWN"), cap_drop=_caps("cap_net_raw")))
    assert made.security["capabilities"] == {"add": ["CHOWN", "SETUID"], "drop": ["NET_RAW"]}
    assert made.said("CAP_CHOWN") == ("capability-add", "exact")
    assert made.said("cap_net_raw") == ("capability-drop", "exact")


def test_a_capability_that_the_level_refuses_blocks() -> None:
    """NET_ADMIN is beyond baseline, whether it is named or meant by ALL."""
    for name in ("NET_ADMIN", "ALL"):
        made = convert(a_container(cap_add=_caps(name)))
        assert made.said(name) == ("pod-security", "undecided")
        assert "capabilities" not in made.security
        admitted = convert(a_container(cap_add=_caps(name)), target=privileged())
        assert admitted.security["capabilities"] == {"add": [name]}


def test_dockers_additions_win_over_its_drops() -> None:
    """Docker adds what stands in both lists; a pod's runtime would drop it."""
    made = convert(a_container(cap_add=_caps("CHOWN"), cap_drop=_caps("ALL", "CAP_CHOWN")))
    assert made.security["capabilities"] == {"add": ["CHOWN"], "drop": ["ALL"]}
    assert made.said("CAP_CHOWN") == ("security-option", "dropped")


def test_no_seccomp_profile_needs_a_target_that_admits_it() -> None:
    """Unconfined is beyond baseline; dropped, the default profile is on."""
    box = a_container(seccomp="unconfined")
    assert convert(box, target=privileged()).security["seccompProfile"] == {"type": "Unconfined"}
    made = convert(box, answers={"pod-security": "drop"})
    assert made.security["seccompProfile"] == {"type": "RuntimeDefault"}
    assert made.said("seccomp") == ("pod-security", "dropped")


def test_a_profile_of_its_own_must_lie_on_the_nodes() -> None:
    """The default profile for now, the named one once the user has put it there."""
    box = a_container(seccomp='{"defaultAction": "SCMP_ACT_ERRNO"}')
    made = convert(box)
    assert made.security["seccompProfile"] == {"type": "RuntimeDefault"}
    assert made.said("seccomp") == ("seccomp-profile", "undecided")
    assert made.ledger.blocked() == ()
    named = convert(box, answers={"seccomp-profile": "web/tight.json"})
    assert named.security["seccompProfile"] == {"type": "Localhost", "localhostProfile": "web/tight.json"}
    assert convert(box, answers={"seccomp-profile": "RuntimeDefault"}).said("seccomp")[1] == "approximated"
    for path in ("/etc/tight.json", "../tight.json"):
        with pytest.raises(PodliftError, match="below"):
            convert(box, answers={"seccomp-profile": path})


@pytest.mark.parametrize(
    ("profile", "field", "level"),
    [
        ("docker-default", {"type": "RuntimeDefault"}, "approximated"),
        ("edge-web", {"type": "Localhost", "localhostProfile": "edge-web"}, "approximated"),
        ("unconfined", {"type": "Unconfined"}, "exact"),
    ],
)
def test_apparmor(profile: str, field: dict[str, str], level: str) -> None:
    """A profile is a field of the container."""
    made = convert(a_container(apparmor=profile), target=privileged())
    assert made.security["appArmorProfile"] == field
    assert made.said("apparmor") == ("apparmor", level)


def test_apparmor_before_its_field() -> None:
    """Clusters before 1.30 read an annotation of the pod."""
    box = a_container(apparmor="edge-web")
    target = Target(version=(1, 29))
    made = convert(box, target=target)
    assert "appArmorProfile" not in made.security
    (path,) = made.verdict("apparmor").targets
    context = Context(names=NameMap(), target=target)
    assert apparmor_annotations(box, name="web", context=context) == {
        "container.apparmor.security.beta.kubernetes.io/web": "localhost/edge-web"
    }
    assert "container.apparmor.security.beta.kubernetes.io/web" in path
    assert apparmor_annotations(box, name="web", context=Context(names=NameMap())) == {}


def test_no_apparmor_profile_is_beyond_baseline() -> None:
    """Unconfined blocks where the level refuses it."""
    assert convert(a_container(apparmor="unconfined")).ledger.blocked() == ("pod-security",)


def _selinux(key: str, value: str = "") -> tuple[Pair, ...]:
    return (Pair(key=key, value=value, origins=AT),)


@pytest.mark.parametrize(
    ("pair", "field", "said"),
    [
        (("level", "s0:c1,c2"), {"level": "s0:c1,c2"}, ("selinux", "exact")),
        (("type", "container_t"), {"type": "container_t"}, ("selinux", "exact")),
        (("user", "edge_u"), None, ("pod-security", "undecided")),
        (("type", "spc_t"), None, ("pod-security", "undecided")),
        (("disable", ""), None, ("pod-security", "undecided")),
        (("filetype", "x"), None, ("security-option", "dropped")),
    ],
)
def test_selinux_under_baseline(pair: tuple[str, str], field: Any, said: tuple[str, str]) -> None:
    """Levels admit container types and any level, no user, no role and no other type."""
    made = convert(a_container(selinux=_selinux(*pair)))
    assert made.security.get("seLinuxOptions") == field
    assert made.said("it") == said


def test_selinux_disabled() -> None:
    """Labelling cannot be turned off for a pod; the type that confines nothing stands for it."""
    made = convert(a_container(selinux=_selinux("disable")), target=privileged())
    assert made.security["seLinuxOptions"] == {"type": "spc_t"}
    assert made.said("it") == ("selinux", "approximated")


def test_read_only_root() -> None:
    """A read-only root file system has a field of the same meaning."""
    made = convert(a_container(read_only_root=True))
    assert made.security["readOnlyRootFilesystem"] is True
    assert made.said("read_only_root") == ("read-only-root", "exact")


def test_unmasked_kernel_paths() -> None:
    """procMount needs a gate and a user namespace; a privileged container has nothing masked anyway."""
    box = a_container(unmasked_paths=True)
    new = privileged(version=(1, 33))
    made = convert(box, target=new)
    assert made.security["procMount"] == "Unmasked"
    assert made.said("unmasked_paths") == ("system-paths", "approximated")
    assert needs_user_namespace(box, Context(names=NameMap(), target=new))
    old = convert(box, target=privileged())
    assert old.ledger.blocked() == ("system-paths-refused",)
    assert not needs_user_namespace(box, Context(names=NameMap(), target=privileged()))
    assert convert(box, target=privileged(), answers={"system-paths-refused": "drop"}).ledger.blocked() == ()
    assert convert(box).said("unmasked_paths") == ("pod-security", "undecided")
    whole = convert(a_container(unmasked_paths=True, privileged=True), target=privileged())
    assert "procMount" not in whole.security
    assert whole.verdict("unmasked_paths").targets == (CONTEXT + "privileged",)


def test_a_restricted_level_asks_before_it_changes_the_process() -> None:
    """What the level demands and Docker never did is written only once the user agrees."""
    made = convert(a_container(), target=RESTRICTED)
    asked = {v.source.path for v in made.ledger.verdicts() if v.code == "restricted-demands" and v.source}
    assert asked == {"web: runAsNonRoot", "web: allowPrivilegeEscalation", "web: drop ALL"}
    assert made.ledger.blocked() == ("restricted-demands",)
    agreed = convert(a_container(), target=RESTRICTED, answers={"restricted-demands": "comply"})
    assert agreed.security == {
        "runAsNonRoot": True,
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert agreed.ledger.blocked() == ()


def test_a_container_that_is_restricted_already_is_asked_nothing() -> None:
    """A user other than root, no new privileges and all capabilities dropped is what the level wants."""
    box = a_container(user="1000", no_new_privileges=True, cap_drop=_caps("ALL"), cap_add=_caps("NET_BIND_SERVICE"))
    made = convert(box, target=RESTRICTED)
    assert made.ledger.blocked() == ()
    assert made.security["runAsNonRoot"] is True
    assert made.security["capabilities"] == {"add": ["NET_BIND_SERVICE"], "drop": ["ALL"]}


def test_root_is_refused_by_the_restricted_level() -> None:
    """The level takes no user 0, and baseline does."""
    assert "pod-security" in convert(a_container(user="0"), target=RESTRICTED).ledger.blocked()
    assert convert(a_container(user="0")).security["runAsUser"] == 0

"""The pod template and what belongs to the pod: namespaces, names, resolver, kernel settings, groups."""

from __future__ import annotations

from typing import Any

import kubernetes_validate
import pytest

from converters.decisions import Answered, Decisions
from converters.errors import PodliftError
from converters.fields.ledger import Ledger
from converters.objects.namespaces import with_host_ports
from converters.target import NEWEST_VERSION, Target
from converters.workload import Controller, Network, Port, Protocol, Restart, Workload
from tests.pods import OPEN, Templated, an_app, items, make, pairs
from tests.workloads import atom


def test_a_plain_pod_says_what_docker_did() -> None:
    """No token, no variables of Services, and the grace; each said to be no document's word."""
    made = make()
    assert made.template["metadata"]["labels"] == {
        "app.kubernetes.io/managed-by": "podlift",
        "podlift.dev/estate": "edge",
        "podlift.dev/workload": "web",
    }
    assert made.spec["serviceAccountName"] == "web"
    assert made.spec["automountServiceAccountToken"] is False
    assert made.spec["enableServiceLinks"] is False
    assert {"spec.automountServiceAccountToken", "spec.enableServiceLinks"} <= made.defaulted().keys()
    for key in ("hostNetwork", "hostPID", "hostIPC", "hostUsers", "dnsPolicy", "dnsConfig", "hostAliases", "volumes"):
        assert key not in made.spec


def test_labels_say_site_and_network() -> None:
    """Where sites have controllers of their own, and networks are kept apart."""
    target = Target(isolation="networkpolicy")
    made = make(site="ams", target=target, networks=(Network(name="front"),))
    labels = made.template["metadata"]["labels"]
    assert labels["podlift.dev/site"] == "ams"
    assert labels["network.podlift.dev/front"] == "member"


def test_an_apparmor_profile_is_an_annotation_before_there_was_a_field() -> None:
    """Beside those that are given."""
    made = make(an_app(apparmor="docker-default"), target=Target(version=(1, 29)))
    key = "container.apparmor.security.beta.kubernetes.io/web"
    assert made.template["metadata"]["annotations"] == {key: "runtime/default"}
    assert "annotations" not in make().template["metadata"]


@pytest.mark.parametrize(
    ("controller", "policy", "made"),
    [
        (Controller.DEPLOYMENT, "no", "Always"),
        (Controller.JOB, "no", "Never"),
        (Controller.JOB, "on-failure", "OnFailure"),
        (Controller.CRONJOB, "always", "OnFailure"),
    ],
)
def test_the_restart_policy_is_one_that_the_controller_takes(controller: Controller, policy: str, made: str) -> None:
    """Jobs never restart what Docker would not have."""
    assert make(controller=controller, restart=Restart(policy=policy)).spec["restartPolicy"] == made


def test_service_variables_are_on_where_a_link_may_be_read_so() -> None:
    """Links of the default bridge inject such variables where what they mean has a Service; other links none."""
    linked = (Network(name="bridge", links=pairs(db="database")),)
    services = {("database", "db"): "db"}
    made = make(networks=linked, services=services)
    assert made.spec["enableServiceLinks"] is True
    assert made.said("db") == "approximated link"
    assert make(networks=linked).spec["enableServiceLinks"] is False
    front = (Network(name="front", links=pairs(db="database")),)
    assert make(networks=front, services=services).spec["enableServiceLinks"] is False


def test_the_hosts_network_brings_its_resolver() -> None:
    """And the question of its ports, where no document names one."""
    made = make(network_mode="host", target=OPEN)
    assert made.spec["hostNetwork"] is True
    assert made.spec["dnsPolicy"] == "ClusterFirstWithHostNet"
    assert made.said("network_mode") == "undecided network-host-ports"
    assert made.ledger.blocked() == ()
    served = make(an_app(ports=(Port(container_port=80),)), network_mode="host", target=OPEN)
    assert served.said("network_mode") == "exact network-host"
    silent = make(network_mode="host", target=OPEN, answers={"network-host-ports": "none"})
    assert silent.said("network_mode") == "exact network-host"


def test_ports_on_the_hosts_network_can_be_answered() -> None:
    """They are the first container's, before Services and containers are made."""
    owner = Workload(name="web", network_mode="host", containers=(an_app(),))

    def answered(text: str, workload: Workload = owner) -> tuple[Port, ...]:
        decisions = Decisions(answers=(Answered(code="network-host-ports", answer=text),))
        return with_host_ports(workload, ledger=Ledger("web", decisions)).containers[0].ports

    assert answered("443/tcp, 53/udp,80") == (
        Port(container_port=53, protocol=Protocol.UDP), Port(container_port=80), Port(container_port=443),
    )  # fmt: skip
    assert answered("none") == ()
    known = Workload(name="web", network_mode="host", containers=(an_app(ports=(Port(container_port=1),)),))
    assert answered("80", known) == (Port(container_port=1),)
    assert answered("80", Workload(name="web", containers=(an_app(),))) == ()
    for wrong in ("http", "80/icmp", "0", "70000"):
        with pytest.raises(PodliftError, match="no port"):
            answered(wrong)


@pytest.mark.parametrize(
    ("mode", "key", "attribute", "code"),
    [
        ("host", "hostNetwork", "network_mode", "network-host"),
        ("host", "hostPID", "pid_mode", "pid-mode"),
        ("host", "hostIPC", "ipc_mode", "ipc-mode"),
    ],
)
def test_the_hosts_namespaces_are_refused_by_the_baseline(mode: str, key: str, attribute: str, code: str) -> None:
    """The workload waits for the user, and nothing is written."""
    given: dict[str, Any] = {attribute: mode}
    refused = make(**given)
    assert key not in refused.spec
    assert refused.ledger.blocked() == ("pod-security",)
    assert make(**given, answers={"pod-security": "drop"}).said(attribute) == "dropped pod-security"
    answers = {"network-host-ports": "none"}
    admitted = make(**given, target=OPEN, answers=answers)
    assert admitted.spec[key] is True
    assert admitted.said(attribute) == f"exact {code}"
    assert f"spec.{key}" in admitted.at(attribute)


def test_a_container_without_network_does_not_ask_the_cluster() -> None:
    """Its policy is made beside the pod."""
    made = make(network_mode="none")
    assert made.spec["dnsPolicy"] == "Default"
    assert made.said("network_mode") == "approximated network-none"


@pytest.mark.parametrize(
    ("attribute", "mode", "said"),
    [
        ("network_mode", "bridge", "exact network"),
        ("network_mode", "slirp4netns:mtu=1500", "exact network"),
        ("network_mode", "front", "approximated network"),
        ("network_mode", "container:db", "undecided namespace-of-container"),
        ("pid_mode", "container:db", "undecided namespace-of-container"),
        ("pid_mode", "shared", "approximated pid-mode"),
        ("pid_mode", "", "exact pid-mode"),
        ("ipc_mode", "container:db", "undecided namespace-of-container"),
        ("ipc_mode", "ns:/run/x", "undecided namespace-of-container"),
        ("ipc_mode", "shareable", "dropped ipc-mode"),
        ("ipc_mode", "none", "dropped ipc-mode"),
        ("ipc_mode", "shared", "exact ipc-mode"),
        ("ipc_mode", "private", "exact ipc-mode"),
        ("uts_mode", "host", "dropped uts-mode"),
        ("uts_mode", "", "exact uts-mode"),
        ("userns_mode", "private", "exact userns"),
        ("domainname", "edge.example", "dropped domainname"),
        ("domainname", "", "exact domainname"),
        ("hostname", "", "exact hostname"),
        ("runtime", "", "exact runtime"),
        ("runtime", "runc", "approximated runtime"),
        ("runtime", "kata", "undecided runtime"),
    ],
)
def test_modes_and_what_is_said_of_them(attribute: str, mode: str, said: str) -> None:
    """Each value ends in its verdict."""
    given: dict[str, Any] = {attribute: mode}
    made = make(**given)
    assert made.said(attribute) == said
    if said == "undecided namespace-of-container":
        assert made.ledger.blocked() == ("namespace-of-container",)
        dropped = make(**given, answers={"namespace-of-container": "drop"})
        assert dropped.said(attribute) == "dropped namespace-of-container"


def test_containers_that_share_processes_share_them_in_the_pod() -> None:
    """The pause container is process 1 there."""
    assert make(pid_mode="shared").spec["shareProcessNamespace"] is True


def test_an_init_process_is_asked_about() -> None:
    """And goes without, or the pause container reaps."""
    asked = make(an_app(init=True))
    assert asked.said("init") == "undecided init"
    assert "shareProcessNamespace" not in asked.spec
    shared = make(an_app(init=True), answers={"init": "share-process-namespace"})
    assert shared.spec["shareProcessNamespace"] is True
    assert shared.said("init") == "approximated init"
    assert make(an_app(init=True), answers={"init": "drop"}).said("init") == "dropped init"
    assert make(an_app(init=False)).said("init") == "exact init"


def test_the_hosts_processes_are_not_shared_twice() -> None:
    """The API server refuses both at once."""
    made = make(an_app(init=True), pid_mode="host", target=OPEN, answers={"init": "share-process-namespace"})
    assert made.spec["hostPID"] is True
    assert "shareProcessNamespace" not in made.spec


def test_the_hosts_name_comes_with_its_network() -> None:
    """And only so."""
    made = make(uts_mode="host", network_mode="host", hostname="h1", target=OPEN)
    assert made.said("uts_mode") == "dropped uts-mode"
    assert made.said("hostname") == "dropped hostname"
    assert "hostname" not in made.spec


@pytest.mark.parametrize(
    ("mode", "version", "users", "said"),
    [
        ("host", (1, 33), True, "exact userns"),
        ("host", (1, 31), None, "approximated userns"),
        ("keep-id", (1, 33), False, "approximated userns"),
        ("keep-id", (1, 31), None, "dropped userns-unavailable"),
    ],
)
def test_user_namespaces(mode: str, version: tuple[int, int], users: bool | None, said: str) -> None:
    """Pods have them since 1.33."""
    made = make(userns_mode=mode, target=Target(version=version))
    assert made.spec.get("hostUsers") is users
    assert made.said("userns_mode") == said


def test_no_user_namespace_stands_beside_the_hosts_own() -> None:
    """The API server refuses it."""
    made = make(userns_mode="keep-id", pid_mode="host", target=Target(version=(1, 33), pod_security="privileged"))
    assert "hostUsers" not in made.spec
    assert made.said("userns_mode") == "dropped userns-unavailable"


def test_unmasked_kernel_paths_need_a_user_namespace() -> None:
    """Whatever the mode says."""
    target = Target(version=(1, 33), pod_security="privileged")
    assert make(an_app(unmasked_paths=True), userns_mode="host", target=target).spec["hostUsers"] is False


@pytest.mark.parametrize(
    ("name", "made", "said"),
    [
        ("web-1", "web-1", "exact hostname"),
        ("2fa", "2fa", "exact hostname"),
        ("Web_1", "web-1", "approximated hostname"),
        ("web-1.edge", "web-1-edge", "approximated hostname"),
    ],
)
def test_a_host_name_is_a_label(name: str, made: str, said: str) -> None:
    """Others only come near."""
    found = make(hostname=name)
    assert found.spec["hostname"] == made
    assert found.said("hostname") == said


def test_a_dotted_host_name_stays_where_the_target_can() -> None:
    """By its own field; not one that no target takes."""
    target = Target(version=(1, 35))
    made = make(hostname="web-1.edge", target=target)
    assert made.spec["hostnameOverride"] == "web-1.edge"
    assert "hostname" not in made.spec
    assert made.said("hostname") == "exact hostname"
    assert "hostnameOverride" not in make(hostname="web_1", target=target).spec


def test_pods_of_a_stateful_set_bear_their_own_names() -> None:
    """The controller writes them."""
    made = make(hostname="web", controller=Controller.STATEFULSET)
    assert "hostname" not in made.spec
    assert made.said("hostname") == "approximated hostname"


def test_a_runtime_is_a_runtime_class() -> None:
    """As the target says, or as decided."""
    made = make(runtime="runsc", target=Target(runtime_classes={"runsc": "gvisor"}))
    assert made.spec["runtimeClassName"] == "gvisor"
    assert made.said("runtime") == "exact runtime"
    assert make(runtime="runsc", answers={"runtime": "kata"}).spec["runtimeClassName"] == "kata"
    dropped = make(runtime="runsc", answers={"runtime": "drop"})
    assert dropped.said("runtime") == "dropped runtime"
    assert "runtimeClassName" not in dropped.spec


def test_pull_secrets_are_the_targets() -> None:
    """No document's word."""
    made = make(target=Target(pull_secrets=("edge-registry",)))
    assert made.spec["imagePullSecrets"] == [{"name": "edge-registry"}]
    assert made.defaulted()["spec.imagePullSecrets"] == "pull-secret"


def test_name_servers_are_asked_after_the_clusters() -> None:
    """A resolver asks three in all."""
    made = make(dns=items("192.0.2.1", "192.0.2.2", "192.0.2.1", "192.0.2.3", "ns.example"))
    assert made.spec["dnsConfig"] == {"nameservers": ["192.0.2.1", "192.0.2.2"]}
    assert "dnsPolicy" not in made.spec
    assert made.said("192.0.2.1") == "approximated dns"
    assert made.said("192.0.2.3") == "dropped dns-unused"
    assert made.said("ns.example") == "dropped dns-unused"


def test_name_servers_can_replace_the_clusters() -> None:
    """As decided; names of Services then do not resolve."""
    made = make(dns=items("192.0.2.1", "192.0.2.2", "192.0.2.3"), answers={"dns": "replace"})
    assert made.spec["dnsPolicy"] == "None"
    assert len(made.spec["dnsConfig"]["nameservers"]) == 3
    assert "Services do not resolve" in made.verdict("192.0.2.1").why
    nothing = make(dns=items("ns.example"), answers={"dns": "replace"})
    assert "dnsPolicy" not in nothing.spec


def test_search_domains_and_options() -> None:
    """An option without a value has none."""
    made = make(dns_search=items("Edge.example.", ".", "my_zone"), dns_options=items("ndots:2", "rotate"))
    assert made.spec["dnsConfig"] == {
        "searches": ["edge.example"],
        "options": [{"name": "ndots", "value": "2"}, {"name": "rotate"}],
    }
    assert made.said("Edge.example.") == "approximated dns-search"
    assert made.said(".") == "dropped dns-unused"
    assert made.said("my_zone") == "dropped dns-unused"
    assert made.said("ndots:2") == "exact dns-option"
    relaxed = make(dns_search=items("my_zone"), target=Target(version=(1, 33)))
    assert relaxed.spec["dnsConfig"]["searches"] == ["my_zone"]


def hosts(made: Templated) -> dict[str, list[str]]:
    return {alias["ip"]: alias["hostnames"] for alias in made.spec.get("hostAliases", ())}


def test_extra_hosts_are_host_aliases() -> None:
    """By address; a name in capitals resolves in lower case."""
    made = make(extra_hosts=pairs(a="192.0.2.1", B="192.0.2.1", six="2001:db8::1"))
    assert hosts(made) == {"192.0.2.1": ["a", "b"], "2001:db8::1": ["six"]}
    assert made.said("a") == "exact extra-host"
    assert made.said("B") == "approximated extra-host"
    assert made.at("six") == ["spec.hostAliases[2001:db8::1]"]


@pytest.mark.parametrize("value", ["host-gateway", "elsewhere"])
def test_what_is_no_address_is_asked_about(value: str) -> None:
    """The host's own address is another on each node."""
    asked = make(extra_hosts=pairs(gate=value))
    assert asked.said("gate") == "undecided extra-host-gateway"
    assert hosts(asked) == {}
    answered = make(extra_hosts=pairs(gate=value), answers={"extra-host-gateway": "192.0.2.9"})
    assert hosts(answered) == {"192.0.2.9": ["gate"]}
    assert answered.said("gate") == "approximated extra-host-gateway"
    dropped = make(extra_hosts=pairs(gate=value), answers={"extra-host-gateway": "drop"})
    assert dropped.said("gate") == "dropped extra-host-gateway"


def test_a_name_that_the_api_refuses_blocks() -> None:
    """It is left out only by decision."""
    made = make(extra_hosts=pairs(my_db="192.0.2.1"))
    assert made.ledger.blocked() == ("extra-host-name",)
    dropped = make(extra_hosts=pairs(my_db="192.0.2.1"), answers={"extra-host-name": "drop"})
    assert dropped.said("my_db") == "dropped extra-host-name"
    assert hosts(dropped) == {}


SOMAXCONN = {"net__core__somaxconn": "1024"}


def test_safe_kernel_settings_are_the_pods() -> None:
    """Sorted by name, which may be spelled with slashes."""
    made = make(sysctls=pairs(**{"net__ipv4__tcp_syncookies": "1", "kernel/shm_rmid_forced": "0"}))
    assert made.spec["securityContext"]["sysctls"] == [
        {"name": "kernel.shm_rmid_forced", "value": "0"},
        {"name": "net.ipv4.tcp_syncookies", "value": "1"},
    ]
    assert made.said("net.ipv4.tcp_syncookies") == "exact sysctl"
    assert made.at("net.ipv4.tcp_syncookies") == ["spec.securityContext.sysctls[net.ipv4.tcp_syncookies]"]


def test_what_is_safe_depends_on_the_version() -> None:
    """Buffers of TCP since 1.32."""
    asked = {"net__ipv4__tcp_rmem": "1 2 3"}
    assert make(sysctls=pairs(**asked)).ledger.blocked() == ("sysctl-unsafe",)
    assert make(sysctls=pairs(**asked), target=Target(version=(1, 32))).said("net.ipv4.tcp_rmem") == "exact sysctl"


def test_unsafe_kernel_settings_need_kubelet_and_namespace() -> None:
    """The kubelets must allow them, and the pod's security level."""
    allowed = Target(unsafe_sysctls=("net.core.*",))
    assert make(sysctls=pairs(**SOMAXCONN)).ledger.blocked() == ("sysctl-unsafe",)
    assert make(sysctls=pairs(**SOMAXCONN), target=allowed).ledger.blocked() == ("pod-security",)
    both = Target(unsafe_sysctls=("net.core.*",), pod_security="privileged")
    assert make(sysctls=pairs(**SOMAXCONN), target=both).said("net.core.somaxconn") == "exact sysctl"
    dropped = make(sysctls=pairs(**SOMAXCONN), answers={"sysctl-unsafe": "drop"})
    assert dropped.said("net.core.somaxconn") == "dropped sysctl-unsafe"
    assert "securityContext" not in dropped.spec


@pytest.mark.parametrize(
    ("mode", "setting"), [("network_mode", "net__ipv4__tcp_syncookies"), ("ipc_mode", "kernel__shm_rmid_forced")]
)
def test_settings_of_the_hosts_own_namespace_are_refused(mode: str, setting: str) -> None:
    """However safe."""
    given: dict[str, Any] = {mode: "host"}
    made = make(sysctls=pairs(**{setting: "1"}), target=OPEN, answers={"network-host-ports": "none"}, **given)
    assert made.ledger.blocked() == ("sysctl-unsafe",)


def test_containers_that_disagree_on_a_kernel_setting_are_asked() -> None:
    """A pod has one value; what agrees is said twice and set once."""
    one, two = pairs(net__ipv4__tcp_syncookies="1"), pairs(**{"net/ipv4/tcp_syncookies": "0"})
    made = make(sysctls=(*one, *two))
    assert made.ledger.blocked() == ("sysctl-conflict",)
    assert made.spec["securityContext"]["sysctls"] == [{"name": "net.ipv4.tcp_syncookies", "value": "1"}]
    dropped = make(sysctls=(*one, *two), answers={"sysctl-conflict": "drop"})
    assert dropped.said("net/ipv4/tcp_syncookies") == "dropped sysctl-conflict"
    agreed = make(sysctls=(*one, *pairs(**{"net/ipv4/tcp_syncookies": "1"})))
    assert agreed.said("net/ipv4/tcp_syncookies") == "exact sysctl"


def test_groups_are_the_pods() -> None:
    """By number; each container gets those of all."""
    made = make(an_app(groups=items("2000", "root")))
    assert made.spec["securityContext"]["supplementalGroups"] == [0, 2000]
    assert made.said("2000") == "exact group-add"
    several = make(an_app(groups=items("2000")), an_app("proxy"))
    assert several.said("2000") == "approximated group-add"


def test_a_group_by_name_is_asked_about() -> None:
    """The image's groups are not known; the answer must be a number."""
    made = make(an_app(groups=items("video")))
    assert made.ledger.blocked() == ("user-unresolved",)
    answered = make(an_app(groups=items("video")), answers={"user-unresolved": "44"})
    assert answered.spec["securityContext"]["supplementalGroups"] == [44]
    with pytest.raises(PodliftError, match="no number of a group"):
        make(an_app(groups=items("video")), answers={"user-unresolved": "44:44"})


@pytest.mark.parametrize("version", [(1, 31), NEWEST_VERSION])
def test_a_full_template_is_legal(version: tuple[int, int]) -> None:
    """Strict schemas accept it with everything set at once."""
    target = Target(
        version=version, pod_security="privileged", unsafe_sysctls=("*",), runtime_classes={"runsc": "gvisor"},
        pull_secrets=("a",), gates=frozenset({"ContainerStopSignals"}),
    )  # fmt: skip
    made = make(
        an_app(groups=items("1"), init=True, ports=(Port(container_port=80),)), an_app("proxy"), target=target,
        hostname="web.edge", pid_mode="host", ipc_mode="host", runtime="runsc", userns_mode="host",
        sysctls=pairs(vm__x="1"), extra_hosts=pairs(a="192.0.2.1"), dns=items("192.0.2.1"),
        dns_search=items("edge.example"), dns_options=items("rotate"),
    )  # fmt: skip
    pod = {"apiVersion": "v1", "kind": "Pod", **made.template}
    pod["metadata"] = {"name": "web", **made.template["metadata"]}
    kubernetes_validate.validate(pod, f"{version[0]}.{version[1]}", strict=True)


def test_every_origin_has_its_verdict() -> None:
    """Whatever is set, nothing is forgotten."""
    given: dict[str, Any] = {
        "hostname": "a", "domainname": "b", "network_mode": "front", "pid_mode": "shared", "ipc_mode": "shared",
        "uts_mode": "host", "userns_mode": "keep-id", "runtime": "runsc",
    }  # fmt: skip
    made = make(an_app(init=True), **given)
    said = {source.path for source in made.ledger.covered()}
    assert {atom("d", key)[0].path for key in (*given, "init")} <= said

"""Health checks as probes: readiness first, every number written, nothing rounded down."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from converters.errors import PodliftError
from converters.fields.verdict import Level
from converters.objects.handlers import accepted_codes
from converters.workload import Check, CheckKind, Pair, Port, Protocol, Published
from tests.containers import SPEC, Converted, a_container, convert
from tests.origins import forgotten
from tests.workloads import atom

EXEC: dict[str, Any] = {"argv": ("curl", "-f", "localhost")}
HTTP: dict[str, Any] = {"kind": CheckKind.HTTP, "port": 80}
NUMBERS = {"periodSeconds": 30, "timeoutSeconds": 30, "failureThreshold": 3, "successThreshold": 1}


def a_check(tag: str = "", **attributes: Any) -> Check:
    """Every attribute that is given comes from an atom of its name."""
    origins = {name: atom("h1/container/web", tag + name) for name in attributes if name != "headers"}
    return Check(origins=origins, **attributes)


def probed(*checks: Check, **more: Any) -> Converted:
    attributes = {"checks": checks, **more.pop("container", {})}
    made = convert(a_container(**attributes), **more)
    assert forgotten(checks, made.ledger) == set()
    return made


def test_a_healthcheck_is_readiness_and_no_more() -> None:
    """An engine restarts nothing unhealthy, so neither does the pod; Docker's numbers are written."""
    made = probed(a_check(**EXEC))
    assert made.probes == {"readinessProbe": {"exec": {"command": ["curl", "-f", "localhost"]}, **NUMBERS}}
    assert made.spec["readinessProbe"] == made.probes["readinessProbe"]
    assert made.said("argv") == ("check-traffic", "approximated")
    for key in ("periodSeconds", "timeoutSeconds", "failureThreshold"):
        assert SPEC + f"readinessProbe.{key}" in made.defaulted()


def test_a_scheduler_that_gates_traffic_loses_nothing() -> None:
    """Where the config says that the check gates traffic, readiness is just that."""
    assert probed(a_check(gates_traffic=True, **EXEC)).said("argv") == ("check", "exact")


def test_liveness_only_where_the_scheduler_restarts() -> None:
    """A restarting check has a liveness probe too, and a startup probe that gives it Docker's time."""
    made = probed(
        a_check(
            restarts=True, interval_s=10.0, timeout_s=5.0, failures=3, start_period_s=60.0, start_interval_s=2.0, **EXEC
        )
    )
    numbers = {"periodSeconds": 10, "timeoutSeconds": 5, "failureThreshold": 3, "successThreshold": 1}
    handler = {"exec": {"command": ["curl", "-f", "localhost"]}}
    assert made.probes["readinessProbe"] == made.probes["livenessProbe"] == {**handler, **numbers}
    # (60 s + 3 x 10 s) / 2 s
    assert made.probes["startupProbe"] == {**handler, **numbers, "periodSeconds": 2, "failureThreshold": 45}
    assert made.said("restarts") == ("check-liveness", "exact")
    assert made.said("start_period_s") == ("check-startup", "exact")
    assert made.said("start_interval_s") == ("check-startup", "exact")


def test_the_startup_probe_without_a_start_period() -> None:
    """Even then the first restart may not come before Docker's unhealthy: three intervals, at every five seconds."""
    made = probed(a_check(restarts=True, **EXEC))
    assert made.probes["startupProbe"]["periodSeconds"] == 5
    assert made.probes["startupProbe"]["failureThreshold"] == 18
    assert SPEC + "startupProbe.periodSeconds" in made.defaulted()


def test_a_start_period_without_liveness() -> None:
    """Failures while it starts leave the pod unready, which is what Docker shows; nothing delays the first probe."""
    made = probed(a_check(start_period_s=60.0, start_interval_s=1.0, **EXEC))
    assert set(made.probes) == {"readinessProbe"}
    assert "initialDelaySeconds" not in made.probes["readinessProbe"]
    assert made.said("start_period_s") == ("check", "exact")
    assert made.said("start_interval_s") == ("check-start-interval", "dropped")


@pytest.mark.parametrize("numbers", [{"start_interval_s": 1.0}, {"start_interval_s": 30.0, "start_period_s": 60.0}])
def test_a_start_interval_without_effect(numbers: dict[str, Any]) -> None:
    """Engines look at it within a start period only; and where it is the interval itself, nothing is lost."""
    assert probed(a_check(**numbers, **EXEC)).said("start_interval_s") == ("check", "exact")


@pytest.mark.parametrize(("interval", "told"), [(30.0, True), (5.0, False)])
def test_a_start_interval_that_nobody_gave(interval: float, told: bool) -> None:
    """Newer engines check every five seconds then; which ones do, an inspect alone does not say."""
    made = probed(a_check(start_period_s=60.0, interval_s=interval, **EXEC))
    assert (SPEC + "readinessProbe.periodSeconds" in made.defaulted()) is told


def test_a_startup_probe_of_whole_periods() -> None:
    """(20 s + 3 x 10 s) / 4 s is 12.5: the restart comes two seconds later, and the verdict says so."""
    numbers: dict[str, Any] = {"interval_s": 10.0, "start_period_s": 20.0, "start_interval_s": 4.0}
    made = probed(a_check(restarts=True, **numbers, **EXEC))
    assert made.probes["startupProbe"]["failureThreshold"] == 13
    assert made.said("start_period_s") == ("check-rounded", "approximated")
    assert "50 s" in made.verdict("start_period_s").why


def test_parts_of_a_second_round_up() -> None:
    """500 ms would be 0, which the API server takes for its own default of ten seconds."""
    made = probed(a_check(interval_s=0.5, timeout_s=1.2, **EXEC))
    assert made.probes["readinessProbe"]["periodSeconds"] == 1
    assert made.probes["readinessProbe"]["timeoutSeconds"] == 2
    assert made.said("interval_s") == ("check-rounded", "approximated")
    assert made.said("timeout_s") == ("check-rounded", "approximated")


def test_zero_is_dockers_default() -> None:
    """0 means "inherit" in every number of a HEALTHCHECK."""
    made = probed(a_check(interval_s=0.0, timeout_s=0.0, failures=0, start_interval_s=0.0, restarts=True, **EXEC))
    assert {key: made.probes["livenessProbe"][key] for key in NUMBERS} == NUMBERS
    assert made.probes["startupProbe"]["periodSeconds"] == 5


@given(
    st.floats(min_value=0.001, max_value=1e4),
    st.floats(min_value=0.001, max_value=1e4),
    st.integers(min_value=1, max_value=100),
    st.floats(min_value=0, max_value=1e4),
    st.floats(min_value=0.001, max_value=1e3),
)
def test_no_restart_comes_before_docker_would_say_unhealthy(
    interval: float, timeout: float, failures: int, start: float, start_interval: float
) -> None:
    """Whatever the numbers, all of a probe's are whole and at least 1, and startup lasts as long as Docker's."""
    made = probed(
        Check(
            restarts=True, interval_s=interval, timeout_s=timeout, failures=failures, start_period_s=start,
            start_interval_s=start_interval, argv=("true",),
        )
    )  # fmt: skip
    for probe in made.probes.values():
        assert all(isinstance(probe[key], int) and probe[key] >= 1 for key in NUMBERS)
    startup = made.probes["startupProbe"]
    assert startup["periodSeconds"] * startup["failureThreshold"] >= start + failures * interval - 1e-6
    assert made.probes["livenessProbe"]["failureThreshold"] == failures


def test_successes_count_for_readiness_only() -> None:
    """The API server takes no success threshold but 1 for liveness and startup."""
    made = probed(a_check(successes=3, restarts=True, **EXEC))
    assert [made.probes[role]["successThreshold"] for role in ("readinessProbe", "livenessProbe", "startupProbe")] == [
        3, 1, 1,
    ]  # fmt: skip
    only = probed(a_check(successes=3, restarts=True, gates_traffic=False, **EXEC))
    assert set(only.probes) == {"livenessProbe", "startupProbe"}
    assert only.said("successes") == ("check", "approximated")


def test_a_disabled_check_is_no_probe() -> None:
    """NONE is a decision of the legacy side, and has a verdict."""
    made = probed(a_check(disabled=True, interval_s=7.0))
    assert made.probes == {}
    assert made.said("interval_s") == ("check-extra", "dropped")
    assert made.said("disabled") == ("check-disabled", "exact")


def test_exec_commands_are_escaped_and_rewritten() -> None:
    """The kubelet expands an exec probe's command as it does the container's."""
    made = probed(a_check(argv=("sh", "-c", "test $(date) && nc old_db 1")), hosts={"old_db": "old-db"})
    assert made.probes["readinessProbe"]["exec"]["command"] == ["sh", "-c", "test $$(date) && nc old_db 1"]
    assert "old_db" in made.verdict("argv").why
    whole = probed(a_check(argv=("nc", "old_db:1")), hosts={"old_db": "old-db"})
    assert whole.probes["readinessProbe"]["exec"]["command"] == ["nc", "old-db:1"]


def test_http_checks() -> None:
    """Path, scheme and headers are the probe's; the host is a header, so that the kubelet still dials the pod."""
    header = Pair(key="X-Probe", value="1", origins=atom("h1/container/web", "header"))
    made = probed(a_check(path="healthz?full=1", scheme="https", host="web.example", headers=(header,), **HTTP))
    assert made.probes["readinessProbe"]["httpGet"] == {
        "path": "/healthz?full=1",
        "port": 80,
        "scheme": "HTTPS",
        "httpHeaders": [{"name": "Host", "value": "web.example"}, {"name": "X-Probe", "value": "1"}],
    }
    assert made.said("host") == ("check", "exact")
    assert made.said("header") == ("check", "exact")


@pytest.mark.parametrize(
    ("codes", "said", "handler"),
    [
        ("200-399", ("check", "exact"), "httpGet"),
        ("2xx,3xx", ("check", "exact"), "httpGet"),
        ("200", ("check-codes", "approximated"), "httpGet"),
        ("200,404", ("check-codes", "approximated"), "httpGet"),
        ("401", ("check-codes", "approximated"), "tcpSocket"),
    ],
)
def test_accepted_codes(codes: str, said: tuple[str, str], handler: str) -> None:
    """A probe takes 200 to 399; a check that wants none of these would never pass, so it only connects."""
    made = probed(a_check(codes=codes, path="/x", **HTTP))
    assert made.said("codes") == said
    assert handler in made.probes["readinessProbe"]
    if "404" in codes:
        assert "404 now counts as failure" in made.verdict("codes").why


def test_codes_as_text() -> None:
    """Lists, ranges and classes are read; anything else is one clear error."""
    assert accepted_codes("200-201, 301 5xx") == frozenset({200, 201, 301, *range(500, 600)})
    assert accepted_codes(" ") is None
    with pytest.raises(PodliftError, match="no HTTP code"):
        accepted_codes("ok")


def test_a_body_is_not_looked_at() -> None:
    """The expected body has no counterpart and is on the list of drops."""
    assert probed(a_check(body="pong", **HTTP)).said("body") == ("check-body", "dropped")


def test_tcp_and_grpc() -> None:
    """The other kinds have handlers of their own."""
    tcp = probed(a_check(kind=CheckKind.TCP, port=6379, path="/x"))
    assert tcp.probes["readinessProbe"]["tcpSocket"] == {"port": 6379}
    grpc = probed(a_check(kind=CheckKind.GRPC, port=9000, service="edge.Health", scheme="https"))
    assert grpc.probes["readinessProbe"]["grpc"] == {"port": 9000, "service": "edge.Health"}
    assert grpc.said("scheme") == ("check", "approximated")
    assert probed(a_check(kind=CheckKind.GRPC, port=9000)).probes["readinessProbe"]["grpc"] == {"port": 9000}


PUBLISHED = (
    Port(container_port=80, published=(Published(host_port=8080),)),
    Port(container_port=53, protocol=Protocol.UDP, published=(Published(host_port=9000),)),
)


def test_a_port_of_the_host_is_translated() -> None:
    """Schedulers check the port that the host publishes; a pod is checked on its own."""
    check = a_check(kind=CheckKind.TCP, port=8080, host_port=True)
    made = probed(check, container={"ports": PUBLISHED})
    assert made.probes["readinessProbe"]["tcpSocket"] == {"port": 80}
    assert made.said("port") == ("check", "exact")
    node = probed(check, network_mode="host")
    assert node.probes["readinessProbe"]["tcpSocket"] == {"port": 8080}


@pytest.mark.parametrize("host_port", [9000, 1234])
def test_a_port_that_is_not_known_blocks(host_port: int) -> None:
    """A udp port, or one that nothing publishes, is no port to connect to: the user names it."""
    check = a_check(kind=CheckKind.TCP, port=host_port, host_port=True)
    made = probed(check, container={"ports": PUBLISHED})
    assert made.probes == {}
    assert made.ledger.blocked() == ("check-port",)
    answered = probed(check, container={"ports": PUBLISHED}, answers={"check-port": "81"})
    assert answered.probes["readinessProbe"]["tcpSocket"] == {"port": 81}
    with pytest.raises(PodliftError, match="no port"):
        probed(check, answers={"check-port": "0"})


def test_the_only_port_is_the_checks() -> None:
    """A check without a port means the container's only one; with several it is asked."""
    made = probed(a_check(kind=CheckKind.HTTP), container={"ports": PUBLISHED})
    assert made.probes["readinessProbe"]["httpGet"]["port"] == 80
    assert made.said("kind") == ("check", "approximated")
    several = probed(a_check(kind=CheckKind.HTTP), container={"ports": (*PUBLISHED, Port(container_port=81))})
    assert several.ledger.blocked() == ("check-port",)


def test_an_exec_check_without_a_command_is_asked() -> None:
    """Nothing to run is no check; the user maps it or drops it."""
    made = probed(a_check(interval_s=1.0))
    assert made.ledger.blocked() == ("check-unclear",)
    assert probed(a_check(interval_s=1.0), answers={"check-unclear": "drop"}).said("interval_s")[1] == "dropped"


def test_several_checks() -> None:
    """One handler a probe: the first that gates, the first that restarts, and the others have a verdict."""
    made = probed(
        a_check("gate.", argv=("gate",)),
        a_check("live.", argv=("live",), gates_traffic=False, restarts=True, interval_s=7.0),
        a_check("more.", argv=("more",)),
        a_check("idle.", argv=("idle",), gates_traffic=False),
    )
    assert made.probes["readinessProbe"]["exec"]["command"] == ["gate"]
    assert made.probes["livenessProbe"]["exec"]["command"] == ["live"]
    assert made.probes["startupProbe"]["exec"]["command"] == ["live"]
    assert made.said("live.interval_s") == ("check", "exact")
    assert made.said("more.argv") == ("check-extra", "dropped")
    assert made.said("idle.argv") == ("check-extra", "dropped")


SAMPLES: dict[str, Any] = {
    "kind": CheckKind.TCP, "argv": ("other",), "port": 81, "host_port": True, "scheme": "https", "path": "/other",
    "host": "h.example", "headers": (Pair(key="a", value="b"),), "codes": "200", "body": "x", "interval_s": 7.0,
    "timeout_s": 7.0, "failures": 7, "successes": 7, "start_period_s": 7.0, "start_interval_s": 7.0,
    "gates_traffic": False, "restarts": True, "disabled": True, "service": "edge",
}  # fmt: skip


@pytest.mark.parametrize("name", [f.name for f in fields(Check) if f.name != "origins"])
def test_setting_any_attribute_shows(name: str) -> None:
    """Each attribute of a check changes the probes, or its verdict is other than exact."""
    kinds = {"argv": CheckKind.EXEC, "service": CheckKind.GRPC}
    base: dict[str, Any] = {"kind": kinds.get(name, CheckKind.HTTP), "port": 80, "argv": ("x",)}
    if name.startswith("start_"):
        # a failure while it starts means something only where failures restart
        base["restarts"] = True
    before = probed(a_check(**base), container={"ports": PUBLISHED})
    after = probed(a_check(**{**base, name: SAMPLES[name]}), container={"ports": PUBLISHED})
    told = {v.source.path: v.level for v in after.ledger.verdicts() if v.source}
    assert after.probes != before.probes or told[name] is not Level.EXACT

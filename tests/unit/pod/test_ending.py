"""How a pod ends: grace, drain, hook and signal."""

from __future__ import annotations

from typing import Any

import pytest

from converters.objects.lifecycle import signal_name, signal_number
from converters.target import Target
from converters.workload import Port, Termination
from tests.pods import OPEN, Templated, an_app, make
from tests.workloads import atom

SERVED = (Port(container_port=80),)
GATED = Target(version=(1, 34), gates=frozenset({"ContainerStopSignals"}))


def ending(**given: Any) -> Termination:
    return Termination(origins={key: atom("d", key) for key in given}, **given)


def ended(*, served: bool = False, answers: dict[str, str] | None = None, target: Target | None = None,
          init: bool = False, pid_mode: str = "", **given: Any) -> Templated:  # fmt: skip
    app = an_app(ports=SERVED if served else (), init=init)
    return make(app, termination=ending(**given), answers=answers, target=target, pid_mode=pid_mode)


def script(made: Templated) -> str:
    shell, flag, text = made.lifecycles["web"]["preStop"]["exec"]["command"]
    assert (shell, flag) == ("/bin/sh", "-c")
    assert isinstance(text, str)
    return text


@pytest.mark.parametrize(
    ("served", "given", "seconds"),
    [
        (True, {}, 25),
        (False, {}, 15),
        (False, {"grace_s": 45.0}, 50),
        (True, {"grace_s": 0.0}, 15),
        (True, {"grace_s": 1.2, "drain_s": 3.0}, 10),
    ],
)
def test_the_grace_is_drain_and_stop_timeout_and_a_margin(served: bool, given: dict[str, Any], seconds: int) -> None:
    """An unset stop timeout is ten seconds."""
    assert ended(served=served, **given).spec["terminationGracePeriodSeconds"] == seconds


def test_the_grace_says_where_it_comes_from() -> None:
    """From the stop timeout, or from Docker's own."""
    assert ended(grace_s=45.0).said("grace_s") == "approximated stop-timeout"
    assert ended(grace_s=45.0).at("grace_s") == ["spec.terminationGracePeriodSeconds"]
    assert ended().defaulted()["spec.terminationGracePeriodSeconds"] == "grace-default"


def test_a_pod_behind_a_service_drains() -> None:
    """Ten seconds, so that callers have noticed; where nothing leads to it, nothing drains."""
    assert ended(served=True).lifecycles["web"] == {"preStop": {"sleep": {"seconds": 10}}}
    assert ended().lifecycles["web"] == {}


def test_a_drain_of_the_legacy_side_counts() -> None:
    """In whole seconds; none means none."""
    made = ended(served=True, drain_s=2.5)
    assert made.lifecycles["web"] == {"preStop": {"sleep": {"seconds": 3}}}
    assert made.said("drain_s") == "approximated drain"
    assert ended(served=True, drain_s=0.0).lifecycles["web"] == {}
    assert ended(drain_s=4.0).said("drain_s") == "exact drain"


def test_clusters_before_the_sleep_action_sleep_by_a_command() -> None:
    """It needs the program in the image."""
    made = ended(served=True, target=Target(version=(1, 29)))
    assert made.lifecycles["web"] == {"preStop": {"exec": {"command": ["sleep", "10"]}}}


def test_every_container_drains() -> None:
    """Each is stopped by itself."""
    made = make(an_app(ports=SERVED), an_app("proxy"))
    assert made.lifecycles["proxy"] == made.lifecycles["web"] == {"preStop": {"sleep": {"seconds": 10}}}


def test_a_command_before_stopping_is_the_hook() -> None:
    """As it is, without a shell; after the drain with one."""
    alone = ended(pre_stop=("/bin/leave", "$(now)"))
    assert alone.lifecycles["web"] == {"preStop": {"exec": {"command": ["/bin/leave", "$(now)"]}}}
    assert alone.said("pre_stop") == "approximated pre-stop"
    assert script(ended(served=True, pre_stop=("/bin/leave", "a b"))) == "sleep 10; /bin/leave 'a b'"


def test_the_hook_is_the_first_containers() -> None:
    """Which one the legacy side meant is not known."""
    made = make(an_app(), an_app("proxy"), termination=ending(pre_stop=("/bin/leave",), signal="SIGINT"))
    assert made.lifecycles["proxy"] == {}
    assert "web only" in made.verdict("pre_stop").why
    assert "only web gets it" in made.verdict("signal").why


def test_a_stop_signal_is_sent_by_the_hook() -> None:
    """Which then waits as long as Docker did, lest the kubelet's own signal cuts it short."""
    made = ended(signal="SIGQUIT", grace_s=30.0)
    assert script(made) == (
        "kill -QUIT 1; n=0; while kill -0 1 2>/dev/null && [ $n -lt 30 ]; do sleep 1; n=$((n+1)); done"
    )
    assert made.said("signal") == "approximated stop-signal"
    assert made.at("signal") == ["spec.containers[web].lifecycle.preStop"]
    assert script(ended(served=True, signal="3", pre_stop=("a",))).startswith("sleep 10; a; kill -QUIT 1; ")
    assert script(ended(signal="SIGRTMIN+3")).startswith("kill -37 1; ")


def test_a_stop_signal_is_a_field_where_the_gate_is_on() -> None:
    """It needs the pod's system beside it."""
    made = ended(served=True, signal="37", target=GATED)
    assert made.lifecycles["web"] == {"preStop": {"sleep": {"seconds": 10}}, "stopSignal": "SIGRTMIN+3"}
    assert made.spec["os"] == {"name": "linux"}
    assert made.said("signal") == "exact stop-signal"
    assert "os" not in ended(target=GATED).spec
    assert "os" not in ended(signal="SIGQUIT").spec


@pytest.mark.parametrize("signal", ["SIGKILL", "9", "SIGSTOP", "SIGNONSENSE", "77"])
def test_signals_that_nothing_can_send_are_dropped(signal: str) -> None:
    """Process 1 gets no SIGKILL from inside."""
    made = ended(signal=signal)
    assert made.said("signal") == "dropped stop-signal-lost"
    assert made.lifecycles["web"] == {}


def test_the_usual_signal_needs_no_hook() -> None:
    """It is what a pod gets unless its image says otherwise."""
    made = ended(signal="term", target=GATED)
    assert made.lifecycles["web"] == {}
    assert "os" not in made.spec
    assert made.said("signal") == "approximated stop-signal"


def test_no_hook_signals_a_process_that_is_not_the_containers() -> None:
    """Process 1 is the host's init, or the pause container."""
    for made in (
        ended(signal="SIGQUIT", pid_mode="host", target=OPEN),
        ended(signal="SIGQUIT", pid_mode="shared"),
        ended(signal="SIGQUIT", init=True, answers={"init": "share-process-namespace"}),
    ):
        assert made.said("signal") == "dropped stop-signal-lost"
        assert made.lifecycles["web"] == {}
    refused = ended(signal="SIGQUIT", pid_mode="host", answers={"pod-security": "drop"})
    assert refused.said("signal") == "approximated stop-signal"


@pytest.mark.parametrize(
    ("text", "number", "name"),
    [
        ("SIGHUP", 1, "SIGHUP"), ("winch", 28, "SIGWINCH"), ("31", 31, "SIGSYS"), ("SIGRTMIN", 34, "SIGRTMIN"),
        ("SIGRTMAX-1", 63, "SIGRTMIN+29"), ("SIGRTMAX", 64, "SIGRTMAX"),
    ],
)  # fmt: skip
def test_signals_by_name_and_number(text: str, number: int, name: str) -> None:
    """As Docker takes them, and as the API spells them."""
    assert signal_number(text) == number
    assert signal_name(number) == name


@pytest.mark.parametrize("text", ["", "0", "32", "65", "SIGRTMIN+99", "²"])
def test_what_is_no_signal(text: str) -> None:
    """Is told apart."""
    assert signal_number(text) is None

"""Faults, one function each, that happen to a run which stands somewhere: each asserts what the run makes of it, and
returns when all is as before. IN_SHIFT, IN_THE_BAKE and ON_THE_LEGACY_SIDE name them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from converters.errors import PodliftError
from migrate.cutover.driver import Outcome
from migrate.cutover.journal import journal_name
from migrate.cutover.states import State
from tests.cluster.cutover import breaking
from tests.cluster.cutover.breaking import READY
from tests.cluster.cutover.driven import Driven
from tests.cluster.served import Served
from tests.cluster.traffic import IMAGE

PODS = 4
AWAY_S = 10.0
CONTROLLERS_S = 30.0
SLOW_S = 10.0
CRASHES = 4
# An engine waits longer with each crash that comes sooner after a start.
CALM_S = 11.0
DOWN = {"ready": False, "serving": False, "terminating": False}


# ---------------------------------------------------------------- the control plane


def controllers_pause(driven: Driven) -> None:
    """A pod is to be admitted meanwhile, which no controller puts into a slice."""
    controllers = driven.web.lab.daemons["kube-controller-manager"]
    before = breaking.serving(driven.web)
    controllers.pause()
    try:
        driven.let_on()
        waits = driven.tells(lambda told: "endpoints of web are to be" in told.event.text)
        time.sleep(CONTROLLERS_S)
        assert breaking.serving(driven.web) == before
        assert [told for told in driven.told if told.at > waits.at and told.writes] == []
    finally:
        controllers.go_on()
    driven.rests()
    assert len(breaking.serving(driven.web)) == len(before) + 1


def api_restarts(driven: Driven) -> None:
    """In the middle of a gate's window, of which nothing may count."""
    web = driven.web
    driven.let_on()
    driven.tells(lambda told: told.event.kind == "measure" and told.event.text == "the gates look")
    began = _silence(driven)
    ended = time.time()
    told = driven.tells(lambda told: told.event.kind == "gate")
    assert told.at - ended > web.settings.timings.window_s - 0.5
    driven.rests()
    passed = [told for told in driven.told if told.at > ended and told.event.kind == "gate"]
    assert len(passed) >= web.settings.timings.consecutive
    assert not [told for told in driven.told if began < told.at < ended and told.event.kind == "gate"]


def api_restarts_at_rest(driven: Driven) -> None:
    _silence(driven)
    driven.rests()


def _silence(driven: Driven) -> float:
    """The API server is away for a while; when that began. Nothing is written and no container is touched."""
    began = time.time()
    with breaking.api_away(driven.web.lab):
        time.sleep(AWAY_S)
        ended = time.time()
    assert [told for told in driven.told if began + 1 < told.at < ended and told.writes] == []
    assert breaking.on_containers(driven.web, began, ended) == []
    return began


# ---------------------------------------------------------------- pods and nodes


def a_pod_is_evicted(driven: Driven) -> None:
    """The pods are as many again, and as many of them serve."""
    before = breaking.serving(driven.web)
    breaking.evict(driven.web, before[0])
    breaking.until(lambda: before[0] not in breaking.serving(driven.web))
    breaking.until(lambda: len(breaking.serving(driven.web)) == len(before))
    driven.rests()


def a_node_is_drained(driven: Driven) -> None:
    web, node = driven.web, driven.web.lab.nodes[1]
    before = breaking.serving(web)
    assert breaking.serving(web, node)
    with breaking.drained(web, node):
        breaking.until(lambda: len(breaking.serving(web)) == len(before))
        assert not breaking.serving(web, node)
    driven.rests()
    # some pods go back there, for whatever comes next
    for pod in before[:2]:
        if pod in breaking.serving(web):
            breaking.evict(web, pod)
    breaking.until(lambda: len(breaking.serving(web)) == len(before))
    driven.rests()


def proxies_are_slow(driven: Driven) -> None:
    """One node's proxy stands still when the legacy side is to stand by; nothing rests on it before it follows."""
    proxy = driven.web.lab.nodes[0].daemons["kube-proxy"]
    driven.let_on()
    driven.tells(lambda told: told.event.state == State.PROMOTED)
    proxy.pause()
    stopped = time.time()
    time.sleep(SLOW_S)
    proxy.go_on()
    went_on = time.time()
    lowered = [told for told in driven.told if told.event.text.endswith("takes no new callers")]
    assert len([told for told in lowered if stopped < told.at < went_on]) <= 1
    driven.rests()
    assert driven.state is State.BAKING


# ---------------------------------------------------------------- the Deployment


def somebody_rolls_out(driven: Driven) -> None:
    """A template that nobody tested is not rolled out: the run says so and stands still until it is put back."""
    web, before = driven.web, breaking.serving(driven.web)
    web.lab.kubectl("set", "env", "deployment/web", "-n", web.space, "SOMEBODY=was here")
    driven.paused("cutover-template")
    assert breaking.serving(web) == before
    web.lab.kubectl("set", "env", "deployment/web", "-n", web.space, "SOMEBODY-")
    driven.resume()
    driven.rests()


def somebody_scales_up(driven: Driven) -> None:
    """What comes is not admitted."""
    _scaled(driven, PODS + 2)
    time.sleep(3)
    assert len(breaking.serving(driven.web)) == PODS
    _scaled(driven, PODS)


def somebody_scales_down(driven: Driven) -> None:
    _scaled(driven, 1)
    time.sleep(3)
    assert len(breaking.serving(driven.web)) <= 1
    _scaled(driven, PODS)
    breaking.until(lambda: len(breaking.serving(driven.web)) == PODS)
    driven.rests()


def _scaled(driven: Driven, count: int) -> None:
    web = driven.web
    web.lab.kubectl("scale", "deployment/web", "-n", web.space, f"--replicas={count}")

    def there() -> bool:
        ready = [
            each
            for each in breaking.pods_of(web)
            if any(one["type"] == "Ready" and one["status"] == "True" for one in each["status"]["conditions"])
        ]
        return len(ready) == count == len(web.pods())

    breaking.until(there)


# ---------------------------------------------------------------- the Service and its slices


def selector_is(change: dict[str, str | None] | None) -> Callable[[Driven], None]:
    """The run says so and stands still; both sides serve, or the legacy side alone."""

    def act(driven: Driven) -> None:
        _edited(driven, {"spec": {"selector": change}}, "cutover-selector")

    return act


def a_port_is_added(driven: Driven) -> None:
    """None of the plan's; the plan's own stays."""
    (port,) = driven.web.lab.get("service", "web", "-n", driven.web.space)["spec"]["ports"]
    more = {"name": "more", "port": 9999, "targetPort": 9999, "protocol": "TCP"}
    _edited(driven, {"spec": {"ports": [port, more]}}, "cutover-ports")


def _edited(driven: Driven, body: dict[str, Any], code: str) -> None:
    before = driven.state
    with breaking.service_with(driven.web, body):
        driven.paused(code)
        assert [each for each in breaking.legacy(driven.web) if each != READY] == []
        time.sleep(2)
    driven.resume()
    driven.rests()
    assert driven.state is before


def slices_are(change: Callable[[Served, str], None]) -> Callable[[Driven], None]:
    """The keeper makes them again what they were."""

    def act(driven: Driven) -> None:
        before = breaking.legacy(driven.web)
        for each in breaking.slices(driven.web, ours=True):
            change(driven.web, each["metadata"]["name"])
            time.sleep(0.2)
        breaking.until(lambda: breaking.legacy(driven.web) == before)
        driven.rests()

    return act


def flipped(conditions: dict[str, bool]) -> Callable[[Served, str], None]:
    def act(web: Served, name: str) -> None:
        path = [{"op": "replace", "path": "/endpoints/0/conditions", "value": conditions}]
        breaking.patch(web, "endpointslice", name, path, "json")

    return act


def emptied(web: Served, name: str) -> None:
    breaking.patch(web, "endpointslice", name, [{"op": "remove", "path": "/endpoints/0"}], "json")


def deleted(web: Served, name: str) -> None:
    web.lab.kubectl("delete", "endpointslice", name, "-n", web.space)


def pods_slices_deleted(driven: Driven) -> None:
    before = breaking.serving(driven.web)
    for each in breaking.slices(driven.web, ours=False):
        deleted(driven.web, each["metadata"]["name"])
    breaking.until(lambda: breaking.serving(driven.web) == before)
    driven.rests()


# ---------------------------------------------------------------- the legacy side


def engine_restarts(driven: Driven) -> None:
    """Its containers end with it, and start with it again."""
    before = breaking.legacy(driven.web)
    driven.web.engine.restart()
    _whole(driven, before)


def a_container_crashes(driven: Driven) -> None:
    """Its engine starts it again, each time."""
    web, before = driven.web, breaking.legacy(driven.web)
    name, engine = next(iter(web.containers.items()))
    began = web.inspected()[name]["RestartCount"]
    for _ in range(CRASHES):
        engine.run("kill", "-9", str(web.inspected()[name]["State"]["Pid"]))
        time.sleep(CALM_S)
    assert web.inspected()[name]["RestartCount"] == began + CRASHES
    _whole(driven, before)


def _whole(driven: Driven, before: list[dict[str, bool]]) -> None:
    web = driven.web
    breaking.until(lambda: web.running() == sorted(web.containers) and breaking.legacy(web) == before)
    driven.rests()


def a_stranger_takes_a_port(driven: Driven) -> float:
    """A container ends, and another application's gets the port that it had; it comes back at another one. Returns the
    time at which nobody was sent to the stranger any more."""
    web = driven.web
    name, engine = next(iter(web.containers.items()))
    ours, before = engine.client.containers.get(name), web.published()
    ours.reload()
    port = ours.attrs["NetworkSettings"]["Ports"]["8080/tcp"][0]["HostPort"]
    # every answer of it is another program's
    stranger = engine.client.containers.create(IMAGE, ["app", "-wrong=1"], ports={"8080/tcp": int(port)})
    ours.kill()
    stranger.start()
    taken = engine.address, int(port)
    breaking.until(lambda: taken not in breaking.called(web))
    followed = time.time()
    time.sleep(2)
    ours.start()
    breaking.until(lambda: len(web.published()) == len(before) and breaking.called(web) == web.published())
    assert taken not in web.published()
    driven.rests()
    return followed


# ---------------------------------------------------------------- people


def two_operators(driven: Driven) -> None:
    web, first = driven.web, driven.now
    with pytest.raises(PodliftError) as refused:
        list(driven.attached().resume())
    assert refused.value.code == "cutover-locked"
    with pytest.raises(PodliftError) as underway:
        list(web.cutover().run())
    assert underway.value.code in ("cutover-underway", "cutover-locked", "preflight-refused"), underway.value
    driven.resume(take_over=True)
    driven.rests()
    breaking.until(lambda: hasattr(first, "outcome"))
    assert first.outcome is Outcome.LOST, first.why


def journal_is_deleted(driven: Driven) -> None:
    web, name = driven.web, journal_name(driven.web.name)
    web.lab.kubectl("delete", "configmap", name, "-n", web.space, "--wait=false")
    # its finalizer holds it
    driven.rests()
    deleted_at = time.time()
    breaking.patch(web, "configmap", name, {"metadata": {"finalizers": None}})
    outcome, why = driven.ended()
    assert (outcome, why.partition(";")[0]) == (Outcome.LOST, "its journal is gone")
    assert [told for told in driven.told if told.at > deleted_at and told.writes] == []
    driven.abort()
    assert driven.ended(120)[0] is Outcome.ROLLED_BACK
    assert web.running() == sorted(web.containers)
    assert not web.pods()


IN_SHIFT: dict[str, Callable[[Driven], None]] = {
    "controllers paused for 30 s": controllers_pause,
    "API server restarted in a gate's window": api_restarts,
    "admitted pod evicted": a_pod_is_evicted,
    "node drained": a_node_is_drained,
    "rollout": somebody_rolls_out,
    "scaled up": somebody_scales_up,
    "scaled down": somebody_scales_down,
    "selector emptied": selector_is(None),
    "selector widened": selector_is({"podlift.dev/admitted": None}),
    "selector narrowed": selector_is({"somebody": "was-here"}),
    "port added": a_port_is_added,
    "legacy endpoints flipped to down": slices_are(flipped(DOWN)),
    "legacy endpoints removed": slices_are(emptied),
    "legacy slices deleted": slices_are(deleted),
    "second operator, then a take-over": two_operators,
}
IN_THE_BAKE: dict[str, Callable[[Driven], None]] = {
    "API server restarted": api_restarts_at_rest,
    "pod evicted": a_pod_is_evicted,
    "node drained": a_node_is_drained,
    "selector emptied": selector_is(None),
    "selector narrowed": selector_is({"somebody": "was-here"}),
    "port added": a_port_is_added,
    "legacy endpoints flipped to ready": slices_are(flipped(READY)),
    "legacy slices deleted": slices_are(deleted),
    "pods' slices deleted": pods_slices_deleted,
}
ON_THE_LEGACY_SIDE: dict[str, Callable[[Driven], None]] = {
    "engine restarted": engine_restarts,
    "legacy container crashing": a_container_crashes,
}

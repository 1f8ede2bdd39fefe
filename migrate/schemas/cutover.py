"""The schema of podlift.yaml's ``cutover:`` and of a gates file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..cutover.run import LAB, UDP, Timings
from .building import array, choice, flag, keyed, text, texts, whole

GATES = "podlift.dev/gates/v1"
HOOKS: Mapping[str, str] = {
    "freeze": "tells the legacy scheduler to leave the workload alone: count, placement, autoscaling. Without it a run "
    "ends at STANDBY",
    "frozen": "ends with 0 while the scheduler leaves it alone; asked again before each is stopped",
    "unfreeze": "takes it back, on the way back; after finalize the workload is no longer the scheduler's",
    "front": "leads callers to the Service: DNS, a load balancer",
    "drain": "asks instances that get no new callers to close their connections",
}
TIMINGS: Mapping[str, tuple[str, str]] = {
    "settle_floor": ("settle_floor_s", "the least time between a write and the next look"),
    "interval": ("interval_s", "between two windows"),
    "window": ("window_s", "how long samples are gathered"),
    "step_pause": ("step_pause_s", "between two steps of the schedule"),
    "bake": ("bake_s", "how long pods serve alone, the gates looking and legacy standing by"),
    "drain_timeout": ("drain_timeout_s", "how long connections may take to end"),
    "udp_quiet": (
        "udp_quiet_s",
        "how long no datagram may have come, where udp is datagrams or sessions. A longer silence ends a flow",
    ),
    "soak": ("soak_s", "how long pods serve after the last stop, before the gates look once more"),
    "scheduler_interval": (
        "scheduler_interval_s",
        "how often the legacy scheduler looks: before pods take callers, frozen has to hold for two of these",
    ),
    "front_quiet": ("front_quiet_s", "how long no new connection may go past the Service"),
    "ready_timeout": ("ready_timeout_s", "how long pods may take to be available"),
    "observe_timeout": ("observe_timeout_s", "how long nodes may take to follow a write"),
    "hook_timeout": ("hook_timeout_s", "how long a hook may take"),
    "lease": ("lease_s", "how long a lock outlives its holder"),
    "renew": ("renew_s", "how often it is renewed"),
    "keeper": ("keeper_s", "how often the keeper looks at the legacy side"),
    "heartbeat": ("heartbeat_s", "how long a keeper elsewhere may be silent before the driver stands still"),
    "poll": ("poll_s", "how often the driver looks"),
}
"""Key to field of run.Timings: durations."""
COUNTS: Mapping[str, tuple[str, str]] = {
    "min_samples": ("min_samples", "samples of each endpoint in a window; with fewer nothing is told"),
    "consecutive_passes": ("consecutive", "windows in a row that have to pass"),
    "failure_limit": ("failures", "failed windows of a step after which the run goes back"),
    "error_limit": ("errors", "windows in a row in which a gate cannot be asked, until the run pauses"),
}
_IPV4, _IPV6 = r"\d+(\.\d+){3}", r"[0-9A-Fa-f]*:[0-9A-Fa-f:.]+"
_REMOTE = rf"^({_IPV4}(:\d+|/\d+)?|\[{_IPV6}\]:\d+|{_IPV6}(/\d+)?)$"
_DURATION = r"^(\d+(\.\d+)?(ms|s|m|h|d))+$"


def section() -> dict[str, Any]:
    mine = _entry()
    others = keyed("of single workloads, by name; what is not said is as above", {}, others=keyed("a workload's", mine))
    nodes = keyed(
        "how nodes are probed where no pod of podlift's may run: by node",
        {},
        others=keyed("a node's", {"probe": texts("the words of a command, run here, that starts podlift-probe there")}),
    )
    image = text(
        "the image of podlift-probe that nodes can pull: a pod of it in the node's network probes each node that has "
        "no command of its own. Requests with ${NAME} in a header are not made so: others may read what a pod is given",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9:/._@-]*$",
    )
    return keyed("how cutovers go", {**mine, "nodes": nodes, "probe_image": image, "workloads": others})


def gates() -> dict[str, Any]:
    return keyed(
        "gates of one cutover, in place of podlift.yaml's",
        {"schema": {"description": "the kind and version of this file", "const": GATES}, "gates": _gates()},
        required=("gates",),
    )


def _entry() -> dict[str, Any]:
    return {
        "profile": choice("lab: short timings, which give no time to see anything go wrong", "production", "lab"),
        "hooks": keyed(
            "commands of yours: a list of words, run without a shell; a relative path of a program counts from this "
            "file's folder. Each may be run again",
            {name: texts(said, minLength=0) for name, said in HOOKS.items()},
        ),
        "parity": keyed(
            "what a pod has to answer as a legacy instance does, before it gets callers",
            {
                "requests": array(
                    "what both are asked; without it the workload's check. An empty list compares nothing", _request()
                ),
                "headers": texts("response headers that are compared; * is all. By default content-type"),
                "ignore": keyed(
                    "what may differ; of a body, in its first 64 KiB: a longer one has to be the same",
                    {
                        "headers": texts("response headers, where all are compared"),
                        "json": texts("places of JSON bodies: $.items[*].id, or ..time for that key anywhere"),
                        "patterns": texts("regular expressions; what they match is left out of texts"),
                    },
                ),
            },
        ),
        "gates": _gates(),
        "schedule": array(
            "pods that are admitted after each step, rising: numbers, or percent of them all. By default 1, 2, 4, …",
            {"anyOf": [whole("pods", minimum=1), text("percent of the pods: 25%", pattern=r"^[1-9]\d?%$|^100%$")]},
        ),
        "hold_before": array("states before which a run waits for podlift cutover approve", {"type": "string"}),
        "timings": keyed(
            "durations (90s, 30m) and counts",
            {
                **{key: text(_with_default(*each, "s"), pattern=_DURATION) for key, each in TIMINGS.items()},
                **{key: whole(_with_default(*each), minimum=1) for key, each in COUNTS.items()},
            },
        ),
        "accept_floor": flag("whether settle_floor may stand for evidence where a node cannot be probed"),
        "on_drain_timeout": choice("what happens when connections do not end in time", "hold", "stop"),
        "keeps_stopped": flag(
            "whether the legacy scheduler is set so that it keeps containers that have stopped, until the run is "
            "finalized; asked for where one is known to remove them"
        ),
        "udp": choice(
            "what becomes of flows of UDP of a workload that takes them beside TCP. datagrams: each stands alone (DNS, "
            "metrics, logs), so that flows move to pods when containers leave the slices, and one is stopped when none "
            "has come for udp_quiet. sessions: those of a flow belong together (QUIC, games, calls), so that "
            "containers leave the slices when none has come for udp_quiet. cut: nothing waits for the end of flows; "
            "flows of SCTP can only be cut",
            *UDP,
        ),
        "callers": array(
            "pods that call the workload: start, and preview --probe, try from a pod of probe_image with their labels "
            "whether policies let them to the instances",
            keyed(
                "pods by their labels",
                {
                    "namespace": text(
                        "the namespace of these callers; the workload's where nothing is said",
                        pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$",
                    ),
                    "labels": keyed("labels of the callers' pods", {}, others=text("a label's value")),
                },
                required=("labels",),
            ),
        ),
        "caller_files": texts(
            "files of nginx, haproxy, Consul or the like, from this file's folder on, in which preview looks for the "
            "addresses of instances",
        ),
        "outbound": keyed(
            "where containers connect to by themselves, and pods have to get before they are admitted",
            {
                "unneeded": array(
                    "what pods need not reach, though containers did: 10.0.0.7, 10.0.0.7:6379, 10.0.0.0/16",
                    text("an address, with a port or not, or a network", pattern=_REMOTE),
                ),
                "limits": keyed(
                    "how many connections there are for this workload, at ADDRESS:PORT; preview says what both sides "
                    "take at once",
                    {},
                    names=rf"^({_IPV4}|\[{_IPV6}\]):\d+$",
                    others=whole("connections", minimum=1),
                ),
            },
        ),
    }


def _with_default(name: str, said: str, unit: str = "") -> str:
    usual, short = (f"{getattr(each, name):g}{unit}" for each in (Timings(), LAB))
    return f"{said}: {usual}" + (f", lab {short}" if short != usual else "")


def _request() -> dict[str, Any]:
    return keyed(
        "a request",
        {
            "method": text("GET where nothing is said", pattern=r"^[A-Z]+$"),
            "path": text("path and query, beginning with /", pattern=r"^/\S*$"),
            "scheme": choice("by default as the workload's check", "http", "https"),
            "headers": _headers(),
            "repeatable": flag("it does no harm, sent many times; needed for anything but GET and HEAD"),
        },
        required=("path",),
    )


def _headers() -> dict[str, Any]:
    return keyed(
        "headers of the request; ${NAME} is an environment variable, for what is secret",
        {},
        names=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$",
        others=text("a header's value", pattern=r"^[^\r\n]*$"),
    )


def _gates() -> dict[str, Any]:
    timeout = text("how long it may take; 10s where nothing is said", pattern=_DURATION)
    url = text(
        "http:// or https://; ${NAME} is an environment variable, for what is secret",
        pattern=r"^(https?://[^\s/?#]+|\$\{\w+\})\S*$",
    )
    return array(
        "what has to be seen before a run goes on, window by window; probes are asked in any case",
        keyed(
            "a gate: a name, and one of probe, prometheus, webhook and command",
            {
                "name": text("what status calls it", pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"),
                "probe": keyed(
                    "podlift's own requests to every pod, every legacy instance and the Service",
                    {
                        "requests": array("in turn; without it the workload's check", _request()),
                        "codes": text("what is an answer; 200-399 where nothing is said", pattern=r"^[\d,\s-]+$"),
                        "success": {
                            "description": "percent that answer: 99",
                            "type": "number",
                            "minimum": 0,
                            "maximum": 100,
                        },
                        "worse_by": {
                            "description": "percentage points by which it may be below legacy's: 0.5",
                            "type": "number",
                            "minimum": 0,
                            "maximum": 100,
                        },
                        "p99": text("what the slowest percent may always take: 500ms", pattern=_DURATION),
                        "slower_by": {
                            "description": "factor by which it may be above legacy's: 1.3",
                            "type": "number",
                            "minimum": 1,
                        },
                    },
                ),
                "prometheus": keyed(
                    "a query to Prometheus, or to what speaks its API",
                    {
                        "url": url,
                        "query": text(
                            "PromQL; {workload}, {namespace}, {run}, {services}, {step} and {window} are filled in"
                        ),
                        "condition": text("what every series has to meet: result < 0.01, several joined by and"),
                        "timeout": timeout,
                        "headers": _headers(),
                    },
                    required=("url", "query", "condition"),
                ),
                "webhook": keyed(
                    "gets the run's names and figures as JSON; 2xx passes",
                    {"url": url, "timeout": timeout, "headers": _headers()},
                    required=("url",),
                ),
                "command": keyed(
                    "a command: 0 passes, 75 tells nothing",
                    {"argv": texts("its words, run without a shell", minLength=0), "timeout": timeout},
                    required=("argv",),
                ),
            },
            required=("name",),
        ),
    )

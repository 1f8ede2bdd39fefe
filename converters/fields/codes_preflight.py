"""Codes of a cutover's preflight: what speaks against a run. migrate/cutover/preflight has the rules."""

from __future__ import annotations

from .codes import Code, preflight
from .codes_preflight_cluster import PREFLIGHT_CLUSTER_CODES

_LATER = "a later release serves this class; until then move it by hand, or leave it on the legacy side"

_WORKLOAD: tuple[Code, ...] = (
    preflight(
        "not-on-legacy",
        "the plan knows no instance of the workload on the legacy side",
        "there is no traffic to move: apply it with --stage final",
    ),
    preflight(
        "nothing-planned",
        "the plan holds no controller of the workload, since a question is open that keeps it from being written",
        "answer what PLAN/decisions.todo.yaml asks, plan and apply again",
    ),
    preflight(
        "hosts-unread",
        "the plan was made without a host that may run instances of the workload",
        "plan again when the host answers, or take it out of podlift.yaml if it is gone",
    ),
    preflight(
        "run-under-way",
        "the workload has a journal of a run that has not ended",
        "podlift cutover status shows it; resume or abort it",
    ),
    preflight("class-worker", "a workload without ports: consumers are counted over, no callers are moved", _LATER),
    preflight("class-cron", "a workload that runs by a clock: its last run there and its first here must meet", _LATER),
    preflight("class-job", "a workload that works once and ends", _LATER),
    preflight("class-daemon", "a workload with one copy on every host", _LATER),
    preflight("class-singleton", "a workload of which two copies at once do harm", _LATER),
    preflight("class-single-writer", "a workload whose data has one writer: it is stopped, copied and started", _LATER),
    preflight("class-stateful", "a StatefulSet: its pods have identities that two must not hold at once", _LATER),
    preflight(
        "claim-of-one-writer",
        "the workload's pods use a claim that one node at a time may write to",
        "if containers and pods need not see the same data, use ReadWriteMany, an emptyDir or a store outside; else it "
        "is a single-writer workload, which a later release serves",
    ),
    preflight(
        "acts-unasked-open",
        "nobody said whether a copy of the workload starts work by itself",
        "answer acts-unasked in decisions.yaml (podlift explain acts-unasked), plan and apply again",
    ),
    preflight(
        "no-client-service",
        "the plan has no Service with ports for the workload but headless ones, so there is nothing to move callers by",
        "see whether an override in decisions.yaml took it away, and plan again",
    ),
    preflight(
        "no-tcp",
        "the workload takes UDP or SCTP only: neither probes nor drain nor gates of a run see those",
        "a later release serves it; until then move it by hand, or leave it on the legacy side",
    ),
    preflight(
        "udp-undecided",
        "the workload takes UDP or SCTP beside TCP, and nobody said what may become of those flows",
        "say under cutover of the workload in podlift.yaml udp: datagrams where each stands alone (DNS, metrics, "
        "logs), udp: sessions where those of a flow belong together (QUIC, games, calls), or udp: cut where clients "
        "begin anew by themselves; flows of SCTP can only be cut",
    ),
    preflight(
        "udp-beside-tcp",
        "the workload takes UDP or SCTP beside TCP, and it is said what becomes of those flows",
        "see whether it is so for all of its ports; for sessions let udp_quiet be longer than they may be silent",
    ),
    preflight(
        "udp-unheard",
        "nobody can tell whether datagrams still come to an instance: it is not stopped without a word of a user's",
        "give its host exec, in podlift.yaml; in the host's network there is only on_drain_timeout: stop, or udp: cut",
    ),
    preflight(
        "writable-data",
        "pods write to a path of their node or to a shared volume while containers still write to theirs",
        "make sure that nobody needs what the other side wrote, or move the data to a store that both use",
    ),
    preflight(
        "no-readiness-probe",
        "pods have no readiness probe, so that they count as ready as soon as they have started",
        "give the workload a check (decisions.yaml, check of the mapping); gates still probe each pod before admission",
    ),
    preflight(
        "fewer-pods",
        "fewer pods are planned than instances serve now",
        "see that they carry the load, or raise the replicas and plan again",
    ),
)

_LEGACY: tuple[Code, ...] = (
    preflight(
        "engine-unread",
        "an engine that runs instances cannot be read now",
        "see podlift discover; a run does no step while an engine does not answer",
    ),
    preflight(
        "instances-changed",
        "as many instances run now as the plan did not count",
        "plan again if that is to stay; a run takes those that it finds",
    ),
    preflight(
        "image-differs",
        "an instance runs another image than the plan was made from",
        "plan and apply again",
    ),
    preflight(
        "no-instance-runs",
        "no instance on the legacy side runs and is healthy, so that there is nothing to go back to",
        "start them, or apply it with --stage final --never-cut-over",
    ),
    preflight(
        "instance-down",
        "an instance on the legacy side does not run, or is not healthy",
        "nothing, if the others carry the load; the keeper lists it once it is well",
    ),
    preflight(
        "address-refused",
        "an instance answers at an address that an EndpointSlice does not take",
        "publish the port at an address of the host that nodes reach, or give the host's address: in podlift.yaml",
    ),
    preflight(
        "address-of-the-cluster",
        "an instance's address lies in a range that the cluster gives to pods or Services",
        "give the host's own address, or renumber one of the two: nodes would not send there",
    ),
    preflight(
        "family-differs",
        "the Service's addresses are of another family than the instance's",
        "give the host's address of that family",
    ),
    preflight(
        "port-shared",
        "two instances answer at one address and port",
        "give each host an address of its own, or each instance a port",
    ),
    preflight(
        "port-contested",
        "a container of another workload answers at an instance's address and port",
        "stop one of the two",
    ),
    preflight(
        "port-claimed",
        "a stopped container is to have an instance's port, and would get it while that one is stopped",
        "remove it, or give it another port",
    ),
    preflight(
        "port-unpublished",
        "an instance does not answer from outside on a port that the Service has",
        "publish the port, or take it out of the Service by an override",
    ),
    preflight(
        "container-address",
        "an instance answers at its container's own address",
        "publish the port on the host and give the host's address",
    ),
    preflight(
        "dynamic-ports",
        "the engine chooses the instances' ports, and nothing keeps the scheduler from replacing them",
        "give a freeze hook, publish fixed ports, or put a proxy that checks health before them",
    ),
    preflight(
        "removed-on-stop",
        "the engine removes an instance as soon as it stops",
        "run it without --rm",
    ),
    preflight(
        "cleaner-runs",
        "a container on the host removes or replaces others",
        "stop it until the run is finalized",
    ),
    preflight(
        "prune-timer",
        "a job on the host removes stopped containers",
        "disable it until the run is finalized",
    ),
    preflight(
        "scheduler-collects",
        "the scheduler removes containers that have stopped, to which a run could then not go back",
        "set it so that it keeps them until the run is finalized (Nomad: gc.container = false; ECS: "
        "ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION), then say keeps_stopped: true under cutover in podlift.yaml",
    ),
    preflight(
        "stop-cut-short",
        "the engine kills a container that is stopping when podlift ends or loses its connection meanwhile",
        "upgrade the engine to 23.0.7, 24.0.3 or later, or let the process that drives the run live until STOPPED",
    ),
    preflight(
        "restart-revives",
        "the engine may start an instance again that a run has stopped",
        "nothing: the policy is set to no before the stop, and put back on abort",
    ),
    preflight(
        "host-is-node",
        "a legacy host is a node of the cluster",
        "see that it carries both while the run lasts",
    ),
    preflight(
        "no-userland-proxy",
        "on a host that is a node too, the engine does not relay connections that come from the node itself",
        "start the engine with userland-proxy true, or cordon and empty the node for the run",
    ),
    preflight(
        "userland-proxy-unknown",
        "on a host that is a node too, it is not known whether the engine relays connections from the node itself",
        "see whether docker-proxy runs there: without it callers on that node are refused",
    ),
)

_CALLERS: tuple[Code, ...] = (
    preflight(
        "endpoint-unreachable",
        "a node does not reach a legacy instance, so that its callers would fail",
        "open the way from the node to the host: routes, firewalls, allow-lists",
    ),
    preflight(
        "caller-cut-off",
        "pods that podlift.yaml names as callers do not get to an instance, to which the Service would send them",
        "let their policies allow the instances' addresses and ports as well as pods (ipBlock, in NetworkPolicies)",
    ),
    preflight(
        "node-silent",
        "nothing can be tried from a node, so that no step could be seen to have reached it",
        "give nodes: {NAME: {probe: COMMAND}}, let probe pods run there, or say --accept-floor",
    ),
    preflight(
        "node-on-trust",
        "nothing can be tried from a node, and --accept-floor takes time as evidence",
        "give the node a probe where that is possible",
    ),
    preflight(
        "no-freeze-hook",
        "nothing tells the legacy scheduler to leave the workload alone, so that no container is stopped",
        "give cutover.hooks.freeze in podlift.yaml; without it stop the instances by hand after STANDBY",
    ),
    preflight(
        "no-commands-on-host",
        "no command can be run on a legacy host, so that its connections cannot be counted",
        "give the host exec: ssh, a command, or container",
    ),
    preflight(
        "schedule-coarse",
        "the first step moves a large share of callers at once",
        "more pods do not help, more legacy instances do; or let the first step wait for an approval",
    ),
    preflight(
        "many-new-connections",
        "more new connections come from one node to one legacy instance than masqueraded ports allow without delay",
        "let clients keep connections alive, run more instances, or move it at a quiet hour",
    ),
    preflight(
        "conntrack-full",
        "a table of connections is nearly full",
        "raise net.netfilter.nf_conntrack_max",
    ),
    preflight(
        "clock-skew",
        "clocks differ, so that times of evidence and of logs cannot be compared",
        "set the clocks (NTP); what a run decides by is its own clock",
    ),
    preflight(
        "called-directly",
        "somebody calls a legacy instance past the Service, and does not move with it",
        "let it call the Service: its name, a NodePort, a load balancer or a gateway",
    ),
    preflight(
        "called-by-address",
        "another workload's settings hold the address and port of an instance",
        "change them to the Service's name before it stops",
    ),
    preflight(
        "called-in-file",
        "a file of callers that podlift.yaml names (caller_files) holds the address and port of an instance",
        "let it name the Service before FRONTED",
    ),
    preflight(
        "mutual-callers",
        "two workloads call each other",
        "start both as one group",
    ),
    preflight(
        "peer-unbridged",
        "pods will call a workload by name that has no Service in the cluster",
        "bridge that one first (podlift cutover start PLAN OTHER --hold-before SHIFT), or let both share a run's group",
    ),
)

PREFLIGHT_CODES: tuple[Code, ...] = (*_WORKLOAD, *PREFLIGHT_CLUSTER_CODES, *_LEGACY, *_CALLERS)

"""The published table: which controller keeps a workload's pods, by what the legacy side says of it.

The rows are tried in order and the first that matches decides. A row that is not ``clear`` is weak evidence: its
controller is used for now and the verdict ``controller-unclear`` asks. docs/reference/controllers.md is this table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..workload import Controller, MountKind, Workload

DAY_S = 24 * 3600.0
DAEMON_HOSTS = 3
HOST_PATHS = ("/proc", "/sys", "/dev", "/run/docker.sock", "/var/run/docker.sock", "/var/lib/docker", "/var/log")
_BELOW_HOST_PATHS = tuple(f"{path}/" for path in HOST_PATHS)
_ALIVE = ("running", "restarting", "paused")


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A workload, and whether each of its instances' differences follows from a pod's index or is a volume of its own.

    identity  there are such differences and no others that a pod could not have
    """

    workload: Workload
    identity: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """``when`` is the condition in words; ``clear`` False: the user is asked."""

    name: str
    when: str
    controller: Controller
    matches: Callable[[Evidence], bool]
    clear: bool = True


def _kind(*kinds: Controller) -> Callable[[Evidence], bool]:
    return lambda e: e.workload.controller in kinds


def _labels(workload: Workload) -> dict[str, str]:
    return {pair.key: pair.value for container in workload.containers for pair in container.labels}


def _global(e: Evidence) -> bool:
    """Rancher says so in a label. Swarm names the tasks of a global service ``SERVICE.NODE.TASK``, those of a
    replicated one ``SERVICE.SLOT.TASK``. Nomad and ECS say nothing on a container."""
    labels = _labels(e.workload)
    if labels.get("io.rancher.scheduler.global", "").lower() == "true":
        return True
    service, task = labels.get("com.docker.swarm.service.name", ""), labels.get("com.docker.swarm.task.name", "")
    slot = task.removeprefix(f"{service}.").partition(".")[0] if service and task.startswith(f"{service}.") else ""
    return bool(slot) and not slot.isdigit()


def _nomad_run(e: Evidence) -> bool:
    """Nomad names the runs of a periodic or parameterised job after it: ``report/periodic-1700000000``."""
    names = [env.value or "" for c in e.workload.containers for env in c.env if env.name == "NOMAD_JOB_NAME"]
    names += [e.workload.grouping_key, _labels(e.workload).get("com.hashicorp.nomad.job_name", "")]
    return any("/periodic-" in name or "/dispatch-" in name for name in names)


def _policy(e: Evidence, *policies: str) -> bool:
    return bool(e.workload.instances) and e.workload.restart.policy in policies


def _looks_at_host(workload: Workload) -> bool:
    binds = [m.source for c in workload.containers for m in c.mounts if m.kind is MountKind.BIND]
    on_host = any(path in ("/", *HOST_PATHS) or path.startswith(_BELOW_HOST_PATHS) for path in binds)
    return on_host or "host" in (workload.network_mode, workload.pid_mode)


def _everywhere(e: Evidence) -> bool:
    return e.workload.on_every_host and len({i.host for i in e.workload.instances}) >= DAEMON_HOSTS


def _ended(e: Evidence, *, well: bool) -> bool:
    instances = e.workload.instances
    return all(i.state == "exited" and (i.exit_code == 0) == well for i in instances) and bool(instances)


def _serves(e: Evidence) -> bool:
    """Something listens, or somebody asks whether it is well."""
    workload = e.workload
    checked = any(not check.disabled for c in workload.containers for check in c.checks)
    return checked or any(i.listening for i in workload.instances)


def _lasts(e: Evidence) -> bool:
    return any(i.state in _ALIVE and (i.uptime_s or 0) >= DAY_S for i in e.workload.instances)


TABLE: tuple[Row, ...] = (
    Row(
        name="schedule",
        when="the config gives a schedule",
        controller=Controller.CRONJOB,
        matches=lambda e: e.workload.schedule is not None,
    ),
    Row(
        name="kind-daemon",
        when="the config calls it one on every host",
        controller=Controller.DAEMONSET,
        matches=_kind(Controller.DAEMONSET),
    ),
    Row(name="kind-job", when="the config calls it a job", controller=Controller.JOB, matches=_kind(Controller.JOB)),
    Row(
        name="kind-cron",
        when="the config calls it a cron job and gives no schedule: one run of it",
        controller=Controller.JOB,
        matches=_kind(Controller.CRONJOB),
        clear=False,
    ),
    Row(
        name="scheduler-global",
        when="the scheduler's label says one on every host (Rancher's scheduler.global, Swarm's task of a node)",
        controller=Controller.DAEMONSET,
        matches=_global,
    ),
    Row(
        name="scheduler-run",
        when="the scheduler's job name says that it is one run (Nomad's /periodic- and /dispatch-)",
        controller=Controller.JOB,
        matches=_nomad_run,
    ),
    Row(
        name="kind-stateful",
        when="the config calls it stateful",
        controller=Controller.STATEFULSET,
        matches=_kind(Controller.STATEFULSET),
    ),
    Row(
        name="identity-everywhere",
        when="each instance has an identity or data of its own, and one runs on every host",
        controller=Controller.STATEFULSET,
        matches=lambda e: (
            e.identity
            and e.workload.on_every_host
            and e.workload.controller is Controller.UNKNOWN
            and _looks_at_host(e.workload)
        ),
        clear=False,
    ),
    Row(
        name="identity",
        when="instances differ, and each difference follows from the pod's index or is a named volume of its own",
        controller=Controller.STATEFULSET,
        matches=lambda e: e.identity,
    ),
    Row(
        name="kind-service",
        when="the config calls it a service",
        controller=Controller.DEPLOYMENT,
        matches=_kind(Controller.DEPLOYMENT),
    ),
    Row(
        name="everywhere-host",
        when=f"exactly one instance on each of {DAEMON_HOSTS} hosts or more, and it looks at its host (network, "
        f"processes, or a bind mount of {', '.join(HOST_PATHS)})",
        controller=Controller.DAEMONSET,
        matches=lambda e: _everywhere(e) and _looks_at_host(e.workload),
    ),
    Row(
        name="everywhere",
        when=f"exactly one instance on each of {DAEMON_HOSTS} hosts or more, and nothing else speaks for a daemon",
        controller=Controller.DEPLOYMENT,
        matches=_everywhere,
        clear=False,
    ),
    Row(
        name="restarts-always",
        when="restart policy always or unless-stopped",
        controller=Controller.DEPLOYMENT,
        matches=lambda e: _policy(e, "always", "unless-stopped"),
    ),
    Row(
        name="serves",
        when="another restart policy, and an instance listens or has a check",
        controller=Controller.DEPLOYMENT,
        matches=lambda e: bool(e.workload.instances) and _serves(e),
    ),
    Row(
        name="ended-well",
        when="another restart policy, and every instance exited with code 0",
        controller=Controller.JOB,
        matches=lambda e: _ended(e, well=True),
    ),
    Row(
        name="lasts",
        when="another restart policy, and an instance has run for a day or more",
        controller=Controller.DEPLOYMENT,
        matches=_lasts,
    ),
    Row(
        name="unclear",
        when="another restart policy, nothing listens, and it failed, ran for less than a day, or never ran",
        controller=Controller.DEPLOYMENT,
        matches=lambda e: bool(e.workload.instances),
        clear=False,
    ),
    Row(
        name="config-serves",
        when="nothing runs; the config gives ports, checks, counts or a rollout",
        controller=Controller.DEPLOYMENT,
        matches=lambda e: (
            bool(e.workload.replicas or e.workload.scaling or e.workload.rollout)
            or any(c.ports or c.checks for c in e.workload.containers)
        ),
    ),
    Row(
        name="nothing-known",
        when="nothing runs, and no document says more",
        controller=Controller.DEPLOYMENT,
        matches=lambda _: True,
        clear=False,
    ),
)


def row_for(evidence: Evidence) -> Row:
    """The first row that matches; the last one always does."""
    return next(row for row in TABLE if row.matches(evidence))


def controllers_page() -> str:
    """docs/reference/controllers.md."""
    lines = [
        "# Which controller",
        "",
        "What keeps a workload's pods alive, by what the configs and the engines say. The first row that matches",
        "decides. Where the last column says so, the evidence is weak: podlift uses this controller for now, and the",
        "verdict `controller-unclear` asks; answer it in decisions.yaml.",
        "",
        "| row | when | controller | asked |",
        "|---|---|---|---|",
    ]
    for row in TABLE:
        lines.append(f"| {row.name} | {row.when} | {KINDS[row.controller]} | {'' if row.clear else 'yes'} |")
    return "\n".join(lines) + "\n"


KINDS = {
    Controller.DEPLOYMENT: "Deployment",
    Controller.STATEFULSET: "StatefulSet",
    Controller.DAEMONSET: "DaemonSet",
    Controller.JOB: "Job",
    Controller.CRONJOB: "CronJob",
}

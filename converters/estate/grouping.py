"""Grouping: which running containers are instances of one application, and which are no workload at all.

Evidence in this order: what a config expects, the owner's labels (compose, swarm, ECS, Rancher, Nomad), variables
that a scheduler injects (Marathon, Nomad), and last the name without its number together with the image's
repository. Image IDs are never compared: they differ between amd64 and arm64.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from ..sources.inspect_state import repository_of
from ..sources.reading import Expected
from ..workload import Image, Workload

RUNNING = frozenset({"running", "restarting"})

_OWNER_LABELS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("swarm", ("com.docker.swarm.service.name",)),
    ("compose", ("com.docker.compose.project", "com.docker.compose.service")),
    ("ecs", ("com.amazonaws.ecs.task-definition-family", "com.amazonaws.ecs.container-name")),
    ("rancher", ("io.rancher.stack_service.name",)),
    ("nomad", ("com.hashicorp.nomad.job_name", "com.hashicorp.nomad.task_group_name", "com.hashicorp.nomad.task_name")),
)
_OWNER_ENV: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("nomad", ("NOMAD_JOB_NAME", "NOMAD_GROUP_NAME", "NOMAD_TASK_NAME")),
    ("marathon", ("MARATHON_APP_ID",)),
)
# Containers with the same value are parts of one pod.
_POD_LABELS = ("com.amazonaws.ecs.task-arn", "com.hashicorp.nomad.alloc_id")
_POD_ENV = ("NOMAD_ALLOC_ID",)

# Variables that a scheduler writes into each instance: no two instances agree on them, and a pod has none.
RUNTIME_ENV: dict[str, tuple[str, ...]] = {
    "marathon": ("MARATHON_*", "MESOS_*", "PORT", "PORT?", "PORT??", "PORTS", "PORT_*", "HOST"),
    "mesos": ("MESOS_*", "PORT", "PORT?", "PORT??", "PORTS", "PORT_*", "HOST"),
    "nomad": ("NOMAD_*",),
    "ecs": ("ECS_*", "AWS_EXECUTION_ENV", "AWS_CONTAINER_*"),
    "rancher": (),
    "swarm": (),
    "compose": (),
}

_AGENTS = re.compile(
    r"(^|/)(amazon-ecs-agent|amazon-ecs-pause|rancher/agent|rancher-agent|mesos-(agent|slave)|nomad|swarm-agent"
    r"|portainer/agent|agent-instance|kontena/agent|helios-agent|pause(-amd64|-arm64)?)(:|@|$)"
)
_ID = re.compile(r"(sha256:?)?([0-9a-f]{12,64})?")
_NUMBERED = re.compile(r"^(?P<base>.*?[^\d])(?P<n>\d+)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Instances of one application.

    key        the grouping key
    pods       of each member what joins it with containers of other groups into one pod (``""``: nothing)
    container  what the container is called, where the group's name had to be told from another's
    runs       the members are runs of a job that starts again and again
    """

    name: str
    namespace_hint: str = ""
    key: str
    scheduler: str
    runtime_env: tuple[str, ...]
    members: tuple[Workload, ...]
    pods: tuple[str, ...]
    expected: str = ""
    container: str = ""
    runs: bool = False


def excluded(workload: Workload) -> str:
    """Why this container is no workload, ``""`` if it is one."""
    labels = _labels(workload)
    if labels.get("com.docker.compose.oneoff", "").lower() == "true":
        return "a one-off container of docker compose run"
    reference = workload.containers[0].image.reference
    if _AGENTS.search(reference):
        return f"a scheduler's own agent or pause container ({reference})"
    state = workload.instances[0].state
    if state in ("dead", "removing"):
        return f"its state is {state}"
    return ""


def groups(workloads: Iterable[Workload], expected: Sequence[Expected]) -> tuple[Group, ...]:
    """Groups in order of name. A container that nothing groups is a group of its own."""
    wanted = [(e, re.compile(e.containers) if e.containers else None) for e in expected]
    members: dict[_Identity, list[Workload]] = {}
    for workload in workloads:
        identity, placed = _identity(workload, wanted)
        members.setdefault(identity, []).append(placed)
    made = []
    for identity, found in members.items():
        found.sort(key=_order)
        only = found[0].instances[0].name
        if len(found) == 1 and identity.repository and only != identity.name and only[len(identity.name)].isdigit():
            # A number that follows a letter counts instances where there are several: redis7 alone is redis7.
            identity = replace(identity, name=only, key=f"name:{re.escape(only)}")
        made.append(
            Group(
                name=identity.name,
                namespace_hint=identity.namespace_hint,
                key=identity.key,
                scheduler=found[0].scheduler,
                runtime_env=identity.runtime_env,
                members=tuple(found),
                pods=tuple(_pod(member) for member in found),
                expected=identity.expected,
                runs=_RUN.search(identity.key) is not None,
            )
        )
    intended = {e.workload for e in expected if e.containers or e.label or e.env}
    return _told_apart(sorted(made, key=lambda g: (g.name, g.key, g.members[0].instances[0].document)), intended)


def _told_apart(found: Sequence[Group], intended: Collection[str]) -> tuple[Group, ...]:
    """Groups of one name (the same service of two projects, other images) bear their project's name too, all of them,
    so that none takes another's answers; what that does not tell apart bears a number. A name that a config's own
    instances would have is no stranger's."""
    counts = Counter(group.name for group in found)
    counts.update(dict.fromkeys(intended, 1))
    taken = {group.name for group in found if counts[group.name] == 1 or group.expected} | set(intended)
    made = []
    for group in found:
        name = group.name
        if counts[name] > 1 and not group.expected:
            name = f"{group.namespace_hint.replace('/', '.')}.{name}" if group.namespace_hint else name
            stem, n = name, 1
            while name in taken:
                n += 1
                name = f"{stem}.{n}"
        taken.add(name)
        made.append(replace(group, name=name, container=group.name))
    return tuple(sorted(made, key=lambda g: g.name))


def by_container(group: Group, config: Workload | None) -> tuple[Group, ...]:
    """A group that a config recognised, divided by which of the config's containers each member is: by the image's
    repository, else by what its owner or its name calls it. What is none of them counts as the first."""
    if config is None or len(config.containers) < 2:
        return (group,)
    divided: dict[str, list[int]] = {container.name: [] for container in config.containers}
    for place, member in enumerate(group.members):
        divided[_which(member, config)].append(place)
    return tuple(
        replace(
            group,
            container=name,
            members=tuple(group.members[n] for n in places),
            pods=tuple(group.pods[n] for n in places),
        )
        for name, places in divided.items()
        if places
    )


def _which(member: Workload, config: Workload) -> str:
    repository = _repository(member.containers[0].image)
    same = [c.name for c in config.containers if _repository(c.image) == repository]
    if len(same) == 1:
        return same[0]
    labels = _labels(member)
    called = {labels.get(keys[-1], "") for _, keys in _OWNER_LABELS}
    words = re.split(r"[-_.]", member.instances[0].name)
    names = [c.name for c in config.containers if c.name in called] or [
        c.name for c in config.containers if c.name in words
    ]
    return names[0] if len(names) == 1 else (same or [config.containers[0].name])[0]


def number_of(name: str) -> int | None:
    """The number at the end of an instance's name, None if it has none."""
    match = _NUMBERED.match(name)
    return int(match["n"]) if match else None


def _order(workload: Workload) -> tuple[str, int, str, str]:
    instance = workload.instances[0]
    match = _NUMBERED.match(instance.name)
    base, n = (match["base"], int(match["n"])) if match else (instance.name, -1)
    return base, n, instance.host, instance.name


@dataclass(frozen=True, slots=True, kw_only=True)
class _Identity:
    name: str
    key: str
    namespace_hint: str = ""
    runtime_env: tuple[str, ...] = ()
    expected: str = ""
    repository: str = ""


# Nomad names the runs of a periodic or parameterised job after it: ``report/periodic-1700000000``.
_RUN = re.compile(r"/(periodic|dispatch)-[^,/]*")


def _identity(workload: Workload, wanted: list[tuple[Expected, re.Pattern[str] | None]]) -> tuple[_Identity, Workload]:
    """What groups it, and the workload at the site that its name tells, where its host has none."""
    instance = workload.instances[0]
    labels = _labels(workload)
    env = _env(workload)
    runtime = RUNTIME_ENV.get(workload.scheduler, ())
    for expects, pattern in wanted:
        match = pattern.fullmatch(instance.name) if pattern is not None else None
        if match is not None:
            site = match.groupdict().get("site")
            if site and not instance.site:
                workload = replace(workload, instances=(replace(instance, site=site),))
        elif not (expects.label and _says(labels, expects.label)) and not (expects.env and _says(env, expects.env)):
            continue
        ways = (("name", expects.containers), ("label", expects.label), ("env", expects.env))
        identity = _Identity(
            name=expects.workload,
            key=next(f"{way}:{wanted_so}" for way, wanted_so in ways if wanted_so),
            runtime_env=runtime + expects.runtime_env,
            expected=expects.workload,
        )
        return identity, workload
    for owner, keys in _OWNER_LABELS:
        if all(labels.get(k) for k in keys):
            hint = labels[keys[0]] if len(keys) > 1 else ""
            key = ",".join(f"label:{k}={labels[k]}" for k in keys)
            hint, key = _RUN.sub("", hint), key if owner != "nomad" else _periodic(key)
            return _Identity(name=labels[keys[-1]], namespace_hint=hint, key=key, runtime_env=runtime), workload
    for owner, keys in _OWNER_ENV:
        if all(env.get(k) for k in keys):
            path, _, name = env[keys[-1]].rpartition("/")
            hint = path.strip("/") if len(keys) == 1 else env[keys[0]]
            key = ",".join(f"env:{k}={env[k]}" for k in keys)
            hint, key = _RUN.sub("", hint), key if owner != "nomad" else _periodic(key)
            return _Identity(name=name, namespace_hint=hint, key=key, runtime_env=RUNTIME_ENV[owner]), workload
    match = _NUMBERED.match(instance.name)
    base = (match["base"].rstrip("-_.") if match else instance.name) or instance.name
    # The repository is part of the identity, so that "db-1" of two applications are not taken for one.
    identity = _Identity(
        name=base,
        key=f"name:{re.escape(base)}([-_.]?\\d+)?",
        runtime_env=runtime,
        repository=_repository(workload.containers[0].image),
    )
    return identity, workload


def _periodic(key: str) -> str:
    """The key of all runs of a job."""
    return _RUN.sub("/\\1-*", key)


def _pod(workload: Workload) -> str:
    """What names the pod that this container is a part of, ``""`` if it stands alone."""
    labels, env = _labels(workload), _env(workload)
    return next((labels[k] for k in _POD_LABELS if k in labels), "") or next((env[k] for k in _POD_ENV if k in env), "")


def _repository(image: Image) -> str:
    """The one that was asked for, in short: the digest's is not known where the image was not read."""
    asked = repository_of(image.reference)
    if not asked or _ID.fullmatch(asked):
        return image.repository or asked
    return asked.removeprefix("docker.io/").removeprefix("index.docker.io/").removeprefix("library/")


def _says(values: dict[str, str], wanted: str) -> bool:
    key, _, value = wanted.partition("=")
    return values.get(key) == value


def _labels(workload: Workload) -> dict[str, str]:
    return {pair.key: pair.value for pair in workload.containers[0].labels}


def _env(workload: Workload) -> dict[str, str]:
    return {e.name: e.value or "" for e in workload.containers[0].env}

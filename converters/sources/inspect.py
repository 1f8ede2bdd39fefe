"""Reads what ``docker inspect`` prints: each container becomes one workload with one instance.

Only present fields enter the workload, each with its origins; what no attribute takes becomes a Setting. Images,
volumes and networks stand beside the containers: their defaults are subtracted, their settings joined.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..capture import Engine
from ..decisions import Decisions
from ..fields.api_version import inferred
from ..fields.catalogue import code_named
from ..fields.classify import Classified, classified, image_fields
from ..fields.container_table import CONTAINER_ROWS
from ..fields.defaults import Surroundings
from ..fields.other_tables import IMAGE_ROWS, NETWORK_ROWS, VOLUME_ROWS
from ..fields.podman_table import PODMAN_ROWS, is_podman
from ..fields.verdict import Finding, Source, Tally
from ..fields.walk import Table, walk
from ..secrecy import WITHHELD, referable, secret_options, secrets_within, without_secrets
from ..workload import Check, Container, Host, Mount, MountKind, Pair, Setting, Workload
from .inspect_document import Document, Draft, chosen
from .inspect_mounts import Volume, read_mounts, shared_anonymous, target_key, with_shared
from .inspect_network import NetworkFacts, pairs_of, read_networks, read_ports, read_resolver
from .inspect_process import (
    Accounts,
    read_checks,
    read_command,
    read_devices,
    read_env,
    read_limits,
    read_restart,
    read_security,
    read_termination,
    read_user,
)
from .inspect_state import inherited_of, instance_name, read_image, read_instance
from .reading import Reading
from .refusals import refuse_unless_container, refuse_unless_object

_CONTAINER = Table(CONTAINER_ROWS)
_PODMAN = Table((*CONTAINER_ROWS, *PODMAN_ROWS))
_IMAGE, _VOLUME, _NETWORK = Table(IMAGE_ROWS), Table(VOLUME_ROWS), Table(NETWORK_ROWS)

_SCHEDULER_LABELS = (
    ("swarm", "com.docker.swarm.service.name"),
    ("compose", "com.docker.compose.project"),
    ("ecs", "com.amazonaws.ecs.task-definition-family"),
    ("rancher", "io.rancher.stack_service.name"),
    ("nomad", "com.hashicorp.nomad.alloc_id"),
)
_SCHEDULER_ENV = (("nomad", "NOMAD_ALLOC_ID"), ("marathon", "MARATHON_APP_ID"), ("mesos", "MESOS_TASK_ID"))


def read_inspect(
    containers: Iterable[Any],
    *,
    images: Iterable[Mapping[str, Any]] = (),
    images_elsewhere: Iterable[Mapping[str, Any]] = (),
    volumes: Iterable[Mapping[str, Any]] = (),
    networks: Iterable[Mapping[str, Any]] = (),
    accounts: Mapping[str, tuple[str, str]] | None = None,
    volume_bytes: Mapping[str, int] | None = None,
    engine: Engine | None = None,
    host: Host,
    api_version: str | None = None,
    decisions: Decisions | None = None,
) -> Reading:
    """One reading of one host's documents.

    images_elsewhere  those that other hosts have: where this host lost an image, one of the same ID is the same
    accounts      image ID to the texts of its /etc/passwd and /etc/group
    volume_bytes  volume name to measured size
    engine        /version and /info; without it the API version is inferred and defaults of /info count as present
    api_version   overrides both

    Raises PodliftError: see refusals.py, and ``inspect-malformed`` for a value of a kind that no engine prints.
    """
    reader = _HostReader(
        host=host,
        engine=engine,
        accounts=accounts or {},
        volume_bytes=volume_bytes or {},
        decisions=decisions,
        api_version=api_version,
    )
    reader.know_images(images)
    reader.know_images_elsewhere(images_elsewhere)
    reader.know_volumes(volumes)
    reader.know_networks(networks)
    workloads = []
    documents = containers if not isinstance(containers, Mapping) else (containers,)
    for n, raw in enumerate(documents):
        workloads.append(reader.read(refuse_unless_container(raw, _whereabouts(raw, host, n))))
    shared = shared_anonymous([workload.containers[0].mounts for workload in workloads])
    if shared:
        workloads = [_with_shared(workload, shared) for workload in workloads]
    unused = reader.unused()
    return Reading(
        source="inspect",
        workloads=tuple(workloads),
        hosts=(host,),
        tallies=tuple(tally for tally in reader.tallies if tally.document not in unused),
        excluded=tuple((name, "no container here uses it") for name in unused),
        api_versions=tuple(reader.api_versions),
    )


def _with_shared(workload: Workload, shared: frozenset[str]) -> Workload:
    (container,) = workload.containers
    return replace(workload, containers=(replace(container, mounts=with_shared(container.mounts, shared)),))


_KEPT = (MountKind.VOLUME, MountKind.ANONYMOUS, MountKind.CLUSTER)


def _whereabouts(raw: Any, host: Host, n: int) -> str:
    named = isinstance(raw, Mapping) and (raw.get("Name") or raw.get("Id") or raw.get("Names"))
    return (
        f"{host.name}/container/{str(named).strip('/')}" if isinstance(named, str) else f"{host.name} document {n + 1}"
    )


@dataclass(slots=True)
class _HostReader:
    host: Host
    engine: Engine | None
    accounts: Mapping[str, tuple[str, str]]
    volume_bytes: Mapping[str, int]
    decisions: Decisions | None
    api_version: str | None
    tallies: list[Tally] = field(default_factory=list)
    api_versions: list[tuple[str, str]] = field(default_factory=list)
    images: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    image_defaults: dict[tuple[str, bool], dict[str, Any]] = field(default_factory=dict)
    volumes: dict[str, Volume] = field(default_factory=dict)
    networks: dict[str, NetworkFacts] = field(default_factory=dict)
    labels: dict[str, tuple[Setting, ...]] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)

    def know_images(self, images: Iterable[Mapping[str, Any]]) -> None:
        for document in images:
            raw = refuse_unless_object(document, f"{self.host.name}/image", "an image")
            identity = str(raw.get("Id") or "")
            if not identity or identity in self.images:
                continue
            self.images[identity] = raw
            self.images.setdefault(identity.removeprefix("sha256:"), raw)
            self._classes(f"{self.host.name}/image/{identity.removeprefix('sha256:')[:12]}", raw, _IMAGE)

    def know_images_elsewhere(self, images: Iterable[Mapping[str, Any]]) -> None:
        """An ID is a hash of the image's configuration, so that it means one image on all hosts. They are no documents
        of this host, and have no tally here."""
        for raw in images:
            if identity := str(raw.get("Id") or ""):
                self.images.setdefault(identity, raw)
                self.images.setdefault(identity.removeprefix("sha256:"), raw)

    def know_volumes(self, volumes: Iterable[Mapping[str, Any]]) -> None:
        for each in volumes:
            raw = refuse_unless_object(each, f"{self.host.name}/volume", "a volume")
            name = str(raw.get("Name") or "")
            document = self._document(f"volume/{name}", raw, _VOLUME)
            driver, of_driver = document.text("Driver")
            options = pairs_of(document, "Options[map]")
            anonymous = document.part("Labels", "com.docker.volume.anonymous") is not None
            self.volumes[name] = Volume(
                driver=driver,
                options={pair.key: without_secrets(pair.key, pair.value) for pair in options},
                anonymous=anonymous,
                size_bytes=self.volume_bytes.get(name),
                origins=of_driver + _origins(options),
            )
            self.labels[f"volume/{name}"] = document.left()
        for name, size in self.volume_bytes.items():
            self.volumes.setdefault(name, Volume(size_bytes=size))

    def know_networks(self, networks: Iterable[Mapping[str, Any]]) -> None:
        for each in networks:
            raw = refuse_unless_object(each, f"{self.host.name}/network", "a network")
            name = str(raw.get("Name") or "")
            document = self._document(f"network/{name}", raw, _NETWORK)
            driver, of_driver = document.text("Driver")
            internal, of_internal = document.flag("Internal")
            options = list(pairs_of(document, "Options[map]"))
            icc = [pair for pair in options if pair.key == "com.docker.network.bridge.enable_icc"]
            if of_driver:
                options.append(Pair(key="driver", value=driver, origins=of_driver))
            for flag in ("Attachable", "EnableIPv4", "EnableIPv6"):
                value, origins = document.flag(flag)
                if origins:
                    options.append(Pair(key=flag, value=str(value).lower(), origins=origins))
            self.networks[name] = NetworkFacts(
                driver=driver or str(raw.get("Driver") or ""),
                internal=internal,
                icc=not any(pair.value == "false" for pair in icc),
                options=tuple(pair for pair in options if pair not in icc),
                isolation=(*((Pair(key="internal", value="true", origins=of_internal),) if internal else ()), *icc),
                ids=tuple(filter(None, (str(raw.get("Id") or ""),))),
            )
            self.labels[f"network/{name}"] = document.left()

    def read(self, raw: Mapping[str, Any]) -> Workload:
        name = instance_name(raw)
        podman = is_podman(raw)
        image = self.images.get(str(raw.get("Image") or ""))
        defaults = self._defaults(image, podman=podman) if image is not None else None
        document = self._document(f"container/{name}", raw, _PODMAN if podman else _CONTAINER, defaults)
        self._version(document)
        settings: list[Setting] = []
        container, workload = Draft(), Draft()
        container.set("image", read_image(document, image), document.text("Config.Image")[1])
        read_command(document, defaults, container)
        directory, of_directory = document.text("Config.WorkingDir")
        container.set("working_dir", directory, of_directory)
        env = read_env(document, self.decisions)
        container.set("env", env)
        passwd, group = self.accounts.get(str(raw.get("Image") or ""), ("", ""))
        read_user(document, Accounts(passwd=passwd, group=group), inherited_of(image), container)
        ports = read_ports(document)
        container.set("ports", ports)
        image_volumes = frozenset(target_key(chosen(p)) for p in defaults or () if p.startswith("Config.Volumes["))
        mounts, left = read_mounts(document, image_volumes, self.volumes)
        container.set("mounts", mounts)
        settings += left
        checks, left = read_checks(document)
        settings += left
        settings += read_limits(document, container)
        settings += read_security(document, container)
        read_devices(document, container)
        _switches(document, container, workload)
        options = pairs_of(document, "HostConfig.LogConfig.Config[map]")
        shown = tuple(replace(pair, value=without_secrets(pair.key, pair.value)) for pair in options)
        container.set("log_options", shown)
        labels = pairs_of(document, "Config.Labels[map]")
        container.set("labels", labels)
        container.set("checks", _healed(checks, labels))
        container.set("annotations", pairs_of(document, "HostConfig.Annotations[map]"))
        read_networks(document, self.networks, workload)
        read_resolver(document, workload)
        restart, termination = read_restart(document), read_termination(document)
        settings += document.left()
        settings += self._labels_of(mounts, workload)
        container.values["settings"] = tuple(settings)
        container.values["inherited"] = inherited_of(image)
        findings = [*_disagreements(name, document)]
        if image is None:
            findings.append(_image_unread(name, document))
        made = Container(name=name, origins=container.origins, **container.values)
        findings += _leaked(name, made)
        return Workload(
            name=name,
            scheduler=_scheduler(labels, {e.name for e in env}),
            containers=(made,),
            restart=restart,
            termination=termination,
            instances=(read_instance(document, image, self.engine, self.host, listening=bool(ports)),),
            findings=tuple(findings),
            origins=workload.origins,
            **workload.values,
        )

    def _defaults(self, image: Mapping[str, Any], *, podman: bool) -> dict[str, Any]:
        key = (str(image.get("Id")), podman)
        if key not in self.image_defaults:
            self.image_defaults[key] = image_fields(image, _PODMAN if podman else _CONTAINER)
        return self.image_defaults[key]

    def _document(
        self, name: str, raw: Mapping[str, Any], table: Table, image: Mapping[str, Any] | None = None
    ) -> Document:
        full = f"{self.host.name}/{name}"
        return Document(full, raw, self._classes(full, raw, table, image))

    def _classes(
        self, name: str, raw: Mapping[str, Any], table: Table, image: Mapping[str, Any] | None = None
    ) -> Classified:
        info = self.engine.info if self.engine and self.engine.info else None
        classes = classified(walk(raw, table), Surroundings(document=raw, image=image, info=info))
        self.tallies.append(classes.tally(name))
        return classes

    def _version(self, document: Document) -> None:
        version = self.api_version or (self.engine.api_version if self.engine else "") or inferred(document.raw)
        self.api_versions.append((document.name, version))

    def _labels_of(self, mounts: Sequence[Mount], workload: Draft) -> Iterable[Setting]:
        """Labels of the volumes and networks that this container uses, which stand beside all who use them."""
        names = {f"volume/{mount.source}" for mount in mounts if mount.kind in _KEPT}
        names |= {f"network/{network.name}" for network in workload.values.get("networks", ())}
        # host and none are networks too, which a container is on by its mode
        names.add(f"network/{workload.values.get('network_mode', '')}")
        self.used |= names
        for name in sorted(names):
            yield from self.labels.get(name, ())

    def unused(self) -> tuple[str, ...]:
        """Documents of volumes and networks that stand beside no container: they say nothing of any workload."""
        return tuple(sorted(f"{self.host.name}/{name}" for name in set(self.labels) - self.used))


# Fields that are one attribute as they stand.
_CONTAINER_FLAGS = (
    ("tty", "Config.Tty"),
    ("stdin", "Config.OpenStdin"),
    ("stdin_once", "Config.StdinOnce"),
    ("privileged", "HostConfig.Privileged"),
    ("read_only_root", "HostConfig.ReadonlyRootfs"),
    ("init", "HostConfig.Init"),
    ("publish_all", "HostConfig.PublishAllPorts"),
)
_WORKLOAD_TEXTS = (
    ("hostname", "Config.Hostname"),
    ("domainname", "Config.Domainname"),
    ("runtime", "HostConfig.Runtime"),
    ("pid_mode", "HostConfig.PidMode"),
    ("ipc_mode", "HostConfig.IpcMode"),
    ("uts_mode", "HostConfig.UTSMode"),
    ("userns_mode", "HostConfig.UsernsMode"),
)


def _switches(document: Document, container: Draft, workload: Draft) -> None:
    for attribute, pattern in _CONTAINER_FLAGS:
        on, origins = document.flag(pattern)
        container.set(attribute, on, origins)
    for attribute, pattern in _WORKLOAD_TEXTS:
        text, origins = document.text(pattern)
        workload.set(attribute, text, origins)
    removed, origins = document.flag("HostConfig.AutoRemove")
    workload.set("auto_remove", removed, origins)
    driver, origins = document.text("HostConfig.LogConfig.Type")
    container.set("log_driver", driver, origins)


def _healed(checks: tuple[Check, ...], labels: Iterable[Pair]) -> tuple[Check, ...]:
    """The label by which autoheal finds its containers says that an unhealthy one is restarted."""
    origins = tuple(o for label in labels if (label.key, label.value) == ("autoheal", "true") for o in label.origins)
    if not origins:
        return checks
    return tuple(
        check if check.disabled else replace(check, restarts=True, origins={**check.origins, "restarts": origins})
        for check in checks
    )


def _scheduler(labels: Iterable[Pair], env: set[str]) -> str:
    """Who owns the container: its labels tell, or variables that only that scheduler injects."""
    keys = {label.key for label in labels}
    for owner, key in _SCHEDULER_LABELS:
        if key in keys:
            return owner
    return next((owner for owner, name in _SCHEDULER_ENV if name in env), "docker")


def _disagreements(workload: str, document: Document) -> Iterable[Finding]:
    for found in document.disagreeing:
        assert found.row is not None
        yield Finding(
            workload=workload,
            code="mirror-disagrees",
            subject=found.path,
            reason=f"{found.path} does not say what {found.row.mirror_of.partition('[')[0]} says",
            sides=((document.name, found.path),),
        )


def _image_unread(workload: str, document: Document) -> Finding:
    identity = str(document.part("Image") or document.part("Config", "Image") or "")
    return Finding(
        workload=workload,
        code="image-unread",
        subject="image",
        reason=f"image {identity.removeprefix('sha256:')[:12]} was not read: its defaults stay in the manifest",
        sides=((document.name, identity),),
    )


def _leaked(workload: str, container: Container) -> Iterable[Finding]:
    """Secret values of the environment that stand elsewhere too. The finding names them and never says them."""
    known = {env.name: env.value for env in container.env if env.secret and env.value}
    texts: list[tuple[str, str]] = [
        *((f"env {env.name}", env.value or "") for env in container.env if not env.secret),
        ("argv", " ".join((*(container.entrypoint or ()), *(container.args or ())))),
        *(("check", " ".join(check.argv)) for check in container.checks),
        *((f"label {pair.key}", pair.value) for pair in container.labels),
        *((f"annotation {pair.key}", pair.value) for pair in container.annotations),
        *((f"log option {pair.key}", pair.value) for pair in container.log_options),
        *(
            (f"volume option {key} of {mount.target}", value)
            for mount in container.mounts
            for key, value in mount.driver_options.items()
        ),
    ]
    for subject, text in texts:
        names = secrets_within(text, known) if text else ()
        referred = subject == "argv" and bool(names) and set(names) <= set(referable(known))
        if not names and subject in ("argv", "check"):
            names = secret_options(text)
        if WITHHELD in text:
            names = ("a secret",)
        if names:
            yield Finding(
                workload=workload,
                code="secret-in-argv",
                subject=subject,
                reason=f"{', '.join(names)} stands in clear in {subject}"
                + ("; the manifest refers to its variable" if referred else ""),
                sides=((container.name, subject),),
                options=code_named("secret-in-argv").options,
                open=not referred,
            )


def _origins(pairs: Iterable[Pair]) -> tuple[Source, ...]:
    return tuple(source for pair in pairs for source in pair.origins)

"""A capture's documents, read: one reading for each host and one for the configs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

from converters.capture import Capture
from converters.decisions import Decisions
from converters.errors import PodliftError
from converters.fields.catalogue import code_named
from converters.fields.verdict import Finding
from converters.sources.inspect import read_inspect
from converters.sources.mapping import Mapping as ConfigMapping
from converters.sources.mapping import read_config
from converters.sources.reading import Reading


def read_capture_documents(
    capture: Capture,
    *,
    mapping: ConfigMapping | None,
    decisions: Decisions,
    on_event: Callable[[str, int, int], None] | None = None,
) -> list[Reading]:
    """One reading for each host and one for the configs."""
    readings = []
    twice = _hosts_twice(capture, decisions)
    images = {str(image.get("Id")): image for host in capture.hosts for image in host.images}
    for n, host in enumerate(capture.hosts, 1):
        # of a capture on disk, parsed here and let go with this host
        containers, own_images = tuple(host.containers), tuple(host.images)
        own = {image.get("Id") for image in own_images}
        # What is no container at all is the reader's to refuse.
        lost = {str(each.get("Image")) for each in containers if type(each) is dict} - own
        reading = read_inspect(
            containers,
            images=own_images,
            images_elsewhere=[images[identity] for identity in sorted(lost) if identity in images],
            volumes=host.volumes,
            networks=host.networks,
            accounts=host.accounts,
            volume_bytes=host.volume_bytes,
            engine=host.engine,
            host=host.host,
            decisions=decisions,
        )
        reading = _with_faults(reading, host.host.name, host.error, host.vanished)
        readings.append(replace(reading, findings=(*reading.findings, *twice.get(host.host.name, ()))))
        if on_event is not None:
            on_event("read", n, len(capture.hosts))
    if mapping is not None:
        readings.append(read_config(capture.configs, mapping))
    elif capture.configs:
        raise PodliftError(
            code="mapping-missing",
            phase="read",
            subject=capture.configs[0].name,
            reason="a config is given, and no mapping that says where its fields stand",
            next_step="give --mapping FILE; podlift mapping draft CONFIG proposes one",
        )
    return readings


def _with_faults(reading: Reading, host: str, error: str, vanished: Sequence[tuple[str, str]]) -> Reading:
    findings = list(reading.findings)
    if error:
        findings.append(Finding(workload="", code="host-unread", subject=host, reason=error, open=True))
    findings += [
        Finding(workload="", code="container-vanished", subject=f"{host}/{name}", reason=what)
        for name, what in vanished
    ]
    unread = (*reading.unread, host) if error else reading.unread
    return replace(reading, findings=tuple(findings), unread=unread)


def _hosts_twice(capture: Capture, decisions: Decisions) -> dict[str, list[Finding]]:
    """Hosts that have containers of an earlier one, by their IDs: two names of one engine count all instances twice.
    Machines cloned with their containers have them too, which an answer can say."""
    owners: dict[str, str] = {}
    pairs = Counter[tuple[str, str]]()
    for host in capture.hosts:
        for container in host.containers:
            identity = container.get("Id") if type(container) is dict else None
            if not isinstance(identity, str) or not identity:
                continue
            owner = owners.setdefault(identity, host.host.name)
            if owner != host.host.name:
                pairs[(owner, host.host.name)] += 1
    made: dict[str, list[Finding]] = {}
    code = code_named("host-twice")
    for (first, second), number in sorted(pairs.items()):
        subject = f"{first} {second}"
        answered = decisions.answer("", code.name, subject)
        finding = Finding(
            workload="",
            code=code.name,
            subject=subject,
            reason=f"{number} of {second}'s containers have the IDs of {first}'s: if the two are one engine, its "
            "instances are counted twice",
            todo=code.todo,
            options=code.options,
            open=answered is None,
            answer=answered.answer if answered else "",
        )
        made.setdefault(second, []).append(finding)
    return made

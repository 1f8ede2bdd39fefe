"""Addresses of the legacy hosts where they are used: they answer as long as their hosts do, and a pod has no such
address."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

from ..decisions import Decisions
from ..fields.catalogue import code_named
from ..fields.verdict import Finding
from ..texts import addresses_in, texts_of
from ..workload import Host, Workload


def of_legacy_hosts(workloads: Sequence[Workload], hosts: Iterable[Host], decisions: Decisions) -> list[Finding]:
    """Texts that name a port published on a host that was read, and entries of hosts files that lead to such a host."""
    host_at = {called: host.name for host in hosts for called in (host.name, host.address, _of_url(host.url)) if called}
    published = {
        (instance.host, place.host_port): workload.name
        for workload in workloads
        for instance in workload.instances
        for container in workload.containers
        for port in container.ports
        for place in port.published
        if place.host_port
    }
    made = []
    for workload in workloads:
        entries = {pair.key: host_at[pair.value] for pair in workload.extra_hosts if pair.value in host_at}
        for name, host in sorted(entries.items()):
            reason = f"{name} is the legacy host {host} in the hosts file, and answers as long as that does"
            made.append(_finding(workload.name, f"host {name}", reason, decisions))
        for (called, number), places in sorted(_asked(workload).items()):
            host = host_at.get(called) or entries.get(called, "")
            owner = published.get((host, number))
            if owner is not None:
                reason = (
                    f"{called}:{number} stands in {', '.join(places)}: it is {owner} on the legacy host {host}, and "
                    f"answers as long as that does; in the cluster it is port {number} of the Service of {owner}"
                )
                made.append(_finding(workload.name, f"address {called}:{number}", reason, decisions))
    return made


def _of_url(url: str) -> str:
    return urlsplit(url).hostname or "" if url.partition("://")[0] in ("tcp", "ssh", "http", "https") else ""


def _asked(workload: Workload) -> dict[tuple[str, int], dict[str, None]]:
    found: dict[tuple[str, int], dict[str, None]] = {}
    for place, text in texts_of(workload):
        for address in addresses_in(text):
            found.setdefault(address, {})[place] = None
    return found


def _finding(workload: str, subject: str, reason: str, decisions: Decisions) -> Finding:
    code = code_named("legacy-address-used")
    answered = decisions.answer(workload, code.name, subject)
    return Finding(
        workload=workload,
        code=code.name,
        subject=subject,
        reason=reason,
        options=code.options,
        open=answered is None,
        answer=answered.answer if answered else "",
    )

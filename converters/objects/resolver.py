"""How names resolve in the pod: name servers, search domains, resolver options, the hosts file."""

from __future__ import annotations

import ipaddress
import re
from typing import Any

from ..fields.ledger import Ledger
from ..workload import Pair, Workload
from .context import Context

# pkg/apis/core/validation: MaxDNSNameservers, MaxDNSSearchPaths.
SERVERS, SEARCHES = 3, 32
HOST_GATEWAY = "host-gateway"
RELAXED_SEARCH_SINCE = (1, 33)
_SUBDOMAIN = re.compile(r"(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_RELAXED = re.compile(r"(?=.{1,253}$)[a-z0-9_]([-a-z0-9_]*[a-z0-9_])?(\.[a-z0-9_]([-a-z0-9_]*[a-z0-9_])?)*")


def is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def dns(workload: Workload, *, policy: str, context: Context, ledger: Ledger) -> dict[str, Any]:
    """``dnsPolicy`` and ``dnsConfig``. ``policy``: what the network asks for, ``""`` for the default ClusterFirst."""
    config: dict[str, Any] = {}
    replaced, servers = _servers(workload, context, ledger)
    if servers:
        config["nameservers"] = servers
    if searches := _searches(workload, context, ledger):
        config["searches"] = searches
    if options := _options(workload, context, ledger):
        config["options"] = options
    made: dict[str, Any] = {}
    if replaced:
        made["dnsPolicy"] = "None"
    elif policy:
        made["dnsPolicy"] = policy
    if config:
        made["dnsConfig"] = config
    return made


def _servers(workload: Workload, context: Context, ledger: Ledger) -> tuple[bool, list[str]]:
    """Whether only these servers are asked, and which."""
    fit = [item for item in workload.dns if is_address(item.value)]
    origins = tuple(source for item in fit for source in item.origins)
    replaced = bool(fit) and ledger.ask("dns", origins, "dns") == "replace"
    room = SERVERS if replaced or workload.network_mode == "none" else SERVERS - 1
    taken: dict[str, None] = {}
    at = context.in_pod("spec.dnsConfig.nameservers")
    for item in workload.dns:
        server = item.value
        if not is_address(server):
            ledger.dropped(item.origins, "dns-unused", why=f"{server}: a name server is an address")
        elif server not in taken and len(taken) == room:
            why = f"{server}: a resolver asks {SERVERS} servers" + (
                "" if replaced else ", one of which is the cluster's"
            )
            ledger.dropped(item.origins, "dns-unused", why=why)
        else:
            taken[server] = None
            if replaced:
                why = f"{server}: in place of the cluster's, as decided; names of Services do not resolve"
                policy = context.in_pod("spec.dnsPolicy")
                ledger.approximated(item.origins, "dns", *at, *policy, why=why)
            else:
                why = f"{server}: asked only where the cluster's own name server does not answer at all"
                ledger.approximated(item.origins, "dns", *at, why=why)
    return replaced, list(taken)


def _searches(workload: Workload, context: Context, ledger: Ledger) -> list[str]:
    taken: dict[str, None] = {}
    allowed = _RELAXED if context.target.version >= RELAXED_SEARCH_SINCE else _SUBDOMAIN
    for item in workload.dns_search:
        domain = item.value.lower().removesuffix(".")
        if not domain:
            why = "the cluster's own search domains cannot be taken away but with its name servers"
            ledger.dropped(item.origins, "dns-unused", why=why)
        elif not allowed.fullmatch(domain) or (domain not in taken and len(taken) == SEARCHES):
            ledger.dropped(item.origins, "dns-unused", why=f"{item.value}: a pod's resolver does not take it")
        else:
            taken[domain] = None
            why = f"{domain}: after the cluster's own search domains"
            ledger.approximated(item.origins, "dns-search", *context.in_pod("spec.dnsConfig.searches"), why=why)
    return list(taken)


def _options(workload: Workload, context: Context, ledger: Ledger) -> list[dict[str, str]]:
    made: dict[str, dict[str, str]] = {}
    for item in workload.dns_options:
        name, colon, value = item.value.partition(":")
        made[name] = {"name": name, "value": value} if colon else {"name": name}
        ledger.exact(item.origins, "dns-option", *context.in_pod(f"spec.dnsConfig.options[{name}]"))
    return list(made.values())


def host_aliases(workload: Workload, *, context: Context, ledger: Ledger) -> list[dict[str, Any]]:
    """``hostAliases``, by address in order of their first entry."""
    made: dict[str, dict[str, None]] = {}
    for pair in workload.extra_hosts:
        address = _address(pair, ledger)
        if address is None:
            continue
        name = pair.key.lower()
        if not _SUBDOMAIN.fullmatch(name):
            _refused_name(pair, ledger)
            continue
        made.setdefault(address, {})[name] = None
        at = context.in_pod(f"spec.hostAliases[{address}]")
        if address != pair.value:
            ledger.approximated(pair.origins, "extra-host-gateway", *at, why=f"{pair.key}: {address}, as decided")
        elif name != pair.key:
            why = f"{pair.key}: in lower case, which resolves the same"
            ledger.approximated(pair.origins, "extra-host", *at, why=why)
        else:
            ledger.exact(pair.origins, "extra-host", *at)
    return [{"ip": address, "hostnames": list(names)} for address, names in made.items()]


def _address(pair: Pair, ledger: Ledger) -> str | None:
    if is_address(pair.value):
        return pair.value
    subject = f"host {pair.key}"
    answer = ledger.ask("extra-host-gateway", pair.origins, subject)
    if answer is not None and is_address(answer):
        return answer
    if answer == "drop":
        ledger.dropped(pair.origins, "extra-host-gateway", why=f"{pair.key}: left out, as decided")
    else:
        what = "the host's own address" if pair.value == HOST_GATEWAY else f"{pair.value}, which is no address"
        why = f"{pair.key} was {what}; the hosts file of a pod holds fixed addresses"
        ledger.undecided(pair.origins, "extra-host-gateway", why=why, subject=subject)
    return None


def _refused_name(pair: Pair, ledger: Ledger) -> None:
    subject = f"host {pair.key}"
    if ledger.ask("extra-host-name", pair.origins, subject) == "drop":
        ledger.dropped(pair.origins, "extra-host-name", why=f"{pair.key}: left out, as decided")
    else:
        why = f"{pair.key}: the API server takes letters, digits, dashes and dots only"
        ledger.undecided(pair.origins, "extra-host-name", why=why, subject=subject)

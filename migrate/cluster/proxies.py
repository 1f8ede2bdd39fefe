"""Which proxy leads to an API server, as kubectl decides it: the kubeconfig's, else the environment's.

The Python client forgets NO_PROXY in some versions, and Python's own reading of it knows no networks.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit


def proxy_for(server: str, environment: Mapping[str, str], *, said: str = "") -> str:
    """The proxy's URL, or ``""``."""
    if said:
        return said
    parts = urlsplit(server)
    host = (parts.hostname or "").rstrip(".").lower()
    names = ("https_proxy", "HTTPS_PROXY") if parts.scheme == "https" else ("http_proxy", "HTTP_PROXY")
    # Go asks for the upper case first, and an empty value says nothing
    proxy = environment.get(names[1]) or environment.get(names[0]) or ""
    if not proxy or host == "localhost" or _loopback(host):
        return ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    left_out = environment.get("NO_PROXY") or environment.get("no_proxy") or ""
    if any(_matches(each.strip().lower(), host, port) for each in left_out.split(",") if each.strip()):
        return ""
    return proxy if "://" in proxy else f"http://{proxy}"


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _matches(pattern: str, host: str, port: int) -> bool:
    if pattern == "*":
        return True
    if "/" in pattern:
        try:
            return ip_address(host) in ip_network(pattern, strict=False)
        except ValueError:
            return False
    name, colon, wanted = pattern.rpartition(":") if pattern.count(":") == 1 else (pattern, "", "")
    if colon and wanted != str(port):
        return False
    name = name.strip("[]")
    if name.startswith(("*.", ".")):
        # a leading dot: what lies below the name, and not the name itself
        return host.endswith(name.removeprefix("*"))
    return host == name or host.endswith(f".{name}")

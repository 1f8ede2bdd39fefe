"""Which proxy leads to an API server, as Go's net/http decides it and so kubectl."""

from __future__ import annotations

import pytest

from migrate.cluster.proxies import proxy_for

PROXY = {"HTTPS_PROXY": "http://proxy.example:3128"}


@pytest.mark.parametrize(
    ("no_proxy", "direct"),
    [
        ("", False),
        ("api.example", True),
        ("example", True),
        (".example", True),
        ("*.example", True),
        ("other.example", False),
        ("pi.example", False),
        (" other , api.example ", True),
        ("api.example:6443", True),
        ("api.example:443", False),
        ("API.Example", True),
        ("*", True),
    ],
)
def test_names_left_out(no_proxy: str, direct: bool) -> None:
    """By name, by ending, by port."""
    found = proxy_for("https://api.example:6443", {**PROXY, "NO_PROXY": no_proxy})
    assert found == ("" if direct else "http://proxy.example:3128")


@pytest.mark.parametrize(
    ("server", "no_proxy", "direct"),
    [
        ("https://10.1.2.3:6443", "10.0.0.0/8", True),
        ("https://11.1.2.3:6443", "10.0.0.0/8", False),
        ("https://10.1.2.3:6443", "10.1.2.3", True),
        ("https://[fd00::1]:6443", "fd00::/8", True),
        ("https://api.example", "10.0.0.0/8", False),
        ("https://api.example", "no/network", False),
        ("https://127.0.0.1:6443", "", True),
        ("https://[::1]:6443", "", True),
        ("https://localhost:6443", "", True),
        ("http://api.example", "", True),
    ],
)
def test_addresses_left_out(server: str, no_proxy: str, direct: bool) -> None:
    """Networks count, as they do for kubectl; this machine is never behind a proxy."""
    assert bool(proxy_for(server, {**PROXY, "NO_PROXY": no_proxy})) is not direct


def test_what_is_said_wins() -> None:
    """The kubeconfig's proxy-url over the environment; upper case over lower; a bare host is one of HTTP."""
    assert proxy_for("https://a.example", PROXY, said="http://said.example") == "http://said.example"
    both = {"HTTPS_PROXY": "upper.example:1", "https_proxy": "lower.example:1"}
    assert proxy_for("https://a.example", both) == "http://upper.example:1"
    assert proxy_for("http://a.example", {"http_proxy": "http://p.example"}) == "http://p.example"

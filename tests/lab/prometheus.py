"""Prometheus and prometheus-adapter on the control plane's host, for the tests that look at an application's metrics.

    with Prometheus(cluster) as prometheus:
        prometheus.url                                               # answers from this machine
    with MetricsStack(cluster, rules="externalRules: ...", say=say) as stack:
        stack.await_metric("web_requests_per_second_1", "shop")      # the adapter serves it for that namespace

The adapter knows nothing but the rules. Prometheus scrapes the pods behind Services' ports of one name, and labels what
they say as the Prometheus Operator's ServiceMonitors do: service, namespace, pod. Needs packages.PROMETHEUS.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import yaml

from migrate import Cluster as ClusterEdge
from tests.lab import programs
from tests.lab.closing import Closing
from tests.lab.cluster import Cluster, KubectlError
from tests.lab.daemon import Daemon
from tests.lab.host import HostError
from tests.lab.programs import Say

PORT = 6444
_LOOK_S = 1.0
SCRAPE = "2s"


class Prometheus(Closing):
    """Runs until the end of the block."""

    def __init__(self, cluster: Cluster, *, port_name: str = "http") -> None:
        self._cluster = cluster
        self._port_name = port_name
        folder = cluster.control.folder / "prometheus"
        folder.mkdir(exist_ok=True)
        # Debian builds its Prometheus without the discovery in Kubernetes: what it scrapes is written into a file
        self._targets = folder / "targets.json"
        self._targets.write_text("[]")
        (folder / "prometheus.yaml").write_text(yaml.safe_dump(_scraping(self._targets)))
        self.url = f"http://{cluster.control.address}:9090"
        self.daemon = Daemon(
            cluster.control,
            "prometheus",
            [
                "prometheus",
                f"--config.file={folder}/prometheus.yaml",
                f"--storage.tsdb.path={folder}/data",
                "--web.listen-address=:9090",
            ],
        )
        self._ended = threading.Event()
        self._discovery = threading.Thread(target=self._discover, daemon=True)
        self._discovery.start()

    def _discover(self) -> None:
        with closing(ClusterEdge(self._cluster.context, self._cluster.kubeconfig)) as edge:
            while not self._ended.wait(_LOOK_S):
                text = json.dumps(_targets(edge.list("discovery.k8s.io/v1", "EndpointSlice"), self._port_name))
                if text != self._targets.read_text():
                    beside = self._targets.with_suffix(".new")
                    beside.write_text(text)
                    beside.rename(self._targets)

    def close(self) -> None:
        """Ends it; harmless when repeated."""
        self._ended.set()
        self._discovery.join()
        self.daemon.stop()


class MetricsStack(Closing):
    """Runs until the end of the block; the cluster's external metrics go with it."""

    def __init__(self, cluster: Cluster, *, rules: str, say: Say) -> None:
        self._cluster = cluster
        self._prometheus = Prometheus(cluster)
        folder = cluster.control.folder / "prometheus"
        (folder / "adapter.yaml").write_text(rules)
        adapter = folder / "prometheus-adapter"
        # the control plane's host sees its own folder, and not where the adapter was built
        adapter.write_bytes(programs.ensure_adapter(say).read_bytes())
        adapter.chmod(0o755)
        self._adapter = Daemon(
            cluster.control,
            "prometheus-adapter",
            [
                str(adapter),
                f"--config={folder}/adapter.yaml",
                f"--prometheus-url={self._prometheus.url}",
                "--metrics-relist-interval=5s",
                "--metrics-max-age=1m",
                f"--secure-port={PORT}",
                f"--cert-dir={folder}/pki",
                *(f"--{use}-kubeconfig={cluster.kubeconfig}" for use in ("lister", "authentication", "authorization")),
            ],
        )
        cluster.serve_api("prometheus-adapter", "v1beta1.external.metrics.k8s.io", PORT)

    def value(self, metric: str, namespace: str) -> float | None:
        """What the adapter says now, None where it says nothing."""
        try:
            path = f"/apis/external.metrics.k8s.io/v1beta1/namespaces/{namespace}/{metric}"
            items = json.loads(self._cluster.kubectl("get", "--raw", path))["items"]
        except KubectlError:
            return None
        return _number(items[0]["value"]) if items else None

    def await_metric(self, metric: str, namespace: str, *, deadline_s: float = 90) -> float:
        """Waits until the adapter serves a metric; the first value."""
        end = time.monotonic() + deadline_s
        daemons = (self._prometheus.daemon, self._adapter)
        while (value := self.value(metric, namespace)) is None:
            for daemon in daemons:
                daemon.check()
            if time.monotonic() > end:
                troubles = "\n".join(daemon.trouble() for daemon in daemons)
                raise HostError(f"no metric {metric} of {namespace} after {deadline_s:g} s\n{troubles}")
            time.sleep(0.5)
        return value

    def close(self) -> None:
        """Ends both; harmless when repeated."""
        self._cluster.kubectl("delete", "apiservice", "v1beta1.external.metrics.k8s.io", "--ignore-not-found")
        self._adapter.stop()
        self._prometheus.close()


def rules_of(extras: Path) -> str:
    """The rule files that a plan wrote, as one configuration: nothing else is added."""
    rules = [
        rule
        for file in sorted(extras.glob("prometheus-adapter-*.yaml"))
        for rule in yaml.safe_load(file.read_text())["externalRules"]
    ]
    return yaml.safe_dump({"externalRules": rules})


def _scraping(targets: Path) -> dict[str, Any]:
    return {
        "global": {"scrape_interval": SCRAPE, "scrape_timeout": SCRAPE},
        "scrape_configs": [
            {
                "job_name": "services",
                "file_sd_configs": [{"files": [str(targets)], "refresh_interval": "1s"}],
            }
        ],
    }


def _targets(slices: Iterable[Mapping[str, Any]], port_name: str) -> list[dict[str, Any]]:
    """What stands behind Services, as file_sd has it."""
    return [
        {
            "targets": [f"{endpoint['addresses'][0]}:{port['port']}"],
            "labels": {
                "service": each["metadata"]["labels"]["kubernetes.io/service-name"],
                "namespace": each["metadata"]["namespace"],
                "pod": endpoint["targetRef"]["name"],
            },
        }
        for each in slices
        for port in each.get("ports") or ()
        if port.get("name") == port_name
        for endpoint in each.get("endpoints") or ()
        if endpoint.get("targetRef", {}).get("kind") == "Pod"
    ]


def _number(quantity: str) -> float:
    return float(quantity[:-1]) / 1000 if quantity.endswith("m") else float(quantity)

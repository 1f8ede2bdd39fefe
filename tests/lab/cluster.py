"""A Kubernetes of the lab: a control plane and nodes, each a host of its own on the run's network.

    with Lab() as lab:
        lab.registry("registry.lab.example")            # before the cluster: its nodes pull from what stands then
        engine = lab.engine("edge-a1")
        cluster = lab.cluster()                         # two nodes, one a site; returns when they are Ready
        cluster.kubectl("get", "nodes", "-o", "wide")   # stdout; HostError with stderr where it fails
        cluster.kubeconfig, cluster.context, cluster.api         # for other clients; `api` is kubernetes.client's
        cluster.load(engine, "web:1.4")                 # moves an image from an engine to every node
        cluster.nodes[0].run("nft", "list", "ruleset")  # on the node itself
        cluster.nodes[0].daemons["kube-proxy"].stop()   # and .start(): faults
        cluster.control.run("wget", "-qO-", "http://10.244.1.5/")     # reaches pods and nodes, but no Service

Nodes are labelled topology.kubernetes.io/zone=SITE. Pods lie in 10.244.K.0/24, Services in 10.96.0.0/16; both exist in
the lab's namespaces only. Needs the programs of programs.py and the packages of packages.py.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.lab.daemon import Daemon
from tests.lab.host import Host, HostError, Network
from tests.lab.node import Node, shown
from tests.lab.pki import Authority

if TYPE_CHECKING:
    from kubernetes import client

    from tests.lab.engine import Engine

SERVICES = "10.96.0.0/16"
API = f"{SERVICES.rsplit('.', 2)[0]}.0.1"
SITES = ("site-a", "site-b")
ZONE = "topology.kubernetes.io/zone"


class KubectlError(HostError):
    """kubectl ended with an error; the message is what it said."""


class GivenCluster:
    """A cluster that somebody else runs, by a context of a kubeconfig."""

    def __init__(self, kubeconfig: Path | None, context: str, *, kubectl: str | Path = "kubectl") -> None:
        self.kubeconfig = kubeconfig
        self.context = context
        self.program = str(kubectl)

    def kubectl(self, *arguments: str, stdin: str | None = None, timeout_s: float = 60) -> str:
        """Runs kubectl; returns its stdout. Raises KubectlError with its stderr where it fails."""
        file = [f"--kubeconfig={self.kubeconfig}"] if self.kubeconfig else []
        done = subprocess.run(
            [self.program, *file, f"--context={self.context}", *arguments],
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout_s,
        )
        if done.returncode:
            raise KubectlError(f"kubectl {' '.join(arguments)}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def get(self, *arguments: str) -> Any:
        """What `kubectl get ARGUMENTS -o json` prints."""
        return json.loads(self.kubectl("get", *arguments, "-o", "json"))

    def apply(self, *objects: Mapping[str, Any]) -> None:
        """Applies objects server-side, as the lab."""
        body = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        self.kubectl("apply", "--server-side", "--field-manager=lab", "-f", "-", stdin=json.dumps(body))

    @cached_property
    def api(self) -> client.ApiClient:
        """A client of the Python library, with the rights of the context."""
        from kubernetes import config

        file = str(self.kubeconfig) if self.kubeconfig else None
        made: client.ApiClient = config.new_client_from_config(file, context=self.context)  # type: ignore[no-untyped-call]
        return made


def given_cluster() -> GivenCluster | None:
    """The cluster of PODLIFT_TEST_CONTEXT, a context of the user's kubeconfig; None where none is given.

    Raises HostError where it does not answer.
    """
    context = os.environ.get("PODLIFT_TEST_CONTEXT")
    if not context:
        return None
    made = GivenCluster(None, context)
    try:
        made.kubectl("version", "--request-timeout=10s")
    except (FileNotFoundError, KubectlError, subprocess.TimeoutExpired) as error:
        raise HostError(
            f"PODLIFT_TEST_CONTEXT={context}: this cluster does not answer: {error}\nName a context of your kubeconfig "
            "(kubectl config get-contexts lists them), or unset the variable: then tests start a cluster of their own."
        ) from error
    return made


class Cluster(GivenCluster):
    """The lab's own cluster."""

    def __init__(
        self,
        network: Network,
        programs: Path,
        *,
        sites: Sequence[str] = SITES,
        registries: Sequence[str] = (),
        kubelet: Mapping[str, Any] | None = None,
    ) -> None:
        self.nodes: list[Node] = []
        self.daemons: dict[str, Daemon] = {}
        self._programs = programs
        # All hosts before the first pod: see slots.py and host.py for what they share, and nothing else.
        self.control = Host(network, "control", lambda _folder, _address: ["sleep", "infinity"], shown=shown(programs))
        try:
            self._authority = Authority(self.control.folder / "pki")
            self.server = f"https://{self.control.address}:6443"
            # the run's name: two labs in one merged kubeconfig stay apart
            self.context = network.slot.name
            admin = self._config("admin", "/O=system:masters/CN=lab-admin")
            super().__init__(admin, self.context, kubectl=programs / "kubectl")
            self._start_control_plane()
            for number, site in enumerate(sites, 1):
                name = f"node-{site.removeprefix('site-')}"
                self.nodes.append(Node(network, name, number=number, programs=programs, labels={ZONE: site}))
            for node in self.nodes:
                node.start_runtime(registries)
            self._await_control_plane()
            for node in self.nodes:
                node.await_runtime()
                self._join(node, kubelet or {})
            self._serve_metrics()
            self.await_nodes()
            for node in self.nodes:
                # no controller gives networks out here, but what looks for pods' networks looks there
                networks = {"spec": {"podCIDR": node.subnet, "podCIDRs": [node.subnet]}}
                self.kubectl("patch", "node", node.name, "-p", json.dumps(networks))
        except BaseException:
            self.close()
            raise

    def load(self, engine: Engine, *tags: str) -> None:
        """Moves images from an engine to every node, under the names that pods ask for."""
        for tag in tags:
            archive = b"".join(engine.client.images.get(tag).save(named=True))
            for node in self.nodes:
                node.load(io.BytesIO(archive))

    def await_nodes(self, *, deadline_s: float = 30) -> None:
        """Waits until every node is Ready."""
        self._await("its nodes are not Ready", self._ready, deadline_s=deadline_s)

    def await_metrics(self, *, deadline_s: float = 90) -> None:
        """Waits until every node's metrics are served; the first take as long as two scrapes."""
        self._await("metrics-server gives no metrics of its nodes", self._measured, deadline_s=deadline_s)

    def close(self) -> None:
        """Ends everything of it at once; harmless when repeated."""
        for node in self.nodes:
            node.close()
        self.control.close()
        for daemon in self.daemons.values():
            daemon.stop()

    def _config(self, name: str, subject: str) -> Path:
        file = self.control.folder / f"{name}.kubeconfig"
        return self._authority.kubeconfig(file, self.server, subject, context=self.context)

    def _daemon(self, name: str, *flags: str, env: Mapping[str, str] | None = None) -> Daemon:
        self.daemons[name] = Daemon(self.control, name, [f"{self._programs}/{name}", *flags], env=env)
        return self.daemons[name]

    def _start_control_plane(self) -> None:
        folder, address = self.control.folder, self.control.address
        self._daemon(
            "etcd",
            f"--data-dir={folder}/etcd",
            # what it holds ends with the lab
            "--unsafe-no-fsync",
            "--log-level=warn",
        )
        names = [
            f"IP:{address}", f"IP:{API}", "IP:127.0.0.1",
            *(f"DNS:kubernetes{end}" for end in ("", ".default", ".default.svc", ".default.svc.cluster.local")),
        ]  # fmt: skip
        certificate, key = self._authority.issue("apiserver", "/CN=kube-apiserver", addresses=names)
        client_certificate, client_key = self._authority.issue("kubelet-client", "/O=system:masters/CN=apiserver")
        front_certificate, front_key = self._authority.issue("front-proxy", "/CN=front-proxy")
        accounts, accounts_key = self._authority.issue("accounts", "/CN=service-accounts")
        authority = self._authority.certificate
        self._daemon(
            "kube-apiserver",
            f"--advertise-address={address}",
            "--allow-privileged=true",
            "--authorization-mode=Node,RBAC",
            f"--client-ca-file={authority}",
            "--enable-admission-plugins=NodeRestriction",
            # metrics-server is a process here, with no pod behind a Service address
            "--enable-aggregator-routing=true",
            "--etcd-servers=http://127.0.0.1:2379",
            f"--kubelet-client-certificate={client_certificate}",
            f"--kubelet-client-key={client_key}",
            # node names resolve nowhere
            "--kubelet-preferred-address-types=InternalIP",
            f"--proxy-client-cert-file={front_certificate}",
            f"--proxy-client-key-file={front_key}",
            "--requestheader-allowed-names=front-proxy",
            f"--requestheader-client-ca-file={authority}",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-username-headers=X-Remote-User",
            "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
            f"--service-account-key-file={accounts}",
            f"--service-account-signing-key-file={accounts_key}",
            f"--service-cluster-ip-range={SERVICES}",
            f"--tls-cert-file={certificate}",
            f"--tls-private-key-file={key}",
        )

    def _await_control_plane(self) -> None:
        self.daemons["kube-apiserver"].wait(self._api_answers)
        controllers = self._config("controllers", "/CN=system:kube-controller-manager")
        self._daemon(
            "kube-controller-manager",
            f"--kubeconfig={controllers}",
            "--leader-elect=false",
            f"--root-ca-file={self._authority.certificate}",
            f"--service-account-private-key-file={self._authority.folder / 'accounts.key'}",
            "--use-service-account-credentials=true",
            # a test that watches an autoscaler waits for nothing else
            "--horizontal-pod-autoscaler-sync-period=5s",
            "--horizontal-pod-autoscaler-initial-readiness-delay=5s",
            "--horizontal-pod-autoscaler-cpu-initialization-period=10s",
        )
        self._daemon(
            "kube-scheduler",
            f"--kubeconfig={self._config('scheduler', '/CN=system:kube-scheduler')}",
            "--leader-elect=false",
        )
        corefile = self.control.folder / "Corefile"
        corefile.write_text(_COREFILE.format(address=self.control.address, kubeconfig=self.kubeconfig))
        self._daemon("coredns", "-conf", str(corefile))

    def _join(self, node: Node, config: Mapping[str, Any]) -> None:
        folder = node.host.folder
        kubeconfigs = {
            "kubelet": f"/O=system:nodes/CN=system:node:{node.name}",
            "kube-proxy": "/CN=system:kube-proxy",
        }
        files = {
            name: self._authority.kubeconfig(
                folder / f"{name}-{node.name}.kubeconfig", self.server, subject, context=self.context
            )
            for name, subject in kubeconfigs.items()
        }
        authority = folder / "ca.crt"
        authority.write_bytes(self._authority.certificate.read_bytes())
        node.start_kubelet(files["kubelet"], authority, self.control.address, config)
        node.start_proxy(files["kube-proxy"])

    def _serve_metrics(self) -> None:
        self._daemon(
            "metrics-server",
            f"--cert-dir={self.control.folder}/metrics-pki",
            f"--kubeconfig={self.kubeconfig}",
            f"--authentication-kubeconfig={self.kubeconfig}",
            f"--authorization-kubeconfig={self.kubeconfig}",
            "--kubelet-insecure-tls",
            "--kubelet-preferred-address-types=InternalIP",
            "--metric-resolution=12s",
            "--secure-port=4443",
        )
        self.serve_api("metrics-server", "v1beta1.metrics.k8s.io", 4443)

    def serve_api(self, name: str, version: str, port: int) -> None:
        """Makes a program on the control plane's host answer for an API group: `version` is VERSION.GROUP."""
        short, _, group = version.partition(".")
        labels = {"kubernetes.io/service-name": name}
        self.apply(
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": name, "namespace": "kube-system"},
                "spec": {"ports": [{"name": "https", "port": 443, "targetPort": port}]},
            },
            {
                "apiVersion": "discovery.k8s.io/v1",
                "kind": "EndpointSlice",
                "metadata": {"name": name, "namespace": "kube-system", "labels": labels},
                "addressType": "IPv4",
                "ports": [{"name": "https", "port": port}],
                "endpoints": [{"addresses": [self.control.address]}],
            },
            {
                "apiVersion": "apiregistration.k8s.io/v1",
                "kind": "APIService",
                "metadata": {"name": version},
                "spec": {
                    "service": {"name": name, "namespace": "kube-system"},
                    "group": group,
                    "version": short,
                    "insecureSkipTLSVerify": True,
                    "groupPriorityMinimum": 100,
                    "versionPriority": 100,
                },
            },
        )

    def _api_answers(self) -> bool:
        try:
            return self.kubectl("get", "--raw", "/readyz", timeout_s=5) == "ok"
        except (KubectlError, subprocess.TimeoutExpired):
            return False

    def _ready(self) -> bool:
        ready = [
            item["metadata"]["name"]
            for item in self.get("nodes")["items"]
            for condition in item["status"].get("conditions", ())
            if condition["type"] == "Ready" and condition["status"] == "True"
        ]
        return sorted(ready) == sorted(node.name for node in self.nodes) and self._has_account() and self._resolves()

    def _has_account(self) -> bool:
        """A namespace takes no pod before its service account is made."""
        return bool(
            self.kubectl("get", "serviceaccount", "default", "-n", "default", "--ignore-not-found", "-o", "name")
        )

    def _resolves(self) -> bool:
        try:
            self.nodes[0].run("busybox", "nslookup", "kubernetes.default.svc.cluster.local", self.control.address)
        except HostError:
            return False
        return True

    def _measured(self) -> bool:
        with suppress(KubectlError):
            metrics = json.loads(self.kubectl("get", "--raw", "/apis/metrics.k8s.io/v1beta1/nodes"))
            return len(metrics["items"]) == len(self.nodes)
        return False

    def _await(self, trouble: str, ready: Callable[[], bool], *, deadline_s: float) -> None:
        end = time.monotonic() + deadline_s
        while True:
            done = ready()
            for daemon in self._all():
                # a program that ended is the cause, whatever was waited for; and what was may come without it
                daemon.check()
            if done:
                return
            if time.monotonic() > end:
                logs = "\n".join(daemon.trouble() for daemon in self._all())
                raise HostError(f"the lab's cluster: {trouble} after {deadline_s:g} s\n{logs}")
            time.sleep(0.1)

    def _all(self) -> list[Daemon]:
        return [*self.daemons.values(), *(daemon for node in self.nodes for daemon in node.daemons.values())]


# No `forward`: names outside the cluster are refused at once, since nothing outside can be reached.
_COREFILE = """\
.:53 {{
    bind {address}
    errors
    ready 127.0.0.1:8181
    kubernetes cluster.local in-addr.arpa ip6.arpa {{
        kubeconfig {kubeconfig}
    }}
    cache 5
    loadbalance
}}
"""

"""A node of the lab's cluster: a host with a containerd, a kubelet and a kube-proxy of its own."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from tests.lab import images
from tests.lab.daemon import Daemon
from tests.lab.host import SEARCH, Host, HostError, Network, tail
from tests.lab.slots import CGROUPS

PAUSE = "docker.io/library/pause:lab"
PODS = "10.244.0.0/16"
CONTAINERD = "/run/containerd/containerd.sock"

# The kubelet sets these for the whole machine, since no namespace holds them; ours gets files of its own to write to,
# with the values that it wants, so that the machine's stay.
_TUNABLES = {
    "vm/overcommit_memory": 1,
    "vm/panic_on_oom": 0,
    "kernel/panic": 10,
    "kernel/panic_on_oops": 1,
    "kernel/keys/root_maxkeys": 1_000_000,
    "kernel/keys/root_maxbytes": 25_000_000,
}

# Process 1 of every pod's sandbox. A shell that waits reaps what a shared process namespace leaves to it.
_PAUSE = "trap 'exit 0' TERM INT; while :; do sleep 2147483647 & wait $!; done"


class Node:
    """`name` is also its host name; `number` makes its pods' subnet, which the whole lab can reach."""

    def __init__(self, network: Network, name: str, *, number: int, programs: Path, labels: Mapping[str, str]) -> None:
        self.name = name
        self.labels = dict(labels)
        self.subnet = f"10.244.{number}.0/24"
        self.cgroup = f"{network.slot.name}/{name}"
        self._programs = programs
        self.host = Host(network, name, lambda _folder, _address: ["sleep", "infinity"], shown=shown(programs))
        self.daemons: dict[str, Daemon] = {}
        self._importing = threading.Lock()
        network.route(self.subnet, self.host.address)

    @property
    def address(self) -> str:
        """Where the node is reached, and its pods' way out."""
        return self.host.address

    @property
    def root(self) -> Path:
        """The node's own file system."""
        return self.host.root

    def run(self, *command: str, timeout_s: float = 30) -> str:
        """Runs a command on the node, not in a pod."""
        return self.host.run(*command, timeout_s=timeout_s)

    def start_runtime(self, registries: Sequence[str]) -> None:
        """Starts containerd; it pulls from these registries in the clear, as the lab's engines do."""
        folder = self.host.folder
        for registry in registries:
            hosts = folder / "registries" / registry / "hosts.toml"
            hosts.parent.mkdir(parents=True)
            hosts.write_text(f'server = "http://{registry}"\n[host."http://{registry}"]\n')
        network = folder / "cni"
        network.mkdir()
        (network / "10-lab.conflist").write_text(_conflist(self.subnet, folder / "addresses"))
        config = folder / "containerd.toml"
        config.write_text(_containerd(folder))
        self.host.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
        self.daemons["containerd"] = Daemon(self.host, "containerd", ["containerd", "--config", str(config)])

    def await_runtime(self) -> None:
        """Waits for containerd and gives it the image of every pod's sandbox."""
        self.daemons["containerd"].wait(self._runtime_answers)
        self.load(io.BytesIO(images.archive(PAUSE, config={"Entrypoint": ["/bin/sh", "-c", _PAUSE], "Cmd": None})))

    def _runtime_answers(self) -> bool:
        try:
            self.host.run("ctr", "-a", CONTAINERD, "version")
        except HostError:
            return False
        return True

    def start_kubelet(self, kubeconfig: Path, authority: Path, dns: str, config: Mapping[str, Any]) -> None:
        """Starts the kubelet, which makes the Node object; `config` is more of its configuration."""
        folder = self.host.folder
        make_cgroup(self.cgroup)
        self._keep_tunables()
        file = folder / "kubelet.yaml"
        file.write_text(yaml.safe_dump({**_kubelet(authority, self.cgroup, dns, self.address), **config}))
        labels = ",".join(f"{key}={value}" for key, value in self.labels.items())
        self.daemons["kubelet"] = Daemon(
            self.host,
            "kubelet",
            [
                f"{self._programs}/kubelet",
                f"--config={file}",
                f"--kubeconfig={kubeconfig}",
                f"--root-dir={folder}/kubelet",
                f"--cert-dir={folder}/kubelet-pki",
                f"--hostname-override={self.name}",
                f"--node-ip={self.address}",
                f"--node-labels={labels}",
            ],
        )

    def start_proxy(self, kubeconfig: Path) -> None:
        """Starts kube-proxy; it waits for the Node object."""
        file = self.host.folder / "proxy.yaml"
        file.write_text(
            yaml.safe_dump(
                {
                    "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
                    "kind": "KubeProxyConfiguration",
                    "mode": "nftables",
                    "clusterCIDR": PODS,
                    "hostnameOverride": self.name,
                    "clientConnection": {"kubeconfig": str(kubeconfig)},
                    # the limits of connection tracking are the machine's, not the namespace's
                    "conntrack": {"maxPerCore": 0},
                }
            )
        )
        self.daemons["kube-proxy"] = Daemon(
            self.host, "kube-proxy", [f"{self._programs}/kube-proxy", f"--config={file}"]
        )

    def load(self, archive: io.BufferedIOBase | io.RawIOBase) -> None:
        """Imports the images of an archive as `docker save` writes it."""
        # two imports of one image at once: each sees that there is none, and the second one finds it there
        with self._importing:
            self._import(archive)
        self._await_images()

    def _import(self, archive: io.BufferedIOBase | io.RawIOBase) -> None:
        process = subprocess.Popen(
            self.host.enter("ctr", "-a", CONTAINERD, "-n", "k8s.io", "images", "import", "--no-unpack", "-"),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={"PATH": SEARCH},
        )
        assert process.stdin is not None
        assert process.stderr is not None
        # it may end before it has read all, and says why on stderr
        with suppress(BrokenPipeError), process.stdin:
            shutil.copyfileobj(archive, process.stdin)
        with process.stderr:
            error = process.stderr.read().decode(errors="replace")
        if process.wait():
            raise HostError(f"{self.name} did not import an image: {error.strip()}")

    def _await_images(self) -> None:
        """Waits until the kubelet's side of containerd knows what was imported: it hears of it by an event, and a pod
        that comes before would have its image pulled from nowhere."""
        unknown = 'labels."io.cri-containerd.image"!=managed'
        end = time.monotonic() + 10
        while self.host.run("ctr", "-a", CONTAINERD, "-n", "k8s.io", "images", "ls", "-q", unknown).strip():
            if time.monotonic() > end:
                raise HostError(f"{self.name}: containerd does not tell the kubelet of its images\n{tail(self._log)}")
            time.sleep(0.05)

    @property
    def _log(self) -> Path:
        return self.daemons["containerd"].log

    def _keep_tunables(self) -> None:
        for name, value in _TUNABLES.items():
            file = self.host.folder / "tunables" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"{value}\n")
            if (self.host.root / "proc/sys" / name).exists():
                self.host.run("mount", "--bind", str(file), f"/proc/sys/{name}")

    def close(self) -> None:
        """Ends the node at once, with all its pods."""
        self.host.close()
        for daemon in self.daemons.values():
            daemon.stop()


def shown(programs: Path) -> list[Path]:
    """The folders that a host must see to run the programs: that of the links, and those that they lead to."""
    return sorted({programs, *(link.resolve().parent for link in programs.iterdir())})


def make_cgroup(name: str) -> None:
    """A cgroup for a node in every hierarchy: two kubelets with the same root tear down each other's pods."""
    for top in [CGROUPS] if (CGROUPS / "cgroup.controllers").exists() else _hierarchies():
        path = top
        for part in name.split("/"):
            parent, path = path, path / part
            path.mkdir(exist_ok=True)
            # a group of version 1 starts with no processor and no memory to run on
            for file in ("cpuset.cpus", "cpuset.mems"):
                if (path / file).exists() and not (path / file).read_text().strip():
                    (path / file).write_text((parent / file).read_text())
            if (parent / "cgroup.subtree_control").exists():
                for controller in (parent / "cgroup.controllers").read_text().split():
                    (parent / "cgroup.subtree_control").write_text(f"+{controller}")


def _hierarchies() -> list[Path]:
    # a controller may also be reached by a link under another name
    return [path for path in CGROUPS.iterdir() if path.is_dir() and not path.is_symlink() and path.name != "unified"]


def _kubelet(authority: Path, cgroup: str, dns: str, address: str) -> dict[str, Any]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": address,
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(authority)},
        },
        "authorization": {"mode": "Webhook"},
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{cgroup}",
        "failCgroupV1": False,
        "failSwapOn": False,
        "clusterDNS": [dns],
        "clusterDomain": "cluster.local",
        "containerRuntimeEndpoint": f"unix://{CONTAINERD}",
        # the disk belongs to the machine's owner: a lab on a rather full one must still run pods
        "evictionHard": {"memory.available": "10Mi", "nodefs.available": "0%", "imagefs.available": "0%"},
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "maxPods": 250,
        "nodeStatusUpdateFrequency": "2s",
        "registryPullQPS": 0,
        "serializeImagePulls": False,
    }


def _conflist(subnet: str, addresses: Path) -> str:
    bridge = {
        "type": "bridge",
        "bridge": "pods",
        "isGateway": True,
        "ipMasq": True,
        "hairpinMode": True,
        "ipam": {
            "type": "host-local",
            "ranges": [[{"subnet": subnet}]],
            "routes": [{"dst": "0.0.0.0/0"}],
            "dataDir": str(addresses),
        },
    }
    ports = {"type": "portmap", "capabilities": {"portMappings": True}}
    return json.dumps({"cniVersion": "0.4.0", "name": "lab", "plugins": [bridge, ports]})


def _containerd(folder: Path) -> str:
    return f"""\
version = 2
root = "{folder}/containerd"
state = "/run/containerd/state"
[grpc]
address = "{CONTAINERD}"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{PAUSE}"
# a machine that is itself confined refuses to lower oom_score_adj, and then no pod would start
restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "/usr/lib/cni"
conf_dir = "{folder}/cni"
[plugins."io.containerd.grpc.v1.cri".registry]
config_path = "{folder}/registries"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
SystemdCgroup = false
"""

"""Real Docker engines for tests: as many hosts as a test wants, all on this machine.

    with Lab() as lab:                              # needs root, and packages.ensure() first
        registry = lab.registry("registry.edge.example")     # before the engines: later it costs five seconds
        host = lab.engine("edge-a1")                # a dockerd with network, mounts, pids and hostname of its own
        host.import_image("web:1.4", files={"www/index.html": "hi"},    # on a static busybox; returns the image's ID,
                          config={"Cmd": ["httpd", "-f", "-h", "/www"]},         # the same for the same arguments;
                          platform="linux/arm64")                       # `config` as the Engine API spells it
        host.client.containers.run("web:1.4", detach=True, ports={"80/tcp": 8080})     # docker-py
        host.output("web:1.4", "id -u")             # what a container prints until it ends
        host.url, host.address                      # unix://... and 10.99.N.M, where published ports answer
        host.root / "srv/data", host.run("ls", "/") # the host's own files and commands; the machine's stay untouched
        host.push("web:1.4", f"{registry.name}/web:1.4")     # returns the digest; now the image has RepoDigests
        other = lab.engine("edge-b1", flags=["--host=tcp://0.0.0.0:2375"])
        other.client.images.pull(f"{registry.name}/web", tag="1.4")
        with other.clean(): ...                     # what is made in the block through `client` goes at its end

In a test take the fixture `engine` (one for all tests of a worker; `clean_engine` is the same one and removes after the
test what the test made), `registry` (which it knows) or `lab` (a run of its own, for several hosts). The end of the
block ends everything at once; so does the end of the process that made it, even by SIGKILL, and what its folder still
holds then goes with the next run (slots.py).
"""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

import docker
import docker.errors
from requests.exceptions import RequestException

from tests.lab import images, programs
from tests.lab.closing import Closing
from tests.lab.cluster import Cluster
from tests.lab.host import Host, HostError, Network
from tests.lab.registry import Registry
from tests.lab.slots import check_watches, take_slot

__all__ = ["Engine", "HostError", "Lab", "LabEngine", "Registry"]


class Engine:
    """An engine that answers at a URL, ours or the user's."""

    def __init__(self, url: str, *, name: str = "engine", timeout_s: int = 60) -> None:
        self.url = url
        self.name = name
        self.made: list[tuple[str, str]] = []
        self.client = docker.DockerClient(base_url=url, version="auto", timeout=timeout_s)
        self.client.api.close()
        self.client.api = _Recorder(self.made, base_url=url, version="auto", timeout=timeout_s)

    @property
    def address(self) -> str:
        """Where published ports answer."""
        return "127.0.0.1"

    def import_image(
        self,
        tag: str,
        *,
        files: Mapping[str, str | bytes] | None = None,
        config: Mapping[str, Any] | None = None,
        platform: str = "linux/amd64",
    ) -> str:
        """Makes an image of a static busybox and `files` (those in a bin folder may run); returns its ID."""
        data = images.archive(tag, files=files, config=config, platform=platform)
        (image,) = self.client.images.load(io.BytesIO(data))
        self.made.append(("image", tag))
        assert image.id is not None
        return image.id

    def push(self, tag: str, name: str) -> str:
        """Pushes an image under a registry's name (HOST/NAME:TAG); returns its digest."""
        repository, _, version = name.rpartition(":")
        self.client.images.get(tag).tag(repository, tag=version)
        for event in self.client.images.push(repository, tag=version, stream=True, decode=True):
            if "error" in event:
                raise HostError(f"push of {name}: {event['error']}")
        digests: list[str] = self.client.images.get(name).attrs["RepoDigests"]
        (digest,) = [value.partition("@")[2] for value in digests if value.startswith(f"{repository}@")]
        return digest

    def output(self, image: str, command: str | list[str], **options: Any) -> str:
        """What a container prints until it ends; it is removed. Take this, not docker-py's `run`, to read an output:
        that one follows the log, and of a last line without its end nothing is left in one run of ten (measured)."""
        container = self.client.containers.create(image, command, **options)
        try:
            container.start()
            status = container.wait()["StatusCode"]
            printed: bytes = container.logs()
        finally:
            container.remove(force=True, v=True)
        if status:
            raise HostError(f"{image}: {command} ended with {status}: {printed.decode(errors='replace')}")
        return printed.decode()

    @contextmanager
    def clean(self) -> Iterator[Self]:
        """Removes what was made through `client` in the block, and nothing else: the engine may be the user's."""
        start = len(self.made)
        try:
            yield self
        finally:
            made = self.made[start:]
            del self.made[start:]
            remove: dict[str, Callable[[str], Any]] = {
                "container": lambda name: self.client.api.remove_container(name, force=True, v=True),
                "network": self.client.api.remove_network,
                "volume": self.client.api.remove_volume,
                "image": lambda name: self.client.api.remove_image(name, force=True),
            }
            # the last made goes first: a container before the network and the image that it uses
            for kind, name in reversed(made):
                with suppress(docker.errors.NotFound):
                    remove[kind](name)

    def close(self) -> None:
        """Lets go of the connection."""
        self.client.close()


class _Recorder(docker.APIClient):
    """docker-py's client, which also writes down what it made."""

    def __init__(self, made: list[tuple[str, str]], **settings: Any) -> None:
        super().__init__(**settings)
        self._made = made

    def create_container_from_config(self, config: Any, *arguments: Any, **options: Any) -> Any:
        named = [name for name in _volumes(config.get("HostConfig") or {}) if not self._has_volume(name)]
        created = super().create_container_from_config(config, *arguments, **options)  # type: ignore[no-untyped-call]
        self._made += [("volume", name) for name in named]
        self._made.append(("container", created["Id"]))
        return created

    def create_network(self, *arguments: Any, **options: Any) -> Any:
        created = super().create_network(*arguments, **options)
        self._made.append(("network", created["Id"]))
        return created

    def create_volume(self, *arguments: Any, **options: Any) -> Any:
        created = super().create_volume(*arguments, **options)
        self._made.append(("volume", created["Name"]))
        return created

    def tag(self, image: str, repository: str, tag: str | None = None, force: bool = False) -> Any:
        self._made.append(("image", f"{repository}:{tag or 'latest'}"))
        return super().tag(image, repository, tag, force)

    def pull(self, repository: str, tag: str | None = None, *arguments: Any, **options: Any) -> Any:
        self._made.append(("image", f"{repository}:{tag or 'latest'}"))
        return super().pull(repository, tag, *arguments, **options)

    def _has_volume(self, name: str) -> bool:
        try:
            self.inspect_volume(name)
        except docker.errors.NotFound:
            return False
        return True


def _volumes(host_config: Mapping[str, Any]) -> list[str]:
    """The named volumes that an engine makes by itself for a container."""
    binds = [bind.partition(":")[0] for bind in host_config.get("Binds") or []]
    mounts = [one["Source"] for one in host_config.get("Mounts") or [] if one["Type"] == "volume" and one.get("Source")]
    return [name for name in [*binds, *mounts] if not name.startswith("/")]


# A dockerd that ends well, as by `restart`, is started again; the host ends with one that fails.
_AGAIN = ("sh", "-c", 'while "$@"; do :; done', "sh")


class LabEngine(Engine):
    """A dockerd of our own on a host of its own."""

    def __init__(self, network: Network, name: str, flags: Sequence[str]) -> None:
        self.cgroup = f"/{network.slot.name}"

        def command(folder: Path, _address: str) -> list[str]:
            return [
                *_AGAIN,
                "dockerd",
                f"--host=unix://{folder}/docker.sock",
                # inside the host only: containers that mount the engine's socket find it where they expect it
                "--host=unix:///run/docker.sock",
                f"--data-root={folder}/data",
                f"--exec-root={folder}/exec",
                f"--pidfile={folder}/pid",
                # one driver on every machine, and groups that are known to be ours
                "--exec-opt=native.cgroupdriver=cgroupfs",
                f"--cgroup-parent={self.cgroup}",
                f"--insecure-registry={network.subnet}",
                *flags,
            ]

        self.host = Host(network, name, command)
        self.socket = self.host.folder / "docker.sock"
        try:
            self.host.wait(self._answers)
            super().__init__(f"unix://{self.socket}", name=name)
        except BaseException:
            self.host.close()
            raise

    @property
    def address(self) -> str:
        """Where published ports answer: through the engine's own DNAT rule, since we come from outside."""
        return self.host.address

    @property
    def root(self) -> Path:
        """The host's own file system; bind sources written there never touch the machine's."""
        return self.host.root

    def restart(self) -> None:
        """Ends dockerd as a service manager does, which ends its containers first, and waits until the next answers."""
        before = self._pid()
        self.run("kill", "-TERM", before)
        self.host.wait(lambda: self._pid() not in ("", before) and self._answers())

    def run(self, *command: str, timeout_s: float = 30) -> str:
        """Runs a command on the host, not in a container."""
        return self.host.run(*command, timeout_s=timeout_s)

    def _pid(self) -> str:
        """None while no dockerd runs: the one that ends removes the file."""
        try:
            return (self.host.folder / "pid").read_text()
        except FileNotFoundError:
            return ""

    def _answers(self) -> bool:
        return answers(self.socket)

    def close(self) -> None:
        """Ends the engine, its containers and its host at once."""
        super().close()
        self.host.close()


def say(line: str) -> None:
    """Progress, on stderr."""
    print(line, file=sys.stderr, flush=True)  # noqa: T201


def answers(socket: Path) -> bool:
    """Whether an engine answers on a socket, which need not be there yet."""
    if not socket.exists():
        return False
    try:
        # making one asks for the engine's version: between bind and listen a socket is there and refuses
        client = docker.DockerClient(base_url=f"unix://{socket}", timeout=5)
    except docker.errors.DockerException:
        return False
    try:
        return bool(client.ping())
    except (docker.errors.DockerException, RequestException):
        return False
    finally:
        client.close()


class Lab(Closing):
    """One run: a small network with engines and registries on it."""

    def __init__(self) -> None:
        self._slot = take_slot()
        self._members: list[LabEngine | Registry | Network | Cluster] = []
        try:
            self.network = Network(self._slot)
        except BaseException:
            self._slot.release()
            raise
        self._members.append(self.network)

    @property
    def name(self) -> str:
        """The run's own name: of its folder and of its cgroups."""
        return self._slot.name

    @property
    def folder(self) -> Path:
        """Where everything of the run lies."""
        return self._slot.folder

    @property
    def device(self) -> str:
        """The run's one network device in the machine's own namespace."""
        return self._slot.device

    @property
    def engines(self) -> list[LabEngine]:
        """The engines of this run."""
        return [member for member in self._members if isinstance(member, LabEngine)]

    @property
    def registries(self) -> list[Registry]:
        """The registries of this run."""
        return [member for member in self._members if isinstance(member, Registry)]

    def engine(self, name: str = "engine", *, flags: Sequence[str] = ()) -> LabEngine:
        """Starts a host with an engine; `name` is its host name, `flags` are more of dockerd's."""
        engine = LabEngine(self.network, name, flags)
        self._members.append(engine)
        return engine

    def cluster(self, **settings: Any) -> Cluster:
        """Starts a Kubernetes of two nodes (cluster.py, which says what the settings are); after the registries."""
        check_watches()
        registries = [registry.name for registry in self.registries]
        cluster = Cluster(self.network, programs.ensure(say), registries=registries, **settings)
        self._members.append(cluster)
        return cluster

    def registry(self, name: str = "registry.lab.example") -> Registry:
        """Starts a registry that the engines of this run know under this name; best before the first engine."""
        registry = Registry(self.network, name)
        self._members.append(registry)
        if self.engines:
            # dockerd (as every Go program) rereads /etc/hosts after five seconds at the earliest
            time.sleep(5)
        return registry

    def close(self) -> None:
        """Ends and removes everything of this run; harmless when repeated."""
        if not self._members:
            return
        while self._members:
            self._members.pop().close()
        self._slot.release()

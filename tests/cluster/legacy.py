"""The engine's side of all shapes at once: made, started, watched."""

from __future__ import annotations

import itertools
import json
import statistics
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import docker.errors

from tests.cluster.shape import Reach, Shape
from tests.lab import programs
from tests.lab.engine import LabEngine, say
from tests.lab.host import Host, HostError

PROBE = Path(__file__).with_name("probe")
MARK = "probe: "
_POLL_S = 0.3
# runc's words where it cannot give a container what it has not itself
_CONFINED = "unable to apply caps"
# the engine's words where it makes the container without what was asked for
_LESS = "Your kernel does not support"
# For how long nobody may get through before a container counts as taken out of service: a Service takes its time.
OUT_S = 3.0


class RefusedError(Exception):
    """This machine gives it to no container; the message says in whose words."""


def events(log: str) -> Iterator[dict[str, Any]]:
    """What the probe said, in order; a last line that is not whole yet is left out."""
    for line in log.splitlines():
        # a program before the probe may have written without an end of line
        _, mark, text = line.partition(MARK)
        if mark:
            with suppress(json.JSONDecodeError):
                yield json.loads(text)


def image_name(shape: Shape, registry: str) -> str:
    return f"equivalence/{shape.name}:local" if shape.local else f"{registry}/equivalence/{shape.name}:1"


def nodes_image_name(shape: Shape) -> str:
    """What the nodes have of an image that is in no registry."""
    return f"equivalence/{shape.name}:nodes"


class Legacy:
    """The shapes' containers on one engine."""

    def __init__(self, engine: LabEngine, registry: str, shapes: Sequence[Shape]) -> None:
        self.engine = engine
        self.registry = registry
        self.shapes = shapes
        self.ids: dict[str, str] = {}
        self.failed: dict[str, str] = {}
        self.refused: dict[str, str] = {}
        self._api = tuple(map(int, engine.client.api.version()["ApiVersion"].split(".")))
        self._watchers = ThreadPoolExecutor(32, thread_name_prefix="watch")
        self._health: dict[str, Future[dict[str, Any]]] = {}

    def start(self) -> None:
        """Makes and starts everything; what fails stands in ``failed`` by the shape's name, what this machine lets no
        container have in ``refused``."""
        probe = programs.build(PROBE, say).read_bytes()
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(lambda shape: self._try(shape, probe), self.shapes))

    def _try(self, shape: Shape, probe: bytes) -> None:
        try:
            self._make(shape, probe)
        except Exception as error:  # noqa: BLE001 whatever one shape meets, the others go on
            confined = _CONFINED in str(error) and not all_capabilities()
            where = self.refused if confined or isinstance(error, RefusedError) else self.failed
            where[shape.name] = f"the engine: {error}"

    def _make(self, shape: Shape, probe: bytes) -> None:
        if self._api < shape.api:
            raise RefusedError(
                f"its API is {'.'.join(map(str, self._api))}, older than {'.'.join(map(str, shape.api))}"
            )
        for path, text in shape.host.items():
            put(self.engine.root, path, text)
        name = image_name(shape, self.registry)
        files: dict[str, str | bytes] = {"bin/probe": probe, **shape.image_files}
        config = {"Entrypoint": ["/bin/probe"], "Cmd": [], **shape.image_config}
        self.engine.import_image(name, files=files, config=config)
        if shape.local:
            self.engine.import_image(nodes_image_name(shape), files={**files, **shape.brought}, config=config)
        else:
            self.engine.push(name, name)
        for network, body in shape.networks.items():
            self._post("/networks/create", {"Name": network, **body})
        for volume, body in shape.volumes.items():
            self._post("/volumes/create", {"Name": volume, **body})
        for container, body in shape.containers.items():
            made = self._post(f"/containers/create?name={container}", self._request({"Image": name, **body}))
            for warning in made["Warnings"] or ():
                if _LESS in warning:
                    raise RefusedError(warning)
            self.ids[container] = made["Id"]
            self._post(f"/containers/{made['Id']}/start")
            if shape.health_s:
                self._health[container] = self._watchers.submit(self._watch_health, made["Id"], shape.health_s)

    def _request(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """With a parent of its cgroup below the lab's own, which goes with the lab."""
        host = body["HostConfig"]
        if "CgroupParent" not in host:
            return body
        return {**body, "HostConfig": {**host, "CgroupParent": f"{self.engine.cgroup}/{host['CgroupParent']}"}}

    def _post(self, path: str, body: Mapping[str, Any] | None = None, *, timeout_s: float = 60) -> Any:
        """A request with a body as it is: docker-py would leave out what it does not know."""
        api: Any = self.engine.client.api
        response = api.post(f"{api.base_url}/v{api.api_version}{path}", json=body, timeout=timeout_s)
        if not response.ok:
            raise RuntimeError(f"POST {path}: {response.json()['message']}")
        return response.json() if response.content else None

    def report(self, container: str, *, deadline_s: float = 20) -> Mapping[str, Any]:
        """What the probe told of itself. Raises LookupError where it told nothing in time."""
        end = time.monotonic() + deadline_s
        while True:
            log = self.log(container)
            for event in events(log):
                if event["event"] == "report":
                    return event["facts"]  # type: ignore[no-any-return]
            if time.monotonic() > end:
                state = self.engine.client.api.inspect_container(self.ids[container])["State"]
                raise LookupError(f"{container} reported nothing on the engine: {state}; it said {log[-300:]!r}")
            time.sleep(_POLL_S)

    def log(self, container: str) -> str:
        text: bytes = self.engine.client.api.logs(self.ids[container])
        return text.decode(errors="replace")

    def state(self, container: str) -> Mapping[str, Any]:
        """Whether it ``lasts``, its ``exit_code``, whether it was started ``again``, and whether it is ``kept`` for
        whoever asks, as the engine has them."""
        try:
            body = self.engine.client.api.inspect_container(self.ids[container])
        except docker.errors.NotFound:
            return {"lasts": False, "exit_code": None, "again": False, "kept": False}
        state = body["State"]
        return {
            "lasts": state["Status"] in ("running", "restarting"),
            # of one that runs again the engine has forgotten it
            "exit_code": None if state["Running"] else state["ExitCode"],
            "again": body["RestartCount"] > 0,
            "kept": True,
        }

    def stop(self, container: str) -> float:
        """Stops it as ``docker stop`` does; returns when that began, in seconds since 1970."""
        began = time.time()
        self._post(f"/containers/{self.ids[container]}/stop", timeout_s=120)
        return began

    def call(self, reach: Reach) -> str:
        """Calls from inside a container; returns what the probe says of it."""
        api = self.engine.client.api
        made = api.exec_create(self.ids[reach.caller], ["/bin/probe", "dial", reach.protocol, reach.host, reach.port])
        said: bytes = api.exec_start(made["Id"])
        return said.decode(errors="replace").strip()

    def health(self, container: str) -> Mapping[str, Any]:
        return self._health[container].result()

    def _watch_health(self, identity: str, for_s: float) -> dict[str, Any]:
        seen: list[str] = []
        calls: list[tuple[float, bool]] = []
        end = time.monotonic() + for_s
        body: Any = {}
        while time.monotonic() < end:
            body = self.engine.client.api.inspect_container(identity)
            port = next((each.partition("/")[0] for each in body["Config"].get("ExposedPorts") or ()), "")
            if port:
                address = body["NetworkSettings"]["IPAddress"]
                calls.append((time.monotonic(), connects(self.engine.host, address, port)))
            said = "healthy" if body["State"].get("Health", {}).get("Status") in ("healthy", None) else "not"
            if not seen or seen[-1] != said:
                seen.append(said)
            time.sleep(_POLL_S)
        return {
            "outcomes": seen,
            "again": body["RestartCount"] > 0,
            "out_of_service": called_in_vain(calls) if calls else None,
        }

    def close(self) -> None:
        self._watchers.shutdown(wait=False, cancel_futures=True)


def connects(host: Host, address: str, port: str) -> bool:
    """Whether an address answers a connection from a host."""
    try:
        host.run("timeout", "1", "bash", "-c", f"exec 3<>/dev/tcp/{address}/{port}")
    except HostError:
        return False
    return True


def called_in_vain(calls: Iterable[tuple[float, bool]]) -> bool:
    """Whether nobody got through for ``OUT_S`` at a stretch; calls: when, and whether it was answered."""
    since: float | None = None
    for at, answered in calls:
        since = None if answered else at if since is None else since
        if since is not None and at - since >= OUT_S:
            return True
    return False


def checking(log: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """How far apart its checks were, in seconds, from the probe's events: until the first good one, and from there on.
    Of what there was no second check, there is nothing."""
    checks = [(each["time"], each["well"]) for each in log if each["event"] == "checked"]
    first = next((number for number, (_, well) in enumerate(checks) if well), len(checks))
    made = {}
    for fact, part in (("health.starting_interval_s", checks[: first + 1]), ("health.interval_s", checks[first:])):
        if len(part) > 1:
            made[fact] = statistics.median(after[0] - before[0] for before, after in itertools.pairwise(part))
    return made


def all_capabilities() -> bool:
    """Whether this machine has every capability of its kernel to give."""
    last = int(Path("/proc/sys/kernel/cap_last_cap").read_text())
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["CapBnd"], 16) == (1 << last + 1) - 1


def put(root: Path, path: str, text: str) -> None:
    """Writes a file of a host; a path that ends with / is a folder."""
    place = root / path.strip("/")
    if path.endswith("/"):
        place.mkdir(parents=True, exist_ok=True)
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)


def ending(log: Iterable[Mapping[str, Any]], began: float) -> dict[str, Any]:
    """What the probe got and how it ended, from its events after a stop that began at a time since 1970."""
    heard = [each for each in log if each["time"] >= began - 0.5]
    signals = [each for each in heard if each["event"] == "signal"]
    if not signals:
        return {"stop.signal": "none", "stop.end": "killed"}
    first, last = signals[0], heard[-1]
    ended = next((each for each in heard if each["event"] == "exit"), None)
    made = {
        "stop.signal": first["signal"],
        "stop.signals": len(signals),
        "stop.delay_s": first["time"] - began,
        "stop.end": f"exit {ended['code']}" if ended else "killed",
    }
    return made | {"stop.grace_s": last["time"] - first["time"]}

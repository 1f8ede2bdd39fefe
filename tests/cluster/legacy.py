"""The engine's side of all shapes at once: made, started, watched."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.cluster.shape import Reach, Shape
from tests.lab import programs
from tests.lab.engine import LabEngine, say

PROBE = Path(__file__).with_name("probe")
MARK = "probe: "
_POLL_S = 0.3
# runc's words where it cannot give a container what it has not itself
_CONFINED = "unable to apply caps"


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


class Legacy:
    """The shapes' containers on one engine."""

    def __init__(self, engine: LabEngine, registry: str, shapes: Sequence[Shape]) -> None:
        self.engine = engine
        self.registry = registry
        self.shapes = shapes
        self.ids: dict[str, str] = {}
        self.failed: dict[str, str] = {}
        self.refused: dict[str, str] = {}
        self._watchers = ThreadPoolExecutor(32, thread_name_prefix="watch")
        self._health: dict[str, Future[dict[str, Any]]] = {}

    def start(self) -> None:
        """Makes and starts everything; what fails stands in ``failed`` by the shape's name, what a confined
        machine lets no container have in ``refused``."""
        probe = programs.build(PROBE, say).read_bytes()
        with ThreadPoolExecutor(4) as threads:
            for shape, trouble in zip(
                self.shapes, threads.map(lambda s: self._tried(s, probe), self.shapes), strict=True
            ):
                if trouble:
                    where = self.refused if _CONFINED in trouble and not all_capabilities() else self.failed
                    where[shape.name] = trouble

    def _tried(self, shape: Shape, probe: bytes) -> str:
        try:
            self._make(shape, probe)
        except Exception as error:  # noqa: BLE001 whatever one shape meets, the others go on
            return f"the engine: {error}"
        return ""

    def _make(self, shape: Shape, probe: bytes) -> None:
        for path, text in shape.host.items():
            put(self.engine.root, path, text)
        name = image_name(shape, self.registry)
        files: dict[str, str | bytes] = {"bin/probe": probe, **shape.image_files}
        config = {"Entrypoint": ["/bin/probe"], "Cmd": [], **shape.image_config}
        self.engine.import_image(name, files=files, config=config)
        if not shape.local:
            self.engine.push(name, name)
        for network, body in shape.networks.items():
            self._post("/networks/create", {"Name": network, **body})
        for volume, body in shape.volumes.items():
            self._post("/volumes/create", {"Name": volume, **body})
        for container, body in shape.containers.items():
            made = self._post(f"/containers/create?name={container}", {"Image": name, **body})
            self.ids[container] = made["Id"]
            self._post(f"/containers/{made['Id']}/start")
            if shape.health_s:
                self._health[container] = self._watchers.submit(self._watch_health, made["Id"], shape.health_s)

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
        """``running``, ``exit_code`` and ``starts`` as the engine has them."""
        body = self.engine.client.api.inspect_container(self.ids[container])
        state = body["State"]
        return {
            "lasts": state["Status"] in ("running", "restarting"),
            # of one that runs again the engine has forgotten it
            "exit_code": None if state["Running"] else state["ExitCode"],
            "again": body["RestartCount"] > 0,
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
        end = time.monotonic() + for_s
        body: Any = {}
        while time.monotonic() < end:
            body = self.engine.client.api.inspect_container(identity)
            said = "healthy" if body["State"].get("Health", {}).get("Status") in ("healthy", None) else "not"
            if not seen or seen[-1] != said:
                seen.append(said)
            time.sleep(_POLL_S)
        return {"outcomes": seen, "again": body["RestartCount"] > 0}

    def close(self) -> None:
        self._watchers.shutdown(wait=False, cancel_futures=True)


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

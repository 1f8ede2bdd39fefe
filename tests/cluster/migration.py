"""A small estate from the lab's engines onto its cluster, as a user would move it: discover, plan, apply, wait.

    estate = load_estate("names")                            # estates/names: estate.yaml, target.yaml and the others
    with standing(estate, lab_engines, registry) as legacy:  # its containers run
        legacy.ask("shop_client_1")                          # what a container is answered: place of a URL to body
        capture = captured(legacy, tmp_path)
    plan = planned(estate, capture, tmp_path)                # written to a directory and read again
    with applied(plan, cluster) as pods:                     # its namespaces go at the end
        pods.of("shop.client")                               # the workload's pods, Ready
        pods.ask(pod)

estate.yaml names hosts (with site and labels), networks by host, images (each a busybox with `asks`, a list of URLs in
a file of it), and containers: host (or a list: one on each), name, image, compose (PROJECT/SERVICE), serves (port to
body), arguments, networks (name to aliases), links (network to links), and body, the rest of Engine API's create
request. `{HOST}` in a text is that host's address.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from converters.capture import Capture
from converters.conversion import ORDER
from migrate import (
    discover,
    load_decisions,
    load_documents,
    load_hosts,
    load_mapping,
    load_target,
    make_plan,
    read_capture,
    read_plan,
    write_capture,
    write_plan,
)
from migrate.plan.model import Plan
from tests.lab.cluster import Cluster
from tests.lab.engine import LabEngine, Registry

ESTATES = Path(__file__).with_name("estates")
UNRESOLVED, UNREACHABLE = "(does not resolve)", "(does not answer)"

# Ends at once on SIGTERM, which nothing does by itself that is process 1.
_SERVE = """\
#!/bin/sh
trap 'exit 0' TERM
while [ "${1%%:*}" = serve ]; do
  port=${1#serve:}
  mkdir -p "/tmp/$port"
  echo "$2" >"/tmp/$port/index.html"
  httpd -p "$port" -h "/tmp/$port"
  shift 2
done
while :; do sleep 3600 & wait $!; done
"""
# One line a URL: where it stands, and the body or what went wrong. Not by wget's own -T, with which Debian's busybox
# crashes.
_ASK = f"""\
#!/bin/sh
ask() {{
  said=$(timeout 5 wget -q -O - "$2" 2>&1) && echo "$1 $said" && return
  case $said in
    *'bad address'*) echo "$1 {UNRESOLVED}" ;;
    *) echo "$1 {UNREACHABLE}" ;;
  esac
}}
tr '\\0' '\\n' </proc/1/environ | sed -n 's/^\\(.*_\\(PORT\\|NAME\\|ENV\\)[^=]*\\)=.*/variable:\\1 set/p'
{{
  tr '\\0' '\\n' </proc/1/environ | sed -n '
    s/^ASK_\\([A-Z0-9_]*\\)=/env:\\1 /p
    s#^\\(.*\\)_PORT_\\([0-9]*\\)_TCP_ADDR=\\(.*\\)#link:\\1:\\2 http://\\3:\\2/#p'
  tr '\\0' '\\n' </proc/1/cmdline | grep '^http:' | awk '{{print "argument:" NR " " $0}}'
  awk '{{print "file:" NR " " $0}}' /etc/asks
}} | {{
  while read -r key url; do ask "$key" "$url" & done
  wait
}}
"""


@dataclass(frozen=True, slots=True)
class Estate:
    name: str
    folder: Path
    body: Mapping[str, Any]

    @property
    def hosts(self) -> Mapping[str, Mapping[str, Any]]:
        found: Mapping[str, Mapping[str, Any]] = self.body["hosts"]
        return found

    @property
    def configs(self) -> list[Path]:
        return sorted(self.folder.glob("config*.yml"))


def load_estate(name: str) -> Estate:
    """The estate in a folder of estates/."""
    folder = ESTATES / name
    return Estate(name, folder, yaml.safe_load((folder / "estate.yaml").read_text(encoding="utf-8")))


@dataclass(frozen=True, slots=True)
class Legacy:
    """An estate that runs. ``containers``: name to the engine that it runs on, for each host that it runs on."""

    estate: Estate
    engines: Mapping[str, LabEngine]
    containers: Sequence[tuple[str, LabEngine]]

    def ask(self, name: str) -> dict[str, str]:
        """What a container is answered: where a URL stands to the body."""
        (engine,) = (engine for called, engine in self.containers if called == name)
        code, printed = engine.client.containers.get(name).exec_run(["ask"])
        assert code == 0, printed
        assert isinstance(printed, bytes)
        return _answers(printed.decode())

    def ask_all(self, names: Iterable[str]) -> dict[str, dict[str, str]]:
        """The same of several, asked at once."""
        wanted = list(names)
        with ThreadPoolExecutor(max_workers=4) as pool:
            return dict(zip(wanted, pool.map(self.ask, wanted), strict=True))

    def url(self, name: str, key: str) -> str:
        """The URL that stands there."""
        body = next(each for each in self.estate.body["containers"] if each["name"] == name)
        place, _, which = key.partition(":")
        if place == "file":
            asks: list[str] = self.estate.body["images"][body["image"]]["asks"]
            return asks[int(which) - 1]
        if place == "argument":
            return str(self._filled(body["arguments"][int(which) - 1]))
        env = dict(text.split("=", 1) for text in body.get("body", {}).get("Env", ()))
        return str(self._filled(env.get(f"ASK_{which}", "")))

    def _filled(self, value: Any) -> Any:
        return filled(value, {host: engine.address for host, engine in self.engines.items()})


def _answers(printed: str) -> dict[str, str]:
    return dict(sorted((key, body) for key, _, body in (line.partition(" ") for line in printed.splitlines())))


@contextmanager
def standing(estate: Estate, engines: Mapping[str, LabEngine], registry: Registry) -> Iterator[Legacy]:
    """Runs the estate's containers, from images that were pushed; they go at the end."""
    with ExitStack() as stack:
        for host in estate.hosts:
            stack.enter_context(engines[host].clean())
        images = _pushed(estate, engines, registry)
        for host, networks in estate.body.get("networks", {}).items():
            for network in networks:
                engines[host].client.networks.create(network)
        addresses = {host: engine.address for host, engine in engines.items()}
        made = []
        for given in estate.body["containers"]:
            each = filled(given, addresses)
            for host in [each["host"]] if isinstance(each["host"], str) else each["host"]:
                _start(each, engines[host], images)
                made.append((each["name"], engines[host]))
        yield Legacy(estate, engines, made)


def _pushed(estate: Estate, engines: Mapping[str, LabEngine], registry: Registry) -> dict[str, str]:
    names = {}
    for image, content in estate.body["images"].items():
        names[image] = f"{registry.name}/{estate.name}/{image}:1"
        first, *others = [engines[host] for host in estate.hosts]
        files = {
            "bin/serve": _SERVE,
            "bin/ask": _ASK,
            "etc/asks": "".join(f"{url}\n" for url in content.get("asks", ())),
        }
        first.import_image(f"{estate.name}-{image}:1", files=files, config={"Entrypoint": ["serve"], "Cmd": None})
        first.push(f"{estate.name}-{image}:1", names[image])
        repository = names[image].rpartition(":")[0]
        for engine in others:
            engine.client.images.pull(repository, tag="1")
    return names


def filled(value: Any, addresses: Mapping[str, str]) -> Any:
    """A value of estate.yaml with the addresses of hosts in it."""
    if isinstance(value, str):
        return re.sub(r"\{([\w-]+)\}", lambda match: addresses[match[1]], value)
    if isinstance(value, dict):
        return {key: filled(each, addresses) for key, each in value.items()}
    return [filled(each, addresses) for each in value] if isinstance(value, list) else value


def _start(given: Mapping[str, Any], engine: LabEngine, images: Mapping[str, str]) -> None:
    body = dict(given.get("body", {}))
    networks = given.get("networks", {"bridge": []})
    first, *others = networks
    ends = {
        name: {"Aliases": aliases, "Links": given.get("links", {}).get(name)} if name != "bridge" else {}
        for name, aliases in networks.items()
    }
    labels = dict(body.get("Labels", {}))
    if "compose" in given:
        project, service = given["compose"].split("/")
        labels |= {"com.docker.compose.project": project, "com.docker.compose.service": service}
    served = [word for port, text in given.get("serves", {}).items() for word in (f"serve:{port}", text)]
    command = [*served, *given.get("arguments", ())]
    restart = {"RestartPolicy": {"Name": "always"}}
    body |= {
        "Image": images[given.get("image", "peer")],
        "Labels": labels,
        "HostConfig": {"NetworkMode": first, **restart, **body.get("HostConfig", {})},
        "NetworkingConfig": {"EndpointsConfig": {first: ends[first]}},
    }
    if command:
        body["Cmd"] = command
    api = engine.client.api
    made = api.create_container_from_config(body, given["name"])  # type: ignore[no-untyped-call]
    for name in others:
        api.connect_container_to_network(made["Id"], name, aliases=ends[name].get("Aliases"))
    api.start(made["Id"])


def captured(legacy: Legacy, folder: Path) -> Capture:
    """Reads the engines of the estate's hosts into folder/capture, and gives back what was written."""
    estate = legacy.estate
    hosts = [
        {"name": name, "url": legacy.engines[name].url, "address": legacy.engines[name].address, **said}
        for name, said in estate.hosts.items()
    ]
    (folder / "hosts.yaml").write_text(yaml.safe_dump({"hosts": hosts}), encoding="utf-8")
    configs = load_documents(estate.configs, root=estate.folder) if estate.configs else ()
    write_capture(discover(load_hosts(folder / "hosts.yaml"), configs=configs), folder / "capture")
    return read_capture(folder / "capture")


def planned(estate: Estate, capture: Capture, folder: Path, *, target: str = "target.yaml") -> Plan:
    """The plan in folder/TARGET, as it reads from there."""
    mapping, decisions = estate.folder / "mapping.yaml", estate.folder / "decisions.yaml"
    made = make_plan(
        capture,
        mapping=load_mapping(mapping) if mapping.exists() else None,
        target=load_target(estate.folder / target),
        decisions=load_decisions(decisions),
        estate=estate.name,
    )
    place = folder / target.removesuffix(".yaml")
    write_plan(made, place)
    return read_plan(place)


@dataclass(frozen=True, slots=True)
class Pods:
    """What a plan became on a cluster."""

    cluster: Cluster
    plan: Plan
    all: Sequence[Mapping[str, Any]]

    def of(self, workload: str) -> list[Mapping[str, Any]]:
        """The pods of a workload, as the API has them, in order of their nodes."""
        (name,) = (each["kubernetesName"] for each in self.plan.workloads if each["name"] == workload)
        found = [pod for pod in self.all if pod["metadata"]["labels"]["podlift.dev/workload"] == name]
        return sorted(found, key=lambda pod: str(pod["spec"]["nodeName"]))

    def nodes(self, workload: str) -> list[str]:
        """The node of each pod."""
        return [pod["spec"]["nodeName"] for pod in self.of(workload)]

    def ask(self, pod: Mapping[str, Any]) -> dict[str, str]:
        """What a pod is answered, as Legacy.ask."""
        place = ("-n", pod["metadata"]["namespace"], pod["metadata"]["name"])
        return _answers(self.cluster.kubectl("exec", *place, "--", "ask"))


@contextmanager
def applied(plan: Plan, cluster: Cluster, *, deadline_s: float = 60) -> Iterator[Pods]:
    """Applies all of a plan at once and waits until every pod is Ready. Its namespaces then go, unwaited."""
    # Services before pods, which get variables of those that are there
    objects = [body for _, body in (*plan.objects, *plan.secrets)]
    objects.sort(key=lambda body: ORDER.index(body["kind"]))
    spaces = sorted({each["metadata"]["name"] for each in objects if each["kind"] == "Namespace"})
    try:
        cluster.apply(*objects)
        yield Pods(cluster, plan, _ready(cluster, spaces, deadline_s))
    finally:
        cluster.kubectl("delete", "namespace", "--ignore-not-found", "--wait=false", *spaces)


def _ready(cluster: Cluster, spaces: Sequence[str], deadline_s: float) -> list[Mapping[str, Any]]:
    end = time.monotonic() + deadline_s
    while True:
        kinds = "deployments,statefulsets,daemonsets,pods"
        items = [item for space in spaces for item in cluster.get("-n", space, kinds)["items"]]
        controllers = [item for item in items if item["kind"] != "Pod"]
        pods = [item for item in items if item["kind"] == "Pod"]
        waiting = [f"{each['kind']}/{each['metadata']['name']}" for each in controllers if not _complete(each)]
        if not waiting:
            return pods
        if time.monotonic() > end:
            states = {_state(pod) for pod in pods if not _is_ready(pod)}
            raise AssertionError(
                f"not ready after {deadline_s:g} s: {', '.join(waiting)}\n" + "\n".join(sorted(states))
            )
        time.sleep(0.3)


def _complete(controller: Mapping[str, Any]) -> bool:
    status, spec = controller.get("status", {}), controller["spec"]
    if status.get("observedGeneration") != controller["metadata"]["generation"]:
        return False
    if controller["kind"] == "DaemonSet":
        return bool(status.get("numberReady", 0) == status["desiredNumberScheduled"])
    return bool(status.get("readyReplicas", 0) == spec["replicas"])


def _state(pod: Mapping[str, Any]) -> str:
    """Why a pod is not ready, in the cluster's words."""
    status = pod["status"]
    said = [each.get("message", "") for each in status.get("conditions", ()) if each["status"] != "True"]
    said += [json.dumps(each.get("state")) for each in status.get("containerStatuses", ())]
    return f"{pod['metadata']['labels'].get('podlift.dev/workload', '')}: {' '.join(said)}"


def _is_ready(pod: Mapping[str, Any]) -> bool:
    conditions = {each["type"]: each["status"] for each in pod["status"].get("conditions", ())}
    return conditions.get("Ready") == "True"


def asked_by_all(pods: Pods, workload: str) -> list[tuple[str, dict[str, str]]]:
    """(node, answers) of each pod of a workload, asked at once."""
    found = pods.of(workload)
    with ThreadPoolExecutor(max_workers=4) as pool:
        return list(zip((pod["spec"]["nodeName"] for pod in found), pool.map(pods.ask, found), strict=True))

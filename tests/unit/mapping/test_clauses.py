"""Each clause of the language on the smallest config that shows it; every reading accounts for every field."""

from __future__ import annotations

import pytest

from converters.sources.mapping import read_config
from converters.workload import (
    Constraint,
    Controller,
    Device,
    DeviceRequest,
    Env,
    Item,
    Limit,
    Mount,
    MountKind,
    Name,
    Network,
    Pair,
    Port,
    Protocol,
    Published,
    Restart,
    Route,
    SecretRef,
    SiteCount,
)
from tests.mappings import HEAD, assert_accounted, bare, documents, left, mapping, of_item, paths

EXAMPLE_CONFIG = """
defaults: {registry: reg.edge.example, grace: 20s}          # fleet/web.yml
services: {web: {image: "web:4.2", run: "--listen ${HOST}:${PORT_http}", instances: {ams: 4, syd: 2}, owner: team-web, size: {cpu: 512, mem: 256m},
  ports: {http: "8080:80", admin: "127.0.0.1:9090:9090"}, env: {LOG: info, DB_PASSWORD: "vault:edge/db#password"},
  check: {http: "http:/healthz", every: 5s, timeout: 500ms, fails: 3, restart: true}, scale: {max: {ams: 12, syd: 6}, rps: 200, p95: 250ms, hold: 5m}}}
"""  # noqa: E501
EXAMPLE_MAPPING = r"""
schema: podlift.dev/mapping/v1                               # edge.mapping.yaml
documents: {fleet: {files: "fleet/*.yml"}}
workloads: {each: items(fleet.services), name: key(), inherit: root().defaults}
instances: {each: items(instances), site: key(), count: "@", container: "^{name}-{site}-\\d+$", runtime_env: [HOST, "PORT_*", EDGE_TASK_ID]}
placeholders: {'\$\{HOST\}': pod_ip, '\$\{PORT_(\w+)\}': 'container_port(\1)'}
containers:
- {image: {from: image, as: image, registry: registry}, args: {from: run, as: shell_words}, ports: {each: items(ports), name: key(), from: "@", as: docker_publish},
   env: {each: items(env), name: key(), from: "@", as: {'vault:(?P<name>.+)#(?P<key>.+)': secret_ref, '.*': literal}},
   cpu_request: {from: size.cpu, as: cpu, unit: core/1024}, memory_limit: {from: size.mem, as: bytes}}
checks:
- {when: check.http, kind: {const: http}, gates_traffic: {const: true}, restarts: check.restart, target: {from: check.http, as: {'(?P<port>\w+):(?P<path>/.*)': fields}},
   interval: {from: check.every, as: duration}, timeout: {from: check.timeout, as: duration}, failures: check.fails}
scaling: {min: {each: items(instances), site: key(), from: "@"}, max: {each: items(scale.max), site: key(), from: "@"}, cooldown_in: {from: scale.hold, as: duration},
  metrics: [{kind: {const: requests}, per: {const: instance}, target: scale.rps}, {kind: {const: latency}, percentile: {const: 95}, target: {from: scale.p95, as: duration}}]}
termination: {grace: {from: grace, as: duration}}
ignore: {owner: "no effect at run time"}
"""  # noqa: E501


def test_the_example() -> None:
    """The example from which the language was drawn, to the letter: values, origins, and nothing left but the owner."""
    found = documents(EXAMPLE_CONFIG)
    reading = read_config(found, mapping(EXAMPLE_MAPPING))
    assert_accounted(reading, found)
    (web,) = reading.workloads
    (container,) = web.containers
    assert container.image.reference == "reg.edge.example/web:4.2"
    assert paths(container.origins["image"]) == ["services.web.image", "defaults.registry"]
    assert container.args == ("--listen", "$(PODLIFT_POD_IP):80")
    assert bare(container.env) == (
        Env(name="PODLIFT_POD_IP", runtime="pod_ip"),
        Env(name="LOG", value="info"),
        Env(name="DB_PASSWORD", ref=SecretRef(name="edge/db", key="password")),
    )
    assert (container.cpu_request_m, container.memory_limit_bytes) == (500, 2**28)
    (check,) = container.checks
    assert (check.port, check.path, check.interval_s, check.timeout_s, check.failures) == (80, "/healthz", 5, 0.5, 3)
    assert (check.gates_traffic, check.restarts) == (True, True)
    assert paths(check.origins["path"]) == ["services.web.check.http"]
    assert bare(web.replicas) == (SiteCount(site="ams", count=4), SiteCount(site="syd", count=2))
    assert web.scaling is not None
    assert [(m.kind, m.target, m.per) for m in web.scaling.metrics] == [
        ("requests", 200, "instance"),
        ("latency", 0.25, "instance"),
    ]
    assert (web.scaling.cooldown_in_s, web.termination.grace_s) == (300, 20)
    assert paths(web.termination.origins["grace_s"]) == ["defaults.grace"]
    assert left(web) == {"services.web.owner": "ignored"}
    assert [s.value for s in web.settings] == ["no effect at run time"]
    assert left(reading) == {}


# ---- one value


@pytest.mark.parametrize(
    ("item", "clause", "value", "left_over"),
    [
        ("net: host", "net", "host", {}),
        ("net: host", "{from: net}", "host", {}),
        ("net: 7", "net", "7", {}),
        ("net: true", "net", "true", {}),
        ("other: 1", "{const: host}", "host", {"other": "not-mapped"}),
        ("other: 1", "{from: net, default: none}", "none", {"other": "not-mapped"}),
        ("net: null", "{from: net, default: none}", "none", {"net": "selection"}),
        ("net: ''", "{from: \"net || 'host'\"}", "host", {"net": "selection"}),
        ("net: H", "{from: net, values: {H: host, B: bridge}}", "host", {}),
        ("net: H", "{from: net, values: {B: bridge}, default: none}", "none", {}),
        ("net: true", "{from: net, values: {true: host, false: bridge}}", "host", {}),
        ("net: B", "{from: net, values: {B: null}}", "bridge", {"net": "selection"}),
        ("net: net:host", "{from: net, as: {'net:(.+)': {text: '\\1'}}}", "host", {}),
        ("net: net:host", "{from: net, as: {'net:(?P<n>.+)': {text: 'x-\\g<n>'}}}", "x-host", {}),
        ("net: host\nold: bridge", "[net, old]", "host", {"old": "overridden"}),
        ("old: bridge", "[net, old]", "bridge", {}),
        ("net: host\nold: bridge", "net || old", "host", {"old": "overridden"}),
        ("net: host\non: false", "{from: net, when: on}", "bridge", {"net": "not-mapped", "on": "selection"}),
        ("net: host\non: true", "{from: net, when: on}", "host", {"on": "selection"}),
        ("a: ho\nb: st", "{from: \"join('', [a, b])\"}", "host", {}),
        ("a: x:host:y", "split(a, ':')[1]", "host", {}),
    ],
)
def test_one_value(item: str, clause: str, value: str, left_over: dict[str, str]) -> None:
    """from, const, default, values, as with texts, when, and clauses of which the first that gives something counts;
    what was said and has no effect is never silent."""
    web, _ = of_item(item, f"network_mode: {clause}")
    assert web.network_mode == value
    assert left(web) == {f"services.web.{path}": code for path, code in left_over.items()}


# ---- lists of a container


@pytest.mark.parametrize(
    ("item", "clause", "expected"),
    [
        ("env: {A: 1, B: two, C: true}", "env: env", [("A", "1"), ("B", "two"), ("C", "true")]),
        ("env: [A=1, B=x=y]", "env: {from: env, as: assignment}", [("A", "1"), ("B", "x=y")]),
        ("env: [{n: A, v: 1}]", "env: {each: env, name: n, value: v}", [("A", "1")]),
        ("env: {A: 1, B: 2}", "env: [{from: env}, {name: {const: A}, value: {const: 3}}]", [("A", "3"), ("B", "2")]),
        ("env: {A: null, B: 2}", "env: env", [("B", "2")]),
        ("a: 1", "env: env", []),
    ],
)
def test_environment(item: str, clause: str, expected: list[tuple[str, str]]) -> None:
    """A map, a list of assignments, a list of maps; of two clauses for one name the later counts."""
    web, _ = of_item(item, container=clause)
    assert [(e.name, e.value) for e in web.containers[0].env] == expected


def test_secret_values_are_marked() -> None:
    """A name on the published list, or the clause's word, sends a value to a Secret."""
    item = "env: {DB_PASSWORD: hunter2, LOG: info}\nkeys: {SEED: abcdefg}"
    clauses = "env:\n- env\n- {each: items(keys), name: key(), value: '@', secret: {const: true}}"
    web, _ = of_item(item, container=clauses)
    assert {e.name: e.secret for e in web.containers[0].env} == {"DB_PASSWORD": True, "LOG": False, "SEED": True}


def test_an_unmapped_secret_is_not_shown() -> None:
    """What is left stands in reports: a value whose name says that it is secret is withheld there."""
    web, _ = of_item("db_password: hunter2\nowner: me")
    assert {s.value for s in web.settings} == {"a secret value", "me"}


@pytest.mark.parametrize(
    ("item", "clause", "ports"),
    [
        ("port: 80", "ports: port", [Port(container_port=80)]),
        ("port: 80/udp", "ports: {from: port, as: docker_publish}", [Port(container_port=80, protocol=Protocol.UDP)]),
        ("ports: [{c: 80, h: 8080}]", "ports: {each: ports, container_port: c, host_port: h}",
         [Port(container_port=80, published=(Published(host_port=8080),))]),
        ("ports: ['8080:80', '127.0.0.1:81:80']", "ports: {from: ports, as: docker_publish}",
         [Port(container_port=80,
               published=(Published(host_port=8080), Published(host_ip="127.0.0.1", host_port=81)))]),
        ("ports: {dns: 53}",
         ("ports:\n- {each: items(ports), name: key(), container_port: '@'}\n"
          "- {each: items(ports), container_port: '@', protocol: {const: udp}}"),
         [Port(container_port=53, name="dns"), Port(container_port=53, protocol=Protocol.UDP)]),
    ],
)  # fmt: skip
def test_ports(item: str, clause: str, ports: list[Port]) -> None:
    """One port, publish syntax, attributes one by one; one port published twice is one port."""
    web, _ = of_item(item, container=clause)
    assert bare(web.containers[0].ports) == tuple(ports)


@pytest.mark.parametrize(
    ("item", "clause", "attribute", "value"),
    [
        ("v: {/in: /out, '/x:ro': data}",
         "mounts: {each: items(v), from: \"join(':', [@, key()])\", as: docker_volume}",
         "mounts", (Mount(kind=MountKind.BIND, source="/out", target="/in"),
                    Mount(kind=MountKind.VOLUME, source="data", target="/x", read_only=True))),
        ("v: {/in: /out}", "mounts: {each: items(v), target: key(), source: '@', read_only: {const: true}}", "mounts",
         (Mount(kind=MountKind.BIND, source="/out", target="/in", read_only=True),)),
        ("v: [/data]", "mounts: {each: v, target: '@'}", "mounts", (Mount(kind=MountKind.ANONYMOUS, target="/data"),)),
        ("v: {d: {o: nfs}}",
         "mounts: {each: items(v), target: {const: /d}, source: key(), driver: o, driver_options: '{type: o}'}",
         "mounts",
         (Mount(kind=MountKind.VOLUME, source="d", target="/d", driver="nfs", driver_options={"type": "nfs"}),)),
        ("l: {nofile: 10}", "ulimits: {each: items(l), name: key(), soft: '@', hard: {const: -1}}", "ulimits",
         (Limit(name="nofile", soft=10, hard=-1),)),
        ("l: [nofile=10:20]", "ulimits: {from: l, as: docker_ulimit}", "ulimits",
         (Limit(name="nofile", soft=10, hard=20),)),
        ("d: [/dev/fuse]", "devices: {from: d, as: docker_device}", "devices",
         (Device(host_path="/dev/fuse", container_path="/dev/fuse"),)),
        ("g: 2", "device_requests: {driver: {const: nvidia}, count: g}", "device_requests",
         (DeviceRequest(driver="nvidia", count=2),)),
        ("c: [A, B]", "cap_add: c", "cap_add", (Item(value="A"), Item(value="B"))),
        ("c: A, B", "cap_add: {from: c, as: {'(.), (.)': {text: '\\1'}}}", "cap_add", (Item(value="A"),)),
        ("t: {a: 1}", "labels: t", "labels", (Pair(key="a", value="1"),)),
        ("t: [a=1]", "labels: {from: t, as: assignment}", "labels", (Pair(key="a", value="1"),)),
        ("r: a b", "args: {from: r, as: shell_words}", "args", ("a", "b")),
        ("r: [a, 1]", "args: r", "args", ("a", "1")),
        ("r: a | b", "entrypoint: {from: r, as: shell_string}", "entrypoint", ("/bin/sh", "-c", "a | b")),
        ("m: 512", "memory_request: {from: m, unit: MiB}", "memory_request_bytes", 2**29),
        ("m: 1g", "shm: m", "shm_bytes", 2**30),
        ("c: 1200", "cpu_limit: {from: c, unit: MHz/2400}", "cpu_limit_m", 500),
        ("c: 512", "cpu_shares: c", "cpu_shares", 512),
        # a row's text is read once, with its unit or the clause's
        ("c: --cpus 1.5", "cpu_limit: {from: c, as: {'--cpus (.*)': {text: '\\1'}}, unit: cores}", "cpu_limit_m", 1500),
        ("m: --mem 512m", "memory_limit: {from: m, as: {'--mem (.*)': {text: '\\1'}}}", "memory_limit_bytes", 2**29),
        ("m: --mem 512m", "memory_limit: {from: m, as: {'--mem (?P<value>.*)': bytes}}", "memory_limit_bytes", 2**29),
        ("f: ['-v /a:/b:ro', '-p 80']",
         "mounts: {each: \"f[?starts_with(@, '-v ')]\", from: '@', as: {'-v (?P<value>.*)': docker_volume}}", "mounts",
         (Mount(kind=MountKind.BIND, source="/a", target="/b", read_only=True),)),
        ("u: 1000", "user: u", "user", "1000"),
        ("p: true", "privileged: p", "privileged", True),
        ("p: 'yes'", "tty: {from: p, as: bool}", "tty", True),
        ("w: /srv", "working_dir: w", "working_dir", "/srv"),
    ],
)  # fmt: skip
def test_container(item: str, clause: str, attribute: str, value: object) -> None:
    """Each attribute of a container as the model has it, with origins."""
    web, _ = of_item(item, container=clause)
    found = getattr(web.containers[0], attribute)
    assert (bare(found) if isinstance(found, tuple) else found) == value
    assert "not-mapped" not in left(web).values()


def test_settings_by_code() -> None:
    """What the model has no attribute for goes by its code, and the converter says what becomes of it."""
    web, _ = of_item("r: {cpuset: 0-3, swap: 5}", container="settings: {cpuset: r.cpuset, memory-swap: r.swap}")
    assert [(s.code, s.value) for s in web.containers[0].settings] == [("cpuset", "0-3"), ("memory-swap", 5)]


def test_several_containers() -> None:
    """A container may depend on the item; checks beside the containers name theirs, or are the first one's."""
    item = "side: {image: side:1, port: 9}\ncheck: {port: 9, of: sidecar}"
    language = HEAD + (
        "containers:\n- image: image\n- {when: side, name: {const: sidecar}, image: side.image, ports: side.port}\n"
        "- {when: other, image: other.image}\n"
        "checks: [{kind: {const: tcp}, port: check.port, container: check.of}, {kind: {const: tcp}}]\n"
    )
    config = f"services:\n  web:\n    image: web:1\n    {item.replace(chr(10), chr(10) + '    ')}\n"
    (web,) = read_config(documents(config), mapping(language)).workloads
    assert [c.name for c in web.containers] == ["web", "sidecar"]
    assert [[check.port for check in c.checks] for c in web.containers] == [[None], [9]]


# ---- the workload's own sections


@pytest.mark.parametrize(
    ("item", "clause", "attribute", "value"),
    [
        ("r: {name: on-failure, max: 3}", "restart: {policy: r.name, attempts: r.max}", "restart",
         Restart(policy="on-failure", attempts=3)),
        ("w: {disk: ssd, zone: [a, b]}", "constraints: {each: items(w), attribute: key(), values: to_array(@)}",
         "constraints",
         (Constraint(attribute="disk", values=("ssd",)), Constraint(attribute="zone", values=("a", "b")))),
        ("w: ['disk==ssd']",
         "constraints: {each: w, attribute: \"split(@, '==')[0]\", values: \"split(@, '==')[1:]\"}",
         "constraints", (Constraint(attribute="disk", values=("ssd",)),)),
        ("d: [9.9.9.9]", "dns: d", "dns", (Item(value="9.9.9.9"),)),
        ("h: {db: 10.0.0.1}", "extra_hosts: h", "extra_hosts", (Pair(key="db", value="10.0.0.1"),)),
        ("s: {net.core.somaxconn: 1024}", "sysctls: s", "sysctls", (Pair(key="net.core.somaxconn", value="1024"),)),
        ("a: [www, api]", "names: a", "names", (Name(name="www"), Name(name="api"))),
        ("n: {front: {as: [w]}}", "networks: {each: items(n), name: key(), aliases: as}", "networks",
         (Network(name="front", aliases=(Item(value="w"),)),)),
        ("r: [{h: a.example, p: /x}]", "routes: {each: r, host: h, path: p, tls: {const: true}}", "routes",
         (Route(host="a.example", path="/x", tls=True),)),
        ("h: box", "hostname: h", "hostname", "box"),
    ],
)  # fmt: skip
def test_workload(item: str, clause: str, attribute: str, value: object) -> None:
    """Each section beside the containers."""
    web, _ = of_item(item, clause)
    found = getattr(web, attribute)
    assert (found if isinstance(found, str) else bare(found)) == value
    assert "not-mapped" not in left(web).values()


@pytest.mark.parametrize(
    ("item", "clause", "counts"),
    [
        ("n: 3", "{count: n}", {"": 3}),
        ("n: {ams: 4, syd: 2}", "{each: items(n), site: key(), count: '@'}", {"ams": 4, "syd": 2}),
        ("n: [{s: ams}, {s: ams}, {s: syd}]", "{each: n, site: s}", {"ams": 2, "syd": 1}),
        ("n: [h1, h2]", "{count: length(n)}", {"": 2}),
        ("n: [h1, h2]", "{each: n, name: '@'}", {"": 2}),
    ],
)
def test_instances(item: str, clause: str, counts: dict[str, int]) -> None:
    """A number, a map by site, a list of copies each at its site, a list of hosts to count."""
    web, _ = of_item(item, f"instances: {clause}")
    assert {c.site: c.count for c in web.replicas} == counts
    assert left(web) == {}


def test_scaling_needs_more_than_a_least_count() -> None:
    """A service that only has instances is not scaled, though the mapping reads its least count from them."""
    clause = (
        "instances: {count: n}\nscaling: {min: n, max: scale.max, metrics: {kind: {const: cpu}, target: scale.cpu}}"
    )
    assert of_item("n: 3", clause)[0].scaling is None
    scaling = of_item("n: 3\nscale: {max: 9, cpu: 0.5}", clause)[0].scaling
    assert scaling is not None
    assert bare(scaling.min), bare(scaling.max) == ((SiteCount(site="", count=3),), (SiteCount(site="", count=9),))


def test_controller_and_namespace() -> None:
    """What the config calls a kind decides the controller, and its group names the namespace."""
    language = HEAD.replace(
        "name: key()", "name: key(), namespace: group, controller: {from: kind, values: {cron: cronjob}}"
    )
    found = documents("services: {web: {image: a, kind: cron, group: shop}}")
    reading = read_config(found, mapping(language + "containers:\n- image: image\n"))
    assert_accounted(reading, found)
    (web,) = reading.workloads
    assert (web.controller, web.namespace_hint) == (Controller.CRONJOB, "shop")
    assert left(web) == {"services.web.group": "selection"}


@pytest.mark.parametrize(
    ("env", "args", "ports", "expected_env", "expected_args"),
    [
        ("${HOST}", "x", "[80]", ("A", None, "pod_ip"), ("x",)),
        ("${PORT_0}", "x", "[80]", ("A", None, "container_port(0)"), ("x",)),
        ("http://${HOST}:${PORT_80}/", "x", "[80]", ("A", "http://$(PODLIFT_POD_IP):80/", ""), ("x",)),
        ("v", "--port=${PORT_1}", "[80, 90]", ("A", "v", ""), ("--port=90",)),
    ],
)
def test_placeholders(
    env: str, args: str, ports: str, expected_env: tuple[object, ...], expected_args: tuple[str, ...]
) -> None:
    """A port is known beforehand, by name, number or index; what only the pod knows comes from a variable of ours."""
    placeholders = "placeholders: {'\\$\\{HOST\\}': pod_ip, '\\$\\{PORT_(\\w+)\\}': 'container_port(\\1)'}"
    item = f"env: {{A: '{env}'}}\nargs: ['{args}']\nports: {ports}"
    web, _ = of_item(item, placeholders, "env: env\nargs: args\nports: ports")
    *ours, first = web.containers[0].env
    assert (first.name, first.value, first.runtime) == expected_env
    assert web.containers[0].args == expected_args
    assert [(e.name, e.runtime) for e in ours] == ([("PODLIFT_POD_IP", "pod_ip")] if "PODLIFT" in str(first) else [])


# ---- documents, inheritance, joins


def test_inherit_is_deep_and_the_item_wins() -> None:
    """Maps are laid into each other at any depth; a default that every service overrides is told, once."""
    config = """
    defaults: {grace: 10s, log: {driver: local, options: {max-size: 1m, mode: x}}, owner: all}
    services:
      a: {image: a, log: {options: {max-size: 2m}}, grace: 1s}
      b: {image: b, log: {options: {max-size: 3m}}, grace: null}
    """
    language = HEAD.replace("name: key()", "name: key(), inherit: root().defaults") + (
        "containers:\n- {image: image, log_driver: log.driver, log_options: log.options}\n"
        "termination: {grace: grace}\nignore: {owner: nobody reads it}\n"
    )
    found = documents(config)
    reading = read_config(found, mapping(language))
    assert_accounted(reading, found)
    a, b = (w.containers[0] for w in reading.workloads)
    assert (a.log_driver, bare(a.log_options)) == (
        "local",
        (Pair(key="max-size", value="2m"), Pair(key="mode", value="x")),
    )
    assert bare(b.log_options)[0].value == "3m"
    assert [w.termination.grace_s for w in reading.workloads] == [1, None], "an explicit null is an answer"
    assert left(reading) == {
        "defaults.grace": "overridden",
        "defaults.log.options.max-size": "overridden",
        "defaults.owner": "ignored",
    }


JOIN = """\
schema: podlift.dev/mapping/v1
documents: {request: {files: "r/*.json"}, deploys: {files: "d/*.json"}}
joins: {deploy: {each: deploys, on: id, to: of%s}}
workloads: {each: request, name: id}
containers:
- image: deploy.image || `"none"`
"""
REQUEST = documents('{"id": "web"}', "r/web.json")
ONE = documents('{"of": "web", "image": "a"}', "d/1.json")
TWO = documents('{"of": "web", "image": "b"}', "d/2.json")
STRAY = documents('{"of": "api", "image": "c"}', "d/3.json")


@pytest.mark.parametrize(
    ("options", "given", "image", "found", "left_over"),
    [
        ("", (*REQUEST, *ONE), "a", [], {}),
        ("", REQUEST, None, ["config-refused"], {"id": "refused"}),
        (", on_none: skip", REQUEST, None, [], {"id": "left-out"}),
        (", on_none: empty", REQUEST, "none", [], {}),
        ("", (*REQUEST, *ONE, *TWO), None, ["config-refused"],
         {"id": "refused", "of": "not-mapped", "image": "not-mapped"}),
        (", on_many: first", (*REQUEST, *ONE, *TWO), "a", [], {"of": "not-mapped", "image": "not-mapped"}),
        (", on_many: last", (*REQUEST, *ONE, *TWO), "b", [], {"of": "not-mapped", "image": "not-mapped"}),
        ("", (*REQUEST, *ONE, *STRAY), "a", ["config-unjoined"], {"of": "not-mapped", "image": "not-mapped"}),
    ],
)  # fmt: skip
def test_joins(options: str, given: tuple, image: str | None, found: list[str], left_over: dict[str, str]) -> None:  # type: ignore[type-arg]
    """A partner in another document: none, one, several, and one that nobody asked for."""
    reading = read_config(given, mapping(JOIN % options))
    assert_accounted(reading, given)
    assert [w.containers[0].image.reference for w in reading.workloads] == ([image] if image else [])
    assert [f.code for f in reading.findings] == found
    assert left(reading) == left_over


def test_files_and_streams() -> None:
    """A glob is walked file by file, documents of a stream one by one; file() names the file, others are not read."""
    language = HEAD.replace("name: key()", "name: \"join('.', [file().folder, file().stem, key()])\"")
    given = (
        *documents("services: {web: {image: a}}\n---\nservices: {api: {image: b}}\n", "fleet/ams.yml"),
        *documents("services: {web: {image: c}}", "conf/fleet/syd.yml"),
        *documents("services: {web: {image: d}}", "fleet/deep/gru.yml"),
        *documents("services: {}", "fleet/none.yml"),
    )
    reading = read_config(given, mapping(language + "containers:\n- image: image\n"))
    assert_accounted(reading, given)
    assert [w.name for w in reading.workloads] == ["fleet.ams.web", "fleet.ams.api", "conf/fleet.syd.web"]
    assert left(reading) == {"services.web.image": "not-mapped", "services": "selection"}
    assert [w.containers[0].origins["image"][0].document for w in reading.workloads][1] == "fleet/ams.yml#1"


def test_a_glob_that_finds_nothing_is_told() -> None:
    """Documents were given, and none is called as the mapping says: no workload, every field left, and a finding."""
    found = documents("services: {web: {image: a}}", "other/web.yml")
    reading = read_config(found, mapping(HEAD + "containers:\n- image: image\n"))
    assert_accounted(reading, found)
    (finding,) = reading.findings
    assert (finding.code, finding.subject, finding.sides) == (
        "config-unmatched",
        "fleet",
        (("config", "other/web.yml"),),
    )
    assert left(reading) == {"services.web.image": "not-mapped"}


def test_aliases_count_where_they_resolve() -> None:
    """An anchor's fields are fields of each place that names it, with the line where they were written."""
    config = """
    base: &base
      mem: 1g
    services:
      a: {image: a, size: *base}
      b: {image: b, size: {<<: *base, cpu: 1}}
    """
    language = HEAD + "containers:\n- {image: image, memory_limit: size.mem}\n"
    found = documents(config)
    reading = read_config(found, mapping(language))
    assert_accounted(reading, found)
    origins = [w.containers[0].origins["memory_limit_bytes"] for w in reading.workloads]
    assert [[(s.path, s.line) for s in each] for each in origins] == [
        [("services.a.size.mem", 3)],
        [("services.b.size.mem", 3)],
    ]
    assert left(reading) == {"base.mem": "not-mapped"}


def test_ignore_takes_globs_and_whole_maps() -> None:
    """A star matches anything; a map's name ignores all of it; what is mapped is not ignored."""
    item = "owner: me\nnotes: {a: 1, b: {c: 2}}\nx-team: t\nnet: host\nother: 1"
    web, _ = of_item(item, "network_mode: net\nignore: {owner: o, notes: n, 'x-*': x, net: never}")
    assert left(web) == {
        "services.web.owner": "ignored",
        "services.web.notes.a": "ignored",
        "services.web.notes.b.c": "ignored",
        "services.web.x-team": "ignored",
        "services.web.other": "not-mapped",
    }
    assert {s.value for s in web.settings if s.code == "ignored"} == {"o", "n", "x"}


# ---- instances that say something of their own

OWN = "instances: {each: items(n), name: key(), own: '@'}\n"


def test_what_all_instances_say_is_the_workloads() -> None:
    """An equal value has the origins of all instances, and no difference."""
    web, _ = of_item("n: {a: {net: host}, b: {net: host}}", OWN + "network_mode: net")
    assert web.differences == ()
    assert paths(web.origins["network_mode"]) == ["services.web.n.a.net", "services.web.n.b.net"]


def test_what_instances_say_differently_is_a_difference() -> None:
    """The first one's value stands, the difference has every side; what every instance overrides is told."""
    item = "net: none\nenv: {K: v, N: 0}\nn: {a-1: {net: host, env: {N: 1}}, a-2: {net: front, env: {N: 2}}}"
    web, _ = of_item(item, OWN + "network_mode: net", "env: env")
    assert web.network_mode == "host"
    assert [(d.subject, [v for _, v in d.values], d.ordinal) for d in web.differences] == [
        ("env N", ["1", "2"], "{n}"),
        ("network_mode", ["host", "front"], ""),
    ]
    assert left(web) == {"services.web.net": "overridden", "services.web.env.N": "overridden"}


def test_a_default_that_one_instance_keeps_is_taken() -> None:
    """Only what every instance overrides has no effect."""
    web, _ = of_item("net: none\nn: {a: {net: host}, b: {}}", OWN + "network_mode: net")
    assert web.network_mode == "host"
    assert "services.web.net" in paths(web.differences[0].origins)

"""The shipped mappings: each against a config of its own, and against public files of its scheduler."""

from __future__ import annotations

from pathlib import Path

import pytest

from converters.errors import PodliftError
from converters.sources.mapping import check_mapping, read_config
from converters.sources.reading import Reading
from converters.workload import (
    Check,
    CheckKind,
    Constraint,
    Container,
    Controller,
    Env,
    Image,
    Item,
    Limit,
    Metric,
    Mount,
    MountKind,
    Name,
    Pair,
    Port,
    Protocol,
    Published,
    Restart,
    Rollout,
    Route,
    Scaling,
    Schedule,
    SecretRef,
    SiteCount,
    Spread,
    Step,
    Termination,
    Workload,
)
from tests.mappings import PUBLIC, assert_accounted, bare, documents, fixture, left

KINDS = ("edge", "helios", "singularity", "maestro-ng")


def reading(kind: str) -> Reading:
    mapping, found = fixture(kind)
    return read_config(found, mapping)


def workload(kind: str, name: str) -> Workload:
    return next(w for w in reading(kind).workloads if w.name == name)


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_of_the_own_config_is_accounted_for(kind: str) -> None:
    """Taken, ignored with a reason, or what a choice turned on: nothing is not mapped, and nothing vanishes."""
    mapping, found = fixture(kind)
    made = read_config(found, mapping)
    assert_accounted(made, found)
    codes = {code for each in (*made.workloads, made) for code in left(each).values()}
    assert "not-mapped" not in codes


@pytest.mark.parametrize("kind", KINDS)
def test_every_clause_says_something_to_someone(kind: str) -> None:
    """A shipped mapping has no ignore that matches nothing in the own config but those for other versions of the
    format, and check tells them."""
    mapping, found = fixture(kind)
    checked = check_mapping(found, mapping)
    assert all(each.taken for each in checked.workloads)
    assert not any(each.not_mapped for each in checked.workloads)


def test_edge_web() -> None:
    """The bespoke format: sites, placeholders, secrets by reference, checks, scaling, rollout, placement, routes."""
    assert bare(workload("edge", "web")) == Workload(
        name="web",
        namespace_hint="web",
        scheduler="edge",
        controller=Controller.DEPLOYMENT,
        containers=(
            Container(
                name="web",
                image=Image(reference="registry.example/web:4.2"),
                args=("--listen", "$(PODLIFT_POD_IP):80", "--admin", "9090"),
                env=(
                    Env(name="PODLIFT_POD_IP", runtime="pod_ip"),
                    Env(name="LOG", value="info"),
                    Env(name="UPSTREAM", value="http://api:8080"),
                    Env(name="ADVERTISE", runtime="pod_ip"),
                    Env(name="DB_PASSWORD", ref=SecretRef(name="edge/db", key="password")),
                ),
                ports=(
                    Port(container_port=80, name="http", published=(Published(host_port=8080),)),
                    Port(
                        container_port=9090, name="admin", published=(Published(host_ip="127.0.0.1", host_port=9090),)
                    ),
                ),
                mounts=(
                    Mount(kind=MountKind.BIND, source="/etc/edge/certs", target="/certs", read_only=True),
                    Mount(kind=MountKind.VOLUME, source="web-cache", target="/var/cache/web"),
                    Mount(kind=MountKind.TMPFS, target="/tmp", size_bytes=64 * 2**20),
                ),
                checks=(
                    Check(
                        kind=CheckKind.HTTP,
                        port=80,
                        path="/healthz",
                        host="web.example",
                        codes="200-299",
                        interval_s=5,
                        timeout_s=0.5,
                        failures=3,
                        start_period_s=10,
                        restarts=True,
                    ),
                ),
                cpu_request_m=500,
                memory_limit_bytes=256 * 2**20,
                ulimits=(Limit(name="nofile", soft=65536, hard=65536),),
                log_driver="json-file",
                log_options=(Pair(key="max-size", value="10m"),),
            ),
        ),
        replicas=(SiteCount(site="ams", count=4), SiteCount(site="syd", count=2), SiteCount(site="gru", count=2)),
        termination=Termination(grace_s=20),
        rollout=Rollout(parallelism=1, delay_s=10, order="start-first", failure_action="pause"),
        scaling=Scaling(
            min=(SiteCount(site="ams", count=4), SiteCount(site="syd", count=2), SiteCount(site="gru", count=2)),
            max=(SiteCount(site="ams", count=12), SiteCount(site="syd", count=6), SiteCount(site="gru", count=6)),
            metrics=(
                Metric(kind="requests", target=200),
                Metric(kind="latency", target=0.25, percentile=95),
            ),
            cooldown_in_s=300,
            steps=(Step(direction="up", amount=2, period_s=300),),
        ),
        constraints=(Constraint(attribute="disk", values=("ssd",)),),
        spread=(Spread(over="host", max_per=1),),
        routes=(Route(host="www.example", path="/", port="http", tls=True),),
        names=(Name(name="www"),),
    )


def test_edge_api() -> None:
    """A shell's command, a signal and a grace of its own over the file's defaults, autoscaling on CPU."""
    api = bare(workload("edge", "api"))
    (container,) = api.containers
    assert container.image.reference == "registry.example/api:9"
    assert container.entrypoint == ("/bin/sh", "-c", "exec /srv/api --bind 0.0.0.0:8080 | tee /dev/stderr")
    assert (container.user, container.memory_limit_bytes, container.cpu_request_m) == ("1000", 2**30, 1000)
    assert container.labels == (Pair(key="tier", value="backend"),)
    assert container.checks[0].headers == (Pair(key="X-Check", value="1"),)
    assert container.checks[0].restarts is False
    assert api.termination == Termination(grace_s=45, signal="SIGINT")
    assert api.scaling.metrics == (Metric(kind="cpu", target=0.7, basis="share"),)


def test_edge_system() -> None:
    """An agent on the host's network, a store, a scheduled job, and a retired service that is left out."""
    made = reading("edge")
    firewall, ledger, report = (
        bare(next(w for w in made.workloads if w.name == n)) for n in ("firewall", "ledger", "report")
    )
    assert (firewall.controller, firewall.network_mode, firewall.namespace_hint) == ("daemonset", "host", "system")
    assert firewall.containers[0].cap_add == (Item(value="NET_ADMIN"), Item(value="NET_RAW"))
    assert firewall.containers[0].checks == (
        Check(
            kind=CheckKind.EXEC,
            argv=("/bin/sh", "-c", "nft list ruleset > /dev/null"),
            interval_s=30,
            timeout_s=5,
            failures=3,
            gates_traffic=False,
            restarts=True,
        ),
    )
    assert (ledger.controller, ledger.restart) == ("statefulset", Restart(policy="always"))
    assert (report.controller, report.restart) == ("cronjob", Restart(policy="no"))
    assert report.schedule == Schedule(cron="30 2 * * *", time_zone="Europe/Amsterdam", concurrency="Forbid")
    assert [name for name, _ in made.excluded] == ["old-cache (fleet/system.yml:41)"]
    assert left(made)["services.old-cache.image"] == "left-out"


def test_helios_tiles() -> None:
    """The id split, the reversed volumes, a RAM disk, a check that gates registration, the group's hosts."""
    assert bare(workload("helios", "tiles")) == Workload(
        name="tiles",
        scheduler="helios",
        containers=(
            Container(
                name="tiles",
                image=Image(reference="registry.example/maps/tiles:1.8.2"),
                args=("serve", "--cache", "/cache"),
                env=(Env(name="JVM_ARGS", value="-Xmx700m"), Env(name="UPSTREAM", value="http://styles:8080")),
                ports=(
                    Port(container_port=8080, name="http", published=(Published(host_port=8080),)),
                    Port(
                        container_port=8081, name="admin", published=(Published(host_ip="127.0.0.1", host_port=8081),)
                    ),
                ),
                mounts=(
                    Mount(kind=MountKind.BIND, source="/data/styles", target="/srv/styles", read_only=True),
                    Mount(kind=MountKind.BIND, source="/data/logs/tiles", target="/var/log/tiles"),
                    Mount(kind=MountKind.TMPFS, target="/cache", size_bytes=256 * 2**20, mode=0o1777),
                ),
                checks=(Check(kind=CheckKind.HTTP, port=8081, path="/ready"),),
                memory_limit_bytes=2**30,
                cpu_shares=512,
                cap_add=(Item(value="NET_BIND_SERVICE"),),
                cap_drop=(Item(value="MKNOD"), Item(value="AUDIT_WRITE")),
                apparmor="tiles-profile",
                annotations=(Pair(key="team", value="maps"),),
            ),
        ),
        replicas=(SiteCount(site="", count=3),),
        network_mode="bridge",
        names=(Name(name="tiles"),),
        termination=Termination(grace_s=30, drain_s=15),
        rollout=Rollout(parallelism=2, deadline_s=300, order="start-first"),
        constraints=(Constraint(attribute="role", values=("maps",)),),
    )


def test_helios_defaults() -> None:
    """Helios waits 120 seconds before it kills, where a job says nothing; without a group no count is known."""
    styles = bare(workload("helios", "styles"))
    assert (styles.termination.grace_s, styles.replicas) == (120, ())
    assert styles.containers[0].checks == (Check(kind=CheckKind.EXEC, argv=("/bin/styles", "ping")),)


def test_singularity_orders() -> None:
    """Request and deploy joined: count and placement from the one, container and check from the other."""
    assert bare(workload("singularity", "orders")) == Workload(
        name="orders",
        scheduler="singularity",
        controller=Controller.DEPLOYMENT,
        containers=(
            Container(
                name="orders",
                image=Image(reference="registry.example/shop/orders:17"),
                entrypoint=("/bin/sh", "-c", "/app/orders --port 8080 --admin 8081"),
                env=(Env(name="LEDGER", value="http://ledger:8080"),),
                ports=(
                    Port(container_port=8080, protocol=Protocol.TCP, published=(Published(host_port=0),)),
                    Port(container_port=8081, protocol=Protocol.TCP, published=(Published(host_port=0),)),
                ),
                mounts=(Mount(kind=MountKind.BIND, source="/etc/shop", target="/etc/shop", read_only=True),),
                checks=(
                    Check(
                        kind=CheckKind.HTTP,
                        port=8081,
                        path="/health",
                        interval_s=5,
                        timeout_s=2,
                        start_period_s=60,
                    ),
                ),
                cpu_request_m=500,
                memory_limit_bytes=512 * 2**20,
            ),
        ),
        replicas=(SiteCount(site="", count=3),),
        network_mode="bridge",
        rollout=Rollout(parallelism=1, delay_s=5),
        spread=(Spread(over="site", required=False), Spread(over="host", max_per=1)),
        routes=(Route(path="/orders"),),
    )


def test_singularity_scheduled() -> None:
    """A scheduled request, its deploy without a wrapper: a command with arguments runs as it is."""
    nightly = bare(workload("singularity", "nightly-report"))
    assert nightly.controller is Controller.CRONJOB
    assert nightly.schedule == Schedule(cron="30 2 * * *", time_zone="Europe/Amsterdam")
    assert (nightly.containers[0].entrypoint, nightly.containers[0].args) == (
        ("/app/report",),
        ("--since", "yesterday"),
    )


def test_singularity_without_an_image_is_refused() -> None:
    """The workload is refused with the reason and the place, its fields are kept, and the others go on."""
    made = reading("singularity")
    (finding,) = made.findings
    assert (finding.workload, finding.code, finding.open) == ("legacy-jar", "config-refused", True)
    assert finding.reason == "it has no image (containers[0].image in singularity/mapping.yaml:22)"
    assert finding.sides == (("config", "requests/legacy.json:1"),)
    assert set(left(made).values()) == {"refused"}
    assert [w.name for w in made.workloads] == ["nightly-report", "orders"]


def test_maestro_queue() -> None:
    """What instances say alike is the workload's, what they say differently is a difference that follows a number."""
    queue = workload("maestro-ng", "queue")
    made = bare(queue)
    (container,) = made.containers
    assert made.replicas == (SiteCount(site="", count=2),)
    assert container.ports == (Port(container_port=4222, name="client", published=(Published(host_port=4222),)),)
    assert container.checks == (Check(kind=CheckKind.TCP, port=4222, start_period_s=20),)
    assert (container.memory_limit_bytes, container.cpu_shares) == (2**30, 512)
    assert {e.name: e.value for e in container.env} == {"RETENTION_HOURS": "24", "COMPRESS": "true", "NODE_ID": "1"}
    assert made.constraints == (Constraint(attribute="host", values=("ship1", "ship2")),)
    assert (made.restart, made.termination.grace_s) == (Restart(policy="on-failure", attempts=5), 60)
    assert [(d.subject, d.ordinal, d.first) for d in made.differences] == [
        ("env NODE_ID", "{n}", 1),
        ("volume /var/lib/queue", "/var/lib/queue /data/queue-{n}", 1),
    ]
    assert len(queue.containers[0].ports[0].origins) == 2, "the port is said by both instances"


def test_expected_containers() -> None:
    """How each workload's instances are called on the engines, for reconciling."""
    expected = {e.workload: e for kind in KINDS for e in reading(kind).expected}
    assert expected["web"].containers == "(?:web\\-1|web\\-2)", "maestro-ng names containers after instances"
    assert expected["tiles"].containers == "tiles_[^_]+_[0-9a-f]+_[0-9a-f]+"
    assert expected["orders"].env == "TASK_REQUEST_ID=orders"
    edge = {e.workload: e for e in reading("edge").expected}
    assert edge["api"].containers == "api-(?P<site>ams|syd)-\\d+"
    assert edge["api"].runtime_env == ("HOST", "PORT_*", "EDGE_TASK_ID")


# ---- public files: (path, workloads, not mapped), or (path, refused with which code)

REFUSED = "config-refused"
UNJOINED = "config-unjoined"

HELIOS: dict[str, tuple[str, ...] | str] = {
    "spotify__user_manual_1.json": ("myservice",),
    **{
        f"spotify__helios/helios-client/src/test/resources/{name}.json": ("foobar",)
        for name in (
            "job-with-external-ports",
            "job-with-external-ports-and-grace-period",
            "job-with-grace-period",
            "job-with-no-external-ports",
            "job-with-no-ports",
        )
    },
    # a volume stands among the registrations
    "spotify__helios/helios-client/src/test/resources/com/spotify/helios/common/job-with-bad-registration.json": (
        "config-unfit"
    ),
    # parts of jobs, and what is no job
    **{
        f"spotify__helios/helios-client/src/test/resources/portmapping-{name}.json": REFUSED
        for name in (
            "defaults",
            "full",
            "internal-port-only",
            "partial",
            "serialized-internal-port-only",
            "unknown-fields",
        )
    },
    **{
        f"spotify__helios/helios-tools/src/test/resources/job_config{name}.json": REFUSED
        for name in ("", "_extra_capabilities", "_extra_labels", "_extra_metadata", "_with_runtime")
    },
    "spotify__helios/helios-testing/src/test/resources/helios_job_config.json": REFUSED,
    "spotify__helios/helios-system-tests/deployment-group-history.json": REFUSED,
    "spotify__helios/helios-system-tests/src/main/resources/agent-upgrades-task-file-test/task-config.json": REFUSED,
}

_MAESTRO = "signalfx__maestro-ng/tests/yaml/"
MAESTRO: dict[str, tuple[str, ...] | str] = {
    f"{_MAESTRO}auditor_ignore_errors.yaml": ("service1",),
    f"{_MAESTRO}container_filter.yaml": ("webapp", "webapp1"),
    f"{_MAESTRO}duplicate_container.yaml": "duplicate-key",
    f"{_MAESTRO}duplicate_container_across_services.yaml": ("webapp", "db"),
    f"{_MAESTRO}duplicate_service.yaml": "duplicate-key",
    f"{_MAESTRO}empty_registries.yaml": ("webapp",),
    f"{_MAESTRO}env1.env": (),
    f"{_MAESTRO}env2.env": (),
    f"{_MAESTRO}test_env.yaml": "templated-yaml",
    f"{_MAESTRO}test_envfiles.yaml": ("s1", "s2"),
    f"{_MAESTRO}test_envname.yaml": ("foo",),
    f"{_MAESTRO}test_find_registry.yaml": ("service1", "service2", "service3", "service4"),
    f"{_MAESTRO}test_missing_envname.yaml": (),
    f"{_MAESTRO}test_ships.yaml": (),
    f"{_MAESTRO}test_volume_conflict_volumes_from.yaml": ("service",),
    f"{_MAESTRO}test_volumes.yaml": ("service",),
    f"{_MAESTRO}test_volumes_from_adds_dependency.yaml": ("mydata", "myservice"),
    f"{_MAESTRO}test_volumes_from_unknown.yaml": ("service",),
    "signalfx__maestro-ng/docs/examples/zookeeper+kafka.yaml": "templated-yaml",
}

SINGULARITY: dict[str, tuple[str, ...] | str] = {
    "HubSpot__basic-examples_04.json": REFUSED,
    "HubSpot__basic-examples_05.json": UNJOINED,
    "HubSpot__basic-examples_06.json": UNJOINED,
    "HubSpot__basic-examples_07.json": REFUSED,
    "HubSpot__basic-examples_08.json": UNJOINED,
    "HubSpot__basic-examples_09.json": UNJOINED,
    "HubSpot__basic-examples_10.json": UNJOINED,
    "HubSpot__basic-examples_11.json": UNJOINED,
    "HubSpot__container-options_12.json": UNJOINED,
    "HubSpot__requests-and-deploys_01.json": REFUSED,
    "HubSpot__requests-and-deploys_02.json": UNJOINED,
    "HubSpot__requests-and-deploys_03.json": REFUSED,
    "HubSpot__webhooks_13.json": REFUSED,
}

# The contents of env files are no part of maestro-ng's own document.
NOT_MAPPED = {
    f"{_MAESTRO}test_envfiles.yaml": {
        "services.s1.envfile", "services.s1.instances.s1b.envfile", "services.s2.envfile",
    },
}  # fmt: skip

_FOLDER = {"helios": "jobs/", "maestro-ng": ""}


def _name(kind: str, path: Path) -> str:
    """The name under which a mapping's globs find the file."""
    if kind == "singularity":
        return ("deploys/" if b"requestId" in path.read_bytes() else "requests/") + path.name
    return _FOLDER[kind] + path.name + (".yaml" if path.suffix == ".env" else "")


PUBLIC_FILES = [
    (kind, path, outcome)
    for kind, table in (("helios", HELIOS), ("maestro-ng", MAESTRO), ("singularity", SINGULARITY))
    for path, outcome in table.items()
]


@pytest.mark.parametrize(
    ("kind", "path", "outcome"), PUBLIC_FILES, ids=[f"{k}-{Path(p).name}" for k, p, _ in PUBLIC_FILES]
)
def test_public_file(kind: str, path: str, outcome: tuple[str, ...] | str) -> None:
    """Each public file alone gives its workloads with every field mapped or ignored, or is refused with its reason."""
    file = PUBLIC / kind / path
    if not file.exists():
        pytest.skip("the public files are not here")
    mapping, _ = fixture(kind)
    if isinstance(outcome, str) and outcome not in (REFUSED, UNJOINED):
        with pytest.raises(PodliftError) as caught:
            read_config(documents(file.read_bytes(), _name(kind, file)), mapping)
        assert caught.value.code == outcome
        return
    found = documents(file.read_bytes(), _name(kind, file))
    made = read_config(found, mapping)
    assert_accounted(made, found)
    if isinstance(outcome, str):
        assert ([f.code for f in made.findings], made.workloads) == ([outcome], ())
        return
    assert tuple(w.name for w in made.workloads) == outcome
    not_mapped = {p for w in made.workloads for p, code in left(w).items() if code == "not-mapped"}
    assert not_mapped == NOT_MAPPED.get(path, set())


@pytest.mark.parametrize(("kind", "table"), [("helios", HELIOS), ("maestro-ng", MAESTRO), ("singularity", SINGULARITY)])
def test_every_public_file_has_an_outcome(kind: str, table: dict[str, object]) -> None:
    """A public file that no table names would be untested."""
    folder = PUBLIC / kind
    if not folder.exists():
        pytest.skip("the public files are not here")
    there = {str(f.relative_to(folder)) for f in folder.rglob("*") if f.is_file() and f.name != "PROVENANCE.tsv"}
    assert there == set(table)


def test_singularitys_public_files_together() -> None:
    """Requests and deploys meet across files, the last deploy of each wins, and what lacks an image is refused."""
    folder = PUBLIC / "singularity"
    if not folder.exists():
        pytest.skip("the public files are not here")
    mapping, _ = fixture("singularity")
    # 01 and 03 are one request before and after it was scaled
    files = [f for f in sorted(folder.glob("*.json")) if not f.name.endswith("deploys_01.json")]
    found = [d for f in files for d in documents(f.read_bytes(), _name("singularity", f))]
    made = read_config(found, mapping)
    assert_accounted(made, found)
    assert [(w.name, w.containers[0].image.reference) for w in made.workloads] == [
        ("singularity-test-service", "hubspot/singularity-test-service:1.0")
    ]
    assert {(f.code, f.workload) for f in made.findings} == {
        (REFUSED, "TestService"),
        (REFUSED, "singularity-test-load-balanced-service"),
        (REFUSED, "test-webhook"),
        (UNJOINED, "docker-hello-world"),
    }


def test_a_request_that_stands_twice_is_refused() -> None:
    """Two items of one name are an error that names both places."""
    folder = PUBLIC / "singularity"
    if not folder.exists():
        pytest.skip("the public files are not here")
    mapping, own = fixture("singularity")
    twice = [d for d in own if d.name.endswith("orders.json")]
    again = documents(
        (folder / "HubSpot__requests-and-deploys_01.json").read_bytes().replace(b"TestService", b"orders"),
        "requests/z.json",
    )
    with pytest.raises(PodliftError, match=r"'orders' is a workload already \(requests/orders.json:1\)") as caught:
        read_config((*twice, *again), mapping)
    assert (caught.value.code, caught.value.subject) == ("workload-twice", "requests/z.json:1")

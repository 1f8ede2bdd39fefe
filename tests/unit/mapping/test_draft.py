"""Drafts: they parse, they read what they guessed, every guess is marked, and what found no place is listed."""

from __future__ import annotations

from typing import Any

import pytest

from converters.sources.mapping import CheckedMapping, check_mapping, draft_mapping
from tests.mappings import documents, fixture, mapping

HTTP = "'(?P<port>\\w+):(?P<path>/.*)': fields"


def checked(config: str, name: str = "fleet/web.yml", containers: list[dict[str, Any]] | None = None) -> CheckedMapping:
    found = documents(config, name)
    return check_mapping(found, mapping(draft_mapping(found, containers=containers or [])))


def line(text: str, starts: str) -> str:
    return next(each.strip() for each in text.splitlines() if each.strip().startswith(starts))


@pytest.mark.parametrize("kind", ["edge", "helios", "maestro-ng"])
def test_a_draft_of_a_shipped_config_reads_it(kind: str) -> None:
    """Without a word from the user each item has its name, its image and most of what runs in it."""
    _, found = fixture(kind)
    text = draft_mapping(found)
    made = check_mapping(found, mapping(text))
    assert made.workloads
    assert not made.findings
    for each in made.workloads:
        assert any(attribute.endswith(".image") for attribute, _ in each.taken)


def test_guesses_are_marked() -> None:
    """Every clause but the fixed ones says what it was made from."""
    text = draft_mapping(documents("services: {web: {image: web:1, env: {A: 1}, cpus: 0.5, owner: me}}"))
    assert line(text, "env:") == "env: env  # guess: env is a map of names and values"
    assert line(text, "cpu_request:") == "cpu_request: {from: cpus, unit: cores}  # guess: the unit is a guess from 0.5"
    assert "#   owner: why it has no effect" in text


@pytest.mark.parametrize(
    ("item", "clause"),
    [
        ("ports: {http: '8080:80'}", 'ports: {each: items(ports), name: key(), from: "@", as: docker_publish}'),
        ("ports: ['80']", 'ports: {each: ports, from: "@", as: docker_publish}'),
        ("port: 80", "ports: {from: port, as: docker_publish}"),
        ("ports: [{containerPort: 80, hostPort: 81, name: a}]",
         "ports: {each: ports, container_port: containerPort, host_port: hostPort, name: name}"),
        ("env: ['A=1']", "env: {from: env, as: assignment}"),
        ("volumes: ['/a:/b']", 'mounts: {each: volumes, from: "@", as: docker_volume}'),
        ("volumes: {/a: /b}", 'mounts: {each: items(volumes), source: key(), target: "@"}'),
        ("volumes: {'/a:ro': /b}",
         "mounts: {each: items(volumes), from: \"join(':', [@, key()])\", as: docker_volume}"),
        ("cmd: a b", "args: {from: cmd, as: shell_words}"),
        ("command: [a, b]", "args: command"),
        ("memory: 512", "memory_limit: {from: memory, unit: MiB}"),
        ("memory: 536870912", "memory_limit: {from: memory, unit: B}"),
        ("mem: 1g", "memory_limit: mem"),
        ("cpu: 512", "cpu_request: {from: cpu, unit: core/1024}"),
        ("stop_timeout: 30", "termination: {grace: {from: stop_timeout, unit: s}}"),
        ("grace: 30s", "termination: {grace: grace}"),
        ("schedule: '30 2 * * *'", "schedule: {cron: schedule}"),
        ("net: host", "network_mode: net"),
        ("replicas: 3", "count: replicas"),
        ("privileged: true", "privileged: privileged"),
    ],
)  # fmt: skip
def test_what_a_key_and_its_value_suggest(item: str, clause: str) -> None:
    """The value's shape decides how a key with a known name is read; the draft reads it without a word left over."""
    config = f"services:\n  web:\n    image: web:1\n    {item}\n  api: {{image: api:1}}\n"
    text = draft_mapping(documents(config))
    assert line(text, clause.partition(":")[0] + ":").startswith(clause)
    web = next(w for w in checked(config).workloads if w.name == "web")
    assert not web.not_mapped


def test_a_check_is_found() -> None:
    """A map called check with a path in it; whether it restarts is asked, for no config's key tells."""
    config = (
        "services: {web: {image: a, ports: {http: '80'}, check: {http: 'http:/x', every: 5s, timeout: 1s, fails: 3}}}"
    )
    text = draft_mapping(documents(config))
    assert HTTP in text
    assert "does the scheduler replace an instance that fails?" in line(text, "restarts:")
    made = checked(config)
    attributes = {attribute for attribute, _ in made.workloads[0].taken}
    assert {
        f"containers[web].checks[http].{name}" for name in ("path", "interval_s", "timeout_s", "failures")
    } <= attributes


def test_running_containers_tell_names_and_injected_variables() -> None:
    """Their names give the pattern by which reconciling finds them, their environment what the scheduler adds."""
    config = (
        "services: {web: {image: a, env: {LOG: x}, instances: {ams: 2, syd: 1}}, api: {image: b, instances: {ams: 1}}}"
    )
    running = [
        {"Name": f"/{name}", "Config": {"Env": ["LOG=x", "PATH=/bin", f"TASK_ID={name}"]}}
        for name in ("web-ams-1", "web-ams-2", "web-syd-1", "api-ams-1", "something-else")
    ]
    text = draft_mapping(documents(config), containers=running)
    assert line(text, "container:").startswith('container: "{name}-{site}-\\\\d+"  # guess: 4 of 5 running containers')
    assert line(text, "runtime_env:").startswith('runtime_env: ["TASK_ID"]')
    instances = mapping(text).instances
    assert instances is not None
    assert instances.container == "{name}-{site}-\\d+"


def test_a_list_of_items_and_one_item_a_file() -> None:
    """Items may stand in a list, by a name of their own, or alone in their file."""
    assert [w.name for w in checked("apps: [{name: web, image: a}, {name: api, image: b}]").workloads] == ["web", "api"]
    assert [w.name for w in checked("{image: a, port: 80}", "apps/web.yml").workloads] == ["web"]


def test_instances_that_say_something_of_their_own() -> None:
    """A map of maps under instances is laid over the item, and what stands in it is found."""
    config = "services: {web: {image: a, instances: {w-1: {volumes: ['/a:/b']}, w-2: {volumes: ['/a:/b']}}}}"
    text = draft_mapping(documents(config))
    assert 'own: "@"  # guess: instances is a map of maps' in text
    assert line(text, "mounts:").startswith('mounts: {each: volumes, from: "@", as: docker_volume}')
    assert not checked(config).workloads[0].not_mapped


@pytest.mark.parametrize("config", ["a: 1", "[]", "text", "services: {web: {port: 80}}"])
def test_a_config_without_images_gets_a_frame_to_fill(config: str) -> None:
    """It says that nothing was found, and is a mapping that parses."""
    text = draft_mapping(documents(config))
    assert text.startswith("# No item with an image was found.")
    assert mapping(text).documents["config"].files == ("fleet/web.yml",)


def test_a_draft_is_the_same_every_time() -> None:
    """Nothing of it depends on the order of sets."""
    _, found = fixture("edge")
    assert draft_mapping(found) == draft_mapping(found)

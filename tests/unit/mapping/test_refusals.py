"""Wrong mappings and configs that do not fit: one error, with file, line, key and what would be right."""

from __future__ import annotations

import re
import textwrap
from typing import Any

import pytest

from converters.errors import PodliftError
from converters.sources.mapping import parse_mapping, read_config
from tests.mappings import HEAD, documents, mapping

GOOD = HEAD + "containers:\n- image: image\n"


def refusal(text: str) -> PodliftError:
    with pytest.raises(PodliftError) as caught:
        mapping(text)
    assert caught.value.code == "bad-mapping"
    assert caught.value.phase == "read"
    return caught.value


def test_the_good_one_is_good() -> None:
    """What the cases below break holds together before."""
    assert mapping(GOOD).scheduler == "edge"


# What is put in place of the good text, the line, the key with the reason, and the next step.
BROKEN: list[tuple[str, str, int, str, str]] = [
    ("containers:", "contaners:", 4, "contaners: the key 'contaners' is not known here", "did you mean containers?"),
    ("- image: image", "- imgae: image", 5, "containers[0].imgae: the key 'imgae'", "did you mean image?"),
    ("- image: image", "- args: run", 5, "containers[0]: the key 'image' is missing", "add image:"),
    ("- image: image", "- {image: image, command: run}", 5, "containers[0].command", "write entrypoint:"),
    ("- image: image", "- image: 4.2", 5, "containers[0].image: a text is an expression", "write {const: 4.2}"),
    ("- image: image", "- image: 'image['", 5, "containers[0].image.from: the expression 'image['", "jmespath.org"),
    ("- image: image", "- image: lenght(image)", 5, "there is no function lenght(); did you mean length()?",
     "jmespath"),
    ("- image: image", "- image: {from: image, as: imag}", 5, "there is no transform 'imag'", "did you mean image?"),
    ("- image: image", "- image: {from: image, unit: s}", 5, "containers[0].image.unit: 's' is no unit",
     "takes no unit"),
    ("- image: image", "- image: {const: a, from: b}", 5, "one of from: and const: is due", "write {from: EXPRESSION}"),
    ("- image: image", "- image: {as: image}", 5, "one of from: and const: is due", "write {from: EXPRESSION}"),
    ("- image: image", "- image: {}", 5, "one of from: and const: is due", "write {from: EXPRESSION}"),
    ("- image: image", "- [image]", 5, "containers[0]: a map is due, not a list", "write a map with name, image"),
    ("containers:\n- image: image", "containers: []", 4, "containers: a list is due", "one item for each container"),
    ("podlift.dev/mapping/v1", "podlift.dev/mapping/v9", 1, "schema: this is 'podlift.dev/mapping/v9'",
     "write schema:"),
    ("items(fleet.services)", "items(flet.services)", 3, "'flet' is no document of this mapping",
     "did you mean fleet?"),
    ("items(fleet.services)", '"items(`{}`)"', 3, "it starts from no document", "start from one of: fleet"),
    ("{files: \"fleet/*.yml\"}", "{file: a}", 2, "documents.fleet.file: the key 'file'", "did you mean files?"),
    ("{files: \"fleet/*.yml\"}", "{files: 3}", 2, "documents.fleet.files: a text or a list of texts",
     "write [ONE, TWO]"),
    ("name: key()", "nam: key()", 3, "workloads.nam: the key 'nam'", "did you mean name?"),
]  # fmt: skip

# Clauses added to the good mapping: they stand on line 6.
ADDED: list[tuple[str, str, str]] = [
    ("ignore: {owner: ''}", "ignore.owner: the reason is missing", "say why"),
    ("ignore: [owner]", "ignore: a map is due, not a list", "KEY: VALUE"),
    ("ignore: {owner: 3}", "ignore.owner: a text is due, not a number", "in quotes"),
    ("termination: {grace: {from: g, unit: MiB}}", "'MiB' is no unit here", "a duration knows the units"),
    ("termination: {grace: {from: g, as: shell_words}}", "shell_words gives a list of texts, and a duration is due",
     "write as: duration"),
    ("termination: {graze: g}", "termination.graze", "did you mean grace?"),
    ("rollout: {order: {const: first}}", "rollout.order.const: 'first' is not one of them", "start-first"),
    ("rollout: {order: {from: o, values: {true: begin}}}", "rollout.order.values: 'begin'", "write one of start-first"),
    ("checks: {kind: {const: httq}}", "checks.kind.const: 'httq' is not one of them", "did you mean http?"),
    ("checks: check", "one expression cannot tell a check", "write a map with"),
    ("checks: {kind: k, target: check.http}", "nothing says how to take this apart", "add as:"),
    ("checks: {kind: k, target: {from: a, as: {'(?P<prt>x)': fields}}}", "the group 'prt' is no attribute",
     "did you mean port?"),
    ("checks: {kind: k, target: {from: a, as: {'x': fields}}}", "fields needs named groups", "(?P<port>"),
    ("checks: {kind: k, target: {from: a, as: {'(': fields}}}", "'(' is no regular expression", "before"),
    ("checks: {kind: k, target: {from: a, as: {}}}", "the table is empty", "REGULAR-EXPRESSION"),
    ("checks: {kind: k, target: {from: a, as: docker_publish}}", "docker_publish gives ports, and a check is due",
     "write as: fields"),
    ("hostname: {from: h, as: {'(a)': {text: '\\2'}}}", "the expression has no group 2", "( )"),
    ("hostname: {from: h, as: {'(a)': {txt: a}}}", "hostname.as[\"(a)\"].txt", "did you mean text?"),
    ("hostname: {from: h, as: docker_publish}", "docker_publish gives ports, and a text or a number is due",
     "write as:"),
    ("hostname: {const: [a]}", "hostname.const: a text is due, not a list", "write a text or a number"),
    ("hostname: {from: h, default: {a: 1}}", "hostname.default: a text is due, not a map", "write a text or a number"),
    ("termination: {grace: {from: g, default: 5}}", "termination.grace.default: 5 has no unit", "write a duration"),
    ("rollout: {order: {from: o, default: first}}", "rollout.order.default: 'first'", "start-first, stop-first"),
    ("checks: {kind: k, target: {from: a, as: {'(?P<port>x)': fields}, default: x}}",
     "one value cannot fill several attributes", "a clause of its own"),
    ("hostname: {from: h, registry: r}", "only an image has a registry", "leave it out"),
    ("hostname: {from: h, wen: r}", "hostname.wen", "did you mean when?"),
    ("dns: {as: literal}", "as: has no from: beside it", "add from:"),
    ("dns: {each: dns}", "it says nothing of its elements", "add from:"),
    ("placeholders: {'x': pod_ipp}", "'pod_ipp' is nothing that a pod knows", "container_port(NAME)"),
    ("placeholders: {'x': 'container_port(\\1)'}", "has no group 1", "( )"),
    ("placeholders: {'x(': pod_ip}", "is no regular expression", "before"),
    ("instances: {count: n, container: '{nam}'}", "{nam} is nothing that is known here", "write {name}"),
    ("instances: {count: n, label: 'a={site}'}", "{site} is nothing that is known here", "write {name}"),
    ("instances: {count: n, container: '{name}('}", "is no regular expression", "before"),
    ("instances: {count: n, cont: '{name}'}", "instances.cont", "did you mean count?"),
    ("joins: {d: {each: other.x, on: a, to: b}}", "'other' is no document", "start from one of: fleet"),
    ("joins: {d: {each: fleet, on: a}}", "the key 'to' is missing", "add to:"),
    ("joins: {d: {each: fleet, on: a, to: b, on_none: skp}}", "'skp' is not one of them", "did you mean skip?"),
    ("scaling: {metrics: [{kind: {const: cpus}, target: t}]}", "scaling.metrics[0].kind.const: 'cpus'",
     "did you mean cpu?"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "line", "reason", "step"), BROKEN, ids=[b[1] for b in BROKEN])
def test_a_broken_mapping(old: str, new: str, line: int, reason: str, step: str) -> None:
    """Unknown keys, wrong types and bad expressions are found on loading, and what was meant is guessed."""
    assert old in GOOD
    error = refusal(GOOD.replace(old, new))
    assert error.subject == f"edge.mapping.yaml:{line}"
    assert reason in error.reason
    assert step in error.next_step


@pytest.mark.parametrize(("text", "reason", "step"), ADDED, ids=[a[0] for a in ADDED])
def test_a_broken_clause(text: str, reason: str, step: str) -> None:
    """Every kind of clause: the key is spelled as the way to it, the line is the clause's."""
    error = refusal(GOOD + text + "\n")
    assert error.subject == "edge.mapping.yaml:6"
    assert reason in error.reason
    assert step in error.next_step


@pytest.mark.parametrize("value", [None, [], "text", 3, {}])
def test_what_is_no_mapping_at_all(value: Any) -> None:
    """Any value that a file may hold gives an error, never a traceback; without marks the line is the first."""
    with pytest.raises(PodliftError) as caught:
        parse_mapping(value, {}, name="m.yaml")
    assert (caught.value.code, caught.value.subject) == ("bad-mapping", "m.yaml:1")


HTTP = "checks: {kind: {const: http}, target: {from: check, as: {'(?P<port>\\w+):(?P<path>/.*)': fields}}}"

# Config of the item (from line 4), clauses (from line 6), the line in the config, the reason, the key to change.
UNFIT: list[tuple[str, str, int, str, str]] = [
    ("grace: 5 parsecs", "termination: {grace: grace}", 4, "'5 parsecs' is no duration", "termination.grace"),
    ("grace: 5", "termination: {grace: grace}", 4, "5 has no unit; add unit: to the mapping", "termination.grace"),
    ("grace: {s: 5}", "termination: {grace: grace}", 4, "one value is due, not a map", "termination.grace"),
    ("net: [host]", "network_mode: net", 4, "one value is due, not a list", "network_mode"),
    ("over: maybe", "rollout: {order: {from: over, values: {true: start-first}}}", 4,
     "'maybe' is not among values: (true)", "rollout.order"),
    ("over: maybe", "rollout: {order: over}", 4, "'maybe' is not one of start-first, stop-first", "rollout.order"),
    ("batch: many", "rollout: {parallelism: batch}", 4, "'many' is no number", "rollout.parallelism"),
    ("batch: 1.5", "rollout: {parallelism: batch}", 4, "1.5 is no whole number", "rollout.parallelism"),
    ("check: 'http:x'", HTTP,
     4, "'http:x' matches no row of the table", "checks.target"),
    ("check: 'web:/'", HTTP,
     4, "the check's port 'web' is no port of the container (it has none)", "checks"),
    ("cpu: 0", "scaling: {max: {const: 3}, metrics: {kind: {const: cpu}, target: cpu}}", 4,
     "target: 0 is not above 0", "scaling.metrics"),
    ("most: -1", "scaling: {max: most, metrics: {kind: {const: cpu}, target: {const: 50}}}", 4,
     "count: -1 is below 0", "scaling.max"),
    ("most: 9999999999", "scaling: {max: most, metrics: {kind: {const: cpu}, target: {const: 50}}}", 4,
     "count: 9999999999 is above 2147483647", "scaling.max"),
    ("check: '70000:/'", HTTP, 4, "the check's port 70000 is not from 1 to 65535", "checks"),
    ("index: 3", "checks: {kind: {const: http}, port_index: index}", 4, "the container has no port number 3", "checks"),
    ("kind: ping", "checks: {kind: kind}", 4, "'ping' is not one of exec, http, tcp, grpc", "checks.kind"),
    ("box: side", "checks: {kind: {const: tcp}, container: box}", 2, "the check's container 'side' is none of web",
     "checks"),
    ("tags: a", "dns: {from: length(tags.x)}", 2, "length() takes string or array or object, not null", "dns"),
    ("net: 5", "network_mode: {from: \"join('', net)\"}", 4, "join() takes array-string, not number", "network_mode"),
    ("hosts: [{ip: 1}]", "extra_hosts: {each: hosts, value: ip}", 4, "this pair has no name", "extra_hosts"),
]  # fmt: skip


@pytest.mark.parametrize(("item", "clause", "line", "reason", "key"), UNFIT, ids=[f"{u[0]}|{u[4]}" for u in UNFIT])
def test_a_value_that_does_not_fit(item: str, clause: str, line: int, reason: str, key: str) -> None:
    """The config's file and line, the path there, and the mapping's key and line."""
    config = "services:\n  web:\n    image: web:1\n" + textwrap.indent(item, "    ") + "\n"
    with pytest.raises(PodliftError) as caught:
        read_config(documents(config), mapping(GOOD + clause + "\n"))
    error = caught.value
    assert error.code == "config-unfit"
    assert error.subject == f"fleet/web.yml:{line}"
    assert reason in error.reason
    assert re.search(rf"{re.escape(key)}\S* in edge\.mapping\.yaml:6", error.next_step)


def test_a_secret_is_not_quoted() -> None:
    """A value of the environment that no row takes is not shown: it may be a password."""
    env = "{each: items(env), name: key(), from: '@', as: {'vault:(?P<name>.+)': secret_ref}}"
    clauses = f"containers:\n- image: image\n  env: {env}\n"
    config = "services: {web: {image: a, env: {DB_PASSWORD: hunter2}}}"
    with pytest.raises(PodliftError) as caught:
        read_config(documents(config), mapping(HEAD + clauses))
    assert "the value matches no row" in caught.value.reason
    assert "hunter2" not in str(caught.value)

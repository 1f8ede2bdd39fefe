"""The environment: same order, same values, secrets apart, nothing expanded."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from converters.fields.verdict import Level
from converters.objects.configuration import secret_name
from converters.target import Target
from converters.workload import Container, Env, Port, SecretRef
from tests.containers import POD, SPEC, Converted, a_container, convert
from tests.origins import forgotten
from tests.workloads import atom


def var(name: str, value: str | None = None, **more: Any) -> Env:
    return Env(name=name, value=value, origins=atom("h1/container/web", name), **more)


def environment(*env: Env, container: dict[str, Any] | None = None, **more: Any) -> Converted:
    made = convert(a_container(env=env, **(container or {})), **more)
    assert forgotten(env, made.ledger) == set()
    return made


def entry(made: Converted, name: str) -> dict[str, Any]:
    (found,) = [entry for entry in made.configuration.env["web"] if entry["name"] == name]
    return found


def test_values_stand_in_the_pod_in_order() -> None:
    """The process sees the variables as Docker gave them, in that order."""
    made = environment(var("Z", "1"), var("A", ""), var("M", "a b"))
    assert made.spec["env"] == [{"name": "Z", "value": "1"}, {"name": "A", "value": ""}, {"name": "M", "value": "a b"}]
    assert made.said("Z") == ("env", "exact")
    assert made.verdict("Z").targets == (SPEC + "env[Z]",)
    assert made.configuration.objects == made.configuration.secrets == ()


def test_nothing_in_a_value_is_expanded() -> None:
    """$(NAME) would be another variable's value; escaped it stays text."""
    made = environment(var("A", "1"), var("B", "$(A) $$"))
    assert entry(made, "B")["value"] == "$$(A) $$$$"
    assert made.said("B") == ("env-order", "exact")


def test_an_unset_variable_is_empty() -> None:
    """A pod can set an image's variable to nothing and cannot unset it."""
    made = environment(var("A"))
    assert entry(made, "A") == {"name": "A", "value": ""}
    assert made.said("A") == ("env-unset", "approximated")


def test_the_last_of_two_counts() -> None:
    """One name has one value; server-side apply refuses a name twice."""
    again = replace(var("A", "2"), origins=atom("h1/container/web", "again"))
    made = environment(var("A", "1"), again)
    assert made.spec["env"] == [{"name": "A", "value": "2"}]
    assert made.said("A") == ("env", "approximated")
    assert made.said("again") == ("env", "exact")


def test_secret_values_lie_in_a_secret() -> None:
    """No secret value is in the pod or in a verdict; the Secret holds it as it was."""
    made = environment(var("DB_PASSWORD", "hunter$(2)", secret=True), var("A", "1"))
    reference = {"secretKeyRef": {"name": "web-env", "key": "DB_PASSWORD"}}
    assert entry(made, "DB_PASSWORD") == {"name": "DB_PASSWORD", "valueFrom": reference}
    (secret,) = made.configuration.secrets
    assert secret["metadata"]["name"] == "web-env"
    assert base64.b64decode(secret["data"]["DB_PASSWORD"]) == b"hunter$(2)"
    assert made.said("DB_PASSWORD") == ("env-secret", "exact")
    assert "hunter" not in str((made.spec, made.configuration.objects, made.ledger.verdicts()))


def test_withheld_values_are_required_keys() -> None:
    """A redacted capture can be planned: its values are keys that must be filled."""
    made = environment(var("TOKEN", withheld=True, secret=True))
    (secret,) = made.configuration.secrets
    assert secret["data"] == {}
    assert secret["metadata"]["annotations"]["podlift.dev/required-keys"] == "TOKEN"
    assert made.said("TOKEN") == ("env-withheld", "approximated")


def test_several_containers_have_keys_of_their_own() -> None:
    """Whether two containers share a secret value must not show in what is reviewed."""
    side = Container(name="side", env=(Env(name="TOKEN", value="x", secret=True),))
    made = environment(var("TOKEN", "x", secret=True), beside=(side,))
    (secret,) = made.configuration.secrets
    assert sorted(secret["data"]) == ["side.TOKEN", "web.TOKEN"]
    assert made.configuration.env["side"][0]["valueFrom"]["secretKeyRef"]["key"] == "side.TOKEN"


def test_references_to_secrets_kept_elsewhere() -> None:
    """The name and key of the legacy reference name the Secret, unless the user names one that exists."""
    made = environment(var("PW", ref=SecretRef(name="edge/db", key="password")), var("API", ref=SecretRef(name="api")))
    assert entry(made, "PW")["valueFrom"] == {"secretKeyRef": {"name": "edge.db", "key": "password"}}
    assert entry(made, "API")["valueFrom"] == {"secretKeyRef": {"name": "api", "key": "API"}}
    assert made.said("PW") == ("env-secret-ref", "approximated")
    assert made.configuration.secrets == ()
    answered = environment(var("PW", ref=SecretRef(name="edge/db")), answers={"env-secret-ref": "database/pw"})
    assert entry(answered, "PW")["valueFrom"] == {"secretKeyRef": {"name": "database", "key": "pw"}}


@given(st.text(st.sampled_from("ab/._-A"), min_size=1), st.text(st.sampled_from("ab/._-A"), min_size=1))
def test_secret_names_stay_apart(one: str, other: str) -> None:
    """Two legacy secrets never become one Secret."""
    assert (secret_name(one) == secret_name(other)) == (one == other)


@pytest.mark.parametrize(
    ("runtime", "made_of"),
    [
        ("pod_ip", {"valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}),
        ("host_ip", {"valueFrom": {"fieldRef": {"fieldPath": "status.hostIP"}}}),
        ("node_name", {"valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}),
        ("pod_name", {"valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}),
        ("container_port(http)", {"value": "8080"}),
        ("container_port(9090)", {"value": "9090"}),
        ("container_port(1)", {"value": "9090"}),
    ],
)
def test_runtime_values(runtime: str, made_of: dict[str, Any]) -> None:
    """What only the running pod knows comes by the downward API; a handed-out port is the container's own."""
    ports = (Port(container_port=8080, name="http"), Port(container_port=9090))
    made = environment(var("X", runtime=runtime), container={"ports": ports})
    assert entry(made, "X") == {"name": "X", **made_of}
    assert made.said("X") == ("env-runtime", "approximated")


def test_a_runtime_port_that_is_not_known_is_asked() -> None:
    """PORT of a container without ports has no value to give."""
    made = environment(var("PORT", runtime="container_port(http)"))
    assert made.ledger.blocked() == ("env-runtime-unclear",)
    assert "env" not in made.spec
    answered = environment(var("PORT", runtime="container_port(0)"), answers={"env-runtime-unclear": "8080"})
    assert entry(answered, "PORT")["value"] == "8080"
    assert environment(var("P", runtime="?"), answers={"env-runtime-unclear": "drop"}).said("P")[1] == "dropped"


def test_old_host_names_in_values_are_rewritten() -> None:
    """Also in a secret URL, and without a word of it in the verdict."""
    hosts = {"old_db": "old-db"}
    made = environment(
        var("DB", "old_db:5432"), var("URL", "pg://u:pw@old_db/x", secret=True), var("NOTE", "see old_db wiki"),
        hosts=hosts,
    )  # fmt: skip
    assert entry(made, "DB")["value"] == "old-db:5432"
    assert made.said("DB") == ("env", "approximated")
    (secret,) = made.configuration.secrets
    assert base64.b64decode(secret["data"]["URL"]) == b"pg://u:pw@old-db/x"
    assert "pw" not in made.verdict("URL").why
    assert entry(made, "NOTE")["value"] == "see old_db wiki"
    assert "was left" in made.verdict("NOTE").why


def test_large_values_lie_in_a_config_map_that_replaces_the_pods() -> None:
    """What no reviewer could read in the pod lies apart, unescaped, and a change of it still changes the template."""
    one, other = environment(var("RULES", "$(a)" * 3000)), environment(var("RULES", "$(b)" * 3000))
    (config,) = one.configuration.objects
    assert config["kind"] == "ConfigMap"
    assert config["data"] == {"RULES": "$(a)" * 3000}
    assert entry(one, "RULES")["valueFrom"] == {"configMapKeyRef": {"name": "web-env", "key": "RULES"}}
    assert one.verdict("RULES").targets == (
        SPEC + "env[RULES]",
        "ConfigMap/web-env:data[RULES]",
        POD + "metadata.annotations[podlift.dev/config-hash]",
    )
    assert one.configuration.annotations != other.configuration.annotations


def test_names_that_the_api_server_refuses_are_asked() -> None:
    """Since 1.32 nearly any name goes; before, letters, digits, dots, dashes and underscores."""
    assert environment(var("my var", "1")).ledger.blocked() == ("env-name",)
    assert entry(environment(var("my var", "1"), target=Target(version=(1, 32))), "my var")["value"] == "1"
    assert environment(var("1st", "1"), answers={"env-name": "drop"}).said("1st") == ("env-name", "dropped")


def test_the_environment_of_docker_itself_is_passed_when_it_was_set() -> None:
    """HOSTNAME and HOME are there anyway; set by hand they mean what they meant."""
    made = environment(var("HOSTNAME", "edge-1"), var("HOME", "/srv"))
    assert [e["value"] for e in made.spec["env"]] == ["edge-1", "/srv"]


def test_no_secret_value_hides_in_annotations() -> None:
    """A hash on the template comes from the ConfigMap's values alone."""
    made = environment(var("TOKEN", "x" * 9000, secret=True))
    assert made.configuration.objects == ()
    assert made.configuration.annotations == {}


ENVS = st.lists(
    st.builds(
        Env,
        name=st.from_regex(r"\A[A-Z_]{1,4}\Z"),
        value=st.none() | st.text(max_size=8),
        secret=st.booleans(),
        withheld=st.booleans(),
        runtime=st.sampled_from(["", "pod_ip", "container_port(1)"]),
        ref=st.none() | st.just(SecretRef(name="a", key="b")),
    ),
    unique_by=lambda env: env.name,
)


@given(ENVS)
def test_every_variable_arrives_or_has_a_verdict(envs: list[Env]) -> None:
    """Whatever the mix, each variable is in the pod, in order, or its verdict is not exact."""
    given_ = tuple(replace(env, origins=atom("d", f"Env[{i}]")) for i, env in enumerate(envs))
    made = environment(*given_)
    names = [e["name"] for e in made.configuration.env["web"]]
    assert names == [env.name for env in given_ if env.name in names]
    for index, env in enumerate(given_):
        level = made.verdict(f"Env[{index}]").level
        assert env.name in names or level is not Level.EXACT
    assert POD + "metadata" not in made.defaulted()

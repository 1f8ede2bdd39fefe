"""The objects of a run that is driven in the cluster."""

from __future__ import annotations

from dataclasses import replace
from importlib.resources import files
from typing import Any

import kubernetes_validate
import pytest
import yaml

from converters.objects.context import WORKLOAD
from migrate.cli.cutover.keep import command as keep
from migrate.cutover.detached import SECRETS, detached
from migrate.cutover.rights import rights_of_a_run
from migrate.cutover.run import Original, Spec
from tests.cutover.model import Model


@pytest.fixture
def spec() -> Spec:
    made = Model(legacy=2).spec()
    slow = Original(host="h1", id="c1", name="web-1", stop_s=90)
    return replace(made, originals=(made.originals[0], slow))


def of(objects: tuple[dict[str, Any], ...], kind: str) -> dict[str, Any]:
    return next(each for each in objects if each["kind"] == kind)


@pytest.mark.parametrize("secret", ["", "engines"])
def test_an_api_server_takes_them(spec: Spec, secret: str) -> None:
    for each in detached(spec, image="registry/podlift:1", secret=secret):
        kubernetes_validate.validate(each, "1.34", strict=True)


def test_never_two_at_a_time_and_no_caller_is_led_there(spec: Spec) -> None:
    deployment = of(detached(spec, image="podlift"), "Deployment")["spec"]
    assert (deployment["replicas"], deployment["strategy"]) == (1, {"type": "Recreate"})
    labels = deployment["template"]["metadata"]["labels"]
    assert WORKLOAD not in labels
    assert deployment["selector"]["matchLabels"].items() <= labels.items()
    pod = deployment["template"]["spec"]
    # as long as the longest stop and a hook take
    assert pod["terminationGracePeriodSeconds"] == 90 + spec.timings.hook_timeout_s


def test_it_runs_a_command_that_there_is(spec: Spec) -> None:
    (container,) = of(detached(spec, image="podlift"), "Deployment")["spec"]["template"]["spec"]["containers"]
    assert container["args"][:2] == ["cutover", "keep"]
    given = keep.make_context("keep", container["args"][2:]).params
    assert (given["workload"], given["namespace"], given["drive"]) == (spec.name, spec.namespace, True)


def test_its_roles_allow_what_a_run_does(spec: Spec) -> None:
    bound = [each["roleRef"]["name"] for each in detached(spec, image="podlift") if "roleRef" in each]
    rules = [
        rule
        for name in bound
        for rule in yaml.safe_load((files("migrate") / "cluster" / "roles" / f"{name}.yaml").read_text())["rules"]
    ]
    kinds = ("HorizontalPodAutoscaler", "PodDisruptionBudget", "Ingress", "HTTPRoute")
    for right in rights_of_a_run(spec.namespace, kinds=kinds):
        assert any(
            right.group in rule.get("apiGroups", ())
            and right.plural in rule.get("resources", ())
            and right.verb in rule["verbs"]
            for rule in rules
        ), right


def test_keys_are_read_from_a_secret_by_podlift_alone(spec: Spec) -> None:
    pod = of(detached(spec, image="podlift", secret="engines"), "Deployment")["spec"]["template"]["spec"]
    (volume,) = [each for each in pod["volumes"] if "secret" in each]
    assert volume["secret"] == {"secretName": "engines", "defaultMode": 0o440}
    (mount,) = [each for each in pod["containers"][0]["volumeMounts"] if each["name"] == volume["name"]]
    assert (mount["mountPath"], mount["readOnly"]) == (SECRETS, True)

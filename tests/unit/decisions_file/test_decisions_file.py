"""decisions.yaml: answers of the right type, overrides, secrets."""

from __future__ import annotations

from pathlib import Path

import pytest

from converters.decisions import Answered, Decisions, Override
from converters.errors import PodliftError
from converters.fields.catalogue import CATALOGUE
from converters.fields.codes import Answer
from migrate.decisions_file import fault_of, load_decisions, takes_answer


def decisions(folder: Path, text: str) -> Decisions:
    file = folder / "decisions.yaml"
    file.write_text(text)
    return load_decisions(file)


def test_answers_overrides_and_secrets(tmp_path: Path) -> None:
    """Each with the line on which it stands, which is how use of it is reported."""
    found = decisions(
        tmp_path,
        """\
schema: podlift.dev/decisions/v1
answers:
- {workload: web, code: exposure, source: "HostConfig.PortBindings*", answer: NodePort}
- {code: acts-unasked, answer: no}
- {workload: db, code: route-port, answer: 8080}
overrides:
- {workload: web, name: front, namespace: edge}
- workload: db
  object: StatefulSet/db
  patch: {spec: {replicas: 1, paused: null}}
secrets: ["*_KEY"]
notSecrets: [PUBLIC_KEY]
""",
    )
    assert found.file == "decisions.yaml"
    assert found.answers == (
        Answered(workload="web", code="exposure", about="HostConfig.PortBindings*", answer="NodePort", line=3),
        Answered(workload="*", code="acts-unasked", about="*", answer="no", line=4),
        Answered(workload="db", code="route-port", about="*", answer="8080", line=5),
    )
    assert found.overrides == (
        Override(workload="web", name="front", namespace="edge", line=7),
        Override(workload="db", object="StatefulSet/db", patch={"spec": {"replicas": 1, "paused": None}}, line=8),
    )
    assert (found.secrets, found.not_secrets) == (("*_KEY",), ("PUBLIC_KEY",))


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "answers:\n# - {code: exposure, answer: NodePort}\n"])
def test_a_file_in_which_everything_is_commented_out(tmp_path: Path, text: str) -> None:
    """decisions.todo.yaml as it is written answers nothing and is no error."""
    assert decisions(tmp_path, text).answers == ()


@pytest.mark.parametrize(
    ("line", "where", "said"),
    [
        ("{code: exposre, answer: NodePort}", "answers[0].code", "did you mean exposure?"),
        ("{code: exposure, answer: Nodeport}", "answers[0].answer", "ClusterIP or NodePort"),
        ("{code: cannot-read, answer: a}", "answers[0].code", "takes no answer"),
        ("{code: image, answer: a}", "answers[0].code", "takes no answer"),
        ("{code: route-port, answer: http}", "answers[0].answer", "'http' is no whole number"),
        ("{code: scale-basis, answer: 10GB}", "answers[0].answer", "'10GB' is no amount"),
        ("{code: scale-basis, answer: 0}", "answers[0].answer", "not more than nothing"),
        ("{code: runtime, answer: Kata_X}", "answers[0].answer", "is no Kubernetes name"),
        ("{code: image-local-only, answer: ' '}", "answers[0].answer", "the answer is empty"),
        ("{code: exposure, source: a, subject: b, answer: NodePort}", "answers[0].subject", "both"),
        ("{code: exposure, workloads: web, answer: NodePort}", "answers[0].workloads", "did you mean workload?"),
        ("{code: exposure}", "answers[0]", "'answer' is missing"),
        ("{code: exposure, answer: [NodePort]}", "answers[0].answer", "a list stands here"),
    ],
)
def test_a_wrong_answer_is_refused(tmp_path: Path, line: str, where: str, said: str) -> None:
    """With file, line, key, and which answers the code takes."""
    with pytest.raises(PodliftError) as caught:
        decisions(tmp_path, f"answers:\n- {line}\n")
    assert caught.value.code == "bad-decisions"
    assert caught.value.subject.endswith(f"decisions.yaml:2 {where}")
    assert said in f"{caught.value.reason} {caught.value.next_step}"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{workload: web}", "changes nothing"),
        ("{workload: web, object: Deployment/web}", "patch is missing"),
        ("{workload: web, patch: {}}", "object is missing"),
        ("{workload: web, object: deployment, patch: {}}", "Kind/name"),
    ],
)
def test_a_wrong_override_is_refused(tmp_path: Path, line: str, said: str) -> None:
    """Half an override would silently do nothing."""
    with pytest.raises(PodliftError) as caught:
        decisions(tmp_path, f"overrides:\n- {line}\n")
    assert said in f"{caught.value.reason} {caught.value.next_step}"


@pytest.mark.parametrize("code", [c for c in CATALOGUE.values() if takes_answer(c)], ids=lambda c: c.name)
def test_every_option_of_every_code_is_an_answer(code) -> None:  # type: ignore[no-untyped-def]
    """And a code's type refuses at least nothing at all."""
    assert all(fault_of(code, value) == "" for value, _ in code.options)
    assert fault_of(code, "")
    if code.answer is Answer.CHOICE:
        assert code.options, "a choice without options cannot be answered"

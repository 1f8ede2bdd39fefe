"""plan.json tells the checks of each workload, as cutover will need them."""

from __future__ import annotations

from converters.capture import Capture, HostDocuments
from converters.decisions import Decisions
from converters.target import Target
from converters.workload import Host
from migrate.plan.making import make_plan
from tests.inspect_documents import ENGINE, PATH, container, image


def test_checks_stand_with_their_container_and_without_secrets() -> None:
    """What is executed and when, in seconds; a secret value in it is masked."""
    check = {"Test": ["CMD", "probe", "--key=hunter2-hunter2"], "Interval": 5_000_000_000, "Retries": 4}
    document = container({"Healthcheck": check, "Env": [PATH, "API_TOKEN=hunter2-hunter2"]})
    host = HostDocuments(host=Host(name="h1"), engine=ENGINE, containers=(document,), images=(image(),))
    plan = make_plan(Capture(hosts=(host,)), target=Target(), decisions=Decisions())
    (told,) = plan.workloads[0]["checks"]
    assert (told["container"], told["kind"], told["interval_s"], told["failures"]) == ("web", "exec", 5.0, 4)
    assert told["argv"][:1] == ["probe"]
    assert "hunter2" not in repr(plan.workloads)

"""What every test can ask for, and the switches for the tests that need a real engine.

PODLIFT_TEST_DOCKER_HOST=URL   use this engine instead of starting one
PODLIFT_TEST_CONTEXT=NAME      use the cluster of this context of your kubeconfig instead of starting one
TEST_LAB=0                     skip what needs either; with CI set such a skip fails the run
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.lab.cluster import Cluster, GivenCluster
    from tests.lab.engine import Engine, Lab, LabEngine, Registry
    from tests.scheduling import OneCluster

HERE = Path(__file__).parent
LAB_FIXTURES = {"own_machine", "engine", "clean_engine", "registry", "lab", "cluster", "lab_cluster", "lab_engines"}


def pytest_configure(config: pytest.Config) -> None:
    # With xdist all reports meet in the controller, which is the one without a workerinput.
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(LabSkips())


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> OneCluster:
    from tests.scheduling import OneCluster

    return OneCluster(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE / "engine" in item.path.parents or LAB_FIXTURES & set(getattr(item, "fixturenames", ())):
            item.add_marker("engine")
            if os.environ.get("TEST_LAB") == "0":
                item.add_marker(pytest.mark.skip(reason="TEST_LAB=0"))


class LabSkips:
    """Counts the skipped tests that need an engine, whatever skipped them, and says so at the end."""

    def __init__(self) -> None:
        self.reasons: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.skipped and "engine" in report.keywords and isinstance(report.longrepr, tuple):
            self.reasons[report.longrepr[2].removeprefix("Skipped: ")] += 1

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.reasons and _ci() and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.reasons:
            listed = ", ".join(f"{count} by {reason}" for reason, count in self.reasons.most_common())
            verdict = "; with CI set that is a failure" if _ci() else ""
            terminalreporter.write_line(
                f"{self.reasons.total()} tests that need a Docker engine were skipped ({listed}){verdict}",
                yellow=not verdict,
                red=bool(verdict),
            )


def _ci() -> bool:
    return os.environ.get("CI", "").lower() not in {"", "0", "false"}


def _prepare(config: pytest.Config) -> None:
    from tests.lab import packages

    capture = config.pluginmanager.getplugin("capturemanager")

    def say(line: str) -> None:
        with capture.global_and_fixture_disabled():
            print(f"\n{line}", file=sys.stderr, flush=True)  # noqa: T201

    try:
        packages.ensure(say)
    except packages.LabUnavailableError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture(scope="session")
def _session_lab(pytestconfig: pytest.Config) -> Iterator[Lab]:
    from tests.lab.engine import Lab

    _prepare(pytestconfig)
    with Lab() as lab:
        lab.registry()
        yield lab


@pytest.fixture(scope="session")
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """A real engine, one for all tests of a worker; what the tests make on it goes at the end."""
    from tests.lab.engine import Engine

    url = os.environ.get("PODLIFT_TEST_DOCKER_HOST")
    if not url:
        lab: Lab = request.getfixturevalue("_session_lab")
        yield lab.engine()
        return
    theirs = Engine(url)
    with theirs.clean():
        yield theirs
    theirs.close()


@pytest.fixture
def clean_engine(engine: Engine) -> Iterator[Engine]:
    """The same engine; what the test makes on it goes with the test."""
    with engine.clean():
        yield engine


@pytest.fixture(scope="session")
def registry(request: pytest.FixtureRequest) -> Registry:
    """A registry that `engine` can push to and pull from."""
    if os.environ.get("PODLIFT_TEST_DOCKER_HOST"):
        pytest.skip("PODLIFT_TEST_DOCKER_HOST (its engine does not know the lab's registry)")
    lab: Lab = request.getfixturevalue("_session_lab")
    return lab.registries[0]


@pytest.fixture
def lab(pytestconfig: pytest.Config) -> Iterator[Lab]:
    """A run of the lab for one test, for several hosts or for tests of the hosts themselves."""
    from tests.lab.engine import Lab

    if os.environ.get("PODLIFT_TEST_DOCKER_HOST"):
        pytest.skip("PODLIFT_TEST_DOCKER_HOST (needs hosts of its own)")
    _prepare(pytestconfig)
    with Lab() as lab:
        yield lab


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest) -> GivenCluster:
    """A real cluster, one for all tests: the lab's own, or the user's by PODLIFT_TEST_CONTEXT."""
    from tests.lab.cluster import given_cluster
    from tests.lab.host import HostError

    try:
        given = given_cluster()
    except HostError as error:
        pytest.fail(str(error), pytrace=False)
    if given is not None:
        return given
    own: Cluster = request.getfixturevalue("lab_cluster")
    return own


@pytest.fixture(scope="session")
def lab_cluster(request: pytest.FixtureRequest) -> Cluster:
    """The lab's own cluster, for what needs its engines, its hosts or its faults."""
    for switch in ("PODLIFT_TEST_CONTEXT", "PODLIFT_TEST_DOCKER_HOST"):
        if os.environ.get(switch):
            pytest.skip(f"{switch} (needs nodes and engines of the lab's own)")
    lab: Lab = request.getfixturevalue("_session_lab")
    return lab.cluster()


@pytest.fixture(scope="session")
def lab_engines(request: pytest.FixtureRequest) -> dict[str, LabEngine]:
    """The legacy hosts beside `lab_cluster`, by name: two at one site, one at the other. They know `registry`."""
    if os.environ.get("PODLIFT_TEST_CONTEXT"):
        pytest.skip("PODLIFT_TEST_CONTEXT (needs nodes and engines of the lab's own)")
    request.getfixturevalue("registry")
    lab: Lab = request.getfixturevalue("_session_lab")
    return {name: lab.engine(name) for name in ("edge-a1", "edge-a2", "edge-b1")}


@pytest.fixture(scope="session")
def own_machine(pytestconfig: pytest.Config) -> None:
    """For tests that start labs themselves: the packages are there; skipped where something else is given."""
    for switch in ("PODLIFT_TEST_CONTEXT", "PODLIFT_TEST_DOCKER_HOST"):
        if os.environ.get(switch):
            pytest.skip(f"{switch} (needs nodes and engines of the lab's own)")
    _prepare(pytestconfig)

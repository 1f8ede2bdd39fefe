"""The published table: which evidence gives which controller, and where it asks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from converters.decisions import Answered, Decisions
from converters.fields.ledger import Ledger
from converters.fields.verdict import Level
from converters.objects.controller import choose_controller
from converters.objects.controller_table import TABLE, Evidence, controllers_page, row_for
from converters.objects.cron import cron_fits
from converters.workload import (
    Check,
    Container,
    Controller,
    Instance,
    Mount,
    MountKind,
    Pair,
    Restart,
    Schedule,
    SiteCount,
    Workload,
)
from tests.workloads import atom

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "controllers.md"


def one(policy: str = "no", container: dict[str, Any] | None = None, **instance: Any) -> Workload:
    """One instance under a restart policy."""
    return Workload(
        name="web",
        containers=(Container(name="web", **(container or {})),),
        restart=Restart(policy=policy, origins=atom("h1/container/web", "HostConfig.RestartPolicy")),
        instances=(Instance(**{"name": "web", "host": "h1", **instance}),),
    )


def everywhere(hosts: int, **workload: Any) -> Workload:
    instances = tuple(Instance(name="web", host=f"h{n}") for n in range(hosts))
    return replace(one("always"), instances=instances, on_every_host=True, **workload)


def labelled(**labels: str) -> dict[str, Any]:
    return {"labels": tuple(Pair(key=key.replace("_", "."), value=value) for key, value in labels.items())}


def swarm(task: str) -> Workload:
    return one("always", labelled(com_docker_swarm_service_name="log", com_docker_swarm_task_name=task))


def bound(path: str) -> Container:
    """A container with a path of its host."""
    return Container(name="web", mounts=(Mount(kind=MountKind.BIND, source=path, target="/inside"),))


CONFIG = Workload(name="web", containers=(Container(name="web"),))

CASES = {
    "schedule": replace(CONFIG, schedule=Schedule(cron="0 3 * * *"), controller=Controller.DAEMONSET),
    "kind-daemon": replace(CONFIG, controller=Controller.DAEMONSET),
    "kind-job": replace(one("always", listening=True), controller=Controller.JOB),
    "kind-cron": replace(CONFIG, controller=Controller.CRONJOB),
    "scheduler-global": one("always", labelled(io_rancher_scheduler_global="true")),
    "scheduler-run": one("always", labelled(com_hashicorp_nomad_job__name="x")),
    "kind-stateful": replace(CONFIG, controller=Controller.STATEFULSET),
    "kind-service": replace(one("no", state="exited"), controller=Controller.DEPLOYMENT),
    "everywhere-host": everywhere(3, network_mode="host"),
    "everywhere": everywhere(3),
    "restarts-always": everywhere(2),
    "serves": one("no", listening=True),
    "ended-well": one("on-failure", state="exited"),
    "lasts": one("no", uptime_s=86400.0),
    "unclear": one("no", uptime_s=86399.0),
    "config-serves": replace(CONFIG, replicas=(SiteCount(site="", count=2),)),
    "nothing-known": CONFIG,
}
CASES["scheduler-run"] = replace(CASES["scheduler-run"], grouping_key="env:NOMAD_JOB_NAME=report/periodic-1700000000")


@pytest.mark.parametrize("name", CASES)
def test_first_match_decides(name: str) -> None:
    """Each row has a workload that it decides, whatever the rows below would say."""
    assert row_for(Evidence(workload=CASES[name])).name == name


def test_every_row_is_reached() -> None:
    """The rows without a case of their own need differences between instances."""
    assert {row.name for row in TABLE} - set(CASES) == {"identity", "identity-everywhere"}


def test_identity_makes_a_stateful_set_of_a_service() -> None:
    """A config's "service" says nothing against it, and one on every host that looks at its host is asked about."""
    service = replace(CONFIG, controller=Controller.DEPLOYMENT)
    assert row_for(Evidence(workload=service, identity=True)).controller is Controller.STATEFULSET
    shipper = everywhere(3, containers=(bound("/var/log"),))
    row = row_for(Evidence(workload=shipper, identity=True))
    assert (row.name, row.clear) == ("identity-everywhere", False)


@pytest.mark.parametrize(
    ("workload", "row"),
    [
        (one("no", state="exited", exit_code=1), "unclear"),
        (one("on-failure", {"checks": (Check(argv=("true",)),)}), "serves"),
        (one("on-failure", {"checks": (Check(disabled=True),)}), "unclear"),
        (one("unless-stopped", state="exited"), "restarts-always"),
        (swarm("log.2.abc"), "restarts-always"),
        (swarm("log.x7f.abc"), "scheduler-global"),
        (everywhere(3, containers=(bound("/var/log/nginx"),)), "everywhere-host"),
        (everywhere(3, containers=(bound("/var/logistics"),)), "everywhere"),
    ],
)
def test_near_misses(workload: Workload, row: str) -> None:
    """What lies just beside a row's condition falls to another."""
    assert row_for(Evidence(workload=workload)).name == row


def test_weak_evidence_asks_and_an_answer_decides() -> None:
    """A Deployment for now, with the question; the user's answer makes it a Job."""
    workload = CASES["unclear"]
    ledger = Ledger("web", Decisions())
    assert choose_controller(workload, ledger=ledger) is Controller.DEPLOYMENT
    (verdict,) = ledger.verdicts()
    assert (verdict.level, verdict.code, verdict.chosen) == (Level.UNDECIDED, "controller-unclear", "deployment")
    decided = Ledger("web", Decisions(answers=(Answered(code="controller-unclear", answer="job", line=4),)))
    assert choose_controller(workload, ledger=decided) is Controller.JOB
    assert decided.answers_used() == {4}


def test_page_is_the_table() -> None:
    """docs/reference/controllers.md says what the code does."""
    assert PAGE.read_text(encoding="utf-8") == controllers_page()


@pytest.mark.parametrize("cron", ["*/5 * * * *", "0 3 1-7 JAN MON", "@daily"])
def test_schedules_that_fit(cron: str) -> None:
    """Five fields, or a macro that Kubernetes knows."""
    assert cron_fits(cron)


@pytest.mark.parametrize("cron", ["0 */5 * * * *", "@reboot", "every 5m", "TZ=UTC 0 3 * * *", "", "0 3 * * $"])
def test_schedules_that_do_not(cron: str) -> None:
    """Seconds, zones and other schedulers' words."""
    assert not cron_fits(cron)

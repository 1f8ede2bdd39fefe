"""Evidence for the one question that cutover will ask of each workload: does an idle copy of it start work by itself?

A copy that only answers requests may run beside the old one; one that pulls from a queue or runs on a clock may not.
Nothing in a container says which it is, so podlift shows what speaks for it and asks.
"""

from __future__ import annotations

import re

from ..decisions import Decisions
from ..fields.catalogue import code_named
from ..fields.verdict import Finding
from ..workload import Controller, Env, Workload

_BROKERS = {
    **dict.fromkeys(("amqp", "amqps", "kafka", "nats", "mqtt"), "a message broker"),
    **dict.fromkeys(("sqs", "beanstalk"), "a queue"),
    **dict.fromkeys(("redis", "rediss"), "a store that is often a queue"),
    **dict.fromkeys(("postgres", "postgresql", "mysql", "mongodb", "mongodb+srv", "cassandra"), "a database"),
}
_URL = re.compile(r"\b([a-z][a-z0-9+]*)://", re.IGNORECASE)
_CONNECTION_NAMES = re.compile(
    r"^(.*_)?(KAFKA|RABBITMQ|AMQP|NATS|MQTT|SQS|QUEUE|BROKER|CELERY|RESQUE|SIDEKIQ|TOPIC|CONSUMER_GROUP)(_.*)?$"
)
_DATABASE_NAMES = re.compile(
    r"^(.*_)?(DATABASE|DB|POSTGRES|POSTGRESQL|PG|MYSQL|MARIADB|MONGO|MONGODB|CASSANDRA)_?(URL|URI|DSN|HOST|HOSTS|ADDR|ADDRESS|SERVER)$"
)
_ACTING = re.compile(
    r"(?<![a-z])(cron|crond|scheduler|worker|consumer|celery|sidekiq|resque|batch|job|sweeper|janitor|reaper|poller"
    r"|importer|exporter-job|sync|backup|replicator)(?![a-z])",
    re.IGNORECASE,
)


def acts_unasked(workload: Workload, decisions: Decisions) -> Finding:
    """The finding, with what speaks for and against it, and the user's answer if there is one."""
    answered = decisions.answer(workload.name, "acts-unasked", "start")
    sides = tuple(_evidence(workload))
    if any(who != "answers on" for who, _ in sides):
        reason = "starts work by itself, as it seems"
    else:
        reason = "seems to answer only" if sides else "nothing shows whether it starts work by itself"
    return Finding(
        workload=workload.name,
        code="acts-unasked",
        subject="start",
        reason=reason,
        sides=sides,
        options=code_named("acts-unasked").options,
        open=answered is None,
        answer=answered.answer if answered else "",
    )


def _evidence(workload: Workload) -> list[tuple[str, str]]:
    found: dict[tuple[str, str], None] = {}
    if workload.schedule is not None:
        found[("schedule", workload.schedule.cron)] = None
    elif workload.controller in (Controller.JOB, Controller.CRONJOB):
        found[("kind", "a job works as soon as it is started")] = None
    # What has run to its end was a job, which works as soon as it is started.
    if workload.instances and all(i.state == "exited" and i.exit_code == 0 for i in workload.instances):
        found[("ended", "by itself, with exit code 0")] = None
    match = _ACTING.search(workload.name)
    if match:
        found[("name", workload.name)] = None
    for container in workload.containers:
        for word in (*(container.entrypoint or ()), *(container.args or ())):
            match = _ACTING.search(word)
            if match:
                found[("command", match.group(0))] = None
        found |= dict.fromkeys(side for env in container.env for side in _connections(env))
        for port in container.ports:
            found[("answers on", f"{port.container_port}/{port.protocol}")] = None
    return list(found)


def _connections(env: Env) -> list[tuple[str, str]]:
    """Where a variable leads. Only the scheme of a value is shown: the rest may hold a password."""
    who = f"env {env.name}"
    schemes = [scheme.lower() for scheme in _URL.findall(env.value or "")]
    found = [(who, f"{_BROKERS[scheme]} ({scheme}://)") for scheme in schemes if scheme in _BROKERS]
    if _CONNECTION_NAMES.match(env.name):
        found.append((who, "names a broker or a queue"))
    # A value that comes from a secret shows no scheme; the name still says where it leads.
    elif _DATABASE_NAMES.match(env.name) and not schemes:
        found.append((who, "names a database"))
    return found

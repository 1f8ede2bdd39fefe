"""A run is taken from a driver that lives by whoever can drive it, and by nobody else."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from converters.errors import PodliftError
from migrate.cutover.cutover import Attached
from migrate.cutover.driver import Outcome
from tests.cutover.model import NAME, SPACE, Model

if TYPE_CHECKING:
    from migrate.cluster import Cluster


def test_who_has_not_the_files_that_hosts_name_takes_it_from_nobody() -> None:
    world = Model()
    files = {"ca": "/none/ca.pem", "cert": "/none/cert.pem", "key": "/none/key.pem"}
    world.begin(hosts={"h0": {"url": "tcp://10.0.0.1:2376", "address": "10.0.0.1", **files}})
    driver = world.driver("one")
    told = driver.events()
    next(event for event in told if event.state == "SHIFT")
    with pytest.raises(PodliftError) as caught:
        list(Attached(cast("Cluster", world), SPACE, NAME, clock=world).resume(take_over=True))
    assert caught.value.code == "bad-tls"
    list(told)
    assert driver.outcome is Outcome.REST


def test_it_is_given_back_by_who_cannot_ask_anything_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    world = Model()
    world.begin(hosts={"h0": {"url": "tcp://10.0.0.1:2375", "address": "10.0.0.1"}})
    attached = Attached(cast("Cluster", world), SPACE, NAME, clock=world)
    monkeypatch.setattr("migrate.cutover.journal.Journal.ask", lambda *_: None)
    with pytest.raises(PodliftError, match="no-cutover"):
        list(attached.resume())
    assert ("Lease", "cutover-web") not in world.store

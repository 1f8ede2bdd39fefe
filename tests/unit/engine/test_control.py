"""Changes to containers, by what is sent to an engine that there is not."""

from __future__ import annotations

from pathlib import Path

from converters.workload import Host
from migrate.cutover.run import FOR_EVER_S
from migrate.engine.control import EngineControl
from migrate.hosts_file import HostEntry
from tests.engine_proxy import EngineProxy, answer


def test_a_grace_without_an_end_is_sent(tmp_path: Path) -> None:
    """No socket refuses to wait for it."""
    faults = {"/version": answer(200, {"ApiVersion": "1.41", "Version": "20.10.24"})}
    stopped = answer(304, b"")
    with EngineProxy(tmp_path / "engine", fault=lambda path: faults.get(path, stopped)) as proxy:
        control = EngineControl(HostEntry(host=Host(name="h", url=proxy.url)))
        control.stop("c1", FOR_EVER_S)
        control.close()
    assert proxy.requests[-1].endswith("/containers/c1/stop?t=31536000")

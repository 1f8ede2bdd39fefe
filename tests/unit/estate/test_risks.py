"""What only a look at all hosts shows."""

from __future__ import annotations

from dataclasses import replace

from converters.fields.verdict import Finding
from converters.workload import Mount, MountKind, Workload
from tests.unit.estate.test_grouping import estate, names
from tests.workloads import image, running


def of(code: str, *workloads: Workload) -> list[Finding]:
    return [f for w in estate(*workloads).workloads for f in w.findings if f.code == code]


def on(platform: str, name: str, host: str) -> Workload:
    made = running(name, host=host, container={"image": image(platform=platform)})
    return replace(made, instances=(replace(made.instances[0], platform=platform),))


def test_data_that_must_be_moved_is_said_with_its_host() -> None:
    """A named volume of a host's own; what a network driver keeps is reachable from anywhere."""
    local = Mount(kind=MountKind.VOLUME, source="data", target="/data")
    nfs = Mount(kind=MountKind.VOLUME, source="media", target="/media", driver_options={"type": "nfs"})
    (found,) = of("volume-on-host", running("db", host="h7", container={"mounts": (local, nfs)}))
    assert (found.subject, found.open) == ("volume /data", False)
    assert found.sides == (("h7", "data"),)


def test_an_image_seen_on_one_architecture_of_two() -> None:
    """Its pods stay where it runs; what runs on all, or an estate of one architecture, has no such finding."""
    both = (on("linux/amd64", "web-1", "h1"), on("linux/arm64/v8", "web-2", "h2"))
    (found,) = of("architecture-partial", *both, on("linux/amd64", "db", "h1"))
    assert found.workload == "db"
    assert "arm64" in found.reason
    assert not of("architecture-partial", on("linux/amd64", "db", "h1"))


def test_a_number_that_is_part_of_a_name_stays() -> None:
    """redis7 alone is no instance of redis; web-1 is one of web, and web1 beside web2 as well."""
    assert names(estate(running("redis7"))) == ["redis7"]
    assert names(estate(running("web-1"))) == ["web"]
    assert names(estate(running("web1"), running("web2", host="h2"))) == ["web"]

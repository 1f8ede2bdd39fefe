"""The lab itself: that its engines are real, separate, and gone afterwards."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lab import slots
from tests.lab.engine import Engine, HostError, Lab, Registry
from tests.lab.traces import ALL_KINDS, devices, fetched, index_of, kinds, processes, traces, until

ROOT = Path(__file__).parents[2]


def test_an_imported_image_runs(clean_engine: Engine) -> None:
    clean_engine.import_image("lab/hello:1", files={"etc/greeting": "hello\n"}, config={"User": "nobody"})

    printed = clean_engine.output("lab/hello:1", ["sh", "-c", "cat /etc/greeting; id -un"])

    assert printed == "hello\nnobody\n"


def test_an_image_carries_every_field_of_its_configuration(clean_engine: Engine) -> None:
    config = {
        "Cmd": ["run"],
        "Entrypoint": ["/bin/entry"],
        "Env": ["PATH=/bin", "COLOUR=blue"],
        "ExposedPorts": {"80/tcp": {}},
        "Healthcheck": {"Test": ["CMD", "true"], "Interval": 5_000_000_000},
        "Labels": {"team": "edge"},
        "OnBuild": ["RUN true"],
        "Shell": ["/bin/ash", "-c"],
        "StopSignal": "SIGQUIT",
        "User": "65534:65534",
        "Volumes": {"/data": {}},
        "WorkingDir": "/srv",
    }

    clean_engine.import_image("lab/full:1", config=config)

    found = clean_engine.client.images.get("lab/full:1").attrs["Config"]
    assert {key: found[key] for key in config} == config


def test_an_image_of_another_platform(clean_engine: Engine) -> None:
    clean_engine.import_image("lab/arm:1", platform="linux/arm64/v8")

    attributes = clean_engine.client.images.get("lab/arm:1").attrs
    assert (attributes["Architecture"], attributes["Os"], attributes.get("Variant")) == ("arm64", "linux", "v8")


def test_the_same_arguments_give_the_same_image(clean_engine: Engine) -> None:
    first = clean_engine.import_image("lab/same:1", files={"a": "1"})
    again = clean_engine.import_image("lab/same:2", files={"a": "1"})
    other = clean_engine.import_image("lab/same:3", files={"a": "2"})

    assert first == again != other


def test_a_pushed_image_has_a_digest(clean_engine: Engine, registry: Registry) -> None:
    clean_engine.import_image("lab/pushed:1", files={"a": "pushed"})

    digest = clean_engine.push("lab/pushed:1", f"{registry.name}/team/pushed:1")

    assert digest.startswith("sha256:")
    digests = clean_engine.client.images.get("lab/pushed:1").attrs["RepoDigests"]
    assert digests == [f"{registry.name}/team/pushed@{digest}"]


def test_what_a_test_makes_goes_with_it(engine: Engine) -> None:
    before = everything(engine)
    with engine.clean():
        engine.import_image("lab/short:1")
        client = engine.client
        client.volumes.create("lab-explicit")
        client.networks.create("lab-network")
        client.containers.run(
            "lab/short:1", "sleep 60", detach=True, network="lab-network", volumes={"lab-implicit": {"bind": "/data"}}
        )
        client.images.get("lab/short:1").tag("lab/short", "2")
        assert {"lab-explicit", "lab-implicit", "lab-network", "lab/short:1", "lab/short:2"} <= everything(engine)

    assert everything(engine) == before


def test_two_engines_are_two_hosts(lab: Lab) -> None:
    registry = lab.registry("registry.edge.example")
    first, second = lab.engine("edge-a1"), lab.engine("edge-b1")
    first.import_image("web:1", files={"www/index.html": "from a1"})
    first.push("web:1", f"{registry.name}/web:1")

    first.client.containers.run("web:1", "httpd -f -h /www", name="web", detach=True, ports={"80/tcp": 8080})
    assert fetched(f"http://{first.address}:8080/index.html") == b"from a1"

    assert second.client.containers.list(all=True) == []
    assert second.client.images.list() == []
    pulled = second.client.images.pull(f"{registry.name}/web", tag="1")
    assert pulled.attrs["RepoDigests"] == first.client.images.get("web:1").attrs["RepoDigests"]
    # the same name and the same published port: another host
    second.client.containers.run(pulled, "httpd -f -h /etc", name="web", detach=True, ports={"80/tcp": 8080})
    assert b"root:" in fetched(f"http://{second.address}:8080/passwd")
    assert [one.client.info()["Name"] for one in (first, second)] == ["edge-a1", "edge-b1"]
    assert second.client.info()["ID"] != first.client.info()["ID"]

    seen = second.output(f"{registry.name}/web:1", f"wget -q -O - http://{first.address}:8080/index.html")
    assert seen == "from a1", "hosts reach each other's published ports"


def test_a_bind_source_stays_on_its_host(lab: Lab) -> None:
    host = lab.engine()
    host.import_image("writer:1")

    host.output("writer:1", "sh -c 'echo kept > /data/file'", volumes={"/lab-bind/deep": {"bind": "/data"}})

    assert (host.root / "lab-bind/deep/file").read_text() == "kept\n"
    assert host.run("cat", "/lab-bind/deep/file") == "kept\n"
    assert not Path("/lab-bind").exists()


def test_nothing_is_left(lab: Lab) -> None:
    busy(lab)
    before = traces(lab.name)
    assert kinds(before) == ALL_KINDS

    lab.close()

    # the number may go to a run beside this one at once
    assert traces(lab.name) & before == set()


def test_nothing_is_left_of_a_killed_run(tmp_path: Path) -> None:
    program = tmp_path / "killed.py"
    program.write_text(
        "import time\n"
        "from tests.engine.test_lab import busy\n"
        "from tests.lab.engine import Lab\n"
        "from tests.lab.traces import index_of\n"
        "lab = Lab()\n"
        "print(lab.folder, index_of(lab.device), busy(lab, 'doomed'), flush=True)\n"
        "time.sleep(60)\n"
    )
    run = subprocess.Popen(
        [sys.executable, str(program)], env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, text=True
    )
    assert run.stdout is not None
    folder, index, container = run.stdout.readline().split()
    # The number and the folder are free again at once and may go to a run beside this one: look for this run's own.
    own = f"{folder}/doomed", container
    assert len(processes(*own)) > 5
    run.send_signal(signal.SIGKILL)
    run.wait()
    run.stdout.close()

    # by themselves, with nobody there to clean: the processes, and with them namespaces, mounts and devices
    until(lambda: not processes(*own))
    until(lambda: index not in {index_of(device) for device in devices()})
    # and on disk, with the next run
    slots.sweep()
    until(lambda: not Path(folder, "doomed").exists())
    until(lambda: not [path for path in slots.cgroups(Path(folder).name) if container in path.name])


def test_runs_at_the_same_time_do_not_meet(lab: Lab) -> None:
    with Lab() as other:
        assert other.name != lab.name
        assert not {lab.name, other.name} & set(slots.sweep())
        assert other.engine("same").address != lab.engine("same").address


def test_an_engine_is_restarted(lab: Lab) -> None:
    """With it end its containers, and those that are always to run start again."""
    engine = lab.engine()
    engine.import_image("lab/waits:1", config={"Cmd": ["sleep", "1000"]})
    engine.client.containers.run("lab/waits:1", name="always", detach=True, restart_policy={"Name": "always"})
    engine.client.containers.run("lab/waits:1", name="once", detach=True)
    began = engine.client.api.inspect_container("always")["State"]["StartedAt"]

    engine.restart()

    until(lambda: engine.client.api.inspect_container("always")["State"]["Running"])
    assert engine.client.api.inspect_container("always")["State"]["StartedAt"] != began
    assert not engine.client.api.inspect_container("once")["State"]["Running"]


def test_an_engine_that_does_not_start_shows_its_log(lab: Lab) -> None:
    with pytest.raises(HostError, match=r"its daemon ended\n.*unknown flag: --no-such-flag"):
        lab.engine(flags=["--no-such-flag"])


# ---------------------------------------------------------------- what is there


def busy(lab: Lab, name: str = "engine") -> str:
    """A run in full swing: a registry, an engine, and a container with a volume that never ends by itself."""
    registry = lab.registry()
    host = lab.engine(name)
    host.import_image("busy:1")
    host.push("busy:1", f"{registry.name}/busy:1")
    container = host.client.containers.run(
        "busy:1", "sleep 600", detach=True, ports={"80/tcp": 8080}, volumes={"data": {"bind": "/data"}}
    )
    return str(container.id)


def everything(engine: Engine) -> set[str]:
    client = engine.client
    return {
        *(str(one.name) for one in client.containers.list(all=True)),
        *(str(one.name) for one in client.networks.list()),
        *(str(one.name) for one in client.volumes.list()),
        *(tag for one in client.images.list() for tag in one.tags),
    }

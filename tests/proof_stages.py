"""The stages on which rows of the field table are proven, where a plain container is not enough; see proof.py."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from converters.capture import Engine
from tests.inspect_documents import ENGINE, container, image
from tests.proof import ENDED, NEVER, OPEN, Stage

_TEST = {"Test": ["CMD", "/bin/true"]}
_BASELINE = replace(OPEN, pod_security="baseline")
_DATABASE = container({"ExposedPorts": {"5432/tcp": {}}}, Id="d" * 64, Name="/database")
_DATABASE["Config"]["Hostname"] = "d" * 12
_ON_BACKEND = {"NetworkMode": "backend"}
_SERVED: dict[str, Any] = {"ExposedPorts": {"8080/tcp": {}}}
_OLD = (
    "Memory", "MemorySwap", "CpuShares", "CpusetCpus", "Dns", "SecurityOpt", "Ulimits", "VolumeDriver", "VolumesFrom",
    "PortBindings",
)  # fmt: skip
_OLD_ENGINE = Engine(api_version="1.17", version=ENGINE.version, info=ENGINE.info)
_old = Stage(absent=tuple(f"HostConfig.{key}" for key in _OLD), engine=_OLD_ENGINE)
_CLAIMED = {"anonymous-volume-data": "emptyDir", "copy-up-unclear": "no-copy"}


def _check(**more: Any) -> Stage:
    return Stage(config={"Healthcheck": _TEST | more})


def _restarting(**more: Any) -> Stage:
    """A check that something acts on: the label by which autoheal finds its containers."""
    return Stage(config={"Healthcheck": _TEST | more, "Labels": {"autoheal": "true"}})


STAGES: dict[tuple[str, str], tuple[Stage, ...]] = {
    # Without its image's document the reference counts, with it the digest that runs.
    ("container", "Config.Image"): (Stage(images=()),),
    ("container", "Config.Hostname"): (Stage(), Stage(host={"NetworkMode": "host"}, networks={})),
    ("container", "Config.StdinOnce"): (Stage(config={"OpenStdin": True}),),
    ("container", "Config.StopSignal"): (
        Stage(),
        Stage(config=_SERVED),
        Stage(target=replace(OPEN, gates=frozenset({"ContainerStopSignals"}))),
    ),
    ("container", "Config.StopTimeout"): (Stage(), Stage(config=_SERVED)),
    ("container", "Config.ExposedPorts[map]"): (Stage(), Stage(config={"ExposedPorts": {"9090/tcp": {}}})),
    ("container", "Config.Volumes[map]"): (
        Stage(),
        Stage(images=(image(Volumes={"/cache": {}}),), answers={"anonymous-volume-data": "emptyDir"}),
    ),
    ("container", "Config.Shell"): (Stage(), Stage(config={"Healthcheck": {"Test": ["CMD-SHELL", "true"]}})),
    ("container", "Config.Healthcheck.Test"): (Stage(), Stage(config={"Labels": {"autoheal": "true"}})),
    ("container", "Config.Healthcheck.Interval"): (_check(), _restarting()),
    ("container", "Config.Healthcheck.Timeout"): (_check(), _restarting()),
    ("container", "Config.Healthcheck.Retries"): (_check(), _restarting()),
    # Where no failure restarts, a start period needs no word in a manifest: tests/cluster shows that nothing differs.
    ("container", "Config.Healthcheck.StartPeriod"): (_restarting(),),
    ("container", "Config.Healthcheck.StartInterval"): (
        _check(StartPeriod=30_000_000_000),
        _restarting(StartPeriod=30_000_000_000),
    ),
    ("container", "HostConfig.Binds[bind]"): (
        Stage(),
        Stage(answers={"bind": "hostPath"}),
        Stage(target=_BASELINE, answers={"bind": "hostPath"}),
    ),
    ("container", "HostConfig.Mounts[mount]"): (
        Stage(),
        Stage(volume_bytes={"site-data": 10**9}),
        Stage(volume_bytes={"site-data": 10**9}, answers={"copy-up-unclear": "no-copy"}),
    ),
    ("container", "HostConfig.VolumesFrom[item]"): (
        Stage(),
        Stage(
            top={
                "Mounts": [
                    {
                        "Type": "volume",
                        "Name": "site-data",
                        "Source": "/var/lib/docker/volumes/site-data/_data",
                        "Destination": "/data",
                        "Driver": "local",
                        "Mode": "ro",
                        "RW": False,
                        "Propagation": "",
                    }
                ]
            },
            volume_bytes={"site-data": 10**9},
        ),
    ),
    ("container", "HostConfig.VolumeDriver"): (Stage(), Stage(host={"Binds": ["site-data:/data"]})),
    ("container", "HostConfig.Memory"): (Stage(), Stage(host={"MemoryReservation": 134217728})),
    ("container", "HostConfig.MemoryReservation"): (Stage(), Stage(host={"Memory": 268435456})),
    ("container", "HostConfig.MemorySwap"): (Stage(), Stage(host={"Memory": 134217728})),
    ("container", "HostConfig.CpuPeriod"): (Stage(), Stage(host={"CpuQuota": 50000})),
    ("container", "HostConfig.CpuQuota"): (Stage(), Stage(host={"CpuPeriod": 50000})),
    ("container", "HostConfig.CpuShares"): (Stage(), Stage(target=replace(OPEN, shares_policy="proportional"))),
    ("container", "HostConfig.Privileged"): (Stage(), Stage(target=_BASELINE)),
    ("container", "HostConfig.CapAdd[item]"): (Stage(), Stage(target=_BASELINE)),
    ("container", "HostConfig.PidMode"): (Stage(), Stage(target=_BASELINE)),
    ("container", "HostConfig.IpcMode"): (Stage(), Stage(target=_BASELINE)),
    ("container", "HostConfig.UTSMode"): (Stage(), Stage(host={"NetworkMode": "host"}, networks={})),
    ("container", "HostConfig.Devices[device]"): (Stage(), Stage(target=_BASELINE, answers={"device": "hostPath"})),
    ("container", "HostConfig.RestartPolicy"): (
        Stage(host={"RestartPolicy": NEVER}, top={"State": ENDED}),
        Stage(config=_SERVED, host={"RestartPolicy": NEVER}),
    ),
    ("container", "HostConfig.AutoRemove"): (
        Stage(),
        Stage(host={"RestartPolicy": NEVER}, top={"State": ENDED}),
    ),
    ("container", "HostConfig.Runtime"): (Stage(), Stage(target=replace(OPEN, runtime_classes={"runsc": "gvisor"}))),
    ("container", "HostConfig.LogConfig.Type"): (Stage(), Stage(target=replace(OPEN, log_drivers=("syslog",)))),
    ("container", "HostConfig.NetworkMode"): (Stage(networks={}),),
    ("container", "HostConfig.PortBindings[map][port]"): (
        Stage(),
        Stage(config=_SERVED),
        Stage(config=_SERVED, answers={"exposure": "LoadBalancer"}),
        Stage(config=_SERVED, answers={"exposure": "hostPort"}),
    ),
    ("container", "HostConfig.PublishAllPorts"): (Stage(config=_SERVED),),
    ("container", "HostConfig.Links[link]"): (Stage(), Stage(others=(_DATABASE,))),
    ("container", "NetworkSettings.Networks[map].NetworkID"): (
        Stage(),
        Stage(host={"NetworkMode": "access"}, networks={"access": {"NetworkID": "1234"}}),
    ),
    ("container", "NetworkSettings.Networks[map].Links[link]"): (
        Stage(host=_ON_BACKEND),
        Stage(host=_ON_BACKEND, others=(_DATABASE,)),
    ),
    **{
        ("container", f"NetworkSettings.Networks[map].{key}"): (Stage(host=_ON_BACKEND),)
        for key in ("Aliases[item]", "IPAMConfig", "DriverOpts[map]", "GwPriority")
    },
    ("container", "Config.VolumesFrom"): (_old,),
    ("container", "Config.VolumeDriver"): (_old, replace(_old, host={"Binds": ["site-data:/data"]})),
    **{
        ("container", f"Config.{key}"): (_old,)
        for key in (
            "Memory",
            "MemorySwap",
            "CpuShares",
            "Cpuset",
            "Dns[item]",
            "SecurityOpt[option]",
            "Ulimits[ulimit]",
            "PortSpecs[item]",
        )
    },
    ("podman", "Config.HealthcheckOnFailureAction"): (_check(),),
    ("volume", "Driver"): (Stage(volume_bytes={"site-data": 10**9}, answers=_CLAIMED),),
    ("volume", "Options[map]"): (Stage(volume_bytes={"site-data": 10**9}, answers=_CLAIMED),),
    ("volume", "Labels[map]"): (Stage(volume_bytes={"site-data": 10**9}, answers=_CLAIMED),),
    ("volume", "ClusterVolume.Spec"): (
        Stage(
            host={"Mounts": [{"Type": "cluster", "Source": "site-data", "Target": "/data"}]},
            answers={"mount-unsupported": "site-claim"},
        ),
    ),
    ("network", "Internal"): (Stage(), Stage(target=replace(OPEN, isolation="networkpolicy"))),
}


def stages(kind: str, pattern: str) -> tuple[Stage, ...]:
    return STAGES.get((kind, pattern), (Stage(),))

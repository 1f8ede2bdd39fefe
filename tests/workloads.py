"""Workloads made by hand, as the inspect reader makes them of one container each."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from converters.fields.verdict import Origins, Source
from converters.workload import Container, Env, Image, Instance, Pair, Port, Published, Workload

DIGEST = "sha256:" + "a" * 64


def atom(document: str, path: str) -> Origins:
    return (Source(document=document, path=path),)


def image(reference: str = "reg.example/web:1", digest: str = DIGEST, platform: str = "linux/amd64") -> Image:
    repository = reference.rpartition(":")[0] or reference
    return Image(reference=reference, digest=digest, repository=repository, platforms=(platform,))


def running(
    name: str,
    *,
    host: str = "h1",
    site: str = "",
    state: str = "running",
    env: dict[str, str] | None = None,
    labels: dict[str, str] | None = None,
    ports: dict[int, int] | None = None,
    container: dict[str, Any] | None = None,
    **workload: Any,
) -> Workload:
    """One container on a host: ``ports`` is container port to host port (0: chosen by the engine)."""
    document = f"{host}/container/{name}"
    box = Container(
        name=name,
        image=image(),
        env=tuple(
            Env(name=k, value=v, origins=atom(document, f"Config.Env[{k}]")) for k, v in sorted((env or {}).items())
        ),
        labels=tuple(
            Pair(key=k, value=v, origins=atom(document, f"Config.Labels[{k}]"))
            for k, v in sorted((labels or {}).items())
        ),
        ports=tuple(
            Port(
                container_port=inner,
                origins=atom(document, f"Config.ExposedPorts[{inner}/tcp]"),
                published=(
                    Published(
                        host_port=outer, origins=atom(document, f"HostConfig.PortBindings[{inner}/tcp][:{outer}]")
                    ),
                ),
            )
            for inner, outer in sorted((ports or {}).items())
        ),
        origins={"image": atom(document, "Config.Image")},
    )
    return Workload(
        name=name,
        containers=(replace(box, **(container or {})),),
        instances=(Instance(name=name, host=host, site=site, id=name * 4, document=document, state=state),),
        **workload,
    )

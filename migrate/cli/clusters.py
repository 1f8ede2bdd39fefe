"""Which cluster a command means: --context, --kubeconfig and -n, as kubectl spells them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from ..cluster import Cluster

Function = Callable[..., Any]

# What a namespace, and each workload, may be called in Kubernetes.
LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How the cluster is reached; None is what kubectl itself would use."""

    context: str | None = None
    kubeconfig: str | None = None
    namespace: str | None = None


def cluster_options(function: Function, *, namespace_help: str = "For objects that name no namespace.") -> Function:
    """Adds the options; the command's function gets ``reach``."""

    # with the options that click keeps of what stands below this decorator
    @wraps(function)
    def with_reach(*args: Any, context: str | None, kubeconfig: str | None, namespace: str | None, **more: Any) -> Any:
        return function(*args, reach=Reach(context=context, kubeconfig=kubeconfig, namespace=namespace), **more)

    decorated: Function = with_reach
    for option in (
        click.option("-n", "--namespace", metavar="NAME", callback=_namespace, help=namespace_help),
        click.option("--kubeconfig", metavar="FILE", help="The kubeconfig; kubectl's own if not said."),
        click.option("--context", metavar="NAME", help="The kubeconfig's context; its current one if not said."),
    ):
        decorated = option(decorated)
    return decorated


def cluster_of(reach: Reach) -> Cluster:
    """The cluster, not yet connected to. Raises PodliftError as :class:`Cluster` does."""
    from ..cluster import Cluster

    return Cluster(reach.context, reach.kubeconfig, namespace=reach.namespace)


def _namespace(ctx: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """An API server does not refuse to list where no namespace can be: nothing is found there."""
    if value is not None and not LABEL.fullmatch(value):
        raise click.BadParameter(f"{value!r} is no name that a namespace can have", ctx=ctx, param=parameter)
    return value

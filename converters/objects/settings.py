"""Verdicts on what has no object: settings without a counterpart, log drivers, values that lost.

Values are not quoted unless they are numbers or switches: an unknown field or a log option may hold a secret.
"""

from __future__ import annotations

from collections.abc import Callable

from ..fields.catalogue import code_named
from ..fields.ledger import Ledger
from ..workload import Container, Setting, Workload
from .context import Context

# Drivers whose logs stay on the host in files, as a pod's do.
FILE_DRIVERS = ("json-file", "local")


def tell_settings(workload: Workload, *, context: Context, ledger: Ledger) -> None:
    """Says what became of every Setting, of log drivers and their options, and of overruled values."""
    for setting in workload.settings:
        _tell(setting, workload.name, ledger)
    for container in workload.containers:
        for setting in container.settings:
            if setting.code == "memory-swap" and setting.value == container.memory_limit_bytes:
                ledger.exact(setting.origins, setting.code, why="no swap beside the memory, as a pod has none")
            else:
                _tell(setting, container.name, ledger)
        _tell_logging(container, context, ledger)
    for lost in workload.overruled:
        ledger.dropped(lost.origins, "overruled", why=f"{lost.attribute}: the other side's value was taken")


def _tell(setting: Setting, owner: str, ledger: Ledger) -> None:
    told = _BY_CODE.get(setting.code)
    if told is not None:
        told(setting, ledger)
    elif code_named(setting.code).drop:
        ledger.dropped(setting.origins, setting.code, why=code_named(setting.code).about + _shown(setting))
    else:
        _open(setting, ledger, subject=f"{owner}: {setting.code}")


def _open(setting: Setting, ledger: Ledger, subject: str = "") -> None:
    """A question that only ``drop`` answers: nothing in podlift knows what to make of it."""
    subject = subject or setting.code
    if ledger.ask(setting.code, setting.origins, subject) == "drop":
        ledger.dropped(setting.origins, setting.code, why="left out, as decided")
    else:
        ledger.undecided(
            setting.origins,
            setting.code,
            why=code_named(setting.code).about,
            options=code_named(setting.code).options or (("drop", "go without it"),),
            chosen="drop",
            subject=subject,
        )


def _ignored(setting: Setting, ledger: Ledger) -> None:
    """A mapping's ``ignore`` gives the reason in place of the value."""
    reason = setting.value if isinstance(setting.value, str) else ""
    ledger.dropped(setting.origins, "ignored", why=reason or code_named("ignored").about)


def _used(setting: Setting, ledger: Ledger) -> None:
    """It chose, named or confirmed something, and has no effect of its own."""
    ledger.exact(setting.origins, setting.code, why=code_named(setting.code).about)


_BY_CODE: dict[str, Callable[[Setting, Ledger], None]] = {
    "unknown-field": _open,
    "not-mapped": _open,
    "ignored": _ignored,
    "selection": _used,
    "agrees": _used,
}


def _shown(setting: Setting) -> str:
    return f" ({setting.value})" if isinstance(setting.value, bool | int | float) else ""


def _tell_logging(container: Container, context: Context, ledger: Ledger) -> None:
    driver, origins = container.log_driver, container.origins.get("log_driver", ())
    shipped = driver in context.target.log_drivers
    if not driver:
        ledger.exact(origins, "log-driver")
    elif shipped:
        why = f"{driver}: the cluster's log collector ships to the same place, as the target says"
        ledger.dropped(origins, "log-driver", why=why)
    elif driver in FILE_DRIVERS:
        why = f"{driver}: nothing to say; a pod's output is in log files of its node, rotated by the kubelet"
        ledger.dropped(origins, "log-driver", why=why, todo="look at the kubelets' containerLogMaxSize")
    elif driver == "none":
        why = "none: nothing was kept; a pod's output is kept on its node for kubectl logs"
        ledger.dropped(origins, "log-driver", why=why, todo="make the program quiet if its output must not be kept")
    else:
        ledger.dropped(
            origins, "log-driver", why=f"{driver}: not shipped there any more; kubectl logs shows the output"
        )
    for option in container.log_options:
        why = (
            f"{option.key}: the cluster's log collector has options of its own"
            if shipped
            else f"{option.key}: {_OPTION}"
        )
        ledger.dropped(option.origins, "log-option", why=why)


_OPTION = "rotation and labels of log files are the kubelet's and the collector's"

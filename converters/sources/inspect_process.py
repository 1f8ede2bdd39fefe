"""What a container's document says of its process: argv, environment, user, checks, limits, security."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..decisions import Decisions
from ..fields.mirrors import argv
from ..fields.verdict import Origins
from ..secrecy import WITHHELD, WITHHELD_AS_IMAGE, is_secret
from ..workload import Check, Device, DeviceRequest, Env, Item, Limit, Pair, Restart, Setting, Termination
from .inspect_document import Document, Draft, chosen

_NANOSECONDS = 1e9
_FOR_EVER_S = 31_536_000.0
_DEFAULT_SHELL = ("/bin/sh", "-c")
_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounts:
    """The texts of an image's /etc/passwd and /etc/group, ``""`` where they are not known."""

    passwd: str = ""
    group: str = ""

    def user(self, name: str) -> tuple[str, str] | None:
        """uid and primary gid of a name."""
        for line in self.passwd.splitlines():
            parts = line.split(":")
            if len(parts) > 3 and parts[0] == name:
                return parts[2], parts[3]
        return None

    def gid(self, name: str) -> str | None:
        for line in self.group.splitlines():
            parts = line.split(":")
            if len(parts) > 2 and parts[0] == name:
                return parts[2]
        return None


def read_command(document: Document, image: Mapping[str, Any] | None, draft: Draft) -> None:
    """argv as conversion.md 3.1 has it. None leaves the image's own, ``()`` clears it.

    Where Path and Args disagree with Config, they tell what runs, and count.
    """
    entrypoint, of_entrypoint = _list_or_string(document, "Config.Entrypoint")
    command, of_command = document.words("Config.Cmd")
    path, of_path = document.text("Path")
    args, of_args = document.words("Args")
    if of_path or of_args:
        runs = (path or str(document.part("Path") or ""), *(args or document.part("Args") or ()))
        draft.set("entrypoint", runs[:1], of_path + of_entrypoint or of_args)
        draft.set("args", runs[1:], of_args + of_command or of_path)
        return
    if of_entrypoint:
        # The image's CMD is discarded beside an entrypoint, so the arguments are given too, if only by their absence.
        if not entrypoint and not of_command:
            command = tuple(document.part("Config", "Cmd") or ())
        draft.set("entrypoint", entrypoint, of_entrypoint)
        draft.set("args", command, of_command or of_entrypoint)
    elif of_command:
        own = document.part("Config", "Entrypoint") or ()
        if not command:
            # Cleared beside the image's own entrypoint: a pod cannot say "no arguments", so the entrypoint is said.
            draft.set("entrypoint", tuple(own), of_command)
        elif image is None:
            # The document is merged already: no entrypoint here is none at all.
            draft.set("entrypoint", (), of_command)
        draft.set("args", command, of_command)


def _list_or_string(document: Document, pattern: str) -> tuple[tuple[str, ...], Origins]:
    """Podman prints an entrypoint as one string; what Path and Args say beyond Cmd takes it apart."""
    value, origins = document.one(pattern)
    if not isinstance(value, str) or argv(document.raw) is not None:
        return document.words(pattern)
    words = [document.part("Path"), *(document.part("Args") or ())]
    command = document.part("Config", "Cmd") or []
    entrypoint = words[: len(words) - len(command)] if words[len(words) - len(command) :] == command else [value]
    return tuple(str(word) for word in entrypoint), origins


def read_env(document: Document, decisions: Decisions | None) -> tuple[Env, ...]:
    """In the document's order; of a name that stands twice the last counts, with the origins of all."""
    found: dict[str, Env] = {}
    for _, entry, origins in document.texts("Config.Env[env]"):
        name, given, value = entry.partition("=")
        before = found.get(name)
        withheld = value in (WITHHELD, WITHHELD_AS_IMAGE)
        found[name] = Env(
            name=name,
            value=value if given and not withheld else None,
            secret=bool(given) and (withheld or is_secret(name, value, decisions)),
            withheld=withheld,
            origins=(before.origins if before else ()) + origins,
        )
    return tuple(found.values())


def read_user(document: Document, accounts: Accounts, inherited: Mapping[str, Any], draft: Draft) -> None:
    """Numbers where the image's accounts tell them, else the names as they are. A user by name brings its primary
    group, as Docker looks it up."""
    text, origins = document.text("Config.User")
    if origins:
        user, group = _account(text, accounts)
        draft.set("user", user or "0", origins)
        if group:
            draft.set("group", group, origins)
    elif "group" in inherited:
        # A pod that says nothing takes the user of the image and not its group (kubelet and container runtimes read
        # the part before the colon), so what Docker takes from the image has to be said.
        user, group = _account(f"{inherited.get('user', '')}:{inherited['group']}", accounts)
        if _NUMBER.fullmatch(user) and _NUMBER.fullmatch(group):
            draft.set("user", user, ())
            draft.set("group", group, ())
    groups = []
    for _, name, of_group in document.texts("HostConfig.GroupAdd[item]"):
        groups.append(Item(value=name if _NUMBER.fullmatch(name) else accounts.gid(name) or name, origins=of_group))
    draft.set("groups", tuple(groups))


def _account(text: str, accounts: Accounts) -> tuple[str, str]:
    """User and group as numbers where the accounts tell them; ``""`` for a group that nothing says."""
    user, _, group = text.partition(":")
    if user and not _NUMBER.fullmatch(user) and (known := accounts.user(user)):
        user, primary = known
        group = group or primary
    if group and not _NUMBER.fullmatch(group):
        group = accounts.gid(group) or group
    return user, group


def read_checks(document: Document) -> tuple[tuple[Check, ...], tuple[Setting, ...]]:
    """HEALTHCHECK, merged field by field with the image's by the engine; and the shell, where no check uses it."""
    shell, of_shell = document.words("Config.Shell")
    test, of_test = document.words("Config.Healthcheck.Test")
    values: dict[str, Any] = {}
    origins: dict[str, Origins] = {}
    for key, attribute in (
        ("Interval", "interval_s"),
        ("Timeout", "timeout_s"),
        ("StartPeriod", "start_period_s"),
        ("StartInterval", "start_interval_s"),
    ):
        nanoseconds, of_key = document.number(f"Config.Healthcheck.{key}")
        if nanoseconds is not None:
            values[attribute], origins[attribute] = nanoseconds / _NANOSECONDS, of_key
    retries, of_retries = document.number("Config.Healthcheck.Retries")
    if retries is not None:
        values["failures"], origins["failures"] = retries, of_retries
    action, of_action = document.text("Config.HealthcheckOnFailureAction")
    if action:
        values["restarts"], origins["restarts"] = action in ("restart", "kill", "stop"), of_action
    unused: tuple[Setting, ...] = ()
    by_shell = test[:1] == ("CMD-SHELL",)
    if of_shell and not by_shell:
        unused = (Setting(code="shell-unused", value=list(shell), origins=of_shell),)
    if not of_test:
        if origins:
            # Times without a test (nothing for them to act on) belong to a check that is none.
            return (Check(disabled=True, origins=origins, **values),), unused
        return (), unused
    if test[0] == "NONE":
        return (Check(disabled=True, origins={"disabled": of_test, **origins}, **values),), unused
    words = (*(shell or _DEFAULT_SHELL), *test[1:]) if by_shell else test[1:] if test[0] == "CMD" else test
    if len(test) == 1 and test[0] in ("CMD", "CMD-SHELL"):
        raise document.malformed("Config.Healthcheck.Test", "a command", list(test))
    return (Check(argv=words, origins={"argv": of_test + (of_shell if by_shell else ()), **origins}, **values),), unused


def read_limits(document: Document, draft: Draft) -> tuple[Setting, ...]:
    """CPU, memory, shared memory, ulimits. Old engines keep some in Config; then both stand behind one value."""
    for attribute, patterns in (
        ("memory_limit_bytes", ("HostConfig.Memory", "Config.Memory")),
        ("memory_request_bytes", ("HostConfig.MemoryReservation",)),
        ("cpu_shares", ("HostConfig.CpuShares", "Config.CpuShares")),
        ("shm_bytes", ("HostConfig.ShmSize",)),
    ):
        for pattern in patterns:
            number, origins = document.number(pattern, least=0)
            if origins:
                draft.set(attribute, draft.values.get(attribute, number), origins)
    unused: tuple[Setting, ...] = ()
    nano, of_nano = document.number("HostConfig.NanoCpus", least=0)
    quota, of_quota = document.number("HostConfig.CpuQuota")
    period, of_period = document.number("HostConfig.CpuPeriod")
    if nano:
        draft.set("cpu_limit_m", nano / 1e6, of_nano + of_quota + of_period)
    elif quota:
        draft.set("cpu_limit_m", quota * 1000 / (period or 100_000), of_quota + of_period)
    elif of_period:
        unused = (Setting(code="cpu-period", value=period, origins=of_period),)
    limits: dict[str, Limit] = {}
    for pattern in ("HostConfig.Ulimits[ulimit]", "Config.Ulimits[ulimit]"):
        for found, value, origins in document.objects(pattern):
            name = str(value.get("Name") or chosen(found.path)).lower().removeprefix("rlimit_")
            soft, hard = value.get("Soft", value.get("Hard", -1)), value.get("Hard", value.get("Soft", -1))
            if not isinstance(soft, int) or not isinstance(hard, int):
                raise document.malformed(found.path, "whole numbers under Soft and Hard", value)
            before = limits.get(name)
            limits[name] = Limit(name=name, soft=soft, hard=hard, origins=(before.origins if before else ()) + origins)
    draft.set("ulimits", tuple(limits.values()))
    return unused


def read_security(document: Document, draft: Draft) -> tuple[Setting, ...]:
    """Capabilities, security options, kernel paths. Options use ``=`` or, in old documents, ``:``."""
    cap_add = [Item(value=cap, origins=o) for _, cap, o in document.texts("HostConfig.CapAdd[item]")]
    cap_drop = [Item(value=cap, origins=o) for _, cap, o in document.texts("HostConfig.CapDrop[item]")]
    exact = [Item(value=cap, origins=o) for _, cap, o in document.texts("HostConfig.Capabilities[item]")]
    if exact:
        cap_add += exact
        cap_drop.append(Item(value="ALL", origins=tuple(source for item in exact for source in item.origins)))
    draft.set("cap_add", tuple(cap_add))
    draft.set("cap_drop", tuple(cap_drop))
    others: list[Setting] = []
    selinux: list[Pair] = []
    for pattern in ("HostConfig.SecurityOpt[option]", "Config.SecurityOpt[option]"):
        for _, option, origins in document.texts(pattern):
            separator = "=" if "=" in option and ":" not in option.partition("=")[0] else ":"
            name, _, value = option.partition(separator)
            if name in ("seccomp", "apparmor"):
                draft.set(name, value, origins)
            elif name == "no-new-privileges":
                draft.set("no_new_privileges", value in ("", "true"), origins)
            elif name == "label":
                key, _, label = value.partition(":")
                selinux.append(Pair(key=key, value=label, origins=origins))
            elif name == "systempaths" and value == "unconfined":
                draft.set("unmasked_paths", True, origins)
            else:
                others.append(Setting(code="security-option", value=option, origins=origins))
    draft.set("selinux", tuple(selinux))
    for pattern in ("HostConfig.MaskedPaths", "HostConfig.ReadonlyPaths"):
        paths, origins = document.words(pattern)
        if origins and not paths:
            draft.set("unmasked_paths", True, origins)
        elif origins:
            others.append(Setting(code="masked-paths", value=list(paths), origins=origins))
    return tuple(others)


def read_devices(document: Document, draft: Draft) -> None:
    devices = []
    for found, value, origins in document.objects("HostConfig.Devices[device]"):
        device = [value.get(key) or "" for key in ("PathOnHost", "PathInContainer", "CgroupPermissions")]
        if not all(isinstance(part, str) for part in device):
            raise document.malformed(found.path, "strings", value)
        host, inside, permissions = device
        devices.append(
            Device(host_path=host, container_path=inside or host, permissions=permissions or "rwm", origins=origins)
        )
    draft.set("devices", tuple(devices))
    requests = []
    for found, value, origins in document.objects("HostConfig.DeviceRequests[index]"):
        count = value.get("Count") or 0
        capabilities, identities = value.get("Capabilities") or [], value.get("DeviceIDs") or []
        options = value.get("Options") or {}
        lists = isinstance(capabilities, list) and all(isinstance(group, list) for group in capabilities)
        if not isinstance(count, int) or not lists or not isinstance(identities, list) or not isinstance(options, dict):
            raise document.malformed(found.path, "a device request", value)
        requests.append(
            DeviceRequest(
                driver=str(value.get("Driver") or ""),
                count=count,
                device_ids=tuple(map(str, identities)),
                capabilities=tuple(tuple(map(str, group)) for group in capabilities),
                options={str(k): str(v) for k, v in options.items()},
                origins=origins,
            )
        )
    draft.set("device_requests", tuple(requests))


def read_restart(document: Document) -> Restart:
    policy, origins = document.one("HostConfig.RestartPolicy")
    if not origins:
        return Restart()
    if not isinstance(policy, dict) or not isinstance(policy.get("Name"), str):
        raise document.malformed("HostConfig.RestartPolicy", "an object with Name", policy)
    attempts = policy.get("MaximumRetryCount") or 0
    if not isinstance(attempts, int):
        raise document.malformed("HostConfig.RestartPolicy", "a whole MaximumRetryCount", policy)
    return Restart(policy=policy["Name"], attempts=attempts, origins=origins)


def read_termination(document: Document) -> Termination:
    """The signal by name or number, as text. A timeout of -1 waits for ever; a year stands for it."""
    signal, of_signal = document.one("Config.StopSignal")
    timeout, of_timeout = document.number("Config.StopTimeout")
    origins: dict[str, Origins] = {}
    if of_signal:
        if not isinstance(signal, str | int):
            raise document.malformed("Config.StopSignal", "a signal", signal)
        origins["signal"] = of_signal
    if of_timeout:
        origins["grace_s"] = of_timeout
    grace = None if timeout is None else _FOR_EVER_S if timeout < 0 else float(timeout)
    return Termination(signal=str(signal) if of_signal else "", grace_s=grace, origins=origins)

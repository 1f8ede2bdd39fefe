"""From what the probe and the kernel tell of a container to flat facts: a name, and a value to compare.

Names are dotted (``environ.LOG``, ``mounts./data.writable``); the parts of a set are facts of their own
(``groups.2000``), so that a verdict on one says nothing about the others. What is another value in each run of the same
container (process numbers, identities of namespaces, addresses of the container itself) is told by its meaning instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Facts = dict[str, Any]

_CAPABILITIES = (
    "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP",
    "LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER",
    "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE",
    "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP",
    "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF",
    "CHECKPOINT_RESTORE",
)  # fmt: skip
_SETS = {
    "CapBnd": "bounding",
    "CapPrm": "permitted",
    "CapEff": "effective",
    "CapInh": "inheritable",
    "CapAmb": "ambient",
}
_IDS = ("real", "effective", "saved", "filesystem")
_SECCOMP = {"0": "off", "1": "strict", "2": "filter"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What was seen of one container on one side.

    report      what the probe told
    limits      cgroups.limits()
    shares      kind of namespace to whose it is: ``own``, ``host``, or the name of another container of the shape
    behaviour   facts of what was watched, by name
    """

    report: Mapping[str, Any]
    limits: Mapping[str, Any] = field(default_factory=dict)
    shares: Mapping[str, str] = field(default_factory=dict)
    behaviour: Mapping[str, Any] = field(default_factory=dict)


def flatten(seen: Seen) -> Facts:
    report = seen.report
    facts: Facts = {
        "argv": report["argv"],
        "exe": report["exe"],
        "cwd": report["cwd"],
        "apparmor": report["apparmor"],
        "oom_score_adj": report["oom_score_adj"],
        "uid_map": report["uid_map"],
        "tty": report["tty"],
        "stdin": report["stdin"],
        "hostname": report["hostname"],
        "domainname": report["domainname"],
        "kernel": report["kernel"],
        "files.digest": report["files"]["digest"],
    }
    facts |= _process(report, seen.shares)
    facts |= _environ(report["environ"])
    facts |= _status(report["status"])
    facts |= {f"files.{path}": True for path in report["files"]["marks"]}
    for name, (soft, hard) in report["limits"].items():
        facts |= {f"limits.{name}.soft": soft, f"limits.{name}.hard": hard}
    facts |= _mounts(report)
    facts |= {f"kernel_paths.{path}": state for path, state in report["kernel_paths"].items()}
    facts |= {f"devices.{path}": said for path, said in report["devices"].items()}
    facts |= {f"sysctls.{name}": value for name, value in report["sysctls"].items()}
    facts |= _network(report)
    facts |= {f"namespaces.{kind}": whose for kind, whose in seen.shares.items()}
    for name, value in seen.limits.items():
        if name == "devices":
            facts |= {f"cgroup.devices.{line}": True for line in value}
        else:
            facts[f"cgroup.{name}"] = value
    facts |= seen.behaviour
    return facts


def _process(report: Mapping[str, Any], shares: Mapping[str, str]) -> Facts:
    # what runs on the host is another thing on each
    if shares.get("pid") == "host":
        return {"pid1": "of the host"}
    return {"pid1": "itself" if report["pid"] == 1 else report["pid1"]}


def _environ(lines: Iterable[str]) -> Facts:
    made: Facts = {}
    for line in lines:
        name, equals, value = line.partition("=")
        made[f"environ.{name}"] = value if equals else "(no value)"
    return made


def _status(status: Mapping[str, str]) -> Facts:
    made: Facts = {
        "umask": status["Umask"],
        "no_new_privs": status["NoNewPrivs"],
        "seccomp": _SECCOMP[status["Seccomp"]],
    }
    for name in ("Uid", "Gid"):
        for kind, value in zip(_IDS, status[name].split(), strict=True):
            made[f"{name.lower()}.{kind}"] = value
    for group in status["Groups"].split():
        made[f"groups.{group}"] = True
    held: dict[str, list[str]] = {}
    for key, name in _SETS.items():
        bits = int(status[key], 16)
        for number in range(bits.bit_length()):
            if bits >> number & 1:
                capability = _CAPABILITIES[number] if number < len(_CAPABILITIES) else str(number)
                held.setdefault(capability, []).append(name)
    return made | {f"capabilities.{capability}": " ".join(sets) for capability, sets in held.items()}


def _mounts(report: Mapping[str, Any]) -> Facts:
    made: Facts = {}
    guarded = report["kernel_paths"]
    for path, mount in report["mounts"].items():
        if path in guarded:
            continue
        # what the disk below holds is the machine's; a memory file system has a size of its own
        sized = mount["type"] == "tmpfs" or path == "/"
        facts = {
            "type": mount["type"],
            "options": mount["options"],
            "read_only": mount["read_only"],
            "propagation": mount["propagation"],
            "owner": mount["owner"],
            "mode": mount["mode"],
            "writable": mount["writable"],
            **({"size": mount["size"]} if sized else {}),
            "content": mount["content"] or [],
        }
        made |= {f"mounts.{path}.{name}": value for name, value in facts.items()}
    return made


def _network(report: Mapping[str, Any]) -> Facts:
    made: Facts = {}
    own = set()
    for name, each in report["interfaces"].items():
        for key in ("mtu", "mac", "up"):
            made[f"interfaces.{name}.{key}"] = each[key]
        made[f"interfaces.{name}.addresses"] = each["addresses"]
        own |= {address.partition("/")[0] for address in each["addresses"]} - {"127.0.0.1", "::1"}
    lines = [line.split() for line in report["routes"].splitlines()[1:]]
    made["routes.default"] = any(line[1] == "00000000" for line in lines)
    made |= _resolver(report["resolver"])
    names: dict[str, list[str]] = {}
    own_names = set()
    for line in report["hosts"].splitlines():
        address, *aliases = line.partition("#")[0].split() or [""]
        if address in own:
            own_names |= {"(its host name)" if alias == report["hostname"] else alias for alias in aliases}
            continue
        for alias in aliases:
            names.setdefault(alias, []).append(address)
    made["own_names"] = sorted(own_names)
    return made | {f"hosts.{name}": sorted(addresses) for name, addresses in names.items()}


def _resolver(text: str) -> Facts:
    made: Facts = {}
    for line in text.splitlines():
        key, *values = line.partition("#")[0].split() or [""]
        if key == "nameserver":
            made |= {f"resolver.nameservers.{value}": True for value in values}
        elif key in ("search", "domain"):
            made |= {f"resolver.search.{value}": True for value in values}
        elif key == "options":
            for value in values:
                name, _, number = value.partition(":")
                made[f"resolver.options.{name}"] = number or True
    return made

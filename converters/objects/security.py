"""The security context of a container: as Docker ran it, not as Kubernetes would by default."""

from __future__ import annotations

import re
from typing import Any

from ..errors import PodliftError
from ..fields.ledger import Ledger
from ..fields.verdict import Origins
from ..workload import Container, Item
from .context import Context
from .pod_security import BASELINE_CAPABILITIES, RESTRICTED_CAPABILITIES, demanded, refused, selinux_types

APPARMOR_FIELD_SINCE = (1, 30)
PROC_MOUNT_SINCE = (1, 33)
_NUMBER = re.compile(r"\d{1,10}", re.ASCII)
ACCOUNT_LIMIT = (1 << 31) - 1
_SELINUX_KEYS = ("user", "role", "type", "level")


def security_context(
    container: Container, *, name: str, context: Context, ledger: Ledger, device_access: bool = False
) -> dict[str, Any]:
    """``securityContext`` of the container that the pod calls ``name``.

    device_access  a host device is mounted: the container must be privileged (devices.py has told the ledger)
    """
    made: dict[str, Any] = {}
    at = _Place(container, name, context, ledger)
    privileged = _privileged(at) or device_access
    made.update(_accounts(at))
    if privileged:
        made["privileged"] = True
    made.update(_escalation(at, privileged))
    if capabilities := _capabilities(at):
        made["capabilities"] = capabilities
    if container.read_only_root:
        made["readOnlyRootFilesystem"] = True
    at.said("read_only_root", "read-only-root", "readOnlyRootFilesystem", on=container.read_only_root)
    made.update(_proc_mount(at, privileged))
    made.update(_seccomp(at, privileged))
    made.update(_apparmor(at))
    if selinux := _selinux(at):
        made["seLinuxOptions"] = selinux
    return made


def needs_user_namespace(container: Container, context: Context) -> bool:
    """Whether the pod needs ``hostUsers: false``: the API server takes ``procMount: Unmasked`` in no other pod."""
    return (
        container.unmasked_paths
        and not container.privileged
        and _has_proc_mount(context)
        and (context.target.pod_security == "privileged")
    )


def apparmor_annotations(container: Container, *, name: str, context: Context) -> dict[str, str]:
    """The pod's annotation for a profile, for clusters before 1.30, which have no field for it."""
    if not container.apparmor or context.target.version >= APPARMOR_FIELD_SINCE:
        return {}
    kind, profile = _apparmor_profile(container.apparmor)
    if kind == "Unconfined" and context.target.pod_security != "privileged":
        return {}
    value = {"RuntimeDefault": "runtime/default", "Unconfined": "unconfined"}.get(kind, f"localhost/{profile}")
    return {f"container.apparmor.security.beta.kubernetes.io/{name}": value}


class _Place:
    """A container, and where its security context stands."""

    def __init__(self, container: Container, name: str, context: Context, ledger: Ledger) -> None:
        self.container = container
        self.name = name
        self.context = context
        self.ledger = ledger

    def targets(self, path: str) -> tuple[str, ...]:
        return self.context.in_pod(f"spec.containers[{self.name}].securityContext.{path}")

    def origins(self, *attributes: str) -> Origins:
        found: dict[Any, None] = {}
        for attribute in attributes:
            found.update(dict.fromkeys(self.container.origins.get(attribute, ())))
        return tuple(found)

    def said(self, attribute: str, code: str, path: str, *, on: bool) -> None:
        """A switch that arrives as it is; where a document said "off", a pod without the field is the same."""
        self.ledger.exact(self.origins(attribute), code, *(self.targets(path) if on else ()))

    def refused(self, strictest: str, origins: Origins, what: str, subject: str) -> bool:
        return refused(
            strictest, origins, what=what, context=self.context, ledger=self.ledger, subject=f"{self.name}: {subject}"
        )

    def demanded(self, demand: str, path: str, what: str) -> bool:
        return demanded(
            f"{self.name}: {demand}", what=what, targets=self.targets(path), context=self.context, ledger=self.ledger
        )


def _privileged(at: _Place) -> bool:
    origins = at.origins("privileged")
    if at.container.privileged and at.refused("privileged", origins, "a privileged container", "privileged"):
        return False
    at.said("privileged", "privileged", "privileged", on=at.container.privileged)
    if at.container.privileged:
        at.ledger.exact(origins, "privileged", *at.targets("seccompProfile"))
    return at.container.privileged


def _accounts(at: _Place) -> dict[str, Any]:
    """``runAsUser`` and ``runAsGroup``. Without a group Docker and the container runtimes of Kubernetes both take the
    user's own from the image's /etc/passwd, or 0."""
    user, group = _number(at.container.user), _number(at.container.group)
    origins = at.origins("user", "group")
    if (at.container.user and user is None) or (at.container.group and group is None):
        answer = at.ledger.ask("user-unresolved", origins, f"{at.name}: user")
        spelled = ":".join(part for part in (at.container.user, at.container.group) if part)
        if answer is None:
            at.ledger.undecided(
                origins,
                "user-unresolved",
                *at.targets("runAsUser"),
                why=f"{spelled} is no number that a pod takes, and the accounts of the image are not known",
                subject=f"{at.name}: user",
            )
            return {}
        user, group = _answered_account(answer)
        at.ledger.exact(origins, "user-unresolved", *at.targets("runAsUser"), why=f"{spelled} is {answer}, as decided")
    made: dict[str, Any] = {}
    code = "user"
    if user is not None:
        made["runAsUser"] = user
    if group is not None:
        made["runAsGroup"] = group
    at.ledger.exact(origins, code, *(target for key in made for target in at.targets(key)))
    for target in () if origins else (target for key in made for target in at.targets(key)):
        at.ledger.defaulted(
            code, target, why="the image's own: a pod that says nothing takes its user without its group"
        )
    if at.context.target.pod_security != "restricted":
        return made
    if user:
        made["runAsNonRoot"] = True
        for target in at.targets("runAsNonRoot"):
            at.ledger.defaulted("security-default", target, why="the user is not root, and the level asks to say so")
    elif user == 0 and at.refused("baseline", origins, "root as the user", "user"):
        return {}
    elif user is None and at.demanded(
        "runAsNonRoot", "runAsNonRoot", "runAsNonRoot: the image's own user must be a number other than 0"
    ):
        made["runAsNonRoot"] = True
    return made


def _number(account: str | None) -> int | None:
    """``root`` is 0 in every image that has accounts at all."""
    if account == "root":
        return 0
    return int(account) if account and _takes(account) else None


def _takes(account: str) -> bool:
    return _NUMBER.fullmatch(account) is not None and int(account) <= ACCOUNT_LIMIT


def _answered_account(answer: str) -> tuple[int, int | None]:
    user, _, group = answer.partition(":")
    if not _takes(user) or (group and not _takes(group)):
        raise PodliftError(
            code="answer-unfit",
            phase="convert",
            subject="user-unresolved",
            reason=f"the answer {answer!r} is neither UID nor UID:GID",
            next_step="answer with numbers, for example 1000 or 1000:1000",
        )
    return int(user), int(group) if group else None


def _escalation(at: _Place, privileged: bool) -> dict[str, Any]:
    container, origins = at.container, at.origins("no_new_privileges")
    if container.no_new_privileges and privileged:
        at.ledger.dropped(
            origins,
            "security-option",
            why="no-new-privileges: the API server refuses allowPrivilegeEscalation: false on a privileged container",
        )
        return {}
    at.said("no_new_privileges", "no-new-privileges", "allowPrivilegeEscalation", on=container.no_new_privileges)
    if container.no_new_privileges or at.demanded(
        "allowPrivilegeEscalation",
        "allowPrivilegeEscalation",
        "allowPrivilegeEscalation: false: set-user-ID programs such as sudo and ping gain nothing",
    ):
        return {"allowPrivilegeEscalation": False}
    return {}


def _capabilities(at: _Place) -> dict[str, list[str]]:
    """Capabilities to add and to drop. Where both lists name one, Docker adds it and the runtimes of Kubernetes drop
    it, so it is left out of the drops (moby oci/caps TweakCapabilities; ``ALL`` likewise)."""
    adds: dict[str, Origins] = {}
    for item in at.container.cap_add:
        capability = _capability(item)
        admitted = (
            "restricted"
            if capability in RESTRICTED_CAPABILITIES
            else "baseline"
            if capability in BASELINE_CAPABILITIES
            else "privileged"
        )
        if not at.refused(admitted, item.origins, f"the capability {capability}", f"capability {capability}"):
            adds[capability] = item.origins
            at.ledger.exact(item.origins, "capability-add", *at.targets("capabilities.add"))
    drops: set[str] = set()
    for item in at.container.cap_drop:
        capability = _capability(item)
        if capability in adds:
            why = f"dropping {capability}: it is added too, and Docker lets the addition win"
            at.ledger.dropped(item.origins, "security-option", why=why)
            continue
        drops.add(capability)
        at.ledger.exact(item.origins, "capability-drop", *at.targets("capabilities.drop"))
    if "ALL" not in drops and at.demanded(
        "drop ALL", "capabilities.drop", "capabilities: drop ALL: the process loses what Docker grants by default"
    ):
        drops = {"ALL"}
    made: dict[str, list[str]] = {}
    if adds:
        made["add"] = sorted(adds)
    if drops:
        made["drop"] = ["ALL"] if "ALL" in drops else sorted(drops)
    return made


def _capability(item: Item) -> str:
    return item.value.upper().removeprefix("CAP_")


def _has_proc_mount(context: Context) -> bool:
    return context.target.version >= PROC_MOUNT_SINCE or "ProcMountType" in context.target.gates


def _proc_mount(at: _Place, privileged: bool) -> dict[str, Any]:
    origins = at.origins("unmasked_paths")
    if not at.container.unmasked_paths or privileged:
        at.ledger.exact(origins, "system-paths", *(at.targets("privileged") if privileged else ()))
        return {}
    if at.refused("privileged", origins, "unmasked kernel paths (procMount)", "procMount"):
        return {}
    if not _has_proc_mount(at.context):
        if at.ledger.ask("system-paths-refused", origins, f"{at.name}: procMount") == "drop":
            at.ledger.dropped(origins, "system-paths-refused", why="left out, as decided")
        else:
            at.ledger.undecided(origins, "system-paths-refused", why="", subject=f"{at.name}: procMount")
        return {}
    at.ledger.approximated(
        origins,
        "system-paths",
        *at.targets("procMount"),
        *at.context.in_pod("spec.hostUsers"),
        why="the API server takes procMount: Unmasked only in a pod with a user namespace of its own",
        todo="check that root in the container need not be root on the node",
    )
    return {"procMount": "Unmasked"}


def _seccomp(at: _Place, privileged: bool) -> dict[str, Any]:
    """Docker filters system calls by default; Kubernetes does not, unless its kubelets are told to."""
    profile, origins = at.container.seccomp, at.origins("seccomp")
    targets = at.targets("seccompProfile")
    if profile in ("default", "builtin", "") and privileged:
        for target in targets:
            at.ledger.defaulted(
                "security-default", target, why="Docker filters no system call of a privileged container"
            )
        at.ledger.exact(origins, "seccomp", *targets)
        return {"seccompProfile": {"type": "Unconfined"}}
    if profile in ("default", "builtin", ""):
        if not origins:
            for target in targets:
                at.ledger.defaulted("security-default", target, why="Docker's default seccomp profile is on")
        at.ledger.exact(origins, "seccomp", *targets)
        return {"seccompProfile": {"type": "RuntimeDefault"}}
    if profile == "unconfined":
        if at.refused("privileged", origins, "no seccomp profile (unconfined)", "seccomp"):
            return {"seccompProfile": {"type": "RuntimeDefault"}}
        at.ledger.exact(origins, "seccomp", *targets)
        return {"seccompProfile": {"type": "Unconfined"}}
    return {"seccompProfile": _own_seccomp(at, origins, targets)}


def _own_seccomp(at: _Place, origins: Origins, targets: tuple[str, ...]) -> dict[str, str]:
    answer = at.ledger.ask("seccomp-profile", origins, f"{at.name}: seccomp")
    if answer is None:
        at.ledger.undecided(
            origins,
            "seccomp-profile",
            *targets,
            why="a seccomp profile of its own; a pod names one that lies on its node",
            subject=f"{at.name}: seccomp",
        )
    elif answer == "RuntimeDefault":
        at.ledger.approximated(origins, "seccomp-profile", *targets, why="the runtime's default profile, as decided")
    else:
        if answer.startswith("/") or ".." in answer.split("/"):
            raise PodliftError(
                code="answer-unfit",
                phase="convert",
                subject="seccomp-profile",
                reason=f"{answer!r} is no path below the kubelet's seccomp folder",
                next_step="answer with a relative path, for example profiles/web.json",
            )
        at.ledger.exact(origins, "seccomp-profile", *targets, why=f"the profile {answer} on the nodes, as decided")
        return {"type": "Localhost", "localhostProfile": answer}
    return {"type": "RuntimeDefault"}


def _apparmor_profile(profile: str) -> tuple[str, str]:
    if profile == "unconfined":
        return "Unconfined", ""
    if profile in ("docker-default", "runtime/default"):
        return "RuntimeDefault", ""
    return "Localhost", profile.removeprefix("localhost/")


def _apparmor(at: _Place) -> dict[str, Any]:
    container, origins = at.container, at.origins("apparmor")
    if not container.apparmor:
        at.ledger.exact(origins, "apparmor")
        return {}
    kind, profile = _apparmor_profile(container.apparmor)
    if kind == "Unconfined" and at.refused("privileged", origins, "no AppArmor profile (unconfined)", "apparmor"):
        return {}
    has_field = at.context.target.version >= APPARMOR_FIELD_SINCE
    targets = (
        at.targets("appArmorProfile")
        if has_field
        else at.context.in_pod(f"metadata.annotations[container.apparmor.security.beta.kubernetes.io/{at.name}]")
    )
    if kind == "Unconfined":
        at.ledger.exact(origins, "apparmor", *targets)
    elif kind == "RuntimeDefault":
        at.ledger.approximated(
            origins, "apparmor", *targets, why="the node's runtime has a default profile of its own, much like Docker's"
        )
    else:
        at.ledger.approximated(
            origins,
            "apparmor",
            *targets,
            why=f"the profile {profile} must be loaded on every node that runs the pod",
            todo="load the profile on the nodes before the pod starts",
        )
    if not has_field:
        return {}
    made = {"type": kind}
    if kind == "Localhost":
        made["localhostProfile"] = profile
    return {"appArmorProfile": made}


def _selinux(at: _Place) -> dict[str, str]:
    made: dict[str, str] = {}
    for pair in at.container.selinux:
        if pair.key == "disable":
            key, value = "type", "spc_t"
        elif pair.key in _SELINUX_KEYS:
            key, value = pair.key, pair.value
        else:
            at.ledger.dropped(pair.origins, "security-option", why=f"label={pair.key}: seLinuxOptions has no such part")
            continue
        harmless = key == "level" or (key == "type" and value in selinux_types(at.context))
        admitted = "restricted" if harmless else "privileged"
        if at.refused(admitted, pair.origins, f"the SELinux {key} {value}", f"selinux {key}"):
            continue
        made[key] = value
        targets = at.targets(f"seLinuxOptions.{key}")
        if pair.key == "disable":
            at.ledger.approximated(
                pair.origins, "selinux", *targets, why="labelling cannot be turned off; spc_t confines nothing either"
            )
        else:
            at.ledger.exact(pair.origins, "selinux", *targets)
    return {key: made[key] for key in _SELINUX_KEYS if key in made}

"""What the target's pod security level refuses, per the Pod Security Standards.

Each module that sets a field which some level refuses asks here first. A refused field is never written: the workload
is withheld until the user decides, since the API server would refuse its pods.
"""

from __future__ import annotations

from ..fields.ledger import Ledger
from ..fields.verdict import Origins
from .context import Context

LEVELS = ("privileged", "baseline", "restricted")

BASELINE_CAPABILITIES = frozenset(
    {
        "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP",
        "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
    }
)  # fmt: skip
RESTRICTED_CAPABILITIES = frozenset({"NET_BIND_SERVICE"})
_SELINUX_TYPES = frozenset({"", "container_t", "container_init_t", "container_kvm_t"})

COMPLY = "comply"


def refused(
    strictest: str, origins: Origins, *, what: str, context: Context, ledger: Ledger, subject: str = ""
) -> bool:
    """Whether the target refuses a field that namespaces of the level ``strictest``, and wider ones, admit.

    The ledger is told: the origins are undecided (blocking), or dropped where the user answered ``drop``. The caller
    then leaves the field out. ``what`` is the field in words (``host network``); ``subject`` names the question where
    no document asks it.
    """
    level = context.target.pod_security
    if LEVELS.index(level) <= LEVELS.index(strictest):
        return False
    if ledger.ask("pod-security", origins, subject) == "drop":
        ledger.dropped(origins, "pod-security", why=f"{what}: left out, as decided; the target enforces {level}")
    else:
        ledger.undecided(
            origins,
            "pod-security",
            why=f"{what}: namespaces of the target enforce the level {level}, which refuses it",
            subject=subject,
        )
    return True


def demanded(demand: str, *, what: str, targets: tuple[str, ...], context: Context, ledger: Ledger) -> bool:
    """Whether to write what the restricted level demands although the legacy container ran without it.

    False where the target is not restricted, and while the user has not agreed: that question blocks, since the
    process may depend on what it would lose. ``demand`` names it (``web: drop ALL``).
    """
    if context.target.pod_security != "restricted":
        return False
    if ledger.ask("restricted-demands", (), demand) != COMPLY:
        ledger.undecided((), "restricted-demands", *targets, why=what, subject=demand)
        return False
    for target in targets:
        ledger.defaulted("restricted-demands", target, why=f"{what}; as decided")
    return True


def selinux_types(context: Context) -> frozenset[str]:
    """SELinux types that every level admits."""
    return _SELINUX_TYPES | ({"container_engine_t"} if context.target.version >= (1, 31) else set())

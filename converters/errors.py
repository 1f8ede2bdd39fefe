"""The one family of errors that podlift raises for bad input.

A caller can tell them apart by ``code``, and a person is told what is wrong (``reason``), where (``subject``)
and what to do (``next_step``). Whatever caused one is chained as ``__cause__``.
"""

from __future__ import annotations


class PodliftError(Exception):
    """Something that the user can put right.

    code       stable name, listed by ``podlift explain``
    phase      where in the flow it arose: read, reconcile, convert, plan, diff, connect, cluster, apply, use
    subject    what it is about: ``file.yml:12``, a host, a workload, a path in a document
    reason     what is wrong, one sentence
    next_step  what to do about it, one sentence
    """

    def __init__(self, *, code: str, phase: str, subject: str, reason: str, next_step: str) -> None:
        super().__init__(code, phase, subject, reason, next_step)
        self.code = code
        self.phase = phase
        self.subject = subject
        self.reason = reason
        self.next_step = next_step

    def __str__(self) -> str:
        return f"{self.subject}: {self.reason} [{self.code}]\n  next: {self.next_step}"

"""A container's image: what really runs, pinned, under the name that the cluster's nodes can pull."""

from __future__ import annotations

import re

from ..fields.ledger import Ledger
from ..workload import Container
from .context import Context

# An image ID instead of a name: no registry knows it.
_ID = re.compile(r"(?:sha256:)?[0-9a-f]{64}")


def image(container: Container, *, name: str, context: Context, ledger: Ledger) -> str:
    """The reference for the pod's container ``name``: ``repository@sha256:…`` where the digest is known. ``""`` where
    nothing can be pulled, which blocks.

    Names without a registry are Docker Hub's; they are written in full (``docker.io/library/nginx``), since not every
    runtime of Kubernetes takes short names.
    """
    known, origins = container.image, container.origins.get("image", ())
    targets = context.in_pod(f"spec.containers[{name}].image")
    repository, tag, digest = split_reference(known.reference)
    digest = known.digest or digest
    repository = known.repository or repository
    nameless = not repository or _ID.fullmatch(known.reference) is not None
    if digest and not (nameless and not known.repository):
        wanted = f"{full_name(repository)}@{digest}"
        rewritten = rewrite(wanted, context.target.image_rewrites)
        if rewritten != wanted:
            why = f"{wanted} is pulled as {rewritten}: the same content under another name"
            ledger.exact(origins, "image-rewritten", *targets, why=why)
        else:
            ledger.exact(origins, "image", *targets, why=f"{known.reference or repository} is this content now")
        return rewritten
    tagged = f"{full_name(repository)}:{tag or 'latest'}"
    rewritten = tagged if nameless else rewrite(tagged, context.target.image_rewrites)
    if known.local_only or nameless:
        if rewritten != tagged:
            why = f"{known.reference} is in no registry that its engine knew; {rewritten} must hold the same content"
            ledger.approximated(origins, "image-rewritten", *targets, why=why, todo=f"push it as {rewritten}")
            return rewritten
        answer = ledger.ask("image-local-only", origins, f"{name}: image")
        if answer is None:
            why = f"{known.reference or known.id or 'the image'} has no digest in a registry: a node could not pull it"
            ledger.undecided(origins, "image-local-only", *targets, why=why, subject=f"{name}: image")
            return ""
        ledger.approximated(origins, "image-local-only", *targets, why=f"{known.reference} is {answer}, as decided")
        return answer
    ledger.approximated(
        origins, "image-unpinned", *targets, why=f"the digest of {known.reference} is not known: the tag may move"
    )
    return rewritten


def split_reference(reference: str) -> tuple[str, str, str]:
    """Repository, tag and digest of a reference; each ``""`` where it has none."""
    rest, _, digest = reference.partition("@")
    # A colon before a slash belongs to a registry's port.
    head, slash, last = rest.rpartition("/")
    last, _, tag = last.partition(":")
    return head + slash + last, tag, digest


def full_name(repository: str) -> str:
    """The repository with its registry: the first part names one if it has a dot or a colon or is ``localhost``
    (distribution/reference normalize.go)."""
    first, slash, rest = repository.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return f"docker.io/{rest}" if first == "index.docker.io" else repository
    return f"docker.io/{repository}" if slash else f"docker.io/library/{repository}"


def rewrite(reference: str, rewrites: tuple[tuple[str, str], ...]) -> str:
    """The reference under the longest prefix that matches up to a boundary (``/``, ``:``, ``@`` or the end); a prefix
    without a registry matches Docker Hub's names."""
    best: tuple[str, str] | None = None
    for old, new in rewrites:
        for prefix in {old, f"docker.io/{old}", f"docker.io/library/{old}"}:
            rest = reference.removeprefix(prefix)
            matches = reference.startswith(prefix) and (prefix.endswith("/") or rest[:1] in ("/", ":", "@", ""))
            if matches and (best is None or len(prefix) > len(best[0])):
                best = (prefix, new)
    return reference if best is None else best[1] + reference[len(best[0]) :]

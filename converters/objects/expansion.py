"""Texts that Kubernetes expands and Docker does not.

The kubelet replaces ``$(NAME)`` and turns ``$$`` into ``$`` in a container's command and args, in values of its
environment and in the commands of exec probes (lifecycle hooks it leaves alone). Its rules, from
third_party/forked/golang/expansion/expand.go: at a ``$`` that is not the last character,

* ``$$`` is ``$``, both consumed;
* ``$(NAME)`` is the variable's value, or stays as it is where there is no such variable;
* ``$(`` without ``)`` and ``$`` before anything else stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

# Before a character beyond ASCII older kubelets read one byte of it as a whole character; doubled, the `$` never
# meets it.
_EXPANDED = re.compile(r"\$\$+|\$(?=[(\x80-\U0010ffff])")


_LONE_END = re.compile(r"(?<!\$)\$\Z")
# References to variables that podlift itself puts into the environment, for what the old scheduler filled into texts.
_OWN = re.compile(r"((?<!\$)\$\(PODLIFT_[A-Z_]+\))")


def escape(text: str) -> str:
    """``text`` so that the kubelet's expansion gives ``text`` back: ``$(X)`` is written ``$$(X)``, ``$$`` is written
    ``$$$$``; a ``$HOME`` or ``${HOME}``, which a shell in the container reads, stays as it is. So does a reference to a
    variable of podlift's own, which is meant: ``$(PODLIFT_POD_IP)``."""
    parts = _OWN.split(text)
    parts[::2] = (_EXPANDED.sub(lambda match: match.group() * 2, part) for part in parts[::2])
    return "".join(parts)


def escape_by_reference(text: str, secrets: Mapping[str, str]) -> str:
    """``escape(text)`` with ``$(NAME)`` in place of each secret value (name to value) that stands in it: the kubelet
    puts the variable's value back when the container starts. Only in command and args: for exec probes it knows no
    variables that come from a Secret (ExpandContainerCommandOnlyStatic in pkg/kubelet/container/helpers.go).
    """
    for name in sorted(secrets, key=lambda name: (-len(secrets[name]), name)):
        if secrets[name] in text:
            *before, last = text.split(secrets[name])
            # A single dollar at the end, which escape leaves alone, would escape the reference behind it.
            made = [escape_by_reference(part, secrets) + "$" * bool(_LONE_END.search(part)) for part in before]
            return f"$({name})".join((*made, escape_by_reference(last, secrets)))
    return escape(text)

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

# Before a character beyond ASCII older kubelets read one byte of it as a whole character; doubled, the `$` never
# meets it.
_EXPANDED = re.compile(r"\$\$+|\$(?=[(\x80-\U0010ffff])")


# References to variables that podlift itself puts into the environment, for what the old scheduler filled into texts.
_OWN = re.compile(r"((?<!\$)\$\(PODLIFT_[A-Z_]+\))")


def escape(text: str) -> str:
    """``text`` so that the kubelet's expansion gives ``text`` back: ``$(X)`` is written ``$$(X)``, ``$$`` is written
    ``$$$$``; a ``$HOME`` or ``${HOME}``, which a shell in the container reads, stays as it is. So does a reference to a
    variable of podlift's own, which is meant: ``$(PODLIFT_POD_IP)``."""
    parts = _OWN.split(text)
    parts[::2] = (_EXPANDED.sub(lambda match: match.group() * 2, part) for part in parts[::2])
    return "".join(parts)

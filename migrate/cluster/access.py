"""Where a cluster is and by which credentials: kubeconfig files as kubectl reads them, or the pod podlift runs in.

Read here and not by the `kubernetes` package, whose import costs as much as the whole of a diff: certificates, tokens
and passwords need nothing of it. What does need it, a plugin or a provider of tokens, is left to credentials.py.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from converters.errors import PodliftError

IN_CLUSTER = "in-cluster"
"""The name of the context that a pod's own service account is."""

_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """
    context      the context's name
    server       URL of the API server, without a slash at its end
    namespace    where objects go that name none
    ca           PEM of who signed the server's certificate; empty: those that the system trusts
    verify       False: the server's certificate is not looked at
    server_name  the name that the certificate must bear, where it is not the URL's
    proxy        URL of a proxy; empty: as the environment says
    certificate, key   PEM of the client; empty for none
    token, token_file  a bearer token, or the file that always holds the newest
    username, password
    user, user_name    the user as the kubeconfig has it, for what credentials.py does with it
    cluster            the cluster as the kubeconfig has it
    files        the kubeconfig files
    folder       of the user's kubeconfig: paths in it count from there
    """

    context: str
    server: str
    namespace: str = "default"
    ca: bytes = b""
    verify: bool = True
    server_name: str = ""
    proxy: str = ""
    certificate: bytes = b""
    key: bytes = b""
    token: str = ""
    token_file: str = ""
    username: str = ""
    password: str = ""
    user: Mapping[str, Any] = field(default_factory=dict)
    user_name: str = ""
    cluster: Mapping[str, Any] = field(default_factory=dict)
    files: tuple[Path, ...] = ()
    folder: Path = Path()


def access_of(
    context: str | None = None,
    kubeconfig: Path | str | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    account: Path = _ACCOUNT,
) -> Access:
    """The access that kubectl would take: the file given, else $KUBECONFIG, else ~/.kube/config; and where there is
    none of these, the service account of the pod that this runs in.

    Raises PodliftError ``bad-kubeconfig``, ``no-cluster-context``.
    """
    environment = os.environ if environment is None else environment
    files = _files(kubeconfig, environment)
    if not files and context in {None, "", IN_CLUSTER} and environment.get("KUBERNETES_SERVICE_HOST"):
        return _of_pod(environment, account)
    if not files:
        raise _bad("~/.kube/config", "there is no kubeconfig", "give --kubeconfig FILE, or set KUBECONFIG")
    merged = _merged(files)
    where = ", ".join(map(str, files))
    name = context or merged.current
    if not name:
        raise PodliftError(
            code="no-cluster-context",
            phase="cluster",
            subject=where,
            reason="no context is the current one",
            next_step=f"give --context: {_listed(merged.contexts)}",
        )
    if name not in merged.contexts:
        raise PodliftError(
            code="no-cluster-context",
            phase="cluster",
            subject=where,
            reason=f"there is no context {name}",
            next_step=f"give one of those that there are: {_listed(merged.contexts)}",
        )
    return _access(name, merged, files)


@dataclass(slots=True)
class _Merged:
    """Of several files, the first that says a thing is right; each entry with the folder of its file."""

    current: str = ""
    contexts: dict[str, tuple[Mapping[str, Any], Path]] = field(default_factory=dict)
    clusters: dict[str, tuple[Mapping[str, Any], Path]] = field(default_factory=dict)
    users: dict[str, tuple[Mapping[str, Any], Path]] = field(default_factory=dict)


def _files(given: Path | str | None, environment: Mapping[str, str]) -> tuple[Path, ...]:
    if given:
        return (Path(given),)
    named = [Path(each) for each in environment.get("KUBECONFIG", "").split(os.pathsep) if each]
    if named:
        # as kubectl: of a list, those that are there
        return tuple(each for each in named if each.exists()) or (named[0],)
    home = Path(environment.get("HOME") or Path.home()) / ".kube" / "config"
    return (home,) if home.exists() else ()


def _merged(files: tuple[Path, ...]) -> _Merged:
    made = _Merged()
    for file in files:
        body = _body(file)
        made.current = made.current or _text(file, body, "current-context")
        for kind, held in (("context", made.contexts), ("cluster", made.clusters), ("user", made.users)):
            entries = body.get(f"{kind}s") or []
            if not isinstance(entries, list):
                raise _bad(str(file), f"{kind}s: is no list", "see kubectl config view")
            for entry in entries:
                if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
                    raise _bad(str(file), f"an entry of {kind}s: has no name", "see kubectl config view")
                inner = entry.get(kind) or {}
                if not isinstance(inner, dict):
                    raise _bad(str(file), f"{kind} {entry['name']} is no map", "see kubectl config view")
                held.setdefault(entry["name"], (inner, file.parent))
    return made


def _body(file: Path) -> Mapping[str, Any]:
    try:
        text = file.read_bytes()
    except OSError as error:
        said = (error.strerror or str(error)).lower()
        raise _bad(str(file), said, "give --kubeconfig FILE, or set KUBECONFIG") from error
    try:
        body = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "it holds bytes that no text has"
        where = f"{file}:{mark.line + 1}" if mark else str(file)
        raise _bad(where, f"it is no YAML: {problem}", "give a kubeconfig; kubectl config view reads one") from error
    if not isinstance(body, dict):
        raise _bad(str(file), "it holds no kubeconfig", "give a kubeconfig; kubectl config view reads one")
    return body


def _access(name: str, merged: _Merged, files: tuple[Path, ...]) -> Access:
    context, context_folder = merged.contexts[name]
    where = str(files[0])
    cluster_name = _text(where, context, "cluster")
    user_name = _text(where, context, "user")
    for kind, wanted, held in (("cluster", cluster_name, merged.clusters), ("user", user_name, merged.users)):
        if wanted not in held and (wanted or kind == "cluster"):
            raise _bad(
                where,
                f"context {name} names {kind} {wanted or '(none)'}, which is not there",
                f"correct the context, or add the {kind} to the kubeconfig",
            )
    cluster, cluster_folder = merged.clusters[cluster_name]
    user, user_folder = merged.users.get(user_name, ({}, context_folder))
    server = _text(where, cluster, "server").rstrip("/")
    if not server.startswith(("https://", "http://")):
        raise _bad(where, f"cluster {cluster_name} has no server: URL", "write server: https://HOST:PORT")
    token = _text(where, user, "token")
    return Access(
        context=name,
        server=server,
        namespace=_text(where, context, "namespace") or "default",
        ca=_pem(where, cluster, "certificate-authority", cluster_folder),
        verify=not cluster.get("insecure-skip-tls-verify", False),
        server_name=_text(where, cluster, "tls-server-name"),
        proxy=_text(where, cluster, "proxy-url"),
        certificate=_pem(where, user, "client-certificate", user_folder),
        key=_pem(where, user, "client-key", user_folder),
        token=token,
        token_file="" if token or not user.get("tokenFile") else str(user_folder / _text(where, user, "tokenFile")),
        username=_text(where, user, "username"),
        password=_text(where, user, "password"),
        user=user,
        user_name=user_name,
        cluster=cluster,
        files=files,
        folder=user_folder,
    )


def _of_pod(environment: Mapping[str, str], account: Path) -> Access:
    host, port = environment["KUBERNETES_SERVICE_HOST"], environment.get("KUBERNETES_SERVICE_PORT", "443")
    try:
        ca = (account / "ca.crt").read_bytes()
        namespace = (account / "namespace").read_text().strip()
    except OSError as error:
        reason = "this runs in a pod without a service account's token, and there is no kubeconfig"
        step = "set automountServiceAccountToken: true, or give --kubeconfig FILE"
        raise _bad(str(account), reason, step) from error
    return Access(
        context=IN_CLUSTER,
        server=f"https://{f'[{host}]' if ':' in host else host}:{port}",
        namespace=namespace or "default",
        ca=ca,
        token_file=str(account / "token"),
    )


def _pem(where: str, entry: Mapping[str, Any], key: str, folder: Path) -> bytes:
    """What KEY-data holds, or else the file that KEY names."""
    data = _text(where, entry, f"{key}-data")
    if data:
        try:
            return base64.b64decode(data, validate=False)
        except (binascii.Error, ValueError) as error:
            raise _bad(where, f"{key}-data is no base64", "write it with kubectl config set-credentials") from error
    path = _text(where, entry, key)
    if not path:
        return b""
    file = folder / path
    try:
        return file.read_bytes()
    except OSError as error:
        said = (error.strerror or str(error)).lower()
        raise _bad(where, f"{key}: {file}: {said}", "correct the path, which counts from the kubeconfig") from error


def _text(where: Path | str, entry: Mapping[str, Any], key: str) -> str:
    value = entry.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _bad(str(where), f"{key}: is no text", "put it in quotes")
    return value


def _listed(names: Mapping[str, Any]) -> str:
    shown = sorted(names)
    if not shown:
        return "the kubeconfig has none"
    return ", ".join(shown[:10]) + (f" and {len(shown) - 10} more" if len(shown) > 10 else "")


def _bad(where: str, reason: str, step: str) -> PodliftError:
    return PodliftError(code="bad-kubeconfig", phase="cluster", subject=where, reason=reason, next_step=step)

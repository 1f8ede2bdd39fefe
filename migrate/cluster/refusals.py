"""What an API server's refusal or silence means to a person: one PodliftError each, with what to do next."""

from __future__ import annotations

import errno
import re
import socket
import ssl
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypeGuard

import urllib3

from converters.errors import PodliftError

from .access import Access
from .answer import Answer, Call
from .credentials import Credential
from .expiry import certificate_ends, token_ends

# The server's own limits: etcd takes 1.5 MiB, a ConfigMap or Secret 1 MiB, annotations 256 KiB.
_TOO_LARGE = re.compile(
    r"request is too large|request entity too large|may not be more than \d+ bytes|must have at most \d+ bytes"
    r"|larger than max|metadata\.annotations: too long",
    re.IGNORECASE,
)
_RBAC = re.compile(r'^(?:.*\bforbidden: )?User "(?P<user>[^"]*)" cannot ')
_WEBHOOK = re.compile(r'failed calling webhook "(?P<name>[^"]*)"')
_DENIED = re.compile(r'admission webhook "(?P<name>[^"]*)" denied the request')
# server-side apply says with HTTP 500 that a field is not in the schema
_UNTYPED = re.compile(r"failed to create typed patch object")
_POLICY = re.compile(r"ValidatingAdmissionPolicy '(?P<name>[^']*)'")
_IMMUTABLE = re.compile(
    r"field is immutable|updates to statefulset spec for fields other than|is immutable after creation"
)
_ROLES = "podlift explain --roles prints those that podlift's commands need"


def refusal(code: str, subject: str, reason: str, next_step: str) -> PodliftError:
    return PodliftError(code=code, phase="cluster", subject=subject, reason=reason, next_step=next_step)


def bad_access(access: Access, reason: str, next_step: str) -> PodliftError:
    """A kubeconfig whose entries cannot be used."""
    return refusal("bad-kubeconfig", f"context {access.context}", reason, next_step)


def refused(access: Access, call: Call, answer: Answer, credential: Credential | None = None) -> PodliftError:
    """Of an answer that is no success."""
    status = answer.json()
    if answer.status == 401:
        return _unauthorized(access, credential or Credential())
    if _TOO_LARGE.search(answer.said) or answer.status == 413:
        return refusal(
            "object-too-large",
            _about(access, call),
            f"the API server takes no object of this size: {answer.said}",
            "an object may have 1.5 MB, a ConfigMap or Secret 1 MiB, annotations 256 KiB: move what is large to a "
            "volume or an image",
        )
    by_status = {403: _forbidden, 404: _absent, 409: _conflict, 410: _expired}.get(answer.status)
    if by_status is not None:
        return by_status(access, call, answer, status)
    if answer.status in {400, 422} or _DENIED.search(answer.said) or _UNTYPED.search(answer.said):
        return _refused_object(access, call, answer, status)
    if _WEBHOOK.search(answer.said):
        name = _WEBHOOK.search(answer.said)["name"]  # type: ignore[index]
        return refusal(
            "webhook-failed",
            _about(access, call),
            f"the cluster's webhook {name} could not be asked: {answer.said}",
            "mend the webhook, or have its owner leave this namespace out, and run it again",
        )
    if answer.status in {429, 503, 504}:
        return refusal(
            "cluster-busy",
            _about(access, call),
            f"the API server stays busy: {answer.said}",
            "run it again later; what was done is not done again",
        )
    return refusal(
        "cluster-failed",
        _about(access, call),
        f"the API server failed with HTTP {answer.status}: {answer.said}",
        "see the API server's log, or run it again",
    )


def broken(access: Access, call: Call, error: BaseException, *, known: bool, sent: bool) -> PodliftError:
    """Of a connection that could not be made, or broke. ``known``: the server had answered before."""
    cause = below(error)
    where = f"context {access.context}"
    if tls_trouble(cause):
        return _of_tls(access, cause)
    said = _said(cause)
    if known:
        lost = f"{call.verb} of {call.about or call.plural or call.path}"
        told = "; whether it was done is not known" if sent and call.verb not in {"get", "list", "watch"} else ""
        return refusal(
            "cluster-gone",
            where,
            f"{access.server} answered before and does no more: {said}, in {lost}{told}",
            "when the API server is back, run it again: what was done is not done again",
        )
    return refusal(
        "cluster-unreachable",
        where,
        f"{access.server}: {said}",
        "check the URL in the kubeconfig, the network or VPN, and HTTPS_PROXY and NO_PROXY",
    )


def _unauthorized(access: Access, credential: Credential) -> PodliftError:
    where = f"context {access.context}"
    for what, ends in (
        ("client certificate", certificate_ends(credential.certificate)),
        ("token", token_ends(credential.authorization)),
    ):
        if 0 < ends <= time.time():
            when = datetime.fromtimestamp(ends, tz=UTC).strftime("%Y-%m-%d %H:%M UTC")
            return refusal(
                "cluster-unauthorized",
                where,
                f"the {what} of user {access.user_name or 'the service account'} ended on {when}",
                "log in again, or have a new one issued, so that the kubeconfig holds one that is good",
            )
    shown = "token" if credential.authorization.startswith("Bearer ") else "password"
    held = shown if credential.authorization else "client certificate" if credential.certificate else ""
    reason = (
        f"{access.server} does not know the {held} of user {access.user_name or 'the service account'}"
        if held
        else f"{access.server} wants to know who asks, and user {access.user_name or '(none)'} shows nothing"
    )
    return refusal("cluster-unauthorized", where, reason, "log in again, or choose another user in the context")


def _forbidden(access: Access, call: Call, answer: Answer, status: Mapping[str, Any]) -> PodliftError:
    told = _RBAC.match(answer.said)
    if told is None:
        causes = {cause.get("reason") for cause in _causes(status)}
        if "NamespaceTerminating" in causes:
            return refusal(
                "namespace-ending",
                call.namespace or _about(access, call),
                "the namespace is being deleted, and takes nothing new",
                "wait until it is gone (kubectl get namespace), make it again, and run it again",
            )
        return _refused_object(access, call, answer, status)
    resource = f"{call.plural}.{call.group}" if call.group else call.plural
    place = f"in namespace {call.namespace}" if call.namespace else "in all namespaces"
    user = told["user"]
    if not call.plural:
        return refusal(
            "cluster-forbidden",
            f"context {access.context}",
            f"{user} may not {call.verb} {call.path}",
            f"let a role allow it; {_ROLES}",
        )
    scope = f"role podlift --verb={call.verb} --resource={resource} -n {call.namespace}"
    made = scope if call.namespace else f"clusterrole podlift --verb={call.verb} --resource={resource}"
    return refusal(
        "cluster-forbidden",
        f"context {access.context}",
        f"{user} may not {call.verb} {resource} {place}",
        f"bind a role that may: {_ROLES}, or kubectl create {made}",
    )


def _absent(access: Access, call: Call, _answer: Answer, status: Mapping[str, Any]) -> PodliftError:
    details = status.get("details") or {}
    if details.get("kind") == "namespaces" and call.plural != "namespaces":
        return refusal(
            "namespace-missing",
            str(details.get("name", call.namespace)),
            "there is no such namespace on the cluster",
            "make it with kubectl create namespace, or say writeNamespaces: true in target.yaml and plan again",
        )
    if details.get("name"):
        return refusal(
            "object-missing", _about(access, call), "it is not on the cluster", "apply the plan, or name another"
        )
    return refusal(
        "kind-not-served",
        _about(access, call),
        f"the cluster serves no {call.plural or call.path}",
        "install what defines it, or take it out of target.yaml and plan again",
    )


def _conflict(access: Access, call: Call, answer: Answer, status: Mapping[str, Any]) -> PodliftError:
    owned = [cause for cause in _causes(status) if cause.get("reason") == "FieldManagerConflict"]
    if owned:
        fields = "; ".join(
            f"{each.get('field', '')} is owned by {_manager(str(each.get('message', '')))}" for each in owned
        )
        return refusal(
            "apply-conflict",
            _about(access, call),
            fields,
            "leave the field to its owner by an override in decisions.yaml, or take it over with --force-conflicts",
        )
    if status.get("reason") == "AlreadyExists":
        return refusal("object-exists", _about(access, call), "it is there already", "choose another name, or use it")
    return refusal(
        "object-changed",
        _about(access, call),
        f"somebody changed it at the same time: {answer.said}",
        "run it again: it begins with what is there now",
    )


def _expired(access: Access, call: Call, answer: Answer, _status: Mapping[str, Any]) -> PodliftError:
    return refusal(
        "list-expired",
        _about(access, call),
        f"the cluster forgot the list while it was read: {answer.said}",
        "run it again when the cluster is less busy",
    )


def _refused_object(access: Access, call: Call, answer: Answer, status: Mapping[str, Any]) -> PodliftError:
    subject = _about(access, call)
    by_webhook, by_policy = _DENIED.search(answer.said), _POLICY.search(answer.said)
    if _IMMUTABLE.search(answer.said):
        fields = [str(cause["field"]) for cause in _causes(status) if cause.get("field")]
        return refusal(
            "object-immutable",
            subject,
            f"{', '.join(dict.fromkeys(fields)) or 'a field'} cannot be changed while the object is there",
            "it must be made anew: delete it (pods and traffic go with it) and apply again, or undo the change",
        )
    if by_webhook or by_policy:
        who = f"webhook {by_webhook['name']}" if by_webhook else f"policy {by_policy['name']}"  # type: ignore[index]
        return refusal(
            "object-denied",
            subject,
            f"the cluster's {who} denies it: {answer.said}",
            "make the object as it asks, by an override in decisions.yaml, or ask its owner for an exception",
        )
    causes = [f"{cause['field']}: {cause.get('message', '')}" for cause in _causes(status) if cause.get("field")]
    return refusal(
        "object-refused",
        subject,
        f"the API server refuses it: {'; '.join(dict.fromkeys(causes)) or answer.said}",
        "put it right by an override in decisions.yaml, or, where podlift made it so, tell podlift's authors",
    )


def _of_tls(access: Access, error: ssl.SSLError) -> PodliftError:
    where = f"context {access.context}"
    if isinstance(error, ssl.SSLCertVerificationError):
        return refusal(
            "cluster-tls",
            where,
            f"the certificate of {access.server} is refused: {error.verify_message}",
            "give certificate-authority and, where the name differs, tls-server-name in the kubeconfig's cluster",
        )
    said = (error.reason or str(error)).replace("_", " ").lower()
    if "wrong version number" in said or "record layer failure" in said:
        reason, step = f"{access.server} does not speak TLS", "write http:// in the kubeconfig, or the port that does"
    else:
        reason, step = f"TLS with {access.server} failed: {said}", "try openssl s_client with the same host and port"
    return refusal("cluster-tls", where, reason, step)


def _about(access: Access, call: Call) -> str:
    return call.about or f"context {access.context}"


def _causes(status: Mapping[str, Any]) -> list[dict[str, Any]]:
    causes = (status.get("details") or {}).get("causes") or []
    return [cause for cause in causes if isinstance(cause, dict)]


def _manager(message: str) -> str:
    """``conflict with "kubectl" using apps/v1`` names the owner in quotes."""
    found = re.search(r'conflict with "([^"]*)"( with subresource "[^"]*")?', message)
    return f"{found[1]}{found[2] or ''}" if found else message


def tls_trouble(cause: BaseException) -> TypeGuard[ssl.SSLError]:
    """Whether TLS itself is the trouble, and not a connection that ended in it."""
    return isinstance(cause, ssl.SSLError) and not isinstance(cause, (ssl.SSLEOFError, ssl.SSLZeroReturnError))


def below(error: BaseException) -> BaseException:
    """The error of the socket or of TLS, under what urllib3 wraps it in."""
    waiting, seen = [error], list[BaseException]()
    while waiting:
        one = waiting.pop(0)
        if any(one is each for each in seen):
            continue
        seen.append(one)
        inner = (one.__cause__, one.__context__, getattr(one, "reason", None), getattr(one, "original_error", None))
        waiting += [each for each in (*inner, *one.args) if isinstance(each, BaseException)]
    found = [each for each in seen if isinstance(each, OSError) and not isinstance(each, urllib3.exceptions.HTTPError)]
    return next((each for each in found if isinstance(each, ssl.SSLError)), found[0] if found else seen[0])


def _said(cause: BaseException) -> str:
    if isinstance(cause, socket.gaierror):
        return f"no such host ({(cause.strerror or str(cause)).lower()})"
    if isinstance(cause, (TimeoutError, urllib3.exceptions.TimeoutError)):
        return "no answer in time"
    if isinstance(cause, OSError) and cause.errno == errno.ECONNREFUSED:
        return "connection refused"
    if isinstance(cause, ConnectionResetError):
        return "the connection was reset"
    if isinstance(cause, (urllib3.exceptions.HTTPError, ssl.SSLError)):
        return "the connection ended in the middle of an answer"
    text = cause.strerror if isinstance(cause, OSError) and cause.strerror else str(cause)
    return " ".join(text.split()).lower() or type(cause).__name__

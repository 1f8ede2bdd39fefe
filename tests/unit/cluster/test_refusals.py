"""What an API server answers, as it was heard, and the one error that a person gets."""

from __future__ import annotations

import json
import socket
import ssl
from typing import Any

import pytest
import urllib3

from converters.fields.catalogue import CATALOGUE
from converters.fields.codes_cluster import CLUSTER_CODES
from migrate.cluster.access import Access
from migrate.cluster.answer import Answer, Call
from migrate.cluster.credentials import Credential
from migrate.cluster.refusals import broken, refused

ACCESS = Access(context="prod", server="https://api.example:6443", user_name="ann")
CALL = Call(
    method="PATCH",
    path="/apis/apps/v1/namespaces/shop/deployments/web",
    verb="patch",
    group="apps",
    plural="deployments",
    namespace="shop",
    name="web",
    about="Deployment/web in shop",
)
ABOUT = CALL.about
WHERE = "context prod"


def status(code: int, message: str, reason: str = "", **details: Any) -> Answer:
    body = {"kind": "Status", "code": code, "reason": reason, "message": message, "details": details}
    return Answer(status=code, body=json.dumps(body).encode())


def cause(reason: str, message: str = "", field: str = "") -> dict[str, str]:
    return {"reason": reason, "message": message, "field": field}


HEARD = {
    "forbidden": (
        status(
            403,
            'deployments.apps "web" is forbidden: User "system:serviceaccount:shop:ci" cannot patch resource '
            '"deployments" in API group "apps" in the namespace "shop"',
            "Forbidden",
        ),
        ("cluster-forbidden", WHERE, "system:serviceaccount:shop:ci may not patch deployments.apps in namespace shop"),
    ),
    "webhook-denies": (
        status(403, 'admission webhook "owners.example.com" denied the request: no owner', "Forbidden"),
        ("object-denied", ABOUT, "the cluster's webhook owners.example.com denies it"),
    ),
    "webhook-denies-otherwise": (
        status(418, 'admission webhook "owners.example.com" denied the request: no owner'),
        ("object-denied", ABOUT, "no owner"),
    ),
    "policy-denies": (
        status(
            422,
            "deployments.apps \"web\" is forbidden: ValidatingAdmissionPolicy 'owners' with binding 'owners' denied "
            "request: no owner",
            "Invalid",
        ),
        ("object-denied", ABOUT, "the cluster's policy owners denies it"),
    ),
    "pod-security": (
        status(
            403, 'pods "web" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot != true', "Forbidden"
        ),
        ("object-refused", ABOUT, "violates PodSecurity"),
    ),
    "quota": (
        status(403, 'pods "web" is forbidden: exceeded quota: small, requested: cpu=1', "Forbidden"),
        ("object-refused", ABOUT, "exceeded quota"),
    ),
    "namespace-ends": (
        status(
            403,
            'configmaps "s" is forbidden: unable to create new content in namespace shop because it ends',
            "Forbidden",
            causes=[cause("NamespaceTerminating", "namespace shop is being terminated", "metadata.namespace")],
        ),
        ("namespace-ending", "shop", "being deleted"),
    ),
    "no-namespace": (
        status(404, 'namespaces "shop" not found', "NotFound", name="shop", kind="namespaces"),
        ("namespace-missing", "shop", "no such namespace"),
    ),
    "no-object": (
        status(404, 'deployments.apps "web" not found', "NotFound", name="web", group="apps", kind="deployments"),
        ("object-missing", ABOUT, "not on the cluster"),
    ),
    "no-kind": (
        Answer(status=404, body=b"404 page not found\n"),
        ("kind-not-served", ABOUT, "serves no deployments"),
    ),
    "conflict": (
        status(
            409,
            'Apply failed with 2 conflicts: conflicts with "hpa" using autoscaling/v1:\n- .spec.replicas',
            "Conflict",
            causes=[
                cause(
                    "FieldManagerConflict",
                    'conflict with "hpa" with subresource "scale" using apps/v1',
                    ".spec.replicas",
                ),
                cause("FieldManagerConflict", 'conflict with "kubectl-edit" using apps/v1', ".spec.paused"),
            ],
        ),
        (
            "apply-conflict",
            ABOUT,
            '.spec.replicas is owned by hpa with subresource "scale"; .spec.paused is owned by kubectl-edit',
        ),
    ),
    "changed": (
        status(409, "Operation cannot be fulfilled: the object has been modified", "Conflict"),
        ("object-changed", ABOUT, "somebody changed it"),
    ),
    "exists": (
        status(409, 'deployments.apps "web" already exists', "AlreadyExists"),
        ("object-exists", ABOUT, "it is there already"),
    ),
    "expired": (
        status(410, "The provided continue parameter is too old", "Expired"),
        ("list-expired", ABOUT, "continue parameter is too old"),
    ),
    "invalid": (
        status(
            422,
            'Deployment.apps "web" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0',
            "Invalid",
            causes=[cause("FieldValueInvalid", "Invalid value: -1: must be greater", "spec.replicas")],
        ),
        ("object-refused", ABOUT, "the API server refuses it: spec.replicas: Invalid value: -1: must be greater"),
    ),
    "unknown-field": (
        status(400, 'strict decoding error: unknown field "spec.colour"', "BadRequest"),
        ("object-refused", ABOUT, 'unknown field "spec.colour"'),
    ),
    "untyped": (
        status(500, "failed to create typed patch object (shop/web): .spec.colour: field not declared in schema"),
        ("object-refused", ABOUT, ".spec.colour: field not declared"),
    ),
    "immutable": (
        status(
            422,
            'Deployment.apps "web" is invalid: spec.selector: Invalid value: {}: field is immutable',
            "Invalid",
            causes=[cause("FieldValueInvalid", "Invalid value: {}: field is immutable", "spec.selector")],
        ),
        ("object-immutable", ABOUT, "spec.selector cannot be changed"),
    ),
    "immutable-set": (
        status(
            422,
            'StatefulSet.apps "db" is invalid: spec: Forbidden: updates to statefulset spec for fields other than '
            "'replicas' are forbidden",
            "Invalid",
            causes=[cause("FieldValueForbidden", "Forbidden: updates to statefulset spec", "spec")],
        ),
        ("object-immutable", ABOUT, "spec cannot be changed"),
    ),
    "immutable-claim": (
        status(
            422,
            'PersistentVolumeClaim "data" is invalid: spec: Forbidden: spec is immutable after creation except '
            "resources.requests",
            "Invalid",
            causes=[cause("FieldValueForbidden", "Forbidden: spec is immutable after creation", "spec")],
        ),
        ("object-immutable", ABOUT, "spec cannot be changed"),
    ),
    "large-for-reader": (
        status(413, "Request entity too large: limit is 3145728", "RequestEntityTooLarge"),
        ("object-too-large", ABOUT, "limit is 3145728"),
    ),
    "large-for-etcd": (
        status(500, "etcdserver: request is too large"),
        ("object-too-large", ABOUT, "request is too large"),
    ),
    "large-for-a-secret": (
        status(422, 'Secret "s" is invalid: data: Too long: may not be more than 1048576 bytes', "Invalid"),
        ("object-too-large", ABOUT, "1048576"),
    ),
    "webhook-gone": (
        status(
            500, 'Internal error occurred: failed calling webhook "w.example.com": connection refused', "InternalError"
        ),
        ("webhook-failed", ABOUT, "webhook w.example.com could not be asked"),
    ),
    "busy": (
        status(429, "Too many requests, please try again later.", "TooManyRequests"),
        ("cluster-busy", ABOUT, "Too many requests"),
    ),
    "broken": (
        Answer(status=502, body=b"<html>\n<h1>Bad Gateway</h1></html>"),
        ("cluster-failed", ABOUT, "HTTP 502: <html> <h1>Bad Gateway</h1></html>"),
    ),
}


@pytest.mark.parametrize("heard", HEARD)
def test_an_answer(heard: str) -> None:
    """Code, subject and what was said; each has something to do next."""
    answer, (code, subject, said) = HEARD[heard]
    error = refused(ACCESS, CALL, answer)
    assert (error.code, error.subject, error.phase) == (code, subject, "cluster")
    assert said in error.reason
    assert error.next_step
    assert "\n" not in error.reason


def test_a_missing_right_names_the_role() -> None:
    """In one namespace a role, in all of them a cluster's role; a path that is no object's is named itself."""
    user = 'User "ann" cannot'
    told = {
        'pods is forbidden: %s list resource "pods" in API group "" in the namespace "shop"': Call(
            method="GET", path="/p", verb="list", plural="pods", namespace="shop"
        ),
        'nodes is forbidden: %s list resource "nodes" in API group "" at the cluster scope': Call(
            method="GET", path="/n", verb="list", plural="nodes"
        ),
        'forbidden: %s get path "/metrics"': Call(method="GET", path="/metrics", verb="get"),
    }
    steps = [refused(ACCESS, call, status(403, said % user, "Forbidden")) for said, call in told.items()]
    assert "kubectl create role podlift --verb=list --resource=pods -n shop" in steps[0].next_step
    assert "kubectl create clusterrole podlift --verb=list --resource=nodes" in steps[1].next_step
    assert steps[2].reason == "ann may not get /metrics"


# A JWT that ended at 1,700,000,000 s.
ENDED = "Bearer eyJhbGciOiJub25lIn0.eyJleHAiOjE3MDAwMDAwMDB9.c2ln"


@pytest.mark.parametrize(
    ("credential", "said"),
    [
        (Credential(authorization=ENDED), "the token of user ann ended on 2023-11-14 22:13 UTC"),
        (Credential(authorization="Bearer opaque"), "does not know the token of user ann"),
        (Credential(authorization="Basic YTpi"), "does not know the password of user ann"),
        (Credential(certificate=b"no PEM"), "does not know the client certificate of user ann"),
        (Credential(), "user ann shows nothing"),
    ],
)
def test_who_asks_is_not_known(credential: Credential, said: str) -> None:
    """What was shown, and when it ended where that can be read."""
    error = refused(ACCESS, CALL, status(401, "Unauthorized", "Unauthorized"), credential)
    assert (error.code, error.subject) == ("cluster-unauthorized", WHERE)
    assert said in error.reason
    assert "opaque" not in str(error)


def _verification() -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_message = "unable to get local issuer certificate"
    return error


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (ConnectionRefusedError(111, "Connection refused"), "cluster-unreachable", "connection refused"),
        (ConnectionResetError(104, "Connection reset by peer"), "cluster-unreachable", "the connection was reset"),
        (TimeoutError("timed out"), "cluster-unreachable", "no answer in time"),
        (socket.gaierror(-2, "Name or service not known"), "cluster-unreachable", "no such host"),
        (OSError(113, "No route to host"), "cluster-unreachable", "no route to host"),
        (
            urllib3.exceptions.ProtocolError("Connection broken", urllib3.exceptions.IncompleteRead(1, 2)),
            "cluster-unreachable",
            "in the middle of an answer",
        ),
        (
            ssl.SSLEOFError(8, "EOF occurred in violation of protocol"),
            "cluster-unreachable",
            "in the middle of an answer",
        ),
        (_verification(), "cluster-tls", "unable to get local issuer certificate"),
    ],
)
def test_a_connection_that_broke(error: Exception, code: str, said: str) -> None:
    """Under whatever urllib3 wraps it in."""
    wrapped = urllib3.exceptions.ProtocolError("Connection aborted.", error) if isinstance(error, OSError) else error
    found = broken(ACCESS, CALL, wrapped, known=False, sent=False)
    assert (found.code, found.subject) == (code, WHERE)
    assert said in found.reason


def test_a_server_that_had_answered() -> None:
    """Then it is gone; of a write it is said that nobody knows whether it was done, of a read it need not."""
    reset = ConnectionResetError(104, "reset")
    wrote = broken(ACCESS, CALL, reset, known=True, sent=True)
    assert wrote.code == "cluster-gone"
    assert "in patch of Deployment/web in shop; whether it was done is not known" in wrote.reason
    read = Call(method="GET", path="/", verb="list", plural="pods")
    assert "not known" not in broken(ACCESS, read, reset, known=True, sent=True).reason
    assert "not known" not in broken(ACCESS, CALL, reset, known=True, sent=False).reason


def test_every_code_is_explained() -> None:
    """And each answer above has one of them."""
    names = {code.name for code in CLUSTER_CODES}
    assert {code for _, (code, _, _) in HEARD.values()} <= names
    assert names <= set(CATALOGUE)

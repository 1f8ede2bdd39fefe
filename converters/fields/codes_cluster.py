"""Codes of errors at the cluster: reaching it, reading it, writing to it, and what it promised."""

from __future__ import annotations

from .codes import Code, error

CLUSTER_CODES: tuple[Code, ...] = (
    error(
        "bad-kubeconfig",
        "a kubeconfig is not there, is no YAML, or one of its entries cannot be used",
        "give --kubeconfig FILE, or put right what the message names; kubectl config view reads it too",
    ),
    error(
        "no-cluster-context",
        "the kubeconfig has no context of this name, or none is the current one",
        "give --context; kubectl config get-contexts lists them",
    ),
    error(
        "credential-failed",
        "the plugin, provider or file that gives the cluster's credentials gave none",
        "see whether kubectl version works with the same context, and log in again",
    ),
    error(
        "cluster-unreachable",
        "the API server cannot be reached",
        "check the URL in the kubeconfig, the network or VPN, and HTTPS_PROXY and NO_PROXY",
    ),
    error(
        "cluster-gone",
        "the API server answered before and does no more",
        "when it is back, run it again: what was done is not done again",
    ),
    error(
        "cluster-tls",
        "the API server's certificate was refused, or it speaks no TLS",
        "give certificate-authority and tls-server-name in the kubeconfig's cluster",
    ),
    error(
        "cluster-unauthorized",
        "the API server does not take the credentials: a certificate or token that has ended, or that it does not know",
        "log in again, or choose another user in the context",
    ),
    error(
        "cluster-forbidden",
        "the user may not do this on the cluster; the message says which verb on which resource",
        "bind a role that may; podlift explain --roles prints those that podlift's commands need",
    ),
    error(
        "wrong-cluster",
        "the cluster is another one than the plan was made for: its namespace kube-system has another UID",
        "give the --context of that one, or plan for this one with a target.yaml of its own",
    ),
    error(
        "target-unmet",
        "the cluster lacks what target.yaml promises, or is older than it says",
        "mend the cluster, or correct target.yaml and plan again",
    ),
    error("cluster-busy", "the API server stays busy", "run it again later"),
    error(
        "cluster-failed",
        "the API server failed in a way of its own, or what answers is none",
        "see its log, or run it again",
    ),
    error(
        "kind-not-served",
        "the cluster does not serve this kind in this version, as where a CRD is not installed",
        "install what brings it, or plan for what the cluster has: its version and CRDs belong in target.yaml",
    ),
    error(
        "namespace-missing",
        "there is no such namespace on the cluster",
        "make it, or say writeNamespaces: true in target.yaml and plan again",
    ),
    error(
        "namespace-ending",
        "the namespace is being deleted, and takes nothing new",
        "wait until it is gone, make it again, and run it again",
    ),
    error(
        "list-expired",
        "the cluster forgot a list or a version while it was read, again and again",
        "run it again when the cluster is less busy",
    ),
    error("object-missing", "an object to be changed is not on the cluster", "apply the plan first"),
    error("object-exists", "an object to be made is there already", "choose another name, or use it"),
    error("object-changed", "somebody changed an object at the same time", "run it again"),
    error(
        "object-refused",
        "the API server refuses an object; the message has its words",
        "put it right by an override in decisions.yaml",
    ),
    error(
        "object-denied",
        "a webhook or policy of the cluster denies an object; the message has its words",
        "make the object as it asks, by an override in decisions.yaml, or ask its owner for an exception",
    ),
    error(
        "object-immutable",
        "a field cannot be changed while the object is there",
        "delete the object (pods and traffic go with it) and apply again, or undo the change",
    ),
    error(
        "object-too-large",
        "an object is larger than the cluster keeps: 1.5 MB, 1 MiB for a ConfigMap or Secret",
        "move what is large to a volume or an image",
    ),
    error(
        "webhook-failed",
        "a webhook of the cluster could not be asked, and without it nothing is admitted",
        "mend the webhook, or have its owner leave this namespace out",
    ),
    error(
        "apply-conflict",
        "a field of an object is owned by another manager; the message says which and whose",
        "leave it to its owner by an override in decisions.yaml, or take it with --force-conflicts",
    ),
)

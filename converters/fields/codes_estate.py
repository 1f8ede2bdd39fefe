"""Codes of reading and reconciling: findings across instances, hosts and configs."""

from __future__ import annotations

from .codes import Answer, Code, field, finding

ESTATE_CODES: tuple[Code, ...] = (
    field(
        "unknown-field",
        "a field that podlift does not know",
        todo="look at what it does; answer drop to go without it, and tell podlift's authors",
        answer=Answer.CHOICE,
        options=(("drop", "go without it"),),
    ),
    finding(
        "two-digests",
        "two digests of the image run at once",
        todo="finish the rollout, or answer with the digest",
        answer=Answer.TEXT,
    ),
    finding(
        "stopped-by-hand",
        "restarts always and yet is stopped, or is paused: replicas 0",
        todo="start it, or leave it at 0",
    ),
    field(
        "hostname-of-instance",
        "the host name repeats the container's own name, and a pod's host name is its own name",
        drop=True,
        todo="check that nothing relies on the old names",
    ),
    finding("mirror-disagrees", "two places of a document that repeat each other do not agree"),
    finding(
        "instances-differ",
        "instances differ in a setting",
        answer=Answer.CHOICE,
        todo="answer what the difference becomes",
        options=(
            ("statefulset", "the value follows the pod's index"),
            ("common", "the first instance's value for all"),
            ("separate", "one controller an instance"),
        ),
    ),
    finding("config-missing", "the config intends it and nothing of it runs"),
    finding("config-extra", "it runs and no config intends it"),
    finding(
        "config-differs",
        "the config and what runs disagree",
        answer=Answer.CHOICE,
        todo="answer who is right",
        options=(("running", "what runs"), ("config", "what the config says")),
    ),
    finding(
        "secret-in-argv",
        "a secret value stands in a command, a check, a label or an option",
        todo="give it by environment or file instead, or answer accept where whoever reads manifests may read it",
        answer=Answer.CHOICE,
        options=(("accept", "it may stand there"),),
    ),
    finding("name-collision", "two workloads would bear the same name", todo="override the name of one"),
    finding(
        "alias-ambiguous",
        "one name leads to several workloads",
        todo="rename one of them, or answer accept where the one that keeps the name is right",
        answer=Answer.CHOICE,
        options=(("accept", "the name leads to the one workload that keeps it"),),
    ),
    finding(
        "instance-name-used",
        "the name of one container among several stands in environment or command",
        todo="make it a StatefulSet and name its pods, or answer accept where any instance will do",
        answer=Answer.CHOICE,
        options=(("accept", "any instance may answer to the name"),),
    ),
    finding(
        "legacy-name-used", "an old host name stands in environment or command", todo="check that the new name is right"
    ),
    finding(
        "legacy-address-used",
        "an address of a legacy host stands in environment, command or hosts file",
        todo="name the Service instead, or answer accept where the host stays",
        answer=Answer.CHOICE,
        options=(("accept", "the host stays, or what uses the address does not matter"),),
    ),
    finding("host-unread", "a host could not be read: its instances are not in the plan"),
    finding(
        "host-twice",
        "two hosts have containers of the same IDs: one engine read by two names, or cloned machines",
        todo="read each engine once, or answer cloned",
        answer=Answer.CHOICE,
        options=(("cloned", "two machines: the instances of both count"),),
    ),
    finding("container-vanished", "a container was gone, or did not answer, when it was inspected"),
    finding("image-unread", "the image is gone from the host: its defaults could not be subtracted"),
    finding(
        "volume-on-host", "data of a volume lies on one host and must be moved", todo="plan the copy before cutover"
    ),
    finding("shared-volume", "several workloads use one volume"),
    finding(
        "joined-namespace",
        "containers share a namespace or a task: they become one pod",
        todo="look at what a pod has only once, and answer accept",
        answer=Answer.CHOICE,
        options=(("accept", "one pod, with what counts in it"),),
    ),
    finding("architecture-partial", "the image runs on some architectures only, as far as can be seen"),
)

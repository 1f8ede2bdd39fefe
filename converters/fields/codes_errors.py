"""Codes of errors: bad input and what to do about it."""

from __future__ import annotations

from .codes import Code, error

ERROR_CODES: tuple[Code, ...] = (
    error(
        "inspect-not-object",
        "something other than a JSON object stands where a container's inspect is due",
        "give what docker inspect CONTAINER prints",
    ),
    error(
        "inspect-list",
        "an entry of a container list stands where a container's inspect is due; it lacks most settings",
        "give what docker inspect CONTAINER prints, not docker ps or GET /containers/json",
    ),
    error(
        "inspect-image",
        "an image's inspect stands where a container's is due",
        "give it beside its container's inspect",
    ),
    error(
        "inspect-other",
        "the inspect of a volume or network stands where a container's is due",
        "give it beside its container's inspect",
    ),
    error(
        "inspect-no-id", "a document without Id is no container's inspect", "give what docker inspect CONTAINER prints"
    ),
    error(
        "inspect-incomplete",
        "a container's inspect lacks Config or HostConfig, so its settings are not known",
        "give the whole output of docker inspect CONTAINER",
    ),
    error(
        "inspect-malformed",
        "a value of an inspect is of a kind that no engine prints",
        "give the document as docker inspect printed it",
    ),
    error("decisions-tie", "two answers are equally specific and say different things", "make one more specific"),
    error("workload-twice", "two configs define a workload of one name", "let the mapping's name: tell them apart"),
    error(
        "name-taken", "two workloads would bear one name in one namespace", "override the name of one in decisions.yaml"
    ),
    error(
        "bad-name", "an override's name is no Kubernetes name", "use lower-case letters, digits and dashes, 63 at most"
    ),
    error(
        "quantity",
        "an amount is not written as Kubernetes writes amounts",
        "write a number with an optional suffix: m, k, M, G, T, Ki, Mi, Gi, Ti (500m, 256Mi)",
    ),
    error(
        "answer-unfit",
        "an answer in the decisions does not fit its question",
        "see podlift explain CODE for what the question takes",
    ),
    error(
        "bad-mapping",
        "a mapping cannot be used: an unknown key, a wrong type, an expression that cannot be read",
        "correct the line; docs/reference/mapping.md is the reference",
    ),
    error(
        "config-unfit",
        "a value of a config is not what the mapping says it is",
        "correct the value, or the clause of the mapping that the message names",
    ),
    error("mapping-missing", "a config is given and no mapping", "give --mapping FILE"),
    error("object-twice", "two workloads make one object differently", "override the name of one"),
    error("plan-edited", "a plan directory was edited by hand", "keep the edit as an override in decisions.yaml"),
    error("plan-foreign", "a directory is there and is no plan", "give another directory"),
    error("plan-broken", "a file of a plan is no JSON", "plan again"),
    error("plan-schema", "a plan of another version", "plan again with this version"),
    error("no-plan", "a directory holds no plan", "make one with podlift plan --out DIR"),
    error(
        "bad-json", "a file is no JSON, or ends in the middle of a value", "correct the line, or fetch the file again"
    ),
    error("bad-yaml", "a file is no YAML", "correct the file near the line; indent with spaces"),
    error("bad-encoding", "a file is not UTF-8", "save it as UTF-8 (iconv -f LATIN1 -t UTF-8)"),
    error("empty-document", "a file holds nothing", "give the file that was meant, or none"),
    error("duplicate-key", "a key stands twice in one map", "keep one of the two: a reader would forget the other"),
    error("unknown-yaml-tag", "a YAML tag whose meaning podlift does not know", "write the plain value in its place"),
    error(
        "templated-yaml",
        "a file is a template (Jinja2, ERB, Go) and not yet YAML",
        "render it first, and give what comes out",
    ),
    error("cannot-write", "a file or directory cannot be written", "free space or permissions; nothing was changed"),
    error("cannot-read", "a file or directory cannot be read", "give a path that can be read"),
    error(
        "invalid-object",
        "an object that the API server would refuse, made so by an override or by a fault of podlift",
        "put the override right; without one, tell podlift's authors",
    ),
    error(
        "override-identity",
        "an override changes an object's kind, API version or name",
        "override the workload's name or namespace instead",
    ),
    error(
        "bad-project", "podlift.yaml is not what its schema says", "correct the line; podlift schema project prints it"
    ),
    error(
        "bad-target", "a target file is not what its schema says", "correct the line; podlift schema target prints it"
    ),
    error(
        "bad-decisions",
        "a decisions file names a code or gives an answer that there is not",
        "correct the line; podlift explain CODE says which answers a code takes",
    ),
    error("bad-hosts", "a hosts file or a host's URL cannot be used", "write NAME=ssh://USER@HOST, tcp:// or unix://"),
    error(
        "engine-unreachable",
        "an engine's socket or port cannot be reached, or may not be used",
        "check the URL, that the engine runs, and that the user may use it",
    ),
    error(
        "engine-silent",
        "an engine accepts a call and never answers",
        "see whether docker ps answers on the host; restart the engine there, or use inspect files",
    ),
    error(
        "engine-lost", "the connection to an engine ended in the middle of an answer", "see the engine's log, try again"
    ),
    error(
        "engine-refused",
        "an engine refuses to change, stop or start a container",
        "put right what the engine says, on the host",
    ),
    error(
        "container-gone",
        "a container that is to be changed, stopped or started is no longer there",
        "see docker ps -a on the host, and what removed it",
    ),
    error(
        "host-address",
        "where a container answers is not known, since its host has no address that the cluster can reach",
        "give the host its IP address as address: in the hosts of podlift.yaml or of the hosts file",
    ),
    error("no-engine", "what answers is no Docker engine", "check that the URL is that of a Docker engine's API"),
    error(
        "engine-too-old",
        "an engine is older than what docker-py can speak to",
        "run docker inspect on the host and plan from the files",
    ),
    error(
        "tls-refused",
        "a TLS certificate was refused, by us or by the engine, or one side speaks no TLS",
        "give ca, cert and key under tls: in the hosts file",
    ),
    error(
        "bad-tls", "the TLS files of a host are not there or not complete", "give ca, cert and key as paths of files"
    ),
    error(
        "ssh-failed",
        "the ssh client could not log in or could not forward the engine's socket",
        "try the ssh line that the message shows; podlift never answers a prompt",
    ),
    error(
        "command-failed",
        "a command on a host or a node could not be run, ended with an error, or gave no answer in its time",
        "run the command that the message shows by hand; podlift never answers a prompt",
    ),
    error(
        "command-missing",
        "a program that is to run on a host or a node is not there",
        "install it there, or give another command",
    ),
    error("no-context", "there is no Docker context of this name", "docker context ls lists them"),
    error(
        "bad-context",
        "a Docker context, or the choice of the current one, cannot be read",
        "make the context again, or give the engine's URL",
    ),
    error(
        "host-timeout",
        "a host was not read within its time",
        "raise --host-timeout, or see whether docker ps answers on the host",
    ),
    error("host-failed", "reading a host failed for a reason that podlift does not know", "use inspect files"),
    error("no-capture", "a directory holds no capture", "make one with podlift discover --out DIR"),
    error("capture-schema", "a capture of another version", "discover again with this version"),
    error(
        "capture-broken",
        "a file of a capture is missing, cut off or edited; a capture is evidence and is used whole",
        "discover again, or fetch the file again; what should differ belongs in decisions.yaml",
    ),
    error(
        "capture-foreign",
        "a directory that is not empty stands where a capture is to be written",
        "give another directory, or remove it",
    ),
    error("no-config", "no config file is where one was named", "correct the pattern or give --config FILE"),
    error("no-schema", "there is no schema of this name", "podlift schema lists them"),
    error("no-code", "there is no code of this name", "podlift explain lists them"),
    error("no-workload", "there is no workload of this name in the plan or capture", "podlift show lists them"),
    error(
        "workload-undecided",
        "a workload is to be applied of which the plan holds nothing, since a question about it is open",
        "answer it in decisions.yaml and plan again",
    ),
    error(
        "plan-incomplete",
        "a workload may run on a host that could not be read when the plan was made",
        "plan again when the host answers",
    ),
    error(
        "not-cut-over",
        "a workload that still runs on the legacy side is to be applied as final",
        "cut it over first, or say --never-cut-over WORKLOAD",
    ),
    error(
        "cutover-underway",
        "a workload's cutover is under way, and its objects are the run's until it ends",
        "apply when it has ended; the ConfigMap labelled podlift.dev/journal is its journal and says where it is",
    ),
    error(
        "already-running",
        "a workload runs on the cluster, and a gated apply would stop it",
        "apply it as final, or scale it to 0 first",
    ),
    error(
        "secret-missing",
        "a Secret, or a key of one, that pods need is neither on the cluster nor beside the plan",
        "apply from where the plan's secrets/ lie, or create the Secret first",
    ),
    error(
        "object-foreign",
        "an object of this name is on the cluster and is not this estate's",
        "give the workload another name, remove the object, or take it over with --force-conflicts",
    ),
    error("object-ending", "an object is being deleted, and a change would go with it", "run it again when it is gone"),
    error(
        "target-unnamed",
        "the plan's target names no cluster, so nothing tells whether this is the right one",
        "say --yes, or write the cluster's identity into target.yaml with podlift init --context",
    ),
    error(
        "legacy-moved",
        "what a workload is on the legacy side changed since the plan was made",
        "plan again, or apply the other workloads by name",
    ),
    error(
        "legacy-unread",
        "whether the legacy side still is what was planned is not known, since a host did not answer",
        "run it again when it answers, or say --skip-hosts",
    ),
    error("bad-dump", "a dump is not what kubectl get -o json prints", "give what kubectl get KIND -o json printed"),
    error("bad-selector", "a label selector cannot be read", "write terms as kubectl -l takes them: app=web,tier!=db"),
    error(
        "import-name-taken",
        "another distribution owns the import name migrate in this environment",
        "install podlift in an environment of its own: pipx install podlift",
    ),
    error("internal", "podlift itself failed", "run it again with PODLIFT_TRACEBACK=1 and tell podlift's authors"),
    error(
        "container-twice",
        "one container stands twice in what was given for one host",
        "give each container once; HOST=FILE tells hosts apart",
    ),
    error("no-input", "there is nothing to plan from", "give a capture, inspect files or --host URL"),
    error("no-containers", "a workload without a container", "let the mapping give containers: with an image"),
    error("rollout-amount", "a rollout's number of instances is neither a whole number nor per cent", "write 2 or 25%"),
    error(
        "scale-kind",
        "an autoscaling rule of a kind that podlift does not know",
        "let the mapping give cpu, memory, requests, latency or query",
    ),
    error("http-codes", "what a check accepts is no list of HTTP codes", "write codes as 200-299,301 or 2xx"),
)

"""Codes of cutovers: what keeps one from going on."""

from __future__ import annotations

from .codes import Code, error

CUTOVER_CODES: tuple[Code, ...] = (
    error(
        "hook-failed",
        "a hook did not start, did not end in time, or did not end with 0; the message has its last lines",
        "mend it or what it asks, then resume the run: it is run again",
    ),
    error(
        "variable-missing",
        "a header or URL names an environment variable that is not set where podlift runs",
        "set the variable and run it again",
    ),
    error(
        "variable-unfit",
        "an environment variable that a header or URL names holds a line break or another character that none may hold",
        "set it to one line of text and run it again; a line break at its end does no harm",
    ),
    error(
        "no-cutover",
        "there is no journal of a run of this workload in the namespace",
        "podlift cutover start PLAN WORKLOAD begins one; -n names the namespace of another one",
    ),
    error(
        "bad-journal",
        "the ConfigMap of a run's journal is not as podlift writes it",
        "put right the place in it that the message names; where nobody edited it, use the version of podlift that "
        "began the run; what the run set up stands on its slices too",
    ),
    error(
        "cutover-locked",
        "another process drives the run, and lives: its lease is renewed",
        "let it work and watch it with podlift cutover status -w; resume --take-over takes the run away from it",
    ),
    error(
        "detach-refused",
        "a run cannot be left to the cluster: a pod would not reach an engine, lacks something, or may not be made",
        "the message says what is missing; or start and resume without --detach, and stay",
    ),
    error(
        "detach-silent",
        "the Deployment of a run is there, and no pod of it drives the run: its image, Secret or rights are not as it "
        "needs them",
        "mend what the message says and the pod begins by itself; resume drives the run from here, abort goes back",
    ),
    error(
        "keeper-silent",
        "the run's keeper runs elsewhere and was not heard of for longer than its lease lasts, so that nobody follows "
        "the legacy side; nothing was done meanwhile",
        "see why it is silent (podlift cutover status names it) and end it; resume then keeps the slices itself",
    ),
    error(
        "cutover-selector",
        "somebody else changed the selector of a Service while its run is under way",
        "find who (kubectl get service NAME -o yaml --show-managed-fields), put the selector back, resume or abort",
    ),
    error(
        "cutover-ports",
        "somebody else changed the ports of a Service while its run is under way",
        "find who (kubectl get service NAME -o yaml --show-managed-fields), put the ports back, resume or abort",
    ),
    error(
        "cutover-legacy-changed",
        "the legacy side is not as the run knows it: a container was started, stopped or replaced meanwhile",
        "see why, keep the legacy scheduler from it; resume takes in what stands in place of another, resume --replan "
        "what the message calls outside the plan; abort goes back",
    ),
    error(
        "cutover-legacy-gone",
        "no legacy container is there any more, or none answers, so there is nothing to go back to; pods keep serving",
        "start the containers again by the legacy scheduler, then resume; or let the pods be and finalize by hand",
    ),
    error(
        "cutover-legacy-down",
        "a legacy container to which callers are to be led, now or where pods fail, does not run or does not answer; "
        "pods keep their callers, and containers that answer are called beside them",
        "see the container's log and mend it, then resume; or podlift cutover approve WORKLOAD HOST/ID accepts that it "
        "is lost, then resume",
    ),
    error(
        "cutover-legacy-unstopped",
        "a legacy container was told to stop again and again and still runs, or something starts it each time, or its "
        "stop time-out is -1, so that its engine never ends it; no caller is sent to it",
        "keep the legacy scheduler from it or end it by hand (docker kill), then resume; abort goes back",
    ),
    error(
        "cutover-legacy-runs",
        "a container that is to be removed runs again; podlift removes none that runs, and none has been since",
        "see who started it, stop it, then run podlift cutover finalize again; or keep it: finalize without "
        "--remove-legacy",
    ),
    error(
        "cutover-legacy-unread",
        "the engine of a legacy host cannot be read, so that what is there to be removed is not known",
        "mend the way to the engine and run it again; or finalize without --remove-legacy",
    ),
    error(
        "cutover-service-taken",
        "a Service of the plan's name is in the namespace already and is not the run's",
        "delete it if nobody uses it, or give the workload another name by a decision and plan again",
    ),
    error(
        "cutover-not-applied",
        "a controller of the plan is not on the cluster",
        "podlift apply PLAN puts it there, with no pods; then resume",
    ),
    error(
        "cutover-template",
        "the pod template changed after its pods were tested",
        "put the tested template back and resume; while no pod takes callers, resume --replan tests the new one "
        "instead; or abort, plan, apply and start again",
    ),
    error(
        "cutover-replan-refused",
        "the pod template changed after pods of the tested one were given callers, so that it cannot be taken up",
        "podlift cutover abort leads callers back, then start again; or put the tested template back and resume",
    ),
    error(
        "cutover-not-drained",
        "clients still hold connections to a legacy container after the drain's time",
        "let them close (the peers are named) and resume; --on-drain-timeout stop ends them by stopping it",
    ),
    error(
        "cutover-not-frozen",
        "the legacy scheduler does not leave the workload alone any more, and would start again what is stopped",
        "the message says what the hook frozen printed: tell the scheduler again to keep off, as the hook freeze does, "
        "then resume; or abort",
    ),
    error(
        "cutover-bypassed",
        "clients call legacy containers directly, past the Service, and would be cut off when these stop",
        "lead the named clients to the Service and resume; or podlift cutover approve WORKLOAD ADDRESS, then resume",
    ),
    error(
        "cutover-unreached",
        "containers hold or held connections to an address to which pods get none, so that pods would fail",
        "open the way for pods (firewall, NetworkPolicy, the list of clients there) and resume; or podlift cutover "
        "approve WORKLOAD ADDRESS:PORT, where pods do not need it, then resume",
    ),
    error(
        "cutover-member-back",
        "another workload of the group went back to its legacy side, from where it calls as it always did",
        "abort goes back too; podlift cutover approve WORKLOAD NAMESPACE/OTHER, then resume, goes on without it",
    ),
    error(
        "cutover-inconclusive",
        "the gates could not tell whether the pods do well: too few samples, or what they ask fails",
        "mend what they ask or give them more time or load, then resume: they look again",
    ),
    error(
        "cutover-timeout",
        "what the run waits for did not come in its time",
        "the message says what it was; mend it and resume, or abort",
    ),
    error(
        "cutover-ended",
        "what is asked for is for a run that is under way, and the workload's has ended: finalized, or gone back",
        "podlift cutover status --history shows how it ended; podlift cutover start begins another",
    ),
    error(
        "cutover-not-stopped",
        "only a run whose containers are all stopped can be finalized",
        "podlift cutover resume brings it there, if its freeze hook is given",
    ),
    error(
        "cutover-unasked",
        "a run was approved without a word for what, and it waits before no state; or with a workload that is not of "
        "its group, a container that is not its own, or a place that its containers were not seen to connect to",
        "podlift cutover status shows what it waits for; a run that paused wants podlift cutover resume",
    ),
    error(
        "yes-needed",
        "what is asked for moves callers or cannot be taken back, and there is no terminal to ask in",
        "look with podlift cutover preview or status, then say --yes",
    ),
    error(
        "preflight-refused",
        "the preflight found what no run may start with",
        "podlift cutover preview PLAN WORKLOAD shows every row with what to do",
    ),
    error(
        "bad-schedule",
        "the steps of the schedule do not fit the number of pods",
        "write rising numbers of pods or percent of them: 1,25%,100%",
    ),
    error("bad-gates", "a gates file is not what its schema says", "correct the line; podlift schema gates prints it"),
)

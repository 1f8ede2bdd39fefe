"""Why a host cannot be read, each as one error that says what to do."""

from __future__ import annotations

import errno
import shlex
import ssl

from converters.errors import PodliftError

from .connect import Endpoint

INSPECT_LOOP = (
    'for id in $(docker ps -aq); do docker inspect "$id"; done > HOST.json\n'
    "for id in $(docker inspect -f '{{.Image}}' $(docker ps -aq) | sort -u); "
    'do docker inspect "$id"; done >> HOST.json'
)
"""Run on the host itself, it makes what ``podlift plan HOST=HOST.json`` takes: containers, and the images beside."""


def refusal(code: str, host: str, reason: str, next_step: str) -> PodliftError:
    return PodliftError(code=code, phase="connect", subject=host, reason=reason, next_step=next_step)


def sentence(error: PodliftError) -> str:
    """An error in one string, as it stands beside what could be read."""
    return f"{error.reason} [{error.code}]; next: {error.next_step}"


def container_gone(host: str, container: str, said: str) -> PodliftError:
    return refusal(
        "container-gone",
        host,
        f"the container {container} is no longer there: {said}",
        "see docker ps -a on the host, and what removed it",
    )


def refused(host: str, what: str, said: str) -> PodliftError:
    return refusal(
        "engine-refused", host, f"{what} is refused: {said}", "put right what the engine says, on the host, and resume"
    )


def too_old(host: str, spoken: str, oldest: str) -> PodliftError:
    return refusal(
        "engine-too-old",
        host,
        f"the engine speaks API {spoken}, and the oldest that can be spoken to is {oldest}",
        f"use inspect files; on the host run\n{INSPECT_LOOP}\nand give podlift plan HOST=HOST.json",
    )


def no_engine(host: str, what: str) -> PodliftError:
    return refusal("no-engine", host, what, "check that the URL is that of a Docker engine's API")


def late(host: str, what: str, seconds: float) -> PodliftError:
    return refusal(
        "engine-silent",
        host,
        f"{what} gave no answer within {seconds:g} s",
        "see whether docker ps answers on the host; restart the engine there, or use inspect files",
    )


def ssh_failed(endpoint: Endpoint, said: str) -> PodliftError:
    port = ["-p", str(endpoint.ssh_port)] if endpoint.ssh_port else []
    line = shlex.join(["ssh", *port, endpoint.ssh, "docker", "version"])
    said = said.removeprefix("ssh: ")
    return refusal("ssh-failed", endpoint.name, f"ssh: {said}", f"try {line}, and give ssh what it asks for beforehand")


def of_connection(endpoint: Endpoint, error: BaseException, *, first: bool = False) -> PodliftError:
    """The error for what the socket, TLS or HTTP raised; ``first``: before the engine has answered anything."""
    causes = _causes(error)
    for cause in causes:
        if isinstance(cause, ssl.SSLError):
            return _of_tls(endpoint, cause)
    hung_up = any(isinstance(cause, (ConnectionResetError, BrokenPipeError)) for cause in causes)
    if first and endpoint.tls and hung_up:
        # the alert that tells can be lost when the engine hangs up at once
        return _certificate_refused(endpoint, "it hung up")
    for cause in causes:
        if isinstance(cause, OSError) and (cause.errno or cause.strerror):
            return _of_socket(endpoint, cause)
    return refusal(
        "engine-lost",
        endpoint.name,
        f"the connection to {endpoint.url} ended in the middle of an answer",
        "see the engine's log on the host, and try again",
    )


def _causes(error: BaseException) -> list[BaseException]:
    """An error and what lies below it; urllib3 wraps causes in arguments too."""
    found: list[BaseException] = []
    waiting = [error]
    while waiting:
        one = waiting.pop(0)
        if any(one is each for each in found):
            continue
        found.append(one)
        waiting += [each for each in (one.__cause__, one.__context__, *one.args) if isinstance(each, BaseException)]
    return found


def _of_tls(endpoint: Endpoint, error: ssl.SSLError) -> PodliftError:
    if isinstance(error, ssl.SSLCertVerificationError):
        return refusal(
            "tls-refused",
            endpoint.name,
            f"the certificate of {endpoint.url} is refused: {error.verify_message}",
            "give the CA that signed it under tls: ca in the hosts file, and the name that stands in the certificate",
        )
    reason = (error.reason or str(error)).replace("_", " ").lower()
    if "alert" in reason:
        return _certificate_refused(endpoint, reason)
    if "wrong version number" in reason or "record layer failure" in reason:
        return refusal(
            "tls-refused",
            endpoint.name,
            f"{endpoint.url} does not speak TLS",
            "leave the TLS settings out, if the network there is to be trusted, or give the port that speaks TLS",
        )
    return refusal(
        "tls-refused",
        endpoint.name,
        f"TLS with {endpoint.url} failed: {reason}",
        "check the files under tls: in the hosts file with openssl s_client",
    )


def _certificate_refused(endpoint: Endpoint, said: str) -> PodliftError:
    return refusal(
        "tls-refused",
        endpoint.name,
        f"{endpoint.url} refuses the certificate that it was shown, or that none was: {said}",
        "give a certificate and key that the engine's CA signed under tls: cert and key in the hosts file",
    )


def _of_socket(endpoint: Endpoint, error: OSError) -> PodliftError:
    said = (error.strerror or str(error)).lower()
    if error.errno in (errno.EACCES, errno.EPERM):
        step = "run as a user who may use the engine (group docker), or as root"
    elif endpoint.socket and error.errno in (errno.ENOENT, errno.ECONNREFUSED):
        step = "start the engine, or give its URL with --host"
    else:
        step = "check the URL, the network, and that the engine listens there"
    return refusal("engine-unreachable", endpoint.name, f"{endpoint.url}: {said}", step)

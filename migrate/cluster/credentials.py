"""Who podlift is to the cluster: what a request carries, and the client's certificate.

Only what runs a plugin or asks a provider imports the `kubernetes` package, when it is needed.
"""

from __future__ import annotations

import base64
import re
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from converters.errors import PodliftError

from .access import Access
from .expiry import moment

# A service account's token is rotated in its file; the API server takes the old one for minutes more.
_TOKEN_FILE_S = 60.0
# A plugin's credential is renewed this long before its end.
_BEFORE_S = 30.0
# RFC 9110, section 5.5: what a header's value may hold
_SENDABLE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


@dataclass(frozen=True, slots=True)
class Credential:
    """``authorization``: the header's value, or empty. ``certificate``, ``key``: PEM. ``until``: seconds since the
    epoch, when it is to be asked for again."""

    authorization: str = ""
    certificate: bytes = b""
    key: bytes = b""
    until: float = float("inf")


class Credentials:
    """Gives the credential of now, from any number of threads."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._lock = threading.Lock()
        self._held: Credential | None = None

    def current(self) -> Credential:
        """Raises PodliftError ``credential-failed``."""
        with self._lock:
            if self._held is None or time.time() >= self._held.until:
                fresh = self._fresh()
                if not _SENDABLE.fullmatch(fresh.authorization):
                    # what would refuse to send it says it
                    reason = "holds a line break or another character that no header may hold"
                    raise self._failed(f"the token of user {self._access.user_name} {reason}")
                self._held = fresh
            return self._held

    def refused(self, refused: Credential) -> bool:
        """The server did not take it. True: another may be had by asking again."""
        access = self._access
        renewable = "exec" in access.user or "auth-provider" in access.user or bool(access.token_file)
        with self._lock:
            if renewable and self._held is refused:
                self._held = None
        return renewable

    def _fresh(self) -> Credential:
        access = self._access
        plain = Credential(certificate=access.certificate, key=access.key)
        if "auth-provider" in access.user:
            return replace(plain, authorization=self._of_provider(), until=time.time() + _TOKEN_FILE_S)
        if access.token:
            return replace(plain, authorization=f"Bearer {access.token}")
        if access.token_file:
            try:
                token = Path(access.token_file).read_text(encoding="utf-8").strip()
            except OSError as error:
                said = (error.strerror or str(error)).lower()
                raise self._failed(f"the token file {access.token_file}: {said}") from error
            return replace(plain, authorization=f"Bearer {token}", until=time.time() + _TOKEN_FILE_S)
        if "exec" in access.user:
            return self._of_plugin()
        if access.username:
            both = base64.b64encode(f"{access.username}:{access.password}".encode()).decode()
            return replace(plain, authorization=f"Basic {both}")
        return plain

    def _of_plugin(self) -> Credential:
        from kubernetes.config import ConfigException
        from kubernetes.config.exec_provider import ExecProvider
        from kubernetes.config.kube_config import ConfigNode

        access = self._access
        try:
            plugin = ConfigNode("exec", access.user["exec"])  # type: ignore[no-untyped-call]
            cluster = ConfigNode("cluster", access.cluster)  # type: ignore[no-untyped-call]
            provider = ExecProvider(plugin, str(access.folder.absolute()), cluster)  # type: ignore[no-untyped-call]
            status: dict[str, Any] = provider.run()  # type: ignore[no-untyped-call]
        except (ConfigException, OSError, TypeError, KeyError) as error:
            raise self._failed(f"the plugin of user {access.user_name}: {error}") from error
        if not status.get("token") and not status.get("clientCertificateData"):
            raise self._failed(f"the plugin of user {access.user_name} gives neither a token nor a certificate")
        ends = moment(status.get("expirationTimestamp") or "")
        return Credential(
            authorization=f"Bearer {status['token']}" if status.get("token") else "",
            certificate=(status.get("clientCertificateData") or "").encode() or access.certificate,
            key=(status.get("clientKeyData") or "").encode() or access.key,
            until=ends - _BEFORE_S if ends else float("inf"),
        )

    def _of_provider(self) -> str:
        from kubernetes.config import ConfigException, new_client_from_config

        access = self._access
        try:
            client = new_client_from_config(  # type: ignore[no-untyped-call]
                config_file=":".join(map(str, access.files)), context=access.context, persist_config=True
            )
        except Exception as error:
            # what a provider of tokens may raise is not written down anywhere
            if not isinstance(error, (ConfigException, OSError, ValueError, KeyError)):
                error.add_note("from the auth-provider of the kubeconfig")
            raise self._failed(f"the auth-provider of user {access.user_name}: {error}") from error
        held = [value for value in client.configuration.api_key.values() if value]
        if not held:
            raise self._failed(f"the auth-provider of user {access.user_name} gives no token")
        return str(held[0])

    def _failed(self, reason: str) -> PodliftError:
        return PodliftError(
            code="credential-failed",
            phase="cluster",
            subject=self._access.context,
            reason=" ".join(reason.split()),
            next_step="see whether kubectl version works with this context, and log in again",
        )
